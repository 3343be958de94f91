//! What a live run says at the end: its figures become the lesson's sentence, what was measured, and
//! what theory says to it. Pure.

use std::collections::BTreeMap;

use super::counted::Figures;
use crate::{
    class::Outcome,
    lessons::{
        Lesson,
        figure::Expression,
        sentence::Sentence,
        step::{Kind, Reveal, Wait},
    },
};

/// What the class waits for after the run of a step: its next `wait`, before another run.
pub fn wait_after(lesson: &Lesson, step: usize) -> Option<&Wait> {
    let after = lesson.steps.iter().skip(step + 1);
    after
        .take_while(|step| !matches!(step.kind, Kind::Run(_)))
        .find_map(|step| match &step.kind {
            Kind::Wait(wait) => Some(wait),
            _ => None,
        })
}

/// Whether delays that phones report are among what this run is to say; they come a few seconds late.
pub fn waits_for_reports(lesson: &Lesson) -> bool {
    let kinds = [".received.", ".painted.", ".delay_ms."];
    let is_reported = |name: &String| kinds.iter().any(|kind| name.contains(kind));
    expressions(lesson).any(|each| each.names().iter().any(is_reported))
}

/// What a lesson wants to know, each once or more.
fn expressions(lesson: &Lesson) -> impl Iterator<Item = Expression> {
    let about = lesson.guess().into_iter().flat_map(|guess| &guess.about);
    let reveal = lesson.reveal();
    let shown = reveal.into_iter().flat_map(|reveal| &reveal.figures);
    let said = reveal.and_then(|reveal| Sentence::parse(&reveal.sentence).ok());
    let said: Vec<_> = said.iter().flat_map(Sentence::figures).cloned().collect();
    let waits = lesson.steps.iter().filter_map(|step| match &step.kind {
        Kind::Wait(wait) => Some(&wait.until),
        _ => None,
    });
    about
        .chain(shown)
        .chain(waits)
        .cloned()
        .chain(said)
        .collect::<Vec<_>>()
        .into_iter()
}

/// Why what is waited for was not seen, with what was; `None`: it was.
pub fn unmet(wait: &Wait, figures: &Figures) -> Option<String> {
    let lookup = |name: &str| figures.get(name).copied();
    if wait.until.holds(&lookup) {
        return None;
    }
    let seen: Vec<_> = (wait.until.names().iter())
        .map(|name| match figures.get(name) {
            Some(value) => format!("{name} is {}", crate::lessons::figure::shown(*value)),
            None => format!("{name} was not counted"),
        })
        .collect();
    Some(format!(
        "what the lesson waits for, {}, was not seen: {}",
        wait.until.as_str(),
        seen.join(", ")
    ))
}

/// Of the run of `step`.
pub fn outcome(lesson: &Lesson, step: usize, figures: &Figures) -> Outcome {
    let lookup = |name: &str| figures.get(name).copied();
    let shown: BTreeMap<String, f64> = expressions(lesson)
        .filter(|each| !each.is_condition())
        .filter_map(|each| Some((each.as_str().to_owned(), each.evaluate(&lookup)?)))
        .collect();
    let mut outcome = Outcome {
        figures: shown,
        ..Outcome::default()
    };
    let Some(reveal) = lesson.reveal() else {
        return outcome;
    };
    outcome.theory = match lesson.theory()[..] {
        [one] => Some(one),
        _ => None,
    };
    outcome.measured = measured(lesson, reveal, &lookup);
    outcome.measured_points = measured_points(lesson, reveal, &lookup);
    let Ok(sentence) = Sentence::parse(&reveal.sentence) else {
        return outcome;
    };
    if sentence.figures().next().is_none() {
        // As it is written.
        return outcome;
    }
    match sentence.said(&lookup) {
        Some(said) => outcome.sentence = said,
        // A later run may count the rest.
        None if has_run_after(lesson, step) => {}
        None => {
            let missing: Vec<_> = sentence
                .figures()
                .filter(|figure| figure.evaluate(&lookup).is_none())
                .map(Expression::as_str)
                .collect();
            outcome.failed = Some(format!(
                "the sentence cannot be made: {} was not counted",
                missing.join(", ")
            ));
        }
    }
    outcome
}

fn has_run_after(lesson: &Lesson, step: usize) -> bool {
    let mut after = lesson.steps.iter().skip(step + 1);
    after.any(|step| matches!(step.kind, Kind::Run(_)))
}

