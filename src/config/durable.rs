//! Whether what is published outlives the process: a setting (`--durable`).
//!
//! - `off`: it is in memory alone.
//! - `commit`: it is on the disk before anybody gets it and before its publisher is answered.
//! - `early`: it is handed on and answered at once, and written right after.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::broker::durable::Acknowledge;

/// Whether what is published outlives the process.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Durable {
    /// No: it is in memory alone
    #[default]
    Off,
    /// On the disk before anybody gets it and before its publisher is answered: a crash loses nothing that was answered
    Commit,
    /// Handed on and answered at once, written right after: a crash loses milliseconds, and positions from before it are void
    Early,
}

impl Durable {
    /// When a publication is answered; `None`: no file is written.
    pub fn acknowledge(self) -> Option<Acknowledge> {
        match self {
            Self::Off => None,
            Self::Commit => Some(Acknowledge::AfterCommit),
            Self::Early => Some(Acknowledge::Early),
        }
    }
}

impl FromStr for Durable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as clap::ValueEnum>::from_str(text, false)
            .map_err(|_| "choose off, commit or early".to_owned())
    }
}

impl fmt::Display for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Commit => "commit",
            Self::Early => "early",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_what_they_write() {
        for text in ["off", "commit", "early"] {
            assert_eq!(text.parse::<Durable>().unwrap().to_string(), text);
        }
        let why = "yes".parse::<Durable>().unwrap_err();
        assert_eq!(why, "choose off, commit or early");
    }
}
