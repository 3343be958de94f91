//! The result on a terminal: what to see at a glance, measured beside predicted.

use std::fmt::Write;

use super::{
    INVALID, LaneReport, Report, around_data, opening, reasons, shown, shown_figure,
    shown_predicted,
};
use crate::{
    lane::conditions::Conditions,
    run::{
        figures::{Figure, find},
        plan::Order,
    },
};

/// Columns: heading, figure, and whether its prediction stands beside it.
pub const COLUMNS: [(&str, &str, bool); 8] = [
    ("p50", "p50_us", true),
    ("p90", "p90_us", true),
    ("p99", "p99_us", true),
    ("mean", "mean_us", true),
    ("delivered", "delivery_ratio", true),
    ("bytes/pub", "bytes_per_publication", true),
    ("req/pub", "requests_per_publication", true),
    ("empty", "empty_ratio", true),
];

/// What it took: the figures that have no prediction to stand beside, in a table of their own.
const COSTS: [(&str, &str); 12] = [
    ("age", "age_us"),
    ("p99.9", "p999_us"),
    ("max", "max_us"),
    ("gaps", "gaps"),
    ("dup", "duplicates"),
    ("order", "order_violations"),
    ("headers", "header_bytes"),
    ("framing", "framing_bytes"),
    ("conns", "connections_opened"),
    ("1st pub", "first_publication_us"),
    ("srv cpu", "server_cpu_us_per_delivery"),
    ("srv mem", "server_memory_per_client_bytes"),
];

/// The table, with what it rests on above and below it.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    let asked = opening::asked(report);
    if let Some(asked) = &asked {
        let _ = writeln!(out, "{}", asked.question);
    }
    let _ = writeln!(out, "{}", report.answer);
    for line in asked.iter().flat_map(|asked| &asked.reads) {
        let _ = writeln!(out, "{line}");
    }
    let _ = writeln!(out, "\n{}", headline(report));
    beside_predictions(report, &mut out);
    out.push('\n');
    costs(report, &mut out);
    let _ = writeln!(
        out,
        "\nGenerator: {:.0} % of a core for {:.0} publications received per second, woke {} late, published {} \
         late and received {} late at p99; round trip {}; {}.",
        report.generator.cpu_share * 100.0,
        report.generator.received_per_s,
        with_unit("p99_us", report.generator.wake_lag_p99_us as f64),
        with_unit("p99_us", report.generator.publish_lag_p99_us as f64),
        with_unit("p99_us", report.generator.receive_lag_p99_us as f64),
        with_unit("p50_us", report.round_trip_us as f64),
        report.generator.placement(),
    );
    if report.lanes.len() > 1 && report.plan.order == Order::Together {
        out.push_str(
            "The server's processor time for each lane is known with --order in-turn, its memory \
             with one lane alone.\n",
        );
    }
    for reason in reasons(report) {
        let _ = writeln!(out, "! {reason}");
    }
    out
}

/// Measured above predicted, and between them what repetitions say of the measured.
fn beside_predictions(report: &Report, out: &mut String) {
    let mut lines = vec![vec!["lane".to_owned()]];
    lines[0].extend(COLUMNS.iter().map(|(heading, ..)| (*heading).to_owned()));
    for lane in &report.lanes {
        let mut line = vec![lane.row.clone()];
        line.extend(COLUMNS.iter().map(|(_, name, _)| cell(lane, name)));
        lines.push(line);
        lines.extend(intervals(lane));
        let mut line = vec!["  predicted".to_owned()];
        line.extend(COLUMNS.iter().map(|(_, name, beside)| {
            let predicted = lane.predicted.get(*name).filter(|_| *beside);
            let predicted = find(name).zip(predicted);
            predicted.map_or_else(String::new, |(kind, predicted)| {
                shown_predicted(kind.unit, *predicted)
            })
        }));
        lines.push(line);
    }
    align(&lines, out);
}

/// The 95 % intervals of a row, where there are any.
fn intervals(lane: &LaneReport) -> Option<Vec<String>> {
    let mut line = vec!["  95 %".to_owned()];
    line.extend(COLUMNS.iter().map(|(_, name, _)| {
        // What came out the same each time has no width.
        let interval = lane.figure(name).and_then(Figure::interval);
        let interval = interval.filter(|(low, high)| low < high);
        interval.map_or_else(String::new, |(low, high)| {
            format!("{}–{}", with_unit(name, low), with_unit(name, high))
        })
    }));
    line[1..]
        .iter()
        .any(|cell| !cell.is_empty())
        .then_some(line)
}

