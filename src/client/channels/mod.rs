//! Pusher Channels, protocol 7: what any client of that service would send, over a WebSocket
//! ([`socket`]) or by HTTP requests ([`streaming`], [`polling`]).
//!
//! The protocol has no positions, so a client of it cannot continue where it was: what is
//! published while it is away is lost to it. This lab's server has an extension for that, and a
//! client made with `positions` uses it ([`crate::codec::pusher::extension`] has the frames): it
//! names its position before it subscribes, and publications come with theirs.
//!
//! Not here: private channels, signing in, triggering events.

mod lines;
pub mod polling;
pub mod socket;
pub mod streaming;

use std::borrow::Cow;

use serde::Deserialize;

use super::{
    ClientContext, Ended,
    message::{Published, Subscribed, read},
};
use crate::codec::pusher::extension::POSITION_EVENT;

/// How a client of an application is to behave.
#[derive(Debug, Clone)]
pub struct Channels {
    /// Of the application.
    pub key: String,
    /// Use the lab's extension.
    pub positions: bool,
}

/// Any frame. `data` is a string that holds JSON, for nearly every event
/// (`docs/protocols/pusher-channels.md`, "Frames").
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Data<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Other(serde_json::Value),
}

/// What a frame asks of the client.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// Frames to send now.
    Answer(Vec<String>),
    Publication,
    Nothing,
}

impl Channels {
    /// The query with which a client says who it is (`docs/protocols/pusher-channels.md`,
    /// "Connecting").
    fn query(&self) -> String {
        format!("protocol=7&client=pushlab&version={}", crate::VERSION)
    }

    /// Takes one frame: tells the inbox, moves the cursor, says what to answer.
    fn hear(
        &self,
        text: &str,
        at_us: u64,
        context: &mut ClientContext<'_>,
    ) -> Result<Heard, Ended> {
        let frame: Frame<'_> = read(text.as_bytes())?;
        Ok(match (&*frame.event, &frame.data) {
            ("pusher:connection_established", _) => Heard::Answer(self.subscribe(context)),
            // With positions the client is in the channel when it knows where.
            ("pusher_internal:subscription_succeeded", _) if !self.positions => {
                context.inbox.subscribed(at_us);
                Heard::Nothing
            }
            (POSITION_EVENT, Some(Data::Text(data))) => {
                read::<Subscribed>(data.as_bytes())?.accept(context.cursor)?;
                context.inbox.subscribed(at_us);
                Heard::Nothing
            }
            ("pusher:ping", _) => {
                Heard::Answer(vec!["{\"event\":\"pusher:pong\",\"data\":{}}".to_owned()])
            }
            ("pusher:error" | "pusher:subscription_error", data) => {
                let why = match data {
                    Some(Data::Text(text)) => text.to_string(),
                    Some(Data::Other(value)) => value.to_string(),
                    None => "without a reason".to_owned(),
                };
                return Err(Ended::Closed(why));
            }
            (event, Some(Data::Text(data))) if !event.starts_with("pusher") => {
                if self.positions {
                    Published::read(data)?.deliver(context.cursor, context.inbox, at_us);
                } else {
                    context.inbox.publication(data, at_us);
                }
                Heard::Publication
            }
            _ => Heard::Nothing,
        })
    }

    /// What a new connection says: its position, where it has any use for one, then the channel.
    fn subscribe(&self, context: &ClientContext<'_>) -> Vec<String> {
        let channel = context.channel;
        let subscribe =
            format!("{{\"event\":\"pusher:subscribe\",\"data\":{{\"channel\":\"{channel}\"}}}}");
        if !self.positions {
            return vec![subscribe];
        }
        let position = context.cursor.json_fields();
        let position = format!(
            "{{\"event\":\"{POSITION_EVENT}\",\"data\":{{\"channel\":\"{channel}\"{position}}}}}"
        );
        vec![position, subscribe]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        cell::{Cell, RefCell},
        rc::Rc,
        time::Duration,
    };

