//! The folder of saved results: `<data folder>/runs`.
//!
//! A result is `<id>.json` with `<id>.html` beside it. An id begins with the time, so that names
//! sort by it: `20261122T201530Z-seed1-sse_websocket`. What somebody calls it is `<id>.about`.
//! Files that people put there themselves are listed as well, whatever they are called. Nothing
//! outside the folder is ever opened: an id is one plain name, and a link is not followed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Component, Path, PathBuf},
};

use super::{
    about::{self, About},
    document::{BadDocument, Document},
    summary::Summary,
    timings::Timings,
};
use crate::{run::report::began, system};

/// Largest file that is read.
pub const FILE_MAX_BYTES: u64 = 32 << 20;
/// Entries of the folder that are looked at.
const ENTRIES_MAX: usize = 100_000;
/// What is written and removed to see whether a result will find room.
const PROBE_BYTES: usize = 4 << 20;
/// Ending of what somebody calls a result; not `json`, so that it is listed by nobody.
const ABOUT: &str = "about";
/// Longest id; file systems take 255 bytes with the ending.
const ID_MAX_BYTES: usize = 200;
/// Results that may begin in the same second with the same name.
const NAMESAKES_MAX: usize = 1_000;

/// Why nothing can be saved. `Display` names the folder and the way out.
#[derive(Debug, thiserror::Error)]
#[error(
    "results cannot be saved in {path}: {source}; choose another folder with --data-dir, or \
     --no-save"
)]
pub struct CannotSave {
    path: String,
    source: io::Error,
}

/// Why a saved result cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum CannotRead {
    /// There is no result with this id.
    #[error("there is no saved run {0:?}")]
    NotThere(String),
    /// What has this id is no plain file.
    #[error("{0} is no plain file, and links are not followed")]
    NotPlain(String),
    /// The file is larger than a result is.
    #[error("{id} has {bytes} bytes; at most {FILE_MAX_BYTES} are read")]
    TooLarge {
        /// The result.
        id: String,
        /// Its size.
        bytes: u64,
    },
    /// The file cannot be read.
    #[error("{id} cannot be read: {source}")]
    Unreadable {
        /// The result.
        id: String,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no result.
    #[error("{id} cannot be shown: {source}")]
    Broken {
        /// The result.
        id: String,
        /// What is wrong with it.
        source: BadDocument,
    },
}

