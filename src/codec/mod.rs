//! Bytes to values and back. No I/O, no clock, neither actix nor tokio.
//!
//! - [`envelope`] is the plain JSON envelope, the same on all plain transports
//! - [`surrogates`] is what happens to half a pair in JSON's escapes, the same on every path
//! - [`sse`] is event streams (WHATWG HTML, "Server-sent events")
//! - [`ndjson`] is lines of JSON
//! - [`compressed`] is gzip, brotli and zstd, flushed event by event, and `Accept-Encoding`
//! - [`websocket`] is frames (RFC 6455 §5), [`deflate`] their compression (RFC 7692)
//! - [`pusher`] is Pusher Channels protocol 7
//! - [`engine`] is Engine.IO 4 packets, [`socketio`] the Socket.IO 5 packets that they carry
//!
//! May use: `wire`, `channel`.

pub mod compressed;
pub mod deflate;
pub mod engine;
pub mod envelope;
pub mod ndjson;
pub mod pusher;
pub mod socketio;
pub mod sse;
pub mod surrogates;
pub mod websocket;
