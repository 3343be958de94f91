//! What happens to a subscriber whose queue is full: it is the policy of who serves it, and a
//! setting (`--slow-consumer`), for WebSocket and SSE. Channels and Socket.IO disconnect.
//!
//! Whatever is chosen, others do not wait: every subscriber has a queue of its own, bounded in bytes,
//! and what is given up is counted. Blocking the publisher until the slowest has read is the one
//! policy that is not here: one phone would stop a room.

use std::{collections::VecDeque, fmt, str::FromStr};

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

/// Something that waits.
pub trait Waiting {
    fn bytes(&self) -> usize;
    /// 0 for what is the transport's own, which is never given up.
    fn publications(&self) -> usize;
    /// Part of it is out: the rest must follow.
    fn is_begun(&self) -> bool;
}

impl WhenFull {
    /// Makes room in a queue until `max_bytes` wait or only the newest is left. Returns the bytes
    /// and the publications that were given up.
    pub fn shed<T: Waiting>(self, queue: &mut VecDeque<T>, max_bytes: usize) -> (usize, usize) {
        let mut waiting: usize = queue.iter().map(Waiting::bytes).sum();
        let (mut bytes, mut publications) = (0, 0);
        let mut at = 0;
        while at + 1 < queue.len() && (self == Self::Conflate || waiting > max_bytes) {
            if queue[at].publications() == 0 || queue[at].is_begun() {
                at += 1;
                continue;
            }
            if let Some(dropped) = queue.remove(at) {
                waiting -= dropped.bytes();
                bytes += dropped.bytes();
                publications += dropped.publications();
            }
        }
        (bytes, publications)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes, publications, begun.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Item(usize, usize, bool);

    impl Waiting for Item {
        fn bytes(&self) -> usize {
            self.0
        }
        fn publications(&self) -> usize {
            self.1
        }
        fn is_begun(&self) -> bool {
            self.2
        }
    }

    fn queue() -> VecDeque<Item> {
        let item = |publications, begun| Item(10, publications, begun);
        [
            item(1, true),
            item(0, false),
            item(2, false),
            item(1, false),
            item(1, false),
        ]
        .into()
    }

    #[test]
    fn the_oldest_go_but_not_what_is_begun_nor_what_is_no_publication() {
        let mut all = queue();
        assert_eq!(WhenFull::DropOldest.shed(&mut all, 40), (10, 2));
        assert_eq!(all.len(), 4);
        assert_eq!(WhenFull::DropOldest.shed(&mut all, 40), (0, 0));
        assert_eq!(WhenFull::DropOldest.shed(&mut all, 0), (10, 1));
        assert_eq!(all.back(), Some(&Item(10, 1, false)), "the newest stays");
    }

    #[test]
    fn conflating_keeps_the_newest() {
        let mut all = queue();
        assert_eq!(WhenFull::Conflate.shed(&mut all, 1_000), (20, 3));
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn settings_read_back_what_they_write() {
        for text in ["disconnect", "drop-oldest", "conflate"] {
            assert_eq!(text.parse::<WhenFull>().unwrap().to_string(), text);
        }
        assert!("block".parse::<WhenFull>().is_err());
    }
}
