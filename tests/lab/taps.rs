//! Taps (`/api/taps`): what passes on one's own connections is given back byte for byte, explained, and
//! counted as the meters count it; what is not one's own, and what is secret, is not.

use std::collections::BTreeMap;

use pushlab::lane::LaneId;
use serde_json::{Value, json};

use crate::support::{
    PATIENCE, TEST_TOKEN, TestLab,
    connection::Connection,
    eventually,
    follower::{ALL, Follower, Start, Transport},
    http::{Answer, Http},
    spawn_lab, test_config,
};

/// A tap, as its owner uses it.
struct Tap {
    http: Http,
    key: String,
    channel: String,
}

impl Tap {
    fn open(lab: &TestLab) -> Self {
        let mut http = lab.http("main");
        let opened = http.post("/api/taps", b"{}");
        assert_eq!(opened.status, 201, "{}", opened.text());
        let opened = opened.json();
        Self {
            http,
            key: opened["key"].as_str().unwrap().to_owned(),
            channel: opened["channel"].as_str().unwrap().to_owned(),
        }
    }

    fn close(&mut self) {
        let key = self.key.clone();
        let shown = [("Pushlab-Tap", &key[..])];
        let closed = self.http.request("DELETE", "/api/taps/own", &shown, b"");
        assert_eq!(closed.status, 204);
    }

    fn get(&mut self, path: &str) -> Answer {
        let key = self.key.clone();
        let path = format!("/api/taps/own{path}");
        self.http
            .request("GET", &path, &[("Pushlab-Tap", &key)], b"")
    }

    fn units(&mut self) -> Vec<Value> {
        let read = self.get("?after=0");
        assert_eq!(read.status, 200, "{}", read.text());
        read.json()["units"].as_array().unwrap().clone()
    }

    /// As [`Self::units`], once there are so many: whoever has an answer may ask before the lab's thread
    /// has noted that it wrote it.
    fn so_many(&mut self, count: usize) -> Vec<Value> {
        let mut units = Vec::new();
        eventually(PATIENCE, "every unit is noted", || {
            units = self.units();
            units.len() >= count
        });
        assert_eq!(units.len(), count, "{units:?}");
        units
    }

    /// Of a lane, by connection and exchange.
    fn exchanges(&mut self, lane: &str) -> Vec<Value> {
        let mut named: Vec<(u64, u64)> = (self.units().iter())
            .filter(|unit| unit["lane"] == lane)
            .map(|unit| {
                (
                    unit["connection"].as_u64().unwrap(),
                    unit["exchange"].as_u64().unwrap(),
                )
            })
            .collect();
        named.sort_unstable();
        named.dedup();
        let asked = named.iter().map(|(connection, exchange)| {
            let answer = self.get(&format!(
                "/exchanges/{lane}/{connection}/{exchange}?last=200"
            ));
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()
        });
        asked.collect()
    }
}

/// Sum over the exchanges' layers, in one direction.
fn layers(exchanges: &[Value], direction: &str) -> BTreeMap<String, u64> {
    let mut sum = BTreeMap::new();
    for exchange in exchanges {
        for (layer, bytes) in exchange["layers"][direction].as_object().unwrap() {
            *sum.entry(layer.clone()).or_default() += bytes.as_u64().unwrap();
        }
    }
    sum
}

#[test]
fn every_lane_is_kept_byte_for_byte_and_divided_as_its_meter_divides_it() {
    let lab = spawn_lab(test_config());
    for transport in ALL {
        let mut tap = Tap::open(&lab);
        let channel = tap.channel.clone();
        let mut follower = Follower::open(&lab, transport, &channel, Start::default());
        lab.publish(
            &channel,
            "said",
            json!({"n": 7, "text": "zwölf \"Boxkämpfer\" 🥊"}),
        );
        lab.publish(&channel, "said", json!([1, 2.5, null]));
        assert_eq!(follower.take(2).len(), 2, "{transport:?}");
        let exchanges = tap.exchanges(transport.lane());
        assert!(!exchanges.is_empty(), "{transport:?}");
        for unit in exchanges
            .iter()
            .flat_map(|exchange| exchange["units"].as_array().unwrap())
        {
            let parts = unit["parts"].as_array().unwrap();
            let covered: u64 = parts.iter().map(|part| part["len"].as_u64().unwrap()).sum();
            assert_eq!(
                covered,
                unit["size"].as_u64().unwrap(),
                "{transport:?}: {unit}"
            );
            assert_eq!(unit["hex"].as_str().unwrap().len() as u64, 2 * covered);
        }
        let (transport_label, protocol) = transport.labels();
        // A poll may be under way: what the meter has booked and the tap has seen settle together.
        eventually(
            PATIENCE,
            &format!("meter and tap agree on {transport:?}"),
            || {
                let stats = lab.stats(&channel);
                let series = stats["series"].as_array().unwrap().iter().find(|series| {
                    series["transport"] == transport_label && series["protocol"] == protocol
                });
                let Some(series) = series.cloned() else {
                    return false;
                };
                let exchanges = tap.exchanges(transport.lane());
                ["up", "down"].iter().all(|direction| {
                    layers(&exchanges, direction)
                        .iter()
                        .all(|(layer, bytes)| series[direction][layer] == *bytes)
                })
            },
        );
    }
}