/// Why a saved result cannot be named or removed.
#[derive(Debug, thiserror::Error)]
pub enum CannotChange {
    /// It cannot even be read.
    #[error(transparent)]
    Read(#[from] CannotRead),
    /// The folder cannot be written to.
    #[error("{id} cannot be changed: {source}")]
    Write {
        /// The result.
        id: String,
        /// What the system says.
        source: io::Error,
    },
}

impl CannotChange {
    fn of(id: &str, source: io::Error) -> Self {
        let id = id.to_owned();
        Self::Write { id, source }
    }
}

/// A file of the folder.
#[derive(Debug)]
pub struct Entry {
    /// Its name without `.json`.
    pub id: String,
    /// Why there is nothing to show of it is part of the list, too.
    pub summary: Result<Summary, CannotRead>,
}

/// Some entries, newest first.
#[derive(Debug)]
pub struct Listing {
    /// In order.
    pub entries: Vec<Entry>,
    /// The last id of these, where there are more.
    pub more_after: Option<String>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder of a data folder. It need not exist: then it is empty.
    pub fn of(data: &Path) -> Self {
        Self {
            path: data.join("runs"),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long things took, by the data folder that this one is in.
    pub fn timings(&self) -> Timings {
        Timings::read(self.path.parent().unwrap_or(&self.path))
    }

    /// Makes sure that a result can be saved: the folder is there, may be written to, and has
    /// room. To be asked before a run, not after.
    pub fn prepare(&self) -> Result<(), CannotSave> {
        let probe = self.path.join(format!(".probe-{}", std::process::id()));
        let tried = fs::create_dir_all(&self.path).and_then(|()| {
            let written = File::create(&probe).and_then(|mut file| {
                file.write_all(&vec![0; PROBE_BYTES])?;
                file.sync_data()
            });
            let removed = fs::remove_file(&probe);
            written.and(removed)
        });
        tried.map_err(|source| self.cannot_save(source))
    }

    /// Whether something could be written there, for a lab that starts: less than
    /// [`Self::prepare`], which wants room for a result.
    pub fn is_writable(&self) -> io::Result<()> {
        let probe = self.path.join(format!(".start-{}", std::process::id()));
        fs::create_dir_all(&self.path)?;
        let written = fs::write(&probe, b"?");
        let removed = fs::remove_file(&probe);
        written.and(removed)
    }

    /// Saves a result and returns its id.
    pub fn save(&self, document: &Document) -> Result<String, CannotSave> {
        let json = serde_json::to_string(document).map_err(io::Error::from);
        let saved = json.and_then(|json| {
            fs::create_dir_all(&self.path)?;
            let id = self.claim(&name(document))?;
            let page = format!("{id}.html");
            let put = self
                .put(&page, document.html().as_bytes())
                .and_then(|()| self.put(&format!("{id}.json"), (json + "\n").as_bytes()));
            match put {
                Ok(()) => Ok(id),
                Err(error) => {
                    // Half of a result is none: neither the claimed name nor the page stays. What
                    // cannot be removed either is told with the rest, for the error is.
                    let _ = fs::remove_file(self.path.join(&page));
                    let _ = fs::remove_file(self.path.join(format!("{id}.json")));
                    Err(error)
                }
            }
        });
        saved.map_err(|source| self.cannot_save(source))
    }

    /// Saves a file that somebody brought, as it is, once it is understood.
    pub fn bring(&self, text: &[u8]) -> Result<Result<String, CannotSave>, BadDocument> {
        let document = Document::parse(text)?;
        Ok(self.save(&document))
    }

    /// Takes a name that nobody has: the file is there from now on, empty.
    fn claim(&self, name: &str) -> io::Result<String> {
        for number in 1..=NAMESAKES_MAX {
            let id = match number {
                1 => name.to_owned(),
                _ => format!("{name}-{number}"),
            };
            let path = self.path.join(format!("{id}.json"));
            match OpenOptions::new().write(true).create_new(true).open(path) {
                Ok(_) => return Ok(id),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Whoever reads meanwhile sees the old file or the new one, never half of one.
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let part = self.path.join(format!(".{name}.part"));
        let written = File::create(&part)
            .and_then(|mut file| {
                file.write_all(bytes)?;
                // A full disk may tell only now.
                file.sync_all()
            })
            .and_then(|()| fs::rename(&part, self.path.join(name)));
        if written.is_err() {
            // What was asked failed already; a part that stays is hidden from the list.
            let _ = fs::remove_file(&part);
        }
        written
    }

    /// Every id, newest name first. A folder that is not there is empty.
    pub(super) fn ids(&self) -> io::Result<Vec<String>> {
        let found = match fs::read_dir(&self.path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut ids: Vec<String> = found
            .take(ENTRIES_MAX)
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
            .filter(|id| is_id(id))
            .collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        Ok(ids)
    }

    /// Up to `most` entries, newest name first; after `after` where one is named.
    pub fn list(&self, after: Option<&str>, most: usize) -> io::Result<Listing> {
        let mut ids = self.ids()?;
        ids.retain(|id| after.is_none_or(|after| id.as_str() < after));
        let has_more = ids.len() > most;
        ids.truncate(most);
        let entries: Vec<Entry> = ids
            .into_iter()
            .map(|id| Entry {
                summary: self.summary(&id).map(|(summary, _)| summary),
                id,
            })
            .collect();
        Ok(Listing {
            more_after: has_more
                .then(|| entries.last().map(|entry| entry.id.clone()))
                .flatten(),
            entries,
        })
    }

    /// Reads a result. Errors: it is not there, or no result.
    pub fn read(&self, id: &str) -> Result<Document, CannotRead> {
        let (file, _) = self.open(id)?;
        let unreadable = |source| CannotRead::Unreadable {
            id: id.to_owned(),
            source,
        };
        let bytes = file.metadata().map_err(unreadable)?.len();
        if bytes > FILE_MAX_BYTES {
            let id = id.to_owned();
            return Err(CannotRead::TooLarge { id, bytes });
        }
        let mut text = Vec::with_capacity(bytes as usize);
        file.take(FILE_MAX_BYTES)
            .read_to_end(&mut text)
            .map_err(unreadable)?;
        Document::parse(&text).map_err(|source| CannotRead::Broken {
            id: id.to_owned(),
            source,
        })
    }

    /// A result, and what is said of it.
    pub fn summary(&self, id: &str) -> Result<(Summary, Document), CannotRead> {
        let document = self.read(id)?;
        let summary = Summary::of(id, &document, self.about(id));
        Ok((summary, document))
    }

    /// What somebody calls a result. One without, or whose file is nothing of the kind, has none:
    /// the result is shown all the same.
    pub fn about(&self, id: &str) -> About {
        let read = || {
            let file = self.open_plain(id, ABOUT).ok()?.0;
            let mut text = Vec::new();
            file.take(about::FILE_MAX_BYTES)
                .read_to_end(&mut text)
                .ok()?;
            let found: About = serde_json::from_slice(&text).ok()?;
            found.checked().ok()
        };
        read().unwrap_or_default()
    }

    /// Keeps what somebody calls a result that is there; none removes it.
    pub fn name(&self, id: &str, about: &About) -> Result<(), CannotChange> {
        self.open(id)?;
        let file = format!("{id}.{ABOUT}");
        let done = match about.is_empty() {
            true => gone(fs::remove_file(self.path.join(file))),
            false => serde_json::to_vec(about)
                .map_err(io::Error::from)
                .and_then(|text| self.put(&file, &text)),
        };
        done.map_err(|source| CannotChange::of(id, source))
    }

    /// Removes a result for good, with its page and what somebody calls it; one that cannot be
    /// shown, too. Of a link the link goes, not what it leads to.
    pub fn delete(&self, id: &str) -> Result<(), CannotChange> {
        let not_there = || CannotRead::NotThere(id.to_owned());
        if !is_id(id) {
            return Err(not_there().into());
        }
        let remove = |ending: &str| fs::remove_file(self.path.join(format!("{id}.{ending}")));
        // The list goes by this file: without it the others are found by nobody.
        match remove("json") {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(not_there().into()),
            removed => removed.map_err(|source| CannotChange::of(id, source))?,
        }
        gone(remove("html"))
            .and(gone(remove(ABOUT)))
            .map_err(|source| CannotChange::of(id, source))
    }

    /// The JSON file itself, and where it is.
    pub fn open(&self, id: &str) -> Result<(File, PathBuf), CannotRead> {
        self.open_plain(id, "json")
    }

    fn open_plain(&self, id: &str, ending: &str) -> Result<(File, PathBuf), CannotRead> {
        if !is_id(id) {
            return Err(CannotRead::NotThere(id.to_owned()));
        }
        let path = self.path.join(format!("{id}.{ending}"));
        let opened = system::reading_no_link().open(&path);
        let file = opened.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => CannotRead::NotThere(id.to_owned()),
            _ if system::is_a_link(&source) => CannotRead::NotPlain(id.to_owned()),
            _ => CannotRead::Unreadable {
                id: id.to_owned(),
                source,
            },
        })?;
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => Ok((file, path)),
            _ => Err(CannotRead::NotPlain(id.to_owned())),
        }
    }

    fn cannot_save(&self, source: io::Error) -> CannotSave {
        CannotSave {
            path: self.path.display().to_string(),
            source,
        }
    }
}

/// What was removed is not there; what was not there is not there either.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// One plain name that is not hidden.
fn is_id(id: &str) -> bool {
    let mut parts = Path::new(id).components();
    let is_one = matches!(parts.next(), Some(Component::Normal(part)) if part == id);
    is_one
        && parts.next().is_none()
        && !id.starts_with('.')
        && id.len() <= ID_MAX_BYTES
        && !id.chars().any(|c| c.is_control() || c == '\\')
}

/// Time, seed and lanes, or the experiment; of letters that every file system takes.
fn name(document: &Document) -> String {
    let at = began(document.started_us()).replace(['-', ':'], "");
    let what = match document {
        Document::Run(report) => {
            let lanes: Vec<&str> = report.lanes.iter().map(|lane| lane.row.as_str()).collect();
            let lanes = match lanes.len() {
                0..=3 => lanes.join("_"),
                count => format!("{count}-lanes"),
            };
            format!("seed{}-{lanes}", report.plan.seed)
        }
        Document::Experiment(done) => {
            let size = if done.full { "full" } else { "quick" };
            format!("{}-{size}", done.id.to_lowercase())
        }
    };
    let partial = if document.is_partial() {
        "-partial"
    } else {
        ""
    };
    let mut name: String = format!("{at}-{what}{partial}")
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => c,
            _ => '_',
        })
        .collect();
    name.truncate(120);
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    /// A folder that is removed in the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let own = format!("pushlab-folder-{}-{name}", std::process::id());
            Self(std::env::temp_dir().join(own))
        }

