//! What happens to a subscriber whose [`queue`](super::queue) is full: a setting
//! (`--slow-consumer`) for WebSocket and SSE. Channels and Socket.IO disconnect.
//!
//! Whatever is chosen, other subscribers do not wait: each has a queue of its own, bounded in
//! bytes, and dropped publications are counted. Blocking the publisher is deliberately no choice:
//! one slow phone would stop everybody.
//!
//! - `disconnect`: for chats. What was missed is in the history, and the client comes back with its
//!   position.
//! - `drop-oldest`: for streams in which the newest counts most and each counts something.
//! - `conflate`: for a state that is shown, such as a price. Whoever has the newest has all there
//!   is.
//!
//! `pushlab experiment E17` puts one reader of twenty at 1 % of the speed: the other nineteen got
//! 100 % of 200 events a second under each of the three, and of the slow one's, 308 publications
//! were counted as dropped before it was disconnected on a WebSocket, and 722 when the oldest were
//! dropped.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What to do with a subscriber whose queue is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// End its connection, saying why; it may resume
    #[default]
    Disconnect,
    /// Give up what has waited longest
    DropOldest,
    /// Give up everything but the newest
    Conflate,
}

impl FromStr for WhenFull {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as clap::ValueEnum>::from_str(text, false)
            .map_err(|_| "choose disconnect, drop-oldest or conflate".to_owned())
    }
}

impl fmt::Display for WhenFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disconnect => "disconnect",
            Self::DropOldest => "drop-oldest",
            Self::Conflate => "conflate",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_what_they_write() {
        for text in ["disconnect", "drop-oldest", "conflate"] {
            assert_eq!(text.parse::<WhenFull>().unwrap().to_string(), text);
        }
        assert!("block".parse::<WhenFull>().is_err());
    }
}
