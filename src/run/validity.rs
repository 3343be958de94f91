//! What no error of a single figure can see.
//!
//! How late the generator was is measured, and stands beside each delay as its error
//! ([`super::uncertainty`]); it withholds nothing by itself. Withheld as a whole are
//!
//! - delays of a run whose schedule was not met: what was never published has no lateness, and
//!   the load was not the one that the figures are said to be of;
//! - delays of a generator that used most of a core where its reads carry no stamp of the kernel's
//!   (TLS, other systems than Linux): a thread with too much to do is late in reading, and only
//!   those stamps tell how late at the very deliveries that were timed. With them its lateness is
//!   in the errors, and how much of a core it used no longer matters;
//! - bytes of a row whose two ends disagree on them;
//! - a percentile of too few samples.
//!
//! The clocks need no gate: one process publishes and receives.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Share of one core that the generator may use.
pub const OWN_CPU_MAX: f64 = 0.70;
/// A generator whose own lag has a higher 99th percentile was kept from running; see [`is_late`]
/// for few samples.
pub const LAG_P99_MAX_US: u64 = 1_000;
/// Share of the schedule that must have been published and confirmed.
pub const SCHEDULE_MET_MIN: f64 = 0.99;
/// From here on a server is taken to do what it can.
pub const SERVER_FULL_MIN: f64 = 0.85;
/// A server that waits for a processor for more than this share of the time is not alone.
const WAITED_MAX: f64 = 0.1;
/// How far lane and kernel may be apart: what is on its way when a client closes.
pub const BYTES_TOLERANCE: f64 = 0.001;
/// A close frame with a code and no words.
const GOODBYE_BYTES: u64 = 4;
/// Samples that must lie beyond a percentile for it to be shown.
const BEYOND_MIN: f64 = 10.0;

/// The generator over one run.
pub struct Generator<'a> {
    /// Its processor time while it was measured.
    pub own_cpu: Duration,
    /// How long it was measured.
    pub measured_for: Duration,
    /// How late publications were sent, µs.
    pub publish_lag: &'a Histogram<u64>,
    /// How late the publishing thread woke, µs.
    pub wake_lag: &'a Histogram<u64>,
    /// How late the receiving thread noticed an instant, µs.
    pub receive_lag: &'a Histogram<u64>,
    /// Idle processors were kept from sleeping.
    pub kept_awake: bool,
    /// The kernel says of each read how long the bytes had been there.
    pub reads_are_stamped: bool,
    /// Publications that were due.
    pub scheduled: u64,
    /// Publications that were sent.
    pub published: u64,
    /// Publications that the server confirmed.
    pub acknowledged: u64,
    /// Publications times channels.
    pub to_acknowledge: u64,
}

impl Generator<'_> {
    /// Of one core, 0 to 1.
    pub fn cpu_share(&self) -> f64 {
        self.own_cpu.as_secs_f64() / self.measured_for.as_secs_f64().max(1e-9)
    }

    /// Why no delay of this run can be stood behind, whatever its error; empty where they can.
    pub fn objections(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        let cpu = self.cpu_share();
        if cpu > OWN_CPU_MAX && !self.reads_are_stamped {
            reasons.push(format!(
                "the generator used {:.0} % of a core, and nothing here tells how late that made \
                 it at each read; at most {:.0} % leave its own delays out of the figures: fewer \
                 clients, a lower rate, or --order in-turn",
                cpu * 100.0,
                OWN_CPU_MAX * 100.0
            ));
        }
        for (what, done, due) in [
            ("published", self.published, self.scheduled),
            ("confirmed", self.acknowledged, self.to_acknowledge),
        ] {
            // Not every protocol confirms.
            let share = done as f64 / due.max(1) as f64;
            if due > 0 && share < SCHEDULE_MET_MIN {
                reasons.push(format!(
                    "{done} of {due} publications were {what}; a run needs {:.0} %",
                    SCHEDULE_MET_MIN * 100.0
                ));
            }
        }
        reasons
    }

    /// How late it was where that is more than on a machine that is its own, and what helps. The
    /// figures' errors are made of it.
    pub fn remarks(&self) -> Vec<String> {
        let way_out = match self.kept_awake {
            true => "",
            false => {
                ", or its idle cores sleep (--keep-awake auto needs the right to write to \
                 /dev/cpu_dma_latency)"
            }
        };
        let lags = [
            ("woke", self.wake_lag),
            ("published", self.publish_lag),
            ("looked at its sockets", self.receive_lag),
        ];
        let late_ones = lags.into_iter().filter(|(_, lag)| is_late(lag));
        late_ones
            .map(|(what, lag)| {
                format!(
                    "the generator {what} more than {} late {} times of {} (p99 {}), which is in \
                     the errors of the delays: the machine is busy, or there are too many clients \
                     for it{way_out}",
                    shown(LAG_P99_MAX_US),
                    late(lag),
                    lag.len(),
                    shown(lag.value_at_quantile(0.99)),
                )
            })
            .collect()
    }
}

