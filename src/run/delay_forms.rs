//! The delays and ages of a closed form, each with what may be claimed of it: a value that may be off
//! by so much, or a bound.
//!
//! - What only travels, and long polls: a value where the warm-up measured what the machine adds
//!   ([`Processing`]), for the mean and the median. The slowest deliveries are the machine's doing
//!   (a thread that woke late), which the middle of a warm-up says nothing of: from the 90th percentile
//!   on it is a lower bound. Without a warm-up that tells anything all of them are. A lower bound is the
//!   form alone: what the warm-up's deliveries took is nothing that each later one must take.
//! - Short polls: a value, for the wait is known and the machine adds little to it: what the quickest
//!   stream of the run took to its first client, or up to one round trip where none ran.
//! - The longest delay of what waits is a bound from above: nothing waits longer than for the next
//!   request. Of what only travels it is one from below.
//!
//! To the warm-up's tolerance comes what chance does to a mean of so few waits, two standard
//! errors; `docs/predictions.md` derives it.

use super::{
    figures::QUANTILES,
    plan::Plan,
    predicted::{Predicted, Predictions},
    processing::Processing,
    rows::seconds,
    theory::{Arrivals, DeliveryMode, Prediction, Sampled, Situation, processed},
};

const US_PER_S: f64 = 1e6;
/// The median is the last quantile that the middle of a warm-up says something of.
const TYPICAL_MAX: f64 = 0.5;

/// What the forms of a row's delays go by.
pub struct DelayForms<'a> {
    /// The run.
    pub plan: &'a Plan,
    /// How clients get what is published.
    pub mode: DeliveryMode,
    /// Load, distance and conditions.
    pub situation: Situation,
    /// `None` where the warm-up told nothing of it.
    pub processing: Option<Processing>,
}

impl DelayForms<'_> {
    /// The closed form with what the machine adds.
    pub fn processed(&self, prediction: Prediction) -> Prediction {
        match self.processing {
            None => prediction,
            Some(took) => processed(
                prediction,
                took.first_us / US_PER_S,
                took.others_us / US_PER_S,
            ),
        }
    }

    /// Of a prediction as theory gives it.
    pub fn mean(&self, prediction: Prediction) -> Predicted {
        self.typical(
            prediction.mean_delay_s,
            self.processed(prediction).mean_delay_s,
            self.chance_of_a_mean_s(),
        )
    }

    /// Percentiles and the longest.
    pub fn put_spread(&self, bare: Prediction, all: &mut Predictions) {
        let prediction = self.processed(bare);
        for (name, p) in QUANTILES {
            let form_s = bare.quantile_s(p);
            let predicted = match self.is_short_poll() || p <= TYPICAL_MAX {
                true => self.typical(
                    form_s,
                    prediction.quantile_s(p),
                    self.chance_of_a_quantile_s(p),
                ),
                false => at_least(form_s),
            };
            all.insert(name.into(), predicted);
        }
        let only_travels = bare.worst_delay_s <= bare.mean_delay_s;
        let longest = match only_travels {
            true => at_least(bare.worst_delay_s),
            false => Predicted::AtMost {
                at_most: prediction.worst_delay_s * US_PER_S + self.machine_off_us(),
            },
        };
        all.insert("max_us".into(), longest);
    }

    /// The age of what a display shows, when its mean is this without what the machine adds.
    pub fn age(&self, age_s: f64) -> Predicted {
        let added_s = self.processing.map_or(0.0, Processing::mean_us) / US_PER_S;
        // The gaps between publications of a Poisson process: the standard error of a ratio of their
        // squares to their sum is √2 of them over the root of how many there are.
        let of_gaps_s = match self.situation.arrivals {
            Arrivals::Periodic => 0.0,
            Arrivals::Poisson => {
                2.0 * 2.0_f64.sqrt() / self.situation.rate_per_s / self.publications().sqrt()
            }
        };
        self.typical(
            age_s,
            age_s + added_s,
            of_gaps_s + self.chance_of_a_mean_s(),
        )
    }

    /// Of a display that samples.
    pub fn put_ages(&self, sampled: Sampled, all: &mut Predictions) {
        all.insert("age_us".into(), self.age(sampled.mean_age_s));
        all.insert("peak_age_us".into(), self.age(sampled.peak_age_s));
    }

    /// The mean delay of what a display shows.
    pub fn sampled_mean(&self, sampled: Sampled) -> Predicted {
        let added_s = self.processing.map_or(0.0, Processing::mean_us) / US_PER_S;
        self.typical(
            sampled.mean_delay_s,
            sampled.mean_delay_s + added_s,
            self.chance_of_a_mean_s(),
        )
    }

    /// `form_s`: without what the machine adds.
    fn typical(&self, form_s: f64, delay_s: f64, chance_s: f64) -> Predicted {
        if self.processing.is_none() && !self.is_short_poll() {
            return at_least(form_s);
        }
        Predicted::Value {
            value: delay_s * US_PER_S,
            off: self.machine_off_us() + chance_s * US_PER_S,
            added: (delay_s - form_s) * US_PER_S,
        }
    }

    fn is_short_poll(&self) -> bool {
        matches!(self.mode, DeliveryMode::ShortPoll { .. })
    }

    fn machine_off_us(&self) -> f64 {
        match self.processing {
            Some(took) => took.off_us,
            None => self.situation.round_trip_s * US_PER_S,
        }
    }

    /// Two standard errors of the mean of waits that are spread evenly over a poll's interval.
    fn chance_of_a_mean_s(&self) -> f64 {
        2.0 * self.interval_s() / 12.0_f64.sqrt() / self.waits().sqrt()
    }

    /// As [`Self::chance_of_a_mean_s`], of a quantile: of a share `p` the error is √(p(1−p)/n).
    fn chance_of_a_quantile_s(&self, p: f64) -> f64 {
        2.0 * self.interval_s() * (p * (1.0 - p) / self.waits()).sqrt()
    }

    fn interval_s(&self) -> f64 {
        match self.mode {
            DeliveryMode::ShortPoll { interval_s, .. } => interval_s,
            DeliveryMode::LongPoll { .. } | DeliveryMode::Stream => 0.0,
        }
    }

    /// Waits that do not depend on each other. A poller's beat goes on, so that periodic publications
    /// meet it at a few phases only, which differ between clients; others meet it anywhere, and all
    /// clients see the same ones.
    fn waits(&self) -> f64 {
        match self.situation.arrivals {
            Arrivals::Periodic => self.plan.clients as f64,
            Arrivals::Poisson => self.publications(),
        }
    }

    fn publications(&self) -> f64 {
        let measured_s = seconds(self.plan.duration.0) * self.plan.repeat as f64;
        (self.situation.rate_per_s * measured_s).max(1.0)
    }
}

