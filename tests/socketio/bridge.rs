//! The lab's Socket.IO namespace beside the other transports and protocols, over both lanes: what
//! `subscribe`, `unsubscribe`, `publish` and `typing` answer, the upgrade in the middle of a
//! stream of publications, presence, and the classic example.
//!
//! That subscribers see the same as everywhere else is told by `tests/lab`: `parity.rs`, cuts
//! by `random_cuts.rs`, departures by `departures.rs`, bytes by `bytes.rs`.

use std::collections::HashMap;

use pushlab::config::Config;
use serde_json::{Value, json};

use crate::support::{
    self, PATIENCE, TestLab,
    connection::Connection,
    eventually,
    follower::{Ending, Follower, Start, Transport},
    http::Http,
    position_of,
    socketio::SocketIo,
    spawn_lab, test_config,
    websocket::{TEXT, WebSocket},
};

const LANES: [&str; 2] = ["socketio-polling", "socketio-websocket"];

fn open(lab: &TestLab, lane: &str) -> SocketIo {
    let connection = Connection::connect(lab.address(lane));
    SocketIo::open(connection, lane == "socketio-websocket", "demo=chat").unwrap()
}

fn subscribe(client: &mut SocketIo, channel: &str, who: &str) -> Value {
    let argument = json!({ "channel": channel, "client": who, "name": who });
    let told = client.call("subscribe", &argument).unwrap();
    assert_eq!(told["channel"], channel, "{told}");
    told
}

#[test]
fn a_lane_serves_its_own_transport_and_the_main_lane_both_with_the_upgrade() {
    let lab = spawn_lab(test_config());
    let handshake = |lane: &str, transport: &str| {
        let mut http = lab.http(lane);
        http.get(&format!("/socket.io/?EIO=4&transport={transport}"))
    };
    let refused = (400, json!(0), json!("Transport unknown"));
    for (lane, transport) in [
        ("socketio-websocket", "polling"),
        ("socketio-polling", "websocket"),
    ] {
        let answer = handshake(lane, transport);
        let mut said = answer.json();
        assert_eq!(
            (answer.status, said["code"].take(), said["message"].take()),
            refused
        );
    }
    for (lane, upgrades) in [
        ("socketio-polling", json!([])),
        ("main", json!(["websocket"])),
    ] {
        let answer = handshake(lane, "polling");
        assert_eq!(answer.status, 200);
        let open: Value = serde_json::from_str(&answer.text()[1..]).unwrap();
        assert_eq!(open["upgrades"], upgrades, "{lane}");
    }
    assert_eq!(handshake("sse", "polling").status, 404);
    for (lane, path, status) in [
        (
            "socketio-polling",
            "/socket.io/?EIO=4&transport=websocket",
            400,
        ),
        ("main", "/socket.iox?EIO=4&transport=websocket", 404),
    ] {
        let mut http = lab.http(lane);
        let headers = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let answer = http.request("GET", path, &headers, b"");
        assert_eq!(answer.status, status, "{lane} {path}: {}", answer.text());
    }
}

