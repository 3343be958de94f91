//! A run's result, whole: everything somebody needs to check it or to do it again. One file for
//! each form it is shown in; the JSON form is this type as it is, and is read back.

pub mod csv;
pub mod forms;
pub mod html;
pub mod markdown;
pub mod rendered;
pub mod svg;
pub mod table;
pub mod workload;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    figures::{Figure, Measured, Predicted, Unit},
    pass::ServerMemory,
    plan::Plan,
    stats::Delays,
    theory::Prediction,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the program that ran it.
    pub pushlab: String,
    /// µs since the Unix epoch.
    pub started_us: u64,
    pub plan: Plan,
    /// It was stopped before its end.
    pub partial: bool,
    /// Every lane's figures can be stood behind.
    pub valid: bool,
    /// To the server and back before the run, without the plan's own distance; the predictions
    /// are made from it.
    pub round_trip_us: u64,
    pub generator: GeneratorReport,
    pub server: ServerReport,
    pub fairness: Vec<String>,
    pub lanes: Vec<LaneReport>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeneratorReport {
    /// Of one core.
    pub cpu_share: f64,
    pub publish_lag_p99_us: u64,
    pub receive_lag_p99_us: u64,
    /// How late the publishing thread woke, looked at every few milliseconds.
    #[serde(default)]
    pub wake_lag_p99_us: u64,
    pub scheduled: u64,
    pub published: u64,
    pub acknowledged: u64,
    /// How far the clocks of publisher and receiver may be apart.
    pub clock_bound_us: u64,
    /// Why the delays cannot be stood behind.
    pub objections: Vec<String>,
    /// Which cores it and the server had to themselves.
    #[serde(default)]
    pub pinned: Option<String>,
    /// Idle processors were kept from sleeping.
    #[serde(default)]
    pub kept_awake: bool,
    /// Passes that were done again; see the plan's `redo`.
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
            1 => format!("{cores}; {sleep}; 1 pass was done again"),
            many => format!("{cores}; {sleep}; {many} passes were done again"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerReport {
    pub version: String,
    pub host: serde_json::Value,
    pub settings: serde_json::Value,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneReport {
    /// The lane's name, with `-no-resume` where that is what it did.
    pub row: String,
    pub lane: String,
    pub transport: String,
    pub protocol: String,
    pub label: String,
    pub resume: bool,
    pub valid: bool,
    /// Why not.
    pub invalid: Vec<String>,
    /// What else happened: connections that failed, in words.
    pub remarks: Vec<String>,
    pub measured: Measured,
    pub predicted: Predicted,
    pub charts: Charts,
}

/// What curves are drawn from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Charts {
    /// `[share of all expected, delay in µs]`, rising; ends where delivery ends.
    pub delay_cdf: Vec<(f64, f64)>,
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

    pub fn of(delays: &Delays, theory: Option<Prediction>, duration: Duration) -> Self {
        let shares = || (0..=Self::STEPS).map(|step| step as f64 / Self::STEPS as f64);
        let slice_s = duration.as_secs_f64() / delays.slices.len().max(1) as f64;
        Self {
            delay_cdf: shares()
                .map_while(|p| Some((p, delays.quantile_us(p)?)))
                .collect(),
            predicted_cdf: match theory {
                Some(theory) => shares().map(|p| (p, theory.quantile_s(p) * 1e6)).collect(),
                None => Vec::new(),
            },
            over_time: delays
                .slices
                .iter()
                .enumerate()
                .filter(|(_, slice)| !slice.is_empty())
                .map(|(index, slice)| {
                    let median = slice.value_at_quantile(0.5) as f64;
                    (index as f64 * slice_s, median, slice.len())
                })
                .collect(),
            comeback: Vec::new(),
        }
    }
}

impl Report {
    /// As read from a file, which may be older than what is known now: memory of lanes that had no
    /// process of their own is withheld. What a run writes is so already.
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
        self
    }
}

impl LaneReport {
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

/// A number as people read it.
pub fn shown(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Microseconds if value >= 9_999_500.0 => format!("{:.1} s", value / 1e6),
        Unit::Microseconds if value >= 99_950.0 => format!("{:.0} ms", value / 1e3),
        Unit::Microseconds if value >= 9_995.0 => format!("{:.1} ms", value / 1e3),
        Unit::Microseconds => format!("{:.2} ms", value / 1e3),
        // Not rounded up to what it is not.
        Unit::Share if value < 1.0 => format!("{:.1} %", (value * 1_000.0).floor() / 10.0),
        Unit::Share => format!("{:.0} %", value * 100.0),
        Unit::Bytes => format!("{value:.0} B"),
        Unit::Count if value.fract() == 0.0 => format!("{value:.0}"),
        Unit::Count => format!("{value:.2}"),
    }
}

/// What stands in for a figure that is not one.
pub const INVALID: &str = "invalid";

/// A measured figure as people read it; never a plain number where it cannot be stood behind.
pub fn shown_figure(unit: Unit, figure: Option<&Figure>) -> String {
    match figure {
        None => "–".to_owned(),
        Some(Figure::Valid { value, .. }) => shown(unit, *value),
        Some(Figure::Invalid { .. }) => INVALID.to_owned(),
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
    for lane in &report.lanes {
        for remark in &lane.remarks {
            reasons.push(format!("{} (note): {remark}", lane.row));
        }
    }
    reasons
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
    fn numbers_are_rounded_for_people_and_not_upwards_to_all() {
        assert_eq!(shown(Unit::Microseconds, 421.0), "0.42 ms");
        assert_eq!(shown(Unit::Microseconds, 250_312.0), "250 ms");
        assert_eq!(shown(Unit::Microseconds, 12_345_678.0), "12.3 s");
        assert_eq!(shown(Unit::Share, 0.99999), "99.9 %");
        assert_eq!(shown(Unit::Share, 1.0), "100 %");
        assert_eq!(shown(Unit::Count, 0.5), "0.50");
    }

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
