//! What a publication must cost on a lane that stays open, to the byte: its envelope as the codec
//! writes it, the fields of an event stream with their chunk, or a frame's header.
//!
//! The one thing taken from the server is the epoch, whose length is its own affair. Not for
//! polls, whose answers share their words among several publications.

use std::ops::RangeInclusive;

use serde_json::value::RawValue;

use super::lanes::Row;
use crate::{
    channel::{ChannelName, Epoch, Publication},
    client::{Target, upstream},
    codec::{
        envelope,
        pusher::event,
        sse,
        websocket::{self, OpCode},
    },
    demo::content::sized,
};

/// The run's event.
pub const EVENT: &str = "tick";
/// Any instant of this century: 16 digits of µs since the Unix epoch.
const INSTANT_US: u64 = 1_700_000_000_000_000;

/// Mean bytes of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MessageBytes {
    pub total: f64,
    /// Of these, HTTP headers; only on the way up.
    pub headers: f64,
    /// Of these, frame headers, masks, fields of the event stream, chunk sizes.
    pub framing: f64,
}

/// Mean bytes down per publication, over the publications with these numbers; `None` for a lane
/// whose messages are not one for each publication.
pub fn per_publication(
    row: &Row,
    channel: &str,
    epoch: &str,
    numbers: RangeInclusive<u64>,
    size_bytes: usize,
) -> Option<MessageBytes> {
    let (channel, epoch) = (ChannelName::parse(channel).ok()?, Epoch::parse(epoch)?);
    let encode: fn(&Publication, &mut Vec<u8>) -> u64 = match row.lane.as_str() {
        "sse" => event_stream,
        "websocket" => frame,
        "channels" => channels_frame,
        "socketio-websocket" => socketio_frame,
        _ => return None,
    };
    let (mut bytes, mut framing, mut count) = (0, 0, 0);
    for number in numbers {
        let publication = publication(&channel, &epoch, number, sized(number, size_bytes));
        let mut out = Vec::new();
        framing += encode(&publication, &mut out);
        bytes += out.len();
        count += 1;
    }
    let mean = |sum: f64| sum / f64::from(count);
    (count > 0).then(|| MessageBytes {
        total: mean(bytes as f64),
        headers: 0.0,
        framing: mean(framing as f64),
    })
}

/// Bytes up for one publication of this size that a client sends itself: by the socket that it
/// reads from, or by a request of its own.
pub fn up(sends: bool, to: &Target, channel: &str, size_bytes: usize) -> MessageBytes {
    const MASK_BYTES: usize = 4;
    let publication = upstream::publication(EVENT, sized(1, size_bytes).get());
    let (headers, framing, body) = match sends {
        true => {
            let message = crate::client::websocket::message(&publication);
            let mut header = Vec::new();
            websocket::encode_header(OpCode::Text, message.len(), &mut header);
            (0, header.len() + MASK_BYTES, message.len())
        }
        false => {
            let request = upstream::request(to, channel, &publication);
            (request.len() - publication.len(), 0, publication.len())
        }
    };
    MessageBytes {
        total: (headers + framing + body) as f64,
        headers: headers as f64,
        framing: framing as f64,
    }
}

/// How many bytes of data make a message of `message_bytes` without its framing: where a frame's
/// header grows. Up, a WebSocket's; down, a lane's whose messages name no epoch, which only the
/// server knows. `None` where no data does, or the lane's messages are no frames.
pub fn size_for_message(lane: &str, is_up: bool, message_bytes: usize) -> Option<usize> {
    let of = |size: usize| -> Option<usize> {
        if is_up {
            let publication = upstream::publication(EVENT, sized(1, size).get());
            return Some(crate::client::websocket::message(&publication).len());
        }
        let row = Row::new(super::lanes::find(lane)?, true);
        let channel = super::phase::channel(&super::phase::name(INSTANT_US, 0), &row);
        let bytes = per_publication(&row, &channel, "e", 1..=1, size)?;
        Some((bytes.total - bytes.framing) as usize)
    };
    let around = message_bytes.checked_sub(of(LONG_ENOUGH)?.checked_sub(LONG_ENOUGH)?)?;
    (of(around)? == message_bytes).then_some(around)
}

/// Data of this size has all its fields.
const LONG_ENOUGH: usize = 60;

