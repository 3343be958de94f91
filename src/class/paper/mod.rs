//! What a class did, as one self-contained HTML file: to print, to send, to keep.
//!
//! ```text
//! Record ──► to_html ──► <!doctype html> … no script, nothing from another address
//! ```
//!
//! Lesson for lesson: what was asked, the class's guesses as a picture (first and second round beside
//! each other), what was measured and predicted, the sentence, the last question's answers counted,
//! how it was run, and a line to cite it by. Everything that a person wrote is text.
//!
//! Names are left out, since the file is made to be passed on; [`with_names`] is for whoever leads.
//! Whose guess was whose is in no record.

mod hour;
mod picture;

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;

use self::{
    hour::{Hour, Timed, steps},
    picture::{Bars, Lines, bars, lines},
};
use super::{
    Outcome, Record,
    guess::Asked,
    histogram::Histogram,
    record::{LessonRecord, ParticipantRecord},
    state::GroupView,
};
use crate::{
    catalogue,
    experiments::claims,
    lessons::{
        figure::{self, Expression},
        words,
    },
    run::report::began,
};

const STYLE: &str = include_str!("paper.css");
/// Of a participant's name or another text that stands in a line of its own, in characters.
const TEXT_MAX: usize = 400;

/// The file, without names.
pub fn to_html(record: &Record) -> String {
    render(record, false)
}

/// The file, with what the phones were called.
pub fn with_names(record: &Record) -> String {
    render(record, true)
}

fn render(record: &Record, has_names: bool) -> String {
    let page = Paper {
        title: match record.name.as_str() {
            "" => "A class".to_owned(),
            name => cut(name),
        },
        date: date(record.began_us),
        time: span(record.began_us, record.ended_us),
        phones: phones(&record.participants),
        lessons: record
            .lessons
            .iter()
            .map(|lesson| Given::of(lesson, record))
            .collect(),
        plan: record.plan.as_ref().map(|plan| Hour::of(plan, record)),
        names: match has_names {
            true => record
                .participants
                .iter()
                .map(|one| cut(&one.name))
                .collect(),
            false => Vec::new(),
        },
        style: STYLE,
        version: crate::CITED.clone(),
        class: cut(&record.class),
    };
    // Writing into a String does not fail.
    page.render().unwrap_or_default()
}

#[derive(Template)]
#[template(path = "class-paper.html")]
struct Paper {
    title: String,
    /// `2026-11-30`, UTC.
    date: String,
    /// `09:12 to 09:57`, UTC.
    time: String,
    phones: String,
    lessons: Vec<Given>,
    plan: Option<Hour>,
    names: Vec<String>,
    style: &'static str,
    version: String,
    class: String,
}