    use super::*;
    use crate::client::{Cursor, Inbox, Target, connection::SimulatedLink};

    #[derive(Default)]
    pub struct Heap {
        pub got: RefCell<Vec<String>>,
        pub subscribed: Cell<u32>,
    }

    impl Inbox for Heap {
        fn subscribed(&self, _: u64) {
            self.subscribed.set(self.subscribed.get() + 1);
        }
        fn publication(&self, data: &str, _: u64) {
            self.got.borrow_mut().push(data.to_owned());
        }
        fn failed(&self, _: &Ended) {}
    }

    /// Gives `frames` to a client, and what it got and answered last.
    fn hear_all(
        positions: bool,
        cursor: &mut Cursor,
        frames: &[&str],
    ) -> (Heap, Result<Heard, Ended>) {
        let heap = Heap::default();
        let target = Target {
            address: ([127, 0, 0, 1], 1).into(),
            host: "x".into(),
            link: SimulatedLink {
                one_way: Duration::ZERO,
                ..SimulatedLink::default()
            },
            tls: None,
            compress: None,
            coding: None,
        };
        let (tally, stopping, cut) = (Rc::default(), Cell::default(), Rc::default());
        let mut context = ClientContext {
            target: &target,
            other: None,
            channel: "c",
            outbox: None,
            cursor,
            inbox: &heap,
            tally: &tally,
            stopping: &stopping,
            steps: None,
            cut: &cut,
        };
        let channels = Channels {
            key: "k".into(),
            positions,
        };
        let mut last = Ok(Heard::Nothing);
        for frame in frames {
            last = channels.hear(frame, 1, &mut context);
        }
        (heap, last)
    }

    #[test]
    fn data_is_a_string_that_holds_json() {
        let frame = r#"{"event":"tick","channel":"c","data":"{\"n\":7}"}"#;
        let (heap, heard) = hear_all(false, &mut Cursor::default(), &[frame]);
        assert_eq!(heard.unwrap(), Heard::Publication);
        assert_eq!(*heap.got.borrow(), ["{\"n\":7}"]);
    }

    #[test]
    fn an_error_ends_it_with_its_reason() {
        let frame = r#"{"event":"pusher:error","data":{"code":4001,"message":"no such app"}}"#;
        let (_, ended) = hear_all(false, &mut Cursor::default(), &[frame]);
        assert!(matches!(ended, Err(Ended::Closed(why)) if why.contains("4001")));
    }

    #[test]
    fn positions_are_named_before_the_subscription_and_followed() {
        let established = r#"{"event":"pusher:connection_established","data":"{}"}"#;
        let mut cursor = Cursor::default();
        let (_, heard) = hear_all(true, &mut cursor, &[established]);
        let Heard::Answer(frames) = heard.unwrap() else {
            panic!("a new connection subscribes");
        };
        assert_eq!(
            frames,
            [
                r#"{"event":"pushlab:position","data":{"channel":"c"}}"#,
                r#"{"event":"pusher:subscribe","data":{"channel":"c"}}"#
            ]
        );
        let (heap, _) = hear_all(
            true,
            &mut cursor,
            &[
                r#"{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}"}"#,
                r#"{"event":"pushlab:position","channel":"c","data":"{\"epoch\":\"k3\",\"offset\":4,\"recovered\":false}"}"#,
                r#"{"event":"tick","channel":"c","data":"{\"epoch\":\"k3\",\"offset\":5,\"intended_us\":1,\"published_us\":2,\"data\":{\"n\":7}}"}"#,
            ],
        );
        assert_eq!(heap.subscribed.get(), 1);
        assert_eq!(*heap.got.borrow(), ["{\"n\":7}"]);
        assert_eq!(cursor.query(), "epoch=k3&offset=5");
        let (_, heard) = hear_all(true, &mut cursor, &[established]);
        assert!(
            matches!(heard, Ok(Heard::Answer(frames)) if frames[0].contains(r#""epoch":"k3","offset":5"#))
        );
    }
}
