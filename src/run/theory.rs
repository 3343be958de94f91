//! Closed forms for delay, requests and loss of each way to get events from a server.
//!
//! Symbols, as in the experiments' catalogue: λ events per second, *T* the poll timer, *R* the
//! round trip including the server's own time, *d* the way from server to client, *h* how long a
//! poll is held, *x* = λR. Events happen at the server at their own pace (open loop); a poll that
//! finds several takes them all.
//!
//! Assumptions, all stated where they bite: *R* and *d* are constant, nothing is lost, the server
//! is never the bottleneck, and a periodic schedule is in no fixed phase with the polls. The tests
//! hold every form against a discrete-event simulation that shares none of this code.

/// How events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// Independent of each other: exponential gaps.
    Poisson,
    /// One every 1/λ.
    Periodic,
}

/// When a poller's timer starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// Once every *T*, whatever the answers do (`setInterval`).
    Interval,
    /// *T* after the answer, so that a cycle takes *T* + *R*. Most code is this one.
    AfterAnswer,
}

/// What the prediction is for. Times in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Situation {
    pub arrivals: Arrivals,
    /// λ, per second; above 0.
    pub rate_per_s: f64,
    /// *R*.
    pub round_trip_s: f64,
    /// *d*; half of *R* where it is not known better.
    pub one_way_s: f64,
}

/// How a client gets its events.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DeliveryMode {
    ShortPoll {
        interval_s: f64,
        timer: Timer,
    },
    LongPoll {
        hold_s: f64,
    },
    /// Anything that stays open: SSE, WebSocket and what travels by them.
    Stream,
}

/// What to expect. Delays in seconds, from the event to the client having it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    pub mean_delay_s: f64,
    pub worst_delay_s: f64,
    /// Events that find a request (or a stream) waiting and only travel.
    at_once: f64,
    /// The others wait between nothing and this, all lengths alike.
    longest_wait_s: f64,
    one_way_s: f64,
    /// Share of the answers that carry nothing.
    pub empty_ratio: f64,
    /// 0 for what stays open.
    pub requests_per_event: f64,
}

impl Prediction {
    /// The delay that a share `p` of the events, 0 to 1, does not exceed.
    pub fn quantile_s(&self, p: f64) -> f64 {
        if p <= self.at_once {
            return self.one_way_s;
        }
        self.one_way_s + self.longest_wait_s * (p - self.at_once) / (1.0 - self.at_once)
    }
}

/// The prediction for one mode of delivery in one situation.
pub fn predict(mode: DeliveryMode, situation: Situation) -> Prediction {
    match mode {
        DeliveryMode::ShortPoll { interval_s, timer } => short_poll(interval_s, timer, situation),
        DeliveryMode::LongPoll { hold_s } => long_poll(hold_s, situation),
        DeliveryMode::Stream => stream(situation),
    }
}

/// # Short polling
///
/// A poll passes by every *c* = *T* (or *T* + *R*) and takes what has come since. An event is
/// equally likely to come anywhere in a cycle, so it waits U(0, *c*), *c*/2 on average, and then
/// travels *d*. A cycle is empty with probability e^(−λc) for Poisson arrivals; periodic ones
/// leave 1 − λc of the cycles empty while they are rarer than the polls, and none afterwards.
/// There are 1/(λc) requests for each event, whether or not anything happened.
fn short_poll(interval_s: f64, timer: Timer, situation: Situation) -> Prediction {
    let cycle_s = match timer {
        // The next poll cannot leave before the answer is there.
        Timer::Interval => interval_s.max(situation.round_trip_s),
        Timer::AfterAnswer => interval_s + situation.round_trip_s,
    };
    let events_per_cycle = situation.rate_per_s * cycle_s;
    Prediction {
        mean_delay_s: cycle_s / 2.0 + situation.one_way_s,
        worst_delay_s: cycle_s + situation.one_way_s,
        at_once: 0.0,
        longest_wait_s: cycle_s,
        one_way_s: situation.one_way_s,
        empty_ratio: match situation.arrivals {
            Arrivals::Poisson => (-events_per_cycle).exp(),
            Arrivals::Periodic => (1.0 - events_per_cycle).max(0.0),
        },
        requests_per_event: 1.0 / events_per_cycle,
    }
}

