//! `POST /api/reports`: delays that browsers measured. Nothing is believed that cannot be.
//!
//! ```text
//! page ── GET LANE/api/reports/key?lane=sse ──────► lane   {"key":"…"}   once, beside its connection
//! page ── POST /api/reports ──────────────────────► main   {"accepted":40,"refused":2}
//!           {"samples":[{"lane":"sse","stage":"received","key":"…","bound_us":350,"delays_us":[…]}]}
//! ```
//!
//! Refused and counted by reason ([`Refused`]): what no page of this lab sent, samples without a
//! key that their lane gave out, clocks that say nothing, delays below zero by more than the clock
//! may be off (they would be of the future), and delays longer than the reporter was there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicU64, Ordering},
};

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::MainLane;
use crate::{
    catalogue::LANES,
    clock,
    error::{Code, Refusal},
    metrics::latency::{Latencies, LatencyKey, Recorder, Stage},
    registry::LaneWorker,
    transport::http_api,
};

/// A browser that knows the lab's clock no better than this knows no delay, µs. Half of the longest
/// exchange that pages wait for.
const BOUND_MAX_US: u64 = 2_600_000;
/// A page opens its connection and asks for its key at the same time; neither takes longer, µs.
const BEFORE_KEY_US: u64 = 60_000_000;

/// Why delays were not counted, and how many of them.
#[derive(Default)]
struct Refused {
    foreign_page: AtomicU64,
    no_key: AtomicU64,
    clock_unknown: AtomicU64,
    below_zero: AtomicU64,
    too_long: AtomicU64,
}

/// Recorders for what browsers report, one for each lane and stage, and what was refused.
pub struct Reported {
    recorders: HashMap<(&'static str, Stage), Recorder>,
    refused: Refused,
}

impl Reported {
    pub fn new(latencies: &Latencies) -> Self {
        let stages = [Stage::Received, Stage::Painted];
        Self {
            refused: Refused::default(),
            recorders: LANES
                .iter()
                .flat_map(|lane| stages.map(|stage| (lane, stage)))
                .map(|(lane, stage)| {
                    let recorder = latencies.recorder(LatencyKey {
                        lane: lane.id,
                        transport: lane.transport,
                        protocol: lane.protocol,
                        stage,
                    });
                    ((lane.id.0, stage), recorder)
                })
                .collect(),
        }
    }

    /// How many delays were refused, by reason.
    pub fn refused(&self) -> BTreeMap<&'static str, u64> {
        let Refused {
            foreign_page,
            no_key,
            clock_unknown,
            below_zero,
            too_long,
        } = &self.refused;
        [
            ("foreign_page", foreign_page),
            ("no_key", no_key),
            ("clock_unknown", clock_unknown),
            ("below_zero", below_zero),
            ("too_long", too_long),
        ]
        .map(|(reason, count)| (reason, count.load(Ordering::Relaxed)))
        .into()
    }

    /// A foreign page's report came; it was refused before it was read.
    pub fn note_foreign_page(&self) {
        self.refused.foreign_page.fetch_add(1, Ordering::Relaxed);
    }

    fn find(&self, sample: &Sample) -> Result<&Recorder, Refusal> {
        let known = self.recorders.iter();
        let mut found =
            known.filter(|((lane, stage), _)| *lane == sample.lane && *stage == sample.stage);
        found.next().map(|(_, recorder)| recorder).ok_or_else(|| {
            Refusal::new(
                Code::BadRange,
                format!(
                    "browsers report received and painted of a transport's lane, not {} of {:?}",
                    sample.stage.as_str(),
                    sample.lane
                ),
            )
        })
    }
}

#[derive(Deserialize)]
struct Report {
    samples: Vec<Sample>,
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
        .map(|sample| reported.find(sample))
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
    let mut accepted = 0;
    for ((sample, recorder), age_us) in report.samples.iter().zip(recorders).zip(ages) {
        if sample.bound_us > BOUND_MAX_US {
            let count = &reported.refused.clock_unknown;
            count.fetch_add(sample.delays_us.len() as u64, Ordering::Relaxed);
            continue;
        }
        let counted = sound(sample, age_us, &reported.refused);
        let counted = counted.inspect(|_| accepted += 1);
        recorder.record_all(counted, sample.bound_us, now_us);
    }
    Ok(super::no_store().json(Taken {
        accepted,
        refused: all - accepted,
    }))
}
