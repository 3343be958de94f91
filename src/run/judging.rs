//! Whether a result passes: thresholds, a baseline, and the gate, in this order of weight.

use std::path::PathBuf;

use super::{
    baseline,
    lanes::Row,
    report::{
        Report,
        forms::{FileError, read},
    },
    thresholds::{Threshold, Verdict},
};

/// What makes a result a failure.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Judging {
    /// Fail when this holds, as in "websocket.p99 > 20ms"; may be given again
    #[arg(long, value_name = "CONDITION")]
    pub fail_on: Vec<Threshold>,
    /// Fail when something is worse than in this saved run
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// How much worse is no matter, as a share
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub tolerance: f64,
}

/// How a result was judged, with what is to be said.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Nothing speaks against it.
    Passed,
    /// Exit code 3.
    Failed(Vec<String>),
    /// Exit code 4: something that decides cannot be stood behind.
    Invalid(Vec<String>),
}

/// A condition asks for what the run will not have.
#[derive(Debug, thiserror::Error)]
#[error("--fail-on asks for {row}, which is not in this run; there are {there}")]
pub struct UnknownRow {
    row: String,
    there: String,
}

impl Judging {
    /// Refuses conditions on rows that a run does not have, before it starts.
    pub fn check(&self, rows: &[Row]) -> Result<(), UnknownRow> {
        let has = |name: &&str| rows.iter().any(|row| row.name == **name);
        let asked = self.fail_on.iter().filter_map(Threshold::row);
        match asked.into_iter().find(|name| !has(name)) {
            None => Ok(()),
            Some(row) => {
                let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
                Err(UnknownRow {
                    row: row.to_owned(),
                    there: names.join(", "),
                })
            }
        }
    }

    /// Reads the baseline before a run, so that a wrong name is reported at once.
    pub fn baseline(&self) -> Result<Option<Report>, FileError> {
        self.baseline.as_deref().map(read).transpose()
    }

    /// Judges a report by the thresholds, and by an earlier run if one is given.
    pub fn judge(&self, report: &Report, baseline: Option<&Report>) -> Outcome {
        let (mut failed, mut unknown) = (Vec::new(), Vec::new());
        for threshold in &self.fail_on {
            match threshold.judge(report) {
                Verdict::Passed => {}
                Verdict::Failed(why) => failed.push(why),
                Verdict::Unknown(why) => unknown.push(why),
            }
        }
        if let Some(baseline) = baseline {
            match baseline::mismatch(report, baseline) {
                Some(why) => unknown.push(why),
                None => {
                    let compared = baseline::compare(report, baseline, self.tolerance);
                    failed.extend(compared.worse);
                    unknown.extend(compared.unknown);
                }
            }
        }
        if report.partial {
            unknown.push("it was stopped before its end".to_owned());
        }
        if !report.valid {
            unknown.push("the result is not valid, for the reasons told above".to_owned());
        }
        match (failed.is_empty(), unknown.is_empty()) {
            (false, _) => Outcome::Failed(failed),
            (true, false) => Outcome::Invalid(unknown),
            (true, true) => Outcome::Passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    fn judging(fail_on: &[&str]) -> Judging {
        Judging {
            fail_on: fail_on.iter().map(|text| text.parse().unwrap()).collect(),
            tolerance: 0.1,
            ..Judging::default()
        }
    }

    #[test]
    fn failing_weighs_more_than_invalid_and_that_more_than_passing() {
        let mut report = sample::report();
        let judge = |report: &Report, fail_on: &[&str]| judging(fail_on).judge(report, None);
        assert_eq!(judge(&report, &["websocket.p50 > 1s"]), Outcome::Passed);
        let unknown = ["websocket.p99 > 1s"];
        assert!(matches!(judge(&report, &unknown), Outcome::Invalid(_)));
        report.valid = false;
        assert!(matches!(judge(&report, &[]), Outcome::Invalid(_)));
        let met = ["websocket.p50 > 1us"];
        assert!(matches!(judge(&report, &met), Outcome::Failed(why) if why.len() == 1));
    }
}
