//! Network conditions on a lane: delay, limited bandwidth, stalls, cuts, tunnels and middleboxes,
//! one file each, composed in the order in which they are named.
//!
//! They hold for every byte of every connection of a lane, the handshake of TLS included, since
//! they sit between the meter and the socket:
//!
//! ```text
//!  session ⇄ TLS ⇄ Io ─── no conditions: the socket itself
//!                   └──── conditions: Link ⇄ delay lines ⇄ pump ⇄ socket
//! ```
//!
//! - [`text`] reads them and prints them; [`value`] knows units; [`presets`] are names for sets.
//! - A [`Kind`] is an entry of the catalogue, a [`Condition`] is one in effect on a lane, and an
//!   [`Impairment`] is what it does to one connection. These take time as a parameter and do no
//!   I/O.
//! - `by_lane` holds what is in effect on which lane.
//! - [`link`] is a connection under conditions; `line` holds bytes in flight; `alarm` wakes it
//!   on time.
//!
//! Conditions may change at any time; open connections follow at once. Random draws come from a
//! seed, the connection's number and the condition's place, so that a run can be repeated.
//!
//! Rejected: `tc netem`, the kernel's own. It needs root, holds for all that a machine sends and so
//! for the control traffic as well, and no class has it on thirty laptops. What is lost with it is
//! what acts below TCP.
//!
//! `pushlab run --lanes websocket --clients 1 --conditions "latency down=50ms up=50ms"` has a
//! median delay of 50.8 ms, 1.5 % above the 50.0 of the closed form;
//! `cargo bench --bench conditions` says how exact they are by themselves. Experiments E5, E7, E9,
//! E11 and E18; lessons 10 to 13. The page `/conditions` sets them while people are on a lane.
//!
//! Not here: packet loss, which cannot be made inside a process (see `stall`); refusing the
//! TCP handshake itself, which the kernel completes (see `tunnel`).

mod alarm;
mod bandwidth;
mod by_lane;
mod cut;
mod cut_fin;
mod cut_rst;
mod half_open;
mod latency;
mod limit;
mod line;
pub mod link;
mod office;
pub mod presets;
mod radio;
mod slow_consumer;
mod stall;
pub mod text;
mod tunnel;
pub mod value;

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::{SeedableRng, rngs::SmallRng};

pub use self::{
    by_lane::{ConditionsByLane, InEffect, LaneConditions},
    office::Watched,
    text::{BadConditions, Conditions, Settings},
    value::Range,
};
/// The catalogue, in the order in which it is shown.
pub const ALL: &[&Kind] = &[
    &latency::KIND,
    &bandwidth::KIND,
    &stall::KIND,
    &radio::KIND,
    &tunnel::KIND,
    &cut_fin::KIND,
    &cut_rst::KIND,
    &half_open::KIND,
    &slow_consumer::KIND,
    &office::KIND,
    &limit::KIND,
];

/// One kind of condition.
pub struct Kind {
    /// The word that a text begins with.
    pub name: &'static str,
    /// What it does, in a sentence for the page.
    pub meaning: &'static str,
    /// A text that sets it.
    pub example: &'static str,
    /// Its settings, in the order in which they are shown.
    pub keys: &'static [Key],
    /// Whether settings that are each in range fit together.
    check: fn(&Settings) -> Result<(), String>,
    build: fn(&Settings) -> Box<dyn Condition>,
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// One setting of a kind.
#[derive(Debug)]
pub struct Key {
    /// The word before the `=`.
    pub name: &'static str,
    /// What it may have.
    pub range: Range,
    /// As text; empty where it must be given, [`UNSET`] where nothing of the kind then holds.
    pub default: &'static str,
    /// What it decides, in a few words for the page.
    pub meaning: &'static str,
}

/// The default of a key that need not be given and means something of its own if it is.
pub const UNSET: &str = "-";

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From server to client.
    Down,
    /// From client to server.
    Up,
}

/// What a condition decides about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Continue,
    /// Ended in good order, on both sides.
    Fin,
    /// Reset, on both sides.
    Rst,
}

/// An instant that never comes: what is due then stays in flight.
pub fn never(now: Instant) -> Instant {
    now + Duration::from_secs(100 * 365 * 86_400)
}

