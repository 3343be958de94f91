//! Where steps differ by one setting alone: measured points beside the predicted curve.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    experiments::{CarriedOut, DoneStep},
    run::{
        figures::Unit,
        report::{
            html::charts::{Figure, KeyEntry},
            svg::lines::{Axis, Line, LineKind, Look, lines, sample},
        },
    },
};

/// Fewer points than this make no curve.
const CURVE_MIN: usize = 3;

/// Settings that say how long and how often, which sweeps nothing.
const OF_EFFORT: [&str; 5] = ["duration", "warm_up", "drain", "repeat", "redo"];

/// Steps whose plans differ by one number alone.
pub struct Sweep {
    /// Of the setting.
    name: String,
    /// What else the experiment varies, as it is in these: `rate 20, poll timer interval`.
    others: String,
    /// Which step, and the setting's value in it.
    pub points: Vec<(usize, f64)>,
}

/// Over the setting by which the most steps make curves; none where no setting does.
pub fn sweeps(steps: &[DoneStep]) -> Vec<Sweep> {
    let plans: Vec<Value> = steps
        .iter()
        .map(|step| serde_json::to_value(&step.report.plan).unwrap_or_default())
        .collect();
    let Some(first) = plans.first().and_then(Value::as_object) else {
        return Vec::new();
    };
    let differing: Vec<&String> = first
        .keys()
        .filter(|name| !OF_EFFORT.contains(&name.as_str()))
        .filter(|name| plans.iter().any(|plan| plan[name.as_str()] != first[*name]))
        .collect();
    let over = |name: &String| {
        let mut groups: BTreeMap<String, Vec<(usize, f64)>> = BTreeMap::new();
        for (index, plan) in plans.iter().enumerate() {
            let others = differing.iter().filter(|other| **other != name);
            let others: Vec<String> = others.map(|other| setting(other, &plan[*other])).collect();
            if let Some(value) = number(&plan[name]) {
                let group = groups.entry(others.join(", ")).or_default();
                group.push((index, value));
            }
        }
        let sweep = |(others, points)| Sweep {
            name: name.clone(),
            others,
            points,
        };
        let all = groups.into_iter().map(sweep);
        all.filter(|sweep| sweep.points.len() >= CURVE_MIN)
            .collect::<Vec<_>>()
    };
    let steps_of = |sweeps: &Vec<Sweep>| sweeps.iter().map(|s| s.points.len()).sum::<usize>();
    let all = differing.iter().map(|name| over(name));
    all.max_by_key(steps_of).unwrap_or_default()
}

fn setting(name: &str, value: &Value) -> String {
    let value = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    format!("{} {value}", name.replace('_', " "))
}

/// A setting as a number; durations in milliseconds.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let span: crate::config::Span = text.parse().ok()?;
            Some(span.0.as_secs_f64() * 1e3)
        }
        _ => None,
    }
}

