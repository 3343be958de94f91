//! A pass in which the generator was late is done again, once, by itself, and the more punctual of the
//! two counts: never a mean of both, and never whichever gave the nicer figures.
//!
//! *Late* is a pass that prints less than a punctual one would: the generator was kept from running
//! ([`validity::is_late`]: it woke or noticed more than 1 ms late oftener than once in a hundred),
//! and because of it some delay is only a bound, or carries an error of more than a tenth of it.
//! A delay matters for that only as what the error is held against. Which of the two counts is told
//! by the generator's lateness alone ([`lateness`]), so that longer delays, beside which an error is
//! smaller, are not preferred. A generator that has more to do than it can is late again, so there
//! is no second try for it; nor for what its lateness has not touched, such as the mean of a poller
//! that waits for 250 ms.

use super::{
    figures::{self, Measured, QUANTILES},
    pass::PassResult,
    stats::Delays,
    validity::{self, LAG_P99_MAX_US, OWN_CPU_MAX, too_few},
};

/// An error of more than this share of a delay is more than a punctual generator's.
const SPOILT_SHARE: f64 = 0.1;

/// How late the generator was; of two passes the smaller is the better.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Lateness {
    /// Over all rows, at how many of the figures that are shown it was more than 1 ms.
    large: usize,
    /// All of it together, µs.
    us: f64,
}

/// Whether a pass is late, as the module says.
pub fn is_late(pass: &PassResult) -> bool {
    let cpu_share = pass.own_cpu.as_secs_f64() / pass.measured_for.as_secs_f64().max(1e-9);
    let was_kept = validity::is_late(&pass.wake_lag) || validity::is_late(&pass.receive_lag);
    was_kept && cpu_share <= OWN_CPU_MAX && is_spoilt(pass)
}

/// Whether some delay is a bound, or has a large error.
fn is_spoilt(pass: &PassResult) -> bool {
    pass.rows.iter().any(|row| {
        let delays = Delays::of(std::slice::from_ref(&row.collected));
        let mut measured = Measured::new();
        figures::delays(&delays, &mut measured);
        // What is slowest in a whole pass is so on any machine.
        measured.remove("max_us");
        let errors = figures::hold_against(&mut measured, &pass.lags(row));
        errors.iter().any(|(name, parts)| {
            let error_us = parts.total_us();
            let value = measured.get(name).and_then(|figure| figure.value());
            let share = value.map_or(f64::INFINITY, |value| error_us / value);
            share > SPOILT_SHARE && error_us > LAG_P99_MAX_US as f64
        })
    })
}

/// How late the generator was, at the mean and at each quantile that the schedule has publications
/// enough for. What came out is not looked at.
pub fn lateness(pass: &PassResult) -> Lateness {
    let mut found = Lateness::default();
    for row in &pass.rows {
        let lags = pass.lags(row);
        let expected = row.collected.expected;
        let quantiles = QUANTILES
            .iter()
            .filter(|(_, p)| too_few(*p, expected).is_none())
            .map(|(name, _)| *name);
        for name in std::iter::once("mean_us").chain(quantiles) {
            let us = lags.parts(name, 0.0).map_or(0.0, |parts| parts.total_us());
            found.us += us;
            found.large += usize::from(us > LAG_P99_MAX_US as f64);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::run::{
        collector::{Collected, SLICES, empty_histogram},
        pass::{Flow, RowResult},
        plan::Plan,
        server_stats::Counts,
    };

    fn lag(us: u64, n: u64) -> hdrhistogram::Histogram<u64> {
        let mut lag = empty_histogram();
        lag.record_n(us, n).unwrap();
        lag
    }

    /// One row whose publications took so long, under a generator that was so late.
    fn pass(delay_us: u64, late_us: u64, own_cpu: Duration) -> PassResult {
        let plan = Plan {
            lanes: "websocket".to_owned(),
            ..Plan::default()
        };
        let row = RowResult {
            row: plan.rows().unwrap().remove(0),
            collected: Collected {
                expected: 2_000,
                delivered: 2_000,
                slices: vec![lag(delay_us, 100); SLICES],
                ..Collected::default()
            },
            clients: 1,
            counts: Counts::default(),
            whole: Counts::default(),
            counted_at_client: false,
            kernel_down_bytes: None,
            client_connections: 1,
            client_requests: 0,
            model: None,
            answers: Default::default(),
            example: None,
            up_predicted: None,
            poll_bytes: None,
            server_memory: None,
            read_lag: lag(late_us, 2_000),
            connect_lag: empty_histogram(),
            flow: Flow::default(),
        };
        PassResult {
            rows: vec![row],
            publish_lag: lag(50, 2_000),
            wake_lag: lag(late_us, 2_000),
            receive_lag: lag(late_us, 2_000),
            scheduled: 2_000,
            published: 2_000,
            acknowledged: 2_000,
            to_acknowledge: 2_000,
            measured_for: Duration::from_secs(10),
            own_cpu,
            server_cpu: None,
            server_waited: None,
            is_partial: false,
        }
    }

    const IDLE: Duration = Duration::from_secs(1);

    #[test]
    fn late_is_a_pass_that_prints_less_than_a_punctual_one_would() {
        assert!(is_late(&pass(700, 1_800, IDLE)), "bounds");
        assert!(
            is_late(&pass(4_000, 1_800, IDLE)),
            "an error of nearly half"
        );
        assert!(
            !is_late(&pass(250_000, 1_800, IDLE)),
            "a poller does not mind"
        );
        assert!(!is_late(&pass(700, 600, IDLE)), "as late as a generator is");
        let busy = Duration::from_secs(8);
        assert!(!is_late(&pass(700, 1_800, busy)), "it would be late again");
    }

    #[test]
    fn the_better_is_the_more_punctual_whatever_came_out() {
        let of = |delay_us, late_us| lateness(&pass(delay_us, late_us, IDLE));
        let first = of(700, 1_800);
        assert!(of(700, 600) < first);
        assert!(of(700, 1_500) < first, "as many, and smaller ones");
        assert!(of(700, 9_000) > first);
        assert_eq!(of(250_000, 1_800), first, "longer delays make none better");
    }
}
