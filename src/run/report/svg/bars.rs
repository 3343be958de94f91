//! Stacked bars below each other.

use askama::Template;

use super::{ROW_HEIGHT, Units, WIDTH};
use crate::run::report::rendered::rendered;

const LABEL_WIDTH: f64 = 215.0;
/// For what is written at a bar's end.
const TOTAL_WIDTH: f64 = 120.0;

/// One bar: its label, and its parts as class and amount.
pub struct Bar {
    /// What stands beside it.
    pub label: String,
    /// From the left.
    pub parts: Vec<(&'static str, f64)>,
    /// Written at its end.
    pub total: String,
}

#[derive(Template)]
#[template(path = "report/bars.svg")]
struct Chart<'a> {
    name: &'a str,
    width: f64,
    height: f64,
    label_x: Units,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    label: &'a str,
    y: Units,
    text_y: Units,
    parts: Vec<Part>,
    total: &'a str,
    total_x: Units,
}

struct Part {
    class: &'static str,
    x: Units,
    width: Units,
}

/// Bars below each other, all to one scale from 0 to `most` or the longest.
pub fn bars(name: &str, bars: &[Bar], most: Option<f64>) -> String {
    let longest = bars.iter().map(|bar| bar.parts.iter().map(|p| p.1).sum());
    let most = most
        .unwrap_or_else(|| longest.fold(0.0, f64::max))
        .max(1e-9);
    let room = WIDTH - LABEL_WIDTH - TOTAL_WIDTH;
    let mut rows = Vec::with_capacity(bars.len());
    for (index, bar) in bars.iter().enumerate() {
        let y = index as f64 * ROW_HEIGHT + 4.0;
        let mut x = LABEL_WIDTH;
        let mut parts = Vec::with_capacity(bar.parts.len());
        for (class, amount) in &bar.parts {
            let width = amount / most * room;
            parts.push(Part {
                class,
                x: Units(x),
                width: Units(width),
            });
            x += width;
        }
        rows.push(Row {
            label: &bar.label,
            y: Units(y),
            text_y: Units(y + 14.0),
            parts,
            total: &bar.total,
            total_x: Units(x + 6.0),
        });
    }
    rendered(&Chart {
        name,
        width: WIDTH,
        height: bars.len() as f64 * ROW_HEIGHT + 8.0,
        label_x: Units(LABEL_WIDTH - 8.0),
        rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_draw_is_an_empty_chart() {
        assert!(!bars("x", &[], None).contains("NaN"));
    }

    #[test]
    fn parts_of_a_bar_stand_end_to_end() {
        let bar = Bar {
            label: "<a>".into(),
            parts: vec![("headers", 1.0), ("payload", 3.0)],
            total: "4 B".into(),
        };
        let svg = bars("x", &[bar], None);
        assert!(
            svg.contains("x=\"215.0\" y=\"4.0\" width=\"76.2\""),
            "{svg}"
        );
        assert!(
            svg.contains("x=\"291.2\" y=\"4.0\" width=\"228.8\""),
            "{svg}"
        );
        assert!(!svg.contains("<a>"));
    }
}
