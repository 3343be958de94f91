//! A step `wait`: the class is told when what it waits for was seen.
//!
//! After a run it is the run's figures that are looked at; they were seen, or the run has failed. Where
//! there was none, what is counted from the beginning of the step.

use std::{sync::Arc, time::Duration};

use actix_web::web;
use tokio::time::sleep;

use super::{
    audience, by_phones,
    counted::{self, Figures},
    look,
};
use crate::{
    clock,
    lab::Lab,
    lab_api::{MainLane, class_room::lock},
    lessons::{Lesson, figure::Expression, step::Wait},
};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// See the module.
pub struct Waiting {
    main: web::Data<MainLane>,
    lab: Arc<Lab>,
    lesson: Arc<Lesson>,
    step: usize,
    until: Expression,
    /// Since when this step is shown, as the class has it: another visit is another wait.
    since_us: Option<u64>,
}

impl Waiting {
    pub fn new(
        main: &web::Data<MainLane>,
        lab: &Arc<Lab>,
        (lesson, step): (&Arc<Lesson>, usize),
        wait: &Wait,
    ) -> Self {
        let mut waiting = Self {
            main: main.clone(),
            lab: lab.clone(),
            lesson: lesson.clone(),
            step,
            until: wait.until.clone(),
            since_us: None,
        };
        waiting.since_us = waiting.shown_since_us();
        waiting
    }

    /// Until it was seen, or the step is left. One task looks after each visit of a step, however often the
    /// presenter's page is opened.
    pub async fn until_seen(self) {
        let Some(since_us) = self.since_us else {
            return;
        };
        if lock(&self.main.live.waiting).replace(since_us) == Some(since_us) {
            return;
        }
        let first = look(&self.lab).await;
        while self.shown_since_us() == self.since_us {
            let figures = match self.of_run() {
                Some(figures) => figures,
                None => {
                    let now_us = clock::now_us();
                    let who = self.main.class.look(|class| audience(class, now_us));
                    let last = look(&self.lab).await;
                    let mut figures = counted::counted(&first, &last, &who.unwrap_or_default());
                    // Before any run the phones count from when they were set up.
                    figures.extend(by_phones(&self.main, 0));
                    figures
                }
            };
            self.main.class.change(|class| {
                let so_far = super::so_far(class, &self.until, &figures);
                class.note_so_far(so_far);
            });
            if self.until.holds(&|name| figures.get(name).copied()) {
                self.main.class.change(|class| class.note_seen());
                return;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// `None`: another step or lesson is shown, or it was seen.
    fn shown_since_us(&self) -> Option<u64> {
        let shown = self.main.class.look(|class| {
            let is_this = class
                .lesson()
                .is_some_and(|it| Arc::ptr_eq(it, &self.lesson))
                && class.step() == Some(self.step);
            is_this.then(|| class.waits_since_us()).flatten()
        });
        shown.flatten()
    }

    /// Figures of the run that is over in this lesson.
    fn of_run(&self) -> Option<Figures> {
        let (of, figures) = lock(&self.main.live.figures).clone()?;
        let is_this = self.main.class.look(|class| class.is_run(&of));
        (is_this == Some(true)).then_some(figures)
    }
}
