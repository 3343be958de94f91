//! `pushlab run` end to end: the built binary starts a lab, measures it and says what came out.
//!
//! What is asserted are books, bytes and exit codes; no delay is, for the machine may be busy. A
//! busy machine makes a result invalid (exit code 4), which is as good here as a valid one.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Command, Output},
    time::{Duration, Instant},
};

use pushlab::{
    catalogue::{Fetching, LANES},
    experiments,
};
use serde_json::Value;

use crate::support::folder::Folder;

/// Exit codes of a run that was carried out.
const CARRIED_OUT: [i32; 2] = [0, 4];
const FAILED_A_THRESHOLD: i32 = 3;
const BAD_PLAN: i32 = 2;
const UNREACHABLE: i32 = 69;

pub fn pushlab(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pushlab"));
    command
        .args(arguments)
        // Results are saved, and not among those of whoever runs the tests.
        .env("PUSHLAB_DATA_DIR", env!("CARGO_TARGET_TMPDIR"));
    if arguments[0] == "run" {
        // Many tests run side by side: with cores of their own all would be on the same ones.
        command.args(["--pin", "off", "--keep-awake", "off"]);
    }
    command.output().expect("the program starts")
}

/// A short run of every lane.
fn short(more: &[&str]) -> Output {
    let mut arguments = vec!["run", "--clients", "3", "--rate", "10", "--duration", "2s"];
    arguments.extend(["--warm-up", "300ms", "--poll-interval", "100ms"]);
    arguments.extend(more);
    pushlab(&arguments)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

pub fn result(output: &Output) -> Value {
    assert!(
        CARRIED_OUT.contains(&code(output)),
        "{}",
        text(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("JSON is alone on standard output")
}

#[test]
fn every_lane_delivers_everything_once_and_in_order() {
    let result = result(&short(&["--json"]));
    let lanes = result["lanes"].as_array().unwrap();
    let names: Vec<_> = lanes
        .iter()
        .map(|lane| lane["lane"].as_str().unwrap())
        .collect();
    let known: Vec<_> = LANES.iter().map(|lane| lane.id.0).collect();
    assert_eq!(names, known);
    for lane in lanes {
        let figure = |name: &str| lane["measured"][name]["value"].as_f64();
        assert_eq!(
            figure("n"),
            Some(60.0),
            "3 clients, 20 publications: {lane}"
        );
        assert_eq!(figure("delivery_ratio"), Some(1.0), "{lane}");
        for none in [
            "gaps",
            "duplicates",
            "order_violations",
            "failures",
            "drops",
        ] {
            assert_eq!(figure(none), Some(0.0), "{none}: {lane}");
        }
        // What streams down needs a second connection for what the client says.
        let connections = match lane["lane"].as_str() {
            Some("channels-streaming") => 6.0,
            _ => 3.0,
        };
        assert_eq!(figure("connections_opened"), Some(connections), "{lane}");
        assert_eq!(lane["predicted"]["delivery_ratio"]["value"], 1.0);
        // Where the few of the warm-up told what the machine adds, the median is a value; where they
        // were disturbed it is a bound, as the tail is, but of what mostly waits.
        let kind = |name: &str| {
            let of = lane["predicted"][name].as_object().unwrap();
            let kinds = ["value", "at_least", "at_most"];
            kinds.into_iter().find(|kind| of.contains_key(*kind))
        };
        let (typical, tail) = match (lane["lane"].as_str(), lane["processing"].is_object()) {
            (Some("short-poll"), _) => ("value", "value"),
            (_, true) => ("value", "at_least"),
            (_, false) => ("at_least", "at_least"),
        };
        assert_eq!(kind("p50_us"), Some(typical), "{lane}");
        assert_eq!(kind("p99_us"), Some(tail), "{lane}");
    }
}

#[test]
fn each_row_keeps_one_exchange_and_its_size_is_what_the_lane_counted() {
    // From the tenth publication on polls for the latest state are all alike, so the mean is the
    // size of each; but where a poll is on its way when measuring begins or ends.
    const TRIES: usize = 4;
    let apart: Vec<_> = (0..TRIES).map_while(|_| apart_from_counted()).collect();
    assert!(apart.len() < TRIES, "{apart:?}");
}

/// The size of the short poll that was kept, and of all on average, unless they are the same.
fn apart_from_counted() -> Option<(f64, f64)> {
    let arguments = "run --json --clients 3 --rate 10 --duration 2s --warm-up 1200ms \
                     --poll-interval 100ms --poll-for state \
                     --lanes short-poll,long-poll,sse,websocket";
    let result = result(&pushlab(&arguments.split_whitespace().collect::<Vec<_>>()));
    let lane = |name: &str| {
        let lanes = result["lanes"].as_array().unwrap();
        lanes.iter().find(|lane| lane["lane"] == name).unwrap()
    };
    let head = |name: &str, side: &str| {
        let head = &lane(name)["example"][side];
        let lines = head["lines"].as_array().expect(name).clone();
        let sum: u64 = lines.iter().map(|l| l["bytes"].as_u64().unwrap()).sum();
        assert_eq!(head["bytes"].as_u64(), Some(sum), "{name} {side}: {head}");
        assert_eq!(lines.last().unwrap()["text"], "", "{name} {side}");
        (sum, lines[0]["text"].as_str().unwrap().to_owned())
    };
    let (asked, question) = head("short-poll", "request");
    let (answered, answer) = head("short-poll", "answer");
    assert!(question.starts_with("GET /short-poll/"), "{question}");
    assert_eq!(answer, "HTTP/1.1 200 OK");
    let (_, question) = head("websocket", "request");
    let (_, answer) = head("websocket", "answer");
    assert!(question.starts_with("GET /ws/"), "{question}");
    assert_eq!(answer, "HTTP/1.1 101 Switching Protocols");
    for name in ["long-poll", "sse"] {
        assert!(head(name, "request").1.starts_with("GET /"), "{name}");
        assert_eq!(head(name, "answer").1, "HTTP/1.1 200 OK", "{name}");
    }
    let counted = &lane("short-poll")["measured"]["header_bytes_per_request"]["value"];
    let (kept, counted) = ((asked + answered) as f64, counted.as_f64().unwrap());
    (kept != counted).then_some((kept, counted))
}

/// Lanes whose bytes per publication are known to the byte before a run: each publication has a
/// message, or a poll, of its own. A short poll takes what there is, so of it the sum is known
/// given the answers (`unexplained_bytes`), and the mean only as far as theory knows how many
/// publications share one.
fn known_before() -> impl Iterator<Item = &'static str> {
    let all = LANES.iter();
    let known = all.filter(|lane| lane.fetching != Fetching::ShortPolls);
    known.map(|lane| lane.id.0)
}

#[test]
fn bytes_are_as_predicted_to_the_byte_and_lane_and_kernel_agree() {
    // From the eleventh publication on: offsets of two digits, so that means are whole numbers.
    // On a machine that is busy two publications may share a poll, or a chunk, which is no fault
    // of the formula: a row must be exact in one of some tries. A wrong formula is wrong in all.
    const TRIES: usize = 6;
    let mut wrong: Option<BTreeMap<String, String>> = None;
    for _ in 0..TRIES {
        let result = result(&pushlab(&[
            "run",
            "--json",
            "--lanes",
            "all",
            "--resume",
            "both",
            "--clients",
            "2",
            "--rate",
            "4",
            "--duration",
            "2s",
            "--warm-up",
            "2500ms",
            "--poll-interval",
            "250ms",
            "--size",
            "64",
        ]));
        let mut now = differences(&result);
        if let Some(before) = &wrong {
            now.retain(|row, _| before.contains_key(row));
        }
        if now.is_empty() {
            return;
        }
        wrong = Some(now);
    }
    panic!("{wrong:#?}");
}

/// The rows whose bytes are not what they must be, and how.
fn differences(result: &Value) -> BTreeMap<String, String> {
    let mut wrong: BTreeMap<String, String> = BTreeMap::new();
    let lanes = result["lanes"].as_array().unwrap();
    assert_eq!(lanes.len(), 2 * LANES.len(), "with resume and without");
    for lane in lanes {
        let reasons = lane["invalid"].to_string();
        assert!(!reasons.contains("kernel"), "{reasons}");
        let measured = |name: &str| lane["measured"][name]["value"].as_f64();
        let predicted = |name: &str| lane["predicted"][name]["value"].as_f64();
        let row = lane["row"].as_str().unwrap();
        let mut say = |what: String| *wrong.entry(row.to_owned()).or_default() += &what;
        if measured("unexplained_bytes") != Some(0.0) {
            let unexplained = &lane["measured"]["unexplained_bytes"];
            say(format!("unexplained {unexplained}; "));
        }
        if !known_before().any(|known| lane["lane"] == known) {
            continue;
        }
        for name in [
            "bytes_per_publication",
            "header_bytes",
            "framing_bytes",
            "envelope_bytes",
            "payload_bytes",
        ] {
            // The mean of whole numbers; what is beyond the sixth digit is the computer's.
            let apart = measured(name).zip(predicted(name));
            if apart.is_none_or(|(measured, predicted)| (measured - predicted).abs() > 1e-6) {
                say(format!("{name} {apart:?}; "));
            }
        }
    }
    wrong
}

#[test]
fn a_percentile_of_too_few_samples_is_no_number() {
    let output = short(&["--json", "--lanes", "websocket"]);
    let p99 = &result(&output)["lanes"][0]["measured"]["p99_us"];
    assert!(p99["value"].is_null());
    let said = p99["invalid"].as_str().unwrap();
    assert!(
        said.contains("too few") || said.contains("publications were"),
        "{said}"
    );
}

#[test]
fn a_result_holds_what_is_needed_to_repeat_it() {
    let result = result(&short(&["--json", "--lanes", "sse", "--seed", "77"]));
    assert_eq!(result["plan"]["seed"], 77);
    assert_eq!(result["plan"]["duration"], "2s");
    assert_eq!(result["server"]["version"], pushlab::VERSION);
    assert!(result["server"]["host"]["kernel"].is_string());
    assert!(result["server"]["settings"]["workers"].is_number());
    assert!(result["fairness"].as_array().unwrap().len() > 5);
    assert_eq!(result["partial"], false);
    assert_eq!(result["generator"]["kept_awake"], false, "as asked");
}

#[test]
fn a_tunnel_loses_its_share_without_resume_and_nothing_with() {
    let output = pushlab(&[
        "run",
        "--json",
        "--clients",
        "3",
        "--rate",
        "10",
        "--poll-interval",
        "100ms",
        "--resume",
        "both",
        "--tunnel-every",
        "1s",
        "--tunnel-away",
        "200ms",
        "--duration",
        "3s",
        "--warm-up",
        "0s",
    ]);
    let result = result(&output);
    let lanes = result["lanes"].as_array().unwrap();
    let resumed = lanes.iter().filter(|lane| lane["resume"] == true);
    assert_eq!(
        resumed.count(),
        LANES.len(),
        "every lane can; Channels by the lab's extension"
    );
    for lane in lanes {
        let ratio = lane["measured"]["delivery_ratio"]["value"]
            .as_f64()
            .unwrap();
        match lane["resume"].as_bool().unwrap() {
            true => assert_eq!(ratio, 1.0, "{lane}"),
            // How much depends on how soon the machine lets it come back: all of it, if it never does.
            false => assert!(ratio < 1.0, "{lane}"),
        }
        assert_eq!(lane["measured"]["duplicates"]["value"], 0.0, "{lane}");
        assert!(lane["measured"]["connections_opened"]["value"].as_f64() > Some(6.0));
    }
}

#[test]
fn in_turn_the_servers_cost_is_known_per_lane() {
    let result = result(&short(&[
        "--json",
        "--lanes",
        "sse,websocket",
        "--order",
        "in-turn",
    ]));
    // Both ran in one process: what the first left there is in the second one's memory.
    let memory = |lane: usize| &result["lanes"][lane]["measured"]["server_memory_per_client_bytes"];
    assert!(memory(0)["value"].is_number(), "{}", memory(0));
    let why = memory(1)["invalid"].as_str().unwrap_or_default();
    assert!(why.contains("earlier pass"), "{}", memory(1));
    for lane in result["lanes"].as_array().unwrap() {
        assert_eq!(lane["measured"]["delivery_ratio"]["value"], 1.0);
        let cost = &lane["measured"]["server_cpu_us_per_delivery"];
        assert!(
            cost["value"].is_number() || cost["invalid"].is_string(),
            "{lane}"
        );
    }
}

#[test]
fn every_form_is_written_and_a_saved_result_is_shown_again() {
    let folder = Folder::new("every-form");
    let [csv, html, markdown, saved] = ["csv", "html", "md", "json"].map(|name| folder.file(name));
    let path = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let (csv_to, html_to, markdown_to, saved_to) =
        (path(&csv), path(&html), path(&markdown), path(&saved));
    let output = short(&[
        "--lanes",
        "sse",
        "--csv",
        &csv_to,
        "--html",
        &html_to,
        "--markdown",
        &markdown_to,
        "--save",
        &saved_to,
    ]);
    assert!(
        CARRIED_OUT.contains(&code(&output)),
        "{}",
        text(&output.stderr)
    );
    let table = text(&output.stdout);
    assert!(
        table.contains("predicted") && table.contains("100 %"),
        "{table}"
    );
    assert!(
        fs::read_to_string(&csv)
            .unwrap()
            .contains("sse,sse,sse,plain,n,")
    );
    let page = fs::read_to_string(&html).unwrap();
    assert!(page.contains("<svg") && !page.contains("<script"));
    assert!(
        fs::read_to_string(&markdown)
            .unwrap()
            .contains("| Server-sent events |")
    );
    let again = pushlab(&["report", &saved_to]);
    assert_eq!(text(&again.stdout), table);
    assert_eq!(code(&again), code(&output));
    let against_itself = pushlab(&["report", &saved_to, "--baseline", &saved_to]);
    assert_eq!(code(&against_itself), code(&output));
}

#[test]
fn the_readmes_table_is_one_command_and_names_it() {
    let output = pushlab(&[
        "run",
        "--rate",
        "10",
        "--size",
        "60",
        "--clients",
        "2",
        "--duration",
        "1s",
        "--warm-up",
        "1s",
        "--lanes",
        "sse,long-poll",
        "--markdown",
    ]);
    let table = text(&output.stdout);
    assert!(CARRIED_OUT.contains(&code(&output)), "{table}");
    assert!(table.contains("| Server-sent events |"), "{table}");
    assert!(table.contains("| 245 B (245 B) |"), "{table}");
    assert!(
        table.contains("`pushlab run --clients 2 --duration 1s --keep-awake off --lanes"),
        "{table}"
    );
}

#[test]
fn a_condition_that_is_met_fails_the_run() {
    let failed = short(&["--lanes", "sse", "--fail-on", "sse.n < 1000"]);
    assert_eq!(
        code(&failed),
        FAILED_A_THRESHOLD,
        "{}",
        text(&failed.stderr)
    );
    assert!(text(&failed.stderr).contains("sse.n < 1000"));
    let unknown = short(&["--lanes", "sse", "--fail-on", "websocket.n < 1000"]);
    assert_eq!(code(&unknown), BAD_PLAN, "{}", text(&unknown.stderr));
    assert!(text(&unknown.stderr).contains("there are sse"));
}

#[test]
fn plans_come_from_a_file_and_flags_count_first() {
    let folder = Folder::new("plan");
    let plan = folder.write(
        "plan.toml",
        "lanes = 'websocket'\nclients = 2\nrate = 10.0\nduration = '1s'\nwarm_up = '0s'\nseed = 5\n",
    );
    let result = result(&pushlab(&["run", &plan, "--json", "--seed", "6"]));
    assert_eq!(result["plan"]["seed"], 6);
    assert_eq!(result["lanes"][0]["measured"]["n"]["value"], 20.0);
}

#[test]
fn impossible_plans_are_refused_before_anything_starts() {
    for (arguments, said) in [
        (&["--rate", "0"][..], "rate is 0"),
        (&["--rate", "-1"], "rate is -1"),
        (&["--lanes", "pigeon"], "\"pigeon\" is no lane"),
        (&["--duration", "-5s"], "--duration"),
        (&["--fail-on", "soon"], "websocket.p99 > 20ms"),
        (&["/nowhere/plan.toml"], "/nowhere/plan.toml"),
    ] {
        let mut all = vec!["run"];
        all.extend(arguments);
        let output = pushlab(&all);
        assert_eq!(code(&output), BAD_PLAN, "{arguments:?}");
        assert!(
            text(&output.stderr).contains(said),
            "{}",
            text(&output.stderr)
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn more_clients_than_descriptors_are_refused_by_name() {
    // As many as this shell may open, whatever the machine allows.
    let line = format!(
        "ulimit -n 500 && exec '{}' run --clients 250 --lanes sse,channels-streaming",
        env!("CARGO_BIN_EXE_pushlab")
    );
    let output = Command::new("sh").args(["-c", &line]).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(code(&output), BAD_PLAN, "{said}");
    assert!(
        said.contains("clients is 250") && said.contains("ulimit -n 850"),
        "{said}"
    );
}

#[test]
fn ctrl_c_ends_a_run_with_a_partial_report() {
    let lab = Elsewhere::start(&[]);
    let run = Command::new(env!("CARGO_BIN_EXE_pushlab"))
        .args([
            "run",
            "--no-save",
            "--json",
            "--target",
            &lab.url,
            "--lanes",
            "sse,short-poll",
            "--clients",
            "2",
        ])
        .args(["--rate", "20", "--warm-up", "0s", "--duration", "10m"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    while lab.delivered() < 10 {
        assert!(Instant::now() < deadline, "nothing is delivered");
        std::thread::yield_now();
    }
    // SAFETY: a signal to a child that has not been waited for, so that its number is its own.
    assert_eq!(unsafe { libc::kill(run.id() as i32, libc::SIGINT) }, 0);
    let output = run.wait_with_output().unwrap();
    let report = result(&output);
    assert_eq!(report["partial"], true);
    let lane = &report["lanes"][0]["measured"];
    assert!(lane["n"]["value"].as_f64() >= Some(5.0), "{lane}");
    for lane in report["lanes"].as_array().unwrap() {
        assert_eq!(
            lane["measured"]["delivery_ratio"]["value"], 1.0,
            "what was published came, though a poll was yet to be made for it: {}",
            lane["lane"]
        );
    }
}

#[test]
fn what_cannot_be_reached_or_written_is_said_before_the_run() {
    // Nothing listens on port 1, and nobody may who is not the system.
    for (arguments, exits, said) in [
        (
            ["--target", "http://127.0.0.1:1"],
            UNREACHABLE,
            "target is http://127.0.0.1:1",
        ),
        (
            ["--target", "http://lab.invalid"],
            UNREACHABLE,
            "target is http://lab.invalid",
        ),
        (
            ["--target", "pusher://k:s3cret@127.0.0.1:1?app=1"],
            UNREACHABLE,
            "target is pusher://k:…@",
        ),
        (
            ["--target", "socketio://127.0.0.1:1"],
            UNREACHABLE,
            "target is socketio://127.0.0.1:1",
        ),
        (["--target", "somewhere"], BAD_PLAN, "http://127.0.0.1:8080"),
        (["--html", "/nowhere/run.html"], 1, "cannot be written"),
        (["--baseline", "/nowhere/run.json"], 1, "cannot be read"),
    ] {
        let output = short(&arguments);
        let errors = text(&output.stderr);
        assert_eq!(code(&output), exits, "{arguments:?}: {errors}");
        assert!(
            errors.contains(said) && !errors.contains("s3cret"),
            "{errors}"
        );
    }
}

/// A lab of this very build, ended with the test.
struct Elsewhere {
    child: std::process::Child,
    url: String,
}

impl Elsewhere {
    fn start(flags: &[&str]) -> Self {
        use std::io::{BufRead, BufReader};
        let mut child = Command::new(env!("CARGO_BIN_EXE_pushlab"))
            .args(["serve", "--port", "0", "--json", "--log", "error"])
            .args(flags)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .expect("it says where it listens");
        let said: Value = serde_json::from_str(&line).expect("its first line is JSON");
        let url = said["listening"][0]["url"].as_str().unwrap().to_owned();
        Self { child, url }
    }
}

impl Elsewhere {
    /// Publications that the lab has delivered so far.
    fn delivered(&self) -> u64 {
        use std::io::{Read, Write};
        let host = self.url.trim_start_matches("http://");
        let mut socket = std::net::TcpStream::connect(host).expect("the lab listens");
        write!(
            socket,
            "GET /api/stats HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("the lab answers");
        let body = answer.split_once("\r\n\r\n").expect("a head ends").1;
        let stats: Value = serde_json::from_str(body).expect("stats are JSON");
        let series = stats["series"].as_array().unwrap().iter();
        series
            .filter_map(|series| series["publications_delivered_total"].as_u64())
            .sum()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// RFC 7468 §2, on one long line.
fn pem(label: &str, der: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let body = BASE64_STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

#[test]
fn a_lab_elsewhere_is_measured_by_tls_when_its_certificate_is_trusted() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let made = made.unwrap();
    let folder = Folder::new("trusted");
    let private = made.signing_key.serialize_der();
    let cert_path = &folder.write("cert.pem", pem("CERTIFICATE", made.cert.der()));
    let key_path = &folder.write("key.pem", pem("PRIVATE KEY", &private));
    let lab = Elsewhere::start(&["--tls-cert", cert_path, "--tls-key", key_path]);
    let lanes = "long-poll,sse,websocket,socketio-websocket";
    let target = ["--json", "--target", &lab.url, "--lanes", lanes];
    for trusted in [&["--ca", cert_path][..], &["--insecure"]] {
        let result = result(&short(&[&target[..], trusted].concat()));
        for lane in result["lanes"].as_array().unwrap() {
            assert_eq!(lane["measured"]["delivery_ratio"]["value"], 1.0, "{lane}");
        }
    }
    let stranger = short(&target);
    assert_eq!(code(&stranger), UNREACHABLE);
    let said = text(&stranger.stderr);
    assert!(
        said.contains("certificate") && said.contains("--insecure"),
        "{said}"
    );
}

#[test]
fn a_plan_sets_the_servers_settings_and_a_lab_that_runs_must_have_them() {
    let set = ["--json", "--lanes", "websocket", "--server", "coalesce=off"];
    let own = result(&short(&set));
    assert_eq!(own["server"]["settings"]["coalesce"], "off");
    let measured = &own["lanes"][0]["measured"];
    assert_eq!(
        measured["writes_per_publication"]["value"], 1.0,
        "{measured}"
    );
    assert!(measured["throughput_per_s"]["value"].as_f64().unwrap() > 20.0);
    let bad = short(&["--server", "coalesce=often"]);
    assert_eq!(code(&bad), BAD_PLAN);
    assert!(
        text(&bad.stderr).contains("choose adaptive, off, tick"),
        "{}",
        text(&bad.stderr)
    );

    let lab = Elsewhere::start(&["--coalesce", "off"]);
    let there = [&set[..], &["--target", &lab.url]].concat();
    result(&short(&there));
    let other = short(&["--target", &lab.url, "--server", "coalesce=20ms"]);
    assert_eq!(code(&other), 1);
    let said = text(&other.stderr);
    assert!(said.contains("--coalesce 20ms"), "{said}");
}

#[test]
fn slow_readers_and_refused_clients_are_in_no_figure_of_the_others() {
    let result = result(&pushlab(&[
        "run",
        "--json",
        "--rate",
        "10",
        "--duration",
        "2s",
        "--warm-up",
        "300ms",
        "--lanes",
        "channels",
        "--clients",
        "101",
        "--may-be-refused",
        "1",
        "--slow-readers",
        "1",
        "--slow-bytes-per-s",
        "100000",
        "--server",
        "sandbox_plan=true",
    ]));
    let lane = &result["lanes"][0];
    let figure = |name: &str| lane["measured"][name]["value"].as_f64();
    assert_eq!(figure("subscribed"), Some(100.0), "{lane}");
    // Whoever came last was refused: the slow reader is one of those who may be.
    let counted = figure("n").unwrap() / 20.0;
    assert!(counted == 99.0 || counted == 100.0, "{lane}");
    assert_eq!(figure("delivery_ratio"), Some(1.0), "{lane}");
    assert!(figure("failures").unwrap() >= 1.0, "{lane}");
    assert!(lane["remarks"].to_string().contains("4004"), "{lane}");
}

#[test]
fn a_display_takes_the_newest_and_a_conflated_publisher_publishes_no_more() {
    let newest = result(&pushlab(&[
        "run",
        "--json",
        "--clients",
        "3",
        "--rate",
        "10",
        "--duration",
        "2s",
        "--lanes",
        "short-poll",
        "--poll-for=state",
        "--poll-interval",
        "510ms",
        "--drain",
        "1s",
    ]));
    let lane = &newest["lanes"][0];
    let figure = |lane: &Value, name: &str| lane["measured"][name]["value"].as_f64().unwrap();
    assert!(figure(lane, "delivery_ratio") < 0.6, "{lane}");
    assert!(
        lane["predicted"]["needless_ratio"]["value"].is_number(),
        "{lane}"
    );
    let conflated = ["--json", "--lanes", "websocket", "--conflate", "500ms"];
    let conflated = result(&short(&conflated));
    let lane = &conflated["lanes"][0];
    assert_eq!(figure(lane, "n"), 3.0 * 5.0, "five of twenty: {lane}");
    assert_eq!(figure(lane, "delivery_ratio"), 1.0, "{lane}");
}

#[test]
fn the_catalogue_is_listed_and_an_experiment_carried_out() {
    let list = pushlab(&["experiment", "list"]);
    let ids = experiments::ALL.iter().map(|known| known.id);
    for id in ids.chain(experiments::in_browser::ALL.iter().map(|known| known.id)) {
        let begins = format!("{id} ");
        let is_there = text(&list.stdout)
            .lines()
            .any(|line| line.starts_with(&begins));
        assert!(is_there, "{id}");
    }
    let unknown = pushlab(&["experiment", "E99"]);
    assert_eq!(code(&unknown), BAD_PLAN);
    assert!(text(&unknown.stderr).contains("experiment list"));
    let elsewhere = pushlab(&["experiment", "e21"]);
    assert_eq!(code(&elsewhere), BAD_PLAN);
    assert!(text(&elsewhere.stderr).contains("/experiments"));
    let done = pushlab(&["experiment", "E10", "--json"]);
    let result: Value = serde_json::from_slice(&done.stdout).expect("JSON alone");
    assert_eq!(result["id"], "E10");
    assert_eq!(
        result["steps"][0]["comparisons"].as_array().unwrap().len(),
        LANES.len()
    );
}

#[test]
fn a_late_pass_is_done_again_once_and_as_often_as_allowed_and_the_report_says_how_often() {
    let result = result(&short(&["--json", "--lanes", "sse", "--redo", "1"]));
    assert!(result["generator"]["redone"].as_u64().unwrap() <= 2);
    let n = result["lanes"][0]["measured"]["n"]["value"].as_f64();
    assert_eq!(n, Some(60.0), "one pass, however often it was done");
}
