//! E13, overload and batching: what goes through when there is more than can be written one by one?
//!
//! Throughput is compared and delay is not: under an overload everything is late, the generator's
//! schedule too, while a count is a count as long as the server was the limit (see
//! [`crate::run::validity::throughput_objection`]). Lanes run in turn, the sockets last, so that
//! none is measured in what another has left behind.

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, guess::GuessKind, ms,
    value,
};
use crate::run::{
    answer::{decimal, rate},
    figures::Unit,
    plan::{Order, Plan},
    report::{LaneReport, Report},
    theory::{Cost, ROUNDS_SHARE, Sharing, gathered, throughput_per_s},
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E13",
    title: "Overload and batching",
    question: "What goes through when more is published than can be written one by one?",
    claim: "Tangen 2015, \"push degrades unexpectedly once the server is CPU-bound\"; RFC 6202, \
        \"long polling has a natural tendency to degrade gracefully\"; A1, A7, B10",
    expectation: "a server that writes each publication to each socket by itself stands before a \
        wall of one over the cost of a write; polls bring more each as they fall behind, and pass \
        it. Publications that leave together close the gap: in rounds that follow the load, what \
        waits, or what 20 ms gather.",
    claims: &["A1", "A7", "B10"],
    group: Group::Scale,
    guess: Guess {
        ask: "More is published than can be written one by one. Which brings more of it?",
        kind: GuessKind::Choice(&[
            "WebSockets, written one by one",
            "long polls",
            "about the same",
        ]),
        found,
    },
    meaning: "Push does not batch by itself; polling does, since a late poll brings all it missed. \
        Where bursts are expected, let the server put together what waits for the same \
        socket.",
    answer,
    steps,
    compare,
    across: Some(across),
};

/// How publications are put together; see `--coalesce`.
const CHOICES: &[&str] = &["off", "adaptive", "tick", "20ms"];
/// The same for the quick form, which has no time for all of them.
const QUICK_CHOICES: &[&str] = &["off", "adaptive", "20ms"];
const WINDOW_S: f64 = 0.02;

fn steps(full: bool) -> Vec<Step> {
    let rates: &[f64] = match full {
        false => &[250.0, 2_000.0],
        true => &[
            1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 125.0, 250.0, 500.0, 1_000.0, 2_000.0,
        ],
    };
    let step = |rate: f64, coalesce: &str| Step {
        label: format!(
            "200 clients, {rate} publication{}/s, coalescing {coalesce}",
            if rate == 1.0 { "" } else { "s" }
        ),
        plan: Plan {
            lanes: match (coalesce, full) {
                // Coalescing is nothing to polls: they are measured once.
                ("off", false) => "short-poll,long-poll,websocket",
                ("off", true) => "short-poll,long-poll,sse,websocket",
                (_, false) => "websocket",
                (_, true) => "sse,websocket",
            }
            .to_owned(),
            clients: 200,
            rate,
            poll_interval: ms(100),
            warm_up: ms(if full { 1_000 } else { 200 }),
            duration: ms(if full { 5_000 } else { 900 }),
            drain: ms(1_000),
            order: Order::InTurn,
            // A poll that comes late is to find all it missed.
            server: format!(
                "coalesce={coalesce},history_max_count=50000,history_max_bytes=33554432"
            ),
            ..Plan::default()
        },
    };
    let choices = choices(full);
    let of_rate = |&rate: &f64| choices.iter().map(move |coalesce| (rate, *coalesce));
    let all = rates.iter().flat_map(of_rate);
    all.map(|(rate, coalesce)| step(rate, coalesce)).collect()
}

fn choices(full: bool) -> &'static [&'static str] {
    if full { CHOICES } else { QUICK_CHOICES }
}

fn coalescing(plan: &Plan) -> &str {
    let named = plan
        .server
        .split(',')
        .find_map(|s| s.strip_prefix("coalesce="));
    named.unwrap_or("adaptive")
}

fn offered(plan: &Plan) -> f64 {
    plan.rate * plan.clients as f64
}

/// What came beside what was offered, and how many writes it took. Whether it could all come is
/// for [`across`].
fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let offered = offered(&step.plan);
    let of_lane = |lane: &LaneReport| {
        let what = format!("{} deliveries/s, of those offered", lane.row);
        // A queue from before may come in it, too.
        let throughput = value(lane, "throughput_per_s");
        let flow = Comparison::near(what, Unit::Count, offered, throughput, offered * 0.2);
        [Some(flow.at_most().standing_alone()), writes(step, lane)]
    };
    report.lanes.iter().flat_map(of_lane).flatten().collect()
}

