//! What an experiment's own page says once it was carried out: one sentence of answer, one picture,
//! what it means; and on demand all figures, how it was run, and what speaks against it.

use askama::Template;

use super::{
    Row, comparisons,
    heads::{Heads, heads},
    objections,
    picture::picture,
};
use crate::{
    experiments::{
        CarriedOut, Verdict, find,
        guess::{Guess, GuessKind},
        words,
    },
    run::{
        answer::decimal,
        report::{began, rendered::rendered, table::headline},
    },
};

#[derive(Template)]
#[template(path = "report/answer.html")]
struct Answer<'a> {
    id: &'a str,
    full: bool,
    began: String,
    sentence: &'a str,
    tone: &'static str,
    verdict: &'static str,
    because: String,
    /// HTML.
    picture: String,
    /// Where headers are the question.
    heads: Option<Heads<'a>>,
    /// What came out of the very thing that is guessed.
    found: Option<String>,
    /// For somebody who chooses; of this catalogue's experiments only.
    meaning: Option<&'static str>,
    comparisons: Vec<Row<'a>>,
    /// Label and what was run.
    steps: Vec<(&'a str, String)>,
    reasons: Vec<String>,
    /// Where the whole result is.
    whole: &'a str,
}

/// HTML. `whole` is the address of the whole result, and of older ones nothing is said.
pub fn answer(done: &CarriedOut, whole: &str) -> String {
    let steps = done.steps.iter();
    let first = done.steps.first();
    let known = find(&done.id).ok();
    rendered(&Answer {
        id: &done.id,
        full: done.full,
        began: first.map_or_else(String::new, |step| {
            began(step.report.started_us).replace('T', " ")
        }),
        sentence: &done.answer,
        tone: tone(done.tally().verdict()),
        verdict: words::verdict(done),
        because: words::reasons(done),
        picture: picture(done),
        heads: heads(done),
        found: known.and_then(|experiment| found(&experiment.guess, done)),
        meaning: known.map(|experiment| experiment.meaning),
        comparisons: comparisons(done),
        steps: steps
            .map(|step| {
                (
                    step.label.as_str(),
                    headline(&step.report).trim_end().to_owned(),
                )
            })
            .collect(),
        reasons: objections(done),
        whole,
    })
}

/// `None` where what came out is withheld.
fn found(guess: &Guess, done: &CarriedOut) -> Option<String> {
    let found = guess.found(done);
    match guess.kind {
        GuessKind::Choice(choices) => {
            let of = |index: Option<f64>| choices.get(index? as usize).copied();
            let (theory, measured) = (of(found.theory)?, of(found.measured)?);
            Some(format!("Theory: {theory}. It was: {measured}."))
        }
        GuessKind::Number { unit, .. } => {
            let measured = decimal(found.measured?, 3);
            Some(format!("It is {measured} {unit}."))
        }
    }
}

/// The verdict's colour, as a page's badges have it.
pub fn tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::AsPredicted => "ok",
        Verdict::Otherwise => "bad",
        Verdict::NotValid => "warn",
    }
}
