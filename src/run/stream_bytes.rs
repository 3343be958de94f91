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
    codec::{envelope, pusher::event, sse, websocket},
    demo::content::sized,
};

/// The run's event.
pub const EVENT: &str = "tick";
/// Any instant of this century: 16 digits of µs since the Unix epoch.
const INSTANT_US: u64 = 1_700_000_000_000_000;

/// Mean bytes down per publication, over the publications with these numbers; `None` for a lane
/// whose messages are not one for each publication.
pub fn per_publication(
    row: &Row,
    channel: &str,
    epoch: &str,
    numbers: RangeInclusive<u64>,
    size_bytes: usize,
) -> Option<f64> {
    let (channel, epoch) = (ChannelName::parse(channel).ok()?, Epoch::parse(epoch)?);
    let encode: fn(&Publication, &mut Vec<u8>) = match row.lane.as_str() {
        "sse" => event_stream,
        "websocket" => frame,
        "channels" => channels_frame,
        "socketio-websocket" => socketio_frame,
        _ => return None,
    };
    let (mut bytes, mut count) = (0, 0);
    for number in numbers {
        let publication = publication(&channel, &epoch, number, sized(number, size_bytes));
        let mut out = Vec::new();
        encode(&publication, &mut out);
        bytes += out.len();
        count += 1;
    }
    (count > 0).then(|| bytes as f64 / f64::from(count))
}

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

fn event_stream(publication: &Publication, out: &mut Vec<u8>) {
    let mut json = Vec::new();
    envelope::encode_publication(publication, &mut json);
    let id = publication.position().to_string();
    let mut event = Vec::new();
    sse::encode_event(None, Some(&id), &json, &mut event);
    // RFC 9112 §7.1: the size in hexadecimal, and two line ends.
    out.extend_from_slice(format!("{:X}\r\n", event.len()).as_bytes());
    out.extend_from_slice(&event);
    out.extend_from_slice(b"\r\n");
}

fn frame(publication: &Publication, out: &mut Vec<u8>) {
    websocket::encode_text_with(out, |out| envelope::encode_publication(publication, out));
}

fn channels_frame(publication: &Publication, out: &mut Vec<u8>) {
    websocket::encode_text_with(out, |out| event::publication(publication, out));
}

fn socketio_frame(publication: &Publication, out: &mut Vec<u8>) {
    websocket::encode_text_with(out, |out| {
        out.extend_from_slice(b"42/lab,[\"publication\",");
        envelope::encode_publication(publication, out);
        out.push(b']');
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::lanes;

    fn mean(lane: &str, numbers: RangeInclusive<u64>) -> Option<f64> {
        let row = Row::new(lanes::find(lane).unwrap(), true);
        per_publication(&row, "c", "e1", numbers, 60)
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
}
