//! A run's result, whole: everything somebody needs to check it or to do it again. One file for
//! each form it is shown in; the JSON form is this type as it is, and is read back.

pub mod csv;
pub mod forms;
pub mod html;
pub mod markdown;
pub mod opening;
pub mod rendered;
pub mod svg;
pub mod table;
pub mod words;
pub mod workload;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

pub use self::words::{INVALID, shown, shown_figure, shown_predicted};
use super::{
    figures::{Figure, Measured, Unit, find},
    pass::ServerMemory,
    plan::Plan,
    predicted::Predictions,
    processing::Processing,
    stats::Delays,
    theory::Prediction,
    uncertainty::{Lags, NUMBER_SHARE, Parts},
};
pub use crate::client::exchange::Exchange;

/// The whole result of a run: what is saved, shown and compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the program that ran it.
    pub pushlab: String,
    /// µs since the Unix epoch.
    pub started_us: u64,
    /// Every setting in effect.
    pub plan: Plan,
    /// It was stopped before its end.
    pub partial: bool,
    /// Every lane's figures can be stood behind.
    pub valid: bool,
    /// To the server and back before the run, without the plan's own distance; the predictions
    /// are made from it.
    pub round_trip_us: u64,
    /// The program that published and received.
    pub generator: GeneratorReport,
    /// The server that was measured.
    pub server: ServerReport,
    /// What is alike for all lanes, in sentences.
    pub fairness: Vec<String>,
    /// The figures in one sentence; made anew from them where it is read, see [`Report::settled`].
    #[serde(default)]
    pub answer: String,
    /// One for each row.
    pub lanes: Vec<LaneReport>,
}

/// How the generator did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeneratorReport {
    /// Of one core.
    pub cpu_share: f64,
    /// 99 of 100 publications were sent at most so late, µs.
    pub publish_lag_p99_us: u64,
    /// 99 of 100 times the receiving thread noticed an instant at most so late, µs.
    pub receive_lag_p99_us: u64,
    /// How late the publishing thread woke, looked at every few milliseconds.
    #[serde(default)]
    pub wake_lag_p99_us: u64,
    /// Publications that were due.
    pub scheduled: u64,
    /// Publications that were sent.
    pub published: u64,
    /// Publications that the server confirmed.
    pub acknowledged: u64,
    /// How far the clocks of publisher and receiver may be apart.
    pub clock_bound_us: u64,
    /// Why no delay can be stood behind, whatever its error.
    pub objections: Vec<String>,
    /// What else is to be known of it: how late it was, of which the figures' errors are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Which cores it and the server had to themselves.
    #[serde(default)]
    pub pinned: Option<String>,
    /// Idle processors were kept from sleeping.
    #[serde(default)]
    pub kept_awake: bool,
    /// How often a pass was done again because the generator was late in it; of its tries the one
    /// with the smaller errors counts.
    #[serde(default)]
    pub redone: usize,
    /// Publications, over all clients.
    #[serde(default)]
    pub received_per_s: f64,
}

impl GeneratorReport {
    /// Whether delays can be stood behind.
    pub fn is_fit(&self) -> bool {
        self.objections.is_empty()
    }

    /// What the system gave it, and how often it was not fit, in words.
    pub fn placement(&self) -> String {
        let cores = self.pinned.as_deref().unwrap_or("no cores of their own");
        let sleep = match self.kept_awake {
            true => "idle cores kept awake",
            false => "idle cores may sleep",
        };
        match self.redone {
            0 => format!("{cores}; {sleep}"),
            1 => format!(
                "{cores}; {sleep}; a pass in which it was late was done again, and the better of \
                 both counts"
            ),
            many => format!(
                "{cores}; {sleep}; {many} times a pass in which it was late was done again, and \
                 the best of its tries counts"
            ),
        }
    }
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerReport {
    /// Its version.
    pub version: String,
    /// Its machine.
    pub host: serde_json::Value,
    /// Its effective settings, without secrets.
    pub settings: serde_json::Value,
}

/// A row of the result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneReport {
    /// The lane's name, with `-no-resume` where that is what it did.
    pub row: String,
    /// Id of the lane.
    pub lane: String,
    /// How bytes travel.
    pub transport: String,
    /// What they mean.
    pub protocol: String,
    /// Its name for people.
    pub label: String,
    /// Whether clients went on from their positions.
    pub resume: bool,
    /// Whether its figures can be stood behind, but for those that say otherwise.
    pub valid: bool,
    /// Why not.
    pub invalid: Vec<String>,
    /// What else happened: connections that failed, in words.
    pub remarks: Vec<String>,
    /// By name, see [`super::figures`].
    pub measured: Measured,
    /// What the errors of its delays are made of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Parts>,
    /// What the closed forms say, by the same names.
    pub predicted: Predictions,
    /// What the machine added to each delivery in the warm-up; `None` where that told nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processing: Option<Processing>,
    /// What curves are drawn from.
    pub charts: Charts,
    /// One request and its answer as they were sent; older results have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Exchange>,
}

