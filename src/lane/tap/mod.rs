//! Taps: bounded copies of what passes on connections that somebody looks at.
//!
//! ```text
//! LaneStream ── bytes read, bytes accepted ──► ConnectionTap ── units ──► Tap ──► whoever has its key
//! meter ─────── labels of each request ──────►   (whose are they?)        a ring for each lane
//! ```
//! A tap is for one channel, whose name this module invents: nobody can have been on it before, and
//! what comparisons carry under that name is kept for whoever opened the tap. What a chat or a
//! dashboard carries is not, so that nobody can be led to a room whose bytes somebody else reads.
//! The presenter may look at any channel, but sees no payload there ([`Policy::Everything`] is
//! hidden).
//!
//! While there is no tap, a connection reads one number for each of its reads and writes. What a
//! tap keeps is bounded for each lane, the number of taps as well; one that nobody reads ends by
//! itself. [`TAPS_MAX`] taps of every lane, each of [`LANE_BYTES_MAX`], are the most there can be:
//! some 30 MiB.
//!
//! Rejected: keeping everything of the last minute, for whoever comes to look. Then what people
//! wrote would lie about before anybody had asked for it, and every byte of every run would be
//! copied. Rejected, too: copying in the transports. They know what they meant to send; what is
//! shown is what was sent.
//!
//! Where it can be seen: the tabs Race, Sequence and Bytes of the compare page;
//! `npm test -- dissect` holds what is told of the bytes against tshark's dissectors, on every
//! lane.

mod connection;
mod ring;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
};

use subtle::ConstantTimeEq;

use self::ring::Ring;
pub use self::{
    connection::{ConnectionTap, Named},
    ring::LaneKept,
};
use crate::{
    capture::{
        Direction, Kind, Unit,
        annotate::{Context, found_in},
        framing::Piece,
        redact::{Looking, Policy, redact},
    },
    catalogue::{self, LaneId},
    network,
};

/// Taps at the same time.
pub const TAPS_MAX: usize = 24;
/// Of these, from one address; the one that was not read for longest gives way to a new one.
pub const TAPS_OF_ADDRESS_MAX: usize = 8;
/// What a tap keeps of each lane.
pub const LANE_BYTES_MAX: usize = 128 << 10;
/// Ends of connections that a tap remembers.
const ENDS_MAX: usize = 1_000;
/// A tap that is not read for so long ends.
pub const IDLE_US: u64 = 60_000_000;
/// Units that one reading gives.
pub const UNITS_A_READING: usize = 500;

/// All taps of a lab.
#[derive(Default)]
pub struct Taps {
    /// Read for every read and write of every connection.
    open: AtomicUsize,
    /// Grows when the first tap is opened: what connections followed for earlier ones is out of
    /// step.
    generation: AtomicU32,
    /// When the next tap may have been idle for too long, µs.
    look_again_us: AtomicU64,
    /// The last one has ended, and connections still keep what it needed.
    has_emptied: AtomicBool,
    by_channel: Mutex<HashMap<Arc<str>, Arc<Tap>>>,
}

/// What the presenter looks at.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its name.
    pub channel: &'a str,
    /// One device's connections alone, by where they come from.
    pub only: Option<IpAddr>,
}

/// Why none is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOpened {
    /// Every tap is in use by others.
    AllTaken,
    /// A visitor looks at this channel, which is their own.
    OfAVisitor,
}

/// One copy of what passes under one channel's name.
pub struct Tap {
    /// The channel's name: invented, or named by the presenter.
    pub channel: Arc<str>,
    /// Whoever has it may read.
    pub key: String,
    policy: Policy,
    /// Connections of other addresses are not copied.
    only: Option<IpAddr>,
    address: Option<IpAddr>,
    read_us: AtomicU64,
    connections: AtomicU32,
    kept: Mutex<Kept>,
}

/// What a tap keeps, under one lock.
#[derive(Default)]
struct Kept {
    units: u64,
    lanes: HashMap<LaneId, Ring>,
    /// Connections that are over, and since when; those that ended last.
    ended: VecDeque<(u32, u64)>,
}

