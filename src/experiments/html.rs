//! An experiment's result as HTML: the verdict in words, measured points beside predicted curves,
//! every comparison as a table, and the run of each step. For the lab's pages and, with a style in
//! front, as one self-contained file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use serde_json::Value;

use super::{CarriedOut, Comparison, DoneStep, Verdict, words};
use crate::run::{
    figures::Unit,
    report::{
        html::{
            self,
            charts::{figure, key_entry},
        },
        shown,
        svg::{Axis, Dot, Line, LineKind, dots, escaped, lines, sample},
    },
};

/// Fewer points than this make no curve.
const CURVE_MIN: usize = 3;

/// A whole result as a file.
pub fn render(done: &CarriedOut) -> String {
    let title = format!("{} {}", done.id, done.title);
    let mut body = format!("<h1>{}</h1>\n", escaped(&title));
    body.push_str(&sections(done));
    html::document(&title, &body)
}

/// Everything below the title.
pub fn sections(done: &CarriedOut) -> String {
    let mut out = format!(
        "<p>{}</p>\n<p class=\"soft\">Tests: {}. Expected: {}.</p>\n",
        escaped(&done.question),
        escaped(&done.claim),
        escaped(done.expectation.trim_end_matches('.'))
    );
    out.push_str(&outcome(done));
    for (index, step) in done.steps.iter().enumerate() {
        let _ = writeln!(
            out,
            "<details class=\"step\"><summary>The run of step {}: {}</summary>\n{}</details>",
            index + 1,
            escaped(&step.label),
            html::sections(&step.report)
        );
    }
    out
}

/// Verdict, charts and comparisons, without the runs they come from.
pub fn outcome(done: &CarriedOut) -> String {
    let class = match done.tally().verdict() {
        Verdict::AsPredicted => "as-predicted",
        Verdict::Otherwise => "otherwise",
        Verdict::NotValid => "not-valid",
    };
    let mut out = format!(
        "<p class=\"verdict {class}\"><strong>{}</strong> {}</p>\n",
        words::verdict(done),
        escaped(&words::because(done))
    );
    out.push_str("<div class=\"charts\">\n");
    let mut drawn = BTreeSet::new();
    for sweep in sweeps(&done.steps) {
        if let Some(curves) = curves(done, &sweep) {
            out.push_str(&curves);
            drawn.extend(sweep.points.iter().map(|(index, _)| *index));
        }
    }
    // Steps that are on no curve, and what the steps show together.
    let groups = done.groups().into_iter().enumerate();
    let left = groups.filter(|(index, _)| !drawn.contains(index));
    points(&left.map(|(_, group)| group).collect::<Vec<_>>(), &mut out);
    out.push_str("</div>\n");
    comparisons(done, &mut out);
    objections(done, &mut out);
    out
}

/// Settings that say how long and how often, which sweeps nothing.
const OF_EFFORT: [&str; 5] = ["duration", "warm_up", "drain", "repeat", "redo"];

/// Steps whose plans differ by one number alone.
struct Sweep {
    /// Of the setting.
    name: String,
    /// What else the experiment varies, as it is in these: `rate 20, poll timer interval`.
    others: String,
    /// Which step, and the setting's value in it.
    points: Vec<(usize, f64)>,
}

