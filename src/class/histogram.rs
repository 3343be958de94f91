//! The guesses of a class, counted: never who, only how many.

use serde::{Deserialize, Serialize};

use super::guess::{Asked, Guess, Scale};

/// Bars of a number's histogram.
const BINS: usize = 10;

/// Depends on what was asked. `count` holds all of them, those who do not know included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Histogram {
    /// Of numbers.
    Number {
        /// Equal parts of the axis.
        bins: Vec<Bin>,
        /// How many do not know.
        unknown: usize,
        /// Of those who said a number.
        median: Option<f64>,
        /// How many in all.
        count: usize,
    },
    /// Of options.
    Choice {
        /// How many chose each.
        options: Vec<usize>,
        /// How many do not know.
        unknown: usize,
        /// How many in all.
        count: usize,
    },
    /// For each x: a quarter guessed at most `low`, half at most `middle`, three quarters at most
    /// `high`. Empty where nobody drew one.
    Curve {
        /// Lower quartile at each x.
        low: Vec<f64>,
        /// Median at each x.
        middle: Vec<f64>,
        /// Upper quartile at each x.
        high: Vec<f64>,
        /// How many do not know.
        unknown: usize,
        /// How many in all.
        count: usize,
    },
    /// Of items in an order.
    Order {
        /// `places[i][j]`: how many put item i at place j.
        places: Vec<Vec<usize>>,
        /// How many do not know.
        unknown: usize,
        /// How many in all.
        count: usize,
    },
}

/// From `from`, without `to`; the last one has its end, too.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Lower end, included.
    pub from: f64,
    /// Upper end.
    pub to: f64,
    /// Guesses in it.
    pub count: usize,
}

impl Histogram {
    /// Guesses that are none of the question's count as unknown.
    pub fn of<'a>(asked: &Asked, guesses: impl IntoIterator<Item = &'a Guess>) -> Self {
        let guesses: Vec<&Guess> = guesses.into_iter().collect();
        let count = guesses.len();
        match asked {
            Asked::Number {
                min, max, scale, ..
            } => {
                let mut numbers: Vec<f64> = guesses
                    .iter()
                    .filter_map(|guess| match guess {
                        Guess::Number(number) if number.is_finite() => Some(*number),
                        _ => None,
                    })
                    .collect();
                numbers.sort_by(f64::total_cmp);
                Self::Number {
                    bins: bins(*min, *max, *scale, &numbers),
                    unknown: count - numbers.len(),
                    median: median(&numbers),
                    count,
                }
            }
            Asked::Choice { options, .. } => {
                let mut counts = vec![0; options.len()];
                let mut known = 0;
                for guess in &guesses {
                    if let Guess::Choices(chosen) = guess {
                        known += 1;
                        for number in chosen {
                            if let Some(at) =
                                number.checked_sub(1).and_then(|at| counts.get_mut(at))
                            {
                                *at += 1;
                            }
                        }
                    }
                }
                Self::Choice {
                    options: counts,
                    unknown: count - known,
                    count,
                }
            }
            Asked::Curve { x, .. } => {
                let drawn: Vec<&Vec<f64>> = guesses
                    .iter()
                    .filter_map(|guess| match guess {
                        Guess::Curve(values) if values.len() == x.len() => Some(values),
                        _ => None,
                    })
                    .collect();
                let quarters = |share: f64| match drawn.is_empty() {
                    true => Vec::new(),
                    false => (0..x.len())
                        .map(|at| {
                            let mut all: Vec<f64> = drawn.iter().map(|values| values[at]).collect();
                            all.sort_by(f64::total_cmp);
                            ranked(&all, share)
                        })
                        .collect(),
                };
                Self::Curve {
                    low: quarters(0.25),
                    middle: quarters(0.5),
                    high: quarters(0.75),
                    unknown: count - drawn.len(),
                    count,
                }
            }
            Asked::Order { items, .. } => {
                let mut places = vec![vec![0; items.len()]; items.len()];
                let mut known = 0;
                for guess in &guesses {
                    if let Guess::Order(order) = guess {
                        known += 1;
                        for (place, item) in order.iter().enumerate() {
                            let item = item.checked_sub(1).and_then(|at| places.get_mut(at));
                            if let Some(cell) = item.and_then(|item| item.get_mut(place)) {
                                *cell += 1;
                            }
                        }
                    }
                }
                Self::Order {
                    places,
                    unknown: count - known,
                    count,
                }
            }
        }
    }

    /// How many guessed, those who do not know included.
    pub fn count(&self) -> usize {
        match self {
            Self::Number { count, .. }
            | Self::Choice { count, .. }
            | Self::Curve { count, .. }
            | Self::Order { count, .. } => *count,
        }
    }
}

fn bins(min: f64, max: f64, scale: Scale, numbers: &[f64]) -> Vec<Bin> {
    // A logarithm needs an axis above zero.
    let is_log = scale == Scale::Log && min > 0.0 && max > min;
    let edge = |at: usize| {
        let share = at as f64 / BINS as f64;
        match (at, is_log) {
            (0, _) => min,
            (BINS, _) => max,
            (_, true) => min * (max / min).powf(share),
            (_, false) => min + (max - min) * share,
        }
    };
    let mut bins: Vec<Bin> = (0..BINS)
        .map(|at| Bin {
            from: edge(at),
            to: edge(at + 1),
            count: 0,
        })
        .collect();
    for number in numbers {
        let at = bins.iter().position(|bin| *number < bin.to);
        let at = at.unwrap_or(BINS - 1);
        bins[at].count += 1;
    }
    bins
}

/// Of sorted numbers.
fn median(sorted: &[f64]) -> Option<f64> {
    let half = sorted.len() / 2;
    match sorted {
        [] => None,
        _ if sorted.len() % 2 == 1 => Some(sorted[half]),
        _ => Some(sorted[half - 1] / 2.0 + sorted[half] / 2.0),
    }
}

/// The nearest rank of sorted numbers, of which there is one at least.
fn ranked(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}
