//! E24, quotas: how long do the hosted service's free plan and its 200,000 messages a day last?
//!
//! The lab keeps to the Sandbox plan and counts as the service does: a delivery is a message. The
//! day is not scaled, the rate is: 200/s to 100 clients is what a message per 43 s does in a day.

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, beside, ms, value,
};
use crate::run::{
    answer::{decimal, grouped, rate},
    figures::Unit,
    plan::Plan,
    report::Report,
    theory::{QuotaUse, quota_lasts_s},
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E24",
    title: "Quotas",
    question: "How long do 200,000 messages a day last, and what happens to connection 101?",
    claim: "B23 \"200K messages a day, 100 concurrent connections\"",
    expectation: "every delivery counts, so 100 clients use them up in 200,000 / (100 λ) seconds: \
        all day at one publication per 43 s. The 101st connection is refused with 4004.",
    claims: &["B23"],
    group: Group::Cost,
    guess: Guess::number(
        "100 clients share 200,000 messages a day: that lasts all day at one event every",
        "s",
        1.0,
        found,
    ),
    meaning: "If deliveries are what is counted, a free plan is a number of clients times a number of \
        events. Do that multiplication before you choose, with the clients that you hope \
        for.",
    answer,
    steps,
    compare,
    across: Some(across),
};

/// As the lab has it: see `protocol::pusher::plan`.
const CONNECTIONS: usize = 100;
const MESSAGES_PER_DAY: f64 = 200_000.0;
const DAY_S: f64 = 86_400.0;

fn steps(full: bool) -> Vec<Step> {
    let step = |label: String, clients: usize, rate: f64, duration_ms: u64| Step {
        label,
        plan: Plan {
            lanes: "channels".to_owned(),
            clients,
            rate,
            may_be_refused: clients.saturating_sub(CONNECTIONS),
            warm_up: ms(0),
            duration: ms(duration_ms),
            drain: ms(2_000),
            server: "sandbox_plan=true".to_owned(),
            ..Plan::default()
        },
    };
    let mut steps = vec![step(
        format!("{} clients", CONNECTIONS + 1),
        CONNECTIONS + 1,
        20.0,
        3_000,
    )];
    let rates: &[(usize, f64)] = match full {
        false => &[(CONNECTIONS, 200.0)],
        true => &[
            (CONNECTIONS, 200.0),
            (CONNECTIONS, 100.0),
            (CONNECTIONS, 50.0),
            (50, 100.0),
        ],
    };
    steps.extend(rates.iter().map(|(clients, rate)| {
        let lasts_s = lasts_s(*clients, *rate);
        let label =
            format!("{clients} clients, {rate} publications/s, until the messages are used up");
        step(label, *clients, *rate, (lasts_s * 1_250.0) as u64)
    }));
    steps
}

/// The runner publishes by the plain API, whose calls are none of the service's.
fn lasts_s(clients: usize, rate: f64) -> f64 {
    let used = QuotaUse {
        rate_per_s: rate,
        clients: clients as f64,
        calls_per_publication: 0.0,
    };
    quota_lasts_s(MESSAGES_PER_DAY, used)
}

fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let Some(lane) = report.lanes.first() else {
        return Vec::new();
    };
    let count = |what: &str, predicted, measured, tolerance| {
        Comparison::near(what, Unit::Count, predicted, measured, tolerance)
    };
    if step.plan.may_be_refused > 0 {
        let refusals = lane.remarks.iter().filter(|remark| remark.contains("4004"));
        let subscribed = value(lane, "subscribed");
        return vec![
            count("clients that got in", CONNECTIONS as f64, subscribed, 0.0).standing_alone(),
            count(
                "kinds of refusal with 4004",
                1.0,
                Some(refusals.count() as f64),
                0.0,
            )
            .at_least(),
        ];
    }
    let predicted = lasts_s(step.plan.clients, step.plan.rate);
    let lasts = value(lane, "quota_s");
    let what = "seconds until the messages are used up";
    // The lab is asked five times a second.
    vec![
        count(what, predicted, lasts, predicted * 0.02 + 0.2),
        // Deliveries go on: over the limit it is the signed API that answers 403.
        beside(lane, "duplicates", Unit::Count, 0.0).map_or_else(
            || count("duplicates", 0.0, None, 0.0),
            Comparison::standing_alone,
        ),
    ]
}

/// What that is in a day.
fn across(steps: &[DoneStep], _: bool) -> Vec<Comparison> {
    let of_step = |step: &DoneStep| {
        let plan = &step.report.plan;
        if plan.may_be_refused > 0 {
            return None;
        }
        let lasts_s = step
            .report
            .lanes
            .first()
            .and_then(|lane| value(lane, "quota_s"));
        let predicted = DAY_S * plan.clients as f64 / MESSAGES_PER_DAY;
        let measured = lasts_s.map(|lasts_s| DAY_S / (plan.rate * lasts_s));
        let what = format!(
            "seconds between publications, {} clients all day",
            plan.clients
        );
        let tolerance = predicted * 0.04;
        Some(Comparison::near(
            what,
            Unit::Count,
            predicted,
            measured,
            tolerance,
        ))
    };
    steps.iter().filter_map(of_step).collect()
}

fn answer(done: &CarriedOut) -> Option<String> {
    let first = done.step(|plan| plan.may_be_refused > 0)?;
    let used = done.step(|plan| plan.may_be_refused == 0)?;
    let lasts_s = used.figure("channels", "quota_s")?;
    let apart = Found::compared(done, "seconds between publications").measured?;
    Some(format!(
        "At {} to {} clients, {} messages were used up in {} s, so that one event in {} seconds lasts \
         all day; of {} clients {} got in",
        rate(used.report.plan.rate),
        used.report.plan.clients,
        grouped(MESSAGES_PER_DAY),
        decimal(lasts_s, 2),
        decimal(apart, 2),
        first.report.plan.clients,
        first.figure("channels", "subscribed")?,
    ))
}

fn found(done: &CarriedOut) -> Found {
    Found::compared(done, "seconds between publications, 100 clients")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn a_refusal_needs_its_code_and_a_quota_its_time() {
        let all = steps(false);
        let mut report = sample::report();
        let valid = |value| sample::valid(value);
        let lane = &mut report.lanes[0];
        lane.measured.insert("subscribed".to_owned(), valid(100.0));
        lane.measured.insert("quota_s".to_owned(), valid(10.1));
        lane.predicted.insert("duplicates".to_owned(), 0.0.into());
        lane.measured.insert("duplicates".to_owned(), valid(0.0));
        let refused = compare(&all[0], &report, false);
        assert_eq!(refused[1].agrees(), Some(false));
        report.lanes[0].remarks = vec!["closed the connection: 4004 over quota".to_owned()];
        let refused = compare(&all[0], &report, false);
        assert!(refused.iter().all(|c| c.agrees() == Some(true)));
        let used_up = compare(&all[1], &report, false);
        assert_eq!(used_up[0].predicted, 10.0);
        assert!(used_up.iter().all(|c| c.agrees() == Some(true)));
        let done = DoneStep {
            label: String::new(),
            comparisons: used_up,
            report: Report {
                plan: all[1].plan.clone(),
                ..report
            },
        };
        let a_day = &across(&[done], false)[0];
        assert!((a_day.predicted - 43.2).abs() < 1e-9 && a_day.agrees() == Some(true));
    }
}
