//! Engine.IO 4 and Socket.IO 5, and a small server library on them.
//!
//! # Threads
//!
//! A session lives on the worker thread that its handshake landed on, in `Rc`s, and is touched by
//! no other: handlers need no locks, and what they send over WebSocket leaves in that very call.
//! - Requests land anywhere. The table of sessions says which thread one lives on; a poll or a
//!   POST is sent there through that thread's inbox and its handler waits for the answer. An
//!   upgrade that lands elsewhere moves its connection there.
//! - A broadcast is encoded once and goes to every thread's inbox; each sends the same bytes to
//!   its own sockets. On the sender's own thread that happens at once, so what one handler sends
//!   keeps its order.
//! - One timer for each thread serves all deadlines, which are absolute.
//!
//! # Reading order
//!
//! [`engine`] the session's rules without I/O · [`request`] what requests say · [`link`] a session
//! with what it holds · [`worker`] threads · [`polling`], [`websocket`] the two transports ·
//! [`unit`] shared bytes · [`client`] Socket.IO on a session · [`io`], [`socket`], [`rooms`],
//! [`broadcast`], [`recovery`] the library · [`conformance`] for the official suites.
//!
//! [`bridge`] is the lab's own namespace, `/lab`, on the node like every other transport;
//! [`classic`] the well-known example in ten lines; [`echo`] for trying clients out.
//!
//! Not here: JSONP, WebTransport, permessage-deflate, compressed polling answers.

pub mod admin;
pub mod bridge;
pub mod broadcast;
pub mod classic;
pub mod client;
pub mod conformance;
pub mod cors;
pub mod echo;
pub mod endpoint;
pub mod engine;
pub mod engine_path;
pub mod engines;
pub mod event_unit;
pub mod io;
#[cfg(test)]
mod library_tests;
pub mod link;
pub mod polling;
pub mod recovery;
pub mod request;
pub mod rooms;
pub mod selection;
pub mod shutdown;
pub mod socket;
pub mod traffic;
pub mod unit;
pub mod websocket;
pub mod worker;