/// A lesson that was given.
struct Given {
    title: String,
    /// `09:15`, UTC.
    began: String,
    /// Code and sentence of each.
    claims: Vec<(String, &'static str)>,
    question: String,
    /// `28 guesses, 3 of them "I do not know"; half of the numbers are at most 20 ms`.
    counted: String,
    guesses: Option<Shown>,
    sentence: String,
    experiment: String,
    /// What went wrong.
    failed: String,
    predicted_only: bool,
    /// Measured and predicted, and what else was counted; name and value.
    figures: Vec<(String, String)>,
    asked: Option<LastQuestion>,
    /// Of the class: lanes of the phones, parameters, seed.
    how: Vec<(&'static str, String)>,
    cite: String,
    /// Of each step that had time.
    steps: Vec<Timed>,
}

/// The guesses as a picture, and as a table for who does not see it.
enum Shown {
    Bars(Bars),
    Lines(Lines),
    /// Options with their counts, of each round, and whether they are right.
    Options {
        has_second: bool,
        rows: Vec<OptionRow>,
    },
    /// How many put each item at each place.
    Places {
        items: Vec<(String, Vec<usize>)>,
        /// As it came out, first the first.
        right: Vec<String>,
    },
}

struct OptionRow {
    text: String,
    first: usize,
    second: usize,
    /// Of a bar of 100.
    first_width: f64,
    second_width: f64,
    is_right: bool,
}

struct LastQuestion {
    question: String,
    rows: Vec<OptionRow>,
    count: usize,
}

impl Given {
    fn of(lesson: &LessonRecord, record: &Record) -> Self {
        let outcome = shown_of(lesson);
        let unit = unit(lesson);
        let measured = outcome.measured;
        let theory = lesson.theory.or(outcome.theory);
        let mut figures = Vec::new();
        let mut add = |name: &str, values: &[f64]| {
            if !values.is_empty() {
                let all: Vec<String> = values.iter().map(|value| number(*value)).collect();
                figures.push((
                    cut(name),
                    format!("{} {unit}", all.join(", ")).trim().to_owned(),
                ));
            }
        };
        add("measured", measured.as_slice());
        add("measured", &outcome.measured_points);
        add("predicted", theory.as_slice());
        add("predicted", &outcome.theory_points);
        let counted = outcome.figures.iter();
        figures.extend(counted.map(|(name, value)| in_words(name, *value, &lesson.groups)));
        // Two names may say the same, as a share and the same share in %.
        let mut seen = BTreeSet::new();
        figures.retain(|figure| seen.insert(figure.clone()));
        let shown = lesson.guess.as_ref().zip(lesson.guesses.as_ref());
        Self {
            title: cut(&lesson.title),
            began: time(lesson.began_us),
            claims: claims_of(&lesson.claims),
            question: lesson
                .guess
                .as_ref()
                .map_or_else(String::new, |asked| cut(asked.question())),
            counted: counted_in_words(lesson),
            guesses: shown
                .and_then(|(asked, guesses)| Shown::of(asked, guesses, lesson, measured, theory)),
            sentence: cut(&outcome.sentence),
            experiment: cut(&outcome.experiment),
            failed: outcome.failed.as_deref().map_or_else(String::new, cut),
            predicted_only: lesson.predicted_only,
            figures,
            asked: lesson.ask.as_ref().map(|ask| LastQuestion {
                question: cut(&ask.question),
                count: (ask.answers.iter()).fold(0, |sum, one| sum.saturating_add(*one)),
                rows: options(&ask.options, &ask.answers, None, &[ask.right]),
            }),
            how: how(lesson),
            cite: cite(lesson, record),
            steps: steps(lesson),
        }
    }
}

impl Shown {
    fn of(
        asked: &Asked,
        guesses: &Histogram,
        lesson: &LessonRecord,
        measured: Option<f64>,
        theory: Option<f64>,
    ) -> Option<Self> {
        let first = lesson.first_guesses.as_ref();
        match (asked, guesses) {
            (Asked::Number { unit, scale, .. }, Histogram::Number { bins: last, .. }) => {
                let first = match first {
                    Some(Histogram::Number { bins, .. }) => Some(bins.as_slice()),
                    _ => None,
                };
                Some(Self::Bars(bars(
                    last, first, *scale, unit, measured, theory,
                )))
            }
            (Asked::Choice { options: texts, .. }, Histogram::Choice { options: last, .. }) => {
                let (shown, second) = match first {
                    Some(Histogram::Choice { options: first, .. }) => {
                        (first, Some(last.as_slice()))
                    }
                    _ => (last, None),
                };
                Some(Self::Options {
                    has_second: second.is_some(),
                    rows: options(texts, shown, second, &lesson.right),
                })
            }
            (
                Asked::Curve {
                    x,
                    x_unit,
                    min,
                    max,
                    unit,
                    ..
                },
                Histogram::Curve {
                    low, middle, high, ..
                },
            ) => {
                let outcome = shown_of(lesson);
                let band = [low.as_slice(), middle, high];
                let (measured, theory) = (outcome.measured_points, outcome.theory_points);
                let axes = picture::Axes {
                    x,
                    x_unit,
                    min: *min,
                    max: *max,
                    unit,
                };
                Some(Self::Lines(lines(&axes, band, &measured, &theory)))
            }
            (Asked::Order { items, .. }, Histogram::Order { places, .. }) => Some(Self::Places {
                items: items
                    .iter()
                    .map(|item| cut(item))
                    .zip(places.iter().cloned())
                    .collect(),
                right: lesson
                    .right
                    .iter()
                    .filter_map(|at| items.get(at.checked_sub(1)?))
                    .map(|item| cut(item))
                    .collect(),
            }),
            _ => None,
        }
    }
}

fn options(
    texts: &[String],
    first: &[usize],
    second: Option<&[usize]>,
    right: &[usize],
) -> Vec<OptionRow> {
    let all = first.iter().chain(second.unwrap_or_default());
    let most = all.copied().max().unwrap_or(0).max(1) as f64;
    let count = |counts: &[usize], at: usize| counts.get(at).copied().unwrap_or(0);
    let row = |(at, text): (usize, &String)| {
        let (first, second) = (count(first, at), count(second.unwrap_or_default(), at));
        OptionRow {
            text: cut(text),
            first_width: first as f64 / most * 100.0,
            second_width: second as f64 / most * 100.0,
            first,
            second,
            is_right: right.contains(&(at + 1)),
        }
    };
    texts.iter().enumerate().map(row).collect()
}

fn counted_in_words(lesson: &LessonRecord) -> String {
    let Some(guesses) = &lesson.guesses else {
        return String::new();
    };
    let (count, unknown, median) = match guesses {
        Histogram::Number {
            count,
            unknown,
            median,
            ..
        } => (*count, *unknown, *median),
        Histogram::Choice { count, unknown, .. }
        | Histogram::Curve { count, unknown, .. }
        | Histogram::Order { count, unknown, .. } => (*count, *unknown, None),
    };
    let mut text = match count {
        0 => "Nobody guessed".to_owned(),
        1 => "1 guess".to_owned(),
        _ => format!("{count} guesses"),
    };
    if unknown > 0 {
        text += &format!(", {unknown} of them \"I do not know\"");
    }
    if let Some(median) = median {
        let unit = unit(lesson);
        text += format!(
            "; half of the numbers are at most {} {unit}",
            number(median)
        )
        .trim_end();
    }
    if lesson.first_guesses.is_some() {
        text += "; guessed again after talking";
    }
    text + "."
}

/// What came out; where only the prediction was shown, without what was measured.
fn shown_of(lesson: &LessonRecord) -> Outcome {
    let all = lesson.outcome.clone().unwrap_or_default();
    match lesson.predicted_only {
        true => Outcome {
            measured: None,
            measured_points: Vec::new(),
            figures: BTreeMap::new(),
            experiment: String::new(),
            ..all
        },
        false => all,
    }
}

fn unit(lesson: &LessonRecord) -> String {
    cut(lesson.guess.as_ref().map_or("", Asked::unit))
}

fn claims_of(ids: &[String]) -> Vec<(String, &'static str)> {
    let of = |id: &String| (cut(id), claims::find(id).map_or("", |claim| claim.text));
    ids.iter().map(of).collect()
}

fn how(lesson: &LessonRecord) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    let group = |group: &super::state::GroupView| {
        let lane = catalogue::LANES.iter().find(|lane| lane.id.0 == group.lane);
        let label = lane.map_or_else(|| cut(&group.lane), |lane| lane.label.to_owned());
        let every = group
            .poll_interval_ms
            .map(|ms| format!(", asking every {ms} ms"));
        let bare = if group.bare { ", bare" } else { "" };
        let part = match lesson.groups.len() {
            1 => String::new(),
            _ => format!(" ({} of {} parts)", group.share, shares(lesson)),
        };
        format!("{label}{}{bare}{part}", every.unwrap_or_default())
    };
    let groups: Vec<String> = lesson.groups.iter().map(group).collect();
    if !groups.is_empty() {
        all.push(("phones by lane", groups.join("; ")));
    }
    if !lesson.parameters.is_empty() {
        all.push(("parameters", cut(&lesson.parameters)));
    }
    if let Some(seed) = lesson.seed {
        all.push(("seed", seed.to_string()));
    }
    all
}

fn shares(lesson: &LessonRecord) -> f64 {
    lesson.groups.iter().map(|group| group.share).sum()
}

/// A line to cite it by: a saved run by its id, what phones saw as what it is.
fn cite(lesson: &LessonRecord, record: &Record) -> String {
    let (version, day) = (crate::CITED.clone(), date(lesson.began_us));
    let seed = lesson
        .seed
        .map_or_else(String::new, |seed| format!(", seed {seed}"));
    let what = match lesson.run_ids.as_slice() {
        [] => {
            let phones = phones(&record.participants);
            format!("live, class of {phones}, lesson {}", cut(&lesson.id))
        }
        ids => format!("run {}, lesson {}", cut(&ids.join(", ")), cut(&lesson.id)),
    };
    format!(
        "pushlab {version}, class {}, {what}{seed}, {day}",
        cut(&record.class)
    )
}

fn phones(all: &[ParticipantRecord]) -> String {
    let native = all.iter().filter(|one| one.is_native).count();
    let said = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    };
    let phones = said(all.len() - native, "phone", "phones");
    match native {
        0 => phones,
        _ => format!("{phones} and {}", said(native, "stand-in", "stand-ins")),
    }
}

