//! What the server sends (`docs/protocols/pusher-channels.md`, "Connecting", "Frames", "Errors and
//! close codes", "Presence", "Events", "Subscription count" and "Signing in").
//!
//! Every function appends one frame's JSON. Whether `data` is an object or a string that holds
//! one is fixed per event by the table in 2.1, and clients other than pusher-js depend on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::data::{write_string, write_text};
use crate::{
    channel::{JOIN_EVENT, LEAVE_EVENT, Publication},
    wire::Layers,
};

/// `pusher:connection_established` ("Connecting"): the socket's id, and after how many seconds of
/// silence the client is to ping.
pub fn connection_established(socket_id: &str, activity_timeout_s: u64, out: &mut Vec<u8>) {
    let data =
        format!("{{\"socket_id\":\"{socket_id}\",\"activity_timeout\":{activity_timeout_s}}}");
    out.extend_from_slice(b"{\"event\":\"pusher:connection_established\",\"data\":");
    write_string(&data, out);
    out.push(b'}');
}

/// `code` is null where no code is documented ("Errors and close codes").
pub fn error(code: Option<u16>, message: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"event\":\"pusher:error\",\"data\":{\"code\":");
    match code {
        Some(code) => out.extend_from_slice(code.to_string().as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"message\":");
    write_string(message, out);
    out.extend_from_slice(b"}}");
}

/// `pusher:ping` ("Liveness").
pub fn ping(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"event\":\"pusher:ping\",\"data\":{}}");
}

/// `pusher:pong` ("Liveness").
pub fn pong(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"event\":\"pusher:pong\",\"data\":{}}");
}

/// `user_data` is the very text that came.
pub fn signin_success(user_data: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"event\":\"pusher:signin_success\",\"data\":{\"user_data\":");
    write_string(user_data, out);
    out.extend_from_slice(b"}}");
}

/// Who is online and who is not; `events` is there even where it is empty.
pub fn watchlist_events<'a>(users: impl Iterator<Item = (&'a str, bool)>, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Event<'a> {
        name: &'static str,
        user_ids: Vec<&'a str>,
    }
    #[derive(Serialize)]
    struct Data<'a> {
        events: Vec<Event<'a>>,
    }
    let mut online = Vec::new();
    let mut offline = Vec::new();
    for (user, is_online) in users {
        match is_online {
            true => online.push(user),
            false => offline.push(user),
        }
    }
    let events = [("online", online), ("offline", offline)]
        .into_iter()
        .filter(|(_, user_ids)| !user_ids.is_empty())
        .map(|(name, user_ids)| Event { name, user_ids })
        .collect();
    out.extend_from_slice(b"{\"event\":\"pusher_internal:watchlist_events\",\"data\":");
    // A Vec takes every byte, and texts always serialize.
    let _ = serde_json::to_writer(&mut *out, &Data { events });
    out.push(b'}');
}

/// Begins `{"event":…,"channel":…`.
pub(super) fn begin(event: &str, channel: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"event\":");
    write_string(event, out);
    out.extend_from_slice(b",\"channel\":");
    write_string(channel, out);
}

/// Of a channel without presence.
pub fn subscription_succeeded(channel: &str, out: &mut Vec<u8>) {
    begin("pusher_internal:subscription_succeeded", channel, out);
    out.extend_from_slice(b",\"data\":\"{}\"}");
}

/// Of a presence channel, with its members at one instant.
pub fn presence_succeeded<'a>(
    channel: &str,
    members: impl Iterator<Item = (&'a str, Option<&'a RawValue>)>,
    out: &mut Vec<u8>,
) {
    #[derive(Serialize)]
    struct Presence<'a> {
        ids: Vec<&'a str>,
        hash: BTreeMap<&'a str, Option<&'a RawValue>>,
        count: usize,
    }
    #[derive(Serialize)]
    struct Data<'a> {
        presence: Presence<'a>,
    }
    let hash: BTreeMap<_, _> = members.collect();
    let data = Data {
        presence: Presence {
            ids: hash.keys().copied().collect(),
            count: hash.len(),
            hash,
        },
    };
    begin("pusher_internal:subscription_succeeded", channel, out);
    out.extend_from_slice(b",\"data\":");
    write_string(&serde_json::to_string(&data).unwrap_or_default(), out);
    out.push(b'}');
}

