//! Plans of a whole hour: which lesson at which minute, and what leads from one to the next.
//!
//! One Markdown file is one plan, named by its minutes (`lessons/plans/45.md`): TOML between two lines
//! `+++`, prose, one table, and sections. A row that is a lesson has its id first, as code:
//!
//! ```text
//! | min | what | bridge |
//! |---|---|---|
//! | 0–4 | Everybody joins. | Who asked whom? |
//! | 4–9 | `one-in-many-out` | So the server speaks. |
//! ```
//!
//! [`Plan::parse`] finds every fault at once. Rows follow each other without a gap and fill the hour,
//! and each lesson is one of the lab's. A teacher's own plans are not read: a plan is a page and not
//! a lesson, and theirs is on their desk.

use std::sync::LazyLock;

use serde::Deserialize;

use super::{Lesson, fault::Fault, fault::nearest, markup, own::LESSONS};

/// What every plan has to say below its table, by how the headings begin.
pub const SECTIONS: [&str; 3] = ["Before class", "Behind time", "If the Wi-Fi"];

/// Name and text of each.
pub const FILES: &[(&str, &str)] = &[
    ("45", include_str!("../../lessons/plans/45.md")),
    ("90", include_str!("../../lessons/plans/90.md")),
];

/// The lab's plans, the shorter first. A test holds that every file is one.
pub static PLANS: LazyLock<Vec<Plan>> = LazyLock::new(|| {
    let parsed = FILES
        .iter()
        .filter_map(|(id, text)| Plan::parse(id, text, &LESSONS).ok());
    parsed.collect()
});

/// A plan's table and texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// As in its address, `45`.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// How long the hour is.
    pub minutes: u16,
    /// What stands above the table, as HTML.
    pub html: String,
    /// Its table.
    pub rows: Vec<Row>,
    /// What stands below the table.
    pub sections: Vec<Section>,
}

/// Some minutes of the hour.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Minutes since the beginning.
    pub from: u16,
    /// Minute at which it ends.
    pub to: u16,
    /// The lesson's id.
    pub lesson: Option<String>,
    /// What is done, or what to say to the lesson, as it is written; may be empty there.
    pub note: String,
    /// The same as HTML.
    pub html: String,
    /// What is said at its end; plain text, may be empty.
    pub bridge: String,
}

/// A heading and what is below it, as HTML.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// What is below it.
    pub html: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    minutes: u16,
    title: String,
}

impl Plan {
    /// Reads a file; `id` is its name without the ending, `lessons` are those that it may name.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the lines.
    pub fn parse(id: &str, text: &str, lessons: &[Lesson]) -> Result<Self, Vec<Fault>> {
        let text = text.replace("\r\n", "\n");
        let parts = text
            .strip_prefix("+++\n")
            .and_then(|text| text.split_once("\n+++\n"));
        let Some((front, body)) = parts else {
            let what = "a plan begins with a line +++, then minutes and title, then +++ again";
            return Err(vec![Fault::new(1, what)]);
        };
        let front: Front = toml::from_str(front).map_err(|error| {
            let what = format!(
                "front matter: {}; it has minutes and title",
                error.message()
            );
            vec![Fault::new(2, what)]
        })?;
        let mut read = Read {
            lessons,
            ..Read::default()
        };
        let body_line = text[..text.len() - body.len()].matches('\n').count() + 1;
        for (at, line) in body.lines().enumerate() {
            read.line(body_line + at, line);
        }
        read.check(id, &front);
        if !read.faults.is_empty() {
            return Err(read.faults);
        }
        Ok(Self {
            id: id.to_owned(),
            title: front.title,
            minutes: front.minutes,
            html: markup::to_html(&read.prose),
            rows: read.rows,
            sections: (read.sections.into_iter())
                .map(|(title, text)| Section {
                    title,
                    html: markup::to_html(&text),
                })
                .collect(),
        })
    }

