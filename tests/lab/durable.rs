//! A node that remembers (`--durable`), as the program that it is: killed with SIGKILL under load,
//! stopped, out of room, damaged.
//!
//! `PUSHLAB_KILLS=200` kills as often; without it a handful.

use std::{
    collections::BTreeMap,
    env, fs,
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use pushlab::channel::StreamPosition;
use rand::RngExt;
use serde_json::json;

use super::{
    operations::{Program, command, limit_files},
    support::{
        connection::Connection,
        folder::Folder,
        follower::{ALL, Follower, Start, Transport},
        http::Http,
    },
};

const PUBLISHERS: usize = 3;

/// The arguments of a durable lab in this folder.
fn durable<'a>(folder: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["serve", "--port", "0", "--json", "--data-dir", folder];
    arguments.extend(more);
    arguments
}

/// What one client has seen over all lives of the server.
struct Client {
    transport: Transport,
    position: Option<StreamPosition>,
    seen: Vec<(u64, u64)>,
}

impl Client {
    /// Follows until the connection breaks, or until it has the offset.
    fn follow(&mut self, address: SocketAddr, until: u64, is_open: &mpsc::Sender<()>) {
        let start = Start {
            position: self.position.clone(),
            ..Start::default()
        };
        let connection = Connection::connect(address);
        let opened = Follower::open_over(connection, self.transport, "news", start);
        let mut follower = opened.expect("the lab has just begun");
        if self.position.is_some() {
            assert!(
                follower.recovered,
                "{:?}: {:?}",
                self.transport, self.position
            );
        }
        self.position.get_or_insert_with(|| follower.told.clone());
        let _ = is_open.send(());
        while self.seen.last().is_none_or(|(offset, _)| *offset < until) {
            let Ok(seen) = follower.next() else {
                return;
            };
            self.seen
                .push((seen.offset, seen.data.as_u64().expect("a number")));
            self.position = Some(follower.position());
        }
    }
}

/// Publishes until the server is gone; numbers go on over all lives. What was not answered is
/// published again in the next life, with the same id.
fn publish(
    address: SocketAddr,
    next: &AtomicU64,
    again: &Mutex<Vec<u64>>,
    answered: &mpsc::Sender<(u64, u64, String)>,
) {
    let mut http = Http::connect(address);
    loop {
        let left = again.lock().unwrap().pop();
        let n = left.unwrap_or_else(|| next.fetch_add(1, Ordering::Relaxed));
        let body = json!({"event": "tick", "data": n, "id": format!("m{n}")}).to_string();
        let target = "/api/channels/news/publications";
        match http.try_request("POST", target, &[], body.as_bytes()) {
            Ok(answer) if answer.status == 200 => {
                let answer = answer.json();
                assert_eq!(answer["kept"], "committed");
                let epoch = answer["epoch"].as_str().expect("an epoch").to_owned();
                let offset = answer["offset"].as_u64().expect("an offset");
                let _ = answered.send((n, offset, epoch));
            }
            _ => return again.lock().unwrap().push(n),
        }
    }
}

#[test]
fn kill_9_loses_and_doubles_nothing_that_was_answered() {
    let kills = env::var("PUSHLAB_KILLS").map_or(5, |text| text.parse().expect("a number"));
    let folder = Folder::new("kill-9");
    let data = folder.path().to_str().unwrap();
    let arguments = durable(
        data,
        // What every client needs is to be there, and no quota in the way.
        &[
            "--durable",
            "--history-max-count",
            "10000000",
            "--history-max-bytes",
            "100000000",
        ],
    );
    let mut clients: Vec<_> = (ALL.into_iter())
        .map(|transport| Client {
            transport,
            position: None,
            seen: Vec::new(),
        })
        .collect();
    let (next, again) = (AtomicU64::new(0), Mutex::default());
    let mut answers: BTreeMap<u64, u64> = BTreeMap::new();
    let mut epochs = Vec::new();
    for _ in 0..kills {
        let enough = rand::rng().random_range(1..150);
        let (to_answers, answered) = mpsc::channel();
        let (is_open, opened) = mpsc::channel();
        let mut running = Program::start(&arguments);
        let pid = running.id();
        thread::scope(|scope| {
            for client in &mut clients {
                let address = running.address(client.transport.lane());
                let is_open = is_open.clone();
                scope.spawn(move || client.follow(address, u64::MAX, &is_open));
            }
            ALL.iter()
                .for_each(|_| opened.recv().expect("all of them subscribe"));
            for _ in 0..PUBLISHERS {
                let (address, next, again) = (running.address("main"), &next, &again);
                let to_answers = to_answers.clone();
                scope.spawn(move || publish(address, next, again, &to_answers));
            }
            drop(to_answers);
            let mut count = 0;
            for (n, offset, epoch) in answered {
                let before = answers.insert(n, offset);
                assert_eq!(before, None, "{n} was answered twice");
                epochs.push(epoch);
                count += 1;
                if count == enough {
                    // SAFETY: the child has not been waited for, so the id is its own.
                    unsafe { libc::kill(pid, libc::SIGKILL) };
                }
            }
        });
        running.stop_dead();
    }
    let program = Program::start(&arguments);
    let mut http = program.http("main");
    // What was never answered, once more.
    for n in again.lock().unwrap().drain(..) {
        let body = json!({"event": "tick", "data": n, "id": format!("m{n}")}).to_string();
        let answer = http.post("/api/channels/news/publications", body.as_bytes());
        let offset = answer.json()["offset"].as_u64().expect("an offset");
        answers.insert(n, offset);
    }
    let top = *answers.values().max().expect("some were answered");
    let (is_open, _opened) = mpsc::channel();
    for client in &mut clients {
        client.follow(program.address(client.transport.lane()), top, &is_open);
    }
    epochs.dedup();
    assert_eq!(epochs.len(), 1, "the epoch goes on: {epochs:?}");
    let all = next.load(Ordering::Relaxed);
    assert_eq!(answers.len() as u64, all, "each was answered in the end");
    assert_eq!(top, all, "none is there twice");
    for client in &clients {
        let offsets = client.seen.iter().map(|(offset, _)| *offset);
        assert!(
            offsets.eq(1..=top),
            "{:?}: a gap, or one twice",
            client.transport
        );
        for (offset, n) in &client.seen {
            assert_eq!(answers[n], *offset, "{:?}", client.transport);
        }
    }
    eprintln!("{kills} kills, {top} publications: none lost, none doubled");
}

