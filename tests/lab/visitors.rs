//! Every address of the lab, asked as a visitor who has no token: what changes something for others
//! is refused, and nothing that is secret stands in any answer, in the log or in a saved result.
//!
//! [`ROUTES`] is read against the source: an address that is not in it fails a test, so that
//! whoever adds one says who may ask it.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use pushlab::{
    catalogue::{Fetching, LANES},
    config::{Config, Span},
};
use serde_json::Value;

use crate::support::{
    self, TestLab,
    connection::Connection,
    folder::Folder,
    http::{Answer, Http},
    spawn_lab, test_config,
    websocket::{TEXT, WebSocket},
};

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum May {
    /// Everybody: it shows what is not secret, or changes what is the visitor's own.
    Visitor,
    Presenter,
    /// Whoever signs it with an application's secret.
    Signed,
}
use May::{Presenter, Signed, Visitor};

/// Each address as it is registered, and its methods; an answer streams without end, or is held,
/// where the method is `STREAM`.
const ROUTES: &[(&str, &[(&str, May)])] = &[
    ("/", &[("GET", Visitor)]),
    ("/api/answer", &[("POST", Visitor)]),
    ("/api/apps", &[("GET", Visitor)]),
    ("/api/apps/usage", &[("GET", Visitor)]),
    ("/api/apps/{id}/channels", &[("GET", Presenter)]),
    ("/api/apps/{id}/explain-signature", &[("POST", Visitor)]),
    ("/api/apps/{id}/feed", &[("GET", Presenter)]),
    ("/api/apps/{id}/secret", &[("GET", Presenter)]),
    ("/api/apps/{id}/trigger", &[("POST", Presenter)]),
    (
        "/api/apps/{id}/webhooks",
        &[("GET", Presenter), ("PUT", Presenter)],
    ),
    ("/api/channels/{channel}/history", &[("GET", Visitor)]),
    ("/api/channels/{channel}/presence", &[("GET", Visitor)]),
    (
        "/api/channels/{channel}/presence/leave",
        &[("POST", Visitor)],
    ),
    ("/api/channels/{channel}/publications", &[("POST", Visitor)]),
    // What a phone does it does by its cookie: `class.rs`.
    (
        "/api/class",
        &[("GET", Visitor), ("POST", Presenter), ("DELETE", Presenter)],
    ),
    ("/api/class/answer", &[("POST", Visitor)]),
    ("/api/class/answers", &[("POST", Presenter)]),
    ("/api/class/events", &[("STREAM", Visitor)]),
    ("/api/class/go", &[("POST", Presenter)]),
    ("/api/class/guess", &[("POST", Visitor)]),
    ("/api/class/join", &[("POST", Visitor)]),
    ("/api/class/lead", &[("GET", Presenter)]),
    ("/api/class/lesson", &[("POST", Presenter)]),
    ("/api/class/lock", &[("POST", Presenter)]),
    ("/api/class/name", &[("POST", Visitor)]),
    ("/api/class/participants/{id}", &[("DELETE", Presenter)]),
    ("/api/class/participants/{id}/name", &[("POST", Presenter)]),
    ("/api/class/reload", &[("POST", Presenter)]),
    ("/api/class/report", &[("POST", Visitor)]),
    ("/api/class/reset", &[("POST", Presenter)]),
    ("/api/class/reveal", &[("POST", Presenter)]),
    ("/api/class/plan", &[("POST", Presenter)]),
    ("/api/class/plan/go", &[("POST", Presenter)]),
    ("/api/class/run", &[("POST", Presenter)]),
    ("/api/class/run/stop", &[("POST", Presenter)]),
    ("/api/class/saved/{id}", &[("DELETE", Presenter)]),
    ("/api/class/second-guess", &[("POST", Presenter)]),
    ("/api/class/send-away-gone", &[("POST", Presenter)]),
    ("/api/class/stand-ins", &[("POST", Presenter)]),
    ("/api/class/tools", &[("POST", Presenter)]),
    ("/api/clock", &[("GET", Visitor)]),
    ("/api/conditions", &[("GET", Visitor)]),
    (
        "/api/conditions/{lane}",
        &[("GET", Visitor), ("PUT", Presenter), ("DELETE", Presenter)],
    ),
    ("/api/delays/{channel}", &[("GET", Visitor)]),
    ("/api/experiments", &[("GET", Visitor)]),
    ("/api/experiments/{id}", &[("POST", Presenter)]),
    ("/api/history/{channel}", &[("DELETE", Presenter)]),
    ("/api/lab", &[("GET", Visitor)]),
    ("/api/predictions", &[("GET", Visitor)]),
    ("/api/reach", &[("GET", Visitor)]),
    ("/api/reports", &[("POST", Visitor)]),
    ("/api/reports/key", &[("GET", Visitor)]),
    ("/api/runs", &[("GET", Visitor), ("POST", Presenter)]),
    ("/api/runs/files", &[("POST", Presenter)]),
    ("/api/runs/job", &[("GET", Visitor), ("DELETE", Presenter)]),
    ("/api/runs/job/events", &[("STREAM", Visitor)]),
    (
        "/api/runs/saved/{id}",
        &[("PUT", Presenter), ("DELETE", Presenter)],
    ),
    ("/api/sources", &[("GET", Visitor)]),
    // But on channels of a visitor's own, and the market where none runs: `presenter.rs`.
    (
        "/api/sources/{channel}",
        &[("PUT", Presenter), ("DELETE", Presenter)],
    ),
    ("/api/stats", &[("GET", Visitor)]),
    // One's own, by its key; a channel of others' is the presenter's: `taps.rs`.
    ("/api/taps", &[("POST", Visitor)]),
    ("/api/taps/own", &[("GET", Visitor), ("DELETE", Visitor)]),
    ("/api/taps/own/capture.har", &[("GET", Visitor)]),
    ("/api/taps/own/capture.pcapng", &[("GET", Visitor)]),
    (
        "/api/taps/own/exchanges/{lane}/{connection}/{exchange}",
        &[("GET", Visitor)],
    ),
    ("/app/{key}", &[("GET", Visitor)]),
    ("/apps", &[("GET", Signed), ("POST", Signed)]),
    ("/broadcasting/auth", &[("GET", Visitor), ("POST", Visitor)]),
    (
        "/broadcasting/user-auth",
        &[("GET", Visitor), ("POST", Visitor)],
    ),
    ("/chat", &[("GET", Visitor)]),
    ("/claims", &[("GET", Visitor)]),
    ("/compare", &[("GET", Visitor)]),
    ("/conditions", &[("GET", Visitor)]),
    ("/console", &[("GET", Visitor)]),
    ("/dashboard", &[("GET", Visitor)]),
    ("/docs", &[("GET", Visitor)]),
    ("/dictionaries/{lane}", &[("GET", Visitor)]),
    ("/docs/{path:.*}", &[("GET", Visitor)]),
    ("/experiments", &[("GET", Visitor)]),
    ("/experiments/{id}", &[("GET", Visitor)]),
    ("/favicon.ico", &[("GET", Visitor)]),
    ("/healthz", &[("GET", Visitor)]),
    ("/join", &[("GET", Visitor)]),
    ("/join/qr.svg", &[("GET", Visitor)]),
    ("/lessons", &[("GET", Visitor)]),
    ("/lessons/plans/{id}", &[("GET", Visitor)]),
    ("/lessons/plans/{id}/worksheet", &[("GET", Visitor)]),
    ("/lessons/plans/{id}/worksheet.md", &[("GET", Visitor)]),
    ("/lessons/{id}", &[("GET", Visitor)]),
    // But the key to it: `pages/worksheets.rs`.
    ("/lessons/{id}/worksheet", &[("GET", Visitor)]),
    ("/lessons/{id}/worksheet.md", &[("GET", Visitor)]),
    ("/metrics", &[("GET", Visitor)]),
    ("/phone", &[("GET", Visitor)]),
    ("/presenter/class", &[("GET", Presenter)]),
    ("/presenter/class/sequence", &[("GET", Presenter)]),
    ("/presenter/status", &[("GET", Visitor), ("POST", Visitor)]),
    ("/presenter/unlock/{token}", &[("GET", Presenter)]),
    ("/pusher/app/{key}/{srv}/{sid}/xhr", &[("STREAM", Visitor)]),
    (
        "/pusher/app/{key}/{srv}/{sid}/xhr_send",
        &[("POST", Visitor)],
    ),
    (
        "/pusher/app/{key}/{srv}/{sid}/xhr_streaming",
        &[("STREAM", Visitor)],
    ),
    ("/pusher/auth", &[("GET", Visitor), ("POST", Visitor)]),
    ("/pusher/user-auth", &[("GET", Visitor), ("POST", Visitor)]),
    // By its signature.
    ("/pusher/webhooks/{id}", &[("POST", Signed)]),
    ("/recovery", &[("GET", Visitor)]),
    ("/examples", &[("GET", Visitor)]),
    ("/runs", &[("GET", Visitor)]),
    ("/runs/compare", &[("GET", Visitor)]),
    ("/runs/{id}/result", &[("GET", Visitor)]),
    ("/runs/{name}", &[("GET", Visitor)]),
    ("/socket.io/", &[("GET", Visitor), ("POST", Visitor)]),
    ("/static/css/lanes.css", &[("GET", Visitor)]),
    ("/static/{path:.*}", &[("GET", Visitor)]),
    ("/users/{user}/terminate_connections", &[("POST", Signed)]),
    ("/wall", &[("GET", Visitor)]),
];

