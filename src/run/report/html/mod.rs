//! A result as HTML: the sections of a run, for the lab's own pages and, with a style in front,
//! as one self-contained file that works offline, prints well, loads and runs nothing.
//!
//! Here the file and the tables; the charts are in [`charts`], two runs beside each other in
//! [`compare`]. No section has a style of its own: classes say what things are, and
//! `static/css/report.css` how they look, in both places.

pub mod charts;
pub mod compare;

use std::fmt::Write;

use super::{
    LaneReport, Report, began, reasons, shown, shown_figure,
    svg::escaped,
    table::{COLUMNS, headline, with_unit},
};
use crate::run::figures::{CATALOGUE, Figure, Unit, find};

/// Colours and the page around the sections, which the lab's pages have from elsewhere.
const EXPORT: &str = include_str!("export.css");
const SECTIONS: &str = include_str!("../../../../static/css/report.css");

/// A whole run as a file.
pub fn render(report: &Report) -> String {
    let title = title(report);
    let body = format!("<h1>{}</h1>\n{}", escaped(&title), sections(report));
    document(&title, &body)
}

/// What a run is called.
pub fn title(report: &Report) -> String {
    let began = began(report.started_us);
    format!("pushlab run, seed {}, {began}", report.plan.seed)
}

/// A self-contained file around a body.
pub fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"content-security-policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; img-src data:\">\
         <link rel=\"icon\" href=\"data:,\">\
         <title>{}</title><style>{EXPORT}{SECTIONS}</style></head>\
         <body><main class=\"report\">\n{body}</main></body></html>\n",
        escaped(title),
    )
}

/// Everything of a run below its title.
pub fn sections(report: &Report) -> String {
    let mut out = format!("<p>{}</p>\n", escaped(headline(report).trim_end()));
    stamp(report, &mut out);
    table(report, &mut out);
    list_reasons(report, &mut out);
    charts::all(report, &mut out);
    all_figures(report, &mut out);
    basis(report, &mut out);
    out
}

fn stamp(report: &Report, out: &mut String) {
    let what = match (report.partial, report.valid) {
        (true, _) => "Partial: the run was stopped before its end.",
        (_, false) => "Not valid: see the reasons below the table.",
        _ => return,
    };
    let _ = writeln!(out, "<p class=\"stamp\">{what}</p>");
}

