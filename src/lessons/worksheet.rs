//! What a lesson has for paper: what is asked, how it is run, and how the run is cited. The blanks
//! between are the pages'.
//!
//! A worksheet gives nothing away: what came out, and why, is in the key, for whoever teaches.

use super::{
    Lesson, markup,
    step::{Guess, GuessKind},
};
use crate::experiments;

/// What is written where a student writes.
pub const BLANK: &str = "________";

/// The points of each part and what they are given for; a wrong guess costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    pub part: &'static str,
    pub points: u8,
    pub full: &'static str,
    pub half: &'static str,
}

const SURPRISE: Marked = Marked {
    part: "What surprised you",
    points: 4,
    full: "names the old idea, what was seen, and why the two differ",
    half: "says only that the guess was wrong",
};
const CLAIM: Marked = Marked {
    part: "The claim",
    points: 4,
    full: "a condition (\"if there is less than one event for each poll\") and a number of the right layer",
    half: "a verdict without a number",
};
const CITED: Marked = Marked {
    part: "The run",
    points: 2,
    full: "all parts of the line",
    half: "the address alone",
};
const CHANGE: Marked = Marked {
    part: "Change one thing",
    points: 5,
    full: "predicted before the run, one thing changed, and whether it was valid; \"not valid\" with the reason earns all 5",
    half: "two things changed at once",
};

/// Of one lesson's sheet.
pub const OF_A_LESSON: [Marked; 5] = [
    Marked {
        part: "Guess and look",
        points: 3,
        full: "every field, with units, and what was measured copied right",
        half: "no units",
    },
    SURPRISE,
    CLAIM,
    CHANGE,
    CITED,
];

/// Of a whole hour's.
pub const OF_AN_HOUR: [Marked; 7] = [
    Marked {
        part: "The table",
        points: 3,
        full: "five rows, with units, and what was measured copied right",
        half: "no units",
    },
    SURPRISE,
    Marked {
        part: "Formulas",
        points: 4,
        full: "T/2 + d; e^(−λT); 1/(λT); the same cost from λT = 1 + headers/message on, so nearer to 1 the larger the message",
        half: "two of the four",
    },
    CLAIM,
    CITED,
    CHANGE,
    Marked {
        part: "Which way",
        points: 3,
        full: "a: push; b: anything with a position or a history; c: a socket, from λR > 1 on; a number with each",
        half: "without numbers",
    },
];

/// What is asked for before anything runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked<'a> {
    pub question: &'a str,
    /// As in "A number from 0 to 100, in ms."
    pub how: String,
    pub unit: &'a str,
    /// To tick, or to number; empty of a number.
    pub options: &'a [String],
    /// How often a guess is off can be told of numbers alone.
    pub is_number: bool,
}

impl<'a> Asked<'a> {
    pub fn of(guess: &'a Guess) -> Self {
        let (min, max) = (guess.min.unwrap_or_default(), guess.max.unwrap_or_default());
        let how = match guess.kind {
            GuessKind::Number if guess.unit.is_empty() => format!("A number from {min} to {max}."),
            GuessKind::Number => format!("A number from {min} to {max}, unit: {}.", guess.unit),
            GuessKind::Choice if guess.many => "Tick as many as you like.".to_owned(),
            GuessKind::Choice => "Tick one.".to_owned(),
        };
        Self {
            question: &guess.question,
            how,
            unit: &guess.unit,
            options: &guess.options,
            is_number: guess.kind == GuessKind::Number,
        }
    }
}

/// How a lesson is run: name and value of each parameter, with the seed among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// For people: `E5 The long poll's gap, quick form`, or the address of a page without its query.
    pub what: String,
    /// `E5`.
    pub experiment: Option<&'static str>,
    pub all: Vec<(String, String)>,
    pub seed: Option<String>,
}

impl Parameters {
    /// Of the first run; of its address where a page measures.
    pub fn of(lesson: &Lesson) -> Self {
        let Some(run) = lesson.runs().next() else {
            return Self::of_page("");
        };
        let found = run.experiment.as_deref().map(experiments::find);
        match found {
            Some(Ok(experiment)) => {
                let seed = experiment.seed().to_string();
                let steps = experiment
                    .outline(false)
                    .into_iter()
                    .map(|(label, _)| label);
                Self {
                    what: format!("{} {}, quick form", experiment.id, experiment.title),
                    experiment: Some(experiment.id),
                    all: vec![
                        ("steps".to_owned(), steps.collect::<Vec<_>>().join("; ")),
                        ("seed".to_owned(), seed.clone()),
                    ],
                    seed: Some(seed),
                }
            }
            _ => Self::of_page(run.page.as_deref().unwrap_or_default()),
        }
    }

    fn of_page(address: &str) -> Self {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let all: Vec<(String, String)> = pairs
            .map(|(name, value)| (words(name), value.replace(',', ", ")))
            .collect();
        let seed = all.iter().find(|(name, _)| name == "seed");
        Self {
            what: format!("the page {path}"),
            experiment: None,
            seed: seed.map(|(_, value)| value.clone()),
            all,
        }
    }
}

/// `poll_interval_ms` as `poll interval, ms`: a name for people, with its unit behind it.
fn words(name: &str) -> String {
    const UNITS: [(&str, &str); 4] = [
        ("_per_s", ", per second"),
        ("_bytes", ", bytes"),
        ("_ms", ", ms"),
        ("_s", ", s"),
    ];
    let unit = UNITS
        .iter()
        .find_map(|(ending, unit)| Some((name.strip_suffix(ending)?, unit)));
    let (name, unit) = unit.unwrap_or((name, &""));
    format!("{}{unit}", name.replace('_', " "))
}