/// [`ROUTES`], and the channels of every lane of the plain envelope, which are for visitors.
pub(crate) fn routes() -> impl Iterator<Item = (String, &'static [(&'static str, May)])> {
    let plain = LANES.iter().filter(|lane| lane.protocol == "plain");
    let channels = plain.map(|lane| {
        let methods: &[_] = match (lane.fetching, lane.upgrades) {
            (Fetching::Stream, false) => &[("STREAM", Visitor)],
            _ => &[("GET", Visitor)],
        };
        (format!("{}{{channel}}", lane.path), methods)
    });
    let listed = ROUTES
        .iter()
        .map(|(path, methods)| (path.to_string(), *methods));
    listed.chain(channels)
}

/// Literals of the source that begin like an address and are none of their own: what addresses
/// begin or end with, files of the system, namespaces of Socket.IO.
const NO_ROUTES: &[&str] = &[
    "/admin",
    // As `pushlab trigger` asks for it.
    "/api/apps/demo/secret",
    "/api/channels/",
    "/app/",
    "/apps/",
    "/apps/{}/events",
    // In a hint.
    "/chat\\",
    "/custom",
    "/dictionaries/",
    "/echo",
    "/echo-actix-ws",
    "/engine.io/",
    // Links of pages.
    "/docs/{file}",
    "/docs/{name}",
    "/experiments/{experiment}",
    "/lab",
    "/lessons/plans/{}",
    "/long-poll/",
    "/presenter",
    "/presenter/unlock/",
    "/pusher/app/",
    "/pusher/webhooks/",
    "/runs/{}",
    "/short-poll/",
    "/socket.io/?{}",
    "/sse/",
    "/static/icon.svg",
    "/status",
    "/unlock/{token}",
    "/ws/",
    "/xhr",
    "/xhr_send",
    "/xhr_streaming",
    "/socket.io",
    "/users/",
];

