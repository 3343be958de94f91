//! The result as a Markdown table, for a README or an issue.

use std::fmt::Write;

use serde_json::Value;

use super::{
    Report, around_data, opening, reasons, shown_figure, shown_predicted, table::headline,
};
use crate::run::{figures::find, plan::Plan};

/// Columns for readers who have no terminal before them: heading, figure, and whether its
/// prediction stands beside it.
const COLUMNS: [(&str, &str, bool); 7] = [
    ("delay p50", "p50_us", true),
    ("p99", "p99_us", true),
    ("mean", "mean_us", true),
    ("delivered", "delivery_ratio", false),
    ("bytes per publication", "bytes_per_publication", true),
    ("of these headers", "header_bytes", false),
    ("framing", "framing_bytes", false),
];

/// All of them; the last but one are what is around the data.
fn columns(report: &Report) -> Vec<(&'static str, &'static str, bool)> {
    let mut all = COLUMNS.to_vec();
    let around = around_data(report.lanes.iter()).iter();
    all.extend(around.map(|(heading, name)| (*heading, *name, false)));
    all.push(("requests per publication", "requests_per_publication", true));
    all
}

/// Measured, with the prediction in brackets.
pub fn render(report: &Report) -> String {
    let columns = columns(report);
    let mut out = String::new();
    let asked = opening::asked(report);
    if let Some(asked) = &asked {
        let _ = writeln!(out, "{}\n", escaped(&asked.question));
    }
    let _ = writeln!(out, "**{}**\n", escaped(&report.answer));
    for line in asked.iter().flat_map(|asked| &asked.reads) {
        let _ = writeln!(out, "{}\n", escaped(line));
    }
    let _ = write!(out, "{}\n| lane |", headline(report));
    for (heading, ..) in &columns {
        let _ = write!(out, " {heading} |");
    }
    let _ = writeln!(out, "\n|---|{}", "---:|".repeat(columns.len()));
    for lane in &report.lanes {
        let _ = write!(out, "| {} |", escaped(&lane.label));
        for (_, name, beside) in &columns {
            let unit = find(name).map(|kind| kind.unit);
            let measured = unit.map_or_else(String::new, |u| shown_figure(u, lane.figure(name)));
            let _ = write!(out, " {measured}");
            let predicted = lane.predicted.get(*name).filter(|_| *beside);
            if let Some((unit, predicted)) = unit.zip(predicted) {
                let _ = write!(out, " ({})", shown_predicted(unit, *predicted));
            }
            out.push_str(" |");
        }
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "\nMeasured, and in brackets what the closed forms predict. Made by `{}` with pushlab {}{}.",
        escaped(&command(report)),
        report.pushlab,
        host(report),
    );
    for reason in reasons(report)
        .into_iter()
        .filter(|reason| is_of_the_table(&columns, reason))
    {
        let _ = writeln!(out, "\n- {}", escaped(&reason));
    }
    out
}

/// What is wrong with a figure that is not shown is of no use here.
fn is_of_the_table(columns: &[(&str, &str, bool)], reason: &str) -> bool {
    let about = reason.split(' ').next().unwrap_or_default();
    find(about).is_none() || columns.iter().any(|(_, name, _)| *name == about)
}

/// The command that does it again: every setting that is not as it would be anyway.
fn command(report: &Report) -> String {
    let settings = |plan: &Plan| match serde_json::to_value(plan) {
        Ok(Value::Object(settings)) => settings,
        _ => serde_json::Map::new(),
    };
    let default = settings(&Plan::default());
    let mut command = "pushlab run".to_owned();
    for (name, value) in settings(&report.plan) {
        // The number of workers goes by the machine.
        if default.get(&name) == Some(&value) || name == "workers" {
            continue;
        }
        let text = match &value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let quote = if text.contains(char::is_whitespace) {
            "'"
        } else {
            ""
        };
        let _ = write!(
            command,
            " --{} {quote}{text}{quote}",
            name.replace('_', "-")
        );
    }
    command + " --markdown"
}

fn host(report: &Report) -> String {
    let host = &report.server.host;
    match (host["os"].as_str(), host["cpus"].as_u64()) {
        (Some(os), Some(cpus)) => format!(" on {os}, {cpus} processors"),
        _ => String::new(),
    }
}

/// Text for a cell of a table, and outside of one.
pub fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn rows_have_as_many_cells_as_the_heading() {
        let report = sample::report();
        let text = render(&report);
        let table: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(table.len(), 4);
        for line in &table {
            assert_eq!(
                line.matches('|').count(),
                columns(&report).len() + 2,
                "{line}"
            );
        }
        assert!(table[2].contains("250 ms (245 ms ± 13)"), "{}", table[2]);
        assert!(table[2].contains("&lt;short-poll>"));
        assert!(text.contains("`pushlab run --markdown`"), "{text}");
        assert!(text.contains("| protocol | lab |"), "{text}");
    }

    #[test]
    fn a_result_from_before_the_envelope_was_divided_has_it_whole() {
        let mut report = sample::report();
        for lane in &mut report.lanes {
            lane.measured.remove("protocol_bytes");
            lane.measured.remove("lab_bytes");
        }
        let text = render(&report);
        assert!(
            text.contains("| envelope |") && !text.contains("| lab |"),
            "{text}"
        );
    }

    #[test]
    fn the_command_names_what_is_not_as_usual() {
        let mut report = sample::report();
        report.plan.rate = 2.5;
        report.plan.poll_interval = "1s".parse().unwrap();
        assert_eq!(
            command(&report),
            "pushlab run --poll-interval 1s --rate 2.5 --markdown"
        );
    }
}