/// That others took the server's processor, where they did. Its delays then contain that: no error
/// of the instruments, but no lane's doing either. `waited`: of all of its threads together.
pub fn busy_server(waited: Duration, measured_for: Duration) -> Option<String> {
    let share = waited.as_secs_f64() / measured_for.as_secs_f64().max(1e-9);
    (share > WAITED_MAX).then(|| {
        format!(
            "the server waited for a processor for {:.0} % of the time, all of its threads \
             together, because others had it: its delays contain that wait",
            share * 100.0
        )
    })
}

/// Why what went through says nothing about the server; `None` where it does: when all of it came,
/// when the server was at its limit, or when the generator had time left. How late the generator
/// was does not matter here: under an overload everything is late, and a count is a count.
///
/// `of_due`: what came of what was due. `server_share`: of its workers' cores; `None` where the
/// server's process is not known.
pub fn throughput_objection(
    of_due: f64,
    server_share: Option<f64>,
    own_cpu_share: f64,
) -> Option<String> {
    let server_is_full = server_share.is_some_and(|share| share >= SERVER_FULL_MIN);
    if of_due >= SCHEDULE_MET_MIN || server_is_full || own_cpu_share <= OWN_CPU_MAX {
        return None;
    }
    let server = match server_share {
        Some(share) => format!("the server {:.0} % of its workers' cores", share * 100.0),
        None => "the server's processor time is not known".to_owned(),
    };
    Some(format!(
        "the generator used {:.0} % of a core, and {server}: what came is the generator's own \
         limit; fewer clients or a lower rate",
        own_cpu_share * 100.0
    ))
}

/// Why the bytes of a row cannot be stood behind. Each connection may end with a close frame that
/// its client was not there to receive.
pub fn byte_objection(lane_bytes: u64, kernel_bytes: u64, connections: u64) -> Option<String> {
    let apart = lane_bytes.abs_diff(kernel_bytes);
    let goodbyes = (connections * GOODBYE_BYTES) as f64;
    (apart as f64 > lane_bytes as f64 * BYTES_TOLERANCE + goodbyes).then(|| {
        format!("the lane wrote {lane_bytes} bytes and the clients' kernel received {kernel_bytes}")
    })
}

/// Whether more than 1 % were later than [`LAG_P99_MAX_US`], as far as so many can tell.
pub fn is_late(lag: &Histogram<u64>) -> bool {
    late(lag) > may_be_late(lag.len())
}

/// How many were later than [`LAG_P99_MAX_US`].
fn late(lag: &Histogram<u64>) -> u64 {
    lag.count_between(LAG_P99_MAX_US + 1, u64::MAX)
}

/// How many of `n` may be late: 1 %, and of fewer than a thousand what chance may add to that,
/// three times the root (Poisson), up to the ten of a thousand.
fn may_be_late(n: u64) -> u64 {
    let share = n as f64 * 0.01;
    f64::max(share, (share + 3.0 * share.sqrt()).min(BEYOND_MIN)) as u64
}

/// Why the quantile `p` of `n` samples cannot be shown; `None` where it can.
pub fn too_few(p: f64, n: u64) -> Option<String> {
    let needed = (BEYOND_MIN / (1.0 - p)).round() as u64;
    (n < needed).then(|| format!("{n} samples are too few; this percentile needs {needed}"))
}

