//! The result as one self-contained page: works offline, prints well, loads and runs nothing.

use std::fmt::Write;

use super::{
    LaneReport, Report, reasons, shown, shown_figure,
    svg::{Axis, Bar, Line, bars, escaped, lines},
    table::{COLUMNS, headline, with_unit},
};
use crate::run::figures::{CATALOGUE, Figure, Unit, find};

const STYLE: &str = include_str!("report.css");
/// Colours that tell rows apart; more rows begin again.
const COLOURS: usize = 8;
/// Layers of a publication's bytes, from the outside in: class, figure, name.
const LAYERS: [(&str, &str, &str); 4] = [
    ("headers", "header_bytes", "HTTP headers"),
    ("framing", "framing_bytes", "framing"),
    ("envelope", "envelope_bytes", "envelope"),
    ("payload", "payload_bytes", "the publication's data"),
];

/// The whole page.
pub fn render(report: &Report) -> String {
    let title = format!("pushlab run, seed {}", report.plan.seed);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"content-security-policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\
         <title>{}</title><style>{STYLE}</style></head><body><main>\n<h1>{}</h1>\n<p>{}</p>\n",
        escaped(&title),
        escaped(&title),
        escaped(headline(report).trim_end())
    );
    if report.partial || !report.valid {
        let what = if report.partial {
            "Partial"
        } else {
            "Not valid"
        };
        let _ = writeln!(
            out,
            "<p class=\"stamp\">{what}: see the reasons below the table.</p>"
        );
    }
    table(report, &mut out);
    delay(report, &mut out);
    bytes(report, &mut out);
    over_time(report, &mut out);
    delivery(report, &mut out);
    all_figures(report, &mut out);
    basis(report, &mut out);
    out.push_str("</main></body></html>\n");
    out
}