/// What was guessed, as it was counted, in the unit of the guess. Of a curve there is no one number.
fn measured(lesson: &Lesson, reveal: &Reveal, lookup: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
    let [about] = &lesson.guess()?.about[..] else {
        return None;
    };
    let measured = about.evaluate(lookup)? / reveal.per_unit;
    measured.is_finite().then_some(measured)
}

/// Of a curve: one number for each point, where all were counted.
fn measured_points(
    lesson: &Lesson,
    reveal: &Reveal,
    lookup: &dyn Fn(&str) -> Option<f64>,
) -> Vec<f64> {
    let about = lesson.guess().map_or(&[][..], |guess| &guess.about);
    if about.len() < 2 {
        return Vec::new();
    }
    let points = about.iter().map(|about| {
        let point = about.evaluate(lookup)? / reveal.per_unit;
        point.is_finite().then_some(point)
    });
    points.collect::<Option<Vec<_>>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LESSON: &str = r#"+++
id = "polls-tested"
title = "Polls"
group = "cost"
order = 2
minutes = 5
claims = ["A1"]
clock = { run = 33, discuss = 72 }
steps = ["set", "guess", "run", "wait", "reveal", "ask"]
+++
Set.

```set
phones = [{ lane = "short-poll", poll_interval_ms = 500 }]
source = { rate_per_s = 0.2, size_bytes = 60, schedule = "poisson" }
```

Guess.

```guess
as = "number"
question = "Of 100 answers, how many bring nothing?"
min = 0
max = 100
unit = "of 100"
about = "short-poll.empty_ratio"
```

Look.

```run
live = { seconds = 27, warm_up = 3 }
clients = { websocket = 1 }
page = "/compare"
seen = "Which share?"
```

Wait.

```wait
until = "short-poll.requests.per_phone >= 50 and publications >= 3"
at_most_s = 45
otherwise = "again"
```

Why.

```reveal
sentence = "Of {short-poll.requests.per_phone} questions {short-poll.empty_answers.per_phone} were for nothing."
predicted = "Most questions are for nothing."
figures = ["short-poll.empty_ratio"]
theory = "short_poll"
expected = 90.48
per_unit = 0.01
```

Once more.

```ask
question = "How often?"
options = ["a", "b", "c"]
right = 2
because = ["x", "y", "z"]
```
"#;

    fn lesson() -> Lesson {
        Lesson::parse("polls-tested.md", LESSON).unwrap_or_else(|faults| panic!("{faults:?}"))
    }

    fn figures(requests: f64, empty: f64, publications: f64) -> Figures {
        [
            ("short-poll.requests", requests),
            ("short-poll.empty_answers", empty),
            ("short-poll.phones", 28.0),
            ("publications", publications),
            ("phones", 28.0),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    #[test]
    fn figures_become_a_sentence_beside_what_theory_says() {
        let lesson = lesson();
        let found = outcome(&lesson, 2, &figures(1_680.0, 1_512.0, 6.0));
        assert_eq!(found.failed, None);
        assert_eq!(found.sentence, "Of 60 questions 54 were for nothing.");
        let measured = found.measured.unwrap();
        assert!((measured - 90.0).abs() < 1e-6, "{measured}");
        let theory = found.theory.unwrap();
        assert!((theory - 90.48).abs() < 0.1, "{theory}");
        assert_eq!(found.figures["short-poll.empty_ratio"], 0.9);
    }

    #[test]
    fn a_sentence_without_its_figures_is_none_and_says_which_is_missing() {
        let lesson = lesson();
        let mut some = figures(1_680.0, 1_512.0, 6.0);
        some.remove("short-poll.empty_answers");
        let found = outcome(&lesson, 2, &some);
        let why = found.failed.unwrap();
        assert!(why.contains("short-poll.empty_answers.per_phone"), "{why}");
        assert!(found.sentence.is_empty());
    }

    #[test]
    fn what_is_waited_for_is_seen_or_said_what_was() {
        let lesson = lesson();
        let wait = wait_after(&lesson, 2).unwrap();
        assert_eq!(unmet(wait, &figures(1_680.0, 1_512.0, 6.0)), None);
        let why = unmet(wait, &figures(1_680.0, 1_600.0, 2.0)).unwrap();
        assert!(why.contains("publications is 2"), "{why}");
        assert!(wait_after(&lesson, 3).is_none());
        assert!(!waits_for_reports(&lesson));
    }
}
