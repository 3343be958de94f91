//! What the class refuses, as HTTP.

use crate::{
    class::ClassError,
    error::{Code, Refusal},
};

pub fn no_class() -> Refusal {
    Refusal::new(Code::NoClass, "no class is on")
}

pub fn not_in_class() -> Refusal {
    Refusal::new(Code::NotInClass, "this phone is not in the class")
}

impl From<ClassError> for Refusal {
    fn from(error: ClassError) -> Self {
        let code = match &error {
            ClassError::Full(_) => Code::ClassFull,
            ClassError::DoorClosed => Code::DoorClosed,
            ClassError::Muted => Code::ClassMuted,
            ClassError::Frozen => Code::ClassFrozen,
            ClassError::NameRefused(_) => Code::NameRefused,
            ClassError::UnknownParticipant(_) => Code::UnknownParticipant,
            ClassError::NoLesson => Code::NoLesson,
            ClassError::StepIsOver(_) => Code::StepIsOver,
            ClassError::BadGuess(_) => Code::BadGuess,
            ClassError::BadSeen(_) => Code::BadSeen,
            ClassError::NoSuchStep(_) | ClassError::NoSuchRow(_) | ClassError::BadTool(_) => {
                Code::BadRange
            }
            ClassError::NoPlan => Code::NoPlan,
            ClassError::NotHere(_) => Code::NotAtThisStep,
            ClassError::RunGoesOn => Code::ClassRunGoesOn,
            ClassError::NothingMeasured => Code::NothingMeasured,
        };
        Self::new(code, error.to_string())
    }
}
