//! What a lesson must keep to beyond its form: limits, an order that makes people guess before they
//! look, and names that this lab knows.

use super::{
    address,
    fault::{Fault, nearest},
    front::Front,
    markup,
    step::{Ask, Guess, GuessKind, Kind, Reveal, Run, Scale, Step},
};
use crate::experiments::{self, claims};

const TITLE_MAX: usize = 60;
/// Of a sentence that a lesson asks or says in its blocks, in characters.
const TEXT_MAX: usize = 400;
const OPTION_MAX: usize = 120;
const CLAIMS_MAX: usize = 12;
const LACKS_MAX: usize = 6;
/// More is read by nobody in five minutes.
const WORDS_MAX: usize = 350;
const SENTENCE_MAX: usize = 24;

/// What is looked at.
pub struct Asked<'a> {
    /// The file's, without its folder.
    pub name: &'a str,
    pub front: &'a Front,
    /// To find the lines of its keys.
    pub front_text: &'a str,
    pub steps: &'a [Step],
    /// Of each step.
    pub prose: &'a [String],
    /// No block was left out.
    pub is_whole: bool,
}

impl Asked<'_> {
    /// The line of a key of the front matter, which begins in the file's second.
    fn line_of(&self, key: &str) -> usize {
        let is_key = |line: &str| {
            let rest = line.trim_start().strip_prefix(key);
            rest.is_some_and(|rest| rest.trim_start().starts_with(['=', '.']))
                || line.trim() == format!("[{key}]")
        };
        let found = self.front_text.lines().position(is_key);
        found.map_or(1, |at| at + 2)
    }
}

pub fn check(asked: &Asked, faults: &mut Vec<Fault>, advice: &mut Vec<Fault>) {
    front(asked, faults);
    if asked.is_whole {
        kinds(asked, faults);
    }
    for (step, prose) in asked.steps.iter().zip(asked.prose) {
        let mut fault = |text: String| {
            faults.push(Fault::new(
                step.line,
                format!("{}: {text}", step.kind.name()),
            ));
        };
        for link in markup::links(prose)
            .iter()
            .filter(|link| link.starts_with('/'))
        {
            if let Err(why) = address::check(link) {
                fault(format!("a link leads nowhere, for {why}"));
            }
        }
        match &step.kind {
            Kind::Say(_) => {}
            Kind::Guess(guess) => of_guess(guess, &mut fault),
            Kind::Run(run) => of_run(run, &mut fault),
            Kind::Reveal(reveal) => of_reveal(reveal, asked.steps, &mut fault),
            Kind::Ask(ask) => of_ask(ask, &mut fault),
        }
    }
    words(asked, advice);
}

