//! What a client sends, looked at before the crate reads it.
//!
//! ```text
//! actix-http's payload ──► Incoming: each header by the rules of RFC 6455 §5.2 ──► the crate
//!                               └─ at a fault: the input ends in front of it
//! ```
//!
//! The crate keeps a frame until the last of it is there and looks at its length only then, so that
//! a client could announce a terabyte and fill the memory with it; and it hands over nothing of
//! what came in one piece with a fault, or with the connection's end. So each header passes here
//! first, by the rules of the WebSocket lane ([`FrameRules`]). At a fault the input ends, in front
//! of it, and the crate hands over what came before.
//!
//! Rejected: a copy of the crate with the check in it. It would no longer be what its readers use,
//! and so no longer what this lane is to show.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use actix_web::{HttpRequest, error::PayloadError, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use crate::{
    codec::websocket::{Limits, OpCode, Violation, rules::FrameRules},
    lane::meter::ConnectionMeter,
    wire::Layers,
};

/// What was seen of a client's input.
#[derive(Default)]
pub(super) struct Seen {
    /// Why the input ended, if its client broke the protocol.
    pub violation: Cell<Option<Violation>>,
    /// Bytes that came and are in no layer yet: of messages that are not whole, or not read.
    unread: Cell<u64>,
}

impl Seen {
    /// A message of so many bytes is read and counted.
    pub fn read(&self, bytes: usize) {
        self.unread.set(self.unread.get() - bytes as u64);
    }

    /// Bytes that never became a message.
    pub fn take_unread(&self) -> u64 {
        self.unread.take()
    }
}

/// The payload of a request to upgrade, for the crate.
pub(super) async fn checked(
    request: &HttpRequest,
    payload: web::Payload,
    limits: Limits,
    seen: Rc<Seen>,
    meter: Option<Arc<ConnectionMeter>>,
) -> Result<web::Payload, actix_web::Error> {
    let incoming = Incoming {
        payload,
        rules: FrameRules::new(limits),
        frame: OpCode::Text,
        left: 0,
        is_closed: false,
        seen,
        meter,
    };
    let payload: actix_http::BoxedPayloadStream = Box::pin(incoming);
    let mut payload = actix_web::dev::Payload::from(payload);
    <web::Payload as actix_web::FromRequest>::from_request(request, &mut payload).await
}

/// The stream of a request's payload, with a look at each frame's header as it passes. It keeps no
/// bytes: only where in a frame it is.
struct Incoming {
    payload: web::Payload,
    rules: FrameRules,
    /// The frame under way, and how much of its payload is still to come.
    frame: OpCode,
    left: u64,
    /// The close frame came: what follows it is not read (RFC 6455 §5.5.1).
    is_closed: bool,
    seen: Rc<Seen>,
    meter: Option<Arc<ConnectionMeter>>,
}

impl Incoming {
    /// Answers how many bytes, from the first, the crate may read.
    fn look_at(&mut self, bytes: &[u8]) -> usize {
        let (mut rest, mut framing) = (bytes, 0);
        let mut good = match self.is_closed {
            true => 0,
            false => bytes.len(),
        };
        while !self.is_closed {
            let passed = self.left.min(rest.len() as u64);
            rest = &rest[passed as usize..];
            self.left -= passed;
            if self.frame.is_control() {
                framing += passed;
            }
            if self.left > 0 {
                break;
            }
            if self.frame == OpCode::Close {
                self.is_closed = true;
                good = bytes.len() - rest.len();
                break;
            }
            let before_it = bytes.len() - rest.len();
            match self.rules.next_header(&mut rest) {
                Ok(Some(header)) => {
                    framing += header.header_bytes as u64;
                    (self.frame, self.left) = (header.opcode, header.payload_bytes);
                }
                Ok(None) => break,
                Err(violation) => {
                    self.seen.violation.set(Some(violation));
                    good = before_it;
                    break;
                }
            }
        }
        let unread = self.seen.unread.get() + bytes.len() as u64 - framing;
        self.seen.unread.set(unread);
        if let Some(meter) = &self.meter {
            meter.received(Layers {
                framing,
                ..Layers::default()
            });
        }
        good
    }
}

impl Stream for Incoming {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if this.seen.violation.get().is_some() {
                return Poll::Ready(None);
            }
            let came = ready!(this.payload.poll_next_unpin(context));
            // An error is the connection's end as well. Handed on, it would hide what came before.
            let Some(Ok(bytes)) = came else {
                return Poll::Ready(None);
            };
            let good = this.look_at(&bytes);
            if good > 0 {
                return Poll::Ready(Some(Ok(bytes.slice(..good))));
            }
        }
    }
}
