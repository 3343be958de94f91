//! The rows of a run's result: a lane, with resume or without, or one of its variants. What a plan makes of a row is in
//! [`super::rows`], what a run knows of a lane in [`super::each_lane`].

use serde::{Deserialize, Serialize};

use crate::{
    catalogue::{Form, Lane, Resuming, Variant, lane, variant_of},
    codec::compressed::Coding,
};

/// A line of the result: a lane, with resume or without, as it is or in another form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Row {
    /// Its name in the report: the lane's id, or the variant's.
    pub lane: String,
    /// Whether clients continue from their position after an interruption.
    pub resume: bool,
    /// Whether publications are their data alone; such a row cannot resume.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bare: bool,
    /// The content coding that its clients ask for; `None`: nothing is compressed. Only of lanes whose
    /// publications come in answers to requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coding: Option<Coding>,
    /// How the row is named in thresholds and tables; the lane's name, with `-no-resume` where it
    /// could and is told not to, or the name of the lane's variant that it is; and at its end what
    /// its answers are compressed with.
    pub name: String,
}

impl Row {
    /// A lane as it is.
    pub fn new(lane: &'static Lane, resume: bool) -> Self {
        let mut row = Self {
            lane: lane.id.to_string(),
            resume,
            bare: false,
            coding: None,
            name: match (lane.resuming, resume) {
                (Resuming::ByProtocol, false) => format!("{}-no-resume", lane.id),
                _ => lane.id.to_string(),
            },
        };
        if let Some(variant) = row.variant() {
            row.name = variant.id.to_owned();
        }
        row
    }

    /// A lane with its protocol as it is: resuming where that can.
    pub fn of_lane(lane: &'static Lane) -> Self {
        Self::new(lane, lane.resuming == Resuming::ByProtocol)
    }

    /// A lane in another form.
    pub fn of_variant(variant: &Variant) -> Self {
        Self {
            lane: variant.lane.id.to_string(),
            resume: variant.form == Form::WithPositions,
            bare: variant.form == Form::Bare,
            coding: None,
            name: variant.id.to_owned(),
        }
    }

    /// The same, compressed.
    pub fn coded(self, coding: Coding) -> Self {
        Self {
            coding: Some(coding),
            name: format!("{}-{}", self.name, coding.name()),
            ..self
        }
    }

    /// How its publications are written.
    pub fn form(&self) -> Form {
        let resuming = self.lane().map(|lane| lane.resuming);
        match (self.bare, self.resume, resuming) {
            (true, ..) => Form::Bare,
            (_, true, Some(Resuming::ByExtension)) => Form::WithPositions,
            _ => Form::AsItIs,
        }
    }

    /// What it is beside its lane's own row, if it is.
    pub fn variant(&self) -> Option<&'static Variant> {
        variant_of(self.lane()?, self.form())
    }

    /// The lane; `None` for a peer's.
    pub fn lane(&self) -> Option<&'static Lane> {
        lane(&self.lane)
    }

    /// What people are told that it is.
    pub fn label(&self, lane: &Lane) -> String {
        let label = match (self.variant(), lane.resuming, self.resume) {
            (Some(variant), ..) => variant.label.to_owned(),
            (None, Resuming::ByProtocol, false) => format!("{}, without resume", lane.label),
            _ => lane.label.to_owned(),
        };
        match self.coding {
            Some(coding) => format!("{label}, {}", coding.name()),
            None => label,
        }
    }
}
