//! E11, buffering proxy: a stream that somebody gathers before it goes on.

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, beside,
    evidence::Evidence, ms,
};
use crate::run::{
    answer::{rate, span_ms},
    figures::Unit,
    plan::Plan,
    report::{LaneReport, Report},
    theory::{Buffered, buffered},
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E11",
    title: "Buffering proxy",
    question: "What happens to events when a proxy holds back streaming answers?",
    claim: "RFC 6202 §3.2: intermediaries may buffer whole responses; A2 \"instantly\"",
    expectation: "an event stream comes in bursts: the first of a burst waits longest, each after it \
        by one period less, a staircase; as long as the buffer takes to fill or its time to run out. \
        A WebSocket has no answer to hold back and a long poll's has a length: both pass. A proxy \
        that honours X-Accel-Buffering: no, which this server sends, holds nothing.",
    claims: &["A2"],
    group: Group::Networks,
    guess: Guess::number(
        "A proxy gathers a stream for up to 1.2 s: an event comes, on average, late by",
        "ms",
        1e3,
        found,
    ),
    meaning: "A stream that works on your machine can come in bursts behind somebody's proxy. Send \
        the header that asks it not to gather, use TLS, and look at the delays that your \
        users measure, not at yours.",
    answer,
    steps,
    compare,
    across: None,
};

/// Longest that a proxy gathers. No whole number of periods, or the last message of a burst would
/// be a matter of luck.
const HOLD_MS: u64 = 1_200;

struct Proxy {
    what: &'static str,
    buffer_bytes: u64,
    honours: bool,
}

const PROXIES: [Proxy; 3] = [
    Proxy {
        what: "64 KiB or 1.2 s, whichever is first",
        buffer_bytes: 64 << 10,
        honours: false,
    },
    Proxy {
        what: "1 KiB or 1.2 s",
        buffer_bytes: 1 << 10,
        honours: false,
    },
    Proxy {
        what: "64 KiB or 1.2 s, unless asked not to",
        buffer_bytes: 64 << 10,
        honours: true,
    },
];

fn steps(full: bool) -> Vec<Step> {
    PROXIES
        .iter()
        .map(|proxy| {
            let accel = if proxy.honours { "honour" } else { "ignore" };
            Step {
                label: format!("gathers {}", proxy.what),
                plan: Plan {
                    lanes: "long-poll,sse,websocket".to_owned(),
                    conditions: format!(
                        "office buffer={}B hold={HOLD_MS}ms accel={accel}",
                        proxy.buffer_bytes
                    ),
                    clients: if full { 20 } else { 5 },
                    rate: if full { 2.0 } else { 9.5 },
                    warm_up: ms(1_200),
                    duration: ms(if full { 60_000 } else { 4_500 }),
                    repeat: if full { 3 } else { 1 },
                    ..Plan::default()
                },
            }
        })
        .collect()
}

fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let proxy = PROXIES
        .iter()
        .find(|proxy| step.label.ends_with(proxy.what));
    let Some(proxy) = proxy else {
        return Vec::new();
    };
    let of = |lane: &LaneReport| of_lane(proxy, step.plan.rate, report, lane);
    report.lanes.iter().flat_map(of).collect()
}

/// What a proxy adds to a lane's delays; `None` where a message's size is not known.
fn added(proxy: &Proxy, rate_per_s: f64, lane: &LaneReport) -> Option<Buffered> {
    if lane.lane != "sse" || proxy.honours {
        return Some(Buffered {
            longest_s: 0.0,
            mean_s: 0.0,
        });
    }
    let message_bytes = lane.predicted.get("message_bytes")?.form();
    let hold_s = HOLD_MS as f64 / 1e3;
    let buffer_bytes = proxy.buffer_bytes as f64;
    Some(buffered(
        hold_s,
        buffer_bytes,
        message_bytes,
        1.0 / rate_per_s,
    ))
}

fn of_lane(proxy: &Proxy, rate_per_s: f64, report: &Report, lane: &LaneReport) -> Vec<Comparison> {
    let one_way_us = report.round_trip_us as f64 / 2.0;
    let mut all: Vec<Comparison> = Vec::new();
    if let Some(added) = added(proxy, rate_per_s, lane) {
        let is_filled = added.longest_s > 0.0 && added.longest_s * 1e3 < HOLD_MS as f64;
        let figures = match is_filled {
            // The last burst never fills and waits for the end of its time: no word on the longest
            // nor the mean. Half of all wait no longer than the middle of a whole one.
            true => vec![("p50_us", added.mean_s, 0.6e6 / rate_per_s)],
            // Where measuring begins and ends, bursts are not whole.
            false => vec![
                ("mean_us", added.mean_s, 4_000.0 + added.mean_s * 0.06e6),
                (
                    "max_us",
                    added.longest_s,
                    30_000.0 + added.longest_s * 0.02e6,
                ),
            ],
        };
        for (name, seconds, tolerance) in figures {
            all.push(Comparison::near(
                format!("{} {name}", lane.row),
                Unit::Microseconds,
                one_way_us + seconds * 1e6,
                Evidence::of(lane, name),
                tolerance,
            ));
        }
    }
    all.push(Comparison::near(
        format!("{} delivered", lane.row),
        Unit::Share,
        1.0,
        Evidence::of(lane, "delivery_ratio"),
        0.0,
    ));
    all.extend(beside(lane, "order_violations", Unit::Count, 0.0));
    all
}

fn answer(done: &CarriedOut) -> Option<String> {
    let gathering = done.steps.first()?;
    let honouring = done.step(|plan| plan.conditions.contains("accel=honour"))?;
    let late = |step: &DoneStep, row| step.late(row, "mean_us");
    Some(format!(
        "At {}, through a proxy that gathers for up to {}, an event stream was {} late on average and a \
         WebSocket {}; through one that honours X-Accel-Buffering: no the event stream was {} late",
        rate(gathering.report.plan.rate),
        span_ms(HOLD_MS as f64),
        late(gathering, "sse")?,
        late(gathering, "websocket")?,
        late(honouring, "sse")?,
    ))
}

fn found(done: &CarriedOut) -> Found {
    Found::compared_in(done.steps.first(), "sse mean_us")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    fn lane(name: &str) -> LaneReport {
        let mut lane = sample::report().lanes.remove(0);
        lane.lane = name.to_owned();
        lane.predicted
            .insert("message_bytes".to_owned(), 245.0.into());
        lane
    }

    #[test]
    fn only_a_stream_waits_and_only_where_the_proxy_does_not_listen() {
        let longest = |proxy: usize, name| {
            let added = added(&PROXIES[proxy], 9.5, &lane(name)).unwrap();
            (added.longest_s * 1e3).round()
        };
        assert_eq!(longest(0, "sse"), 1_200.0);
        // The fifth of 245 bytes fills 1 KiB: four periods.
        assert_eq!(longest(1, "sse"), 421.0);
        assert_eq!(longest(2, "sse"), 0.0);
        assert_eq!(longest(0, "websocket"), 0.0);
        assert_eq!(longest(0, "long-poll"), 0.0);
    }

    #[test]
    fn no_period_divides_the_hold() {
        for full in [false, true] {
            for step in steps(full) {
                let periods = step.plan.rate * HOLD_MS as f64 / 1e3;
                assert!((periods - periods.round()).abs() > 0.2, "{periods}");
            }
        }
    }

    #[test]
    fn every_step_finds_its_proxy() {
        let report = sample::report();
        for step in steps(false) {
            assert!(!compare(&step, &report, false).is_empty(), "{}", step.label);
        }
    }
}