#[test]
fn a_stop_keeps_everything_and_the_answer_says_what_it_survives() {
    let folder = Folder::new("durable-stop");
    let data = folder.path().to_str().unwrap();
    let body = br#"{"event":"tick","data":1,"id":"m1"}"#;
    let target = "/api/channels/cache-a/publications";
    for (mode, kept) in [("--durable", "committed"), ("--durable=early", "early")] {
        let mut program = Program::start(&durable(data, &[mode]));
        let answer = program.http("main").post(target, body).json();
        assert_eq!(answer["kept"], kept);
        assert_eq!(answer["offset"], 1, "once for both");
        program.stop(libc::SIGTERM);
    }
    let mut program = Program::start(&durable(data, &["--durable=off"]));
    let answer = program.http("main").post(target, body).json();
    assert_eq!(
        answer.get("kept"),
        None,
        "and nothing where nothing is kept"
    );
    program.stop(libc::SIGTERM);
    let program = Program::start(&durable(data, &["--durable"]));
    let history = program
        .http("main")
        .get("/api/channels/cache-a/history")
        .json();
    assert_eq!(history["publications"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_disk_that_is_full_refuses_publications_and_says_what_to_do() {
    let folder = Folder::new("durable-full");
    let data = folder.path().to_str().unwrap();
    let mut limited = command(&durable(data, &["--durable"]));
    // The store doubles its file.
    limit_files(&mut limited, 4 << 20);
    let program = Program::of(limited).unwrap();
    let mut http = program.http("main");
    let target = "/api/channels/news/publications";
    let text = "x".repeat(60_000);
    let mut kept = 0;
    let refused = loop {
        let body = json!({"event": "tick", "data": text, "id": kept.to_string()}).to_string();
        let answer = http.post(target, body.as_bytes());
        if answer.status != 200 {
            break answer;
        }
        kept += 1;
        assert!(kept < 1_000, "4 MiB are never full");
        // Histories are smaller than the file may be.
        let other = format!("/api/channels/n{kept}/publications");
        assert!([200, 503].contains(&http.post(&other, body.as_bytes()).status));
    };
    assert_eq!(
        (refused.status, &*refused.error_code()),
        (503, "cannot_keep")
    );
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert!(refused.text().contains("same id") && refused.text().contains("data folder"));
    let history = http.get("/api/channels/news/history").json();
    let there = history["publications"].as_array().map(Vec::len);
    assert_eq!(there, Some(kept.min(17)), "what is there is still read");
    assert_eq!(http.get("/healthz").status, 200);
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_the_way_out_and_exit_code_74() {
    let folder = Folder::new("durable-damaged");
    let data = folder.path().to_str().unwrap();
    let arguments = durable(data, &["--durable"]);
    let mut program = Program::start(&arguments);
    let refused = |way_out: &str| {
        let output = command(&arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(74), "{said}");
        assert!(
            said.contains("kept.redb") && said.contains(way_out),
            "{said}"
        );
    };
    refused("in use by another pushlab: stop that one");
    program.stop(libc::SIGTERM);
    let file = folder.file("kept.redb");
    let mut bytes = fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes.truncate(half);
    fs::write(&file, bytes).unwrap();
    refused("move it away to begin anew");
}
