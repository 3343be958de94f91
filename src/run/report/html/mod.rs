//! A result as HTML: the sections of a run, for the lab's own pages and, with a style in front,
//! as one self-contained file that works offline, prints well, loads and runs nothing.
//!
//! Here the file and the tables; the charts are in [`charts`], two runs beside each other in
//! [`compare`]. What is written is in `templates/report`, which escapes all text. No section has a
//! style of its own: classes say what things are, and `static/css/report.css` how they look, in
//! both places.

pub mod charts;
pub mod compare;

use askama::Template;

use self::charts::Figure as Drawing;
use super::{
    LaneReport, Report, began,
    opening::{Asked, asked},
    reasons,
    rendered::rendered,
    shown, shown_figure, shown_predicted,
    table::{COLUMNS, headline, with_unit},
};
use crate::catalogue::sheet;
use crate::run::figures::{CATALOGUE, Figure, FigureKind, Unit, find};

/// Colours and the page around the sections, which the lab's pages have from elsewhere.
const EXPORT: &str = include_str!("export.css");
const SECTIONS: &str = include_str!("../../../../static/css/report.css");

/// A whole run as a file.
pub fn render(report: &Report) -> String {
    file(&title(report), &sections(report))
}

/// What a run is called.
pub fn title(report: &Report) -> String {
    let began = began(report.started_us);
    format!("pushlab run, seed {}, {began}", report.plan.seed)
}

#[derive(Template)]
#[template(path = "report/file.html")]
struct File<'a> {
    title: &'a str,
    style: &'a str,
    /// HTML below the title.
    sections: &'a str,
}

/// A self-contained file: a title, and the HTML below it.
pub fn file(title: &str, sections: &str) -> String {
    rendered(&File {
        title,
        style: &[EXPORT, sheet(), SECTIONS].concat(),
        sections,
    })
}

#[derive(Template)]
#[template(path = "report/run.html")]
struct Run<'a> {
    report: &'a Report,
    /// Of a ready plan.
    asked: Option<Asked>,
    headline: String,
    /// What every reader must see first, where the whole is in doubt.
    stamp: Option<&'static str>,
    glance: Table<'a>,
    reasons: Vec<String>,
    figures: Vec<Drawing>,
    all: Table<'a>,
    /// A lane has kept an exchange.
    has_examples: bool,
    cpu_percent: String,
    received_per_s: String,
    wake_lag: String,
    publish_lag: String,
    receive_lag: String,
    round_trip: String,
    /// What somebody needs to do it again: a name, and JSON.
    details: [(&'static str, String); 3],
}

/// Measured figures.
struct Table<'a> {
    /// After the first.
    headings: Vec<&'a str>,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    heading: &'a str,
    /// Of a figure, exactly.
    meaning: &'a str,
    cells: Vec<Cell>,
}

/// A measured figure, for people.
struct Cell {
    is_invalid: bool,
    measured: String,
    predicted: Option<String>,
    /// How far the measured figure is from the predicted, where that claims to hold.
    residual: Option<String>,
    interval: Option<String>,
}

/// Everything of a run below its title.
pub fn sections(report: &Report) -> String {
    let lag = |us: u64| with_unit("p99_us", us as f64);
    let pretty = |value| serde_json::to_string_pretty(value).unwrap_or_default();
    let plan = serde_json::to_value(&report.plan).unwrap_or_default();
    rendered(&Run {
        asked: asked(report),
        headline: headline(report).trim_end().to_owned(),
        stamp: match (report.partial, report.valid) {
            (true, _) => Some("Partial: the run was stopped before its end."),
            (_, false) => Some("Not valid: see the reasons below the table."),
            _ => None,
        },
        glance: at_a_glance(report),
        reasons: reasons(report),
        figures: charts::all(report),
        all: all_figures(report),
        has_examples: report.lanes.iter().any(|lane| lane.example.is_some()),
        cpu_percent: format!("{:.0}", report.generator.cpu_share * 100.0),
        received_per_s: format!("{:.0}", report.generator.received_per_s),
        wake_lag: lag(report.generator.wake_lag_p99_us),
        publish_lag: lag(report.generator.publish_lag_p99_us),
        receive_lag: lag(report.generator.receive_lag_p99_us),
        round_trip: with_unit("p50_us", report.round_trip_us as f64),
        details: [
            ("Plan", pretty(&plan)),
            ("Host", pretty(&report.server.host)),
            ("Settings of the server", pretty(&report.server.settings)),
        ],
        report,
    })
}

