//! Histograms of delays, one for each lane, transport, protocol and stage.
//!
//! Every worker records into histograms of its own; reading merges them. Percentiles are taken
//! from merged histograms and never averaged. Values are µs, kept to three significant digits
//! (HdrHistogram), from 1 µs to 10 minutes; more counts as 10 minutes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::lane::LaneId;

const MAX_US: u64 = 600_000_000;

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
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Received => "received",
            Self::Painted => "painted",
        }
    }
}

/// What a histogram is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct LatencyKey {
    pub lane: LaneId,
    pub transport: &'static str,
    pub protocol: &'static str,
    pub stage: Stage,
}

/// Records delays of one key. Cheap to clone; make one per worker.
#[derive(Clone)]
pub struct Recorder {
    histogram: Arc<Mutex<Histogram<u64>>>,
    /// Largest clock error bound that came with a sample, µs; 0 where there is one clock.
    bound_us: Arc<AtomicU64>,
}

impl Recorder {
    fn new() -> Self {
        Self {
            histogram: Arc::new(Mutex::new(empty())),
            bound_us: Arc::default(),
        }
    }

    pub fn record(&self, delay_us: u64) {
        self.record_all([delay_us].into_iter());
    }

    /// Records many under one lock.
    pub fn record_all(&self, delays_us: impl Iterator<Item = u64>) {
        let mut histogram = self
            .histogram
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for delay_us in delays_us {
            histogram.saturating_record(delay_us.max(1));
        }
    }

    /// States how far off the clock of what is recorded may be.
    pub fn clock_bound(&self, bound_us: u64) {
        self.bound_us.fetch_max(bound_us, Ordering::Relaxed);
    }
}

fn empty() -> Histogram<u64> {
    let mut histogram =
        Histogram::new_with_bounds(1, MAX_US, 3).expect("1 µs to 10 min at 3 digits is valid");
    histogram.auto(false);
    histogram
}

/// Figures of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LatencyFigures {
    #[serde(flatten)]
    pub key: LatencyKey,
    pub n: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
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
        let recorder = Recorder::new();
        self.recorders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((key, recorder.clone()));
        recorder
    }

    /// Merged histograms of every key that has any sample.
    pub fn merged(&self) -> BTreeMap<LatencyKey, (Histogram<u64>, u64)> {
        let recorders = self
            .recorders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut merged: BTreeMap<LatencyKey, (Histogram<u64>, u64)> = BTreeMap::new();
        for (key, recorder) in recorders {
            let histogram = recorder
                .histogram
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if histogram.is_empty() {
                continue;
            }
            let (sum, bound_us) = merged.entry(key).or_insert_with(|| (empty(), 0));
            sum.add(&*histogram)
                .expect("all histograms have the same bounds");
            *bound_us = (*bound_us).max(recorder.bound_us.load(Ordering::Relaxed));
        }
        merged
    }

    pub fn figures(&self) -> Vec<LatencyFigures> {
        self.merged()
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
        one.record_all(std::iter::repeat_n(100, 99));
        other.record(100_000);
        other.clock_bound(40);
        let figures = latencies.figures();
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
        recorder.record(0);
        recorder.record(u64::MAX);
        assert_eq!(latencies.figures()[0].n, 2);
    }
}
