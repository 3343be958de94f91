//! What a client of the plain envelope sends on a socket, and what it is answered: the same whoever
//! makes the frames.
//!
//! `{"publish":{"event","data","id"}}` → `{"ack":{…}}` or `{"error":{…}}`.

use std::net::IpAddr;

use crate::{
    channel::{ChannelName, StreamPosition},
    codec::envelope::{self, BadMessage},
    error::Refusal,
    node::Node,
};

/// Who sends, and where to.
pub(super) struct SocketPublisher<'a> {
    pub node: &'a Node,
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
    outcome: Result<StreamPosition, Refusal>,
}

impl SocketPublisher<'_> {
    /// Publishes what a text message asks for. `received` is told, before that, how many of its bytes
    /// are the application's data.
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
            outcome: published.map_err(Refusal::from),
        }
    }
}

impl Reply {
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
            Ok(position) => envelope::encode_published(channel, position, id, out),
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
