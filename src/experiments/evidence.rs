//! What is known of a figure that is compared: a number, between which values its truth lies, and
//! where it is neither, why.

use crate::run::{figures::Figure, report::LaneReport, uncertainty::truth};

/// See the module. Nothing at all is known where it has neither value nor bounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// The figure, in the unit of what is asked; `None` where only bounds are known.
    pub value: Option<f64>,
    /// The least and the most that the truth may be.
    pub between: Option<(f64, f64)>,
    /// Why there is no value, or what its error is made of.
    pub why: Option<String>,
}

/// A number that is taken as it is: a count, or nothing.
impl From<Option<f64>> for Evidence {
    fn from(value: Option<f64>) -> Self {
        Self {
            value,
            ..Self::default()
        }
    }
}

impl Evidence {
    /// A lane's figure.
    pub fn of(lane: &LaneReport, name: &str) -> Self {
        let Some(figure) = lane.figure(name) else {
            return Self::default();
        };
        let has_error = figure.error().is_some();
        Self {
            value: figure.value(),
            between: truth(name, figure).filter(|_| has_error || figure.bound().is_some()),
            why: match figure {
                Figure::Invalid { invalid } => Some(invalid.clone()),
                _ => lane.errors.get(name).map(ToString::to_string),
            },
        }
    }

    /// The same in another measure.
    pub fn over(self, unit: f64) -> Self {
        Self {
            value: self.value.map(|value| value / unit),
            between: self.between.map(|(low, high)| (low / unit, high / unit)),
            ..self
        }
    }

    /// How much more it is than another of the same run. Lateness only adds to either, so their
    /// errors do not add up: the truth is off by at most the larger.
    pub fn minus(self, other: Self) -> Self {
        let ends = |one: &Self| one.between.or(one.value.map(|value| (value, value)));
        let between = match (ends(&self), ends(&other)) {
            (Some((low, high)), Some((other_low, other_high))) => {
                Some((low - other_high, high - other_low))
            }
            _ => None,
        };
        let is_exact = self.between.is_none() && other.between.is_none();
        Self {
            value: self.value.zip(other.value).map(|(one, other)| one - other),
            between: between.filter(|_| !is_exact),
            why: match (self.why, other.why) {
                (Some(one), Some(other)) if one != other => Some(format!("{one}; {other}")),
                (one, other) => one.or(other),
            },
        }
    }

    /// The same, where its prediction is another measured figure: what that one is too large by,
    /// this one may be more. Nothing is held against what cannot be stood behind.
    pub fn held_against(self, other: &Self) -> Self {
        let too_large = match (other.value, other.between) {
            (None, None) => {
                return Self {
                    why: other.why.clone(),
                    ..Self::default()
                };
            }
            (_, Some((low, high))) => other.value.unwrap_or(high) - low,
            (Some(_), None) => 0.0,
        };
        let exactly = self.value.map(|value| (value, value));
        let between = self.between.or(exactly.filter(|_| too_large > 0.0));
        Self {
            between: between.map(|(low, high)| (low, high + too_large)),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    fn delay(figure: Figure) -> Evidence {
        let mut lane = sample::report().lanes.remove(0);
        lane.measured.insert("mean_us".into(), figure);
        Evidence::of(&lane, "mean_us")
    }

    fn late(value: f64, error: f64) -> Evidence {
        delay(Figure::Valid {
            value,
            low: None,
            high: None,
            error: Some(error),
        })
    }

    #[test]
    fn of_two_that_lateness_only_adds_to_the_difference_is_off_by_the_larger() {
        let apart = late(50_000.0, 1_800.0).minus(late(10_000.0, 600.0));
        assert_eq!(apart.value, Some(40_000.0));
        assert_eq!(apart.between, Some((38_200.0, 40_600.0)));
        let below = delay(Figure::Below {
            below: 2_000.0,
            error: Some(1_900.0),
        });
        let apart = late(50_000.0, 1_800.0).minus(below);
        assert_eq!(
            (apart.value, apart.between),
            (None, Some((46_200.0, 50_000.0)))
        );
        let exact = Evidence::from(Some(5.0)).minus(Some(3.0).into());
        assert_eq!((exact.value, exact.between), (Some(2.0), None));
    }

    #[test]
    fn what_is_not_there_says_why() {
        let invalid = delay(Figure::Invalid {
            invalid: "few".into(),
        });
        assert_eq!((invalid.value, invalid.between), (None, None));
        let apart = late(5.0, 1.0).minus(invalid.clone());
        assert_eq!((apart.value, apart.between), (None, None));
        assert_eq!(apart.why.as_deref(), Some("few"));
        assert_eq!(late(5.0, 1.0).held_against(&invalid).value, None);
        let held = late(5_000.0, 100.0).held_against(&late(4_000.0, 300.0));
        assert_eq!(held.between, Some((4_900.0, 5_300.0)));
        let exact = Evidence::from(Some(5.0)).held_against(&Some(4.0).into());
        assert_eq!((exact.value, exact.between), (Some(5.0), None));
        assert_eq!(late(5_000.0, 100.0).over(1e3).between, Some((4.9, 5.0)));
    }
}
