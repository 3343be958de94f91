//! The plain envelope: one JSON form of a publication for all plain transports.
//!
//! ```text
//! publication  {"channel":"news","epoch":"k3x9","offset":17,"event":"tick",
//!               "intended_us":1763…,"published_us":1763…,"data":<JSON as it came>}
//! publish      {"event":"tick","data":<JSON>,"id":"optional","intended_us":optional}
//! polled       {"epoch":"k3x9","offset":17,"recovered":true,"publications":[…]}
//! ```
//!
//! On a WebSocket a publication is one text message as it stands; every other message is an
//! object with a single key: `{"subscribed":…}`, `{"ack":…}`, `{"error":…}` down, and
//! `{"publish":…}` up. On an event stream a publication is the `data` of an unnamed event.
//!
//! `data` is never parsed into values: it passes through byte for byte ([`RawValue`]).

use std::io::Write;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::surrogates;
use crate::{
    channel::{
        ChannelName, Draft, EVENT_NAME_MAX_BYTES, ID_MAX_BYTES, Publication, RESERVED_EVENT_PREFIX,
        StreamPosition, history::Recovery, is_reserved_event,
    },
    wire::Layers,
};

/// How deep JSON may nest in what clients send: a message that nests deeper is refused, and costs
/// nobody a connection. Documents of editors and trees of comments reach 100. What is passed on gets
/// three more levels around it at most, and serde_json, which reads this lab's own clients, stops at
/// 128: passing more on would let one client break another.
pub const JSON_MAX_DEPTH: usize = 120;

/// A message from a client that is not of the envelope's form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// It is no JSON, or lacks a key; what the parser says.
    #[error("the message is not valid JSON of the expected form: {0}")]
    Json(String),
    /// It nests deeper than [`JSON_MAX_DEPTH`].
    #[error("the JSON nests deeper than {JSON_MAX_DEPTH} levels")]
    TooDeep,
    /// The event's name has so many bytes.
    #[error("an event name has 1 to {EVENT_NAME_MAX_BYTES} bytes; this one has {0}")]
    EventLength(usize),
    /// The event's name is one that only servers use.
    #[error(
        "event names starting with {RESERVED_EVENT_PREFIX:?} or \"pusher:\" are the server's own"
    )]
    ReservedEvent,
    /// The id has so many bytes.
    #[error("an id has 1 to {ID_MAX_BYTES} bytes; this one has {0}")]
    IdLength(usize),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishBody {
    event: Box<str>,
    data: Box<RawValue>,
    id: Option<Box<str>>,
    intended_us: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
enum SocketMessage {
    #[serde(rename = "publish")]
    Publish(PublishBody),
}

/// Reads the body of `POST …/publications`.
pub fn decode_publish(body: &[u8]) -> Result<Draft, BadMessage> {
    check_depth(body)?;
    let body = surrogates::replace_lone_bytes(body);
    let body: PublishBody = serde_json::from_slice(&body).map_err(json_error)?;
    draft(body)
}

/// Reads `{"channel":…}` with the members of a publish, of connections that serve several channels:
/// the channel's name as it came, and the draft.
pub fn decode_publish_to(json: &str) -> Result<(Box<str>, Draft), BadMessage> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct PublishTo {
        channel: Box<str>,
        event: Box<str>,
        data: Box<RawValue>,
        id: Option<Box<str>>,
        intended_us: Option<u64>,
    }
    check_depth(json.as_bytes())?;
    let json = surrogates::replace_lone(json);
    let to: PublishTo = serde_json::from_str(&json).map_err(json_error)?;
    let body = PublishBody {
        event: to.event,
        data: to.data,
        id: to.id,
        intended_us: to.intended_us,
    };
    Ok((to.channel, draft(body)?))
}

/// Reads a client's message on a WebSocket: `{"publish":{…}}`.
pub fn decode_socket_message(text: &str) -> Result<Draft, BadMessage> {
    check_depth(text.as_bytes())?;
    let text = surrogates::replace_lone(text);
    let SocketMessage::Publish(body) = serde_json::from_str(&text).map_err(json_error)?;
    draft(body)
}

/// The id of a message that was refused, as far as it can be made out: who publishes many at once
/// must know which one failed.
pub fn id_of_refused(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Lenient {
        publish: WithId,
    }
    #[derive(Deserialize)]
    struct WithId {
        id: String,
    }
    // One that nests too deep has an id as well: what is not looked at is skipped without recursion.
    let text = surrogates::replace_lone(text);
    let message: Lenient = serde_json::from_str(&text).ok()?;
    (message.publish.id.len() <= ID_MAX_BYTES).then_some(message.publish.id)
}

