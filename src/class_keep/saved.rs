//! What classes did, as the presenter saved it: `class/ID.json`, to be read, listed and removed.
//!
//! A file may be anything that somebody put there: an id is eight hexadecimal digits, a link is not
//! followed, and no more is read than a class may have.

use std::{fs, io, io::Read};

use super::{FILE_MAX_BYTES, Keep};
use crate::{class::Record, system};

/// Entries of the folder that are looked at, and files that are read for a list.
const ENTRIES_MAX: usize = 10_000;
/// The most past classes that a list names; older ones stay in the folder.
pub const LISTED_MAX: usize = 50;

impl Keep {
    /// What a class did; `None`: there is no such file.
    ///
    /// # Errors
    ///
    /// It is there and cannot be read, or is no record.
    pub fn saved(&self, id: &str) -> io::Result<Option<Record>> {
        if !is_id(id) {
            return Ok(None);
        }
        let opened = system::reading_no_link().open(self.folder.join(format!("{id}.json")));
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let facts = file.metadata()?;
        if !facts.is_file() || facts.len() > FILE_MAX_BYTES {
            return Err(io::Error::other("it is no plain file of at most 8 MiB"));
        }
        let mut text = Vec::new();
        file.take(FILE_MAX_BYTES).read_to_end(&mut text)?;
        Ok(Some(serde_json::from_slice(&text)?))
    }

    /// The newest of all that can be read, with their ids; by when the classes began.
    pub fn all_saved(&self) -> Vec<(String, Record)> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let mut found: Vec<_> = entries
            .take(ENTRIES_MAX)
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let name = entry.file_name().into_string().ok()?;
                let id = name
                    .strip_suffix(".json")
                    .filter(|id| is_id(id))?
                    .to_owned();
                Some((entry.metadata().ok()?.modified().ok()?, id))
            })
            .collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.truncate(LISTED_MAX);
        let read = found.into_iter().filter_map(|(_, id)| {
            let record = self.saved(&id).ok()??;
            Some((id, record))
        });
        let mut read: Vec<_> = read.collect();
        read.sort_by_key(|(_, record)| std::cmp::Reverse(record.began_us));
        read
    }

    /// Removes it for good. `false`: there is none.
    ///
    /// # Errors
    ///
    /// As of the file.
    pub fn remove_saved(&self, id: &str) -> io::Result<bool> {
        if !is_id(id) {
            return Ok(false);
        }
        match fs::remove_file(self.folder.join(format!("{id}.json"))) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// As classes are called: neither `current` nor a way out of the folder.
fn is_id(id: &str) -> bool {
    id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Class;

    #[test]
    fn what_was_saved_is_read_listed_and_removed_and_nothing_else() {
        let data =
            std::env::temp_dir().join(format!("pushlab-saved-classes-{}", std::process::id()));
        let keep = Keep::of(&data);
        assert!(
            keep.all_saved().is_empty(),
            "a folder that is not there is empty"
        );
        for (id, began_us) in [("8f3a09c1", 1_000_000), ("00000002", 9_000_000)] {
            let class = Class::new(id.to_owned(), "K4T7".to_owned(), began_us);
            assert_eq!(keep.save(&class.record()).unwrap(), id);
        }
        fs::write(data.join("class/current.json"), b"{}").unwrap();
        fs::write(data.join("class/deadbeef.json"), b"no record").unwrap();
        std::os::unix::fs::symlink(
            data.join("class/8f3a09c1.json"),
            data.join("class/0badcafe.json"),
        )
        .unwrap();
        let ids: Vec<String> = keep.all_saved().into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["00000002", "8f3a09c1"], "newest first");
        assert_eq!(keep.saved("8f3a09c1").unwrap().unwrap().class, "8f3a09c1");
        for bad in ["current", "../class/8f3a09c1", "", "8f3a09c1x"] {
            assert!(
                keep.saved(bad).unwrap().is_none() && !keep.remove_saved(bad).unwrap(),
                "{bad}"
            );
        }
        assert!(keep.saved("deadbeef").is_err() && keep.saved("0badcafe").is_err());
        assert!(keep.remove_saved("8f3a09c1").unwrap());
        assert!(!keep.remove_saved("8f3a09c1").unwrap());
        fs::remove_dir_all(&data).unwrap();
    }
}
