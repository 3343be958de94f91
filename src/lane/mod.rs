//! A lane: one listening socket with its own meter and its own network conditions.
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
