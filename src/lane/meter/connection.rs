//! The meter of one connection.
//!
//! It is written where bytes pass and by whoever announces them, all on the connection's own
//! thread, and read from any. A kept-alive connection carries requests of several uses (a page,
//! then polls of a chat): when its labels change, what it counted so far is folded into the series
//! it belongs to, and the rest begins anew.
//!
//! The life of a byte that goes down, and what is called on the way:
//!
//! ```text
//!  a transport has a message  answer() or follow()   "next come so many bytes, of these layers"
//!  actix or a session writes  accepted()             where in the stream they are
//!  the kernel takes some      kernel_took()          now they count, and with the last one the delivery
//!  another use begins         begin_request()        what is counted so far goes to the labels before
//!  the connection ends        drop                   the rest goes to its labels; what never left is a drop
//! ```
//!
//! Announcing comes first and counting last, since in between the bytes may wait, be delayed, be
//! encrypted, or never leave. A count made when a message is queued would call bytes sent that a slow
//! reader never gets.
//!
//! Rejected: counting in the handlers. There nobody knows of heads, chunks and frames that actix adds.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use futures_util::task::AtomicWaker;

use super::{
    Meters,
    booking::{Booked, Booking, Message, Owner},
    labels::{Labels, NO_CHANNEL, OnWritten},
    totals::{Counters, Totals},
};
use crate::{
    capture::{Direction, framing::Framer},
    catalogue::{Form, LANES, Lane, LaneId},
    clock,
    lane::{
        seats::Seat,
        tap::{ConnectionTap, Named, Taps},
        tcp_info::TcpInfo,
    },
    wire::Layers,
};

/// Payload of a full segment at an MTU of 1,500 with timestamps; for the model only.
const MODEL_SEGMENT_BYTES: u64 = 1_448;

/// What a change of labels replaces.
#[derive(Default)]
pub(super) struct Labelling {
    pub(super) labels: Option<Arc<Labels>>,
    folded: Option<Box<Totals>>,
    on_written: Option<OnWritten>,
    /// Messages that the kernel does not have yet.
    booking: Booking,
}

impl Labelling {
    /// Counts that are in `Meters::ended` already, under earlier labels; mostly there are none.
    pub(super) fn folded(&self) -> Totals {
        self.folded.as_deref().copied().unwrap_or_default()
    }
}

/// The meter of one connection.
pub struct ConnectionMeter {
    pub(super) id: u64,
    pub(super) lane: LaneId,
    meters: Arc<Meters>,
    pub(super) counters: Counters,
    modelled: AtomicBool,
    /// How many of the bytes read are attributed to a request.
    claimed_up: AtomicU64,
    labelling: Mutex<Labelling>,
    /// Whether `booking` is not empty: most writes need no lock.
    is_booking: AtomicBool,
    /// Plain bytes that were written to the layer below.
    accepted: AtomicU64,
    /// Whether the socket speaks TLS, and encrypted bytes that were written.
    is_secured: AtomicBool,
    accepted_encrypted: AtomicU64,
    /// Wakes the task of the connection when its lane's conditions change.
    pub(super) waker: AtomicWaker,
    /// What a tap needs to follow it; mostly nothing.
    tap: Mutex<Option<Box<ConnectionTap>>>,
    /// When the bytes that are shown next to a tap were given away, µs of the time of day; or 0.
    write_began_us: AtomicU64,
    /// The last bytes that were read end as a head does.
    ended_a_head: AtomicBool,
    /// The last request that has begun has no body.
    is_bodyless: AtomicBool,
    /// The connection's seat.
    seat: OnceLock<Weak<Seat>>,
    /// Where it comes from, if that is known.
    peer: OnceLock<IpAddr>,
}

/// Only the connection's own thread writes, so a load and a store suffice: an atomic addition would
/// lock the line of the cache for every counter of every message.
pub(super) fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Release);
}

impl ConnectionMeter {
    /// All counts at 0.
    pub(super) fn new(id: u64, lane: LaneId, meters: Arc<Meters>) -> Self {
        Self {
            id,
            lane,
            meters,
            counters: Counters::default(),
            modelled: AtomicBool::new(!cfg!(target_os = "linux")),
            claimed_up: AtomicU64::new(0),
            labelling: Mutex::default(),
            is_booking: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            is_secured: AtomicBool::new(false),
            accepted_encrypted: AtomicU64::new(0),
            waker: AtomicWaker::new(),
            tap: Mutex::default(),
            write_began_us: AtomicU64::new(0),
            ended_a_head: AtomicBool::new(false),
            is_bodyless: AtomicBool::new(false),
            seat: OnceLock::new(),
            peer: OnceLock::new(),
        }
    }

