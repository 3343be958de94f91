//! What a run should give before it is made: the closed forms that are drawn beside every
//! measurement.
//!
//! [`theory`] is arithmetic alone: it knows no transport's code, no clock and no runtime.

pub mod theory;
