//! A lesson's steps, as their blocks are written: TOML, in which what is not known is a fault.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{figure::Expression, sentence::Sentence};
use crate::demo::{
    schedule::Spread,
    sources::{Kind as SourceKind, SourceSettings},
};

/// One step: its text, and what is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Of its block, in the file.
    pub line: usize,
    /// The prose before its block, as HTML that this program made. What `code` shows is in [`super::code`].
    pub html: String,
    /// What is done.
    pub kind: Kind,
}

/// The kinds of steps, each named like the block that it is written in.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Text for one or all.
    Say(Say),
    /// A guess.
    Guess(Guess),
    /// Sets lanes, phones and publisher.
    Set(Set),
    /// A run.
    Run(Run),
    /// Waits for something to be seen.
    Wait(Wait),
    /// Guess, measurement and theory side by side.
    Reveal(Reveal),
    /// Some lines of source.
    Code(Code),
    /// A last question.
    Ask(Ask),
}

impl Kind {
    /// As blocks are called.
    pub const NAMES: [&'static str; 8] = [
        "say", "guess", "set", "run", "wait", "reveal", "code", "ask",
    ];

    /// The word that the block begins with.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Say(_) => "say",
            Self::Guess(_) => "guess",
            Self::Set(_) => "set",
            Self::Run(_) => "run",
            Self::Wait(_) => "wait",
            Self::Reveal(_) => "reveal",
            Self::Code(_) => "code",
            Self::Ask(_) => "ask",
        }
    }
}

/// Shows its text.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// A note to the presenter is not on the students' page.
    #[serde(default)]
    pub to: To,
}

/// Whom a text is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum To {
    /// Everybody.
    #[default]
    Class,
    /// Whoever leads.
    Presenter,
}

/// Asks for a number, for one or some of a few answers, for a curve over a few points, or for an order. None is chosen
/// beforehand, and "I do not know" is an answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guess {
    /// That `reveal.guess` may name.
    #[serde(default)]
    pub id: String,
    /// What is asked for.
    #[serde(rename = "as")]
    pub kind: GuessKind,
    /// The question.
    pub question: String,
    /// Of a number or a curve.
    pub min: Option<f64>,
    /// Upper end of the axis; for choices none.
    pub max: Option<f64>,
    /// As in `ms` or `%`.
    #[serde(default)]
    pub unit: String,
    /// Of a number.
    #[serde(default)]
    pub scale: Scale,
    /// Of a choice: 2 to 6.
    #[serde(default)]
    pub options: Vec<String>,
    /// Any number of them may be chosen.
    #[serde(default)]
    pub many: bool,
    /// Of a curve: 3 to 5 numbers, growing.
    #[serde(default)]
    pub x: Vec<f64>,
    /// Unit of the curve's x.
    #[serde(default)]
    pub x_unit: String,
    /// Of an order: 3 to 6, as they are shown before anybody has moved one.
    #[serde(default)]
    pub items: Vec<String>,
    /// What a class counts that is the answer: one figure, or of a curve one for each point. Divided by
    /// `reveal.per_unit` it is in the unit of the guess.
    #[serde(default, deserialize_with = "one_or_more")]
    pub about: Vec<Expression>,
    /// Of a class's time, s, where the lesson's minutes are added up; without, `clock.guess`. Nothing ends by
    /// itself after that.
    pub seconds: Option<u16>,
    /// A class guesses once more after talking.
    #[serde(default)]
    pub again: bool,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuessKind {
    /// A number.
    Number,
    /// One or some of a few answers.
    Choice,
    /// A number for each x.
    Curve,
    /// Items, put in order.
    Order,
}

/// A guess as pages ask for it (`static/js/class/guess-control.js`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "lowercase")]
pub enum Asked {
    /// A number on an axis.
    Number {
        /// The question.
        question: String,
        /// Lower end of the axis.
        min: f64,
        /// Upper end of the axis.
        max: f64,
        /// Its unit.
        unit: String,
        /// Whether the axis counts by powers of ten.
        scale: Scale,
    },
    /// One or some of a few answers.
    Choice {
        /// The question.
        question: String,
        /// The answers, in order.
        options: Vec<String>,
        /// Several may be chosen.
        many: bool,
    },
    /// A curve over a few points.
    Curve {
        /// The question.
        question: String,
        /// The points.
        x: Vec<f64>,
        /// Their unit.
        x_unit: String,
        /// Lower end of the axis.
        min: f64,
        /// Upper end of the axis.
        max: f64,
        /// Unit of the axis.
        unit: String,
    },
    /// Items, to be put in order.
    Order {
        /// The question.
        question: String,
        /// The items.
        items: Vec<String>,
    },
}

