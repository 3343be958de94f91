//! Lines with marks, on axes with ticks; and the short samples of them that stand in a key.

use std::fmt::Write;

use askama::Template;

use super::{Units, WIDTH, scale::Scale};
use crate::{catalogue::stroke_of, run::report::rendered::rendered};

const HEIGHT: f64 = 260.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 42.0;

/// Colours of lines that are no lane's, and shapes of marks. A ninth has the first colour again and
/// another shape.
const COLOURS: usize = 8;
const SHAPES: usize = 8;
/// Marks on a measured line.
const MARKS: usize = 7;
/// Half a mark's width.
const MARK: f64 = 4.0;

/// One line of a chart; points in data units.
pub struct Line {
    /// Colour and dashes.
    pub look: Look,
    /// Measured, or predicted.
    pub kind: LineKind,
    /// x and y, in order of x.
    pub points: Vec<(f64, f64)>,
}

/// Whose a line is.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Which of all: its shape of mark, which tells it from the others where there is no colour.
    series: usize,
    /// The lane's name in the style sheet, and its dash pattern; where it is no lane's, its colour
    /// goes by the series (class `c0`, `c1`, …).
    lane: Option<(&'static str, &'static [u8])>,
}

impl Look {
    /// A line that is no lane's.
    pub fn of_series(series: usize) -> Self {
        Self { series, lane: None }
    }

    /// A row of a report, in its lane's colour and dash.
    pub fn of_row(series: usize, row: &str, lane: &str) -> Self {
        Self {
            series,
            lane: stroke_of(row, lane),
        }
    }
}

/// How a line is drawn, by what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Strong, with a mark here and there.
    Measured,
    /// A mark for every point and no line: single measurements.
    Points,
    /// Thin, without a mark.
    Predicted,
    /// Thin, with open marks: the other of two runs.
    Other,
}

/// An axis: what it says, and whether it counts by powers of ten.
pub struct Axis<'a> {
    /// What it shows, with the unit.
    pub title: &'a str,
    /// Equal steps are equal factors.
    pub is_logarithmic: bool,
    /// A value as text.
    pub show: fn(f64) -> String,
}

#[derive(Template)]
#[template(path = "report/lines.svg")]
struct Chart<'a> {
    name: &'a str,
    width: f64,
    height: f64,
    left: f64,
    top: f64,
    right: Units,
    bottom: Units,
    across: Vec<Tick>,
    across_text_y: Units,
    across_title: &'a str,
    across_title_y: Units,
    up: Vec<Tick>,
    up_text_x: Units,
    up_title: &'a str,
    middle_x: Units,
    middle_y: Units,
    strokes: Vec<Stroke>,
}

struct Tick {
    at: Units,
    text: String,
}

/// One line as it is drawn.
struct Stroke {
    /// Class of its colour, where it is no lane's.
    colour: String,
    /// The lane's name in the style sheet.
    lane: Option<&'static str>,
    /// As SVG has it; `None`: solid.
    dash: Option<String>,
    /// More classes of the line, with a space before.
    style: &'static str,
    /// `None`: marks alone.
    path: Option<String>,
    /// Their outlines.
    marks: Vec<String>,
}

/// A line chart. Points that the axes cannot show (nothing on a logarithmic one) are left out.
pub fn lines(name: &str, x: &Axis<'_>, y: &Axis<'_>, lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let on_x = Scale::of(x.is_logarithmic, points().map(|point| point.0));
    let on_y = Scale::of(y.is_logarithmic, points().map(|point| point.1));
    let at_x = |value| LEFT + on_x.share(value) * (WIDTH - LEFT - RIGHT);
    let at_y = |value| HEIGHT - BOTTOM - on_y.share(value) * (HEIGHT - TOP - BOTTOM);
    let tick = |at: f64, text| Tick {
        at: Units(at),
        text,
    };
    let stroke = |line: &Line| {
        let points = line.points.iter();
        let shown: Vec<(f64, f64)> = points
            .filter(|(x, y)| on_x.can_show(*x) && on_y.can_show(*y))
            .map(|(x, y)| (at_x(*x), at_y(*y)))
            .collect();
        Stroke::of(line, &shown)
    };
    let on_across = on_x.ticks().into_iter();
    let on_up = on_y.ticks().into_iter();
    rendered(&Chart {
        name,
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        top: TOP,
        right: Units(WIDTH - RIGHT),
        bottom: Units(HEIGHT - BOTTOM),
        across: on_across.map(|v| tick(at_x(v), (x.show)(v))).collect(),
        across_text_y: Units(HEIGHT - BOTTOM + 16.0),
        across_title: x.title,
        across_title_y: Units(HEIGHT - 6.0),
        up: on_up.map(|v| tick(at_y(v), (y.show)(v))).collect(),
        up_text_x: Units(LEFT - 6.0),
        up_title: y.title,
        middle_x: Units((WIDTH + LEFT - RIGHT) / 2.0),
        middle_y: Units((HEIGHT - BOTTOM + TOP) / 2.0),
        strokes: lines.iter().map(stroke).collect(),
    })
}

