//! What a run's workloads do to the clients: who publishes, what polls ask for, two nodes, outages,
//! blobs, conditions that cut. Books, bytes and mechanisms; no delay is asserted, for the machine
//! may be busy.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pushlab"))
        .args(["run", "--json", "--no-save"])
        .args(arguments)
        .output()
        .expect("the program starts")
}

/// Its lanes, in the order of the lanes' list.
fn lanes(arguments: &[&str]) -> Vec<Value> {
    let output = run(arguments);
    // Done, or done on a busy machine.
    assert!(
        [Some(0), Some(4)].contains(&output.status.code()),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
    report["lanes"].as_array().expect("lanes").clone()
}

fn measured(lane: &Value, figure: &str) -> f64 {
    let value = &lane["measured"][figure]["value"];
    value.as_f64().unwrap_or_else(|| panic!("{figure}: {lane}"))
}

fn predicted(lane: &Value, figure: &str) -> f64 {
    let value = &lane["predicted"][figure]["value"];
    value.as_f64().unwrap_or_else(|| panic!("{figure}: {lane}"))
}

fn remarks(lane: &Value) -> String {
    lane["remarks"].to_string()
}

#[test]
fn clients_publish_by_their_own_way_up_and_hear_themselves() {
    let lanes = lanes(&[
        "--lanes=short-poll,long-poll,sse,websocket",
        "--publish-by=clients",
        "--clients=3",
        "--rate=30",
        "--duration=1s",
        "--warm-up=0s",
        "--poll-interval=50ms",
        "--round-trip=10ms",
    ]);
    assert_eq!(lanes.len(), 4);
    for lane in &lanes {
        for whole in ["delivery_ratio", "echo_ratio", "arrived_ratio"] {
            assert_eq!(measured(lane, whole), 1.0, "{whole}: {lane}");
        }
        for none in ["duplicates", "order_violations", "failures"] {
            assert_eq!(measured(lane, none), 0.0, "{none}: {lane}");
        }
    }
    // What goes up beside polls has the polls among it; these two send publications alone.
    for lane in &lanes[2..] {
        for figure in [
            "up_header_bytes",
            "up_framing_bytes",
            "up_bytes_per_publication",
        ] {
            let apart = measured(lane, figure) - predicted(lane, figure);
            assert!(apart.abs() < 0.01, "{figure}: {lane}");
        }
    }
    // One socket for both ways; a second connection for posts.
    assert_eq!(measured(&lanes[3], "connections_opened"), 3.0);
    assert_eq!(measured(&lanes[2], "connections_opened"), 6.0);
}

#[test]
fn a_poll_for_the_state_is_told_304_when_it_has_it() {
    let lanes = lanes(&[
        "--lanes=short-poll",
        "--poll-for=changed-state",
        "--clients=4",
        "--rate=2",
        "--poll-interval=50ms",
        "--warm-up=600ms",
        "--duration=2s",
        "--size=3000",
    ]);
    let lane = &lanes[0];
    assert_eq!(measured(lane, "delivery_ratio"), 1.0);
    assert_eq!(measured(lane, "duplicates"), 0.0);
    assert!(measured(lane, "empty_ratio") > 0.8, "{lane}");
    let apart = measured(lane, "bytes_per_request") - predicted(lane, "bytes_per_request");
    assert!(apart.abs() < 10.0, "{apart}: {lane}");
    assert!(measured(lane, "bytes_per_request") < 1_000.0);
}

#[test]
fn without_a_backplane_only_the_first_nodes_clients_hear() {
    let lanes = lanes(&[
        "--lanes=all",
        "--nodes=2",
        "--clients=4",
        "--rate=5",
        "--poll-interval=50ms",
        "--warm-up=500ms",
        "--duration=1s",
        "--drain=1s",
    ]);
    for lane in &lanes {
        assert_eq!(measured(lane, "delivery_ratio"), 0.5, "{lane}");
        assert_eq!(predicted(lane, "delivery_ratio"), 0.5);
    }
}

#[test]
fn a_killed_nodes_clients_come_over_to_the_other() {
    let lanes = lanes(&[
        "--lanes=short-poll,sse,websocket,socketio-websocket",
        "--nodes=2",
        "--kill-node-at=1s",
        "--resume=both",
        "--clients=4",
        "--rate=10",
        "--poll-interval=50ms",
        "--warm-up=200ms",
        "--duration=3s",
        "--drain=2s",
    ]);
    for lane in &lanes {
        let ratio = measured(lane, "delivery_ratio");
        match lane["resume"].as_bool().expect("a row says so") {
            true => assert_eq!(ratio, 1.0, "{lane}"),
            false => assert!(ratio > 0.5 && ratio < 1.0, "{lane}"),
        }
        let bytes = &lane["measured"]["bytes_per_publication"];
        assert!(bytes["invalid"].is_string(), "{lane}");
    }
}

#[test]
fn a_session_that_meets_another_node_is_unknown_there() {
    let lanes = lanes(&[
        "--lanes=socketio-polling",
        "--nodes=2",
        "--balance=alternate",
        "--arrive-within=500ms",
        "--clients=2",
        "--rate=5",
        "--duration=500ms",
        "--drain=0s",
    ]);
    let lane = &lanes[0];
    assert_eq!(measured(lane, "arrived_ratio"), 0.0);
    assert!(measured(lane, "refusals") >= 2.0, "{lane}");
    assert!(remarks(lane).contains("Session ID unknown"), "{lane}");
    assert!(remarks(lane).contains(" 400 "), "{lane}");
}

#[test]
fn everybody_is_back_after_an_outage_and_has_it_all() {
    let lanes = lanes(&[
        "--lanes=short-poll,sse,websocket,socketio-websocket",
        "--outage-at=500ms",
        "--outage-for=500ms",
        "--back-off=jitter",
        "--back-off-first=100ms",
        "--clients=10",
        "--rate=10",
        "--poll-interval=100ms",
        "--duration=2s",
        "--warm-up=200ms",
    ]);
    for lane in &lanes {
        assert_eq!(measured(lane, "returned_ratio"), 1.0, "{lane}");
        assert_eq!(measured(lane, "delivery_ratio"), 1.0, "{lane}");
        assert!(measured(lane, "tries") > 10.0, "{lane}");
        let came = lane["charts"]["comeback"].as_array().expect("a chart");
        let back: u64 = came.iter().filter_map(|point| point[2].as_u64()).sum();
        assert_eq!(back, 10, "{lane}");
    }
}

#[test]
fn without_code_of_its_own_a_bare_websocket_stays_away() {
    let lanes = lanes(&[
        "--lanes=sse,websocket,channels",
        "--conditions=cut-rst after=500ms whom=present",
        "--back-off=native",
        "--clients=3",
        "--rate=10",
        "--duration=4s",
        "--warm-up=200ms",
        "--drain=0s",
    ]);
    let returned: Vec<f64> = lanes
        .iter()
        .map(|lane| measured(lane, "returned_ratio"))
        .collect();
    assert_eq!(returned, [1.0, 0.0, 1.0]);
}

#[test]
fn blobs_are_in_nobodys_books() {
    for on in ["--blob-on=same", "--blob-on=own"] {
        let lanes = lanes(&[
            "--lanes=sse,websocket,channels,socketio-websocket",
            "--blob-every=500ms",
            "--blob-size=200000",
            on,
            "--clients=2",
            "--rate=10",
            "--duration=1s",
            "--warm-up=200ms",
        ]);
        for lane in &lanes {
            assert_eq!(measured(lane, "delivery_ratio"), 1.0, "{on}: {lane}");
            assert_eq!(measured(lane, "failures"), 0.0, "{on}: {lane}");
            let is_large = measured(lane, "bytes_per_publication") > 10_000.0;
            assert_eq!(is_large, on == "--blob-on=same", "{lane}");
        }
    }
}

/// A lab that ends with the test.
struct Lab(Child);

impl Drop for Lab {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn sizes_that_a_lab_does_not_take_are_said_before_the_run() {
    let lab = Command::new(env!("CARGO_BIN_EXE_pushlab"))
        .args(["serve", "--port", "0", "--json", "--log", "error"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lab = Lab(lab);
    let mut line = String::new();
    let out = lab.0.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut line).expect("a line");
    let started: Value = serde_json::from_str(&line).expect("JSON");
    let listening = started["listening"].as_array().expect("lanes");
    let main = listening.iter().find(|lane| lane["lane"] == "main");
    let url = main.expect("a main lane")["url"].as_str().expect("a URL");
    let output = run(&["--target", url, "--size", "100000", "--duration", "1s"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("--body-max-bytes"), "{said}");
}