/// `2026-11-30`, UTC.
fn date(at_us: u64) -> String {
    began(at_us).chars().take(10).collect()
}

/// `09:12`, UTC.
fn time(at_us: u64) -> String {
    began(at_us).chars().skip(11).take(5).collect()
}

fn span(from_us: u64, to_us: Option<u64>) -> String {
    match to_us {
        Some(to_us) => format!("{} to {}", time(from_us), time(to_us)),
        None => format!("from {}", time(from_us)),
    }
}

pub(super) fn number(value: f64) -> String {
    match value.is_finite() {
        true => figure::shown(value),
        false => "not measured".to_owned(),
    }
}

/// A figure by what it is and in its unit, where it is still one of this program's.
fn in_words(name: &str, value: f64, groups: &[GroupView]) -> (String, String) {
    let Ok(figure) = Expression::parse(name) else {
        return (cut(name), number(value));
    };
    let group = |at: usize| match at.checked_sub(1).and_then(|at| groups.get(at)) {
        Some(group) => match group.poll_interval_ms {
            Some(ms) => format!("group {at} ({} every {ms} ms)", words::label(&group.lane)),
            None => format!("group {at} ({})", words::label(&group.lane)),
        },
        None => format!("group {at}"),
    };
    let told = figure.in_words(value, &group);
    let shown = format!("{} {}", number(told.value), told.unit);
    (cut(&told.what), shown.trim().to_owned())
}

/// A text of at most so many letters, and without what turns the direction of others or breaks a line.
fn cut(text: &str) -> String {
    let is_shown = |letter: &char| {
        !letter.is_control()
            && !matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(is_shown).take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests;
