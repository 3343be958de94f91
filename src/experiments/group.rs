//! The five questions that the index of experiments is ordered by.

use serde::Serialize;

/// Which question an experiment is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    Cost,
    Delay,
    Loss,
    Networks,
    Scale,
}

impl Group {
    pub const ALL: [Self; 5] = [
        Self::Cost,
        Self::Delay,
        Self::Loss,
        Self::Networks,
        Self::Scale,
    ];

    /// Its name in an address.
    pub fn id(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Delay => "delay",
            Self::Loss => "loss",
            Self::Networks => "networks",
            Self::Scale => "scale",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Cost => "What it costs",
            Self::Delay => "How late it is",
            Self::Loss => "What gets lost",
            Self::Networks => "What networks do",
            Self::Scale => "How it scales",
        }
    }
}
