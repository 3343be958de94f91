//! What comes out of the machine: actions for its shell, and refusals.

use std::sync::Arc;

use super::{super::unit::Unit, Reason};
use crate::{codec::engine::Data, hub::queue::Kind, wire::Layers};

/// The body of an answer to a poll.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// Packets, with 0x1E between them.
    pub body: Vec<u8>,
    /// How the bytes divide.
    pub layers: Layers,
    /// How many publications are in it.
    pub publications: usize,
    /// `published_us` of those that are live.
    pub stamps: Vec<u64>,
}

impl Payload {
    /// Packets of Engine.IO itself.
    pub fn text(packets: impl Into<Vec<u8>>) -> Self {
        let body = packets.into();
        Self {
            layers: Layers {
                framing: body.len() as u64,
                ..Layers::default()
            },
            body,
            ..Self::default()
        }
    }
}

/// What the shell is to do, in this order.
#[derive(Debug)]
pub enum Action {
    /// Answer the held GET.
    Answer(Payload),
    /// Hand a message to the handler.
    Message(Data),
    /// Write to the WebSocket.
    Send(Arc<Unit>, Kind),
    /// Write `3probe` to the probing WebSocket.
    AnswerProbe,
    /// Close the probing WebSocket.
    DropProbe,
    /// The probing WebSocket is the session's from now on.
    Upgraded,
    /// Close the WebSocket, if there is one.
    CloseSocket,
    /// Count publications that were queued and will not be delivered.
    Dropped(usize),
    /// Notify the handler. Comes once.
    Closed(Reason),
    /// Take the session out of the table: the next request finds nothing.
    Forget,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// 400 without a body.
    Overlap,
    /// No session has this id.
    UnknownSession,
    /// The request does not fit the session's state.
    BadRequest,
}
