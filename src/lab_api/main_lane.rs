//! What only the main lane has: demos' publishers, runs that pages start, what is saved of them,
//! and what browsers report. Its handlers get it as `web::Data<MainLane>`; other lanes and their
//! protocols know nothing of it.

use std::sync::Arc;

use super::{
    class::{ClassRoom, live::Live},
    delays::Delays,
    reported::Reported,
};
use crate::{
    demo::sources::Sources, jobs::Jobs, lesson_folder::LessonFolder, saved::folder::Folder,
};

/// See the module.
pub struct MainLane {
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
}
