//! What an experiment's own page says once it was carried out: one sentence of answer, one picture,
//! what it means; and on demand all figures, how it was run, and what speaks against it.

use askama::Template;

use super::{Row, comparisons, objections, picture::picture};
use crate::{
    experiments::{CarriedOut, Verdict, words},
    run::report::{began, rendered::rendered, table::headline},
};

#[derive(Template)]
#[template(path = "report/answer.html")]
struct Answer<'a> {
    id: &'a str,
    full: bool,
    began: String,
    sentence: String,
    tone: &'static str,
    verdict: &'static str,
    because: String,
    /// HTML.
    picture: String,
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
    rendered(&Answer {
        id: &done.id,
        full: done.full,
        began: first.map_or_else(String::new, |step| {
            began(step.report.started_us).replace('T', " ")
        }),
        sentence: words::because(done),
        tone: tone(done.tally().verdict()),
        verdict: words::verdict(done),
        because: words::because(done),
        picture: picture(done),
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

/// The verdict's colour, as a page's badges have it.
pub fn tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::AsPredicted => "ok",
        Verdict::Otherwise => "bad",
        Verdict::NotValid => "warn",
    }
}
