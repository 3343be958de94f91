//! What the hosted service would count, and its Sandbox plan (reference, 19).

use crate::support::{
    PATIENCE,
    pusher::{KEY, TestServer, app, spawn, spawn_with},
};
use pushlab::{
    lane::LaneId,
    protocol::pusher::app_event::{AppEvent, Observer},
};
use serde_json::{Value, json};

async fn usage(server: &TestServer) -> Value {
    let url = format!("http://{}/api/apps/usage", server.address("main"));
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn messages_are_counted_as_the_hosted_service_counts_them() {
    let server = spawn_with(vec![app(|app| app.webhooks.clear())], |_| ());
    let room = "presence-r";
    let mut clients = Vec::new();
    for id in ["7", "8", "9"] {
        let mut client = server.connect().await;
        client.join(room, &format!(r#"{{"user_id":"{id}"}}"#)).await;
        clients.push(client);
    }
    // 7 hears of 8 and 9, 8 of 9.
    for (client, others) in clients.iter_mut().zip([2, 1, 0]) {
        for _ in 0..others {
            client.expect("pusher_internal:member_added").await;
        }
    }
    server.trigger(room, "e", "1").await;
    let excluding = json!({"name":"e","channel":room,"data":"2","socket_id":clients[0].socket_id});
    let with_info = json!({"name":"e","channel":room,"data":"3","info":"user_count"});
    for body in [excluding, with_info] {
        let (status, _) = server
            .api("POST", "/apps/1/events", "", &body.to_string())
            .await;
        assert_eq!(status, 200);
    }
    clients[1]
        .send(json!({"event":"client-t","channel":room,"data":1}))
        .await;
    for (n, client) in clients.iter_mut().enumerate() {
        let frames = if n == 2 { 4 } else { 3 };
        for _ in 0..frames {
            client.next().await.unwrap();
        }
        client.expect_silence().await;
    }
    assert_eq!(server.api("GET", "/apps/1/channels", "", "").await.0, 200);
    let unsigned = format!("http://{}/apps/1/channels", server.address("channels"));
    assert_eq!(reqwest::get(unsigned).await.unwrap().status(), 401);
    let shown = usage(&server).await;
    let by = &shown["messages"]["by"];
    // Three publishes, one of them twice, and a query; 3 + 2 + 3 deliveries and 2 of the client's.
    assert_eq!(
        (&by["api"], &by["deliveries"], &by["member_events"]),
        (&json!(5), &json!(10), &json!(3)),
        "{shown}"
    );
    assert_eq!(shown["plan"], Value::Null);
    assert_eq!(shown["connections"], json!({"now":3,"peak":3,"limit":100}));
    let today = shown["messages"]["today"].as_u64().unwrap();
    assert_eq!(today, 18 + by["webhooks"].as_u64().unwrap());
    assert!(shown["plans"].as_array().unwrap().len() > 5);
}

/// The service counts what it distributes; what its sockets took is beside it.
#[tokio::test]
async fn what_was_written_is_told_beside_what_was_handed_over() {
    let server = spawn_with(vec![app(|app| app.plain_channels = true)], |_| ());
    let mut client = server.connect().await;
    client.subscribe("r").await;
    server.trigger("r", "e", "1").await;
    client.expect("e").await;
    let messages = async || usage(&server).await["messages"].clone();
    let figures =
        |messages: &Value| ["handed_over", "written"].map(|name| messages[name].as_u64().unwrap());
    // It came, so it was written; counting it is the connection's thread's next step.
    while figures(&messages().await) != [1, 1] {
        tokio::task::yield_now().await;
    }
    let far = "latency down=60s".parse().unwrap();
    let lane = LaneId("channels");
    server.lab.conditions.put(lane, far, 1, None);
    // Not by the lane, whose answer would take as long.
    let status = server
        .publish_plain("r", json!({"event":"e","data":2}))
        .await;
    assert_eq!(status, 200);
    while figures(&messages().await)[0] < 2 {
        tokio::task::yield_now().await;
    }
    let shown = messages().await;
    assert_eq!(figures(&shown), [2, 1], "{shown}");
    assert_eq!(shown["by"]["deliveries"], 2);
}

#[tokio::test]
async fn the_sandbox_takes_a_hundred_connections() {
    let server = spawn_with(vec![app(|_| ())], |config| config.sandbox_plan = true);
    let mut clients = Vec::new();
    for _ in 0..100 {
        clients.push(server.connect().await);
    }
    let target = format!("/app/{KEY}?protocol=7");
    assert_eq!(server.open(&target).await.closed().await, 4004);
    let shown = usage(&server).await;
    assert_eq!(shown["plan"], "sandbox");
    assert_eq!(shown["connections"]["peak"], 100);
    let mut last = clients.pop().unwrap();
    last.socket.close(None).await.unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    while usage(&server).await["connections"]["now"] == 100 {
        assert!(std::time::Instant::now() < deadline);
    }
    server.connect().await;
}

#[tokio::test]
async fn over_the_days_messages_publishing_is_403_and_says_why() {
    let with_plan = spawn_with(vec![app(|_| ())], |config| config.sandbox_plan = true);
    let without = spawn();
    for server in [&with_plan, &without] {
        server.trigger("news", "e", "1").await;
        for _ in 0..200_000 {
            server.apps.usage.on_event(&AppEvent::ApiCall {
                method: "GET",
                path: "/",
                status: 200,
            });
        }
    }
    for (path, body) in [
        ("events", json!({"name":"e","channel":"news","data":"1"})),
        (
            "batch_events",
            json!({"batch":[{"name":"e","channel":"news","data":"1"}]}),
        ),
    ] {
        let path = format!("/apps/1/{path}");
        let (status, answer) = with_plan.api("POST", &path, "", &body.to_string()).await;
        assert_eq!(status, 403);
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains("200000 messages a day"), "{error}");
    }
    assert_eq!(
        with_plan.api("GET", "/apps/1/channels", "", "").await.0,
        200
    );
    let shown = usage(&with_plan).await;
    assert!(shown["messages"]["reached_at"].is_string(), "{shown}");
    without.trigger("news", "e", "2").await;
}
