//! Charts as inline SVG, without a script or a style of their own: lines with a prediction beside
//! them, stacked bars, and single figures beside their predictions. Classes alone say what is what;
//! `static/css/report.css` says how that looks, on the lab's pages and in an exported file.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 42.0;
const ROW_HEIGHT: f64 = 26.0;
const LABEL_WIDTH: f64 = 215.0;
const DOT_LABEL_WIDTH: f64 = 290.0;
/// As many letters of 12 px fit into that.
const DOT_LABEL_CHARS: usize = 42;

/// Colours, and shapes of marks. A ninth line has the first colour again and another shape.
const COLOURS: usize = 8;
const SHAPES: usize = 8;
/// Marks on a measured line.
const MARKS: usize = 7;
/// Half a mark's width.
const MARK: f64 = 4.0;
/// Ticks that an axis has at most.
const TICKS_MAX: i32 = 14;

/// One line of a chart; points in data units.
pub struct Line {
    /// Which of all: its colour (class `c0`, `c1`, …), and its shape of mark, which tells it from
    /// the others where there is no colour.
    pub series: usize,
    pub kind: LineKind,
    pub points: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Solid, with a mark here and there.
    Measured,
    /// A mark for every point and no line: single measurements.
    Points,
    /// Dashed.
    Predicted,
    /// Dotted, with marks: the other of two runs.
    Other,
}

/// An axis: what it says, and whether it counts by powers of ten.
pub struct Axis<'a> {
    pub title: &'a str,
    pub is_logarithmic: bool,
    pub show: fn(f64) -> String,
}

/// A line chart. Points that the axes cannot show (nothing on a logarithmic one) are left out.
pub fn lines(name: &str, x: &Axis<'_>, y: &Axis<'_>, lines: &[Line]) -> String {
    let (on_x, on_y) = (Scale::of(x, lines, |p| p.0), Scale::of(y, lines, |p| p.1));
    let at_x = |value| LEFT + on_x.share(value) * (WIDTH - LEFT - RIGHT);
    let at_y = |value| HEIGHT - BOTTOM - on_y.share(value) * (HEIGHT - TOP - BOTTOM);
    let mut out = open(name, HEIGHT);
    for tick in on_x.ticks() {
        let at = at_x(tick);
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>\
             <text class=\"tick\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 16.0,
            escaped(&(x.show)(tick))
        );
    }
    for tick in on_y.ticks() {
        let at = at_y(tick);
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            escaped(&(y.show)(tick))
        );
    }
    let _ = write!(
        out,
        "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
         <text class=\"axis\" transform=\"translate(13 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        (WIDTH + LEFT - RIGHT) / 2.0,
        HEIGHT - 6.0,
        escaped(x.title),
        (HEIGHT - BOTTOM + TOP) / 2.0,
        escaped(y.title)
    );
    for line in lines {
        let shown: Vec<(f64, f64)> = line
            .points
            .iter()
            .filter(|(x, y)| on_x.can_show(*x) && on_y.can_show(*y))
            .map(|(x, y)| (at_x(*x), at_y(*y)))
            .collect();
        draw(line, &shown, &mut out);
    }
    out.push_str("</svg>");
    out
}

/// A line in the units of the drawing.
fn draw(line: &Line, points: &[(f64, f64)], out: &mut String) {
    let colour = line.series % COLOURS;
    if line.kind != LineKind::Points {
        let mut path = String::new();
        for (x, y) in points {
            let step = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{step}{x:.1} {y:.1}");
        }
        let kind = match line.kind {
            LineKind::Predicted => " predicted",
            LineKind::Other => " other",
            _ => "",
        };
        let _ = write!(out, "<path class=\"line c{colour}{kind}\" d=\"{path}\"/>");
    }
    let every = match line.kind {
        LineKind::Predicted => return,
        LineKind::Points => 1,
        // Lines on top of each other have their marks at different places.
        _ => (points.len() / MARKS).max(1),
    };
    let first = if every > 1 {
        (shape(line.series) * every / SHAPES).min(every - 1)
    } else {
        0
    };
    for (x, y) in points.iter().skip(first).step_by(every) {
        let _ = write!(
            out,
            "<path class=\"mark c{colour}\" d=\"{}\"/>",
            mark(shape(line.series), *x, *y)
        );
    }
}

/// Each colour with each shape, before one of both comes again.
fn shape(series: usize) -> usize {
    (series + series / COLOURS) % SHAPES
}