/// # Long polling
///
/// An answer leaves; the next request is there *R* later. What happens in this gap waits for its
/// end, U(0, *R*); what happens while a request is held travels at once.
///
/// Poisson: a gap is followed by an immediate answer with probability 1 − e^(−x), carrying x
/// events on average over all gaps; else the request is held and gets one event with probability
/// 1 − e^(−λh), or ends empty. Arrivals have no memory, so this is true of every request, and one
/// request brings x + e^(−x)(1 − e^(−λh)) events. The waiting ones are x of these:
/// mean = d + (R/2)·x / (x + e^(−x)(1 − e^(−λh))). As *h* grows this is the catalogue's form;
/// RFC 6202 §2.2 gives the extremes: one transit at best, three at worst.
///
/// Periodic with period *P*: while *R* < *P* a request always waits when the event comes, so
/// nothing is added at all. Beyond, every gap has events in it: each request takes what came in
/// *R*, and the delay is as if polled every *R*. Hence the step at *R* = *P* that Pimentel and
/// Nickerson (2012) saw as "latency under half the update interval".
fn long_poll(hold_s: f64, situation: Situation) -> Prediction {
    let Situation {
        arrivals,
        rate_per_s,
        round_trip_s,
        one_way_s,
    } = situation;
    let in_gap = rate_per_s * round_trip_s;
    let (waiting, at_once, empty) = match arrivals {
        Arrivals::Poisson => {
            let held = (-in_gap).exp();
            let hold_ends = (-rate_per_s * hold_s).exp();
            (in_gap, held * (1.0 - hold_ends), held * hold_ends)
        }
        Arrivals::Periodic if in_gap >= 1.0 => (in_gap, 0.0, 0.0),
        // Each hold that ends empty costs a request and a gap: an event that falls into the gap
        // waits for its end.
        Arrivals::Periodic => {
            let cycle_s = hold_s + round_trip_s;
            let period_s = rate_per_s.recip();
            let left_s = period_s - round_trip_s;
            if left_s <= hold_s {
                (0.0, 1.0, 0.0)
            } else {
                // In no fixed phase: the share of time in which no request is there.
                let caught_in_gap = round_trip_s / cycle_s;
                let requests = period_s / cycle_s;
                (
                    caught_in_gap / requests,
                    (1.0 - caught_in_gap) / requests,
                    1.0 - 1.0 / requests,
                )
            }
        }
    };
    let events_per_request = waiting + at_once;
    let share_waiting = waiting / events_per_request;
    Prediction {
        mean_delay_s: one_way_s + round_trip_s / 2.0 * share_waiting,
        worst_delay_s: one_way_s
            + if share_waiting > 0.0 {
                round_trip_s
            } else {
                0.0
            },
        at_once: 1.0 - share_waiting,
        longest_wait_s: round_trip_s,
        one_way_s,
        empty_ratio: empty,
        requests_per_event: 1.0 / events_per_request,
    }
}

/// # Streams and sockets
///
/// Something is always open: an event travels, and that is all.
fn stream(situation: Situation) -> Prediction {
    Prediction {
        mean_delay_s: situation.one_way_s,
        worst_delay_s: situation.one_way_s,
        at_once: 1.0,
        longest_wait_s: 0.0,
        one_way_s: situation.one_way_s,
        empty_ratio: 0.0,
        requests_per_event: 0.0,
    }
}

/// Share of the publications that a client loses which is away for `away_s` in every `period_s`:
/// all of these without recovery, none with it while the history reaches back far enough.
pub fn loss(away_s: f64, period_s: f64, history_s: Option<f64>) -> f64 {
    let missed_s = match history_s {
        None => away_s,
        Some(history_s) => (away_s - history_s).max(0.0),
    };
    (missed_s / period_s).clamp(0.0, 1.0)
}

/// As [`loss`] without recovery, of a stretch that need not be whole periods: a client that is away for
/// `away_s` from `first_s` on and again every `period_s`, and loses what came up to `before_s`
/// earlier as well. The sum of the overlaps with the stretch, divided by it.
pub fn loss_within(stretch_s: f64, first_s: f64, away_s: f64, period_s: f64, before_s: f64) -> f64 {
    let mut lost_s = 0.0;
    let mut begins_s = first_s;
    while begins_s - before_s < stretch_s {
        let ends_s = (begins_s + away_s).min(stretch_s);
        lost_s += (ends_s - (begins_s - before_s).max(0.0)).max(0.0);
        begins_s += period_s;
    }
    (lost_s / stretch_s).clamp(0.0, 1.0)
}

/// Mean age of what a status display shows (age of information; Yates et al. 2021): the time since
/// its last update happened, 1/λ on average for Poisson updates (they are memoryless backwards,
/// too) and 1/(2λ) for periodic ones, and the delay of getting it there.
pub fn mean_age_s(mode: DeliveryMode, situation: Situation) -> f64 {
    let since_update_s = match situation.arrivals {
        Arrivals::Poisson => situation.rate_per_s.recip(),
        Arrivals::Periodic => situation.rate_per_s.recip() / 2.0,
    };
    since_update_s + predict(mode, situation).mean_delay_s
}

/// What a display shows of events that it samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampled {
    /// Share of the events that are ever shown.
    pub shown: f64,
    /// Share of the samples that find something new.
    pub fresh: f64,
    /// From a shown event to its display.
    pub mean_delay_s: f64,
    pub mean_age_s: f64,
    /// Just before something newer is shown, mean.
    pub peak_age_s: f64,
}

