//! E9, corporate proxy: what gets through a middlebox that does not like WebSockets?

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, evidence::Evidence,
    guess::GuessKind, ms, value,
};
use crate::{
    catalogue,
    run::{
        answer::{rate, share},
        figures::Unit,
        plan::{BackOff, Plan},
        report::{LaneReport, Report},
    },
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E9",
    title: "Corporate proxy",
    question: "Which ways still work behind a proxy that refuses upgrades or cuts what is idle?",
    claim: "B15 \"corporate networks block WebSockets\"; B16 \"Pusher falls back to HTTP\"; SockJS' \
        log of 2012",
    expectation: "everything that is plain HTTP comes through, nothing that upgrades does: 403 and a \
        stripped upgrade are told at once, one that hangs is not told at all, and only a timeout \
        helps. So socket.io-client, which begins by polling, works and stays there; pusher-js falls \
        back to HTTP after 5 s of hanging, 2 s with TLS, by its own strategy, which is not run here, \
        and a bare WebSocket stays outside. Cut when idle, who comes back by itself and resumes has it all; a \
        bare WebSocket has lost the rest. TLS, which such a proxy cannot read, is most of the cure.",
    claims: &["B15", "B16"],
    group: Group::Networks,
    guess: Guess {
        ask: "Behind a proxy that refuses upgrades, what still works?",
        kind: GuessKind::Choice(&[
            "everything",
            "all but what upgrades to a WebSocket",
            "only polling",
            "nothing",
        ]),
        found,
    },
    meaning: "Where you do not know the networks of your users, have a way that is plain HTTP, and \
        begin with it or fall back to it soon. TLS hides the upgrade from most such \
        proxies: use it first.",
    answer,
    steps,
    compare,
    across: None,
};

const UPGRADES: [(&str, &str); 3] = [
    ("answers upgrades with 403", "403"),
    ("strips upgrades", "strip"),
    ("lets upgrades hang", "hang"),
];
fn steps(full: bool) -> Vec<Step> {
    let common = Plan {
        clients: if full { 20 } else { 5 },
        warm_up: ms(300),
        repeat: if full { 3 } else { 1 },
        ..Plan::default()
    };
    let mut steps: Vec<Step> = UPGRADES
        .into_iter()
        .map(|(what, upgrade)| Step {
            label: format!("a proxy that {what}"),
            plan: Plan {
                conditions: format!("office upgrade={upgrade}"),
                arrive_within: ms(1_500),
                rate: 10.0,
                poll_interval: ms(100),
                duration: ms(if full { 10_000 } else { 1_500 }),
                drain: ms(1_000),
                ..common.clone()
            },
        })
        .collect();
    steps.push(Step {
        label: "a proxy that cuts what was idle for 1 s".to_owned(),
        plan: Plan {
            conditions: "office idle=1s".to_owned(),
            lanes: "short-poll,long-poll,sse,websocket".to_owned(),
            back_off: BackOff::Native,
            rate: 0.4,
            duration: ms(if full { 30_000 } else { 7_600 }),
            drain: ms(4_000),
            ..common
        },
    });
    steps
}

fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let of = |lane: &LaneReport| match step.plan.arrive_within.0.is_zero() {
        true => vec![idle(lane)],
        false => upgrading(step, lane),
    };
    report.lanes.iter().flat_map(of).collect()
}

fn share_of(lane: &LaneReport, name: &str, what: &str, predicted: f64) -> Comparison {
    Comparison::near(
        format!("{} {what}", lane.row),
        Unit::Share,
        predicted,
        Evidence::of(lane, name),
        0.0,
    )
}

fn idle(lane: &LaneReport) -> Comparison {
    let stays_away = lane.lane == "websocket";
    let predicted = if stays_away { 0.0 } else { 1.0 };
    share_of(lane, "delivery_ratio", "delivered", predicted)
}

fn upgrading(step: &Step, lane: &LaneReport) -> Vec<Comparison> {
    let is_outside = catalogue::lane(&lane.lane).is_some_and(|known| known.upgrades);
    let predicted = if is_outside { 0.0 } else { 1.0 };
    let mut all = vec![
        share_of(lane, "arrived_ratio", "clients that got through", predicted),
        share_of(lane, "delivery_ratio", "delivered", predicted),
    ];
    if is_outside {
        let is_told = !step.plan.conditions.contains("hang");
        all.push(Comparison::near(
            format!("{} told that it is refused", lane.row),
            Unit::Count,
            if is_told { 1.0 } else { 0.0 },
            value(lane, "refusals").map(|count| count.min(1.0)),
            0.0,
        ));
    }
    all
}

