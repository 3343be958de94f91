//! The pictures of the paper: a number's guesses as bars, a curve's as a band. Only numbers and places
//! here; the words beside them are the template's.

use super::number;
use crate::class::{guess::Scale, histogram::Bin};

/// Of a picture, in its own units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 150.0;
/// Below, for the numbers of the axis; above, for the names of the marks.
const BELOW: f64 = 22.0;
const ABOVE: f64 = 18.0;

/// Guesses of a number: a slot for each bin, and in it a bar for each round.
pub struct Bars {
    pub slots: Vec<Slot>,
    pub marks: Vec<Mark>,
    pub has_second: bool,
    pub unit: String,
    /// The end of the axis.
    pub end: String,
    pub width: f64,
    pub height: f64,
    pub base: f64,
}

pub struct Slot {
    pub from: String,
    pub to: String,
    pub first: usize,
    pub second: usize,
    /// Left edge and width of the slot, and of each bar its left edge, top, width and height.
    pub x: f64,
    pub bars: Vec<Bar>,
}

pub struct Bar {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    /// Of the first round where there was a second.
    pub is_before: bool,
}

/// What was measured, or predicted, on the axis of the guesses.
pub struct Mark {
    pub name: &'static str,
    pub value: String,
    pub x: f64,
    /// Of its name: towards the middle.
    pub ends_here: bool,
    pub is_measured: bool,
    pub top: f64,
}

/// `last` are those of the last round; `first` of the first, where there were two.
pub fn bars(
    last: &[Bin],
    first: Option<&[Bin]>,
    scale: Scale,
    unit: &str,
    measured: Option<f64>,
    theory: Option<f64>,
) -> Bars {
    let slot = WIDTH / last.len().max(1) as f64;
    let counts = last.iter().chain(first.unwrap_or_default());
    let most = counts.map(|bin| bin.count).max().unwrap_or(0).max(1) as f64;
    let (top, base) = (ABOVE * 2.0, HEIGHT - BELOW);
    let bar = |x: f64, width: f64, count: usize, is_before: bool| {
        let height = count as f64 / most * (base - top);
        Bar {
            x,
            y: base - height,
            width,
            height,
            is_before,
        }
    };
    let slots = last.iter().enumerate().map(|(at, bin)| {
        let before = first.map(|first| first.get(at).map_or(0, |bin| bin.count));
        let (x, inner) = (slot * at as f64, slot * 0.84);
        let bars = match before {
            Some(before) => vec![
                bar(x + slot * 0.08, inner / 2.0, before, true),
                bar(x + slot * 0.08 + inner / 2.0, inner / 2.0, bin.count, false),
            ],
            None => vec![bar(x + slot * 0.08, inner, bin.count, false)],
        };
        Slot {
            from: number(bin.from),
            to: number(bin.to),
            first: before.unwrap_or(bin.count),
            second: bin.count,
            x,
            bars,
        }
    });
    let place = |value: f64| place(last, scale, value).map(|share| share * WIDTH);
    let mark = |name: &'static str, value: Option<f64>, top: f64, is_measured: bool| {
        let value = value?;
        let x = place(value)?;
        Some(Mark {
            name,
            value: number(value),
            x,
            ends_here: x > WIDTH / 2.0,
            is_measured,
            top,
        })
    };
    let marks = [
        mark("measured", measured, ABOVE * 0.75, true),
        mark("predicted", theory, ABOVE * 1.75, false),
    ];
    Bars {
        slots: slots.collect(),
        marks: marks.into_iter().flatten().collect(),
        has_second: first.is_some(),
        unit: super::cut(unit),
        end: last.last().map_or_else(String::new, |bin| number(bin.to)),
        width: WIDTH,
        height: HEIGHT,
        base,
    }
}

/// Where on the axis a value stands, 0 to 1; what is beyond stands at its end. `None` without an axis.
fn place(bins: &[Bin], scale: Scale, value: f64) -> Option<f64> {
    let (from, to) = (bins.first()?.from, bins.last()?.to);
    let on_axis = |value: f64| match scale {
        Scale::Linear => value,
        Scale::Log => value.max(f64::MIN_POSITIVE).ln(),
    };
    let share = (on_axis(value) - on_axis(from)) / (on_axis(to) - on_axis(from));
    share.is_finite().then(|| share.clamp(0.0, 1.0))
}

/// Guesses of a curve: where three quarters of the class were, the middle, what was measured and
/// predicted.
pub struct Lines {
    /// Points of an outline or a line, `x,y x,y …`; empty for none.
    pub band: String,
    pub middle: String,
    pub predicted: Vec<(f64, f64)>,
    pub measured: Vec<(f64, f64)>,
    /// Place and name of each x.
    pub ticks: Vec<(f64, String)>,
    pub x_unit: String,
    pub unit: String,
    pub min: String,
    pub max: String,
    /// Of the table: x, low, middle and high.
    pub rows: Vec<[String; 4]>,
    pub width: f64,
    pub height: f64,
    pub top: f64,
    pub base: f64,
}

