//! Socket.IO over one WebSocket.

use super::{At, EachLane, Wanted, socketio_packet};
use crate::{
    catalogue::{Lane, SOCKETIO_WEBSOCKET},
    channel::Publication,
    client::{Follow, socketio::SocketioWebSocket},
    codec::websocket,
    wire::Layers,
};

pub struct SocketioOverWebSocket;

impl EachLane for SocketioOverWebSocket {
    fn lane(&self) -> &'static Lane {
        &SOCKETIO_WEBSOCKET
    }

    fn client(&self, wanted: &Wanted<'_>) -> Box<dyn Follow> {
        Box::new(SocketioWebSocket(wanted.talk()))
    }

    fn round_trips_to_channel(&self) -> f64 {
        4.0
    }

    fn message(
        &self,
        _at: &At<'_>,
        publication: &Publication,
        out: &mut Vec<u8>,
    ) -> Option<Layers> {
        Some(websocket::encode_text_with(out, |out| socketio_packet(publication, out)).1)
    }
}
