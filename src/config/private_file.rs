//! Small secrets that last: files of the data folder that only its owner may read.
//!
//! The presenter's token and the demo application's keys are made once and kept, so that a restart
//! changes neither an address that was opened nor a snippet that was copied.

use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
};

use crate::system;

/// Largest file that is read; what is kept here has a few dozen bytes.
const FILE_MAX_BYTES: u64 = 64 << 10;

/// What `folder/name` holds, without white space around it. Where the file is missing or empty,
/// `make` gives the text, which is kept from then on. Of several that begin at once, one wins and
/// all get its text. A file that others may read is closed to them. Links are not followed.
pub fn keep(folder: &Path, name: &str, make: impl FnOnce() -> String) -> io::Result<String> {
    let path = folder.join(name);
    if let Some(text) = read(folder, name)? {
        return Ok(text);
    }
    fs::create_dir_all(folder)?;
    let text = make();
    let part = folder.join(format!(".{name}.{}-{}", std::process::id(), unique()));
    let written = system::for_its_owner()
        .write(true)
        .create_new(true)
        .open(&part)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        })
        // Unlike a rename, a link never replaces what somebody else has just put there.
        .and_then(|()| fs::hard_link(&part, &path));
    let removed = fs::remove_file(&part);
    match written {
        Ok(()) => removed.map(|()| text.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match read(folder, name)? {
            Some(theirs) => Ok(theirs),
            None => {
                // Empty, after a disk was full perhaps: nothing is lost by starting again.
                fs::remove_file(&path)?;
                let again: Box<dyn FnOnce() -> String> = Box::new(move || text);
                keep(folder, name, again)
            }
        },
        Err(error) => Err(error),
    }
}

/// What is kept under this name; `None` where nothing is.
pub fn read(folder: &Path, name: &str) -> io::Result<Option<String>> {
    let opened = system::reading_no_link().open(folder.join(name));
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > FILE_MAX_BYTES {
        let why = format!("{name} is no plain file of at most {FILE_MAX_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    system::close_to_others(&file, &metadata)?;
    let mut text = String::new();
    file.take(FILE_MAX_BYTES).read_to_string(&mut text)?;
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Different for every call in this process.
fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::*;

    fn scratch(name: &str) -> std::path::PathBuf {
        let own = format!("pushlab-private-{}-{name}", std::process::id());
        std::env::temp_dir().join(own).join("deep")
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_first_is_kept_for_its_owner_alone() {
        let folder = scratch("kept");
        assert_eq!(read(&folder, "token").unwrap(), None);
        assert_eq!(keep(&folder, "token", || "one".into()).unwrap(), "one");
        assert_eq!(keep(&folder, "token", || "two".into()).unwrap(), "one");
        assert_eq!(mode(&folder.join("token")), 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no part stays");
        fs::set_permissions(folder.join("token"), Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read(&folder, "token").unwrap().as_deref(), Some("one"));
        assert_eq!(mode(&folder.join("token")), 0o600, "closed to others");
        fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }

    #[test]
    fn an_empty_file_is_made_anew_and_a_link_is_not_followed() {
        let folder = scratch("odd");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("token"), " \n").unwrap();
        assert_eq!(keep(&folder, "token", || "new".into()).unwrap(), "new");
        std::os::unix::fs::symlink(folder.join("token"), folder.join("link")).unwrap();
        assert!(keep(&folder, "link", || "never".into()).is_err());
        fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }

    #[test]
    fn all_that_begin_at_once_get_the_same() {
        let folder = scratch("race");
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let folder = folder.clone();
                std::thread::spawn(move || keep(&folder, "token", || number.to_string()).unwrap())
            })
            .collect();
        let got: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert!(got.iter().all(|text| text == &got[0]), "{got:?}");
        fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }
}
