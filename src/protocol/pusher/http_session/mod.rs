//! What the requests of a client over HTTP share (reference, 14): its session, as every thread
//! knows it.

pub mod outbox;
