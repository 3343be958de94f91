//! `POST /api/reports`: delays that browsers measured. Nothing is believed that cannot be.
//!
//! ```text
//! page ── GET LANE/api/reports/key?lane=sse ──────► lane   {"key":"…"}   once, beside its connection
//! page ── POST /api/reports ──────────────────────► main   {"accepted":40,"refused":2}
//!           {"samples":[{"lane":"sse","stage":"received","key":"…","bound_us":350,"delays_us":[…]}],
//!            "channel":"presence-chat-lobby"}
//! ```
//!
//! `channel` is optional: what was received there is kept for `GET /api/delays/{channel}`, too. What a class's
//! phones measure in a run they tell the class itself (`POST /api/class/report`).
//!
//! Refused and counted by reason ([`super::reported`]): what no page of this lab sent, samples without a
//! key that their lane gave out, clocks that say nothing, delays below zero by more than the clock
//! may be off (they would be of the future), and delays longer than the reporter was there.

use std::sync::atomic::Ordering;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::{MainLane, delays, reported::Refused};
use crate::{
    channel::ChannelName,
    clock,
    error::{Code, Refusal},
    metrics::latency::Stage,
    registry::LaneWorker,
    transport::http_api,
};

/// A browser that knows the lab's clock no better than this knows no delay, µs. Half of the longest
/// exchange that pages wait for.
const BOUND_MAX_US: u64 = 2_600_000;
/// A page opens its connection and asks for its key at the same time; neither takes longer, µs.
const BEFORE_KEY_US: u64 = 60_000_000;

#[derive(Deserialize)]
struct Report {
    samples: Vec<Sample>,
    /// Where all of them came, if the page shows the delays of one channel together.
    channel: Option<String>,
}

#[derive(Deserialize)]
struct Sample {
    lane: String,
    stage: Stage,
    /// What the lane gave out, see [`crate::metrics::report_key`].
    #[serde(default)]
    key: String,
    /// How far off the browser's estimate of the server's clock may be.
    bound_us: u64,
    /// May be a little below zero, within the bound.
    delays_us: Vec<i64>,
}

/// What may be counted of a sample, for a reporter that has had its key for `age_us`.
fn sound<'a>(
    sample: &'a Sample,
    age_us: u64,
    refused: &'a Refused,
) -> impl Iterator<Item = u64> + 'a {
    let longest_us = age_us.saturating_add(BEFORE_KEY_US + sample.bound_us);
    sample.delays_us.iter().filter_map(move |delay_us| {
        let reason = if *delay_us < 0 && delay_us.unsigned_abs() > sample.bound_us {
            &refused.below_zero
        } else if *delay_us > 0 && delay_us.unsigned_abs() > longest_us {
            &refused.too_long
        } else {
            return Some((*delay_us).max(0) as u64);
        };
        reason.fetch_add(1, Ordering::Relaxed);
        None
    })
}

pub async fn report(
    request: HttpRequest,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Taken {
        accepted: usize,
        refused: usize,
    }
    let reported = &main.reported;
    let body = http_api::body(&request, payload, worker.lab.config.body_max_bytes).await?;
    let report: Report = http_api::read_json(&body).map_err(|error| {
        Refusal::new(Code::BadJson, format!("no report: {error}")).with_hint(
            "Reports are what the lab's own pages send; reload the page if it is of another \
                 version than the lab.",
        )
    })?;
    // All or nothing: a report with one bad sample leaves no half of it behind.
    let recorders: Vec<_> = report
        .samples
        .iter()
        .map(|sample| reported.find(&sample.lane, sample.stage))
        .collect::<Result<_, _>>()?;
    let now_us = clock::now_us();
    let all: usize = report.samples.iter().map(|s| s.delays_us.len()).sum();
    let ages: Option<Vec<_>> = report
        .samples
        .iter()
        .map(|sample| {
            worker
                .lab
                .report_keys
                .age_us(&sample.lane, &sample.key, now_us)
        })
        .collect();
    let ages = ages.ok_or_else(|| {
        let count = &reported.refused.no_key;
        count.fetch_add(all as u64, Ordering::Relaxed);
        Refusal::new(
            Code::BadReportKey,
            "a sample has no key of its lane that this lab gave out and that still holds",
        )
    })?;
    let channel = report.channel.as_deref().map(ChannelName::parse);
    // Nobody makes room for a channel by naming it.
    let channel = channel
        .transpose()?
        .filter(|channel| worker.lab.node.has_audience(channel));
    let mut accepted = 0;
    for ((sample, recorder), age_us) in report.samples.iter().zip(recorders).zip(ages) {
        if sample.bound_us > BOUND_MAX_US {
            let count = &reported.refused.clock_unknown;
            count.fetch_add(sample.delays_us.len() as u64, Ordering::Relaxed);
            continue;
        }
        let counted: Vec<_> = sound(sample, age_us, &reported.refused).collect();
        accepted += counted.len();
        if let Some(channel) = channel.as_ref().filter(|_| sample.stage == Stage::Received) {
            let from = delays::Reporter {
                lane: &sample.lane,
                key: &sample.key,
                bound_us: sample.bound_us,
            };
            main.delays.note(channel, &from, &counted, now_us);
        }
        recorder.record_all(counted.into_iter(), sample.bound_us, now_us);
    }
    Ok(super::no_store().json(Taken {
        accepted,
        refused: all - accepted,
    }))
}
