//! Delay, requests and empty answers of one client.

use super::{Arrivals, DeliveryMode, Prediction, Situation, Timer};

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

/// # What the machine takes
///
/// A delivery takes `first_s` longer than it travels, and what comes to many clients comes to the
/// last of them `others_s` after the first: to the one at share *q* after *q* times that. What
/// only travelled is spread evenly over it; what also waited (for a poll, or a request) is late by half
/// of it, the mean, for which of the waits met which client is not known.
pub fn processed(prediction: Prediction, first_s: f64, others_s: f64) -> Prediction {
    let mean_s = first_s + others_s / 2.0;
    let (at_once, longest_wait_s, added_s) = match prediction.at_once >= 1.0 {
        true => (0.0, others_s, first_s),
        false => (prediction.at_once, prediction.longest_wait_s, mean_s),
    };
    Prediction {
        mean_delay_s: prediction.mean_delay_s + mean_s,
        worst_delay_s: prediction.worst_delay_s + first_s + others_s,
        at_once,
        longest_wait_s,
        one_way_s: prediction.one_way_s + added_s,
        ..prediction
    }
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

#[cfg(test)]
mod tests {
    use super::{
        super::simulated::{agree, events, is_close, situation},
        *,
    };

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
    fn many_clients_have_it_one_after_the_other() {
        let situation = situation(Arrivals::Periodic, 3.0, 0.08);
        let predicted = processed(stream(situation), 0.001, 0.004);
        const CLIENTS: usize = 401;
        let mut delays = Vec::new();
        for event in events(situation).into_iter().take(2_000) {
            let mut now = event + 0.001;
            for _ in 0..CLIENTS {
                delays.push(now + situation.one_way_s - event);
                now += 0.004 / (CLIENTS - 1) as f64;
            }
        }
        delays.sort_by(f64::total_cmp);
        let mean = delays.iter().sum::<f64>() / delays.len() as f64;
        is_close("mean", mean, predicted.mean_delay_s, 0.001);
        for p in [0.0, 0.5, 0.9, 1.0] {
            let at = delays[((delays.len() - 1) as f64 * p) as usize];
            is_close("quantile", at, predicted.quantile_s(p), 0.005);
        }
        let poll = DeliveryMode::ShortPoll {
            interval_s: 0.5,
            timer: Timer::Interval,
        };
        let late = processed(predict(poll, situation), 0.002, 0.0);
        let bare = predict(poll, situation);
        assert!((late.quantile_s(0.3) - bare.quantile_s(0.3) - 0.002).abs() < 1e-9);
        assert!((late.worst_delay_s - bare.worst_delay_s - 0.002).abs() < 1e-9);
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
}
