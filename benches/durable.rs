//! What remembering costs: publications a second and the wait for an answer, of the memory broker, of
//! answers before the commit and after it, with so many publishers at once on one channel and on a
//! channel each.
//!
//! `cargo bench --bench durable`; some twenty seconds. Beside each figure after the commit stands a closed
//! form. A commit of k publications in c channels takes C = c₀ + c₁·c + c₂·k: for the disk, for each
//! channel's rows, for each publication. W publishers who each wait for their answer make commits of W, or
//! of half of that where they fall into two halves that take turns, so there are W/C to 2·(W/2)/C(W/2)
//! answers a second. The three numbers are measured by three of the rows, marked *, and say the others.
//!
//! The file is in the system's folder for temporary files: `TMPDIR=/somewhere/on/the/disk` where that is
//! memory.

use std::{
    fs,
    path::PathBuf,
    process,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use pushlab::{
    broker::{
        Broker, BrokerError, Surroundings,
        durable::{Acknowledge, DurableBroker},
        memory::{MemoryBroker, MemoryLimits},
    },
    channel::{ChannelName, Draft},
    clock,
    config::Config,
};
use serde_json::value::RawValue;

const PAYLOAD_BYTES: usize = 200;
const EACH: Duration = Duration::from_millis(700);
/// Publishers at once, and channels that they publish in.
const ROWS: [(usize, usize); 6] = [(1, 1), (16, 1), (64, 1), (16, 16), (64, 64), (256, 16)];
/// Those by which C is measured.
const MEASURING: [(usize, usize); 3] = [(1, 1), (64, 1), (64, 64)];

fn main() {
    println!("publications/s, and median wait for the answer; {PAYLOAD_BYTES} bytes each\n");
    println!("publishers channels        memory            early           commit   closed form");
    let rows: Vec<_> = (ROWS.into_iter())
        .map(|(publishers, channels)| {
            let of = |acknowledge| measure(publishers, channels, acknowledge);
            let early = of(Some(Acknowledge::Early));
            let commit = of(Some(Acknowledge::AfterCommit));
            (publishers, channels, of(None), early, commit)
        })
        .collect();
    let cycle = |row: (usize, usize)| {
        let found = rows.iter().find(|(p, c, ..)| (*p, *c) == row);
        found.map_or(0.0, |(publishers, .., commit)| {
            *publishers as f64 / commit.per_s
        })
    };
    let [one, many, spread] = MEASURING.map(cycle);
    let of_each = (many - one) / 63.0;
    let of_channel = (spread - many) / 63.0;
    let of_disk = one - of_each - of_channel;
    for (publishers, channels, memory, early, commit) in &rows {
        let (w, c) = (*publishers as f64, *channels as f64);
        let predicted = w / (of_disk + of_channel * c + of_each * w);
        let mark = match MEASURING.contains(&(*publishers, *channels)) {
            true => " *".to_owned(),
            false => format!("{:+5.0} %", (commit.per_s / predicted - 1.0) * 100.0),
        };
        println!(
            "{publishers:10} {channels:8} {memory} {early} {commit} {predicted:10.0}/s {mark}"
        );
    }
    println!(
        "\nC = {:.3} ms + {:.4} ms a channel + {:.4} ms a publication",
        of_disk * 1e3,
        of_channel * 1e3,
        of_each * 1e3
    );
}

struct Measured {
    per_s: f64,
    median: Duration,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let median_ms = self.median.as_secs_f64() * 1e3;
        write!(f, "{:8.0}/s {median_ms:5.2}", self.per_s)
    }
}

fn measure(publishers: usize, channels: usize, acknowledge: Option<Acknowledge>) -> Measured {
    let folder = Folder::new();
    let broker = broker(&folder, acknowledge);
    let names: Vec<_> = (0..channels)
        .map(|n| ChannelName::parse(&format!("bench-{n}")).expect("a valid name"))
        .collect();
    let begun = Instant::now();
    let waits: Vec<Duration> = thread::scope(|scope| {
        let threads: Vec<_> = (0..publishers)
            .map(|n| {
                let (broker, name) = (&broker, &names[n % channels]);
                scope.spawn(move || publish_until(&**broker, name, begun + EACH))
            })
            .collect();
        let waits = threads.into_iter();
        waits
            .flat_map(|thread| thread.join().expect("no publisher panics"))
            .collect()
    });
    let took = begun.elapsed().as_secs_f64();
    broker.close();
    let mut sorted = waits;
    sorted.sort_unstable();
    Measured {
        per_s: sorted.len() as f64 / took,
        median: sorted[sorted.len() / 2],
    }
}

fn publish_until(broker: &dyn Broker, name: &ChannelName, end: Instant) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers can be made");
    let text = format!("\"{}\"", "x".repeat(PAYLOAD_BYTES - 2));
    let data = RawValue::from_string(text).expect("a string is JSON");
    let mut waits = Vec::new();
    runtime.block_on(async {
        while Instant::now() < end {
            let begun = Instant::now();
            loop {
                let draft = Draft::new("tick", data.clone());
                match broker.publish(name, draft, clock::now_us()).await {
                    Ok(_) => break,
                    // Early answers outrun the disk until its queue is full.
                    Err(BrokerError::Busy) => thread::sleep(Duration::from_millis(1)),
                    Err(error) => panic!("{error}"),
                }
            }
            waits.push(begun.elapsed());
        }
    });
    waits
}

fn broker(folder: &Folder, acknowledge: Option<Acknowledge>) -> Arc<dyn Broker> {
    let limits: MemoryLimits = Config::default().node_limits().broker;
    let around = Surroundings {
        on_publication: Box::new(|_| ()),
        on_found: Box::new(|_, _| ()),
        has_audience: Box::new(|_| true),
        is_reserved: Box::new(|_| false),
    };
    let Some(acknowledge) = acknowledge else {
        return Arc::new(MemoryBroker::new(limits, around));
    };
    let file = folder.0.join("kept.redb");
    let opened = DurableBroker::open(&file, limits, acknowledge, around, clock::now_us());
    Arc::new(opened.expect("a new file can be made"))
}

/// Removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("pushlab-bench-{}", process::id()));
        fs::create_dir_all(&folder).expect("a folder can be made");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
