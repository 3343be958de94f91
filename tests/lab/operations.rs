//! The program itself: started as a child process, spoken to from outside, and stopped by a
//! signal. Command line, settings, exit codes, logs, and the graceful stop are an interface.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    self, PATIENCE, connection::Connection, folder::Folder, http::Http, position_of,
    sse::EventStream, websocket, websocket::WebSocket,
};
use pushlab::config::Config;
use serde_json::{Value, json};

/// Every lane, the main one first.
fn every_lane() -> Vec<&'static str> {
    let own = pushlab::catalogue::LANES.iter().map(|lane| lane.id.0);
    std::iter::once("main").chain(own).collect()
}

/// No address can be listened on (`EX_UNAVAILABLE` of sysexits.h).
const EX_UNAVAILABLE: i32 = 69;

// Addresses

#[test]
fn the_first_line_with_json_lists_every_lane_on_a_port_of_its_own() {
    let mut program = Program::start(&["--port", "0", "--json"]);
    let line: Value = serde_json::from_str(&program.first_line).unwrap();
    let lanes: Vec<_> = line["listening"].as_array().unwrap().clone();
    let named: Vec<_> = lanes.iter().map(|l| l["lane"].as_str().unwrap()).collect();
    assert_eq!(named, every_lane());
    for lane in &lanes {
        let members = lane.as_object().unwrap();
        assert_eq!(members.len(), 2, "lane and url: {lane}");
        assert!(
            lane["url"]
                .as_str()
                .unwrap()
                .starts_with("http://127.0.0.1:")
        );
    }
    let mut ports: Vec<_> = program.addresses.values().map(SocketAddr::port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), every_lane().len());
    for lane in every_lane() {
        let health = program.http(lane).get("/healthz");
        assert_eq!(health.json(), json!({"status": "ok"}), "{lane}");
    }
    let (status, _) = program.stop(libc::SIGTERM);
    assert_eq!(status.code(), Some(0));
    assert_eq!(
        program.rest_of_stdout(),
        "",
        "one line, and nothing after it"
    );
}

#[test]
fn without_json_the_addresses_are_told_to_people() {
    let mut command = command(&["--port", "0"]);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut text = String::new();
    while !text.contains("For everybody else:") {
        text.push_str(&lines.next().expect("it goes on").unwrap());
        text.push('\n');
    }
    signal(&child, libc::SIGINT);
    assert_eq!(
        wait(&mut child, PATIENCE).code(),
        Some(0),
        "SIGINT stops it, too"
    );
    for lane in every_lane() {
        assert!(text.contains(lane), "{text}");
    }
    assert!(text.contains("http://127.0.0.1:"), "{text}");
    assert!(text.contains("/presenter/unlock/"), "{text}");
    assert!(serde_json::from_str::<Value>(text.lines().next().unwrap()).is_err());
}

#[test]
fn one_port_serves_everything() {
    let program = Program::start(&["--port", "0", "--single-port", "--json"]);
    let main = program.addresses["main"];
    assert!(program.addresses.values().all(|address| *address == main));
    let mut http = program.http("main");
    let position = support::publish(&mut http, "news", "tick", json!(1));
    for path in ["/short-poll/news?history=1", "/long-poll/news?history=1"] {
        assert_eq!(position_of(&http.get(path).json()), position, "{path}");
    }
    let mut stream = EventStream::open(main, "news?history=1");
    assert_eq!(position_of(&stream.expect("subscribed")), position);
    let mut socket = WebSocket::open(main, "news?history=1");
    assert_eq!(position_of(&socket.expect_subscribed()), position);
    for path in [
        "/",
        "/chat",
        "/dashboard",
        "/compare",
        "/metrics",
        "/api/stats",
    ] {
        assert_eq!(http.get(path).status, 200, "{path}");
    }
    let lanes = http.get("/api/lab").json()["lanes"].clone();
    let ports: Vec<_> = lanes
        .as_array()
        .unwrap()
        .iter()
        .map(|l| &l["port"])
        .collect();
    let own = pushlab::catalogue::LANES.iter();
    let lanes_of_one_port = 1 + own.filter(|lane| !lane.needs_own_port).count();
    assert_eq!(ports, vec![&json!(main.port()); lanes_of_one_port]);
}

#[test]
fn a_named_port_is_the_first_of_as_many_as_there_are_lanes() {
    let program = first_free_run(|port| vec!["--port".into(), port.to_string(), "--json".into()]);
    let first = program.addresses["main"].port();
    let ports = every_lane()
        .into_iter()
        .map(|lane| program.addresses[lane].port())
        .collect::<Vec<_>>();
    assert!(
        ports.iter().copied().eq(first..first + ports.len() as u16),
        "{ports:?}"
    );
    for lane in every_lane() {
        assert_eq!(program.http(lane).get("/healthz").status, 200);
    }
}