        fn folder(&self) -> Folder {
            Folder::of(&self.0)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn run() -> Document {
        Document::Run(Box::new(sample::report()))
    }

    #[test]
    fn names_sort_by_time_and_namesakes_are_numbered() {
        let scratch = Scratch::new("names");
        let folder = scratch.folder();
        folder.prepare().unwrap();
        assert_eq!(
            folder.save(&run()).unwrap(),
            "20251113T021320Z-seed1-short-poll_websocket"
        );
        let second = folder.save(&run()).unwrap();
        assert!(second.ends_with("websocket-2"), "{second}");
        let mut later = sample::report();
        later.started_us += 1_000_000;
        later.partial = true;
        later.lanes[0].row = "../x\u{0}/".into();
        let later = folder.save(&Document::Run(Box::new(later))).unwrap();
        assert_eq!(later, "20251113T021321Z-seed1-___x___websocket-partial");
        let listing = folder.list(None, 2).unwrap();
        let ids: Vec<_> = listing.entries.iter().map(|entry| &entry.id).collect();
        assert_eq!(ids, [&later, &second]);
        let rest = folder.list(listing.more_after.as_deref(), 2).unwrap();
        assert_eq!((rest.entries.len(), rest.more_after), (1, None));
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 6, "JSON and HTML of each, and nothing else");
    }

