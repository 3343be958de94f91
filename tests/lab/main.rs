//! The lab from outside: its transports, its counters, its limits and who may do what. A file of
//! this folder is a subject; all of them are one program, so that the crate is linked once.

#[path = "../support/mod.rs"]
mod support;

mod actix_ws;
mod booking;
mod bytes;
mod catalogue;
mod class;
mod class_lies;
mod class_play;
mod class_strangers;
mod clearing;
mod coalesce;
mod compression;
mod conditions;
mod corpus;
mod deflate;
mod departures;
mod docs;
mod durable;
mod envelope_parts;
mod fetch_stream;
mod http_as_written;
mod imports;
mod lesson_links;
mod limits;
mod metrics;
mod operations;
mod origins;
mod own_channels;
mod own_payloads;
mod parity;
mod presenter;
mod random_cuts;
mod refusals;
mod slow_consumer;
mod small_http;
mod taps;
mod tls;
mod visitors;
mod websocket_closing;
