//! What is compressed for clients that offer to take it: a setting (`--compress`), and a key of a
//! lane's query (`compress=on`) that overrules it for one connection.
//!
//! - `off`: nothing, and no extension is negotiated. Lanes that are compared start from here.
//! - `on`: WebSocket messages by permessage-deflate (RFC 7692), each from an empty window, so that a
//!   publication is compressed once for all its subscribers; HTTP answers and streams by
//!   `Accept-Encoding`.
//! - `context`: the same, and each WebSocket has a compressor of its own, whose window keeps what was
//!   said before. Smaller messages, for memory and a compression for each subscriber.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What is compressed for clients that offer to take it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Compress {
    /// Nothing
    #[default]
    Off,
    /// WebSocket messages each by itself, once for all who get it; HTTP answers in a coding that Accept-Encoding names
    On,
    /// As on, but WebSocket messages with what was said before on the same connection
    Context,
}

/// The key in the query of a lane's own path.
const KEY: &str = "compress";

impl Compress {
    /// What the query of one connection says, without its `?`; `None`: nothing, or nothing that is
    /// understood. For protocols whose query is not refused for one parameter.
    pub fn asked(query: &str) -> Option<Self> {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == KEY)?;
        value.parse().ok()
    }
}

impl FromStr for Compress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as clap::ValueEnum>::from_str(text, false)
            .map_err(|_| "choose off, on or context".to_owned())
    }
}

impl fmt::Display for Compress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Context => "context",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_what_they_write() {
        for text in ["off", "on", "context"] {
            assert_eq!(text.parse::<Compress>().unwrap().to_string(), text);
        }
        let why = "gzip".parse::<Compress>().unwrap_err();
        assert_eq!(why, "choose off, on or context");
    }

    #[test]
    fn one_connection_asks_by_its_query() {
        assert_eq!(
            Compress::asked("protocol=7&compress=context"),
            Some(Compress::Context)
        );
        assert_eq!(Compress::asked("EIO=4&transport=websocket"), None);
        assert_eq!(Compress::asked("compress=&a"), None);
    }
}
