//! E20, reconnect storm: the server is gone for a moment. How does the crowd come back?

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, each_beside, ms,
};
use crate::run::{
    answer::{decimal, grouped, span_ms},
    figures::Unit,
    plan::{BackOff, Plan},
    report::Report,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E20",
    title: "Reconnect storm",
    question: "After a restart, how many clients come at once, and how long until they are back?",
    claim: "A7 \"if traffic spikes, your app usually keeps working\"; A12; B13",
    expectation: "by a fixed wait all of them come within the same moment, soon; doubled waits come \
        together just as much, and later; only a random share of each wait spreads them, and the \
        peak falls to a fraction. With resume nobody misses anything, however they come back.",
    claims: &["A7", "A12", "B13"],
    group: Group::Scale,
    guess: Guess::number(
        "200 clients come back by waits that double, each with a random share: within the same \
        100 ms there are at most",
        "tries",
        1.0,
        found,
    ),
    meaning: "A wait that only grows brings the crowd back together, later. Draw a random share of \
        it, and a restart is a ramp instead of a wall.",
    answer,
    steps,
    compare,
    across: None,
};

const KINDS: [(&str, BackOff); 3] = [
    ("fixed", BackOff::Fixed),
    ("exponential", BackOff::Exponential),
    ("exponential with jitter", BackOff::Jitter),
];

fn steps(full: bool) -> Vec<Step> {
    KINDS
        .into_iter()
        .map(|(what, back_off)| Step {
            label: format!("back-off {what}"),
            plan: Plan {
                lanes: "websocket".to_owned(),
                clients: if full { 2_000 } else { 200 },
                rate: if full { 1.0 } else { 5.0 },
                back_off,
                back_off_first: ms(if full { 500 } else { 200 }),
                outage_at: ms(if full { 10_000 } else { 1_000 }),
                // Between two tries of the fixed wait.
                outage_for: ms(if full { 2_200 } else { 900 }),
                warm_up: ms(500),
                duration: ms(if full { 40_000 } else { 5_200 }),
                repeat: if full { 3 } else { 1 },
                ..Plan::default()
            },
        })
        .collect()
}

fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let clients = step.plan.clients as f64;
    let Some(lane) = report.lanes.first() else {
        return Vec::new();
    };
    let is_random = step.plan.back_off == BackOff::Jitter;
    let peak = lane.predicted.get("tries_peak");
    let peak = peak.map_or(0.0, |predicted| predicted.form());
    // What is spread at random falls together at random, n ± √n, and the busiest moment is the
    // luckiest of many; what comes at once comes as fast as one process can make connections.
    let (of_peak, of_tries, of_time_us) = match is_random {
        true => (4.0 * peak.sqrt(), clients.sqrt() * 4.0, 300_000.0),
        false => (clients * 0.05, 0.0, 150_000.0 + clients * 500.0),
    };
    each_beside(
        lane,
        &[
            ("tries_peak", Unit::Count, of_peak),
            ("tries", Unit::Count, of_tries),
            ("back_95_us", Unit::Microseconds, of_time_us),
            ("returned_ratio", Unit::Share, 0.0),
            ("delivery_ratio", Unit::Share, 0.0),
        ],
    )
}

fn answer(done: &CarriedOut) -> Option<String> {
    let of = |back_off| done.step(|plan| plan.back_off == back_off);
    let (fixed, random) = (of(BackOff::Fixed)?, of(BackOff::Jitter)?);
    let said = |step: &DoneStep| {
        let tries = step.figure("websocket", "tries_peak")?;
        let back = step.late("websocket", "back_95_us")?;
        Some((decimal(tries, 2), back))
    };
    let ((tries, back), (fewer, later)) = (said(fixed)?, said(random)?);
    let plan = &fixed.report.plan;
    Some(format!(
        "After an outage of {}, {} clients with a fixed wait made up to {tries} tries within 100 ms and \
         95 of 100 were back after {back}; with waits that double and are part chance it was {fewer} \
         tries, and {later}",
        span_ms(plan.outage_for.0.as_secs_f64() * 1e3),
        grouped(plan.clients as f64),
    ))
}

fn found(done: &CarriedOut) -> Found {
    let random = done.step(|plan| plan.back_off == BackOff::Jitter && plan.clients == 200);
    Found::figure(random.and_then(|step| step.row("websocket")), "tries_peak")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{predictions::predicted, report::sample};

    #[test]
    fn only_jitter_is_to_spread_the_crowd() {
        for full in [false, true] {
            let [fixed, exponential, jitter] = [0, 1, 2].map(|index| {
                let plan = &steps(full)[index].plan;
                let all = predicted(plan, &plan.rows().unwrap()[0], 300);
                let form = |name| all[name].form();
                (form("tries_peak") / plan.clients as f64, form("back_95_us"))
            });
            assert_eq!((fixed.0, exponential.0), (1.0, 1.0));
            assert!(jitter.0 < 0.25, "{}", jitter.0);
            assert!(fixed.1 < exponential.1);
        }
    }

    #[test]
    fn a_crowd_that_comes_at_once_in_spite_of_jitter_is_otherwise() {
        let step = &steps(false)[2];
        let mut report = sample::report();
        let lane = &mut report.lanes[0];
        use crate::run::report::sample::valid;
        lane.predicted.insert("tries_peak".into(), 32.0.into());
        lane.measured.insert("tries_peak".into(), valid(40.0));
        assert_eq!(compare(step, &report, false)[0].agrees(), Some(true));
        let lane = &mut report.lanes[0];
        lane.measured.insert("tries_peak".into(), valid(200.0));
        assert_eq!(compare(step, &report, false)[0].agrees(), Some(false));
    }
}
