//! Why the class does not do what is asked.

/// For people; which HTTP status each becomes is `lab_api`'s.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClassError {
    /// So many participants are there, and no more may join.
    #[error("the class is full: {0} phones are in")]
    Full(usize),
    /// The presenter lets nobody else in.
    #[error("the door of this class is closed: nobody else is let in")]
    DoorClosed,
    /// The presenter takes nothing from phones, names and guesses included.
    #[error("the presenter has muted the class")]
    Muted,
    /// The presenter has stopped the picture, and takes nothing meanwhile.
    #[error("the presenter has stopped the picture: nothing is taken meanwhile")]
    Frozen,
    /// A name that may not be taken, and why.
    #[error("{0}")]
    NameRefused(&'static str),
    /// Nobody has this id; the phone must join anew.
    #[error("no phone of this class has the id {0}")]
    UnknownParticipant(super::ParticipantId),
    /// No lesson is on.
    #[error("no lesson is given")]
    NoLesson,
    /// What the step that was meant was; it is over.
    #[error("{0}")]
    StepIsOver(&'static str),
    /// A guess that does not fit what is asked; what would.
    #[error("{0}")]
    BadGuess(String),
    /// What a page says that it saw is nothing that can be measured.
    #[error("{0}")]
    BadSeen(String),
    /// The lesson has no step with this number.
    #[error("the lesson has no step {0}")]
    NoSuchStep(usize),
    /// Not in this kind of step.
    #[error("{0}")]
    NotHere(&'static str),
    /// A run goes on, and must end first.
    #[error("a run goes on")]
    RunGoesOn,
    /// The class goes by no plan of the hour.
    #[error("no plan is followed")]
    NoPlan,
    /// The plan has no row with this number.
    #[error("the plan has no row {0}")]
    NoSuchRow(usize),
    /// Nothing has been measured that could be shown.
    #[error("nothing was measured yet")]
    NothingMeasured,
    /// A tool that does not exist, or has another value.
    #[error("{0}")]
    BadTool(&'static str),
}