    /// The lane whose socket accepted it.
    pub fn lane(&self) -> LaneId {
        self.lane
    }

    /// The connection has this seat.
    pub fn seated(&self, seat: &Arc<Seat>) {
        let _ = self.seat.set(Arc::downgrade(seat));
    }

    /// The connection comes from there; behind a proxy, which may send many people's, from the
    /// proxy.
    pub fn comes_from(&self, peer: IpAddr) {
        let _ = self.peer.set(peer);
    }

    /// Wakes the task of the connection.
    pub fn waker(&self) -> &AtomicWaker {
        &self.waker
    }

    /// All that passed on this connection.
    pub fn totals(&self) -> Totals {
        self.counters.read()
    }

    /// Plain bytes were read.
    pub fn read(&self, bytes: &[u8]) {
        if self.meters.taps.any() {
            self.show_tap(Direction::Up, bytes);
        }
        let ended_a_head = bytes.ends_with(b"\r\n\r\n");
        self.ended_a_head.store(ended_a_head, Ordering::Relaxed);
        let bytes = bytes.len();
        bump(&self.counters.bytes_up, bytes as u64);
        self.model_segments(
            bytes,
            &self.counters.segments_up,
            &self.counters.segments_down,
        );
    }

    /// The kernel took these bytes, in one call.
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

    /// The kernel has this many more plain bytes.
    fn advance(&self, plain: u64) {
        bump(&self.counters.bytes_down, plain);
        self.settle();
    }

    /// Counts the messages that the kernel has.
    fn settle(&self) {
        if self.is_booking.load(Ordering::Relaxed) {
            self.settle_in(&mut self.labelling());
        }
    }

