//! How bytes travel: one file or folder for each transport, all in the same inner order (endpoint,
//! wire form, handler, session, tests), so that any two can be read side by side.
//!
//! Read [`short_poll`] first, then [`long_poll`], [`sse`], [`fetch_stream`], [`websocket`], and
//! [`actix_ws`] last. Each answers one question that the one before it leaves open:
//!
//! ```text
//! short_poll    ask, answer, wait, ask …        how late, and how often for nothing?
//! long_poll     ask ……… answer, ask ……… answer  what if two things happen close together?
//! sse           ask, answer answer answer …     who says where to go on after a break?
//! fetch_stream  the same, without EventSource   what did EventSource do for us?
//! websocket     upgrade, frames both ways       what does a message cost without HTTP around it?
//! actix_ws      the same frames, by a crate     what does an owned socket buy?
//! ```
//!
//! Each head says what the transport is for, what goes over the wire, what was rejected, what it
//! costs with the command that prints it, and where to see it. What they send is one envelope
//! ([`crate::codec::envelope`], described in `docs/envelope.md`), so that what differs in a
//! measurement is the transport.
//!
//! # What they share
//!
//! - [`SubscribeQuery`]: what a client asks for, checked once.
//! - `subscribe`, [`catch_up`]: how a subscriber comes in and gets what it missed.
//! - `stream`: the queue, heartbeat and end of an answer that goes on, for [`sse`] and
//!   [`fetch_stream`].
//! - `socket_message`: what a client says on a socket, for [`websocket`] and [`actix_ws`].
//! - [`coding`]: which answers are compressed, for whom, and what their heads say of it.
//! - [`dictionaries`]: what every answer says, for browsers that take it beforehand.
//! - [`answer`] and [`body`]: answers whose bytes the meter counts, and bodies with a limit.
//! - [`http_api`]: publishing, presence and history by plain HTTP, on every lane.
//!
//! # Rejected: one trait for all transports
//!
//! A trait with `poll`, `stream` and `send` would have most methods empty in most transports, and a
//! reader would have to know all six to understand one. What is common is a function that each
//! calls; the only trait here is [`Endpoint`](crate::registry::Endpoint), which says where requests
//! go.
//!
//! A new transport is a new file here; [`crate::catalogue`] lists what else a lane needs.
//!
//! May use: `wire`, `clock`, `disconnect`, `catalogue`, `channel`, `codec`, `lane`, `metrics`,
//! `hub`, `node`, `error`, `config`, `registry`.

pub mod actix_ws;
pub mod answer;
pub mod body;
pub mod catch_up;
pub mod coding;
pub mod dictionaries;
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

pub use answer::{Attributed, Polled, metered, metered_json, will_answer, wrong_method};
pub use query::{SubscribeQuery, position, who};
