//! `--baseline FILE`: is this run worse than a saved one?
//!
//! A figure is worse when it is off by more than the tolerance in the bad direction *and* the two
//! 95 % intervals do not overlap; without intervals the tolerance alone decides. Figures that one
//! of the two cannot stand behind, or whose errors are larger than the tolerance, are not compared,
//! and a row without any comparison is no pass.

use std::{path::PathBuf, time::Duration};

use super::{
    figures::{CATALOGUE, Figure, FigureKind},
    plan::Plan,
    report::{Report, shown_figure},
    uncertainty::{decided, truth},
};
use crate::config::Span;

/// Compared, and whether more of it is worse.
const COMPARED: [(&str, bool); 9] = [
    ("p50_us", true),
    ("p90_us", true),
    ("p99_us", true),
    ("delivery_ratio", false),
    ("duplicates", true),
    ("order_violations", true),
    ("bytes_per_publication", true),
    ("requests_per_publication", true),
    ("server_cpu_us_per_delivery", true),
];

/// What the comparison says, in words.
#[derive(Debug, Default, PartialEq)]
pub struct Compared {
    /// Each figure that is worse, with both values.
    pub worse: Vec<String>,
    /// Rows of the baseline of which nothing can be said.
    pub unknown: Vec<String>,
}

/// Every row of the baseline against the same row of a run.
pub fn compare(report: &Report, baseline: &Report, tolerance: f64) -> Compared {
    let mut all = Compared::default();
    for before in &baseline.lanes {
        let row = &before.row;
        let Some(lane) = report.lanes.iter().find(|lane| lane.row == *row) else {
            all.unknown
                .push(format!("{row} is in the baseline and not in this run"));
            continue;
        };
        let mut looked = 0;
        for (kind, more_is_worse) in compared() {
            let (Some(now), Some(then)) = (lane.figure(kind.name), before.figure(kind.name)) else {
                continue;
            };
            let Some(is_worse) = is_worse(kind.name, (now, then), more_is_worse, tolerance) else {
                continue;
            };
            looked += 1;
            if is_worse {
                let text = |figure: &Figure| shown_figure(kind.unit, Some(figure));
                all.worse.push(format!(
                    "{row} {}: {}, {} in the baseline",
                    kind.name,
                    text(now),
                    text(then)
                ));
            }
        }
        if looked == 0 {
            let why = format!("{row} has no figure that run and baseline can both stand behind");
            all.unknown.push(why);
        }
    }
    all
}

/// Why two runs cannot be compared; `None` where they can.
pub fn mismatch(report: &Report, baseline: &Report) -> Option<String> {
    let comparable = report
        .lanes
        .iter()
        .any(|lane| baseline.lanes.iter().any(|before| before.row == lane.row));
    if !comparable {
        return Some("the baseline has no lane in common with this run".to_owned());
    }
    let of = |report: &Report| Plan {
        // Where it ran, how often, and what does not change what is published or asked.
        lanes: String::new(),
        seed: 0,
        repeat: 1,
        redo: 0,
        warm_up: Span(Duration::ZERO),
        drain: Span(Duration::ZERO),
        duration: Span(Duration::ZERO),
        workers: 1,
        target: String::new(),
        ca: PathBuf::new(),
        insecure: false,
        ..report.plan.clone()
    };
    let (now, then) = (of(report), of(baseline));
    (now != then).then(|| {
        format!(
            "the baseline was made with another plan ({}); repeat it with this one",
            differences(&now, &then)
        )
    })
}

/// The settings in which two plans differ.
fn differences(now: &Plan, then: &Plan) -> String {
    let fields = |plan| serde_json::to_value(plan).unwrap_or_default();
    let (now, then) = (fields(now), fields(then));
    let names = now.as_object().into_iter().flatten();
    let differing: Vec<&str> = names
        .filter(|(name, value)| then.get(name.as_str()) != Some(value))
        .map(|(name, _)| name.as_str())
        .collect();
    differing.join(", ")
}

fn compared() -> impl Iterator<Item = (&'static FigureKind, bool)> {
    COMPARED.iter().filter_map(|(name, more_is_worse)| {
        let kind = CATALOGUE.iter().find(|kind| kind.name == *name)?;
        Some((kind, *more_is_worse))
    })
}

