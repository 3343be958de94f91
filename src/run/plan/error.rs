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
    #[error(
        "the plan {path} cannot be read; name a TOML file, or a ready plan: dashboard, chat, inbox, \
         cursors"
    )]
    Unreadable { path: String, source: io::Error },
    #[error("the plan {path} is not understood: {source}")]
    BadFile {
        path: String,
        source: Box<toml::de::Error>,
    },
    #[error("{field} is {value}; {expected}")]
    OutOfRange {
        field: &'static str,
        value: String,
        expected: String,
    },
    #[error("target is no address that can be measured: {why}")]
    BadTarget { why: BadDestination },
    #[error(transparent)]
    BadTrust { source: TrustError },
    #[error("payload is {path}: {source}")]
    BadPayload { path: String, source: BadPayload },
    #[error("replay is {path}: {source}")]
    BadReplay { path: String, source: BadReplay },
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
