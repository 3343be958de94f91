//! What a lesson must keep to beyond its form: limits, an order that makes people guess before they
//! look, and names that this lab knows.

use super::{
    address, code,
    fault::{Fault, nearest},
    figure::{Expression, rows},
    forms,
    front::Front,
    markup,
    sentence::Sentence,
    step::{Ask, Code, Guess, GuessKind, Kind, Reveal, Run, Scale, Set, Step, Wait},
};
use crate::{
    catalogue,
    experiments::{self, claims},
    lane::conditions::{self, BadConditions, Conditions},
};

const TITLE_MAX: usize = 60;
/// Of a sentence that a lesson asks or says in its blocks, in characters.
const TEXT_MAX: usize = 400;
const OPTION_MAX: usize = 120;
const CLAIMS_MAX: usize = 12;
const LACKS_MAX: usize = 6;
const UNIT_MAX: usize = 30;
/// Pages of one lesson, and figures of one reveal.
const PAGES_MAX: usize = 8;
const FIGURES_MAX: usize = 6;
/// As many native clients may take the phones' place.
const CLIENTS_MAX: u16 = 100;
const GROUPS_MAX: usize = 12;
/// Of a guess's axis, both ways from 0; the smallest of a log scale is as far from 1.
const AXIS_MAX: f64 = 1e12;
const LIVE_MAX_S: u16 = 60;
const WARM_UP_MAX_S: u16 = 10;
const WAIT_MAX_S: u16 = 120;
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

pub fn check(asked: &Asked<'_>, faults: &mut Vec<Fault>, advice: &mut Vec<Fault>) {
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
            Kind::Guess(guess) => of_guess(guess, asked.steps, &mut fault),
            Kind::Set(set) => of_set(set, asked.front.seed, &mut fault),
            Kind::Run(run) => of_run(run, asked.steps, &mut fault),
            Kind::Wait(wait) => of_wait(wait, &mut fault),
            Kind::Reveal(reveal) => of_reveal(reveal, asked.steps, &mut fault),
            Kind::Code(code) => of_code(code, &mut fault),
            Kind::Ask(ask) => of_ask(ask, &mut fault),
        }
    }
    words(asked, advice);
}

