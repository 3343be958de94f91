//! What a client of the plain envelope sends on a socket, and what it is answered: the same whoever
//! makes the frames.
//!
//! ```text
//! client                                                   server
//!   │── {"publish":{"event":"say","data":"hi","id":"a1"}} ─►│
//!   │ ◄── {"ack":{"id":"a1","channel":…,"offset":9}} ────── │  or {"error":{"id":"a1","code":…,"message":…}}
//! ```
//!
//! On a socket an answer does not come back on its question's heels: publications come between the
//! two. So a question has an `id` that its answer repeats; HTTP needs none, since there the answer
//! is the next thing on the connection. The same `id` makes repeating safe: within
//! `idempotence_window` it is published once.
//!
//! Rejected: answering nothing, as a raw `socket.send` does. Then "sent" would mean "given to the
//! kernel", and a message lost with its connection could not be told from one that arrived.

use std::net::IpAddr;

use crate::{
    channel::{ChannelName, StreamPosition},
    codec::envelope::{self, BadMessage},
    error::Refusal,
    node::{Kept, Node},
};

/// Who sends, and where to.
pub(super) struct SocketPublisher<'a> {
    /// Where it is published.
    pub node: &'a Node,
    /// The one channel that a plain socket is for.
    pub channel: &'a ChannelName,
    /// For the rate of one address.
    pub address: Option<IpAddr>,
    /// What the node's observers are told that it came by.
    pub transport: &'static str,
}

/// The answer to one message.
pub(super) struct Reply {
    /// The publication's own, if it had one.
    id: Option<Box<str>>,
    outcome: Result<(StreamPosition, Option<&'static str>), Refusal>,
}

impl SocketPublisher<'_> {
    /// Publishes what a text message asks for. `received` is told, before that, how many of its
    /// bytes are the application's data.
    pub async fn on_text(&self, text: &str, received: impl FnOnce(usize)) -> Reply {
        let draft = envelope::decode_socket_message(text);
        received(draft.as_ref().map_or(0, |draft| draft.data.get().len()));
        let draft = match draft {
            Ok(draft) => draft,
            Err(error) => {
                return Reply {
                    id: envelope::id_of_refused(text).map(Into::into),
                    outcome: Err(refused(error)),
                };
            }
        };
        let id = draft.id.clone();
        let published = match self.node.may_publish(self.channel, self.address) {
            Ok(()) => {
                let (channel, by) = (self.channel, self.transport);
                self.node.publish_by(channel, draft, by).await
            }
            Err(too_fast) => Err(too_fast),
        };
        Reply {
            id,
            outcome: match published {
                Ok(position) => Ok((position, self.node.kept().map(Kept::as_str))),
                Err(error) => Err(error.into()),
            },
        }
    }
}

impl Reply {
    /// Whether it has a position now; what was refused has none.
    pub fn is_published(&self) -> bool {
        self.outcome.is_ok()
    }

    /// The key of the object that says it.
    pub fn key(&self) -> &'static str {
        match self.outcome {
            Ok(_) => "ack",
            Err(_) => "error",
        }
    }

    /// Appends what stands under the key.
    pub fn encode(&self, channel: &ChannelName, out: &mut Vec<u8>) {
        let id = self.id.as_deref();
        match &self.outcome {
            Ok((position, kept)) => {
                envelope::encode_published(channel, position, id, *kept, out);
            }
            Err(refusal) => refusal.encode(id, out),
        }
    }
}

/// A message is an object with one key, unlike the body of a POST.
fn refused(error: BadMessage) -> Refusal {
    match error {
        BadMessage::Json(_) => Refusal::from(error).with_hint(
            "Send {\"publish\":{\"event\":\"name\",\"data\":any JSON,\"id\":\"optional\"}} as one text message.",
        ),
        _ => error.into(),
    }
}