fn shown(us: u64) -> String {
    format!("{:.1} ms", us as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::collector::empty_histogram;

    fn lag(us: u64) -> Histogram<u64> {
        let mut histogram = empty_histogram();
        histogram.record_n(us, 1_000).unwrap();
        histogram
    }

    fn of(lags_us: [u64; 3], kept_awake: bool) -> String {
        let [publish_lag, wake_lag, receive_lag] = lags_us.map(lag);
        let generator = Generator {
            own_cpu: Duration::ZERO,
            measured_for: Duration::from_secs(1),
            publish_lag: &publish_lag,
            wake_lag: &wake_lag,
            receive_lag: &receive_lag,
            kept_awake,
            reads_are_stamped: true,
            scheduled: 0,
            published: 0,
            acknowledged: 0,
            to_acknowledge: 0,
        };
        assert_eq!(
            generator.objections(),
            [""; 0],
            "no lateness withholds by itself"
        );
        generator.remarks().join("; ")
    }

    #[test]
    fn lateness_is_judged_by_what_its_samples_can_tell() {
        let woke = "woke more than 1.0 ms late 1000 times of 1000 (p99 2.0 ms)";
        assert!(of([10, 2_000, 10], true).contains(woke));
        assert!(of([10, 2_000, 10], false).contains("/dev/cpu_dma_latency"));
        assert_eq!(of([10, 10, 10], false), "");
        for (n, most) in [
            (0, 0),
            (20, 1),
            (100, 4),
            (400, 10),
            (1_000, 10),
            (5_000, 50),
        ] {
            let mut lag = empty_histogram();
            lag.record_n(100, n - most.min(n)).unwrap();
            lag.record_n(9_000, most).unwrap();
            assert!(!is_late(&lag), "{most} of {n}");
            lag.record(9_000).unwrap();
            assert!(is_late(&lag), "more than {most} of {n}");
        }
    }

    fn objections(own_cpu_ms: u64, reads_are_stamped: bool, confirmed: u64) -> String {
        let (publish_lag, wake_lag, receive_lag) = (lag(10), lag(10), lag(10));
        Generator {
            own_cpu: Duration::from_millis(own_cpu_ms),
            measured_for: Duration::from_secs(1),
            publish_lag: &publish_lag,
            wake_lag: &wake_lag,
            receive_lag: &receive_lag,
            kept_awake: true,
            reads_are_stamped,
            scheduled: 100,
            published: 100,
            acknowledged: confirmed,
            to_acknowledge: 200,
        }
        .objections()
        .join("; ")
    }

    #[test]
    fn a_quiet_generator_has_no_objection() {
        assert_eq!(objections(600, false, 199), "");
    }

    #[test]
    fn what_no_error_can_see_is_named() {
        assert!(objections(800, false, 200).contains("80 % of a core"));
        assert_eq!(
            objections(800, true, 200),
            "",
            "its reads tell how late it was"
        );
        assert!(objections(10, true, 197).contains("197 of 200"));
        assert!(of([10, 10, 3_000], true).contains("sockets more than 1.0 ms late"));
        assert!(of([2_000, 10, 10], true).contains("published more than 1.0 ms late"));
    }

    #[test]
    fn a_server_that_waits_for_a_processor_is_told() {
        let of = |waited_ms| busy_server(Duration::from_millis(waited_ms), Duration::from_secs(10));
        assert_eq!(of(900), None);
        assert!(of(3_800).unwrap().contains("for 38 % of the time"));
    }

    #[test]
    fn percentiles_need_samples_beyond_them() {
        assert_eq!(too_few(0.99, 1_000), None);
        assert!(too_few(0.99, 999).unwrap().contains("needs 1000"));
        assert!(too_few(0.5, 19).is_some() && too_few(0.5, 20).is_none());
        assert!(too_few(0.999, 9_999).unwrap().contains("needs 10000"));
    }

    #[test]
    fn a_throughput_needs_all_of_it_or_a_server_at_its_limit() {
        assert_eq!(throughput_objection(1.0, Some(0.2), 0.99), None);
        assert_eq!(throughput_objection(0.5, Some(0.95), 0.99), None);
        assert_eq!(throughput_objection(0.5, None, 0.5), None);
        for server in [Some(0.4), None] {
            let why = throughput_objection(0.5, server, 0.99).unwrap();
            assert!(why.contains("the generator used 99 %"), "{why}");
        }
    }

    #[test]
    fn two_ends_that_disagree_are_told() {
        assert_eq!(byte_objection(100_000, 99_950, 0), None);
        assert!(byte_objection(100_000, 99_000, 10).is_some());
        assert!(byte_objection(0, 5, 1).is_some());
        assert_eq!(byte_objection(85_950, 85_850, 50), None);
    }
}
