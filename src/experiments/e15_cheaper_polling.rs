//! E15, cheaper polling: what do validators save, and what do they not?

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, each_beside, ms,
};
use crate::run::{
    answer::decimal,
    figures::Unit,
    plan::{Plan, PollFor},
    report::Report,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E15",
    title: "Cheaper polling",
    question: "How much cheaper is a poll that is told \"nothing new\" by 304?",
    claim: "lofihi, Aquilio: conditional polling and HTTP/2; B8 \"saves bandwidth\"",
    expectation: "304 saves the body and only the body: both heads stay, and the validator comes on \
        top. Nine polls of ten are empty at λT = 0.1, so a body of 0.1 kB hardly matters and one of \
        20 kB is nearly all. HTTP/2 is not run here, since these clients speak HTTP/1.1: predicted, \
        a 304 there is 96 bytes with TLS, most of them frame and record headers.",
    claims: &["B8"],
    group: Group::Cost,
    guess: Guess::number(
        "Nine polls of ten are told \"nothing new\" instead of a state of 20 kB: a poll takes, \
        on average,",
        "bytes",
        1.0,
        found,
    ),
    meaning: "A validator makes polling cheap where the state is large and changes rarely. It does \
        nothing about the headers, which is all there is when the state is small.",
    answer,
    steps,
    compare,
    across: None,
};

/// λT: a tenth of the polls find something new.
const NEW_PER_POLL: f64 = 0.1;

fn steps(full: bool) -> Vec<Step> {
    let interval_ms = if full { 1_000 } else { 100 };
    let rate = NEW_PER_POLL * 1_000.0 / interval_ms as f64;
    let kinds = [
        ("the latest state", PollFor::State),
        ("if it changed", PollFor::ChangedState),
    ];
    [100, 2_000, 20_000]
        .into_iter()
        .flat_map(|size| kinds.map(|(what, poll_for)| (size, what, poll_for)))
        .map(|(size, what, poll_for)| Step {
            label: format!("{size} bytes, {what}"),
            plan: Plan {
                lanes: "short-poll".to_owned(),
                poll_for,
                clients: if full { 50 } else { 10 },
                rate,
                size,
                poll_interval: ms(interval_ms),
                // There is something to poll for when measuring begins.
                warm_up: ms(interval_ms * 11),
                duration: ms(if full { 60_000 } else { 1_200 }),
                repeat: if full { 3 } else { 1 },
                ..Plan::default()
            },
        })
        .collect()
}

fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    // Positions grow by a digit now and then; a poll may be half done when counting begins or ends.
    let bytes = 2.0 + step.plan.size as f64 * 0.002;
    let Some(lane) = report.lanes.first() else {
        return Vec::new();
    };
    each_beside(
        lane,
        &[
            ("bytes_per_request", Unit::Bytes, bytes),
            ("header_bytes_per_request", Unit::Bytes, 2.0),
            ("empty_ratio", Unit::Share, 0.02),
            ("delivery_ratio", Unit::Share, 0.0),
            ("duplicates", Unit::Count, 0.0),
        ],
    )
}

fn answer(done: &CarriedOut) -> Option<String> {
    let bytes = |size, poll_for| of(done, size, poll_for)?.figure("short-poll", BYTES);
    let (whole, cheap) = (
        bytes(20_000, PollFor::State)?,
        bytes(20_000, PollFor::ChangedState)?,
    );
    let (small, also) = (
        bytes(100, PollFor::State)?,
        bytes(100, PollFor::ChangedState)?,
    );
    let few = match (also / small - 1.0) * 100.0 {
        more if more > 0.5 => format!("{more:.0} % more"),
        less if less < -0.5 => format!("{:.0} % fewer", -less),
        _ => "as many".to_owned(),
    };
    Some(format!(
        "With one new state in ten polls, 304 instead of an unchanged state of 20 kB made a poll cost \
         {} bytes instead of {}; of a state of 0.1 kB it cost {few}",
        decimal(cheap, 3),
        decimal(whole, 3),
    ))
}

const BYTES: &str = "bytes_per_request";

fn of(done: &CarriedOut, size: usize, poll_for: PollFor) -> Option<&DoneStep> {
    done.step(|plan| plan.size == size && plan.poll_for == poll_for)
}

fn found(done: &CarriedOut) -> Found {
    let step = of(done, 20_000, PollFor::ChangedState);
    Found::figure(step.and_then(|step| step.row("short-poll")), BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{predictions::predicted, report::sample, theory::h2_unchanged_poll_bytes};

    #[test]
    fn what_is_said_of_http_2_is_what_theory_says() {
        // Up: method, scheme, authority, path, user-agent, if-none-match. Down: etag,
        // cache-control, and what CORS adds.
        let bytes = h2_unchanged_poll_bytes(6, 3);
        assert!(
            EXPERIMENT.expectation.contains(&format!("{bytes} bytes")),
            "{bytes}"
        );
    }

    #[test]
    fn nine_of_ten_are_to_be_empty_only_where_a_validator_goes_along() {
        for step in steps(true).iter().chain(&steps(false)) {
            let rows = step.plan.rows().unwrap();
            let empty = predicted(&step.plan, &rows[0], 300)["empty_ratio"].form();
            let expected = match step.plan.poll_for {
                PollFor::ChangedState => 0.9,
                _ => 0.0,
            };
            assert!((empty - expected).abs() < 1e-9, "{}", step.label);
        }
    }

    #[test]
    fn a_body_that_was_not_saved_is_otherwise() {
        let step = &steps(false)[5];
        let mut report = sample::report();
        let lane = &mut report.lanes[0];
        lane.predicted
            .insert("bytes_per_request".into(), 2_500.0.into());
        let measured = sample::valid(20_700.0);
        lane.measured.insert("bytes_per_request".into(), measured);
        assert_eq!(compare(step, &report, false)[0].agrees(), Some(false));
    }
}