/// `None` where it cannot be told: one of both is not valid, or an error reaches from one side of
/// the tolerance to the other and is larger than it.
fn is_worse(
    name: &str,
    (now, then): (&Figure, &Figure),
    more_is_worse: bool,
    tolerance: f64,
) -> Option<bool> {
    let (low, high) = truth(name, now)?;
    let (then_low, then_high) = truth(name, then)?;
    let off = |now: f64, then: f64| match more_is_worse {
        true => now - then,
        false => then - now,
    };
    let ends = [off(low, then_high), off(high, then_low)];
    let truth = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    let both = now.value().zip(then.value());
    let most = tolerance * both.map_or(then_low, |(_, then)| then).abs();
    let is_good = decided(
        both.map(|(now, then)| off(now, then)),
        truth,
        (f64::NEG_INFINITY, most),
        most,
    )?;
    let overlap = match (now.interval(), then.interval()) {
        (Some((low, high)), Some((then_low, then_high))) => low <= then_high && then_low <= high,
        _ => false,
    };
    Some(!is_good && !overlap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    fn with_p50(value: f64, interval: Option<(f64, f64)>) -> Report {
        let mut report = sample::report();
        let figure = Figure::Valid {
            value,
            low: interval.map(|i| i.0),
            high: interval.map(|i| i.1),
            error: None,
        };
        report.lanes[1].measured.insert("p50_us".into(), figure);
        report
    }

    #[test]
    fn worse_is_beyond_the_tolerance_and_outside_the_interval() {
        let then = with_p50(400.0, Some((390.0, 410.0)));
        let judged = |now: &Report| compare(now, &then, 0.1).worse.len();
        assert_eq!(judged(&with_p50(430.0, Some((425.0, 435.0)))), 0, "within");
        assert_eq!(judged(&with_p50(480.0, Some((400.0, 560.0)))), 0, "overlap");
        assert_eq!(judged(&with_p50(480.0, Some((470.0, 490.0)))), 1);
        assert_eq!(judged(&with_p50(480.0, None)), 1);
        assert_eq!(judged(&with_p50(200.0, None)), 0, "better");
    }

    #[test]
    fn what_an_error_leaves_open_is_not_worse_and_is_not_looked_at() {
        let late = |value, error| Figure::Valid {
            value,
            low: None,
            high: None,
            error: Some(error),
        };
        let worse = |now: &Figure, then: &Figure| is_worse("p50_us", (now, then), true, 0.1);
        let then = late(10_000.0, 200.0);
        assert_eq!(worse(&late(12_000.0, 500.0), &then), Some(true));
        assert_eq!(worse(&late(10_500.0, 500.0), &then), Some(false));
        assert_eq!(
            worse(&late(12_000.0, 1_800.0), &then),
            None,
            "more than 1 ms"
        );
        assert_eq!(
            worse(&late(15_000.0, 1_800.0), &then),
            Some(true),
            "for certain"
        );
        let below = |below| Figure::Below {
            below,
            error: Some(below),
        };
        assert_eq!(worse(&below(9_000.0), &then), Some(false), "at most");
        assert_eq!(worse(&below(19_000.0), &then), None);
        assert_eq!(worse(&late(12_000.0, 500.0), &below(1_000.0)), Some(true));
        assert_eq!(worse(&Figure::invalid("few"), &then), None);
    }

    #[test]
    fn less_delivery_is_worse() {
        let mut now = sample::report();
        let lost = Figure::Valid {
            value: 0.8,
            low: None,
            high: None,
            error: None,
        };
        now.lanes[0].measured.insert("delivery_ratio".into(), lost);
        let found = compare(&now, &sample::report(), 0.1).worse;
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("80.0 %, 100 %"), "{found:?}");
    }

    #[test]
    fn runs_of_different_plans_are_not_compared() {
        let mut other = sample::report();
        assert_eq!(mismatch(&sample::report(), &other), None);
        other.plan.repeat += 1;
        other.plan.seed += 1;
        assert_eq!(mismatch(&sample::report(), &other), None);
        other.plan.clients += 1;
        other.plan.slow_readers += 1;
        let why = mismatch(&sample::report(), &other).unwrap();
        assert!(why.contains("(clients, slow_readers)"), "{why}");
    }

    #[test]
    fn a_row_that_is_not_compared_is_no_pass() {
        let mut now = sample::report();
        let gone = now.lanes.remove(0);
        let found = compare(&now, &sample::report(), 0.1);
        assert!(found.unknown[0].contains(&gone.row), "{found:?}");
        let mut before = sample::report();
        for figure in before.lanes[1].measured.values_mut() {
            *figure = Figure::Invalid {
                invalid: "late".into(),
            };
        }
        let found = compare(&sample::report(), &before, 0.1);
        assert_eq!(
            (found.worse.len(), found.unknown.len()),
            (0, 1),
            "{found:?}"
        );
    }
}
