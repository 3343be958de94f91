//! Pusher Channels from outside, over raw bytes and sockets; the unmodified clients and SDKs of
//! others are in `tests/clients` and `tests/official`.

#[path = "../support/mod.rs"]
mod support;

mod app_server;
mod bad_input;
mod channels;
mod connection;
mod console;
mod extension;
mod fallback;
mod http_api;
mod lone_surrogates;
mod sdk_wire;
mod trigger;
mod usage;
mod users;
mod webhooks;
