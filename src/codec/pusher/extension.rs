//! Positions in frames: the lab's own extension of protocol 7, for who asks for it.
//!
//! Protocol 7 has no replay: what is published while a client is away is gone
//! (`docs/protocols/pusher-channels.md`, "What is lost while a client is away"). A client that
//! sends this before `pusher:subscribe` gets it, as every other transport here does:
//!
//! ```text
//! {"event":"pushlab:position","data":{"channel":"news","epoch":"k3","offset":17}}     to server
//! {"event":"pushlab:position","channel":"news","data":"{\"epoch\":\"k3\",\"offset\":19,\"recovered\":true}"}
//! {"event":"price","channel":"news","data":"{\"epoch\":\"k3\",\"offset\":18,…,\"data\":{\"x\":1}}"}
//! ```
//! Unmodified clients show an application nothing of a frame but `event`, `channel` and `data`, so
//! the position is in `data`, around the publisher's own. Member events are read by the clients
//! themselves: those keep their form, with the position's members beside the others. Counts have no
//! position and are [`super::event`]'s.

use serde::Deserialize;

use super::{
    data::write_string,
    event::{self, begin, member_data},
};
use crate::{
    channel::{
        Epoch, Publication, StreamPosition,
        history::{Recovery, Start},
    },
    wire::Layers,
};

/// The event's name in both directions.
pub const POSITION_EVENT: &str = "pushlab:position";

/// From where the next subscription of a channel is to begin.
#[derive(Debug)]
pub struct Position {
    /// The channel's name.
    pub channel: String,
    /// A position, or so much history.
    pub start: Start,
}

/// As it comes: the members of the plain transports' query.
#[derive(Deserialize)]
pub(super) struct Raw {
    channel: String,
    #[serde(default)]
    epoch: Option<String>,
    #[serde(default)]
    offset: Option<u64>,
    #[serde(default)]
    history: Option<usize>,
}

impl TryFrom<Raw> for Position {
    type Error = &'static str;

    fn try_from(raw: Raw) -> Result<Self, Self::Error> {
        let position = match (raw.epoch, raw.offset) {
            (None, None) => None,
            (Some(epoch), Some(offset)) => {
                let epoch = Epoch::parse(&epoch)
                    .ok_or("an epoch has 1 to 32 letters, digits, - or _; take it from a frame")?;
                Some(StreamPosition { epoch, offset })
            }
            _ => return Err("a position has both epoch and offset, or neither"),
        };
        Ok(Self {
            channel: raw.channel,
            start: Start {
                position,
                history: raw.history,
            },
        })
    }
}

/// What a subscription that asked for positions is told first.
pub fn subscribed(channel: &str, recovery: &Recovery, out: &mut Vec<u8>) {
    begin(POSITION_EVENT, channel, out);
    out.extend_from_slice(b",\"data\":");
    let data = format!(
        "{{\"epoch\":\"{}\",\"offset\":{},\"recovered\":{}}}",
        recovery.position.epoch.as_str(),
        recovery.position.offset,
        recovery.recovered
    );
    write_string(&data, out);
    out.push(b'}');
}

/// A publication as a frame with its position.
///
/// What protocol 7 would have sent is the protocol's; all that is more is the lab's, its backslashes
/// included: no application of Channels pays it unless it speaks this extension.
pub fn publication(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let from = out.len();
    let position = format!(
        "\"epoch\":\"{}\",\"offset\":{},\"intended_us\":{},\"published_us\":{}",
        publication.epoch.as_str(),
        publication.offset,
        publication.intended_us,
        publication.published_us
    );
    let (name, data) = match member_data(publication) {
        Some((name, object)) => {
            // An object that this server wrote, and not empty.
            let members = object.strip_suffix('}').unwrap_or(&object);
            (name, format!("{members},{position}}}"))
        }
        None => {
            let data = publication.data.get();
            (
                &*publication.event,
                format!("{{{position},\"data\":{data}}}"),
            )
        }
    };
    begin(name, publication.channel.local(), out);
    out.extend_from_slice(b",\"data\":");
    write_string(&data, out);
    let user = publication.origin.as_ref().and_then(|o| o.user.as_deref());
    if let Some(user) = user {
        out.extend_from_slice(b",\"user_id\":");
        write_string(user, out);
    }
    out.push(b'}');
    let total = (out.len() - from) as u64;
    let payload = (publication.data.get().len() as u64).min(total);
    let mut plain = Vec::with_capacity(out.len() - from);
    let plain = event::publication(publication, &mut plain);
    let protocol = plain.protocol.min(total - payload);
    Layers {
        framing: 0,
        protocol,
        lab: total - payload - protocol,
        payload,
        saved: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{ChannelName, JOIN_EVENT, Origin};
    use serde_json::{Value, json, value::to_raw_value};

    fn framed(event: &str, data: Value, origin: Option<Origin>) -> (Value, Value) {
        let of = Publication {
            channel: ChannelName::parse("presence-r").unwrap(),
            epoch: Epoch::parse("k3").unwrap(),
            offset: 18,
            event: event.into(),
            data: to_raw_value(&data).unwrap(),
            intended_us: 5,
            published_us: 6,
            origin: origin.map(Box::new),
        };
        let mut out = Vec::new();
        let layers = publication(&of, &mut out);
        assert_eq!(layers.total(), out.len() as u64);
        let mut frame: Value = serde_json::from_slice(&out).unwrap();
        let data = serde_json::from_str(frame["data"].as_str().unwrap()).unwrap();
        frame["data"].take();
        (frame, data)
    }

    fn with_position(mut object: Value) -> Value {
        for (key, value) in [
            ("epoch", json!("k3")),
            ("offset", json!(18)),
            ("intended_us", json!(5)),
            ("published_us", json!(6)),
        ] {
            object[key] = value;
        }
        object
    }

    #[test]
    fn the_position_is_around_the_publishers_data() {
        let (frame, data) = framed("price", json!({"x": "a \"b\" }"}), None);
        assert_eq!(
            frame,
            json!({"event":"price","channel":"presence-r","data":null})
        );
        assert_eq!(data, with_position(json!({"data": {"x": "a \"b\" }"}})));
        let origin = Origin {
            user: Some("7".into()),
            by_client: true,
            ..Origin::default()
        };
        let (frame, data) = framed("client-t", json!(null), Some(origin));
        assert_eq!(
            (&frame["user_id"], &data["data"]),
            (&json!("7"), &json!(null))
        );
    }

    #[test]
    fn what_clients_read_themselves_keeps_its_form() {
        let joined = json!({"client":"7","name":"Ann","info":{"n":{"a":{}}}});
        let (frame, data) = framed(JOIN_EVENT, joined, None);
        assert_eq!(frame["event"], "pusher_internal:member_added");
        assert_eq!(
            data,
            with_position(json!({"user_id":"7","user_info":{"n":{"a":{}}}}))
        );
    }

    #[test]
    fn half_a_position_is_none() {
        let read = |text: &str| Position::try_from(serde_json::from_str::<Raw>(text).unwrap());
        let asked = read(r#"{"channel":"a","epoch":"k3","offset":17,"history":2}"#).unwrap();
        assert_eq!(asked.start.position.unwrap().to_string(), "k3:17");
        assert_eq!(asked.start.history, Some(2));
        assert_eq!(read(r#"{"channel":"a"}"#).unwrap().start, Start::default());
        for bad in [
            r#"{"channel":"a","epoch":"k3"}"#,
            r#"{"channel":"a","offset":1}"#,
            r#"{"channel":"a","epoch":"k 3","offset":1}"#,
            r#"{"channel":"a","epoch":"","offset":1}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