fn costs(report: &Report, out: &mut String) {
    let mut costs = COSTS.to_vec();
    let after = costs.iter().position(|(_, name)| *name == "framing_bytes");
    let at = after.map_or(costs.len(), |framing| framing + 1);
    costs.splice(at..at, around_data(report.lanes.iter()).iter().copied());
    let mut lines = vec![vec!["lane".to_owned()]];
    lines[0].extend(costs.iter().map(|(heading, _)| (*heading).to_owned()));
    for lane in &report.lanes {
        let mut line = vec![lane.row.clone()];
        line.extend(costs.iter().map(|(_, name)| cell(lane, name)));
        lines.push(line);
    }
    align(&lines, out);
}

/// `1 client`, `2 clients`: the noun.
fn plural(number: f64, noun: &str) -> String {
    let many = if number == 1.0 { "" } else { "s" };
    format!("{noun}{many}")
}

/// What was run, in a line.
pub fn headline(report: &Report) -> String {
    let plan = &report.plan;
    let kind = serde_json::to_value(plan.schedule).unwrap_or_default();
    let mut line = format!(
        "{} {} per lane, {} {}/s of {} bytes ({}), {} measured, seed {}",
        plan.clients,
        plural(plan.clients as f64, "client"),
        plan.rate,
        plural(plan.rate, "publication"),
        plan.size,
        kind.as_str().unwrap_or_default(),
        plan.duration,
        plan.seed,
    );
    if plan.repeat > 1 {
        let _ = write!(line, ", {} times", plan.repeat);
    }
    let _ = write!(line, "; polls every {}", plan.poll_interval);
    if !plan.round_trip.0.is_zero() {
        let _ = write!(line, "; {} round trip added", plan.round_trip);
    }
    if !plan.tunnel_every.0.is_zero() {
        let _ = write!(
            line,
            "; everybody away for {} in every {}",
            plan.tunnel_away, plan.tunnel_every
        );
    }
    if !plan.server.is_empty() {
        let _ = write!(line, "; server with {}", plan.server);
    }
    if !plan.conditions.is_empty() {
        let _ = write!(line, "; under conditions: {}", plan.conditions);
        let apart = apart(&plan.conditions);
        if apart != plan.conditions {
            let _ = write!(line, " ({apart})");
        }
    }
    line.push_str(&super::workload::words(plan));
    line.push('\n');
    line
}

/// A plan's conditions with presets taken apart, so that the text says what it stood for.
fn apart(text: &str) -> String {
    let parts = text.split(';').map(|part| {
        let (lanes, conditions) = match part.split_once(':') {
            Some((lanes, conditions)) => (format!("{}: ", lanes.trim()), conditions),
            None => (String::new(), part),
        };
        match conditions.parse::<Conditions>() {
            Ok(conditions) => format!("{lanes}{conditions:#}"),
            // Of a newer version, perhaps: as it is.
            Err(_) => format!("{lanes}{}", conditions.trim()),
        }
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn cell(lane: &LaneReport, name: &str) -> String {
    let Some(kind) = find(name) else {
        return INVALID.to_owned();
    };
    shown_figure(kind.unit, lane.figure(name))
}

/// A number with the unit of a figure.
pub fn with_unit(name: &str, value: f64) -> String {
    find(name).map_or_else(String::new, |kind| shown(kind.unit, value))
}

fn align(lines: &[Vec<String>], out: &mut String) {
    let columns = lines.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let widths = lines.iter().map(|line| line[column].chars().count());
            widths.max().unwrap_or(0)
        })
        .collect();
    for line in lines {
        let mut text = String::new();
        for (column, cell) in line.iter().enumerate() {
            let width = widths[column];
            let _ = match column {
                0 => write!(text, "{cell:<width$}"),
                _ => write!(text, "  {cell:>width$}"),
            };
        }
        let _ = writeln!(out, "{}", text.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn conditions_are_told_with_what_they_stand_for() {
        let mut report = sample::report();
        report.plan.conditions = "sse: train tunnel; latency down=5ms".to_owned();
        let line = headline(&report);
        assert!(line.contains("sse: train tunnel; latency down=5ms (sse: latency down=30ms"));
        assert!(
            line.contains("tunnel away=2s every=15s; latency down=5ms)"),
            "{line}"
        );
    }

    #[test]
    fn measured_stands_above_predicted_and_invalid_is_no_number() {
        let text = render(&sample::report());
        let lines: Vec<_> = text.lines().collect();
        let at = lines
            .iter()
            .position(|l| l.starts_with("short-poll"))
            .unwrap();
        assert!(lines[at].contains("250 ms"), "{text}");
        assert!(lines[at].contains(INVALID), "{text}");
        assert!(lines[at + 1].contains("predicted") && lines[at + 1].contains("245 ms"));
        assert!(
            text.contains("! p99_us of every lane: 40 samples"),
            "{text}"
        );
    }
}
