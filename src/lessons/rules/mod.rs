//! What a lesson must keep to beyond its form: limits, an order that makes people guess before they
//! look, and names that this lab knows.

mod doing;
mod guess;
mod readable;
mod reveal;

use self::{
    doing::{lane, of_code, of_run, of_set, of_wait},
    guess::{of_ask, of_guess},
    readable::words,
    reveal::of_reveal,
};
use super::{
    address,
    bounds::{
        CLAIMS, CLIENTS_MAX, LACKS_MAX, MINUTES, NODES, ORDER, PAGES_MAX, TEXT_MAX, TITLE_MAX, said,
    },
    fault::{Fault, nearest},
    figure::Expression,
    front::Front,
    markup,
    step::{Kind, Step},
};
use crate::experiments::claims;

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
    if !ORDER.contains(&front.order) {
        fault(
            "order",
            format!("order is {}; choose {}", front.order, said(&ORDER)),
        );
    }
    if !MINUTES.contains(&front.minutes) {
        fault(
            "minutes",
            format!("minutes is {}; choose {}", front.minutes, said(&MINUTES)),
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
    if !CLAIMS.contains(&front.claims.len()) {
        let many = said(&CLAIMS);
        let what = format!("name {many} claims, as in claims = [\"B7\"]; /claims has them all");
        fault("claims", what);
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
    if !NODES.contains(&needs.nodes) {
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

/// For a page or a command that was given an id: all that are there, or the nearest.
pub fn no_lesson<'a>(id: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    format!("there is no lesson {id:?}; {}", nearest(id, known))
}