#[test]
fn commands_are_acknowledged_and_refused_in_words_of_the_lab() {
    let lab = spawn_lab(test_config());
    for lane in LANES {
        let channel = format!("said-{lane}");
        let mut ann = open(&lab, lane);
        let told = ann
            .call("subscribe", &json!({ "channel": channel }))
            .unwrap();
        assert_eq!(
            (&told["offset"], &told["recovered"]),
            (&json!(0), &json!(false))
        );
        let publish = json!({ "channel": channel, "event": "said", "data": 1, "id": "x" });
        let published = ann.call("publish", &publish).unwrap();
        assert_eq!(published["channel"], channel.as_str());
        assert_eq!(position_of(&published).offset, 1);
        let again = ann.call("publish", &publish).unwrap();
        assert_eq!(again, published, "an id makes repeating harmless");
        let (event, publication) = ann.event().unwrap();
        assert_eq!(event, "publication");
        let members: Vec<_> = publication.as_object().unwrap().keys().collect();
        let expected = [
            "channel",
            "data",
            "epoch",
            "event",
            "intended_us",
            "offset",
            "published_us",
        ];
        let mut sorted = members.clone();
        sorted.sort();
        assert_eq!(sorted, expected);
        for (event, argument, code) in [
            ("subscribe", json!({ "channel": "a b" }), "bad_channel"),
            (
                "subscribe",
                json!({ "channel": "a", "offset": 1 }),
                "bad_position",
            ),
            ("subscribe", json!("news"), "bad_argument"),
            ("publish", json!({ "channel": "a" }), "bad_json"),
            (
                "publish",
                json!({ "channel": "a", "event": "pushlab:x", "data": 1 }),
                "bad_event",
            ),
            (
                "unsubscribe",
                json!({ "channel": "other" }),
                "not_subscribed",
            ),
            (
                "typing",
                json!({ "channel": channel, "on": true }),
                "bad_client",
            ),
        ] {
            let answer = ann.call(event, &argument).unwrap();
            let error = &answer["error"];
            assert_eq!(error["code"], code, "{event} {argument}");
            assert!(error["message"].is_string() && error["hint"].is_string());
        }
        let large = json!({ "channel": channel, "event": "e", "data": "x".repeat(70_000) });
        let answer = ann.call("publish", &large).unwrap();
        assert_eq!(answer["error"]["code"], "body_too_large");
        let unsubscribe = json!({ "channel": channel });
        assert_eq!(ann.call("unsubscribe", &unsubscribe).unwrap(), json!({}));
        assert_eq!(lab.subscribers(&channel), 0);
    }
}

/// Binary values cannot be passed on to lanes that have JSON only: they are refused, never lost, and
/// who wants no acknowledgement is told as well.
#[test]
fn binary_values_are_refused_in_words() {
    let lab = spawn_lab(test_config());
    let mut ann = open(&lab, "socketio-websocket");
    let publish = r#"["publish",{"channel":"a","event":"e","data":{"_placeholder":true,"num":0}}]"#;
    ann.send(&format!("51-/lab,{publish}")).unwrap();
    ann.send_binary(b"bytes").unwrap();
    let (event, told) = ann.event().unwrap();
    assert_eq!(
        (event.as_str(), &told["error"]["code"]),
        ("error", &json!("binary_data"))
    );
    let published = json!({ "channel": "a", "event": "e", "data": "hi \u{fffd}" });
    let answer = ann.call("publish", &published).unwrap();
    assert_eq!(
        answer["offset"], 1,
        "and nothing else was published: {answer}"
    );
}

#[test]
fn one_connection_has_many_channels_and_ends_them_all() {
    let lab = spawn_lab(test_config());
    for lane in LANES {
        let mut ann = open(&lab, lane);
        let channels = ["one", "two", "three"];
        for channel in channels {
            subscribe(&mut ann, channel, "ann");
        }
        // Again, as a client does that has lost count: replaced, and nothing comes twice.
        subscribe(&mut ann, "one", "ann");
        for channel in channels {
            // The one that was replaced ends just after its successor is acknowledged.
            eventually(PATIENCE, "one subscription", || {
                lab.subscribers(channel) == 1
            });
            lab.publish(channel, "said", json!(channel));
        }
        for channel in channels {
            assert_eq!(ann.event().unwrap().1["data"], channel);
        }
        ann.hold().unwrap();
        ann.connection().finish();
        eventually(PATIENCE, "all is given back", || {
            channels
                .iter()
                .all(|c| lab.subscribers(c) == 0 && lab.present(c).is_empty())
        });
    }
}

