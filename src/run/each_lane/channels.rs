//! Pusher Channels over WebSocket.

use super::{At, EachLane, Wanted};
use crate::{
    catalogue::{CHANNELS, Lane},
    channel::Publication,
    client::{Follow, channels::socket::OverWebSocket},
    codec::websocket,
    wire::Layers,
};

pub struct ChannelsWebSocket;

impl EachLane for ChannelsWebSocket {
    fn lane(&self) -> &'static Lane {
        &CHANNELS
    }

    fn client(&self, wanted: &Wanted<'_>) -> Box<dyn Follow> {
        Box::new(OverWebSocket(wanted.channels()))
    }

    /// The subscription's after the upgrade's.
    fn round_trips_to_channel(&self) -> f64 {
        3.0
    }

    fn message(&self, at: &At<'_>, publication: &Publication, out: &mut Vec<u8>) -> Option<Layers> {
        Some(websocket::encode_text_with(out, |out| at.channels_frame(publication, out)).1)
    }
}