/// Which exchange of a tap: lane, connection, number.
pub type ExchangeId = (LaneId, u32, u32);

/// What a reading gives.
#[derive(Debug, Default)]
pub struct Reading {
    /// In the order of their numbers.
    pub units: Vec<Unit>,
    /// Those of the exchanges that the units are of, as far as they are kept.
    pub heads: HashMap<ExchangeId, Vec<Unit>>,
    /// How much is kept of each lane.
    pub lanes: Vec<(LaneId, LaneKept)>,
}

impl Taps {
    /// Whether anybody looks at anything.
    pub fn any(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    pub(super) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Opens one on a new channel, or on a named one, of which payloads are hidden; what looks at
    /// that already is looked at by both, unless it is at other connections: then it ends.
    /// `address`: of whoever asks.
    pub fn open(
        &self,
        named: Option<Wanted<'_>>,
        address: Option<IpAddr>,
        now_us: u64,
    ) -> Result<Arc<Tap>, NotOpened> {
        let address = address.map(network::of);
        let named = named.map(|wanted| Wanted {
            only: wanted.only.map(network::of),
            ..wanted
        });
        let mut taps = lock(&self.by_channel);
        end_idle(&mut taps, now_us);
        let present = named.and_then(|wanted| Some((wanted, taps.get(wanted.channel)?)));
        let opened = match present {
            Some((_, present)) if !present.hides_messages() => Err(NotOpened::OfAVisitor),
            Some((wanted, present)) if present.only == wanted.only => Ok(present.clone()),
            Some((wanted, _)) => {
                taps.remove(wanted.channel);
                self.open_another(&mut taps, named, address, now_us)
            }
            None => self.open_another(&mut taps, named, address, now_us),
        };
        self.count(&taps, now_us);
        opened
    }

    /// Opens one where there is room, or where another gives way.
    fn open_another(
        &self,
        taps: &mut HashMap<Arc<str>, Arc<Tap>>,
        named: Option<Wanted<'_>>,
        address: Option<IpAddr>,
        now_us: u64,
    ) -> Result<Arc<Tap>, NotOpened> {
        let of_address = || {
            taps.values()
                .filter(|tap| address.is_some() && tap.address == address)
        };
        if of_address().count() >= TAPS_OF_ADDRESS_MAX
            && let Some(given_up) = of_address().min_by_key(|tap| tap.read_us()).cloned()
        {
            taps.remove(&given_up.channel);
        }
        // The presenter finds room always.
        if taps.len() >= TAPS_MAX && named.is_some() {
            let visitors = taps.values().filter(|tap| !tap.hides_messages());
            if let Some(given_up) = visitors.min_by_key(|tap| tap.read_us()).cloned() {
                taps.remove(&given_up.channel);
            }
        }
        if taps.len() >= TAPS_MAX {
            return Err(NotOpened::AllTaken);
        }
        let channel = named.map(|wanted| wanted.channel.to_owned());
        let channel: Arc<str> = channel.unwrap_or_else(new_channel).into();
        let tap = Arc::new(Tap {
            channel: channel.clone(),
            key: format!("{:032x}", rand::random::<u128>()),
            policy: match named {
                None => Policy::Secrets,
                Some(_) => Policy::Everything,
            },
            only: named.and_then(|wanted| wanted.only),
            address,
            read_us: AtomicU64::new(now_us),
            connections: AtomicU32::new(0),
            kept: Mutex::default(),
        });
        if taps.is_empty() {
            self.generation.fetch_add(1, Ordering::Relaxed);
        }
        taps.insert(channel, tap.clone());
        Ok(tap)
    }

    /// The tap with this key, which is in use from now on.
    pub fn with_key(&self, key: &str, now_us: u64) -> Option<Arc<Tap>> {
        let mut taps = lock(&self.by_channel);
        end_idle(&mut taps, now_us);
        self.count(&taps, now_us);
        let found = taps
            .values()
            .find(|tap| tap.key.as_bytes().ct_eq(key.as_bytes()).into());
        let found = found.cloned();
        if let Some(tap) = &found {
            tap.read_us.store(now_us, Ordering::Relaxed);
        }
        found
    }

    /// Ends a tap; what it kept goes with it.
    pub fn close(&self, tap: &Tap, now_us: u64) {
        let mut taps = lock(&self.by_channel);
        taps.remove(&tap.channel);
        self.count(&taps, now_us);
    }

    /// The tap for a channel.
    pub(super) fn find(&self, channel: &str) -> Option<Arc<Tap>> {
        lock(&self.by_channel).get(channel).cloned()
    }

    /// Ends taps that nobody reads any more; called with what passes, since otherwise there is
    /// nothing to keep.
    pub(super) fn tidy(&self, now_us: u64) {
        if now_us >= self.look_again_us.load(Ordering::Relaxed) {
            let mut taps = lock(&self.by_channel);
            end_idle(&mut taps, now_us);
            self.count(&taps, now_us);
        }
    }

    /// Whether the last tap has ended since this was asked.
    pub(super) fn has_emptied(&self) -> bool {
        self.has_emptied.load(Ordering::Relaxed) && self.has_emptied.swap(false, Ordering::Relaxed)
    }

    /// Notes how many there are, which every connection reads, and when one may be idle.
    fn count(&self, taps: &HashMap<Arc<str>, Arc<Tap>>, now_us: u64) {
        let ends = taps.values().map(|tap| tap.read_us() + IDLE_US);
        let next = ends.min().unwrap_or(u64::MAX).max(now_us + 1_000_000);
        self.look_again_us.store(next, Ordering::Relaxed);
        let before = self.open.swap(taps.len(), Ordering::Relaxed);
        if before > 0 && taps.is_empty() {
            self.has_emptied.store(true, Ordering::Relaxed);
        }
    }
}

/// Removes those that nobody has read for a minute.
fn end_idle(taps: &mut HashMap<Arc<str>, Arc<Tap>>, now_us: u64) {
    taps.retain(|_, tap| now_us < tap.read_us() + IDLE_US);
}

impl Tap {
    /// Whether connections from there are copied.
    fn is_for(&self, peer: Option<IpAddr>) -> bool {
        self.only
            .is_none_or(|only| peer.map(network::of) == Some(only))
    }

