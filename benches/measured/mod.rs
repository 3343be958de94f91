//! What the benches that drive the whole program share: a run of the built `pushlab`, and what it
//! says of itself. Not here: what a run is (`src/run`).

use std::{
    fs, io,
    process::{Command, Stdio},
};

use serde_json::Value;

/// Exit codes of a run that was carried out: 4 says that delays are not to be believed, which is
/// printed beside them.
const CARRIED_OUT: [i32; 2] = [0, 4];

/// Runs `pushlab run --json` with these arguments, progress on standard error.
pub fn run(arguments: &[&str]) -> io::Result<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_pushlab"))
        .args(["run", "--json", "--no-save"])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()?;
    match output.status.code() {
        Some(code) if CARRIED_OUT.contains(&code) => {
            serde_json::from_slice(&output.stdout).map_err(io::Error::other)
        }
        code => Err(io::Error::other(format!("pushlab run ended with {code:?}"))),
    }
}

/// A figure of a row; `None` where it is not one.
pub fn figure(lane: &Value, name: &str) -> Option<f64> {
    lane["measured"][name]["value"].as_f64()
}

/// What else the machine does, which belongs beside every figure.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = text.split(' ').next().unwrap_or_default();
    match load {
        "" => "load average unknown".to_owned(),
        load => format!("load average {load}"),
    }
}

/// Why the delays are not to be believed.
pub fn objections(result: &Value) -> Vec<&str> {
    let objections = result["generator"]["objections"].as_array();
    let objections = objections.map(Vec::as_slice).unwrap_or_default();
    objections.iter().filter_map(Value::as_str).collect()
}