/// Of a WebSocket, where a write is a delivery's: of event streams the HTTP server puts several
/// chunks into one by itself.
fn writes(step: &Step, lane: &LaneReport) -> Option<Comparison> {
    let in_a_write = match coalescing(&step.plan) {
        "off" => 1.0,
        // Of these the load decides.
        "adaptive" | "tick" => return None,
        _ => gathered(step.plan.rate, WINDOW_S),
    };
    // Beyond what can come, what was counted in the time may be next to nothing.
    let came = value(lane, "throughput_per_s")?;
    if came < offered(&step.plan) * 0.9 {
        return None;
    }
    let what = format!("{} writes per delivery", lane.row);
    let measured = value(lane, "writes_per_publication");
    let writes = Comparison::near(
        what,
        Unit::Count,
        1.0 / in_a_write,
        measured,
        0.15 / in_a_write,
    );
    (lane.lane == "websocket").then(|| match in_a_write > 1.0 {
        // A loop that is late gathers for longer.
        true => writes.at_most().standing_alone(),
        false => writes.standing_alone(),
    })
}

/// A lane's figure at a rate and a coalescing.
fn at(steps: &[DoneStep], rate: f64, coalesce: &str, lane: &str, figure: &str) -> Option<f64> {
    let step = steps
        .iter()
        .find(|step| step.report.plan.rate == rate && coalescing(&step.report.plan) == coalesce)?;
    let lane = step.report.lanes.iter().find(|found| found.row == lane)?;
    value(lane, figure)
}

/// What the costs at a light load say of the walls, and who passes whom before them.
fn across(steps: &[DoneStep], full: bool) -> Vec<Comparison> {
    let mut rates: Vec<f64> = steps.iter().map(|step| step.report.plan.rate).collect();
    rates.dedup();
    let best_poll = |rate| {
        let polls = ["short-poll", "long-poll"].map(|lane| throughput(steps, rate, "off", lane));
        polls.into_iter().flatten().reduce(f64::max)
    };
    let socket = |rate, coalesce| throughput(steps, rate, coalesce, "websocket");
    // Where all of it can be stood behind: beyond, a generator may be the limit itself.
    let is_known = |rate: &f64| {
        best_poll(*rate).is_some() && choices(full).iter().all(|c| socket(*rate, c).is_some())
    };
    let highest = rates.iter().rev().copied().find(is_known);
    let Some(top) = highest.or(rates.last().copied()) else {
        return Vec::new();
    };
    let ratio = |a: Option<f64>, b: Option<f64>| Some(a? / b?);
    let mut all = walls(steps, &rates, top, full);
    let pass = ratio(best_poll(top), socket(top, "off"));
    let what = format!("polls over sockets at {top}/s, one by one");
    all.push(Comparison::near(what, Unit::Count, 1.1, pass, 0.0).at_least());
    for coalesce in &choices(full)[1..] {
        let gap = ratio(socket(top, coalesce), best_poll(top));
        let what = format!("sockets over polls at {top}/s, coalescing {coalesce}");
        let tolerance = if full { 0.1 } else { 0.2 };
        all.push(Comparison::near(what, Unit::Count, 1.0, gap, tolerance).at_least());
    }
    all.into_iter().map(Comparison::standing_alone).collect()
}

/// The walls are upper bounds: the publisher takes its share of the same cores, the more the more
/// is published. Costs of a light load are not those of a full one to the percent, since a busy
/// loop finds its sockets and its caches warm.
fn walls(steps: &[DoneStep], rates: &[f64], top: f64, full: bool) -> Vec<Comparison> {
    let (Some(cost), Some(plan)) = (cost(steps, rates), steps.first().map(|s| &s.report.plan))
    else {
        return Vec::new();
    };
    let (clients, cores) = (plan.clients as f64, plan.workers as f64);
    let choices = [
        ("off", Sharing::One),
        ("adaptive", rounds()),
        ("tick", Sharing::Behind),
        ("20ms", Sharing::Gathered { window_s: WINDOW_S }),
    ];
    let wall = |(coalesce, sharing): (&str, Sharing)| {
        let predicted = throughput_per_s(cost, sharing, top, clients / cores) * cores;
        let what = format!("websocket deliveries/s at {top}/s, coalescing {coalesce}");
        let measured = throughput(steps, top, coalesce, "websocket");
        Comparison::near(what, Unit::Count, predicted, measured, predicted * 0.3).at_most()
    };
    let is_here = |choice: &(&str, Sharing)| self::choices(full).contains(&choice.0);
    choices.into_iter().filter(is_here).map(wall).collect()
}

fn rounds() -> Sharing {
    Sharing::Rounds {
        share: ROUNDS_SHARE,
    }
}

fn throughput(steps: &[DoneStep], rate: f64, coalesce: &str, lane: &str) -> Option<f64> {
    at(steps, rate, coalesce, lane, "throughput_per_s")
}