/// A budget smaller than one page: pages wait beside it, one at a time, and acknowledgements in it.
#[test]
fn backlogs_of_many_channels_do_not_make_a_slow_consumer() {
    const EACH: u64 = 30;
    let channels = ["one", "two", "three"];
    let lab = spawn_lab(Config {
        subscriber_queue_max_bytes: 8_000,
        ..test_config()
    });
    let mut http = lab.http("main");
    for channel in channels {
        for _ in 0..EACH {
            let pad = json!({ "pad": "x".repeat(4_000) });
            support::publish(&mut http, channel, "tick", pad);
        }
    }
    for lane in LANES {
        let mut ann = open(&lab, lane);
        for channel in channels {
            let all = json!({ "channel": channel, "history": EACH });
            ann.emit("subscribe", &all).unwrap();
        }
        // Acknowledged while a page waits.
        let other = json!({ "channel": "other", "event": "said", "data": 1 });
        let published = ann.call("publish", &other).unwrap();
        assert_eq!(published["channel"], "other", "{published}");
        let mut offsets = HashMap::<String, Vec<u64>>::new();
        for _ in 0..EACH * channels.len() as u64 {
            let publication = ann.event().unwrap().1;
            let channel = publication["channel"].as_str().unwrap().to_owned();
            let offset = publication["offset"].as_u64().unwrap();
            offsets.entry(channel).or_default().push(offset);
        }
        for channel in channels {
            let all: Vec<_> = (1..=EACH).collect();
            assert_eq!(offsets[channel], all, "{lane}");
            assert_eq!(lab.drops(channel), 0);
        }
    }
}

#[test]
fn joins_and_leaves_are_heard_as_everywhere_and_name_the_transport() {
    let lab = spawn_lab(test_config());
    let channel = "presence-room";
    let mut watcher = Follower::open(&lab, Transport::Sse, channel, Start::default());
    for (lane, transport) in LANES.into_iter().zip(["polling", "websocket"]) {
        let mut ann = open(&lab, lane);
        subscribe(&mut ann, channel, "ann");
        assert_eq!(watcher.take(1)[0].event, "pushlab:join");
        let target = format!("/api/channels/{channel}/presence");
        let members = lab.http("main").get(&target).json();
        let ann_there = &members["members"][0];
        assert_eq!(ann_there["transports"], json!([transport]));
        let via = json!([{"transport": transport, "protocol": "socketio"}]);
        assert_eq!(ann_there["via"], via);
        ann.call("unsubscribe", &json!({ "channel": channel }))
            .unwrap();
        assert_eq!(watcher.take(1)[0].event, "pushlab:leave");
    }
    watcher.end(Ending::Fin);
}

#[test]
fn typing_is_told_to_the_others_in_the_channel_across_the_lanes() {
    let lab = spawn_lab(test_config());
    let mut bob = open(&lab, "socketio-websocket");
    subscribe(&mut bob, "typing", "bob");
    for lane in LANES {
        let mut ann = open(&lab, lane);
        subscribe(&mut ann, "typing", "ann");
        let typing = json!({ "channel": "typing", "on": true });
        assert_eq!(ann.call("typing", &typing).unwrap(), json!({}));
        let (event, told) = bob.event().unwrap();
        assert_eq!(event, "typing");
        let expected = json!({ "channel": "typing", "client": "ann", "name": "ann", "on": true });
        assert_eq!(told, expected);
        // Not to oneself: the next that comes is what bob says.
        bob.emit(
            "publish",
            &json!({ "channel": "typing", "event": "said", "data": lane }),
        )
        .unwrap();
        assert_eq!(ann.event().unwrap().1["data"], lane);
        assert_eq!(bob.event().unwrap().1["data"], lane);
        ann.close().unwrap();
    }
}

#[test]
fn socketio_and_channels_share_the_room() {
    let lab = spawn_lab(Config {
        apps: vec![{
            let mut app = pushlab::config::apps::AppSettings::new("1", "key", "secret");
            app.plain_channels = true;
            app
        }],
        ..test_config()
    });
    let connection = Connection::connect(lab.address("channels"));
    let mut channels = WebSocket::open_path(connection, "/app/key?protocol=7").unwrap();
    let subscribe_frame = json!({ "event": "pusher:subscribe", "data": { "channel": "shared" } });
    channels
        .send(TEXT, subscribe_frame.to_string().as_bytes())
        .unwrap();
    let mut next = |event: &str| loop {
        let frame = channels.expect_json();
        if frame["event"] == event {
            return frame;
        }
    };
    next("pusher_internal:subscription_succeeded");
    for lane in LANES {
        let mut ann = open(&lab, lane);
        subscribe(&mut ann, "shared", "ann");
        let publish = json!({ "channel": "shared", "event": "said", "data": { "by": lane } });
        ann.call("publish", &publish).unwrap();
        let frame = next("said");
        let data: Value = serde_json::from_str(frame["data"].as_str().unwrap()).unwrap();
        assert_eq!(data["by"], lane);
        ann.close().unwrap();
    }
}

