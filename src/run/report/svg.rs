//! Charts as inline SVG, without a script: lines with a prediction beside them, and stacked bars.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 42.0;
const ROW_HEIGHT: f64 = 26.0;
const LABEL_WIDTH: f64 = 215.0;

/// One line of a chart; points in data units.
pub struct Line {
    /// Class that colours it: `c0`, `c1`, …
    pub class: String,
    /// Drawn dashed: predicted, not measured.
    pub is_predicted: bool,
    pub points: Vec<(f64, f64)>,
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
        let mut path = String::new();
        for (px, py) in &line.points {
            if on_x.can_show(*px) && on_y.can_show(*py) {
                let step = if path.is_empty() { 'M' } else { 'L' };
                let _ = write!(path, "{step}{:.1} {:.1}", at_x(*px), at_y(*py));
            }
        }
        let dashed = if line.is_predicted { " predicted" } else { "" };
        let class = &line.class;
        let _ = write!(out, "<path class=\"line {class}{dashed}\" d=\"{path}\"/>");
    }
    out.push_str("</svg>");
    out
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
            return (0..=decades).map(|n| self.least * 10f64.powi(n)).collect();
        }
        let raw = (self.most - self.least) / 5.0;
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| *step >= raw)
            .unwrap_or(raw);
        let count = ((self.most - self.least) / step + 1e-9) as usize;
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
            class: "c0".into(),
            is_predicted: false,
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
