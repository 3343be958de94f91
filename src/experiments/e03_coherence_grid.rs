//! E3, coherence grid: Bozdag's comparison of push and pull, its intervals ten times as fast.
//!
//! As there, a poll takes the newest item and knows nothing of the others: too slow, it misses
//! some; too fast, it gets the same again. Lanes run in turn, for the server's processor time is
//! known for one of them at a time.

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, beside, ms, value,
};
use crate::run::{
    answer::{share, span_ms},
    figures::Unit,
    plan::{Order, Plan, PollFor},
    report::Report,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E3",
    title: "Coherence grid",
    question: "What does polling miss, and what does it ask for in vain, at which intervals?",
    claim: "Bozdag, Mesbah and van Deursen 2007: pull is coherent and efficient only if its interval \
        is the publisher's; push takes 7 times the processor time of pull",
    expectation: "with x = pull interval / publish interval, polls show 1/x of the items where x > 1 \
        and ask in vain 1 - x of the times where x < 1; push shows all. The 7 times of a \
        thread per connection are gone: a poll costs the server more than a push.",
    claims: &["B10"],
    group: Group::Loss,
    guess: Guess::number(
        "Items come five times as often as a poll looks, and it takes the newest: it shows",
        "% of the items",
        0.01,
        found,
    ),
    meaning: "A poll for the newest state is right for what only has to be up to date, such as a \
        price. Where every item counts, ask for all since the last one, or let them be \
        pushed.",
    answer,
    steps,
    compare,
    across: None,
};

fn steps(full: bool) -> Vec<Step> {
    let (grid_ms, all_clients): (&[u64], &[usize]) = match full {
        false => (&[80, 400], &[50]),
        true => (&[100, 500, 1_500, 5_000], &[100, 1_000]),
    };
    let mut steps = Vec::new();
    for clients in all_clients {
        for publish_ms in grid_ms {
            // Off the beat: polls and publications in step would show a phase, not the mean.
            for pull_ms in grid_ms.iter().map(|ms| ms + ms / 50) {
                let duration_ms = match full {
                    false => 1_300,
                    true => (20 * publish_ms.max(&pull_ms)).clamp(10_000, 60_000),
                };
                steps.push(Step {
                    label: format!(
                        "{clients} clients, published every {publish_ms} ms, pulled every {pull_ms} ms"
                    ),
                    plan: Plan {
                        lanes: "short-poll,websocket".to_owned(),
                        clients: *clients,
                        rate: 1e3 / *publish_ms as f64,
                        poll_interval: ms(pull_ms),
                        poll_for: PollFor::State,
                        warm_up: ms(if full { 2_000 } else { 400 }),
                        duration: ms(duration_ms),
                        // What is missed is not waited for.
                        drain: ms(pull_ms + 100),
                        order: Order::InTurn,
                        ..Plan::default()
                    },
                });
            }
        }
    }
    steps
}

fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let row = |name: &str| report.lanes.iter().find(|lane| lane.row == name);
    let (Some(poll), Some(socket)) = (row("short-poll"), row("websocket")) else {
        return Vec::new();
    };
    // One item more or less at either end of what was measured.
    let items = step.plan.rate * step.plan.duration.0.as_secs_f64();
    let ends = 0.02 + 1.0 / items;
    let pulls = step.plan.duration.0.as_secs_f64() / step.plan.poll_interval.0.as_secs_f64();
    let mut all: Vec<Comparison> = [
        beside(poll, "delivery_ratio", Unit::Share, ends),
        beside(poll, "needless_ratio", Unit::Share, 0.02 + 1.0 / pulls),
        beside(socket, "delivery_ratio", Unit::Share, 0.0),
        beside(socket, "duplicates", Unit::Count, 0.0),
    ]
    .into_iter()
    .flatten()
    .collect();
    // Where polls are as often as items or more often: nobody is spared work by missing some.
    if step.plan.poll_interval.0.as_secs_f64() * step.plan.rate < 1.1 {
        let name = "server_cpu_us_per_delivery";
        let ratio = match (value(socket, name), per_item(poll)) {
            (Some(push), Some(pull)) => Some(push / pull),
            _ => None,
        };
        let what = "processor time of push over pull, per item";
        all.push(
            Comparison::near(what, Unit::Count, 1.0, ratio, 0.25)
                .at_most()
                .standing_alone(),
        );
    }
    all
}