fn table(report: &Report, out: &mut String) {
    open_table("The run at a glance", "lane", out);
    for (heading, ..) in COLUMNS {
        let _ = write!(out, "<th scope=\"col\">{heading}</th>");
    }
    out.push_str("</tr></thead><tbody>\n");
    for lane in &report.lanes {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(&lane.label));
        for (_, name, beside) in COLUMNS {
            measured_cell(lane, name, beside, out);
            out.push_str("</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str(
        "</tbody></table></div>\n<p class=\"soft\">Small: <em>predicted</em>, and how far the \
         measured figure is from it.</p>\n",
    );
}

fn list_reasons(report: &Report, out: &mut String) {
    let reasons = reasons(report);
    if reasons.is_empty() {
        out.push_str("<p class=\"soft\">Nothing speaks against any of these figures.</p>\n");
        return;
    }
    out.push_str("<h2>What speaks against it</h2>\n<ul class=\"reasons\">");
    for reason in reasons {
        let _ = write!(out, "<li>{}</li>", escaped(&reason));
    }
    out.push_str("</ul>\n");
}

/// The beginning of a table up to its first heading, in a box that scrolls by itself.
fn open_table(name: &str, first: &str, out: &mut String) {
    let name = escaped(name);
    let _ = write!(
        out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{name}\"><table>\
         <thead><tr><th scope=\"col\">{}</th>",
        escaped(first)
    );
}

/// A figure with its prediction and the residual; the cell stays open.
fn measured_cell(lane: &LaneReport, name: &str, beside: bool, out: &mut String) {
    let figure = lane.figure(name);
    let class = match figure {
        Some(Figure::Invalid { .. }) => " class=\"invalid\"",
        _ => "",
    };
    let unit = find(name).map_or(Unit::Count, |kind| kind.unit);
    let _ = write!(out, "<td{class}>{}", shown_figure(unit, figure));
    if let Some(predicted) = lane.predicted.get(name).filter(|_| beside) {
        let _ = write!(out, "<small><em>{}</em>", with_unit(name, *predicted));
        if let Some(residual) = figure.and_then(|f| residual(unit, f.value()?, *predicted)) {
            let _ = write!(out, " {residual}");
        }
        out.push_str("</small>");
    }
}

/// How far a measured figure is from what is predicted: as a share of that, or in points where it
/// is a share itself; `None` where they are the same or nothing is predicted to be a share of.
fn residual(unit: Unit, measured: f64, predicted: f64) -> Option<String> {
    let apart = measured - predicted;
    let (value, sign) = match unit {
        Unit::Share => (apart * 100.0, " pts"),
        _ if predicted == 0.0 => return None,
        _ => (apart / predicted.abs() * 100.0, " %"),
    };
    let text = match value.abs() >= 100.0 {
        true => format!("{value:+.0}{sign}"),
        false => format!("{value:+.1}{sign}"),
    };
    Some(text.replace('-', "−"))
}

/// Every figure that any lane has: measured, its interval, predicted and the residual.
fn all_figures(report: &Report, out: &mut String) {
    out.push_str("<h2>All figures, measured beside predicted</h2>\n");
    open_table("All figures", "figure", out);
    for lane in &report.lanes {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escaped(&lane.row));
    }
    out.push_str("</tr></thead><tbody>\n");
    for kind in CATALOGUE {
        let has = |lane: &LaneReport| lane.figure(kind.name).is_some();
        if !report.lanes.iter().any(has) {
            continue;
        }
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(kind.meaning));
        for lane in &report.lanes {
            measured_cell(lane, kind.name, true, out);
            if let Some((low, high)) = lane.figure(kind.name).and_then(Figure::interval) {
                let (low, high) = (shown(kind.unit, low), shown(kind.unit, high));
                let _ = write!(out, "<small>95 %: {low} to {high}</small>");
            }
            out.push_str("</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
}

/// What somebody needs to do it again.
fn basis(report: &Report, out: &mut String) {
    out.push_str("<h2>What it rests on</h2>\n<ul>");
    for statement in &report.fairness {
        let _ = write!(out, "<li>{}</li>", escaped(statement));
    }
    let _ = write!(
        out,
        "</ul>\n<p>Generator: {:.0} % of a core for {:.0} publications received per second, {}; \
         woke {} late, published {} late and received {} late at the 99th percentile; {} of {} publications \
         were made and {} confirmed. Round trip before the run: {}. Seed {}; pushlab {} measured pushlab {}.</p>\n",
        report.generator.cpu_share * 100.0,
        report.generator.received_per_s,
        report.generator.placement(),
        with_unit("p99_us", report.generator.wake_lag_p99_us as f64),
        with_unit("p99_us", report.generator.publish_lag_p99_us as f64),
        with_unit("p99_us", report.generator.receive_lag_p99_us as f64),
        report.generator.published,
        report.generator.scheduled,
        report.generator.acknowledged,
        with_unit("p50_us", report.round_trip_us as f64),
        report.plan.seed,
        escaped(&report.pushlab),
        escaped(&report.server.version),
    );
    for (what, value) in [
        (
            "Plan",
            serde_json::to_value(&report.plan).unwrap_or_default(),
        ),
        ("Host", report.server.host.clone()),
        ("Settings of the server", report.server.settings.clone()),
    ] {
        let text = serde_json::to_string_pretty(&value).unwrap_or_default();
        let _ = writeln!(
            out,
            "<details><summary>{what}</summary><pre tabindex=\"0\">{}</pre></details>",
            escaped(&text)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn the_page_needs_nothing_from_anywhere_and_escapes_what_it_shows() {
        let page = render(&sample::report());
        for forbidden in [
            "<script", "http://", "https://", "src=", "url(", "@import", "NaN", "style=",
        ] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("The &lt;websocket&gt; lane"));
        assert!(page.contains("Same bytes &amp; same schedule."));
        assert_eq!(page.matches("<figure>").count(), 4);
        assert!(page.contains("@media print"));
    }

    #[test]
    fn invalid_figures_are_marked_and_invalid_curves_not_drawn() {
        let mut report = sample::report();
        let measured = |page: &str| {
            let solid = page.matches("class=\"line c").count();
            solid - page.matches(" predicted\"").count()
        };
        let before = measured(&render(&report));
        report.valid = false;
        report.lanes[0].valid = false;
        report.lanes[0].invalid = vec!["busy".into()];
        let page = render(&report);
        assert_eq!(measured(&page), before - 2);
        assert!(page.contains("class=\"stamp\""));
        assert!(page.contains("<td class=\"invalid\">invalid"));
    }

    #[test]
    fn residuals_are_shares_of_what_is_predicted_or_points() {
        assert_eq!(
            residual(Unit::Microseconds, 255.0, 250.0).unwrap(),
            "+2.0 %"
        );
        assert_eq!(residual(Unit::Share, 0.86, 0.87).unwrap(), "−1.0 pts");
        assert_eq!(residual(Unit::Count, 3.0, 0.0), None);
    }
}
