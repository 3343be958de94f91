//! The plan that leads the presenter through the hour: where in it the class is, what comes next, and
//! how many minutes each part took.
//!
//! ```text
//!  POST …/plan {"plan":"45"} ──► Following ──► lead.plan: rows, the row that is on, minutes used
//!  a lesson is given ──────────►    │          (the bridge to the next is in lessons/plans/45.md)
//!                                   └────────► record.plan: planned and used, for the paper
//! ```
//!
//! A lesson of the plan that is given, from wherever, moves the plan there. Minutes without a lesson
//! (all join, in threes) are gone to by [`Class::go_in_plan`]. Steps are timed with or without a plan.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Class, ClassError,
    given::Given,
    record::PlanRecord,
    times::{Times, seconds},
};
use crate::lessons::{Lesson, plans::Plan};

/// What a class keeps of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Following {
    /// As in its address, `45`.
    plan: String,
    began_us: u64,
    /// From 0.
    row: usize,
    times: Times,
}

/// For the presenter alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanView {
    /// By which it is chosen, as `45`.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Minutes that it has.
    pub minutes: u16,
    /// When it began, µs of the time of day.
    pub began_us: u64,
    /// Where the class is, from 0.
    pub row: usize,
    /// Since when what passes is not yet in the row's `used_us`.
    pub since_us: u64,
    /// What is done in the hour, in order.
    pub rows: Vec<PlanRowView>,
}

/// One row of the plan: a lesson, or what is done between two.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRowView {
    /// Minutes since the beginning.
    pub from: u16,
    /// Minutes since the beginning, at its end.
    pub to: u16,
    /// Id of its lesson; `None`: there is none.
    pub lesson: Option<String>,
    /// What is done, or what to say to the lesson; may be empty there.
    pub note: String,
    /// What is said at its end; may be empty.
    pub bridge: String,
    /// How long the class was at it, µs.
    pub used_us: u64,
}

/// How long the steps of the lesson took, for the presenter alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LessonTimes {
    /// Since when what passes is not yet in the step's `used_us`.
    pub since_us: u64,
    /// One for each step of the lesson.
    pub steps: Vec<StepTimeView>,
}

/// How long one step took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepTimeView {
    /// Its kind, as `guess`.
    pub kind: String,
    /// What the lesson has for it, s.
    pub planned_s: u32,
    /// What it took so far, µs.
    pub used_us: u64,
}

impl Following {
    fn new(plan: &Plan, now_us: u64) -> Self {
        Self {
            plan: plan.id.clone(),
            began_us: now_us,
            row: 0,
            times: Times::at(0, now_us),
        }
    }

    /// `None`: this program has it no more.
    fn plan(&self) -> Option<&'static Plan> {
        Plan::find(&self.plan)
    }

    /// `on`: the lesson that is given.
    fn keep(&mut self, on: Option<&str>, now_us: u64) {
        let rows = self.plan().map_or(&[][..], |plan| &plan.rows);
        let is_on = |at: usize| {
            let lesson = rows.get(at).and_then(|row| row.lesson.as_deref());
            lesson.is_some() && lesson == on
        };
        if let Some(at) = (0..rows.len()).find(|at| is_on(*at))
            && !is_on(self.row)
        {
            self.row = at;
        }
        self.times.keep(self.row, now_us);
    }

    fn view(&self) -> Option<PlanView> {
        let plan = self.plan()?;
        let row = |(at, row): (usize, &crate::lessons::plans::Row)| PlanRowView {
            from: row.from,
            to: row.to,
            lesson: row.lesson.clone(),
            note: row.note.clone(),
            bridge: row.bridge.clone(),
            used_us: self.times.used_us(at),
        };
        Some(PlanView {
            id: plan.id.clone(),
            title: plan.title.clone(),
            minutes: plan.minutes,
            began_us: self.began_us,
            row: self.row,
            since_us: self.times.since_us(),
            rows: plan.rows.iter().enumerate().map(row).collect(),
        })
    }

    fn record(&self) -> Option<PlanRecord> {
        let plan = self.plan()?;
        let row = |(at, row): (usize, &crate::lessons::plans::Row)| super::record::PlanRowRecord {
            from: row.from,
            to: row.to,
            lesson: row.lesson.clone(),
            note: row.note.clone(),
            used_s: seconds(self.times.used_us(at)),
        };
        Some(PlanRecord {
            title: plan.title.clone(),
            minutes: plan.minutes,
            began_us: self.began_us,
            rows: plan.rows.iter().enumerate().map(row).collect(),
        })
    }
}

