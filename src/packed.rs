//! Files that are served as they are: the pages' scripts and styles, the chapters of `docs/`, and other
//! people's libraries.
//!
//! In a release build they are in the binary, compressed in one piece by `build.rs`, and are unpacked
//! whole when the first is asked for: 1.5 MB in some milliseconds. They are sent as they
//! are: compressing is for what is published, where it is asked for. In a debug build they are read from the disk
//! each time, so that a page can be worked on without building.
//!
//! rust-embed did this with each file as it is, which was a megabyte more of binary; what it has for
//! compressing is for files one by one.
//!
//! May use: no other room.

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// See the module.
#[derive(Debug, Clone)]
pub struct File {
    /// All of it.
    pub bytes: Bytes,
    /// Of these bytes; pages' ETags are made of it.
    pub sha256: [u8; 32],
}

impl From<Bytes> for File {
    fn from(bytes: Bytes) -> Self {
        Self {
            sha256: Sha256::digest(&bytes).into(),
            bytes,
        }
    }
}

/// What is in a file; `None` where there is none of that name. `path`: the folder as `build.rs` calls
/// it, then the file below it, with `/` between: `static/js/clock.js`, `vendor/uPlot.esm.js`.
pub fn file(path: &str) -> Option<File> {
    source::file(path)
}

#[cfg(packed)]
mod source {
    use std::{collections::HashMap, sync::LazyLock};

    use bytes::Bytes;

    use super::File;

    const LIST: &str = include_str!(concat!(env!("OUT_DIR"), "/packed.list"));
    const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/packed.zlib"));

    static FILES: LazyLock<HashMap<&'static str, File>> = LazyLock::new(|| {
        let all = miniz_oxide::inflate::decompress_to_vec_zlib(PACKED);
        let mut rest = Bytes::from(all.expect("what build.rs packed can be unpacked"));
        let lines = LIST.lines().filter_map(|line| line.split_once('\t'));
        lines
            .map(|(path, length)| {
                let length = length.parse().expect("build.rs writes lengths");
                (path, rest.split_to(length).into())
            })
            .collect()
    });

    pub fn file(path: &str) -> Option<File> {
        FILES.get(path).cloned()
    }
}

#[cfg(not(packed))]
mod source {
    use std::{
        fs,
        path::{Component, Path},
    };

    use bytes::Bytes;

    use super::File;

    pub fn file(path: &str) -> Option<File> {
        let (folder, below) = path.split_once('/')?;
        let root = match folder {
            "vendor" => concat!(env!("OUT_DIR"), "/vendor").to_owned(),
            folder => format!("{}/{folder}", env!("CARGO_MANIFEST_DIR")),
        };
        let is_below = Path::new(below)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let is_known = ["static", "docs", "vendor"].contains(&folder);
        if !is_below || !is_known {
            return None;
        }
        let bytes = fs::read(Path::new(&root).join(below)).ok()?;
        Some(Bytes::from(bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_folder_and_name_and_nothing_else_is() {
        let start = |path: &str| {
            let found = file(path)?.bytes;
            Some(String::from_utf8_lossy(&found[..20.min(found.len())]).into_owned())
        };
        assert!(start("static/icon.svg").unwrap().starts_with("<svg"));
        assert!(
            start("static/js/transports/sse.js")
                .unwrap()
                .starts_with('/')
        );
        assert!(start("vendor/pusher.min.js").unwrap().starts_with("/*"));
        let none = [
            "static",
            "static/",
            "static/js",
            "static/none.js",
            "static//icon.svg",
            "static/../Cargo.toml",
            "src/main.rs",
            "vendor/../vendor/pusher.min.js",
            "",
        ];
        for path in none {
            assert_eq!(start(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_packed_is_what_is_in_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/static/css");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let kept = file(&format!("static/css/{name}")).unwrap();
            assert_eq!(kept.bytes, std::fs::read(&path).unwrap(), "{name}");
        }
    }
}
