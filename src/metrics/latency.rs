//! Histograms of delays, one for each lane, transport, protocol and stage.
//!
//! Every worker records into histograms of its own; reading merges them. Percentiles are taken
//! from merged histograms and never averaged. Values are µs, kept to three significant digits
//! (HdrHistogram), from 1 µs to 10 minutes; more counts as 10 minutes.
//!
//! Each recorder keeps two histograms: one since the start, as Prometheus expects
//! ([`Latencies::merged`]), and one of the last minutes, in slices, for the pages
//! ([`Latencies::figures`]). So a tab that was frozen once does not spoil all later percentiles.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::lane::LaneId;

const MAX_US: u64 = 600_000_000;
/// Significant digits of each value.
const DIGITS: u8 = 3;
/// Time that figures cover, µs: at most this, and one slice less just after a slice has begun.
pub const WINDOW_US: u64 = 300_000_000;
/// Length of a slice, µs; the oldest leaves the window as a whole.
const SLICE_US: u64 = 60_000_000;

/// From where to where a delay was measured.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Published → handed to the kernel, on the server's clock; replayed history is left out.
    Written,
    /// Intended → received by the browser, by its estimate of the server's clock.
    Received,
    /// Intended → the next animation frame after it was shown.
    Painted,
}

impl Stage {
    /// As labels have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Received => "received",
            Self::Painted => "painted",
        }
    }
}

/// What a histogram measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct LatencyKey {
    /// The lane.
    pub lane: LaneId,
    /// How bytes travel.
    pub transport: &'static str,
    /// What they mean.
    pub protocol: &'static str,
    /// From where to where.
    pub stage: Stage,
}

/// Records delays of one key. Cheap to clone; make one per worker.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Recorded>>);

struct Recorded {
    ever: Histogram<u64>,
    /// The oldest first, each with samples; at most the window's and the present one.
    slices: VecDeque<Slice>,
}

/// Delays of one [`SLICE_US`]. Its size grows with the largest delay: 8 KiB up to 2 ms, at most 85
/// KiB.
struct Slice {
    /// Which one since the clock's zero.
    number: u64,
    histogram: Histogram<u32>,
    /// Largest clock error bound that came with a sample, µs; 0 where there is one clock.
    bound_us: u64,
}

impl Default for Recorded {
    fn default() -> Self {
        Self {
            ever: empty(),
            slices: VecDeque::new(),
        }
    }
}

/// Drops slices that are out of the window at `now_us`.
fn forget(slices: &mut VecDeque<Slice>, now_us: u64) {
    let first = (now_us / SLICE_US).saturating_sub(WINDOW_US / SLICE_US - 1);
    while slices.front().is_some_and(|slice| slice.number < first) {
        slices.pop_front();
    }
}

/// The slice of `now_us`.
fn present(slices: &mut VecDeque<Slice>, now_us: u64) -> &mut Slice {
    forget(slices, now_us);
    let number = now_us / SLICE_US;
    if slices.back().is_none_or(|last| last.number < number) {
        slices.push_back(Slice {
            number,
            histogram: Histogram::new(DIGITS).expect("a histogram of 3 digits is valid"),
            bound_us: 0,
        });
    }
    slices.back_mut().expect("one was there or was added")
}

impl Recorder {
    /// `now_us`: on the monotonic clock.
    pub fn record(&self, delay_us: u64, now_us: u64) {
        self.record_all([delay_us].into_iter(), 0, now_us);
    }

    /// Records many delays under one lock. `bound_us`: how far off the clock that measured them may
    /// be.
    pub fn record_all(&self, delays_us: impl Iterator<Item = u64>, bound_us: u64, now_us: u64) {
        let mut recorded = self.recorded();
        let Recorded { ever, slices } = &mut *recorded;
        let slice = present(slices, now_us);
        for delay_us in delays_us {
            let delay_us = delay_us.clamp(1, MAX_US);
            ever.saturating_record(delay_us);
            // The histogram resizes itself; the clamp keeps it within 85 KiB.
            slice
                .histogram
                .record(delay_us)
                .expect("a histogram that grows takes every value");
            slice.bound_us = slice.bound_us.max(bound_us);
        }
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn empty() -> Histogram<u64> {
    let mut histogram =
        Histogram::new_with_bounds(1, MAX_US, DIGITS).expect("1 µs to 10 min at 3 digits is valid");
    histogram.auto(false);
    histogram
}

/// Figures of one key, over the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LatencyFigures {
    /// What is measured.
    #[serde(flatten)]
    pub key: LatencyKey,
    /// How many delays there are.
    pub n: u64,
    /// Median, µs.
    pub p50_us: u64,
    /// Nine of ten took at most so long, µs.
    pub p90_us: u64,
    /// 99 of 100 took at most so long, µs.
    pub p99_us: u64,
    /// The longest, µs.
    pub max_us: u64,
    /// The largest error of the clocks among them, µs.
    pub bound_us: u64,
}

/// Every histogram of a server.
#[derive(Default)]
pub struct Latencies {
    recorders: Mutex<Vec<(LatencyKey, Recorder)>>,
}

impl Latencies {
    /// A new recorder for a key; keep it, and do not make one per connection.
    pub fn recorder(&self, key: LatencyKey) -> Recorder {
        let recorder = Recorder::default();
        self.recorders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((key, recorder.clone()));
        recorder
    }