fn json_error(error: serde_json::Error) -> BadMessage {
    BadMessage::Json(error.to_string())
}

fn draft(body: PublishBody) -> Result<Draft, BadMessage> {
    if body.event.is_empty() || body.event.len() > EVENT_NAME_MAX_BYTES {
        return Err(BadMessage::EventLength(body.event.len()));
    }
    if is_reserved_event(&body.event) {
        return Err(BadMessage::ReservedEvent);
    }
    if let Some(id) = &body.id
        && (id.is_empty() || id.len() > ID_MAX_BYTES)
    {
        return Err(BadMessage::IdLength(id.len()));
    }
    Ok(Draft {
        event: body.event,
        data: body.data,
        id: body.id,
        intended_us: body.intended_us,
        published_us: None,
        origin: None,
    })
}

/// Refuses JSON that nests too deep. One pass over the bytes, before any parser sees them;
/// brackets inside strings do not count.
pub fn check_depth(json: &[u8]) -> Result<(), BadMessage> {
    let mut depth = 0usize;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > JSON_MAX_DEPTH {
                    return Err(BadMessage::TooDeep);
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Appends the publication's JSON to `out` and says how its bytes divide.
///
/// Channel, event and position are the protocol's: a client that serves several channels from one
/// place, and that is to go on where it was, needs each of them, here as in any protocol that
/// resumes. The two instants are the lab's: no application needs them, and this instrument measures
/// delays by them. They are 63 bytes in every publication of the plain lanes and of Socket.IO's,
/// in this century.
pub fn encode_publication(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let from = out.len();
    out.extend_from_slice(b"{\"channel\":\"");
    out.extend_from_slice(publication.channel.as_str().as_bytes());
    out.extend_from_slice(b"\",\"epoch\":\"");
    out.extend_from_slice(publication.epoch.as_str().as_bytes());
    let _ = write!(out, "\",\"offset\":{},\"event\":", publication.offset);
    json(out, &publication.event);
    let instants_from = out.len();
    let _ = write!(
        out,
        ",\"intended_us\":{},\"published_us\":{}",
        publication.intended_us, publication.published_us
    );
    let lab = (out.len() - instants_from) as u64;
    out.extend_from_slice(b",\"data\":");
    out.extend_from_slice(publication.data.get().as_bytes());
    out.push(b'}');
    let payload = publication.data.get().len() as u64;
    Layers {
        framing: 0,
        protocol: (out.len() - from) as u64 - lab - payload,
        lab,
        payload,
        saved: 0,
    }
}

/// Appends the publication's data alone: what a transport costs where nobody needs more.
pub fn encode_bare(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    out.extend_from_slice(publication.data.get().as_bytes());
    Layers {
        payload: publication.data.get().len() as u64,
        ..Layers::default()
    }
}

/// The answer to a poll. `position` is where the client continues: after the last publication
/// listed, which with a `limit` may be before the channel's own position.
pub fn encode_polled<P: AsRef<Publication>>(
    position: &StreamPosition,
    recovered: bool,
    publications: &[P],
) -> (Vec<u8>, Layers) {
    let mut out = Vec::with_capacity(128 + publications.len() * 256);
    let _ = write!(
        out,
        "{{\"epoch\":\"{}\",\"offset\":{},\"recovered\":{recovered},\"publications\":[",
        position.epoch.as_str(),
        position.offset
    );
    let mut layers = Layers::default();
    for (index, publication) in publications.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        layers += encode_publication(publication.as_ref(), &mut out);
    }
    out.extend_from_slice(b"]}");
    layers.protocol = out.len() as u64 - layers.lab - layers.payload;
    (out, layers)
}

/// First words of a stream or socket: `{"channel","epoch","offset","recovered"}`.
pub fn encode_subscribed(channel: &ChannelName, recovery: &Recovery, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Subscribed<'a> {
        channel: &'a ChannelName,
        epoch: &'a str,
        offset: u64,
        recovered: bool,
    }
    json(
        out,
        &Subscribed {
            channel,
            epoch: recovery.position.epoch.as_str(),
            offset: recovery.position.offset,
            recovered: recovery.recovered,
        },
    );
}

/// `{"channel","epoch","offset"}`, with `"id"` first where the publisher gave one, and last what it
/// survives (`"kept"`) where the node keeps it.
pub fn encode_published(
    channel: &ChannelName,
    position: &StreamPosition,
    id: Option<&str>,
    kept: Option<&str>,
    out: &mut Vec<u8>,
) {
    #[derive(Serialize)]
    struct Published<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        channel: &'a ChannelName,
        epoch: &'a str,
        offset: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        kept: Option<&'a str>,
    }
    json(
        out,
        &Published {
            id,
            channel,
            epoch: position.epoch.as_str(),
            offset: position.offset,
            kept,
        },
    );
}

