//! Charts as inline SVG, without a script or a style of their own: lines with a prediction beside
//! them ([`lines`]), stacked bars ([`bars`]), and single figures beside their predictions
//! ([`dots`]). Classes alone say what is what; `static/css/report.css` says how that looks, on the
//! lab's pages and in an exported file.
//!
//! Here is where things stand; `templates/report/*.svg` are what is written, and escape the text
//! in it.

pub mod bars;
pub mod dots;
pub mod lines;
pub mod scale;

use std::fmt;

const WIDTH: f64 = 640.0;
/// Of one row of bars or of dots.
const ROW_HEIGHT: f64 = 26.0;

/// A length in the drawing's units, written to a tenth of one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Units(f64);

impl Units {
    fn plus(self, more: f64) -> Self {
        Self(self.0 + more)
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", self.0)
    }
}
