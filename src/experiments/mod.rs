//! The catalogue of experiments as code: a question, what theory expects, a run, and a verdict
//! made from the two. One file each.
//!
//! [`ALL`] lists those that are here. Each has a quick form, about 20 s, and a full one: more
//! points, longer, and where chance decides with repetitions. An experiment knows plans and reports;
//! who carries a plan out is the caller's.
//!
//! May use: `catalogue`, `config`, `run`.

mod e01_header_tax;
mod e02_poll_interval_sweep;
mod e03_coherence_grid;
mod e04_dashboard_age;
mod e05_long_poll_gap;
mod e06_size_sweep;
mod e07_tunnel;
mod e08_self_healing;
mod e09_corporate_proxy;
mod e10_handshake_anatomy;
mod e11_buffering_proxy;
mod e12_shared_cursors;
mod e13_overload_and_batching;
mod e14_capacity_and_latency;
mod e15_cheaper_polling;
mod e16_idle_cost;
mod e17_slow_consumer;
mod e18_head_of_the_line;
mod e19_two_nodes;
mod e20_reconnect_storm;
mod e23_compression;
mod e24_quotas;

mod answering;
mod gate;
mod names;

pub mod claims;
pub mod evidence;
pub mod forms;
pub mod group;
pub mod guess;
pub mod html;
pub mod in_browser;
pub mod words;

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use self::{
    evidence::Evidence,
    group::Group,
    guess::{Found, Guess},
};
use crate::run::{
    figure::without_rounding,
    figures::Unit,
    plan::Plan,
    report::{LaneReport, Report, shown},
    uncertainty::decided,
};

/// Compares steps with each other.
type Across = fn(&[DoneStep], full: bool) -> Vec<Comparison>;

/// An entry of the catalogue.
pub struct Experiment {
    /// Its number in the catalogue, as in `E2`.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What is asked.
    pub question: &'static str,
    /// Which claim of the two articles, or of the literature, it tests.
    pub claim: &'static str,
    /// What theory expects, in words.
    pub expectation: &'static str,
    /// Claims of the two articles that it puts to the test, as in `B7`; see [`claims`].
    pub claims: &'static [&'static str],
    /// Which kind of question.
    pub group: Group,
    /// What a visitor guesses first.
    pub guess: Guess,
    /// What it means for somebody who has to choose, in a sentence or two.
    pub meaning: &'static str,
    /// What came out, in one sentence without its full stop; `None` where a figure that it takes is
    /// withheld. [`Experiment::answer`] makes a whole sentence of it.
    answer: fn(&CarriedOut) -> Option<String>,
    /// What is run; full or quick.
    steps: fn(full: bool) -> Vec<Step>,
    /// What a step's report is compared on.
    compare: fn(&Step, &Report, full: bool) -> Vec<Comparison>,
    /// What only several steps together show; compared once the last is done.
    across: Option<Across>,
}

/// In the catalogue's order.
pub const ALL: &[&Experiment] = &[
    &e01_header_tax::EXPERIMENT,
    &e02_poll_interval_sweep::EXPERIMENT,
    &e03_coherence_grid::EXPERIMENT,
    &e04_dashboard_age::EXPERIMENT,
    &e05_long_poll_gap::EXPERIMENT,
    &e06_size_sweep::EXPERIMENT,
    &e07_tunnel::EXPERIMENT,
    &e08_self_healing::EXPERIMENT,
    &e09_corporate_proxy::EXPERIMENT,
    &e10_handshake_anatomy::EXPERIMENT,
    &e11_buffering_proxy::EXPERIMENT,
    &e12_shared_cursors::EXPERIMENT,
    &e13_overload_and_batching::EXPERIMENT,
    &e14_capacity_and_latency::EXPERIMENT,
    &e15_cheaper_polling::EXPERIMENT,
    &e16_idle_cost::EXPERIMENT,
    &e17_slow_consumer::EXPERIMENT,
    &e18_head_of_the_line::EXPERIMENT,
    &e19_two_nodes::EXPERIMENT,
    &e20_reconnect_storm::EXPERIMENT,
    &e23_compression::EXPERIMENT,
    &e24_quotas::EXPERIMENT,
];