fn at_a_glance(report: &Report) -> Table<'_> {
    let rows = report.lanes.iter().map(|lane| Row {
        heading: &lane.label,
        meaning: "",
        cells: COLUMNS
            .map(|(_, name, beside)| Cell::new(lane, name, beside))
            .into(),
    });
    Table {
        headings: COLUMNS
            .map(|(heading, name, _)| find(name).map_or(heading, FigureKind::label))
            .into(),
        rows: rows.collect(),
    }
}

/// Every figure that any lane has: measured, its interval, predicted and the residual.
fn all_figures(report: &Report) -> Table<'_> {
    let lanes = || report.lanes.iter();
    let has_it = |name| lanes().any(|lane| lane.figure(name).is_some());
    let shown = CATALOGUE.iter().filter(|kind| has_it(kind.name));
    let rows = shown.map(|kind| Row {
        heading: kind.label(),
        meaning: kind.meaning,
        cells: lanes()
            .map(|lane| Cell {
                interval: interval(kind.unit, lane.figure(kind.name))
                    .map(|interval| format!("95 %: {interval}")),
                ..Cell::new(lane, kind.name, true)
            })
            .collect(),
    });
    Table {
        headings: lanes().map(|lane| lane.row.as_str()).collect(),
        rows: rows.collect(),
    }
}

impl Cell {
    /// A lane's figure, with its prediction `beside` it, and without its interval.
    fn new(lane: &LaneReport, name: &str, beside: bool) -> Self {
        let figure = lane.figure(name);
        let unit = find(name).map_or(Unit::Count, |kind| kind.unit);
        let predicted = lane.predicted.get(name).filter(|_| beside).copied();
        let value = figure.and_then(Figure::value);
        Self {
            is_invalid: is_invalid(figure),
            measured: shown_figure(unit, figure),
            predicted: predicted.map(|predicted| shown_predicted(unit, predicted)),
            residual: value
                .zip(predicted.and_then(|predicted| predicted.claimed(unit)))
                .and_then(|(value, predicted)| residual(unit, value, predicted)),
            interval: None,
        }
    }
}

fn is_invalid(figure: Option<&Figure>) -> bool {
    matches!(figure, Some(Figure::Invalid { .. }))
}

/// The 95 % interval of a figure, where it has one.
fn interval(unit: Unit, figure: Option<&Figure>) -> Option<String> {
    let (low, high) = figure?.interval()?;
    Some(format!("{} to {}", shown(unit, low), shown(unit, high)))
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
        assert!(page.contains("The &#60;websocket&#62; lane"));
        assert!(page.contains("Same bytes &#38; same schedule."));
        assert_eq!(page.matches("<figure>").count(), 4);
        assert!(page.contains("@media print"));
    }

    #[test]
    fn each_lane_shows_the_exchange_that_it_kept() {
        let mut report = sample::report();
        assert!(!render(&report).contains("as they were sent"));
        report.lanes[1].example = Some(sample::exchange());
        let page = render(&report);
        assert_eq!(page.matches("class=\"head-lines\"").count(), 2);
        assert!(page.contains("GET /&#60;x&#62; HTTP/1.1") && page.contains("Cookie: hidden"));
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }

    #[test]
    fn invalid_figures_are_marked_and_invalid_curves_not_drawn() {
        let mut report = sample::report();
        let measured = |page: &str| {
            let solid = page.matches("class=\"line ").count();
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
