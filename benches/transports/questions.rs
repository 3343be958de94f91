//! The questions that take a socket. Each title says what is not in its figures.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput};
use pushlab::{
    catalogue::{Fetching, Form, LANES},
    client::Cursor,
    run::{
        each_lane::{At, EachLane},
        lanes::Row,
    },
};

use crate::{
    clients::{Clients, DATA_BYTES, Kind, Stage, channel, data, nowhere},
    group, lanes, time,
};

const DELIVERED_TO_ONE: &str = "publish to delivered, one client - no wait for the next poll";
const DELIVERED_TO_ALL: &str = "publish to delivered, all clients - no wait for the next poll";
const EMPTY: &str = "empty poll - of lanes that answer it at once";
const FINDS_10: &str = "poll that finds 10 - publishing is not in it";
const CAUGHT_UP: &str = "reconnect to caught up - being away is not in it";
const FIRST_EVENT: &str = "connect to first event - without TLS, distance, DNS";

/// Publish to delivered: streams are open and held polls are held before it; who asks at an
/// interval asks at once after it.
pub fn delivering(criterion: &mut Criterion) {
    deliver(criterion, DELIVERED_TO_ONE, &[1]);
    deliver(criterion, DELIVERED_TO_ALL, &[10, 100]);
}

fn deliver(criterion: &mut Criterion, title: &str, counts: &[usize]) {
    let mut group = group(criterion, title);
    for (each, count) in lanes().flat_map(|each| counts.iter().map(move |count| (each, *count))) {
        let name = each.lane().id.0;
        let id = match counts {
            [_] => BenchmarkId::from_parameter(name),
            _ => BenchmarkId::new(name, count),
        };
        let prepare = || {
            let stage = Stage::new();
            let kind = Kind::new(Row::of_lane(each.lane()), channel("bench"));
            let clients = stage.run(async {
                let clients = Clients::start(&stage.lab, &kind, count);
                clients.enter().await;
                clients
            });
            (clients, kind, stage)
        };
        let throughput = Throughput::Elements(count as u64);
        time(
            &mut group,
            id,
            throughput,
            prepare,
            |(clients, kind, stage)| {
                stage.run(async {
                    let (arrivals, data) = (&clients.arrivals, data(DATA_BYTES));
                    let all = arrivals.publications() + count as u64;
                    let began = Instant::now();
                    stage.lab.publish(&kind.channel, data).await;
                    clients.ask();
                    arrivals.until_publications(all).await;
                    let took = began.elapsed();
                    clients.ready().await;
                    took
                })
            },
        );
    }
    group.finish();
}

/// One poll by itself, from its request to its answer understood, on a connection that is open.
pub fn polling(criterion: &mut Criterion) {
    let polls = || lanes().filter(|each| each.lane().fetching != Fetching::Stream);
    poll(criterion, EMPTY, 0, polls().filter(can_come_back_empty));
    poll(criterion, FINDS_10, 10, polls());
}

/// Whether a poll that finds nothing is answered when its client likes: at once, or after the time
/// that it asks for. Else it is answered by a heartbeat, and waiting is all that would be timed.
fn can_come_back_empty(each: &&'static dyn EachLane) -> bool {
    let lane = nowhere();
    let asked = |hold_ms| {
        let at = At {
            channel: "bench",
            lane: &lane,
            app_key: "key",
            hold_ms,
            form: Form::AsItIs,
        };
        // Names of sessions differ, but not in length.
        let request = each.request(&at, &Cursor::default());
        request.map(|request| request.len())
    };
    each.lane().fetching == Fetching::ShortPolls || asked(1) != asked(1_000)
}

