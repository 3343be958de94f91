//! The hot paths by themselves: codecs, history, and the hub's fan-out to queues.
//!
//! `cargo bench --bench hot_paths`. What a publication costs on real sockets is measured by
//! `fanout`, and end-to-end delays by the runner: those do not belong to Criterion.

use std::{
    cell::Cell,
    hint::black_box,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pushlab::{
    channel::{
        ChannelName, Draft, Epoch, Publication,
        history::{Appended, History, HistoryLimits, Start},
    },
    codec::{
        envelope, sse,
        websocket::{self, Decoder, Limits},
    },
    disconnect::Disconnect,
    hub::{Delivery, Format, Hub, Subscriber},
    wire::Layers,
};
use serde_json::value::RawValue;

const PAYLOAD_BYTES: usize = 60;

fn data() -> Box<RawValue> {
    let text = format!("\"{}\"", "x".repeat(PAYLOAD_BYTES - 2));
    RawValue::from_string(text).expect("a string is JSON")
}

fn channel() -> ChannelName {
    ChannelName::parse("bench").expect("a valid name")
}

fn publication(offset: u64) -> Publication {
    Publication {
        channel: channel(),
        epoch: Epoch::parse("bench0").expect("a valid epoch"),
        offset,
        event: "tick".into(),
        data: data(),
        intended_us: 1_700_000_000_000_000,
        published_us: 1_700_000_000_000_100,
        origin: None,
    }
}

fn encode_frame(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let (framing, layers) =
        websocket::encode_text_with(out, |out| envelope::encode_publication(publication, out));
    Layers { framing, ..layers }
}

fn codecs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    let publication = publication(17);
    let mut json = Vec::new();
    envelope::encode_publication(&publication, &mut json);
    group.throughput(Throughput::Bytes(json.len() as u64));
    let mut out = Vec::with_capacity(1024);
    group.bench_function("envelope/encode", |bencher| {
        bencher.iter(|| {
            out.clear();
            envelope::encode_publication(black_box(&publication), &mut out)
        });
    });
    group.bench_function("websocket/encode", |bencher| {
        bencher.iter(|| {
            out.clear();
            encode_frame(black_box(&publication), &mut out)
        });
    });
    group.bench_function("sse/encode", |bencher| {
        bencher.iter(|| {
            out.clear();
            sse::encode_event(None, Some("bench0:17"), black_box(&json), &mut out);
        });
    });
    let body = format!(r#"{{"event":"tick","data":{},"id":"m1"}}"#, data());
    group.bench_function("envelope/decode_publish", |bencher| {
        bencher.iter(|| envelope::decode_publish(black_box(body.as_bytes())));
    });
    let frame = masked_frame(&json);
    group.bench_function("websocket/decode", |bencher| {
        let mut decoder = Decoder::new(Limits {
            message_max_bytes: 1 << 16,
            accept_binary: false,
        });
        bencher.iter(|| decoder.next(&mut black_box(frame.as_slice())));
    });
    group.finish();
}

/// A client's text frame; a mask of zeros costs the decoder as much as any other.
fn masked_frame(payload: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    websocket::encode_header(websocket::OpCode::Text, payload.len(), &mut header);
    header[1] |= 0x80;
    [&header, [0; 4].as_slice(), payload].concat()
}

fn histories(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("history");
    let limits = HistoryLimits {
        max_count: 1_000,
        max_bytes: 1 << 20,
        max_age_us: u64::MAX,
    };
    let epoch = Epoch::parse("bench0").expect("a valid epoch");
    let mut history = History::new(channel(), epoch, limits);
    group.bench_function("append", |bencher| {
        bencher.iter(|| history.append(Draft::new("tick", data()), 1));
    });
    let position = match history.append(Draft::new("tick", data()), 1) {
        Appended::New(publication) => publication.position(),
        Appended::Duplicate(position) => position,
    };
    for missed in [0, 10, 1_000] {
        let mut start = Start {
            position: Some(position.clone()),
            history: None,
        };
        if let Some(position) = &mut start.position {
            position.offset -= missed.min(position.offset);
        }
        group.bench_with_input(BenchmarkId::new("recover", missed), &start, |b, start| {
            b.iter(|| history.recover(start, 1));
        });
    }
    group.finish();
}

static FRAME: Format = Format {
    index: 0,
    encode: encode_frame,
};

/// A queue that counts what it gets.
#[derive(Default)]
struct Queue {
    bytes: Cell<usize>,
    publications: Cell<usize>,
}

impl Subscriber for Queue {
    fn deliver(&self, delivery: Delivery<'_>) {
        let bytes = delivery.encoded(&FRAME).as_slice().len();
        self.bytes.set(self.bytes.get() + bytes);
        let publications = delivery.publications().len();
        self.publications
            .set(self.publications.get() + publications);
    }
    fn disconnect(&self, _reason: Disconnect) {}
}

/// One publication to all subscribers, until the last has it.
fn fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hub/fan_out");
    for subscribers in [1, 100, 10_000] {
        group.throughput(Throughput::Elements(subscribers));
        group.bench_function(BenchmarkId::from_parameter(subscribers), |bencher| {
            bencher.iter_custom(|rounds| time_fan_out(subscribers, rounds));
        });
    }
    group.finish();
}

fn time_fan_out(subscribers: u64, rounds: u64) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime can be built");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let hub = Arc::new(Hub::default());
        let channel = channel();
        let queues: Vec<_> = (0..subscribers)
            .map(|_| Rc::new(Queue::default()))
            .collect();
        let _attachments: Vec<_> = queues
            .iter()
            .map(|queue| {
                let attachment = hub.shard().attach(&channel, queue.clone());
                attachment.go_live(0);
                attachment
            })
            .collect();
        let last = queues.last().expect("there is at least one");
        let started = Instant::now();
        for offset in 1..=rounds {
            hub.broadcast(&Arc::new(publication(offset)));
            while (last.publications.get() as u64) < offset {
                tokio::task::yield_now().await;
            }
        }
        started.elapsed()
    })
}

criterion_group!(benches, codecs, histories, fan_out);
criterion_main!(benches);