/// What curves are drawn from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Charts {
    /// `[share of all expected, delay in µs]`, rising; ends where delivery ends.
    pub delay_cdf: Vec<(f64, f64)>,
    /// Share of deliveries (0 to 1) by delay (µs), as predicted.
    pub predicted_cdf: Vec<(f64, f64)>,
    /// `[seconds since measuring began, median delay in µs, deliveries]`.
    pub over_time: Vec<(f64, f64, u64)>,
    /// `[seconds since everybody was cut, tries to connect, clients that were back]`, by tenths of
    /// a second, of all repetitions together; empty where nobody was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comeback: Vec<(f64, u64, u64)>,
}

impl Charts {
    const STEPS: usize = 100;

    fn shares() -> impl Iterator<Item = f64> {
        (0..=Self::STEPS).map(|step| step as f64 / Self::STEPS as f64)
    }

    /// The curve that theory draws, where there is one.
    pub fn predicted(theory: Option<Prediction>) -> Vec<(f64, f64)> {
        let point = |theory: Prediction| {
            Self::shares()
                .map(|p| (p, theory.quantile_s(p) * 1e6))
                .collect()
        };
        theory.map(point).unwrap_or_default()
    }

    /// A curve is many figures: a point that is not larger than its error is not drawn.
    pub fn of(
        delays: &Delays,
        theory: Option<Prediction>,
        duration: Duration,
        lags: &Lags,
    ) -> Self {
        let slice_s = duration.as_secs_f64() / delays.slices.len().max(1) as f64;
        let is_number = |p: f64, us: f64| lags.at(p, us).total_us() < NUMBER_SHARE * us;
        Self {
            delay_cdf: Self::shares()
                .map_while(|p| Some((p, delays.quantile_us(p)?)))
                .filter(|(p, us)| is_number(*p, *us))
                .collect(),
            predicted_cdf: Self::predicted(theory),
            over_time: delays
                .slices
                .iter()
                .enumerate()
                .filter(|(_, slice)| !slice.is_empty())
                .map(|(index, slice)| {
                    let median = slice.value_at_quantile(0.5) as f64;
                    (index as f64 * slice_s, median, slice.len())
                })
                .filter(|(_, median, _)| is_number(0.5, *median))
                .collect(),
            comeback: Vec::new(),
        }
    }
}

impl Report {
    /// As read from a file, which may be older than what is known now: memory of lanes that had no
    /// process of their own is withheld, and the sentence is made from the figures that are left.
    pub fn settled(mut self) -> Self {
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            let memory = lane.measured.get_mut("server_memory_per_client_bytes");
            // Of a later lane, or a mean over repetitions.
            let is_used = |figure: &Figure| {
                figure.value().is_some() && (index > 0 || figure.interval().is_some())
            };
            if let (Some(memory), Some(why)) = (
                memory.filter(|figure| is_used(figure)),
                ServerMemory::UsedProcess.objection(),
            ) {
                *memory = Figure::Invalid {
                    invalid: why.to_owned(),
                };
            }
        }
        self.answer = opening::sentence(&self);
        self
    }
}

impl LaneReport {
    /// A measured figure, by its name.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.measured.get(name)
    }
}

/// When a run began, as in 2026-11-22T20:15:30Z. A file may say anything: what is beyond the year
/// 9999 has no such form and is cut to it.
pub fn began(started_us: u64) -> String {
    const LAST_US: u64 = 253_402_300_799_000_000;
    let at = std::time::UNIX_EPOCH + Duration::from_micros(started_us.min(LAST_US));
    humantime::format_rfc3339_seconds(at).to_string()
}

/// Name and figure of what is around a publication's data: the protocol's part and the lab's, or in
/// results from before they were told apart both together.
pub fn around_data<'a>(
    mut lanes: impl Iterator<Item = &'a LaneReport>,
) -> &'static [(&'static str, &'static str)] {
    match lanes
        .any(|lane| lane.figure("envelope_bytes").is_some() && lane.figure("lab_bytes").is_none())
    {
        true => &[("envelope", "envelope_bytes")],
        false => &[("protocol", "protocol_bytes"), ("lab", "lab_bytes")],
    }
}

/// Every reason why something is not valid, once, with whom it is about.
pub fn reasons(report: &Report) -> Vec<String> {
    let mut reasons = Vec::new();
    if report.partial {
        reasons.push("partial: the run was stopped before its end".to_owned());
    }
    reasons.extend(report.generator.objections.iter().cloned());
    for lane in &report.lanes {
        for why in &lane.invalid {
            if !report.generator.objections.contains(why) {
                reasons.push(format!("{}: {why}", lane.row));
            }
        }
    }
    reasons.extend(figure_reasons(report));
    reasons.extend(report.lanes.iter().filter_map(bounds));
    let remarks = report.generator.remarks.iter();
    reasons.extend(remarks.map(|remark| format!("note: {remark}")));
    for lane in &report.lanes {
        for remark in &lane.remarks {
            reasons.push(format!("{} (note): {remark}", lane.row));
        }
    }
    reasons
}