/// # Sampling
///
/// Every *c* somebody takes the newest event and shows it *d* later: a poll of the current state, or
/// a publisher that conflates. With *x* = λc:
///
/// - A sample is fresh with probability 1 − e^(−x) (Poisson) or min(1, x) (periodic, in no fixed
///   phase). It shows one event, so fresh/x of the events are ever shown; the others are missed,
///   and the samples that are not fresh are needless. Only *x* = 1 has neither for periodic
///   events: Bozdag's diagonal, pull interval = publish interval.
/// - A shown event was the newest in its cycle, so it waited what is left of the cycle after the
///   last of its events: 1/λ − c/(e^x − 1) for Poisson (an exponential time that is known to be
///   below *c*), and c/2 or 1/(2λ), whichever is less, for periodic ones.
/// - Age grows while nothing newer is shown: 1/λ (or half of it, periodic) for the event itself,
///   c/2 for the sampling and *d* for the way. Its peak is the time between two fresh samples,
///   c/fresh, and the delay of the one shown before. The survey of Yates et al. (2021) calls it
///   peak age of information.
///
/// *c* = 0 is a stream that shows everything: age 1/λ + d, peak 1/λ + d.
pub fn sampled(cycle_s: f64, situation: Situation) -> Sampled {
    let Situation {
        arrivals,
        rate_per_s,
        one_way_s,
        ..
    } = situation;
    let period_s = rate_per_s.recip();
    let since_event_s = match arrivals {
        Arrivals::Poisson => period_s,
        Arrivals::Periodic => period_s / 2.0,
    };
    let mean_age_s = since_event_s + cycle_s / 2.0 + one_way_s;
    let in_cycle = rate_per_s * cycle_s;
    if in_cycle == 0.0 {
        return Sampled {
            shown: 1.0,
            fresh: 1.0,
            mean_delay_s: one_way_s,
            mean_age_s,
            peak_age_s: period_s + one_way_s,
        };
    }
    let (fresh, waits_s) = match arrivals {
        Arrivals::Poisson => (
            -(-in_cycle).exp_m1(),
            period_s - cycle_s / in_cycle.exp_m1(),
        ),
        Arrivals::Periodic => (in_cycle.min(1.0), cycle_s.min(period_s) / 2.0),
    };
    let mean_delay_s = waits_s + one_way_s;
    Sampled {
        shown: fresh / in_cycle,
        fresh,
        mean_delay_s,
        mean_age_s,
        peak_age_s: cycle_s / fresh + mean_delay_s,
    }
}

/// How a quota of messages is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuotaUse {
    pub rate_per_s: f64,
    /// Each gets every publication, and each delivery is a message.
    pub clients: f64,
    /// Calls of the service's API for a publication, each of them a message: 1, or 0 for a
    /// publisher that goes another way.
    pub calls_per_publication: f64,
}

/// How long *Q* messages last: each publication takes *N* deliveries and its calls,
/// Q / (λ (N + calls)). Fan-out is what uses a quota up, not publishing.
pub fn quota_lasts_s(messages: f64, used: QuotaUse) -> f64 {
    messages / (used.rate_per_s * (used.clients + used.calls_per_publication))
}

/// Requests per second of *N* clients that poll every *T*, at a server that answers μ: all that they
/// ask until it can answer no more, min(N/T, μ). So there is room for μT of them, and who wants
/// to be told in half the time gets room for half as many (brechtvdv 2020: requests per second ≥
/// users / maximum acceptable latency).
pub fn polls_per_s(clients: f64, interval_s: f64, most_per_s: f64) -> f64 {
    (clients / interval_s).min(most_per_s)
}

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
    Gathered { window_s: f64 },
    /// Whatever came since the last round: a loop that takes all that waits, and long polling.
    Behind,
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
/// A poll every *T* is the same with b = λT and an answer's cost for *w*.
pub fn throughput_per_s(cost: Cost, sharing: Sharing, rate_per_s: f64, clients: f64) -> f64 {
    let offered = rate_per_s * clients;
    let Cost { write_s, message_s } = cost;
    let in_a_write = match sharing {
        Sharing::One => 1.0,
        Sharing::Gathered { window_s } => gathered(rate_per_s, window_s),
        Sharing::Behind => {
            let left = 1.0 - offered * message_s;
            match left > 0.0 {
                true => (offered * write_s / left).max(1.0),
                false => f64::INFINITY,
            }
        }
    };
    offered.min(1.0 / (message_s + write_s / in_a_write))
}

/// # Publishing by one request after the other
///
/// A client that publishes *λ* times a second and waits for each answer needs *R* for each. While
/// λR < 1 the way up is free whenever the next publication comes. Beyond, publication *i* is meant
/// for *i*/λ and sent at *iR*: its wait *i*(R − 1/λ) grows with time, at *t* seconds into the run
/// to *t*(λR − 1). Between `from_s` and `until_s` waits are spread evenly between their first and
/// their last. Only for what `delivery` gives one delay: a stream, and publications at even gaps.
pub fn one_at_a_time(
    delivery: Prediction,
    rate_per_s: f64,
    round_trip_s: f64,
    (from_s, until_s): (f64, f64),
) -> Prediction {
    let grows = rate_per_s * round_trip_s - 1.0;
    if grows <= 0.0 {
        return delivery;
    }
    let first_s = delivery.one_way_s + from_s * grows;
    let spread_s = (until_s - from_s) * grows;
    Prediction {
        mean_delay_s: first_s + spread_s / 2.0,
        worst_delay_s: first_s + spread_s,
        at_once: 0.0,
        longest_wait_s: spread_s,
        one_way_s: first_s,
        ..delivery
    }
}

