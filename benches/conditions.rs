//! How exact added delays are, and what a lane without conditions pays for being able to have some.
//!
//! Not Criterion: what is asked is by how much a single delay is off, at p99, and whether many of
//! them add up. A connection is written to by an open-loop schedule under `latency down=…`, and
//! every message says when it was written; both ends are this process, so one clock tells. On a
//! busy machine the figures are the machine's: the control beside them, the same without any
//! condition, says how much of it.
//!
//! `cargo bench --bench conditions`

use std::{
    future::poll_fn,
    io::Read,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use pushlab::{
    lane::{
        LaneId,
        conditions::ConditionsByLane,
        meter::Meters,
        pace::Pace,
        stream::{LaneStream, TcpOptions},
    },
    run::machine::Awake,
};
use tokio::{net::TcpStream, task::LocalSet};

const LANE: LaneId = LaneId("bench");
const MESSAGE_BYTES: usize = 60;
const OPTIONS: TcpOptions = TcpOptions {
    keepalive: Duration::from_secs(30),
    probes: 3,
    unacknowledged: Duration::from_secs(30),
    send_buffer_bytes: 0,
    answers: Pace {
        patience: Duration::from_secs(30),
        bytes_per_s: 500,
    },
};

fn main() {
    // A core that sleeps wakes late, which is not the condition's doing.
    let awake = Awake::hold();
    let cores = if awake.is_ok() {
        "kept awake"
    } else {
        "may sleep"
    };
    println!("idle cores: {cores}");
    println!("added delay, off by (µs)              n      p50      p99      max   mean delay");
    for (conditions, added_ms, every_ms, messages) in [
        ("", 0, 2, 1_000),
        ("latency down=5ms", 5, 2, 1_000),
        ("latency down=50ms", 50, 2, 1_000),
        ("latency down=250ms", 250, 2, 1_000),
        // Twenty-five on their way at any time: were each to wait for the one before, it would show.
        ("latency down=50ms + latency down=50ms", 100, 4, 500),
    ] {
        let every = Duration::from_millis(every_ms);
        let added = Duration::from_millis(added_ms);
        delays(conditions, added, every, messages);
    }
    println!();
    println!("a write of {MESSAGE_BYTES} bytes (ns)              n     mean");
    writes("", 200_000);
    writes("latency down=0s", 200_000);
}

/// A lane's stream on this thread, and the client's end of it.
async fn connected(
    conditions_by_lane: &ConditionsByLane,
    meters: &Arc<Meters>,
) -> (LaneStream, std::net::TcpStream) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let client = std::net::TcpStream::connect(address).expect("it listens");
    let (accepted, _) = listener.accept().expect("it was connected to");
    accepted.set_nonblocking(true).expect("a socket can be");
    let io = TcpStream::from_std(accepted).expect("inside a runtime");
    let stream = LaneStream::new(io, meters.open(LANE), OPTIONS, conditions_by_lane.of(LANE));
    // The runtime does not know before the first look that it is.
    poll_fn(|context| stream.poll_write_ready(context))
        .await
        .expect("a new connection can be written to");
    (stream, client)
}

fn conditions_by_lane(conditions: &str) -> (ConditionsByLane, Arc<Meters>) {
    let meters = Arc::<Meters>::default();
    let conditions_by_lane = ConditionsByLane::new([LANE].into_iter(), meters.clone());
    if !conditions.is_empty() {
        let conditions = conditions.parse().expect("the bench's own conditions");
        conditions_by_lane.put(LANE, conditions, 1, None);
    }
    (conditions_by_lane, meters)
}

fn on_one_thread<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, work)
}

/// Sends at fixed instants and prints by how much what arrives is later than it should be.
fn delays(conditions: &str, added: Duration, every: Duration, messages: u32) {
    let began = Instant::now();
    let (conditions_by_lane, meters) = conditions_by_lane(conditions);
    let off = on_one_thread(async {
        let (stream, mut client) = connected(&conditions_by_lane, &meters).await;
        let reading = thread::spawn(move || {
            let mut off = Histogram::<u64>::new(3).expect("three digits");
            let mut sum = Duration::ZERO;
            let mut message = [0; MESSAGE_BYTES];
            for _ in 0..messages {
                client.read_exact(&mut message).expect("all of them arrive");
                let arrived = began.elapsed();
                let [.., a, b, c, d, e, f, g, h] = message;
                let sent = Duration::from_nanos(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
                let delay = arrived - sent;
                assert!(delay >= added, "nothing arrives early");
                sum += delay;
                off.record((delay - added).as_micros() as u64)
                    .expect("it grows");
            }
            (off, sum / messages)
        });
        for number in 0..messages {
            tokio::time::sleep_until((began + every * number).into()).await;
            let mut message = [0; MESSAGE_BYTES];
            let sent = began.elapsed().as_nanos() as u64;
            message[MESSAGE_BYTES - 8..].copy_from_slice(&sent.to_be_bytes());
            let written = stream.try_write(&message).expect("there is room");
            assert_eq!(written, MESSAGE_BYTES);
        }
        // The pump is this thread's: it goes on until all has arrived.
        while !reading.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        reading.join().expect("the reader ends")
    });
    let (off, mean) = off;
    let name = if conditions.is_empty() {
        "(none)"
    } else {
        conditions
    };
    println!(
        "{name:<37} {:>6} {:>6} {:>8} {:>8}   {:.2} ms",
        off.len(),
        off.value_at_quantile(0.5),
        off.value_at_quantile(0.99),
        off.max(),
        mean.as_secs_f64() * 1e3,
    );
}

/// What one `try_write` costs, the system call with it.
fn writes(conditions: &str, count: u32) {
    let (conditions_by_lane, meters) = conditions_by_lane(conditions);
    let took = on_one_thread(async {
        let (stream, mut client) = connected(&conditions_by_lane, &meters).await;
        thread::spawn(move || {
            let mut sink = [0; 64 << 10];
            while client.read(&mut sink).is_ok_and(|read| read > 0) {}
        });
        let message = [7; MESSAGE_BYTES];
        let began = Instant::now();
        let mut waited = Duration::ZERO;
        let mut written = 0;
        while written < count {
            match stream.try_write(&message) {
                Ok(_) => written += 1,
                // Its reader is slower: not the write's time.
                Err(_) => {
                    let from = Instant::now();
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    waited += from.elapsed();
                }
            }
        }
        began.elapsed() - waited
    });
    let name = if conditions.is_empty() {
        "(none)"
    } else {
        conditions
    };
    println!(
        "{name:<37} {count:>6} {:>8}",
        took.as_nanos() / u128::from(count)
    );
}
