//! Strangers in a class's network: what they fill, how often they join, and what the presenter does about it.

use pushlab::config::Config;
use serde_json::{Value, json};

use crate::{
    class_play::Lead,
    support::{TEST_TOKEN, TestLab, folder::Folder, http::Answer, spawn_lab, test_config},
};

/// Behind a proxy on this machine, so that phones are at addresses of their own.
fn config(folder: &Folder) -> Config {
    Config {
        data_dir: folder.path().into(),
        trusted_proxies: "127.0.0.0/8".parse().unwrap(),
        ..test_config()
    }
}

fn ask(lab: &TestLab, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let path = format!("/api/class{path}");
    let mut http = lab.http("main");
    http.request("POST", &path, headers, body.to_string().as_bytes())
}

/// Joins from an address; `""`: from this machine.
fn join(lab: &TestLab, code: &Value, from: &str) -> Answer {
    let forwarded = [("x-forwarded-for", from)];
    let headers = if from.is_empty() {
        &forwarded[..0]
    } else {
        &forwarded[..]
    };
    ask(lab, "/join", headers, &json!({ "code": code }))
}

fn cookie(joined: &Answer) -> String {
    assert_eq!(joined.status, 200, "{}", joined.text());
    let set = joined.header("set-cookie").unwrap();
    set.split(';').next().unwrap().to_owned()
}

#[test]
fn the_presenter_lets_nobody_else_in_and_who_is_in_comes_back() {
    let folder = Folder::new("class-door");
    let lab = spawn_lab(config(&folder));
    let mut lead = Lead::of(&lab);
    let code = lead.post("/api/class", json!({}))["code"].clone();
    let own = cookie(&join(&lab, &code, ""));
    let page = || lab.http("main").get("/join").text();
    let closed = |page: String| !page.contains("data-closed role=\"status\" hidden");
    assert!(!closed(page()));
    lead.post("/api/class/tools", json!({ "closed": true }));
    let refused = join(&lab, &code, "");
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert_eq!(refused.error_code(), "door_closed");
    assert!(refused.text().contains("Let nobody else in"));
    let again = ask(&lab, "/join", &[("cookie", &own)], &json!({}));
    assert_eq!(again.status, 200, "{}", again.text());
    assert!(closed(page()));
    let key = lab.lab().stand_ins_key.text().to_owned();
    let stand_in = json!({ "code": code, "stand_in": key });
    assert_eq!(ask(&lab, "/join", &[], &stand_in).status, 200);
    let state = lead.post("/api/class/tools", json!({ "closed": false }));
    assert_eq!(
        (&state["closed"], &state["joined"]),
        (&json!(false), &json!(2))
    );
    assert_eq!(join(&lab, &code, "").status, 200);
}

#[test]
fn one_address_joins_ten_times_and_then_one_by_one() {
    let folder = Folder::new("class-joins");
    let lab = spawn_lab(config(&folder));
    let code = Lead::of(&lab).post("/api/class", json!({}))["code"].clone();
    let refused = (0..40).map(|_| join(&lab, &code, "192.0.2.1"));
    let refused = refused.enumerate().find(|(_, answer)| answer.status != 200);
    let (nth, refused) = refused.expect("not all of them at once");
    // One more each two seconds, if this machine is slow.
    assert!((10..20).contains(&nth), "{nth}");
    assert_eq!(refused.error_code(), "too_many_join");
    assert_eq!(refused.header("retry-after"), Some("2"));
    assert_eq!(join(&lab, &code, "192.0.2.2").status, 200);
    let bearer = format!("Bearer {TEST_TOKEN}");
    for _ in 0..20 {
        assert_eq!(join(&lab, &code, "").status, 200, "this machine");
        let headers = [("x-forwarded-for", "192.0.2.1"), ("authorization", &bearer)];
        let led = ask(&lab, "/join", &headers, &json!({ "code": code }));
        assert_eq!(led.status, 200, "{}", led.text());
    }
}