/// Share of the deliveries that happen when clients are spread over nodes that tell each other
/// nothing, and everything is published on the first: that of the clients that are there, who are
/// one more than elsewhere when they cannot be divided evenly.
pub fn delivered_without_backplane(clients: usize, nodes: usize) -> f64 {
    clients.div_ceil(nodes.max(1)) as f64 / clients.max(1) as f64
}

/// # A poll over HTTP/2, in steady state
///
/// HPACK (RFC 7541) keeps a table of what was sent before: every field that did not change is one
/// byte (§6.1), and a poll's request has only such: `fields_up` bytes. The answer's status is one
/// byte of the static table; of its fields all but the date are repeated, and the date is a literal
/// with an indexed name (§6.2.1): one byte of index, one of length, and 29 characters of about 6
/// bits each by the Huffman code (Appendix B), 22 bytes. Each side has a frame header of 9 bytes
/// (RFC 9113 §4.1). TLS, which browsers insist on, adds 22 bytes a record (RFC 8446 §5.2), one each
/// way. No body: the answer is 304.
pub fn h2_unchanged_poll_bytes(fields_up: u32, repeated_fields_down: u32) -> u32 {
    const FRAME_HEADER: u32 = 9;
    const TLS_RECORD: u32 = 22;
    const STATUS: u32 = 1;
    const DATE: u32 = 24;
    2 * (FRAME_HEADER + TLS_RECORD) + fields_up + STATUS + repeated_fields_down + DATE
}

/// # Behind a blob
///
/// A link that sends `bits_per_s` is busy with a blob for 8·bytes/bits_per_s. What comes `after_s`
/// after its beginning, on the same connection, waits for the rest of that: nothing overtakes in a
/// stream of bytes.
pub fn behind_blob_s(blob_bytes: f64, bits_per_s: f64, after_s: f64) -> f64 {
    (blob_bytes * 8.0 / bits_per_s - after_s).max(0.0)
}

/// # An answer that is buffered on its way
///
/// A proxy keeps what comes of an answer until it has `buffer_bytes`, or until it has kept the first
/// of it for `hold_s`, and passes all of it on at once. Of periodic messages, one every *P*, the
/// first finds the buffer empty and opens it; it leaves when it is full, with the *n*th, after
/// (*n* − 1)*P*, or when the hold is over. All *n* leave together: the *k*th has waited for what
/// was left, so delays go down by *P* from message to message, and up again: a staircase.
pub fn buffered(hold_s: f64, buffer_bytes: f64, message_bytes: f64, period_s: f64) -> Buffered {
    let until_full = (buffer_bytes / message_bytes).ceil().max(1.0);
    let full_s = (until_full - 1.0) * period_s;
    let (kept_s, together) = match full_s <= hold_s {
        true => (full_s, until_full),
        false => (hold_s, (hold_s / period_s).floor() + 1.0),
    };
    Buffered {
        longest_s: kept_s,
        mean_s: kept_s - (together - 1.0) / 2.0 * period_s,
    }
}

/// What a buffer adds to delays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Buffered {
    pub longest_s: f64,
    pub mean_s: f64,
}

/// How clients wait before they try again: wait *k* is `first_s · factor^k`, at most `most_s`,
/// times a number that is spread evenly between two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waits {
    pub first_s: f64,
    pub factor: f64,
    pub most_s: f64,
    pub spread: (f64, f64),
}

/// How a crowd comes back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comeback {
    /// After the end of the outage, until 95 % have tried with success.
    pub until_95_s: f64,
    /// Largest share of the crowd that tries within the window.
    pub peak: f64,
    /// Tries of one client, the last of which succeeds.
    pub tries: f64,
}

