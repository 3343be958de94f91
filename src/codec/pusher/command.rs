//! What clients send (reference, 2, 3, 6, 8.2, 11.1).
//!
//! ```text
//! {"event":"pusher:subscribe","data":{"auth":"KEY:HEX","channel_data":"{…}","channel":"presence-r"}}
//! {"event":"client-typing","data":{"on":true},"channel":"presence-r"}
//! ```
//! `data` of a command is an object, or a string that holds one. What is signed
//! (`channel_data`, `user_data`) stays the very text that came.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    CLIENT_PREFIX,
    extension::{self, POSITION_EVENT, Position},
};
use crate::codec::{
    envelope::{self, check_depth},
    surrogates,
};

/// A frame from a client.
#[derive(Debug)]
pub enum Command {
    Ping,
    Pong,
    Subscribe(Subscribe),
    Unsubscribe {
        channel: String,
    },
    SignIn(SignIn),
    ClientEvent(ClientEvent),
    /// The lab's own; see [`extension`].
    Position(Position),
}

#[derive(Debug, Deserialize)]
pub struct Subscribe {
    pub channel: String,
    /// `KEY:HEX`; empty and absent are the same.
    #[serde(default)]
    auth: Option<String>,
    /// The text that was signed, and never anything made from it.
    #[serde(default)]
    pub channel_data: Option<String>,
}

impl Subscribe {
    pub fn auth(&self) -> Option<&str> {
        self.auth.as_deref().filter(|auth| !auth.is_empty())
    }
}

#[derive(Debug, Deserialize)]
pub struct SignIn {
    pub auth: String,
    /// The text that was signed.
    pub user_data: String,
}

/// To be relayed: the value in the form in which it came.
#[derive(Debug)]
pub struct ClientEvent {
    pub event: String,
    pub channel: String,
    pub data: Box<RawValue>,
}

/// A frame that is none of the above. None of them ends the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    #[error("the frame is not a JSON object with a string \"event\": {0}")]
    Json(String),
    #[error("the frame nests deeper than {} levels", envelope::JSON_MAX_DEPTH)]
    TooDeep,
    #[error("the data of {event} is not understood: {why}")]
    BadData { event: String, why: String },
    #[error("{0} needs a channel")]
    NoChannel(String),
    #[error("the event {0:?} is neither one of the protocol nor a client event")]
    UnknownEvent(String),
}

#[derive(Deserialize)]
struct Frame<'a> {
    event: String,
    #[serde(borrow, default)]
    channel: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Reads one frame.
pub fn decode(text: &str) -> Result<Command, BadFrame> {
    check_depth(text.as_bytes()).map_err(|_| BadFrame::TooDeep)?;
    let text = surrogates::replace_lone(text);
    let frame: Frame<'_> =
        serde_json::from_str(&text).map_err(|error| BadFrame::Json(error.to_string()))?;
    match frame.event.as_str() {
        "pusher:ping" => Ok(Command::Ping),
        "pusher:pong" => Ok(Command::Pong),
        "pusher:subscribe" => object(&frame).map(Command::Subscribe),
        "pusher:unsubscribe" => {
            #[derive(Deserialize)]
            struct Unsubscribe {
                channel: String,
            }
            object(&frame).map(|Unsubscribe { channel }| Command::Unsubscribe { channel })
        }
        "pusher:signin" => object(&frame).map(Command::SignIn),
        POSITION_EVENT => {
            let asked = Position::try_from(object::<extension::Raw>(&frame)?);
            asked
                .map(Command::Position)
                .map_err(|why| BadFrame::BadData {
                    event: frame.event,
                    why: why.to_owned(),
                })
        }
        event if event.starts_with(CLIENT_PREFIX) => client_event(frame),
        _ => Err(BadFrame::UnknownEvent(frame.event)),
    }
}

/// The object in `data`, or in the string in `data`.
fn object<T: DeserializeOwned>(frame: &Frame<'_>) -> Result<T, BadFrame> {
    let bad = |why: String| BadFrame::BadData {
        event: frame.event.clone(),
        why,
    };
    let data = frame.data.ok_or_else(|| bad("it is missing".to_owned()))?;
    let text = super::data::to_text(data);
    if !text.trim_start().starts_with('{') {
        return Err(bad("an object is expected".to_owned()));
    }
    serde_json::from_str(&surrogates::replace_lone(&text)).map_err(|error| bad(error.to_string()))
}

