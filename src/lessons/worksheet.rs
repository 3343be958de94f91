//! What a lesson has for paper: what is asked, how it is run, and how the run is cited. The blanks
//! between are the pages'.
//!
//! A worksheet gives nothing away: what came out, and why, is in the key, for whoever teaches.

use super::{
    Lesson, markup,
    step::{Guess, GuessKind, Kind, Live, Run, Set, Source},
};
use crate::{demo::schedule::Spread, experiments};

/// What is written where a student writes.
pub const BLANK: &str = "________";

/// The points of each part and what they are given for; a wrong guess costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    /// What is marked.
    pub part: &'static str,
    /// Points for all of it.
    pub points: u8,
    /// What all points are given for.
    pub full: &'static str,
    /// What half of them is given for.
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
    /// The question.
    pub question: &'a str,
    /// As in "A number from 0 to 100, in ms."
    pub how: String,
    /// Its unit; empty where there is none.
    pub unit: &'a str,
    /// To tick, or to number; empty of a number.
    pub options: &'a [String],
    /// By which factor a guess is off can be told of numbers alone.
    pub is_number: bool,
}

impl<'a> Asked<'a> {
    /// As a worksheet asks for it.
    pub fn of(guess: &'a Guess) -> Self {
        let (min, max) = (guess.min.unwrap_or_default(), guess.max.unwrap_or_default());
        let range = match guess.unit.as_str() {
            "" => format!("from {min} to {max}"),
            unit if unit.starts_with("of ") => format!("from {min} to {max} ({unit})"),
            unit => format!("from {min} to {max}, unit: {unit}"),
        };
        let how = match guess.kind {
            GuessKind::Number => format!("A number {range}."),
            GuessKind::Choice if guess.many => "Tick as many as you like.".to_owned(),
            GuessKind::Choice => "Tick one.".to_owned(),
            GuessKind::Curve => {
                let points: Vec<String> = guess.x.iter().map(ToString::to_string).collect();
                let x = format!("{} {}", points.join(", "), guess.x_unit);
                format!("A number for each of {}: {range}.", x.trim_end())
            }
            GuessKind::Order => "Number them, the first one 1.".to_owned(),
        };
        Self {
            question: &guess.question,
            how,
            unit: &guess.unit,
            options: match guess.kind {
                GuessKind::Order => &guess.items,
                _ => &guess.options,
            },
            is_number: matches!(guess.kind, GuessKind::Number | GuessKind::Curve),
        }
    }
}

/// How a lesson is run: name and value of each parameter, with the seed among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    /// For people: `E5 The long poll's gap, quick form`, or `the page /compare`; both for a lesson that a
    /// class does one way and who is alone another.
    pub what: String,
    /// `E5`.
    pub experiment: Option<&'static str>,
    /// Of the class or of a page: what people see there, and nothing saves.
    pub live: Option<String>,
    /// Name and value, in order.
    pub all: Vec<(String, String)>,
    /// The seed, as text.
    pub seed: Option<String>,
}

impl Parameters {
    /// Of all that a lesson sets up and runs.
    pub fn of(lesson: &Lesson) -> Self {
        let mut found = Self::default();
        let mut what: Vec<String> = Vec::new();
        for step in &lesson.steps {
            match &step.kind {
                Kind::Set(set) => found.set(set, lesson.front.seed),
                Kind::Run(run) => found.run(run, lesson.front.seed, &mut what),
                _ => {}
            }
        }
        found.what = what.join("; ");
        found
    }

    fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let pair = (name.into(), value.into());
        if !self.all.contains(&pair) {
            self.all.push(pair);
        }
    }

    fn seed(&mut self, seed: impl Into<String>) {
        let seed = seed.into();
        self.add("seed", &seed);
        self.seed.get_or_insert(seed);
    }

    fn set(&mut self, set: &Set, seed: u64) {
        for group in &set.phones {
            let every = group.poll_interval_ms.map(|ms| format!(", every {ms} ms"));
            let bare = if group.bare { ", bare" } else { "" };
            let forgets = if group.recovery {
                ""
            } else {
                ", without positions"
            };
            let said = format!("{}{}{bare}{forgets}", group.lane, every.unwrap_or_default());
            self.add("phones", said);
        }
        if let Some(source) = &set.source {
            let Source {
                rate_per_s,
                size_bytes,
                ..
            } = source;
            let spread = match source.schedule {
                Spread::Periodic => "evenly",
                Spread::Poisson => "at random",
            };
            self.add(
                "published",
                format!("{rate_per_s} a second, {spread}, {size_bytes} bytes"),
            );
            self.seed(source.seed.unwrap_or(seed).to_string());
        }
        for (lane, conditions) in &set.conditions {
            self.add(format!("conditions of {lane}"), conditions);
        }
    }

    fn run(&mut self, run: &Run, seed: u64, what: &mut Vec<String>) {
        if let Some(live) = &run.live {
            let Live { seconds, warm_up } = live;
            what.push(format!(
                "in class {seconds} s, after {warm_up} s to warm up"
            ));
            self.live.get_or_insert_with(|| "the class".to_owned());
            for (lane, count) in &run.clients {
                self.add("clients beside the phones", format!("{count} on {lane}"));
            }
            if self.seed.is_none() {
                self.seed(seed.to_string());
            }
        }
        if let Some(Ok(experiment)) = run.experiment.as_deref().map(experiments::find) {
            let form = if run.full { "in full" } else { "quick form" };
            what.push(format!("{} {}, {form}", experiment.id, experiment.title));
            self.experiment.get_or_insert(experiment.id);
            let steps = experiment
                .outline(run.full)
                .into_iter()
                .map(|(label, _)| label);
            let steps: Vec<String> = steps.collect();
            // One alone tells nothing that the title does not.
            if steps.len() > 1 {
                self.add(format!("steps of {}", experiment.id), steps.join("; "));
            }
            if self.seed.is_none() {
                self.seed(experiment.seed().to_string());
            }
        }
        if let Some(page) = &run.page {
            let (path, query) = page.split_once('?').unwrap_or((page, ""));
            what.push(format!("the page {path}"));
            self.live.get_or_insert_with(|| path.to_owned());
            for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
                match name {
                    "seed" => self.seed(value),
                    _ => self.add(words(name), value.replace(',', ", ")),
                }
            }
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
    /// Id of the saved result.
    pub run: Option<String>,
    /// `E5 quick`, or an address.
    pub what: String,
    /// Seed of the run.
    pub seed: Option<String>,
    /// `valid`, or what spoke against it.
    pub outcome: Option<String>,
    /// The machine that it was measured on.
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
                "pushlab {version}, live, {BLANK} phones, {BLANK} asleep, {what}{seed}, machine {machine}, on {date}"
            );
        }
        let outcome = match &self.outcome {
            Some(outcome) => format!("\"{outcome}\""),
            None => format!("valid, or what spoke against it: {BLANK}"),
        };
        let (run, sha256) = (or_blank(&self.run), or_blank(&self.sha256));
        format!(
            "pushlab {version}, run {run}, {what}{seed}, {outcome}, machine {machine}, on {date}; SHA-256 {sha256}"
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
                asked.question.ends_with(['?', '.']) && !asked.how.is_empty(),
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
        let mut of_page = Parameters::default();
        let run: Run = toml::from_str(
            "page = \"/compare?rate_per_s=0.2&poll_interval_ms=500&seed=10&lanes=sse,websocket\"",
        )
        .unwrap();
        let mut what = Vec::new();
        of_page.run(&run, 1, &mut what);
        assert_eq!(what, ["the page /compare"]);
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
        let mut of_class = Parameters::default();
        let set: Set = toml::from_str(
            "phones = [{ lane = \"short-poll\", poll_interval_ms = 500 }, { lane = \"websocket\", bare = true }]\n\
             source = { rate_per_s = 0.2, size_bytes = 60, schedule = \"poisson\" }\n\
             conditions = { websocket = \"latency down=5ms\" }",
        )
        .unwrap();
        of_class.set(&set, 9);
        let told: Vec<&str> = of_class
            .all
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(
            told,
            [
                "short-poll, every 500 ms",
                "websocket, bare",
                "0.2 a second, at random, 60 bytes",
                "9",
                "latency down=5ms"
            ]
        );
        let of_experiment = Parameters::of(lesson("lights-out"));
        assert_eq!(of_experiment.experiment, Some("E20"));
        assert_eq!(of_experiment.seed.as_deref(), Some("1"));
        let steps = of_experiment
            .all
            .iter()
            .find(|(name, _)| name == "steps of E20");
        assert!(
            steps.is_some_and(|(_, steps)| steps.contains(';')),
            "{of_experiment:?}"
        );
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
             machine ________, on ________; SHA-256 ________"
        );
        cited.outcome = Some("as predicted".to_owned());
        cited.run = Some("20261129T171924Z-e5-quick".to_owned());
        cited.machine = Some("Debian 12, 2 processors".to_owned());
        cited.date = Some("2026-11-29".to_owned());
        cited.sha256 = Some("3f9c".to_owned());
        assert_eq!(
            cited.line(),
            "pushlab 0.1.0 (634a8f5), run 20261129T171924Z-e5-quick, E5 quick, seed 1, \"as predicted\", \
             machine Debian 12, 2 processors, on 2026-11-29; SHA-256 3f9c"
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
