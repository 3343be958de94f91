//! Saved runs, and runs that are started over HTTP: the built binary as lab and as runner, a
//! folder of files that may hold anything, and who may change what.
//!
//! No figure is asserted: the machine may be busy, and then a result is not valid.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::support::{
    self,
    folder::Folder,
    http::{Answer, Http},
};
use serde_json::{Value, json};

/// How long a short run may take on a busy machine.
const RUN_PATIENCE: Duration = Duration::from_secs(90);
/// Exit codes of a run that was carried out.
const CARRIED_OUT: [i32; 2] = [0, 4];

/// A data folder of one's own, removed in the end.
struct Data(Folder);

impl Data {
    fn new(name: &str) -> Self {
        Self(Folder::new(name))
    }

    fn runs(&self) -> PathBuf {
        self.0.file("runs")
    }

    /// Names of the files in it, sorted; hidden ones too.
    fn files(&self) -> Vec<String> {
        let Ok(found) = fs::read_dir(self.runs()) else {
            return Vec::new();
        };
        let mut names: Vec<_> = found
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn put(&self, name: &str, text: &[u8]) {
        fs::create_dir_all(self.runs()).unwrap();
        fs::write(self.runs().join(name), text).unwrap();
    }
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pushlab"));
    command.env("PUSHLAB_DATA_DIR", data);
    command.env("PUSHLAB_PRESENTER_TOKEN", support::TEST_TOKEN);
    command
}

fn short(data: &Path, more: &[&str]) -> Output {
    run(data, "1s", more)
}

fn run(data: &Path, duration: &str, more: &[&str]) -> Output {
    command(data)
        .args(["run", "--lanes", "sse", "--clients", "2", "--rate", "10"])
        .args(["--warm-up", "0s", "--duration", duration])
        .args(more)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn signal(child: &Child, signal: libc::c_int) {
    // SAFETY: `kill` touches no memory; the child is not waited for yet, so the number is its own.
    unsafe { libc::kill(child.id() as libc::pid_t, signal) };
}

/// A lab as a process, stopped in the end.
struct Lab {
    child: Child,
    main: SocketAddr,
}

impl Lab {
    fn start(data: &Data) -> Self {
        let mut child = command(data.0.path())
            .args([
                "serve",
                "--port",
                "0",
                "--json",
                "--log",
                "error",
                "--hosts",
                "lab.example",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let url = said["listening"][0]["url"].as_str().unwrap();
        let main = url.strip_prefix("http://").unwrap().parse().unwrap();
        Self { child, main }
    }

    /// As the presenter.
    fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_as(Some(support::TEST_TOKEN), method, path, body)
    }

    fn ask_as(&self, token: Option<&str>, method: &str, path: &str, body: &str) -> Answer {
        let mut http = Http::connect(self.main);
        let bearer = token.map_or_else(String::new, |token| {
            format!("authorization: Bearer {token}\r\n")
        });
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{bearer}connection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        http.connection.send(request.as_bytes()).unwrap();
        http.read_answer().unwrap()
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// Waits until a run that measures this lab has got something.
    fn wait_for_deliveries(&self, least: u64) {
        support::eventually(RUN_PATIENCE, "the run measures", || {
            let stats = self.get("/api/stats").json();
            let series = stats["series"].as_array().unwrap().iter();
            let of_runs = series.filter(|s| s["channel"].as_str().unwrap().starts_with("run-"));
            let delivered = of_runs.map(|s| s["publications_delivered_total"].as_u64().unwrap());
            delivered.sum::<u64>() >= least
        });
    }

    /// Waits for a state of the job that fulfils a condition.
    fn wait_for_job(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + RUN_PATIENCE;
        loop {
            let job = self.get("/api/runs/job").json();
            if is_it(&job) {
                return job;
            }
            assert!(Instant::now() < until, "not in time: {what}: {job}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        signal(&self.child, libc::SIGTERM);
        let _ = self.child.wait();
    }
}

// Saving

#[test]
fn a_run_is_saved_unless_told_otherwise() {
    let data = Data::new("saved");
    let output = short(data.0.path(), &["--seed", "7", "--json"]);
    assert!(CARRIED_OUT.contains(&output.status.code().unwrap()));
    let files = data.files();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files[0].ends_with("-seed7-sse.html") && files[1].ends_with("-seed7-sse.json"));
    let saved = fs::read(data.runs().join(&files[1])).unwrap();
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&saved).unwrap(), printed);
    let page = fs::read_to_string(data.runs().join(&files[0])).unwrap();
    assert!(page.contains("<svg") && !page.contains("<script"));
    let said = text(&output.stderr);
    assert!(said.contains(&files[1]), "where it is: {said}");

    short(data.0.path(), &["--no-save"]);
    assert_eq!(data.files().len(), 2, "nothing more");
}

#[test]
fn a_folder_that_takes_nothing_is_said_before_the_run() {
    let began = Instant::now();
    let output = run(Path::new("/dev/null/x"), "60s", &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("/dev/null/x/runs") && said.contains("--data-dir"),
        "{said}"
    );
    assert!(output.stdout.is_empty());
    let experiment = command(Path::new("/dev/null/x"))
        .args(["experiment", "E10"])
        .output()
        .unwrap();
    assert_eq!(experiment.status.code(), Some(2));
    assert!(began.elapsed() < RUN_PATIENCE / 2, "nothing was run");
}

#[test]
fn a_disk_without_room_is_said_before_the_run() {
    // A limit on the size of files stands in for a full disk: writing fails in the same place.
    let data = Data::new("full");
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_pushlab"))
        .args(["run", "--lanes", "sse", "--duration", "60s"])
        .env("PUSHLAB_DATA_DIR", data.0.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("cannot be saved"));
    assert!(data.files().is_empty(), "the attempt is cleared away");
}

#[test]
fn ctrl_c_leaves_a_partial_result_that_says_so() {
    let data = Data::new("partial");
    let lab = Lab::start(&data);
    let mut child = command(data.0.path())
        .args(["run", "--lanes", "sse", "--clients", "2", "--rate", "20"])
        .args(["--duration", "60s", "--warm-up", "0s", "--progress", "json"])
        .args(["--target", &format!("http://{}", lab.main)])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut saved = None;
    for line in lines {
        // What speaks against the result is told in words, after it.
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap_or_default();
        if line["at"]["text"]
            .as_str()
            .is_some_and(|t| t.starts_with("pass 1"))
        {
            assert!(line["at"]["expected_ms"].as_u64().unwrap() > 60_000);
            lab.wait_for_deliveries(20);
            signal(&child, libc::SIGINT);
        }
        saved = line["saved"].as_str().map(str::to_owned).or(saved);
    }
    assert!(child.wait().unwrap().code().is_some());
    let id = saved.expect("it says where it is");
    assert!(id.ends_with("-partial"), "{id}");
    let file = fs::read(data.runs().join(format!("{id}.json"))).unwrap();
    let result: Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(result["partial"], true);
}

// Listing and opening

#[test]
fn saved_runs_are_listed_opened_compared_and_taken_away() {
    let data = Data::new("listed");
    short(data.0.path(), &["--seed", "1"]);
    short(data.0.path(), &["--seed", "2"]);
    let lab = Lab::start(&data);
    let list = lab.get("/api/runs").json();
    let runs = list["runs"].as_array().unwrap();
    let titles: Vec<_> = runs
        .iter()
        .map(|run| run["title"].as_str().unwrap())
        .collect();
    assert_eq!(
        titles,
        [
            "Server-sent events, 10/s, 60 B, seed 2",
            "Server-sent events, 10/s, 60 B"
        ],
        "newest first"
    );
    assert_eq!(runs[0]["lanes"], json!(["sse"]));
    assert_eq!(
        (runs[0]["clients"].as_u64(), runs[0]["rate_per_s"].as_f64()),
        (Some(2), Some(10.0))
    );

    let page = lab.get("/runs");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("10/s, 60 B, seed 2"));
    let [a, b] = [0, 1].map(|i| runs[i]["id"].as_str().unwrap());
    let one = lab.get(&format!("/runs/{a}"));
    assert_eq!(one.text().matches("<figure>").count(), 4, "{}", one.text());
    assert!(
        !one.text().contains("style=\""),
        "the page's own policy forbids it"
    );
    for (form, kind, within) in [
        ("json", "application/json", "\"lanes\":["),
        ("csv", "text/csv; charset=utf-8", "row,lane,transport"),
        (
            "md",
            "text/markdown; charset=utf-8",
            "| Server-sent events |",
        ),
        ("html", "text/html; charset=utf-8", "<svg"),
    ] {
        let file = lab.get(&format!("/runs/{a}.{form}"));
        assert_eq!(file.status, 200, "{form}");
        assert_eq!(file.header("content-type"), Some(kind));
        assert!(file.text().contains(within), "{form}");
        assert!(
            file.header("content-disposition")
                .unwrap()
                .contains(&format!("{a}.{form}"))
        );
        assert!(
            file.header("content-security-policy")
                .unwrap()
                .contains("sandbox")
        );
    }
    let both = lab.get(&format!("/runs/compare?a={a}&b={b}")).text();
    assert!(
        both.contains("<th scope=\"row\">seed</th>"),
        "what differs: {both}"
    );
    assert_eq!(both.matches("<figure>").count(), 4);
    let ticked = lab.get(&format!("/runs/compare?run={a}&run={b}")).text();
    assert_eq!(ticked, both);
    assert!(
        lab.get("/runs/compare?run=x")
            .text()
            .contains("1 runs are chosen")
    );
}

#[test]
fn a_broken_file_is_told_and_nothing_outside_is_served() {
    let data = Data::new("broken");
    data.put("half.json", b"{\"plan\":{");
    data.put(
        "other kind.json",
        b"{\"hello\":\"<script>alert(1)</script>\"}",
    );
    data.put("deep.json", "[".repeat(1_000_000).as_bytes());
    data.put("binary.json", &[0xff; 100]);
    data.put("evil.html", b"<script>alert(1)</script>");
    fs::write(data.0.file("secret.json"), "{\"secret\":1}").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", data.runs().join("link.json")).unwrap();
    let lab = Lab::start(&data);
    let list = lab.get("/api/runs").json();
    let runs = list["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 5);
    for run in runs {
        assert!(run["error"].as_str().unwrap().len() > 20, "{run}");
    }
    let page = lab.get("/runs").text();
    assert_eq!(page.matches("cannot be shown</span>").count(), 5);
    let half = lab.get("/runs/half");
    assert_eq!(half.status, 422);
    assert!(half.text().contains("EOF while parsing"), "{}", half.text());
    assert_eq!(
        lab.get("/runs/other%20kind.html").error_code(),
        "broken_run"
    );
    assert_eq!(
        lab.get("/runs/evil.html").error_code(),
        "unknown_run",
        "never the file itself"
    );
    assert_eq!(lab.get("/runs/link.json").error_code(), "broken_run");
    for path in [
        "/runs/..%2Fsecret.json",
        "/runs/..%2fsecret",
        "/runs/%2e%2e%2fsecret.json",
        "/runs/..%5csecret.json",
        "/runs/%2Fetc%2Fpasswd",
        "/runs/.half.json",
        "/runs/half%00.json",
        "/runs/compare?a=..%2Fsecret&b=half",
    ] {
        let answer = lab.get(path);
        assert!(!answer.text().contains("secret\":1"), "{path}");
        assert!(!answer.text().contains("root:"), "{path}");
        let is_refused = [400, 404, 422].contains(&answer.status) || path.contains("compare");
        assert!(is_refused, "{path}: {}", answer.status);
    }
}

#[test]
fn a_result_from_elsewhere_is_taken_and_a_bad_one_refused() {
    let (elsewhere, data) = (Data::new("elsewhere"), Data::new("brought"));
    let result = text(&short(elsewhere.0.path(), &["--json"]).stdout);
    let lab = Lab::start(&data);
    let brought = lab.ask("POST", "/api/runs/files", &result);
    assert_eq!(brought.status, 201, "{}", brought.text());
    let id = brought.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(lab.get(&format!("/runs/{id}")).status, 200);
    assert_eq!(
        lab.ask("POST", "/api/runs/files", "{}").error_code(),
        "broken_run"
    );
    let large = " ".repeat((8 << 20) + 1);
    assert_eq!(
        lab.ask("POST", "/api/runs/files", &large).error_code(),
        "body_too_large"
    );
    let far = lab.ask_as(None, "POST", "/api/runs/files", &result);
    assert_eq!(far.error_code(), "presenter_only");
    assert_eq!(data.files().len(), 2);
}

// Starting

#[test]
fn a_run_is_started_followed_and_found_in_the_list() {
    let data = Data::new("started");
    let lab = Lab::start(&data);
    assert_eq!(lab.get("/api/runs/job").error_code(), "no_run");
    let plan = json!({"lanes": "sse", "clients": 2, "rate": 10.0, "duration": "1s",
        "warm_up": "0s", "seed": 11});
    let started = lab.ask("POST", "/api/runs", &plan.to_string());
    assert_eq!(started.status, 202, "{}", started.text());
    assert_eq!(started.json()["job"]["state"], "running");
    // The stream ends by itself when the run is over; each event is the whole state.
    let events = lab.get("/api/runs/job/events").text();
    let last = events.trim_end().rsplit("\n\n").next().unwrap();
    let last: Value = serde_json::from_str(last.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(last["state"], "done", "{last}");
    assert!(events.contains("pass 1 of 1"), "{events}");
    let id = last["saved"].as_str().unwrap();
    assert!(id.contains("seed11"), "{id}");
    let list = lab.get("/api/runs").json();
    assert_eq!(list["runs"][0]["id"], id);
    assert_eq!(list["job"]["state"], "done");
}

#[test]
fn one_run_at_a_time_and_it_can_be_ended_with_what_it_has() {
    let data = Data::new("cancelled");
    let lab = Lab::start(&data);
    let target = format!("http://{}", lab.main);
    let plan = json!({"lanes": "sse", "clients": 2, "rate": 20.0, "duration": "10m",
        "warm_up": "0s", "target": target});
    assert_eq!(lab.ask("POST", "/api/runs", &plan.to_string()).status, 202);
    let second = lab.ask("POST", "/api/experiments/E10", "{}");
    assert_eq!(
        (second.status, second.error_code()),
        (409, "run_in_progress".to_owned())
    );
    assert!(second.text().contains("DELETE /api/runs/job"));
    lab.wait_for_deliveries(20);
    assert_eq!(lab.ask("DELETE", "/api/runs/job", "").status, 202);
    let job = lab.wait_for_job("it is over", |job| job["state"] != "stopping");
    assert_eq!(job["state"], "done", "{job}");
    let id = job["saved"].as_str().unwrap();
    assert!(id.ends_with("-partial"), "{id}");
    assert!(
        lab.get(&format!("/runs/{id}"))
            .text()
            .contains("Partial: the run was stopped")
    );
    assert_eq!(
        lab.ask("DELETE", "/api/runs/job", "").error_code(),
        "no_run"
    );
}

#[test]
fn a_run_ends_with_its_lab() {
    let data = Data::new("orphan");
    let lab = Lab::start(&data);
    let plan = json!({"lanes": "sse", "clients": 1, "duration": "10m"});
    assert_eq!(lab.ask("POST", "/api/runs", &plan.to_string()).status, 202);
    lab.wait_for_job("it measures", |job| {
        job["text"]
            .as_str()
            .is_some_and(|text| text.starts_with("pass"))
    });
    let folder = data.0.path().display().to_string();
    let running = || {
        let found = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let line = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
            String::from_utf8(line).ok()
        });
        found
            .filter(|line| line.contains("\0run\0") && line.contains(&folder))
            .count()
    };
    assert_eq!(running(), 1, "the run is a process of its own");
    drop(lab);
    support::eventually(Duration::from_secs(10), "the run is gone", || {
        running() == 0
    });
}

#[test]
fn what_cannot_be_started_is_refused_with_the_reason() {
    let data = Data::new("refused");
    let lab = Lab::start(&data);
    for (plan, said) in [
        (json!({"rate": 0.0}), "rate is 0"),
        (json!({"lanes": "pigeon"}), "no lane"),
        (json!({"speed": 1}), "unknown field `speed`"),
        (
            json!({"rate": 9999.0, "duration": "20h"}),
            "on the command line",
        ),
        (json!([]), "no plan"),
    ] {
        let refused = lab.ask("POST", "/api/runs", &plan.to_string());
        assert_eq!(
            (refused.status, refused.error_code()),
            (400, "bad_plan".to_owned())
        );
        assert!(refused.text().contains(said), "{}", refused.text());
    }
    let unknown = lab.ask("POST", "/api/experiments/E99", "{}");
    assert_eq!(unknown.error_code(), "unknown_experiment");
    assert_eq!(
        lab.ask("POST", "/api/experiments/E2", "{\"ful\":1}")
            .error_code(),
        "bad_json"
    );
    for (method, path) in [
        ("POST", "/api/runs"),
        ("DELETE", "/api/runs/job"),
        ("POST", "/api/experiments/E10"),
    ] {
        let far = lab.ask_as(None, method, path, "{}");
        assert_eq!(
            (far.status, far.error_code()),
            (403, "presenter_only".to_owned()),
            "{path}"
        );
        let wrong = lab.ask("PATCH", path, "");
        assert_eq!(wrong.status, 405, "{path}");
    }
    assert_eq!(
        lab.get("/api/runs/job").error_code(),
        "no_run",
        "nothing was started"
    );
    let page = lab.ask_as(None, "GET", "/runs", "").text();
    assert!(
        page.contains("data-presenter") && !page.contains(&data.0.path().display().to_string())
    );
}

#[test]
fn a_target_that_is_not_there_fails_with_its_reason() {
    let data = Data::new("target");
    let lab = Lab::start(&data);
    let plan = json!({"lanes": "sse", "target": "http://127.0.0.1:1"});
    assert_eq!(lab.ask("POST", "/api/runs", &plan.to_string()).status, 202);
    let job = lab.wait_for_job("it failed", |job| job["state"] == "failed");
    assert!(
        job["error"]
            .as_str()
            .unwrap()
            .contains("is it running there"),
        "{job}"
    );
    assert!(job["saved"].is_null());
    assert!(data.files().is_empty());
}

#[test]
fn the_catalogue_is_told_and_an_experiment_started_from_it() {
    let data = Data::new("experiment");
    let lab = Lab::start(&data);
    let all = lab.get("/api/experiments").json();
    let all = all["experiments"].as_array().unwrap();
    let e10 = all.iter().find(|e| e["id"] == "E10").unwrap();
    for text in ["title", "question", "claim", "expectation"] {
        assert!(e10[text].as_str().unwrap().len() > 5, "{e10}");
    }
    assert!(e10["full_s"].as_u64() > e10["quick_s"].as_u64());
    let page = lab.get("/experiments").text();
    for experiment in all {
        let id = experiment["id"].as_str().unwrap();
        assert!(page.contains(&format!("data-experiment=\"{id}\"")), "{id}");
    }
    let started = lab.ask("POST", "/api/experiments/e10", "{\"full\":false}");
    assert_eq!(started.json()["job"]["experiment"], "E10");
    let job = lab.wait_for_job("it is over", |job| job["state"] != "running");
    assert_eq!(job["state"], "done", "{job}");
    // No time of day, which the page's clock might not share.
    assert!(job["elapsed_ms"].as_u64() > Some(1_000), "{job}");
    assert_eq!(
        (job["step"].as_u64(), job["steps"].as_u64()),
        (Some(2), Some(2))
    );
    let id = job["saved"].as_str().unwrap();
    assert!(id.ends_with("-e10-quick"), "{id}");
    let result = lab.get(&format!("/runs/{id}/result")).text();
    assert!(result.contains("class=\"verdict"), "{result}");
    assert!(result.contains("round trips to its channel"));
    let again = command(data.0.path())
        .arg("report")
        .arg(data.runs().join(format!("{id}.json")))
        .output()
        .unwrap();
    assert!(
        text(&again.stdout).contains("Verdict: "),
        "{}",
        text(&again.stderr)
    );
    let csv = lab.get(&format!("/runs/{id}.csv")).text();
    let lanes = pushlab::catalogue::LANES.len();
    assert_eq!(csv.lines().count(), 1 + 2 * lanes, "{csv}");
    // Whatever came out on this machine, every surface says the same of it.
    let list = lab.get("/api/runs").json();
    let of = &list["runs"][0];
    let outcome = of["outcome"].as_str().unwrap();
    let (code, is_valid) = match of["verdict"].as_str().unwrap() {
        "as_predicted" => (0, true),
        "otherwise" => (3, true),
        "not_valid" => (4, false),
        other => panic!("no verdict {other}"),
    };
    assert_eq!(again.status.code(), Some(code), "{of}");
    assert_eq!(of["valid"], is_valid, "{of}");
    let strong = format!("<strong>{outcome}</strong>");
    for address in ["/result", "", ".html"] {
        let page = lab.get(&format!("/runs/{id}{address}")).text();
        assert!(page.contains(&strong), "{outcome}: {page}");
    }
    let markdown = lab.get(&format!("/runs/{id}.md")).text();
    assert!(markdown.contains(&format!("**{outcome}.**")), "{markdown}");
    assert!(text(&again.stdout).contains(&format!("Verdict: {outcome}.")));
    assert!(
        lab.get("/runs")
            .text()
            .contains(&format!(">{outcome}</span>"))
    );
}