/// To the channel that could not be subscribed to: what pusher-js and Echo bind to.
pub fn subscription_error(
    channel: &str,
    kind: &str,
    message: &str,
    status: u16,
    out: &mut Vec<u8>,
) {
    begin("pusher:subscription_error", channel, out);
    out.extend_from_slice(b",\"data\":{\"type\":");
    write_string(kind, out);
    out.extend_from_slice(b",\"error\":");
    write_string(message, out);
    out.extend_from_slice(format!(",\"status\":{status}}}}}").as_bytes());
}

/// `pusher:cache_miss` ("Cache channels"): the cache channel holds nothing.
pub fn cache_miss(channel: &str, out: &mut Vec<u8>) {
    begin("pusher:cache_miss", channel, out);
    out.push(b'}');
}

/// Data of [`JOIN_EVENT`] and [`LEAVE_EVENT`].
#[derive(Deserialize)]
struct Changed<'a> {
    client: String,
    #[serde(default)]
    name: String,
    #[serde(borrow, default)]
    info: Option<&'a RawValue>,
}

/// What Pusher's clients are told about a member: what it said of itself, or, of somebody who
/// came by a plain transport, the name.
pub fn member_info(info: Option<&RawValue>, name: &str) -> Option<Box<RawValue>> {
    #[derive(Serialize)]
    struct Named<'a> {
        name: &'a str,
    }
    match info {
        Some(info) => Some(info.to_owned()),
        None if name.is_empty() => None,
        None => serde_json::value::to_raw_value(&Named { name }).ok(),
    }
}

/// A publication as a frame, and how its bytes divide: what is around the payload is the protocol's,
/// the backslashes of a string in a string included, and nothing is this instrument's. Joins and leaves become member events;
/// what a client sent keeps its form; everything else is a string (see [`super::data`]).
pub fn publication(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let from = out.len();
    let channel = publication.channel.local();
    if let Some((event, data)) = member_data(publication) {
        begin(event, channel, out);
        out.extend_from_slice(b",\"data\":");
        write_string(&data, out);
    } else {
        begin(&publication.event, channel, out);
        out.extend_from_slice(b",\"data\":");
        let origin = publication.origin.as_deref();
        if origin.is_some_and(|origin| origin.by_client) {
            out.extend_from_slice(publication.data.get().as_bytes());
        } else {
            write_text(&publication.data, out);
        }
        if let Some(user) = origin.and_then(|origin| origin.user.as_deref()) {
            out.extend_from_slice(b",\"user_id\":");
            write_string(user, out);
        }
    }
    out.push(b'}');
    let payload = publication.data.get().len() as u64;
    let total = (out.len() - from) as u64;
    let payload = payload.min(total);
    Layers {
        framing: 0,
        protocol: total - payload,
        lab: 0,
        payload,
        saved: 0,
    }
}

