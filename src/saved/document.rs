//! What a saved file holds: a run or an experiment. It may have been written by anybody, so it is
//! read with limits, and the error names the limit that it breaks.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{
    experiments::{self, CarriedOut},
    run::{
        figure::{NUMBER_MAX, is_measurable},
        report::{self, Report},
    },
};

/// Lanes of a run, steps of an experiment, and comparisons of a step.
const PARTS_MAX: usize = 200;
/// Points of one curve.
const POINTS_MAX: usize = 5_000;

/// A result, of either kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Document {
    /// A run.
    Run(Box<Report>),
    /// An experiment.
    Experiment(Box<CarriedOut>),
}

/// Why a file's text is no result.
#[derive(Debug, thiserror::Error)]
pub enum BadDocument {
    /// What the parser says.
    #[error("it is neither a run nor an experiment that pushlab saved: {0}")]
    NotUnderstood(#[from] serde_json::Error),
    /// There is more of something than a result has.
    #[error("it has {what}, more than pushlab ever writes ({most})")]
    TooMuch {
        /// Of what.
        what: String,
        /// How many there may be.
        most: usize,
    },
    /// A number that no measurement has.
    #[error("it has the number {0}, which no measurement gives")]
    NoMeasurement(f64),
}

impl Document {
    /// Reads the JSON of a saved result; of earlier versions, too.
    pub fn parse(text: &[u8]) -> Result<Self, BadDocument> {
        /// Enough to tell the two apart.
        #[derive(Deserialize)]
        struct Kind {
            steps: Option<IgnoredAny>,
        }
        let Largest(number) = serde_json::from_slice(text)?;
        if number > NUMBER_MAX {
            return Err(BadDocument::NoMeasurement(number));
        }
        let kind: Kind = serde_json::from_slice(text)?;
        let document = match kind.steps {
            Some(_) => {
                let done: CarriedOut = serde_json::from_slice(text)?;
                // A file's own verdict is a claim; what is shown is made from its figures.
                Self::Experiment(Box::new(done.settled()))
            }
            None => {
                let report: Report = serde_json::from_slice(text)?;
                Self::Run(Box::new(report.settled()))
            }
        };
        document.check()?;
        Ok(document)
    }

    /// Its runs, each with what it is called; one without a name for a run alone.
    pub fn runs(&self) -> Vec<(&str, &Report)> {
        match self {
            Self::Run(report) => vec![("", report)],
            Self::Experiment(done) => done
                .steps
                .iter()
                .map(|step| (step.label.as_str(), &step.report))
                .collect(),
        }
    }

    /// Whether it was interrupted.
    pub fn is_partial(&self) -> bool {
        match self {
            Self::Run(report) => report.partial,
            Self::Experiment(done) => done.partial,
        }
    }

    /// µs since the Unix epoch.
    pub fn started_us(&self) -> u64 {
        self.runs().first().map_or(0, |(_, run)| run.started_us)
    }

    /// What it is called in a list.
    pub fn title(&self) -> String {
        match self {
            Self::Run(report) => report::opening::called(report),
            Self::Experiment(done) => format!("{} {}", done.id, done.title),
        }
    }

    /// As comma-separated values.
    pub fn csv(&self) -> String {
        match self {
            Self::Run(report) => report::csv::render(report),
            Self::Experiment(done) => experiments::forms::csv(done),
        }
    }

    /// As a table in Markdown.
    pub fn markdown(&self) -> String {
        match self {
            Self::Run(report) => report::markdown::render(report),
            Self::Experiment(done) => experiments::forms::markdown(done),
        }
    }

    /// A self-contained file.
    pub fn html(&self) -> String {
        match self {
            Self::Run(report) => report::html::render(report),
            Self::Experiment(done) => experiments::html::render(done),
        }
    }

    /// The same without the file around it, for the lab's pages.
    pub fn sections(&self) -> String {
        match self {
            Self::Run(report) => report::html::sections(report),
            Self::Experiment(done) => experiments::html::sections(done),
        }
    }

