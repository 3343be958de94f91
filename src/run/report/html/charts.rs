//! The charts of a run: delay with the predicted curve, bytes by layer, delay over time, delivery.

use std::fmt::Write;

use crate::run::{
    figures::{Figure, Unit},
    report::{
        LaneReport, Report, shown, shown_figure,
        svg::{Axis, Bar, Line, LineKind, bars, escaped, lines, sample},
    },
};

/// Layers of a publication's bytes, from the outside in: class, figure, name.
const LAYERS: [(&str, &str, &str); 4] = [
    ("headers", "header_bytes", "HTTP headers"),
    ("framing", "framing_bytes", "framing"),
    ("envelope", "envelope_bytes", "envelope"),
    ("payload", "payload_bytes", "the publication's data"),
];

/// All of them, below each other.
pub fn all(report: &Report, out: &mut String) {
    out.push_str("<div class=\"charts\">\n");
    delay(report, out);
    bytes(&[("", report)], out);
    over_time(report, out);
    delivery(&[("", report)], out);
    out.push_str("</div>\n");
}

pub fn figure(title: &str, svg: &str, key: &str, caption: &str, out: &mut String) {
    let _ = writeln!(
        out,
        "<section><h2>{}</h2>\n<figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"Chart\">{svg}</div>{key}<figcaption>{}</figcaption></figure></section>",
        escaped(title),
        escaped(caption)
    );
}

/// Which line is whose; measured and predicted are told by how they are drawn.
fn key_of_lanes(report: &Report, has_predictions: bool) -> String {
    let mut out = "<ul class=\"key\">".to_owned();
    for (index, lane) in report.lanes.iter().enumerate() {
        key_entry(&sample(index, LineKind::Measured), &lane.label, &mut out);
    }
    if has_predictions {
        let dashed = sample(0, LineKind::Predicted).replace("c0", "plain");
        key_entry(&dashed, "dashed: predicted", &mut out);
    }
    out + "</ul>"
}

pub fn key_entry(sample: &str, name: &str, out: &mut String) {
    let _ = write!(out, "<li>{sample}{}</li>", escaped(name));
}

pub fn milliseconds(us: f64) -> String {
    let ms = us / 1e3;
    match ms < 1.0 {
        true => format!("{ms} ms"),
        false => format!("{ms:.0} ms"),
    }
}

/// Delays that a fault of the run touched are not drawn as if they were none.
pub fn is_drawn(lane: &LaneReport) -> bool {
    lane.invalid.is_empty()
}

/// The points of a distribution, delay across and share up.
pub fn turned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    points.iter().map(|(share, us)| (*us, *share)).collect()
}

/// The axes of a distribution of delays.
pub fn delay_axes() -> (Axis<'static>, Axis<'static>) {
    (
        Axis {
            title: "delay from the intended instant",
            is_logarithmic: true,
            show: milliseconds,
        },
        Axis {
            title: "share of all publications",
            is_logarithmic: false,
            show: |share| format!("{:.0} %", share.min(1.0) * 100.0),
        },
    )
}

fn delay(report: &Report, out: &mut String) {
    let mut all = Vec::new();
    for (series, lane) in report.lanes.iter().enumerate() {
        all.push(Line {
            series,
            kind: LineKind::Predicted,
            points: turned(&lane.charts.predicted_cdf),
        });
        if is_drawn(lane) {
            all.push(Line {
                series,
                kind: LineKind::Measured,
                points: turned(&lane.charts.delay_cdf),
            });
        }
    }
    let (x, y) = delay_axes();
    let name = "Share of the publications that arrived within a delay, measured and predicted";
    let svg = lines(name, &x, &y, &all);
    let caption = "How large a share of all expected publications arrived within a delay. Solid \
        with marks: measured. Dashed: predicted by the closed forms. A curve that ends below the \
        top lost the rest.";
    figure("Delay", &svg, &key_of_lanes(report, true), caption, out);
}

/// Bars of one run, or of two with their names.
pub fn bytes(runs: &[(&str, &Report)], out: &mut String) {
    let value = |lane: &LaneReport, name: &str| lane.figure(name).and_then(Figure::value);
    let all = bars_of(runs, |lane| Bar {
        label: String::new(),
        parts: LAYERS
            .iter()
            .map(|(class, name, _)| (*class, value(lane, name).unwrap_or(0.0)))
            .collect(),
        total: shown_figure(Unit::Bytes, lane.figure("bytes_per_publication")),
    });
    let svg = bars("Bytes per delivered publication by layer", &all, None);
    let mut key = "<ul class=\"key\">".to_owned();
    for (class, _, name) in LAYERS {
        let sample = format!(
            "<svg viewBox=\"0 0 28 12\" aria-hidden=\"true\"><rect class=\"{class}\" \
             width=\"28\" height=\"12\"/></svg>"
        );
        key_entry(&sample, name, &mut key);
    }
    key.push_str("</ul>");
    let caption = "All bytes in both directions, for each publication that was delivered, by \
        layer, as the lane counted them; TCP/IP headers come on top.";
    figure("Bytes per publication", &svg, &key, caption, out);
}

fn over_time(report: &Report, out: &mut String) {
    let all: Vec<Line> = report
        .lanes
        .iter()
        .enumerate()
        .filter(|(_, lane)| is_drawn(lane))
        .map(|(series, lane)| Line {
            series,
            kind: LineKind::Measured,
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
    let key = key_of_lanes(report, false);
    figure("Delay over time", &svg, &key, caption, out);
}

/// Bars of one run, or of two with their names.
pub fn delivery(runs: &[(&str, &Report)], out: &mut String) {
    let all = bars_of(runs, |lane| {
        let measured = lane.figure("delivery_ratio");
        let mut total = shown_figure(Unit::Share, measured);
        if let Some(predicted) = lane.predicted.get("delivery_ratio") {
            let _ = write!(total, " ({})", shown(Unit::Share, *predicted));
        }
        Bar {
            label: String::new(),
            parts: vec![("payload", measured.and_then(Figure::value).unwrap_or(0.0))],
            total,
        }
    });
    let svg = bars(
        "Share of the publications that was delivered",
        &all,
        Some(1.0),
    );
    let caption = "Of all publications times clients; in brackets what is predicted.";
    figure("Delivery", &svg, "", caption, out);
}

/// One bar for each lane of the first run, and beside it that of the others.
fn bars_of(runs: &[(&str, &Report)], bar: impl Fn(&LaneReport) -> Bar) -> Vec<Bar> {
    let Some((_, first)) = runs.first() else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for lane in &first.lanes {
        for (name, run) in runs {
            let same = run.lanes.iter().find(|other| other.row == lane.row);
            all.extend(same.map(|lane| Bar {
                label: match name.is_empty() {
                    true => lane.label.clone(),
                    false => format!("{name}: {}", lane.label),
                },
                ..bar(lane)
            }));
        }
    }
    all
}
