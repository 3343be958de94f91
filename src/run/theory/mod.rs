//! Closed forms for delay, requests and loss of each way to get events from a server.
//!
//! Symbols, as in the experiments' catalogue: λ events per second, *T* the poll timer, *R* the
//! round trip including the server's own time, *d* the way from server to client, *h* how long a
//! poll is held, *x* = λR. Events happen at the server at their own pace (open loop); a poll that
//! finds several takes them all.
//!
//! Assumptions, all stated where they bite: *R* and *d* are constant, nothing is lost, the server
//! is never the bottleneck, and a periodic schedule is in no fixed phase with the polls. The tests
//! hold every form against a discrete-event simulation that shares none of this code.
//!
//! By subject: `delay`, `age`, `loss`, `comeback`, `overload`, `waiting` (behind something large, or in
//! a buffer), `quota`, `http2`.

mod age;
mod comeback;
mod delay;
mod http2;
mod loss;
mod overload;
mod quota;
#[cfg(test)]
mod simulated;
mod waiting;

pub use self::{
    age::{Sampled, mean_age_s, sampled},
    comeback::{Comeback, Waits, comeback},
    delay::{one_at_a_time, predict, processed},
    http2::h2_unchanged_poll_bytes,
    loss::{delivered_without_backplane, loss, loss_within},
    overload::{Cost, ROUNDS_SHARE, Sharing, gathered, polls_per_s, throughput_per_s},
    quota::{QuotaUse, quota_lasts_s},
    waiting::{Buffered, behind_blob_s, buffered},
};

/// How events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// Independent of each other: exponential gaps.
    Poisson,
    /// One every 1/λ.
    Periodic,
}

/// When a poller's timer starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// Once every *T*, whatever the answers do (`setInterval`).
    Interval,
    /// *T* after the answer, so that a cycle takes *T* + *R*. Most code is this one.
    AfterAnswer,
}

/// What the prediction is for. Times in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Situation {
    /// How events come: evenly, or independent of each other.
    pub arrivals: Arrivals,
    /// λ, per second; above 0.
    pub rate_per_s: f64,
    /// *R*.
    pub round_trip_s: f64,
    /// *d*; half of *R* where it is not known better.
    pub one_way_s: f64,
}

/// How a client gets its events.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DeliveryMode {
    /// By asking at an interval.
    ShortPoll {
        /// From one question to the next, s.
        interval_s: f64,
        /// From when the interval counts.
        timer: Timer,
    },
    /// By questions that are held.
    LongPoll {
        /// How long, at most, s.
        hold_s: f64,
    },
    /// Anything that stays open: SSE, WebSocket and what travels by them.
    Stream,
}

/// What to expect. Delays in seconds, from the event to the client having it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Over all events.
    pub mean_delay_s: f64,
    /// The longest that can be.
    pub worst_delay_s: f64,
    /// Events that find a request (or a stream) waiting and only travel.
    at_once: f64,
    /// The others wait between nothing and this, all lengths alike.
    longest_wait_s: f64,
    one_way_s: f64,
    /// Share of the answers that carry nothing.
    pub empty_ratio: f64,
    /// 0 for what stays open.
    pub requests_per_event: f64,
}

impl Prediction {
    /// The delay that a share `p` of the events, 0 to 1, does not exceed.
    pub fn quantile_s(&self, p: f64) -> f64 {
        if p <= self.at_once {
            return self.one_way_s;
        }
        self.one_way_s + self.longest_wait_s * (p - self.at_once) / (1.0 - self.at_once)
    }
}
