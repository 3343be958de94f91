//! A figure as the sentence reads it: what it is, and how far it may be off.

use serde::Deserialize;

use super::numbers::{at_most_us, decimal, grouped, range_us, span_us, within};
use crate::run::{figure::is_measurable, figures::Figure, uncertainty::truth};

/// Where a figure does not say how far it is off, µs: timers and event loops of both ends are about
/// this coarse.
const DELAY_OFF_US: f64 = 1_000.0;
/// The same of any other figure, as a share of it.
const OTHER_OFF: f64 = 0.005;

/// A figure in JSON, see the project's shared form: a value with what it may be off, a bound, or why
/// there is none.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Reading {
    /// A value, with what it may be off.
    Is {
        /// As measured.
        value: f64,
        /// The 95 % interval, where repetitions tell.
        #[serde(default)]
        low: Option<f64>,
        /// Upper end of what is likely, over repetitions.
        #[serde(default)]
        high: Option<f64>,
        /// What instruments may be off, ±.
        #[serde(default)]
        error: Option<f64>,
    },
    /// Smaller than its own error.
    Below {
        /// It is below this.
        below: f64,
    },
    /// There is none.
    Withheld {
        /// Why not.
        invalid: String,
    },
}

/// What is known of a figure: it lies between `low` and `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// The best guess; of a bound the bound itself.
    pub value: f64,
    /// It is not less.
    pub low: f64,
    /// It is not more.
    pub high: f64,
    /// What of that its instruments may be off, where it says so. Chance is not in it.
    pub error: f64,
    /// Only its upper end is known.
    pub is_bound: bool,
}

impl Reading {
    /// A figure of a report. Lateness mostly only adds, so that its truth lies on one side of it.
    pub fn of(name: &str, figure: &Figure) -> Self {
        match figure {
            Figure::Valid { value, error, .. } => {
                let value = *value;
                let chance = figure.interval();
                let (low, high) = chance.unwrap_or((value, value));
                let (least, most) = truth(name, figure).unwrap_or((value, value));
                let is_stated = chance.is_some() || error.is_some();
                Self::Is {
                    value,
                    low: is_stated.then_some(low.min(value) - (value - least)),
                    high: is_stated.then_some(high.max(value) + (most - value)),
                    error: None,
                }
            }
            Figure::Below { below, .. } => Self::Below { below: *below },
            Figure::Invalid { invalid } => Self::Withheld {
                invalid: invalid.clone(),
            },
        }
    }

    /// `None` where it is withheld, or no number that a measurement gives.
    pub fn known(&self, name: &str) -> Option<Known> {
        match self {
            Self::Withheld { .. } => None,
            Self::Below { below } => (*below > 0.0 && is_measurable(*below)).then_some(Known {
                value: *below,
                low: 0.0,
                high: *below,
                error: 0.0,
                is_bound: true,
            }),
            Self::Is { value, .. } if *value < 0.0 => None,
            Self::Is {
                value,
                low,
                high,
                error,
            } if [Some(*value), *low, *high, *error]
                .into_iter()
                .flatten()
                .any(|number| !is_measurable(number)) =>
            {
                None
            }
            Self::Is {
                value,
                low,
                high,
                error,
            } => {
                let chance = low.zip(*high);
                let off = match (chance, error) {
                    (None, None) if name.ends_with("_us") => DELAY_OFF_US,
                    (None, None) => value * OTHER_OFF,
                    (_, error) => error.unwrap_or(0.0).max(0.0),
                };
                let (low, high) = chance.unwrap_or((*value, *value));
                Some(Known {
                    value: *value,
                    low: (low.min(*value) - off).max(0.0),
                    high: high.max(*value) + off,
                    error: error.unwrap_or(0.0).max(0.0),
                    is_bound: false,
                })
            }
        }
    }

    /// Why it is withheld.
    pub fn why_not(&self) -> Option<&str> {
        match self {
            Self::Withheld { invalid } => Some(invalid),
            _ => None,
        }
    }
}

