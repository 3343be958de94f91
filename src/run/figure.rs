//! What is said of a figure: a number with its error, a bound, or why there is neither.
//!
//! In JSON `{"value":2500,"low":2400,"high":2600,"error":1.8}`, `{"below":3,"error":1.8}` or
//! `{"invalid":"why"}`; all numbers in the figure's unit. What earlier versions saved has no errors
//! and no bounds, and is read as it is.

use serde::{Deserialize, Serialize};

use super::stats::Interval;

/// Numbers beyond it are no measurements, and no axis holds them.
pub const NUMBER_MAX: f64 = 1e15;
/// Nearer to zero than this is no measurement either, in µs, seconds and shares.
const NUMBER_MIN: f64 = 1e-9;

/// Whether a measurement, or the settings of one, can have that number.
pub fn is_measurable(number: f64) -> bool {
    number == 0.0 || (NUMBER_MIN..=NUMBER_MAX).contains(&number.abs())
}

/// Zero, where a number is only what rounding leaves of a difference of two equal ones.
pub fn without_rounding(number: f64) -> f64 {
    match number.abs() < NUMBER_MIN {
        true => 0.0,
        false => number,
    }
}

/// A figure that can be stood behind, a bound of it, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Figure {
    /// It can be stood behind, give or take its error.
    Valid {
        /// As measured.
        value: f64,
        /// Its 95 % interval, where repetitions tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        low: Option<f64>,
        /// Upper end of the confidence interval, with repetitions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        high: Option<f64>,
        /// What the instruments may have made of it, in its unit; `None` where they make nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<f64>,
    },
    /// Smaller than its own error: a bound of it is all that can be said.
    Below {
        /// It is below this.
        below: f64,
        /// What it was measured with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<f64>,
    },
    /// It cannot be stood behind.
    Invalid {
        /// Why not.
        invalid: String,
    },
}

impl Figure {
    pub(super) fn new(value: f64, interval: Option<Interval>) -> Self {
        Self::Valid {
            value,
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
            error: None,
        }
    }

    pub(super) fn invalid(why: impl Into<String>) -> Self {
        Self::Invalid {
            invalid: why.into(),
        }
    }

    /// The value; `None` for a bound, or where there is none.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Valid { value, .. } => Some(*value),
            Self::Below { .. } | Self::Invalid { .. } => None,
        }
    }

    /// Below which it is, where that is all that can be said.
    pub fn bound(&self) -> Option<f64> {
        match self {
            Self::Below { below, .. } => Some(*below),
            Self::Valid { .. } | Self::Invalid { .. } => None,
        }
    }

    /// What the instruments may have made of it.
    pub fn error(&self) -> Option<f64> {
        match self {
            Self::Valid { error, .. } | Self::Below { error, .. } => *error,
            Self::Invalid { .. } => None,
        }
    }

    /// Where the truth lies; `None` where nothing is known.
    pub fn interval(&self) -> Option<Interval> {
        match self {
            Self::Valid {
                low: Some(low),
                high: Some(high),
                ..
            } => Some((*low, *high)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_figures_are_no_numbers_in_json() {
        let invalid = serde_json::to_string(&Figure::invalid("few")).unwrap();
        assert_eq!(invalid, r#"{"invalid":"few"}"#);
        let valid = Figure::new(2.5, Some((2.0, 3.0)));
        let text = serde_json::to_string(&valid).unwrap();
        assert_eq!(text, r#"{"value":2.5,"low":2.0,"high":3.0}"#);
        assert_eq!(serde_json::from_str::<Figure>(&text).unwrap(), valid);
        let read = |text| serde_json::from_str::<Figure>(text).unwrap();
        let below = Figure::Below {
            below: 3.0,
            error: Some(1.8),
        };
        assert_eq!(read(r#"{"below":3.0,"error":1.8}"#), below);
        let with_error = read(r#"{"value":2500.0,"error":1.8}"#);
        assert_eq!(
            (with_error.value(), with_error.error()),
            (Some(2500.0), Some(1.8))
        );
    }
}
