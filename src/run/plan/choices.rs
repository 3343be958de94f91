//! Settings of a plan that are one of a few words.

use serde::{Deserialize, Serialize};

// How clients behave is theirs to define; a plan is where it is chosen.
pub use crate::client::{back_off::BackOff, short_poll::PollFor};
// And what is published, where messages are made.
pub use crate::demo::samples::Sample;

/// When the clock of a short poller starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PollTimer {
    /// Every interval, whatever the answers do
    #[default]
    Interval,
    /// An interval after each answer
    AfterAnswer,
}

/// Which lanes run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// All lanes at once
    #[default]
    Together,
    /// One after the other, in reversed order at every second repetition (ABBA)
    InTurn,
}

/// Whether clients continue from their position after an interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Resume {
    /// Wherever the protocol can
    #[default]
    Yes,
    /// Never
    No,
    /// Measure every lane that can resume both with and without, Channels with the lab's extension
    Both,
}

/// Who publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PublishBy {
    /// The run, by HTTP beside the lanes
    #[default]
    Run,
    /// The clients in turn, each over its own socket, or by one POST after the other beside its
    /// stream or its polls
    Clients,
}

/// Which node a client's requests go to, where there is more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// All of them to one node; clients are spread over the nodes
    #[default]
    Sticky,
    /// To one node after the other
    Alternate,
}

/// Which connection blobs take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum BlobOn {
    /// The same as the timed publications
    #[default]
    Same,
    /// A second connection of each client
    Own,
}
