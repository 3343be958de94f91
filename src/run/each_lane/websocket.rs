//! WebSockets with the plain envelope.

use super::{At, EachLane, Wanted};
use crate::{
    catalogue::{Lane, WEBSOCKET},
    channel::Publication,
    client::{Follow, websocket::WebSocket},
    codec::{envelope, websocket},
};

pub struct PlainWebSocket;

impl EachLane for PlainWebSocket {
    fn lane(&self) -> &'static Lane {
        &WEBSOCKET
    }

    fn client(&self, _wanted: &Wanted<'_>) -> Box<dyn Follow> {
        Box::new(WebSocket {
            path: WEBSOCKET.path,
        })
    }

    fn message(&self, _at: &At<'_>, publication: &Publication, out: &mut Vec<u8>) -> Option<u64> {
        Some(envelope_in_a_frame(publication, out))
    }
}

/// One text frame with the plain envelope (RFC 6455 §5.2); answers how much of it is envelope.
pub fn envelope_in_a_frame(publication: &Publication, out: &mut Vec<u8>) -> u64 {
    let (_, layers) =
        websocket::encode_text_with(out, |out| envelope::encode_publication(publication, out));
    layers.envelope
}