/// The server's processor time for an item that is new to its client: each answer has an item in
/// it, new or not.
fn per_item(poll: &crate::run::report::LaneReport) -> Option<f64> {
    let per_answer = value(poll, "server_cpu_us_per_delivery")?;
    Some(per_answer / (1.0 - value(poll, "needless_ratio")?))
}

/// The step that asks most rarely for its items, and the one that asks most often.
fn answer(done: &CarriedOut) -> Option<String> {
    let (rare, often) = (rarest(done)?, by_looks(done, |a, b| a < b)?);
    let ms = |step: &DoneStep| {
        let plan = &step.report.plan;
        (
            span_ms(1e3 / plan.rate),
            span_ms(plan.poll_interval.0.as_secs_f64() * 1e3),
        )
    };
    let ((published, pulled), (also_published, also_pulled)) = (ms(rare), ms(often));
    Some(format!(
        "Published every {published} and asked for every {pulled}, polls showed {} of the items and a \
         WebSocket {}; asked for every {also_pulled} and published every {also_published}, {} of the \
         answers brought nothing new",
        share(rare.figure("short-poll", "delivery_ratio")?),
        share(rare.figure("websocket", "delivery_ratio")?),
        share(often.figure("short-poll", "needless_ratio")?),
    ))
}

/// The step whose items for each look are the most, or the fewest.
fn by_looks(done: &CarriedOut, is_better: fn(f64, f64) -> bool) -> Option<&DoneStep> {
    let looks =
        |step: &DoneStep| step.report.plan.rate * step.report.plan.poll_interval.0.as_secs_f64();
    let better = |best, step| {
        if is_better(looks(step), looks(best)) {
            step
        } else {
            best
        }
    };
    done.steps.iter().reduce(better)
}

fn rarest(done: &CarriedOut) -> Option<&DoneStep> {
    by_looks(done, |a, b| a > b)
}

fn found(done: &CarriedOut) -> Found {
    // Of the quick form's five to one; the full form has rarer looks, too.
    let five =
        done.step(|plan| (4.9..5.2).contains(&(plan.rate * plan.poll_interval.0.as_secs_f64())));
    Found::figure(
        five.and_then(|step| step.row("short-poll")),
        "delivery_ratio",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn push_is_held_against_pull_where_both_show_everything() {
        let step = steps(false).remove(0);
        let mut report = sample::report();
        let put = |lane: &mut crate::run::report::LaneReport, name: &str, value: f64| {
            let figure = sample::valid(value);
            lane.measured.insert(name.to_owned(), figure);
        };
        put(&mut report.lanes[0], "server_cpu_us_per_delivery", 40.0);
        put(&mut report.lanes[0], "needless_ratio", 0.5);
        put(&mut report.lanes[1], "server_cpu_us_per_delivery", 20.0);
        report.lanes[0]
            .predicted
            .insert("needless_ratio".into(), 0.5.into());
        let all = compare(&step, &report, false);
        let cpu = all.last().unwrap();
        assert_eq!((cpu.measured, cpu.agrees()), (Some(0.25), Some(true)));
        assert!(all.iter().any(|c| c.what == "short-poll needless_ratio"));
        put(&mut report.lanes[1], "server_cpu_us_per_delivery", 700.0);
        assert_eq!(
            compare(&step, &report, false).last().unwrap().agrees(),
            Some(false)
        );
    }
}
