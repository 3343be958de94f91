//! Counts of connections: bytes by layer and direction, requests, publications, drops.
//!
//! Every connection has a [`ConnectionMeter`]. Its stream counts the bytes, the transport says
//! how messages divide into layers, and HTTP headers are what remains: bytes that passed less
//! bytes that were attributed. A connection carries [`Labels`] (transport, protocol, demo,
//! channel) that may change from request to request on a kept-alive connection; [`Meters`] adds
//! connections up by label, the live ones and the ended ones.
//!
//! A meter is written by its connection's thread alone, so its counters are plain stores to atomics
//! that other threads may read at any time. Bytes are stored before the layers they divide into,
//! encrypted ones before plain ones, and read the other way round: so no reader ever sees a part
//! that is greater than its whole.
//!
//! What is written is counted when the kernel takes it, not when a transport hands it over: see
//! `booking`.
//!
//! ```text
//! transport ── announces: 4 framing, 93 protocol, 63 lab, 60 data, 1 publication ──► booking (a mark)
//! stream ───── 220 bytes accepted ─────────────────────────────────────────────────► …
//! kernel ───── took 220 ───────────────────────────────────────────────────────────► counters
//! ```
//!
//! Rejected: a lock for each counter, or one for all. A connection's thread would wait for whoever
//! looks at `/api/stats`; with stores in a stated order a reader waits for nobody and sees at worst
//! a moment ago.
//!
//! `pushlab run --lanes sse --clients 1 --markdown` prints such a division: 245 bytes a
//! publication, 29 of framing, 93 of the protocol, 63 of the lab, 60 of data. Experiment E1; claim
//! B7 in `docs/claims.md`.
//!
//! Packets: where the kernel tells (`TCP_INFO`), segments are counted by it; elsewhere by a
//! model: one segment per 1,448 bytes of each write or read, and one pure acknowledgement for
//! each of them. On the wire a segment has 66 bytes of headers (Ethernet 14, IPv4 20, TCP 20,
//! timestamps 12).

mod booking;
mod connection;
mod ended;
mod labels;
#[cfg(test)]
mod tests;
mod totals;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub use self::{
    booking::Message,
    connection::ConnectionMeter,
    labels::{Labels, NO_CHANNEL, OnWritten},
    totals::Totals,
};
use self::{
    connection::bump,
    ended::{Ended, OTHER},
};
use crate::{catalogue::LaneId, lane::tap::Taps};

/// Ethernet 14, IPv4 20, TCP 20, timestamp option 12.
pub const SEGMENT_HEADER_BYTES: u64 = 66;

/// Counts of one lane, whatever its connections were used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneTotals {
    /// Connections that are open now.
    pub connections_open: u64,
    /// Sums over open and ended ones, since the start.
    pub totals: Totals,
}

/// Counts of the connections under one combination of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// The combination.
    pub labels: Labels,
    /// Connections that are used so now.
    pub connections_open: u64,
    /// Sums over open and ended ones, since the start.
    pub totals: Totals,
    /// Whether the kernel counted the segments (`TCP_INFO`); else the model did.
    pub segments_by_kernel: bool,
}

/// All meters of a server.
#[derive(Default)]
pub struct Meters {
    next_id: AtomicU64,
    /// Live connections. Weak, so that a meter ends with its connection.
    live: Mutex<HashMap<u64, std::sync::Weak<ConnectionMeter>>>,
    ended: Mutex<Ended>,
    /// Copies of what passes, for who looks.
    pub taps: Taps,
}