/// One run of an experiment.
pub struct Step {
    /// What is different in it, for people.
    pub label: String,
    /// The run.
    pub plan: Plan,
}

/// Where a measured figure is to lie, seen from the predicted one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Within the tolerance of it, either side.
    #[default]
    Near,
    /// Not below it by more than the tolerance.
    AtLeast,
    /// Not above it by more than the tolerance.
    AtMost,
}

/// One figure, predicted and measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What is compared: row and figure, or a difference of two.
    pub what: String,
    /// The closed form's figure, in `unit`.
    pub predicted: f64,
    /// `None` where it is withheld, or where there is only a bound.
    pub measured: Option<f64>,
    /// The least and the most that its truth may be, where the instruments leave that open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<(f64, f64)>,
    /// Why it decides nothing: which error, how large, against what. Of one that does, what its
    /// error is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How far apart they may be; beyond a bound, how far past it.
    pub tolerance: f64,
    /// Where the measured figure is to lie.
    #[serde(default)]
    pub bound: Bound,
    /// A count that a late generator does not spoil: the gate has judged the figure itself, and
    /// lateness is what an overload is about. Written down, so that a saved result is judged by
    /// what it was judged by.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stands_alone: bool,
    /// Of all its numbers.
    pub unit: Unit,
}

impl Comparison {
    /// A figure that is to be as predicted.
    pub fn near(
        what: impl Into<String>,
        unit: Unit,
        predicted: f64,
        measured: impl Into<Evidence>,
        tolerance: f64,
    ) -> Self {
        let Evidence {
            value: measured,
            between,
            why,
        } = measured.into();
        Self {
            what: what.into(),
            // Many are differences, and a saved result has no number that no measurement gives.
            predicted: without_rounding(predicted),
            measured: measured.map(without_rounding),
            between: between.map(|(low, high)| (without_rounding(low), without_rounding(high))),
            why,
            tolerance,
            bound: Bound::Near,
            stands_alone: false,
            unit,
        }
    }

    /// Only too little is wrong.
    pub fn at_least(self) -> Self {
        Self {
            bound: Bound::AtLeast,
            ..self
        }
    }

    /// Only too much is wrong.
    pub fn at_most(self) -> Self {
        Self {
            bound: Bound::AtMost,
            ..self
        }
    }

    /// See [`Self::stands_alone`].
    pub fn standing_alone(self) -> Self {
        Self {
            stands_alone: true,
            ..self
        }
    }

    /// `None` where nothing was measured, or its error is larger than the tolerance and reaches
    /// beyond what is accepted.
    pub fn agrees(&self) -> Option<bool> {
        let exactly = self.measured.map(|value| (value, value));
        let truth = self.between.or(exactly)?;
        let (least, most) = (
            self.predicted - self.tolerance,
            self.predicted + self.tolerance,
        );
        let accepted = match self.bound {
            Bound::Near => (least, most),
            Bound::AtLeast => (least, f64::INFINITY),
            Bound::AtMost => (f64::NEG_INFINITY, most),
        };
        decided(self.measured, truth, accepted, self.tolerance)
    }

    /// How far from what is predicted it may be, on both sides alike; `None` where one side has no end.
    pub fn on_both_sides(&self) -> Option<f64> {
        (self.bound == Bound::Near).then_some(self.tolerance)
    }

    /// What it may be off by its instruments; `None` where that is nothing, or there is no number.
    pub fn error(&self) -> Option<f64> {
        let (low, high) = self.between?;
        let value = self.measured?;
        Some((value - low).max(high - value))
    }

    /// Why it decides nothing, where it does not.
    pub fn undecided(&self) -> Option<&String> {
        self.why.as_ref().filter(|_| self.agrees().is_none())
    }

    /// It decides nothing, and says why.
    fn withheld(self, why: String) -> Self {
        Self {
            measured: None,
            why: Some(why),
            ..self
        }
    }

