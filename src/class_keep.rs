//! The file that keeps the class over a stop of the server: `class/current.json` in the data folder.
//!
//! It has names and guesses, so only its owner may read it (0600), and it is deleted when the class
//! ends; what the presenter saves then is a record of its own, `class/ID.json`. It is written whole
//! beside the old one and put in its place, at most once a second ([`keep_on`]). A file that cannot be
//! read is set aside as `broken.json`, with a warning; it is deleted with the next class that ends, or
//! when a lab starts a week later.
//!
//! A folder that cannot be written is said, in the log and by [`Keep::trouble`]; the class goes on, one
//! that is kept there already too.
//!
//! One lab at a time: whoever keeps a class holds a lock. Experiments start labs of their own in the
//! same data folder, and those must neither take the class over nor write into its file.
//!
//! May use: `class`, `system`.

pub mod saved;

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    class::{Class, Record},
    system,
};

/// Largest file that is read; a full class with 64 lessons has less than a quarter of it.
const FILE_MAX_BYTES: u64 = 8 << 20;
const CURRENT: &str = "current.json";
/// Of a file that cannot be read.
const BROKEN: &str = "broken.json";
/// How often it is written at most.
const EVERY: Duration = Duration::from_secs(1);
/// When it is tried again after it failed, though nothing changed.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// How long a file that was set aside stays for whoever wants to know what was wrong with it.
const BROKEN_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What is to be in the file.
pub enum Wanted {
    /// No class.
    Nothing,
    /// What it holds already.
    AsItIs,
    /// This, under that key.
    New(Key, Vec<u8>),
}

/// Id and revision of a class: what is kept under the same key is the same.
pub type Key = (String, u64);

/// See the module.
pub struct Keep {
    folder: PathBuf,
    /// Written and read by whoever writes the file, under its lock, so that no old text follows a
    /// new one.
    inner: Mutex<Inner>,
    /// See [`Self::trouble`]. Written under the lock of `inner`; nobody waits for the disk to read it.
    trouble: Mutex<Option<String>>,
}

#[derive(Default)]
struct Inner {
    /// Of what the file holds; `None` where there is none of ours.
    last: Option<Key>,
    /// Taken with the first class that is read or kept, and held until this lab is stopped.
    lock: Option<File>,
    /// The last try failed, and that was said: another lab keeps a class here, or the folder cannot be
    /// written. It is tried again each time.
    has_warned: bool,
    is_closed: bool,
}

impl Keep {
    /// `data`: the data folder. Nothing is made there before there is a class.
    pub fn of(data: &Path) -> Self {
        Self {
            folder: data.join("class"),
            inner: Mutex::default(),
            trouble: Mutex::default(),
        }
    }

    /// Why the class is not kept, for people; `None`: it is, or there is none.
    pub fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The class that a stop of the server interrupted.
    pub fn read(&self) -> Option<Class> {
        self.forget_broken();
        let path = self.folder.join(CURRENT);
        if !path.exists() {
            return None;
        }
        let mut inner = self.inner();
        match self.lock(&mut inner) {
            Ok(true) => {}
            Ok(false) => {
                tracing::info!("another lab keeps a class in this data folder: it is left alone");
                return None;
            }
            Err(error) => {
                tracing::warn!(%error, "the class that is kept in the data folder cannot be looked at");
                return None;
            }
        }
        match read(&path) {
            Ok(class) => {
                inner.last = Some((class.id().to_owned(), class.revision()));
                Some(class)
            }
            Err(error) => {
                let aside = self.folder.join(BROKEN);
                tracing::warn!(
                    %error,
                    "the class that is kept in the data folder cannot be gone on with; its file is \
                     set aside as {}", aside.display()
                );
                if let Err(error) = fs::rename(&path, &aside) {
                    tracing::warn!(%error, "it could not be set aside");
                }
                None
            }
        }
    }

    fn forget_broken(&self) {
        let path = self.folder.join(BROKEN);
        let since = fs::metadata(&path).and_then(|found| found.modified());
        let is_old = since.is_ok_and(|since| since.elapsed().is_ok_and(|age| age >= BROKEN_FOR));
        if is_old && let Err(error) = gone(fs::remove_file(&path)) {
            tracing::warn!(%error, "class/broken.json cannot be deleted");
        }
    }

