//! WebSockets by `actix-ws`: the frames of the WebSocket lane.

use super::{At, EachLane, Wanted, websocket::envelope_in_a_frame};
use crate::{
    catalogue::{ACTIX_WS, Lane},
    channel::Publication,
    client::{Follow, websocket::WebSocket},
    wire::Layers,
};

pub struct PlainActixWs;

impl EachLane for PlainActixWs {
    fn lane(&self) -> &'static Lane {
        &ACTIX_WS
    }

    fn client(&self, _wanted: &Wanted<'_>) -> Box<dyn Follow> {
        Box::new(WebSocket {
            path: ACTIX_WS.path,
            is_bare: false,
        })
    }

    fn message(
        &self,
        _at: &At<'_>,
        publication: &Publication,
        out: &mut Vec<u8>,
    ) -> Option<Layers> {
        Some(envelope_in_a_frame(publication, out))
    }
}