/// Where one setting is swept and the same figures are compared at every value: a chart for each
/// unit. Nothing where that is no curve.
pub fn curves(done: &CarriedOut, sweep: &Sweep) -> Vec<Figure> {
    type Points = Vec<(f64, f64)>;
    let mut series: BTreeMap<(Option<usize>, &str), (Unit, Points, Points)> = BTreeMap::new();
    for (index, x) in &sweep.points {
        for comparison in &done.steps[*index].comparisons {
            let rank = UNITS.iter().position(|unit| *unit == comparison.unit);
            let key = (rank, comparison.what.as_str());
            let (_, predicted, measured) = series
                .entry(key)
                .or_insert_with(|| (comparison.unit, Vec::new(), Vec::new()));
            predicted.push((*x, comparison.predicted));
            measured.extend(comparison.measured.map(|value| (*x, value)));
        }
    }
    let has_few = |(_, predicted, _): &(Unit, Points, Points)| predicted.len() < CURVE_MIN;
    if series.values().any(has_few) {
        return Vec::new();
    }
    let values = || sweep.points.iter().map(|(_, x)| *x);
    let least = values().fold(f64::INFINITY, f64::min);
    let most = values().fold(f64::NEG_INFINITY, f64::max);
    let is_logarithmic = least > 0.0 && most > least * 50.0;
    let name = sweep.name.replace('_', " ");
    let title = match sweep.others.as_str() {
        "" => name.clone(),
        others => format!("{name}, at {others}"),
    };
    let mut figures = Vec::new();
    for unit in UNITS {
        let (mut all, mut key) = (Vec::new(), Vec::new());
        let of_unit = series.iter().filter(|(_, (of, ..))| *of == unit);
        for (index, ((_, what), (_, predicted, measured))) in of_unit.enumerate() {
            let mut predicted = predicted.clone();
            predicted.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (kind, points) in [
                (LineKind::Predicted, predicted),
                (LineKind::Points, measured.clone()),
            ] {
                all.push(Line {
                    look: Look::of_series(index),
                    kind,
                    points,
                });
            }
            key.push(KeyEntry::new(
                sample(Look::of_series(index), LineKind::Points),
                *what,
            ));
        }
        if all.is_empty() {
            continue;
        }
        key.push(KeyEntry::predicted());
        let svg = lines(
            &format!("Measured points beside the predicted curve, over {title}"),
            &Axis {
                title: &name,
                is_logarithmic,
                show: |value| format!("{value}"),
            },
            &Axis {
                title: unit_name(unit),
                is_logarithmic: false,
                show: show(unit),
            },
            &all,
        );
        figures.push(Figure {
            title: format!("Over {title}"),
            svg,
            key,
            caption: "Marks: measured. Dashed: predicted. Durations are in milliseconds. What \
                      cannot be stood behind has no mark."
                .into(),
        });
    }
    figures
}

/// In the order in which their charts stand.
pub const UNITS: [Unit; 4] = [Unit::Microseconds, Unit::Share, Unit::Bytes, Unit::Count];

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Microseconds => "time",
        Unit::Share => "share",
        Unit::Bytes => "bytes",
        Unit::Count => "count",
    }
}

fn show(unit: Unit) -> fn(f64) -> String {
    match unit {
        Unit::Microseconds => |us| format!("{} ms", (us / 10.0).round() / 100.0),
        Unit::Share => |share| format!("{:.0} %", share * 100.0),
        Unit::Bytes => |bytes| format!("{bytes:.0} B"),
        Unit::Count => |count| format!("{}", (count * 100.0).round() / 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::{
        html::outcome,
        sample::{carried_out, comparison},
    };

    #[test]
    fn where_one_setting_is_swept_there_is_a_curve() {
        let mut done = carried_out(vec![comparison("x", 2.0, Some(2.1), 0.3, Unit::Count)]);
        for ms in [100, 200, 300] {
            let mut step = done.steps[0].clone();
            step.report.plan.round_trip = crate::experiments::ms(ms);
            done.steps.push(step);
        }
        let only = |done: &CarriedOut| sweeps(&done.steps).into_iter().next().unwrap();
        let sweep = only(&done);
        assert_eq!(
            (sweep.name.as_str(), sweep.others.as_str()),
            ("round_trip", "")
        );
        let values: Vec<f64> = sweep.points.iter().map(|(_, x)| *x).collect();
        assert_eq!(values, [0.0, 100.0, 200.0, 300.0]);
        let text = outcome(&done);
        assert!(text.contains("over round trip"), "{text}");
        assert_eq!(text.matches("class=\"line c0 predicted\"").count(), 1);
        done.steps[0].report.plan.duration = crate::experiments::ms(1);
        assert_eq!(only(&done).points.len(), 4, "how long is no matter");
        done.steps[0].report.plan.clients += 1;
        let sweep = only(&done);
        assert_eq!(sweep.points.len(), 3, "another setting differs in one");
        assert_eq!(sweep.others, "clients 25");
        let text = outcome(&done);
        assert!(text.contains("at clients 25") && text.contains("beside predicted: a step"));
        done.steps.truncate(2);
        assert!(sweeps(&done.steps).is_empty(), "two points are no curve");
    }
}
