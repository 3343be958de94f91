//! What the instruments may have made of a figure, and what can be said of it then: the rule of
//! docs/measuring.md, and nothing that measures.
//!
//! A delay is measured from the intended instant of a publication to the end of a client's read.
//! Between the two the generator itself may be late: in writing the publication, in asking for it
//! where clients ask, and in reading what the kernel already has. Each of these only adds, so the
//! truth is taken to lie between the figure less all of them and the figure ([`truth`]). They come
//! one after the other and are added, at the same quantile as the figure, a mean for a mean: of
//! means that is exact, of quantiles an estimate. How late the publisher *woke* is in how late it
//! wrote, and is not added again.
//!
//! ```text
//! due ──► woke ──► written ───────────────► in the client's kernel ──► read
//!  └── published late ──┘   the lane's delay           └── read late ────┘
//! ```
//!
//! - A figure larger than its error is a number with `±`; any other is a bound ([`said`]).
//! - A comparison is decided where the error is within its tolerance, or where every value that the
//!   truth may have decides it alike; else it is withheld ([`decided`]).
//! - Counts and bytes have no error of this kind: nobody who is late counts otherwise. The share
//!   that is delivered has one where clients are cut off and miss what is published meanwhile.

use std::fmt;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::figure::Figure;

/// The error of a number is smaller than this share of it; otherwise there is only a bound: less
/// than nothing is no delay, so an error as large as the figure leaves no number.
pub const NUMBER_SHARE: f64 = 1.0;
/// The error of what is compared is at most this share of the tolerance: a tolerance is what a
/// figure may be off without anybody minding, whatever made it so.
pub const TOLERANCE_SHARE: f64 = 1.0;
/// Reads of a client from its start to its channel, at most: the handshake's answer, the
/// protocol's greeting, the answer to a subscription, and one more where a connection is upgraded.
const READS_TO_CHANNEL: f64 = 4.0;
/// The share that lateness reaches, where there are cuts.
const DELIVERED: &str = "delivery_ratio";
/// One reading of the clock, µs.
const TICK_US: f64 = 1.0;

/// What a figure's error is made of, µs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parts {
    /// Due → written by the publisher.
    pub published_us: f64,
    /// Due → asked by a client that polls.
    pub asked_us: f64,
    /// In the client's kernel → read.
    pub read_us: f64,
    /// What the clocks of both ends may be apart, in either direction.
    pub clock_us: f64,
    /// What the figure itself is rounded to.
    pub resolution_us: f64,
}

impl Parts {
    /// All of them added, since they come one after the other, µs.
    pub fn total_us(&self) -> f64 {
        self.published_us + self.asked_us + self.read_us + self.clock_us + self.resolution_us
    }

    fn times(self, factor: f64) -> Self {
        Self {
            published_us: self.published_us * factor,
            asked_us: self.asked_us * factor,
            read_us: self.read_us * factor,
            ..self
        }
    }
}

/// As in "published 0.30 ms late, read 1.50 ms late".
impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (us, before, after) in [
            (self.published_us, "published", " late"),
            (self.asked_us, "asked", " late"),
            (self.read_us, "read", " late"),
            (self.clock_us, "clocks", " apart"),
            (self.resolution_us, "rounded to", ""),
        ] {
            // What is not seen in hundredths of a millisecond explains nothing.
            if us >= 5.0 {
                parts.push(format!("{before} {:.2} ms{after}", us / 1e3));
            }
        }
        f.write_str(&parts.join(", "))
    }
}

/// How late the generator was for one row, over all of its passes.
#[derive(Debug, Clone)]
pub struct Lags {
    /// A publication was due → it was written, µs, of each one.
    pub publish: Histogram<u64>,
    /// An instant was due → the receiving thread had noticed: what any timer of a client is late.
    pub notice: Histogram<u64>,
    /// In the kernel → read, of each read while it was measured; empty where no kernel tells.
    pub read: Histogram<u64>,
    /// The same while the clients came in.
    pub connect: Histogram<u64>,
    /// Its clients ask: they can be late in that, too.
    pub asks: bool,
    /// How far apart the clocks of publisher and receiver may be, µs; 0 within one process.
    pub clock_bound_us: u64,
    /// How often its clients are cut off, and miss what is published then; `None`: never.
    pub cut_every_us: Option<f64>,
}

/// Where in a distribution a figure lies.
#[derive(Debug, Clone, Copy)]
enum At {
    Quantile(f64),
    Mean,
}