/// What a condition knows of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// When it was opened; if it was open before, when the conditions were set.
    pub opened: Instant,
    /// When scheduled effects start counting. In a run that is where measuring begins, so that it may
    /// lie ahead.
    pub from: Instant,
    /// Whether it was opened under these conditions, handshake included.
    pub is_new: bool,
    /// Whether every byte of it passes through the condition.
    pub sees_all: bool,
    /// How many connections there were before it.
    pub number: u64,
    /// Seed of this condition on this connection.
    pub seed: u64,
}

impl Opening {
    /// A generator of its own, so that this connection's draws are the same in every run with the
    /// seed.
    pub fn random(&self) -> SmallRng {
        SmallRng::seed_from_u64(self.seed)
    }
}

/// A condition in effect on a lane.
pub trait Condition: Send + Sync {
    /// What it does to one connection.
    fn on(&self, opening: &Opening) -> Box<dyn Impairment>;

    /// Whether one more connection is let in, with so many open.
    fn admits(&self, _open: usize, _from: Instant, _now: Instant) -> bool {
        true
    }
}

/// What a condition does to one connection.
pub trait Impairment: Send {
    /// When bytes that arrive at `at` leave. Called once for each piece, in order.
    fn leaves(&mut self, _direction: Direction, _bytes: usize, at: Instant) -> Instant {
        at
    }

    /// Whether the connection goes on at `now`, or how it ends.
    fn verdict(&mut self, _now: Instant) -> Verdict {
        Verdict::Continue
    }

    /// The next instant at which something happens without a byte arriving.
    fn next(&self, _now: Instant) -> Option<Instant> {
        None
    }

    /// How many bytes may be in flight.
    fn window(&self, _direction: Direction) -> Option<usize> {
        None
    }

    /// Size of the pieces into which writes are cut.
    fn grain(&self) -> Option<usize> {
        None
    }

    /// Whether it reads what passes. Only the first condition that does is asked.
    fn inspects(&self) -> bool {
        false
    }

    /// The bytes that pass on, and bytes that it adds itself.
    fn inspect(&mut self, direction: Direction, bytes: Bytes, _now: Instant) -> Inspected {
        let mut passing = Inspected::default();
        match direction {
            Direction::Up => passing.up.push(bytes),
            Direction::Down => passing.down.push(bytes),
        }
        passing
    }

    /// Bytes that it has held back long enough.
    fn release_due(&mut self, _now: Instant) -> Inspected {
        Inspected::default()
    }

    /// All bytes that it has held back.
    fn release_all(&mut self) -> Inspected {
        Inspected::default()
    }

    /// What it knows of the connection, for its successor when conditions change.
    fn watched(&mut self) -> Option<Watched> {
        None
    }

    /// Takes over what its predecessor knew.
    fn go_on(&mut self, _watched: Watched) {}
}

/// What an inspecting condition lets pass.
#[derive(Debug, Default)]
pub struct Inspected {
    /// From server to client, in order.
    pub down: Vec<Bytes>,
    /// From client to server, in order.
    pub up: Vec<Bytes>,
    /// Both sides must be told that nothing more comes.
    pub ends: bool,
}

#[cfg(test)]
mod testing {
    use super::*;

    /// A new connection under conditions that take effect as it opens.
    pub fn opening() -> Opening {
        let now = Instant::now() + Duration::from_secs(1_000_000);
        Opening {
            opened: now,
            from: now,
            is_new: true,
            sees_all: true,
            number: 0,
            seed: 7,
        }
    }

    fn build(text: &str) -> Box<dyn Condition> {
        let conditions: Conditions = text.parse().unwrap();
        let term = &conditions.terms[0];
        (term.kind().build)(&term.settings)
    }

    pub fn impair(text: &str, opening: &Opening) -> Box<dyn Impairment> {
        build(text).on(opening)
    }

    /// Two connections of a lane.
    pub fn impair_two(text: &str, opening: &Opening) -> (Box<dyn Impairment>, Box<dyn Impairment>) {
        let condition = build(text);
        (condition.on(opening), condition.on(opening))
    }

    pub fn admits(text: &str, open: usize, from: Instant, now: Instant) -> bool {
        build(text).admits(open, from, now)
    }
}