fn client_event(frame: Frame<'_>) -> Result<Command, BadFrame> {
    let channel = frame
        .channel
        .and_then(|channel| serde_json::from_str(channel.get()).ok());
    match channel {
        None => Err(BadFrame::NoChannel(frame.event)),
        Some(channel) => Ok(Command::ClientEvent(ClientEvent {
            event: frame.event,
            channel,
            data: frame.data.unwrap_or(RawValue::NULL).to_owned(),
        })),
    }
}

/// Who joins a presence channel: `channel_data`, decoded (7).
#[derive(Debug)]
pub struct MemberData {
    /// A number counts as its text.
    pub user_id: String,
    pub user_info: Option<Box<RawValue>>,
}

impl MemberData {
    pub fn decode(channel_data: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Raw {
            user_id: serde_json::Value,
            #[serde(default)]
            user_info: Option<Box<RawValue>>,
        }
        check_depth(channel_data.as_bytes()).map_err(|error| error.to_string())?;
        let channel_data = surrogates::replace_lone(channel_data);
        let raw: Raw = serde_json::from_str(&channel_data).map_err(|error| error.to_string())?;
        let user_id = match raw.user_id {
            serde_json::Value::String(id) if !id.is_empty() => id,
            serde_json::Value::Number(id) => text_of_number(&id),
            _ => return Err("user_id must be a string or a number, and not empty".to_owned()),
        };
        Ok(Self {
            user_id,
            user_info: raw.user_info,
        })
    }
}

/// A number as JavaScript writes it: 10 and 10.0 are one number there, and a user who has it is the
/// user whose id is the text "10" (ECMA-262, `Number::toString`, as far as ids go: whole numbers
/// without a point or an exponent).
fn text_of_number(number: &serde_json::Number) -> String {
    /// Up to it every whole number is a float of its own, and is written with all its digits.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if !number.is_u64() && !number.is_i64() => {
            match float.fract() == 0.0 && float.abs() <= EXACT_MAX {
                true => (float as i64).to_string(),
                false => number.to_string(),
            }
        }
        _ => number.to_string(),
    }
}

/// An id as a number or a text.
fn text_or_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Text(String),
        Number(serde_json::Number),
    }
    Ok(match Id::deserialize(deserializer)? {
        Id::Text(id) => id,
        Id::Number(id) => text_of_number(&id),
    })
}

/// Who signs in: `user_data`, decoded (11.1). An id that is a number counts as its text, as in a
/// member's data: who signs in as 10 and joins as "10" is one user.
#[derive(Debug, Deserialize)]
pub struct UserData {
    #[serde(deserialize_with = "text_or_number")]
    pub id: String,
    #[serde(default)]
    pub user_info: Option<Box<RawValue>>,
    #[serde(default)]
    pub watchlist: Option<Vec<String>>,
}

