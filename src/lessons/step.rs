//! A lesson's steps, as their blocks are written: TOML, in which what is not known is a fault.

use serde::Deserialize;

/// One step: its text, and what is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Of its block, in the file.
    pub line: usize,
    /// The prose before its block, as HTML that this program made.
    pub html: String,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Say(Say),
    Guess(Guess),
    Run(Run),
    Reveal(Reveal),
    Ask(Ask),
}

impl Kind {
    /// As blocks are called.
    pub const NAMES: [&'static str; 5] = ["say", "guess", "run", "reveal", "ask"];
    /// Of lessons that a class does together; not here.
    pub const OF_A_CLASS: [&'static str; 3] = ["set", "wait", "code"];

    pub fn name(&self) -> &'static str {
        match self {
            Self::Say(_) => "say",
            Self::Guess(_) => "guess",
            Self::Run(_) => "run",
            Self::Reveal(_) => "reveal",
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

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum To {
    #[default]
    Class,
    Presenter,
}

/// Asks for a number, or for one or some of a few answers. None is chosen beforehand, and "I do not know" is an answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guess {
    #[serde(rename = "as")]
    pub kind: GuessKind,
    pub question: String,
    /// Of a number.
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// As in `ms` or `%`.
    #[serde(default)]
    pub unit: String,
    #[serde(default)]
    pub scale: Scale,
    /// Of a choice: 2 to 6.
    #[serde(default)]
    pub options: Vec<String>,
    /// Any number of them may be chosen.
    #[serde(default)]
    pub many: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuessKind {
    Number,
    Choice,
}

/// Of the axis on which guess, theory and measurement stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    #[default]
    Linear,
    Log,
}

/// What measures: a page of this lab that is opened, or an experiment that is run from here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Without host, as in `/compare?lanes=sse,websocket`.
    pub page: Option<String>,
    /// As in `E5`; its quick form.
    pub experiment: Option<String>,
    /// What to read off that page, asked for in the unit of the guess: nobody reads it back from there.
    pub seen: Option<String>,
}

/// Guess, theory and measurement beside each other, and why.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// What comes out, in one sentence.
    pub sentence: String,
    /// What theory says to a number that was guessed, in the guess's unit.
    pub expected: Option<f64>,
    /// Of a choice: the right ones, from 1.
    #[serde(default)]
    pub right: Vec<usize>,
    /// The figure of the experiment's result that was guessed, as `pushlab experiment` prints it; `guess`
    /// for the one that the experiment itself asks for.
    pub figure: Option<String>,
    /// In which step of the experiment that figure is, from 1; without, the first that has it.
    pub step: Option<usize>,
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

/// The same idea in another story, for everybody to answer at the end.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    pub question: String,
    /// 3 or 4.
    pub options: Vec<String>,
    /// From 1.
    pub right: usize,
    /// One for each option.
    pub because: Vec<String>,
}
