//! Pusher Channels over `xhr_streaming`.

use super::{At, EachLane, Wanted, chunk};
use crate::{
    catalogue::{CHANNELS_STREAMING, Lane},
    channel::Publication,
    client::{Follow, channels::streaming::OverStreaming},
    codec::pusher::line,
    wire::Layers,
};

pub struct ChannelsStreaming;

impl EachLane for ChannelsStreaming {
    fn lane(&self) -> &'static Lane {
        &CHANNELS_STREAMING
    }

    fn client(&self, wanted: &Wanted<'_>) -> Box<dyn Follow> {
        Box::new(OverStreaming(wanted.channels()))
    }

    /// What streams down is no way up.
    fn connections(&self) -> usize {
        2
    }

    /// TCP and stream, TCP and POST, and half of one for what comes down the stream: this client reads
    /// on when its POST is answered.
    fn round_trips_to_channel(&self) -> f64 {
        4.5
    }

    fn message(&self, at: &At<'_>, publication: &Publication, out: &mut Vec<u8>) -> Option<Layers> {
        let mut frame = Vec::new();
        let (_, layers) = line::encode_frame(&mut frame, |out| at.channels_frame(publication, out));
        chunk(&frame, out);
        Some(layers)
    }
}
