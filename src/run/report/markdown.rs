//! The result as a Markdown table, for a README or an issue.

use std::fmt::Write;

use super::{
    Report, reasons, shown_figure,
    table::{COLUMNS, headline, with_unit},
};
use crate::run::figures::find;

/// Measured, with the prediction in brackets.
pub fn render(report: &Report) -> String {
    let mut out = format!("{}\n| lane |", headline(report));
    for (heading, ..) in COLUMNS {
        let _ = write!(out, " {heading} |");
    }
    let _ = writeln!(out, "\n|---|{}", "---:|".repeat(COLUMNS.len()));
    for lane in &report.lanes {
        let _ = write!(out, "| {} |", escaped(&lane.label));
        for (_, name, beside) in COLUMNS {
            let unit = find(name).map(|kind| kind.unit);
            let measured = unit.map_or_else(String::new, |u| shown_figure(u, lane.figure(name)));
            let _ = write!(out, " {measured}");
            if let Some(predicted) = lane.predicted.get(name).filter(|_| beside) {
                let _ = write!(out, " ({})", with_unit(name, *predicted));
            }
            out.push_str(" |");
        }
        out.push('\n');
    }
    out.push_str("\nIn brackets what the closed forms predict.\n");
    for reason in reasons(report) {
        let _ = writeln!(out, "\n- {}", escaped(&reason));
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn rows_have_as_many_cells_as_the_heading() {
        let text = render(&sample::report());
        let table: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(table.len(), 4);
        for line in &table {
            assert_eq!(line.matches('|').count(), COLUMNS.len() + 2, "{line}");
        }
        assert!(table[2].contains("250 ms (245 ms)"), "{}", table[2]);
        assert!(table[2].contains("&lt;short-poll>"));
    }
}