impl Guess {
    /// As pages ask for it.
    pub fn asked(&self) -> Asked {
        let question = self.question.clone();
        let (min, max) = (self.min.unwrap_or(0.0), self.max.unwrap_or(1.0));
        match self.kind {
            GuessKind::Number => Asked::Number {
                question,
                min,
                max,
                unit: self.unit.clone(),
                scale: self.scale,
            },
            GuessKind::Choice => Asked::Choice {
                question,
                options: self.options.clone(),
                many: self.many,
            },
            GuessKind::Curve => Asked::Curve {
                question,
                x: self.x.clone(),
                x_unit: self.x_unit.clone(),
                min,
                max,
                unit: self.unit.clone(),
            },
            GuessKind::Order => Asked::Order {
                question,
                items: self.items.clone(),
            },
        }
    }
}

/// Of the axis on which guess, theory and measurement stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Equal steps are equal amounts.
    #[default]
    Linear,
    /// Equal steps are equal factors.
    Log,
}

/// Sets up a class: what the projector shows, what the phones are clients of, what is published on the channel
/// `class`, and the network. All of it is undone when the lesson ends or is left. Alone it does nothing, and its
/// text is not shown.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// For the projector, without host.
    pub page: Option<String>,
    /// Groups of phones; none: they follow nothing.
    #[serde(default)]
    pub phones: Vec<Group>,
    /// What is published; `None`: nothing.
    pub source: Option<Source>,
    /// Conditions by lane, as in `{ websocket = "latency down=100ms up=100ms" }`.
    #[serde(default)]
    pub conditions: BTreeMap<String, String>,
}

/// Phones on one lane.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its part of all phones, beside the other groups' parts: 1 to 100.
    #[serde(default = "one_share")]
    pub share: u16,
    /// Id of a lane.
    pub lane: String,
    /// Of short polling; without, as the page has it.
    pub poll_interval_ms: Option<u64>,
    /// Without the lab's own words around the data, where the lane has such a form.
    #[serde(default)]
    pub bare: bool,
    /// Clients go on where they were, where their lane knows positions by itself or by the lab's extension; `false`:
    /// Channels as pusher-js has it.
    #[serde(default = "yes")]
    pub recovery: bool,
}

fn one_share() -> u16 {
    1
}

fn yes() -> bool {
    true
}

/// What is published on the channel `class`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// 0.1 to 200.
    pub rate_per_s: f64,
    /// Bytes of each publication's data.
    pub size_bytes: usize,
    /// How publications are spread over time.
    #[serde(default)]
    pub schedule: Spread,
    /// What they are: prices, or data of an exact size.
    #[serde(default = "compare")]
    pub kind: SourceKind,
    /// Without, the lesson's.
    pub seed: Option<u64>,
    /// At most one publication in so many ms, the newest; 0: each.
    #[serde(default)]
    pub conflate_ms: u64,
}

fn compare() -> SourceKind {
    SourceKind::Compare
}

impl Source {
    /// `seed`: the lesson's.
    pub fn settings(&self, seed: u64) -> SourceSettings {
        SourceSettings {
            kind: self.kind,
            rate_per_s: self.rate_per_s,
            size_bytes: self.size_bytes,
            payloads: None,
            conflate_ms: self.conflate_ms,
            schedule: self.schedule,
            seed: self.seed.unwrap_or(seed),
        }
    }
}

/// What measures: the class itself, a page of this lab that is opened, or an experiment that is run from here. A live
/// run may name a page or an experiment as well: that one is for who is alone.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// With the phones of a class, as the last `set` has put them.
    pub live: Option<Live>,
    /// Native clients beside the phones, by lane: `{ websocket = 1 }`.
    #[serde(default)]
    pub clients: BTreeMap<String, u16>,
    /// Without host, as in `/compare?lanes=sse,websocket`.
    pub page: Option<String>,
    /// As in `E5`; its quick form.
    pub experiment: Option<String>,
    /// The experiment's full form, which takes minutes.
    #[serde(default)]
    pub full: bool,
    /// What to read off that page, asked for in the unit of the guess: nobody reads it back from there.
    pub seen: Option<String>,
    /// What one alone is told in place of the step's text, as Markdown; without, the text is for all.
    #[serde(default)]
    pub alone: String,
}