/// Of a join or a leave, the member event's name and the text of its data.
pub(super) fn member_data(publication: &Publication) -> Option<(&'static str, String)> {
    #[derive(Serialize)]
    struct Member<'a> {
        user_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_info: Option<Box<RawValue>>,
    }
    let (event, joined) = match &*publication.event {
        JOIN_EVENT => ("pusher_internal:member_added", true),
        LEAVE_EVENT => ("pusher_internal:member_removed", false),
        _ => return None,
    };
    // The server's own, and always of the form.
    let changed: Changed<'_> = serde_json::from_str(publication.data.get()).ok()?;
    let member = Member {
        user_id: &changed.client,
        user_info: joined
            .then(|| member_info(changed.info, &changed.name))
            .flatten(),
    };
    Some((event, serde_json::to_string(&member).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{ChannelName, Epoch, Origin};

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        serde_json::from_slice::<serde_json::Value>(&out).expect("every frame is JSON");
        String::from_utf8(out).unwrap()
    }

    fn published(channel: ChannelName, event: &str, data: &str, origin: Option<Origin>) -> String {
        let of = Publication {
            channel,
            epoch: Epoch::parse("e").unwrap(),
            offset: 1,
            event: event.into(),
            data: RawValue::from_string(data.to_owned()).unwrap(),
            intended_us: 0,
            published_us: 0,
            origin: origin.map(Box::new),
        };
        let mut layers = Layers::default();
        let frame = text(|out| layers = publication(&of, out));
        assert_eq!(layers.total(), frame.len() as u64);
        frame
    }

    fn on(channel: &str) -> ChannelName {
        ChannelName::parse(channel).unwrap()
    }

    #[test]
    fn the_first_frame_is_the_references_own() {
        assert_eq!(
            text(|out| connection_established("482376104.1475566676", 120, out)),
            r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"482376104.1475566676\",\"activity_timeout\":120}"}"#
        );
    }

    #[test]
    fn errors_carry_an_object_and_a_code_or_null() {
        assert_eq!(
            text(|out| error(Some(4301), "...", out)),
            r#"{"event":"pusher:error","data":{"code":4301,"message":"..."}}"#
        );
        assert!(text(|out| error(None, "a \"b\"", out)).contains("\"code\":null"));
        assert_eq!(
            text(|out| subscription_error("private-a", "AuthError", "...", 401, out)),
            r#"{"event":"pusher:subscription_error","channel":"private-a","data":{"type":"AuthError","error":"...","status":401}}"#
        );
    }

    #[test]
    fn watchlists_always_have_events() {
        let frame =
            |users: &[(&str, bool)]| text(|out| watchlist_events(users.iter().copied(), out));
        assert_eq!(
            frame(&[("9", true), ("12", false)]),
            r#"{"event":"pusher_internal:watchlist_events","data":{"events":[{"name":"online","user_ids":["9"]},{"name":"offline","user_ids":["12"]}]}}"#
        );
        assert!(frame(&[]).ends_with(r#""data":{"events":[]}}"#));
    }

    #[test]
    fn success_holds_a_string() {
        assert_eq!(
            text(|out| subscription_succeeded("news", out)),
            r#"{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}"#
        );
        let ann = RawValue::from_string(r#"{"n":"Ann"}"#.to_owned()).unwrap();
        let members = [("7", Some(&*ann)), ("9", None)];
        let frame = text(|out| presence_succeeded("presence-r", members.into_iter(), out));
        let frame: serde_json::Value = serde_json::from_str(&frame).unwrap();
        assert_eq!(
            frame["data"],
            r#"{"presence":{"ids":["7","9"],"hash":{"7":{"n":"Ann"},"9":null},"count":2}}"#
        );
        let empty = text(|out| presence_succeeded("presence-r", std::iter::empty(), out));
        assert!(
            empty.contains(r#"\"hash\":{}"#),
            "an object, even when empty"
        );
    }

    #[test]
    fn published_data_is_the_publishers_string() {
        assert_eq!(
            published(on("news"), "price", r#"{"x":1}"#, None),
            r#"{"event":"price","channel":"news","data":"{\"x\":1}"}"#
        );
        assert_eq!(
            published(on("news"), "App\\Events\\Name", "\"words\"", None),
            r#"{"event":"App\\Events\\Name","channel":"news","data":"words"}"#
        );
        let count = published(
            on("news"),
            super::super::SUBSCRIPTION_COUNT_EVENT,
            r#"{"subscription_count":4}"#,
            None,
        );
        assert_eq!(
            count,
            r#"{"event":"pusher_internal:subscription_count","channel":"news","data":"{\"subscription_count\":4}"}"#
        );
    }

    #[test]
    fn a_client_event_keeps_its_form_and_names_its_user() {
        let origin = Origin {
            exclude: Some("1.1".into()),
            user: Some("7".into()),
            by_client: true,
        };
        assert_eq!(
            published(
                on("presence-r"),
                "client-typing",
                r#"{"on":true}"#,
                Some(origin)
            ),
            r#"{"event":"client-typing","channel":"presence-r","data":{"on":true},"user_id":"7"}"#
        );
    }

    #[test]
    fn joins_and_leaves_are_member_events() {
        let joined = r#"{"client":"7","name":"Ann","info":{"n":"Ann"}}"#;
        assert_eq!(
            published(on("presence-r"), JOIN_EVENT, joined, None),
            r#"{"event":"pusher_internal:member_added","channel":"presence-r","data":"{\"user_id\":\"7\",\"user_info\":{\"n\":\"Ann\"}}"}"#
        );
        assert_eq!(
            published(on("presence-r"), LEAVE_EVENT, joined, None),
            r#"{"event":"pusher_internal:member_removed","channel":"presence-r","data":"{\"user_id\":\"7\"}"}"#
        );
        let by_name = published(
            on("presence-r"),
            JOIN_EVENT,
            r#"{"client":"c","name":"Bo"}"#,
            None,
        );
        assert!(
            by_name.contains(r#"\"user_info\":{\"name\":\"Bo\"}"#),
            "{by_name}"
        );
    }

    #[test]
    fn another_applications_channel_goes_by_its_own_name() {
        let frame = published(ChannelName::scoped("7", "news"), "e", "1", None);
        assert_eq!(frame, r#"{"event":"e","channel":"news","data":"1"}"#);
    }
}