#[test]
fn a_taken_port_is_named_with_the_way_out_and_exit_code_69() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let port = address.port().to_string();
    let output = run(&["--port", &port, "--json"], &[]);
    assert_eq!(output.status.code(), Some(EX_UNAVAILABLE));
    let said = String::from_utf8_lossy(&output.stderr);
    for needed in [&address.to_string(), "main", "--port 0", "use"] {
        assert!(said.contains(needed), "{needed} is missing in: {said}");
    }
    assert!(output.stdout.is_empty(), "nothing is announced");
    // The same for the fourth of them.
    let first = (address.port() - 3).to_string();
    let output = run(&["--port", &first, "--json"], &[]);
    assert_eq!(output.status.code(), Some(EX_UNAVAILABLE));
}

#[test]
fn a_host_that_is_none_of_this_machine_is_named() {
    for host in ["203.0.113.1", "no-such-host.invalid"] {
        let output = run(&["--host", host, "--port", "0"], &[]);
        assert_eq!(output.status.code(), Some(EX_UNAVAILABLE));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(host) && said.contains("--host"), "{said}");
    }
}

// Settings

#[test]
fn settings_that_are_not_understood_are_named_with_exit_code_2() {
    let folder = Folder::new("bad-settings");
    let file = |name: &str, text: &str| folder.write(name, text);
    let unknown = file("unknown.toml", "prot = 80\n");
    let bad = file("bad.toml", "heartbeat = '5 bananas'\n");
    let wide = file("wide.toml", "port = 70000\n");
    let broken = file("broken.toml", "port = \n");
    let config = |path: &str| vec!["--config".to_owned(), path.to_owned()];
    let flags = |flags: &[&str]| flags.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>();
    type Environment = &'static [(&'static str, &'static str)];
    let cases: Vec<(Vec<String>, Environment, Vec<&str>)> = vec![
        (flags(&["--prot", "80"]), &[], vec!["--prot"]),
        (
            flags(&["--heartbeat", "5 bananas"]),
            &[],
            vec!["--heartbeat", "25s"],
        ),
        (flags(&["--port", "70000"]), &[], vec!["--port", "70000"]),
        (
            flags(&["--port", "65534"]),
            &[],
            vec!["port", "65534", "65500"],
        ),
        (flags(&["--workers", "0"]), &[], vec!["workers", "1 to 60"]),
        (flags(&["--log-format", "xml"]), &[], vec!["xml", "json"]),
        (flags(&["--log", "[["]), &[], vec!["log", "[["]),
        (flags(&["--log", "warning"]), &[], vec!["log", "warn, info"]),
        (flags(&["--heartbeat", "0s"]), &[], vec!["heartbeat", "0s"]),
        (
            flags(&["--long-poll-hold", "5m"]),
            &[],
            vec!["long_poll_hold"],
        ),
        (flags(&["fly"]), &[], vec!["fly"]),
        (
            vec![],
            &[("PUSHLAB_HEARTBEAT", "soon")],
            vec!["PUSHLAB_HEARTBEAT", "soon", "25s"],
        ),
        (
            vec![],
            &[("PUSHLAB_PORT", "http")],
            vec!["PUSHLAB_PORT", "http"],
        ),
        (
            vec![],
            &[("PUSHLAB_JSON", "perhaps")],
            vec!["PUSHLAB_JSON", "perhaps"],
        ),
        (
            vec![],
            &[("PUSHLAB_WORKERS", "0")],
            vec!["workers", "1 to 60"],
        ),
        (config(&unknown), &[], vec!["unknown.toml", "prot"]),
        (config(&bad), &[], vec!["bad.toml", "heartbeat", "25s"]),
        (config(&wide), &[], vec!["wide.toml", "port"]),
        (config(&broken), &[], vec!["broken.toml"]),
        (
            config("/no/such/file.toml"),
            &[],
            vec!["/no/such/file.toml"],
        ),
    ];
    let mut wrong = Vec::new();
    for (arguments, environment, named) in cases {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = run(&arguments, environment);
        let said = String::from_utf8_lossy(&output.stderr);
        let missing: Vec<_> = named.iter().filter(|name| !said.contains(**name)).collect();
        if output.status.code() != Some(2) || !missing.is_empty() || !output.stdout.is_empty() {
            wrong.push(format!(
                "{arguments:?} {environment:?}: {:?}, missing {missing:?} in {said}",
                output.status.code()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn flags_count_before_the_environment_and_that_before_the_file() {
    let folder = Folder::new("precedence");
    let file = folder.write(
        "lab.toml",
        "heartbeat = '1s'\npoller_stays = '2s'\nsse_retry = '3s'\necho = true\n\
         history_max_count = 7\nlog_format = 'json'\n",
    );
    let program = Program::start_with(
        &[
            "serve",
            "--port",
            "0",
            "--json",
            "--config",
            &file,
            "--heartbeat",
            "6s",
        ],
        &[
            ("PUSHLAB_HEARTBEAT", "4s"),
            ("PUSHLAB_POLLER_STAYS", "5s"),
            ("PUSHLAB_BODY_MAX_BYTES", "1234"),
        ],
    );
    let settings = program.http("main").get("/api/lab").json()["settings"].clone();
    let mut expected = serde_json::to_value(Config::default()).unwrap();
    for (name, value) in [
        ("port", json!(0)),
        ("json", json!(true)),
        ("heartbeat", json!("6s")),
        ("poller_stays", json!("5s")),
        ("body_max_bytes", json!(1234)),
        ("sse_retry", json!("3s")),
        ("echo", json!(true)),
        ("history_max_count", json!(7)),
        ("log_format", json!("json")),
        ("hosts", json!("lab")),
    ] {
        assert!(expected[name] != Value::Null, "no setting {name}");
        expected[name] = value;
    }
    assert_eq!(settings, expected);
    // What is effective does what it says.
    let echo = Connection::connect(program.addresses["main"]);
    let mut echo = WebSocket::open_path(echo, "/echo").unwrap();
    echo.send(websocket::TEXT, b"hello").unwrap();
    assert_eq!(echo.next().unwrap().unwrap().payload, b"hello");
}

#[test]
fn effective_settings_are_in_the_log_at_the_start() {
    let settings = ["--port", "0", "--json", "--history-max-count", "77"];
    let mut quiet = Program::start(&settings);
    quiet.stop(libc::SIGTERM);
    assert_eq!(
        quiet.log(),
        "",
        "the banner is the last thing on a terminal"
    );
    let mut program = Program::start(&[&settings[..], &["--log", "pushlab=debug"]].concat());
    program.stop(libc::SIGTERM);
    let log = program.log();
    assert!(log.contains("effective settings"), "{log}");
    assert!(log.contains(r#""history_max_count":77"#), "{log}");
}

#[test]
fn settings_are_printed_on_request() {
    let output = run(&["--print-settings", "--heartbeat", "6s"], &[]);
    assert_eq!(output.status.code(), Some(0));
    let mut expected = serde_json::to_value(Config::default()).unwrap();
    expected["heartbeat"] = json!("6s");
    // Of the environment that programs are started in here.
    expected["hosts"] = json!("lab");
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, expected);
}

#[test]
fn a_flag_wins_over_a_variable_that_is_not_understood() {
    let output = run(
        &["--print-settings", "--heartbeat", "6s", "--port", "0"],
        &[("PUSHLAB_HEARTBEAT", "soon"), ("PUSHLAB_PORT", "http")],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn every_flag_wins_over_its_variable() {
    /// Values of settings that are nothing by default, which no flag can say of all of them.
    fn instead(name: &str) -> &str {
        match name {
            "hosts" => "lab",
            "origins" | "socketio_origins" => "http://a.example",
            "presenter_token" => "a-token-of-the-presenter-0123456789",
            "socketio_admin_password" => "a-password",
            "trusted_proxies" => "127.0.0.1",
            _ => "x",
        }
    }
    let Value::Object(settings) = serde_json::to_value(Config::default()).unwrap() else {
        panic!("settings are an object");
    };
    let mut arguments = vec!["--print-settings".to_owned()];
    let mut environment = Vec::new();
    for (name, value) in &settings {
        // Beside others that are given here these two are refused.
        if ["no_token", "tls_self_signed"].contains(&&**name) {
            continue;
        }
        let flag = format!("--{}", name.replace('_', "-"));
        match value {
            // A table of the settings file, and no flag.
            Value::Array(_) => continue,
            Value::Bool(_) => arguments.push(flag),
            Value::String(text) if text.is_empty() => {
                arguments.extend([flag, instead(name).to_owned()]);
            }
            Value::String(text) => arguments.extend([flag, text.clone()]),
            number => arguments.extend([flag, number.to_string()]),
        }
        let variable = format!("PUSHLAB_{}", name.to_uppercase());
        environment.push((variable, "\u{1}?".to_owned()));
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let environment: Vec<_> = environment.iter().map(|(n, v)| (&**n, &**v)).collect();
    let output = run(&arguments, &environment);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    // And without its flag each that is not understood is named.
    for (name, value) in environment {
        let output = run(&["--print-settings"], &[(name, value)]);
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        let setting = name.to_lowercase();
        let setting = setting.trim_start_matches("pushlab_");
        let is_named = said.contains(setting);
        assert!(output.status.success() || is_named, "{name}: {said}");
    }
}

#[test]
fn an_error_is_told_once() {
    let folder = Folder::new("told-once");
    let bad = folder.write("bad.toml", "heartbeat = '5 bananas'\n");
    let output = run(&["--config", &bad], &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches("write it like").count(), 1, "{said}");
}

#[test]
fn output_that_cannot_be_written_is_an_exit_code() {
    let results = Folder::new("full-results");
    let saved = results.write("saved.json", saved_run());
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["--print-settings"],
        &["experiment", "list"],
        &["help"],
        &["run", "--help"],
        &["report", "--help"],
        &["trigger", "--help"],
        &["experiment", "--help"],
        &["serve", "--help"],
        &["report", &saved],
        &["report", &saved, "--json"],
        &["report", &saved, "--markdown"],
        &["serve", "--port", "0"],
        &["serve", "--port", "0", "--json"],
    ] {
        let full = || {
            fs::OpenOptions::new()
                .write(true)
                .open("/dev/full")
                .unwrap()
        };
        let folder = Folder::new("full");
        let mut child = Command::new(env!("CARGO_BIN_EXE_pushlab"))
            .args(arguments)
            .env("PUSHLAB_DATA_DIR", folder.path())
            .stdout(full())
            .stderr(full())
            .spawn()
            .unwrap();
        assert_eq!(wait(&mut child, PATIENCE).code(), Some(1), "{arguments:?}");
    }
}

/// Files of this program and its children cannot grow beyond it: a write fails as on a full disk,
/// with another number, and no rights are needed for that.
pub(super) fn limit_files(command: &mut Command, bytes: u64) {
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: bytes,
    };
    // SAFETY: between fork and exec only this is called, which is safe there (signal-safety(7)).
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(command, move || {
            match libc::setrlimit(libc::RLIMIT_FSIZE, &limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
}

/// Names of the files in a folder and below it.
fn files_in(folder: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => names.extend(files_in(&entry.path())),
            false => names.push(entry.file_name().into_string().unwrap()),
        }
    }
    names.sort();
    names
}

/// The result of a short run, made once.
fn saved_run() -> &'static str {
    static SAVED: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let arguments = [
            "run",
            "--lanes",
            "sse",
            "--clients",
            "2",
            "--rate",
            "10",
            "--duration",
            "1s",
            "--warm-up",
            "100ms",
            "--pin",
            "off",
            "--keep-awake",
            "off",
            "--no-save",
            "--json",
        ];
        String::from_utf8(run(&arguments, &[]).stdout).unwrap()
    });
    &SAVED
}

#[test]
fn half_of_a_result_is_removed_and_told() {
    let folder = Folder::new("half");
    let saved = folder.write("saved.json", saved_run());
    let forms = ["--save", "--html", "--csv", "--markdown"];
    for (form, is_there_before) in forms.iter().flat_map(|form| [(form, false), (form, true)]) {
        let result = folder.file("half.out");
        if is_there_before {
            folder.write("half.out", "before\n");
        }
        let mut command = command(&["report", &saved, form, result.to_str().unwrap(), "--json"]);
        limit_files(&mut command, 64);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{form}: {said}");
        assert!(
            said.contains("half.out") && said.contains("cannot be written"),
            "{said}"
        );
        // The result itself is not lost with it, nor the one that was there.
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(shown["plan"]["clients"], 2, "{form}");
        let names = files_in(folder.path());
        match is_there_before {
            true => {
                assert_eq!(names, ["half.out", "saved.json"]);
                assert_eq!(fs::read_to_string(&result).unwrap(), "before\n", "{form}");
                fs::remove_file(&result).unwrap();
            }
            false => assert_eq!(names, ["saved.json"], "{form}"),
        }
    }
    // A run looks before it starts whether there will be room.
    let data = folder.file("data");
    let data = data.to_str().unwrap();
    let mut command = command(&["run", "--lanes", "sse", "--data-dir", data]);
    limit_files(&mut command, 1 << 20);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--no-save"), "{said}");
    assert_eq!(files_in(folder.path()), ["saved.json"]);
}

/// The same on a disk that is really full, where one can be mounted without rights.
#[test]
fn a_full_disk_leaves_no_half_of_a_result() {
    let folder = Folder::new("full-disk");
    let saved = folder.write("saved.json", saved_run());
    let disk = folder.file("disk");
    fs::create_dir(&disk).unwrap();
    let script = r#"mount -t tmpfs -o size=4k none "$1" || exit 77
        "$0" report "$2" --save "$1/half.json" >/dev/null; code=$?
        ls -A "$1"; exit $code"#;
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(env!("CARGO_BIN_EXE_pushlab"))
        .args([disk.to_str().unwrap(), &saved])
        .output();
    let Ok(output) = output else {
        return eprintln!(
            "there is no unshare: half_of_a_result_is_removed_and_told says the rest"
        );
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || said.starts_with("unshare:") {
        return eprintln!("no disk can be mounted here: {said}");
    }
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("No space left"), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn a_lab_whose_disk_is_full_says_so_and_keeps_no_half() {
    let folder = Folder::new("full-lab");
    let data = folder.file("data");
    let mut command = command(&[
        "serve",
        "--port",
        "0",
        "--json",
        "--data-dir",
        data.to_str().unwrap(),
        "--presenter-token",
        "operations-token-0123456789",
    ]);
    limit_files(&mut command, 4_096);
    let mut program = Program::of(command).unwrap();
    let mut http = program.http("main");
    let before = files_in(&data);
    let bearer = [("authorization", "Bearer operations-token-0123456789")];
    let answer = http.request("POST", "/api/runs/files", &bearer, saved_run().as_bytes());
    assert_eq!(
        (answer.status, &*answer.error_code()),
        (507, "cannot_save"),
        "{}",
        answer.text()
    );
    assert!(answer.text().contains("--data-dir"), "{}", answer.text());
    assert_eq!(files_in(&data), before);
    // And goes on.
    assert_eq!(http.get("/healthz").status, 200);
    program.stop(libc::SIGTERM);
}

#[test]
fn a_run_that_fails_leaves_no_file_of_its_own() {
    let folder = Folder::new("failed-run");
    let there = folder.write("there.csv", "before\n");
    let new = folder.file("new.json");
    let new = new.to_str().unwrap();
    let output = run(
        &[
            "run",
            "--target",
            "http://127.0.0.1:1",
            "--no-save",
            "--save",
            new,
            "--csv",
            &there,
        ],
        &[],
    );
    assert_eq!(output.status.code(), Some(69));
    assert_eq!(files_in(folder.path()), ["there.csv"]);
    assert_eq!(fs::read_to_string(there).unwrap(), "before\n");
}

#[test]
fn a_data_folder_that_cannot_be_written_is_told_at_the_start() {
    let mut program = Program::start(&["--port", "0", "--json", "--data-dir", "/dev/null/x"]);
    program.stop(libc::SIGTERM);
    let log = program.log();
    assert!(
        log.contains("/dev/null/x") && log.contains("--data-dir"),
        "{log}"
    );
}

#[test]
fn a_closed_terminal_is_a_stop_like_any_other() {
    let mut program = Program::start(&["--port", "0", "--json"]);
    let (status, _) = program.stop(libc::SIGHUP);
    assert_eq!(status.code(), Some(0));
}

#[test]
fn help_explains_every_setting() {
    let Value::Object(settings) = serde_json::to_value(Config::default()).unwrap() else {
        panic!("settings are an object");
    };
    for arguments in [&["--help"][..], &["serve", "--help"]] {
        let output = run(arguments, &[]);
        assert_eq!(output.status.code(), Some(0));
        let help = String::from_utf8_lossy(&output.stdout).into_owned();
        // Applications are a table of the settings file and no flag.
        for name in settings.keys().filter(|name| *name != "apps") {
            let flag = format!("--{}", name.replace('_', "-"));
            let line = help.lines().position(|line| {
                let mut words = line.split_whitespace();
                words.any(|word| word.trim_end_matches(',') == flag)
            });
            let Some(line) = line else {
                panic!("{arguments:?} does not have {flag}:\n{help}");
            };
            let explained = help.lines().skip(line).take(3).collect::<String>();
            assert!(explained.len() > flag.len() + 20, "{explained}");
        }
        for needed in ["PUSHLAB_", "TOML", "69", "--config"] {
            assert!(
                help.contains(needed),
                "{arguments:?} does not say {needed}:\n{help}"
            );
        }
    }
    let version = run(&["--version"], &[]);
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    assert_eq!(version.trim(), format!("pushlab {}", pushlab::VERSION));
}

// The stop

#[test]
fn a_stop_ends_every_request_and_stream_cleanly() {
    let mut program = Program::start(&["--port", "0", "--json"]);
    let mut poll = program.http("long-poll");
    poll.send_request("GET", "/long-poll/news?client=poller", &[], b"")
        .unwrap();
    let mut stream = EventStream::open(program.addresses["sse"], "news?client=stream");
    stream.expect("subscribed");
    let mut socket = WebSocket::open(program.addresses["websocket"], "news?client=socket");
    socket.expect_subscribed();
    let mut idle = program.http("short-poll");
    idle.get("/short-poll/news");
    support::eventually(PATIENCE, "three subscribers", || {
        let presence = program
            .http("main")
            .get("/api/channels/news/presence")
            .json();
        presence["subscribers"] == 3
    });

    signal(&program.child, libc::SIGTERM);
    let begun = Instant::now();
    let answer = poll.read_answer().unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["publications"], json!([]));
    let closing = stream.expect("closing");
    assert_eq!(closing["reason"], "shutdown");
    assert!(stream.next().unwrap().is_none(), "the last chunk came");
    let close = socket.next().unwrap().unwrap();
    assert_eq!(close.close_code(), Some(1001));
    socket.send_close(1001).unwrap();
    assert!(
        socket.next_frame().unwrap().is_none(),
        "the server closes first"
    );
    socket.connection.finish();
    // Kept-alive connections are closed once nobody waits for anything.
    for http in [&mut idle, &mut poll, &mut stream.http] {
        http.connection.read_to_fin().unwrap();
    }
    let status = wait(&mut program.child, PATIENCE);
    assert_eq!(status.code(), Some(0));
    let took = begun.elapsed();
    assert!(
        took < Duration::from_secs(3),
        "nobody was waited for: {took:?}"
    );
}

#[test]
fn a_stop_waits_no_longer_than_its_grace_for_clients_that_do_not_cooperate() {
    let grace = Duration::from_secs(2);
    let mut program = Program::start(&["--port", "0", "--json", "--shutdown-grace", "2s"]);
    // One never answers the close frame, one never reads, one never finishes its request.
    let mut silent = WebSocket::open(program.addresses["websocket"], "news");
    silent.expect_subscribed();
    let narrow = Connection::connect_narrow(program.addresses["sse"], 4_096);
    let mut deaf = EventStream::open_over(narrow, "news", None).unwrap();
    deaf.expect("subscribed");
    let mut publisher = program.http("main");
    for _ in 0..15 {
        support::publish(&mut publisher, "news", "tick", json!("x".repeat(60_000)));
    }
    let mut half = program.http("main");
    let head =
        b"POST /api/channels/news/publications HTTP/1.1\r\nhost: lab\r\ncontent-length: 9\r\n\r\n{";
    half.connection.send(head).unwrap();
    // A request that is answered shows that what came before it has been read.
    assert_eq!(publisher.get("/healthz").status, 200);
    let (status, took) = program.stop(libc::SIGTERM);
    assert_eq!(status.code(), Some(0));
    assert!(took < grace + Duration::from_millis(1_500), "took {took:?}");
}

#[test]
fn a_stopping_server_says_so() {
    let mut program = Program::start(&["--port", "0", "--json"]);
    // Keeps the server waiting for as long as its close frame is not answered.
    let mut silent = WebSocket::open(program.addresses["websocket"], "news");
    silent.expect_subscribed();
    let mut kept = program.http("main");
    assert_eq!(kept.get("/healthz").status, 200);
    signal(&program.child, libc::SIGTERM);
    let close = silent.next().unwrap().unwrap();
    assert_eq!(close.close_code(), Some(1001));
    let health = kept.get("/healthz");
    assert_eq!(
        (health.status, health.error_code().as_str()),
        (503, "shutting_down")
    );
    let poll = program.http("long-poll").get("/long-poll/news");
    assert_eq!(
        (poll.status, poll.error_code().as_str()),
        (503, "shutting_down")
    );
    silent.send_close(1001).unwrap();
    silent.connection.finish();
    assert_eq!(wait(&mut program.child, PATIENCE).code(), Some(0));
}

// The log

#[test]
fn a_json_log_is_json_lines_only() {
    let mut program = Program::start(&[
        "--port",
        "0",
        "--json",
        "--log-format",
        "json",
        "--log",
        "debug",
    ]);
    program.http("main").get("/api/lab");
    program.http("main").get("/nothing");
    let mut garbage = Connection::connect(program.addresses["sse"]);
    garbage.send(b"no HTTP\r\n\r\n").unwrap();
    garbage.finish();
    let _ = garbage.read_to_fin();
    program.stop(libc::SIGTERM);
    let log = program.log();
    assert!(log.lines().count() > 3, "{log}");
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        for member in ["timestamp", "level", "fields"] {
            assert!(!entry[member].is_null(), "no {member}: {line}");
        }
    }
}

#[test]
fn what_users_typed_is_not_in_the_log() {
    const TYPED: &str = "XyzzyPlugh";
    let mut program = Program::start(&[
        "--port",
        "0",
        "--json",
        "--log-format",
        "json",
        "--log",
        "info",
    ]);
    let mut http = program.http("main");
    support::publish(
        &mut http,
        "presence-chat-x",
        TYPED,
        json!({ "text": TYPED }),
    );
    let query = format!("client={TYPED}&name={TYPED}");
    for path in ["short-poll", "long-poll", "sse"] {
        http.get(&format!("/short-poll/presence-chat-x?{query}"));
        let refused = http.get(&format!("/{path}/presence-chat-x?{query}%2F&epoch={TYPED}"));
        assert_eq!(refused.status, 400);
    }
    let mut stream = EventStream::open(
        program.addresses["sse"],
        &format!("presence-chat-x?{query}"),
    );
    stream.expect("subscribed");
    let mut socket = WebSocket::open(
        program.addresses["websocket"],
        &format!("presence-chat-x?{query}"),
    );
    socket.expect_subscribed();
    socket.publish(TYPED, &json!(TYPED), TYPED).unwrap();
    socket.send(websocket::TEXT, TYPED.as_bytes()).unwrap();
    while socket.expect_json()["error"].is_null() {}
    for bad in [format!("{{{TYPED}"), format!(r#"{{"event":"{TYPED}"}}"#)] {
        let refused = http.post("/api/channels/x/publications", bad.as_bytes());
        assert_eq!(refused.status, 400);
    }
    let report = format!(r#"{{"client":"{TYPED}","samples":[{{"lane":"{TYPED}"}}]}}"#);
    assert_eq!(http.post("/api/reports", report.as_bytes()).status, 400);
    assert_eq!(http.get(&format!("/chat?room={TYPED}")).status, 200);
    drop((stream, socket, http));
    program.stop(libc::SIGTERM);
    let log = program.log();
    assert!(log.contains("stopping"), "{log}");
    assert!(!log.contains(TYPED), "{log}");
}

// Open files

/// As many as the attack was tried with for which there were too few.
const FEW_FILES: libc::rlim_t = 256;

fn with_few_files() -> Program {
    let mut command = command(&["--port", "0", "--json", "--workers", "2"]);
    let few = libc::rlimit {
        rlim_cur: FEW_FILES,
        rlim_max: FEW_FILES,
    };
    // SAFETY: only a system call, between fork and exec.
    unsafe {
        command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_NOFILE, &few) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    Program::of(command).unwrap()
}

#[test]
fn more_websockets_than_files_are_refused_and_health_is_answered() {
    let program = with_few_files();
    for lane in ["websocket", "main"] {
        let mut peers = Vec::new();
        for number in 0..400 {
            let mut peer = TcpStream::connect(program.addresses[lane]).unwrap();
            peer.set_read_timeout(Some(PATIENCE)).unwrap();
            peer.write_all(
                b"GET /ws/flood HTTP/1.1\r\nHost: lab\r\nConnection: Upgrade\r\n\
                  Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )
            .unwrap();
            peers.push(peer);
            if number % 100 == 99 {
                // Its request comes with the connection or a moment later: it has a seat, or it is
                // answered without one.
                until_answered(&program, "/healthz");
            }
        }
        let mut said = BTreeMap::<String, usize>::new();
        for peer in &mut peers {
            let mut status = [0; 12];
            let heard = match peer.read_exact(&mut status) {
                Ok(()) => String::from_utf8_lossy(&status[9..]).into_owned(),
                Err(error) => error.kind().to_string(),
            };
            *said.entry(heard).or_default() += 1;
        }
        assert!(said["101"] > 50, "{lane}: {said:?}");
        assert!(said["503"] > 200, "{lane}: {said:?}");
        assert!(!said.contains_key("timed out"), "{lane}: {said:?}");
        assert!(!said.contains_key("operation would block"), "{said:?}");
    }
}

#[test]
fn silent_connections_give_way() {
    let program = with_few_files();
    let silent: Vec<_> = (0..400)
        .map(|_| TcpStream::connect(program.addresses["main"]).unwrap())
        .collect();
    until_answered(&program, "/");
    drop(silent);
}

/// Asks until it is answered 200; what it is answered before is a refusal in words.
fn until_answered(program: &Program, target: &str) {
    let begun = Instant::now();
    while program.http("main").get(target).status != 200 {
        assert!(begun.elapsed() < PATIENCE, "it is not answered");
    }
}

// The child process

/// The program, running. Dropping it kills it.
pub(super) struct Program {
    child: Child,
    first_line: String,
    addresses: BTreeMap<String, SocketAddr>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Program {
    pub(super) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = command(arguments);
        command.envs(environment.iter().copied());
        Self::of(command).unwrap_or_else(|output| panic!("it did not start: {output:?}"))
    }

    /// Starts it and waits for its first line; what it said instead, if it ended.
    pub(super) fn of(mut command: Command) -> Result<Self, String> {
        let mut child = command.spawn().unwrap();
        let stdout = lines_of(child.stdout.take().unwrap());
        let stderr = lines_of(child.stderr.take().unwrap());
        let Ok(first_line) = stdout.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(stderr.iter().collect());
        };
        let listening: Value = serde_json::from_str(&first_line)
            .unwrap_or_else(|error| panic!("{error}: {first_line}"));
        let address = |lane: &Value| {
            let url = lane["url"].as_str().unwrap();
            let address = url.strip_prefix("http://").unwrap().parse().unwrap();
            (lane["lane"].as_str().unwrap().to_owned(), address)
        };
        let lanes = listening["listening"].as_array().unwrap();
        Ok(Self {
            addresses: lanes.iter().map(address).collect(),
            child,
            first_line,
            stdout,
            stderr,
        })
    }

    pub(super) fn http(&self, lane: &str) -> Http {
        Http::connect(self.address(lane))
    }

    pub(super) fn address(&self, lane: &str) -> SocketAddr {
        self.addresses[lane]
    }

    /// Sends a signal and waits for the end: how it ended, and after how long.
    pub(super) fn stop(&mut self, signal_number: i32) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        signal(&self.child, signal_number);
        let status = wait(&mut self.child, 3 * PATIENCE);
        (status, begun.elapsed())
    }

    pub(super) fn id(&self) -> libc::pid_t {
        self.child.id() as libc::pid_t
    }

    /// Waits for the end of one that was killed.
    pub(super) fn stop_dead(&mut self) {
        wait(&mut self.child, PATIENCE);
    }

    /// What it logged; call it once it has ended.
    pub(super) fn log(&self) -> String {
        self.stderr.iter().collect()
    }

    fn rest_of_stdout(&self) -> String {
        self.stdout.iter().collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pushlab"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let ours = |name: &OsStr| name.to_string_lossy().starts_with("PUSHLAB_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    // The name that raw requests of tests have.
    command.env("PUSHLAB_HOSTS", "lab");
    command
}

/// Runs it to its end.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = command(arguments);
    let mut child = command.envs(environment.iter().copied()).spawn().unwrap();
    let (stdout, stderr) = (
        lines_of(child.stdout.take().unwrap()),
        lines_of(child.stderr.take().unwrap()),
    );
    let status = wait(&mut child, PATIENCE);
    Output {
        status,
        stdout: stdout.iter().collect::<String>().into_bytes(),
        stderr: stderr.iter().collect::<String>().into_bytes(),
    }
}

/// Lines as they come, line ends with them, read by a thread so that a full pipe stops nobody.
fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = String::new();
        while pipe.read_line(&mut line).is_ok_and(|read| read > 0) {
            if sender.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    receiver
}

fn signal(child: &Child, number: i32) {
    // SAFETY: the child has not been waited for, so the id is its own.
    let result = unsafe { libc::kill(child.id() as libc::pid_t, number) };
    assert_eq!(result, 0, "the child runs");
}

/// Waits for the end of a child; kills it at the deadline.
fn wait(child: &mut Child, patience: Duration) -> ExitStatus {
    let end = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it did not end within {patience:?}");
        }
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Starts the program on as many ports in a row as there are lanes, tried one run after the other: none is known to be
/// free before it is taken.
fn first_free_run(arguments: impl Fn(u16) -> Vec<String>) -> Program {
    let own = std::process::id() as u16 % 997 * 20;
    for attempt in 0..50 {
        let port = 20_000 + (own + attempt * 37) % 12_000;
        let arguments = arguments(port);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        match Program::of(command(&arguments)) {
            Ok(program) => return program,
            Err(said) => assert!(said.contains("cannot listen"), "{said}"),
        }
    }
    panic!("no ports in a row are free");
}
