//! `--baseline FILE`: is this run worse than a saved one?
//!
//! A figure is worse when it is off by more than the tolerance in the bad direction *and* the two
//! 95 % intervals do not overlap; without intervals the tolerance alone decides. Figures that one
//! of the two cannot stand behind are not compared.

use super::{
    figures::{CATALOGUE, Figure, FigureKind},
    report::{Report, shown},
};

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

/// What is worse than in the baseline, in words; empty where nothing is.
pub fn worse(report: &Report, baseline: &Report, tolerance: f64) -> Vec<String> {
    let mut worse = Vec::new();
    for lane in &report.lanes {
        let Some(before) = baseline.lanes.iter().find(|before| before.row == lane.row) else {
            continue;
        };
        for (kind, more_is_worse) in compared() {
            let (Some(now), Some(then)) = (lane.figure(kind.name), before.figure(kind.name)) else {
                continue;
            };
            if is_worse(now, then, more_is_worse, tolerance) {
                let text = |figure: &Figure| shown(kind.unit, figure.value().unwrap_or(f64::NAN));
                worse.push(format!(
                    "{} {}: {}, {} in the baseline",
                    lane.row,
                    kind.name,
                    text(now),
                    text(then)
                ));
            }
        }
    }
    worse
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
    let of = |report: &Report| {
        let plan = &report.plan;
        (
            plan.clients,
            plan.rate,
            plan.size,
            plan.poll_interval,
            plan.round_trip,
            plan.tunnel_every,
            plan.server.clone(),
            plan.conditions.clone(),
            super::report::workload::words(plan),
        )
    };
    (of(report) != of(baseline)).then(|| {
        "the baseline was made with other clients, rate, size, poll_interval, round_trip, \
         tunnel_every, conditions or another workload; repeat it with this plan"
            .to_owned()
    })
}

fn compared() -> impl Iterator<Item = (&'static FigureKind, bool)> {
    COMPARED.iter().filter_map(|(name, more_is_worse)| {
        let kind = CATALOGUE.iter().find(|kind| kind.name == *name)?;
        Some((kind, *more_is_worse))
    })
}

fn is_worse(now: &Figure, then: &Figure, more_is_worse: bool, tolerance: f64) -> bool {
    let (Some(now_value), Some(then_value)) = (now.value(), then.value()) else {
        return false;
    };
    let off = match more_is_worse {
        true => now_value - then_value,
        false => then_value - now_value,
    };
    let overlap = match (now.interval(), then.interval()) {
        (Some((low, high)), Some((then_low, then_high))) => low <= then_high && then_low <= high,
        _ => false,
    };
    off > then_value.abs() * tolerance && !overlap
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
        };
        report.lanes[1].measured.insert("p50_us".into(), figure);
        report
    }

    #[test]
    fn worse_is_beyond_the_tolerance_and_outside_the_interval() {
        let then = with_p50(400.0, Some((390.0, 410.0)));
        let judged = |now: &Report| worse(now, &then, 0.1).len();
        assert_eq!(judged(&with_p50(430.0, Some((425.0, 435.0)))), 0, "within");
        assert_eq!(judged(&with_p50(480.0, Some((400.0, 560.0)))), 0, "overlap");
        assert_eq!(judged(&with_p50(480.0, Some((470.0, 490.0)))), 1);
        assert_eq!(judged(&with_p50(480.0, None)), 1);
        assert_eq!(judged(&with_p50(200.0, None)), 0, "better");
    }

    #[test]
    fn less_delivery_is_worse() {
        let mut now = sample::report();
        let lost = Figure::Valid {
            value: 0.8,
            low: None,
            high: None,
        };
        now.lanes[0].measured.insert("delivery_ratio".into(), lost);
        let found = worse(&now, &sample::report(), 0.1);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("80.0 %, 100 %"), "{found:?}");
    }

    #[test]
    fn runs_of_different_plans_are_not_compared() {
        let mut other = sample::report();
        assert_eq!(mismatch(&sample::report(), &other), None);
        other.plan.clients += 1;
        assert!(mismatch(&sample::report(), &other).is_some());
    }
}
