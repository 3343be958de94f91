//! `GET /api/predictions`: what theory says each lane should show under given settings
//! ([`crate::run::theory`]), so that a page can draw it beside what it measured.
//!
//! `?rate_per_s=4&schedule=poisson&poll_interval_ms=500&hold_ms=25000&round_trip_us=400` →
//! `{"predicted":[{"lane","transport","protocol","mean_us","p50_us","p90_us","p99_us","max_us",
//! "empty_ratio","requests_per_publication"}]}`.

use actix_web::{HttpResponse, http::header, web};
use serde::{Deserialize, Serialize};

use crate::{
    catalogue::{Fetching, LANES},
    error::{Code, Refusal},
    run::theory::{Arrivals, DeliveryMode, Situation, Timer, predict},
};

#[derive(Deserialize)]
pub struct PredictionQuery {
    rate_per_s: f64,
    schedule: Schedule,
    poll_interval_ms: f64,
    hold_ms: f64,
    /// Way there and back, the server's own time included.
    round_trip_us: f64,
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
        ];
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

pub async fn handle(asked: web::Query<PredictionQuery>) -> Result<HttpResponse, Refusal> {
    asked.check()?;
    let predicted = LANES
        .iter()
        .map(|lane| {
            let prediction = predict(asked.mode_of(lane.fetching), asked.situation());
            let us = |seconds: f64| seconds * 1e6;
            Predicted {
                lane: lane.id.0,
                transport: lane.transport,
                protocol: lane.protocol,
                mean_us: us(prediction.mean_delay_s),
                p50_us: us(prediction.quantile_s(0.5)),
                p90_us: us(prediction.quantile_s(0.9)),
                p99_us: us(prediction.quantile_s(0.99)),
                max_us: us(prediction.worst_delay_s),
                empty_ratio: prediction.empty_ratio,
                requests_per_publication: prediction.requests_per_event,
            }
        })
        .collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Answer { predicted }))
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