/// Where addresses are registered.
const SERVING: [&str; 10] = [
    "access",
    "assets.rs",
    "catalogue.rs",
    "gate.rs",
    "lab_api",
    "pages",
    "protocol",
    "server",
    "telemetry.rs",
    "transport",
];

#[test]
fn every_address_of_the_source_says_here_who_may_ask() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for entry in fs::read_dir(&source).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let room = name.strip_suffix(".rs").unwrap_or(&name);
        if SERVING
            .iter()
            .any(|s| s.strip_suffix(".rs").unwrap_or(s) == room)
        {
            collect(&path, &mut files);
        }
    }
    assert!(files.len() > 50, "{}", files.len());
    let mut unknown = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let is_only_for_tests = file.ends_with("library_tests.rs");
        let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
        for literal in code.flat_map(literals).filter(|_| !is_only_for_tests) {
            let is_known = routes().any(|(path, _)| path == literal)
                || LANES.iter().any(|lane| lane.path == literal)
                || NO_ROUTES.contains(&literal.as_str())
                || literal.starts_with("/proc/");
            if !is_known {
                unknown.insert(format!("{literal} in {}", file.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "say who may ask: {unknown:#?}");
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), files);
        }
    } else if path.extension().is_some_and(|e| e == "rs") {
        files.push(path.to_owned());
    }
}

