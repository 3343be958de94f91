//! The seam of a lesson's live steps: what the class sets in the lab, runs with its phones, and
//! native clients in phones' places. Until there is an engine, each says that it cannot.

use std::sync::Arc;

use actix_web::web;

use crate::{
    error::{Code, Refusal},
    lab::Lab,
    lab_api::MainLane,
    lessons::Lesson,
};

/// Begins the live run of a step. It calls [`crate::class::Class::begin_run`], changes the run as it
/// warms up and measures, and ends it with [`crate::class::Class::end_run`], from a task of its own.
///
/// # Errors
///
/// Why it does not begin.
pub async fn start(
    _main: &web::Data<MainLane>,
    _lab: &Arc<Lab>,
    _lesson: &Arc<Lesson>,
    _step: usize,
) -> Result<(), Refusal> {
    Err(cannot("this lab has no live runs yet"))
}

/// Ends the live run that goes on, with what it has. Whether there was one.
pub async fn stop(_main: &web::Data<MainLane>, _lab: &Arc<Lab>) -> bool {
    false
}

/// The class shows another step, or another lesson or none: sets what the step asks for (sources,
/// conditions), and lifts what an earlier one had set.
pub async fn entered(_main: &web::Data<MainLane>, _lab: &Arc<Lab>) -> Result<(), Refusal> {
    Ok(())
}

/// Lifts all that the class has set in the lab: at a reset, and when the class ends.
pub async fn lift(_main: &web::Data<MainLane>, _lab: &Arc<Lab>) {}

/// Why a lesson cannot be given by this lab, for people; `None`: it can.
pub fn why_not(_lab: &Lab, _lesson: &Lesson) -> Option<String> {
    None
}

/// So many native clients in phones' places; 0 sends them home.
///
/// # Errors
///
/// Why not.
pub async fn stand_ins(
    _main: &web::Data<MainLane>,
    _lab: &Arc<Lab>,
    _count: usize,
) -> Result<(), Refusal> {
    Err(cannot("this lab has no stand-ins yet"))
}

fn cannot(why: &'static str) -> Refusal {
    Refusal::new(Code::CannotRun, why)
}
