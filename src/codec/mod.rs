//! Bytes to values and back. No I/O, no clock, neither actix nor tokio.
//!
//! - [`envelope`] is the plain JSON envelope, the same on all four plain transports
//! - [`sse`] is event streams (WHATWG HTML, "Server-sent events")
//! - [`websocket`] is frames (RFC 6455 §5)

pub mod envelope;
pub mod sse;
pub mod websocket;
