//! What the conditions that end a connection at some instant share: when, and which connections.
//!
//! ```text
//!         what each side is told                     what it is in the world
//!  FIN    the end, after what came before (read: 0)  a proxy or server that is stopped in good order
//!  RST    an error, at once (ECONNRESET)             a crash, a NAT that forgot, a firewall
//!  none   nothing (half-open)                        a cable, a phone in a lift
//! ```
//!
//! Bytes in flight are lost in each. `jitter` spreads the instants: cut together, all come back
//! together, which is experiment E20's question and not always the one that is asked.

use std::time::{Duration, Instant};

use rand::RngExt;

use super::{Condition, Impairment, Key, Opening, Range, Settings, Verdict};

/// Keys of a condition that strikes each connection once.
pub const KEYS: &[Key] = &[
    Key {
        name: "after",
        range: Range::Span {
            least_ms: 0,
            most_ms: 86_400_000,
        },
        default: "",
        meaning: "How long after it was opened, or after the conditions took effect where it was \
            open before",
    },
    Key {
        name: "jitter",
        range: Range::Span {
            least_ms: 0,
            most_ms: 86_400_000,
        },
        default: "0s",
        meaning: "At most so much later, evenly spread",
    },
    Key {
        name: "whom",
        range: Range::Choice(&["all", "present"]),
        default: "all",
        meaning: "Every connection, or those only that are open when the conditions take effect",
    },
];

/// When to strike.
#[derive(Debug, Clone, Copy)]
pub struct When {
    after: Duration,
    jitter: Duration,
    only_present: bool,
}

impl When {
    pub fn new(settings: &Settings) -> Self {
        Self {
            after: settings.span("after"),
            jitter: settings.span("jitter"),
            only_present: settings.choice("whom") == "present",
        }
    }

    /// The instant for one connection; `None` for one that is spared.
    pub fn strikes(&self, opening: &Opening) -> Option<Instant> {
        // Who comes back after the cut is spared then, so that one cut is one cut.
        if self.only_present && opening.opened > opening.from {
            return None;
        }
        let late = opening.random().random_range(0.0..=1.0);
        let since = opening.opened.max(opening.from);
        Some(since + self.after + self.jitter.mul_f64(late))
    }
}

/// The condition that ends connections at their instants in one of the two ways.
pub fn ending(settings: &Settings, verdict: Verdict) -> Box<dyn Condition> {
    let when = When::new(settings);
    Box::new(Cut { when, verdict })
}

/// One connection's end.
struct Cut {
    when: When,
    verdict: Verdict,
}

/// When it strikes, if it does, and how.
struct Struck(Option<Instant>, Verdict);

impl Condition for Cut {
    fn on(&self, opening: &Opening) -> Box<dyn Impairment> {
        Box::new(Struck(self.when.strikes(opening), self.verdict))
    }
}

impl Impairment for Struck {
    fn verdict(&mut self, now: Instant) -> Verdict {
        match self.0 {
            Some(at) if at <= now => self.1,
            _ => Verdict::Continue,
        }
    }

    fn next(&self, now: Instant) -> Option<Instant> {
        self.0.filter(|at| *at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{impair, opening};
    use super::*;

    const BOTH: [(&str, Verdict); 2] = [("cut-fin", Verdict::Fin), ("cut-rst", Verdict::Rst)];

    #[test]
    fn it_strikes_once_its_time_has_come() {
        for (name, verdict) in BOTH {
            let opening = opening();
            let mut struck = impair(&format!("{name} after=10s"), &opening);
            let at = opening.opened + Duration::from_secs(10);
            let before = at - Duration::from_millis(1);
            assert_eq!(struck.verdict(before), Verdict::Continue);
            assert_eq!(struck.next(before), Some(at));
            assert_eq!(struck.verdict(at), verdict);
            assert_eq!(struck.next(at), None);
        }
    }

    #[test]
    fn who_came_later_can_be_spared() {
        let late = Opening {
            opened: opening().from + Duration::from_secs(1),
            ..opening()
        };
        let far = late.opened + Duration::from_secs(3_600);
        for (name, verdict) in BOTH {
            let of = |rest| impair(&format!("{name} after=0s {rest}"), &late).verdict(far);
            assert_eq!(of("whom=present"), Verdict::Continue);
            assert_eq!(of("whom=all"), verdict);
        }
    }
}