impl Stroke {
    /// A line whose points are in the units of the drawing.
    fn of(line: &Line, points: &[(f64, f64)]) -> Self {
        let every = match line.kind {
            LineKind::Predicted => None,
            LineKind::Points => Some(1),
            // Lines on top of each other have their marks at different places.
            LineKind::Measured | LineKind::Other => Some((points.len() / MARKS).max(1)),
        };
        let Look { series, lane } = line.look;
        let shape = shape(series);
        let marks = every.map_or_else(Vec::new, |every| {
            let first = match every {
                1 => 0,
                _ => (shape * every / SHAPES).min(every - 1),
            };
            let marked = points.iter().skip(first).step_by(every);
            marked.map(|(x, y)| mark(shape, *x, *y)).collect()
        });
        Self {
            colour: match lane {
                Some(_) => "of-lane".to_owned(),
                None => format!("c{}", series % COLOURS),
            },
            lane: lane.map(|(name, _)| name),
            dash: lane.and_then(|(_, dash)| dasharray(dash)),
            style: match line.kind {
                LineKind::Predicted => " predicted",
                LineKind::Other => " other",
                LineKind::Measured | LineKind::Points => "",
            },
            path: (line.kind != LineKind::Points).then(|| path(points)),
            marks,
        }
    }
}

/// A lane's dash pattern as SVG has it; `None`: solid.
fn dasharray(dash: &[u8]) -> Option<String> {
    let lengths: Vec<_> = dash.iter().map(u8::to_string).collect();
    (!lengths.is_empty()).then(|| lengths.join(" "))
}

/// From point to point.
fn path(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (x, y) in points {
        let step = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{step}{x:.1} {y:.1}");
    }
    path
}

/// Each colour with each shape, before one of both comes again.
fn shape(series: usize) -> usize {
    (series + series / COLOURS) % SHAPES
}

/// The outline of a mark.
pub(super) fn mark(shape: usize, x: f64, y: f64) -> String {
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
    let corners = corners.iter();
    let outline: Vec<_> = corners
        .map(|(dx, dy)| (x + dx * MARK, y + dy * MARK))
        .collect();
    path(&outline) + "Z"
}

#[derive(Template)]
#[template(path = "report/sample.svg")]
struct Sample {
    stroke: Stroke,
}

/// What stands in a key for a series.
pub fn sample(look: Look, kind: LineKind) -> String {
    rendered(&Sample {
        stroke: sample_of(look, kind),
    })
}

/// What stands in a key for a way of drawing, whatever the series: in the colour of the text.
pub fn plain_sample(kind: LineKind) -> String {
    rendered(&Sample {
        stroke: Stroke {
            colour: "plain".to_owned(),
            ..sample_of(Look::of_series(0), kind)
        },
    })
}

/// From one side to the other, with a mark in the middle.
fn sample_of(look: Look, kind: LineKind) -> Stroke {
    let line = Line {
        look,
        kind,
        points: Vec::new(),
    };
    let stroke = Stroke::of(&line, &[(14.0, 6.0)]);
    Stroke {
        path: stroke.path.map(|_| path(&[(1.0, 6.0), (27.0, 6.0)])),
        ..stroke
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
            look: Look::of_series(0),
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
        assert!(svg.contains("a &#60; b"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(svg.contains("d=\"M"), "one point is left: {svg}");
    }

    #[test]
    fn a_lane_has_its_own_colour_and_dash_and_what_is_none_has_a_number() {
        let of = |row, lane| sample(Look::of_row(3, row, lane), LineKind::Measured);
        let sse = of("sse-no-resume", "sse");
        assert!(sse.contains("data-lane=\"sse\""), "{sse}");
        assert!(sse.contains("stroke-dasharray=\"9 3 2 3\""), "{sse}");
        let bare = of("websocket-bare", "websocket");
        assert!(bare.contains("data-lane=\"websocket-bare\""), "{bare}");
        assert!(!of("websocket", "websocket").contains("dasharray"));
        let other = of("a \"server\"", "elsewhere");
        assert!(other.contains("line c3") && !other.contains("data-lane"));
    }

    #[test]
    fn nothing_to_draw_is_an_empty_chart() {
        for logarithmic in [false, true] {
            let svg = lines("x", &axis(logarithmic), &axis(logarithmic), &[]);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn lines_of_the_same_colour_have_marks_of_other_shapes() {
        let looks: std::collections::BTreeSet<_> = (0..COLOURS * SHAPES)
            .map(|series| (series % COLOURS, shape(series)))
            .collect();
        assert_eq!(looks.len(), COLOURS * SHAPES);
    }
}
