//! Pusher Channels, protocol 7.

pub mod auth;
