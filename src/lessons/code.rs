//! The files that a `code` step can show: part of this binary, so that what is read is what runs.

use super::step::Code;

/// Of one step.
pub const LINES_MAX: usize = 25;

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        /// Path in the repository and text of each.
        pub const FILES: &[(&str, &str)] = &[$(($path, include_str!(concat!("../../", $path)))),+];
    };
}

// The clients of pages, and of the server what one publication passes on its way out.
files! {
    "static/js/transports/actix-ws.js",
    "static/js/transports/channels.js",
    "static/js/transports/fetch-stream.js",
    "static/js/transports/long-poll.js",
    "static/js/transports/short-poll.js",
    "static/js/transports/socketio.js",
    "static/js/transports/sse-bare.js",
    "static/js/transports/sse.js",
    "static/js/transports/websocket-bare.js",
    "static/js/transports/websocket.js",
}

/// What is shown: lines with their numbers in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// Number in the file, from 1, and text.
    pub lines: Vec<(usize, &'static str)>,
}

/// `None`: no such file, or the first line is not in it.
pub fn excerpt(code: &Code) -> Option<Excerpt> {
    let (_, text) = FILES.iter().find(|(path, _)| *path == code.file)?;
    let first = text.lines().position(|line| line.contains(&code.from))?;
    let numbered = text.lines().enumerate().skip(first);
    let lines = numbered.take(code.lines.min(LINES_MAX));
    Some(Excerpt {
        lines: lines.map(|(at, line)| (at + 1, line)).collect(),
    })
}
