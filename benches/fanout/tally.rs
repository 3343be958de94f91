//! What the load generator counts: publications by arrival, order, delay, and everything that should
//! not happen (gaps, repeats, errors, closes). All counters grow from the start of the run; the
//! measured interval is the difference of two [`Snapshot`]s.

use serde_json::{Value, json};

use crate::envelope::{self, Kind, OffsetFinder};
use crate::sys;

/// When each publication was due: `offset` at `start_ns + (offset − first_offset) · period_ns`.
/// One publisher publishes in order, so the offset alone tells the intended time and no clock but
/// the generator's own is needed.
#[derive(Clone, Copy)]
pub struct Schedule {
    pub start_ns: u64,
    pub period_ns: u64,
    pub first_offset: u64,
}

impl Schedule {
    #[inline]
    pub fn due_ns(&self, offset: u64) -> u64 {
        self.start_ns + offset.saturating_sub(self.first_offset) * self.period_ns
    }
}

/// The counters of which a difference is taken.
#[derive(Default, Clone, Copy)]
pub struct Snapshot {
    pub delivered: u64,
    pub bytes: u64,
    pub reads: u64,
    pub acknowledged: u64,
}

pub struct Tally {
    pub now: Snapshot,
    /// Offsets that were passed over when a later one arrived.
    lost: u64,
    /// Offsets that had been delivered before.
    repeated: u64,
    closed: u64,
    errors: u64,
    /// The first thing that went wrong, as it came.
    first_fault: Option<String>,
    finder: OffsetFinder,
    schedule: Schedule,
    /// Intended → received in µs, one per publication received while `is_measuring`.
    delays_us: Vec<u32>,
    pub is_measuring: bool,
    arrival_ns: u64,
}

impl Tally {
    /// `delays_expected` is what to have memory ready for, so that none is asked for while measuring.
    pub fn new(schedule: Schedule, delays_expected: usize) -> Self {
        Tally {
            now: Snapshot::default(),
            lost: 0,
            repeated: 0,
            closed: 0,
            errors: 0,
            first_fault: None,
            finder: OffsetFinder::default(),
            schedule,
            delays_us: Vec::with_capacity(delays_expected),
            is_measuring: false,
            arrival_ns: 0,
        }
    }

    /// One read of `bytes` bytes returned; everything in it counts as received now.
    #[inline]
    pub fn arrived(&mut self, bytes: u64) {
        self.now.reads += 1;
        self.now.bytes += bytes;
        self.arrival_ns = sys::monotonic_ns();
    }

    /// One text frame arrived at a subscriber that must get `next_offset` next.
    #[inline]
    pub fn text(&mut self, payload: &[u8], next_offset: &mut u64) {
        match envelope::kind_of(payload) {
            Kind::Publication => match self.finder.find(payload) {
                Some(offset) => self.publication(offset, next_offset),
                None => self.unknown(payload),
            },
            // On one connection nothing is overtaken: the next that comes is the next.
            Kind::Unnumbered => self.publication(*next_offset, next_offset),
            Kind::Ping => {}
            Kind::Acknowledgement => self.now.acknowledged += 1,
            Kind::Subscribed => {}
            Kind::Error | Kind::Unknown => self.unknown(payload),
        }
    }

    #[inline]
    fn publication(&mut self, offset: u64, next_offset: &mut u64) {
        if offset < *next_offset {
            self.repeated += 1;
            return;
        }
        self.lost += offset - *next_offset;
        *next_offset = offset + 1;
        self.now.delivered += 1;
        if self.is_measuring {
            let delay_ns = self.arrival_ns.saturating_sub(self.schedule.due_ns(offset));
            self.delays_us
                .push(u32::try_from(delay_ns / 1000).unwrap_or(u32::MAX));
        }
    }

    /// Something no subscriber of this bench should get.
    pub fn unknown(&mut self, payload: &[u8]) {
        self.errors += 1;
        self.fault(payload);
    }

    /// A close frame with this payload: two bytes of close code, then a reason (RFC 6455 §5.5.1).
    pub fn closed(&mut self, payload: &[u8]) {
        self.closed += 1;
        if let [high, low, reason @ ..] = payload {
            let code = u16::from_be_bytes([*high, *low]);
            self.fault(&[format!("close {code} ").as_bytes(), reason].concat());
        }
    }

    fn fault(&mut self, payload: &[u8]) {
        let text = || String::from_utf8_lossy(&payload[..payload.len().min(200)]).into_owned();
        self.first_fault.get_or_insert_with(text);
    }

    /// The faults and delays of the whole run as JSON. `missing` is what had not arrived when the
    /// run ended.
    pub fn into_json(mut self, missing: u64) -> Value {
        json!({
            "lost": self.lost,
            "missing": missing,
            "repeated": self.repeated,
            "closed": self.closed,
            "errors": self.errors,
            "first_fault": self.first_fault,
            "delay_us": percentiles(&mut self.delays_us),
        })
    }
}

/// p50, p90, p99, max and n by nearest rank; all but n are null when there is no sample.
pub fn percentiles(samples: &mut [u32]) -> Value {
    samples.sort_unstable();
    let at = |share: f64| {
        let rank = (share * samples.len() as f64).ceil() as usize;
        samples.get(rank.max(1) - 1)
    };
    json!({"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": at(1.0), "n": samples.len()})
}