/// What a curve is drawn over.
pub struct Axes<'a> {
    pub x: &'a [f64],
    pub x_unit: &'a str,
    pub min: f64,
    pub max: f64,
    pub unit: &'a str,
}

/// `band`: low, middle and high, each with a number for each x or empty.
pub fn lines(axes: &Axes<'_>, band: [&[f64]; 3], measured: &[f64], theory: &[f64]) -> Lines {
    let (top, base) = (ABOVE, HEIGHT - BELOW);
    let [low, middle, high] = band;
    let last = axes.x.len().saturating_sub(1).max(1) as f64;
    // Points stand evenly: what is between them was not asked.
    let at = |index: usize| 40.0 + (WIDTH - 80.0) * index as f64 / last;
    let y = |value: f64| {
        let share = (value - axes.min) / (axes.max - axes.min);
        let share = if share.is_finite() { share } else { 0.0 };
        base - share.clamp(0.0, 1.0) * (base - top)
    };
    let points = |values: &[f64]| -> Vec<(f64, f64)> {
        let known = values.iter().take(axes.x.len()).enumerate();
        known.map(|(index, value)| (at(index), y(*value))).collect()
    };
    let text = |points: &[(f64, f64)]| {
        let all: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        all.join(" ")
    };
    let outline: Vec<(f64, f64)> = points(low)
        .into_iter()
        .chain(points(high).into_iter().rev())
        .collect();
    let of = |values: &[f64], index: usize| {
        values
            .get(index)
            .map_or_else(String::new, |value| number(*value))
    };
    Lines {
        band: text(&outline),
        middle: text(&points(middle)),
        predicted: points(theory),
        measured: points(measured),
        ticks: axes
            .x
            .iter()
            .enumerate()
            .map(|(index, x)| (at(index), number(*x)))
            .collect(),
        x_unit: super::cut(axes.x_unit),
        unit: super::cut(axes.unit),
        min: number(axes.min),
        max: number(axes.max),
        rows: (axes.x.iter().enumerate())
            .map(|(index, x)| {
                [
                    number(*x),
                    of(low, index),
                    of(middle, index),
                    of(high, index),
                ]
            })
            .collect(),
        width: WIDTH,
        height: HEIGHT,
        top,
        base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins() -> Vec<Bin> {
        let ends = [1.0, 10.0, 100.0, 1000.0];
        let bin = |pair: &[f64]| Bin {
            from: pair[0],
            to: pair[1],
            count: pair[0] as usize,
        };
        ends.windows(2).map(bin).collect()
    }

    #[test]
    fn a_value_stands_on_the_axis_of_the_guesses() {
        let near = |one: Option<f64>, other: f64| (one.unwrap() - other).abs() < 1e-9;
        assert!(near(place(&bins(), Scale::Log, 10.0), 1.0 / 3.0));
        assert!(near(place(&bins(), Scale::Linear, 1000.0), 1.0));
        assert!(
            near(place(&bins(), Scale::Log, -5.0), 0.0)
                && near(place(&bins(), Scale::Log, 1e9), 1.0)
        );
        assert_eq!(place(&[], Scale::Linear, 1.0), None);
        assert_eq!(place(&bins(), Scale::Linear, f64::NAN), None);
    }

    #[test]
    fn bars_are_as_high_as_they_count_and_no_higher_than_the_picture() {
        let drawn = bars(&bins(), Some(&bins()), Scale::Log, "ms", Some(10.0), None);
        assert_eq!(drawn.slots.len(), 3);
        assert!(drawn.slots.iter().all(|slot| slot.bars.len() == 2));
        let highest = &drawn.slots[2].bars[1];
        assert!((highest.y - 36.0).abs() < 1e-9 && !highest.is_before);
        assert_eq!(drawn.marks.len(), 1);
        let none = bars(&[], None, Scale::Linear, "", Some(1.0), Some(f64::INFINITY));
        assert!(none.slots.is_empty() && none.marks.is_empty());
    }

    #[test]
    fn a_curve_is_drawn_within_its_axes_whatever_was_measured() {
        let x = [1.0, 2.0, 3.0];
        let axes = Axes {
            x: &x,
            x_unit: "s",
            min: 0.0,
            max: 10.0,
            unit: "ms",
        };
        let drawn = lines(
            &axes,
            [&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0], &[5.0, 6.0, 7.0]],
            &[99.0, -1.0],
            &[],
        );
        assert_eq!(drawn.band.split(' ').count(), 6);
        assert!(
            drawn
                .measured
                .iter()
                .all(|(_, y)| (18.0..=128.0).contains(y))
        );
        assert!(drawn.predicted.is_empty());
        let empty = lines(&axes, [&[], &[], &[]], &[], &[]);
        assert!(empty.band.is_empty() && empty.rows.len() == 3);
        let flat = Axes {
            x: &x,
            x_unit: "",
            min: 1.0,
            max: 1.0,
            unit: "",
        };
        let drawn = lines(&flat, [&[1.0], &[1.0], &[1.0]], &[1.0], &[]);
        assert!(drawn.measured[0].1.is_finite());
    }
}
