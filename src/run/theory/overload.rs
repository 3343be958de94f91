//! How much a server gets through when it is asked for more.

/// Requests per second of *N* clients that poll every *T*, at a server that answers μ: all that they
/// ask until it can answer no more, min(N/T, μ). So there is room for μT of them, and who wants
/// to be told in half the time gets room for half as many (brechtvdv 2020: requests per second ≥
/// users / maximum acceptable latency).
pub fn polls_per_s(clients: f64, interval_s: f64, most_per_s: f64) -> f64 {
    (clients / interval_s).min(most_per_s)
}

/// The share of its time that a busy worker of the lab writes in (`--coalesce adaptive`).
pub const ROUNDS_SHARE: f64 = 1.0 / 3.0;

/// What one delivery takes of a server's core.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Of each write or answer, however much is in it. Seconds.
    pub write_s: f64,
    /// Of each message in it.
    pub message_s: f64,
}

/// How many messages share a write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sharing {
    /// None do: what a server does that writes each message by itself.
    One,
    /// The first of them waits so long for others (coalescing, Nagle's idea).
    /// Those that come within a window share one.
    Gathered {
        /// Its length, s.
        window_s: f64,
    },
    /// Whatever came since the last round: a loop that takes all that waits, and long polling.
    Behind,
    /// The same, but writing takes at most this share of the core: a pause follows each round that
    /// makes it so (`--coalesce adaptive`).
    Rounds {
        /// Of the core's time, up to 1.
        share: f64,
    },
}

/// # Publications in a write that gathers for *W*
///
/// The first opens the window, and what comes in *W* after it joins it: at even gaps of 1/λ that is
/// ⌊λW⌋ more, one that comes at its very end among them. (Of a Poisson process it would be λW on
/// average.)
pub fn gathered(rate_per_s: f64, window_s: f64) -> f64 {
    // A product that should be whole may have come out a little less.
    1.0 + (rate_per_s * window_s + 1e-9).floor()
}

/// # Overload
///
/// *N* clients get λ messages per second each; a write takes *w* of the server's core and each
/// message in it *m*. With *b* messages in a write a delivery takes *m* + *w*/*b*, so a core makes at
/// most 1/(*m* + *w*/*b*) deliveries per second, and less where less is offered:
/// min(λN, 1/(m + w/b)).
///
/// - One message per write: *b* = 1, and the wall stands at 1/(w + m) whatever is offered.
/// - Gathered for *W*: the first and what comes in *W* after it, see [`gathered`]. The wall moves
///   away as the load grows, towards 1/m.
/// - Behind: a round over all clients takes N(w + bm), and the next one finds λ times that
///   waiting: b = λN(w + bm), so b = λNw/(1 − λNm), and 1 while that is less. All that is offered
///   goes through until λNm = 1: the wall is at 1/m. This is what RFC 6202 §2.2 calls a natural
///   tendency to degrade gracefully: polls that come late bring more each.
///
/// - Rounds: writing may take a share *s* of the core, so that a round of N(w + bm) stands in a time
///   of N(w + bm)/s, in which b = λN(w + bm)/s come: b = λNw/(s − λNm). With s = 1 it is the case
///   before. More share a write, the earlier the smaller s is, so that the core has room for what
///   else there is to do; the wall of the writing alone is at s/m, and only past it does the share
///   give way: what waits is never thrown away to keep it.
///
/// A poll every *T* is the same with b = λT and an answer's cost for *w*.
pub fn throughput_per_s(cost: Cost, sharing: Sharing, rate_per_s: f64, clients: f64) -> f64 {
    let offered = rate_per_s * clients;
    let Cost { write_s, message_s } = cost;
    let in_a_write = match sharing {
        Sharing::One => 1.0,
        Sharing::Gathered { window_s } => gathered(rate_per_s, window_s),
        Sharing::Behind => in_rounds(cost, 1.0, offered),
        Sharing::Rounds { share } => in_rounds(cost, share, offered),
    };
    offered.min(1.0 / (message_s + write_s / in_a_write))
}

