//! Two runs beside each other: what differs between their plans, the same charts with both, and a
//! table with each difference and whether the two 95 % intervals overlap.

use std::fmt::Write;

use super::{
    charts::{bytes, delay_axes, delivery, figure, is_drawn, key_entry, turned},
    open_table,
};
use crate::run::{
    figures::{CATALOGUE, Figure, FigureKind, Unit},
    report::{
        LaneReport, Report, shown, shown_figure,
        svg::{Line, LineKind, escaped, lines, sample},
    },
};

/// Everything about a pair; `a` and `b` are what the two are called.
pub fn sections(a: (&str, &Report), b: (&str, &Report)) -> String {
    let mut out = String::new();
    plans(a.1, b.1, &mut out);
    let pairs: Vec<(&LaneReport, &LaneReport)> =
        a.1.lanes
            .iter()
            .filter_map(|lane| {
                let same = b.1.lanes.iter().find(|other| other.row == lane.row)?;
                Some((lane, same))
            })
            .collect();
    if pairs.is_empty() {
        out.push_str(
            "<p class=\"stamp\">The two have no lane in common, so there is nothing to \
             compare.</p>\n",
        );
        return out;
    }
    objections(&[a, b], &mut out);
    out.push_str("<div class=\"charts\">\n");
    delay(&pairs, a.0, b.0, &mut out);
    bytes(&[a, b], &mut out);
    over_time(&pairs, a.0, b.0, &mut out);
    delivery(&[a, b], &mut out);
    out.push_str("</div>\n");
    table(&pairs, a.0, b.0, &mut out);
    out
}

/// What was asked of the one and not of the other: without it a difference means nothing.
fn plans(a: &Report, b: &Report, out: &mut String) {
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
    let mut differ: Vec<(&str, String, String)> = of_a
        .iter()
        .map(|(name, value)| (name.as_str(), text(Some(value)), text(of_b.get(name))))
        .collect();
    differ.push(("version", a.pushlab.clone(), b.pushlab.clone()));
    differ.push(("host", a.server.host.to_string(), b.server.host.to_string()));
    differ.retain(|(_, a, b)| a != b);
    out.push_str("<h2>What differs in how they were made</h2>\n");
    if differ.is_empty() {
        out.push_str("<p>Nothing: the same plan, seed, version and host.</p>\n");
        return;
    }
    open_table("Differences of the plans", "setting", out);
    out.push_str(
        "<th scope=\"col\" class=\"text\">A</th><th scope=\"col\" class=\"text\">B</th></tr>\
         </thead><tbody>\n",
    );
    for (name, a, b) in differ {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"text\">{}</td><td class=\"text\">{}</td></tr>",
            escaped(name),
            escaped(&a),
            escaped(&b)
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn objections(runs: &[(&str, &Report)], out: &mut String) {
    let doubtful: Vec<_> = runs
        .iter()
        .filter(|(_, run)| !run.valid || run.partial)
        .collect();
    for (name, run) in doubtful {
        let why = match (run.partial, run.generator.objections.first()) {
            (true, _) => "it was stopped before its end",
            (false, Some(why)) => why,
            (false, None) => "see its own page for the reasons",
        };
        let _ = writeln!(
            out,
            "<p class=\"stamp\">{} cannot be stood behind in full: {}.</p>",
            escaped(name),
            escaped(why)
        );
    }
}

fn key(pairs: &[(&LaneReport, &LaneReport)], a: &str, b: &str) -> String {
    let mut out = "<ul class=\"key\">".to_owned();
    for (index, (lane, _)) in pairs.iter().enumerate() {
        key_entry(&sample(index, LineKind::Points), &lane.label, &mut out);
    }
    for (kind, name) in [(LineKind::Measured, a), (LineKind::Other, b)] {
        let drawn = sample(0, kind).replace("c0", "plain");
        let how = if kind == LineKind::Other {
            "dotted"
        } else {
            "solid"
        };
        key_entry(&drawn, &format!("{how}: {name}"), &mut out);
    }
    out + "</ul>"
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
                    series,
                    kind,
                    points: points(lane),
                });
            }
        }
    }
    all
}

fn delay(pairs: &[(&LaneReport, &LaneReport)], a: &str, b: &str, out: &mut String) {
    let all = overlaid(pairs, |lane| turned(&lane.charts.delay_cdf));
    let (x, y) = delay_axes();
    let name = "Share of the publications that arrived within a delay, of both runs";
    let svg = lines(name, &x, &y, &all);
    let caption = "Both as measured. Curves that cannot be stood behind are left out.";
    figure("Delay", &svg, &key(pairs, a, b), caption, out);
}

