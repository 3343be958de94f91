//! The questions that experiments and lessons are ordered by.

use serde::{Deserialize, Serialize};

/// Which question an experiment or a lesson is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// What it costs in bytes, requests and memory.
    Cost,
    /// How late it is.
    Delay,
    /// What is lost, and what comes back.
    Loss,
    /// What networks do in between.
    Networks,
    /// Lessons alone: nothing of it is measured.
    Trust,
    /// What happens with many clients, or many servers.
    Scale,
}

impl Group {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Cost,
        Self::Delay,
        Self::Loss,
        Self::Networks,
        Self::Trust,
        Self::Scale,
    ];

    /// Its name in an address, and in a lesson's front matter.
    pub fn id(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Delay => "delay",
            Self::Loss => "loss",
            Self::Networks => "networks",
            Self::Trust => "trust",
            Self::Scale => "scale",
        }
    }

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Cost => "What it costs",
            Self::Delay => "How late it is",
            Self::Loss => "What gets lost",
            Self::Networks => "What networks do",
            Self::Trust => "Who is let in",
            Self::Scale => "How it scales",
        }
    }
}