    /// Whether payloads are hidden.
    pub fn hides_messages(&self) -> bool {
        self.policy == Policy::Everything
    }

    /// A connection is over: when, for pages that show the end.
    fn ended(&self, connection: u32, now_us: u64) {
        let mut kept = lock(&self.kept);
        if kept.ended.len() == ENDS_MAX {
            kept.ended.pop_front();
        }
        kept.ended.push_back((connection, now_us));
        drop(kept);
        self.left(connection);
    }

    /// Nothing more comes of a connection.
    fn left(&self, connection: u32) {
        let mut kept = lock(&self.kept);
        let rings = kept.lanes.values_mut();
        rings.for_each(|ring| ring.left(connection));
    }

    fn read_us(&self) -> u64 {
        self.read_us.load(Ordering::Relaxed)
    }

    /// When connections ended, µs of the time of day, by their numbers.
    pub fn ends(&self) -> BTreeMap<u32, u64> {
        lock(&self.kept).ended.iter().copied().collect()
    }

    fn connected(&self) -> u32 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What may be kept of a lane.
    fn looking(&self, lane: LaneId) -> Looking<'_> {
        Looking {
            policy: self.policy,
            channel: &self.channel,
            protocol: catalogue::lane(lane.0).map_or("plain", |lane| lane.protocol),
        }
    }

    /// Keeps a piece, without its secrets.
    fn keep(&self, lane: LaneId, connection: u32, mut piece: Piece) {
        // Nothing of what is hidden is told, but a poll in vain is seen to be one.
        let is_asked =
            self.hides_messages() && piece.direction == Direction::Down && is_message(&piece);
        let brings_nothing = is_asked.then(|| {
            let heads = self.heads_of((lane, connection, piece.exchange));
            brings_nothing(lane, &piece, &heads)
        });
        let hidden = redact(&mut piece, &self.looking(lane));
        let mut kept = lock(&self.kept);
        kept.units += 1;
        let unit = Unit {
            n: kept.units,
            connection,
            hidden,
            brings_nothing,
            ..unit_of(lane, piece)
        };
        kept.lanes.entry(lane).or_default().push(unit);
    }