/// The outline of a mark.
fn mark(shape: usize, x: f64, y: f64) -> String {
    let corners: &[(f64, f64)] = match shape {
        0 => &[(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)],
        1 => &[(0.0, -1.2), (1.2, 1.0), (-1.2, 1.0)],
        2 => &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
        3 => &[
            (-0.5, -1.2),
            (0.5, -1.2),
            (1.2, -0.5),
            (1.2, 0.5),
            (0.5, 1.2),
            (-0.5, 1.2),
            (-1.2, 0.5),
            (-1.2, -0.5),
        ],
        4 => &[(0.0, 1.2), (1.2, -1.0), (-1.2, -1.0)],
        5 => &[(-1.3, -0.4), (1.3, -0.4), (1.3, 0.4), (-1.3, 0.4)],
        6 => &[(-0.4, -1.3), (0.4, -1.3), (0.4, 1.3), (-0.4, 1.3)],
        _ => &[(-1.2, -1.2), (1.2, 1.2), (1.2, -1.2), (-1.2, 1.2)],
    };
    let mut path = String::new();
    for (dx, dy) in corners {
        let step = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{step}{:.1} {:.1}", x + dx * MARK, y + dy * MARK);
    }
    path + "Z"
}

/// What stands in a key for a series.
pub fn sample(series: usize, kind: LineKind) -> String {
    let line = Line {
        series,
        kind,
        points: Vec::new(),
    };
    let mut out = "<svg viewBox=\"0 0 28 12\" aria-hidden=\"true\">".to_owned();
    let points = [(1.0, 6.0), (27.0, 6.0)];
    match kind {
        LineKind::Predicted => draw(&line, &points, &mut out),
        LineKind::Points => draw(&line, &[(14.0, 6.0)], &mut out),
        _ => {
            let class = if kind == LineKind::Other {
                " other"
            } else {
                ""
            };
            let colour = series % COLOURS;
            let _ = write!(
                out,
                "<path class=\"line c{colour}{class}\" d=\"M1 6L27 6\"/>\
                 <path class=\"mark c{colour}\" d=\"{}\"/>",
                mark(shape(series), 14.0, 6.0)
            );
        }
    }
    out + "</svg>"
}

/// One bar: its label, and its parts as class and amount.
pub struct Bar {
    pub label: String,
    pub parts: Vec<(&'static str, f64)>,
    /// Written at its end.
    pub total: String,
}

/// Bars below each other, all to one scale from 0.
pub fn bars(name: &str, bars: &[Bar], most: Option<f64>) -> String {
    let longest = bars.iter().map(|bar| bar.parts.iter().map(|p| p.1).sum());
    let most = most
        .unwrap_or_else(|| longest.fold(0.0, f64::max))
        .max(1e-9);
    let room = WIDTH - LABEL_WIDTH - 120.0;
    let mut out = open(name, bars.len() as f64 * ROW_HEIGHT + 8.0);
    for (index, bar) in bars.iter().enumerate() {
        let y = index as f64 * ROW_HEIGHT + 4.0;
        let _ = write!(
            out,
            "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LABEL_WIDTH - 8.0,
            y + 14.0,
            escaped(&bar.label)
        );
        let mut x = LABEL_WIDTH;
        for (class, amount) in &bar.parts {
            let width = amount / most * room;
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"18\"/>"
            );
            x += width;
        }
        let _ = write!(
            out,
            "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x + 6.0,
            y + 14.0,
            escaped(&bar.total)
        );
    }
    out.push_str("</svg>");
    out
}

/// One predicted figure and what was measured, as a row of [`dots`].
pub struct Dot {
    pub label: String,
    pub predicted: f64,
    pub tolerance: f64,
    /// `None` where it cannot be stood behind.
    pub measured: Option<f64>,
    /// Written at the end of the row.
    pub says: String,
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
    let room = WIDTH - DOT_LABEL_WIDTH - 100.0;
    let at = |value: f64| DOT_LABEL_WIDTH + (value - least) / (most - least) * room;
    let mut out = open(name, rows.len() as f64 * ROW_HEIGHT + 8.0);
    for (index, dot) in rows.iter().enumerate() {
        let y = index as f64 * ROW_HEIGHT + 13.0;
        let (from, to) = (
            at(dot.predicted - dot.tolerance),
            at(dot.predicted + dot.tolerance),
        );
        // A long label is set closer, so that it does not begin outside.
        let squeeze = match dot.label.chars().count() > DOT_LABEL_CHARS {
            true => format!(
                " textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"",
                DOT_LABEL_WIDTH - 10.0
            ),
            false => String::new(),
        };
        let _ = write!(
            out,
            "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\"{squeeze}>{}</text>\
             <line class=\"grid\" x1=\"{DOT_LABEL_WIDTH}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <rect class=\"band\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"12\"/>\
             <path class=\"foretold\" d=\"{}\"/>",
            DOT_LABEL_WIDTH - 8.0,
            y + 4.0,
            escaped(&dot.label),
            DOT_LABEL_WIDTH + room,
            y - 6.0,
            (to - from).max(1.0),
            mark(2, at(dot.predicted), y),
        );
        if let Some(measured) = dot.measured {
            let x = at(measured);
            let _ = write!(
                out,
                "<circle class=\"found\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"
            );
        }
        let _ = write!(
            out,
            "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            DOT_LABEL_WIDTH + room + 8.0,
            y + 4.0,
            escaped(&dot.says)
        );
    }
    out.push_str("</svg>");
    out
}

