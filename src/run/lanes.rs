//! The rows of a run's result: a lane, with resume or without. What a plan makes of a row is in
//! [`super::rows`], what a run knows of a lane in [`super::each_lane`].

use serde::{Deserialize, Serialize};

use crate::catalogue::{Lane, Resuming, lane};

/// A line of the result: a lane, with resume or without.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Row {
    pub lane: String,
    /// Whether clients continue from their position after an interruption.
    pub resume: bool,
    /// How the row is named in thresholds and tables; the lane's name, with `-no-resume` where it
    /// could and is told not to, and `-resume` where it could not but for the lab's extension.
    pub name: String,
}

impl Row {
    pub fn new(lane: &'static Lane, resume: bool) -> Self {
        Self {
            lane: lane.id.to_string(),
            resume,
            name: match (lane.resuming, resume) {
                (Resuming::ByProtocol, false) => format!("{}-no-resume", lane.id),
                (Resuming::ByExtension, true) => format!("{}-resume", lane.id),
                _ => lane.id.to_string(),
            },
        }
    }

    pub fn lane(&self) -> Option<&'static Lane> {
        lane(&self.lane)
    }

    /// What people are told that it is.
    pub fn label(&self, lane: &Lane) -> String {
        match (lane.resuming, self.resume) {
            (Resuming::ByProtocol, false) => format!("{}, without resume", lane.label),
            (Resuming::ByExtension, true) => {
                format!("{}, resuming by the lab's extension", lane.label)
            }
            _ => lane.label.to_owned(),
        }
    }
}