fn front(asked: &Asked<'_>, faults: &mut Vec<Fault>) {
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
    let guess_s = asked.steps.iter().find_map(|step| match &step.kind {
        Kind::Guess(guess) => guess.seconds,
        _ => None,
    });
    let mut clock = front.clock;
    clock.guess = guess_s.unwrap_or(clock.guess);
    let (sum, most) = (clock.sum(), u32::from(front.minutes) * 60);
    if sum > most {
        fault(
            "clock",
            format!(
                "clock has {sum} s and minutes are {most} s; shorten a part, or give more minutes"
            ),
        );
    }
    let live = asked.steps.iter().filter_map(|step| match &step.kind {
        Kind::Run(run) => run.live.as_ref(),
        _ => None,
    });
    let live_s: u32 = live
        .map(|live| u32::from(live.seconds) + u32::from(live.warm_up))
        .sum();
    if live_s > u32::from(clock.run) {
        let run_s = clock.run;
        fault(
            "clock",
            format!(
                "live runs take {live_s} s and clock.run is {run_s} s; give clock = {{ run = {live_s} }}"
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
    let needs = &front.needs;
    for name in &needs.lanes {
        if let Err(why) = lane(name) {
            fault("needs", format!("needs: {why}"));
        }
    }
    if needs.phones > CLIENTS_MAX || needs.stand_ins > CLIENTS_MAX {
        let what = format!("needs: phones and stand_ins are {CLIENTS_MAX} at most; write fewer");
        fault("needs", what);
    }
    if !(1..=2).contains(&needs.nodes) {
        let what = format!("needs: nodes is {}; write 1 or 2", needs.nodes);
        fault("needs", what);
    }
    if front.pages.len() > PAGES_MAX {
        fault(
            "pages",
            format!("pages has {PAGES_MAX} addresses at most; leave some out"),
        );
    }
    for page in &front.pages {
        if let Err(why) = address::check(page) {
            fault("pages", format!("pages: {why}"));
        }
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
fn kinds(asked: &Asked<'_>, faults: &mut Vec<Fault>) {
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
    let mut has_set = false;
    let mut has_live = false;
    for step in asked.steps {
        match &step.kind {
            Kind::Set(set) => has_set |= !set.phones.is_empty(),
            Kind::Run(run) if run.live.is_some() => {
                if !has_set && run.clients.is_empty() {
                    let what = "run: nobody listens, for no set before it puts phones on a lane; add phones = \
                        [{ lane = \"websocket\" }] to one, or clients to this";
                    faults.push(Fault::new(step.line, what));
                }
                has_live = true;
            }
            Kind::Wait(_) if !has_live => {
                let what = "wait: it waits for what a live run counts; put it after one";
                faults.push(Fault::new(step.line, what));
            }
            _ => {}
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

fn of_guess(guess: &Guess, steps: &[Step], fault: &mut impl FnMut(String)) {
    if !is_text(&guess.question, TEXT_MAX) {
        fault(format!(
            "question has 1 to {TEXT_MAX} characters; write one sentence"
        ));
    }
    for unit in [&guess.unit, &guess.x_unit] {
        if unit.chars().count() > UNIT_MAX {
            fault(format!(
                "a unit has at most {UNIT_MAX} characters; write ms, %, bytes"
            ));
        }
    }
    if guess
        .seconds
        .is_some_and(|seconds| !(5..=300).contains(&seconds))
    {
        fault("seconds are 5 to 300; leave it out for what clock has".to_owned());
    }
    // What belongs to another kind of guess is a mistake and not a wish.
    let of_others: [(&str, bool, &[GuessKind]); 5] = [
        ("options", !guess.options.is_empty(), &[GuessKind::Choice]),
        ("many", guess.many, &[GuessKind::Choice]),
        ("items", !guess.items.is_empty(), &[GuessKind::Order]),
        ("x", !guess.x.is_empty(), &[GuessKind::Curve]),
        (
            "min and max",
            guess.min.or(guess.max).is_some(),
            &[GuessKind::Number, GuessKind::Curve],
        ),
    ];
    for (key, is_given, kinds) in of_others {
        if is_given && !kinds.contains(&guess.kind) {
            fault(format!(
                "{key}: this guess has no such thing; take it out, or choose another as"
            ));
        }
    }
    if matches!(guess.kind, GuessKind::Number | GuessKind::Curve) {
        match (guess.min, guess.max) {
            (Some(min), Some(max)) if min.is_finite() && max.is_finite() && min < max => {
                if guess.scale == Scale::Log && min <= 0.0 {
                    fault("a log scale begins above 0; set min to 1, for one".to_owned());
                } else if min.abs().max(max.abs()) > AXIS_MAX
                    || guess.scale == Scale::Log && min < 1.0 / AXIS_MAX
                {
                    fault(
                        "min or max is more than anybody can draw; use another unit, so that both \
                         have at most 12 digits"
                            .to_owned(),
                    );
                }
            }
            _ => fault("it has min and max, the smaller first; add both".to_owned()),
        }
    }
    if guess.scale == Scale::Log && guess.kind != GuessKind::Number {
        fault("scale is for as = \"number\"; take it out".to_owned());
    }
    match guess.kind {
        GuessKind::Number => {}
        GuessKind::Choice => {
            if !(2..=6).contains(&guess.options.len()) {
                fault(format!(
                    "a choice has 2 to 6 options, and this has {}",
                    guess.options.len()
                ));
            }
            of_options(&guess.options, fault);
        }
        GuessKind::Curve => {
            let is_growing = guess.x.windows(2).all(|pair| pair[0] < pair[1]);
            let is_finite = guess.x.iter().all(|x| x.is_finite());
            if !(3..=5).contains(&guess.x.len()) || !is_growing || !is_finite {
                fault(
                    "a curve has 3 to 5 numbers in x, each larger than the one before".to_owned(),
                );
            }
        }
        GuessKind::Order => {
            if !(3..=6).contains(&guess.items.len()) {
                fault(format!(
                    "an order has 3 to 6 items, and this has {}",
                    guess.items.len()
                ));
            }
            of_options(&guess.items, fault);
        }
    }
    let wanted = match guess.kind {
        GuessKind::Number => 1,
        GuessKind::Curve => guess.x.len(),
        GuessKind::Choice | GuessKind::Order => 0,
    };
    if !guess.about.is_empty() && guess.about.len() != wanted {
        let n = guess.about.len();
        fault(format!(
            "about names {n} figures; a number has one, a curve one for each x, a choice and an order none"
        ));
    }
    counted(&guess.about, "about", steps, fault);
}

/// Figures that are counted need something that counts them.
fn counted(figures: &[Expression], key: &str, steps: &[Step], fault: &mut impl FnMut(String)) {
    let is_live = |step: &Step| matches!(&step.kind, Kind::Run(run) if run.live.is_some());
    if !figures.is_empty() && !steps.iter().any(is_live) {
        fault(format!(
            "{key} is counted in a live run, and no step has one; write live = {{ seconds = 30, warm_up = 3 }} into run"
        ));
    }
    if let Some(condition) = figures.iter().find(|figure| figure.is_condition()) {
        fault(format!(
            "{key}: \"{}\" is true or false and no figure; take the comparison out",
            condition.as_str()
        ));
    }
}

fn of_set(set: &Set, seed: u64, fault: &mut impl FnMut(String)) {
    if let Some(page) = &set.page
        && let Err(why) = address::check(page)
    {
        fault(why);
    }
    if set.phones.len() > GROUPS_MAX {
        fault(format!("phones has {GROUPS_MAX} groups at most; join some"));
    }
    for group in &set.phones {
        if let Err(why) = lane(&group.lane) {
            fault(why);
            continue;
        }
        if !(1..=100).contains(&group.share) {
            fault(format!("share is {}; write 1 to 100", group.share));
        }
        if let Some(interval_ms) = group.poll_interval_ms {
            if group.lane != "short-poll" {
                let what = format!(
                    "poll_interval_ms is of short-poll, and {} does not poll by a timer; take it out",
                    group.lane
                );
                fault(what);
            } else if !(50..=60_000).contains(&interval_ms) {
                fault(format!(
                    "poll_interval_ms is {interval_ms}; choose 50 to 60000"
                ));
            }
        }
        let has_bare = catalogue::VARIANTS.iter().any(|variant| {
            variant.lane.id.0 == group.lane && variant.form == catalogue::Form::Bare
        });
        if group.bare && !has_bare {
            let with: Vec<&str> = catalogue::VARIANTS
                .iter()
                .filter(|variant| variant.form == catalogue::Form::Bare)
                .map(|variant| variant.lane.id.0)
                .collect();
            fault(format!(
                "{} has no bare form; it is one of {}",
                group.lane,
                with.join(", ")
            ));
        }
    }
    if let Some(source) = &set.source
        && let Err(why) = source.settings(seed).check()
    {
        fault(format!("source: {why}"));
    }
    for (name, text) in &set.conditions {
        if let Err(why) = lane(name) {
            fault(format!("conditions: {why}"));
        }
        if let Err(why) = text.parse::<Conditions>() {
            fault(bad_conditions(name, &why));
        }
    }
}

fn bad_conditions(lane: &str, why: &BadConditions) -> String {
    let BadConditions::Unknown { name, .. } = why else {
        return format!("conditions of {lane}: {why}");
    };
    let kinds = conditions::ALL.iter().map(|kind| kind.name);
    let known = kinds.chain(conditions::presets::ALL.iter().map(|preset| preset.name));
    let near = nearest(name, known);
    format!("condition \"{name}\" of {lane} is unknown; {near}")
}

/// A lane, and not a row of the compare page.
fn lane(name: &str) -> Result<(), String> {
    let lanes = || catalogue::LANES.iter().map(|lane| lane.id.0);
    match lanes().any(|known| known == name) {
        true => Ok(()),
        false => Err(format!(
            "there is no lane \"{name}\"; {}",
            nearest(name, lanes())
        )),
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

fn of_run(run: &Run, steps: &[Step], fault: &mut impl FnMut(String)) {
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
        (None, None) if run.live.is_some() => {
            let is_for_one = |step: &Step| matches!(&step.kind, Kind::Run(run) if run.is_for_one());
            if !steps.iter().any(is_for_one) {
                let what =
                    "who is alone has nothing to run; name a page or an experiment beside live";
                fault(what.to_owned());
            }
        }
        _ => fault("name either page or experiment, as in experiment = \"E5\"; or live".to_owned()),
    }
    if run.full && run.experiment.is_none() {
        fault("full is for an experiment; take it out".to_owned());
    }
    if let Some(live) = &run.live {
        if !(1..=LIVE_MAX_S).contains(&live.seconds) || live.warm_up > WARM_UP_MAX_S {
            fault(format!(
                "live has seconds from 1 to {LIVE_MAX_S} and warm_up up to {WARM_UP_MAX_S}; shorten it"
            ));
        }
    } else if !run.clients.is_empty() {
        fault("clients are beside a live run; add live, or take them out".to_owned());
    }
    for (name, count) in &run.clients {
        if !rows().any(|row| row == name) {
            let near = nearest(name, rows());
            fault(format!("clients: there is no lane \"{name}\"; {near}"));
        }
        if !(1..=CLIENTS_MAX).contains(count) {
            fault(format!(
                "clients: {name} is {count}; write 1 to {CLIENTS_MAX}"
            ));
        }
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
    of_links("alone", &run.alone, fault);
}

fn of_links(key: &str, markdown: &str, fault: &mut impl FnMut(String)) {
    for link in markup::links(markdown)
        .iter()
        .filter(|link| link.starts_with('/'))
    {
        if let Err(why) = address::check(link) {
            fault(format!("a link in {key} leads nowhere, for {why}"));
        }
    }
}

fn of_wait(wait: &Wait, fault: &mut impl FnMut(String)) {
    if !wait.until.is_condition() {
        fault(format!(
            "until: \"{}\" is a figure; compare it, as in {} >= 1",
            wait.until.as_str(),
            wait.until.as_str()
        ));
    }
    if !(1..=WAIT_MAX_S).contains(&wait.at_most_s) {
        fault(format!(
            "at_most_s is {}; choose 1 to {WAIT_MAX_S}",
            wait.at_most_s
        ));
    }
}

fn of_code(step: &Code, fault: &mut impl FnMut(String)) {
    let files = || code::FILES.iter().map(|(path, _)| *path);
    let Some((_, text)) = code::FILES.iter().find(|(path, _)| *path == step.file) else {
        let near = nearest(&step.file, files());
        let what = format!("\"{}\" is no file that can be shown; {near}", step.file);
        return fault(what);
    };
    if step.from.trim().is_empty() || !text.lines().any(|line| line.contains(&step.from)) {
        fault(format!(
            "no line of {} has \"{}\"; copy a part of the first line that is to be shown",
            step.file, step.from
        ));
    }
    if !(1..=code::LINES_MAX).contains(&step.lines) {
        fault(format!(
            "lines is {}; choose 1 to {}",
            step.lines,
            code::LINES_MAX
        ));
    }
}

fn of_reveal(reveal: &Reveal, steps: &[Step], fault: &mut impl FnMut(String)) {
    for (key, text) in [
        ("sentence", &reveal.sentence),
        ("predicted", &reveal.predicted),
    ] {
        let is_left_out = key == "predicted" && text.is_empty();
        if !is_left_out && !is_text(text, TEXT_MAX) {
            fault(format!(
                "{key} has 1 to {TEXT_MAX} characters; one sentence, one number"
            ));
        }
    }
    match Sentence::parse(&reveal.sentence) {
        Err(why) => fault(format!("sentence: {why}")),
        Ok(sentence) => {
            let figures: Vec<Expression> = sentence.figures().cloned().collect();
            counted(&figures, "sentence", steps, fault);
            if !figures.is_empty() && reveal.predicted.is_empty() {
                let what = "sentence has figures, and who is alone counts none; add predicted = \"…\" without them";
                fault(what.to_owned());
            }
        }
    }
    if reveal.predicted.contains(['{', '}']) {
        fault("predicted is said where nothing was counted; take the braces out".to_owned());
    }
    if reveal.figures.len() > FIGURES_MAX {
        fault(format!(
            "figures names {FIGURES_MAX} at most; leave some out"
        ));
    }
    counted(&reveal.figures, "figures", steps, fault);
    let guess = steps.iter().find_map(|step| match &step.kind {
        Kind::Guess(guess) => Some(guess),
        _ => None,
    });
    if let Some(guess) = guess {
        of_answer(reveal, guess, fault);
        if !reveal.guess.is_empty() && reveal.guess != guess.id {
            fault(format!(
                "guess is {:?}, and the guess has the id {:?}; make them the same",
                reveal.guess, guess.id
            ));
        }
    }
    if !reveal.per_unit.is_finite() || reveal.per_unit <= 0.0 {
        fault(
            "per_unit is above 0: how many of the figure's unit one of the guess's is".to_owned(),
        );
    } else {
        of_theory(reveal, guess, steps, fault);
    }
    of_step(reveal, steps, fault);
    of_links("change", &reveal.change, fault);
}

/// What is expected has the form of what was guessed.
fn of_answer(reveal: &Reveal, guess: &Guess, fault: &mut impl FnMut(String)) {
    let is_finite = reveal.expected.iter().all(|value| value.is_finite());
    let is_of_numbers = matches!(guess.kind, GuessKind::Number | GuessKind::Curve);
    if is_of_numbers && !reveal.right.is_empty() {
        fault("right is for a choice or an order; take it out".to_owned());
    }
    let has_numbers = !reveal.expected.is_empty() || reveal.figure.is_some();
    if has_numbers && !is_of_numbers {
        fault("expected and figure are for a number or a curve; take them out".to_owned());
    }
    match guess.kind {
        GuessKind::Number => {
            if reveal.expected.len() != 1 || !is_finite {
                fault("a number was guessed; add expected = what theory says".to_owned());
            }
            if reveal.step.len() > 1 {
                fault("step is one number where a number was guessed".to_owned());
            }
        }
        GuessKind::Curve => {
            let points = guess.x.len();
            if reveal.expected.len() != points || !is_finite {
                fault(format!(
                    "a curve was guessed; add expected = […] with {points} numbers, what theory says at each x"
                ));
            }
            if !reveal.step.is_empty() && reveal.step.len() != points {
                fault(format!(
                    "step names {points} steps, one for each x; or leave it out"
                ));
            }
        }
        GuessKind::Choice => {
            let options = guess.options.len();
            let is_known = reveal
                .right
                .iter()
                .all(|right| (1..=options).contains(right));
            if reveal.right.is_empty() || !is_known {
                fault(format!(
                    "right names the options that are right, from 1 to {options}"
                ));
            } else if !guess.many && reveal.right.len() > 1 {
                fault("right has several; add many = true to the guess".to_owned());
            }
        }
        GuessKind::Order => {
            let items = guess.items.len();
            let mut sorted = reveal.right.clone();
            sorted.sort_unstable();
            if sorted != (1..=items).collect::<Vec<_>>() {
                fault(format!(
                    "right names each item once, from 1 to {items}, the first one first"
                ));
            }
        }
    }
}

/// The closed form is known, and says what is expected.
fn of_theory(
    reveal: &Reveal,
    guess: Option<&Guess>,
    steps: &[Step],
    fault: &mut impl FnMut(String),
) {
    let Some(name) = reveal.theory.as_deref() else {
        return;
    };
    if !forms::NAMES.contains(&name) {
        let near = nearest(name, forms::NAMES);
        return fault(format!(
            "theory: there is no closed form \"{name}\"; {near}"
        ));
    }
    let Some(found) = forms::expected(name, steps, guess) else {
        return fault(format!(
            "theory: {name} needs what goes into it: a set with source and phones, or x in ms or s"
        ));
    };
    if found.len() != reveal.expected.len() {
        return fault(format!(
            "theory: {name} says {} numbers, and expected has {}",
            found.len(),
            reveal.expected.len()
        ));
    }
    // A file's numbers are rounded for readers.
    let range = guess.map_or(0.0, |guess| {
        guess.max.unwrap_or_default() - guess.min.unwrap_or_default()
    });
    for (value, written) in found.iter().zip(&reveal.expected) {
        let said = value / reveal.per_unit;
        if (said - written).abs() > (said.abs() * 0.02).max(range * 0.005) {
            fault(format!(
                "theory: {name} says {}, and expected {written}; correct it, or the set",
                (said * 1_000.0).round() / 1_000.0
            ));
        }
    }
}

/// Where the experiment's figure is.
fn of_step(reveal: &Reveal, steps: &[Step], fault: &mut impl FnMut(String)) {
    let experiment = steps.iter().find_map(|step| match &step.kind {
        Kind::Run(run) => run.experiment.as_deref(),
        _ => None,
    });
    if reveal.figure.is_some() && experiment.is_none() {
        fault("figure is of an experiment, and no step runs one; take it out".to_owned());
    }
    if let Some(id) = experiment
        && let Ok(known) = experiments::find(id)
    {
        let most = known.outline(false).len();
        for step in &reveal.step {
            // 0: not in the experiment.
            if *step > most || *step == 0 && reveal.step.len() < 2 {
                fault(format!("step is {step}; {id} has steps 1 to {most}"));
            }
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
fn words(asked: &Asked<'_>, advice: &mut Vec<Fault>) {
    let said = |step: &Step| match &step.kind {
        Kind::Guess(guess) => {
            let all = [&guess.options[..], &guess.items[..]].concat();
            format!("{}\n\n{}", guess.question, all.join("\n\n"))
        }
        Kind::Reveal(reveal) => format!("{}\n\n{}", reveal.predicted(), reveal.change),
        Kind::Ask(ask) => format!("{}\n\n{}", ask.question, ask.options.join("\n\n")),
        _ => String::new(),
    };
    let mut all = 0;
    for (step, prose) in asked.steps.iter().zip(asked.prose) {
        let is_note = matches!(&step.kind, Kind::Say(say) if say.to == super::step::To::Presenter);
        if is_note {
            continue;
        }
        let mut text = format!("{prose}\n\n{}", said(step));
        all += markup::words(&text);
        if let Kind::Run(run) = &step.kind {
            text.push_str(&run.alone);
        }
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