/// Texts in quotes that begin with a slash and a letter, and hold no blank.
fn literals(line: &str) -> Vec<String> {
    let parts: Vec<_> = line.split('"').collect();
    let inside = parts.iter().skip(1).step_by(2);
    inside
        .filter(|text| {
            let mut first = text.chars();
            first.next() == Some('/')
                && first.next().is_some_and(|c| c.is_ascii_alphabetic())
                && !text.contains(char::is_whitespace)
        })
        .map(|text| (*text).to_owned())
        .collect()
}

/// An address with something in its placeholders.
fn filled(path: &str, app: &str, key: &str) -> String {
    path.replace("{id}", app)
        .replace("{key}", key)
        .replace("{srv}/{sid}", "1/abcdefgh")
        .replace("{lane}", "all")
        .replace("{path:.*}", "css/none.css")
        .replace("{token}", "not-the-token-0123456789")
        .replace("{channel}", "cache-dashboard-market")
        .replace("{name}", "none")
        .replace("{user}", "ann")
}

fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &str,
    body: &str,
    is_stream: bool,
) -> Answer {
    let mut http = Http::over(Connection::connect(address));
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    http.connection.send(request.as_bytes()).unwrap();
    if is_stream || method == "HEAD" {
        return http.read_head().unwrap();
    }
    http.read_answer()
        .unwrap_or_else(|error| panic!("{method} {target}: {error}"))
}

#[test]
fn what_is_the_presenters_is_refused_to_visitors_by_every_method_and_spelling() {
    // Longer than all these requests take on a busy machine: once it has ended, visitors may start it.
    let lab = spawn_lab(Config {
        source_linger: Span(Duration::from_secs(600)),
        ..test_config()
    });
    let (_, key, _) = lab.apps().demo().unwrap();
    let main = lab.address("main");
    let put = |path: &str| request(main, "PUT", path, &bearer(), SOURCE, false);
    assert_eq!(put("/api/sources/cache-dashboard-market").status, 200);
    let before = state(&lab);
    let spelt = |target: &str| {
        let escaped = target.replacen("/a", "/%61", 1);
        let below = format!("/presenter{target}");
        [target.to_owned(), escaped, below]
    };
    let forms = [
        "",
        "x-http-method-override: DELETE\r\n",
        "x-http-method: PUT\r\n",
        "x-method-override: POST\r\n",
        "x-forwarded-for: 127.0.0.1\r\n",
        "x-original-url: /api/conditions/all\r\n",
        "authorization: Bearer\r\n",
        "authorization: Bearer \r\n",
        "cookie: pushlab-presenter=1\r\n",
    ];
    for (path, methods) in routes() {
        let path = path.as_str();
        for id in ["demo", "1"] {
            let target = filled(path, id, key);
            for form in forms {
                for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"] {
                    let named = if method == "HEAD" { "GET" } else { method };
                    let is_presenters = methods.contains(&(named, Presenter));
                    let is_known = methods.iter().any(|(known, _)| *known == named);
                    if is_known && !is_presenters || path.starts_with("/apps") {
                        continue;
                    }
                    // What is no method of an address is refused by name.
                    let is_api = target.starts_with("/api/");
                    let spellings = match is_presenters && is_api {
                        true => spelt(&target).to_vec(),
                        false => vec![target.clone()],
                    };
                    for target in spellings {
                        if methods.contains(&("STREAM", Visitor)) {
                            continue;
                        }
                        let answer = request(main, method, &target, form, SOURCE, false);
                        let is_refused = match is_presenters {
                            true => answer.status == 403,
                            false => (400..=405).contains(&answer.status) || answer.status == 411,
                        };
                        assert!(is_refused, "{method} {target} {form:?}: {}", answer.status);
                        if is_presenters && method != "HEAD" {
                            let code = answer.error_code();
                            assert_eq!(code, "presenter_only", "{method} {target} {form:?}");
                        }
                    }
                }
                // As a parameter, for frameworks that look there.
                if methods.iter().any(|(_, may)| *may == Presenter) && target.starts_with("/api/") {
                    let sep = if target.contains('?') { '&' } else { '?' };
                    let token = "token=x&access_token=x&_method=DELETE";
                    let target = format!("{target}{sep}{token}");
                    let answer = request(main, "POST", &target, form, "{}", false);
                    assert!(answer.status >= 400, "{target} {form:?}");
                }
            }
        }
    }
    // Upgrades of what is the presenter's, and on every lane.
    for lane in lab.lanes() {
        for (path, methods) in routes() {
            let path = path.as_str();
            if methods.iter().any(|(_, may)| *may == Presenter) {
                let target = filled(path, "demo", key);
                let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
                let mut http = Http::over(Connection::connect(lab.address(lane.lane.0)));
                let text = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n{upgrade}\r\n");
                http.connection.send(text.as_bytes()).unwrap();
                let status = http.read_head().unwrap().status;
                assert!(status >= 400, "{target} on {}: {status}", lane.lane.0);
            }
        }
    }
    // The Admin UI has a password of its own, and without one there is no such namespace.
    let mut socket =
        support::socketio::SocketIo::open(Connection::connect(main), true, "").unwrap();
    for auth in ["", "{}", r#"{"username":"admin","password":""}"#] {
        socket.send(&format!("0/admin,{auth}")).unwrap();
        let refused = socket.next().unwrap();
        assert!(refused.starts_with("4/admin,"), "{refused}");
    }
    assert_eq!(state(&lab), before);
}

