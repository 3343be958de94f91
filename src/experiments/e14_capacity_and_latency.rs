//! E14, capacity: how many clients can a server have at a given maximum acceptable latency (MAL)?
//!
//! Polls must come every MAL, so a server that answers μ requests per second has room for μ · MAL
//! of them: a hyperbola. Push costs what is published, whatever the MAL: a wall. μ is that of this
//! machine with its clients on it, measured first, by polls as fast as they go; it is the
//! hyperbola that is tested, not the server's own limit.

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, beside, ms, value,
};
use crate::run::{
    answer::{decimal, grouped, share, span_ms},
    figures::Unit,
    plan::{Order, Plan},
    report::Report,
    theory::polls_per_s,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E14",
    title: "Capacity and latency",
    question: "How many clients are there room for, if a message may be so and so late?",
    claim: "brechtvdv 2020, max_requests_per_s ≥ users / MAL; B10 \"less taxing on the server\"",
    expectation: "polls: N / MAL requests per second as long as that is less than the server makes, \
        and no more afterwards; push: everything that is published arrives, at any MAL",
    claims: &["B10"],
    group: Group::Scale,
    guess: Guess::number(
        "Asked as fast as it goes, this server answers",
        "polls a second",
        1.0,
        found,
    ),
    meaning: "How late something may be is what polling's capacity hangs on: twice as late, twice the \
        clients. With push the number of clients is bounded by what is published, and by \
        memory.",
    answer,
    steps,
    compare,
    across: Some(across),
};

const SIZE_BYTES: usize = 5_200;

fn steps(full: bool) -> Vec<Step> {
    let (mals_ms, all_clients): (&[u64], &[usize]) = match full {
        false => (&[25, 100], &[50, 500]),
        true => (
            &[25, 50, 100, 250, 500, 1_000],
            &[100, 200, 500, 1_000, 2_000, 5_000],
        ),
    };
    let step = |label: String, lanes: &str, clients: usize, mal_ms: u64| Step {
        label,
        plan: Plan {
            lanes: lanes.to_owned(),
            clients,
            // Rare, for it is the requests that are to cost.
            rate: if full { 0.2 } else { 0.8 },
            size: SIZE_BYTES,
            poll_interval: ms(mal_ms),
            warm_up: ms(500),
            duration: ms(if full { 10_000 } else { 1_000 }),
            drain: ms(2_000),
            order: Order::InTurn,
            ..Plan::default()
        },
    };
    let mut steps = vec![step(
        "polls as fast as they go".to_owned(),
        "short-poll",
        100,
        1,
    )];
    for clients in all_clients {
        for mal_ms in mals_ms {
            let label = format!("{clients} clients polling every {mal_ms} ms");
            steps.push(step(label, "short-poll", *clients, *mal_ms));
        }
        let label = format!("{clients} clients, pushed to");
        steps.push(step(label, "websocket", *clients, 1_000));
    }
    steps
}

/// Push: all of it, at any number. Polls are for [`across`], which knows how many there can be.
fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let of_push = report
        .lanes
        .iter()
        .filter(|_| step.plan.lanes == "websocket");
    of_push
        .filter_map(|lane| beside(lane, "delivery_ratio", Unit::Share, 0.0))
        .map(Comparison::standing_alone)
        .collect()
}

fn across(steps: &[DoneStep], full: bool) -> Vec<Comparison> {
    let requests = |step: &DoneStep| {
        let lane = step.report.lanes.first();
        lane.and_then(|lane| value(lane, "requests_per_s"))
    };
    let Some((most, grid)) = steps.split_first() else {
        return Vec::new();
    };
    let Some(most) = requests(most) else {
        return vec![Comparison::near(
            "requests/s at most",
            Unit::Count,
            0.0,
            None,
            0.0,
        )];
    };
    grid.iter()
        .filter(|step| step.report.plan.lanes == "short-poll")
        .map(|step| {
            let plan = &step.report.plan;
            let mal_s = plan.poll_interval.0.as_secs_f64();
            let predicted = polls_per_s(plan.clients as f64, mal_s, most);
            let what = format!(
                "requests/s of {} clients at {} ms (room for {:.0})",
                plan.clients,
                mal_s * 1e3,
                most * mal_s
            );
            let asked = plan.clients as f64 / mal_s;
            // Near the edge a poll that is late skips its next turn, so that fewer come than
            // there is room for; and how much room there is differs from run to run.
            let (share, has_room) = match (full, asked < most * 0.6) {
                (true, true) => (0.05, true),
                (false, true) => (0.1, true),
                (_, false) => (0.25, false),
            };
            let requests = requests(step);
            let comparison =
                Comparison::near(what, Unit::Count, predicted, requests, predicted * share);
            match has_room {
                // A client that is late has asked less.
                true => comparison,
                false => comparison.at_most().standing_alone(),
            }
        })
        .collect()
}

fn answer(done: &CarriedOut) -> Option<String> {
    let most = done.steps.first()?.figure("short-poll", "requests_per_s")?;
    let mut mals: Vec<f64> = done
        .steps
        .iter()
        .skip(1)
        .filter(|step| step.report.plan.lanes == "short-poll")
        .map(|step| step.report.plan.poll_interval.0.as_secs_f64())
        .collect();
    mals.sort_by(f64::total_cmp);
    let (short, long) = (*mals.first()?, *mals.last()?);
    let pushed = done
        .steps
        .iter()
        .rfind(|step| step.report.plan.lanes == "websocket")?;
    Some(format!(
        "This server answered {} polls a second, which is room for {} clients that ask every {} and {} \
         that ask every {}; of {} clients that were pushed to, {} of the events arrived",
        decimal(most, 2),
        decimal(most * short, 2),
        span_ms(short * 1e3),
        decimal(most * long, 2),
        span_ms(long * 1e3),
        grouped(pushed.report.plan.clients as f64),
        share(pushed.figure("websocket", "delivery_ratio")?),
    ))
}

/// How fast a machine is no theory says.
fn found(done: &CarriedOut) -> Found {
    let first = done.steps.first();
    Found {
        theory: None,
        measured: first.and_then(|step| step.figure("short-poll", "requests_per_s")),
        ..Found::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::sample::done;
    use crate::run::report::sample;

    #[test]
    fn polls_are_as_many_as_asked_until_there_is_no_more_room() {
        let done: Vec<_> = steps(false)
            .into_iter()
            .map(|step| {
                done(step, |step, report| {
                    let asked = step.plan.clients as f64 / step.plan.poll_interval.0.as_secs_f64();
                    let figure = sample::valid(asked.min(6_000.0));
                    let measured = &mut report.lanes[0].measured;
                    measured.insert("requests_per_s".to_owned(), figure);
                })
            })
            .collect();
        let all = across(&done, false);
        assert_eq!(all.len(), 4);
        assert!(all.iter().all(|c| c.agrees() == Some(true)), "{all:#?}");
        let full = all.iter().filter(|c| c.predicted == 6_000.0).count();
        assert_eq!(full, 1, "20,000 are too many");
    }
}
