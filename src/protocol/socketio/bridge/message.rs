//! The commands of clients of the lab's namespace: the one argument of each event, checked.
//!
//! ```text
//! subscribe    {"channel":"news","client":"c1","name":"Ann","epoch":"k3","offset":17,"history":5}
//! unsubscribe  {"channel":"news"}
//! publish      {"channel":"news","event":"said","data":any JSON,"id":"x","intended_us":1763…}
//! typing       {"channel":"news","on":true}
//! ```
//! All but `channel`, `event`, `data` and `on` may be left out; `epoch` and `offset` go together.

use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    channel::{ChannelName, Draft, history::Start},
    codec::envelope::{self, BadMessage},
    error::{Code, Refusal},
    node::Who,
    transport::{position, who},
};

/// What a client wants.
pub enum Command {
    /// `subscribe`.
    Subscribe {
        /// The channel.
        channel: ChannelName,
        /// Who, for presence.
        who: Option<Who>,
        /// Where to begin.
        start: Start,
    },
    /// `unsubscribe`.
    Unsubscribe(ChannelName),
    /// `publish`.
    Publish(ChannelName, Draft),
    /// `typing`: told to the others, and kept nowhere.
    Typing {
        /// The channel.
        channel: ChannelName,
        /// Whether it goes on.
        on: bool,
    },
}

impl Command {
    /// How much of it is the application's own data.
    pub fn payload_bytes(&self) -> usize {
        match self {
            Self::Publish(_, draft) => draft.data.get().len(),
            _ => 0,
        }
    }
}

/// As large as a body of the plain API: what one client publishes, all others must take.
pub fn check_size(json: &str, max_bytes: usize) -> Result<(), Refusal> {
    if json.len() <= max_bytes {
        return Ok(());
    }
    let message = format!("the event's argument is over {max_bytes} bytes");
    Err(Refusal::new(Code::BodyTooLarge, message))
}

/// Refuses attachments: a channel's data is JSON on every lane, and binary data would be lost.
pub fn check_attachments(count: usize) -> Result<(), Refusal> {
    match count {
        0 => Ok(()),
        1 => Err(Refusal::new(
            Code::BinaryData,
            "the event has a binary value",
        )),
        _ => Err(Refusal::new(
            Code::BinaryData,
            format!("the event has {count} binary values"),
        )),
    }
}