/// Where to look for one thing to change: words and address of each link in what the lesson says to
/// it. What happens then is in the key.
pub fn to_change(lesson: &Lesson) -> Vec<(String, String)> {
    let change = lesson.reveal().map_or("", |reveal| &reveal.change);
    markup::named_links(change)
}

/// What a run is cited by; what is not known is a blank.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Citation {
    /// As in `0.1.0 (634a8f5)`.
    pub version: String,
    pub run: Option<String>,
    /// `E5 quick`, or an address.
    pub what: String,
    pub seed: Option<String>,
    /// `valid`, or what spoke against it.
    pub outcome: Option<String>,
    pub machine: Option<String>,
    /// UTC.
    pub date: Option<String>,
    /// Of the saved file.
    pub sha256: Option<String>,
    /// Seen by people on a page: nothing is saved, and there are no ids.
    pub is_live: bool,
}

impl Citation {
    /// A line: *pushlab VERSION (REVISION), run ID, experiment and form, seed, valid or what spoke against
    /// it, machine, date; SHA-256 of the saved file*.
    pub fn line(&self) -> String {
        let or_blank = |known: &Option<String>| known.clone().unwrap_or_else(|| BLANK.to_owned());
        let (version, what) = (&self.version, &self.what);
        let seed = match &self.seed {
            Some(seed) => format!(", seed {seed}"),
            None => String::new(),
        };
        let (machine, date) = (or_blank(&self.machine), or_blank(&self.date));
        if self.is_live {
            return format!(
                "pushlab {version}, live, {BLANK} phones, {BLANK} asleep, {what}{seed}, machine {machine}, {date}"
            );
        }
        let outcome = match &self.outcome {
            Some(outcome) => format!("\"{outcome}\""),
            None => format!("valid, or what spoke against it: {BLANK}"),
        };
        let (run, sha256) = (or_blank(&self.run), or_blank(&self.sha256));
        format!(
            "pushlab {version}, run {run}, {what}{seed}, {outcome}, machine {machine}, {date}; SHA-256 {sha256}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::own::LESSONS;

    #[test]
    fn every_lesson_has_a_question_a_way_to_answer_and_parameters() {
        for lesson in LESSONS.iter() {
            let id = &lesson.front.id;
            let asked = Asked::of(lesson.guess().unwrap());
            assert!(
                asked.question.ends_with('?') && !asked.how.is_empty(),
                "{id}"
            );
            assert!(asked.how.contains(asked.unit), "{id}: {}", asked.how);
            let parameters = Parameters::of(lesson);
            assert!(parameters.what.len() > 8, "{id}: {parameters:?}");
            for (name, value) in &parameters.all {
                assert!(
                    !name.is_empty() && !value.is_empty(),
                    "{id}: {parameters:?}"
                );
            }
        }
    }

    #[test]
    fn parameters_are_those_of_the_run() {
        let lesson = |id: &str| LESSONS.iter().find(|lesson| lesson.front.id == id).unwrap();
        let of_page = Parameters::of_page(
            "/compare?rate_per_s=0.2&poll_interval_ms=500&seed=10&lanes=sse,websocket",
        );
        assert_eq!(of_page.what, "the page /compare");
        let told: Vec<String> = of_page
            .all
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        assert_eq!(
            told,
            [
                "rate, per second 0.2",
                "poll interval, ms 500",
                "seed 10",
                "lanes sse, websocket"
            ]
        );
        assert_eq!(of_page.seed.as_deref(), Some("10"));
        let of_experiment = Parameters::of(lesson("lights-out"));
        assert_eq!(of_experiment.experiment, Some("E20"));
        assert_eq!(of_experiment.seed.as_deref(), Some("1"));
        let steps = &of_experiment.all[0].1;
        assert!(steps.contains(';'), "{steps}");
    }

    #[test]
    fn a_run_is_cited_with_blanks_for_what_is_not_known() {
        let mut cited = Citation {
            version: "0.1.0 (634a8f5)".to_owned(),
            what: "E5 quick".to_owned(),
            seed: Some("1".to_owned()),
            ..Citation::default()
        };
        assert_eq!(
            cited.line(),
            "pushlab 0.1.0 (634a8f5), run ________, E5 quick, seed 1, valid, or what spoke against it: ________, \
             machine ________, ________; SHA-256 ________"
        );
        cited.outcome = Some("as predicted".to_owned());
        cited.run = Some("20261129T171924Z-e5-quick".to_owned());
        cited.machine = Some("Debian 12, 2 processors".to_owned());
        cited.date = Some("2026-11-29".to_owned());
        cited.sha256 = Some("3f9c".to_owned());
        assert_eq!(
            cited.line(),
            "pushlab 0.1.0 (634a8f5), run 20261129T171924Z-e5-quick, E5 quick, seed 1, \"as predicted\", \
             machine Debian 12, 2 processors, 2026-11-29; SHA-256 3f9c"
        );
        cited.is_live = true;
        assert!(
            cited
                .line()
                .contains("live, ________ phones, ________ asleep, E5 quick, seed 1")
        );
    }

    #[test]
    fn points_are_those_of_the_hour() {
        let sum = |marked: &[Marked]| marked.iter().map(|marked| marked.points).sum::<u8>();
        assert_eq!((sum(&OF_A_LESSON), sum(&OF_AN_HOUR)), (18, 25));
    }
}
