//! A teacher's folder of lessons (`--lessons DIR`), read again when something in it changed.
//!
//! What is read is bounded: of the folder's `.md` files the first [`FILES_MAX`] by name, and of each
//! no more than a lesson may have. Parsing is [`crate::lessons`]'.
//!
//! May use: `lessons`.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use crate::lessons::{FILE_MAX_BYTES, fault::Fault, shelf::Shelf};

/// Files that are read.
pub const FILES_MAX: usize = 100;

/// Name, time of the last change and size of a file.
type Stamp = (String, Option<SystemTime>, u64);

/// The lab's own lessons with those of a folder.
#[derive(Debug, Default)]
pub struct LessonFolder {
    /// Empty: the lab's own alone.
    folder: PathBuf,
    /// What was read last. Written and read by whoever asks, under its lock.
    last: Mutex<Option<(Vec<Stamp>, Arc<Shelf>)>>,
}

impl LessonFolder {
    /// The lessons of this folder, read when they are asked for.
    pub fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
            last: Mutex::default(),
        }
    }

    /// All lessons that there are now. A folder that cannot be read is a broken entry of its own.
    pub fn shelf(&self) -> Arc<Shelf> {
        let stamps = stamps(&self.folder);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamps.as_deref().unwrap_or_default();
        if let Some((then, shelf)) = &*last
            && *then == now
            && stamps.is_ok()
        {
            return shelf.clone();
        }
        let mut unreadable = Vec::new();
        let mut files = Vec::new();
        for (name, ..) in now {
            match read(&self.folder.join(name)) {
                Ok(text) => files.push((name.as_str(), text)),
                Err(error) => unreadable.push((name.clone(), vec![cannot_be_read(&error)])),
            }
        }
        let mut shelf = Shelf::with(files.iter().map(|(name, text)| (*name, text.as_str())));
        shelf.broken.append(&mut unreadable);
        if let Err(error) = &stamps {
            // Of the path only its end: pages show it to everybody.
            let name = self.folder.file_name().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            shelf.broken.push((name, vec![cannot_be_read(error)]));
        }
        let shelf = Arc::new(shelf);
        *last = stamps.ok().map(|stamps| (stamps, shelf.clone()));
        shelf
    }
}

fn cannot_be_read(error: &io::Error) -> Fault {
    Fault::new(
        1,
        format!("it cannot be read: {error}; look at its name and at who may read it"),
    )
}

/// A lesson's file; what is larger than one may be is cut one byte beyond, which [`Shelf::with`] says.
///
/// # Errors
///
/// As of the file, and where it is no UTF-8.
pub fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let most = FILE_MAX_BYTES as u64 + 4;
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    if bytes.len() > FILE_MAX_BYTES {
        text.push_str(&String::from_utf8_lossy(&bytes));
        return Ok(text);
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// Of the lessons in a folder, by name.
fn stamps(folder: &Path) -> io::Result<Vec<Stamp>> {
    if folder.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let facts = fs::metadata(entry.path());
        if let Ok(facts) = facts
            && name.ends_with(".md")
            && facts.is_file()
            && !name.eq_ignore_ascii_case("readme.md")
        {
            found.push((name, facts.modified().ok(), facts.len()));
        }
    }
    found.sort();
    found.truncate(FILES_MAX);
    Ok(found)
}
