//! The runner: one seeded schedule, native clients of every lane, predictions beside what was
//! measured, and no figure that cannot be stood behind.
//!
//! ```text
//!  plan ──► lab (a child process, or --target) ◄── publisher: its own thread, open loop
//!             │ publications                          │ intended instants
//!             ▼                                       ▼
//!          followers: one client each ──► collector ──► stats ──► figures ◄── predictions ◄── theory
//!                                                                   │ validity
//!                                                                   ▼
//!                                                                report
//! ```
//!
//! Reading order: [`plan`], [`destination`], [`schedule`], [`lanes`], [`conditions`], [`rows`], [`pass`]
//! (one pass of the schedule) with [`source`], [`publisher`], [`publish_connection`] and [`collector`],
//! [`stats`], [`theory`], [`bytes`] and [`upstream_bytes`], [`figure`] and [`figures`], [`predictions`]
//! with [`predicted`], [`processing`] and [`delay_forms`],
//! [`uncertainty`] and [`validity`] (what can be stood behind), [`late_pass`], [`answer`] (the figures
//! in one sentence), [`report`];
//! [`judging`] with [`thresholds`] and [`baseline`] says whether it passes.
//! [`theory`] is arithmetic alone: it knows no transport's code, no clock and no runtime.
//!
//! May use: `catalogue`, `clock`, `channel`, `codec`, `lane`, `demo`, `config`, `client`, `wire`, `system`.

pub mod answer;
pub mod baseline;
pub mod blobs;
pub mod bytes;
pub mod coded_bytes;
pub mod collector;
pub mod conditions;
pub mod delay_forms;
pub mod destination;
pub mod each_lane;
pub mod error;
pub mod execute;
pub mod figure;
pub mod figure_labels;
pub mod figures;
pub mod judging;
pub mod lab_process;
pub mod lanes;
pub mod late_pass;
pub mod machine;
pub mod names;
pub mod pass;
pub mod plan;
pub mod poll_bytes;
pub mod predicted;
pub mod predictions;
pub mod process;
pub mod processing;
pub mod publish_connection;
pub mod publisher;
pub mod report;
pub mod rows;
pub mod schedule;
pub mod server_settings;
pub mod server_stats;
pub mod source;
pub mod stats;
pub mod theory;
pub mod thresholds;
pub mod uncertainty;
pub mod upstream_bytes;
pub mod validity;
