//! Why a run has no result.

use super::{lab_process::LabError, plan::PlanError, publisher::PublishError};

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// There is no lab to measure.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// Publishing ended early.
    #[error("publishing did not work")]
    Publish(#[from] PublishError),
    /// Some clients never came into their channels.
    #[error("{missing} of {clients} clients of {lane} did not get into the channel: {why}")]
    NotSubscribed {
        /// On which lane.
        lane: String,
        /// How many did not.
        missing: usize,
        /// Of how many.
        clients: usize,
        /// What the first of them was told.
        why: String,
    },
    /// It was interrupted.
    #[error("stopped before anything was measured")]
    Stopped,
}