const SOURCE: &str = r#"{"kind":"compare","rate_per_s":1,"size_bytes":60}"#;

fn bearer() -> String {
    format!("authorization: Bearer {}\r\n", support::TEST_TOKEN)
}

/// What only the presenter may change.
fn state(lab: &TestLab) -> Vec<String> {
    let ask = |path: &str| lab.http("main").get(path).text();
    let without_count = |text: String| {
        let mut json: Value = serde_json::from_str(&text).unwrap();
        for source in json["sources"].as_array_mut().unwrap() {
            source.as_object_mut().unwrap().remove("published_total");
        }
        json.to_string()
    };
    let urls = |text: String| {
        let json: Value = serde_json::from_str(&text).unwrap();
        json["urls"].to_string()
    };
    vec![
        without_count(ask("/api/sources")),
        ask("/api/conditions/all"),
        ask("/api/runs"),
        urls(ask("/api/apps/demo/webhooks")),
    ]
}

// What is told

/// In everything that is secret.
const MARK: &str = "SECRET-MARK";
/// Id of an application: digits, but not by chance those of an instant.
const APP: &str = "717171717171717171717171";

/// The program with marks wherever something secret can be set.
struct Marked {
    child: Child,
    lanes: Vec<SocketAddr>,
    main: SocketAddr,
    folder: Folder,
    log: Option<JoinHandle<String>>,
    demo_secret: String,
    demo_key: String,
}