/// Text for HTML and SVG.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn open(name: &str, height: f64) -> String {
    let name = escaped(name);
    format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{name}\">")
}

/// From a value to its share of an axis.
struct Scale {
    least: f64,
    most: f64,
    is_logarithmic: bool,
}

impl Scale {
    fn of(axis: &Axis<'_>, lines: &[Line], of: fn(&(f64, f64)) -> f64) -> Self {
        let is_logarithmic = axis.is_logarithmic;
        let values = lines
            .iter()
            .flat_map(|line| line.points.iter().map(of))
            .filter(|value| value.is_finite() && (!is_logarithmic || *value > 0.0));
        let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), v| {
            (least.min(v), most.max(v))
        });
        match (least.is_finite(), is_logarithmic) {
            (false, _) => Self {
                least: if is_logarithmic { 1.0 } else { 0.0 },
                most: 10.0,
                is_logarithmic,
            },
            (true, true) => Self {
                least: 10f64.powf(least.log10().floor()),
                most: 10f64.powf(most.log10().ceil()).max(least * 10.0),
                is_logarithmic,
            },
            (true, false) => Self {
                least: least.min(0.0),
                most: if most > 0.0 { most } else { 1.0 },
                is_logarithmic,
            },
        }
    }

    fn can_show(&self, value: f64) -> bool {
        value.is_finite() && (!self.is_logarithmic || value > 0.0)
    }

    fn share(&self, value: f64) -> f64 {
        match self.is_logarithmic {
            true => (value / self.least).log10() / (self.most / self.least).log10(),
            false => (value - self.least) / (self.most - self.least),
        }
    }

    fn ticks(&self) -> Vec<f64> {
        if self.is_logarithmic {
            let decades = (self.most / self.least).log10().round() as i32;
            let step = (decades / TICKS_MAX + 1).max(1) as usize;
            let powers = (0..=decades.min(700)).step_by(step);
            return powers.map(|n| self.least * 10f64.powi(n)).collect();
        }
        let raw = (self.most - self.least) / 5.0;
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| *step >= raw)
            .unwrap_or(raw);
        let count = (((self.most - self.least) / step + 1e-9) as usize).min(TICKS_MAX as usize);
        (0..=count).map(|n| self.least + n as f64 * step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(is_logarithmic: bool) -> Axis<'static> {
        Axis {
            title: "a < b",
            is_logarithmic,
            show: |value| value.to_string(),
        }
    }

    fn line(points: &[(f64, f64)]) -> Line {
        Line {
            series: 0,
            kind: LineKind::Measured,
            points: points.to_vec(),
        }
    }

    #[test]
    fn what_an_axis_cannot_show_is_left_out() {
        let svg = lines(
            "x",
            &axis(true),
            &axis(false),
            &[line(&[(0.0, 1.0), (10.0, 2.0)])],
        );
        assert!(svg.contains("a &lt; b"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(svg.contains("d=\"M"), "one point is left: {svg}");
    }

    #[test]
    fn nothing_to_draw_is_an_empty_chart() {
        for logarithmic in [false, true] {
            let svg = lines("x", &axis(logarithmic), &axis(logarithmic), &[]);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
        assert!(!bars("x", &[], None).contains("NaN"));
    }

    #[test]
    fn lines_of_the_same_colour_have_marks_of_other_shapes() {
        let looks: std::collections::BTreeSet<_> = (0..COLOURS * SHAPES)
            .map(|series| (series % COLOURS, shape(series)))
            .collect();
        assert_eq!(looks.len(), COLOURS * SHAPES);
    }

    #[test]
    fn ticks_are_round_numbers() {
        let scale = Scale {
            least: 0.0,
            most: 9.3,
            is_logarithmic: false,
        };
        assert_eq!(scale.ticks(), [0.0, 2.0, 4.0, 6.0, 8.0]);
        let scale = Scale {
            least: 1.0,
            most: 1_000.0,
            is_logarithmic: true,
        };
        assert_eq!(scale.ticks().len(), 4);
    }
}