fn front(asked: &Asked, faults: &mut Vec<Fault>) {
    let front = asked.front;
    let mut fault = |key: &str, text: String| faults.push(Fault::new(asked.line_of(key), text));
    if !is_id(&front.id) {
        fault(
            "id",
            format!(
                "id is {:?}; write 3 to 40 small letters, digits and -, a letter first",
                front.id
            ),
        );
    } else {
        let stem = asked.name.strip_suffix(".md").unwrap_or(asked.name);
        let (number, rest) = stem.split_once('-').unwrap_or(("", stem));
        let is_numbered = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.is_empty();
        let called = if is_numbered { rest } else { stem };
        if called != front.id {
            let id = &front.id;
            let what = format!("id is {id:?} and the file is {:?}", asked.name);
            fault("id", format!("{what}; call the file {id}.md or 01-{id}.md"));
        }
    }
    let letters = front.title.chars().count();
    if front.title.trim().is_empty() || letters > TITLE_MAX {
        fault(
            "title",
            format!("title has {letters} characters; write 1 to {TITLE_MAX}"),
        );
    }
    if !(1..=999).contains(&front.order) {
        fault(
            "order",
            format!("order is {}; choose 1 to 999", front.order),
        );
    }
    if !(3..=10).contains(&front.minutes) {
        fault(
            "minutes",
            format!("minutes is {}; choose 3 to 10", front.minutes),
        );
    }
    let (sum, most) = (front.clock.sum(), u32::from(front.minutes) * 60);
    if sum > most {
        fault(
            "clock",
            format!(
                "clock has {sum} s and minutes are {most} s; shorten a part, or give more minutes"
            ),
        );
    }
    if front.claims.is_empty() || front.claims.len() > CLAIMS_MAX {
        let what = "name 1 to 12 claims, as in claims = [\"B7\"]; /claims has them all";
        fault("claims", what.to_owned());
    }
    for id in &front.claims {
        if claims::find(id).is_none() {
            fault(
                "claims",
                format!("there is no claim {id:?}; they are A1 to A12 and B1 to B28, see /claims"),
            );
        }
    }
    for (id, why) in &front.not_here {
        if !front.claims.contains(id) {
            let what = format!("not_here has {id:?}, which claims does not name; add it there");
            fault("not_here", what);
        }
        if why.trim().is_empty() || why.len() > TEXT_MAX {
            let what = format!("not_here.{id} says nothing, or too much; one sentence says why");
            fault("not_here", what);
        }
    }
    let is_long = |text: &String| text.trim().is_empty() || text.len() > TEXT_MAX;
    if front.lacks.len() > LACKS_MAX || front.lacks.iter().any(is_long) {
        fault(
            "lacks",
            format!("lacks has at most {LACKS_MAX} sentences, none empty"),
        );
    }
    let is_tag = |text: &str| {
        let is_part = |part: &str| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        text.len() <= 35 && text.split('-').all(is_part)
    };
    if !is_tag(&front.language) {
        let what = format!(
            "language is {:?}; write it like en or pt-BR",
            front.language
        );
        fault("language", what);
    }
}

