//! Delays, and the forms in which figures leave the lab.
//!
//! [`latency`] keeps histograms; [`prometheus`] writes everything as Prometheus text. Bytes are
//! counted by `lane::meter`. [`answers`] shares the text among its readers.
//!
//! May use: `wire`, `lane`.

pub mod answers;
pub mod latency;
pub mod prometheus;
pub mod report_key;
