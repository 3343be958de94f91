//! What passed: bytes by layer and direction, requests, publications, drops.
//!
//! Every connection has a [`ConnectionMeter`]. Its stream counts the bytes, the transport says
//! how messages divide into layers, and HTTP headers are what remains: bytes that passed less
//! bytes that were attributed. A connection carries [`Labels`] (transport, protocol, demo,
//! channel) that may change from request to request on a kept-alive connection; [`Meters`] adds
//! connections up by label, the live ones and the ended ones.
//!
//! A meter is written by its connection's thread alone, so its counters are plain stores to
//! atomics that other threads may read at any time. Bytes are stored before the layers they
//! divide into, encrypted ones before plain ones, and read the other way round: whoever looks
//! never sees a part that is greater than its whole.
//!
//! What is written is counted when the kernel takes it, not when a transport hands it over: see
//! [`super::booking`].
//!
//! Packets: where the kernel tells (`TCP_INFO`), segments are counted by it; elsewhere by a
//! model: one segment per 1,448 bytes of each write or read, and one pure acknowledgement for
//! each of them. On the wire a segment has 66 bytes of headers (Ethernet 14, IPv4 20, TCP 20,
//! timestamps 12).

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::task::AtomicWaker;
use serde::Serialize;

use super::{
    LaneId,
    booking::{Booked, Booking, Message, Owner},
    tcp_info::TcpInfo,
};
use crate::{clock, wire::Layers};

/// Ethernet 14, IPv4 20, TCP 20, timestamp option 12.
pub const SEGMENT_HEADER_BYTES: u64 = 66;
/// Payload of a full segment at an MTU of 1,500 with timestamps; for the model only.
const MODEL_SEGMENT_BYTES: u64 = 1_448;
/// Label combinations kept apart. Past it, the one that was idle longest is added to `(other)`.
const SERIES_MAX: usize = 500;
/// The channel of series that are no longer kept apart; no channel can have this name.
const OTHER: &str = "(other)";

/// What a connection is used for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Labels {
    pub lane: LaneId,
    /// How bytes travel.
    pub transport: &'static str,
    /// What they mean.
    pub protocol: &'static str,
    /// Which demo asked: `chat`, `dashboard`, `compare`, or `none`.
    pub demo: &'static str,
    pub channel: Arc<str>,
}

/// Declares the counters once: in the meter (atomic), in totals (plain), and the ways between.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        #[derive(Debug, Default)]
        struct Counters { $($name: AtomicU64),+ }

        /// Sums since the start.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Totals { $($(#[$doc])* pub $name: u64),+ }

        impl Counters {
            /// In the order of declaration: parts before what they are parts of.
            fn read(&self) -> Totals {
                Totals { $($name: self.$name.load(Ordering::Acquire)),+ }
            }
        }

        impl Totals {
            /// Adds `other` to this.
            pub fn add(&mut self, other: &Totals) {
                $(self.$name += other.$name;)+
            }

            /// What came since `earlier`; saturating.
            pub fn since(&self, earlier: &Totals) -> Totals {
                Totals { $($name: self.$name.saturating_sub(earlier.$name)),+ }
            }
        }
    };
}

counters! {
    // Read in this order: what is counted last is read first, so that no reader sees a delivery
    // before its bytes.
    /// Answers to polls that carried no publication.
    empty_answers,
    /// Publications that the kernel took to the last byte.
    delivered,
    /// Of `bytes_up`, by layer; the rest is HTTP headers.
    framing_up, envelope_up, payload_up,
    /// Of `bytes_down`, by layer; the rest is HTTP headers.
    framing_down, envelope_down, payload_down,
    /// Calls that wrote to the socket.
    writes,
    requests,
    /// Publications that clients sent.
    received,
    /// Publications that were queued for a subscriber and not delivered.
    drops,
    /// Application bytes read from the socket, all layers.
    bytes_up,
    /// Application bytes that the kernel took, all layers; with TLS, those whose record it took
    /// whole.
    bytes_down,
    /// Bytes on the socket where it speaks TLS: `bytes_up` and `bytes_down` encrypted, with the
    /// handshake and everything else of TLS. 0 without it.
    tls_up, tls_down,
    connections_opened,
    segments_up, segments_down,
    /// Payload bytes that the kernel sent again.
    retransmitted_down,
}