fn answer(done: &CarriedOut) -> Option<String> {
    let (refused, idle) = (
        refusing(done)?,
        done.step(|plan| plan.arrive_within.0.is_zero())?,
    );
    let (through, all) = through(refused)?;
    let kept = idle.figure("websocket", "delivery_ratio")?;
    let stream = idle.figure("sse", "delivery_ratio")?;
    Some(format!(
        "Behind a proxy that answers upgrades with 403, {through} of {all} lanes got through{}; behind \
         one that cuts what was idle for 1 s, at {}, a bare WebSocket got {} of the events and an event \
         stream {}",
        if is_only_plain(refused) {
            ", all those that are plain HTTP"
        } else {
            ""
        },
        rate(idle.report.plan.rate),
        share(kept),
        share(stream),
    ))
}

fn refusing(done: &CarriedOut) -> Option<&DoneStep> {
    done.step(|plan| plan.conditions.contains("upgrade=403"))
}

/// How many lanes got all their clients in, of how many; `None` where one cannot be told.
fn through(step: &DoneStep) -> Option<(usize, usize)> {
    let arrived = step
        .report
        .lanes
        .iter()
        .map(|lane| value(lane, "arrived_ratio"));
    let arrived: Vec<f64> = arrived.collect::<Option<_>>()?;
    Some((
        arrived.iter().filter(|share| **share >= 1.0).count(),
        arrived.len(),
    ))
}

/// Those got through that upgrade nothing, and no others.
fn is_only_plain(step: &DoneStep) -> bool {
    step.report.lanes.iter().all(|lane| {
        let upgrades = catalogue::lane(&lane.lane).is_some_and(|known| known.upgrades);
        value(lane, "arrived_ratio").is_some_and(|share| (share >= 1.0) != upgrades)
    })
}

/// Which of the choices it was.
fn found(done: &CarriedOut) -> Found {
    let measured = refusing(done).and_then(|step| {
        let (through, all) = through(step)?;
        Some(match through {
            _ if through == all => 0.0,
            0 => 3.0,
            _ if is_only_plain(step) => 1.0,
            _ => return None,
        })
    });
    Found {
        theory: Some(1.0),
        measured,
        ..Found::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    fn lane(name: &str, figures: &[(&str, f64)]) -> LaneReport {
        let mut lane = sample::report().lanes.remove(0);
        lane.lane = name.to_owned();
        for (figure, value) in figures {
            let value = sample::valid(*value);
            lane.measured.insert((*figure).to_owned(), value);
        }
        lane
    }

    fn agree(step: usize, lane: &LaneReport) -> Vec<Option<bool>> {
        let step = &steps(false)[step];
        let compared = upgrading(step, lane);
        compared.iter().map(Comparison::agrees).collect()
    }

    #[test]
    fn what_upgrades_stays_outside_and_is_told_unless_it_hangs() {
        let outside = [("arrived_ratio", 0.0), ("delivery_ratio", 0.0)];
        let told = [outside[0], outside[1], ("refusals", 15.0)];
        let untold = [outside[0], outside[1], ("refusals", 0.0)];
        assert_eq!(agree(0, &lane("websocket", &told)), [Some(true); 3]);
        assert_eq!(agree(2, &lane("websocket", &untold)), [Some(true); 3]);
        assert_eq!(agree(2, &lane("channels", &told))[2], Some(false));
        let through = [("arrived_ratio", 1.0), ("delivery_ratio", 1.0)];
        assert_eq!(agree(0, &lane("sse", &through)), [Some(true); 2]);
        assert_eq!(agree(0, &lane("sse", &outside)), [Some(false); 2]);
    }

    #[test]
    fn cut_when_idle_only_a_bare_websocket_is_to_lose() {
        let all = [("delivery_ratio", 1.0)];
        assert_eq!(idle(&lane("sse", &all)).agrees(), Some(true));
        assert_eq!(idle(&lane("websocket", &all)).agrees(), Some(false));
    }
}
