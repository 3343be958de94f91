//! Minutes planned and minutes used, as rows of a table: of a lesson's steps, and of the plan.

use super::cut;
use crate::class::{
    Record,
    record::{LessonRecord, PlanRecord, PlanRowRecord, StepTime},
};
use crate::lessons::own::LESSONS;

/// A row of the table.
pub struct Timed {
    /// A step's number, or a row's minutes, `4–9`.
    pub place: String,
    pub what: String,
    /// `1:05`; nothing where no time was planned.
    pub planned: String,
    pub used: String,
}

/// The plan that was followed.
pub struct Hour {
    /// `45 minutes: What polling costs`.
    pub title: String,
    pub rows: Vec<Timed>,
}

impl Hour {
    pub fn of(plan: &PlanRecord, record: &Record) -> Self {
        let title = |id: &String| {
            let given = record.lessons.iter().find(|lesson| lesson.id == *id);
            let own = || LESSONS.iter().find(|lesson| lesson.front.id == *id);
            let title = given.map(|lesson| &lesson.title);
            cut(title
                .or_else(|| own().map(|lesson| &lesson.front.title))
                .unwrap_or(id))
        };
        let timed = |row: &PlanRowRecord| Timed {
            place: format!("{}–{}", row.from, row.to),
            what: row.lesson.as_ref().map_or_else(|| cut(&row.note), title),
            planned: planned(u32::from(row.to.saturating_sub(row.from)) * 60),
            used: clock(row.used_s),
        };
        Self {
            title: format!("{} minutes: {}", plan.minutes, cut(&plan.title)),
            rows: plan.rows.iter().map(timed).collect(),
        }
    }
}

/// The steps that had time.
pub fn steps(lesson: &LessonRecord) -> Vec<Timed> {
    let all = lesson.steps.iter().enumerate();
    let had_time = all.filter(|(_, step)| step.planned_s > 0 || step.used_s > 0);
    let timed = |(at, step): (usize, &StepTime)| Timed {
        place: (at + 1).to_string(),
        what: kind_in_words(&step.kind),
        planned: planned(step.planned_s),
        used: clock(step.used_s),
    };
    had_time.map(timed).collect()
}

/// What is done in a step of a kind, as its file calls it.
fn kind_in_words(kind: &str) -> String {
    match kind {
        "say" => "told",
        "guess" => "guesses",
        "set" => "phones set up",
        "run" => "run",
        "wait" => "waited for what has to be seen",
        "code" => "source shown",
        "reveal" => "result",
        "ask" => "last question",
        other => return cut(other),
    }
    .to_owned()
}

fn planned(seconds: u32) -> String {
    match seconds {
        0 => String::new(),
        seconds => clock(seconds),
    }
}

/// `1:05`.
fn clock(seconds: u32) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
