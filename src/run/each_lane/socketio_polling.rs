//! Socket.IO by polling alone.

use super::{Answer, At, EachLane, Polled, Wanted, socketio_packet};
use crate::{
    catalogue::{Lane, SOCKETIO_POLLING},
    client::{
        Cursor, Follow,
        socketio::{SocketioPolling, session_path},
    },
    codec::engine::SEPARATOR,
    wire::Layers,
};

/// As long as every one that the lab gives.
const SID: &str = "0123456789abcdefghijklmnopqrstuv";

pub struct SocketioOverPolling;

impl EachLane for SocketioOverPolling {
    fn lane(&self) -> &'static Lane {
        &SOCKETIO_POLLING
    }

    fn client(&self, wanted: &Wanted<'_>) -> Box<dyn Follow> {
        Box::new(SocketioPolling(wanted.talk()))
    }

    fn round_trips_to_channel(&self) -> f64 {
        6.0
    }

    fn request(&self, at: &At<'_>, _cursor: &Cursor) -> Option<Vec<u8>> {
        Some(at.get(&session_path(at.channel, SID)))
    }

    fn answer(&self, _at: &At<'_>, polled: &Polled<'_>) -> Option<Answer> {
        let mut layers = Layers::default();
        let mut body = Vec::new();
        for publication in polled.publications {
            if !body.is_empty() {
                body.push(SEPARATOR);
            }
            layers += socketio_packet(publication, &mut body);
        }
        if body.is_empty() {
            // Nothing has come but the engine's ping.
            body.push(b'2');
        }
        Some(Answer {
            own_head: "content-type: text/plain; charset=UTF-8\r\n".to_owned(),
            body,
            layers,
        })
    }
}
