//! E17, slow consumer: one reader is at 1 % of the speed. Who waits for it, and what is given up?

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, beside,
    evidence::Evidence, ms, value,
};
use crate::run::{
    answer::{grouped, rate, share},
    figures::Unit,
    plan::{Plan, Resume},
    report::Report,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E17",
    title: "Slow consumer",
    question: "One of twenty reads at 1 % of the speed: do the others wait, and what is given up?",
    claim: "A7 \"your app usually keeps working\"; the queue of 32 messages of actix-ws, at which \
        one slow phone stalls a room",
    expectation: "nobody else waits, whatever the policy: each subscriber has a queue of its own, \
        bounded in bytes. The slow one gets its 1 % and loses the rest, counted, \
        and by default its connection, too. Making the publisher wait is no policy of this server.",
    claims: &["A7"],
    group: Group::Loss,
    guess: Guess::number(
        "One of twenty reads at 1 % of the speed: the others get",
        "% of the events",
        0.01,
        found,
    ),
    meaning: "Give each reader a queue of its own with a bound, and decide what happens at the bound: \
        drop, keep the newest, or hang up. Without one, the slowest phone sets the pace \
        of the room, or fills the memory.",
    answer,
    steps,
    compare,
    across: Some(across),
};

const POLICIES: [&str; 3] = ["disconnect", "drop-oldest", "conflate"];
const SLOW_SHARE: f64 = 0.01;

fn steps(full: bool) -> Vec<Step> {
    let (size, rate) = (1_024, 200.0);
    let duration_ms = if full { 60_000 } else { 3_300 };
    let step = |label: String, slow_readers, policy: &str| Step {
        label,
        plan: Plan {
            lanes: "sse,websocket".to_owned(),
            clients: 20,
            rate,
            size,
            slow_readers,
            slow_bytes_per_s: (size as f64 * rate * SLOW_SHARE) as u64,
            resume: Resume::No,
            warm_up: ms(500),
            duration: ms(duration_ms),
            drain: ms(2_000),
            // Room for 2 s of the others in the queue, and little in the kernel, whose megabytes
            // would hide the queue for half a minute.
            server: format!(
                "slow_consumer={policy},subscriber_queue_max_bytes=400000,tcp_send_buffer=16384"
            ),
            ..Plan::default()
        },
    };
    let nobody = step("nobody is slow".to_owned(), 0, "disconnect");
    let with_one = POLICIES.map(|policy| step(format!("one is slow: {policy}"), 1, policy));
    [nobody].into_iter().chain(with_one).collect()
}

/// The figures of a row are those of the other readers.
fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let is_slow = step.plan.slow_readers > 0;
    let mut all = Vec::new();
    for lane in &report.lanes {
        for (name, unit) in [
            ("delivery_ratio", Unit::Share),
            ("duplicates", Unit::Count),
            ("order_violations", Unit::Count),
        ] {
            all.extend(beside(lane, name, unit, 0.0));
        }
        if !is_slow {
            continue;
        }
        let what = format!("{} drops", lane.row);
        let drops = Comparison::near(what, Unit::Count, 1.0, value(lane, "drops"), 0.0);
        all.push(drops.at_least().standing_alone());
        let what = format!("{} slow_delivery_ratio", lane.row);
        let share = value(lane, "slow_delivery_ratio");
        // What it has read and not shown, of a publication cut in two.
        let slow = Comparison::near(what, Unit::Share, SLOW_SHARE, share, 0.02);
        all.push(slow.at_most().standing_alone());
    }
    all
}

/// The others' delay, beside what it was when nobody was slow.
fn across(steps: &[DoneStep], _: bool) -> Vec<Comparison> {
    let Some((nobody, with_one)) = steps.split_first() else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (step, policy) in with_one.iter().zip(POLICIES) {
        for lane in &step.report.lanes {
            let before = nobody
                .report
                .lanes
                .iter()
                .find(|found| found.row == lane.row);
            // Where it cannot be stood behind there is nothing to hold the others against.
            let before = before.map(|before| Evidence::of(before, "p90_us"));
            let before = before.unwrap_or_default();
            let measured = Evidence::of(lane, "p90_us").held_against(&before);
            let before = before.value.or(before.between.map(|(_, high)| high));
            // Until then, what theory says of them.
            let theory = lane
                .predicted
                .get("p90_us")
                .map(|predicted| predicted.form());
            let before = before.or(theory).unwrap_or_default();
            let what = format!("{} p90 of the others, {policy}", lane.row);
            let tolerance = before * 0.5 + 2_000.0;
            let others = Comparison::near(what, Unit::Microseconds, before, measured, tolerance);
            all.push(others.at_most());
        }
    }
    all
}

/// What is spoken of; nothing resumes here.
const ROW: &str = "websocket-no-resume";

fn answer(done: &CarriedOut) -> Option<String> {
    let step = done.step(|plan| plan.slow_readers > 0)?;
    let plan = &step.report.plan;
    let of = |name| step.figure(ROW, name);
    Some(format!(
        "At {} of {} bytes, with one of {} readers at 1 % of the speed, the others got {} of the events \
         on a WebSocket, nine of ten {}, and the slow one {}",
        rate(plan.rate),
        grouped(plan.size as f64),
        plan.clients,
        share(of("delivery_ratio")?),
        step.within(ROW, "p90_us")?,
        share(of("slow_delivery_ratio")?),
    ))
}

fn found(done: &CarriedOut) -> Found {
    let step = done.step(|plan| plan.slow_readers > 0);
    Found::figure(step.and_then(|step| step.row(ROW)), "delivery_ratio")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::sample::done;
    use crate::run::report::sample;

    #[test]
    fn others_are_held_against_a_room_without_a_slow_one() {
        let done: Vec<_> = steps(false)
            .into_iter()
            .map(|step| {
                done(step, |step, report| {
                    let slow = if step.label.contains("conflate") {
                        90_000.0
                    } else {
                        1_000.0
                    };
                    for lane in &mut report.lanes {
                        let figure = sample::valid(slow);
                        lane.measured.insert("p90_us".to_owned(), figure);
                    }
                })
            })
            .collect();
        let all = across(&done, false);
        assert_eq!(all.len(), 6);
        let waited: Vec<_> = all.iter().filter(|c| c.agrees() == Some(false)).collect();
        assert!(
            waited.len() == 2 && waited[0].what.contains("conflate"),
            "{waited:?}"
        );
    }
}
