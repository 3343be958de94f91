//! The questions that experiments and lessons are ordered by.

use serde::{Deserialize, Serialize};

/// Which question an experiment or a lesson is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    Cost,
    Delay,
    Loss,
    Networks,
    /// Lessons alone: nothing of it is measured.
    Trust,
    Scale,
}

impl Group {
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
