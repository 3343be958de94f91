//! A whole run: the lab, every repetition, and the report.

use std::time::Duration;

use tokio::sync::watch;

use super::{
    destination::Destination,
    error::RunError,
    figures::{self, Gathered},
    lab_process::LabProcess,
    lanes::Row,
    late_pass,
    machine::{self, Awake, Cores, KeepAwake, Pin, Pinned},
    names,
    pass::{self, PassResult, RowResult},
    plan::{Order, Plan, PublishBy},
    predictions::{self, Machine},
    processing::Reached,
    report::{Charts, GeneratorReport, LaneReport, Report},
    stats::Delays,
    theory::DeliveryMode,
    uncertainty::Lags,
    validity::{Generator, busy_server, byte_objection},
};
use crate::clock;

/// Carries out a plan. `progress` is called with what happens, in words, and how much of the current
/// pass is over, 0 to 1; `stop` ends the run with what there is.
pub async fn run(
    plan: &Plan,
    progress: &dyn Fn(&str, Option<f64>),
    mut stop: watch::Receiver<bool>,
) -> Result<Report, RunError> {
    plan.check()?;
    let rows = plan.rows()?;
    machine::raise_open_files();
    let cores = cores(plan);
    progress("starting the lab", None);
    let labs = LabProcess::reach(plan, cores.as_ref().map(|cores| &*cores.server)).await?;
    // There is one at least, or reaching it would have failed.
    let lab = &labs[0];
    // After the lab was started, which would be pinned with it. What the system refuses is not
    // said to be in effect.
    let pinned = cores.and_then(|cores| Some((Pinned::new(&cores.generator).ok()?, cores)));
    // Until the report is made.
    let awake = match plan.keep_awake {
        KeepAwake::Auto => Awake::hold().ok(),
        KeepAwake::Off => None,
    };
    let round_trip_us = lab.round_trip_us().await?;
    let started_us = clock::time_of_day_us();
    let kept_awake = awake.is_some();
    let passes = passes(plan, &rows);
    let (done, redone) = carry_out(plan, &labs, &passes, started_us, progress, &mut stop).await?;
    progress("", None);
    let pinned = pinned.map(|(_, cores)| cores);
    let generator = GeneratorReport {
        redone,
        ..generator(plan, &done, kept_awake)
    };
    let mut report = report(
        plan,
        &rows,
        lab,
        (round_trip_us, generator),
        started_us,
        done,
    );
    if let Some(cores) = pinned {
        // A server that is given some cores takes them for all there are.
        let host = &mut report.server.host;
        if let Some(cpus) = host.get_mut("cpus") {
            *cpus = (cores.generator.len() + cores.server.len()).into();
        }
        report.generator.pinned = Some(cores.to_string());
    }
    Ok(report.settled())
}

/// Every pass, and one that was late once again; and how often one was. Ends early where it is stopped.
async fn carry_out(
    plan: &Plan,
    labs: &[LabProcess],
    passes: &[PlannedPass],
    started_us: u64,
    progress: &dyn Fn(&str, Option<f64>),
    stop: &mut watch::Receiver<bool>,
) -> Result<(Vec<PassResult>, usize), RunError> {
    let mut done: Vec<PassResult> = Vec::new();
    let (mut number, mut redone) = (0, 0);
    let mut set_aside: Option<PassResult> = None;
    // Of the pass at hand, after its first.
    let mut tries = 0;
    let mut asked_for = 0;
    while let Some(pass) = passes.get(done.len()) {
        let names: Vec<_> = pass.rows.iter().map(|row| row.name.as_str()).collect();
        let what = format!(
            "pass {} of {}{}: {} for {}",
            done.len() + 1,
            passes.len(),
            match tries {
                0 => "",
                _ => " again, because the generator was late",
            },
            match names.len() {
                0..=3 => names.join(", "),
                many => format!("{many} lanes"),
            },
            humantime::format_duration(plan.warm_up.0 + plan.duration.0),
        );
        progress(&what, None);
        // Also of one that is done again: its channels are to be new.
        let name = names::pass(started_us, number);
        number += 1;
        let bar = |share: f64| progress(&what, Some(share));
        let mut outcome = pass::pass(plan, labs, &pass.rows, (pass.seed, &name), &bar, stop).await;
        if number > 1
            && let Ok(passed) = &mut outcome
        {
            passed.in_used_process();
        }
        let passed = match (outcome, set_aside.take()) {
            // Stopped while it was done again: the whole before is better than a part, which nothing
            // is said of.
            (Err(RunError::Stopped), Some(before)) => {
                redone -= 1;
                before.as_partial()
            }
            // Nobody asked for the second try: that it failed spoils nothing.
            (Err(_), Some(before)) if tries == 1 => before,
            (Ok(again), Some(before)) if again.is_partial => {
                redone -= 1;
                before.as_partial()
            }
            (Ok(again), Some(before)) => {
                match late_pass::lateness(&again) < late_pass::lateness(&before) {
                    true => again.with_memory_of(&before),
                    false => before,
                }
            }
            (outcome, _) => outcome?,
        };
        // Once by itself; more often where the plan allows for it. A node that was killed is gone for
        // every later pass.
        if !passed.is_partial
            && plan.kill_node_at.0.is_zero()
            && (tries == 0 || asked_for < plan.redo)
            && late_pass::is_late(&passed)
        {
            asked_for += usize::from(tries > 0);
            (tries, redone) = (tries + 1, redone + 1);
            set_aside = Some(passed);
            continue;
        }
        tries = 0;
        let is_partial = passed.is_partial;
        done.push(passed);
        if is_partial {
            break;
        }
    }
    Ok((done, redone))
}

