//! Pusher Channels over `xhr_polling`.

use super::{Answer, At, EachLane, Polled, Wanted};
use crate::{
    catalogue::{CHANNELS_POLLING, Lane},
    client::{
        Cursor, Follow,
        channels::polling::{OverPolling, path},
        http,
    },
    codec::pusher::line,
    wire::Layers,
};

pub struct ChannelsPolling;

impl EachLane for ChannelsPolling {
    fn lane(&self) -> &'static Lane {
        &CHANNELS_POLLING
    }

    fn client(&self, wanted: &Wanted<'_>) -> Box<dyn Follow> {
        Box::new(OverPolling(wanted.channels()))
    }

    /// TCP and poll, TCP and POST, and the next poll.
    fn round_trips_to_channel(&self) -> f64 {
        5.0
    }

    fn request(&self, at: &At<'_>, _cursor: &Cursor) -> Option<Vec<u8>> {
        Some(http::post_request(at.lane, &path(at.app_key), b""))
    }

    fn answer(&self, at: &At<'_>, polled: &Polled<'_>) -> Option<Answer> {
        let mut layers = Layers::default();
        let lines: Vec<Vec<u8>> = polled
            .publications
            .iter()
            .map(|publication| {
                let mut frame = Vec::new();
                layers +=
                    line::encode_frame(&mut frame, |out| at.channels_frame(publication, out)).1;
                frame
            })
            .collect();
        let mut body = Vec::new();
        line::join(lines.iter().map(Vec::as_slice), &mut body);
        if body.is_empty() {
            body.extend_from_slice(line::HEARTBEAT);
        }
        Some(Answer {
            own_head: "content-type: application/javascript; charset=UTF-8\r\n".to_owned(),
            body,
            layers,
        })
    }
}
