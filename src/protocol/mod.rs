//! What the bytes mean, beyond the plain envelope: one folder per protocol.
//!
//! - [`pusher`] is Pusher Channels 7. It stands on the same node as the plain transports, under the
//!   same channel names
//! - [`socketio`] is Engine.IO 4 and Socket.IO 5, and a small server library on them. The lab's
//!   own namespace is written on that library and stands on the same node
//!
//! May use: `wire`, `clock`, `disconnect`, `network`, `catalogue`, `channel`, `codec`, `lane`,
//! `metrics`, `hub`, `node`, `error`, `access`, `config`, `client`, `lab`, `registry`, `transport`.

pub mod pusher;
pub mod socketio;