    /// The plan with this id, `45` or `90`.
    pub fn find(id: &str) -> Option<&'static Self> {
        PLANS.iter().find(|plan| plan.id == id)
    }

    /// Why there is none of that name, for people.
    pub fn unknown(id: &str) -> String {
        let asked: String = id.chars().take(40).collect();
        let all: Vec<&str> = PLANS.iter().map(|plan| plan.id.as_str()).collect();
        format!(
            "there is no plan {asked:?}; there are {}",
            all.join(" and ")
        )
    }

    /// Ids of its lessons, in their order.
    pub fn lessons(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(|row| row.lesson.as_deref())
    }
}

#[derive(Default)]
struct Read<'a> {
    lessons: &'a [Lesson],
    prose: String,
    rows: Vec<Row>,
    /// Title and Markdown.
    sections: Vec<(String, String)>,
    faults: Vec<Fault>,
}

impl Read<'_> {
    fn line(&mut self, number: usize, line: &str) {
        if let Some(title) = line.strip_prefix("## ") {
            self.sections.push((title.trim().to_owned(), String::new()));
        } else if line.starts_with('|') && self.sections.is_empty() {
            self.row(number, line);
        } else {
            let text = match self.sections.last_mut() {
                Some((_, text)) => text,
                None => &mut self.prose,
            };
            text.push_str(line);
            text.push('\n');
            for link in markup::links(line) {
                let lesson = link.strip_prefix("/lessons/").unwrap_or_default();
                if lesson.is_empty() {
                    let what =
                        format!("a plan links to lessons, as in /lessons/tunnel; {link:?} is none");
                    self.faults.push(Fault::new(number, what));
                } else {
                    self.knows(number, lesson);
                }
            }
        }
    }

    fn knows(&mut self, number: usize, id: &str) -> Option<&Lesson> {
        let lesson = self.lessons.iter().find(|lesson| lesson.front.id == id);
        if lesson.is_none() {
            let all = self.lessons.iter().map(|lesson| lesson.front.id.as_str());
            let what = format!("there is no lesson {id:?}; {}", nearest(id, all));
            self.faults.push(Fault::new(number, what));
        }
        lesson
    }

    fn row(&mut self, number: usize, line: &str) {
        let cells: Vec<&str> = line
            .trim()
            .trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        if cells[0] == "min" || cells[0].starts_with('-') {
            return;
        }
        let mut fault = |what: &str| self.faults.push(Fault::new(number, what));
        let [minutes, what, bridge] = cells[..] else {
            return fault("a row has three cells: minutes, what, bridge");
        };
        let ends = minutes.split_once(['–', '-']);
        let Some((Ok(from), Ok(to))) = ends.map(|(from, to)| (from.parse(), to.parse())) else {
            return fault("minutes are written as in 4–9");
        };
        if from >= to {
            return fault("a row ends after it began, as in 4–9");
        }
        let before = self.rows.last().map_or(0, |row: &Row| row.to);
        if from != before {
            fault(&format!(
                "it begins at {from}, and what is before it ends at {before}"
            ));
        }
        let coded = what.strip_prefix('`').and_then(|rest| rest.split_once('`'));
        let (lesson, note) = match coded {
            Some((id, note)) => (Some(id.to_owned()), note.trim()),
            None => (None, what),
        };
        if let Some(id) = &lesson
            && let Some(known) = self.knows(number, id)
        {
            let (has, takes) = (to - from, u16::from(known.front.minutes));
            if has < takes {
                let what = format!("{id} takes {takes} minutes, and the row has {has}");
                self.faults.push(Fault::new(number, what));
            }
        }
        self.rows.push(Row {
            from,
            to,
            lesson,
            note: note.to_owned(),
            html: markup::to_html(note),
            bridge: bridge.to_owned(),
        });
    }

    fn check(&mut self, id: &str, front: &Front) {
        let mut fault = |what: String| self.faults.push(Fault::new(1, what));
        if id != front.minutes.to_string() {
            fault(format!(
                "it has {} minutes and is called {id}; call it {0}.md",
                front.minutes
            ));
        }
        let end = self.rows.last().map_or(0, |row| row.to);
        if end != front.minutes {
            fault(format!(
                "it has {} minutes, and its rows end at {end}",
                front.minutes
            ));
        }
        for section in SECTIONS {
            if !self
                .sections
                .iter()
                .any(|(title, _)| title.starts_with(section))
            {
                fault(format!("add a section \"## {section}\""));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "+++\nminutes = 9\ntitle = \"Short\"\n+++\nWhy.\n\n| min | what | bridge |\n|---|---|---|\n\
        | 0–3 | All join. | And now? |\n| 3–9 | `tunnel` on all phones | |\n\n\
        ## Before class, 10 minutes\nStart.\n\n## Behind time\n[drop it](/lessons/tunnel)\n\n## If the Wi-Fi sleeps\nWait.\n";

    fn faults(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        let faults = Plan::parse("9", &GOOD.replacen(from, to, 1), &LESSONS).expect_err(to);
        faults.iter().map(|fault| format!("{fault}\n")).collect()
    }

    #[test]
    fn a_plan_is_read_with_its_rows_and_sections() {
        let plan = Plan::parse("9", GOOD, &LESSONS).unwrap();
        assert_eq!((plan.minutes, plan.title.as_str()), (9, "Short"));
        assert_eq!(plan.html, "<p>Why.</p>\n");
        assert_eq!(plan.lessons().collect::<Vec<_>>(), ["tunnel"]);
        assert_eq!(plan.rows[0].html, "<p>All join.</p>\n");
        assert_eq!(plan.rows[1].html, "<p>on all phones</p>\n");
        assert_eq!(
            (plan.rows[0].bridge.as_str(), plan.rows[1].bridge.as_str()),
            ("And now?", "")
        );
        assert_eq!(plan.sections[1].title, "Behind time");
        assert!(plan.sections[1].html.contains("href=\"/lessons/tunnel\""));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        assert!(
            faults("`tunnel`", "`tunel`")
                .contains("10:1  there is no lesson \"tunel\"; nearest: \"tunnel\"")
        );
        assert!(faults("/lessons/tunnel", "/lessons/x").contains("16:1  there is no lesson"));
        assert!(faults("/lessons/tunnel", "https://a.example/").contains("is none"));
        assert!(faults("3–9", "4–9").contains("it begins at 4, and what is before it ends at 3"));
        assert!(faults("3–9", "3–8").contains("its rows end at 8"));
        assert!(faults("0–3", "0–5").contains("ends at 5"));
        assert!(faults("3–9", "3-6").contains("tunnel takes 5 minutes, and the row has 3"));
        assert!(faults("0–3", "soon").contains("9:1  minutes are written"));
        assert!(faults("3–9", "9–3").contains("ends after it began"));
        assert!(faults("| And now? |", "|").contains("three cells"));
        assert!(faults("## Behind time", "## Late").contains("add a section \"## Behind time\""));
        assert!(faults("minutes = 9", "minuets = 9").contains("minutes and title"));
        assert!(faults("+++\n", "").contains("begins with a line +++"));
        assert!(Plan::parse("8", GOOD, &LESSONS).is_err());
    }

    #[test]
    fn every_plan_of_the_lab_fills_its_hour_with_lessons_that_there_are() {
        for (id, text) in FILES {
            let plan = Plan::parse(id, text, &LESSONS);
            let plan = plan.unwrap_or_else(|faults| panic!("lessons/plans/{id}.md: {faults:#?}"));
            let sum: u16 = plan.rows.iter().map(|row| row.to - row.from).sum();
            assert_eq!(sum.to_string(), *id);
            let lessons: std::collections::BTreeSet<_> = plan.lessons().collect();
            assert_eq!(lessons.len(), plan.lessons().count(), "{id}: each once");
        }
        assert_eq!(PLANS.len(), FILES.len());
    }
}
