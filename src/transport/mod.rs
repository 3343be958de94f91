//! How bytes travel: one file or folder per transport, all in the same inner order (endpoint, handler,
//! session, tests), so that two can be read side by side.
//!
//! A new transport is a new file here; [`crate::catalogue`] lists what else a lane needs. What they
//! share: how an answer that goes on begins, waits and ends (`stream`), the [`query`] that each of them takes, [`answer`]s whose bytes
//! the meter counts, catching up from a position ([`catch_up`]), reading a [`body`], and the plain
//! HTTP API beside them ([`http_api`]).

pub mod actix_ws;
pub mod answer;
pub mod body;
pub mod catch_up;
pub mod fetch_stream;
pub mod http_api;
pub mod long_poll;
pub mod query;
pub mod short_poll;
mod socket_message;
pub mod sse;
mod stream;
mod subscribe;
pub mod websocket;

pub use answer::{
    Attributed, LAST_CHUNK_BYTES, Polled, chunk_framing_bytes, is_chunked, metered_json,
    will_answer, wrong_method,
};
pub use query::{SubscribeQuery, position, who};
