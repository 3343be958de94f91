//! E19, two nodes: what a second server changes when nothing connects it with the first.

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, beside, ms, value,
};
use crate::run::{
    answer::{rate, share},
    figures::Unit,
    plan::{Balance, Plan, Resume},
    report::{LaneReport, Report},
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E19",
    title: "Two nodes",
    question: "Who gets what is published on one of two servers, and who can talk to both?",
    claim: "A6 \"scaling Socket.IO takes several servers, shared state, Redis\"; A12; B13 \"stateful, \
        tricky at scale\"",
    expectation: "without a backplane the clients of the other node get nothing: 50 %. With one it \
        would be 100 %, which is predicted and not run here: this build has no broker between nodes. \
        When the other node \
        is killed its clients come over and hear from then on; who names a position of the dead node \
        is told that it is unknown, and given all there is. Socket.IO's polling sent to both nodes in turn never gets past its handshake: 400 \"Session \
        ID unknown\" each time; kept to one node it works.",
    claims: &["A6", "A12", "B13"],
    group: Group::Scale,
    guess: Guess::number(
        "Clients are spread over two servers with nothing between them; what is published on one \
        reaches",
        "% of the clients",
        0.01,
        found,
    ),
    meaning: "The second server is where the work begins: something must carry publications between \
        them, and what clients name as their position must be known to both. Socket.IO's \
        polling also needs requests to stay with one server.",
    answer,
    steps,
    compare,
    across: None,
};

fn steps(full: bool) -> Vec<Step> {
    let plan = |lanes: &str| Plan {
        lanes: lanes.to_owned(),
        nodes: 2,
        clients: 20,
        rate: if full { 1.0 } else { 5.0 },
        poll_interval: ms(100),
        // Two of a kind share a beat, so what a poll may still fetch comes within it.
        warm_up: ms(500),
        duration: ms(if full { 30_000 } else { 4_000 }),
        drain: ms(1_000),
        repeat: if full { 3 } else { 1 },
        ..Plan::default()
    };
    vec![
        Step {
            label: "20 clients on two nodes, each kept to its own, published on the first"
                .to_owned(),
            plan: plan("all"),
        },
        Step {
            label: "the second node is killed, and its clients go to the first".to_owned(),
            plan: Plan {
                kill_node_at: ms(if full { 15_000 } else { 2_000 }),
                resume: Resume::Both,
                repeat: 1,
                ..plan("short-poll,long-poll,sse,websocket,socketio-websocket")
            },
        },
        Step {
            label: "Socket.IO by polling, its requests to both nodes in turn".to_owned(),
            plan: Plan {
                balance: Balance::Alternate,
                arrive_within: ms(1_000),
                ..plan("socketio-polling")
            },
        },
    ]
}

fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    match step.plan.balance {
        Balance::Sticky => {
            let is_killed = !step.plan.kill_node_at.0.is_zero();
            // Half of the clients come over in some tenths of a second, and miss what is
            // published in them, or get what was on its way.
            let of = |lane: &LaneReport| match is_killed && !lane.resume {
                true => 0.5 / step.plan.duration.0.as_secs_f64(),
                false => 0.0,
            };
            let lanes = report.lanes.iter();
            lanes
                .filter_map(|lane| beside(lane, "delivery_ratio", Unit::Share, of(lane)))
                .collect()
        }
        Balance::Alternate => report.lanes.iter().flat_map(not_sticky).collect(),
    }
}

/// What the server says of a session that another node has.
const UNKNOWN_SESSION: &str = "Session ID unknown";

fn not_sticky(lane: &LaneReport) -> Vec<Comparison> {
    let said = |remark: &String| remark.contains(" 400 ") && remark.contains(UNKNOWN_SESSION);
    let is_all = !lane.remarks.is_empty() && lane.remarks.iter().all(said);
    let refused = value(lane, "refusals").map(|count| if is_all { count } else { 0.0 });
    let failures = value(lane, "failures");
    let of_failures = failures.zip(refused).map(|(failures, refused)| {
        Comparison::near(
            format!("{} failures that are 400 {UNKNOWN_SESSION}", lane.row),
            Unit::Count,
            failures.max(1.0),
            Some(refused),
            // At least one: a refused client tries again.
            0.0,
        )
    });
    [
        beside(lane, "delivery_ratio", Unit::Share, 0.0),
        of_failures,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn answer(done: &CarriedOut) -> Option<String> {
    let kept = apart(done)?;
    let killed = done.step(|plan| !plan.kill_node_at.0.is_zero())?;
    let turns = done.step(|plan| plan.balance == Balance::Alternate)?;
    let got = |step: &DoneStep, row| step.figure(row, "delivery_ratio").map(share);
    Some(format!(
        "At {} on the first of two nodes with nothing between them, {} of the deliveries on a WebSocket \
         were made, and {} when the second was killed and its clients came over; by Socket.IO's \
         polling with requests to both nodes in turn it was {}",
        rate(kept.report.plan.rate),
        got(kept, "websocket")?,
        got(killed, "websocket-no-resume")?,
        got(turns, "socketio-polling")?,
    ))
}

fn apart(done: &CarriedOut) -> Option<&DoneStep> {
    done.step(|plan| plan.kill_node_at.0.is_zero() && plan.balance == Balance::Sticky)
}

fn found(done: &CarriedOut) -> Found {
    Found::figure(
        apart(done).and_then(|step| step.row("websocket")),
        "delivery_ratio",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    fn lane(remark: &str, failures: f64, refusals: f64) -> LaneReport {
        let mut lane = sample::report().lanes.remove(0);
        lane.remarks = vec![remark.to_owned()];
        for (name, value) in [("failures", failures), ("refusals", refusals)] {
            let figure = sample::valid(value);
            lane.measured.insert(name.to_owned(), figure);
        }
        lane
    }

    #[test]
    fn only_unknown_sessions_count_as_such() {
        let said = "the server answered 400 to /socket.io/: {\"message\":\"Session ID unknown\"}";
        let agrees = |lane| not_sticky(&lane).last().unwrap().agrees();
        assert_eq!(agrees(lane(said, 20.0, 20.0)), Some(true));
        assert_eq!(agrees(lane(said, 20.0, 19.0)), Some(false));
        assert_eq!(agrees(lane(said, 0.0, 0.0)), Some(false), "none at all");
        let other = "the server answered 500 to /socket.io/: Session ID unknown";
        assert_eq!(agrees(lane(other, 20.0, 20.0)), Some(false));
    }
}
