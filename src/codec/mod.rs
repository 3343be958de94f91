//! Bytes to values and back. No I/O, no clock, neither actix nor tokio.
//!
//! - [`envelope`] is the plain JSON envelope, the same on all four plain transports
//! - [`sse`] is event streams (WHATWG HTML, "Server-sent events")
//! - [`websocket`] is frames (RFC 6455 §5)
//! - [`pusher`] is Pusher Channels protocol 7

pub mod envelope;
pub mod pusher;
pub mod sse;
pub mod websocket;
