//! What the bytes mean, beyond the plain envelope: one folder per protocol. They stand on the
//! same node as the plain transports, under the same channel names.

pub mod pusher;