impl Totals {
    /// All bytes that TCP carried, up and down: encrypted where there is TLS.
    pub fn carried(&self) -> (u64, u64) {
        (
            self.bytes_up.max(self.tls_up),
            self.bytes_down.max(self.tls_down),
        )
    }

    pub fn layers_up(&self) -> Layers {
        Layers {
            framing: self.framing_up,
            envelope: self.envelope_up,
            payload: self.payload_up,
        }
    }

    pub fn layers_down(&self) -> Layers {
        Layers {
            framing: self.framing_down,
            envelope: self.envelope_down,
            payload: self.payload_down,
        }
    }
}

/// Told when publications reached the kernel: `(published_us, written_us)`.
pub type OnWritten = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// What changes with the labels.
#[derive(Default)]
struct Labelling {
    labels: Option<Arc<Labels>>,
    /// Counts that are in `Meters::ended` already, under earlier labels.
    folded: Totals,
    on_written: Option<OnWritten>,
    /// What is on its way to the kernel.
    booking: Booking,
}

/// The meter of one connection.
pub struct ConnectionMeter {
    id: u64,
    lane: LaneId,
    meters: Arc<Meters>,
    counters: Counters,
    modelled: AtomicBool,
    /// How far requests have claimed what was read.
    claimed_up: AtomicU64,
    labelling: Mutex<Labelling>,
    /// Whether `booking` has anything: spares most writes the lock.
    is_booking: AtomicBool,
    /// Plain bytes that were handed down.
    accepted: AtomicU64,
    /// Whether the socket speaks TLS, and encrypted bytes that were handed down.
    is_secured: AtomicBool,
    accepted_encrypted: AtomicU64,
    /// Of the task that waits for the connection, to be called when its lane's conditions change.
    attention: AtomicWaker,
}

/// Only the connection's own thread writes, so a load and a store will do.
fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Release);
}

impl ConnectionMeter {
    pub fn lane(&self) -> LaneId {
        self.lane
    }

    /// Who waits for the connection.
    pub fn attention(&self) -> &AtomicWaker {
        &self.attention
    }

    /// All that passed on this connection.
    pub fn totals(&self) -> Totals {
        self.counters.read()
    }

    /// Bytes were read from the socket.
    pub fn read(&self, bytes: usize) {
        bump(&self.counters.bytes_up, bytes as u64);
        self.model_segments(
            bytes,
            &self.counters.segments_up,
            &self.counters.segments_down,
        );
    }

    /// The kernel took so many bytes, in one call.
    pub fn kernel_took(&self, bytes: usize) {
        bump(&self.counters.writes, 1);
        self.model_segments(
            bytes,
            &self.counters.segments_down,
            &self.counters.segments_up,
        );
        if !self.is_secured.load(Ordering::Relaxed) {
            return self.advance(bytes as u64);
        }
        bump(&self.counters.tls_down, bytes as u64);
        if self.is_booking.load(Ordering::Relaxed) {
            let encrypted = self.counters.tls_down.load(Ordering::Relaxed);
            let plain = self.labelling().booking.unseal(encrypted);
            self.advance(plain);
        }
    }

    /// The kernel has so many plain bytes more.
    fn advance(&self, plain: u64) {
        bump(&self.counters.bytes_down, plain);
        self.settle();
    }

    /// Counts what the kernel has of what was said of it.
    fn settle(&self) {
        if self.is_booking.load(Ordering::Relaxed) {
            self.settle_in(&mut self.labelling());
        }
    }

