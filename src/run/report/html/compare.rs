//! Two runs beside each other: what differs between their plans, the same charts with both, and a
//! table with each difference and whether the two 95 % intervals overlap.

use askama::Template;

use super::{
    Cell,
    charts::{Figure as Drawing, KeyEntry, by_delay, bytes, delay_axes, delivery, is_drawn, look},
    interval, is_invalid,
};
use crate::run::{
    figures::{CATALOGUE, Figure, FigureKind, Unit},
    report::{
        LaneReport, Report, opening,
        rendered::rendered,
        shown, shown_figure,
        svg::lines::{Axis, Line, LineKind, lines, plain_sample, sample},
    },
};

#[derive(Template)]
#[template(path = "report/compare.html")]
struct Compare<'a> {
    /// What the two are called.
    a: &'a str,
    b: &'a str,
    /// What changed, in one sentence.
    change: String,
    /// What was asked of the one and not of the other: a name, and both values.
    settings: Vec<(String, String, String)>,
    /// `None` where they have no lane in common.
    shared: Option<Shared<'a>>,
}

struct Shared<'a> {
    /// Which run cannot be stood behind in full, and why.
    doubts: Vec<(&'a str, &'a str)>,
    figures: Vec<Drawing>,
    /// By figure.
    groups: Vec<Group<'a>>,
}

struct Group<'a> {
    /// What people call the figure.
    label: &'static str,
    /// What it is, exactly.
    meaning: &'static str,
    rows: Vec<Row<'a>>,
}

/// One figure of one lane in both runs.
struct Row<'a> {
    lane: &'a str,
    cells: [Cell; 2],
    difference: Difference,
    overlap: &'static str,
}

/// How far the second is from the first.
#[derive(Debug, PartialEq)]
struct Difference {
    apart: String,
    /// Of the first, in percent.
    share: Option<String>,
}

/// Everything about a pair; `a` and `b` are what the two are called.
pub fn sections(a: (&str, &Report), b: (&str, &Report)) -> String {
    let lanes = a.1.lanes.iter();
    let pairs: Vec<(&LaneReport, &LaneReport)> = lanes
        .filter_map(|lane| {
            let same = b.1.lanes.iter().find(|other| other.row == lane.row)?;
            Some((lane, same))
        })
        .collect();
    let shared = || Shared {
        doubts: [a, b].into_iter().filter_map(doubt).collect(),
        figures: vec![
            delay(&pairs, a.0, b.0),
            bytes(&[a, b]),
            over_time(&pairs, a.0, b.0),
            delivery(&[a, b]),
        ],
        groups: groups(&pairs),
    };
    let settings = differing(a.1, b.1);
    rendered(&Compare {
        a: a.0,
        b: b.0,
        change: opening::change(a, b, &settings),
        settings,
        shared: (!pairs.is_empty()).then(shared),
    })
}

/// What differs in how the two were made: without it a difference means nothing.
fn differing(a: &Report, b: &Report) -> Vec<(String, String, String)> {
    let fields = |report: &Report| match serde_json::to_value(&report.plan) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let text = |value: Option<&serde_json::Value>| match value {
        None => "–".to_owned(),
        Some(serde_json::Value::String(text)) if text.is_empty() => "–".to_owned(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let (of_a, of_b) = (fields(a), fields(b));
    let settings = of_a.iter();
    let mut all: Vec<_> = settings
        .map(|(name, value)| (name.clone(), text(Some(value)), text(of_b.get(name))))
        .collect();
    let host = |report: &Report| report.server.host.to_string();
    all.push(("version".into(), a.pushlab.clone(), b.pushlab.clone()));
    all.push(("host".into(), host(a), host(b)));
    all.retain(|(_, a, b)| a != b);
    all
}

/// Why a run cannot be stood behind in full.
fn doubt<'a>((name, run): (&'a str, &'a Report)) -> Option<(&'a str, &'a str)> {
    let why = match (run.partial, run.generator.objections.first()) {
        _ if run.valid && !run.partial => return None,
        (true, _) => "it was stopped before its end",
        (false, Some(why)) => why,
        (false, None) => "see its own page for the reasons",
    };
    Some((name, why))
}

fn key(pairs: &[(&LaneReport, &LaneReport)], a: &str, b: &str) -> Vec<KeyEntry> {
    let lanes = pairs.iter().enumerate();
    let mut key: Vec<_> = lanes
        .map(|(index, (lane, _))| {
            KeyEntry::new(sample(look(index, lane), LineKind::Measured), &lane.label)
        })
        .collect();
    for (kind, how, name) in [
        (LineKind::Measured, "filled marks", a),
        (LineKind::Other, "thin, open marks", b),
    ] {
        key.push(KeyEntry::new(plain_sample(kind), format!("{how}: {name}")));
    }
    key
}

fn overlaid(
    pairs: &[(&LaneReport, &LaneReport)],
    points: impl Fn(&LaneReport) -> Vec<(f64, f64)>,
) -> Vec<Line> {
    let mut all = Vec::new();
    for (series, (a, b)) in pairs.iter().enumerate() {
        for (lane, kind) in [(a, LineKind::Measured), (b, LineKind::Other)] {
            if is_drawn(lane) {
                all.push(Line {
                    look: look(series, lane),
                    kind,
                    points: points(lane),
                });
            }
        }
    }
    all
}

fn delay(pairs: &[(&LaneReport, &LaneReport)], a: &str, b: &str) -> Drawing {
    let all = overlaid(pairs, |lane| by_delay(&lane.charts.delay_cdf));
    let (x, y) = delay_axes();
    let name = "Share of the publications that arrived within a delay, of both runs";
    Drawing {
        title: "Delay".into(),
        svg: lines(name, &x, &y, &all),
        key: key(pairs, a, b),
        caption: "Both as measured. Curves that cannot be stood behind are left out.".into(),
    }
}

fn over_time(pairs: &[(&LaneReport, &LaneReport)], a: &str, b: &str) -> Drawing {
    let all = overlaid(pairs, |lane| {
        let points = &lane.charts.over_time;
        points.iter().map(|(s, us, _)| (*s, *us)).collect()
    });
    let (delay, _) = delay_axes();
    let seconds = Axis {
        title: "since measuring began",
        is_logarithmic: false,
        show: |seconds| format!("{seconds} s"),
    };
    let name = "Median delay over time, of both runs";
    Drawing {
        title: "Delay over time".into(),
        svg: lines(name, &seconds, &delay, &all),
        key: key(pairs, a, b),
        caption: "The median in each twentieth of the measured time.".into(),
    }
}

/// Every figure that both have, lane by lane.
fn groups<'a>(pairs: &[(&'a LaneReport, &LaneReport)]) -> Vec<Group<'a>> {
    let group = |kind: &FigureKind| {
        let rows = pairs.iter().filter_map(|(a, b)| {
            let (in_a, in_b) = (a.figure(kind.name)?, b.figure(kind.name)?);
            Some(Row {
                lane: &a.row,
                cells: [in_a, in_b].map(|figure| cell(kind.unit, figure)),
                difference: difference(kind.unit, in_a, in_b),
                overlap: overlap(in_a, in_b),
            })
        });
        Group {
            label: kind.label(),
            meaning: kind.meaning,
            rows: rows.collect(),
        }
    };
    CATALOGUE.iter().map(group).collect()
}

