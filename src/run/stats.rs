//! From delays to figures: quantiles that count what never came, and intervals over repetitions.

use hdrhistogram::Histogram;

use super::collector::{Collected, SLICES, empty_histogram};

/// Two-sided 95 % points of Student's t for 1, 2, … degrees of freedom; 1.96 beyond.
const STUDENT_95: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];
/// Fewer repetitions than this say nothing about their spread.
const REPETITIONS_MIN: usize = 3;
/// Parts of a single repetition that stand in for repetitions (batch means).
const BATCHES: usize = 10;

/// A mean's 95 % interval.
pub type Interval = (f64, f64);

/// Delays of one row over all repetitions.
pub struct Delays {
    /// Every delay, µs.
    pub all: Histogram<u64>,
    /// Deliveries that were due: publications times clients.
    pub expected: u64,
    /// Deliveries that came.
    pub delivered: u64,
    /// One for each repetition, or for each tenth of a few: what intervals are made of.
    batches: Vec<Histogram<u64>>,
    /// By slice of the measured time, over all repetitions.
    pub slices: Vec<Histogram<u64>>,
}

impl Delays {
    /// Put together, never averaged.
    pub fn of(repetitions: &[Collected]) -> Self {
        let mut all = empty_histogram();
        let mut slices: Vec<_> = (0..SLICES).map(|_| empty_histogram()).collect();
        let mut by_repetition = Vec::new();
        for repetition in repetitions {
            let mut own = empty_histogram();
            for (sum, slice) in slices.iter_mut().zip(&repetition.slices) {
                merge(&mut own, slice);
                merge(sum, slice);
            }
            merge(&mut all, &own);
            by_repetition.push(own);
        }
        let batches = match by_repetition.len() < REPETITIONS_MIN {
            true => slices
                .chunks(SLICES / BATCHES)
                .map(|chunk| {
                    let mut batch = empty_histogram();
                    chunk.iter().for_each(|slice| merge(&mut batch, slice));
                    batch
                })
                .collect(),
            false => by_repetition,
        };
        Self {
            all,
            expected: repetitions.iter().map(|r| r.expected).sum(),
            delivered: repetitions.iter().map(|r| r.delivered).sum(),
            batches,
            slices,
        }
    }

    /// The delay in µs that a share `p` of all expected publications did not exceed. What never
    /// came has an infinite delay: `None` where the quantile falls among these.
    pub fn quantile_us(&self, p: f64) -> Option<f64> {
        let rank = (p * self.expected as f64).ceil();
        if self.delivered == 0 || rank > self.delivered as f64 {
            return None;
        }
        Some(self.all.value_at_quantile(rank / self.delivered as f64) as f64)
    }

    /// The interval of a figure of one histogram, over the batches.
    pub fn interval(&self, figure: impl Fn(&Histogram<u64>) -> f64) -> Option<Interval> {
        let filled: Vec<_> = self.batches.iter().filter(|b| !b.is_empty()).collect();
        interval(&filled.into_iter().map(figure).collect::<Vec<_>>())
    }
}

fn merge(sum: &mut Histogram<u64>, other: &Histogram<u64>) {
    sum.add(other)
        .expect("a histogram that grows takes every value");
}

/// Mean ± Student's t · s/√n at 95 %; `None` for too few values to tell.
pub fn interval(values: &[f64]) -> Option<Interval> {
    if values.len() < REPETITIONS_MIN {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let t = STUDENT_95.get(values.len() - 2).copied().unwrap_or(1.96);
    let half = t * (variance / n).sqrt();
    Some((mean - half, mean + half))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(delays_us: &[u64], expected: u64) -> Collected {
        let mut slices: Vec<_> = (0..SLICES).map(|_| empty_histogram()).collect();
        for (index, delay_us) in delays_us.iter().enumerate() {
            slices[index % SLICES].record(*delay_us).unwrap();
        }
        Collected {
            expected,
            delivered: delays_us.len() as u64,
            slices,
            ..Collected::default()
        }
    }

    #[test]
    fn what_never_came_counts_as_infinitely_late() {
        let delays = Delays::of(&[collected(&[100; 80], 100)]);
        assert_eq!(delays.quantile_us(0.8), Some(100.0));
        assert_eq!(delays.quantile_us(0.81), None);
        assert_eq!(Delays::of(&[collected(&[], 100)]).quantile_us(0.01), None);
    }

    #[test]
    fn quantiles_are_of_the_merged_histogram() {
        let delays = Delays::of(&[collected(&[100; 99], 99), collected(&[9_000], 1)]);
        assert_eq!(delays.quantile_us(0.5), Some(100.0));
        assert_eq!(delays.quantile_us(0.99), Some(100.0));
        assert!(delays.quantile_us(1.0).unwrap() >= 9_000.0);
    }

    #[test]
    fn intervals_are_students() {
        // scipy.stats.t.interval(0.95, 4, loc=3, scale=sem([1,2,3,4,5])) = (1.0368, 4.9632)
        let (low, high) = interval(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert!((low - 1.0368).abs() < 0.001 && (high - 4.9632).abs() < 0.001);
        assert_eq!(interval(&[1.0, 2.0]), None);
        let repeated = Delays::of(&[
            collected(&[10], 1),
            collected(&[20], 1),
            collected(&[30], 1),
        ]);
        let (low, high) = repeated.interval(|h| h.mean()).unwrap();
        assert!(low < 20.0 && high > 20.0);
    }
}