/// Over the setting by which the most steps make curves; none where no setting does.
fn sweeps(steps: &[DoneStep]) -> Vec<Sweep> {
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

/// Where one setting is swept and the same figures are compared at every value: measured points
/// beside the predicted curve, a chart for each unit. `None` where that is no curve.
fn curves(done: &CarriedOut, sweep: &Sweep) -> Option<String> {
    type Points = Vec<(f64, f64)>;
    let mut series: BTreeMap<(u8, &str), (Unit, Points, Points)> = BTreeMap::new();
    for (index, x) in &sweep.points {
        for comparison in &done.steps[*index].comparisons {
            let key = (rank(comparison.unit), comparison.what.as_str());
            let (_, predicted, measured) = series
                .entry(key)
                .or_insert_with(|| (comparison.unit, Vec::new(), Vec::new()));
            predicted.push((*x, comparison.predicted));
            measured.extend(comparison.measured.map(|value| (*x, value)));
        }
    }
    let has_few = |(_, predicted, _): &(Unit, Points, Points)| predicted.len() < CURVE_MIN;
    if series.is_empty() || series.values().any(has_few) {
        return None;
    }
    let least = sweep.points.iter().map(|(_, x)| *x).reduce(f64::min)?;
    let most = sweep.points.iter().map(|(_, x)| *x).reduce(f64::max)?;
    let is_logarithmic = least > 0.0 && most > least * 50.0;
    let name = sweep.name.replace('_', " ");
    let title = match sweep.others.as_str() {
        "" => name.clone(),
        others => format!("{name}, at {others}"),
    };
    let mut out = String::new();
    for unit in [Unit::Microseconds, Unit::Share, Unit::Bytes, Unit::Count] {
        let (mut all, mut key) = (Vec::new(), "<ul class=\"key\">".to_owned());
        let of_unit = series.iter().filter(|(_, (of, ..))| *of == unit);
        for (index, ((_, what), (_, predicted, measured))) in of_unit.enumerate() {
            let mut predicted = predicted.clone();
            predicted.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (kind, points) in [
                (LineKind::Predicted, predicted),
                (LineKind::Points, measured.clone()),
            ] {
                all.push(Line {
                    series: index,
                    kind,
                    points,
                });
            }
            key_entry(&sample(index, LineKind::Points), what, &mut key);
        }
        if all.is_empty() {
            continue;
        }
        let dashed = sample(0, LineKind::Predicted).replace("c0", "plain");
        key_entry(&dashed, "dashed: predicted", &mut key);
        key.push_str("</ul>");
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
        let caption = "Marks: measured. Dashed: predicted. Durations are in milliseconds. What \
            cannot be stood behind has no mark.";
        figure(&format!("Over {title}"), &svg, &key, caption, &mut out);
    }
    Some(out)
}

fn rank(unit: Unit) -> u8 {
    match unit {
        Unit::Microseconds => 0,
        Unit::Share => 1,
        Unit::Bytes => 2,
        Unit::Count => 3,
    }
}

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

/// Every comparison as a row, a chart for each group and unit.
fn points(groups: &[(&str, &[Comparison])], out: &mut String) {
    for (label, group) in groups {
        for unit in [Unit::Microseconds, Unit::Share, Unit::Bytes, Unit::Count] {
            let of_unit = || group.iter().filter(|comparison| comparison.unit == unit);
            let rows: Vec<Dot> = of_unit()
                .filter(|comparison| !is_nothing(comparison))
                .map(|comparison| Dot {
                    label: comparison.what.clone(),
                    predicted: comparison.predicted,
                    tolerance: comparison.tolerance,
                    measured: comparison.measured,
                    says: words::measured(comparison),
                })
                .collect();
            if rows.is_empty() {
                continue;
            }
            let svg = dots(&format!("Measured beside predicted: {label}"), &rows);
            let mut caption = "Filled: measured, with its number. Hollow, on a band as wide as \
                the tolerance: predicted."
                .to_owned();
            let left_out = of_unit().count() - rows.len();
            if left_out > 0 {
                let _ = write!(caption, " Not drawn: {left_out} that are 0 as predicted.");
            }
            figure(label, &svg, "", &caption, out);
        }
    }
}

/// Nothing where nothing is predicted: no chart shows more of it than the table does.
fn is_nothing(comparison: &Comparison) -> bool {
    comparison.predicted == 0.0 && comparison.measured == Some(0.0)
}

fn comparisons(done: &CarriedOut, out: &mut String) {
    out.push_str(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Every comparison\">\
         <table><thead><tr><th scope=\"col\">figure</th><th scope=\"col\" class=\"text\">step</th>\
         <th scope=\"col\">predicted</th><th scope=\"col\">may be off</th>\
         <th scope=\"col\">measured</th><th scope=\"col\">residual</th>\
         <th scope=\"col\">agrees</th></tr></thead><tbody>\n",
    );
    for (label, group) in done.groups() {
        for comparison in group {
            let (agrees, class) = match comparison.agrees() {
                Some(true) => ("yes", ""),
                Some(false) => ("no", " class=\"invalid\""),
                None => ("unknown", " class=\"invalid\""),
            };
            let _ = writeln!(
                out,
                "<tr><th scope=\"row\">{}</th><td class=\"text\">{}</td><td><em>{}</em></td>\
                 <td>{}</td><td>{}</td><td>{}</td><td{class}>{agrees}</td></tr>",
                escaped(&comparison.what),
                escaped(label),
                words::predicted(comparison),
                words::tolerance(comparison),
                words::measured(comparison),
                residual(comparison)
            );
        }
    }
    out.push_str("</tbody></table></div>\n");
}

fn residual(comparison: &Comparison) -> String {
    let Some(measured) = comparison.measured else {
        return "–".to_owned();
    };
    let apart = measured - comparison.predicted;
    let sign = if apart < 0.0 { "−" } else { "+" };
    format!("{sign}{}", shown(comparison.unit, apart.abs()))
}

fn objections(done: &CarriedOut, out: &mut String) {
    let mut all: Vec<String> = Vec::new();
    for step in &done.steps {
        for objection in &step.report.generator.objections {
            all.push(format!("{}: {objection}", step.label));
        }
    }
    if all.is_empty() {
        return;
    }
    out.push_str("<h2>What speaks against it</h2>\n<ul class=\"reasons\">");
    for reason in all {
        let _ = write!(out, "<li>{}</li>", escaped(&reason));
    }
    out.push_str("</ul>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::sample::{carried_out, comparison};

    #[test]
    fn without_a_sweep_every_figure_is_a_row_on_its_prediction() {
        let done = carried_out(vec![
            comparison("<a>", 2.0, Some(2.1), 0.3, Unit::Count),
            comparison("b", 2.0, None, 0.3, Unit::Count),
        ]);
        let page = render(&done);
        assert_eq!(page.matches("class=\"found\"").count(), 1);
        assert_eq!(page.matches("class=\"foretold\"").count(), 2);
        assert!(page.contains("&lt;a&gt;") && !page.contains("<a>"));
        assert!(!page.contains("style=") && !page.contains("NaN"));
        assert!(page.contains("<strong>Not enough valid figures to say</strong>"));
    }

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
