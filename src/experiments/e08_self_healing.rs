//! E8, self-healing: one kill, and no code of the application's. Who comes back, and when?

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, evidence::Evidence, ms,
};
use crate::run::{
    answer::{rate, share},
    figures::Unit,
    plan::{BackOff, Plan},
    report::{LaneReport, Report},
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E8",
    title: "Self-healing",
    question: "A connection is killed once. Without any code of yours, when does the next event come?",
    claim: "A4 \"with Socket.io you handle reconnects and edge cases\"; B14 \"WebSocket doesn't \
        recover automatically\"",
    expectation: "after FIN or RST an EventSource is back when the stream's retry: says, pusher-js \
        after 1 s, socket.io-client after 0.5 to 1.5 s, a poller an interval after the poll that \
        failed; a bare WebSocket never. A black hole tells nobody anything: only who counts \
        heartbeats notices, socket.io-client after the server's pingInterval and pingTimeout (45 s, \
        in the full form), pusher-js after 150 s, which is beyond this. The clients here do what the \
        real ones document.",
    claims: &["B14", "A4"],
    group: Group::Loss,
    guess: Guess::number(
        "A connection is cut by RST: an event stream shows the next event after",
        "s",
        1e6,
        found,
    ),
    meaning: "With a bare WebSocket, coming back is your code: a wait that grows, and a heartbeat, \
        since a dead line says nothing. An event stream, pusher-js and socket.io-client \
        bring theirs.",
    answer,
    steps,
    compare,
    across: None,
};

const KILLS: [(&str, &str); 3] = [
    ("FIN", "cut-fin"),
    ("RST", "cut-rst"),
    ("black hole", "half-open"),
];
const LANES: &str = "short-poll,sse,websocket,channels,socketio-websocket";
const POLL_INTERVAL_MS: u64 = 500;

fn steps(full: bool) -> Vec<Step> {
    let after_ms = if full { 5_000 } else { 1_500 };
    KILLS
        .into_iter()
        .map(|(what, condition)| Step {
            label: format!("everybody killed by {what} at {after_ms} ms"),
            plan: Plan {
                lanes: LANES.to_owned(),
                conditions: format!("{condition} after={after_ms}ms whom=present"),
                back_off: BackOff::Native,
                clients: if full { 50 } else { 20 },
                rate: 10.0,
                poll_interval: ms(POLL_INTERVAL_MS),
                warm_up: ms(300),
                duration: ms(if full { 60_000 } else { 5_300 }),
                drain: ms(1_000),
                repeat: if full { 3 } else { 1 },
                ..Plan::default()
            },
        })
        .collect()
}

fn compare(step: &Step, report: &Report, full: bool) -> Vec<Comparison> {
    let is_silent = step.plan.conditions.contains("half-open");
    let of = |lane: &LaneReport| of_lane(report, lane, is_silent, full);
    report.lanes.iter().flat_map(of).collect()
}

/// Cut to the first event: predicted, and how far off it may be, µs. `None`: never.
fn first_after_us(report: &Report, lane: &str, is_silent: bool, full: bool) -> Option<(f64, f64)> {
    const SECOND_US: f64 = 1e6;
    // A connection, and the beat of the events where what was missed does not come.
    const AFTERWARDS_US: f64 = 200_000.0;
    if is_silent {
        let is_noticed = full && lane == "socketio-websocket";
        // 45 s after the last ping, which was none yet: after the session began, with the
        // warm-up and the kill's own instant in between; then a second and a half at most.
        return is_noticed.then_some((40.5 * SECOND_US, 1.5 * SECOND_US));
    }
    match lane {
        "sse" => {
            let told = &report.server.settings["sse_retry"];
            let retry = told.as_str()?.parse::<crate::config::Span>().ok()?;
            Some((retry.0.as_micros() as f64, AFTERWARDS_US))
        }
        "channels" => Some((SECOND_US, AFTERWARDS_US)),
        // The middle of 0.5 to 1.5 s, of few clients.
        "socketio-websocket" => Some((SECOND_US, 0.3 * SECOND_US)),
        // The poll that fails comes within an interval, the next one interval later.
        "short-poll" => Some((
            POLL_INTERVAL_MS as f64 * 1.5e3,
            POLL_INTERVAL_MS as f64 * 0.6e3,
        )),
        _ => None,
    }
}