/// What a write and a message cost, from two steps at which all that was offered came: of the
/// same rate, one by one and gathered. w + m and m + w/b, solved for both.
fn cost(steps: &[DoneStep], rates: &[f64]) -> Option<Cost> {
    let came_all = |rate: f64, coalesce| {
        let came = throughput(steps, rate, coalesce, "websocket");
        let clients = steps.first().map_or(0, |step| step.report.plan.clients) as f64;
        came.is_some_and(|came| came >= rate * clients * 0.97)
    };
    let rate = rates
        .iter()
        .copied()
        .filter(|rate| gathered(*rate, WINDOW_S) > 1.0)
        .filter(|rate| came_all(*rate, "off") && came_all(*rate, "20ms"))
        .reduce(f64::max)?;
    let seconds = |coalesce| {
        let us = at(
            steps,
            rate,
            coalesce,
            "websocket",
            "server_cpu_us_per_delivery",
        )?;
        Some(us / 1e6)
    };
    let (alone_s, shared_s) = (seconds("off")?, seconds("20ms")?);
    let in_a_write = gathered(rate, WINDOW_S);
    let write_s = (alone_s - shared_s) / (1.0 - 1.0 / in_a_write);
    (write_s > 0.0).then(|| Cost {
        write_s,
        message_s: (alone_s - write_s).max(0.0),
    })
}

/// At the highest rate whose figures can all be stood behind.
fn answer(done: &CarriedOut) -> Option<String> {
    let (top, polls, alone) = top(done)?;
    let clients = done.steps.first()?.report.plan.clients;
    let together = throughput(&done.steps, top, "adaptive", "websocket")?;
    Some(format!(
        "At {} to {clients} clients, long polls brought {} deliveries a second, WebSockets that are \
         written one by one {}, and WebSockets that a busy server writes in rounds {}",
        rate(top),
        decimal(polls, 2),
        decimal(alone, 2),
        decimal(together, 2),
    ))
}

/// The rate, and what long polls and sockets one by one brought there.
fn top(done: &CarriedOut) -> Option<(f64, f64, f64)> {
    let steps = &done.steps;
    let of = |rate: f64| {
        let of = |lane| throughput(steps, rate, "off", lane);
        Some((rate, of("long-poll")?, of("websocket")?))
    };
    steps
        .iter()
        .rev()
        .find_map(|step| of(step.report.plan.rate))
}

/// Which of the choices it was.
fn found(done: &CarriedOut) -> Found {
    let measured = top(done).map(|(_, polls, sockets)| match polls / sockets {
        more if more > 1.1 => 1.0,
        less if less < 0.9 => 0.0,
        _ => 2.0,
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
    use crate::{experiments::Verdict, run::report::sample};

    /// A carried-out step in which a server with these costs did what theory says.
    fn done(step: Step, cost: Cost) -> DoneStep {
        let mut report = sample::report();
        report.generator.objections = vec!["late, as everything".to_owned()];
        report.plan = step.plan.clone();
        let plan = &step.plan;
        let model = report.lanes[0].clone();
        report.lanes = plan
            .rows()
            .unwrap()
            .iter()
            .map(|row| {
                let sharing = match (row.lane.as_str(), coalescing(plan)) {
                    ("websocket", "off") => Sharing::One,
                    ("websocket", "20ms") => Sharing::Gathered { window_s: WINDOW_S },
                    ("websocket", "adaptive") => rounds(),
                    _ => Sharing::Behind,
                };
                let in_a_write = match sharing {
                    Sharing::Gathered { window_s } => gathered(plan.rate, window_s),
                    _ => 1.0,
                };
                let clients = plan.clients as f64;
                let figures = [
                    (
                        "throughput_per_s",
                        throughput_per_s(cost, sharing, plan.rate, clients),
                    ),
                    ("writes_per_publication", 1.0 / in_a_write),
                    (
                        "server_cpu_us_per_delivery",
                        (cost.message_s + cost.write_s / in_a_write) * 1e6,
                    ),
                ];
                let mut lane = model.clone();
                lane.row = row.name.clone();
                lane.lane = row.lane.clone();
                for (name, value) in figures {
                    let figure = sample::valid(value);
                    lane.measured.insert(name.to_owned(), figure);
                }
                lane
            })
            .collect();
        DoneStep {
            comparisons: compare(&step, &report, false),
            label: step.label,
            report,
        }
    }

    fn carried_out(cost: Cost) -> (Vec<Comparison>, Verdict) {
        let done: Vec<_> = steps(false)
            .into_iter()
            .map(|mut step| {
                step.plan.workers = 1;
                done(step, cost)
            })
            .collect();
        let together = across(&done, false);
        let mut all = crate::experiments::sample::carried_out(Vec::new());
        (all.steps, all.together) = (done, together);
        let all = all.settled();
        (all.together, all.verdict)
    }

    #[test]
    fn a_server_that_is_as_theory_says_is_as_predicted_however_late_the_generator() {
        let (together, verdict) = carried_out(Cost {
            write_s: 6e-6,
            message_s: 1e-6,
        });
        assert_eq!(verdict, Verdict::AsPredicted, "{together:#?}");
        let wall = &together[0];
        assert!((wall.predicted - 142_857.0).abs() < 1.0, "{wall}");
        assert!(
            together
                .iter()
                .any(|c| c.what.starts_with("polls over") && c.measured > Some(2.0))
        );
    }

    #[test]
    fn a_load_that_is_no_overload_is_told_as_it_was() {
        let (together, verdict) = carried_out(Cost {
            write_s: 1e-6,
            message_s: 1e-7,
        });
        assert_eq!(verdict, Verdict::Otherwise, "{together:#?}");
    }
}