impl Run {
    /// Whether there is something to do for who has no class.
    pub fn is_for_one(&self) -> bool {
        self.page.is_some() || self.experiment.is_some()
    }
}

/// A run in which the phones are the clients.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// That are counted: 1 to 60.
    pub seconds: u16,
    /// Before them, in s: 0 to 10.
    #[serde(default)]
    pub warm_up: u16,
}

/// Holds a class until something was seen. Alone it is passed, and its text is not shown.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// A condition, as in `short-poll.requests.per_phone >= 50 and publications >= 3`.
    pub until: Expression,
    /// 1 to 120.
    pub at_most_s: u16,
    /// What is proposed to the presenter when it was not seen in time.
    pub otherwise: Otherwise,
    /// Whether the source ends with the time that is measured, so that what is waited for is only what was
    /// published until then.
    #[serde(default)]
    pub source_ends: bool,
}

/// What happens if what is waited for is not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Otherwise {
    /// The step before it is done again.
    Again,
    /// The lesson goes on.
    GoOn,
}

/// Shows source text of this program, with the numbers of its lines.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// Its path in the repository: one of [`super::code::FILES`].
    pub file: String,
    /// A part of the first line that is shown; the first line that has it.
    pub from: String,
    /// 1 to 25.
    pub lines: usize,
}

/// Guess, theory and measurement beside each other, and why.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// What comes out, in one sentence. What stands in braces is a figure that a class counted, as in
    /// `{short-poll.requests.per_phone}`.
    pub sentence: String,
    /// The sentence where nothing was counted; without, `sentence`, which has no figures then.
    #[serde(default)]
    pub predicted: String,
    /// Id of the guess, where the guess has one.
    #[serde(default)]
    pub guess: String,
    /// What a class counted and is shown beside the sentence.
    #[serde(default)]
    pub figures: Vec<Expression>,
    /// The closed form that says what is expected: one of [`super::forms::NAMES`].
    pub theory: Option<String>,
    /// What theory says to what was guessed, in the guess's unit: one number, or of a curve one for each point.
    #[serde(default, deserialize_with = "one_or_more")]
    pub expected: Vec<f64>,
    /// Of a choice: the right ones, from 1. Of an order: all of them, the first one first.
    #[serde(default)]
    pub right: Vec<usize>,
    /// The figure of the experiment's result that was guessed, as `pushlab experiment` prints it; `guess`
    /// for the one that the experiment itself asks for.
    pub figure: Option<String>,
    /// In which step of the experiment that figure is, from 1; without, the first that has it. Of a curve one for each
    /// point, 0 for one that the experiment has not; without, one step after the other.
    #[serde(default, deserialize_with = "one_or_more")]
    pub step: Vec<usize>,
    /// The experiment may withhold what the lesson tells: then the prediction is shown. Without, `pushlab
    /// lesson play` fails where it does.
    #[serde(default)]
    pub may_be_withheld: bool,
    /// How many of the figure's own unit (µs, shares of 1, bytes) one of the guess's is.
    #[serde(default = "one")]
    pub per_unit: f64,
    /// One thing to change, and what happens then. Markdown.
    #[serde(default)]
    pub change: String,
}

fn one() -> f64 {
    1.0
}

impl Reveal {
    /// What is said where nothing was counted.
    pub fn predicted(&self) -> &str {
        match self.predicted.is_empty() {
            true => &self.sentence,
            false => &self.predicted,
        }
    }

    /// The sentence with what was counted (names as in [`super::figure`]); `None` where a figure of it was not.
    pub fn said(&self, lookup: &dyn Fn(&str) -> Option<f64>) -> Option<String> {
        Sentence::parse(&self.sentence).ok()?.said(lookup)
    }

    /// In which step of the experiment the figure for a point is; `point` from 0.
    pub fn step_of(&self, point: usize) -> Option<usize> {
        self.step.get(point).copied()
    }
}

/// `a` and `["a", "b"]` are both lists.
fn one_or_more<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let each = match toml::Value::deserialize(from)? {
        toml::Value::Array(all) => all,
        one => vec![one],
    };
    let read = |value: toml::Value| {
        T::deserialize(value).map_err(|error| serde::de::Error::custom(error.message()))
    };
    each.into_iter().map(read).collect()
}

/// The same idea in another story, for everybody to answer at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The question.
    pub question: String,
    /// 3 or 4.
    pub options: Vec<String>,
    /// From 1.
    pub right: usize,
    /// One for each option.
    pub because: Vec<String>,
}
