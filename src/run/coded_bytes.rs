//! What a publication costs on a stream or a WebSocket that is compressed: no closed form, but the codec itself, on the
//! messages that the plan publishes.
//!
//! Bytes of what comes as it is can be written down ([`super::bytes`]); what a compressor makes of a text
//! cannot. So the messages are made as the server makes them and given to the same compressor in the same order,
//! from the first of the warm-up on, since it matters what its window has seen. What is not known before a run is
//! made up: by how much publishing comes after the intended instant. Its digits are among the few things that each
//! message says anew, so they cost as much as real ones.
//!
//! Not here: polls, of which nobody knows how many publications an answer will carry.

use std::time::Duration;

use super::{
    bytes::{self, EVENT},
    each_lane::{self, At},
    lanes::{Compressed, Row},
    plan::Plan,
    schedule::Kind,
};
use crate::{
    channel::Publication,
    codec::{
        compressed,
        deflate::{self, BITS_MAX},
        websocket::deflated::{By, deflate_frames},
    },
    wire::Layers,
};

/// Any instant of this century that ends in no zeros.
const BEGAN_US: u64 = 1_796_040_123_456_789;
/// The longest that publishing is taken to come after its intended instant, and what the digits in between are drawn
/// by: a prime, so that they do not repeat.
const LATE_MAX_US: u64 = 900;
const STEP_US: u64 = 617;

/// What compresses a row's messages.
enum Coder {
    Stream(compressed::Compressor),
    EachMessage,
    InContext(Box<deflate::Compressor>),
}

impl Coder {
    fn new(how: Compressed) -> Self {
        match how {
            Compressed::Coded(coding) => Self::Stream(compressed::Compressor::new(coding)),
            Compressed::Deflated => Self::EachMessage,
            Compressed::DeflatedInContext => {
                Self::InContext(Box::new(deflate::Compressor::new(BITS_MAX)))
            }
        }
    }

    /// The bytes that a message takes; a stream's is given with its chunk.
    fn bytes(&mut self, message: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        out.clear();
        match self {
            Self::Stream(coder) => {
                coder.event(within_chunk(message)?, out);
                let mut chunk = Vec::new();
                each_lane::chunk(out, &mut chunk);
                return Some(chunk.len());
            }
            Self::EachMessage => {
                deflate_frames(message, &mut By::Alone(BITS_MAX), Layers::default(), out)
            }
            Self::InContext(coder) => {
                deflate_frames(message, &mut By::Context(coder), Layers::default(), out)
            }
        };
        Some(out.len())
    }
}

/// Mean bytes of a publication that comes while it is measured, with the chunk or the frame around it; `None` for a row
/// that is not compressed or polls, and for schedules whose instants are not known.
pub fn per_publication(plan: &Plan, row: &Row) -> Option<f64> {
    let mut coder = Coder::new(row.compressed?);
    if plan.schedule != Kind::Periodic || plan.rate <= 0.0 {
        return None;
    }
    let each = each_lane::of(&row.lane)?;
    let usual = bytes::usual(row.clone(), plan.size, 0)?;
    let content = plan.content().ok()?;
    let at = At {
        channel: usual.channel.as_str(),
        lane: &usual.lane,
        app_key: &usual.app_key,
        hold_ms: 0,
        form: row.form(),
    };
    let within = |time: Duration| (time.as_secs_f64() * plan.rate).round() as u64;
    let (warm_up, measured) = (within(plan.warm_up.0), within(plan.duration.0));
    let (mut sum, mut coded) = (0, Vec::new());
    for number in 1..=warm_up + measured {
        let intended_us = BEGAN_US + (number as f64 * 1e6 / plan.rate) as u64;
        let publication = Publication {
            channel: usual.channel.clone(),
            epoch: usual.epoch.clone(),
            offset: number,
            event: EVENT.into(),
            data: content.numbered(number),
            intended_us,
            published_us: intended_us + number * STEP_US % LATE_MAX_US,
            origin: None,
        };
        let mut message = Vec::new();
        each.message(&at, &publication, &mut message)?;
        let bytes = coder.bytes(&message, &mut coded)?;
        if number > warm_up {
            sum += bytes;
        }
    }
    (measured > 0).then(|| sum as f64 / measured as f64)
}

/// What is in a chunk: between its size and its line end (RFC 9112 §7.1).
fn within_chunk(chunk: &[u8]) -> Option<&[u8]> {
    let size = memchr::memmem::find(chunk, b"\r\n")?;
    chunk.get(size + 2..)?.strip_suffix(b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::plan::Sample;

    fn bytes_of(sample: Sample, row: &str) -> Option<f64> {
        let plan = Plan {
            lanes: row.to_owned(),
            sample,
            ..Plan::default()
        };
        per_publication(&plan, &plan.rows().unwrap()[0])
    }

    #[test]
    fn what_comes_again_in_each_message_costs_next_to_nothing() {
        for row in [
            "sse-gzip",
            "sse-br",
            "sse-zstd",
            "fetch-stream-gzip",
            "channels-streaming-zstd",
        ] {
            for sample in [Sample::Chat, Sample::Tokens] {
                let bytes = bytes_of(sample, row).unwrap();
                assert!((12.0..130.0).contains(&bytes), "{row} {sample:?}: {bytes}");
            }
        }
        let tokens = |row| bytes_of(Sample::Tokens, row).unwrap();
        // The envelope of a model's token is eight times the token.
        assert!(tokens("sse-gzip") * 4.0 < 380.0, "{}", tokens("sse-gzip"));
    }

    #[test]
    fn a_message_by_itself_saves_little_and_in_context_as_much_as_a_stream() {
        for lane in ["websocket", "channels", "socketio-websocket"] {
            let of = |end: &str| bytes_of(Sample::Chat, &format!("{lane}-{end}")).unwrap();
            let (alone, in_context) = (of("deflate"), of("deflate-context"));
            assert!((100.0..260.0).contains(&alone), "{lane}: {alone}");
            assert!(in_context * 2.0 < alone, "{lane}: {in_context}, {alone}");
        }
    }

    #[test]
    fn nothing_is_said_of_what_is_not_compressed_or_no_stream() {
        assert_eq!(bytes_of(Sample::Chat, "sse"), None);
        assert_eq!(bytes_of(Sample::Chat, "long-poll-gzip"), None);
        assert_eq!(within_chunk(b"3\r\nabc\r\n"), Some(&b"abc"[..]));
        assert_eq!(within_chunk(b"3"), None);
    }
}
