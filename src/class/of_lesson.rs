//! All that a class reads of a lesson, in one place: the seam between the file's steps and the
//! class.

use super::state::{CodeLine, CodeView, CountedByPhones, GroupView, RunKind, RunState, RunView};
use crate::{
    experiments,
    lessons::{
        Lesson, code,
        figure::{Expression, OF_A_CLASS},
        sentence::Sentence,
        step::{Kind, Run, Say, Set, To, Wait},
        worksheet::Parameters,
    },
};

/// The channel that the phones follow.
pub const CHANNEL: &str = "class";

/// The index of the first step of a kind.
pub fn first(lesson: &Lesson, kind: &str) -> Option<usize> {
    lesson
        .steps
        .iter()
        .position(|step| step.kind.name() == kind)
}

/// A note to the presenter, which is on no other screen.
pub fn is_note(lesson: &Lesson, at: usize) -> bool {
    let kind = lesson.steps.get(at).map(|step| &step.kind);
    matches!(
        kind,
        Some(Kind::Say(Say {
            to: To::Presenter,
            ..
        }))
    )
}

/// What a live run is where native clients are in the phones' places; `what` is what it would be.
pub fn on_natives(what: &str, natives: usize) -> String {
    let clients = if natives == 1 { "client" } else { "clients" };
    let seconds = what.split(" with ").next().unwrap_or_default();
    format!(
        "{seconds} with {natives} native {clients} inside this laptop; your phone watches, for with one port \
         there are no conditions on phones"
    )
}

/// What an experiment asks: its number says nothing to a class.
fn asked_by(id: &str) -> String {
    match experiments::find(id) {
        Ok(experiment) => experiment.question.to_owned(),
        Err(_) => "an experiment on this laptop".to_owned(),
    }
}

/// What a step `set` says before its own text, where native clients are in the phones' places.
pub fn set_on_natives(natives: usize) -> String {
    let clients = if natives == 1 { "client" } else { "clients" };
    format!(
        "<p>This lab has one port, and what phones reach through it has no network to change. So {natives} \
         native {clients} inside this laptop stand in for the phones, and do what is said here of them. Your phone \
         watches.</p>"
    )
}

/// The run of a step, before it begins.
pub fn run_view(run: &Run) -> RunView {
    let (kind, what) = match (&run.live, &run.experiment, &run.page) {
        (Some(live), _, _) => (
            RunKind::Live,
            format!("{} s with the phones of this class", live.seconds),
        ),
        (None, Some(id), _) => (RunKind::Experiment, asked_by(id)),
        (None, None, Some(page)) => (RunKind::Page, format!("on the page {page}")),
        (None, None, None) => (RunKind::Page, String::new()),
    };
    RunView {
        kind,
        state: RunState::Waiting,
        number: 0,
        began_us: None,
        measured_from_us: None,
        ends_us: None,
        why: None,
        withheld: Vec::new(),
        published: None,
        starts_by_us: None,
        waits: None,
        page: run.page.clone(),
        experiment: run.experiment.clone(),
        what,
        seen: run.seen.clone(),
    }
}

/// The last step `set` up to a step: what it sets holds there.
pub fn set_at(lesson: &Lesson, step: usize) -> Option<&Set> {
    match &lesson.steps.get(set_step(lesson, step)?)?.kind {
        Kind::Set(set) => Some(set),
        _ => None,
    }
}

/// As [`set_at`]: which step it is.
pub fn set_step(lesson: &Lesson, step: usize) -> Option<usize> {
    let mut until = lesson.steps.iter().take(step.saturating_add(1));
    until.rposition(|step| matches!(step.kind, Kind::Set(_)))
}

/// The groups that hold at a step.
pub fn groups_at(lesson: &Lesson, step: usize) -> Vec<GroupView> {
    let Some(set) = set_at(lesson, step) else {
        return Vec::new();
    };
    let groups = set.phones.iter().enumerate();
    groups
        .map(|(at, group)| GroupView {
            group: at,
            lane: group.lane.clone(),
            share: f64::from(group.share),
            poll_interval_ms: group.poll_interval_ms,
            bare: group.bare,
            recovery: group.recovery,
            channel: CHANNEL.to_owned(),
        })
        .collect()
}

/// What phones count themselves and the question is about; without a figure of the question's, what the
/// answer tells. `None`: it is about something that no phone counts, as bytes or delays.
pub fn asks_about(lesson: &Lesson) -> Option<CountedByPhones> {
    let about = lesson.guess().map_or(&[][..], |guess| &guess.about);
    if !about.is_empty() {
        return about.iter().find_map(counted_by_phones);
    }
    let reveal = lesson.reveal()?;
    let sentence = Sentence::parse(&reveal.sentence).ok()?;
    let mut told = sentence.figures().chain(&reveal.figures);
    told.find_map(counted_by_phones)
}

/// `None`: something in it is counted by the lab alone.
fn counted_by_phones(figure: &Expression) -> Option<CountedByPhones> {
    let names = figure.names();
    let of_lanes: Vec<&str> = (names.iter())
        .filter(|name| !OF_A_CLASS.contains(&name.as_str()))
        .map(|name| name.split_once('.').map_or("", |(_, counter)| counter))
        .collect();
    let all = ["empty_answers", "delivered", "requests", "phones"];
    let has = |counter: &str| of_lanes.contains(&counter);
    match of_lanes.iter().all(|counter| all.contains(counter)) {
        true if has("empty_answers") => Some(CountedByPhones::Empty),
        true if has("delivered") => Some(CountedByPhones::Received),
        true if has("requests") => Some(CountedByPhones::Requests),
        _ => None,
    }
}

/// The condition of a step `wait`.
pub fn wait(lesson: &Lesson, step: usize) -> Option<&Wait> {
    match &lesson.steps.get(step)?.kind {
        Kind::Wait(wait) => Some(wait),
        _ => None,
    }
}

/// What a step `code` shows.
pub fn code(lesson: &Lesson, step: usize) -> Option<CodeView> {
    let Kind::Code(code) = &lesson.steps.get(step)?.kind else {
        return None;
    };
    let lines = code::excerpt(code)?.lines.into_iter();
    let line = |(number, text): (usize, &str)| CodeLine {
        number,
        text: text.to_owned(),
    };
    Some(CodeView {
        file: code.file.clone(),
        lines: lines.map(line).collect(),
    })
}

/// What its runs are made with, for the record, in the words of its worksheet.
pub fn parameters(lesson: &Lesson) -> String {
    let Parameters { what, all, .. } = Parameters::of(lesson);
    let all = all.iter().filter(|(name, _)| name != "seed");
    let all: Vec<String> = all.map(|(name, value)| format!("{name} {value}")).collect();
    match all.is_empty() {
        true => what,
        false => format!("{what}: {}", all.join(" · ")),
    }
}

/// The seed of what it runs: an address may have one of its own.
pub fn seed(lesson: &Lesson) -> u64 {
    let of_run = Parameters::of(lesson).seed;
    of_run
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(lesson.front.seed)
}
