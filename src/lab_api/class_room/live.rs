//! What a class has going in the lab, from one call to the next: the network that it set, the run that
//! goes on, native clients in phones' places. What is done with it is `lab_api::class::live`'s.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

use tokio::sync::watch;

use super::setting::Setting;
use crate::{class::RunId, stand_in::StandIns};

/// See the module. Written by the presenter's calls and by the run's task.
#[derive(Default)]
pub struct Live {
    pub(in crate::lab_api) setting: Mutex<Setting>,
    /// The run that goes on or went on last.
    pub(in crate::lab_api) run: Mutex<Option<Going>>,
    pub(in crate::lab_api) stand_ins: Mutex<Option<StandIns>>,
    /// The stand-ins were sent because the lesson runs on native clients: they go when it is left.
    pub(in crate::lab_api) natives_of_lesson: AtomicBool,
    pub(in crate::lab_api) leading: Mutex<Leaders>,
    /// The visit of a step `wait` that a task looks after, by when it began.
    pub(in crate::lab_api) waiting: Mutex<Option<u64>>,
    /// Figures of the last run that was over.
    pub(in crate::lab_api) figures: Mutex<Option<(RunId, BTreeMap<String, f64>)>>,
}

/// The task of a live run.
pub struct Going {
    /// True: it ends, with what it has.
    pub(in crate::lab_api) stop: watch::Sender<bool>,
    /// Has no sender any more once the task is over, and the lab is as it was before it.
    pub(in crate::lab_api) over: watch::Receiver<()>,
}

/// Who leads: the presenter's pages that are open.
#[derive(Default)]
pub struct Leaders {
    open: usize,
    /// How often the last one was closed.
    times_left: u64,
}

impl Leaders {
    /// A page was opened. Whether it is the only one.
    pub fn come(&mut self) -> bool {
        self.open += 1;
        self.open == 1
    }

    /// A page was closed. Where it was the last one: the number of this leaving.
    pub fn go(&mut self) -> Option<u64> {
        self.open = self.open.saturating_sub(1);
        if self.open > 0 {
            return None;
        }
        self.times_left += 1;
        Some(self.times_left)
    }

    /// Whether nobody has come since this leaving. One who came and left again has a leaving of its own.
    pub fn are_gone_since(&self, leaving: u64) -> bool {
        self.open == 0 && self.times_left == leaving
    }
}

impl Live {
    /// The lab is being stopped: sends the stand-ins home. Waits for the end of their thread.
    pub fn close(&self) {
        if let Some(run) = lock(&self.run).take() {
            run.stop.send_replace(true);
        }
        let stand_ins = lock(&self.stand_ins).take();
        if let Some(stand_ins) = stand_ins {
            stand_ins.stop();
        }
    }
}

/// Locks, whatever became of the one who held it: a class goes on.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_came_back_is_not_judged_by_an_earlier_leaving() {
        let mut leaders = Leaders::default();
        assert!(leaders.come());
        assert!(!leaders.come());
        assert_eq!(leaders.go(), None, "another page is open");
        let first = leaders.go().unwrap();
        assert!(leaders.are_gone_since(first));
        assert!(leaders.come());
        assert!(!leaders.are_gone_since(first));
        let second = leaders.go().unwrap();
        assert!(!leaders.are_gone_since(first), "it was here in between");
        assert!(leaders.are_gone_since(second));
    }
}
