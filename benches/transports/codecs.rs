//! What every lane makes of the same publication, and what its client reads of that: no socket, no
//! request, no head of an answer.

use std::{cell::Cell, hint::black_box, rc::Rc, slice, sync::Arc, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput};
use pushlab::{
    catalogue::Form,
    channel::{Epoch, Publication},
    client::{ClientContext, Cursor, Ended, Inbox, Target},
    run::{
        each_lane::{At, EachLane, Polled},
        lanes::Row,
        plan::Plan,
    },
};

use crate::{
    clients::{channel, data, nowhere},
    lanes,
};

const ENCODE: &str = "encode one publication - without HTTP heads";
const DECODE: &str = "decode one publication - without HTTP heads";
/// Of its data: a chat message, and a dashboard's state.
const SIZES: [usize; 2] = [60, 1_000];

fn publication(bytes: usize) -> Arc<Publication> {
    Arc::new(Publication {
        channel: channel("bench"),
        epoch: Epoch::parse("bench0").expect("a valid epoch"),
        offset: 17,
        event: "tick".into(),
        data: data(bytes),
        intended_us: 1_700_000_000_000_000,
        published_us: 1_700_000_000_000_100,
        origin: None,
    })
}

/// As it comes down a stream, or as the body of the answer that has it.
fn encode(each: &dyn EachLane, at: &At<'_>, publication: &Arc<Publication>, out: &mut Vec<u8>) {
    if each.message(at, publication, out).is_some() {
        return;
    }
    let polled = Polled {
        publications: slice::from_ref(publication),
        position: publication.position(),
        recovered: true,
    };
    let answer = each.answer(at, &polled);
    out.extend_from_slice(answer.expect("what is no stream answers").body());
}

fn at(lane: &Target) -> At<'_> {
    At {
        channel: "bench",
        lane,
        app_key: "key",
        hold_ms: 25_000,
        form: Form::AsItIs,
    }
}

/// For each lane and size; its throughput is in bytes of data, the same on every lane.
fn each_publication(
    criterion: &mut Criterion,
    title: &str,
    mut bench: impl FnMut(&mut criterion::Bencher<'_>, &dyn EachLane, &Arc<Publication>),
) {
    let mut group = criterion.benchmark_group(title);
    // Nothing of it waits for anybody.
    group.warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(800));
    for (each, bytes) in lanes().flat_map(|each| SIZES.map(|bytes| (each, bytes))) {
        let publication = publication(bytes);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new(each.lane().id.0, bytes), |bencher| {
            bench(bencher, each, &publication);
        });
    }
    group.finish();
}

pub fn encoding(criterion: &mut Criterion) {
    let lane = nowhere();
    each_publication(criterion, ENCODE, |bencher, each, publication| {
        let mut out = Vec::with_capacity(4 << 10);
        bencher.iter(|| {
            out.clear();
            encode(each, &at(&lane), black_box(publication), &mut out);
        });
    });
}

/// Keeps nothing but how many.
#[derive(Default)]
struct Count(Cell<u64>);

impl Inbox for Count {
    fn subscribed(&self, _at_us: u64) {}
    fn publication(&self, data: &str, _at_us: u64) {
        black_box(data);
        self.0.set(self.0.get() + 1);
    }
    fn failed(&self, _why: &Ended) {}
}

pub fn decoding(criterion: &mut Criterion) {
    let lane = nowhere();
    let plan = Plan::default();
    each_publication(criterion, DECODE, |bencher, each, publication| {
        let mut bytes = Vec::new();
        encode(each, &at(&lane), publication, &mut bytes);
        let client = Row::of_lane(each.lane()).client(&plan, 0, Some("key"), None);
        let mut client = client.expect("every lane has a client");
        let count = Count::default();
        let mut context = ClientContext {
            target: &lane,
            other: None,
            channel: "bench",
            outbox: None,
            cursor: &mut Cursor::default(),
            inbox: &count,
            tally: &Rc::default(),
            stopping: &Cell::default(),
            steps: None,
            cut: &Rc::default(),
        };
        client
            .read(&bytes, 1, &mut context)
            .expect("a client reads what its lane says");
        assert_eq!(count.0.get(), 1);
        bencher.iter(|| client.read(black_box(&bytes), 1, &mut context).is_ok());
    });
}