/// `[a-z][a-z0-9-]{2,39}`
pub fn is_id(id: &str) -> bool {
    (3..=40).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The kinds are those of the front matter, and in an order in which nobody looks before guessing.
fn kinds(asked: &Asked, faults: &mut Vec<Fault>) {
    let named = &asked.front.steps;
    let here: Vec<&str> = asked.steps.iter().map(|step| step.kind.name()).collect();
    if *named != here {
        let line = asked.line_of("steps");
        let (n, m) = (named.len(), here.len());
        let at = named
            .iter()
            .zip(&here)
            .position(|(one, other)| one != other);
        let what = match at {
            Some(at) => format!(
                "step {} is {:?} in the front matter and {:?} in the text (line {}); make them the same",
                at + 1,
                named[at],
                here[at],
                asked.steps[at].line
            ),
            None if n > m => format!(
                "front matter names {n} steps, the text has {m}: {:?} is missing at the end",
                named[m]
            ),
            None => format!(
                "front matter names {n} steps, the text has {m}: add {:?} to steps",
                here[n]
            ),
        };
        faults.push(Fault::new(line, what));
    }
    let last_line = asked.steps.last().map_or(1, |step| step.line);
    for (kind, text) in [
        ("guess", "a lesson asks for a guess; add a ```guess block"),
        (
            "run",
            "a lesson runs something; add a ```run block after the guess",
        ),
        (
            "reveal",
            "a lesson shows what came out; add a ```reveal block after the run",
        ),
        (
            "ask",
            "a lesson ends with a question; add an ```ask block at its end",
        ),
    ] {
        let lines = || asked.steps.iter().filter(|step| step.kind.name() == kind);
        if lines().next().is_none() {
            faults.push(Fault::new(last_line, text));
        }
        if kind != "run"
            && let Some(second) = lines().nth(1)
        {
            let what = format!("a lesson has one {kind}; take this one out, or make two lessons");
            faults.push(Fault::new(second.line, what));
        }
    }
    let rank = |step: &&Step| {
        ["guess", "run", "reveal", "ask"]
            .iter()
            .position(|kind| *kind == step.kind.name())
    };
    let ranked: Vec<(usize, usize)> = asked
        .steps
        .iter()
        .filter_map(|step| Some((rank(&step)?, step.line)))
        .collect();
    for pair in ranked.windows(2) {
        if pair[1].0 < pair[0].0 {
            let what = "guess, run, reveal, ask is the order: nobody looks before guessing; move this \
                block up";
            faults.push(Fault::new(pair[1].1, what));
        }
    }
}

fn is_text(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most
}

fn of_guess(guess: &Guess, fault: &mut impl FnMut(String)) {
    if !is_text(&guess.question, TEXT_MAX) {
        fault(format!(
            "question has 1 to {TEXT_MAX} characters; write one sentence"
        ));
    }
    match guess.kind {
        GuessKind::Number => {
            match (guess.min, guess.max) {
                (Some(min), Some(max)) if min.is_finite() && max.is_finite() && min < max => {
                    if guess.scale == Scale::Log && min <= 0.0 {
                        fault("a log scale begins above 0; set min to 1, for one".to_owned());
                    }
                }
                _ => fault("a number has min and max, the smaller first; add both".to_owned()),
            }
            if !guess.options.is_empty() || guess.many {
                fault("options and many are for as = \"choice\"; take them out".to_owned());
            }
            if guess.unit.chars().count() > 30 {
                fault("unit has at most 30 characters; write ms, %, bytes".to_owned());
            }
        }
        GuessKind::Choice => {
            if !(2..=6).contains(&guess.options.len()) {
                fault(format!(
                    "a choice has 2 to 6 options, and this has {}",
                    guess.options.len()
                ));
            }
            if guess.min.or(guess.max).is_some() {
                fault("min and max are for as = \"number\"; take them out".to_owned());
            }
            of_options(&guess.options, fault);
        }
    }
}

fn of_options(options: &[String], fault: &mut impl FnMut(String)) {
    for (at, option) in options.iter().enumerate() {
        if !is_text(option, OPTION_MAX) {
            fault(format!(
                "option {} has 1 to {OPTION_MAX} characters; shorten it",
                at + 1
            ));
        }
        if options[..at].contains(option) {
            fault(format!(
                "option {} is there twice; change one of the two",
                at + 1
            ));
        }
    }
}

fn of_run(run: &Run, fault: &mut impl FnMut(String)) {
    match (&run.page, &run.experiment) {
        (Some(page), None) => {
            if let Err(why) = address::check(page) {
                fault(why);
            }
        }
        (None, Some(id)) => {
            if let Err(why) = address::experiment(id) {
                fault(why);
            } else if experiments::find(id).is_err() {
                fault(format!(
                    "{id} runs in a page of its own; write page = \"/experiments/{id}\""
                ));
            }
            if run.seen.is_some() {
                fault(
                    "seen is for a page; an experiment's result is read back, take it out"
                        .to_owned(),
                );
            }
        }
        _ => fault("name either page or experiment, as in experiment = \"E5\"".to_owned()),
    }
    if run
        .seen
        .as_ref()
        .is_some_and(|seen| !is_text(seen, TEXT_MAX))
    {
        fault(format!(
            "seen has 1 to {TEXT_MAX} characters; write what to read off the page"
        ));
    }
}

fn of_reveal(reveal: &Reveal, steps: &[Step], fault: &mut impl FnMut(String)) {
    if !is_text(&reveal.sentence, TEXT_MAX) {
        fault(format!(
            "sentence has 1 to {TEXT_MAX} characters; one sentence, one number"
        ));
    }
    let guess = steps.iter().find_map(|step| match &step.kind {
        Kind::Guess(guess) => Some(guess),
        _ => None,
    });
    let experiment = steps.iter().find_map(|step| match &step.kind {
        Kind::Run(run) => run.experiment.as_deref(),
        _ => None,
    });
    match guess.map(|guess| guess.kind) {
        Some(GuessKind::Number) => {
            if !reveal.expected.is_some_and(f64::is_finite) {
                fault("a number was guessed; add expected = what theory says".to_owned());
            }
            if !reveal.right.is_empty() {
                fault("right is for a choice; take it out".to_owned());
            }
        }
        Some(GuessKind::Choice) => {
            let options = guess.map_or(0, |guess| guess.options.len());
            let is_many = guess.is_some_and(|guess| guess.many);
            let is_known = reveal
                .right
                .iter()
                .all(|right| (1..=options).contains(right));
            if reveal.right.is_empty() || !is_known {
                fault(format!(
                    "right names the options that are right, from 1 to {options}"
                ));
            } else if !is_many && reveal.right.len() > 1 {
                fault("right has several; add many = true to the guess".to_owned());
            }
            if reveal.expected.is_some() || reveal.figure.is_some() {
                fault("expected and figure are for a number; take them out".to_owned());
            }
        }
        None => {}
    }
    if !reveal.per_unit.is_finite() || reveal.per_unit <= 0.0 {
        fault(
            "per_unit is above 0: how many of the figure's unit one of the guess's is".to_owned(),
        );
    }
    if reveal.figure.is_some() && experiment.is_none() {
        fault("figure is of an experiment, and no step runs one; take it out".to_owned());
    }
    if let (Some(step), Some(id)) = (reveal.step, experiment)
        && let Ok(known) = experiments::find(id)
    {
        let most = known.outline(false).len();
        if !(1..=most).contains(&step) {
            fault(format!("step is {step}; {id} has steps 1 to {most}"));
        }
    }
    for link in markup::links(&reveal.change)
        .iter()
        .filter(|link| link.starts_with('/'))
    {
        if let Err(why) = address::check(link) {
            fault(format!("a link in change leads nowhere, for {why}"));
        }
    }
}

fn of_ask(ask: &Ask, fault: &mut impl FnMut(String)) {
    if !is_text(&ask.question, TEXT_MAX) {
        fault(format!(
            "question has 1 to {TEXT_MAX} characters; write one sentence"
        ));
    }
    let options = ask.options.len();
    if !(3..=4).contains(&options) {
        fault(format!("it has {options} options; give 3 or 4"));
    }
    of_options(&ask.options, fault);
    if !(1..=options).contains(&ask.right) {
        fault(format!(
            "right is {}; it is the number of an option, 1 to {options}",
            ask.right
        ));
    }
    if ask.because.len() != options {
        let reasons = ask.because.len();
        fault(format!(
            "it has {reasons} reasons for {options} options; give one for each in because"
        ));
    }
    if ask.because.iter().any(|reason| !is_text(reason, TEXT_MAX)) {
        fault(format!(
            "a reason has 1 to {TEXT_MAX} characters; say why, not only what"
        ));
    }
}

/// What makes it long or hard to read.
fn words(asked: &Asked, advice: &mut Vec<Fault>) {
    let said = |step: &Step| match &step.kind {
        Kind::Guess(guess) => format!("{}\n\n{}", guess.question, guess.options.join("\n\n")),
        Kind::Reveal(reveal) => format!("{}\n\n{}", reveal.sentence, reveal.change),
        Kind::Ask(ask) => format!("{}\n\n{}", ask.question, ask.options.join("\n\n")),
        _ => String::new(),
    };
    let mut all = 0;
    for (step, prose) in asked.steps.iter().zip(asked.prose) {
        let is_note = matches!(&step.kind, Kind::Say(say) if say.to == super::step::To::Presenter);
        if is_note {
            continue;
        }
        let text = format!("{prose}\n\n{}", said(step));
        all += markup::words(&text);
        let (count, sentence) = markup::longest_sentence(&text);
        if count > SENTENCE_MAX {
            let begin: String = sentence.chars().take(40).collect();
            let what = format!("a sentence has {count} words; make two of \"{begin}…\"");
            advice.push(Fault::new(step.line, what));
        }
    }
    if all > WORDS_MAX {
        let what =
            format!("it has {all} words on screens; {WORDS_MAX} can be read, so leave some out");
        advice.push(Fault::new(1, what));
    }
}

/// For a page or a command that was given an id: all that are there, or the nearest.
pub fn no_lesson<'a>(id: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    format!("there is no lesson {id:?}; {}", nearest(id, known))
}