/// Which figures of a lane are bounds, and of which error each is smaller.
fn bounds(lane: &LaneReport) -> Option<String> {
    let bounds: Vec<String> = lane
        .measured
        .iter()
        .filter_map(|(name, figure)| match figure {
            Figure::Below { below, error } => Some((name, below, error.unwrap_or(*below))),
            _ => None,
        })
        .map(|(name, below, error)| {
            let kind = find(name);
            let unit = kind.map_or(Unit::Microseconds, |kind| kind.unit);
            let label = kind.map_or(name.as_str(), |kind| kind.label());
            let parts = lane.errors.get(name);
            let parts = parts.map_or_else(String::new, |parts| format!(" ({parts})"));
            format!(
                "{label}: {} is all that can be said, since it was measured with an error of \
                 {}{parts}",
                words::shown_bound(unit, *below),
                shown(unit, error)
            )
        })
        .collect();
    (!bounds.is_empty()).then(|| format!("{} (bounds): {}", lane.row, bounds.join("; ")))
}

/// Reasons that single figures have of their own, rows with the same one together.
fn figure_reasons(report: &Report) -> impl Iterator<Item = String> {
    let mut rows: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for lane in &report.lanes {
        for (name, figure) in &lane.measured {
            if let Figure::Invalid { invalid } = figure
                && !lane.invalid.contains(invalid)
            {
                rows.entry((name, invalid)).or_default().push(&lane.row);
            }
        }
    }
    let all = report.lanes.len();
    rows.into_iter().map(move |((name, why), rows)| {
        let of = match rows.len() == all {
            true => "every lane".to_owned(),
            false => rows.join(", "),
        };
        format!("{name} of {of}: {why}")
    })
}

#[cfg(test)]
pub mod sample;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_no_clock_shows_is_cut() {
        assert_eq!(began(sample::report().started_us), "2025-11-13T02:13:20Z");
        assert_eq!(began(u64::MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn a_report_reads_back_what_it_wrote() {
        let report = sample::report();
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }

    #[test]
    fn memory_of_lanes_that_shared_a_process_is_withheld_from_older_files_too() {
        const MEMORY: &str = "server_memory_per_client_bytes";
        let mut report = sample::report();
        let figure = |low| Figure::Valid {
            value: 9e3,
            low,
            high: low,
            error: None,
        };
        for lane in &mut report.lanes {
            lane.measured.insert(MEMORY.into(), figure(None));
        }
        let settled = report.clone().settled();
        let of = |report: &Report, lane: usize| report.lanes[lane].figure(MEMORY).unwrap().value();
        assert_eq!((of(&settled, 0), of(&settled, 1)), (Some(9e3), None));
        assert_eq!(settled.clone().settled(), settled);
        assert!(
            table::render(&settled)
                .contains("server_memory_per_client_bytes of websocket: an earlier pass")
        );
        let threshold = "all.server_memory_per_client_bytes > 1000000";
        let threshold: crate::run::thresholds::Threshold = threshold.parse().unwrap();
        assert!(matches!(
            threshold.judge(&settled),
            crate::run::thresholds::Verdict::Unknown(why) if why.contains("earlier pass")
        ));
        let measured = &mut report.lanes[0].measured;
        measured.insert(MEMORY.into(), figure(Some(8e3)));
        assert_eq!(of(&report.settled(), 0), None, "a mean of repetitions");
    }

    #[test]
    fn a_bound_says_which_error_and_how_large() {
        let mut report = sample::report();
        let below = Figure::Below {
            below: 701.0,
            error: Some(1_800.0),
        };
        let lane = &mut report.lanes[1];
        lane.measured.insert("p50_us".into(), below);
        let parts = Parts {
            published_us: 300.0,
            read_us: 1_500.0,
            ..Parts::default()
        };
        lane.errors.insert("p50_us".into(), parts);
        report.generator.remarks = vec!["busy".into()];
        let reasons = reasons(&report);
        let said = "websocket (bounds): time to arrive, half of them within: below 0.8 ms is all that \
                    can be said, since it was measured with an error of 1.80 ms (published 0.30 ms late, read 1.50 ms late)";
        assert!(reasons.iter().any(|reason| reason == said), "{reasons:?}");
        assert!(reasons.iter().any(|reason| reason == "note: busy"));
        let text = table::render(&report);
        assert!(text.contains("below 0.8 ms"), "{text}");
        assert!(html::render(&report).contains("below 0.8 ms"));
        assert!(markdown::render(&report).contains("below 0.8 ms"));
        assert!(csv::render(&report).contains(",p50_us,,,,,392,1800,701,value,20\r\n"));
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }

    #[test]
    fn every_reason_is_told_once() {
        let mut report = sample::report();
        report.generator.objections = vec!["busy".into()];
        for lane in &mut report.lanes {
            lane.invalid = vec!["busy".into()];
        }
        let reasons = reasons(&report);
        assert_eq!(reasons.iter().filter(|r| r.contains("busy")).count(), 1);
        assert!(
            reasons
                .iter()
                .any(|r| r.contains("p99_us of every lane: 40 samples"))
        );
    }
}
