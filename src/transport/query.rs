//! The query that all plain transports take, checked once and the same for each.
//!
//! ```text
//! ?epoch=k3&offset=17      go on after this position, or say that it cannot be done
//! ?history=5               without a position: the latest five first
//! ?limit=20&hold_ms=25000  polls: how many in one answer; how long it may be held
//! ?client=c1&name=Ann      who is here, for presence
//! ?envelope=bare           the data alone, where the lane has that form
//! ?compress=on             otherwise than the lab is set; off, on or context
//! ```
//!
//! Unknown parameters are ignored (a newer client may send one), known ones that are wrong are
//! refused with what would be right. Rejected: taking defaults for what is not understood;
//! `offset=1e3` would silently begin somewhere else, and its client would believe that nothing is
//! missing.

use actix_web::web;
use serde::Deserialize;

use crate::{
    catalogue::{Form, Lane, variant_of},
    channel::{BadPosition, Epoch, ID_MAX_BYTES, StreamPosition, history::Start, is_name_byte},
    config::compress::Compress,
    error::{Code, Refusal},
    node::Who,
};

/// The query as it came. Unknown parameters are ignored.
#[derive(Debug, Default, Deserialize)]
struct RawQuery {
    epoch: Option<String>,
    offset: Option<String>,
    history: Option<String>,
    limit: Option<String>,
    hold_ms: Option<String>,
    client: Option<String>,
    name: Option<String>,
    envelope: Option<String>,
    compress: Option<String>,
}

/// What a client that subscribes or polls asks for; every part has been checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscribeQuery {
    /// Where to begin: a position, some history, or now.
    pub start: Start,
    /// Largest number of publications in one answer.
    pub limit: Option<usize>,
    /// How long a poll may be held, ms; `None`: as the server is set (`long_poll_hold`).
    pub hold_ms: Option<u64>,
    /// Who asks; `None`: somebody who is no member of anything.
    pub who: Option<Who>,
    /// How publications are to be written.
    pub form: Form,
    /// What is to be compressed on this connection; `None`: as the server is set (`compress`).
    pub compress: Option<Compress>,
}

impl SubscribeQuery {
    /// As [`Self::parse`]; refuses a form of publications that this lane does not have.
    pub fn parse_for(lane: &Lane, text: &str) -> Result<Self, Refusal> {
        let asked = Self::parse(text)?;
        match asked.form == Form::AsItIs || variant_of(lane, asked.form).is_some() {
            true => Ok(asked),
            false => {
                let message = format!("{} has no bare form", lane.label);
                Err(Refusal::new(Code::BadRange, message).with_hint(
                    "Leave envelope=bare away, or take /ws/ or /sse/: where there are positions to say \
                     or several publications in one answer, something must be around them.",
                ))
            }
        }
    }

    /// Reads a query string, without its `?`. Empty parameters count as missing. Errors are 400 and
    /// name the parameter and what it had: `bad_position`, `bad_range`, `bad_client`, `bad_query`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        web::Query::<RawQuery>::from_query(text)
            .map_err(|error| {
                Refusal::new(
                    Code::BadQuery,
                    format!("the query is not understood: {error}"),
                )
            })?
            .into_inner()
            .without_empty()
            .check()
    }
}

impl RawQuery {
    /// A parameter that is there but empty counts as missing.
    fn without_empty(mut self) -> Self {
        for part in [
            &mut self.epoch,
            &mut self.offset,
            &mut self.history,
            &mut self.limit,
            &mut self.hold_ms,
            &mut self.client,
            &mut self.name,
            &mut self.envelope,
            &mut self.compress,
        ] {
            part.take_if(|part| part.is_empty());
        }
        self
    }

    /// From texts to types. A position has both parts or none: an offset without its epoch could be
    /// of another life.
    fn check(self) -> Result<SubscribeQuery, Refusal> {
        let position = match (self.epoch, self.offset) {
            (None, None) => None,
            (Some(epoch), Some(offset)) => Some(position(&epoch, &offset)?),
            (Some(_), None) => return Err(bad_position("an epoch without an offset".to_owned())),
            (None, Some(_)) => return Err(bad_position("an offset without an epoch".to_owned())),
        };
        let limit: Option<usize> = number("limit", self.limit)?;
        if limit == Some(0) {
            return Err(Refusal::new(
                Code::BadRange,
                "limit is 0; ask for at least 1",
            ));
        }
        let who = match self.client {
            None => None,
            Some(client) => Some(who(client, self.name.unwrap_or_default())?),
        };
        Ok(SubscribeQuery {
            start: Start {
                position,
                history: number("history", self.history)?,
            },
            limit,
            hold_ms: number("hold_ms", self.hold_ms)?,
            who,
            form: form(self.envelope.as_deref())?,
            compress: self.compress.as_deref().map(compress).transpose()?,
        })
    }
}

