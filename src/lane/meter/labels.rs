//! What a connection is used for.

use std::sync::Arc;

use serde::Serialize;

use crate::catalogue::LaneId;

/// The channel label of a connection whose channel is not known yet, or that has none.
pub const NO_CHANNEL: &str = "(none)";

/// What a connection is used for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Labels {
    /// The lane whose socket accepted it.
    pub lane: LaneId,
    /// How bytes travel.
    pub transport: &'static str,
    /// What they mean.
    pub protocol: &'static str,
    /// Which demo asked: `chat`, `dashboard`, `compare`, or `none`.
    pub demo: &'static str,
    /// How publications are written where that is not the protocol as it is: `bare`, `positions`
    /// ([`Form::label`](crate::catalogue::Form::label)); else nothing, and then it is not shown.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub form: &'static str,
    /// The channel's name, or [`NO_CHANNEL`].
    pub channel: Arc<str>,
}

/// Called when publications reached the kernel: `(published_us, written_us)`.
pub type OnWritten = Arc<dyn Fn(u64, u64) + Send + Sync>;
