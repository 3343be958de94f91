//! An experiment's result as CSV (RFC 4180) and as Markdown: one line for each figure, measured
//! beside predicted.

use std::fmt::Write;

use super::{CarriedOut, Comparison, words};
use crate::run::report::{csv::quoted, markdown::escaped};

/// With a heading; lines end in CRLF (§2).
pub fn csv(done: &CarriedOut) -> String {
    let mut out =
        "experiment,step,figure,unit,bound,predicted,tolerance,measured,agrees,error,least,most\r\n".to_owned();
    for (label, group) in done.groups() {
        for comparison in group {
            let unit = serde_json::to_value(comparison.unit).unwrap_or_default();
            let bound = serde_json::to_value(comparison.bound).unwrap_or_default();
            let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
            let (least, most) = comparison.between.unzip();
            let _ = write!(
                out,
                "{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
                quoted(&done.id),
                quoted(label),
                quoted(&comparison.what),
                unit.as_str().unwrap_or_default(),
                bound.as_str().unwrap_or_default(),
                comparison.predicted,
                comparison.tolerance,
                number(comparison.measured),
                mark(comparison),
                number(comparison.error()),
                number(least),
                number(most),
            );
        }
    }
    out
}

/// The answer in one sentence, question, verdict and a table.
pub fn markdown(done: &CarriedOut) -> String {
    let mut out = format!(
        "## {} {}\n\n**{}**\n\n{}\n\nTests: {}. Expected: {}.\n\n**{}.** {}\n\n\
         | step | figure | predicted | may be off | measured | |\n|---|---|---:|---:|---:|---|\n",
        done.id,
        escaped(&done.title),
        escaped(&done.answer),
        escaped(&done.question),
        escaped(&done.claim),
        escaped(done.expectation.trim_end_matches('.')),
        words::verdict(done),
        escaped(&words::reasons(done))
    );
    for (label, group) in done.groups() {
        for comparison in group {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} |",
                escaped(label),
                escaped(&comparison.what),
                words::predicted(comparison),
                words::tolerance(comparison),
                words::measured(comparison),
                mark(comparison)
            );
        }
    }
    out
}

fn mark(comparison: &Comparison) -> &'static str {
    match comparison.agrees() {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiments::sample::{carried_out, comparison},
        run::figures::Unit,
    };

    #[test]
    fn every_figure_has_its_line_in_both() {
        let done = carried_out(vec![
            comparison("a, b", 2.0, Some(2.1), 0.3, Unit::Count),
            comparison("c|d", 2e3, None, 10.0, Unit::Microseconds),
        ]);
        let lines = csv(&done);
        assert!(
            lines.contains("E0,a step,\"a, b\",count,near,2,0.3,2.1,yes,,,\r\n"),
            "{lines}"
        );
        assert!(
            lines.contains(",c|d,microseconds,near,2000,10,,,,,\r\n"),
            "{lines}"
        );
        let table = markdown(&done);
        assert!(
            table.contains("| a step | c\\|d | 2.00 ms | ± 0.01 ms | invalid |  |"),
            "{table}"
        );
    }
}