    /// Takes the lock, if this lab has not got it. Whether it has it now.
    fn lock(&self, inner: &mut Inner) -> io::Result<bool> {
        if inner.lock.is_some() {
            return Ok(true);
        }
        system::folders_for_their_owner()
            .recursive(true)
            .create(&self.folder)?;
        let path = self.folder.join("lock");
        let file = system::for_its_owner()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            // In a folder that cannot be written, one that is there can be locked all the same.
            .or_else(|error| File::open(&path).map_err(|_| error))?;
        match file.try_lock() {
            Ok(()) => {
                inner.lock = Some(file);
                Ok(true)
            }
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Brings the file to what `wanted` says; it is told the key of what the file holds. `false`: that
    /// failed, and is to be tried again.
    pub fn write(&self, wanted: impl FnOnce(Option<&Key>) -> Wanted) -> bool {
        let mut inner = self.inner();
        if inner.is_closed {
            return true;
        }
        let done = match wanted(inner.last.as_ref()) {
            Wanted::AsItIs => Ok(()),
            // Forgotten only once it is gone: otherwise the next start would bring it back.
            Wanted::Nothing if inner.last.is_some() => self.remove().map(|()| inner.last = None),
            Wanted::Nothing => Ok(()),
            Wanted::New(key, bytes) => self.lock(&mut inner).and_then(|is_ours| {
                if !is_ours {
                    return Err(io::Error::other("another lab keeps a class there"));
                }
                self.put(CURRENT, &bytes)?;
                inner.last = Some(key);
                Ok(())
            }),
        };
        let is_done = done.is_ok();
        match done {
            Ok(()) => {
                inner.has_warned = false;
                self.set_trouble(None);
            }
            // Once, and not every second.
            Err(_) if inner.has_warned => {}
            Err(error) => {
                inner.has_warned = true;
                self.set_trouble(Some(error.to_string()));
                tracing::warn!(
                    %error,
                    "the class cannot be kept in the data folder, or deleted there: choose another \
                     folder with --data-dir; delete class/current.json in this one if it is still there"
                );
            }
        }
        is_done
    }

    /// What is kept is gone, and so is a file that was set aside: it has names and guesses, too.
    fn remove(&self) -> io::Result<()> {
        gone(fs::remove_file(self.folder.join(CURRENT)))?;
        gone(fs::remove_file(self.folder.join(BROKEN)))
    }

    /// Saves what a class did, as `class/ID.json`; its id.
    ///
    /// # Errors
    ///
    /// As of the file.
    pub fn save(&self, record: &Record) -> io::Result<String> {
        let text = serde_json::to_vec(record)?;
        system::folders_for_their_owner()
            .recursive(true)
            .create(&self.folder)?;
        self.put(&format!("{}.json", record.class), &text)?;
        Ok(record.class.clone())
    }

    /// Nothing is written from now on, and another lab may keep a class here.
    pub fn close(&self) {
        let mut inner = self.inner();
        inner.is_closed = true;
        inner.lock = None;
    }

    /// Whoever reads meanwhile sees the old file or the new one, never half of one.
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let part = self.folder.join(format!(".{name}.part"));
        // One that a crash left may have other rights.
        gone(fs::remove_file(&part))?;
        let written = system::for_its_owner()
            .write(true)
            .create_new(true)
            .open(&part)
            .and_then(|mut file| {
                file.write_all(bytes)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&part, self.folder.join(name)));
        if written.is_err() {
            let _ = fs::remove_file(&part);
        }
        written
    }
}

fn read(path: &Path) -> io::Result<Class> {
    let file = system::reading_no_link().open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > FILE_MAX_BYTES {
        return Err(io::Error::other("it is no plain file of at most 8 MiB"));
    }
    let mut text = Vec::new();
    file.take(FILE_MAX_BYTES).read_to_end(&mut text)?;
    let class: Class = serde_json::from_slice(&text)?;
    match class.is_sound() {
        true => Ok(class),
        false => Err(io::Error::other("it holds no class of this lab")),
    }
}

/// That it is not there is what was wanted.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Writes after each change, at most once a second, until whoever makes the changes is gone; `write`
/// says whether it is done, and is called again if not.
pub async fn keep_on(
    mut changes: watch::Receiver<u64>,
    write: Arc<dyn Fn() -> bool + Send + Sync>,
) {
    let mut is_done = true;
    loop {
        let changed = match is_done {
            true => Ok(changes.changed().await),
            false => tokio::time::timeout(AGAIN_AFTER, changes.changed()).await,
        };
        if let Ok(Err(_)) = changed {
            return;
        }
        let write = write.clone();
        // It waits for the disk.
        match tokio::task::spawn_blocking(move || write()).await {
            Ok(done) => is_done = done,
            Err(_) => return,
        }
        tokio::time::sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A data folder of a test's own.
    struct Data(PathBuf);

    impl Data {
        fn new(name: &str) -> Self {
            let own = format!("pushlab-class-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(own);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str) -> PathBuf {
            self.0.join("class").join(name)
        }
    }

    impl Drop for Data {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn class() -> Class {
        let mut class = Class::new("8f3a09c1".into(), "K4T7".into(), 0);
        class.join([7; 32], 7, 0).unwrap();
        class
    }

    fn write(keep: &Keep, class: Option<&Class>) {
        keep.write(|last| match class {
            None => Wanted::Nothing,
            Some(class) => {
                let key = (class.id().to_owned(), class.revision());
                match last == Some(&key) {
                    true => Wanted::AsItIs,
                    false => Wanted::New(key, serde_json::to_vec(class).unwrap()),
                }
            }
        });
    }

    #[test]
    fn what_is_kept_is_its_owners_and_is_read_again() {
        let data = Data::new("kept");
        let keep = Keep::of(&data.0);
        assert!(keep.read().is_none());
        write(&keep, None);
        assert!(
            !data.0.join("class").exists(),
            "nothing before there is a class"
        );
        write(&keep, Some(&class()));
        let rights = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(rights(&data.file(CURRENT)), 0o600);
        assert_eq!(rights(&data.0.join("class")), 0o700);
        // A lab that an experiment starts beside it keeps off.
        let child = Keep::of(&data.0);
        assert!(child.read().is_none());
        let other = Class::new("00000000".into(), "AAAA".into(), 0);
        write(&child, Some(&other));
        keep.close();
        write(&keep, None);
        assert_eq!(
            Keep::of(&data.0).read().unwrap(),
            class(),
            "closed is closed"
        );
        let next = Keep::of(&data.0);
        assert!(next.read().is_some());
        write(&next, None);
        assert!(!data.file(CURRENT).exists());
        assert!(!fs::read_dir(data.0.join("class")).unwrap().any(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_string_lossy()
                .ends_with(".part")
        }));
    }

    #[test]
    fn what_cannot_be_read_is_set_aside_and_no_panic() {
        let data = Data::new("broken");
        let good = serde_json::to_value(class()).unwrap();
        let with = |field: &str, value: serde_json::Value| {
            let mut class = good.clone();
            class[field] = value;
            class.to_string().into_bytes()
        };
        for text in [
            b"".to_vec(),
            b"{".to_vec(),
            b"\xff\xfe".to_vec(),
            b"[]".to_vec(),
            with("code", "K4T".into()),
            with("code", "<b>!".into()),
            with("id", "../../up".into()),
            with("next_id", 0.into()),
            with("revision", (-1).into()),
        ] {
            fs::create_dir_all(data.0.join("class")).unwrap();
            fs::write(data.file(CURRENT), &text).unwrap();
            let keep = Keep::of(&data.0);
            assert!(keep.read().is_none(), "{}", String::from_utf8_lossy(&text));
            assert_eq!(fs::read(data.file("broken.json")).unwrap(), text);
            assert!(!data.file(CURRENT).exists());
            write(&keep, Some(&class()));
            keep.close();
            assert!(Keep::of(&data.0).read().is_some(), "it is kept anew");
        }
    }

    #[test]
    fn what_cannot_be_deleted_is_tried_again() {
        let data = Data::new("deleted");
        let keep = Keep::of(&data.0);
        write(&keep, Some(&class()));
        // Whatever the rights, a folder is not removed as a file.
        fs::remove_file(data.file(CURRENT)).unwrap();
        fs::create_dir(data.file(CURRENT)).unwrap();
        assert!(!keep.write(|_| Wanted::Nothing));
        assert!(keep.trouble().is_some());
        assert!(!keep.write(|_| Wanted::Nothing), "not forgotten");
        fs::remove_dir(data.file(CURRENT)).unwrap();
        fs::write(data.file(CURRENT), "names").unwrap();
        fs::write(data.file(BROKEN), "names").unwrap();
        assert!(keep.write(|_| Wanted::Nothing));
        assert_eq!(keep.trouble(), None);
        assert!(!data.file(CURRENT).exists() && !data.file(BROKEN).exists());
    }

    #[test]
    fn what_was_set_aside_does_not_stay_for_ever() {
        let data = Data::new("aside");
        fs::create_dir_all(data.0.join("class")).unwrap();
        let aside = File::create(data.file(BROKEN)).unwrap();
        assert!(Keep::of(&data.0).read().is_none() && data.file(BROKEN).exists());
        let then = std::time::SystemTime::now() - BROKEN_FOR;
        aside.set_modified(then).unwrap();
        assert!(Keep::of(&data.0).read().is_none() && !data.file(BROKEN).exists());
    }

    #[test]
    fn a_record_is_saved_for_its_owner() {
        let data = Data::new("saved");
        let id = Keep::of(&data.0).save(&class().record()).unwrap();
        let text = fs::read_to_string(data.file(&format!("{id}.json"))).unwrap();
        let record: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(record.participants.len(), 1);
    }
}
