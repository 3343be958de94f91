//! What an experiment's result says of a lesson's guess: for the lesson's page and for a class.

use crate::{
    experiments::{
        CarriedOut, find,
        guess::{Found, GuessKind},
    },
    lessons::step::Reveal,
};

/// What was measured of the number that is guessed, what theory says of it there, and how far apart the
/// experiment lets them be; in the guess's unit. An experiment's own guess is in its unit already.
pub fn guessed(done: &CarriedOut, reveal: &Reveal) -> Found {
    guessed_at(done, reveal, 0, 1)
}

/// The same at one point, from 0, of a curve of so many points: one step of the experiment after the
/// other, unless the lesson says otherwise. A number has one point.
pub fn guessed_at(done: &CarriedOut, reveal: &Reveal, point: usize, points: usize) -> Found {
    let of = |found: Found, per_unit: f64| {
        let scaled = |value: Option<f64>| value.map(|value| value / per_unit);
        Found {
            theory: scaled(found.theory),
            measured: scaled(found.measured),
            tolerance: scaled(found.tolerance),
            what: found.what,
        }
    };
    if reveal.step_of(point) == Some(0) {
        // Not in the experiment: what the lesson expects there is in the guess's unit already.
        return Found {
            theory: reveal.expected.get(point).copied(),
            ..Found::default()
        };
    }
    match reveal.figure.as_deref() {
        None => Found::default(),
        Some("guess") => match find(&done.id) {
            Ok(experiment) if matches!(experiment.guess.kind, GuessKind::Number { .. }) => {
                of(experiment.guess.found(done), 1.0)
            }
            _ => Found::default(),
        },
        Some(figure) => {
            let next = (points > 1).then_some(point + 1);
            let step = reveal.step_of(point).or(next);
            of(done.figure(figure, step), reveal.per_unit)
        }
    }
}

/// What was measured at each point of a curve that is guessed, in the guess's unit. Empty where a point
/// is missing.
pub fn guessed_curve(done: &CarriedOut, reveal: &Reveal, points: usize) -> Vec<f64> {
    let measured = |point: usize| guessed_at(done, reveal, point, points).measured;
    let all: Option<Vec<f64>> = (0..points).map(measured).collect();
    all.unwrap_or_default()
}

/// How far from theory the experiment lets each point be; empty where it does not say it of each.
pub fn tolerances(done: &CarriedOut, reveal: &Reveal, points: usize) -> Vec<f64> {
    let tolerance = |point: usize| guessed_at(done, reveal, point, points).tolerance;
    let all: Option<Vec<f64>> = (0..points).map(tolerance).collect();
    all.unwrap_or_default()
}

/// What the lesson tells and the experiment does not stand behind: each point of the guess that is to be
/// in it and has no number, and the experiment's sentence where the lesson has nothing else from it. Each with its why, for
/// people.
pub fn withheld(done: &CarriedOut, reveal: &Reveal, points: usize) -> Vec<String> {
    let why = |point: usize| {
        let figure = reveal.figure.as_deref()?;
        if reveal.step_of(point) == Some(0) {
            return None;
        }
        if (guessed_at(done, reveal, point, points).measured).is_some() {
            return None;
        }
        let next = (points > 1).then_some(point + 1);
        let why = match figure {
            // It is a figure of the experiment's own choice.
            "guess" => format!("what {} asks for is withheld: {}", done.id, done.answer),
            figure => done
                .why_none(figure, reveal.step_of(point).or(next))
                .unwrap_or_else(|| format!("{figure} is no number")),
        };
        Some(match points {
            1 => why,
            _ => format!("point {}: {why}", point + 1),
        })
    };
    let mut all: Vec<_> = (0..points).filter_map(why).collect();
    if all.is_empty() && done.sentence().is_none() && !reveal.sentence.contains('{') {
        all.push(format!(
            "what {} says is withheld: {}",
            done.id, done.answer
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiments::sample::{carried_out, comparison},
        lessons::{Lesson, own::LESSONS},
        run::figures::Unit,
    };

    #[test]
    fn a_figure_is_told_in_the_unit_of_the_guess() {
        let lesson = LESSONS
            .iter()
            .find(|lesson| lesson.front.id == "two-servers");
        let reveal = lesson.and_then(Lesson::reveal).unwrap();
        let figure = comparison(
            "websocket delivery_ratio",
            0.5,
            Some(0.48),
            0.1,
            Unit::Share,
        );
        let done = carried_out(vec![figure]);
        let found = guessed(&done, reveal);
        assert_eq!((found.measured, found.theory), (Some(48.0), Some(50.0)));
        // What is accepted is the experiment's, in the unit of the guess.
        assert_eq!(tolerances(&done, reveal, 1), [10.0]);
        let none = carried_out(Vec::new());
        assert_eq!(guessed(&none, reveal), Found::default());
        assert!(tolerances(&none, reveal, 1).is_empty());
    }

    #[test]
    fn a_point_that_is_withheld_is_named_with_its_why() {
        let by_id = |id: &str| {
            let mut all = LESSONS.iter();
            all.find(|lesson| lesson.front.id == id)
                .and_then(Lesson::reveal)
                .unwrap()
        };
        let reveal = by_id("two-servers");
        let mut figure = comparison("websocket delivery_ratio", 0.5, None, 0.1, Unit::Share);
        figure.why = Some("few".into());
        let why = withheld(&carried_out(vec![figure]), reveal, 1);
        assert_eq!(
            why,
            ["websocket delivery_ratio at \"a step\" is withheld: few"]
        );
        let there = comparison("websocket delivery_ratio", 0.5, Some(0.5), 0.1, Unit::Share);
        // Its own sentence is of another experiment than this sample's, and is missing.
        let why = withheld(&carried_out(vec![there]), reveal, 1);
        assert!(why[0].starts_with("what E0 says is withheld"), "{why:?}");
        let curve = by_id("the-gap");
        let why = withheld(&carried_out(Vec::new()), curve, 4);
        assert_eq!(why.len(), 4);
        assert!(
            why[3].starts_with("point 4: long-poll mean delay over websocket's is not there"),
            "{why:?}"
        );
    }
}
