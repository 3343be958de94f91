//! The lessons that a lab gives: its own, and a teacher's beside them.

use super::{Lesson, fault::Fault, own::LESSONS};
use crate::experiments::group::Group;

/// In the order of the list.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    lessons: Vec<Shelved>,
    /// Files of the teacher's that are no lessons: name, and everything that is wrong.
    pub broken: Vec<(String, Vec<Fault>)>,
}

/// A lesson and where it is from.
#[derive(Debug, Clone)]
pub struct Shelved {
    /// The lesson.
    pub lesson: Lesson,
    /// From the teacher's folder.
    pub is_teachers: bool,
}

impl Shelf {
    /// `files`: name and text of a teacher's files, in the order of their names. One with the id of a
    /// lesson of the lab's replaces it; of two with the same id the first counts.
    pub fn with<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut shelf = Self {
            lessons: LESSONS
                .iter()
                .map(|lesson| Shelved {
                    lesson: lesson.clone(),
                    is_teachers: false,
                })
                .collect(),
            broken: Vec::new(),
        };
        for (name, text) in files {
            match Lesson::parse(name, text) {
                Ok(lesson) => shelf.add(name, lesson),
                Err(faults) => shelf.broken.push((name.to_owned(), faults)),
            }
        }
        shelf.lessons.sort_by(|one, other| {
            let key =
                |shelved: &Shelved| (shelved.lesson.front.order, shelved.lesson.front.id.clone());
            key(one).cmp(&key(other))
        });
        shelf
    }

    fn add(&mut self, name: &str, lesson: Lesson) {
        let new = Shelved {
            lesson,
            is_teachers: true,
        };
        let id = &new.lesson.front.id;
        let old = self
            .lessons
            .iter_mut()
            .find(|old| old.lesson.front.id == *id);
        match old {
            None => self.lessons.push(new),
            Some(old) if old.is_teachers => {
                let what = format!("another file has the id {id:?}, too; change one of the two");
                self.broken
                    .push((name.to_owned(), vec![Fault::new(1, what)]));
            }
            Some(old) => *old = new,
        }
    }

    /// All lessons, in order.
    pub fn all(&self) -> impl Iterator<Item = &Shelved> {
        self.lessons.iter()
    }

    /// Those of one kind of question, in order.
    pub fn of(&self, group: Group) -> impl Iterator<Item = &Shelved> {
        self.all()
            .filter(move |shelved| shelved.lesson.front.group == group)
    }

    /// By its id; as people call it, also by its number, or by both as its file has them.
    pub fn find(&self, id: &str) -> Option<&Shelved> {
        let named = |id: &str| self.all().find(|shelved| shelved.lesson.front.id == id);
        let (number, rest) = id.split_once('-').unwrap_or((id, ""));
        let numbered = || {
            let order: u16 = number.parse().ok()?;
            self.all().find(|shelved| {
                let front = &shelved.lesson.front;
                front.order == order && (rest.is_empty() || rest == front.id)
            })
        };
        named(id).or_else(numbered)
    }

    /// What is said to an id that none has.
    pub fn unknown(&self, id: &str) -> String {
        super::rules::no_lesson(
            id,
            self.all().map(|shelved| shelved.lesson.front.id.as_str()),
        )
    }
}
