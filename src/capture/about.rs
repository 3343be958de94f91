//! What a download says beside its units.

use std::collections::BTreeMap;

use super::{Direction, Secret};
use crate::catalogue::LaneId;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The channel that the tap is on.
    pub channel: String,
    /// Host in the addresses of requests that name none; a port in it is not looked at.
    pub host: String,
    /// Whether the lanes speak TLS: what is here was read before encryption.
    pub is_tls: bool,
    /// Where each lane listens.
    pub ports: BTreeMap<LaneId, u16>,
    /// How connections ended, by lane and number, where that is known.
    pub ended: BTreeMap<(LaneId, u32), Ended>,
    /// Units that gave way to later ones, by lane.
    pub dropped_units: BTreeMap<LaneId, u64>,
}

/// The end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When, µs since the tap was opened.
    pub us: u64,
    /// Who closed it first; `None` where that is not known.
    pub by: Option<Direction>,
}

/// What hidden bytes are, in one or two words.
pub(super) fn word(what: Secret) -> &'static str {
    match what {
        Secret::Cookie => "cookie",
        Secret::Authorization => "authorization",
        Secret::Token => "token",
        Secret::Signature => "signature",
        Secret::SessionId => "session id",
        Secret::Message => "message",
        Secret::Cut => "part of a message",
    }
}

/// `1 byte`, `12 bytes`.
pub(super) fn bytes(count: u64) -> String {
    format!("{count} byte{}", if count == 1 { "" } else { "s" })
}