/// Reads the argument of `subscribe`.
pub fn subscribe(json: &str) -> Result<Command, Refusal> {
    #[derive(Deserialize)]
    struct Subscribe {
        channel: String,
        client: Option<String>,
        name: Option<String>,
        epoch: Option<String>,
        offset: Option<u64>,
        history: Option<usize>,
    }
    let asked: Subscribe = read(json, r#"{"channel":"news"}"#)?;
    let channel = ChannelName::parse(&asked.channel)?;
    let position = match (asked.epoch, asked.offset) {
        (None, None) => None,
        (Some(epoch), Some(offset)) => Some(position(&epoch, &offset.to_string())?),
        _ => {
            return Err(Refusal::new(
                Code::BadPosition,
                "a position is an epoch and an offset; one of them is missing",
            ));
        }
    };
    let who = match asked.client {
        None => None,
        Some(client) => Some(who(client, asked.name.unwrap_or_default())?),
    };
    let start = Start {
        position,
        history: asked.history,
    };
    Ok(Command::Subscribe {
        channel,
        who,
        start,
    })
}

/// Reads the argument of `unsubscribe`.
pub fn unsubscribe(json: &str) -> Result<Command, Refusal> {
    #[derive(Deserialize)]
    struct Unsubscribe {
        channel: String,
    }
    let asked: Unsubscribe = read(json, r#"{"channel":"news"}"#)?;
    Ok(Command::Unsubscribe(ChannelName::parse(&asked.channel)?))
}

/// Reads the argument of `publish`.
pub fn publish(json: &str) -> Result<Command, Refusal> {
    let (channel, draft) = envelope::decode_publish_to(json).map_err(|error| match error {
        BadMessage::Json(_) => Refusal::from(error).with_hint(
            "Emit publish with one object: {\"channel\":\"news\",\"event\":\"name\",\"data\":any JSON}.",
        ),
        _ => error.into(),
    })?;
    Ok(Command::Publish(ChannelName::parse(&channel)?, draft))
}

/// Reads the argument of `typing`.
pub fn typing(json: &str) -> Result<Command, Refusal> {
    #[derive(Deserialize)]
    struct Typing {
        channel: String,
        on: bool,
    }
    let Typing { channel, on } = read(json, r#"{"channel":"news","on":true}"#)?;
    let channel = ChannelName::parse(&channel)?;
    Ok(Command::Typing { channel, on })
}

/// `example`: a valid argument, for the hint.
fn read<T: DeserializeOwned>(json: &str, example: &str) -> Result<T, Refusal> {
    let bad = |why: &str| {
        let message = format!("the event's one argument is an object such as {example}; {why}");
        Refusal::new(Code::BadArgument, message)
    };
    match json.as_bytes().first() {
        // A list would be taken for the members in their order.
        Some(b'{') => serde_json::from_str(json).map_err(|error| bad(&error.to_string())),
        Some(b'"') => Err(bad("this one is a string")),
        Some(b'[') => Err(bad("this one is a list")),
        Some(b'n') => Err(bad("this one is missing, or null")),
        _ => Err(bad("this one is something else")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_subscribe_is_read_and_unknown_members_are_ignored() {
        let json = r#"{"channel":"a","client":"c1","name":"Ann","epoch":"k3","offset":17,
                       "history":5,"more":1}"#;
        let Ok(Command::Subscribe {
            channel,
            who,
            start,
        }) = subscribe(json)
        else {
            panic!("no subscribe")
        };
        assert_eq!(channel.as_str(), "a");
        assert_eq!(&*who.unwrap().name, "Ann");
        assert_eq!(start.position.unwrap().to_string(), "k3:17");
        assert_eq!(start.history, Some(5));
    }

    #[test]
    fn a_bare_name_is_told_the_object_to_send() {
        let refusal = subscribe("\"news\"").err().unwrap();
        assert!(
            refusal.message.contains(r#"{"channel":"news"}"#),
            "{refusal}"
        );
        assert!(refusal.message.contains("a string"), "{refusal}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        type Read = fn(&str) -> Result<Command, Refusal>;
        let cases: [(Read, &str, Code); 13] = [
            (subscribe, r#"["news"]"#, Code::BadArgument),
            (subscribe, "null", Code::BadArgument),
            (subscribe, "\"news\"", Code::BadArgument),
            (subscribe, r#"{"channel":"a b"}"#, Code::BadChannel),
            (
                subscribe,
                r#"{"channel":"a","epoch":"k"}"#,
                Code::BadPosition,
            ),
            (
                subscribe,
                r#"{"channel":"a","epoch":"!","offset":1}"#,
                Code::BadPosition,
            ),
            (
                subscribe,
                r#"{"channel":"a","offset":-1}"#,
                Code::BadArgument,
            ),
            (
                subscribe,
                r#"{"channel":"a","client":"/"}"#,
                Code::BadClient,
            ),
            (unsubscribe, "{}", Code::BadArgument),
            (publish, r#"{"channel":"a","event":"e"}"#, Code::BadJson),
            (
                publish,
                r#"{"channel":"","event":"e","data":1}"#,
                Code::BadChannel,
            ),
            (
                publish,
                r#"{"channel":"a","event":"pushlab:x","data":1}"#,
                Code::BadEvent,
            ),
            (typing, r#"{"channel":"a","on":1}"#, Code::BadArgument),
        ];
        for (read, json, code) in cases {
            assert_eq!(read(json).err().map(|r| r.code), Some(code), "{json}");
        }
    }
}