impl At {
    fn of(self, lag: &Histogram<u64>) -> f64 {
        match self {
            _ if lag.is_empty() => 0.0,
            Self::Quantile(p) => lag.value_at_quantile(p) as f64,
            Self::Mean => lag.mean(),
        }
    }
}

impl Lags {
    /// Those of another pass with them.
    pub fn merge(&mut self, other: &Self) {
        for (sum, lag) in [
            (&mut self.publish, &other.publish),
            (&mut self.notice, &other.notice),
            (&mut self.read, &other.read),
            (&mut self.connect, &other.connect),
        ] {
            sum.add(lag)
                .expect("a histogram that grows takes every value");
        }
        self.asks |= other.asks;
        self.clock_bound_us = self.clock_bound_us.max(other.clock_bound_us);
    }

    /// What the error of a delay is made of that is the quantile `p`, µs.
    pub fn at(&self, p: f64, value_us: f64) -> Parts {
        self.of_delay(At::Quantile(p), value_us)
    }

    fn of_delay(&self, at: At, value_us: f64) -> Parts {
        Parts {
            published_us: at.of(&self.publish),
            asked_us: if self.asks { at.of(&self.notice) } else { 0.0 },
            // Both look at the same thread: the reads where it matters, the other at all times.
            read_us: at.of(&self.read).max(at.of(&self.notice)),
            clock_us: self.clock_bound_us as f64,
            resolution_us: bucket_us(value_us),
        }
    }

    /// What a share that counts what was missed in cuts may be off: who publishes late, publishes
    /// into a cut what was due before it, and past its end what was due within.
    pub fn of_share(&self, name: &str) -> Option<f64> {
        let every_us = self.cut_every_us.filter(|_| name == DELIVERED)?;
        Some(self.of_delay(At::Mean, 0.0).total_us() / every_us)
    }

    /// What the error of a figure with this value is made of; `None` where it has none of this
    /// kind: it is no delay, or the kernel counted it.
    pub fn parts(&self, name: &str, value: f64) -> Option<Parts> {
        use At::{Mean, Quantile};
        let delay = |at: At| self.of_delay(at, value);
        // From a client's own start, or from a cut that it made itself.
        let arrival = |at: At, lag: &Histogram<u64>, reads: f64| Parts {
            read_us: reads * at.of(lag).max(at.of(&self.notice)),
            resolution_us: TICK_US,
            ..Parts::default()
        };
        let with_publication = |parts: Parts, at: At| Parts {
            published_us: at.of(&self.publish),
            ..parts
        };
        let median = Quantile(0.5);
        Some(match name {
            "p50_us" => delay(median),
            "p90_us" => delay(Quantile(0.9)),
            "p95_us" => delay(Quantile(0.95)),
            "p99_us" => delay(Quantile(0.99)),
            "p999_us" => delay(Quantile(0.999)),
            "max_us" => delay(Quantile(1.0)),
            // Each of two neighbours may be late, and the other not.
            "jitter_us" => delay(Mean).times(2.0),
            "back_us" => arrival(median, &self.read, READS_TO_CHANNEL),
            "back_95_us" => arrival(Quantile(0.95), &self.read, READS_TO_CHANNEL),
            "first_after_us" => {
                with_publication(arrival(median, &self.read, READS_TO_CHANNEL + 1.0), median)
            }
            "subscribed_us" => arrival(median, &self.connect, READS_TO_CHANNEL),
            "first_publication_us" => with_publication(
                arrival(median, &self.connect, READS_TO_CHANNEL + 1.0),
                median,
            ),
            // Ages are areas under what each delivery's lateness lifts by itself.
            "mean_us" | "age_us" | "peak_age_us" => delay(Mean),
            _ => return None,
        })
    }
}

/// A histogram with three digits counts a value as the largest of its bucket, which is as wide, µs.
fn bucket_us(value: f64) -> f64 {
    const EXACT_BELOW_US: f64 = 2_048.0;
    match value < EXACT_BELOW_US {
        true => TICK_US,
        false => 2f64.powf((value / EXACT_BELOW_US).log2().floor() + 1.0),
    }
}

/// A figure with its error, or the bound that is left of it. What is not valid stays so.
pub fn said(name: &str, figure: &Figure, parts: &Parts) -> Figure {
    let Figure::Valid {
        value, low, high, ..
    } = *figure
    else {
        return figure.clone();
    };
    let error = parts.total_us();
    match error < NUMBER_SHARE * value {
        true => Figure::Valid {
            value,
            low,
            high,
            error: Some(error),
        },
        false => Figure::Below {
            below: match goes_both_ways(name) {
                true => value + error,
                false => value + parts.clock_us + parts.resolution_us,
            },
            error: Some(error),
        },
    }
}

