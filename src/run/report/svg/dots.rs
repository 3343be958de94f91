//! Measured figures on what is predicted for them, rows below each other.

use askama::Template;

use super::{ROW_HEIGHT, Units, WIDTH, lines::mark};
use crate::run::report::rendered::rendered;

const LABEL_WIDTH: f64 = 290.0;
/// As many letters of 12 px fit into that.
const LABEL_CHARS: usize = 42;
/// For what is written at the end of a row.
const SAYS_WIDTH: f64 = 100.0;
/// Of the shapes of marks, the one of predictions: a diamond.
const PREDICTED: usize = 2;

/// One predicted figure and what was measured, as a row of [`dots`].
pub struct Dot {
    /// What stands beside it.
    pub label: String,
    /// In the figure's unit.
    pub predicted: f64,
    /// What it may be off.
    pub tolerance: f64,
    /// `None` where it cannot be stood behind.
    pub measured: Option<f64>,
    /// Written at the end of the row.
    pub says: String,
}

#[derive(Template)]
#[template(path = "report/dots.svg")]
struct Chart<'a> {
    name: &'a str,
    width: f64,
    height: f64,
    label_x: Units,
    label_width: f64,
    left: f64,
    right: Units,
    says_x: Units,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    label: &'a str,
    /// A long label is set closer, so that it does not begin outside.
    is_squeezed: bool,
    y: Units,
    text_y: Units,
    band_x: Units,
    band_width: Units,
    /// The outline of the prediction's mark.
    predicted: String,
    measured: Option<Units>,
    says: &'a str,
}

/// Measured figures (filled) on what is predicted (a hollow mark on a band as wide as the
/// tolerance), rows below each other, all on one scale from 0.
pub fn dots(name: &str, rows: &[Dot]) -> String {
    let reach = |dot: &Dot| {
        let most = dot.predicted + dot.tolerance;
        most.max(dot.measured.unwrap_or(0.0))
    };
    let lowest = |dot: &Dot| {
        let least = dot.predicted - dot.tolerance;
        least.min(dot.measured.unwrap_or(0.0))
    };
    let most = rows.iter().map(reach).fold(0.0, f64::max).max(1e-9);
    let least = rows.iter().map(lowest).fold(0.0, f64::min);
    let room = WIDTH - LABEL_WIDTH - SAYS_WIDTH;
    let at = |value: f64| LABEL_WIDTH + (value - least) / (most - least) * room;
    let mut drawn = Vec::with_capacity(rows.len());
    for (index, dot) in rows.iter().enumerate() {
        let y = index as f64 * ROW_HEIGHT + 13.0;
        let from = at(dot.predicted - dot.tolerance);
        let to = at(dot.predicted + dot.tolerance);
        drawn.push(Row {
            label: &dot.label,
            is_squeezed: dot.label.chars().count() > LABEL_CHARS,
            y: Units(y),
            text_y: Units(y + 4.0),
            band_x: Units(from),
            band_width: Units((to - from).max(1.0)),
            predicted: mark(PREDICTED, at(dot.predicted), y),
            measured: dot.measured.map(|value| Units(at(value))),
            says: &dot.says,
        });
    }
    rendered(&Chart {
        name,
        width: WIDTH,
        height: rows.len() as f64 * ROW_HEIGHT + 8.0,
        label_x: Units(LABEL_WIDTH - 8.0),
        label_width: LABEL_WIDTH - 10.0,
        left: LABEL_WIDTH,
        right: Units(LABEL_WIDTH + room),
        says_x: Units(LABEL_WIDTH + room + 8.0),
        rows: drawn,
    })
}
