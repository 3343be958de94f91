//! What each step of a plan's lessons took when they were played, beside the plan's minutes.
//!
//! Stand-ins need no time to read, think and talk. So the question is not whether a lesson that was
//! played is short, but whether its minutes hold what was measured of the machine (`set`, `run`, `wait`)
//! and what people are given by the lesson's clock.
//!
//! ```text
//! min    what                     planned  measured    people     spare
//! 9–15   empty-answers               6:00      0:36      4:27      0:57
//!          2 guess                   1:40      0:02
//!          3 run                     0:33      0:35
//! ```

use crate::lessons::{
    Lesson,
    plans::{Plan, Row},
};

/// Of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepTime {
    pub kind: String,
    pub planned_s: u32,
    pub used_us: u64,
}

/// See the module.
pub struct Hour {
    title: String,
    rows: Vec<Part>,
}

/// Some minutes of the plan.
struct Part {
    minutes: String,
    what: String,
    planned_s: f64,
    /// `None`: nothing was played.
    lesson: Option<Measured>,
}

struct Measured {
    steps: Vec<StepTime>,
    /// Of people, by the lesson's clock.
    people_s: f64,
}

impl Measured {
    /// Where nobody thinks: what the class waits for.
    fn machine_s(&self) -> f64 {
        let machine = self.steps.iter().filter(|step| is_machine(&step.kind));
        machine.map(StepTime::used_s).sum()
    }
}

impl StepTime {
    fn used_s(&self) -> f64 {
        self.used_us as f64 / 1e6
    }
}

fn is_machine(kind: &str) -> bool {
    matches!(kind, "set" | "run" | "wait")
}

impl Hour {
    /// `took`: of each lesson that was played.
    pub fn of(plan: &Plan, lessons: &[Lesson], took: &[(&str, Vec<StepTime>)]) -> Self {
        let part = |row: &Row| {
            let id = row.lesson.as_deref();
            let played = took.iter().find(|(lesson, _)| Some(*lesson) == id);
            let lesson = lessons
                .iter()
                .find(|it| Some(it.front.id.as_str()) == id)
                .zip(played)
                .map(|(lesson, (_, steps))| measured(lesson, steps));
            Part {
                minutes: format!("{}–{}", row.from, row.to),
                what: id.map_or_else(|| shortened(&row.note), str::to_owned),
                planned_s: f64::from(row.to - row.from) * 60.0,
                lesson,
            }
        };
        Self {
            title: format!("{} minutes: {}", plan.minutes, plan.title),
            rows: plan.rows.iter().map(part).collect(),
        }
    }

    /// As a table.
    pub fn lines(&self) -> Vec<String> {
        let head = ["planned", "measured", "people", "spare"].map(str::to_owned);
        let mut lines = vec![
            String::new(),
            self.title.clone(),
            line("min", "what", &head),
        ];
        let (mut planned_s, mut machine_s) = (0.0, 0.0);
        for part in &self.rows {
            let mut cells = vec![clock(part.planned_s)];
            planned_s += part.planned_s;
            if let Some(lesson) = &part.lesson {
                machine_s += lesson.machine_s();
                let spare_s = part.spare_s(lesson);
                cells.extend([lesson.machine_s(), lesson.people_s, spare_s].map(clock));
            }
            lines.push(line(&part.minutes, &part.what, &cells));
            let steps = part.lesson.iter().flat_map(|lesson| &lesson.steps);
            for (at, step) in steps.enumerate() {
                if step.planned_s > 0 || step.used_s() >= 0.5 {
                    let what = format!("  {} {}", at + 1, step.kind);
                    let cells = [f64::from(step.planned_s), step.used_s()].map(clock);
                    lines.push(line("", &what, &cells));
                }
            }
        }
        lines.push(line("all", "", &[planned_s, machine_s].map(clock)));
        lines.push(
            "measured: set, run and wait of the lesson; people: read, guess, talk, look, discuss and \
             answer, by the lesson's clock. Stand-ins took the time that stands at those steps."
                .to_owned(),
        );
        lines
    }

    /// What does not fit its minutes.
    pub fn too_long(&self) -> Vec<String> {
        let mut too_long = Vec::new();
        for part in &self.rows {
            let spare_s = part.lesson.as_ref().map(|lesson| part.spare_s(lesson));
            if let Some(over_s) = spare_s.filter(|spare_s| *spare_s < 0.0) {
                too_long.push(format!(
                    "{}: its minutes {} are too few by {:.0} s; give its row more, or shorten the \
                     lesson's run or clock",
                    part.what, part.minutes, -over_s
                ));
            }
        }
        too_long
    }
}

impl Part {
    fn spare_s(&self, lesson: &Measured) -> f64 {
        self.planned_s - lesson.machine_s() - lesson.people_s
    }
}

fn measured(lesson: &Lesson, steps: &[StepTime]) -> Measured {
    let planned = lesson.planned_s().into_iter().zip(&lesson.steps);
    let of_people = planned.filter(|(_, step)| !is_machine(step.kind.name()));
    Measured {
        steps: steps.to_vec(),
        people_s: of_people.map(|(seconds, _)| f64::from(seconds)).sum(),
    }
}

fn line(minutes: &str, what: &str, cells: &[String]) -> String {
    let mut line = format!("{minutes:<7}{what:<28}");
    for cell in cells {
        line.push_str(&format!("{cell:>10}"));
    }
    line.trim_end().to_owned()
}

/// `1:05`, or `−0:10`.
fn clock(seconds: f64) -> String {
    let whole = seconds.abs().round() as u64;
    let sign = if seconds <= -0.5 { "−" } else { "" };
    format!("{sign}{}:{:02}", whole / 60, whole % 60)
}

/// Its beginning.
fn shortened(note: &str) -> String {
    const CHARS: usize = 25;
    match note.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}…", note[..at].trim_end()),
        None => note.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::own::LESSONS;

    fn hour(run_s: u64) -> Hour {
        let plan = Plan::find("45").unwrap();
        let second = LESSONS.iter().find(|it| it.front.id == "empty-answers");
        let kinds = second.unwrap().steps.iter().map(|step| step.kind.name());
        let steps: Vec<StepTime> = kinds
            .zip(second.unwrap().planned_s())
            .map(|(kind, planned_s)| StepTime {
                kind: kind.to_owned(),
                planned_s,
                used_us: if kind == "run" { run_s * 1_000_000 } else { 0 },
            })
            .collect();
        Hour::of(plan, &LESSONS, &[("empty-answers", steps)])
    }

    #[test]
    fn a_lesson_s_minutes_hold_its_people_and_what_was_measured() {
        let lines = hour(36).lines();
        let words = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = lines.iter().map(words).collect();
        for told in [
            // 300 s of clock without its run of 33 s.
            "9–15 empty-answers 6:00 0:36 4:27 0:57",
            "4 run 0:33 0:36",
            "0–4 Everybody joins with the… 4:00",
            "all 45:00 0:36",
        ] {
            assert!(lines.iter().any(|line| line == told), "{told}: {lines:#?}");
        }
        assert!(hour(36).too_long().is_empty());
    }

    #[test]
    fn what_is_too_long_is_told_with_what_helps() {
        let too_long = hour(120).too_long();
        assert_eq!(too_long.len(), 1);
        assert!(
            too_long[0].contains("9–15 are too few by 27 s"),
            "{too_long:?}"
        );
        assert!(hour(120).lines().join("\n").contains("−0:27"));
    }
}