/// The form that `envelope=` names.
fn form(envelope: Option<&str>) -> Result<Form, Refusal> {
    match envelope {
        None => Ok(Form::AsItIs),
        Some("bare") => Ok(Form::Bare),
        Some(other) => Err(Refusal::new(
            Code::BadRange,
            format!("envelope is {other:?}; choose bare, or leave it away"),
        )),
    }
}

/// What `compress=` names.
fn compress(text: &str) -> Result<Compress, Refusal> {
    text.parse().map_err(|choices| {
        let message = format!("compress is {text:?}; {choices}, or leave it away");
        Refusal::new(Code::BadRange, message)
    })
}

/// A position from its two parameters.
pub fn position(epoch: &str, offset: &str) -> Result<StreamPosition, Refusal> {
    let epoch = Epoch::parse(epoch)
        .ok_or_else(|| bad_position(format!("the epoch {epoch:?} is not valid")))?;
    let offset = offset
        .parse()
        .map_err(|_| bad_position(format!("the offset {offset:?} is not a whole number")))?;
    Ok(StreamPosition { epoch, offset })
}

fn bad_position(what: String) -> Refusal {
    Refusal::new(Code::BadPosition, format!("{BadPosition}: {what}"))
}

/// A whole number, or a refusal that shows what came instead.
fn number<T: std::str::FromStr>(name: &str, text: Option<String>) -> Result<Option<T>, Refusal> {
    text.map(|text| {
        text.parse().map_err(|_| {
            Refusal::new(
                Code::BadRange,
                format!("{name} is {text:?}; a whole number is expected"),
            )
        })
    })
    .transpose()
}

/// Checks a client's id and name.
pub fn who(client: String, name: String) -> Result<Who, Refusal> {
    const NAME_MAX_CHARACTERS: usize = 64;
    let refuse = |message: String| Err(Refusal::new(Code::BadClient, message));
    if client.is_empty() || client.len() > ID_MAX_BYTES || !client.bytes().all(is_name_byte) {
        return refuse(format!(
            "the client id {client:?} is empty, too long, or has other characters"
        ));
    }
    if name.chars().count() > NAME_MAX_CHARACTERS || name.chars().any(char::is_control) {
        return refuse("the name is too long or has control characters".to_owned());
    }
    Ok(Who {
        client: client.into(),
        name: name.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_query_is_read() {
        let asked = SubscribeQuery::parse(
            "epoch=k3&offset=17&limit=5&history=2&hold_ms=100&client=c1&name=Ann%20B&compress=on",
        )
        .unwrap();
        assert_eq!(asked.start.position.unwrap().to_string(), "k3:17");
        assert_eq!((asked.limit, asked.hold_ms), (Some(5), Some(100)));
        assert_eq!(asked.compress, Some(Compress::On));
        assert_eq!(&*asked.who.unwrap().name, "Ann B");
        assert_eq!(
            SubscribeQuery::parse("nonsense=1").unwrap(),
            SubscribeQuery::default()
        );
        let empty = "epoch=&offset=&limit=&history=&hold_ms=&client=&name=&envelope=&compress=";
        assert_eq!(
            SubscribeQuery::parse(empty).unwrap(),
            SubscribeQuery::default()
        );
    }

    #[test]
    fn only_a_lane_that_has_a_bare_form_is_asked_for_it() {
        use crate::catalogue::{LONG_POLL, WEBSOCKET};
        let bare = |lane| SubscribeQuery::parse_for(lane, "envelope=bare");
        assert_eq!(bare(&WEBSOCKET).unwrap().form, Form::Bare);
        assert_eq!(bare(&LONG_POLL).unwrap_err().code, Code::BadRange);
        assert!(SubscribeQuery::parse_for(&LONG_POLL, "envelope=").is_ok());
    }

    #[test]
    fn bad_queries_are_named() {
        for (query, code) in [
            ("epoch=k3", Code::BadPosition),
            ("offset=3", Code::BadPosition),
            ("epoch=k3&offset=-1", Code::BadPosition),
            ("epoch=k3&offset=1e3", Code::BadPosition),
            ("epoch=a b&offset=1", Code::BadPosition),
            ("epoch=k3&offset=99999999999999999999", Code::BadPosition),
            ("limit=0", Code::BadRange),
            ("limit=many", Code::BadRange),
            ("hold_ms=-5", Code::BadRange),
            ("envelope=none", Code::BadRange),
            ("compress=gzip", Code::BadRange),
            ("client=a/b", Code::BadClient),
            ("client=c1&name=%00", Code::BadClient),
            ("epoch=a&epoch=b", Code::BadQuery),
        ] {
            assert_eq!(
                SubscribeQuery::parse(query).unwrap_err().code,
                code,
                "{query}"
            );
        }
    }
}