/// Publications flow while the session moves from polling to WebSocket: all come, once, in order.
#[test]
fn an_upgrade_in_the_middle_of_a_stream_loses_nothing() {
    let lab = spawn_lab(test_config());
    for round in 0..5 {
        let channel = format!("upgraded-{round}");
        let mut poller = Http::connect(lab.address("main"));
        let base = "/socket.io/?EIO=4&transport=";
        let open = poller.get(&format!("{base}polling")).text();
        let open: Value = serde_json::from_str(&open[1..]).unwrap();
        let sid = open["sid"].as_str().unwrap();
        let target = format!("{base}polling&sid={sid}");
        let subscribe =
            format!(r#"42/lab,0["subscribe",{{"channel":"{channel}","client":"ann"}}]"#);
        let join = format!("40/lab,\u{1e}{subscribe}");
        assert_eq!(poller.post(&target, join.as_bytes()).status, 200);
        let mut seen = Vec::new();
        let take = |packets: &str, seen: &mut Vec<u64>| {
            for packet in packets.split('\u{1e}') {
                if let Some(args) = packet.strip_prefix(r#"42/lab,["publication","#) {
                    let json = args.strip_suffix(']').unwrap();
                    let publication: Value = serde_json::from_str(json).unwrap();
                    seen.push(publication["offset"].as_u64().unwrap());
                }
            }
        };
        take(&poller.get(&target).text(), &mut seen);
        let ann_is_there = |transport: &str| {
            let target = format!("/api/channels/{channel}/presence");
            let members = lab.http("main").get(&target).json();
            let via = json!([{"transport": transport, "protocol": "socketio"}]);
            assert_eq!(members["members"][0]["via"], via);
        };
        ann_is_there("polling");
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let mut http = lab.http("main");
                for n in 0..300 {
                    support::publish(&mut http, &channel, "tick", json!(n));
                }
            });
            while seen.len() < 50 {
                take(&poller.get(&target).text(), &mut seen);
            }
            let connection = Connection::connect(lab.address("main"));
            let path = format!("{base}websocket&sid={sid}");
            let mut socket = WebSocket::open_path(connection, &path).unwrap();
            socket.send(TEXT, b"2probe").unwrap();
            let answer = socket.next().unwrap().unwrap();
            assert_eq!(answer.payload, b"3probe");
            // The client stops polling with the answer that it has been waiting for.
            take(&poller.get(&target).text(), &mut seen);
            socket.send(TEXT, b"5").unwrap();
            while seen.len() < 300 {
                let frame = socket.next().unwrap().unwrap();
                take(&String::from_utf8(frame.payload).unwrap(), &mut seen);
            }
            ann_is_there("websocket");
        });
        assert_eq!(seen, (1..=300).collect::<Vec<_>>(), "round {round}");
    }
}

#[test]
fn the_classic_example_sends_to_everybody() {
    let lab = spawn_lab(test_config());
    let path = "/socket.io/?EIO=4&transport=websocket";
    let mut clients = [(); 3].map(|()| {
        let connection = Connection::connect(lab.address("socketio-websocket"));
        let mut socket = WebSocket::open_path(connection, path).unwrap();
        socket.send(TEXT, b"40").unwrap();
        for head in ["0{", "40{"] {
            let frame = socket.next().unwrap().unwrap();
            assert!(frame.payload.starts_with(head.as_bytes()), "{frame:?}");
        }
        socket
    });
    clients[1]
        .send(TEXT, br#"42["send-message","hello"]"#)
        .unwrap();
    for client in &mut clients {
        let frame = client.next().unwrap().unwrap();
        assert_eq!(frame.payload, br#"42["new-message","hello"]"#);
    }
}
