//! Every lane side by side over real loopback sockets: one exchange at a time, in one process.
//!
//! `cargo bench --bench transports`, also a part of `cargo bench`. A group for each question; a lane is in
//! a group by its row in [`ALL`], and no lane is named here. `docs/criterion.md` says how to read
//! the report.
//!
//! ```text
//!  this thread                              the lab's one worker
//!  ├─ publishes (a call, no request) ─────► hub ─► lane ─┐
//!  └─ clients of pushlab run ◄───────── loopback ────────┘
//! ```
//!
//! What is timed is one exchange while nothing else happens; before each, clients are open and the
//! lab has read all that they said ([`clients`]). How late publications are in a service is another
//! question: nothing is asked by a clock here, no schedule goes on while the lab is busy, and
//! means are no percentiles. That is `pushlab run`'s.

mod clients;
mod codecs;
mod lab;
mod questions;

use std::time::Duration;

use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, PlottingBackend, SamplingMode, Throughput,
    criterion_group, measurement::WallTime,
};
use pushlab::run::{
    each_lane::{ALL, EachLane},
    machine::Awake,
};

/// So many lanes in so many groups: `cargo bench` is to be over in ten minutes.
fn criterion() -> Criterion {
    Criterion::default()
        .plotting_backend(PlottingBackend::Plotters)
        .sample_size(40)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_200))
        .nresamples(20_000)
}

/// All lanes in the order of the catalogue.
fn lanes() -> impl Iterator<Item = &'static dyn EachLane> {
    ALL.iter().copied()
}

/// A group whose exchanges need work around them that is not timed, so that they are not many.
fn group<'a>(criterion: &'a mut Criterion, title: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(title);
    group.sampling_mode(SamplingMode::Flat);
    group
}

/// Times rounds of what `prepare` makes, once it is wanted at all: a filter may leave it out.
fn time<S>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    throughput: Throughput,
    prepare: impl FnOnce() -> S,
    round: impl Fn(&S) -> Duration,
) {
    group.throughput(throughput);
    let (mut prepare, mut stage) = (Some(prepare), None);
    group.bench_function(id, |bencher| {
        let stage = stage.get_or_insert_with(|| {
            let prepare = prepare.take().expect("it is prepared once");
            prepare()
        });
        bencher.iter_custom(|rounds| (0..rounds).map(|_| round(stage)).sum());
    });
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = questions::delivering, questions::polling, questions::catching_up,
        questions::connecting, codecs::encoding, codecs::decoding
}

fn main() {
    // A core that sleeps wakes late, which is no lane's cost.
    let _awake = Awake::hold();
    benches();
    Criterion::default().configure_from_args().final_summary();
}