/// # Coming back after an outage
///
/// Everybody is cut at 0 and nobody can connect before *D*. A client tries at the sums of its
/// waits, S₁ < S₂ < …, and is back at the first that is not before *D*. Without a random part all
/// of them try at the same instants: the whole crowd is the peak, at the first such sum. With one,
/// the density of S_k is that of S_(k−1) below *D*, convolved with the wait's: computed on a grid,
/// wait after wait, until nobody is left. What the server needs for a connection is left out: tries
/// are counted, and they meet it in this shape. (Shape of the argument: M. Brooker, "Exponential
/// Backoff And Jitter", AWS 2015, who simulates it.)
pub fn comeback(waits: Waits, outage_s: f64, window_s: f64) -> Comeback {
    const CELLS: f64 = 4_000.0;
    const TRIES_MAX: i32 = 1_000;
    let step_s = ((outage_s + waits.most_s) / CELLS).max(1e-6);
    let cell = |s: f64| (s / step_s).round() as usize;
    let end = cell(outage_s);
    let longest = cell(waits.most_s) + 2;
    // Probability of a try in each cell, of those who are not back.
    let mut away = vec![0.0; end.max(1)];
    away[0] = 1.0;
    let mut back = vec![0.0; end + longest + 1];
    let mut tries = 0.0;
    for k in 0..TRIES_MAX {
        let left: f64 = away.iter().sum();
        if left < 1e-6 {
            break;
        }
        tries += left;
        let wait_s = (waits.first_s * waits.factor.powi(k)).min(waits.most_s);
        let (least, most) = (cell(wait_s * waits.spread.0), cell(wait_s * waits.spread.1));
        let mut next = vec![0.0; end + longest + 1];
        // Of each cell an even spread over a range of cells: where it begins and ends to count.
        let mut edges = vec![0.0; next.len() + 1];
        for (at, share) in away.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            // What the cap cuts off waits for exactly as long as it.
            let (low, high) = (least.min(longest - 1), most.min(longest - 1));
            let width = (most - least + 1) as f64;
            let beyond = (most - high) as f64 / width;
            next[at + high] += share * beyond;
            edges[at + low] += share / width;
            edges[at + high + 1] -= share / width;
        }
        let mut density = 0.0;
        for (cell, edge) in next.iter_mut().zip(&edges) {
            density += edge;
            *cell += density;
        }
        for (sum, share) in back[end..].iter_mut().zip(&next[end..]) {
            *sum += share;
        }
        next.truncate(end.max(1));
        if end == 0 {
            next[0] = 0.0;
        }
        away = next;
    }
    let window = cell(window_s).max(1);
    let (mut inside, mut peak, mut total) = (0.0, 0.0, 0.0);
    let mut until_95 = end;
    for (at, share) in back.iter().enumerate() {
        inside += share;
        if at >= window {
            inside -= back[at - window];
        }
        peak = f64::max(peak, inside);
        if total < 0.95 {
            until_95 = at;
        }
        total += share;
    }
    Comeback {
        until_95_s: until_95.saturating_sub(end) as f64 * step_s,
        peak: peak.min(1.0),
        tries,
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::SmallRng};

    use super::*;

    /// What a simulated client saw.
    struct Simulated {
        delays_s: Vec<f64>,
        requests: u64,
        empty: u64,
        mean_age_s: f64,
    }

    impl Simulated {
        fn mean(&self) -> f64 {
            self.delays_s.iter().sum::<f64>() / self.delays_s.len() as f64
        }

        /// Of delays in order.
        fn quantile(&self, p: f64) -> f64 {
            self.delays_s[((self.delays_s.len() - 1) as f64 * p) as usize]
        }

        fn worst(&self) -> f64 {
            self.quantile(1.0)
        }
    }

    const EVENTS: usize = 100_000;

    fn events(situation: Situation) -> Vec<f64> {
        let mut random = SmallRng::seed_from_u64(7);
        let mut now = 0.0;
        (0..EVENTS)
            .map(|_| {
                now += match situation.arrivals {
                    Arrivals::Poisson => -(1.0 - random.random::<f64>()).ln(),
                    Arrivals::Periodic => 1.0,
                } / situation.rate_per_s;
                now
            })
            .collect()
    }

    /// Plays one client event by event: a request is at the server, takes what is there or waits.
    fn simulate(mode: DeliveryMode, situation: Situation) -> Simulated {
        let events = events(situation);
        let end = *events.last().unwrap();
        let (round_trip, one_way) = (situation.round_trip_s, situation.one_way_s);
        let mut seen = Simulated {
            delays_s: Vec::with_capacity(EVENTS),
            requests: 0,
            empty: 0,
            mean_age_s: 0.0,
        };
        // Area under the age of what the client shows, a sawtooth.
        let (mut area, mut shown_at, mut shown_event) = (0.0, 0.0, 0.0);
        let mut show = |event: f64, at: f64| {
            let (from, to) = (shown_at - shown_event, at - shown_event);
            area += (to * to - from * from) / 2.0;
            (shown_at, shown_event) = (at, event);
        };
        let mut next = 0;
        // When the next request is at the server.
        let mut at_server = 0.0;
        while next < events.len() && at_server < end {
            let answered = match mode {
                DeliveryMode::Stream => events[next],
                DeliveryMode::ShortPoll { .. } => at_server,
                DeliveryMode::LongPoll { hold_s } => {
                    at_server.max(events[next].min(at_server + hold_s))
                }
            };
            seen.requests += u64::from(mode != DeliveryMode::Stream);
            let before = next;
            while next < events.len() && events[next] <= answered {
                let delivered = answered + one_way;
                seen.delays_s.push(delivered - events[next]);
                show(events[next], delivered);
                next += 1;
            }
            seen.empty += u64::from(next == before);
            at_server = match mode {
                DeliveryMode::Stream => at_server,
                DeliveryMode::LongPoll { .. } => answered + round_trip,
                DeliveryMode::ShortPoll {
                    interval_s,
                    timer: Timer::Interval,
                } => at_server + interval_s.max(round_trip),
                DeliveryMode::ShortPoll {
                    interval_s,
                    timer: Timer::AfterAnswer,
                } => at_server + interval_s + round_trip,
            };
        }
        seen.mean_age_s = area / shown_at;
        seen.delays_s.sort_by(f64::total_cmp);
        seen
    }

    /// Within a share of it, or of a tenth where it is nearly nothing.
    fn is_close(what: &str, simulated: f64, predicted: f64, tolerance: f64) {
        assert!(
            (simulated - predicted).abs() <= tolerance * predicted.abs().max(0.1),
            "{what}: simulated {simulated}, predicted {predicted}"
        );
    }

    fn agree(mode: DeliveryMode, situation: Situation) {
        let predicted = predict(mode, situation);
        let simulated = simulate(mode, situation);
        let what = |figure| format!("{figure} of {mode:?} in {situation:?}");
        is_close(
            &what("mean"),
            simulated.mean(),
            predicted.mean_delay_s,
            0.02,
        );
        is_close(
            &what("worst"),
            simulated.worst(),
            predicted.worst_delay_s,
            0.02,
        );
        for p in [0.25, 0.5, 0.9, 0.99] {
            is_close(
                &what("quantile"),
                simulated.quantile(p),
                predicted.quantile_s(p),
                0.03,
            );
        }
        let requests = simulated.requests as f64;
        let per_event = requests / simulated.delays_s.len() as f64;
        is_close(
            &what("requests"),
            per_event,
            predicted.requests_per_event,
            0.02,
        );
        if requests > 0.0 {
            let empty = simulated.empty as f64 / requests;
            is_close(&what("empty"), empty, predicted.empty_ratio, 0.02);
        }
        if situation.arrivals == Arrivals::Poisson {
            let age = mean_age_s(mode, situation);
            // Each poll shows the newest event alone: an older one that came with it is never
            // the display's, so the age is that of the newest at the poll.
            let age = match mode {
                DeliveryMode::ShortPoll { .. } | DeliveryMode::Stream => age,
                DeliveryMode::LongPoll { .. } => return,
            };
            is_close(&what("age"), simulated.mean_age_s, age, 0.03);
        }
    }

    fn situation(arrivals: Arrivals, rate_per_s: f64, round_trip_s: f64) -> Situation {
        Situation {
            arrivals,
            rate_per_s,
            round_trip_s,
            one_way_s: round_trip_s / 2.0,
        }
    }

    #[test]
    fn short_polling_is_as_simulated() {
        for arrivals in [Arrivals::Poisson, Arrivals::Periodic] {
            for timer in [Timer::Interval, Timer::AfterAnswer] {
                // Off the beat of the polls: these have no common measure.
                for (rate, interval_s) in [(0.2037, 1.0), (1.0173, 0.5), (4.03, 2.0), (17.0, 0.31)]
                {
                    agree(
                        DeliveryMode::ShortPoll { interval_s, timer },
                        situation(arrivals, rate, 0.0507),
                    );
                }
            }
        }
    }

    #[test]
    fn long_polling_is_as_simulated() {
        for (rate, round_trip_s, hold_s) in [
            (4.0, 0.2, 60.0),
            (50.0, 0.2, 60.0),
            (1.0, 0.05, 25.0),
            (0.2, 0.3, 2.0),
            (0.5, 1.1, 0.7),
        ] {
            agree(
                DeliveryMode::LongPoll { hold_s },
                situation(Arrivals::Poisson, rate, round_trip_s),
            );
        }
    }

    #[test]
    fn periodic_long_polling_steps_where_the_round_trip_passes_the_period() {
        let at = |round_trip_s| {
            let mode = DeliveryMode::LongPoll { hold_s: 25.0 };
            let situation = situation(Arrivals::Periodic, 4.0, round_trip_s);
            agree(mode, situation);
            predict(mode, situation).mean_delay_s - situation.one_way_s
        };
        assert_eq!(at(0.2401), 0.0);
        assert!((at(0.2607) - 0.13).abs() < 0.001);
    }

    #[test]
    fn streams_only_travel() {
        agree(
            DeliveryMode::Stream,
            situation(Arrivals::Poisson, 3.0, 0.08),
        );
        agree(
            DeliveryMode::Stream,
            situation(Arrivals::Periodic, 3.0, 0.08),
        );
    }

    #[test]
    fn published_figures_come_out() {
        // The catalogue's own simulation: 164.0 ms and 0.8 requests, 199.9 and 0.1, 550 and 0.811.
        let long = |rate| {
            predict(
                DeliveryMode::LongPoll { hold_s: 600.0 },
                situation(Arrivals::Poisson, rate, 0.2),
            )
        };
        assert!((long(4.0).mean_delay_s - 0.164).abs() < 0.0005);
        assert!((long(4.0).requests_per_event - 0.8).abs() < 0.001);
        assert!((long(50.0).mean_delay_s - 0.2).abs() < 0.0005);
        let short = predict(
            DeliveryMode::ShortPoll {
                interval_s: 1.0,
                timer: Timer::AfterAnswer,
            },
            situation(Arrivals::Poisson, 0.2, 0.05),
        );
        assert!((short.mean_delay_s - 0.55).abs() < 1e-9);
        assert!((short.empty_ratio - 0.811).abs() < 0.001);
    }

    #[test]
    fn sampling_is_as_simulated() {
        for arrivals in [Arrivals::Poisson, Arrivals::Periodic] {
            for (rate, cycle_s) in [(2.037, 0.1), (2.037, 0.49), (2.037, 1.503), (19.03, 0.25)] {
                let situation = situation(arrivals, rate, 0.04);
                let predicted = sampled(cycle_s, situation);
                let events = events(situation);
                let (mut next, mut samples, mut fresh) = (0, 0.0, 0.0);
                let (mut delays, mut peaks, mut area) = (0.0, 0.0, 0.0);
                // Event that is shown, and since when.
                let mut shown: Option<(f64, f64)> = None;
                let mut time = 0.0;
                while next < events.len() {
                    samples += 1.0;
                    let at = samples * cycle_s;
                    let before = next;
                    while next < events.len() && events[next] <= at {
                        next += 1;
                    }
                    if next == before {
                        continue;
                    }
                    fresh += 1.0;
                    let (event, display) = (events[next - 1], at + situation.one_way_s);
                    delays += display - event;
                    if let Some((event, since)) = shown {
                        peaks += display - event;
                        let (from, to) = (since - event, display - event);
                        area += (to * to - from * from) / 2.0;
                        time += to - from;
                    }
                    shown = Some((event, display));
                }
                let what = |figure| format!("{figure}, {arrivals:?}, {rate}/s every {cycle_s} s");
                let all = events.len() as f64;
                is_close(&what("shown"), fresh / all, predicted.shown, 0.02);
                is_close(&what("fresh"), fresh / samples, predicted.fresh, 0.02);
                is_close(&what("delay"), delays / fresh, predicted.mean_delay_s, 0.03);
                is_close(&what("peak"), peaks / fresh, predicted.peak_age_s, 0.02);
                is_close(&what("age"), area / time, predicted.mean_age_s, 0.02);
            }
        }
        let stream = sampled(0.0, situation(Arrivals::Poisson, 4.0, 0.2));
        let nearly = sampled(1e-9, situation(Arrivals::Poisson, 4.0, 0.2));
        assert!((stream.peak_age_s - nearly.peak_age_s).abs() < 1e-6);
        assert!((stream.peak_age_s - 0.35).abs() < 1e-9);
    }

    #[test]
    fn a_quota_lasts_as_simulated() {
        for (rate_per_s, clients, calls) in [(200.0, 100, 0), (1.0 / 43.0, 100, 1), (5.0, 7, 1)] {
            let (mut left, mut publications) = (200_000i64, 0.0);
            while left > 0 {
                left -= i64::from(clients + calls);
                publications += 1.0;
            }
            let used = QuotaUse {
                rate_per_s,
                clients: f64::from(clients),
                calls_per_publication: f64::from(calls),
            };
            let predicted = quota_lasts_s(200_000.0, used);
            is_close("quota", publications / rate_per_s, predicted, 0.01);
        }
    }

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
        let came_by = |at: f64| (at * rate_per_s) as u64;
        while now < FOR_S {
            let first_at = (next + 1) as f64 / rate_per_s;
            now = f64::max(now, first_at);
            let takes = match sharing {
                Sharing::One => 1,
                Sharing::Behind => came_by(now) - next,
                Sharing::Gathered { window_s } => {
                    now = f64::max(now, first_at + window_s);
                    came_by(first_at + window_s) - next
                }
            };
            for _ in 0..clients {
                now += cost.write_s + takes as f64 * cost.message_s;
                delivered += takes as f64;
            }
            next += takes;
        }
        delivered / now
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

    #[test]
    fn a_tunnel_costs_its_share_or_nothing() {
        assert_eq!(loss(2.0, 15.0, None), 2.0 / 15.0);
        assert_eq!(loss(2.0, 15.0, Some(600.0)), 0.0);
        assert_eq!(loss(130.0, 150.0, Some(100.0)), 0.2);
        // Over whole periods it is the same; over a part it is what falls into it.
        assert_eq!(loss_within(60.0, 13.0, 2.0, 15.0, 0.0), 8.0 / 60.0);
        assert_eq!(loss_within(12.0, 13.0, 2.0, 15.0, 0.0), 0.0);
        assert_eq!(loss_within(14.0, 13.0, 2.0, 15.0, 0.0), 1.0 / 14.0);
        // What waits when the stretch ends is lost to the tunnel that begins there.
        assert_eq!(loss_within(10.0, 0.0, 2.0, 5.0, 1.0), 6.0 / 10.0);
    }

    /// Plays a crowd client by client.
    fn crowd(waits: Waits, outage_s: f64, window_s: f64) -> Comeback {
        const CLIENTS: usize = 20_000;
        let mut random = SmallRng::seed_from_u64(11);
        let mut tries = 0;
        let mut back: Vec<f64> = (0..CLIENTS)
            .map(|_| {
                let mut now = 0.0;
                for k in 0.. {
                    let share: f64 = random.random();
                    let share = waits.spread.0 + (waits.spread.1 - waits.spread.0) * share;
                    let wait = (waits.first_s * waits.factor.powi(k)).min(waits.most_s);
                    now += (wait * share).min(waits.most_s);
                    tries += 1;
                    if now >= outage_s {
                        break;
                    }
                }
                now
            })
            .collect();
        back.sort_by(f64::total_cmp);
        let mut first = 0;
        let mut peak = 0;
        for (index, at) in back.iter().enumerate() {
            while at - back[first] >= window_s {
                first += 1;
            }
            peak = peak.max(index + 1 - first);
        }
        Comeback {
            until_95_s: back[CLIENTS * 95 / 100] - outage_s,
            peak: peak as f64 / CLIENTS as f64,
            tries: tries as f64 / CLIENTS as f64,
        }
    }

    #[test]
    fn a_crowd_comes_back_as_simulated() {
        let waits = |factor, most_s, spread| Waits {
            first_s: 0.2,
            factor,
            most_s,
            spread,
        };
        for (waits, outage_s) in [
            (waits(1.0, 0.2, (1.0, 1.0)), 0.913),
            (waits(2.0, 2.0, (1.0, 1.0)), 0.913),
            (waits(2.0, 2.0, (0.0, 1.0)), 0.913),
            (waits(2.0, 2.0, (0.0, 1.0)), 5.03),
            (waits(2.0, 1.0, (0.5, 1.5)), 3.01),
            (waits(2.0, 2.0, (0.0, 1.0)), 0.0),
        ] {
            let predicted = comeback(waits, outage_s, 0.1);
            let simulated = crowd(waits, outage_s, 0.1);
            let what = |figure| format!("{figure} of {waits:?} after {outage_s}");
            is_close(
                &what("95 %"),
                simulated.until_95_s,
                predicted.until_95_s,
                0.05,
            );
            is_close(&what("peak"), simulated.peak, predicted.peak, 0.06);
            is_close(&what("tries"), simulated.tries, predicted.tries, 0.02);
        }
    }

    #[test]
    fn requests_one_at_a_time_are_as_simulated() {
        for (rate, round_trip_s, from_s, until_s) in [
            (20.0, 0.03, 0.0, 3.0),
            (40.0, 0.05, 0.0, 3.0),
            (20.0, 0.15, 1.0, 4.0),
        ] {
            let stream = stream(situation(Arrivals::Periodic, rate, round_trip_s));
            let predicted = one_at_a_time(stream, rate, round_trip_s, (from_s, until_s));
            let mut free_at = 0.0_f64;
            let mut delays = Vec::new();
            for number in 0..(until_s * rate) as usize {
                let intended = number as f64 / rate;
                let sent = free_at.max(intended);
                free_at = sent + round_trip_s;
                if intended >= from_s {
                    delays.push(sent + stream.one_way_s - intended);
                }
            }
            let mean = delays.iter().sum::<f64>() / delays.len() as f64;
            is_close("mean", mean, predicted.mean_delay_s, 0.03);
            let worst = delays.iter().copied().fold(0.0, f64::max);
            is_close("worst", worst, predicted.worst_delay_s, 0.03);
            is_close(
                "median",
                delays[delays.len() / 2],
                predicted.quantile_s(0.5),
                0.03,
            );
        }
    }

    #[test]
    fn without_a_backplane_the_first_nodes_clients_are_served() {
        assert_eq!(delivered_without_backplane(20, 2), 0.5);
        assert_eq!(delivered_without_backplane(5, 2), 0.6);
        assert_eq!(delivered_without_backplane(5, 1), 1.0);
    }

    #[test]
    fn a_buffer_makes_a_staircase_as_simulated() {
        for (hold_s, buffer_bytes, message_bytes, period_s) in [
            (1.0, 4_096.0, 245.0, 0.13),
            (1.0, 4_096.0, 245.0, 0.01),
            (0.5, 1e6, 245.0, 0.033),
            (1.0, 100.0, 245.0, 0.1),
        ] {
            let (mut kept, mut waits): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
            for number in 0..20_000 {
                let now = number as f64 * period_s;
                if let Some(first) = kept.first()
                    && now > first + hold_s
                {
                    let leaves = first + hold_s;
                    waits.extend(kept.drain(..).map(|at| leaves - at));
                }
                kept.push(now);
                if kept.len() as f64 * message_bytes >= buffer_bytes {
                    waits.extend(kept.drain(..).map(|at| now - at));
                }
            }
            let predicted = buffered(hold_s, buffer_bytes, message_bytes, period_s);
            let mean = waits.iter().sum::<f64>() / waits.len() as f64;
            is_close("mean", mean, predicted.mean_s, 0.02);
            let longest = waits.iter().copied().fold(0.0, f64::max);
            is_close("longest", longest, predicted.longest_s, 0.02);
        }
    }

    #[test]
    fn what_comes_after_a_blob_waits_for_the_rest_of_it() {
        assert!((behind_blob_s(1_250_000.0, 10e6, 0.25) - 0.75).abs() < 1e-9);
        assert_eq!(behind_blob_s(1_250.0, 10e6, 0.25), 0.0);
    }
}
