//! The hot paths by themselves: codecs of every protocol, history, the HTTP API's signature, what
//! the runner's clients read, and the hub's fan-out to queues.
//!
//! `cargo bench --bench hot_paths`, also a part of `cargo bench`. One exchange of every lane over a socket is
//! in `transports`, what a delivery costs under load in `fanout`, and the delay of a service is the
//! runner's.

use std::{
    cell::Cell,
    hint::black_box,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{
    BenchmarkId, Criterion, PlottingBackend, Throughput, criterion_group, criterion_main,
};
use pushlab::{
    channel::{
        ChannelName, Draft, Epoch, Publication, StreamPosition,
        history::{Appended, History, HistoryLimits, Start},
        idempotence::IdLimits,
    },
    client::message::{Published, read},
    codec::{
        engine, envelope,
        pusher::{command, event, extension, line},
        socketio::{self, Args},
        sse,
        websocket::{self, Decoder, Limits},
    },
    config::apps::Secret,
    disconnect::Disconnect,
    hub::{Delivery, Format, Hub, Subscriber},
    protocol::pusher::{
        auth::{Parameters, SignedRequest, check_request},
        sign::{Call, Signing},
    },
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

/// What the protocols of others make of the same publication, and of what their clients say.
fn protocols(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("protocol");
    let publication = publication(17);
    let mut out = Vec::with_capacity(1024);
    group.bench_function("channels/encode", |bencher| {
        bencher.iter(|| {
            out.clear();
            event::publication(black_box(&publication), &mut out)
        });
    });
    group.bench_function("channels/encode_with_position", |bencher| {
        bencher.iter(|| {
            out.clear();
            extension::publication(black_box(&publication), &mut out)
        });
    });
    group.bench_function("channels/encode_line", |bencher| {
        bencher.iter(|| {
            out.clear();
            line::encode_frame(&mut out, |out| {
                event::publication(black_box(&publication), out)
            })
        });
    });
    let subscribe = r#"{"event":"pusher:subscribe","data":{"channel":"bench"}}"#;
    group.bench_function("channels/decode_subscribe", |bencher| {
        bencher.iter(|| command::decode(black_box(subscribe)));
    });
    let args = Args::new().raw(&data());
    group.bench_function("socketio/encode_event", |bencher| {
        bencher.iter(|| {
            out.clear();
            socketio::encode_event("/lab", None, "tick", black_box(&args), None, &mut out);
        });
    });
    let packet = format!("4{}", "2/lab,[\"publish\",{\"event\":\"tick\",\"data\":1}]");
    group.bench_function("engine/decode_packet", |bencher| {
        bencher.iter(|| engine::decode_packet(black_box(&packet)));
    });
    let payload =
        [packet.as_bytes(), packet.as_bytes(), packet.as_bytes()].join(&[engine::SEPARATOR][..]);
    group.bench_function("engine/decode_payload_of_3", |bencher| {
        bencher.iter(|| {
            engine::decode_payload(black_box(&payload))
                .filter(Result::is_ok)
                .count()
        });
    });
    group.finish();
}

/// A signed `POST /apps/1/events`: made as an SDK does, and checked as the server does.
fn signatures(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("http_api");
    let secret = Secret::new("7ad3773142a6692b25b8");
    let (key, now_s) = ("278d425bdf160c739803", 1_353_088_179);
    let body = format!(
        r#"{{"name":"tick","channels":["bench"],"data":{}}}"#,
        data()
    );
    let call = Call {
        method: "POST",
        path: "/apps/1/events",
        query: "",
        body: body.as_bytes(),
    };
    group.bench_function("sign", |bencher| {
        bencher.iter(|| Signing::of(key, &secret, black_box(&call), now_s));
    });
    let target = Signing::of(key, &secret, &call, now_s).target(call.path);
    let (path, query) = target.split_once('?').expect("a signed call has a query");
    let request = SignedRequest {
        method: "POST",
        path,
        query,
        body: body.as_bytes(),
    };
    group.bench_function("check", |bencher| {
        bencher.iter(|| {
            let parameters = Parameters::parse(black_box(query));
            check_request(key, &secret, &request, &parameters, now_s)
        });
    });
    group.finish();
}

/// How a client of the runner reads a publication: by a scan, and as any JSON.
fn clients(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("client");
    let mut json = Vec::new();
    envelope::encode_publication(&publication(17), &mut json);
    let json = String::from_utf8(json).expect("JSON is UTF-8");
    group.throughput(Throughput::Bytes(json.len() as u64));
    group.bench_function("publication/scan", |bencher| {
        bencher.iter(|| Published::read(black_box(&json)).is_ok());
    });
    group.bench_function("publication/parse", |bencher| {
        bencher.iter(|| read::<Published<'_>>(black_box(json.as_bytes())).is_ok());
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
        ids: IdLimits {
            max_count: 10_000,
            max_bytes: 1 << 20,
            max_age_us: 300_000_000,
        },
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
    form: pushlab::catalogue::WireFormat::PlainFrame,
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
                attachment.go_live(&StreamPosition {
                    offset: 0,
                    ..publication(1).position()
                });
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

criterion_group! {
    name = benches;
    config = Criterion::default()
        .plotting_backend(PlottingBackend::Plotters)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = codecs, protocols, signatures, clients, histories, fan_out
}
criterion_main!(benches);