impl UserData {
    pub fn decode(user_data: &str) -> Result<Self, String> {
        check_depth(user_data.as_bytes()).map_err(|error| error.to_string())?;
        let user_data = surrogates::replace_lone(user_data);
        let user: Self = serde_json::from_str(&user_data).map_err(|error| error.to_string())?;
        if !super::kind::is_user_id(&user.id) {
            return Err("id must have 1 to 200 of A-Z a-z 0-9 _ - = @ , . ;".to_owned());
        }
        Ok(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscribe(text: &str) -> Subscribe {
        match decode(text) {
            Ok(Command::Subscribe(subscribe)) => subscribe,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_examples_of_section_6_are_read() {
        let public =
            subscribe(r#"{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}"#);
        assert_eq!((public.channel.as_str(), public.auth()), ("news", None));
        let presence = subscribe(
            r#"{"event":"pusher:subscribe","data":{"auth":"KEY:HEXSIG","channel_data":"{\"user_id\":\"7\",\"user_info\":{\"n\":\"Ann\"}}","channel":"presence-r"}}"#,
        );
        assert_eq!(presence.auth(), Some("KEY:HEXSIG"));
        let signed = presence.channel_data.unwrap();
        assert_eq!(signed, r#"{"user_id":"7","user_info":{"n":"Ann"}}"#);
        let member = MemberData::decode(&signed).unwrap();
        assert_eq!(member.user_id, "7");
        assert_eq!(member.user_info.unwrap().get(), r#"{"n":"Ann"}"#);
    }

    #[test]
    fn data_may_be_a_string_that_holds_the_object() {
        let text = r#"{"event":"pusher:subscribe","data":"{\"channel\":\"news\"}"}"#;
        assert_eq!(subscribe(text).channel, "news");
    }

    #[test]
    fn pings_take_any_data_or_none() {
        for data in [r#","data":{}"#, r#","data":"{}""#, "", r#","data":null"#] {
            let text = format!(r#"{{"event":"pusher:ping"{data}}}"#);
            assert!(matches!(decode(&text), Ok(Command::Ping)), "{text}");
        }
    }

    #[test]
    fn a_client_event_keeps_the_form_of_its_data() {
        for data in [r#"{"on": true}"#, r#""{\"on\":true}""#, "null", "[1, 2]"] {
            let text = format!(r#"{{"event":"client-t","data":{data},"channel":"private-a"}}"#);
            match decode(&text) {
                Ok(Command::ClientEvent(event)) => assert_eq!(event.data.get(), data),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn malformed_frames_are_told_apart() {
        for text in [
            "",
            "not json",
            "[]",
            "null",
            "{}",
            r#"{"event":5}"#,
            r#"{"event":"#,
        ] {
            assert!(matches!(decode(text), Err(BadFrame::Json(_))), "{text}");
        }
        let channel = [
            "",
            r#","data":null"#,
            r#","data":"x""#,
            r#","data":[]"#,
            r#","data":{}"#,
            r#","data":{"channel":7}"#,
            r#","data":{"channel":"a","channel_data":{}}"#,
        ];
        for data in channel {
            let text = format!(r#"{{"event":"pusher:subscribe"{data}}}"#);
            assert!(
                matches!(decode(&text), Err(BadFrame::BadData { .. })),
                "{text}"
            );
        }
        assert!(matches!(
            decode(r#"{"event":"client-x","data":1,"channel":["a"]}"#),
            Err(BadFrame::NoChannel(_))
        ));
        assert!(matches!(
            decode(r#"{"event":"shout","data":1,"channel":"a"}"#),
            Err(BadFrame::UnknownEvent(_))
        ));
        let deep = format!(
            r#"{{"event":"client-x","channel":"private-a","data":{}{}}}"#,
            "[".repeat(envelope::JSON_MAX_DEPTH),
            "]".repeat(envelope::JSON_MAX_DEPTH)
        );
        assert!(matches!(decode(&deep), Err(BadFrame::TooDeep)));
    }

    #[test]
    fn a_numeric_user_id_is_its_text() {
        for (json, text) in [
            ("10", "10"),
            ("10.0", "10"),
            ("1e1", "10"),
            ("\"10\"", "10"),
            ("-0.0", "0"),
            ("1.5", "1.5"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            let member = MemberData::decode(&format!(r#"{{"user_id":{json}}}"#));
            assert_eq!(member.unwrap().user_id, text, "{json}");
            let user = UserData::decode(&format!(r#"{{"id":{json}}}"#));
            assert_eq!(user.unwrap().id, text, "{json}");
        }
        for bad in [
            "",
            "{}",
            "7",
            r#"{"user_id":""}"#,
            r#"{"user_id":null}"#,
            r#"{"user_id":{}}"#,
        ] {
            assert!(MemberData::decode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn half_a_pair_is_replaced_wherever_a_frame_holds_text() {
        let text = r#"{"event":"client-\ud83d","channel":"private-a","data":"hi \ud83d"}"#;
        let Ok(Command::ClientEvent(event)) = decode(text) else {
            panic!("no client event");
        };
        assert_eq!(
            (&*event.event, event.data.get()),
            ("client-\u{fffd}", r#""hi \ufffd""#)
        );
        // What is signed stays the text that came; what is read from it does not.
        let signed = r#"{"user_id":"7","user_info":{"name":"A\ud83d"}}"#;
        let data = serde_json::json!({"channel": "presence-r", "channel_data": signed});
        let frame = serde_json::json!({"event": "pusher:subscribe", "data": data});
        let subscribe = subscribe(&frame.to_string());
        assert_eq!(subscribe.channel_data.as_deref(), Some(signed));
        let member = MemberData::decode(signed).unwrap();
        assert_eq!(member.user_info.unwrap().get(), r#"{"name":"A\ufffd"}"#);
        let user = UserData::decode(r#"{"id":"7","user_info":{"name":"\ud83d"}}"#).unwrap();
        assert_eq!(user.user_info.unwrap().get(), r#"{"name":"\ufffd"}"#);
    }

    #[test]
    fn a_users_id_is_a_string_that_is_not_empty() {
        assert_eq!(UserData::decode(r#"{"id":"12345"}"#).unwrap().id, "12345");
        for bad in [
            r#"{"id":""}"#,
            r#"{"id":null}"#,
            r#"{"id":[7]}"#,
            "{}",
            r#"{"id":"a b"}"#,
            "x",
        ] {
            assert!(UserData::decode(bad).is_err(), "{bad}");
        }
    }
}
