//! What a publication costs on a stream that is compressed: no closed form, but the codec itself, on the
//! messages that the plan publishes.
//!
//! Bytes of streams that are as they are can be written down ([`super::bytes`]); what a compressor makes of a text
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
    lanes::Row,
    plan::Plan,
    schedule::Kind,
};
use crate::{channel::Publication, codec::compressed::Compressor};

/// Any instant of this century that ends in no zeros.
const BEGAN_US: u64 = 1_796_040_123_456_789;
/// The longest that publishing is taken to come after its intended instant, and what the digits in between are drawn
/// by: a prime, so that they do not repeat.
const LATE_MAX_US: u64 = 900;
const STEP_US: u64 = 617;

/// Mean bytes of a publication that comes while it is measured, with the chunk around it; `None` for a row that is no
/// compressed stream, and for schedules whose instants are not known.
pub fn per_publication(plan: &Plan, row: &Row) -> Option<f64> {
    let mut coder = Compressor::new(row.coding?);
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
        coded.clear();
        coder.event(within_chunk(&message)?, &mut coded);
        if number > warm_up {
            let mut chunk = Vec::new();
            each_lane::chunk(&coded, &mut chunk);
            sum += chunk.len();
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
    fn nothing_is_said_of_what_is_not_compressed_or_no_stream() {
        assert_eq!(bytes_of(Sample::Chat, "sse"), None);
        assert_eq!(bytes_of(Sample::Chat, "long-poll-gzip"), None);
        assert_eq!(within_chunk(b"3\r\nabc\r\n"), Some(&b"abc"[..]));
        assert_eq!(within_chunk(b"3"), None);
    }
}
