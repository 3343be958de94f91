//! Ready plans, and messages of somebody's own.

use std::{env, fs, process};

use pushlab::run::plan::READY;
use serde_json::Value;

use crate::runner::pushlab;

fn result(arguments: &[&str]) -> Value {
    let output = pushlab(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    // Carried out, valid or not: other tests run beside this one.
    assert!(matches!(output.status.code(), Some(0 | 4)), "{said}");
    serde_json::from_slice(&output.stdout).expect("JSON is alone on standard output")
}

#[test]
fn every_ready_plan_runs_in_a_short_form_and_stands_in_the_help() {
    let help = pushlab(&["run", "--help"]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for ready in READY {
        assert!(help.contains(&format!("\n  {} ", ready.name)), "{help}");
        let short = "--clients 3 --rate 20 --duration 1s --warm-up 300ms --poll-interval 100ms";
        let mut arguments = vec!["run", "--plan", ready.name, "--json", "--no-save"];
        arguments.extend(short.split(' '));
        let report = result(&arguments);
        for lane in report["lanes"].as_array().unwrap() {
            let delivered = &lane["measured"]["delivery_ratio"]["value"];
            assert_eq!(delivered, 1.0, "{}: {lane}", ready.name);
        }
    }
}

#[test]
fn messages_of_ones_own_are_delivered_and_counted_to_the_byte() {
    let name = format!("pushlab-own-{}.jsonl", process::id());
    let path = env::temp_dir().join(name);
    let text = "{\"user\":\"ada\",\"text\":\"\u{e9}\"}\n\n[1, 2, 3]\n\"a longer one\"\n";
    fs::write(&path, text).unwrap();
    let file = path.display().to_string();
    let report = result(&[
        "run",
        "--json",
        "--no-save",
        "--payload",
        &file,
        "--clients=3",
        "--rate=12",
        "--duration=1s",
        "--warm-up=500ms",
        "--poll-interval=100ms",
    ]);
    for lane in report["lanes"].as_array().unwrap() {
        let measured = |name: &str| lane["measured"][name]["value"].as_f64();
        assert_eq!(measured("delivery_ratio"), Some(1.0), "{lane}");
        // Of polls whose answers had several, as on a busy machine, it is not known.
        match (measured("unexplained_bytes"), lane["lane"].as_str()) {
            (None, Some(polls)) if polls.ends_with("poll") || polls.ends_with("polling") => {}
            (unexplained, _) => assert_eq!(unexplained, Some(0.0), "{lane}"),
        }
    }
    fs::write(&path, "1\n{'a': 1}\n").unwrap();
    let refused = pushlab(&["run", "--no-save", "--payload", &file]);
    fs::remove_file(&path).unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("line 2 is no JSON value"), "{said}");
}
