//! What subscribers of the load generator speak, beside the plain envelope: Pusher Channels and
//! Socket.IO, both over WebSocket. Which lane, how one subscribes, and how a heartbeat is answered;
//! what the frames look like is in `envelope.rs`.
//!
//! Publications come from a plain WebSocket in every run, so that publishing costs the same and only
//! what is delivered differs.

use std::io;

use crate::envelope::{self, CHANNEL, Kind, OffsetFinder};
use crate::subscriber::{Subscriber, unexpected};

/// Id of the application that the bench configures.
pub const APP_ID: &str = "1";
/// Its key.
pub const APP_KEY: &str = "bench";
/// Its secret.
pub const APP_SECRET: &str = "bench";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Plain,
    /// The plain envelope by the crate `actix-ws`, on a lane of its own.
    ActixWs,
    Channels,
    SocketIo,
}

const ALL: [Protocol; 4] = [
    Protocol::Plain,
    Protocol::ActixWs,
    Protocol::Channels,
    Protocol::SocketIo,
];

impl Protocol {
    /// The protocol whose lane this is.
    pub fn of_lane(lane: &str) -> Option<Self> {
        ALL.into_iter().find(|protocol| protocol.lane() == lane)
    }

    pub fn lane(self) -> &'static str {
        match self {
            Self::Plain => "websocket",
            Self::ActixWs => "actix-ws",
            Self::Channels => "channels",
            Self::SocketIo => "socketio-websocket",
        }
    }

    /// What the opening handshake asks for.
    pub fn target(self) -> String {
        match self {
            Self::Plain => format!("/ws/{CHANNEL}"),
            Self::ActixWs => format!("/actix-ws/{CHANNEL}"),
            Self::Channels => format!("/app/{APP_KEY}?protocol=7"),
            Self::SocketIo => "/socket.io/?EIO=4&transport=websocket".to_owned(),
        }
    }

    /// Subscribes on an open WebSocket. Returns the offset that comes next; Channels tells none.
    pub fn subscribe(self, subscriber: &mut Subscriber) -> io::Result<Option<u64>> {
        match self {
            Self::Plain | Self::ActixWs => subscribed(subscriber, b"{\"subscribed\"").map(Some),
            Self::Channels => {
                expect(subscriber, b"{\"event\":\"pusher:connection_established\"")?;
                let subscribe = format!(
                    "{{\"event\":\"pusher:subscribe\",\"data\":{{\"channel\":\"{CHANNEL}\"}}}}"
                );
                say(subscriber, &subscribe);
                expect(
                    subscriber,
                    b"{\"event\":\"pusher_internal:subscription_succeeded\"",
                )?;
                Ok(None)
            }
            Self::SocketIo => {
                expect(subscriber, b"0{")?;
                say(subscriber, "40/lab,");
                expect(subscriber, b"40/lab,{")?;
                say(
                    subscriber,
                    &format!("42/lab,0[\"subscribe\",{{\"channel\":\"{CHANNEL}\"}}]"),
                );
                subscribed(subscriber, b"43/lab,0[").map(Some)
            }
        }
    }
}

fn say(subscriber: &mut Subscriber, text: &str) {
    subscriber.queue_text(text.as_bytes());
    subscriber.flush();
}

fn expect(subscriber: &mut Subscriber, start: &[u8]) -> io::Result<Vec<u8>> {
    let text = subscriber.read_text()?;
    if text.starts_with(start) {
        return Ok(text);
    }
    let wanted = String::from_utf8_lossy(start);
    Err(unexpected(&format!("instead of {wanted}"), &text))
}

fn subscribed(subscriber: &mut Subscriber, start: &[u8]) -> io::Result<u64> {
    let text = expect(subscriber, start)?;
    let offset = OffsetFinder::default().find(&text);
    offset
        .map(|offset| offset + 1)
        .ok_or_else(|| unexpected("no offset", &text))
}

/// The settings that a server of this bench is started with.
pub const SETTINGS: &str = "[[apps]]\nid = \"1\"\nkey = \"bench\"\nsecret = \"bench\"\n\
                            plain_channels = true\n";

/// Run by the smoke run, like [`envelope::check_examples`].
pub fn check_examples() {
    let socketio = br#"42/lab,["publication",{"channel":"b","epoch":"k3","offset":17}]"#;
    assert_eq!(envelope::kind_of(socketio), Kind::Publication);
    assert_eq!(OffsetFinder::default().find(socketio), Some(17));
    let channels = br#"{"event":"tick","channel":"b","data":"x"}"#;
    assert_eq!(envelope::kind_of(channels), Kind::Unnumbered);
    assert_eq!(envelope::kind_of(b"2"), Kind::Ping);
    assert!(SETTINGS.contains(APP_KEY));
}
