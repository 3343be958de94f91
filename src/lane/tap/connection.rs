//! One connection as taps see it: what it carries, cut into pieces, and whose each exchange is.
//!
//! A connection is followed from its first byte or not at all: in its middle nobody can tell a
//! request from somebody's text. Whose a request is shows when it has been routed, and on protocols that name their channel later
//! even later. Until then its pieces wait here; what turns out to be somebody else's is dropped.

use std::{collections::VecDeque, sync::Arc};

use super::{Tap, Taps};
use crate::{
    capture::{
        Direction, Kind,
        framing::{Framer, Piece},
    },
    catalogue::LaneId,
};

/// Bytes that may wait for their exchange to be known.
const WAITING_MAX_BYTES: usize = 8 << 10;

/// What is known of a request's channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// It has none: a page, the lab's own API.
    Not,
    /// Its protocol names it later.
    Later,
    /// On which lane's transport, whichever port it came by.
    As(&'a str, LaneId),
}

/// Whose an exchange is.
enum Owner {
    Unknown,
    /// A tap's, with the connection's number there.
    Of(Arc<Tap>, u32, LaneId),
    Nobody,
}

struct Exchange {
    number: u32,
    /// Whether its request has been routed.
    has_begun: bool,
    owner: Owner,
}

fn cost(piece: &Piece) -> usize {
    piece.bytes.len() + size_of::<Piece>()
}

/// See the module.
pub struct ConnectionTap {
    generation: u32,
    framer: Framer,
    /// It cannot be told any more what belongs to what.
    is_lost: bool,
    /// Those that may still get pieces, oldest first.
    exchanges: VecDeque<Exchange>,
    waiting: Vec<Piece>,
    waiting_bytes: usize,
    /// The taps that this connection has a number in.
    numbers: Vec<(std::sync::Weak<Tap>, u32)>,
}

impl ConnectionTap {
    pub fn new(generation: u32) -> Self {
        Self {
            generation,
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

    /// Bytes passed.
    pub fn saw(&mut self, direction: Direction, bytes: &[u8], now_us: u64) {
        if self.is_lost {
            return;
        }
        let mut pieces = Vec::new();
        self.framer
            .feed(direction, bytes, now_us, |piece| pieces.push(piece));
        for piece in pieces {
            self.take(piece);
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
            Some(Owner::Of(tap, connection, lane)) => tap.keep(*lane, *connection, piece),
            Some(Owner::Unknown) => {
                self.waiting_bytes += cost(&piece);
                self.waiting.push(piece);
                if self.waiting_bytes > WAITING_MAX_BYTES {
                    self.give_up_waiting();
                }
            }
            Some(Owner::Nobody) | None => {}
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

    fn count_waiting(&mut self) {
        self.waiting_bytes = self.waiting.iter().map(cost).sum();
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
        }
    }

    fn give_up_waiting(&mut self) {
        for exchange in &mut self.exchanges {
            if matches!(exchange.owner, Owner::Unknown) {
                exchange.owner = Owner::Nobody;
            }
        }
        self.framer.keep_no_more();
        self.drop_waiting();
    }

    fn drop_waiting(&mut self) {
        self.waiting = Vec::new();
        self.waiting_bytes = 0;
    }

    /// The request that was read last is routed: what is known of its channel.
    pub fn began(&mut self, named: Named<'_>, taps: &Taps) {
        let Some(last) = self.exchanges.back_mut() else {
            return;
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
            (Owner::Of(tap, ..), Named::As(channel, _)) if &*tap.channel != channel => {
                last.owner = Owner::Nobody;
                self.framer.keep_no_more();
            }
            _ => {}
        }
    }

    fn decide(&mut self, named: Named<'_>, taps: &Taps) {
        let found = match named {
            Named::Later => return,
            Named::Not => None,
            Named::As(channel, lane) => taps.find(channel).map(|tap| (tap, lane)),
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
                Owner::Of(tap, connection, lane)
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