impl Marked {
    fn start() -> Self {
        let folder = Folder::new(MARK);
        let settings = format!(
            r#"
            [[apps]]
            id = "{APP}"
            key = "{MARK}-key"
            secret = "{MARK}-secret"
            client_events = true
            [[apps.webhooks]]
            url = "http://{MARK}-user:{MARK}-password@127.0.0.1:9/hook?token={MARK}"
            headers = {{ authorization = "{MARK}-header" }}
            "#
        );
        let file = folder.write("lab.toml", settings);
        let mut child = Command::new(env!("CARGO_BIN_EXE_pushlab"))
            .args(["serve", "--port", "0", "--json", "--log", "debug"])
            // The name that the raw clients of tests ask under.
            .args(["--hosts", "lab", "--config"])
            .arg(&file)
            .env("PUSHLAB_DATA_DIR", folder.file("data"))
            .env(
                "PUSHLAB_PRESENTER_TOKEN",
                format!("{MARK}-token-0123456789"),
            )
            .env("PUSHLAB_SOCKETIO_ADMIN_PASSWORD", format!("{MARK}-admin"))
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let lanes: Vec<SocketAddr> = said["listening"]
            .as_array()
            .unwrap()
            .iter()
            .map(|lane| {
                let url = lane["url"].as_str().unwrap();
                url.strip_prefix("http://").unwrap().parse().unwrap()
            })
            .collect();
        let demo = |name: &str| said["demo_app"][name].as_str().unwrap().to_owned();
        Self {
            main: lanes[0],
            lanes,
            child,
            folder,
            log: Some(log),
            demo_secret: demo("secret"),
            demo_key: demo("key"),
        }
    }

    fn as_presenter(&self, method: &str, target: &str, body: &str) -> Answer {
        let bearer = format!("authorization: Bearer {MARK}-token-0123456789\r\n");
        request(self.main, method, target, &bearer, body, false)
    }

    /// Stops it and gives its log.
    fn stop(&mut self) -> String {
        // SAFETY: `kill` touches no memory; the child is not waited for yet, so the number is its
        // own.
        unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM) };
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        self.log.take().unwrap().join().unwrap()
    }
}

