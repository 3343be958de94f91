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

    /// TCP and stream, TCP, and the POST's way up and the stream's way down. (The POST's own answer comes
    /// at the same time.)
    fn round_trips_to_channel(&self) -> f64 {
        4.0
    }

    fn message(&self, at: &At<'_>, publication: &Publication, out: &mut Vec<u8>) -> Option<Layers> {
        let mut frame = Vec::new();
        let (_, layers) = line::encode_frame(&mut frame, |out| at.channels_frame(publication, out));
        chunk(&frame, out);
        Some(layers)
    }
}
