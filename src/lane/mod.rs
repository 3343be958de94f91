//! A lane: one listening socket with its own meter, and room for its own network conditions.
//!
//! Each transport has a lane beside the main one, for two reasons: browsers allow six HTTP/1.1
//! connections per host and port, so transports that shared a port would starve each other; and
//! what is measured or impaired is then a property of the lane and holds for every byte.
//!
//! [`stream`] is the accepted connection, counted where the bytes pass, with [`tls`] below it if
//! the lanes are to have it; [`meter`] holds the counts; [`tcp_info`] asks the kernel for its own.
//! [`seats`] bounds how many connections there are, below what [`files`] allows; [`pace`] how slow
//! they may be, and [`error_answer`] are said to what is no request.
//! [`conditions`] (delay, rate limit, cuts) act between that and the socket, in [`io`].

pub mod conditions;
pub mod error_answer;
pub mod files;
pub mod io;
pub mod meter;
pub mod pace;
pub mod seats;
pub mod stream;
pub mod tcp_info;
pub mod tls;

pub use crate::catalogue::LaneId;
