//! The file that keeps the class over a stop of the server: `class/current.json` in the data folder.
//!
//! It has names and guesses, so only its owner may read it (0600), and it is deleted when the class
//! ends; what the presenter saves then is a record of its own, `class/ID.json`. It is written whole
//! beside the old one and put in its place, at most once a second ([`keep_on`]). A file that cannot be
//! read is set aside as `broken.json`, with a warning.
//!
//! One lab at a time: whoever keeps a class holds a lock. Experiments start labs of their own in the
//! same data folder, and those must neither take the class over nor write into its file.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::class::{Class, Record};

/// Largest file that is read; a full class with 64 lessons has less than a quarter of it.
const FILE_MAX_BYTES: u64 = 8 << 20;
const CURRENT: &str = "current.json";
/// How often it is written at most.
const EVERY: Duration = Duration::from_secs(1);

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
}

#[derive(Default)]
struct Inner {
    /// Of what the file holds; `None` where there is none of ours.
    last: Option<Key>,
    /// Held as long as this lab keeps a class.
    lock: Option<File>,
    /// The next class is not kept: another lab keeps one here, or the folder cannot be written.
    has_warned: bool,
    is_closed: bool,
}

impl Keep {
    /// `data`: the data folder. Nothing is made there before there is a class.
    pub fn of(data: &Path) -> Self {
        Self {
            folder: data.join("class"),
            inner: Mutex::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The class that a stop of the server interrupted.
    pub fn read(&self) -> Option<Class> {
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
                let aside = self.folder.join("broken.json");
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

    /// Takes the lock, if this lab has not got it. Whether it has it now.
    fn lock(&self, inner: &mut Inner) -> io::Result<bool> {
        if inner.lock.is_some() {
            return Ok(true);
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.folder.join("lock"))?;
        match file.try_lock() {
            Ok(()) => {
                inner.lock = Some(file);
                Ok(true)
            }
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Brings the file to what `wanted` says; it is told the key of what the file holds.
    pub fn write(&self, wanted: impl FnOnce(Option<&Key>) -> Wanted) {
        let mut inner = self.inner();
        if inner.is_closed {
            return;
        }
        let done = match wanted(inner.last.as_ref()) {
            Wanted::AsItIs => Ok(()),
            Wanted::Nothing => match inner.last.take() {
                Some(_) => gone(fs::remove_file(self.folder.join(CURRENT))),
                None => Ok(()),
            },
            Wanted::New(key, bytes) => self.lock(&mut inner).and_then(|is_ours| {
                if !is_ours {
                    return Err(io::Error::other("another lab keeps a class there"));
                }
                self.put(CURRENT, &bytes)?;
                inner.last = Some(key);
                Ok(())
            }),
        };
        match done {
            Ok(()) => inner.has_warned = false,
            // Once, and not every second.
            Err(_) if inner.has_warned => {}
            Err(error) => {
                inner.has_warned = true;
                tracing::warn!(
                    %error,
                    "the class cannot be kept in the data folder: it ends with the server; choose \
                     another folder with --data-dir"
                );
            }
        }
    }

    /// Saves what a class did, as `class/ID.json`; its id.
    ///
    /// # Errors
    ///
    /// As of the file.
    pub fn save(&self, record: &Record) -> io::Result<String> {
        let text = serde_json::to_vec(record)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
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
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
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
    let file = OpenOptions::new()
        .read(true)
        // Neither a link out of the folder nor a pipe that waits for a writer.
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
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

/// Writes after each change, at most once a second, until whoever makes the changes is gone.
pub async fn keep_on(mut changes: watch::Receiver<u64>, write: Arc<dyn Fn() + Send + Sync>) {
    while changes.changed().await.is_ok() {
        let write = write.clone();
        // It waits for the disk.
        if tokio::task::spawn_blocking(move || write()).await.is_err() {
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}