fn table(report: &Report, out: &mut String) {
    out.push_str("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">lane</th>");
    for (heading, ..) in COLUMNS {
        let _ = write!(out, "<th scope=\"col\">{heading}</th>");
    }
    out.push_str("</tr></thead><tbody>\n");
    for lane in &report.lanes {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(&lane.label));
        for (_, name, beside) in COLUMNS {
            measured_cell(lane, name, beside, out);
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n<p class=\"soft\">Small: predicted.</p>\n");
    let reasons = reasons(report);
    if !reasons.is_empty() {
        out.push_str("<ul>");
        for reason in reasons {
            let _ = write!(out, "<li>{}</li>", escaped(&reason));
        }
        out.push_str("</ul>\n");
    }
}

fn measured_cell(lane: &LaneReport, name: &str, beside: bool, out: &mut String) {
    let figure = lane.figure(name);
    let class = match figure {
        Some(Figure::Invalid { .. }) => " class=\"invalid\"",
        _ => "",
    };
    let unit = find(name).map_or(Unit::Count, |kind| kind.unit);
    let _ = write!(out, "<td{class}>{}", shown_figure(unit, figure));
    if let Some(predicted) = lane.predicted.get(name).filter(|_| beside) {
        let _ = write!(out, "<small>{}</small>", with_unit(name, *predicted));
    }
    out.push_str("</td>");
}

fn figure(title: &str, svg: &str, key: &str, caption: &str, out: &mut String) {
    let _ = writeln!(
        out,
        "<h2>{title}</h2>\n<figure>{svg}{key}<figcaption>{caption}</figcaption></figure>"
    );
}

/// Which line is whose.
fn key(report: &Report) -> String {
    let mut out = "<ul class=\"key\">".to_owned();
    for (index, lane) in report.lanes.iter().enumerate() {
        let _ = write!(
            out,
            "<li><svg viewBox=\"0 0 24 10\" aria-hidden=\"true\"><path class=\"line c{}\" \
             d=\"M0 5L24 5\"/></svg>{}</li>",
            index % COLOURS,
            escaped(&lane.label)
        );
    }
    out.push_str("</ul>");
    out
}

fn milliseconds(us: f64) -> String {
    let ms = us / 1e3;
    match ms < 1.0 {
        true => format!("{ms} ms"),
        false => format!("{ms:.0} ms"),
    }
}

/// Delays that a fault of the run touched are not drawn as if they were none.
fn is_drawn(lane: &LaneReport) -> bool {
    lane.invalid.is_empty()
}

fn delay(report: &Report, out: &mut String) {
    let mut all = Vec::new();
    for (index, lane) in report.lanes.iter().enumerate() {
        let class = format!("c{}", index % COLOURS);
        let turned = |points: &[(f64, f64)]| points.iter().map(|(p, us)| (*us, *p)).collect();
        if is_drawn(lane) {
            all.push(Line {
                class: class.clone(),
                is_predicted: false,
                points: turned(&lane.charts.delay_cdf),
            });
        }
        all.push(Line {
            class,
            is_predicted: true,
            points: turned(&lane.charts.predicted_cdf),
        });
    }
    let svg = lines(
        "Share of the publications that arrived within a delay",
        &Axis {
            title: "delay from the intended instant",
            is_logarithmic: true,
            show: milliseconds,
        },
        &Axis {
            title: "share of all publications",
            is_logarithmic: false,
            show: |share| shown(Unit::Share, share.min(1.0)),
        },
        &all,
    );
    let caption = "How large a share of all expected publications arrived within a delay. Dashed: \
        what the closed forms predict. A curve that ends below the top lost the rest.";
    figure("Delay", &svg, &key(report), caption, out);
}

fn bytes(report: &Report, out: &mut String) {
    let value = |lane: &LaneReport, name: &str| lane.figure(name).and_then(Figure::value);
    let all: Vec<Bar> = report
        .lanes
        .iter()
        .map(|lane| Bar {
            label: lane.label.clone(),
            parts: LAYERS
                .iter()
                .map(|(class, name, _)| (*class, value(lane, name).unwrap_or(0.0)))
                .collect(),
            total: shown_figure(Unit::Bytes, lane.figure("bytes_per_publication")),
        })
        .collect();
    let svg = bars("Bytes per delivered publication by layer", &all, None);
    let mut key = "<ul class=\"key\">".to_owned();
    for (class, _, name) in LAYERS {
        let _ = write!(
            key,
            "<li><svg viewBox=\"0 0 24 10\" aria-hidden=\"true\"><rect class=\"{class}\" \
             width=\"24\" height=\"10\"/></svg>{}</li>",
            escaped(name)
        );
    }
    key.push_str("</ul>");
    let caption = "All bytes in both directions, for each publication that was delivered; TCP/IP \
        headers come on top.";
    figure("Bytes per publication", &svg, &key, caption, out);
}

fn over_time(report: &Report, out: &mut String) {
    let all: Vec<Line> = report
        .lanes
        .iter()
        .enumerate()
        .filter(|(_, lane)| is_drawn(lane))
        .map(|(index, lane)| Line {
            class: format!("c{}", index % COLOURS),
            is_predicted: false,
            points: lane
                .charts
                .over_time
                .iter()
                .map(|(s, us, _)| (*s, *us))
                .collect(),
        })
        .collect();
    let svg = lines(
        "Median delay over time",
        &Axis {
            title: "since measuring began",
            is_logarithmic: false,
            show: |seconds| format!("{seconds} s"),
        },
        &Axis {
            title: "median delay",
            is_logarithmic: true,
            show: milliseconds,
        },
        &all,
    );
    let caption = "The median in each twentieth of the measured time, over all repetitions.";
    figure("Delay over time", &svg, &key(report), caption, out);
}

fn delivery(report: &Report, out: &mut String) {
    let all: Vec<Bar> = report
        .lanes
        .iter()
        .map(|lane| {
            let measured = lane.figure("delivery_ratio");
            let predicted = lane.predicted.get("delivery_ratio");
            let mut total = shown_figure(Unit::Share, measured);
            if let Some(predicted) = predicted {
                let _ = write!(total, " ({})", shown(Unit::Share, *predicted));
            }
            Bar {
                label: lane.label.clone(),
                parts: vec![("payload", measured.and_then(Figure::value).unwrap_or(0.0))],
                total,
            }
        })
        .collect();
    let svg = bars(
        "Share of the publications that was delivered",
        &all,
        Some(1.0),
    );
    let caption = "Of all publications times clients; in brackets what is predicted.";
    figure("Delivery", &svg, "", caption, out);
}

fn all_figures(report: &Report, out: &mut String) {
    out.push_str("<h2>All figures</h2>\n<div class=\"scroll\"><table><thead><tr><th scope=\"col\">figure</th>");
    for lane in &report.lanes {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escaped(&lane.row));
    }
    out.push_str("</tr></thead><tbody>\n");
    for kind in CATALOGUE {
        if report
            .lanes
            .iter()
            .all(|lane| lane.figure(kind.name).is_none())
        {
            continue;
        }
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(kind.meaning));
        for lane in &report.lanes {
            measured_cell(lane, kind.name, true, out);
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
        "</ul>\n<p>Generator: {:.0} % of a core for {:.0} publications received per second; \
         published {} late and received {} late at the 99th percentile; {}.</p>\n",
        report.generator.cpu_share * 100.0,
        report.generator.received_per_s,
        with_unit("p99_us", report.generator.publish_lag_p99_us as f64),
        with_unit("p99_us", report.generator.receive_lag_p99_us as f64),
        report
            .generator
            .pinned
            .as_deref()
            .unwrap_or("no cores of their own"),
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
        let _ = writeln!(out, "<h3>{what}</h3><pre>{}</pre>", escaped(&text));
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
            "<script", "http://", "https://", "src=", "url(", "@import", "NaN",
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
}
