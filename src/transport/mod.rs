//! How bytes travel: one file per transport, all in the same inner order (registration, handler,
//! session, tests), so that two can be read side by side.
//!
//! A new transport is a new file here, its facts in [`crate::catalogue`], and one line in the server's
//! list. What they have in common: the [`query`] every one of them takes, [`answer`]s that their
//! connection's meter is told of, the way from a position to now ([`catch_up`]), reading a [`body`],
//! and the plain HTTP API beside them ([`http_api`]).

pub mod answer;
pub mod body;
pub mod catch_up;
pub mod http_api;
pub mod long_poll;
pub mod query;
pub mod short_poll;
pub mod sse;
mod stream;
pub mod websocket;

pub use answer::{
    Attributed, LAST_CHUNK_BYTES, Polled, chunk_framing_bytes, is_chunked, metered_json,
    will_answer, wrong_method,
};
pub use query::{Asked, Query, position, who};
