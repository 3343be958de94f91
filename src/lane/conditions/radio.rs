//! Radio: a phone's modem lets go of its channel when nothing passes for a while, and needs time
//! to get one again. Whatever comes first after a silence waits for that, in either direction, and
//! what follows waits with it.
//!
//! ```text
//!  bytes  ▮ ▮ ▮            ▮ ▮
//!  radio  awake ──sleep──▶ asleep ──wake──▶ awake
//! ```
//!
//! The defaults are those of LTE as measured on phones: 260 ms to wake, 11.6 s until it sleeps (Huang
//! et al., "A Close Examination of Performance and Power Characteristics of 4G LTE Networks", MobiSys
//! 2012, table 3). So a heartbeat every 25 s wakes a radio each time, and a poll every 10 s keeps it
//! awake for good: a battery's two ways to be emptied.
//!
//! Not here: what it costs in energy, and the shorter naps (DRX) between two bytes.

use std::time::{Duration, Instant};

use super::{Condition, Direction, Impairment, Key, Kind, Opening, Range, Settings};

pub const KIND: Kind = Kind {
    name: "radio",
    meaning: "A phone's radio that sleeps when nothing passes, and must wake for the next byte",
    example: "radio sleep=11600ms wake=260ms",
    keys: &[
        Key {
            name: "sleep",
            range: Range::Span {
                least_ms: 1,
                most_ms: 3_600_000,
            },
            default: "11600ms",
            meaning: "After so long without a byte in either direction it sleeps",
        },
        Key {
            name: "wake",
            range: Range::Span {
                least_ms: 0,
                most_ms: 60_000,
            },
            default: "260ms",
            meaning: "How long the first byte after that waits",
        },
    ],
    check: |_| Ok(()),
    build: |settings| Box::new(Radio::new(settings)),
};

/// On a lane.
#[derive(Debug, Clone, Copy)]
struct Radio {
    sleep: Duration,
    wake: Duration,
}

impl Radio {
    fn new(settings: &Settings) -> Self {
        Self {
            sleep: settings.span("sleep"),
            wake: settings.span("wake"),
        }
    }
}

/// The radio of one connection. A phone has one for all of them; lanes whose clients have one
/// connection each are as in the world, and polls that open a second wake it twice.
struct Tuned {
    radio: Radio,
    /// It is awake from here …
    awake_from: Instant,
    /// … and sleeps if nothing passes until then.
    asleep_from: Instant,
}

impl Condition for Radio {
    fn on(&self, opening: &Opening) -> Box<dyn Impairment> {
        // Connecting has woken it. Not from `from` on, which lies ahead in a run: nothing would pass until then.
        let awake_from = opening.opened;
        Box::new(Tuned {
            radio: *self,
            awake_from,
            asleep_from: awake_from + self.sleep,
        })
    }
}

impl Impairment for Tuned {
    fn leaves(&mut self, _direction: Direction, _bytes: usize, at: Instant) -> Instant {
        if at >= self.asleep_from {
            self.awake_from = at + self.radio.wake;
        }
        let leaves = at.max(self.awake_from);
        self.asleep_from = self.asleep_from.max(leaves + self.radio.sleep);
        leaves
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{impair, opening};
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_first_byte_after_a_silence_waits_and_those_behind_it_wait_with_it() {
        let opening = opening();
        let mut radio = impair("radio sleep=10s wake=300ms", &opening);
        let mut passes = |after: u64, direction| {
            let at = opening.opened + ms(after);
            radio.leaves(direction, 100, at) - at
        };
        assert_eq!(passes(0, Direction::Up), ms(0), "connecting has woken it");
        assert_eq!(passes(9_999, Direction::Down), ms(0));
        assert_eq!(passes(19_998, Direction::Up), ms(0));
        assert_eq!(passes(29_998, Direction::Down), ms(300));
        assert_eq!(passes(30_098, Direction::Up), ms(200));
        assert_eq!(passes(30_298, Direction::Down), ms(0));
        // The silence counts from what has left last.
        assert_eq!(passes(40_297, Direction::Down), ms(0));
        assert_eq!(passes(50_297, Direction::Down), ms(300));
    }

    #[test]
    fn what_passes_before_scheduled_effects_begin_is_not_held_for_them() {
        let ahead = Opening {
            from: opening().from + Duration::from_secs(60),
            ..opening()
        };
        let mut radio = impair("radio", &ahead);
        let at = ahead.opened + ms(5);
        assert_eq!(radio.leaves(Direction::Up, 1, at), at);
    }

    #[test]
    fn what_comes_after_a_year_of_silence_waits_once() {
        let opening = opening();
        let mut radio = impair("radio", &opening);
        let late = opening.opened + Duration::from_secs(365 * 86_400);
        assert_eq!(radio.leaves(Direction::Down, 1, late) - late, ms(260));
        assert_eq!(
            radio.leaves(Direction::Down, 1, late + ms(300)) - late,
            ms(300)
        );
    }
}