/// Who runs where; `None` where the system is to decide.
fn cores(plan: &Plan) -> Option<Cores> {
    let starts_lab = matches!(plan.destination(), Ok(Destination::Own));
    match plan.pin {
        Pin::Auto if starts_lab => Cores::split(&machine::allowed_cores(), plan.workers),
        Pin::Auto | Pin::Off => None,
    }
}

/// Rows that run at once, and the seed they share.
struct PlannedPass {
    rows: Vec<Row>,
    seed: u64,
}

/// Every repetition has a seed of its own, the same for all lanes. In turn, the order is turned
/// round each time (ABBA), so that a machine that grows slower favours nobody.
fn passes(plan: &Plan, rows: &[Row]) -> Vec<PlannedPass> {
    let mut passes = Vec::new();
    for repetition in 0..plan.repeat {
        let seed = plan.seed.wrapping_add(repetition as u64);
        let mut order = rows.to_vec();
        if repetition % 2 == 1 {
            order.reverse();
        }
        match plan.order {
            Order::Together => passes.push(PlannedPass { rows: order, seed }),
            Order::InTurn => passes.extend(order.into_iter().map(|row| PlannedPass {
                rows: vec![row],
                seed,
            })),
        }
    }
    passes
}

fn report(
    plan: &Plan,
    rows: &[Row],
    lab: &LabProcess,
    (round_trip_us, generator): (u64, GeneratorReport),
    started_us: u64,
    passes: Vec<PassResult>,
) -> Report {
    let is_partial = passes.iter().any(|pass| pass.is_partial);
    let faults = generator.objections.clone();
    let workers = lab.facts.settings["workers"].as_u64().unwrap_or(1) as usize;
    let mut by_row: Vec<RowPasses> = rows.iter().map(|_| RowPasses::default()).collect();
    for mut pass in passes {
        let alone = pass.rows.len() == 1;
        let pass_rows = std::mem::take(&mut pass.rows);
        for row in pass_rows {
            if let Some(index) = rows.iter().position(|known| *known == row.row) {
                by_row[index].push(row, &pass, pass.server_cpu.filter(|_| alone));
            }
        }
    }
    let warm_ups: Vec<Vec<Reached>> = by_row
        .iter()
        .map(|passes| {
            let warm_ups = passes.results.iter();
            let warm_ups = warm_ups.flat_map(|pass| &pass.collected.warm_up);
            warm_ups.copied().collect()
        })
        .collect();
    let of_one = predictions::processing_of_one(plan, rows, &warm_ups, round_trip_us);
    let lanes: Vec<LaneReport> = rows
        .iter()
        .zip(by_row)
        .zip(&warm_ups)
        .filter_map(|((row, passes), warm_up)| {
            let circumstances = Circumstances {
                machine: Machine {
                    round_trip_us,
                    processing: match row.delivery_mode(plan) {
                        DeliveryMode::ShortPoll { .. } => of_one,
                        _ => predictions::processing(plan, row, warm_up, round_trip_us),
                    },
                },
                faults: &faults,
                workers,
            };
            lane_report(plan, row, passes, &circumstances)
        })
        .collect();
    let mut fairness = lab.facts.fairness.clone();
    fairness.push(match plan.order {
        Order::Together => "All lanes ran at the same time.".to_owned(),
        Order::InTurn if plan.repeat > 1 => {
            "Lanes ran one after the other, in ABBA order.".to_owned()
        }
        Order::InTurn => "Lanes ran one after the other, once each.".to_owned(),
    });
    if plan.publish_by == PublishBy::Clients {
        let how = "The clients published: a WebSocket by itself, the others by one POST after the \
                   other on a second connection.";
        fairness.push(how.to_owned());
    }
    if plan.nodes > 1 {
        let how = "There were two labs and nothing between them; server figures are their sum.";
        fairness.push(how.to_owned());
    }
    fairness.extend(machine::GOES_WITHOUT.map(str::to_owned));
    fairness
        .push("Publisher and clients are one process: delays are read on one clock.".to_owned());
    Report {
        pushlab: crate::VERSION.to_owned(),
        answer: String::new(),
        started_us,
        plan: Plan {
            // Without the secret that may be in it.
            target: plan
                .destination()
                .map_or_else(|_| String::new(), |to| to.to_string()),
            ..plan.clone()
        },
        partial: is_partial,
        valid: lanes.iter().all(|lane| lane.valid),
        round_trip_us,
        generator,
        server: super::report::ServerReport {
            version: lab.facts.version.clone(),
            host: lab.facts.host.clone(),
            settings: lab.facts.settings.clone(),
        },
        fairness,
        lanes,
    }
}

