//! Tunnel: no connection for a while in every period.
//!
//! ```text
//!  from         first                       first + every
//!    │────────────│░░░░ away ░░░░│────────────│░░░░ away ░░░░│────►
//!                 ▲              ▲
//!    `existing`: cut, or silent  what was kept arrives, `new` ones are heard
//! ```
//!
//! Connections that are open when it begins are cut or fall silent; silent ones keep what is sent,
//! as TCP does, and it arrives at the end. New ones are silent up to the end, or reset at once; in
//! either case the kernel completes their handshake, which a process cannot prevent.
//!
//! When a tunnel is, follows from the clock alone (`from`, `first`, `every`) and not from events: all
//! connections of a lane, and all lanes of a run, are in it together, and theory can say what is
//! missed (`run::conditions`). Experiment E7, lessons 10 and 16.

use std::time::{Duration, Instant};

use super::{
    Condition, Direction, Impairment, Key, Kind, Opening, Range, Settings, UNSET, Verdict,
};

const PERIOD: Range = Range::Span {
    least_ms: 10,
    most_ms: 86_400_000,
};

pub const KIND: Kind = Kind {
    name: "tunnel",
    meaning: "Everything is gone for a while, again and again",
    example: "tunnel away=2s every=15s",
    keys: &[
        Key {
            name: "away",
            range: PERIOD,
            default: "",
            meaning: "How long everything is gone",
        },
        Key {
            name: "every",
            range: PERIOD,
            default: "",
            meaning: "From the beginning of one tunnel to that of the next",
        },
        Key {
            name: "first",
            range: Range::Span {
                least_ms: 0,
                most_ms: 86_400_000,
            },
            default: UNSET,
            meaning: "When the first one begins; unless given, each period ends with its tunnel",
        },
        Key {
            name: "existing",
            range: Range::Choice(&["rst", "fin", "silent"]),
            default: "rst",
            meaning: "What happens to connections that are open when it begins",
        },
        Key {
            name: "new",
            range: Range::Choice(&["hang", "refuse"]),
            default: "hang",
            meaning: "What happens to who connects meanwhile: silence up to its end, or a reset",
        },
    ],
    check,
    build: |settings| Box::new(Tunnel::new(settings)),
};

/// A tunnel longer than the way from one to the next would never end.
fn check(settings: &Settings) -> Result<(), String> {
    match settings.span("away") < settings.span("every") {
        true => Ok(()),
        false => Err("away must be shorter than every".to_owned()),
    }
}

/// On a lane.
#[derive(Debug, Clone, Copy)]
struct Tunnel {
    away: Duration,
    every: Duration,
    first: Duration,
    existing: Verdict,
    refuses: bool,
}

impl Tunnel {
    fn new(settings: &Settings) -> Self {
        let (away, every) = (settings.span("away"), settings.span("every"));
        Self {
            away,
            every,
            first: match settings.is_given("first") {
                true => settings.span("first"),
                false => every - away,
            },
            existing: match settings.choice("existing") {
                "fin" => Verdict::Fin,
                "silent" => Verdict::Continue,
                _ => Verdict::Rst,
            },
            refuses: settings.choice("new") == "refuse",
        }
    }

    /// Begin and end of the latest tunnel that has begun; `None` before the first.
    fn last(&self, from: Instant, at: Instant) -> Option<(Instant, Instant)> {
        let since = at.checked_duration_since(from + self.first)?;
        let number = since.as_nanos() / self.every.as_nanos().max(1);
        let begins = from + self.first + self.every * number as u32;
        Some((begins, begins + self.away))
    }

    /// Begin and end of the tunnel that it is in.
    fn inside(&self, from: Instant, at: Instant) -> Option<(Instant, Instant)> {
        self.last(from, at).filter(|(_, ends)| at < *ends)
    }
}

/// On one connection.
struct Travelling {
    tunnel: Tunnel,
    from: Instant,
    opened: Instant,
}

