//! What is asked: a guess, and the question to go.

use super::{counted, is_text};
use crate::lessons::{
    bounds::{
        ASK_OPTIONS, AXIS_MAX, GUESS_S, ITEMS, OPTION_MAX, OPTIONS, POINTS, TEXT_MAX, UNIT_MAX,
        said,
    },
    step::{Ask, Guess, GuessKind, Scale, Step},
};

pub(super) fn of_guess(guess: &Guess, steps: &[Step], fault: &mut impl FnMut(String)) {
    if !is_text(&guess.question, TEXT_MAX) {
        fault(format!(
            "question has 1 to {TEXT_MAX} characters; write one sentence"
        ));
    }
    for unit in [&guess.unit, &guess.x_unit] {
        if unit.chars().count() > UNIT_MAX {
            fault(format!(
                "a unit has at most {UNIT_MAX} characters; write ms, %, bytes"
            ));
        }
    }
    if guess
        .seconds
        .is_some_and(|seconds| !GUESS_S.contains(&seconds))
    {
        fault(format!(
            "seconds are {}; leave it out for what clock has",
            said(&GUESS_S)
        ));
    }
    // What belongs to another kind of guess is a mistake and not a wish.
    let of_others: [(&str, bool, &[GuessKind]); 5] = [
        ("options", !guess.options.is_empty(), &[GuessKind::Choice]),
        ("many", guess.many, &[GuessKind::Choice]),
        ("items", !guess.items.is_empty(), &[GuessKind::Order]),
        ("x", !guess.x.is_empty(), &[GuessKind::Curve]),
        (
            "min and max",
            guess.min.or(guess.max).is_some(),
            &[GuessKind::Number, GuessKind::Curve],
        ),
    ];
    for (key, is_given, kinds) in of_others {
        if is_given && !kinds.contains(&guess.kind) {
            fault(format!(
                "{key}: this guess has no such thing; take it out, or choose another as"
            ));
        }
    }
    if matches!(guess.kind, GuessKind::Number | GuessKind::Curve) {
        match (guess.min, guess.max) {
            (Some(min), Some(max)) if min.is_finite() && max.is_finite() && min < max => {
                if guess.scale == Scale::Log && min <= 0.0 {
                    fault("a log scale begins above 0; set min to 1, for one".to_owned());
                } else if min.abs().max(max.abs()) > AXIS_MAX
                    || guess.scale == Scale::Log && min < 1.0 / AXIS_MAX
                {
                    fault(
                        "min or max is more than anybody can draw; use another unit, so that both \
                         have at most 12 digits"
                            .to_owned(),
                    );
                }
            }
            _ => fault("it has min and max, the smaller first; add both".to_owned()),
        }
    }
    if guess.scale == Scale::Log && guess.kind != GuessKind::Number {
        fault("scale is for as = \"number\"; take it out".to_owned());
    }
    match guess.kind {
        GuessKind::Number => {}
        GuessKind::Choice => {
            if !OPTIONS.contains(&guess.options.len()) {
                fault(format!(
                    "a choice has {} options, and this has {}",
                    said(&OPTIONS),
                    guess.options.len()
                ));
            }
            of_options(&guess.options, fault);
        }
        GuessKind::Curve => {
            let is_growing = guess.x.windows(2).all(|pair| pair[0] < pair[1]);
            let is_finite = guess.x.iter().all(|x| x.is_finite());
            if !POINTS.contains(&guess.x.len()) || !is_growing || !is_finite {
                fault(format!(
                    "a curve has {} numbers in x, each larger than the one before",
                    said(&POINTS)
                ));
            }
        }
        GuessKind::Order => {
            if !ITEMS.contains(&guess.items.len()) {
                fault(format!(
                    "an order has {} items, and this has {}",
                    said(&ITEMS),
                    guess.items.len()
                ));
            }
            of_options(&guess.items, fault);
        }
    }
    let wanted = match guess.kind {
        GuessKind::Number => 1,
        GuessKind::Curve => guess.x.len(),
        GuessKind::Choice | GuessKind::Order => 0,
    };
    if !guess.about.is_empty() && guess.about.len() != wanted {
        let n = guess.about.len();
        fault(format!(
            "about names {n} figures; a number has one, a curve one for each x, a choice and an order none"
        ));
    }
    counted(&guess.about, "about", steps, fault);
}

fn of_options(options: &[String], fault: &mut impl FnMut(String)) {
    for (at, option) in options.iter().enumerate() {
        if !is_text(option, OPTION_MAX) {
            fault(format!(
                "option {} has 1 to {OPTION_MAX} characters; shorten it",
                at + 1
            ));
        }
        if options[..at].contains(option) {
            fault(format!(
                "option {} is there twice; change one of the two",
                at + 1
            ));
        }
    }
}

pub(super) fn of_ask(ask: &Ask, fault: &mut impl FnMut(String)) {
    if !is_text(&ask.question, TEXT_MAX) {
        fault(format!(
            "question has 1 to {TEXT_MAX} characters; write one sentence"
        ));
    }
    let options = ask.options.len();
    if !ASK_OPTIONS.contains(&options) {
        fault(format!("it has {options} options; give 3 or 4"));
    }
    of_options(&ask.options, fault);
    if !(1..=options).contains(&ask.right) {
        fault(format!(
            "right is {}; it is the number of an option, 1 to {options}",
            ask.right
        ));
    }
    if ask.because.len() != options {
        let reasons = match ask.because.len() {
            1 => "1 reason".to_owned(),
            many => format!("{many} reasons"),
        };
        fault(format!(
            "it has {reasons} for {options} options; give one for each in because"
        ));
    }
    if ask.because.iter().any(|reason| !is_text(reason, TEXT_MAX)) {
        fault(format!(
            "a reason has 1 to {TEXT_MAX} characters; say why, not only what"
        ));
    }
}
