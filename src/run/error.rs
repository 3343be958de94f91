//! Why a run has no result.

use super::{lab_process::LabError, plan::PlanError, publisher::PublishError};

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("publishing did not work")]
    Publish(#[from] PublishError),
    #[error("{missing} of {clients} clients of {lane} did not get into the channel: {why}")]
    NotSubscribed {
        lane: String,
        missing: usize,
        clients: usize,
        why: String,
    },
    #[error("stopped before anything was measured")]
    Stopped,
}
