//! The rows of a run's result: a lane, with resume or without, or one of its variants. What a plan makes of a row is in
//! [`super::rows`], what a run knows of a lane in [`super::each_lane`].

use serde::{Deserialize, Serialize};

use crate::{
    catalogue::{Form, Lane, Resuming, Variant, lane, variant_of},
    codec::compressed::Coding,
    config::compress::Compress,
};

/// What a row's clients take compressed and ask the lab for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compressed {
    /// Answers, in a content coding (RFC 9110 §8.4).
    Coded(Coding),
    /// Messages of a WebSocket, each by itself (RFC 7692, no context takeover).
    Deflated,
    /// Messages of a WebSocket, with what was said before.
    DeflatedInContext,
}

impl Compressed {
    /// The end of a row's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coded(coding) => coding.name(),
            Self::Deflated => "deflate",
            Self::DeflatedInContext => "deflate-context",
        }
    }

    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Coded(coding) => coding.name(),
            Self::Deflated => "each message deflated",
            Self::DeflatedInContext => "deflated in context",
        }
    }

    /// A full name of a row, divided; what has none of the endings is not compressed.
    pub fn divided(name: &str) -> (&str, Option<Self>) {
        const ALL: [Compressed; 5] = [
            Compressed::DeflatedInContext,
            Compressed::Deflated,
            Compressed::Coded(Coding::Gzip),
            Compressed::Coded(Coding::Brotli),
            Compressed::Coded(Coding::Zstd),
        ];
        let mut endings = ALL.into_iter().filter_map(|compressed| {
            let before = name.strip_suffix(compressed.name())?.strip_suffix('-')?;
            Some((before, Some(compressed)))
        });
        endings.next().unwrap_or((name, None))
    }

    /// Whether a lane has it.
    pub fn is_of(self, lane: &Lane) -> bool {
        match self {
            Self::Coded(_) => !lane.upgrades,
            Self::Deflated | Self::DeflatedInContext => lane.deflates(),
        }
    }

    /// Of a setting for all WebSockets.
    pub fn of_sockets(compress: Compress) -> Option<Self> {
        match compress {
            Compress::Off => None,
            Compress::On => Some(Self::Deflated),
            Compress::Context => Some(Self::DeflatedInContext),
        }
    }
}

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
    /// What its clients ask for compressed; `None`: nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compressed: Option<Compressed>,
    /// How the row is named in thresholds and tables; the lane's name, with `-no-resume` where it
    /// could and is told not to, or the name of the lane's variant that it is; and at its end how
    /// it is compressed.
    pub name: String,
}

impl Row {
    /// A lane as it is.
    pub fn new(lane: &'static Lane, resume: bool) -> Self {
        let mut row = Self {
            lane: lane.id.to_string(),
            resume,
            bare: false,
            compressed: None,
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
            compressed: None,
            name: variant.id.to_owned(),
        }
    }

    /// The same, compressed.
    pub fn compressed(self, compressed: Compressed) -> Self {
        Self {
            compressed: Some(compressed),
            name: format!("{}-{}", self.name, compressed.name()),
            ..self
        }
    }

    /// The content coding that its clients ask for; `None`: as it is, or no answers.
    pub fn coding(&self) -> Option<Coding> {
        match self.compressed {
            Some(Compressed::Coded(coding)) => Some(coding),
            _ => None,
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
        match self.compressed {
            Some(compressed) => format!("{label}, {}", compressed.label()),
            None => label,
        }
    }
}