    #[test]
    fn nothing_outside_the_folder_is_opened() {
        let scratch = Scratch::new("outside");
        let folder = scratch.folder();
        folder.prepare().unwrap();
        fs::write(scratch.0.join("secret.json"), "{}").unwrap();
        std::os::unix::fs::symlink(
            scratch.0.join("secret.json"),
            folder.path().join("link.json"),
        )
        .unwrap();
        fs::create_dir(folder.path().join("dir.json")).unwrap();
        for id in [
            "../secret",
            "..",
            ".",
            "",
            "a/../../secret",
            "/etc/passwd",
            ".hidden",
            "a\0b",
        ] {
            assert!(
                matches!(folder.open(id), Err(CannotRead::NotThere(_))),
                "{id:?}"
            );
        }
        for id in ["link", "dir"] {
            assert!(
                matches!(folder.open(id), Err(CannotRead::NotPlain(_))),
                "{id}"
            );
        }
        assert_eq!(
            folder.list(None, 10).unwrap().entries.len(),
            2,
            "they are listed as broken"
        );
    }

    #[test]
    fn where_nothing_can_be_written_the_way_out_is_told() {
        let error = Folder::of(Path::new("/dev/null/x")).prepare().unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("/dev/null/x/runs") && text.contains("--no-save"),
            "{text}"
        );
        let nowhere = Folder::of(Path::new("/nowhere/at/all"));
        assert!(nowhere.list(None, 10).unwrap().entries.is_empty());
    }

    #[test]
    fn of_a_result_that_cannot_be_written_nothing_stays() {
        let scratch = Scratch::new("half");
        let folder = scratch.folder();
        folder.prepare().unwrap();
        // The page's name is taken by a folder: its part is written, and cannot be moved there.
        let id = name(&run());
        let taken = folder.path().join(format!("{id}.html"));
        fs::create_dir_all(taken.join("not-empty")).unwrap();
        let error = folder.save(&run()).unwrap_err();
        assert!(error.to_string().contains("cannot be saved"), "{error}");
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, [taken.file_name().unwrap()]);
        assert!(folder.list(None, 10).unwrap().entries.is_empty());
    }

    #[test]
    fn a_result_is_named_and_removed_with_all_that_is_beside_it() {
        let scratch = Scratch::new("about");
        let folder = scratch.folder();
        let id = folder.save(&run()).unwrap();
        assert_eq!(
            folder.about(&id),
            About::default(),
            "as it was saved before"
        );
        let about = About {
            name: "Monday's class".into(),
            note: "Thirty phones\n<b>".into(),
        };
        folder.name(&id, &about).unwrap();
        let listing = folder.list(None, 10).unwrap();
        assert_eq!(listing.entries.len(), 1, "what is beside it is no result");
        let summary = listing.entries[0].summary.as_ref().unwrap();
        assert_eq!(
            (&summary.about, summary.called()),
            (&about, "Monday's class")
        );
        assert_eq!(folder.read(&id).unwrap(), run(), "the result is as it was");
        folder.name(&id, &About::default()).unwrap();
        folder.name(&id, &About::default()).unwrap();
        assert_eq!(folder.about(&id), About::default());
        fs::write(folder.path().join(format!("{id}.about")), "[]").unwrap();
        assert_eq!(folder.about(&id), About::default());
        for wrong in ["../secret", "none", ""] {
            let refused = [folder.name(wrong, &about), folder.delete(wrong)];
            for refused in refused {
                let refused = refused.unwrap_err();
                assert!(matches!(
                    refused,
                    CannotChange::Read(CannotRead::NotThere(_))
                ));
            }
        }
        folder.delete(&id).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // What cannot be shown can be removed; of a link nothing but the link.
        let elsewhere = scratch.0.join("secret.json");
        fs::write(&elsewhere, "{}").unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.path().join("link.json")).unwrap();
        folder.delete("link").unwrap();
        assert!(elsewhere.exists() && folder.list(None, 10).unwrap().entries.is_empty());
    }

    #[test]
    fn a_broken_file_is_listed_with_its_fault() {
        let scratch = Scratch::new("broken");
        let folder = scratch.folder();
        folder.prepare().unwrap();
        fs::write(folder.path().join("my run (1).json"), "{\"plan\":").unwrap();
        let listing = folder.list(None, 10).unwrap();
        let error = listing.entries[0].summary.as_ref().unwrap_err().to_string();
        assert!(error.starts_with("my run (1) cannot be shown"), "{error}");
        let large = File::create(folder.path().join("large.json")).unwrap();
        large.set_len(FILE_MAX_BYTES + 1).unwrap();
        assert!(matches!(
            folder.read("large"),
            Err(CannotRead::TooLarge { .. })
        ));
    }
}
