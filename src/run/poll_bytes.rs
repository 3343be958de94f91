//! What a poll for the latest state costs, learnt by asking as the clients do: once plainly, once
//! with the validator. Sizes of heads are the server's affair; what they add up to is not.

use std::{cell::Cell, rc::Rc};

use super::server_stats::Counts;
use crate::client::{
    Ended, Tally, Target,
    connection::Connection,
    http,
    short_poll::{PollFor, state_path, unless},
};

/// Bytes of one poll of each kind, by part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PollBytes {
    /// Of the question.
    pub request: f64,
    /// Of the question with `If-None-Match`.
    pub conditional_request: f64,
    /// Of 200.
    pub head: f64,
    /// Of an answer's body without publications.
    pub body: f64,
    /// Of 304, which has no body (RFC 9110 §15.4.5).
    pub not_modified: f64,
}

impl PollBytes {
    /// Asks; the channel must have a publication.
    pub async fn learn(target: &Target, channel: &str) -> Result<Self, Ended> {
        let (tally, cut) = (Rc::<Tally>::default(), Rc::<Cell<bool>>::default());
        let mut io = Connection::open(target, tally, cut).await?;
        let path = state_path(channel);
        http::get(&mut io, target, &path, "").await?;
        let full = http::read_head(&mut io).await?;
        let body = http::read_body(&mut io, &full).await?;
        http::expect(200, full.status, &path, &body)?;
        let condition = full.etag.as_deref().map(unless).unwrap_or_default();
        http::get(&mut io, target, &path, &condition).await?;
        let empty = http::read_head(&mut io).await?;
        let body_of_empty = http::read_body(&mut io, &empty).await?;
        http::expect(304, empty.status, &path, &body_of_empty)?;
        let request = |headers| http::request("GET", target, &path, headers, b"").len() as f64;
        Ok(Self {
            request: request(""),
            conditional_request: request(&condition),
            head: full.bytes as f64,
            body: body.len() as f64,
            not_modified: empty.bytes as f64,
        })
    }

    /// Mean bytes of a poll, both ways, when this share of the answers was empty; and of these,
    /// headers.
    pub fn mean(&self, poll_for: PollFor, empty: f64) -> (f64, f64) {
        let (request, empty) = match poll_for {
            PollFor::ChangedState => (self.conditional_request, empty),
            PollFor::State | PollFor::News => (self.request, 0.0),
        };
        let headers = request + empty * self.not_modified + (1.0 - empty) * self.head;
        (headers + (1.0 - empty) * self.body, headers)
    }
}

/// Share of a row's answers that carried nothing.
pub fn empty_share(counts: &Counts) -> f64 {
    counts.empty_answers as f64 / counts.requests.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_304_saves_the_body_and_costs_the_validator() {
        let bytes = PollBytes {
            request: 100.0,
            conditional_request: 130.0,
            head: 200.0,
            body: 2_000.0,
            not_modified: 90.0,
        };
        assert_eq!(bytes.mean(PollFor::State, 0.9), (2_300.0, 300.0));
        assert_eq!(bytes.mean(PollFor::ChangedState, 1.0), (220.0, 220.0));
        assert_eq!(bytes.mean(PollFor::ChangedState, 0.0), (2_330.0, 330.0));
        let mixed = bytes.mean(PollFor::ChangedState, 0.5);
        assert_eq!(mixed, (130.0 + 45.0 + 1_100.0, 130.0 + 45.0 + 100.0));
    }
}