impl Drop for Marked {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn nothing_secret_is_told_to_visitors_or_written_down() {
    let mut lab = Marked::start();
    // A neighbour in the other application, one of the demo, and somebody's source.
    let mut app = open_channels(lab.main, &format!("{MARK}-key"));
    let subscribe =
        format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"{MARK}-channel"}}}}"#);
    app.socket.send(TEXT, subscribe.as_bytes()).unwrap();
    let subscribed = app.socket.expect_json();
    assert_eq!(
        subscribed["event"],
        "pusher_internal:subscription_succeeded"
    );
    let neighbour = open_channels(lab.main, &lab.demo_key);
    let source = request(
        lab.main,
        "PUT",
        "/api/sources/compare-own",
        "",
        SOURCE,
        false,
    )
    .json();
    let source_key = source["key"].as_str().unwrap();
    let session = request(
        lab.main,
        "GET",
        "/socket.io/?EIO=4&transport=polling",
        "",
        "",
        false,
    );
    let session: Value = serde_json::from_str(&session.text()[1..]).unwrap();
    // A run, and a plan that would save a secret with its results.
    let plan = r#"{"lanes":"sse","clients":1,"rate":5,"warm_up":"0s","duration":"1s"}"#;
    assert_eq!(lab.as_presenter("POST", "/api/runs", plan).status, 202);
    let events = lab.as_presenter("GET", "/api/runs/job/events", "").text();
    assert!(events.contains(r#""state":"done""#), "{events}");
    let runs = lab.as_presenter("GET", "/api/runs", "").json();
    let run = runs["runs"][0]["id"].as_str().unwrap().to_owned();
    let refused = r#"{"lanes":"sse","server":"presenter_token=0123456789abcdef"}"#;
    let refused = lab.as_presenter("POST", "/api/runs", refused);
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("PUSHLAB_PRESENTER_TOKEN"));

    let folder = lab.folder.path().display().to_string();
    let secrets = [
        MARK,
        APP,
        &folder,
        &lab.demo_secret,
        &app.socket_id,
        &neighbour.socket_id,
        source_key,
        session["sid"].as_str().unwrap(),
        env!("CARGO_MANIFEST_DIR"),
    ];
    let mut walked = 0;
    let mut look = |what: &str, answer: &Answer| {
        walked += 1;
        let headers = answer.headers.iter();
        let headers: String = headers.map(|(n, v)| format!("{n}: {v}\n")).collect();
        let text = headers + &answer.text();
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} in {what}: {text}");
        }
        assert_eq!(answer.header("server"), None, "{what}");
        assert_eq!(answer.header("set-cookie"), None, "{what}");
    };
    let pages: Vec<String> = routes()
        .flat_map(|(path, _)| {
            let of_run = path.replace("{name}", &run);
            let of_run = of_run.replace("/runs/{id}", &format!("/runs/{run}"));
            [
                filled(&path, "demo", &lab.demo_key),
                filled(&of_run, "1", &lab.demo_key),
            ]
        })
        .chain([".json", ".csv", ".html", ".md"].map(|form| format!("/runs/{run}{form}")))
        .chain(
            [
                "/nowhere",
                "/runs/..%2F..%2Fetc",
                "/static/..%2F..%2FCargo.toml",
                "/api/stats?channel=x",
                "/runs/compare?a=none&b=none",
                "/chat?room=%00",
                "/api/runs?after=none",
            ]
            .map(str::to_owned),
        )
        .collect();
    for (lane, address) in lab.lanes.iter().enumerate() {
        for target in &pages {
            let known = routes().find(|(path, _)| filled(path, "demo", &lab.demo_key) == *target);
            let is_stream =
                known.is_some_and(|(_, methods)| methods.contains(&("STREAM", Visitor)));
            let target = match target.strip_prefix("/long-poll/") {
                Some(channel) => format!("/long-poll/{channel}?hold_ms=0"),
                None => target.clone(),
            };
            for (method, headers) in [
                ("GET", ""),
                ("GET", "accept: text/html\r\n"),
                (
                    "GET",
                    "x-forwarded-host: evil.example\r\nforwarded: host=evil.example\r\n",
                ),
                ("HEAD", ""),
            ] {
                if lane > 0 && !headers.is_empty() {
                    continue;
                }
                let answer = request(*address, method, &target, headers, "", is_stream);
                look(&format!("{method} {target} {headers}on {lane}"), &answer);
                assert!(!answer.text().contains("evil.example"), "{target}");
                for (_, value) in &answer.headers {
                    assert!(!value.contains("evil.example"), "{target}: {value}");
                }
            }
        }
    }
    for (path, methods) in routes() {
        let path = path.as_str();
        for (method, _) in methods
            .iter()
            .filter(|(m, _)| !["GET", "STREAM"].contains(m))
        {
            for body in ["", "{", "{}", "[]", "null", "channel_name=x&socket_id=y"] {
                let target = filled(path, "demo", &lab.demo_key);
                let answer = request(lab.main, method, &target, "", body, false);
                look(&format!("{method} {target} with {body:?}"), &answer);
            }
        }
    }
    for form in ["json", "html", "csv", "md"] {
        let saved = lab.as_presenter("GET", &format!("/runs/{run}.{form}"), "");
        assert_eq!(saved.status, 200, "{form}");
        look(&format!("the saved run as {form}"), &saved);
    }
    assert!(walked > 1_000, "{walked}");
    drop((app, neighbour));
    let log = lab.stop();
    assert!(log.contains("answered") || log.contains("request"), "{log}");
    for secret in [
        "-secret",
        "-password",
        "-header",
        "-token",
        "-admin",
        "?token",
    ] {
        let secret = format!("{MARK}{secret}");
        assert!(!log.contains(&secret), "{secret} in the log");
    }
    for secret in [lab.demo_secret.as_str(), source_key] {
        assert!(!log.contains(secret), "{secret} in the log");
    }
}

struct OnChannels {
    socket: WebSocket,
    socket_id: String,
}

fn open_channels(address: SocketAddr, key: &str) -> OnChannels {
    let path = format!("/app/{key}?protocol=7");
    let mut socket = WebSocket::open_path(Connection::connect(address), &path).unwrap();
    let established = socket.expect_json();
    let data: Value = serde_json::from_str(established["data"].as_str().unwrap()).unwrap();
    OnChannels {
        socket,
        socket_id: data["socket_id"].as_str().unwrap().to_owned(),
    }
}

/// No lane's address is below the path of the presenter's cookie, and each is in the table.
#[test]
fn every_transport_is_in_the_table() {
    for lane in pushlab::catalogue::LANES {
        let is_there = routes().any(|(path, _)| path.starts_with(lane.path));
        assert!(is_there, "{}", lane.path);
        assert!(!lane.path.starts_with("/presenter"));
    }
}
