//! An experiment's result as HTML: the verdict in words, measured points beside predicted curves
//! (`sweeps`), every comparison as a table, and the run of each step. For the lab's pages and,
//! with a style in front, as one self-contained file. What is written is in `templates/report`.
//!
//! The experiment's own page has the [`answer`](fn@answer) instead: one sentence, one `picture`, what it
//! means; and everything else on demand.

mod answer;
mod heads;
mod picture;
mod subjects;
mod sweeps;

pub use self::answer::{answer, tone};

use std::{collections::BTreeSet, fmt::Write};

use askama::Template;

use super::{CarriedOut, Comparison, DoneStep, Verdict, names, words};
use crate::run::report::{
    html::{self, charts},
    rendered::rendered,
    shown,
    svg::dots::{Dot, dots},
};

/// A whole result as a file.
pub fn render(done: &CarriedOut) -> String {
    html::file(&format!("{} {}", done.id, done.title), &sections(done))
}

#[derive(Template)]
#[template(path = "report/experiment.html")]
struct Experiment<'a> {
    done: &'a CarriedOut,
    expectation: &'a str,
    /// HTML.
    outcome: String,
    /// By label; HTML.
    steps: Vec<(&'a str, String)>,
}

/// Everything below the title.
pub fn sections(done: &CarriedOut) -> String {
    let steps = done.steps.iter();
    rendered(&Experiment {
        done,
        expectation: done.expectation.trim_end_matches('.'),
        outcome: outcome(done),
        steps: steps
            .map(|step| (step.label.as_str(), html::sections(&step.report)))
            .collect(),
    })
}

#[derive(Template)]
#[template(path = "report/outcome.html")]
struct Outcome<'a> {
    class: &'static str,
    verdict: &'static str,
    because: String,
    figures: Vec<charts::Figure>,
    comparisons: Vec<Row<'a>>,
    reasons: Vec<String>,
}

/// A comparison in words.
struct Row<'a> {
    /// Whose figure and which, for people; and the figure's own term behind it.
    what: String,
    term: Option<&'static str>,
    step: &'a str,
    predicted: String,
    tolerance: String,
    measured: String,
    residual: String,
    agrees: &'static str,
    /// Why it is withheld.
    why: Option<String>,
}

/// Verdict, charts and comparisons, without the runs they come from.
pub fn outcome(done: &CarriedOut) -> String {
    let mut figures = Vec::new();
    let mut drawn = BTreeSet::new();
    for sweep in sweeps::sweeps(&done.steps) {
        let curves = sweeps::curves(done, &sweep);
        if !curves.is_empty() {
            figures.extend(curves);
            drawn.extend(sweep.points.iter().map(|(index, _)| *index));
        }
    }
    // Steps that are on no curve, and what the steps show together.
    let groups = done.groups().into_iter().enumerate();
    let left = groups.filter(|(index, _)| !drawn.contains(index));
    figures.extend(left.flat_map(|(_, (label, group))| points(label, group)));
    rendered(&Outcome {
        class: match done.tally().verdict() {
            Verdict::AsPredicted => "as-predicted",
            Verdict::Otherwise => "otherwise",
            Verdict::NotValid => "not-valid",
        },
        verdict: words::verdict(done),
        because: words::reasons(done),
        figures,
        comparisons: comparisons(done),
        reasons: objections(done),
    })
}