#[test]
fn one_address_has_one_voice_and_none_without_a_stream() {
    let folder = Folder::new("class-voices");
    let lab = spawn_lab(config(&folder));
    let mut lead = Lead::of(&lab);
    let code = lead.post("/api/class", json!({}))["code"].clone();
    let mut streams = Vec::new();
    for (nth, (from, has_stream)) in [
        ("192.0.2.1", true),
        ("192.0.2.9", true),
        ("192.0.2.9", true),
        ("192.0.2.9", true),
        ("192.0.2.9", false),
        ("192.0.2.3", false),
    ]
    .into_iter()
    .enumerate()
    {
        let own = cookie(&join(&lab, &code, from));
        let headers = [("x-forwarded-for", from), ("cookie", &own)];
        if has_stream {
            let mut http = lab.http("main");
            http.send_request("GET", "/api/class/events", &headers, b"")
                .unwrap();
            assert_eq!(http.read_head().unwrap().status, 200);
            streams.push(http);
        }
        let report = json!({ "visible": true, "state": "open", "delay_ms": nth });
        assert_eq!(ask(&lab, "/report", &headers, &report).status, 204);
    }
    let grid = lead.state()["grid"].clone();
    let speaks = grid.as_array().unwrap().iter().map(|one| &one["speaks"]);
    assert_eq!(
        speaks.collect::<Vec<_>>(),
        [true, false, true, false, false, false]
    );
    // The wall is told who speaks, and nobody's address.
    let wall = lab.http("main").get("/api/class");
    assert_eq!(wall.json()["grid"], grid);
    assert!(!wall.text().contains("192.0.2."), "{}", wall.text());
}

#[test]
fn a_class_has_its_channel_whatever_strangers_have_filled() {
    let folder = Folder::new("class-full-table");
    let lab = spawn_lab(Config {
        max_channels: 6,
        ..config(&folder)
    });
    let stranger = |n: usize| {
        let mut http = lab.http("sse");
        let path = format!("/sse/stranger-{n}");
        http.send_request("GET", &path, &[], b"").unwrap();
        let status = http.read_head().unwrap().status;
        (status, http)
    };
    let held: Vec<_> = (0..7).map(stranger).collect();
    assert_eq!((held[0].0, held[6].0), (200, 503));
    Lead::of(&lab).post("/api/class", json!({}));
    let polled = lab.http("short-poll").get("/short-poll/class");
    assert_eq!(polled.status, 200, "{}", polled.text());
    let refused = lab.http("short-poll").get("/short-poll/other");
    assert_eq!(
        refused.error_code(),
        "too_many_channels",
        "{}",
        refused.text()
    );
}

#[test]
fn one_address_fills_no_room() {
    let folder = Folder::new("class-room-share");
    let lab = spawn_lab(Config {
        presence_max_members: 60,
        ..config(&folder)
    });
    let enter = |lane: &str, from: &str, client: usize| {
        let hold = if lane == "long-poll" {
            "&hold_ms=0"
        } else {
            ""
        };
        let path = format!("/{lane}/presence-chat-class?client=c{client}&name=N{hold}");
        let mut http = lab.http(lane);
        http.send_request("GET", &path, &[("x-forwarded-for", from)], b"")
            .unwrap();
        (http.read_head().unwrap().status, http)
    };
    let polled = (0..60).map(|n| enter("short-poll", "192.0.2.1", n).0);
    assert_eq!(polled.filter(|status| *status == 200).count(), 50);
    for lane in ["sse", "long-poll", "short-poll"] {
        assert_eq!(enter(lane, "192.0.2.1", 70).0, 429, "{lane}");
        // Who is there stays, by every lane.
        assert_eq!(enter(lane, "192.0.2.1", 7).0, 200, "{lane}");
    }
    let (status, _stream) = enter("sse", "192.0.2.2", 80);
    assert_eq!(status, 200, "others come in");
    assert_eq!(enter("short-poll", "127.0.0.1", 90).0, 200);
}
