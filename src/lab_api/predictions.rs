//! `GET /api/predictions`: what theory says each lane should show under given settings
//! ([`crate::run::theory`]), so that a page can draw it beside what it measured.
//!
//! `?rate_per_s=4&schedule=poisson&poll_interval_ms=500&hold_ms=25000&round_trip_us=400` →
//! `{"predicted":[{"lane","transport","protocol","mean_us","p50_us","p90_us","p99_us","max_us",
//! "empty_ratio","requests_per_publication","at_least"}]}`, for every lane and every variant of one, each
//! under the name of its row. With `size_bytes` each has its bytes, too, as [`crate::run::bytes::usual`]
//! has them: `"bytes_per_publication","header_bytes","framing_bytes","envelope_bytes","protocol_bytes",
//! "lab_bytes","payload_bytes"`. Of polls that is with the runner's own requests: a browser's have
//! longer heads, and nothing else is different.
//!
//! `at_least` lists the delays that are lower bounds: what a page has not measured of server and
//! browser is not in them, and a residual of them says nothing. With `&processing_us=`, what a
//! delivery took on an idle lane beyond half a round trip (in the page's own warm-up, never in
//! what is compared), it is in the delays, and mean and median are no bounds ([`crate::run::delay_forms`]).

use actix_web::{HttpResponse, http::header, web};
use serde::{Deserialize, Serialize};

use crate::{
    catalogue::{Fetching, LANES, VARIANTS},
    demo::content::{SIZE_MAX_BYTES, SIZE_MIN_BYTES},
    error::{Code, Refusal},
    run::{
        bytes::{self, Cost},
        lanes::Row,
        theory::{Arrivals, DeliveryMode, Prediction, Situation, Timer, predict, processed},
    },
};

#[derive(Deserialize)]
pub struct PredictionQuery {
    rate_per_s: f64,
    schedule: Schedule,
    poll_interval_ms: f64,
    hold_ms: f64,
    /// Way there and back, the server's own time included.
    round_trip_us: f64,
    size_bytes: Option<usize>,
    processing_us: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Schedule {
    Periodic,
    Poisson,
}

#[derive(Serialize)]
struct Predicted {
    lane: &'static str,
    transport: &'static str,
    protocol: &'static str,
    mean_us: f64,
    p50_us: f64,
    p90_us: f64,
    p99_us: f64,
    max_us: f64,
    empty_ratio: f64,
    requests_per_publication: f64,
    at_least: &'static [&'static str],
    #[serde(flatten)]
    bytes: Option<Bytes>,
}

/// For each publication, by layer; the figures of a run.
#[derive(Serialize)]
struct Bytes {
    bytes_per_publication: f64,
    header_bytes: f64,
    framing_bytes: f64,
    envelope_bytes: f64,
    protocol_bytes: f64,
    lab_bytes: f64,
    payload_bytes: f64,
}

impl From<Cost> for Bytes {
    fn from(cost: Cost) -> Self {
        Self {
            bytes_per_publication: cost.total(),
            header_bytes: cost.headers,
            framing_bytes: cost.framing,
            envelope_bytes: cost.envelope(),
            protocol_bytes: cost.protocol,
            lab_bytes: cost.lab,
            payload_bytes: cost.payload,
        }
    }
}

#[derive(Serialize)]
struct Answer {
    predicted: Vec<Predicted>,
}

impl PredictionQuery {
    fn check(&self) -> Result<(), Refusal> {
        let rules = [
            ("rate_per_s", self.rate_per_s, 0.001, 100_000.0),
            ("poll_interval_ms", self.poll_interval_ms, 1.0, 3_600_000.0),
            ("hold_ms", self.hold_ms, 1.0, 3_600_000.0),
            ("round_trip_us", self.round_trip_us, 0.0, 60_000_000.0),
            (
                "processing_us",
                self.processing_us.unwrap_or_default(),
                0.0,
                60_000_000.0,
            ),
        ];
        let sizes = SIZE_MIN_BYTES..=SIZE_MAX_BYTES;
        if let Some(size) = self.size_bytes.filter(|size| !sizes.contains(size)) {
            let message =
                format!("size_bytes is {size}; choose {SIZE_MIN_BYTES} to {SIZE_MAX_BYTES}");
            return Err(Refusal::new(Code::BadRange, message));
        }
        match rules
            .into_iter()
            .find(|(_, value, least, most)| !(least..=most).contains(&value))
        {
            None => Ok(()),
            Some((name, value, least, most)) => Err(Refusal::new(
                Code::BadRange,
                format!("{name} is {value}; choose {least} to {most}"),
            )),
        }
    }

    fn situation(&self) -> Situation {
        let round_trip_s = self.round_trip_us / 1e6;
        Situation {
            arrivals: match self.schedule {
                Schedule::Periodic => Arrivals::Periodic,
                Schedule::Poisson => Arrivals::Poisson,
            },
            rate_per_s: self.rate_per_s,
            round_trip_s,
            one_way_s: round_trip_s / 2.0,
        }
    }