    fn settle_in(&self, labelling: &mut Labelling) {
        let written = self.counters.bytes_down.load(Ordering::Relaxed);
        let mut now_us = None;
        let Labelling {
            folded,
            on_written,
            booking,
            ..
        } = labelling;
        booking.settle(written, |booked, owner| {
            self.book(&booked);
            let on_written = match owner {
                None => on_written.as_ref(),
                Some(owner) => {
                    let totals = totals_of(&booked);
                    self.meters.fold(owner.labels.as_deref(), &totals);
                    folded.add(&totals);
                    owner.on_written.as_ref()
                }
            };
            if let Some(on_written) = on_written
                && !booked.stamps.is_empty()
            {
                let now_us = *now_us.get_or_insert_with(clock::time_of_day_us);
                let stamps = booked.stamps.iter();
                stamps.for_each(|stamp| on_written(*stamp, now_us));
            }
        });
        self.is_booking
            .store(!booking.is_empty(), Ordering::Relaxed);
    }

    fn book(&self, booked: &Booked) {
        bump(&self.counters.framing_down, booked.layers.framing);
        bump(&self.counters.envelope_down, booked.layers.envelope);
        bump(&self.counters.payload_down, booked.layers.payload);
        bump(&self.counters.delivered, booked.publications);
        bump(&self.counters.empty_answers, booked.empty_answers);
    }

    /// Plain bytes were handed down: to the kernel, to the lane's conditions, or to be encrypted.
    pub fn accepted(&self, bytes: &[u8]) {
        let at = self.accepted_bytes();
        self.accepted
            .store(at + bytes.len() as u64, Ordering::Relaxed);
        if self.is_booking.load(Ordering::Relaxed) {
            let mut labelling = self.labelling();
            labelling.booking.accepted(at, bytes);
            self.settle_in(&mut labelling);
        }
    }

