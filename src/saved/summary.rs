//! What a list shows of a saved result: when, what, and whether it can be stood behind.

use serde::Serialize;

use super::document::Document;
use crate::{
    experiments::Verdict,
    run::report::{Report, began, table::headline},
};

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    pub id: String,
    pub title: String,
    /// As in 2026-11-22 20:15:30, UTC.
    pub started: String,
    pub lanes: Vec<String>,
    pub clients: usize,
    pub rate_per_s: f64,
    /// Schedule, distance, tunnels and the rest, in words.
    pub conditions: String,
    pub valid: bool,
    pub partial: bool,
    /// Of an experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

impl Summary {
    pub fn of(id: &str, document: &Document) -> Self {
        let runs = document.runs();
        let first: Option<&Report> = runs.first().map(|(_, run)| *run);
        let mut lanes: Vec<String> = Vec::new();
        for lane in runs.iter().flat_map(|(_, run)| &run.lanes) {
            if !lanes.contains(&lane.row) {
                lanes.push(lane.row.clone());
            }
        }
        let conditions = match (runs.len(), first) {
            (_, None) => "nothing was run".to_owned(),
            (1, Some(run)) => headline(run).trim_end().to_owned(),
            (count, Some(run)) => format!("{count} steps; {}", headline(run).trim_end()),
        };
        let valid = runs.iter().all(|(_, run)| run.valid);
        Self {
            id: id.to_owned(),
            title: document.title(),
            started: began(document.started_us())
                .trim_end_matches('Z')
                .replace('T', " "),
            lanes,
            clients: first.map_or(0, |run| run.plan.clients),
            rate_per_s: first.map_or(0.0, |run| run.plan.rate),
            conditions,
            valid,
            partial: document.is_partial(),
            verdict: match document {
                Document::Run(_) => None,
                Document::Experiment(done) => Some(outcome(done.verdict, valid)),
            },
        }
    }
}

/// What is said of an experiment beside "valid" or "not valid": nothing is as predicted that cannot
/// be stood behind.
fn outcome(verdict: Verdict, valid: bool) -> Verdict {
    match verdict {
        Verdict::AsPredicted if !valid => Verdict::NotValid,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn nothing_is_as_predicted_that_is_not_valid() {
        for (verdict, valid, told) in [
            (Verdict::AsPredicted, true, Verdict::AsPredicted),
            (Verdict::AsPredicted, false, Verdict::NotValid),
            (Verdict::Otherwise, false, Verdict::Otherwise),
            (Verdict::NotValid, true, Verdict::NotValid),
        ] {
            assert_eq!(outcome(verdict, valid), told);
        }
    }

    #[test]
    fn a_run_is_summed_up() {
        let summary = Summary::of("x", &Document::Run(Box::new(sample::report())));
        assert_eq!(summary.started, "2025-11-13 02:13:20");
        assert_eq!(summary.lanes, ["short-poll", "websocket"]);
        assert!(summary.valid && !summary.partial && summary.verdict.is_none());
    }
}
