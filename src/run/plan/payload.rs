//! Messages of somebody's own, from a file.

use std::{fs::File, io::Read, path::Path};

use crate::demo::payloads::{BadPayloads, FILE_BOUNDS, Payloads};

/// More of a file is not read: blank lines are not counted among the messages.
const FILE_MAX_BYTES: u64 = 2 * FILE_BOUNDS.all_bytes as u64;

/// Why a file's messages cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum BadPayload {
    #[error("it cannot be read ({0}); name a file of UTF-8 text with one JSON value per line")]
    Unreadable(std::io::Error),
    #[error(
        "it is over {FILE_MAX_BYTES} bytes; choose a shorter one, whose lines are sent in turn"
    )]
    TooLong,
    #[error(transparent)]
    Bad(BadPayloads),
}

/// The messages of a file, in their order.
pub(super) fn read(path: &Path) -> Result<Payloads, BadPayload> {
    let mut text = String::new();
    let file = File::open(path).map_err(BadPayload::Unreadable)?;
    file.take(FILE_MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(BadPayload::Unreadable)?;
    if text.len() as u64 > FILE_MAX_BYTES {
        return Err(BadPayload::TooLong);
    }
    Payloads::from_lines(&text, FILE_BOUNDS).map_err(BadPayload::Bad)
}