    /// How far the plain stream has been handed down.
    pub fn accepted_bytes(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// From now on what the kernel takes is encrypted.
    pub fn secure(&self) {
        self.is_secured.store(true, Ordering::Relaxed);
    }

    /// Encrypted bytes were handed down.
    pub fn accepted_encrypted(&self, bytes: usize) {
        bump(&self.accepted_encrypted, bytes as u64);
    }

    /// So many plain bytes more end with the encrypted ones that were handed down until now.
    pub fn sealed(&self, plain: u64) {
        let encrypted = self.accepted_encrypted.load(Ordering::Relaxed);
        if self.counters.tls_down.load(Ordering::Relaxed) >= encrypted {
            return self.advance(plain);
        }
        self.labelling().booking.seal(plain, encrypted);
        self.is_booking.store(true, Ordering::Relaxed);
    }

    /// Encrypted bytes were read from the socket. Beside [`Self::read`], which is told the plain
    /// ones.
    pub fn tls_read(&self, bytes: usize) {
        bump(&self.counters.tls_up, bytes as u64);
    }

    fn model_segments(&self, bytes: usize, with_data: &AtomicU64, acknowledging: &AtomicU64) {
        if self.modelled.load(Ordering::Relaxed) {
            let segments = (bytes as u64).div_ceil(MODEL_SEGMENT_BYTES);
            bump(with_data, segments);
            bump(acknowledging, segments);
        }
    }

    /// The kernel's counts, taken at any time; they replace the model's.
    pub fn kernel_says(&self, info: &TcpInfo) {
        self.modelled.store(false, Ordering::Relaxed);
        let counters = &self.counters;
        for (counter, value) in [
            (&counters.segments_up, u64::from(info.segments_in)),
            (&counters.segments_down, u64::from(info.segments_out)),
            (&counters.retransmitted_down, info.bytes_retransmitted),
        ] {
            counter.store(value, Ordering::Relaxed);
        }
    }

    /// A request begins, under these labels; `None` is the lab's own traffic. On a kept-alive
    /// connection whose labels change, what was read since the last request's end belongs to
    /// this one, and what was written belongs to the last.
    pub fn begin_request(&self, labels: Option<Labels>, on_written: Option<OnWritten>) {
        let labelling = self.labelling();
        let is_same = labelling.labels.as_deref() == labels.as_ref();
        let labels = || labels.map(Arc::new);
        self.begin(labelling, is_same, labels, on_written);
    }

    /// As [`Self::begin_request`], of labels that many requests share.
    pub fn begin_shared_request(&self, labels: &Arc<Labels>) {
        let labelling = self.labelling();
        let is_same = match &labelling.labels {
            Some(present) => Arc::ptr_eq(present, labels) || present == labels,
            None => false,
        };
        self.begin(labelling, is_same, || Some(labels.clone()), None);
    }

    fn begin(
        &self,
        mut labelling: MutexGuard<'_, Labelling>,
        is_same: bool,
        labels: impl FnOnce() -> Option<Arc<Labels>>,
        on_written: Option<OnWritten>,
    ) {
        let is_first = self.counters.requests.load(Ordering::Relaxed) == 0;
        if is_first {
            // The connection itself, and what was read before it had a use, belong to its first.
            labelling.labels = labels();
        } else if !is_same {
            let mut until_now = self.counters.read();
            let said_up = (until_now.layers_up() - labelling.folded.layers_up()).total();
            let claimed_up = self.claimed_up.load(Ordering::Relaxed);
            until_now.bytes_up = claimed_up.max(labelling.folded.bytes_up + said_up);
            // Of pipelined requests the last answers may not be out yet: they stay with it.
            let owner = Owner {
                labels: labelling.labels.clone(),
                on_written: labelling.on_written.clone(),
            };
            labelling.booking.own(|| owner);
            let ended = until_now.since(&labelling.folded);
            self.meters.fold(labelling.labels.as_deref(), &ended);
            labelling.folded = until_now;
            labelling.labels = labels();
        }
        labelling.on_written = on_written;
        drop(labelling);
        self.claim_read();
        bump(&self.counters.requests, 1);
    }

    /// Of a connection that says only later what it is for: all of it belongs to this channel.
    pub fn name_channel(&self, channel: &str) {
        self.relabel(|labels| labels.channel = channel.into());
    }

    /// The present request belongs to a session that began under these labels: its demo and its
    /// channel are the session's, whatever this request says.
    pub fn belongs_to(&self, session: &Labels) {
        self.relabel(|labels| {
            labels.demo = session.demo;
            labels.channel = session.channel.clone();
        });
    }

    /// As [`Self::name_channel`], of a request that turns out to belong to another transport than
    /// its address says.
    pub fn name_transport(&self, transport: &'static str) {
        self.relabel(|labels| labels.transport = transport);
    }

    /// Any thread may call it.
    fn relabel(&self, change: impl FnOnce(&mut Labels)) {
        let mut labelling = self.labelling();
        if let Some(labels) = &labelling.labels {
            let mut changed = (**labels).clone();
            change(&mut changed);
            if changed != **labels {
                labelling.labels = Some(Arc::new(changed));
            }
        }
    }

    /// Everything read so far belongs to the present request.
    fn claim_read(&self) {
        let read = self.counters.bytes_up.load(Ordering::Relaxed);
        self.claimed_up.store(read, Ordering::Relaxed);
    }

    /// A message's bytes, as part of what was or will be read.
    pub fn received(&self, layers: Layers) {
        bump(&self.counters.framing_up, layers.framing);
        bump(&self.counters.envelope_up, layers.envelope);
        bump(&self.counters.payload_up, layers.payload);
        self.claim_read();
    }

    /// An HTTP answer follows: a head, and then this. To be said once of every answer, before it
    /// is written; of one without a body (to HEAD, 204, 304) without layers.
    pub fn answer(&self, message: Message) {
        self.labelling().booking.answer(message);
        self.is_booking.store(true, Ordering::Relaxed);
    }

    /// Whether what is written next belongs to something that was said of it. Where it does not,
    /// the HTTP server answers by itself.
    pub fn expects_answer(&self) -> bool {
        let accepted = self.accepted_bytes();
        self.is_booking.load(Ordering::Relaxed) && self.labelling().booking.is_expecting(accepted)
    }

    /// This is written next, after what was said before.
    pub fn follow(&self, message: Message) {
        let accepted = self.accepted_bytes();
        self.labelling().booking.follow(message, accepted);
        self.is_booking.store(true, Ordering::Relaxed);
    }

    /// Whether the kernel has everything up to `end` of the plain stream, and nothing else is on
    /// its way.
    pub fn kernel_has(&self, end: u64) -> bool {
        !self.is_booking.load(Ordering::Relaxed)
            && self.counters.bytes_down.load(Ordering::Relaxed) >= end
    }

    /// A whole message that the kernel has ([`Self::kernel_has`]); its delays are the caller's.
    pub fn sent(&self, layers: Layers, publications: usize) {
        self.book(&Booked {
            layers,
            publications: publications as u64,
            ..Booked::default()
        });
    }

    /// A message whose first bytes at least were handed down; it begins at `at` of the plain
    /// stream.
    pub fn lies_at(&self, at: u64, message: Message) {
        let mut labelling = self.labelling();
        labelling.booking.lies_at(at, message);
        self.settle_in(&mut labelling);
    }

    pub fn publication_received(&self) {
        bump(&self.counters.received, 1);
    }

    pub fn dropped(&self, publications: usize) {
        bump(&self.counters.drops, publications as u64);
    }

    fn labelling(&self) -> MutexGuard<'_, Labelling> {
        self.labelling
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn totals_of(booked: &Booked) -> Totals {
    Totals {
        bytes_down: booked.bytes,
        framing_down: booked.layers.framing,
        envelope_down: booked.layers.envelope,
        payload_down: booked.layers.payload,
        delivered: booked.publications,
        empty_answers: booked.empty_answers,
        ..Totals::default()
    }
}

impl Drop for ConnectionMeter {
    fn drop(&mut self) {
        let labelling = std::mem::take(
            self.labelling
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        );
        let rest = self.counters.read().since(&labelling.folded);
        self.meters.fold(labelling.labels.as_deref(), &rest);
        self.meters.ended(self);
    }
}

/// Counts of one lane, whatever its connections were used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneTotals {
    pub connections_open: u64,
    pub totals: Totals,
}

/// Counts of the connections under one combination of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    pub labels: Labels,
    pub connections_open: u64,
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
}