fn generator(plan: &Plan, passes: &[PassResult], kept_awake: bool) -> GeneratorReport {
    let mut wake_lag = super::collector::empty_histogram();
    let mut publish_lag = super::collector::empty_histogram();
    let mut receive_lag = super::collector::empty_histogram();
    let mut own_cpu = Duration::ZERO;
    let mut measured_for = Duration::ZERO;
    let mut received = 0;
    let mut server_waited = Duration::ZERO;
    let (mut scheduled, mut published, mut acknowledged, mut to_acknowledge) = (0, 0, 0, 0);
    for pass in passes {
        for (sum, lag) in [
            (&mut publish_lag, &pass.publish_lag),
            (&mut wake_lag, &pass.wake_lag),
            (&mut receive_lag, &pass.receive_lag),
        ] {
            sum.add(lag)
                .expect("a histogram that grows takes every value");
        }
        own_cpu += pass.own_cpu;
        measured_for += pass.measured_for;
        server_waited += pass.server_waited.unwrap_or_default();
        scheduled += pass.scheduled as u64;
        published += pass.published as u64;
        acknowledged += pass.acknowledged;
        to_acknowledge += pass.to_acknowledge;
        received += pass
            .rows
            .iter()
            .map(|row| row.counts.delivered)
            .sum::<u64>();
    }
    let generator = Generator {
        own_cpu,
        measured_for,
        publish_lag: &publish_lag,
        wake_lag: &wake_lag,
        receive_lag: &receive_lag,
        kept_awake,
        reads_are_stamped: passes.iter().flat_map(|pass| &pass.rows).all(|row| {
            // What keeps silent under TLS and on other systems is the same kernel; one that was
            // asked may have refused, which shows in that no read has a stamp.
            cfg!(target_os = "linux")
                && row.kernel_down_bytes.is_some()
                && (row.collected.delivered == 0 || !row.read_lag.is_empty())
        }),
        scheduled,
        published,
        acknowledged,
        // What a client has not sent yet is late by the lane's doing, and its delay says so.
        to_acknowledge: match plan.publish_by {
            PublishBy::Run => to_acknowledge,
            PublishBy::Clients => acknowledged,
        },
    };
    GeneratorReport {
        cpu_share: generator.cpu_share(),
        publish_lag_p99_us: publish_lag.value_at_quantile(0.99),
        receive_lag_p99_us: receive_lag.value_at_quantile(0.99),
        wake_lag_p99_us: wake_lag.value_at_quantile(0.99),
        scheduled,
        published,
        acknowledged,
        clock_bound_us: 0,
        objections: generator.objections(),
        remarks: generator
            .remarks()
            .into_iter()
            .chain(busy_server(server_waited, measured_for))
            .collect(),
        pinned: None,
        kept_awake,
        redone: 0,
        received_per_s: received as f64 / measured_for.as_secs_f64().max(1e-9),
    }
}

/// A row's passes.
#[derive(Default)]
struct RowPasses {
    results: Vec<RowResult>,
    /// The server's processor time in each, where it is known.
    server_cpu: Vec<Option<Duration>>,
    /// Over all of them; `None` before the first.
    lags: Option<Lags>,
}

impl RowPasses {
    fn push(&mut self, row: RowResult, pass: &PassResult, server_cpu: Option<Duration>) {
        let lags = pass.lags(&row);
        match &mut self.lags {
            Some(sum) => sum.merge(&lags),
            none => *none = Some(lags),
        }
        self.results.push(row);
        self.server_cpu.push(server_cpu);
    }
}

/// What holds for all rows of a run.
struct Circumstances<'a> {
    machine: Machine,
    faults: &'a [String],
    workers: usize,
}