fn publication(
    channel: &ChannelName,
    epoch: &Epoch,
    number: u64,
    data: Box<RawValue>,
) -> Publication {
    Publication {
        channel: channel.clone(),
        epoch: epoch.clone(),
        // The run's channel has the run's publications only.
        offset: number,
        event: EVENT.into(),
        data,
        intended_us: INSTANT_US,
        published_us: INSTANT_US,
        origin: None,
    }
}

fn event_stream(publication: &Publication, out: &mut Vec<u8>) -> u64 {
    let mut json = Vec::new();
    envelope::encode_publication(publication, &mut json);
    let id = publication.position().to_string();
    let mut event = Vec::new();
    sse::encode_event(None, Some(&id), &json, &mut event);
    // RFC 9112 §7.1: the size in hexadecimal, and two line ends.
    out.extend_from_slice(format!("{:X}\r\n", event.len()).as_bytes());
    out.extend_from_slice(&event);
    out.extend_from_slice(b"\r\n");
    (out.len() - json.len()) as u64
}

fn frame(publication: &Publication, out: &mut Vec<u8>) -> u64 {
    websocket::encode_text_with(out, |out| envelope::encode_publication(publication, out)).0
}

fn channels_frame(publication: &Publication, out: &mut Vec<u8>) -> u64 {
    websocket::encode_text_with(out, |out| event::publication(publication, out)).0
}

fn socketio_frame(publication: &Publication, out: &mut Vec<u8>) -> u64 {
    websocket::encode_text_with(out, |out| {
        out.extend_from_slice(b"42/lab,[\"publication\",");
        envelope::encode_publication(publication, out);
        out.push(b']');
    })
    .0 + ENGINE_TYPE_BYTES
}

/// Engine.IO's packet type, which the lane counts as framing.
const ENGINE_TYPE_BYTES: u64 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::lanes;

    fn mean(lane: &str, numbers: RangeInclusive<u64>) -> Option<f64> {
        let row = Row::new(lanes::find(lane).unwrap(), true);
        per_publication(&row, "c", "e1", numbers, 60).map(|bytes| bytes.total)
    }

    #[test]
    fn a_frame_is_its_header_and_its_envelope() {
        let json = r#"{"channel":"c","epoch":"e1","offset":7,"event":"tick","intended_us":1700000000000000,"published_us":1700000000000000,"data":}"#;
        let message = json.len() as f64 + 60.0;
        assert_eq!(mean("websocket", 7..=7), Some(message + 4.0));
        // "id: e1:7", "data: " and their line ends, the empty line; a chunk of two digits.
        assert_eq!(
            mean("sse", 7..=7),
            Some(message + 9.0 + 6.0 + 2.0 + 2.0 + 4.0)
        );
        // Two of four have an offset of two digits.
        assert_eq!(mean("websocket", 8..=11), Some(message + 4.5));
        assert_eq!(mean("short-poll", 1..=9), None);
    }

    #[test]
    fn a_frame_that_a_client_sends_grows_at_126_and_at_65536() {
        let target = Target {
            address: ([127, 0, 0, 1], 80).into(),
            host: "h".into(),
            road: Default::default(),
        };
        for (message, framing) in [(125, 6.0), (126, 8.0), (65_535, 8.0), (65_536, 14.0)] {
            let size = size_for_message("websocket", true, message).unwrap();
            let bytes = up(true, &target, "c", size);
            assert_eq!(bytes.framing, framing, "{message}");
            assert_eq!(bytes.total, message as f64 + framing);
        }
        let posted = up(false, &target, "c", 60);
        assert_eq!(posted.framing, 0.0);
        assert_eq!(posted.total - posted.headers, 60.0 + 24.0, "its envelope");
    }

    #[test]
    fn a_frame_of_the_server_grows_where_the_message_does() {
        for (message, framing) in [(126, 4.0), (65_535, 4.0), (65_536, 10.0)] {
            let size = size_for_message("channels", false, message).unwrap();
            let row = Row::new(lanes::find("channels").unwrap(), true);
            let channel = format!("run-{INSTANT_US}-0-channels");
            let bytes = per_publication(&row, &channel, "e1", 5..=5, size).unwrap();
            assert_eq!(
                (bytes.framing, bytes.total),
                (framing, message as f64 + framing)
            );
        }
        // The envelope alone is longer than that.
        assert_eq!(size_for_message("websocket", false, 125), None);
        assert_eq!(size_for_message("short-poll", false, 300), None);
    }
}
