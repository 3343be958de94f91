//! One client played event by event, which the closed forms are held against. It shares none of their
//! code.

use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::{Arrivals, DeliveryMode, Situation, Timer, mean_age_s, predict};

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

pub fn events(situation: Situation) -> Vec<f64> {
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
pub fn is_close(what: &str, simulated: f64, predicted: f64, tolerance: f64) {
    assert!(
        (simulated - predicted).abs() <= tolerance * predicted.abs().max(0.1),
        "{what}: simulated {simulated}, predicted {predicted}"
    );
}

pub fn agree(mode: DeliveryMode, situation: Situation) {
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

pub fn situation(arrivals: Arrivals, rate_per_s: f64, round_trip_s: f64) -> Situation {
    Situation {
        arrivals,
        rate_per_s,
        round_trip_s,
        one_way_s: round_trip_s / 2.0,
    }
}