    /// Withholds what its own error leaves open.
    fn settled(self) -> Self {
        let Some((low, high)) = self.between.filter(|_| self.agrees().is_none()) else {
            return self;
        };
        let Some(error) = self.error() else {
            return self;
        };
        let made_of = match &self.why {
            Some(parts) if !parts.is_empty() => format!(" ({parts})"),
            _ => String::new(),
        };
        let why = format!(
            "its error of {}{made_of} is larger than the tolerance of {}: the truth lies between \
             {} and {}",
            shown(self.unit, error),
            shown(self.unit, self.tolerance),
            shown(self.unit, low),
            shown(self.unit, high),
        );
        self.withheld(why)
    }
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All figures that decide are where theory says.
    AsPredicted,
    /// Some are not.
    Otherwise,
    /// A figure that decides is withheld: it cannot be stood behind, or the generator was not fit.
    NotValid,
}

/// How many figures decide, and what they say. [`CarriedOut::tally`] makes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// As predicted.
    pub agreeing: usize,
    /// Not as predicted.
    pub differing: usize,
    /// Their error leaves it open.
    pub withheld: usize,
    /// It was stopped before its end.
    pub is_partial: bool,
}

impl Tally {
    /// Figures that are valid.
    pub fn counted(&self) -> usize {
        self.agreeing + self.differing
    }

    /// How many there are.
    pub fn all(&self) -> usize {
        self.counted() + self.withheld
    }

    /// The one place where a verdict is made; every page, export, terminal and exit code has it
    /// from here. Only valid figures count, for it as well as against it; while one is withheld
    /// nothing is decided, since it might have been the one that is off.
    pub fn verdict(&self) -> Verdict {
        match (self.is_partial || self.withheld > 0, self.counted()) {
            (true, _) | (_, 0) => Verdict::NotValid,
            _ if self.differing == 0 => Verdict::AsPredicted,
            _ => Verdict::Otherwise,
        }
    }
}

/// An experiment that was carried out; shown as text by `Display`. A saved one holds the texts of
/// the catalogue as they were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CarriedOut {
    /// Its number in the catalogue.
    pub id: String,
    /// A few words.
    pub title: String,
    /// What it asks.
    pub question: String,
    /// Whose claim it tests.
    pub claim: String,
    /// What theory expects.
    pub expectation: String,
    /// The whole of it, with repetitions; else what fits into some 20 s.
    pub full: bool,
    /// It was stopped before its end.
    #[serde(default)]
    pub partial: bool,
    /// What came out; none while figures are withheld.
    pub verdict: Verdict,
    /// The same in one sentence made from the figures; anew where it is read.
    #[serde(default)]
    pub answer: String,
    /// Its runs, in order.
    pub steps: Vec<DoneStep>,
    /// What the steps show together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<Comparison>,
}

/// A run of it with its comparisons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DoneStep {
    /// What is different in it.
    pub label: String,
    /// Its figures beside their predictions.
    pub comparisons: Vec<Comparison>,
    /// The run's whole report.
    pub report: Report,
}

impl CarriedOut {
    /// Every comparison, by what it is about: the steps in their order, then all of them together.
    pub fn groups(&self) -> Vec<(&str, &[Comparison])> {
        let steps = self.steps.iter();
        let each = steps.map(|step| (step.label.as_str(), step.comparisons.as_slice()));
        let all =
            (!self.together.is_empty()).then_some(("all steps together", self.together.as_slice()));
        each.chain(all).collect()
    }

    /// What the figures say that decide.
    pub fn tally(&self) -> Tally {
        Tally {
            is_partial: self.partial || self.steps.iter().any(|step| step.report.partial),
            ..tally(&self.steps, &self.together)
        }
    }

