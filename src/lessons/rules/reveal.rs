//! What comes out, and what theory says to it.

use super::{counted, doing::of_links, is_text};
use crate::{
    experiments,
    lessons::{
        bounds::{FIGURES_MAX, TEXT_MAX},
        fault::nearest,
        figure::Expression,
        forms,
        sentence::Sentence,
        step::{Guess, GuessKind, Kind, Reveal, Step},
    },
};

pub(super) fn of_reveal(reveal: &Reveal, steps: &[Step], fault: &mut impl FnMut(String)) {
    for (key, text) in [
        ("sentence", &reveal.sentence),
        ("predicted", &reveal.predicted),
    ] {
        let is_left_out = key == "predicted" && text.is_empty();
        if !is_left_out && !is_text(text, TEXT_MAX) {
            fault(format!(
                "{key} has 1 to {TEXT_MAX} characters; one sentence, one number"
            ));
        }
    }
    match Sentence::parse(&reveal.sentence) {
        Err(why) => fault(format!("sentence: {why}")),
        Ok(sentence) => {
            let figures: Vec<Expression> = sentence.figures().cloned().collect();
            counted(&figures, "sentence", steps, fault);
            if !figures.is_empty() && reveal.predicted.is_empty() {
                let what = "sentence has figures, and who is alone counts none; add predicted = \"…\" without them";
                fault(what.to_owned());
            }
        }
    }
    if reveal.predicted.contains(['{', '}']) {
        fault("predicted is said where nothing was counted; take the braces out".to_owned());
    }
    if reveal.figures.len() > FIGURES_MAX {
        fault(format!(
            "figures names {FIGURES_MAX} at most; leave some out"
        ));
    }
    counted(&reveal.figures, "figures", steps, fault);
    let guess = steps.iter().find_map(|step| match &step.kind {
        Kind::Guess(guess) => Some(guess),
        _ => None,
    });
    if let Some(guess) = guess {
        of_answer(reveal, guess, fault);
        if !reveal.guess.is_empty() && reveal.guess != guess.id {
            fault(format!(
                "guess is {:?}, and the guess has the id {:?}; make them the same",
                reveal.guess, guess.id
            ));
        }
    }
    if !reveal.per_unit.is_finite() || reveal.per_unit <= 0.0 {
        fault(
            "per_unit is above 0: how many of the figure's unit one of the guess's is".to_owned(),
        );
    } else {
        of_theory(reveal, guess, steps, fault);
    }
    of_step(reveal, steps, fault);
    of_links("change", &reveal.change, fault);
}

/// What is expected has the form of what was guessed.
fn of_answer(reveal: &Reveal, guess: &Guess, fault: &mut impl FnMut(String)) {
    let is_finite = reveal.expected.iter().all(|value| value.is_finite());
    let is_of_numbers = matches!(guess.kind, GuessKind::Number | GuessKind::Curve);
    if is_of_numbers && !reveal.right.is_empty() {
        fault("right is for a choice or an order; take it out".to_owned());
    }
    let has_numbers = !reveal.expected.is_empty() || reveal.figure.is_some();
    if has_numbers && !is_of_numbers {
        fault("expected and figure are for a number or a curve; take them out".to_owned());
    }
    match guess.kind {
        GuessKind::Number => {
            if reveal.expected.len() != 1 || !is_finite {
                fault("a number was guessed; add expected = what theory says".to_owned());
            }
            if reveal.step.len() > 1 {
                fault("step is one number where a number was guessed".to_owned());
            }
        }
        GuessKind::Curve => {
            let points = guess.x.len();
            if reveal.expected.len() != points || !is_finite {
                fault(format!(
                    "a curve was guessed; add expected = […] with {points} numbers, what theory says at each x"
                ));
            }
            if !reveal.step.is_empty() && reveal.step.len() != points {
                fault(format!(
                    "step names {points} steps, one for each x; or leave it out"
                ));
            }
        }
        GuessKind::Choice => {
            let options = guess.options.len();
            let is_known = reveal
                .right
                .iter()
                .all(|right| (1..=options).contains(right));
            if reveal.right.is_empty() || !is_known {
                fault(format!(
                    "right names the options that are right, from 1 to {options}"
                ));
            } else if !guess.many && reveal.right.len() > 1 {
                fault("right has several; add many = true to the guess".to_owned());
            }
        }
        GuessKind::Order => {
            let items = guess.items.len();
            let mut sorted = reveal.right.clone();
            sorted.sort_unstable();
            if sorted != (1..=items).collect::<Vec<_>>() {
                fault(format!(
                    "right names each item once, from 1 to {items}, the first one first"
                ));
            }
        }
    }
}

/// The closed form is known, and says what is expected.
fn of_theory(
    reveal: &Reveal,
    guess: Option<&Guess>,
    steps: &[Step],
    fault: &mut impl FnMut(String),
) {
    let Some(name) = reveal.theory.as_deref() else {
        return;
    };
    if !forms::NAMES.contains(&name) {
        let near = nearest(name, forms::NAMES);
        return fault(format!(
            "theory: there is no closed form \"{name}\"; {near}"
        ));
    }
    let Some(found) = forms::expected(name, steps, guess) else {
        return fault(format!(
            "theory: {name} needs what goes into it: a set with source and phones, or x in ms or s"
        ));
    };
    if found.len() != reveal.expected.len() {
        return fault(format!(
            "theory: {name} says {} numbers, and expected has {}",
            found.len(),
            reveal.expected.len()
        ));
    }
    // A file's numbers are rounded for readers.
    let range = guess.map_or(0.0, |guess| {
        guess.max.unwrap_or_default() - guess.min.unwrap_or_default()
    });
    for (value, written) in found.iter().zip(&reveal.expected) {
        let said = value / reveal.per_unit;
        if (said - written).abs() > (said.abs() * 0.02).max(range * 0.005) {
            fault(format!(
                "theory: {name} says {}, and expected {written}; correct it, or the set",
                (said * 1_000.0).round() / 1_000.0
            ));
        }
    }
}

/// Where the experiment's figure is.
fn of_step(reveal: &Reveal, steps: &[Step], fault: &mut impl FnMut(String)) {
    let experiment = steps.iter().find_map(|step| match &step.kind {
        Kind::Run(run) => run.experiment.as_deref(),
        _ => None,
    });
    if reveal.figure.is_some() && experiment.is_none() {
        fault("figure is of an experiment, and no step runs one; take it out".to_owned());
    }
    if let Some(id) = experiment
        && let Ok(known) = experiments::find(id)
    {
        let most = known.outline(false).len();
        for step in &reveal.step {
            // 0: not in the experiment.
            if *step > most || *step == 0 && reveal.step.len() < 2 {
                fault(format!("step is {step}; {id} has steps 1 to {most}"));
            }
        }
    }
}