    /// As [`Self::settle`], with the lock held.
    fn settle_in(&self, labelling: &mut Labelling) {
        let written = self.counters.bytes_down.load(Ordering::Relaxed);
        // Asked for once, and only if a delay is to be recorded: most calls book nothing of that kind.
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
                // Announced under earlier labels: it is theirs, and must not be counted here again.
                Some(owner) => {
                    let totals = totals_of(&booked);
                    self.meters.fold(owner.labels.as_deref(), &totals);
                    folded.get_or_insert_default().add(&totals);
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

    /// Adds the part of a message that the kernel took.
    fn book(&self, booked: &Booked) {
        bump(&self.counters.framing_down, booked.layers.framing);
        bump(&self.counters.protocol_down, booked.layers.protocol);
        bump(&self.counters.lab_down, booked.layers.lab);
        bump(&self.counters.saved_down, booked.layers.saved);
        bump(&self.counters.payload_down, booked.layers.payload);
        bump(&self.counters.delivered, booked.publications);
        bump(&self.counters.empty_answers, booked.empty_answers);
    }

    /// Plain bytes were accepted by the layer below: the kernel, the lane's conditions, or TLS.
    pub fn accepted(&self, bytes: &[u8]) {
        let at = self.accepted_bytes();
        self.accepted
            .store(at + bytes.len() as u64, Ordering::Relaxed);
        if self.is_booking.load(Ordering::Relaxed) {
            let mut labelling = self.labelling();
            labelling.booking.accepted(at, bytes);
            self.settle_in(&mut labelling);
        }
        // Last, since it is no part of what is measured.
        if self.meters.taps.any() {
            self.show_tap(Direction::Down, bytes);
        }
    }

    /// Length of the plain stream that the layer below has accepted.
    pub fn accepted_bytes(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// From now on what the kernel takes is encrypted.
    pub fn secure(&self) {
        self.is_secured.store(true, Ordering::Relaxed);
    }

    /// Encrypted bytes were accepted by the layer below.
    pub fn accepted_encrypted(&self, bytes: usize) {
        bump(&self.accepted_encrypted, bytes as u64);
    }

    /// A record with this many plain bytes ends with the encrypted bytes accepted so far.
    pub fn sealed(&self, plain: u64) {
        let encrypted = self.accepted_encrypted.load(Ordering::Relaxed);
        // The kernel may have the whole record by now; else its plain bytes count once it does, for of half
        // a record nobody can read anything.
        if self.counters.tls_down.load(Ordering::Relaxed) >= encrypted {
            return self.advance(plain);
        }
        self.labelling().booking.seal(plain, encrypted);
        self.is_booking.store(true, Ordering::Relaxed);
    }

    /// Encrypted bytes were read from the socket. Plain bytes are counted by [`Self::read`].
    pub fn tls_read(&self, bytes: usize) {
        bump(&self.counters.tls_up, bytes as u64);
    }

    /// Where the kernel does not tell: so many full segments, and one acknowledgement for each.
    fn model_segments(&self, bytes: usize, with_data: &AtomicU64, acknowledging: &AtomicU64) {
        if self.modelled.load(Ordering::Relaxed) {
            let segments = (bytes as u64).div_ceil(MODEL_SEGMENT_BYTES);
            bump(with_data, segments);
            bump(acknowledging, segments);
        }
    }

    /// The kernel's counts, taken at any time; they replace the model's.
    pub fn record_kernel_counts(&self, info: &TcpInfo) {
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

    /// What both ways of beginning a request do. Labels change at most here, so that each byte is
    /// under one combination.
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
            let folded = labelling.folded();
            let said_up = (until_now.layers_up() - folded.layers_up()).total();
            let claimed_up = self.claimed_up.load(Ordering::Relaxed);
            until_now.bytes_up = claimed_up.max(folded.bytes_up + said_up);
            // Of pipelined requests the last answers may not be out yet: they stay with it.
            let owner = Owner {
                labels: labelling.labels.clone(),
                on_written: labelling.on_written.clone(),
            };
            labelling.booking.own(|| owner);
            let ended = until_now.since(&folded);
            self.meters.fold(labelling.labels.as_deref(), &ended);
            labelling.folded = Some(Box::new(until_now));
            labelling.labels = labels();
        }
        labelling.on_written = on_written;
        self.is_bodyless.store(false, Ordering::Relaxed);
        self.tell_tap(labelling, ConnectionTap::began);
        self.claim_read();
        bump(&self.counters.requests, 1);
    }

    /// For a connection whose channel, and in which form it takes that, is known only later: all its
    /// counts go there.
    pub fn name_channel(&self, channel: &str, form: Form) {
        self.relabel(|labels| {
            labels.channel = channel.into();
            labels.form = form.label();
        });
    }

    /// The present request belongs to a session that began under these labels: its demo and its
    /// channel are the session's, whatever this request says.
    pub fn belongs_to(&self, session: &Labels) {
        self.relabel(|labels| {
            labels.demo = session.demo;
            labels.form = session.form;
            labels.channel = session.channel.clone();
        });
    }

    /// As [`Self::name_channel`], for a request that belongs to another transport than its path
    /// says.
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
        self.tell_tap(labelling, ConnectionTap::named);
    }

    /// Bytes are about to be written: for a tap the instant counts at which they were given away,
    /// and a peer on the same machine may have them before the write returns.
    pub fn writes_now(&self) {
        if self.meters.taps.any() {
            let now_us = clock::time_of_day_us();
            self.write_began_us.store(now_us, Ordering::Relaxed);
        }
    }

    /// Shows a tap what passes; while there is none this is not called.
    #[cold]
    fn show_tap(&self, direction: Direction, bytes: &[u8]) {
        let taps = &self.meters.taps;
        taps.tidy(clock::now_us());
        self.meters.forget_taps();
        let mut kept = lock(&self.tap);
        let generation = taps.generation();
        if kept.as_ref().is_some_and(|tap| !tap.is_of(generation)) {
            *kept = None;
        }
        if kept.is_none() && direction == Direction::Up && self.begins_a_request(bytes) {
            *kept = Some(Box::new(ConnectionTap::new(
                generation,
                self.peer.get().copied(),
            )));
        }
        let Some(tap) = &mut *kept else { return };
        let now_us = match (direction, self.write_began_us.swap(0, Ordering::Relaxed)) {
            (Direction::Down, began_us) if began_us > 0 => began_us,
            _ => clock::time_of_day_us(),
        };
        tap.saw(direction, bytes, now_us);
        if tap.is_lost() {
            tap.left();
            *kept = None;
        }
    }

    /// Whether bytes that were just read are the beginning of a request: on a new connection, or on
    /// one whose last request had no body, came whole, and is answered.
    fn begins_a_request(&self, bytes: &[u8]) -> bool {
        let is_new =
            self.counters.bytes_up.load(Ordering::Relaxed) == 0 && self.accepted_bytes() == 0;
        let is_between = || {
            let seat = self.seat.get().and_then(Weak::upgrade);
            self.ended_a_head.load(Ordering::Relaxed)
                && self.is_bodyless.load(Ordering::Relaxed)
                && !self.is_booking.load(Ordering::Relaxed)
                && seat.is_some_and(|seat| seat.is_between_requests())
        };
        is_new || Framer::begins_a_request(bytes) && is_between()
    }

    /// The request that has begun has no body, as the HTTP server reads it.
    pub fn has_no_body(&self) {
        self.is_bodyless.store(true, Ordering::Relaxed);
    }

    /// Tells a tap what the labels say now.
    fn tell_tap(
        &self,
        labelling: MutexGuard<'_, Labelling>,
        tell: impl FnOnce(&mut ConnectionTap, Named<'_>, &Taps),
    ) {
        if !self.meters.taps.any() {
            return;
        }
        let labels = labelling.labels.clone();
        drop(labelling);
        if let Some(tap) = &mut *lock(&self.tap) {
            tell(tap, named(labels.as_deref()), &self.meters.taps);
        }
    }

    /// Gives back what following for a tap took.
    pub(super) fn forget_tap(&self) {
        lock(&self.tap).take();
    }

    /// Everything read so far belongs to the present request.
    fn claim_read(&self) {
        let read = self.counters.bytes_up.load(Ordering::Relaxed);
        self.claimed_up.store(read, Ordering::Relaxed);
    }

    /// A received message's bytes by layer, part of the bytes read.
    pub fn received(&self, layers: Layers) {
        bump(&self.counters.framing_up, layers.framing);
        bump(&self.counters.protocol_up, layers.protocol);
        bump(&self.counters.lab_up, layers.lab);
        bump(&self.counters.saved_up, layers.saved);
        bump(&self.counters.payload_up, layers.payload);
        self.claim_read();
    }

    /// Announces an HTTP answer: a head, and then this. Call it once for every answer before it is
    /// written; for one without a body (to HEAD, 204, 304) without layers.
    pub fn answer(&self, message: Message) {
        self.labelling().booking.answer(message);
        self.is_booking.store(true, Ordering::Relaxed);
    }

    /// Whether what is written next was announced. If not, it is an answer that the HTTP server
    /// gives by itself.
    pub fn expects_answer(&self) -> bool {
        let accepted = self.accepted_bytes();
        self.is_booking.load(Ordering::Relaxed) && self.labelling().booking.is_expecting(accepted)
    }

    /// Announces a message that is written next, after those announced before.
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

    /// Counts a whole message that the kernel has ([`Self::kernel_has`]); the caller records its
    /// delays.
    pub fn sent(&self, layers: Layers, publications: usize) {
        self.book(&Booked {
            layers,
            publications: publications as u64,
            ..Booked::default()
        });
    }

    /// Announces a message that begins at `at` of the plain stream and is at least partly written.
    pub fn starts_at(&self, at: u64, message: Message) {
        let mut labelling = self.labelling();
        labelling.booking.starts_at(at, message);
        self.settle_in(&mut labelling);
    }

    /// A client's publication was accepted.
    pub fn publication_received(&self) {
        bump(&self.counters.received, 1);
    }

    /// So many publications were queued for this client and will never be written.
    pub fn dropped(&self, publications: usize) {
        bump(&self.counters.drops, publications as u64);
    }

    pub(super) fn labelling(&self) -> MutexGuard<'_, Labelling> {
        self.labelling
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What labels say of a request's channel.
fn named(labels: Option<&Labels>) -> Named<'_> {
    match labels {
        None => Named::Not,
        Some(labels) if &*labels.channel == NO_CHANNEL => Named::Later,
        Some(labels) => {
            let speaks = |lane: &&&Lane| {
                (lane.transport, lane.protocol) == (labels.transport, labels.protocol)
            };
            let lane = LANES
                .iter()
                .find(speaks)
                .map_or(labels.lane, |lane| lane.id);
            Named::As {
                channel: &labels.channel,
                lane,
                is_of_a_demo: matches!(labels.demo, "chat" | "dashboard"),
            }
        }
    }
}

/// What a booked part adds to sums.
fn totals_of(booked: &Booked) -> Totals {
    Totals {
        bytes_down: booked.bytes,
        framing_down: booked.layers.framing,
        protocol_down: booked.layers.protocol,
        lab_down: booked.layers.lab,
        payload_down: booked.layers.payload,
        saved_down: booked.layers.saved,
        delivered: booked.publications,
        empty_answers: booked.empty_answers,
        ..Totals::default()
    }
}

impl Drop for ConnectionMeter {
    fn drop(&mut self) {
        let tap = self.tap.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(tap) = tap.take() {
            tap.ended(clock::time_of_day_us());
        }
        let labelling = std::mem::take(
            self.labelling
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        );
        self.dropped(labelling.booking.lost_publications());
        let rest = self.counters.read().since(&labelling.folded());
        self.meters.fold(labelling.labels.as_deref(), &rest);
        self.meters.ended(self);
    }
}