    /// Withholds what an error leaves open and what a generator that was not fit has spoilt, and
    /// makes the verdict. Done to what was just measured, and to what is read from a file, which may
    /// be older or anybody's.
    pub fn settled(mut self) -> Self {
        let any_fault = self.steps.iter().find_map(DoneStep::fault).cloned();
        let settle = |mut step: DoneStep| {
            let fault = step.fault().cloned();
            step.comparisons = withheld(step.comparisons, fault.as_deref());
            step.report = step.report.settled();
            step
        };
        self.steps = self.steps.into_iter().map(settle).collect();
        self.together = withheld(self.together, any_fault.as_deref());
        self.verdict = self.tally().verdict();
        // Of a catalogue that is not this one's, what the figures say of themselves.
        self.answer = self.sentence().unwrap_or_else(|| words::reasons(&self));
        self
    }
}

impl DoneStep {
    /// Why its generator was not fit: what no error of a single figure sees. Of older results also
    /// that it was late, before that was held against each figure.
    fn fault(&self) -> Option<&String> {
        self.report.generator.objections.first()
    }
}

/// A run that did not keep to its schedule is a run of another load: what its figures agree with
/// proves as little as what they differ from.
fn withheld(comparisons: Vec<Comparison>, fault: Option<&str>) -> Vec<Comparison> {
    let settle = |comparison: Comparison| match fault {
        Some(why) if !comparison.stands_alone => Comparison {
            between: None,
            ..comparison.withheld(why.to_owned())
        },
        _ => comparison.settled(),
    };
    comparisons.into_iter().map(settle).collect()
}

/// No such experiment.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.words())]
pub struct UnknownExperiment {
    id: String,
}

impl UnknownExperiment {
    fn words(&self) -> String {
        match in_browser::find(&self.id) {
            Some(known) => format!(
                "{} ({}) runs in a browser: start pushlab and open /experiments",
                known.id, known.title
            ),
            None => format!(
                "there is no experiment {:?}; pushlab experiment list shows them",
                self.id
            ),
        }
    }
}

/// By its number, in either case.
pub fn find(id: &str) -> Result<&'static Experiment, UnknownExperiment> {
    ALL.iter()
        .copied()
        .find(|experiment| experiment.id.eq_ignore_ascii_case(id))
        .ok_or_else(|| UnknownExperiment { id: id.to_owned() })
}

/// Each with the claim that it tests, and how long it takes, quick and in full.
pub fn list(takes: &dyn Fn(&Experiment, bool) -> Duration) -> String {
    let about = |e: &Experiment, full| match takes(e, full).as_secs_f64().ceil() as u64 {
        seconds @ 0..=90 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    };
    let here = ALL.iter().map(|e| {
        let (id, title) = (e.id, e.title);
        format!(
            "{id:<4} {title:<24} {}\n{:30}tests {}\n{:30}takes about {}, in full {}\n",
            e.question,
            "",
            e.claim,
            "",
            about(e, false),
            about(e, true)
        )
    });
    let elsewhere = in_browser::ALL.iter().map(|known| {
        let (id, title) = (known.id, known.title);
        format!("{id:<4} {title:<24} in your browser, on the page /experiments\n")
    });
    here.chain(elsewhere).collect()
}

impl Experiment {
    /// The labels and the expected lengths of what it runs.
    pub fn outline(&self, full: bool) -> Vec<(String, Duration)> {
        let steps = (self.steps)(full).into_iter();
        steps
            .map(|step| (step.label, step.plan.expected()))
            .collect()
    }

    /// That its moments and payloads are drawn from.
    pub fn seed(&self) -> u64 {
        let first = (self.steps)(false).into_iter().next();
        first.map_or_else(|| Plan::default().seed, |step| step.plan.seed)
    }