    /// Which delays are bounds. Of short polls none: what they wait for is known, and what is left
    /// out is little beside it.
    fn at_least(&self, fetching: Fetching) -> &'static [&'static str] {
        match (fetching, self.processing_us) {
            (Fetching::ShortPolls, _) => &[],
            (_, None) => &["mean_us", "p50_us", "p90_us", "p99_us", "max_us"],
            (_, Some(_)) => &["p90_us", "p99_us", "max_us"],
        }
    }

    /// What theory calls it.
    fn mode_of(&self, fetching: Fetching) -> DeliveryMode {
        match fetching {
            Fetching::ShortPolls => DeliveryMode::ShortPoll {
                interval_s: self.poll_interval_ms / 1e3,
                // The lab's client counts its interval from one question to the next.
                timer: Timer::Interval,
            },
            Fetching::HeldPolls => DeliveryMode::LongPoll {
                hold_s: self.hold_ms / 1e3,
            },
            Fetching::Stream => DeliveryMode::Stream,
        }
    }
}

fn bytes_of(asked: &PredictionQuery, row: Row, theory: Prediction) -> Option<Bytes> {
    let model = bytes::usual(row, asked.size_bytes?, asked.hold_ms as u64)?;
    model.per_publication(Some(theory)).map(Bytes::from)
}

/// Messages of up to 32 KiB are written out to be weighed: not on a thread that serves lanes.
pub async fn handle(asked: web::Query<PredictionQuery>) -> Result<HttpResponse, Refusal> {
    asked.check()?;
    let predicted = web::block(move || predicted(&asked)).await;
    let predicted = predicted.map_err(super::runs::internal)?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Answer { predicted }))
}

fn predicted(asked: &PredictionQuery) -> Vec<Predicted> {
    let lanes = LANES.iter().map(|lane| (Row::of_lane(lane), *lane));
    let variants = VARIANTS.iter();
    let variants = variants.map(|variant| (Row::of_variant(variant), variant.lane));
    let names = LANES.iter().map(|lane| lane.id.0);
    let names = names.chain(VARIANTS.iter().map(|variant| variant.id));
    names
        .zip(lanes.chain(variants))
        .map(|(name, (row, lane))| {
            let travels = predict(asked.mode_of(lane.fetching), asked.situation());
            let processing_s = asked.processing_us.unwrap_or_default() / 1e6;
            let prediction = processed(travels, processing_s, 0.0);
            let us = |seconds: f64| seconds * 1e6;
            // A bound is the form alone: nothing has to take what a warm-up took.
            let at_least = asked.at_least(lane.fetching);
            let of = |name: &str| match at_least.contains(&name) {
                true => travels,
                false => prediction,
            };
            Predicted {
                lane: name,
                transport: lane.transport,
                protocol: lane.protocol,
                mean_us: us(prediction.mean_delay_s),
                p50_us: us(prediction.quantile_s(0.5)),
                p90_us: us(of("p90_us").quantile_s(0.9)),
                p99_us: us(of("p99_us").quantile_s(0.99)),
                max_us: us(of("max_us").worst_delay_s),
                empty_ratio: prediction.empty_ratio,
                requests_per_publication: prediction.requests_per_event,
                at_least,
                bytes: bytes_of(asked, row, prediction),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(rate_per_s: f64) -> PredictionQuery {
        PredictionQuery {
            rate_per_s,
            schedule: Schedule::Poisson,
            poll_interval_ms: 500.0,
            hold_ms: 25_000.0,
            round_trip_us: 400.0,
            size_bytes: None,
            processing_us: None,
        }
    }

    #[test]
    fn without_what_the_machine_takes_the_delays_of_streams_are_bounds() {
        let mut asked = asked(4.0);
        assert!(asked.at_least(Fetching::Stream).contains(&"p50_us"));
        assert!(asked.at_least(Fetching::ShortPolls).is_empty());
        asked.processing_us = Some(300.0);
        assert!(!asked.at_least(Fetching::Stream).contains(&"p50_us"));
        assert!(asked.at_least(Fetching::HeldPolls).contains(&"p99_us"));
        asked.processing_us = Some(-1.0);
        assert!(asked.check().is_err());
    }

    #[test]
    fn the_most_that_may_be_asked_for_is_answered() {
        let mut asked = asked(100_000.0);
        (asked.poll_interval_ms, asked.hold_ms) = (3_600_000.0, 3_600_000.0);
        (asked.round_trip_us, asked.size_bytes) = (60_000_000.0, Some(SIZE_MAX_BYTES));
        assert!(asked.check().is_ok());
        let size = SIZE_MAX_BYTES as f64;
        for each in predicted(&asked) {
            let payload = each.bytes.unwrap().payload_bytes;
            assert!((payload / size - 1.0).abs() < 0.001, "{}", each.lane);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for rate_per_s in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(asked(rate_per_s).check().is_err(), "{rate_per_s}");
        }
        assert!(asked(4.0).check().is_ok());
    }
}