/// Every comparison of a group as a row, a chart for each unit.
fn points(label: &str, group: &[Comparison]) -> Vec<charts::Figure> {
    let mut figures = Vec::new();
    for unit in sweeps::UNITS {
        let of_unit = || group.iter().filter(|comparison| comparison.unit == unit);
        let rows: Vec<Dot> = of_unit()
            .filter(|comparison| !is_nothing(comparison))
            .map(|comparison| Dot {
                label: comparison.what.clone(),
                predicted: comparison.predicted,
                tolerance: comparison.tolerance,
                measured: comparison.measured,
                says: words::measured(comparison),
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        let mut caption = "Filled: measured, with its number. Hollow, on a band as wide as the \
                           tolerance: predicted."
            .to_owned();
        let left_out = of_unit().count() - rows.len();
        if left_out > 0 {
            let _ = write!(caption, " Not drawn: {left_out} that are 0 as predicted.");
        }
        figures.push(charts::Figure {
            title: label.to_owned(),
            svg: dots(&format!("Measured beside predicted: {label}"), &rows),
            key: Vec::new(),
            caption,
        });
    }
    figures
}

/// Nothing where nothing is predicted: no chart shows more of it than the table does.
fn is_nothing(comparison: &Comparison) -> bool {
    comparison.predicted == 0.0 && comparison.measured == Some(0.0)
}

fn comparisons(done: &CarriedOut) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for (index, (label, group)) in done.groups().into_iter().enumerate() {
        // What all steps show together is of none.
        let step = done.steps.get(index);
        rows.extend(group.iter().map(|comparison| {
            let name = names::named(&comparison.what, step);
            Row {
                what: match name.lane {
                    Some((_, label)) => format!("{label}: {}", name.figure),
                    None => name.figure,
                },
                term: name.term,
                step: label,
                predicted: words::predicted(comparison),
                tolerance: words::tolerance(comparison),
                measured: words::measured(comparison),
                residual: residual(comparison),
                agrees: match comparison.agrees() {
                    Some(true) => "yes",
                    Some(false) => "no",
                    None => "unknown",
                },
                why: is_withheld(comparison).then(|| why(comparison, step)),
            }
        }));
    }
    rows
}

/// Neither a number nor a bound.
fn is_withheld(comparison: &Comparison) -> bool {
    comparison.measured.is_none() && comparison.between.is_none()
}

/// Why a figure is withheld: what speaks against itself, or against its step.
fn why(comparison: &Comparison, step: Option<&DoneStep>) -> String {
    let of_step = step.and_then(DoneStep::fault);
    let why = comparison.undecided().or(of_step).cloned();
    why.unwrap_or_else(|| "a figure that it is made from is withheld".to_owned())
}

fn residual(comparison: &Comparison) -> String {
    let Some(measured) = comparison.measured else {
        return "–".to_owned();
    };
    let apart = measured - comparison.predicted;
    let sign = if apart < 0.0 { "−" } else { "+" };
    format!("{sign}{}", shown(comparison.unit, apart.abs()))
}

/// What stands against steps as a whole, and why single figures decide nothing.
fn objections(done: &CarriedOut) -> Vec<String> {
    let steps = done.steps.iter();
    let of_step = steps.flat_map(|step| {
        let all = words::notes(step).into_iter();
        all.map(move |said| format!("{}: {said}", step.label))
    });
    of_step.chain(words::withheld(done)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiments::sample::{carried_out, comparison},
        run::figures::Unit,
    };

    #[test]
    fn without_a_sweep_every_figure_is_a_row_on_its_prediction() {
        let done = carried_out(vec![
            comparison("<a>", 2.0, Some(2.1), 0.3, Unit::Count),
            comparison("b", 2.0, None, 0.3, Unit::Count),
        ]);
        let page = render(&done);
        assert_eq!(page.matches("class=\"found\"").count(), 1);
        assert_eq!(page.matches("class=\"foretold\"").count(), 2);
        assert!(page.contains("&#60;a&#62;") && !page.contains("<a>"));
        assert!(!page.contains("style=") && !page.contains("NaN"));
        assert!(page.contains("<strong>Not enough valid figures to say</strong>"));
        let mut late = comparison("d", 2e3, None, 300.0, Unit::Microseconds);
        late.between = Some((900.0, 2_700.0));
        late.why = Some("its error is too large".to_owned());
        let page = render(&carried_out(vec![late]));
        assert!(
            page.contains("d (a step): its error is too large"),
            "{page}"
        );
        assert!(page.contains("0.90 ms to 2.70 ms"), "{page}");
    }
}
