//! The charts of a run: delay with the predicted curve, bytes by layer, delay over time, delivery.

use std::fmt::Write;

use askama::Template;

use crate::run::{
    figures::{Figure as Measured, Unit},
    report::{
        LaneReport, Report, around_data,
        rendered::rendered,
        shown, shown_figure,
        svg::{
            bars::{Bar, bars},
            lines::{Axis, Line, LineKind, Look, lines, plain_sample, sample},
        },
    },
};

/// Layers of a publication's bytes, from the outside in: class, figure, name.
fn layers(runs: &[(&str, &Report)]) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut layers = vec![
        ("headers", "header_bytes", "HTTP headers"),
        ("framing", "framing_bytes", "framing"),
    ];
    let named = |class: &str| match class {
        "protocol" => "the protocol's part of the envelope",
        "lab" => "the lab's part of it, for measuring",
        _ => "envelope",
    };
    let lanes = runs.iter().flat_map(|(_, report)| &report.lanes);
    let around = around_data(lanes).iter();
    layers.extend(around.map(|(class, figure)| (*class, *figure, named(class))));
    layers.push(("payload", "payload_bytes", "the publication's data"));
    layers
}

/// A chart under its heading, with its key and what to see in it.
#[derive(Template)]
#[template(path = "report/figure.html")]
pub struct Figure {
    /// Its heading.
    pub title: String,
    /// The chart.
    pub svg: String,
    /// What is drawn how.
    pub key: Vec<KeyEntry>,
    /// What to see in it.
    pub caption: String,
}

/// A sample of how something is drawn, and its name.
pub struct KeyEntry {
    /// SVG.
    pub sample: String,
    /// What is drawn so.
    pub name: String,
}

impl KeyEntry {
    /// `sample`: a small SVG that is drawn in the same way.
    pub fn new(sample: String, name: impl Into<String>) -> Self {
        let name = name.into();
        Self { sample, name }
    }

    /// What every chart with predictions has at the end of its key.
    pub fn predicted() -> Self {
        Self::new(
            plain_sample(LineKind::Predicted),
            "thin, no marks: predicted",
        )
    }
}

#[derive(Template)]
#[template(path = "report/layer.svg")]
struct LayerSample {
    class: &'static str,
}

/// All of them, in the order in which they stand below each other.
pub fn all(report: &Report) -> Vec<Figure> {
    let alone = [("", report)];
    vec![
        delay(report),
        bytes(&alone),
        over_time(report),
        delivery(&alone),
    ]
}

/// Which line is whose; measured and predicted are told by how they are drawn.
fn key_of_lanes(report: &Report) -> Vec<KeyEntry> {
    let lanes = report.lanes.iter().enumerate();
    lanes
        .map(|(index, lane)| {
            KeyEntry::new(sample(look(index, lane), LineKind::Measured), &lane.label)
        })
        .collect()
}

/// As axes show a time: µs in, text in ms.
pub fn milliseconds(us: f64) -> String {
    let ms = us / 1e3;
    match ms < 1.0 {
        true => format!("{ms} ms"),
        false => format!("{ms:.0} ms"),
    }
}

/// The lane's own colour and dash, and the mark of its place in the run.
pub fn look(series: usize, lane: &LaneReport) -> Look {
    Look::of_row(series, &lane.row, &lane.lane)
}

/// Delays that a fault of the run touched are not drawn as if they were none.
pub fn is_drawn(lane: &LaneReport) -> bool {
    lane.invalid.is_empty()
}

/// The points of a distribution, delay across and share up.
pub fn by_delay(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
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

fn delay(report: &Report) -> Figure {
    let mut all = Vec::new();
    for (series, lane) in report.lanes.iter().enumerate() {
        all.push(Line {
            look: look(series, lane),
            kind: LineKind::Predicted,
            points: by_delay(&lane.charts.predicted_cdf),
        });
        if is_drawn(lane) {
            all.push(Line {
                look: look(series, lane),
                kind: LineKind::Measured,
                points: by_delay(&lane.charts.delay_cdf),
            });
        }
    }
    let (x, y) = delay_axes();
    let name = "Share of the publications that arrived within a delay, measured and predicted";
    let svg = lines(name, &x, &y, &all);
    let caption = "How large a share of all expected publications arrived within a delay. With \
        marks: measured. Thin: predicted by the closed forms, with what the warm-up says that this \
        machine takes; where it says nothing, a delay is at least that long. A curve that ends below the \
        top lost the rest.";
    let mut key = key_of_lanes(report);
    key.push(KeyEntry::predicted());
    Figure {
        title: "Delay".into(),
        svg,
        key,
        caption: caption.into(),
    }
}

/// Bars of one run, or of two with their names.
pub fn bytes(runs: &[(&str, &Report)]) -> Figure {
    let value = |lane: &LaneReport, name: &str| lane.figure(name).and_then(Measured::value);
    let layers = layers(runs);
    let all = bars_of(runs, |lane| Bar {
        label: String::new(),
        parts: layers
            .iter()
            .map(|(class, name, _)| (*class, value(lane, name).unwrap_or(0.0)))
            .collect(),
        total: shown_figure(Unit::Bytes, lane.figure("bytes_per_publication")),
    });
    let svg = bars("Bytes per delivered publication by layer", &all, None);
    let key = layers
        .iter()
        .map(|(class, _, name)| KeyEntry::new(rendered(&LayerSample { class }), *name))
        .collect();
    let caption = "All bytes in both directions, for each publication that was delivered, by \
        layer, as the lane counted them; Ethernet, IP and TCP headers come on top.";
    Figure {
        title: "Bytes per publication".into(),
        svg,
        key,
        caption: caption.into(),
    }
}

fn over_time(report: &Report) -> Figure {
    let all: Vec<Line> = report
        .lanes
        .iter()
        .enumerate()
        .filter(|(_, lane)| is_drawn(lane))
        .map(|(series, lane)| Line {
            look: look(series, lane),
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
    Figure {
        title: "Delay over time".into(),
        svg,
        key: key_of_lanes(report),
        caption: caption.into(),
    }
}

/// Bars of one run, or of two with their names.
pub fn delivery(runs: &[(&str, &Report)]) -> Figure {
    let all = bars_of(runs, |lane| {
        let measured = lane.figure("delivery_ratio");
        let mut total = shown_figure(Unit::Share, measured);
        if let Some(predicted) = lane.predicted.get("delivery_ratio") {
            let _ = write!(total, " ({})", shown(Unit::Share, predicted.form()));
        }
        Bar {
            label: String::new(),
            parts: vec![("payload", measured.and_then(Measured::value).unwrap_or(0.0))],
            total,
        }
    });
    let svg = bars(
        "Share of the publications that was delivered",
        &all,
        Some(1.0),
    );
    let caption = "Of all publications times clients; in brackets what is predicted.";
    Figure {
        title: "Delivery".into(),
        svg,
        key: Vec::new(),
        caption: caption.into(),
    }
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
