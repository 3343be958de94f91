//! Why a plan cannot be carried out.

use std::io;

use super::payload::BadPayload;
use crate::{
    client::tls::TrustError,
    run::{destination::BadDestination, schedule::BadReplay},
};

/// `Display` names the field and the way out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The plan's file cannot be read.
    #[error(
        "the plan {path} cannot be read; name a TOML file, or a ready plan: dashboard, chat, inbox, \
         cursors"
    )]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The plan's file is not understood.
    #[error("the plan {path} is not understood: {source}")]
    BadFile {
        /// The file.
        path: String,
        /// What the parser says, with the line.
        source: Box<toml::de::Error>,
    },
    /// A field is outside of its range.
    #[error("{field} is {value}; {expected}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What it has.
        value: String,
        /// What it may have.
        expected: String,
    },
    /// The target is not understood.
    #[error("target is no address that can be measured: {why}")]
    BadTarget {
        /// What is wrong, with an example.
        why: BadDestination,
    },
    /// The file of certificates is not usable.
    #[error(transparent)]
    BadTrust {
        /// What is wrong with it.
        source: TrustError,
    },
    /// The file of messages is not usable.
    #[error("payload is {path}: {source}")]
    BadPayload {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: BadPayload,
    },
    /// The recorded schedule is not usable.
    #[error("replay is {path}: {source}")]
    BadReplay {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: BadReplay,
    },
}

pub(super) fn out_of_range(
    field: &'static str,
    value: impl ToString,
    expected: impl Into<String>,
) -> PlanError {
    PlanError::OutOfRange {
        field,
        value: value.to_string(),
        expected: expected.into(),
    }
}
