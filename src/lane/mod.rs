//! A lane: one listening socket with its own meter and its own network conditions.
//!
//! ```text
//!  browser ══ TCP ══► seats: is there room?
//!                       └► io: the socket, or a link with conditions in between
//!                            └► tls, if it is on
//!                                 └► stream: counted here, shown to taps
//!                                      └► actix-http, or a session that owns its socket
//! ```
//!
//! Each transport has a lane beside the main one, for two reasons: browsers allow six HTTP/1.1
//! connections per host and port, so transports that shared a port would starve each other; and
//! what is measured or impaired is then a property of the lane and holds for every byte.
//!
//! [`stream`] is the accepted connection, counted where the bytes pass, with [`tls`] below it if it
//! is switched on; [`meter`] holds the counts; [`tcp_info`] reads the kernel's counts;
//! [`tap`] copies what passes for somebody who looks. [`seats`]
//! bounds the number of connections, by what [`files`] allows; [`pace`] says how slow a peer may
//! be; [`error_answer`] is the answer to what is not a request. [`conditions`] (delay, rate limit,
//! cuts) act between the stream and the socket, in [`io`].
//!
//! # Rejected
//!
//! - **Measuring in the browser.** It tells lengths of bodies, in characters, after decompression,
//!   and of WebSockets nothing.
//! - **Measuring with a packet capture.** It is the truth, and needs root; `npm test -- capture`
//!   compares with it.
//! - **A middleware of actix-web.** It sees requests and answers before they are bytes: no heads,
//!   no chunks, no frames, no TLS.
//!
//! # What it shows
//!
//! `pushlab run --lanes websocket --clients 200 --json` has `unexplained_bytes`: **0**. The layers
//! that transports announce add up to the bytes that passed, and these to the kernel's own count
//! (`TCP_INFO`), to the byte; where they do not, the run's byte figures are withheld
//! (`docs/measuring.md`). `cargo test --test lab bytes` and experiments E1 and E6; lesson 4.
//!
//! The room knows no transport, so that no transport can be counted differently.
//!
//! May use: `wire`, `clock`, `network`, `catalogue`, `capture`, `writing`.

pub mod conditions;
pub mod error_answer;
pub mod files;
pub mod io;
pub mod meter;
pub mod pace;
pub mod seats;
pub mod stream;
pub mod tap;
pub mod tcp_info;
pub mod tls;

pub use crate::catalogue::LaneId;
