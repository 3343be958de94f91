//! Saved results: a folder of JSON files, one for each run or experiment, with a self-contained
//! page beside each.
//!
//! ```text
//!  pushlab run, pushlab experiment ──► folder ──► document ──► summary, pages, CSV, Markdown
//!                              anybody's files ──┘ (with limits: it may be anything)
//! ```
//!
//! [`about`] is what somebody calls a result. [`folder`] knows names and places and is the only one that touches the disk; [`document`] reads
//! what is in a file; [`summary`] is what a list shows of it; [`of_experiments`] finds the results of
//! an experiment; [`timings`] remembers how long things took. Not here: how a result is measured
//! (`run`, `experiments`), and who may ask for it (`lab_api`, `pages`).
//!
//! May use: `config`, `run`, `experiments`, `system`.

pub mod about;
pub mod document;
pub mod folder;
pub mod keep;
pub mod of_experiments;
pub mod summary;
pub mod timings;
