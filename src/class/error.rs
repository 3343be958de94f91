//! Why the class does not do what is asked.

/// For people; which HTTP status each becomes is `lab_api`'s.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClassError {
    #[error("the class is full: {0} phones are in")]
    Full(usize),
    #[error("the presenter has muted the class")]
    Muted,
    #[error("the presenter has stopped the picture: nothing is taken meanwhile")]
    Frozen,
    #[error("{0}")]
    NameRefused(&'static str),
    #[error("no phone of this class has the id {0}")]
    UnknownParticipant(super::ParticipantId),
    #[error("no lesson is given")]
    NoLesson,
    #[error("{0}")]
    StepIsOver(&'static str),
    #[error("{0}")]
    BadGuess(String),
    #[error("{0}")]
    BadSeen(String),
    #[error("the lesson has no step {0}")]
    NoSuchStep(usize),
    #[error("{0}")]
    NotHere(&'static str),
    #[error("a run goes on")]
    RunGoesOn,
    #[error("no plan is followed")]
    NoPlan,
    #[error("the plan has no row {0}")]
    NoSuchRow(usize),
    #[error("nothing was measured yet")]
    NothingMeasured,
    #[error("{0}")]
    BadTool(&'static str),
}
