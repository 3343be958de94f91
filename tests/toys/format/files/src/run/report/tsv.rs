//! A toy: values between tabs, a line for each row and figure.

use std::fmt::Write;

use super::Report;
use crate::run::figures::CATALOGUE;

/// With a heading.
pub fn render(report: &Report) -> String {
    let mut out = "row\tfigure\tmeasured\n".to_owned();
    for lane in &report.lanes {
        for kind in CATALOGUE {
            if let Some(value) = lane.figure(kind.name).and_then(|figure| figure.value()) {
                let _ = writeln!(out, "{}\t{}\t{value}", plain(&lane.row), kind.name);
            }
        }
    }
    out
}

/// A text without what would end its field.
pub fn plain(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn every_line_has_three_fields() {
        let text = render(&sample::report());
        assert!(text.lines().count() > 5, "{text}");
        assert!(text.lines().all(|line| line.split('\t').count() == 3));
    }
}