/// `{"code","message","hint"}`, with `"id"` first where the failed message had one.
pub fn encode_error(code: &str, message: &str, hint: &str, id: Option<&str>, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Error<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        code: &'a str,
        message: &'a str,
        hint: &'a str,
    }
    json(
        out,
        &Error {
            id,
            code,
            message,
            hint,
        },
    );
}

/// Writing JSON of our own types to memory cannot fail.
fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let _ = serde_json::to_writer(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Epoch;
    use std::sync::Arc;

    fn publication(event: &str, data: &str) -> Publication {
        Publication {
            channel: ChannelName::parse("news").unwrap(),
            epoch: Epoch::parse("e1").unwrap(),
            offset: 7,
            event: event.into(),
            data: RawValue::from_string(data.to_owned()).unwrap(),
            intended_us: 1,
            published_us: 2,
            origin: None,
        }
    }

    #[test]
    fn a_publication_reads_as_documented() {
        let mut out = Vec::new();
        let layers = encode_publication(&publication("tick", r#"{"n": 1}"#), &mut out);
        let expected = r#"{"channel":"news","epoch":"e1","offset":7,"event":"tick","intended_us":1,"published_us":2,"data":{"n": 1}}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(layers.payload, 8);
        assert_eq!(layers.total(), expected.len() as u64);
    }

    #[test]
    fn data_passes_through_as_it_came() {
        let body = br#"{"event":"e","data":{"b": 1.0,  "a":[1e3,"\u00e9"]}}"#;
        let draft = decode_publish(body).unwrap();
        assert_eq!(draft.data.get(), r#"{"b": 1.0,  "a":[1e3,"\u00e9"]}"#);
        let mut out = Vec::new();
        encode_publication(&publication("a\"b\n", "null"), &mut out);
        let back: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(back["event"], "a\"b\n");
    }

    #[test]
    fn a_poll_lists_publications_and_counts_their_bytes() {
        let list = [
            Arc::new(publication("a", "1")),
            Arc::new(publication("b", "[2]")),
        ];
        let position = "e1:8".parse().unwrap();
        let (body, layers) = encode_polled(&position, true, &list);
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(value["offset"], 8);
        assert_eq!(value["recovered"], true);
        assert_eq!(value["publications"][1]["data"][0], 2);
        assert_eq!(layers.payload, 4);
        assert_eq!(layers.total(), body.len() as u64);
        let (empty, _) = encode_polled::<Arc<Publication>>(&position, false, &[]);
        assert_eq!(
            empty,
            br#"{"epoch":"e1","offset":8,"recovered":false,"publications":[]}"#
        );
    }

    #[test]
    fn bad_messages_are_named() {
        let long = format!(r#"{{"event":"{}","data":1}}"#, "x".repeat(201));
        type Expected = fn(&BadMessage) -> bool;
        let cases: [(&str, Expected); 8] = [
            ("", |e| matches!(e, BadMessage::Json(_))),
            ("{", |e| matches!(e, BadMessage::Json(_))),
            (r#"{"event":"e"}"#, |e| matches!(e, BadMessage::Json(_))),
            (r#"{"event":1,"data":1}"#, |e| {
                matches!(e, BadMessage::Json(_))
            }),
            (r#"{"event":"","data":1}"#, |e| {
                *e == BadMessage::EventLength(0)
            }),
            (r#"{"event":"pushlab:join","data":1}"#, |e| {
                *e == BadMessage::ReservedEvent
            }),
            (r#"{"event":"e","data":1,"id":""}"#, |e| {
                *e == BadMessage::IdLength(0)
            }),
            (&long, |e| *e == BadMessage::EventLength(201)),
        ];
        for (body, expected) in cases {
            let error = decode_publish(body.as_bytes()).unwrap_err();
            assert!(expected(&error), "{body}: {error}");
        }
        let socket = decode_socket_message(r#"{"subscribe":{}}"#).unwrap_err();
        assert!(matches!(socket, BadMessage::Json(_)));
    }

    #[test]
    fn deep_json_is_refused_before_it_is_parsed() {
        let deep = format!(
            r#"{{"event":"e","data":{}1{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(
            decode_publish(deep.as_bytes()).unwrap_err(),
            BadMessage::TooDeep
        );
        let brackets_in_text = format!(r#"{{"event":"e","data":"{}"}}"#, "[\\\"".repeat(500));
        assert!(decode_publish(brackets_in_text.as_bytes()).is_ok());
    }
}