impl Condition for Tunnel {
    fn on(&self, opening: &Opening) -> Box<dyn Impairment> {
        Box::new(Travelling {
            tunnel: *self,
            from: opening.from,
            opened: opening.opened,
        })
    }

    fn admits(&self, _open: usize, from: Instant, now: Instant) -> bool {
        !(self.refuses && self.inside(from, now).is_some())
    }
}

impl Impairment for Travelling {
    fn leaves(&mut self, _direction: Direction, _bytes: usize, at: Instant) -> Instant {
        match self.tunnel.inside(self.from, at) {
            Some((_, ends)) => ends,
            None => at,
        }
    }

    fn verdict(&mut self, now: Instant) -> Verdict {
        match self.tunnel.last(self.from, now) {
            // Also if the tunnel is over by now: the connection was open when it began.
            Some((begins, _)) if self.opened < begins => self.tunnel.existing,
            _ => Verdict::Continue,
        }
    }

    fn next(&self, now: Instant) -> Option<Instant> {
        Some(match self.tunnel.last(self.from, now) {
            Some((begins, _)) => begins + self.tunnel.every,
            None => self.from + self.tunnel.first,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{admits, impair, opening};
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn periods_end_with_their_tunnel_unless_told_otherwise() {
        let opening = opening();
        let from = opening.from;
        let mut silent = impair("tunnel away=2s every=15s existing=silent", &opening);
        for (at, leaves) in [(0, 0), (12, 12), (13, 15), (14, 15), (15, 15), (28, 30)] {
            let leaves = from + s(leaves);
            assert_eq!(
                silent.leaves(Direction::Down, 1, from + s(at)),
                leaves,
                "{at}"
            );
            assert_eq!(silent.verdict(from + s(at)), Verdict::Continue);
        }
        let mut first = impair(
            "tunnel away=2s every=15s first=0s existing=silent",
            &opening,
        );
        assert_eq!(first.leaves(Direction::Up, 1, from), from + s(2));
        assert_eq!(first.leaves(Direction::Up, 1, from + s(3)), from + s(3));
    }

    #[test]
    fn who_is_there_at_the_beginning_is_cut_and_who_comes_meanwhile_waits() {
        let there = opening();
        let from = there.from;
        let mut cut = impair("tunnel away=2s every=15s", &there);
        assert_eq!(cut.verdict(from + s(12)), Verdict::Continue);
        assert_eq!(cut.next(from + s(12)), Some(from + s(13)));
        assert_eq!(cut.verdict(from + s(13)), Verdict::Rst);
        // A thread that was late asks after the end.
        assert_eq!(cut.verdict(from + s(16)), Verdict::Rst);
        let meanwhile = Opening {
            opened: from + s(14),
            ..there
        };
        let mut waits = impair("tunnel away=2s every=15s", &meanwhile);
        assert_eq!(waits.verdict(from + s(14)), Verdict::Continue);
        assert_eq!(waits.leaves(Direction::Up, 1, from + s(14)), from + s(15));
        assert_eq!(waits.next(from + s(14)), Some(from + s(28)));
        assert_eq!(waits.verdict(from + s(28)), Verdict::Rst);
    }

    #[test]
    fn new_ones_are_refused_if_it_says_so() {
        let from = opening().from;
        let open = |text, at| admits(text, 0, from, from + s(at));
        assert!(open("tunnel away=2s every=15s", 14));
        assert!(!open("tunnel away=2s every=15s new=refuse", 14));
        assert!(open("tunnel away=2s every=15s new=refuse", 12));
    }

    #[test]
    fn before_it_takes_effect_nothing_happens() {
        let opening = Opening {
            from: opening().from + s(3_600),
            ..opening()
        };
        let mut later = impair("tunnel away=2s every=15s first=0s", &opening);
        assert_eq!(later.verdict(opening.opened), Verdict::Continue);
        let at = opening.opened;
        assert_eq!(later.leaves(Direction::Up, 1, at), at);
    }
}
