//! One connection as taps see it: what it carries, cut into pieces, and whose each exchange is.
//!
//! A connection is followed from its first byte, or from where no request and no answer is under
//! way. What is not as one request after the other would be ends that for good: a proxy may send
//! many people's requests by one connection, and a body may look like a request. A request's
//! channel is known once the request is routed; in protocols that name the channel in a message,
//! with that message. Until then its pieces wait here; what turns out to be somebody else's is
//! dropped.

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Arc, Weak},
};

use super::{Tap, Taps};
use crate::{
    capture::{
        Direction, Kind,
        framing::{Framer, HEAD_MAX_BYTES, PIECE_MAX_BYTES, Piece},
    },
    catalogue::LaneId,
};

/// Bytes that may wait for a request to be routed: its head, and a body that came with it.
const UNROUTED_MAX_BYTES: usize = HEAD_MAX_BYTES + PIECE_MAX_BYTES + (4 << 10);
/// Bytes that may wait for a protocol to name its channel.
const NAMED_LATER_MAX_BYTES: usize = 16 << 10;

/// What is known of a request's channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// It has none: a page, the lab's own API.
    Not,
    /// Its protocol names it later.
    Later,
    /// A channel of this name, on this lane.
    As {
        /// Its name.
        channel: &'a str,
        /// Whose transport it came by, whichever port that was.
        lane: LaneId,
        /// A chat or a dashboard asks.
        is_of_a_demo: bool,
    },
}

/// Whose an exchange is.
enum Owner {
    Unknown,
    /// A tap's, with the connection's number there.
    Of(Weak<Tap>, u32, LaneId),
    Nobody,
}

/// A request and its answer, as far as they passed.
struct Exchange {
    number: u32,
    /// Whether its request has been routed.
    has_begun: bool,
    owner: Owner,
}

/// What a piece costs while it waits.
fn cost(piece: &Piece) -> usize {
    piece.bytes.len() + size_of::<Piece>()
}

/// See the module.
pub struct ConnectionTap {
    generation: u32,
    /// Where the connection comes from.
    peer: Option<IpAddr>,
    framer: Framer,
    /// It cannot be told any more what belongs to what.
    is_lost: bool,
    /// Those that may still get pieces, oldest first.
    exchanges: VecDeque<Exchange>,
    waiting: Vec<Piece>,
    waiting_bytes: usize,
    /// The taps that this connection has a number in.
    numbers: Vec<(Weak<Tap>, u32)>,
}

impl ConnectionTap {
    /// Follows a connection from now on, where no request is under way. `generation`: of the taps.
    pub fn new(generation: u32, peer: Option<IpAddr>) -> Self {
        Self {
            generation,
            peer,
            framer: Framer::default(),
            is_lost: false,
            exchanges: VecDeque::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            numbers: Vec::new(),
        }
    }

    /// Whether it has followed the connection since these taps were opened.
    pub fn is_of(&self, generation: u32) -> bool {
        self.generation == generation
    }

    /// Whether nothing of this connection will be kept.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Bytes passed.
    pub fn saw(&mut self, direction: Direction, bytes: &[u8], now_us: u64) {
        if self.is_lost {
            return;
        }
        let mut pieces = Vec::new();
        self.framer
            .feed(direction, bytes, now_us, &mut |piece| pieces.push(piece));
        for piece in pieces {
            self.take(piece);
        }
        self.is_lost |= self.framer.is_lost();
    }

    /// Nothing more is kept of the connection, which may go on.
    pub fn left(&self) {
        for (tap, number) in &self.numbers {
            if let Some(tap) = tap.upgrade() {
                tap.left(*number);
            }
        }
    }

    /// The connection is over.
    pub fn ended(&self, now_us: u64) {
        for (tap, number) in &self.numbers {
            if let Some(tap) = tap.upgrade() {
                tap.ended(*number, now_us);
            }
        }
    }

    /// A piece is whole: it belongs to an exchange, whose owner is known or not yet.
    fn take(&mut self, piece: Piece) {
        if piece.kind == Kind::RequestHead {
            // Only of one request at a time is it sure which answer, and which labels, are its own.
            // No browser sends a second one before it has the first one's answer.
            self.is_lost |= self.framer.unanswered() > 1;
            self.exchanges.push_back(Exchange {
                number: piece.exchange,
                has_begun: false,
                owner: Owner::Unknown,
            });
        }
        // An answer comes after all that belongs to earlier requests.
        if piece.direction == Direction::Down {
            self.end_before(piece.exchange);
        }
        if self.is_lost {
            self.exchanges.clear();
            return self.drop_waiting();
        }
        let owner = self
            .exchanges
            .iter()
            .find(|known| known.number == piece.exchange);
        match owner.map(|known| &known.owner) {
            Some(Owner::Of(tap, connection, lane)) => match tap.upgrade() {
                Some(tap) => tap.keep(*lane, *connection, piece),
                None => self.is_nobodys(),
            },
            Some(Owner::Unknown) => {
                self.waiting_bytes += cost(&piece);
                self.waiting.push(piece);
                self.limit_waiting();
            }
            // What follows an upgrade is nobody's for good.
            Some(Owner::Nobody) | None => self.is_lost |= piece.kind == Kind::Frame,
        }
    }