fn of_lane(report: &Report, lane: &LaneReport, is_silent: bool, full: bool) -> Vec<Comparison> {
    let expected = first_after_us(report, &lane.lane, is_silent, full);
    let returned = Comparison::near(
        format!("{} clients that came back", lane.row),
        Unit::Share,
        if expected.is_some() { 1.0 } else { 0.0 },
        Evidence::of(lane, "returned_ratio"),
        0.0,
    );
    let first = expected.map(|(predicted, tolerance)| {
        Comparison::near(
            format!("{} first event after the kill", lane.row),
            Unit::Microseconds,
            predicted,
            Evidence::of(lane, "first_after_us"),
            tolerance,
        )
    });
    std::iter::once(returned).chain(first).collect()
}

const FIRST: &str = "first_after_us";

fn answer(done: &CarriedOut) -> Option<String> {
    let (cut, hole) = (
        by_rst(done)?,
        done.step(|plan| plan.conditions.contains("half-open")),
    );
    let after = |row| cut.late(row, FIRST);
    let back = match cut.figure("websocket", "returned_ratio")? {
        none if none <= 0.0 => "never".to_owned(),
        some => format!("in {} of the cases", share(some)),
    };
    let silent = hole.and_then(|step| step.figure("sse", "returned_ratio"));
    let silent = silent.map_or_else(String::new, |back| {
        format!(
            "; of event streams that went silent without a word {} came back",
            share(back)
        )
    });
    Some(format!(
        "At {}, killed once by RST and with no code of the application's, an event stream had its next \
         event after {}, Channels after {}, Socket.IO after {}, and a bare WebSocket {back}{silent}",
        rate(cut.report.plan.rate),
        after("sse")?,
        after("channels")?,
        after("socketio-websocket")?,
    ))
}

fn by_rst(done: &CarriedOut) -> Option<&DoneStep> {
    done.step(|plan| plan.conditions.contains("cut-rst"))
}

fn found(done: &CarriedOut) -> Found {
    Found::compared_in(by_rst(done), "sse first event after the kill")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    fn lane(name: &str, returned: f64) -> LaneReport {
        let mut lane = sample::report().lanes.remove(0);
        lane.lane = name.to_owned();
        let figure = sample::valid(returned);
        lane.measured.insert("returned_ratio".to_owned(), figure);
        lane
    }

    #[test]
    fn a_bare_websocket_that_came_back_is_otherwise() {
        let report = sample::report();
        let agrees = |lane: &LaneReport| of_lane(&report, lane, false, false)[0].agrees();
        assert_eq!(agrees(&lane("websocket", 0.0)), Some(true));
        assert_eq!(agrees(&lane("websocket", 0.1)), Some(false));
        assert_eq!(agrees(&lane("channels", 1.0)), Some(true));
    }

    #[test]
    fn an_event_source_waits_for_what_the_server_said() {
        let mut report = sample::report();
        report.server.settings = serde_json::json!({"sse_retry": "2s"});
        let waits = |silent| first_after_us(&report, "sse", silent, true).map(|(us, _)| us);
        assert_eq!(waits(false), Some(2e6));
        assert_eq!(waits(true), None);
    }

    #[test]
    fn only_who_counts_heartbeats_notices_a_black_hole() {
        let report = sample::report();
        let notices = |lane, full| first_after_us(&report, lane, true, full).is_some();
        assert!(notices("socketio-websocket", true));
        assert!(!notices("socketio-websocket", false) && !notices("channels", true));
    }
}