    /// Carries it out with whatever carries out a plan; `run` gives nothing where it was stopped
    /// before anything was measured, and what was done until then is the result.
    pub fn carry_out<E>(
        &self,
        full: bool,
        run: &mut dyn FnMut(&Step) -> Result<Option<Report>, E>,
    ) -> Result<CarriedOut, E> {
        let (mut steps, mut partial) = (Vec::new(), false);
        for step in (self.steps)(full) {
            let Some(report) = run(&step)? else {
                partial = true;
                break;
            };
            let comparisons = (self.compare)(&step, &report, full);
            partial = report.partial;
            steps.push(DoneStep {
                label: step.label,
                comparisons,
                report,
            });
            if partial {
                break;
            }
        }
        let together = match self.across {
            Some(across) if !partial => across(&steps, full),
            _ => Vec::new(),
        };
        Ok(CarriedOut {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            question: self.question.to_owned(),
            claim: self.claim.to_owned(),
            expectation: self.expectation.to_owned(),
            full,
            partial,
            verdict: Verdict::NotValid,
            answer: String::new(),
            steps,
            together,
        }
        .settled())
    }
}

/// Of figures from which what is spoilt was taken away, see [`withheld`].
fn tally(steps: &[DoneStep], together: &[Comparison]) -> Tally {
    let mut tally = Tally::default();
    let each = steps.iter().flat_map(|step| &step.comparisons);
    for comparison in each.chain(together) {
        match comparison.agrees() {
            Some(true) => tally.agreeing += 1,
            Some(false) => tally.differing += 1,
            None => tally.withheld += 1,
        }
    }
    tally
}

impl fmt::Display for CarriedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}\n\n{}\n", self.id, self.title, self.answer)?;
        writeln!(f, "Asked: {}", self.question)?;
        writeln!(f, "Tests: {}\nExpected: {}\n", self.claim, self.expectation)?;
        for step in &self.steps {
            writeln!(f, "{}", step.label)?;
            for comparison in &step.comparisons {
                writeln!(f, "  {comparison}")?;
                // What is wrong with the whole step is told once.
                let why = comparison
                    .undecided()
                    .filter(|why| step.fault() != Some(*why));
                if let Some(why) = why {
                    writeln!(f, "  ! {why}")?;
                }
            }
            for said in words::notes(step) {
                writeln!(f, "  ! {said}")?;
            }
        }
        if !self.together.is_empty() {
            writeln!(f, "all steps together")?;
        }
        for comparison in &self.together {
            writeln!(f, "  {comparison}")?;
            if let Some(why) = comparison.undecided() {
                writeln!(f, "  ! {why}")?;
            }
        }
        let (verdict, because) = (words::verdict(self), words::reasons(self));
        writeln!(f, "\nVerdict: {verdict}. {because}")
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value| shown(self.unit, value);
        let measured = words::measured(self);
        let mark = match self.agrees() {
            Some(true) => "ok",
            Some(false) => "OFF",
            None => "?",
        };
        let (bound, sign) = match self.bound {
            Bound::Near => ("", '±'),
            Bound::AtLeast => ("≥ ", '-'),
            Bound::AtMost => ("≤ ", '+'),
        };
        write!(
            f,
            "{:<44} predicted {:>10}  measured {measured:>10}  {sign}{:<9} {mark}",
            self.what,
            format!("{bound}{}", text(self.predicted)),
            text(self.tolerance)
        )
    }
}

/// A row's figure beside its own prediction; nothing where there is no prediction.
fn beside(lane: &LaneReport, name: &str, unit: Unit, tolerance: f64) -> Option<Comparison> {
    let predicted = lane.predicted.get(name)?.form();
    let what = format!("{} {name}", lane.row);
    let measured = Evidence::of(lane, name);
    let comparison = Comparison::near(what, unit, predicted, measured, tolerance);
    Some(match TIMELESS.contains(&name) {
        true => comparison.standing_alone(),
        false => comparison,
    })
}

/// What a message or a request is made of, and what comes twice or out of order: the same however
/// late somebody published.
const TIMELESS: [&str; 10] = [
    "payload_bytes",
    "framing_bytes",
    "message_bytes",
    "up_bytes_per_publication",
    "up_header_bytes",
    "up_framing_bytes",
    "bytes_per_request",
    "header_bytes_per_request",
    "duplicates",
    "order_violations",
];

