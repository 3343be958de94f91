//! WebSockets with the plain envelope, or bare.

use super::{At, EachLane, Wanted};
use crate::{
    catalogue::{Form, Lane, WEBSOCKET},
    channel::Publication,
    client::{Follow, websocket::WebSocket},
    codec::{envelope, websocket},
    wire::Layers,
};

pub struct PlainWebSocket;

impl EachLane for PlainWebSocket {
    fn lane(&self) -> &'static Lane {
        &WEBSOCKET
    }

    fn client(&self, wanted: &Wanted<'_>) -> Box<dyn Follow> {
        Box::new(WebSocket {
            path: WEBSOCKET.path,
            is_bare: wanted.row.form() == Form::Bare,
        })
    }

    fn message(&self, at: &At<'_>, publication: &Publication, out: &mut Vec<u8>) -> Option<Layers> {
        Some(match at.form {
            Form::Bare => {
                websocket::encode_text_with(out, |out| envelope::encode_bare(publication, out)).1
            }
            Form::AsItIs | Form::WithPositions => envelope_in_a_frame(publication, out),
        })
    }
}

/// One text frame with the plain envelope (RFC 6455 §5.2).
pub fn envelope_in_a_frame(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let (_, layers) =
        websocket::encode_text_with(out, |out| envelope::encode_publication(publication, out));
    layers
}
