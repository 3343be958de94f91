//! `pushlab run` and the runs that a lab starts: the built program as a child process.

#[path = "../support/mod.rs"]
mod support;

mod compression;
mod contributing;
mod lessons;
mod own;
mod runner;
mod runs;
mod workloads;