#[derive(Default)]
struct Ended {
    by_labels: HashMap<Labels, EndedSeries>,
    folds: u64,
    /// Of connections that are over.
    by_lane: HashMap<LaneId, Totals>,
}

#[derive(Default)]
struct EndedSeries {
    totals: Totals,
    /// Grows with every addition, for finding the one that was idle longest.
    last_fold: u64,
    /// When something was added last.
    last_added: Option<Instant>,
}

impl Ended {
    fn add(&mut self, labels: &Labels, totals: &Totals) {
        if self.by_labels.len() >= SERIES_MAX && !self.by_labels.contains_key(labels) {
            self.merge_idlest();
        }
        self.folds += 1;
        let series = self.by_labels.entry(labels.clone()).or_default();
        series.totals.add(totals);
        series.last_fold = self.folds;
        series.last_added = Some(Instant::now());
    }

    /// Nothing is lost by it but the channel's name.
    fn merge_idlest(&mut self) {
        let idlest = self
            .by_labels
            .iter()
            .filter(|(labels, _)| &*labels.channel != OTHER)
            .min_by_key(|(_, series)| series.last_fold)
            .map(|(labels, _)| labels.clone());
        if let Some(labels) = idlest {
            self.merge(labels);
        }
    }

    fn merge(&mut self, labels: Labels) {
        if let Some(series) = self.by_labels.remove(&labels) {
            let other = Labels {
                channel: OTHER.into(),
                ..labels
            };
            let merged = self.by_labels.entry(other).or_default();
            merged.totals.add(&series.totals);
        }
    }
}

impl Meters {
    /// The meter of a connection that was just accepted.
    pub fn open(self: &Arc<Self>, lane: LaneId) -> Arc<ConnectionMeter> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let meter = Arc::new(ConnectionMeter {
            id,
            lane,
            meters: self.clone(),
            counters: Counters::default(),
            modelled: AtomicBool::new(!cfg!(target_os = "linux")),
            claimed_up: AtomicU64::new(0),
            labelling: Mutex::default(),
            is_booking: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            is_secured: AtomicBool::new(false),
            accepted_encrypted: AtomicU64::new(0),
            attention: AtomicWaker::new(),
        });
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
                sum.1.add(&meter.counters.read().since(&labelling.folded));
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