    fn recorders(&self) -> Vec<(LatencyKey, Recorder)> {
        let recorders = self.recorders.lock();
        recorders.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Merged histograms of every key that has any sample, since the start.
    pub fn merged(&self) -> BTreeMap<LatencyKey, Histogram<u64>> {
        let mut merged: BTreeMap<LatencyKey, Histogram<u64>> = BTreeMap::new();
        for (key, recorder) in self.recorders() {
            let recorded = recorder.recorded();
            if recorded.ever.is_empty() {
                continue;
            }
            let sum = merged.entry(key).or_insert_with(empty);
            sum.add(&recorded.ever)
                .expect("all histograms have the same bounds");
        }
        merged
    }

    /// Of every key that has any sample in the last [`WINDOW_US`].
    pub fn figures(&self, now_us: u64) -> Vec<LatencyFigures> {
        let mut merged: BTreeMap<LatencyKey, (Histogram<u64>, u64)> = BTreeMap::new();
        for (key, recorder) in self.recorders() {
            let mut recorded = recorder.recorded();
            forget(&mut recorded.slices, now_us);
            for slice in &recorded.slices {
                if slice.histogram.is_empty() {
                    continue;
                }
                let (sum, bound_us) = merged.entry(key).or_insert_with(|| (empty(), 0));
                for value in slice.histogram.iter_recorded() {
                    let count = u64::from(value.count_at_value());
                    sum.saturating_record_n(value.value_iterated_to(), count);
                }
                *bound_us = (*bound_us).max(slice.bound_us);
            }
        }
        merged
            .into_iter()
            .map(|(key, (histogram, bound_us))| LatencyFigures {
                key,
                n: histogram.len(),
                p50_us: histogram.value_at_quantile(0.50),
                p90_us: histogram.value_at_quantile(0.90),
                p99_us: histogram.value_at_quantile(0.99),
                max_us: histogram.max(),
                bound_us,
            })
            .collect()
    }

    /// Drops slices that are out of the window. Recording does so, too, but not on quiet lanes.
    pub fn forget(&self, now_us: u64) {
        for (_, recorder) in self.recorders() {
            forget(&mut recorder.recorded().slices, now_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: LatencyKey = LatencyKey {
        lane: LaneId::MAIN,
        transport: "sse",
        protocol: "plain",
        stage: Stage::Written,
    };

    #[test]
    fn recorders_of_one_key_are_merged_and_never_averaged() {
        let latencies = Latencies::default();
        let (one, other) = (latencies.recorder(KEY), latencies.recorder(KEY));
        one.record_all(std::iter::repeat_n(100, 99), 0, 7);
        other.record_all([100_000].into_iter(), 40, 7);
        let figures = latencies.figures(8);
        assert_eq!(figures.len(), 1);
        assert_eq!((figures[0].n, figures[0].p50_us), (100, 100));
        assert!(figures[0].max_us >= 100_000 && figures[0].max_us < 100_100);
        assert_eq!(figures[0].p99_us, 100, "an average would say 50,000");
        assert_eq!(figures[0].bound_us, 40);
    }

    #[test]
    fn out_of_range_values_are_kept_at_the_edge() {
        let latencies = Latencies::default();
        let recorder = latencies.recorder(KEY);
        recorder.record(0, 0);
        recorder.record(u64::MAX, 0);
        assert_eq!(latencies.figures(0)[0].n, 2);
        assert_eq!(latencies.merged()[&KEY].len(), 2);
    }

    #[test]
    fn a_tab_that_was_frozen_once_is_in_the_figures_for_a_window_and_not_for_ever() {
        let latencies = Latencies::default();
        let recorder = latencies.recorder(KEY);
        let began_us = 90 * SLICE_US + 5;
        recorder.record_all([400_000_000].into_iter(), 2_000_000, began_us);
        for second in 1..=600 {
            let now_us = began_us + second * 1_000_000;
            recorder.record_all([900].into_iter(), 300, now_us);
            let figures = latencies.figures(now_us)[0];
            let is_within = now_us < 90 * SLICE_US + WINDOW_US;
            assert_eq!(figures.max_us > 1_000, is_within, "after {second} s");
            assert_eq!(figures.bound_us > 300, is_within, "after {second} s");
            assert!(figures.n <= WINDOW_US / 1_000_000 + 1);
        }
        let ever = &latencies.merged()[&KEY];
        assert_eq!(ever.len(), 601, "Prometheus has all of them");
        assert!(ever.max() >= 400_000_000);
        let slices = || recorder.recorded().slices.len() as u64;
        assert!(slices() <= WINDOW_US / SLICE_US);
        latencies.forget(began_us + 600 * 1_000_000 + WINDOW_US);
        assert_eq!(slices(), 0);
        assert!(latencies.figures(began_us + 2_000 * 1_000_000).is_empty());
    }
}