impl Known {
    /// Half of the distance between the two.
    pub fn off(&self) -> f64 {
        (self.high - self.value).max(self.value - self.low)
    }

    /// Not more precise than its error, and of three digits at most; for bytes.
    pub fn rounded(&self) -> String {
        match self.is_bound {
            true => format!("fewer than {}", decimal(self.value, 2)),
            false => grouped(within(self.value, self.off().max(self.value * 5e-3))),
        }
    }

    /// A delay: `251 ms`, `less than 3 ms`, `between 49 and 79 ms`.
    pub fn spoken_us(&self) -> String {
        match self.range_us() {
            _ if self.is_bound => format!("less than {}", at_most_us(self.value)),
            Some((Some(from), to)) => format!("between {from} and {to}"),
            Some((None, to)) => format!("less than {to}"),
            None => self.rounded_us(),
        }
    }

    /// How long half of the events took: `within 251 ms`, `in less than 3 ms`, `within 49 to 79 ms`.
    pub fn within_us(&self) -> String {
        match self.range_us() {
            Some((Some(from), to)) => format!("within {from} to {to}"),
            Some((None, _)) => format!("in {}", self.spoken_us()),
            None if self.is_bound => format!("in {}", self.spoken_us()),
            None => format!("within {}", self.spoken_us()),
        }
    }

    fn range_us(&self) -> Option<(Option<String>, String)> {
        range_us(self.value, self.low, self.high).filter(|_| !self.is_bound)
    }

    /// Not more precise than its error, and never out of its own interval.
    fn rounded_us(&self) -> String {
        let mut off = self.off();
        let is_inside = |off: f64| (self.low..=self.high).contains(&within(self.value, off));
        while off > 100.0 && !is_inside(off) {
            off /= 10.0;
        }
        span_us(self.value, off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_that_its_error_leaves_nothing_of_is_said_as_a_bound_and_none_is_rounded_down() {
        let said = |text: &str| {
            let reading: Reading = serde_json::from_str(text).unwrap();
            reading.known("p50_us").unwrap().within_us()
        };
        assert_eq!(
            said(r#"{"value":400}"#),
            "in less than 1.4 ms",
            "no error is stated"
        );
        let by_chance = r#"{"value":900,"low":200,"high":1600,"error":400}"#;
        assert_eq!(said(by_chance), "in less than 2 ms");
        assert_eq!(said(r#"{"below":2440}"#), "in less than 2.5 ms");
        assert_eq!(said(r#"{"value":2440,"error":300}"#), "within 2.4 ms");
    }

    #[test]
    fn every_form_of_a_figure_is_read() {
        let read = |text: &str| serde_json::from_str::<Reading>(text).unwrap();
        let known = read(r#"{"value":250000,"error":2000}"#)
            .known("p50_us")
            .unwrap();
        assert_eq!((known.low, known.high), (248_000.0, 252_000.0));
        let known = read(r#"{"value":10,"low":8,"high":11,"error":1}"#)
            .known("n")
            .unwrap();
        assert_eq!((known.low, known.high), (7.0, 12.0));
        let late = Figure::Valid {
            value: 96_000.0,
            low: None,
            high: None,
            error: Some(14_000.0),
        };
        let known = Reading::of("mean_us", &late).known("mean_us").unwrap();
        assert_eq!((known.low, known.high), (82_000.0, 96_000.0));
        assert_eq!(known.spoken_us(), "96 ms", "not 100, which it is not");
        let bound = read(r#"{"below":3000}"#).known("p50_us").unwrap();
        assert_eq!(
            (bound.low, bound.high, bound.is_bound),
            (0.0, 3_000.0, true)
        );
        let withheld = read(r#"{"invalid":"late"}"#);
        assert_eq!(
            (withheld.known("n"), withheld.why_not()),
            (None, Some("late"))
        );
        assert_eq!(
            read(r#"{"value":400}"#).known("p50_us").unwrap().high,
            1_400.0
        );
        assert_eq!(read(r#"{"value":-4}"#).known("p50_us"), None);
    }
}