fn at_least(delay_s: f64) -> Predicted {
    Predicted::AtLeast {
        at_least: delay_s * US_PER_S,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{
        figures::Unit,
        theory::{Timer, predict},
    };

    fn forms(plan: &Plan, mode: DeliveryMode, processing: Option<Processing>) -> DelayForms<'_> {
        DelayForms {
            plan,
            mode,
            situation: Situation {
                arrivals: Arrivals::Periodic,
                rate_per_s: 4.0,
                round_trip_s: 1e-4,
                one_way_s: 5e-5,
            },
            processing,
        }
    }

    const TOOK: Processing = Processing {
        first_us: 300.0,
        others_us: 1_000.0,
        off_us: 200.0,
        publications: 4,
    };

    const POLLS: DeliveryMode = DeliveryMode::ShortPoll {
        interval_s: 0.5,
        timer: Timer::Interval,
    };

    #[test]
    fn a_stream_has_a_value_where_the_warm_up_measured_and_a_bound_where_it_did_not() {
        let plan = Plan::default();
        let all = |processing| {
            let forms = forms(&plan, DeliveryMode::Stream, processing);
            let mut all = Predictions::new();
            let bare = predict(forms.mode, forms.situation);
            forms.put_spread(bare, &mut all);
            all.insert("mean_us".into(), forms.mean(bare));
            all
        };
        let is = |predicted: Predicted, number: f64, off: Option<f64>| {
            assert!((predicted.number() - number).abs() < 1e-6, "{predicted:?}");
            assert!((predicted.form() - 50.0).abs() < 1e-6, "{predicted:?}");
            assert_eq!(predicted.off(), off);
        };
        let measured = all(Some(TOOK));
        is(measured["mean_us"], 850.0, Some(200.0));
        is(measured["p50_us"], 850.0, Some(200.0));
        is(measured["p90_us"], 50.0, None);
        assert_eq!(measured["p90_us"].sign(), "≥ ");
        is(measured["max_us"], 50.0, None);
        let unmeasured = all(None);
        for predicted in unmeasured.values() {
            is(*predicted, 50.0, None);
            assert_eq!(
                (predicted.sign(), predicted.claimed(Unit::Microseconds)),
                ("≥ ", None)
            );
        }
    }

    #[test]
    fn short_polls_have_values_whose_tolerance_is_the_machines_and_chance() {
        let plan = Plan::default();
        let forms = |processing| forms(&plan, POLLS, processing);
        let bare = predict(POLLS, forms(None).situation);
        let Predicted::Value { value, off, .. } = forms(None).mean(bare) else {
            panic!("a poll's mean is a value");
        };
        // 25 clients: 2 · 500 ms / √12 / 5 is 57.7 ms, and a round trip.
        assert!(
            (value - 250_050.0).abs() < 1e-6 && (off - 57_835.0).abs() < 1.0,
            "{value} {off}"
        );
        let mut all = Predictions::new();
        forms(Some(TOOK.of_one())).put_spread(bare, &mut all);
        assert!((all["max_us"].form() - 500_550.0).abs() < 1e-6);
        assert_eq!(all["max_us"].sign(), "≤ ");
        assert!(all["p99_us"].claimed(Unit::Microseconds).is_some());
    }
}
