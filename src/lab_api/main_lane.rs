//! What only the main lane has: demos' publishers, runs that pages start, what is saved of them,
//! and what browsers report. Its handlers get it as `web::Data<MainLane>`; other lanes and their
//! protocols know nothing of it.

use std::sync::Arc;

use serde::Serialize;

use super::{
    class_room::{ClassRoom, Live},
    delays::Delays,
    reported::Reported,
    way_in::WayIn,
};
use crate::{
    clock, demo::sources::Sources, jobs::Jobs, lesson_folder::LessonFolder, saved::folder::Folder,
};

/// See the module.
pub struct MainLane {
    /// Publishers of demos.
    pub sources: Sources,
    /// Runs that pages start.
    pub jobs: Jobs,
    /// Where results are saved.
    pub saved: Folder,
    /// The lab's lessons and a teacher's.
    pub lessons: LessonFolder,
    /// The class, if one is on.
    pub class: Arc<ClassRoom>,
    /// What the class has going in the lab.
    pub live: Live,
    /// Where browsers' reports are recorded.
    pub reported: Reported,
    /// Of these, what came for a channel that somebody listens to.
    pub delays: Delays,
    /// How phones reach it.
    pub way_in: WayIn,
}

/// The class that is on, as far as a page needs it that is made before its script asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OnNow {
    pub code: String,
    pub here: usize,
    /// Nobody else is let in.
    pub closed: bool,
}

impl MainLane {
    /// The class that is on, for the pages' headers.
    pub fn class_on(&self) -> Option<OnNow> {
        self.class.look(|class| {
            let counts = class.counts(clock::now_us());
            OnNow {
                code: class.code().to_owned(),
                here: counts.open + counts.asleep,
                closed: class.is_closed(),
            }
        })
    }
}
