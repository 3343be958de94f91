//! When a run is not to be believed (doubts) and when the server has done wrong (failure); see
//! `measurement.md`, "Validity gate". A doubted run is shown with its doubts beside it, counted in
//! the summary, and not left out: leaving out is a choice for the reader.

use serde_json::Value;

use crate::report::number_at;

const LOAD_CPU_PERCENT_MAX: f64 = 70.0;
const LAG_P99_US_MAX: f64 = 1_000.0;
/// How much of the interval a process may wait for its core. A server kept off its core is worse
/// than noise: it finds more queued when it comes back, coalesces more and looks cheaper.
const WAITED_PERCENT_MAX: f64 = 2.0;
const DELIVERED_SHARE_MIN: f64 = 0.99;
/// A server that rests more than this is not what limits a closed loop.
const SERVER_CPU_PERCENT_MIN: f64 = 90.0;

/// Doubts about what a delivery cost, from the findings of one run.
pub fn cost_doubts(run: &Value) -> Vec<String> {
    let is_busy = number_at(run, "/load_cpu_percent") > LOAD_CPU_PERCENT_MAX;
    let busy = is_busy.then(|| "load CPU > 70 %".to_owned());
    busy.into_iter().chain(core_doubts(run)).collect()
}

/// Doubts about the rate of a closed loop: others on the cores, or a server that had time to rest.
/// How busy the load is does not matter as long as the server always has the next request.
pub fn rate_doubts(run: &Value) -> Vec<String> {
    let rests = number_at(run, "/server_cpu_percent") < SERVER_CPU_PERCENT_MIN;
    let rests = rests.then(|| "server CPU < 90 %, the load limits".to_owned());
    rests.into_iter().chain(core_doubts(run)).collect()
}

fn core_doubts(run: &Value) -> Vec<String> {
    let limits = [
        (
            "/server_waited_percent",
            WAITED_PERCENT_MAX,
            "others on the server's core",
        ),
        (
            "/load_waited_percent",
            WAITED_PERCENT_MAX,
            "others on the load's core",
        ),
    ];
    let passed = limits
        .iter()
        .filter(|(at, limit, _)| number_at(run, at) > *limit);
    passed.map(|(_, _, doubt)| (*doubt).to_owned()).collect()
}

/// Doubts about the delays only: what is published a few milliseconds late costs no less to deliver.
pub fn delay_doubts(run: &Value) -> Vec<String> {
    let is_late = number_at(run, "/lag_us/p99") > LAG_P99_US_MAX;
    is_late
        .then(|| "delays: lag p99 > 1 ms".to_owned())
        .into_iter()
        .collect()
}

/// The doubt that the server did not keep up with the schedule, so that its cost is that of overload.
pub fn falls_behind(deliveries_due_per_s: u64, run: &Value) -> Option<String> {
    let share = number_at(run, "/delivered_per_s") / deliveries_due_per_s as f64;
    (share < DELIVERED_SHARE_MIN).then(|| "delivered < 99 % of schedule".to_owned())
}

/// What must never happen: offsets passed over (lost) or not there when the wait for stragglers ended
/// (missing), repeats, closes, errors, sockets gone.
pub fn failure(run: &Value) -> Option<String> {
    let mut faults: Vec<String> = ["lost", "missing", "repeated", "closed", "errors", "gone"]
        .into_iter()
        .filter(|fault| run[fault] != 0)
        .map(|fault| format!("{fault} {}", run[fault]))
        .collect();
    faults.extend(
        run["first_fault"]
            .as_str()
            .map(|fault| format!("the first: {fault}")),
    );
    (!faults.is_empty()).then(|| faults.join(", "))
}
