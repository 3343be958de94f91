//! What a class is asked to guess, what a phone may say to it, and whether that was right.

use serde::{Deserialize, Serialize};

pub use crate::lessons::step::{Asked, Scale};

/// A number on a linear axis is right if it is off by at most this share of the axis.
const RIGHT_WITHIN_SHARE: f64 = 0.1;
/// A number on a logarithmic axis is right if it is off by at most this factor.
const RIGHT_WITHIN_FACTOR: f64 = 1.5;

/// What a phone says; options and items are counted from 1. As JSON `{"number":12.5}`,
/// `{"choices":[1,3]}`, `{"curve":[1,2,3]}`, `{"order":[2,1,3]}` or `{"unknown":true}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guess {
    /// A number in the unit that was asked for.
    Number(f64),
    /// One or several options, or all items in an order.
    Choices(Vec<usize>),
    /// A value for each `x`.
    Curve(Vec<f64>),
    /// The items in the order that is guessed, first the first: a permutation.
    Order(Vec<usize>),
    /// `true` only: "I do not know".
    Unknown(bool),
}

/// A measured number is this far beyond the axis of the guess at most: so many of its lengths, or on a
/// logarithmic one this factor. What comes out may surprise; what was mistyped is no result.
const SEEN_BEYOND: f64 = 1_000.0;
/// Bounds of a measured number that no number was guessed of.
pub const SEEN_WITHOUT_AXIS: (f64, f64) = (-1e9, 1e9);

impl Asked {
    /// Least and most that may have been measured of what is asked.
    pub fn may_be_seen(&self) -> (f64, f64) {
        let (min, max, is_log) = match self {
            Self::Number {
                min, max, scale, ..
            } => (*min, *max, *scale == Scale::Log),
            Self::Curve { min, max, .. } => (*min, *max, false),
            Self::Choice { .. } | Self::Order { .. } => return SEEN_WITHOUT_AXIS,
        };
        let beyond = SEEN_BEYOND * (max - min);
        match (is_log, min < 0.0) {
            (true, _) => (0.0, max * SEEN_BEYOND),
            // What is counted from nought upwards is not below it.
            (false, false) => (0.0, max + beyond),
            (false, true) => (min - beyond, max + beyond),
        }
    }

    /// What is asked, in a sentence.
    pub fn question(&self) -> &str {
        match self {
            Self::Number { question, .. }
            | Self::Choice { question, .. }
            | Self::Curve { question, .. }
            | Self::Order { question, .. } => question,
        }
    }

    /// Of a number or a curve; empty otherwise.
    pub fn unit(&self) -> &str {
        match self {
            Self::Number { unit, .. } | Self::Curve { unit, .. } => unit,
            Self::Choice { .. } | Self::Order { .. } => "",
        }
    }

    /// Whether this is an answer to the question.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for people.
    pub fn check(&self, guess: &Guess) -> Result<(), String> {
        match (self, guess) {
            (_, Guess::Unknown(true)) => Ok(()),
            (_, Guess::Unknown(false)) => Err("not to know is said by true alone".to_owned()),
            (Self::Number { min, max, .. }, Guess::Number(number)) => within(*number, *min, *max),
            (Self::Choice { options, many, .. }, Guess::Choices(chosen)) => {
                let most = if *many { options.len() } else { 1 };
                if chosen.is_empty() || chosen.len() > most {
                    return Err(format!("{} are chosen; choose 1 to {most}", chosen.len()));
                }
                each_once(chosen, options.len())
            }
            (Self::Curve { x, min, max, .. }, Guess::Curve(values)) => {
                if values.len() != x.len() {
                    let (given, wanted) = (values.len(), x.len());
                    return Err(format!("{given} values, but the curve has {wanted} points"));
                }
                values
                    .iter()
                    .try_for_each(|value| within(*value, *min, *max))
            }
            (Self::Order { items, .. }, Guess::Order(order)) => {
                if order.len() != items.len() {
                    let (given, wanted) = (order.len(), items.len());
                    return Err(format!("{given} places, but there are {wanted} items"));
                }
                each_once(order, items.len())
            }
            (asked, _) => Err(format!("the question asks for {}", asked.kind())),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Number { .. } => "a number",
            Self::Choice { .. } => "a choice",
            Self::Curve { .. } => "a curve",
            Self::Order { .. } => "an order",
        }
    }

    /// Whether a guess is right; `None` where nobody can tell: there is neither theory nor a right
    /// answer. "I do not know" is not right.
    pub fn is_right(&self, guess: &Guess, theory: Option<f64>, right: &[usize]) -> Option<bool> {
        let can_be_told = match self {
            Self::Number { .. } => theory.is_some(),
            Self::Choice { .. } => !right.is_empty(),
            Self::Order { items, .. } => right.len() == items.len(),
            Self::Curve { .. } => false,
        };
        if !can_be_told {
            return None;
        }
        Some(match (self, guess) {
            (
                Self::Number {
                    min, max, scale, ..
                },
                Guess::Number(number),
            ) => theory.is_some_and(|theory| is_near(*number, theory, *min, *max, *scale)),
            (Self::Choice { .. }, Guess::Choices(chosen)) => {
                let (mut chosen, mut right) = (chosen.clone(), right.to_vec());
                chosen.sort_unstable();
                right.sort_unstable();
                chosen == right
            }
            (Self::Order { .. }, Guess::Order(order)) => order == right,
            _ => false,
        })
    }
}

fn is_near(number: f64, theory: f64, min: f64, max: f64, scale: Scale) -> bool {
    match scale {
        Scale::Log if number > 0.0 && theory > 0.0 => {
            let factor = (number / theory).max(theory / number);
            factor <= RIGHT_WITHIN_FACTOR
        }
        _ => (number - theory).abs() <= (max - min).abs() * RIGHT_WITHIN_SHARE,
    }
}

fn within(number: f64, min: f64, max: f64) -> Result<(), String> {
    match number.is_finite() && (min..=max).contains(&number) {
        true => Ok(()),
        false => Err(format!("{number} is out of range; choose {min} to {max}")),
    }
}

/// Every number is one of `1..=count`, and none is there twice.
fn each_once(numbers: &[usize], count: usize) -> Result<(), String> {
    let mut seen = vec![false; count];
    for number in numbers {
        let place = number.checked_sub(1).and_then(|at| seen.get_mut(at));
        match place {
            Some(place) if !*place => *place = true,
            Some(_) => return Err(format!("{number} is there twice")),
            None => return Err(format!("{number} is none of 1 to {count}")),
        }
    }
    Ok(())
}
