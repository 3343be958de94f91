//! What theory says of a figure: a value, or a bound where not all of it is known.
//!
//! In JSON `{"value":v,"off":o,"added":a}` (`off` and `added` are left out where they are 0),
//! `{"at_least":x}`, `{"at_most":x}`.
//! Files of before there were bounds have plain numbers, which are read as values with nothing said
//! of how near they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::figures::Unit;

/// In the figure's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged, from = "Stored")]
pub enum Predicted {
    /// The measured figure is to lie within `off` of it; 0 where things are counted.
    Value {
        /// What the form says.
        value: f64,
        /// What it may be off.
        #[serde(skip_serializing_if = "is_zero")]
        off: f64,
        /// So much of it is no closed form, but what a warm-up measured of the machine.
        #[serde(skip_serializing_if = "is_zero")]
        added: f64,
    },
    /// The measured figure is to be this or more.
    AtLeast {
        /// The bound.
        at_least: f64,
    },
    /// The measured figure is to be this or less.
    AtMost {
        /// The bound.
        at_most: f64,
    },
}

/// Predictions by the name of the figure they are for.
pub type Predictions = BTreeMap<String, Predicted>;

/// As files have it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Value {
        value: f64,
        #[serde(default)]
        off: f64,
        #[serde(default)]
        added: f64,
    },
    AtLeast {
        at_least: f64,
    },
    AtMost {
        at_most: f64,
    },
    Plain(f64),
}

impl From<Stored> for Predicted {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Value { value, off, added } => Self::Value { value, off, added },
            Stored::AtLeast { at_least } => Self::AtLeast { at_least },
            Stored::AtMost { at_most } => Self::AtMost { at_most },
            Stored::Plain(value) => Self::exactly(value),
        }
    }
}

/// Of what is counted.
impl From<f64> for Predicted {
    fn from(value: f64) -> Self {
        Self::exactly(value)
    }
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

impl Predicted {
    /// Of what is counted.
    pub fn exactly(value: f64) -> Self {
        Self::Value {
            value,
            off: 0.0,
            added: 0.0,
        }
    }

    /// What the closed form came to, whatever is claimed with it, and without what a warm-up measured:
    /// the same in each run of a plan. What experiments hold their figures against.
    pub fn form(self) -> f64 {
        match self {
            Self::Value { value, added, .. } => value - added,
            Self::AtLeast { .. } | Self::AtMost { .. } => self.number(),
        }
    }

    /// The number that a run shows: the closed form with what its warm-up measured, or the bound.
    pub fn number(self) -> f64 {
        match self {
            Self::Value { value, .. } => value,
            Self::AtLeast { at_least } => at_least,
            Self::AtMost { at_most } => at_most,
        }
    }

    /// How far the measured figure may be off, where one is claimed.
    pub fn off(self) -> Option<f64> {
        match self {
            Self::Value { off, .. } if off > 0.0 => Some(off),
            _ => None,
        }
    }

    /// The value that a measured figure can be held against. A bound is none; nor is a delay that
    /// says nothing of how near it is, as old files have them: its form left out what the machine
    /// takes.
    pub fn claimed(self, unit: Unit) -> Option<f64> {
        match self {
            Self::Value { value, off, .. } if off > 0.0 || unit != Unit::Microseconds => {
                Some(value)
            }
            _ => None,
        }
    }

    /// As it is called in files.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Value { .. } => "value",
            Self::AtLeast { .. } => "at_least",
            Self::AtMost { .. } => "at_most",
        }
    }

    /// What stands before the number: nothing, or which bound it is.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Value { .. } => "",
            Self::AtLeast { .. } => "≥ ",
            Self::AtMost { .. } => "≤ ",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_are_read_as_they_were_written_and_as_they_were_before_there_were_bounds() {
        for (predicted, text) in [
            (Predicted::exactly(2.0), r#"{"value":2.0}"#),
            (
                Predicted::Value {
                    value: 2.0,
                    off: 0.5,
                    added: 0.0,
                },
                r#"{"value":2.0,"off":0.5}"#,
            ),
            (
                Predicted::Value {
                    value: 2.0,
                    off: 0.5,
                    added: 0.5,
                },
                r#"{"value":2.0,"off":0.5,"added":0.5}"#,
            ),
            (
                Predicted::AtLeast { at_least: 50.0 },
                r#"{"at_least":50.0}"#,
            ),
            (Predicted::AtMost { at_most: 9.0 }, r#"{"at_most":9.0}"#),
        ] {
            assert_eq!(serde_json::to_string(&predicted).unwrap(), text);
            assert_eq!(serde_json::from_str::<Predicted>(text).unwrap(), predicted);
        }
        let old: Predicted = serde_json::from_str("91.5").unwrap();
        assert_eq!(old.form(), 91.5);
        assert_eq!(old.claimed(Unit::Bytes), Some(91.5));
        assert_eq!(
            old.claimed(Unit::Microseconds),
            None,
            "a delay of then claims nothing"
        );
        assert_eq!(
            Predicted::AtLeast { at_least: 1.0 }.claimed(Unit::Bytes),
            None
        );
    }
}