    fn check(&self) -> Result<(), BadDocument> {
        if let Self::Experiment(done) = self {
            at_most(done.steps.len(), "steps", PARTS_MAX)?;
            for (_, group) in done.groups() {
                at_most(group.len(), "comparisons", PARTS_MAX)?;
                for comparison in group {
                    let all = [comparison.predicted, comparison.tolerance];
                    numbers(all.into_iter().chain(comparison.measured))?;
                    numbers(
                        comparison
                            .between
                            .iter()
                            .flat_map(|(low, high)| [*low, *high]),
                    )?;
                }
            }
        }
        for (_, run) in self.runs() {
            let rate = run.plan.rate;
            numbers([rate].into_iter())?;
            if rate < 0.0 {
                return Err(BadDocument::NoMeasurement(rate));
            }
            at_most(run.lanes.len(), "lanes", PARTS_MAX)?;
            for lane in &run.lanes {
                let charts = &lane.charts;
                for curve in [&charts.delay_cdf, &charts.predicted_cdf] {
                    at_most(curve.len(), "points of a curve", POINTS_MAX)?;
                    numbers(curve.iter().flat_map(|(x, y)| [*x, *y]))?;
                }
                at_most(charts.over_time.len(), "points of a curve", POINTS_MAX)?;
                numbers(charts.over_time.iter().flat_map(|(s, us, _)| [*s, *us]))?;
                numbers(lane.measured.values().flat_map(|figure| {
                    let all = [figure.value(), figure.bound(), figure.error()];
                    all.into_iter().flatten()
                }))?;
                let predicted = lane.predicted.values();
                numbers(
                    predicted.flat_map(|each| {
                        each.off().into_iter().chain([each.form(), each.number()])
                    }),
                )?;
            }
        }
        Ok(())
    }
}

/// The largest number with a fraction or an exponent that is anywhere in a text, whatever its sign:
/// the bound that holds for every field, those too that come later. Whole numbers are counts, seeds
/// and instants, and no text of them is long.
struct Largest(f64);

impl<'de> Deserialize<'de> for Largest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LargestOf)
    }
}

struct LargestOf;

impl<'de> Visitor<'de> for LargestOf {
    type Value = Largest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Largest, E> {
        Ok(Largest(0.0))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Largest, E> {
        Ok(Largest(0.0))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Largest, E> {
        Ok(Largest(0.0))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Largest, E> {
        Ok(Largest(number.abs()))
    }

    fn visit_str<E>(self, _: &str) -> Result<Largest, E> {
        Ok(Largest(0.0))
    }

    fn visit_unit<E>(self) -> Result<Largest, E> {
        Ok(Largest(0.0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Largest, A::Error> {
        let mut largest: f64 = 0.0;
        while let Some(Largest(number)) = all.next_element()? {
            largest = largest.max(number);
        }
        Ok(Largest(largest))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Largest, A::Error> {
        let mut largest: f64 = 0.0;
        while let Some((_, Largest(number))) = all.next_entry::<IgnoredAny, Largest>()? {
            largest = largest.max(number);
        }
        Ok(Largest(largest))
    }
}

fn at_most(count: usize, what: &str, most: usize) -> Result<(), BadDocument> {
    match count <= most {
        true => Ok(()),
        false => Err(BadDocument::TooMuch {
            what: format!("{count} {what}"),
            most,
        }),
    }
}

fn numbers(all: impl Iterator<Item = f64>) -> Result<(), BadDocument> {
    match all.into_iter().find(|number| !is_measurable(*number)) {
        None => Ok(()),
        Some(number) => Err(BadDocument::NoMeasurement(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn a_run_reads_back_what_it_wrote() {
        let document = Document::Run(Box::new(sample::report()));
        let text = serde_json::to_vec(&document).unwrap();
        assert_eq!(Document::parse(&text).unwrap(), document);
    }

    #[test]
    fn no_field_has_a_number_that_no_measurement_gives() {
        let with = |change: fn(&mut report::Report)| {
            let mut report = sample::report();
            change(&mut report);
            Document::parse(&serde_json::to_vec(&report).unwrap())
        };
        assert!(with(|_| {}).is_ok());
        let changes: [fn(&mut report::Report); 5] = [
            |report| report.generator.cpu_share = 1e308,
            |report| report.generator.received_per_s = -1e16,
            |report| report.plan.rate = 1e308,
            |report| report.plan.rate = 5e-324,
            |report| report.plan.rate = -1.0,
        ];
        for change in changes {
            assert!(matches!(with(change), Err(BadDocument::NoMeasurement(_))));
        }
    }

    #[test]
    fn an_experiment_is_told_from_a_run() {
        let done = crate::experiments::sample::carried_out(Vec::new());
        let document = Document::Experiment(Box::new(done));
        let text = serde_json::to_vec(&document).unwrap();
        assert_eq!(Document::parse(&text).unwrap(), document);
    }

    #[test]
    fn what_no_run_can_have_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            "null",
            "{\"steps\":1}",
            "\u{feff}{}",
            "[[[[",
        ] {
            let refused = Document::parse(text.as_bytes());
            assert!(
                matches!(refused, Err(BadDocument::NotUnderstood(_))),
                "{text}"
            );
        }
        let deep = "[".repeat(100_000);
        assert!(Document::parse(deep.as_bytes()).is_err());
        let mut report = sample::report();
        report.lanes[0].charts.delay_cdf = vec![(0.0, 5e-324)];
        let text = serde_json::to_vec(&report).unwrap();
        assert!(matches!(
            Document::parse(&text),
            Err(BadDocument::NoMeasurement(_))
        ));
        report.lanes[0].charts.delay_cdf = vec![(0.0, 1.0); POINTS_MAX + 1];
        let text = serde_json::to_vec(&report).unwrap();
        let refused = Document::parse(&text).unwrap_err().to_string();
        assert!(refused.contains("5001 points of a curve"), "{refused}");
    }
}