/// Several of a row's figures beside their predictions, each with its tolerance.
fn each_beside(lane: &LaneReport, figures: &[(&str, Unit, f64)]) -> Vec<Comparison> {
    let one = |(name, unit, tolerance): &(&str, Unit, f64)| beside(lane, name, *unit, *tolerance);
    figures.iter().filter_map(one).collect()
}

/// A figure, if it can be stood behind.
fn value(lane: &LaneReport, name: &str) -> Option<f64> {
    lane.figure(name).and_then(|figure| figure.value())
}

/// A duration in a plan, in milliseconds.
fn ms(ms: u64) -> crate::config::Span {
    crate::config::Span(std::time::Duration::from_millis(ms))
}

#[cfg(test)]
pub(crate) mod sample;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_of_the_catalogue_can_be_carried_out() {
        for experiment in ALL {
            for full in [false, true] {
                for step in (experiment.steps)(full) {
                    let checked = step.plan.check();
                    assert!(
                        checked.is_ok(),
                        "{} {}: {checked:?}",
                        experiment.id,
                        step.label
                    );
                }
            }
        }
    }

    #[test]
    fn what_rounding_leaves_of_a_difference_is_zero() {
        let noise = 0.1 + 0.2 - 0.3;
        let comparison = Comparison::near("added", Unit::Microseconds, noise, Some(-noise), 3.0);
        assert_eq!(
            (comparison.predicted, comparison.measured),
            (0.0, Some(0.0))
        );
        let small = Comparison::near("added", Unit::Microseconds, 1e-6, Some(2e-6), 3.0);
        assert_eq!((small.predicted, small.measured), (1e-6, Some(2e-6)));
    }

    #[test]
    fn quick_ones_are_quick() {
        let seconds = |experiment: &&Experiment| {
            let outline = experiment.outline(false);
            let expected: f64 = outline.iter().map(|(_, of)| of.as_secs_f64()).sum();
            (experiment.id, expected)
        };
        let long = ALL
            .iter()
            .map(seconds)
            .filter(|(_, expected)| *expected > 20.5);
        assert_eq!(long.collect::<Vec<_>>(), [], "seconds");
    }

    fn settled(comparisons: Vec<Comparison>, is_late: bool) -> CarriedOut {
        let mut done = super::sample::carried_out(comparisons);
        if is_late {
            done.steps[0].report.generator.objections = vec!["late".to_owned()];
        }
        done.settled()
    }

    fn measured(measured: Option<f64>) -> Comparison {
        Comparison::near("", Unit::Count, 1.0, measured, 0.1)
    }

    #[test]
    fn a_missing_figure_decides_nothing_and_a_wrong_one_everything() {
        let verdict = |all: &[Option<f64>]| {
            settled(all.iter().map(|one| measured(*one)).collect(), false).verdict
        };
        assert_eq!(verdict(&[Some(1.05)]), Verdict::AsPredicted);
        assert_eq!(verdict(&[Some(1.05), Some(2.0)]), Verdict::Otherwise);
        assert_eq!(verdict(&[Some(2.0), None]), Verdict::NotValid);
        assert_eq!(verdict(&[Some(1.0), None]), Verdict::NotValid);
        assert_eq!(verdict(&[]), Verdict::NotValid);
        let mut done = settled(vec![measured(Some(1.0))], false);
        done.together = vec![measured(Some(2.0))];
        assert_eq!(done.settled().verdict, Verdict::Otherwise);
    }

    #[test]
    fn what_a_late_generator_measured_counts_neither_for_nor_against() {
        for value in [1.0, 2.0] {
            let done = settled(vec![measured(Some(value))], true);
            assert_eq!(done.verdict, Verdict::NotValid);
            assert_eq!(done.steps[0].comparisons[0].measured, None);
        }
        // What stands alone is decided whatever the load was.
        for (value, verdict) in [(1.0, Verdict::AsPredicted), (2.0, Verdict::Otherwise)] {
            let done = settled(vec![measured(Some(value)).standing_alone()], true);
            assert_eq!(done.verdict, verdict);
        }
        // What all steps show together rests on the late one, too.
        let mut done = settled(vec![measured(Some(1.0)).standing_alone()], true);
        done.together = vec![measured(Some(1.0))];
        let done = done.settled();
        assert_eq!(
            (done.verdict, done.tally().withheld),
            (Verdict::NotValid, 1)
        );
    }

    /// As a lane has it: a delay that was measured by a generator so late.
    fn late(value_us: f64, error_us: f64) -> Evidence {
        let mut lane = super::sample::carried_out(Vec::new())
            .steps
            .remove(0)
            .report
            .lanes
            .remove(0);
        let figure = serde_json::json!({"value": value_us, "error": error_us});
        lane.measured
            .insert("mean_us".into(), serde_json::from_value(figure).unwrap());
        let parts = crate::run::uncertainty::Parts {
            published_us: error_us,
            ..Default::default()
        };
        lane.errors.insert("mean_us".into(), parts);
        Evidence::of(&lane, "mean_us")
    }

    #[test]
    fn an_error_is_held_against_the_tolerance_of_its_own_comparison() {
        let delay = |error, tolerance| {
            let measured = late(10_500.0, error);
            Comparison::near("d", Unit::Microseconds, 10_000.0, measured, tolerance)
        };
        let wide = settled(vec![delay(1_800.0, 10_000.0)], false);
        assert_eq!(wide.verdict, Verdict::AsPredicted);
        assert!(wide.to_string().contains("10.5 ms ± 1.8"), "{wide}");
        let tight = settled(vec![delay(1_800.0, 1_000.0), delay(100.0, 1_000.0)], false);
        assert_eq!(
            (tight.verdict, tight.tally().withheld),
            (Verdict::NotValid, 1)
        );
        let why = "its error of 1.80 ms (published 1.80 ms late) is larger than the tolerance of \
                   1.00 ms: the truth lies between 8.70 ms and 10.5 ms";
        let [of_it, other] = tight.steps[0].comparisons.as_slice() else {
            panic!("two were compared");
        };
        assert_eq!(
            (of_it.measured, of_it.undecided().map(String::as_str)),
            (None, Some(why))
        );
        assert_eq!(
            other.agrees(),
            Some(true),
            "the other has an error of its own"
        );
        assert!(tight.to_string().contains(why), "{tight}");
        assert_eq!(
            tight.clone().settled(),
            tight,
            "read from a file it is the same"
        );
    }

    #[test]
    fn lateness_only_adds_so_that_at_most_is_met_by_what_is_late() {
        let delay = |bound: fn(Comparison) -> Comparison, predicted| {
            let measured = late(1_500.0, 1_400.0);
            let near = Comparison::near("d", Unit::Microseconds, predicted, measured, 100.0);
            bound(near).agrees()
        };
        assert_eq!(delay(Comparison::at_most, 1_500.0), Some(true));
        assert_eq!(delay(Comparison::at_most, 1_000.0), None, "it may be less");
        assert_eq!(
            delay(Comparison::at_most, -50.0),
            Some(false),
            "it is not as little"
        );
        assert_eq!(delay(Comparison::at_least, 1_000.0), None);
        assert_eq!(
            delay(Comparison::at_least, 2_000.0),
            Some(false),
            "it is not as much"
        );
    }

    #[test]
    fn a_bound_is_passed_on_one_side_only() {
        let comparison = |measured| Comparison::near("", Unit::Count, 1.0, Some(measured), 0.1);
        assert_eq!(comparison(5.0).at_least().agrees(), Some(true));
        assert_eq!(comparison(0.8).at_least().agrees(), Some(false));
        assert_eq!(comparison(0.1).at_most().agrees(), Some(true));
        assert_eq!(comparison(1.2).at_most().agrees(), Some(false));
        assert!(comparison(0.8).at_least().to_string().contains("≥ 1"));
    }

    #[test]
    fn experiments_are_found_in_either_case() {
        assert_eq!(find("e2").unwrap().id, "E2");
        assert!(find("E99").is_err());
        assert!(list(&|_, _| Duration::from_secs(20)).contains("takes about 20 s, in full 20 s"));
    }
}
