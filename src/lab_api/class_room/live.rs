//! What a class has going in the lab, from one call to the next: the network that it set, the run that
//! goes on, native clients in phones' places. What is done with it is `lab_api::class::live`'s.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
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
    /// Presenter's pages that are open.
    pub(in crate::lab_api) leading: Mutex<usize>,
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

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
