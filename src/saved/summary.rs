//! What a list shows of a saved result: when, what, and whether it can be stood behind.

use serde::Serialize;

use super::{about::About, document::Document};
use crate::{
    experiments::{Verdict, words},
    run::report::{Report, began, table::headline},
};

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Its id in the folder.
    pub id: String,
    /// What somebody calls it, and wrote about it.
    #[serde(flatten)]
    pub about: About,
    /// What it is called.
    pub title: String,
    /// As in 2026-11-22 20:15:30, UTC.
    pub started: String,
    /// Names of its rows.
    pub lanes: Vec<String>,
    /// Clients of each row.
    pub clients: usize,
    /// Publications a second.
    pub rate_per_s: f64,
    /// Schedule, distance, tunnels and the rest, in words.
    pub conditions: String,
    /// Of a run: every lane's figures can be stood behind. Of an experiment: every figure that
    /// decides can, so that it has a verdict.
    pub valid: bool,
    /// It was interrupted.
    pub partial: bool,
    /// Of an experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
}

impl Summary {
    /// Whether it is an experiment whose figures came out as predicted.
    pub fn is_as_predicted(&self) -> bool {
        self.verdict == Some(Verdict::AsPredicted)
    }

    /// What it is called, for people: its name, or what it is.
    pub fn called(&self) -> &str {
        match self.about.name.as_str() {
            "" => &self.title,
            name => name,
        }
    }

    /// Of a result. `about`: what somebody wrote on it.
    pub fn of(id: &str, document: &Document, about: About) -> Self {
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
        let (valid, judged) = match document {
            Document::Run(run) => (run.valid, None),
            Document::Experiment(done) => {
                let verdict = done.tally().verdict();
                let words = words::verdict(done);
                (verdict != Verdict::NotValid, Some((verdict, words)))
            }
        };
        Self {
            id: id.to_owned(),
            about,
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
            verdict: judged.map(|(verdict, _)| verdict),
            outcome: judged.map(|(_, words)| words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiments::sample::{carried_out, comparison},
        run::{figures::Unit, report::sample},
    };

    /// On the page, in every export, on a terminal, in the list, and as an exit code.
    #[test]
    fn every_surface_says_the_same_of_an_experiment_and_nothing_not_valid_is_as_predicted() {
        let measured = |value| comparison("a", 2.0, value, 0.3, Unit::Count);
        for (value, is_late, verdict, said) in [
            (Some(2.1), false, Verdict::AsPredicted, "As predicted"),
            (Some(3.0), false, Verdict::Otherwise, "Not as predicted"),
            (None, false, Verdict::NotValid, "Nothing can be said"),
            (Some(2.1), true, Verdict::NotValid, "Nothing can be said"),
            (Some(3.0), true, Verdict::NotValid, "Nothing can be said"),
        ] {
            let mut done = carried_out(vec![measured(value)]);
            // A file says of itself what it likes.
            done.verdict = Verdict::AsPredicted;
            if is_late {
                done.steps[0].report.generator.objections = vec!["late".into()];
                done.steps[0].report.valid = false;
            }
            let text = serde_json::to_vec(&done).unwrap();
            let document = Document::parse(&text).unwrap();
            let summary = Summary::of("x", &document, About::default());
            assert_eq!(summary.verdict, Some(verdict));
            assert_eq!(summary.outcome, Some(said));
            assert_eq!(summary.valid, verdict != Verdict::NotValid);
            let Document::Experiment(read) = &document else {
                panic!("an experiment was read as a run");
            };
            assert_eq!(read.verdict, verdict, "the exit code is of this");
            assert!(read.to_string().contains(&format!("Verdict: {said}. ")));
            assert!(document.markdown().contains(&format!("**{said}.** ")));
            let strong = format!("<strong>{said}</strong>");
            assert!(document.html().contains(&strong));
            assert!(document.sections().contains(&strong));
            let json = serde_json::to_value(&document).unwrap();
            assert_eq!(json["verdict"], serde_json::to_value(verdict).unwrap());
        }
    }

    #[test]
    fn a_run_is_summed_up() {
        let summary = Summary::of(
            "x",
            &Document::Run(Box::new(sample::report())),
            About::default(),
        );
        assert_eq!(summary.started, "2025-11-13 02:13:20");
        assert_eq!(summary.lanes, ["short-poll", "websocket"]);
        assert!(summary.valid && !summary.partial && summary.verdict.is_none());
        assert_eq!(summary.called(), "2 lanes, 4/s, 60 B");
    }
}