/// Messages in a write of a server whose rounds take this share of its core; 1 while the load
/// needs no rounds.
fn in_rounds(cost: Cost, share: f64, offered: f64) -> f64 {
    let left = share - offered * cost.message_s;
    match left > 0.0 {
        true => (offered * cost.write_s / left).max(1.0),
        false => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::simulated::is_close, *};

    #[test]
    fn polls_are_as_simulated() {
        // One server that takes 1/μ for an answer; each client asks again T after it asked, or
        // when it has its answer, whichever is later.
        for (clients, interval_s) in [(50, 0.1), (400, 0.1), (400, 1.0), (2_000, 0.1)] {
            const MOST_PER_S: f64 = 5_000.0;
            let mut asks: std::collections::VecDeque<f64> = (0..clients)
                .map(|n| f64::from(n) / f64::from(clients) * interval_s)
                .collect();
            let (mut now, mut answers) = (0.0, 0.0);
            while now < 20.0 {
                // In the order in which they asked: everybody's cycle is the same.
                let asked = asks.pop_front().unwrap();
                now = f64::max(now, asked) + 1.0 / MOST_PER_S;
                answers += 1.0;
                asks.push_back(f64::max(asked + interval_s, now));
            }
            let predicted = polls_per_s(f64::from(clients), interval_s, MOST_PER_S);
            let what = format!("{clients} clients every {interval_s} s");
            is_close(&what, answers / now, predicted, 0.02);
        }
    }

    /// A core that serves a room message by message, or round by round, for a simulated while.
    fn served_per_s(cost: Cost, sharing: Sharing, rate_per_s: f64, clients: u32) -> f64 {
        const FOR_S: f64 = 20.0;
        let (mut now, mut next, mut delivered) = (0.0, 0u64, 0.0);
        let (mut round_at, mut round_s) = (0.0, 0.0);
        let came_by = |at: f64| (at * rate_per_s) as u64;
        while now < FOR_S {
            let first_at = (next + 1) as f64 / rate_per_s;
            now = f64::max(now, first_at);
            let takes = match sharing {
                Sharing::One => 1,
                Sharing::Behind => came_by(now) - next,
                Sharing::Rounds { share } => {
                    // The pause after the last round has a longest time, as the lab's has.
                    let pause_s = (round_s / share - round_s).min(0.02);
                    now = f64::max(now, round_at + round_s + pause_s);
                    came_by(now) - next
                }
                Sharing::Gathered { window_s } => {
                    now = f64::max(now, first_at + window_s);
                    came_by(first_at + window_s) - next
                }
            };
            round_at = now;
            for _ in 0..clients {
                now += cost.write_s + takes as f64 * cost.message_s;
                delivered += takes as f64;
            }
            round_s = now - round_at;
            next += takes;
        }
        delivered / now
    }

    #[test]
    fn the_share_is_the_labs_own() {
        assert_eq!(ROUNDS_SHARE, 1.0 / f64::from(crate::hub::rounds::SHARE));
    }

    #[test]
    fn overload_is_as_simulated() {
        let cost = Cost {
            write_s: 5e-6,
            message_s: 1e-6,
        };
        let all = [
            Sharing::One,
            Sharing::Gathered { window_s: 0.02 },
            Sharing::Behind,
            Sharing::Rounds {
                share: ROUNDS_SHARE,
            },
        ];
        for sharing in all {
            for rate in [125.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0] {
                let predicted = throughput_per_s(cost, sharing, rate, 200.0);
                let simulated = served_per_s(cost, sharing, rate, 200);
                let what = format!("{sharing:?} at {rate}/s");
                is_close(&what, simulated, predicted, 0.03);
            }
        }
        let at = |sharing, rate| throughput_per_s(cost, sharing, rate, 200.0);
        assert!((at(Sharing::One, 2_000.0) - 166_667.0).abs() < 1.0);
        assert!((at(Sharing::Behind, 2_000.0) - 400_000.0).abs() < 1.0);
        assert!((at(Sharing::Behind, 8_000.0) - 1e6).abs() < 1e-3);
    }
}
