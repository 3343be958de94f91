//! What stands before a lesson's text: who it is, what it covers, and its clock.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::experiments::group::Group;

/// The front matter. What is not in the list of fields is a fault.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Front {
    /// `[a-z][a-z0-9-]{2,39}`; the file is called `id.md`, or `NN-id.md`.
    pub id: String,
    /// At most 60 characters.
    pub title: String,
    /// Which kind of question.
    pub group: Group,
    /// Its place in the list, 1 to 999.
    pub order: u16,
    /// That it takes in a class, 3 to 10.
    pub minutes: u8,
    /// Of the two articles, as in `B7`; the first is the one that the question is about.
    pub claims: Vec<String>,
    /// What of a claim cannot be tested here, and why, by the claim.
    #[serde(default)]
    pub not_here: BTreeMap<String, String>,
    /// What a whole class would do and this lab cannot, each in a sentence.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// What a class needs for it.
    #[serde(default)]
    pub needs: Needs,
    /// Addresses of this lab that it opens, without host.
    #[serde(default)]
    pub pages: Vec<String>,
    /// Of everything in it that is drawn at random.
    #[serde(default = "one")]
    pub seed: u64,
    /// Seconds of each part in a class; what is not named is as [`Clock::default`].
    #[serde(default)]
    pub clock: Clock,
    /// The kinds of its steps: a forgotten block is a fault and not a shorter lesson.
    pub steps: Vec<String>,
    /// BCP 47, as in `de` or `pt-BR`.
    #[serde(default = "english")]
    pub language: String,
}

impl Front {
    /// The keys that every lesson has.
    pub const NEEDED: [&'static str; 7] = [
        "id", "title", "group", "order", "minutes", "claims", "steps",
    ];
}

fn english() -> String {
    "en".to_owned()
}

fn one() -> u64 {
    1
}

/// What has to be there for a class: without it the lesson stays in the list, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Needs {
    /// Ids of lanes that its live runs use.
    pub lanes: Vec<String>,
    /// The fewest; 0 goes without.
    pub phones: u16,
    /// Native clients that take the phones' place where there are none; at most 100.
    pub stand_ins: u16,
    /// Labs that run at once, 1 or 2.
    pub nodes: u8,
    /// Whether a run must have the machine for itself: phones hold still.
    pub quiet: bool,
}

impl Default for Needs {
    fn default() -> Self {
        Self {
            lanes: Vec::new(),
            phones: 0,
            stand_ins: 0,
            nodes: 1,
            quiet: false,
        }
    }
}

/// Seconds of each part in a class. Alone one takes the time that one takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clock {
    /// Reading the story.
    pub read: u16,
    /// Guessing.
    pub guess: u16,
    /// With a neighbour, and the second guess.
    pub talk: u16,
    /// The run.
    pub run: u16,
    /// Showing what came out.
    pub reveal: u16,
    /// Talking about it.
    pub discuss: u16,
    /// The last question.
    pub ask: u16,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            read: 20,
            guess: 40,
            talk: 60,
            run: 30,
            reveal: 30,
            discuss: 75,
            ask: 45,
        }
    }
}

impl Clock {
    /// Each part with its seconds.
    pub fn parts(&self) -> [(&'static str, u16); 7] {
        [
            ("read", self.read),
            ("guess", self.guess),
            ("talk and guess again", self.talk),
            ("run", self.run),
            ("look", self.reveal),
            ("discuss", self.discuss),
            ("last question", self.ask),
        ]
    }

    /// All of them, s.
    pub fn sum(&self) -> u32 {
        self.parts()
            .iter()
            .map(|(_, seconds)| u32::from(*seconds))
            .sum()
    }
}