/// As measured, with the interval alone beside it.
fn cell(unit: Unit, figure: &Figure) -> Cell {
    Cell {
        is_invalid: is_invalid(Some(figure)),
        measured: shown_figure(unit, Some(figure)),
        predicted: None,
        residual: None,
        interval: interval(unit, Some(figure)),
    }
}

fn difference(unit: Unit, in_a: &Figure, in_b: &Figure) -> Difference {
    let only = |apart: &str| Difference {
        apart: apart.to_owned(),
        share: None,
    };
    let error = |figure: &Figure| figure.error().unwrap_or(0.0);
    let (Some(a), Some(b)) = (in_a.value(), in_b.value()) else {
        return only("–");
    };
    let apart = b - a;
    if apart == 0.0 {
        return only("0");
    }
    let sign = if apart < 0.0 { "−" } else { "+" };
    // Both only made larger by lateness: the truth of their difference is off by the larger.
    let error = error(in_a).max(error(in_b));
    if apart.abs() <= error {
        return only(&format!(
            "not told: smaller than its error of {}",
            shown(unit, error)
        ));
    }
    Difference {
        apart: format!("{sign}{}", shown(unit, apart.abs())),
        share: (a != 0.0).then(|| format!("{:+.1} %", apart / a.abs() * 100.0)),
    }
}

fn overlap(a: &Figure, b: &Figure) -> &'static str {
    match (a.interval(), b.interval()) {
        (Some((low, high)), Some((other_low, other_high))) => {
            match low <= other_high && other_low <= high {
                true => "overlap: no difference is shown",
                false => "apart: they differ",
            }
        }
        _ => "no interval: repeat the runs",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    fn with_interval(value: f64, low: f64, high: f64) -> Figure {
        Figure::Valid {
            value,
            low: Some(low),
            high: Some(high),
            error: None,
        }
    }

    #[test]
    fn intervals_tell_whether_two_figures_differ() {
        let a = with_interval(10.0, 9.0, 11.0);
        assert!(overlap(&a, &with_interval(12.0, 10.5, 13.5)).starts_with("overlap"));
        assert!(overlap(&a, &with_interval(12.0, 11.5, 12.5)).starts_with("apart"));
        assert_eq!(
            difference(Unit::Bytes, &a, &with_interval(15.0, 1.0, 2.0)),
            Difference {
                apart: "+5 B".into(),
                share: Some("+50.0 %".into())
            }
        );
    }

    #[test]
    fn a_difference_that_is_smaller_than_its_error_is_none() {
        let with_error = |value, error| Figure::Valid {
            value,
            low: None,
            high: None,
            error: Some(error),
        };
        let apart = |b| difference(Unit::Microseconds, &with_error(5_000.0, 1_800.0), &b).apart;
        let said = "not told: smaller than its error of 1.80 ms";
        assert_eq!(apart(with_error(6_000.0, 900.0)), said);
        assert_eq!(apart(with_error(7_000.0, 900.0)), "+2.00 ms");
        assert_eq!(apart(Figure::invalid("few")), "–");
    }

    #[test]
    fn both_runs_are_in_every_chart_and_what_differs_is_told() {
        let a = sample::report();
        let mut b = sample::report();
        b.plan.clients += 1;
        let text = sections(("A", &a), ("B", &b));
        assert_eq!(text.matches("<figure>").count(), 4);
        assert!(text.contains("<th scope=\"row\">clients</th>"), "{text}");
        assert!(text.contains("A: The &#60;websocket&#62; lane"));
        assert!(text.matches(" other\"").count() >= 4);
        b.lanes.clear();
        assert!(sections(("A", &a), ("B", &b)).contains("no lane in common"));
    }
}