impl Meters {
    /// The meter of a connection that was just accepted.
    pub fn open(self: &Arc<Self>, lane: LaneId) -> Arc<ConnectionMeter> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let meter = Arc::new(ConnectionMeter::new(id, lane, self.clone()));
        bump(&meter.counters.connections_opened, 1);
        lock(&self.live).insert(id, Arc::downgrade(&meter));
        meter
    }

    /// Adds series that no connection has and nothing was added to for `idle` to those of
    /// `(other)`: names that strangers made up do not stay for good.
    pub fn forget_idle(&self, idle: Duration) {
        let mut live = HashSet::new();
        for meter in self.live_meters() {
            live.extend(meter.labelling().labels.clone());
        }
        let mut ended = lock(&self.ended);
        let over: Vec<_> = ended
            .by_labels
            .iter()
            .filter(|(labels, series)| {
                &*labels.channel != OTHER
                    && !labels.channel.is_empty()
                    && !live.contains(*labels)
                    && series.last_added.is_none_or(|at| at.elapsed() >= idle)
            })
            .map(|(labels, _)| labels.clone())
            .collect();
        over.into_iter().for_each(|labels| ended.merge(labels));
    }

    /// Sums by labels, sorted; the lab's own traffic is not among them.
    pub fn series(&self) -> Vec<Series> {
        let mut sums: HashMap<Labels, (u64, Totals)> = HashMap::new();
        for meter in self.live_meters() {
            let labelling = meter.labelling();
            if let Some(labels) = &labelling.labels {
                let sum = sums.entry((**labels).clone()).or_default();
                sum.0 += 1;
                sum.1.add(&meter.counters.read().since(&labelling.folded()));
            }
        }
        for (labels, series) in &lock(&self.ended).by_labels {
            let sum = sums.entry(labels.clone()).or_default();
            sum.1.add(&series.totals);
        }
        let mut series: Vec<_> = sums
            .into_iter()
            .map(|(labels, (connections_open, totals))| Series {
                labels,
                connections_open,
                totals,
                segments_by_kernel: cfg!(target_os = "linux"),
            })
            .collect();
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        series
    }

    /// Sums of one lane over all its connections, labelled or not.
    pub fn lane(&self, lane: LaneId) -> LaneTotals {
        let mut sum = LaneTotals::default();
        for meter in self.live_meters().iter().filter(|m| m.lane == lane) {
            sum.connections_open += 1;
            sum.totals.add(&meter.totals());
        }
        if let Some(ended) = lock(&self.ended).by_lane.get(&lane) {
            sum.totals.add(ended);
        }
        sum
    }

    /// Publications were dropped that were queued while no connection was there to take them.
    pub fn dropped(&self, labels: &Labels, publications: usize) {
        let totals = Totals {
            drops: publications as u64,
            ..Totals::default()
        };
        let mut ended = lock(&self.ended);
        ended.add(labels, &totals);
        ended.by_lane.entry(labels.lane).or_default().add(&totals);
    }

    /// Wakes every connection of a lane, so that it notices changed conditions.
    pub fn wake_lane(&self, lane: LaneId) {
        let live = self.live_meters();
        let of_lane = live.iter().filter(|meter| meter.lane == lane);
        of_lane.for_each(|meter| meter.waker.wake());
    }

    /// Gives back what connections keep for taps, where the last one has ended.
    pub fn forget_taps(&self) {
        if self.taps.has_emptied() {
            let live = self.live_meters();
            live.iter().for_each(|meter| meter.forget_tap());
        }
    }

    /// Those whose connection is still there. Copied, so that the lock is not held while each is
    /// read.
    fn live_meters(&self) -> Vec<Arc<ConnectionMeter>> {
        let live = lock(&self.live);
        live.values().filter_map(std::sync::Weak::upgrade).collect()
    }

    /// Adds what a connection did under these labels to what has ended.
    fn fold(&self, labels: Option<&Labels>, totals: &Totals) {
        if let Some(labels) = labels
            && *totals != Totals::default()
        {
            lock(&self.ended).add(labels, totals);
        }
    }

    /// A connection is over: its sums stay with its lane.
    fn ended(&self, meter: &ConnectionMeter) {
        lock(&self.live).remove(&meter.id);
        let mut ended = lock(&self.ended);
        ended
            .by_lane
            .entry(meter.lane)
            .or_default()
            .add(&meter.totals());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