    /// Those of an exchange that are kept, in order: its lane's ring alone is looked through.
    fn heads_of(&self, exchange: ExchangeId) -> Vec<Unit> {
        let kept = lock(&self.kept);
        let of_lane = kept.lanes.get(&exchange.0).into_iter();
        of_lane
            .flat_map(|ring| ring.after(0))
            .filter(|unit| unit.exchange_id() == exchange && unit.is_head())
            .cloned()
            .collect()
    }

    /// Units with a number greater than `after`, at most [`UNITS_A_READING`].
    pub fn read(&self, after: u64) -> Reading {
        let kept = lock(&self.kept);
        let rings = || kept.lanes.values();
        let mut units: Vec<&Unit> = rings().flat_map(|ring| ring.after(after)).collect();
        units.sort_by_key(|unit| unit.n);
        units.truncate(UNITS_A_READING);
        let mut heads: HashMap<ExchangeId, Vec<Unit>> = units
            .iter()
            .map(|unit| (unit.exchange_id(), Vec::new()))
            .collect();
        for head in rings()
            .flat_map(|ring| ring.after(0))
            .filter(|unit| unit.is_head())
        {
            if let Some(of_exchange) = heads.get_mut(&head.exchange_id()) {
                of_exchange.push(head.clone());
            }
        }
        Reading {
            units: units.into_iter().cloned().collect(),
            heads,
            lanes: kept.sizes(),
        }
    }

    /// How much is kept of each lane.
    pub fn sizes(&self) -> Vec<(LaneId, LaneKept)> {
        lock(&self.kept).sizes()
    }

    /// Every unit that is kept and that `wanted` says yes to, in order.
    pub fn units(&self, wanted: impl Fn(&Unit) -> bool) -> Vec<Unit> {
        let kept = lock(&self.kept);
        let mut units: Vec<Unit> = (kept.lanes.values())
            .flat_map(|ring| ring.after(0))
            .filter(|unit| wanted(unit))
            .cloned()
            .collect();
        units.sort_by_key(|unit| unit.n);
        units
    }
}

/// A piece as it is, with nothing hidden.
fn unit_of(lane: LaneId, piece: Piece) -> Unit {
    Unit {
        n: 0,
        lane,
        connection: 0,
        exchange: piece.exchange,
        direction: piece.direction,
        kind: piece.kind,
        at: piece.at,
        first_us: piece.first_us,
        last_us: piece.last_us,
        size: piece.size,
        bytes: piece.bytes,
        hidden: Vec::new(),
        inflated: None,
        brings_nothing: None,
    }
}

/// Whether it is a message, and kept whole: only then is there something to be told of it.
fn is_message(piece: &Piece) -> bool {
    matches!(piece.kind, Kind::Body | Kind::Chunk | Kind::Frame) && piece.bytes.len() == piece.size
}

/// Whether a message brings no publication.
fn brings_nothing(lane: LaneId, piece: &Piece, heads: &[Unit]) -> bool {
    let context = Context::of(lane, heads);
    found_in(&unit_of(lane, piece.clone()), &context).publication_count == 0
}

impl Kept {
    fn sizes(&self) -> Vec<(LaneId, LaneKept)> {
        let mut lanes: Vec<_> = self
            .lanes
            .iter()
            .map(|(lane, ring)| (*lane, ring.size()))
            .collect();
        lanes.sort_by_key(|(lane, _)| *lane);
        lanes
    }
}

/// As long as the channel of a run (`run::names`), so that its name costs the same bytes.
fn new_channel() -> String {
    const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let letters = (0..18).map(|_| char::from(LETTERS[usize::from(rand::random::<u8>()) % 36]));
    format!("compare-{}", letters.collect::<String>())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