    /// Calls every connection of a lane, so that it looks at what has changed.
    pub fn call(&self, lane: LaneId) {
        let live = self.live_meters();
        let of_lane = live.iter().filter(|meter| meter.lane == lane);
        of_lane.for_each(|meter| meter.attention.wake());
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(transport: &'static str, channel: &str) -> Labels {
        Labels {
            lane: LaneId::MAIN,
            transport,
            protocol: "plain",
            demo: "none",
            channel: channel.into(),
        }
    }

    fn payload(bytes: u64) -> Layers {
        Layers {
            payload: bytes,
            ..Layers::default()
        }
    }

    /// An HTTP answer with a body of so many bytes.
    fn answer_of(body: usize) -> Vec<u8> {
        [b"HTTP/1.1 200 OK\r\n\r\n", &*vec![b'x'; body]].concat()
    }

    /// Writes so many bytes straight to the kernel, an empty head among the first of them.
    fn write(meter: &ConnectionMeter, bytes: usize) {
        let head = answer_of(0).len();
        let body = bytes.saturating_sub(head);
        let written = answer_of(body);
        meter.kernel_took(bytes);
        meter.accepted(&written[..bytes]);
    }

    fn series(meters: &Meters, transport: &str) -> Totals {
        let mut sum = Totals::default();
        for series in meters.series() {
            if series.labels.transport == transport {
                sum.add(&series.totals);
            }
        }
        sum
    }

    #[test]
    fn a_connection_that_changes_its_use_is_counted_under_both() {
        let meters = Arc::<Meters>::default();
        let meter = meters.open(LaneId::MAIN);
        meter.read(100);
        meter.begin_request(Some(labels("short-poll", "a")), None);
        meter.answer(payload(10).into());
        write(&meter, 60);
        meter.read(200);
        meter.begin_request(Some(labels("sse", "a")), None);
        write(&meter, 70);
        let poll = series(&meters, "short-poll");
        assert_eq!((poll.bytes_up, poll.bytes_down), (100, 60));
        assert_eq!(poll.connections_opened, 1);
        assert_eq!((poll.payload_down, poll.requests), (10, 1));
        let stream = series(&meters, "sse");
        assert_eq!((stream.bytes_up, stream.bytes_down), (200, 70));
        drop(meter);
        assert_eq!(series(&meters, "sse"), stream, "ended counts stay");
        let lane = meters.lane(LaneId::MAIN);
        assert_eq!((lane.totals.bytes_up, lane.connections_open), (300, 0));
    }

    #[test]
    fn the_labs_own_requests_are_in_the_lane_but_in_no_series() {
        let meters = Arc::<Meters>::default();
        let meter = meters.open(LaneId::MAIN);
        meter.read(50);
        meter.begin_request(None, None);
        write(&meter, 500);
        meter.read(30);
        meter.begin_request(Some(labels("sse", "a")), None);
        assert_eq!(series(&meters, "sse").bytes_up, 30);
        assert_eq!(series(&meters, "sse").bytes_down, 0);
        assert_eq!(meters.lane(LaneId::MAIN).totals.bytes_down, 500);
    }

    #[test]
    fn a_session_keeps_its_labels_over_connections_that_others_use_as_well() {
        let meters = Arc::<Meters>::default();
        let meter = meters.open(LaneId::MAIN);
        for (channel, bytes) in [("a", 10), ("a", 10), ("b", 7)] {
            meter.read(bytes);
            meter.begin_request(Some(labels("polling", "(none)")), None);
            meter.belongs_to(&labels("polling", channel));
        }
        meters.dropped(&labels("polling", "b"), 3);
        drop(meter);
        let figures = meters.series().into_iter();
        let figures: Vec<_> = figures
            .map(|s| {
                (
                    s.labels.channel.to_string(),
                    s.totals.bytes_up,
                    s.totals.drops,
                )
            })
            .collect();
        assert_eq!(figures, [("a".into(), 20, 0), ("b".into(), 7, 3)]);
    }

    #[test]
    fn written_instants_are_told_once_after_the_write() {
        let meters = Arc::<Meters>::default();
        let meter = meters.open(LaneId::MAIN);
        let told = Arc::<Mutex<Vec<(u64, u64)>>>::default();
        let log = told.clone();
        let on_written: OnWritten =
            Arc::new(move |published, written| lock(&log).push((published, written)));
        meter.begin_request(None, Some(on_written));
        meter.follow(Message {
            layers: payload(10),
            stamps: vec![3, 4],
            ..Message::default()
        });
        write(&meter, 9);
        assert!(lock(&told).is_empty());
        write(&meter, 10);
        let stamps: Vec<_> = lock(&told).iter().map(|(stamp, _)| *stamp).collect();
        assert_eq!(stamps, [3, 4]);
        assert!(lock(&told).iter().all(|(_, written)| *written > 0));
    }

    #[test]
    fn an_answer_that_is_still_on_its_way_stays_with_the_use_it_was_given_for() {
        let meters = Arc::<Meters>::default();
        let meter = meters.open(LaneId::MAIN);
        meter.begin_request(Some(labels("short-poll", "a")), None);
        meter.answer(Message {
            layers: payload(10),
            publications: 2,
            ..Message::default()
        });
        let answer = answer_of(10);
        meter.accepted(&answer);
        meter.begin_request(Some(labels("sse", "a")), None);
        assert_eq!(series(&meters, "short-poll").delivered, 0);
        meter.kernel_took(answer.len());
        let poll = series(&meters, "short-poll");
        assert_eq!((poll.delivered, poll.payload_down), (2, 10));
        assert_eq!(poll.bytes_down, answer.len() as u64);
        assert_eq!(series(&meters, "sse").bytes_down, 0);
    }

    #[test]
    fn plain_bytes_count_when_the_records_that_hold_them_are_written() {
        let meters = Arc::<Meters>::default();
        let meter = meters.open(LaneId::MAIN);
        meter.secure();
        meter.begin_request(Some(labels("sse", "a")), None);
        meter.accepted(&[0; 10]);
        meter.accepted_encrypted(32);
        meter.sealed(10);
        meter.lies_at(0, payload(10).into());
        meter.kernel_took(31);
        let early = meter.totals();
        assert_eq!((early.tls_down, early.bytes_down), (31, 0));
        assert_eq!(early.payload_down, 0);
        meter.kernel_took(1);
        let whole = meter.totals();
        assert_eq!((whole.tls_down, whole.bytes_down), (32, 10));
        assert_eq!(whole.payload_down, 10);
    }

    #[test]
    fn series_of_idle_channels_go_and_their_counts_stay() {
        let meters = Arc::<Meters>::default();
        for n in 0..50 {
            let meter = meters.open(LaneId::MAIN);
            meter.begin_request(Some(labels("sse", &format!("c{n}"))), None);
        }
        let in_use = meters.open(LaneId::MAIN);
        in_use.begin_request(Some(labels("sse", "c7")), None);
        meters.forget_idle(Duration::from_secs(3_600));
        assert_eq!(meters.series().len(), 50, "they were used just now");
        meters.forget_idle(Duration::ZERO);
        let series = meters.series();
        let names: Vec<_> = series.iter().map(|s| &*s.labels.channel).collect();
        assert_eq!(names, [OTHER, "c7"]);
        let sum: u64 = series.iter().map(|s| s.totals.requests).sum();
        assert_eq!(sum, 51, "nothing is lost");
    }

    #[test]
    fn label_combinations_are_bounded() {
        let meters = Arc::<Meters>::default();
        for n in 0..SERIES_MAX + 50 {
            let meter = meters.open(LaneId::MAIN);
            meter.begin_request(Some(labels("sse", &format!("c{n}"))), None);
        }
        let series = meters.series();
        assert!(series.len() <= SERIES_MAX + 1, "{}", series.len());
        let sum: u64 = series.iter().map(|s| s.totals.requests).sum();
        assert_eq!(sum, SERIES_MAX as u64 + 50, "nothing is lost");
        let newest = format!("c{}", SERIES_MAX + 49);
        assert!(series.iter().any(|s| *s.labels.channel == newest));
        assert!(!series.iter().any(|s| &*s.labels.channel == "c0"));
    }
}