    /// The present exchange is of no tap, or of one that has ended.
    fn is_nobodys(&mut self) {
        if let Some(last) = self.exchanges.back_mut() {
            last.owner = Owner::Nobody;
        }
        self.framer.keep_no_more();
    }

    /// A request waits a moment, until it is routed; one whose protocol names the channel later
    /// waits as long as it likes, but with little.
    fn limit_waiting(&mut self) {
        let is_routed = self.exchanges.back().is_some_and(|last| last.has_begun);
        let limit = match is_routed {
            true => NAMED_LATER_MAX_BYTES,
            false => UNROUTED_MAX_BYTES,
        };
        if self.waiting_bytes > limit {
            self.give_up_waiting();
        }
    }

    /// Forgets exchanges that are over; what waits of them was nobody's.
    fn end_before(&mut self, exchange: u32) {
        while self
            .exchanges
            .front()
            .is_some_and(|first| first.number < exchange)
        {
            self.exchanges.pop_front();
        }
        self.waiting.retain(|piece| piece.exchange >= exchange);
        self.count_waiting();
    }

    /// What waits, in bytes.
    fn count_waiting(&mut self) {
        self.waiting_bytes = self.waiting.iter().map(cost).sum();
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
        }
    }

    /// Too much waits: what is not known to be somebody's is nobody's from now on.
    fn give_up_waiting(&mut self) {
        for exchange in &mut self.exchanges {
            if matches!(exchange.owner, Owner::Unknown) {
                exchange.owner = Owner::Nobody;
            }
        }
        self.framer.keep_no_more();
        self.drop_waiting();
    }

    /// Drops what waits: it is somebody else's, or nobody's.
    fn drop_waiting(&mut self) {
        self.waiting = Vec::new();
        self.waiting_bytes = 0;
    }

    /// The request that was read last is routed: what is known of its channel.
    pub fn began(&mut self, named: Named<'_>, taps: &Taps) {
        let last = self.exchanges.back_mut().filter(|last| !last.has_begun);
        let Some(last) = last else {
            // A request that was not seen here as one.
            self.is_lost = true;
            self.exchanges.clear();
            return self.drop_waiting();
        };
        last.has_begun = true;
        let number = last.number;
        // What no handler was told of is nobody's.
        for earlier in self
            .exchanges
            .iter_mut()
            .filter(|known| known.number < number)
        {
            if !earlier.has_begun {
                earlier.owner = Owner::Nobody;
            }
        }
        self.decide(named, taps);
    }

    /// More is known of the channel of the request that was routed last.
    pub fn named(&mut self, named: Named<'_>, taps: &Taps) {
        let Some(last) = self.exchanges.back_mut().filter(|last| last.has_begun) else {
            return;
        };
        match (&last.owner, named) {
            (Owner::Unknown, _) => self.decide(named, taps),
            // What comes for another channel is not for this tap.
            (Owner::Of(tap, ..), Named::As { channel, .. }) => {
                let is_same = |tap: Arc<Tap>| &*tap.channel == channel;
                if !tap.upgrade().is_some_and(is_same) {
                    self.is_nobodys();
                }
            }
            _ => {}
        }
    }

    /// The exchange's channel is known: hands over what waits to the tap of that channel, or drops
    /// it.
    fn decide(&mut self, named: Named<'_>, taps: &Taps) {
        let found = match named {
            Named::Later => return self.limit_waiting(),
            Named::Not => None,
            Named::As {
                channel,
                lane,
                is_of_a_demo,
            } => (taps.find(channel))
                .filter(|tap| tap.hides_messages() || !is_of_a_demo)
                .filter(|tap| tap.is_for(self.peer))
                .map(|tap| (tap, lane)),
        };
        let number = self.exchanges.back().map_or(0, |last| last.number);
        let owner = match found {
            None => {
                self.waiting.retain(|piece| piece.exchange != number);
                Owner::Nobody
            }
            Some((tap, lane)) => {
                let connection = self.number_in(&tap);
                for piece in self
                    .waiting
                    .extract_if(.., |piece| piece.exchange == number)
                {
                    tap.keep(lane, connection, piece);
                }
                Owner::Of(Arc::downgrade(&tap), connection, lane)
            }
        };
        self.count_waiting();
        if matches!(owner, Owner::Nobody) {
            self.framer.keep_no_more();
        }
        if let Some(last) = self.exchanges.back_mut() {
            last.owner = owner;
        }
    }

    /// This connection's number in a tap; numbers count from 1 and say nothing of whose it is.
    fn number_in(&mut self, tap: &Arc<Tap>) -> u32 {
        self.numbers.retain(|(known, _)| known.strong_count() > 0);
        let known = self
            .numbers
            .iter()
            .find(|(known, _)| std::ptr::eq(known.as_ptr(), Arc::as_ptr(tap)));
        if let Some((_, number)) = known {
            return *number;
        }
        let number = tap.connected();
        self.numbers.push((Arc::downgrade(tap), number));
        number
    }
}
