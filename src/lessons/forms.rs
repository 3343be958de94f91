//! The closed forms that a lesson's `theory` names: what is expected, computed from the lesson's own `set` and the
//! points of its curve, so that a number in a file cannot be another than the form gives.

use super::{
    Lesson,
    step::{Guess, Kind, Set, Step},
};
use crate::{
    demo::schedule::Spread,
    run::theory::{Arrivals, DeliveryMode, Situation, Timer, predict},
};

/// In the order in which they are listed.
pub const NAMES: [&str; 3] = ["short_poll", "short_poll_delay", "long_poll_gap"];
/// How long the lab's long poll is held, in s, without a setting.
const HOLD_S: f64 = 25.0;

/// What the form says, in the unit of its figure (shares of 1, µs): one number, or one for each point of a curve.
/// `None`: there is no such form, or the steps do not have what goes into it.
///
/// - `short_poll`: the share of empty answers, from the rate of the source and the interval of the first group on
///   `short-poll`
/// - `short_poll_delay`: mean delay over the way, µs, for a curve over poll intervals
/// - `long_poll_gap`: what long polling adds to a stream's mean delay, µs, for a curve over round trips, from the
///   source
pub fn expected(name: &str, steps: &[Step], guess: Option<&Guess>) -> Option<Vec<f64>> {
    let sets = || {
        steps.iter().filter_map(|step| match &step.kind {
            Kind::Set(set) => Some(set),
            _ => None,
        })
    };
    let source = sets().find_map(|set| set.source.as_ref());
    let situation = |round_trip_s: f64| {
        let source = source?;
        Some(Situation {
            arrivals: match source.schedule {
                Spread::Periodic => Arrivals::Periodic,
                Spread::Poisson => Arrivals::Poisson,
            },
            rate_per_s: source.rate_per_s,
            round_trip_s,
            one_way_s: round_trip_s / 2.0,
        })
    };
    match name {
        "short_poll" => {
            let interval_s = sets().find_map(interval_s)?;
            let mode = every(interval_s);
            Some(vec![predict(mode, situation(0.0)?).empty_ratio])
        }
        "short_poll_delay" => {
            let anything = Situation {
                arrivals: Arrivals::Poisson,
                rate_per_s: 1.0,
                round_trip_s: 0.0,
                one_way_s: 0.0,
            };
            let delay = |interval_s: f64| predict(every(interval_s), anything).mean_delay_s * 1e6;
            Some(points_s(guess?)?.into_iter().map(delay).collect())
        }
        "long_poll_gap" => {
            let added = |round_trip_s: f64| {
                let situation = situation(round_trip_s)?;
                let held = predict(DeliveryMode::LongPoll { hold_s: HOLD_S }, situation);
                let stream = predict(DeliveryMode::Stream, situation);
                Some((held.mean_delay_s - stream.mean_delay_s) * 1e6)
            };
            points_s(guess?)?.into_iter().map(added).collect()
        }
        _ => None,
    }
}

fn every(interval_s: f64) -> DeliveryMode {
    DeliveryMode::ShortPoll {
        interval_s,
        timer: Timer::Interval,
    }
}

fn interval_s(set: &Set) -> Option<f64> {
    let mut groups = set.phones.iter();
    let interval_ms = groups.find_map(|group| match group.lane.as_str() {
        "short-poll" => group.poll_interval_ms,
        _ => None,
    })?;
    Some(interval_ms as f64 / 1_000.0)
}

/// Of the curve, in s.
fn points_s(guess: &Guess) -> Option<Vec<f64>> {
    let per_s = match guess.x_unit.as_str() {
        "ms" => 1_000.0,
        "s" => 1.0,
        _ => return None,
    };
    Some(guess.x.iter().map(|x| x / per_s).collect())
}

impl Lesson {
    /// What theory says, in the unit of its guess: one number, or of a curve one for each point; empty where it
    /// says nothing. The closed form where the lesson names one, since it is made of what the lesson sets; else what
    /// is written as expected.
    pub fn theory(&self) -> Vec<f64> {
        let written = || self.reveal().map(|reveal| reveal.expected.clone());
        let by_form = self.expected_by_theory();
        by_form.or_else(written).unwrap_or_default()
    }

    /// What the closed form of its reveal says, in the unit of its guess.
    pub fn expected_by_theory(&self) -> Option<Vec<f64>> {
        let reveal = self.reveal()?;
        let found = expected(reveal.theory.as_deref()?, &self.steps, self.guess())?;
        Some(
            found
                .into_iter()
                .map(|value| value / reveal.per_unit)
                .collect(),
        )
    }
}
