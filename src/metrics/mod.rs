//! Delays, and the forms in which figures leave the lab.
//!
//! [`latency`] keeps histograms; [`prometheus`] writes everything as Prometheus text. Bytes are
//! counted by `lane::meter`.

pub mod latency;
pub mod prometheus;
pub mod report_key;