/// Whether lateness may also make a figure smaller: of two delays the first may be the late one,
/// and of a cut's ends either.
fn goes_both_ways(name: &str) -> bool {
    name == "jitter_us" || name == DELIVERED
}

/// Between which values the truth of a figure lies; `None` where nothing is known. A figure
/// without an error is taken as it is.
pub fn truth(name: &str, figure: &Figure) -> Option<(f64, f64)> {
    match *figure {
        Figure::Valid { value, error, .. } => {
            let error = error.unwrap_or(0.0);
            let above = if goes_both_ways(name) { error } else { 0.0 };
            Some((value - error, value + above))
        }
        Figure::Below { below, .. } => Some((0.0, below)),
        Figure::Invalid { .. } => None,
    }
}

/// Whether what was measured is as accepted: between the two, ends included. `None` where it
/// cannot be told: the error is larger than the tolerance, and the truth may lie on either side.
/// A bound, which has no `value`, decides only by all that it leaves open.
pub fn decided(
    value: Option<f64>,
    (low, high): (f64, f64),
    (least, most): (f64, f64),
    tolerance: f64,
) -> Option<bool> {
    if least <= low && high <= most {
        return Some(true);
    }
    if high < least || most < low {
        return Some(false);
    }
    let value = value?;
    let error = (value - low).max(high - value);
    (error <= TOLERANCE_SHARE * tolerance).then_some(least <= value && value <= most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{
        collector::empty_histogram,
        figures::{CATALOGUE, Unit},
    };

    fn lag(us: u64) -> Histogram<u64> {
        let mut histogram = empty_histogram();
        if us > 0 {
            histogram.record_n(us, 1_000).unwrap();
        }
        histogram
    }

    fn late(publish_us: u64, notice_us: u64, read_us: u64) -> Lags {
        Lags {
            publish: lag(publish_us),
            notice: lag(notice_us),
            read: lag(read_us),
            connect: lag(100),
            asks: false,
            clock_bound_us: 0,
            cut_every_us: None,
        }
    }

    fn measured(name: &str, value: f64, lags: &Lags) -> Figure {
        let figure = Figure::new(value, None);
        match lags.parts(name, value) {
            Some(parts) => said(name, &figure, &parts),
            None => figure,
        }
    }

    #[test]
    fn a_delay_larger_than_its_error_is_a_number_and_a_smaller_one_a_bound() {
        let late = late(800, 200, 1_000);
        for (value, error) in [(2_500_000.0, 1_800.0 + 2_048.0), (1_802.0, 1_801.0)] {
            let Figure::Valid {
                value: shown,
                error: Some(found),
                ..
            } = measured("p50_us", value, &late)
            else {
                panic!("{value} is larger than its error");
            };
            assert_eq!((shown, found), (value, error));
        }
        for value in [1_801.0, 700.0, 0.0] {
            let Figure::Below { below, error } = measured("p50_us", value, &late) else {
                panic!("{value} is not larger than its error");
            };
            assert_eq!(
                (below, error),
                (value + 1.0, Some(1_801.0)),
                "lateness only adds"
            );
        }
    }

    #[test]
    fn every_class_of_figures_has_its_line() {
        let mut late = late(1_000, 500, 800);
        late.asks = true;
        for (name, error_us) in [
            ("p50_us", 1_000.0 + 500.0 + 800.0),
            ("p99_us", 2_300.0),
            ("max_us", 2_300.0),
            ("mean_us", 2_300.0),
            ("age_us", 2_300.0),
            ("peak_age_us", 2_300.0),
            ("jitter_us", 4_600.0),
            ("back_us", 4.0 * 800.0),
            ("back_95_us", 3_200.0),
            ("first_after_us", 1_000.0 + 5.0 * 800.0),
            ("subscribed_us", 4.0 * 500.0),
            ("first_publication_us", 1_000.0 + 5.0 * 500.0),
        ] {
            let above = measured(name, error_us * 1.01, &late);
            assert!(above.value().is_some(), "{name}: {above:?}");
            let below = measured(name, error_us * 0.99, &late);
            assert!(matches!(below, Figure::Below { .. }), "{name}: {below:?}");
        }
        for kind in CATALOGUE {
            let is_delay =
                kind.unit == Unit::Microseconds && kind.name != "server_cpu_us_per_delivery";
            let parts = late.parts(kind.name, 1.0);
            assert_eq!(
                parts.is_some(),
                is_delay,
                "{}: counts are counts",
                kind.name
            );
        }
    }

    #[test]
    fn an_error_is_taken_where_the_figure_is() {
        let mut late = late(100, 50, 50);
        late.read.record_n(9_000, 30).unwrap();
        let error = |name| late.parts(name, 500.0).unwrap().total_us();
        assert!(error("p50_us") < 200.0, "{}", error("p50_us"));
        assert!(error("p99_us") > 9_000.0, "{}", error("p99_us"));
        let mean = error("mean_us");
        assert!((390.0..430.0).contains(&mean), "{mean}");
        // What is seen at all times stands in where reads tell less.
        late.notice = lag(700);
        assert!((800.0..810.0).contains(&late.parts("p50_us", 500.0).unwrap().total_us()));
    }

    #[test]
    fn jitter_may_be_larger_than_measured_and_a_delay_may_not() {
        let late = late(500, 0, 0);
        let jitter = measured("jitter_us", 300.0, &late);
        assert_eq!(truth("jitter_us", &jitter), Some((0.0, 1_301.0)));
        let jitter = measured("jitter_us", 2_000.0, &late);
        assert_eq!(truth("jitter_us", &jitter), Some((999.0, 3_001.0)));
        let delay = measured("p50_us", 2_000.0, &late);
        assert_eq!(truth("p50_us", &delay), Some((1_499.0, 2_000.0)));
        assert_eq!(truth("p50_us", &Figure::invalid("few")), None);
        assert_eq!(truth("p50_us", &Figure::new(7.0, None)), Some((7.0, 7.0)));
    }

    #[test]
    fn a_comparison_is_decided_where_its_error_is_within_its_tolerance() {
        const MS: f64 = 1_000.0;
        let near = |value: f64, error: f64, predicted: f64, tolerance: f64| {
            let truth = (value - error, value);
            let accepted = (predicted - tolerance, predicted + tolerance);
            decided(Some(value), truth, accepted, tolerance)
        };
        assert_eq!(near(10.5 * MS, 1.8 * MS, 10.0 * MS, 1.0 * MS), None);
        assert_eq!(near(10.5 * MS, 1.8 * MS, 10.0 * MS, 10.0 * MS), Some(true));
        assert_eq!(near(25.0 * MS, 1.8 * MS, 10.0 * MS, 10.0 * MS), Some(false));
        assert_eq!(
            near(25.0 * MS, 1.8 * MS, 10.0 * MS, 1.0 * MS),
            Some(false),
            "whatever the truth within the error"
        );
        assert_eq!(near(1.0 * MS, 1.0 * MS, 0.0, 1.0 * MS), Some(true));
    }

    #[test]
    fn a_bound_can_satisfy_and_never_fails_what_it_leaves_open() {
        let below = |bound: f64, accepted| decided(None, (0.0, bound), accepted, 1.0);
        assert_eq!(
            below(3.0, (f64::NEG_INFINITY, 5.0)),
            Some(true),
            "at most 5"
        );
        assert_eq!(below(3.0, (f64::NEG_INFINITY, 2.0)), None, "it may be 1");
        assert_eq!(below(3.0, (2.0, f64::INFINITY)), None, "it may be 2.5");
        assert_eq!(below(3.0, (4.0, f64::INFINITY)), Some(false), "it is not 4");
        assert_eq!(below(3.0, (0.0, 4.0)), Some(true), "near 2 within 2");
        assert_eq!(below(3.0, (1.0, 4.0)), None);
    }

    #[test]
    fn who_is_late_publishes_into_a_cut_what_was_due_before_it() {
        let mut late = late(9_000, 0, 1_000);
        assert_eq!(late.of_share("delivery_ratio"), None, "nobody is cut off");
        late.cut_every_us = Some(1e6);
        let error = late.of_share("delivery_ratio").unwrap();
        assert!((0.010..0.0101).contains(&error), "{error}");
        assert_eq!(late.of_share("empty_ratio"), None);
    }

    #[test]
    fn an_error_says_what_it_is_made_of() {
        let parts = late(300, 0, 1_500).parts("p50_us", 700.0).unwrap();
        assert_eq!(
            parts.to_string(),
            "published 0.30 ms late, read 1.50 ms late"
        );
    }
}
