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
//! 1. [`unit`](mod@unit): shared bytes. [`engine`]: the rules of a session, without I/O. [`request`]: what
//!    requests ask for
//! 2. [`worker`]: threads and their sessions. [`link`]: a session with what it holds, and
//!    [`shutdown`], which ends it
//! 3. [`engine_path`], [`polling`], [`websocket`]: a path and its two transports
//! 4. The library: [`selection`], [`rooms`], [`recovery`], [`event_unit`], [`io`] and [`socket`],
//!    [`broadcast`], and [`client`], which speaks Socket.IO on a session
//! 5. Namespaces on it: [`bridge`], the lab's own, `/lab`, on the node like every other transport;
//!    [`admin`]; [`classic`], the well-known example in ten lines; [`echo`], for trying clients out;
//!    [`conformance`], for the official suites
//! 6. [`engines`] and [`endpoint`]: all of it put together and registered
//!
//! Not here: JSONP, WebTransport.

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
