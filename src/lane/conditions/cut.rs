//! What the conditions that end a connection at some instant share: when, and which connections.

use std::time::{Duration, Instant};

use rand::Rng;

use super::{Key, Opening, Range, Settings};

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
        if self.only_present && opening.opened > opening.from {
            return None;
        }
        let late = opening.random().random_range(0.0..=1.0);
        let since = opening.opened.max(opening.from);
        Some(since + self.after + self.jitter.mul_f64(late))
    }
}
