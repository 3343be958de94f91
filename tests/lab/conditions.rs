//! Network conditions of lanes, over real sockets: each one seen to act, changed while connections
//! are open, under TLS, and through `pushlab run`.
//!
//! Time is asserted downwards only: what is delayed does not come sooner. How exact delays are is
//! `benches/conditions.rs`'s to say.

use std::{
    io,
    process::Command,
    time::{Duration, Instant},
};

use awc::http::Method;
use pushlab::{
    client::{ordinary, tls::Trust},
    config::Config,
};
use serde_json::{Value, json};

use crate::support::{
    self, PATIENCE, TestLab,
    connection::Connection,
    eventually,
    http::{Answer, Http},
    spawn_lab,
    sse::EventStream,
    test_config,
    websocket::WebSocket,
};

/// How long is looked for what must not come.
const A_WHILE: Duration = Duration::from_millis(300);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn lab() -> TestLab {
    spawn_lab(test_config())
}

fn ask(lab: &TestLab, method: &str, lane: &str, body: &Value) -> Answer {
    let path = format!("/api/conditions/{lane}");
    let body = body.to_string();
    lab.http("main")
        .request(method, &path, &[], body.as_bytes())
}

fn put(lab: &TestLab, lane: &str, conditions: &str) {
    let answer = ask(
        lab,
        "PUT",
        lane,
        &json!({ "conditions": conditions, "seed": 7 }),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn clear(lab: &TestLab, lane: &str) {
    let answer = ask(lab, "DELETE", lane, &Value::Null);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// What holds for a lane, as the API tells it.
fn in_effect(lab: &TestLab, lane: &str) -> Value {
    let all = lab.http("main").get("/api/conditions").json();
    let lanes = all["lanes"].as_array().expect("lanes are listed").clone();
    let found = lanes.into_iter().find(|known| known["lane"] == lane);
    found.expect("the lane is listed")["conditions"].take()
}

/// An answer of a lane on a kept-alive connection, and how long it took.
fn timed(http: &mut Http) -> Duration {
    let asked = Instant::now();
    assert_eq!(http.get("/healthz").status, 200);
    asked.elapsed()
}

fn kind<T>(result: io::Result<T>) -> io::ErrorKind {
    match result {
        Ok(_) => panic!("it went well"),
        Err(error) => error.kind(),
    }
}

fn subscribed(lab: &TestLab, channel: &str) -> WebSocket {
    let mut socket = WebSocket::open(lab.address("websocket"), channel);
    socket.expect_subscribed();
    socket
}

#[test]
fn what_is_no_condition_is_refused_by_name() {
    let lab = lab();
    for (lane, body, code, names) in [
        (
            "main",
            json!({"conditions": "train tunnel"}),
            "no_conditions_here",
            "main",
        ),
        (
            "pigeon",
            json!({"conditions": "train tunnel"}),
            "unknown_lane",
            "pigeon",
        ),
        (
            "sse",
            json!({"conditions": "pigeon"}),
            "bad_conditions",
            "pigeon",
        ),
        (
            "sse",
            json!({"conditions": "latency left=1ms"}),
            "bad_conditions",
            "left",
        ),
        (
            "sse",
            json!({"conditions": "latency down=9h"}),
            "bad_conditions",
            "0s to 1m",
        ),
        (
            "sse",
            json!({"conditions": ""}),
            "bad_conditions",
            "no condition",
        ),
        (
            "sse",
            json!({"condition": "x"}),
            "bad_conditions",
            "condition",
        ),
        (
            "sse",
            json!({"conditions": "x".repeat(5_000)}),
            "bad_conditions",
            "1000",
        ),
    ] {
        let answer = ask(&lab, "PUT", lane, &body);
        assert_eq!(answer.error_code(), code, "{body}");
        assert!(answer.text().contains(names), "{}", answer.text());
    }
    assert_eq!(ask(&lab, "DELETE", "main", &Value::Null).status, 409);
    assert_eq!(ask(&lab, "POST", "sse", &Value::Null).status, 405);
    let foreign = [("origin", "http://evil.example")];
    let body = br#"{"conditions":"train tunnel"}"#;
    let mut http = lab.http("main");
    let answer = http.request("PUT", "/api/conditions/sse", &foreign, body);
    assert_eq!(answer.error_code(), "foreign_page");
    assert_eq!(in_effect(&lab, "sse"), Value::Null);
}

#[test]
fn a_lab_on_one_port_stays_within_reach() {
    let lab = spawn_lab(Config {
        single_port: true,
        ..test_config()
    });
    for lane in ["sse", "all", "main"] {
        let answer = ask(&lab, "PUT", lane, &json!({ "conditions": "train tunnel" }));
        assert_eq!(answer.error_code(), "no_conditions_here");
        assert!(answer.text().contains("--single-port"));
    }
}

#[test]
fn the_catalogue_says_what_there_is_and_what_holds() {
    let lab = lab();
    let all = lab.http("main").get("/api/conditions").json();
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|it| it["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for name in [
        "latency",
        "bandwidth",
        "stall",
        "radio",
        "cut-fin",
        "cut-rst",
        "half-open",
        "tunnel",
    ] {
        assert!(
            names(&all["catalogue"]).contains(&name.to_owned()),
            "{name}"
        );
    }
    for preset in names(&all["presets"]) {
        put(&lab, "all", &preset);
        let holds = in_effect(&lab, "websocket");
        assert_eq!(holds["text"], preset.as_str());
        assert_eq!(holds["seed"], 7);
    }
    clear(&lab, "all");
    assert_eq!(in_effect(&lab, "websocket"), Value::Null);
}

#[test]
fn latency_delays_both_ways_and_a_new_connections_handshake() {
    let lab = lab();
    put(&lab, "sse", "latency down=80ms up=40ms");
    // From before the kernel's handshake: the lab's way begins while this thread may still wait.
    let connecting = Instant::now();
    let mut http = lab.http("sse");
    timed(&mut http);
    // SYN and its answer, the request, the answer.
    assert!(connecting.elapsed() >= ms(240));
    assert!(timed(&mut http) >= ms(120));
    assert_eq!(in_effect(&lab, "sse")["connections"], 1);
    // Its neighbours are not touched, and the main lane is not.
    assert_eq!(in_effect(&lab, "websocket"), Value::Null);
    put(&lab, "sse", "latency down=200ms");
    assert!(timed(&mut http) >= ms(200));
    clear(&lab, "sse");
    timed(&mut http);
    eventually(PATIENCE, "it has its socket back", || {
        timed(&mut http);
        lab.lab()
            .conditions
            .lanes()
            .all(|(_, lane)| lane.open() == 0)
    });
    // And follows again, though it is idle.
    put(&lab, "sse", "cut-rst after=0s whom=present");
    assert_eq!(kind(http.connection.fill()), io::ErrorKind::ConnectionReset);
}

#[test]
fn delays_do_not_compound() {
    let lab = lab();
    put(&lab, "websocket", "latency down=300ms");
    let mut socket = subscribed(&lab, "many");
    let published = Instant::now();
    for n in 0..20 {
        lab.publish("many", "tick", json!(n));
    }
    for n in 0..20 {
        assert_eq!(socket.expect_json()["data"], n);
        assert!(published.elapsed() >= ms(300));
    }
    // Twenty delays one after the other would be six seconds.
    assert!(published.elapsed() < ms(6_000));
}

#[test]
fn idle_connections_are_cut_as_soon_as_conditions_say_so() {
    let lab = lab();
    let mut socket = subscribed(&lab, "cut");
    let mut stream = EventStream::open(lab.address("sse"), "cut");
    stream.expect("subscribed");
    put(&lab, "websocket", "cut-rst after=0s whom=present");
    assert_eq!(kind(socket.next()), io::ErrorKind::ConnectionReset);
    put(&lab, "sse", "cut-fin after=0s whom=present");
    stream
        .http
        .connection
        .read_to_fin()
        .expect("a FIN, in good order");
    eventually(PATIENCE, "the server has noticed", || {
        lab.subscribers("cut") == 0
    });
    // Who comes later is spared.
    subscribed(&lab, "cut");
}

#[test]
fn half_open_swallows_both_ways_and_tells_nobody_until_it_is_lifted() {
    let lab = lab();
    let mut socket = subscribed(&lab, "hole");
    put(&lab, "websocket", "half-open after=0s");
    lab.publish("hole", "tick", json!(1));
    socket.connection.set_patience(A_WHILE);
    assert_eq!(kind(socket.next()), io::ErrorKind::TimedOut);
    socket.publish("said", &json!(2), "x").unwrap();
    assert_eq!(kind(socket.next()), io::ErrorKind::TimedOut);
    assert_eq!(lab.subscribers("hole"), 1);
    socket.connection.set_patience(PATIENCE);
    clear(&lab, "websocket");
    assert_eq!(socket.expect_json()["data"], 1);
    let rest: Vec<_> = (0..2).map(|_| socket.expect_json()).collect();
    assert!(
        rest.iter().any(|message| message["ack"]["id"] == "x"),
        "{rest:?}"
    );
}

/// With the write that finds the conditions gone, the connection gets its socket back, and whoever
/// waits to read must wait for that.
#[test]
fn who_waits_is_heard_when_conditions_are_gone() {
    let lab = lab();
    let mut socket = subscribed(&lab, "lifted");
    put(&lab, "websocket", "latency down=1ms up=1ms");
    for n in 1..=20 {
        lab.publish("lifted", "tick", json!(n));
        assert_eq!(socket.expect_json()["data"], n);
        match n % 2 {
            1 => clear(&lab, "websocket"),
            _ => put(&lab, "websocket", "latency down=1ms up=1ms"),
        }
        lab.publish("lifted", "tick", json!("after the change"));
        assert_eq!(socket.expect_json()["data"], "after the change");
        let id = format!("said-{n}");
        socket.publish("said", &json!(n), &id).unwrap();
        let answers: Vec<_> = (0..2).map(|_| socket.expect_json()).collect();
        assert!(
            answers.iter().any(|message| message["ack"]["id"] == id),
            "{answers:?}"
        );
    }
}

#[test]
fn a_silent_tunnel_keeps_what_is_sent_and_lets_it_out_at_its_end() {
    let lab = lab();
    let mut socket = subscribed(&lab, "silent");
    let began = Instant::now();
    put(
        &lab,
        "websocket",
        "tunnel away=500ms every=1h first=0s existing=silent",
    );
    lab.publish("silent", "tick", json!(1));
    assert_eq!(socket.expect_json()["data"], 1);
    assert!(began.elapsed() >= ms(500));
}

#[test]
fn a_tunnel_resets_who_is_there_and_refuses_or_hangs_who_comes() {
    let lab = lab();
    let mut socket = subscribed(&lab, "tunnel");
    put(
        &lab,
        "websocket",
        "tunnel away=1h every=2h first=0s new=refuse",
    );
    assert_eq!(kind(socket.next()), io::ErrorKind::ConnectionReset);
    let refused = lab
        .http("websocket")
        .try_request("GET", "/healthz", &[], b"");
    assert_eq!(kind(refused), io::ErrorKind::ConnectionReset);
    put(
        &lab,
        "websocket",
        "tunnel away=1h every=2h first=0s new=hang",
    );
    let mut hanging = lab.http("websocket");
    hanging.connection.set_patience(A_WHILE);
    let hung = hanging.try_request("GET", "/healthz", &[], b"");
    assert_eq!(kind(hung), io::ErrorKind::TimedOut);
    hanging.connection.set_patience(PATIENCE);
    clear(&lab, "websocket");
    assert_eq!(hanging.read_answer().unwrap().status, 200);
}

#[test]
fn bandwidth_and_stalls_take_their_time() {
    let lab = lab();
    let mut stream = EventStream::open(lab.address("sse"), "slow");
    stream.expect("subscribed");
    // 10,000 bytes a second, after a burst of 3 KiB.
    put(&lab, "sse", "bandwidth down=80kbit");
    let began = Instant::now();
    lab.publish("slow", "tick", json!("x".repeat(8_000)));
    stream.next().unwrap().expect("it goes on");
    assert!(began.elapsed() >= ms(450));
    put(&lab, "sse", "stall every=10ms for=200ms again=0");
    let mut http = lab.http("sse");
    eventually(PATIENCE, "a request meets a stall", || {
        timed(&mut http) >= ms(150)
    });
}

#[test]
fn a_radio_that_sleeps_is_late_for_what_comes_and_one_that_is_awake_is_not() {
    let lab = lab();
    let mut http = lab.http("sse");
    timed(&mut http);
    put(&lab, "sse", "radio sleep=1ms wake=200ms");
    eventually(PATIENCE, "a request wakes the radio", || {
        timed(&mut http) >= ms(200)
    });
    // Longer than this test waits for an answer.
    put(&lab, "sse", "radio sleep=1h wake=1m");
    timed(&mut http);
}

#[test]
fn a_slow_consumer_is_felt_by_the_server() {
    let lab = spawn_lab(Config {
        subscriber_queue_max_bytes: 64 << 10,
        ..test_config()
    });
    put(&lab, "websocket", "slow-consumer rate=80kbit window=4KiB");
    let _slow = subscribed(&lab, "heavy");
    for _ in 0..100 {
        lab.publish("heavy", "tick", json!("x".repeat(1_000)));
    }
    eventually(PATIENCE, "its queue was over its budget", || {
        lab.drops("heavy") > 0
    });
}

#[test]
fn who_is_one_too_many_is_reset() {
    let lab = lab();
    put(&lab, "sse", "limit connections=1");
    let mut first = lab.http("sse");
    timed(&mut first);
    let second = || lab.http("sse").try_request("GET", "/healthz", &[], b"");
    assert_eq!(kind(second()), io::ErrorKind::ConnectionReset);
    drop(first);
    eventually(PATIENCE, "there is room again", || second().is_ok());
}

const UPGRADE: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

#[test]
fn an_office_refuses_swallows_or_strips_upgrades() {
    let lab = lab();
    let upgrade = |http: &mut Http| http.try_request("GET", "/ws/office", &UPGRADE, b"");
    put(&lab, "websocket", "office upgrade=403");
    let mut http = lab.http("websocket");
    // Plain requests pass.
    timed(&mut http);
    let refused = upgrade(&mut http).unwrap();
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("not allowed"));
    http.connection.read_to_fin().expect("and closes");
    put(&lab, "websocket", "office upgrade=strip");
    let stripped = upgrade(&mut lab.http("websocket")).unwrap();
    assert_eq!(stripped.error_code(), "upgrade_required");
    put(&lab, "websocket", "office upgrade=hang");
    let mut http = lab.http("websocket");
    http.connection.set_patience(A_WHILE);
    assert_eq!(kind(upgrade(&mut http)), io::ErrorKind::TimedOut);
    put(&lab, "websocket", "office upgrade=pass idle=1s");
    let mut socket = subscribed(&lab, "office");
    assert!(socket.next().unwrap().is_none(), "cut for being idle");
}

#[test]
fn an_office_gathers_streaming_answers_and_may_be_asked_not_to() {
    let lab = lab();
    put(&lab, "sse", "office buffer=1MiB hold=1h");
    let connection = Connection::connect(lab.address("sse"));
    connection.set_patience(A_WHILE);
    let mut http = Http::over(connection);
    http.send_request("GET", "/sse/gathered", &[], b"").unwrap();
    assert_eq!(kind(http.read_head()), io::ErrorKind::TimedOut);
    // What has a length passes.
    timed(&mut lab.http("sse"));
    put(&lab, "sse", "office buffer=1MiB hold=1h accel=honour");
    EventStream::open(lab.address("sse"), "gathered").expect("subscribed");
    // By time.
    put(&lab, "sse", "office buffer=1MiB hold=200ms");
    let asked = Instant::now();
    EventStream::open(lab.address("sse"), "gathered").expect("subscribed");
    assert!(asked.elapsed() >= ms(200));
    // Lifted, what was gathered comes.
    http.connection.set_patience(PATIENCE);
    clear(&lab, "sse");
    assert_eq!(http.read_head().unwrap().status, 200);
}

#[test]
fn the_handshake_of_tls_is_under_conditions_as_well() {
    let lab = spawn_lab(Config {
        tls_self_signed: true,
        ..test_config()
    });
    let conditions = format!("https://{}/api/conditions/sse", lab.address("main"));
    let sse = format!("https://{}/healthz", lab.address("sse"));
    let asked = async |method: Method, url: &str, body: String| {
        // Each time a new one, and so a new connection.
        let client = ordinary::client(&Trust::Anything, PATIENCE, 0).unwrap();
        let request = ordinary::request(&client, method, &url.parse().unwrap());
        let request = request.bearer_auth(support::TEST_TOKEN);
        assert_eq!(request.send_body(body).await.unwrap().status(), 200);
    };
    actix_rt::System::new().block_on(async {
        let body = json!({ "conditions": "latency down=40ms up=40ms" }).to_string();
        asked(Method::PUT, &conditions, body).await;
        let began = Instant::now();
        asked(Method::GET, &sse, String::new()).await;
        // TCP's handshake, TLS's and the request: a round trip each.
        assert!(began.elapsed() >= ms(240));
        asked(Method::DELETE, &conditions, String::new()).await;
        asked(Method::GET, &sse, String::new()).await;
    });
}

#[test]
fn under_a_tunnel_resume_delivers_everything_and_without_it_some_is_lost() {
    let output = Command::new(env!("CARGO_BIN_EXE_pushlab"))
        .args(["run", "--clients", "2", "--rate", "10", "--duration", "4s"])
        .args([
            "--warm-up",
            "300ms",
            "--poll-interval",
            "100ms",
            "--resume",
            "both",
        ])
        // Four of them: in one alone a busy machine may publish nothing.
        .args(["--conditions", "tunnel away=400ms every=1s", "--json"])
        .output()
        .expect("the program starts");
    // A busy machine makes delays invalid, and delivery not.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON, alone");
    let lanes = report["lanes"].as_array().unwrap();
    assert!(lanes.len() > 10, "every lane, and again without resume");
    for lane in lanes {
        let ratio = lane["measured"]["delivery_ratio"]["value"]
            .as_f64()
            .unwrap();
        let row = &lane["row"];
        match lane["resume"].as_bool().unwrap() {
            true => assert_eq!(ratio, 1.0, "{row}"),
            false => assert!(ratio < 0.95, "{row}: {ratio}"),
        }
        assert_eq!(lane["measured"]["duplicates"]["value"], 0.0, "{row}");
        let predicted = lane["predicted"]["delivery_ratio"]["value"]
            .as_f64()
            .unwrap();
        assert!(predicted == 1.0 || predicted <= 0.8, "{row}");
        assert!(
            lane["predicted"]["p50_us"].is_null(),
            "no closed form: {row}"
        );
    }
}