fn over_time(pairs: &[(&LaneReport, &LaneReport)], a: &str, b: &str, out: &mut String) {
    let all = overlaid(pairs, |lane| {
        let points = &lane.charts.over_time;
        points.iter().map(|(s, us, _)| (*s, *us)).collect()
    });
    let (delay, _) = delay_axes();
    let seconds = crate::run::report::svg::Axis {
        title: "since measuring began",
        is_logarithmic: false,
        show: |seconds| format!("{seconds} s"),
    };
    let svg = lines(
        "Median delay over time, of both runs",
        &seconds,
        &delay,
        &all,
    );
    let caption = "The median in each twentieth of the measured time.";
    figure("Delay over time", &svg, &key(pairs, a, b), caption, out);
}

fn table(pairs: &[(&LaneReport, &LaneReport)], a: &str, b: &str, out: &mut String) {
    out.push_str("<h2>Every figure of both</h2>\n");
    open_table("Differences of the figures", "figure", out);
    for (heading, class) in [
        ("lane", " class=\"text\""),
        (a, ""),
        (b, ""),
        ("B − A", ""),
        ("95 % intervals", " class=\"text\""),
    ] {
        let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", escaped(heading));
    }
    out.push_str("</tr></thead><tbody>\n");
    for kind in CATALOGUE {
        let rows: Vec<_> = pairs
            .iter()
            .filter_map(|(a, b)| Some((&a.row, a.figure(kind.name)?, b.figure(kind.name)?)))
            .collect();
        for (index, (row, in_a, in_b)) in rows.iter().enumerate() {
            out.push_str("<tr>");
            if index == 0 {
                let _ = write!(
                    out,
                    "<th scope=\"rowgroup\" rowspan=\"{}\">{}</th>",
                    rows.len(),
                    escaped(kind.meaning)
                );
            }
            let _ = writeln!(
                out,
                "<td class=\"text\">{}</td>{}{}<td>{}</td><td class=\"text\">{}</td></tr>",
                escaped(row),
                cell(kind, in_a),
                cell(kind, in_b),
                difference(kind.unit, in_a, in_b),
                overlap(in_a, in_b)
            );
        }
    }
    out.push_str("</tbody></table></div>\n");
}

fn cell(kind: &FigureKind, figure: &Figure) -> String {
    let class = match figure {
        Figure::Invalid { .. } => " class=\"invalid\"",
        Figure::Valid { .. } => "",
    };
    let mut cell = format!("<td{class}>{}", shown_figure(kind.unit, Some(figure)));
    if let Some((low, high)) = figure.interval() {
        let (low, high) = (shown(kind.unit, low), shown(kind.unit, high));
        let _ = write!(cell, "<small>{low} to {high}</small>");
    }
    cell + "</td>"
}

fn difference(unit: Unit, a: &Figure, b: &Figure) -> String {
    let (Some(a), Some(b)) = (a.value(), b.value()) else {
        return "–".to_owned();
    };
    let apart = b - a;
    if apart == 0.0 {
        return "0".to_owned();
    }
    let sign = if apart < 0.0 { "−" } else { "+" };
    let mut text = format!("{sign}{}", shown(unit, apart.abs()));
    if a != 0.0 {
        let _ = write!(text, "<small>{:+.1} %</small>", apart / a.abs() * 100.0);
    }
    text
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
        }
    }

    #[test]
    fn intervals_tell_whether_two_figures_differ() {
        let a = with_interval(10.0, 9.0, 11.0);
        assert!(overlap(&a, &with_interval(12.0, 10.5, 13.5)).starts_with("overlap"));
        assert!(overlap(&a, &with_interval(12.0, 11.5, 12.5)).starts_with("apart"));
        assert_eq!(
            difference(Unit::Bytes, &a, &with_interval(15.0, 1.0, 2.0)),
            "+5 B<small>+50.0 %</small>"
        );
    }

    #[test]
    fn both_runs_are_in_every_chart_and_what_differs_is_told() {
        let a = sample::report();
        let mut b = sample::report();
        b.plan.clients += 1;
        let text = sections(("A", &a), ("B", &b));
        assert_eq!(text.matches("<figure>").count(), 4);
        assert!(text.contains("<th scope=\"row\">clients</th>"), "{text}");
        assert!(text.contains("A: The &lt;websocket&gt; lane"));
        assert!(text.matches(" other\"").count() >= 4);
        b.lanes.clear();
        assert!(sections(("A", &a), ("B", &b)).contains("no lane in common"));
    }
}