fn poll(
    criterion: &mut Criterion,
    title: &str,
    found: usize,
    lanes: impl Iterator<Item = &'static dyn EachLane>,
) {
    let mut group = group(criterion, title);
    for each in lanes {
        let id = BenchmarkId::from_parameter(each.lane().id.0);
        let prepare = || {
            let stage = Stage::new();
            let kind = Kind {
                is_stepped: true,
                hold: Duration::ZERO,
                ..Kind::new(Row::of_lane(each.lane()), channel("bench"))
            };
            let clients = stage.run(async {
                let clients = Clients::start(&stage.lab, &kind, 1);
                clients.enter().await;
                let witness = Clients::start(&stage.lab, &witness(&kind), 1);
                witness.enter().await;
                (clients, witness)
            });
            (clients, kind, stage)
        };
        // Of an empty one, polls.
        let throughput = Throughput::Elements(found.max(1) as u64);
        time(
            &mut group,
            id,
            throughput,
            prepare,
            |(clients, kind, stage)| {
                let (clients, witness) = clients;
                stage.run(async {
                    let wanted = clients.arrivals.publications() + found as u64;
                    let seen = witness.arrivals.publications() + found as u64;
                    for _ in 0..found {
                        stage.lab.publish(&kind.channel, data(DATA_BYTES)).await;
                    }
                    witness.arrivals.until_publications(seen).await;
                    let began = Instant::now();
                    clients.ask();
                    clients.answered().await;
                    let took = began.elapsed();
                    assert_eq!(clients.arrivals.publications(), wanted, "in one answer");
                    took
                })
            },
        );
    }
    group.finish();
}

/// Somebody else in the channel, by a stream, of the lab's same worker: what has come to it has been given
/// to the sessions of those that poll.
fn witness(kind: &Kind) -> Kind {
    let mut streams = LANES
        .iter()
        .filter(|lane| lane.fetching == Fetching::Stream);
    let lane = streams.next().expect("a lane streams");
    Kind::new(Row::of_lane(lane), kind.channel.clone())
}

/// From no connection to the last of what was missed, by a position. Lanes whose protocol has none do
/// it by the lab's extension, and are named so.
pub fn catching_up(criterion: &mut Criterion) {
    let mut group = group(criterion, CAUGHT_UP);
    for (each, missed) in lanes().flat_map(|each| [10, 100].map(|missed| (each, missed))) {
        let row = Row::new(each.lane(), true);
        let id = BenchmarkId::new(&row.name, missed);
        let prepare = || {
            let stage = Stage::new();
            let kind = stage.run(async {
                let mut kind = Kind::new(row.clone(), channel("bench"));
                let from = stage.lab.publish(&kind.channel, data(DATA_BYTES)).await;
                for _ in 0..missed {
                    stage.lab.publish(&kind.channel, data(DATA_BYTES)).await;
                }
                kind.from = Some(from);
                kind
            });
            (kind, stage)
        };
        time(
            &mut group,
            id,
            Throughput::Elements(missed),
            prepare,
            |(kind, stage)| {
                stage.run(async {
                    let began = Instant::now();
                    let clients = Clients::start(&stage.lab, kind, 1);
                    clients.arrivals.until_publications(missed).await;
                    let took = began.elapsed();
                    clients.leave().await;
                    took
                })
            },
        );
    }
    group.finish();
}

/// From no connection to the first event, which is published as soon as the client is in the channel.
pub fn connecting(criterion: &mut Criterion) {
    let mut group = group(criterion, FIRST_EVENT);
    for each in lanes() {
        let id = BenchmarkId::from_parameter(each.lane().id.0);
        let prepare = || (Stage::new(), Cell::new(0));
        time(
            &mut group,
            id,
            Throughput::Elements(1),
            prepare,
            |(stage, channels)| {
                // One of its own: sessions of polls outlive their connections.
                let number = channels.replace(channels.get() + 1);
                let channel = channel(&format!("bench-{number}"));
                let kind = Kind::new(Row::of_lane(each.lane()), channel);
                stage.run(async {
                    let data = data(DATA_BYTES);
                    let began = Instant::now();
                    let clients = Clients::start(&stage.lab, &kind, 1);
                    clients.arrivals.until_subscribed(1).await;
                    stage.lab.publish(&kind.channel, data).await;
                    clients.ask();
                    clients.arrivals.until_publications(1).await;
                    let took = began.elapsed();
                    clients.leave().await;
                    took
                })
            },
        );
    }
    group.finish();
}
