//! Where pages show as measured what was published, no visitor publishes: by no lane and no protocol.
//! Rooms, channels of one's own and applications' servers go on as ever.

use serde_json::{Value, json};

use crate::support::{
    TEST_TOKEN, TestLab, connection::Connection, http::Answer, socketio::SocketIo, spawn_lab,
    test_config, websocket::WebSocket,
};

const SOURCE: &[u8] = br#"{"kind":"compare","rate_per_s":0.1,"size_bytes":60}"#;
const EVENT: &[u8] = br#"{"event":"tick","data":1}"#;

fn put(lab: &TestLab, channel: &str) -> Answer {
    let bearer = format!("Bearer {TEST_TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    let path = format!("/api/sources/{channel}");
    lab.http("main").request("PUT", &path, &headers, SOURCE)
}

fn post(lab: &TestLab, lane: &str, channel: &str) -> Answer {
    let path = format!("/api/channels/{channel}/publications");
    lab.http(lane).post(&path, EVENT)
}

fn socketio(lab: &TestLab, lane: &'static str, command: &str, argument: &Value) -> Value {
    let connection = Connection::connect(lab.address(lane));
    let query = format!("channel={}", argument["channel"].as_str().unwrap());
    let mut client = SocketIo::open(connection, lane == "socketio-websocket", &query).unwrap();
    let own = json!({ "channel": argument["channel"], "client": "c", "name": "c" });
    client.call("subscribe", &own).unwrap();
    let answer = client.call(command, argument).unwrap();
    client.close().unwrap();
    answer
}

fn over_a_socket(lab: &TestLab, channel: &str) -> Value {
    let mut socket = WebSocket::open(lab.address("websocket"), channel);
    socket.expect_subscribed();
    socket.publish("tick", &json!(1), "one").unwrap();
    loop {
        let answer = socket.expect_json();
        if answer.get("ack").is_some() || answer.get("error").is_some() {
            return answer;
        }
    }
}

fn offset(lab: &TestLab, channel: &str) -> Value {
    let path = format!("/api/channels/{channel}/history?limit=1");
    lab.http("main").get(&path).json()["offset"].clone()
}

#[test]
fn no_visitor_publishes_where_the_lab_measures_its_own() {
    let lab = spawn_lab(test_config());
    assert_eq!(put(&lab, "compare-measured").status, 200);
    // The dashboard's are the lab's with a source and without.
    for channel in ["compare-measured", "cache-dashboard-market"] {
        let published = |lab: &TestLab| offset(lab, channel).as_u64().unwrap();
        let before = published(&lab);
        for lane in ["main", "short-poll", "long-poll", "sse", "websocket"] {
            let refused = post(&lab, lane, channel);
            assert_eq!(refused.status, 403, "{lane}: {}", refused.text());
            assert_eq!(refused.error_code(), "channel_of_the_lab");
            assert!(refused.text().contains("hint"), "{}", refused.text());
        }
        let said = over_a_socket(&lab, channel);
        assert_eq!(said["error"]["code"], "channel_of_the_lab", "{said}");
        for lane in ["socketio-polling", "socketio-websocket"] {
            let publish = json!({ "channel": channel, "event": "tick", "data": 1 });
            let typing = json!({ "channel": channel, "on": true });
            for (command, argument) in [("publish", &publish), ("typing", &typing)] {
                let said = socketio(&lab, lane, command, argument);
                assert_eq!(said["error"]["code"], "channel_of_the_lab", "{said}");
            }
        }
        // The source's first publication may have come in between.
        assert!(published(&lab) <= before + 1, "{channel}");
    }
    assert_eq!(post(&lab, "main", "cache-dashboard-host").status, 403);
}

#[test]
fn rooms_and_own_channels_are_published_on_as_ever() {
    let lab = spawn_lab(test_config());
    assert_eq!(put(&lab, "presence-chat-lobby").status, 200);
    for channel in ["presence-chat-lobby", "compare-mine", "news", "class"] {
        for lane in ["main", "sse"] {
            let taken = post(&lab, lane, channel);
            assert_eq!(taken.status, 200, "{channel}: {}", taken.text());
        }
        assert!(over_a_socket(&lab, channel).get("ack").is_some());
    }
    // A channel is a visitor's again once its source has ended.
    assert_eq!(put(&lab, "compare-mine").status, 200);
    assert_eq!(post(&lab, "main", "compare-mine").status, 403);
    let bearer = format!("Bearer {TEST_TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    let mut http = lab.http("main");
    let stopped = http.request("DELETE", "/api/sources/compare-mine", &headers, b"");
    assert_eq!(stopped.status, 204);
    assert_eq!(post(&lab, "main", "compare-mine").status, 200);
}