#[test]
fn what_others_do_is_not_in_it() {
    let lab = spawn_lab(test_config());
    let mut mine = Tap::open(&lab);
    let theirs = Tap::open(&lab);
    for transport in ALL {
        let mut other = Follower::open(&lab, transport, &theirs.channel, Start::default());
        lab.publish(&theirs.channel, "said", json!("for somebody else"));
        other.take(1);
    }
    let channel = mine.channel.clone();
    let mut follower = Follower::open(&lab, Transport::WebSocket, &channel, Start::default());
    lab.publish(&channel, "said", json!("for me"));
    follower.take(1);
    let units = mine.units();
    assert!(
        units
            .iter()
            .all(|unit| unit["lane"] == "websocket" || unit["lane"] == "main")
    );
    for exchange in mine.exchanges("websocket") {
        assert!(!exchange.to_string().contains(&theirs.channel));
    }
}

#[test]
fn one_connection_that_many_share_is_divided_by_whose_each_request_is() {
    let lab = spawn_lab(test_config());
    let mut tap = Tap::open(&lab);
    let mut proxied = Http::over(Connection::connect(lab.address("main")));
    for channel in ["anybody", &tap.channel, "anybody", &tap.channel] {
        let path = format!("/short-poll/{channel}?client=c-{}", channel.len());
        let cookies = [
            ("Cookie", "theirs=secret"),
            ("Authorization", "Bearer secret"),
        ];
        assert_eq!(proxied.request("GET", &path, &cookies, b"").status, 200);
    }
    let units = tap.so_many(6);
    assert!(units.iter().all(|unit| unit["lane"] == "short-poll"));
    for exchange in tap.exchanges("short-poll") {
        let text = exchange.to_string();
        assert!(
            !text.contains("secret") && !text.contains(&hex("secret")),
            "{text}"
        );
        assert!(!text.contains("anybody"));
        let hidden = exchange["units"][0]["hidden"].as_array().unwrap();
        assert_eq!(hidden[0]["what"], "cookie");
        assert_eq!(
            (&hidden[0]["len"], &hidden[1]["what"]),
            (&json!(13), &json!("authorization"))
        );
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_connection_from_before_is_followed_once_a_request_without_a_body_is_answered() {
    let lab = spawn_lab(test_config());
    for lane in ["main", "short-poll"] {
        let mut kept_alive = Http::over(Connection::connect(lab.address(lane)));
        kept_alive.get("/short-poll/earlier");
        let mut tap = Tap::open(&lab);
        let poll = format!("/short-poll/{}", tap.channel);
        kept_alive.get(&poll);
        tap.so_many(3);
        // After a body nobody knows at once where the next request begins.
        let publications = "/api/channels/earlier/publications";
        let mut posted = Http::over(Connection::connect(lab.address(lane)));
        posted.get("/short-poll/earlier");
        tap.close();
        posted.post(publications, b"{\"event\":\"e\",\"data\":1}");
        let mut tap = Tap::open(&lab);
        let poll = format!("/short-poll/{}", tap.channel);
        posted.get(&poll);
        posted.get(&poll);
        let units = tap.so_many(3);
        assert!(
            units.iter().all(|unit| unit["lane"] == "short-poll"),
            "{lane}"
        );
        tap.close();
    }
}

#[test]
fn a_request_that_hides_in_the_middle_of_another_brings_nobodys_bytes() {
    let lab = spawn_lab(test_config());
    for method in ["PATCH", "PROPFIND", "HEAD"] {
        let mut shared = Http::over(Connection::connect(lab.address("short-poll")));
        shared.get("/short-poll/earlier");
        let mut tap = Tap::open(&lab);
        let path = format!("/short-poll/{}", tap.channel);
        let mut send = |bytes: String| {
            shared.connection.send(bytes.as_bytes()).unwrap();
        };
        // The lab's reader and the tap's would see different requests, if this one began at `GET`.
        let read = || {
            let lane = lab.lab().meters.lane(LaneId("short-poll"));
            lane.totals.bytes_up
        };
        let before = read();
        send(format!("{method} {path} HTTP/1.1\r\nhost: lab\r\nx-pad: "));
        eventually(PATIENCE, "the half head is read", || read() > before);
        send(format!(
            "GET {path} HTTP/1.1\r\ncontent-length: 300\r\n\r\n"
        ));
        let _ = shared.read_head();
        let victims = "/short-poll/somebodys?client=secret-of-a-victim";
        let _ = shared.try_request("GET", victims, &[("Cookie", "a=secret-of-a-victim")], b"");
        let _ = shared.try_request("GET", victims, &[], b"");
        for exchange in tap.exchanges("short-poll") {
            let text = exchange.to_string();
            assert!(
                !text.contains("secret-of") && !text.contains(&hex("secret-of")),
                "{text}"
            );
        }
    }
}

#[test]
fn an_archive_says_which_connections_have_ended() {
    let lab = spawn_lab(test_config());
    let mut tap = Tap::open(&lab);
    let channel = tap.channel.clone();
    let stays = Follower::open(&lab, Transport::Sse, &channel, Start::default());
    let goes = Follower::open(&lab, Transport::WebSocket, &channel, Start::default());
    drop(goes);
    eventually(PATIENCE, "the end is in the archive", || {
        let archive = tap.get("/capture.har").json().to_string();
        archive.contains("The answer had not ended.")
            && archive.contains("The WebSocket's connection ended after")
    });
    drop(stays);
}

#[test]
fn keys_open_their_own_tap_and_only_while_it_lasts() {
    let lab = spawn_lab(test_config());
    let mut tap = Tap::open(&lab);
    for path in [
        "?after=0",
        "/exchanges/sse/1/1",
        "/capture.pcapng",
        "/capture.har",
    ] {
        let refused = lab.http("main").get(&format!("/api/taps/own{path}"));
        assert_eq!(
            (refused.status, refused.error_code().as_str()),
            (404, "unknown_tap"),
            "{path}"
        );
    }
    let unknown = tap.get("/exchanges/sse/1/1");
    assert_eq!(
        (unknown.status, unknown.error_code().as_str()),
        (404, "unknown_exchange")
    );
    let key = tap.key.clone();
    let closed = tap
        .http
        .request("DELETE", "/api/taps/own", &[("Pushlab-Tap", &key)], b"");
    assert_eq!(closed.status, 204);
    assert_eq!(tap.get("?after=0").status, 404);
    let foreign = [("Origin", "http://evil.example")];
    let refused = lab
        .http("main")
        .request("POST", "/api/taps", &foreign, b"{}");
    assert_eq!(refused.status, 403, "{}", refused.text());
    let bad = lab.http("main").post("/api/taps", b"{\"chanel\":1}");
    assert_eq!((bad.status, bad.error_code().as_str()), (400, "bad_json"));
}

#[test]
fn only_the_presenter_looks_at_a_named_channel_and_sees_no_payload() {
    let lab = spawn_lab(test_config());
    let body = b"{\"channel\":\"lobby\"}";
    let stranger = [("authorization", "Bearer not-the-token-of-this-lab")];
    let refused = lab
        .http("main")
        .request("POST", "/api/taps", &stranger, body);
    assert_eq!(refused.error_code(), "presenter_only");
    let bearer = format!("Bearer {TEST_TOKEN}");
    let presenter = [("authorization", &bearer[..])];
    let opened = lab
        .http("main")
        .request("POST", "/api/taps", &presenter, body);
    assert_eq!(opened.status, 201);
    let opened = opened.json();
    let mut tap = Tap {
        http: lab.http("main"),
        key: opened["key"].as_str().unwrap().to_owned(),
        channel: "lobby".into(),
    };
    assert_eq!(opened["hides_messages"], true);
    for transport in ALL {
        let mut follower = Follower::open(&lab, transport, "lobby", Start::default());
        lab.publish("lobby", "said", json!("nobody else's business"));
        follower.take(1);
        let exchanges = tap.exchanges(transport.lane());
        assert!(!exchanges.is_empty(), "{transport:?}");
        for exchange in exchanges {
            let text = exchange.to_string();
            assert!(
                !text.contains("business") && !text.contains(&hex("business")),
                "{transport:?}"
            );
        }
    }
}
