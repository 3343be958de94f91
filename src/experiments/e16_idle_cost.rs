//! E16, idle cost: what do clients cost that get nothing, and are they still there afterwards?
//!
//! Each lane has a server of its own here, since memory that one lane has freed would be the next
//! one's for nothing. Heartbeats are a hundred times as fast as in the world (quick: 25 s become
//! 250 ms), and what they cost is the difference to a run without them, in which the one
//! publication that looks for survivors costs the same.

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, beside, ms, value,
};
use crate::run::{
    answer::{decimal, span_ms},
    figures::Unit,
    plan::Plan,
    report::{LaneReport, Report},
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E16",
    title: "Idle cost",
    question: "What does an idle client cost in bytes and memory, and does it survive?",
    claim: "B3 \"the connection can in theory last forever\"; B10 \"less taxing on the server\"; B24 \
        \"raw WebSocket simpler and lower in memory than Pusher\"",
    expectation: "heartbeats alone, 8 bytes each on a WebSocket (ping 2, masked pong 6) and 18 on an \
        event stream (a comment and its chunk), times clients over interval; some 3 to 7 KiB of \
        memory per client; and all of them are there when something is published. A box in the \
        middle that forgets the silent cuts all of them, unless heartbeats are quicker. The Channels protocol \
        needs about as much memory as a bare WebSocket: it is the socket that costs",
    claims: &["B3", "B10", "B24"],
    group: Group::Scale,
    guess: Guess::number(
        "An idle WebSocket with a heartbeat every 0.25 s takes each hour",
        "bytes",
        1.0,
        found,
    ),
    meaning: "Idle connections are cheap in bytes and dear in memory, and they need a heartbeat that \
        is quicker than the most forgetful box on the way. Count on some three to seven \
        KiB of the server for each.",
    answer,
    steps,
    compare,
    across: Some(across),
};

/// A ping and its masked pong, both empty (RFC 6455 §5.2); a comment `: heartbeat` in its chunk.
const BEAT_BYTES: [(&str, f64); 2] = [("websocket", 8.0), ("sse", 18.0)];
/// Resident, 5,000 of each (`cargo bench --bench fanout -- idle`): WebSocket 3.2 KiB, Channels 3.4, SSE
/// 4.1, held long poll 6.8. As much again is allowed for, since a few clients share few pages.
const MEMORY_MAX_BYTES: f64 = 10.0 * 1_024.0;
/// What subscriptions and buffers of two protocols on the same socket may differ by, as a share of the
/// bare one's memory (measured: 0.8 to 1.0).
const PROTOCOL_SHARE: f64 = 0.35;
const NEVER: &str = "1h";
/// A box in the middle that forgets who says nothing.
const FORGETS: &str = "office idle=1s";

fn steps(full: bool) -> Vec<Step> {
    let beats: &[&str] = if full {
        &[NEVER, "500ms", "2500ms", "6s"]
    } else {
        &[NEVER, "250ms"]
    };
    let (clients, duration_ms) = if full { (1_000, 60_000) } else { (200, 1_900) };
    let step = |lane: &str, beat: &str| Step {
        label: format!("{clients} idle clients of {lane}, heartbeat {beat}"),
        plan: Plan {
            lanes: lane.to_owned(),
            clients,
            // One publication, two thirds into it: it finds those who are left.
            rate: 1.5e3 / duration_ms as f64,
            warm_up: ms(300),
            duration: ms(duration_ms),
            server: format!("heartbeat={beat}"),
            ..Plan::default()
        },
    };
    let mut steps = vec![step("channels", NEVER), step("long-poll", NEVER)];
    for (lane, _) in BEAT_BYTES {
        steps.extend(beats.iter().map(|beat| step(lane, beat)));
    }
    // Polls are held far longer than anything is measured here; quick, one lane fewer.
    steps.retain(|step| full || step.plan.lanes != "long-poll");
    let boxed: &[&str] = if full { &[NEVER, "250ms"] } else { &[NEVER] };
    let behind_a_box = boxed.iter().map(|beat| {
        let mut step = step("websocket", beat);
        step.label
            .push_str(", behind a box that cuts after 1 s of silence");
        step.plan.conditions = FORGETS.to_owned();
        step
    });
    steps.extend(behind_a_box);
    steps
}

/// How often each client had to connect.
fn survivors(step: &Step, lane: &LaneReport) -> Comparison {
    let clients = step.plan.clients as f64;
    let opened = value(lane, "connections_opened").map(|opened| opened / clients);
    let what = format!("{} connections per client", lane.row);
    match step.plan.server.contains(NEVER) {
        // Cut once at least before it is over.
        true => Comparison::near(what, Unit::Count, 2.0, opened, 0.0).at_least(),
        false => Comparison::near(what, Unit::Count, 1.0, opened, 0.0),
    }
    .standing_alone()
}

fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    if !step.plan.conditions.is_empty() {
        return report
            .lanes
            .iter()
            .map(|lane| survivors(step, lane))
            .collect();
    }
    let of_lane = |lane: &LaneReport| {
        let what = format!("{} memory per client", lane.row);
        let memory = value(lane, "server_memory_per_client_bytes");
        [
            beside(lane, "delivery_ratio", Unit::Share, 0.0),
            Some(Comparison::near(
                lane.row.clone() + " failures",
                Unit::Count,
                0.0,
                value(lane, "failures"),
                0.0,
            )),
            Some(
                Comparison::near(
                    what,
                    Unit::Bytes,
                    MEMORY_MAX_BYTES,
                    memory,
                    MEMORY_MAX_BYTES,
                )
                .at_most(),
            ),
        ]
        .map(|comparison| comparison.map(Comparison::standing_alone))
    };
    report.lanes.iter().flat_map(of_lane).flatten().collect()
}

/// Bytes of heartbeats per client and hour, and the memory of a protocol beside the bare socket's.
fn across(steps: &[DoneStep], _: bool) -> Vec<Comparison> {
    let of = |lane: &str| {
        steps
            .iter()
            .filter(move |step| step.report.plan.lanes == lane)
            .filter(|step| step.report.plan.conditions.is_empty())
            .filter_map(|step| Some((&step.report.plan, step.report.lanes.first()?)))
            .collect::<Vec<_>>()
    };
    let beat_s = |plan: &Plan| {
        let text = plan.server.strip_prefix("heartbeat=")?;
        humantime::parse_duration(text)
            .ok()
            .map(|beat| beat.as_secs_f64())
    };
    let mut all = Vec::new();
    for (name, beat_bytes) in BEAT_BYTES {
        let of_lane = of(name);
        let Some(((_, silent), beating)) = of_lane.split_first() else {
            continue;
        };
        for (plan, lane) in beating {
            let Some(every_s) = beat_s(plan) else {
                continue;
            };
            // One delivery per client: what a delivery took is what a client took.
            let framing = |lane| value(lane, "framing_bytes");
            let seconds = plan.duration.0.as_secs_f64();
            let per_hour = match (framing(lane), framing(silent)) {
                (Some(with), Some(without)) => Some((with - without) / seconds * 3_600.0),
                _ => None,
            };
            let predicted = beat_bytes / every_s * 3_600.0;
            let what = format!("{name} bytes per idle hour, a beat every {every_s} s");
            // One beat more or less at either end of what was measured, and timers of 1 ms.
            let share = every_s / seconds * 1.5 + 0.03;
            let bytes = Comparison::near(what, Unit::Bytes, predicted, per_hour, predicted * share);
            all.push(bytes.standing_alone());
        }
    }
    let memory = |lane: &str| {
        let all = of(lane);
        all.first()
            .and_then(|(_, lane)| value(lane, "server_memory_per_client_bytes"))
    };
    let ratio = match (memory("channels"), memory("websocket")) {
        (Some(channels), Some(bare)) => Some(channels / bare),
        _ => None,
    };
    let what = "memory of Channels over a bare WebSocket's";
    all.push(Comparison::near(what, Unit::Count, 1.0, ratio, PROTOCOL_SHARE).standing_alone());
    all
}

fn answer(done: &CarriedOut) -> Option<String> {
    let silent = done.step(|plan| plan.lanes == "websocket" && plan.conditions.is_empty())?;
    let memory = silent.figure("websocket", "server_memory_per_client_bytes")?;
    let beats = Found::compared(done, "websocket bytes per idle hour").measured?;
    let beat = done
        .together
        .iter()
        .find(|one| one.what.starts_with("websocket bytes per idle"));
    let every = beat
        .and_then(|one| one.what.split("every ").nth(1))
        .unwrap_or("some time");
    let boxed = done.step(|plan| !plan.conditions.is_empty() && plan.server.contains(NEVER))?;
    let opened =
        boxed.figure("websocket", "connections_opened")? / boxed.report.plan.clients as f64;
    Some(format!(
        "An idle WebSocket cost the server {} KiB of memory and, with a heartbeat every {every}, {} \
         bytes an hour; without heartbeats, behind a box that cuts after 1 s of silence, each client \
         had to connect {} times in {}",
        decimal(memory / 1_024.0, 2),
        decimal(beats, 2),
        decimal(opened, 2),
        span_ms(boxed.report.plan.duration.0.as_secs_f64() * 1e3),
    ))
}

fn found(done: &CarriedOut) -> Found {
    Found::compared(done, "websocket bytes per idle hour")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::sample::done;
    use crate::run::report::sample;

    #[test]
    fn heartbeats_are_the_difference_to_a_run_without_them() {
        let done: Vec<_> = steps(false)
            .into_iter()
            .map(|step| {
                done(step, |step, report| {
                    report.lanes.truncate(1);
                    let every_s = 0.25;
                    let seconds = step.plan.duration.0.as_secs_f64();
                    let beats = match step.plan.server.contains(NEVER) {
                        true => 0.0,
                        false => seconds / every_s,
                    };
                    let size = if step.plan.lanes == "sse" { 18.0 } else { 8.0 };
                    for (name, value) in [
                        ("framing_bytes", 40.0 + beats * size),
                        ("server_memory_per_client_bytes", 12_000.0),
                    ] {
                        let figure = sample::valid(value);
                        report.lanes[0].measured.insert(name.to_owned(), figure);
                    }
                })
            })
            .collect();
        let all = across(&done, false);
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].predicted, 115_200.0);
        for comparison in all {
            assert_eq!(comparison.agrees(), Some(true), "{comparison}");
        }
    }
}