fn lane_report(
    plan: &Plan,
    row: &Row,
    passes: RowPasses,
    circumstances: &Circumstances<'_>,
) -> Option<LaneReport> {
    let Circumstances {
        machine,
        faults,
        workers,
    } = *circumstances;
    let lane = row.lane()?;
    let lags = Lags {
        cut_every_us: cut_every_us(plan, row),
        ..passes.lags?
    };
    let server_cpu_us: Option<Vec<f64>> = passes
        .server_cpu
        .iter()
        .map(|cpu| cpu.map(|cpu| cpu.as_micros() as f64))
        .collect();
    let passes = passes.results;
    let collected: Vec<_> = passes.iter().map(|pass| pass.collected.clone()).collect();
    let delays = Delays::of(&collected);
    let mut measured = figures::measured(&Gathered {
        passes: &passes,
        delays: &delays,
        server_cpu_us,
        workers,
    });
    let mut errors = figures::hold_against(&mut measured, &lags);
    let byte_fault = byte_fault(plan, row, &passes);
    figures::object(
        &mut measured,
        faults.first().map(String::as_str),
        byte_fault.as_deref(),
    );
    let mut invalid = faults.to_vec();
    invalid.extend(byte_fault);
    let mut remarks: Vec<String> = collected.iter().flat_map(|c| c.reasons.clone()).collect();
    if passes.iter().any(|pass| pass.counted_at_client) {
        remarks.push("bytes and requests are counted at the clients; the server is no lab".into());
    }
    remarks.sort();
    remarks.dedup();
    errors.retain(|name, _| {
        measured
            .get(name)
            .is_some_and(|figure| figure.error().is_some())
    });
    let theory = predictions::curve(plan, row, machine);
    Some(LaneReport {
        row: row.name.clone(),
        lane: lane.id.to_string(),
        transport: lane.transport.to_owned(),
        protocol: lane.protocol.to_owned(),
        label: row.label(lane),
        resume: row.resume,
        valid: invalid.is_empty(),
        invalid,
        remarks,
        processing: machine.processing,
        predicted: {
            let mut predicted = predictions::predicted(plan, row, machine);
            predicted.extend(predictions::predicted_bytes(plan, &passes));
            predictions::predict_bytes(&passes, theory, &mut predicted);
            predicted
        },
        charts: Charts {
            // Counts, which a late generator does not change.
            comeback: figures::comeback_over_time(&passes),
            ..match faults.is_empty() {
                true => Charts::of(&delays, theory, plan.duration.0, &lags),
                // No gate, no number: a curve is many of them.
                false => Charts {
                    predicted_cdf: Charts::predicted(theory),
                    ..Charts::default()
                },
            }
        },
        example: passes.iter().find_map(|pass| pass.example.clone()),
        measured,
        errors,
    })
}

/// How often clients of a row are cut off who then miss what is published; `None` where none does.
fn cut_every_us(plan: &Plan, row: &Row) -> Option<f64> {
    let once = !plan.outage_at.0.is_zero() || !plan.kill_node_at.0.is_zero();
    let tunnel = row.effect(plan).tunnel;
    let every = match tunnel.map(|tunnel| tunnel.every) {
        _ if row.resume => None,
        Some(every) => Some(every),
        None if !plan.tunnel_every.0.is_zero() => Some(plan.tunnel_every.0),
        None => once.then_some(plan.duration.0),
    };
    every.map(|every| every.as_micros() as f64)
}

/// Lane and kernel compared, over whole connections. A connection that is cut loses what was on
/// its way, and what a slow reader has not read is with neither, so runs with tunnels, slow readers
/// or conditions that lose bytes have no such check.
fn byte_fault(plan: &Plan, row: &Row, passes: &[RowResult]) -> Option<String> {
    if !plan.kill_node_at.0.is_zero() {
        return Some("a node was killed, and what it had counted is gone with it".to_owned());
    }
    let loses_bytes = !plan.tunnel_every.0.is_zero()
        || !plan.outage_at.0.is_zero()
        || plan.slow_readers > 0
        || row.effect(plan).loses_bytes;
    if loses_bytes || passes.iter().any(|pass| pass.counted_at_client) {
        return None;
    }
    let lane: u64 = passes.iter().map(|pass| pass.whole.down.total).sum();
    let kernel: Option<u64> = passes.iter().map(|pass| pass.kernel_down_bytes).sum();
    let connections = passes.iter().map(|pass| pass.client_connections).sum();
    byte_objection(lane, kernel?, connections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_turn_the_order_turns_round() {
        let plan = Plan {
            lanes: "sse,websocket".into(),
            order: Order::InTurn,
            repeat: 2,
            ..Plan::default()
        };
        let names: Vec<_> = passes(&plan, &plan.rows().unwrap())
            .into_iter()
            .map(|pass| (pass.rows[0].name.clone(), pass.seed))
            .collect();
        let expected = [("sse", 1), ("websocket", 1), ("websocket", 2), ("sse", 2)];
        assert_eq!(names, expected.map(|(name, seed)| (name.to_owned(), seed)));
    }
}