impl Class {
    /// Follows a plan from now on, or none. The one that is followed already goes on.
    pub fn follow_plan(&mut self, plan: Option<&Plan>, now_us: u64) {
        let is_same = match (&self.following, plan) {
            (Some(following), Some(plan)) => following.plan == plan.id,
            (None, None) => true,
            _ => false,
        };
        if is_same {
            return;
        }
        self.following = plan.map(|plan| Following::new(plan, now_us));
        self.changed();
    }

    /// The plan that is followed.
    pub fn plan(&self) -> Option<&'static Plan> {
        self.following.as_ref()?.plan()
    }

    /// Goes to a row of the plan: its lesson is given, or none where it has none. A lesson that is on
    /// goes on as it is.
    pub fn go_in_plan(
        &mut self,
        row: usize,
        lesson: Option<Arc<Lesson>>,
        now_us: u64,
    ) -> Result<(), ClassError> {
        let plan = self.plan().ok_or(ClassError::NoPlan)?;
        if row >= plan.rows.len() {
            return Err(ClassError::NoSuchRow(row));
        }
        let id = |lesson: &Arc<Lesson>| lesson.front.id.clone();
        let on = self.given.as_ref().map(|given| given.id.clone());
        if on != lesson.as_ref().map(id) {
            self.give_lesson(lesson, now_us)?;
        }
        if let Some(following) = &mut self.following {
            following.row = row;
        }
        self.changed();
        Ok(())
    }

    /// Writes down how long the class was where it was. Called before and after each change: what is
    /// recorded by it has all of its time, and what comes after counts for where the class is then.
    pub fn keep_time(&mut self, now_us: u64) {
        if let Some(given) = &mut self.given {
            given.times.keep(given.step, now_us);
        }
        let on = self.given.as_ref().map(|given| given.id.as_str());
        if let Some(following) = &mut self.following {
            following.keep(on, now_us);
        }
    }

    pub(super) fn plan_view(&self) -> Option<PlanView> {
        self.following.as_ref()?.view()
    }

    pub(super) fn plan_record(&self) -> Option<PlanRecord> {
        self.following.as_ref()?.record()
    }

    pub(super) fn lesson_times(&self) -> Option<LessonTimes> {
        self.given.as_ref().map(Given::times_view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        class::{To, Whom},
        lessons::own::LESSONS,
    };

    const S: u64 = 1_000_000;
    const MIN: u64 = 60 * S;
    const NINE: u64 = 1_764_465_120 * S;

    fn lesson(id: &str) -> Option<Arc<Lesson>> {
        let found = LESSONS.iter().find(|lesson| lesson.front.id == id);
        Some(Arc::new(found.unwrap().clone()))
    }

    /// As the lab does it.
    fn act(class: &mut Class, at_us: u64, act: impl FnOnce(&mut Class)) {
        class.keep_time(at_us);
        act(class);
        class.keep_time(at_us);
    }

    fn plan_of(class: &Class, now_us: u64) -> PlanView {
        let lead = class.state(Whom::Presenter, now_us).lead.unwrap();
        lead.plan.unwrap()
    }

    fn class() -> Class {
        let mut class = Class::new("8f3a09c1".into(), "K4T7".into(), NINE);
        act(&mut class, NINE, |class| {
            class.follow_plan(Plan::find("45"), NINE);
        });
        class
    }

    #[test]
    fn the_plan_is_where_the_class_is_and_knows_the_minutes_used() {
        let mut class = class();
        let at = NINE + 5 * MIN;
        act(&mut class, at, |class| {
            class.go_in_plan(1, lesson("one-in-many-out"), at).unwrap();
        });
        // From the list of lessons, and not in its turn: the row follows.
        let later = at + 3 * MIN;
        act(&mut class, later, |class| {
            class.give_lesson(lesson("tunnel"), later).unwrap();
        });
        let plan = plan_of(&class, later);
        assert_eq!(plan.rows[plan.row].lesson.as_deref(), Some("tunnel"));
        assert_eq!(plan.rows[0].used_us, 5 * MIN);
        assert_eq!(plan.rows[1].used_us, 3 * MIN);
        assert_eq!((plan.began_us, plan.since_us), (NINE, later));
        assert_eq!(plan.rows[0].bridge, "You are connected. Who asked whom?");
        // Minutes without a lesson, and one that the plan has not.
        act(&mut class, later + MIN, |class| {
            class.go_in_plan(7, None, later + MIN).unwrap();
        });
        assert!(class.lesson().is_none());
        act(&mut class, later + 2 * MIN, |class| {
            class.give_lesson(lesson("hello"), later + 2 * MIN).unwrap();
        });
        let plan = plan_of(&class, later + 2 * MIN);
        assert_eq!((plan.row, plan.rows[7].used_us), (7, MIN));
        let recorded = class.record().plan.unwrap();
        assert_eq!(recorded.rows[1].used_s, 180);
        assert_eq!(recorded.minutes, 45);
    }

    #[test]
    fn a_lesson_that_is_on_goes_on_and_the_same_plan_too() {
        let mut class = class();
        class
            .go_in_plan(1, lesson("one-in-many-out"), NINE)
            .unwrap();
        class.go(To::Next, NINE).unwrap();
        let step = class.step();
        class
            .go_in_plan(1, lesson("one-in-many-out"), NINE + S)
            .unwrap();
        assert_eq!(class.step(), step);
        class.follow_plan(Plan::find("45"), NINE + MIN);
        assert_eq!(plan_of(&class, NINE).began_us, NINE);
        class.follow_plan(Plan::find("90"), NINE + MIN);
        assert_eq!(plan_of(&class, NINE).began_us, NINE + MIN);
        let refused = class.go_in_plan(99, None, NINE);
        assert_eq!(refused, Err(ClassError::NoSuchRow(99)));
        class.follow_plan(None, NINE);
        assert_eq!(class.go_in_plan(0, None, NINE), Err(ClassError::NoPlan));
        assert!(
            class
                .state(Whom::Presenter, NINE)
                .lead
                .unwrap()
                .plan
                .is_none()
        );
    }

    #[test]
    fn each_step_is_timed_into_the_record_and_a_reset_forgets_no_time() {
        let mut class = class();
        let mut at = NINE;
        act(&mut class, at, |class| {
            class.give_lesson(lesson("empty-answers"), at).unwrap();
        });
        // say 0, set 1, guess 2
        for (step, seconds) in [(1, 20), (2, 5), (1, 70)] {
            at += seconds * S;
            act(&mut class, at, |class| {
                class.go(To::Step(step), at).unwrap()
            });
        }
        at += 7 * S;
        act(&mut class, at, |class| class.reset().unwrap());
        at += S;
        act(&mut class, at, |class| class.give_lesson(None, at).unwrap());
        let recorded = &class.record().lessons[0];
        let used: Vec<u32> = recorded.steps.iter().map(|step| step.used_s).collect();
        assert_eq!(used, [21, 12, 70, 0, 0, 0, 0, 0]);
        let planned: u32 = recorded.steps.iter().map(|step| step.planned_s).sum();
        let lesson = lesson("empty-answers").unwrap();
        assert_eq!(planned, lesson.front.clock.sum());
        assert_eq!(recorded.steps[2].kind, "guess");
    }

    #[test]
    fn what_is_kept_goes_on_after_a_stop_of_the_server() {
        let mut class = class();
        act(&mut class, NINE + MIN, |class| {
            class
                .go_in_plan(1, lesson("one-in-many-out"), NINE + MIN)
                .unwrap();
        });
        let text = serde_json::to_string(&class).unwrap();
        let mut again: Class = serde_json::from_str(&text).unwrap();
        again.go_on(lesson, NINE + 2 * MIN);
        again.keep_time(NINE + 3 * MIN);
        let plan = plan_of(&again, NINE + 3 * MIN);
        assert_eq!(plan.row, 1);
        assert_eq!((plan.rows[0].used_us, plan.rows[1].used_us), (MIN, 2 * MIN));
        // A file of an earlier version has none of it.
        let mut old: serde_json::Value = serde_json::from_str(&text).unwrap();
        old.as_object_mut().unwrap().remove("following");
        old["given"].as_object_mut().unwrap().remove("times");
        let mut old: Class = serde_json::from_value(old).unwrap();
        old.go_on(lesson, NINE + 2 * MIN);
        old.keep_time(NINE + 2 * MIN);
        assert!(old.plan().is_none());
        assert_eq!(old.record().lessons[0].steps[0].used_s, 0);
    }
}
