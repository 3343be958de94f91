//! The `/admin` namespace as the Socket.IO Admin UI uses it, over raw bytes.

use crate::support::conformance::{self, Alive, TestLab};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse";

fn lab() -> TestLab {
    TestLab::with(|config| config.socketio_admin_password = PASSWORD.parse().unwrap())
}

/// Asks to join; the answer without its id.
fn ask(lab: &TestLab, auth: &Value) -> (Alive, String) {
    let socket = Alive::new(lab.socket("socket.io"));
    socket.send(&format!("40/admin,{auth}"));
    let answer = socket.text();
    (socket, answer)
}

fn credentials(password: &str) -> Value {
    json!({"username": "admin", "password": password})
}

struct Admin(Alive);

impl Admin {
    fn join(lab: &TestLab) -> Self {
        let (socket, answer) = ask(lab, &credentials(PASSWORD));
        assert!(answer.starts_with("40/admin,{"), "{answer}");
        Self(socket)
    }

    /// The arguments of the next event.
    fn event(&self) -> (String, Vec<Value>) {
        let text = self.0.text();
        let list = text.strip_prefix("42/admin,").expect("an event");
        let mut args: Vec<Value> = serde_json::from_str(list).unwrap();
        (args.remove(0).as_str().unwrap().to_owned(), args)
    }

    /// The next event of this name; others on the way are left out.
    fn wait_for(&self, name: &str) -> Vec<Value> {
        loop {
            let (event, args) = self.event();
            if event == name {
                return args;
            }
        }
    }

    fn command(&self, args: &Value) {
        self.0.send(&format!("42/admin,{args}"));
    }
}

fn is_time(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.len() == 24 && text.ends_with('Z'))
}

#[test]
fn without_a_password_there_is_no_such_namespace() {
    let (_, answer) = ask(&TestLab::start(), &credentials(""));
    assert_eq!(answer, r#"44/admin,{"message":"Invalid namespace"}"#);
}

#[test]
fn only_who_knows_the_password_or_a_session_gets_in() {
    let lab = lab();
    let wrong = r#"44/admin,{"message":"invalid credentials"}"#;
    for auth in [
        json!({}),
        json!({"sessionId": "guess"}),
        json!({"username": 1}),
    ] {
        assert_eq!(ask(&lab, &auth).1, wrong, "{auth}");
    }
    let admin = Admin::join(&lab);
    let session = admin.wait_for("session").remove(0);
    let nobody = json!({"username": "root", "password": PASSWORD});
    assert_eq!(ask(&lab, &nobody).1, wrong);
    let (_, answer) = ask(&lab, &credentials(PASSWORD));
    assert!(
        answer.contains("too many attempts: try again in"),
        "{answer}"
    );
    let (again, answer) = ask(&lab, &json!({"sessionId": session}));
    assert!(
        answer.starts_with("40/admin,{"),
        "a session needs no password: {answer}"
    );
    let again = Admin(again);
    let mut events = std::iter::repeat_with(|| again.event().0);
    let before: Vec<_> = events
        .by_ref()
        .take_while(|name| name != "config")
        .collect();
    assert!(
        !before.contains(&"session".to_owned()),
        "and is given no other"
    );
}

#[test]
fn the_password_is_in_no_list_of_settings() {
    let lab = lab();
    for path in ["/api/lab", "/api/stats", "/metrics", "/"] {
        let (status, body) = lab.get(path);
        assert_eq!(status, 200, "{path}");
        assert!(!body.contains(PASSWORD), "{path}");
    }
    assert!(
        lab.get("/api/lab")
            .1
            .contains(r#""socketio_admin_password":"(set)""#)
    );
}

#[test]
fn an_administrator_sees_what_happens() {
    let lab = lab();
    let early = Alive::new(lab.socket("socket.io"));
    early.send("40");
    early.text();
    early.text();
    let admin = Admin::join(&lab);
    let (session, _) = admin.event();
    assert_eq!(session, "session");
    let (config, args) = admin.event();
    assert_eq!(config, "config");
    let features = args[0]["supportedFeatures"].as_array().unwrap();
    assert!(features.contains(&json!("ALL_EVENTS")) && features.contains(&json!("MDISCONNECT")));
    let sockets = admin.wait_for("all_sockets").remove(0);
    let sockets = sockets.as_array().unwrap();
    let names: Vec<_> = sockets
        .iter()
        .map(|socket| socket["nsp"].as_str().unwrap())
        .collect();
    assert!(
        names.len() == 2 && names.contains(&"/") && names.contains(&"/admin"),
        "{names:?}"
    );
    for key in ["id", "clientId", "transport", "data", "handshake", "rooms"] {
        assert!(sockets[0].get(key).is_some(), "{key}");
    }

    let poller = lab.poller("socket.io");
    poller.send("40");
    let id = conformance::sid_in(poller.poll().split('\x1e').next().unwrap());
    let joined = admin.wait_for("room_joined");
    assert_eq!(joined[..3], [json!("/"), json!(id), json!(id)]);
    assert!(is_time(&joined[3]));
    let connected = admin.wait_for("socket_connected");
    assert_eq!(connected[0]["id"], json!(id));
    assert_eq!(connected[0]["transport"], json!("polling"));
    assert_eq!(connected[0]["rooms"], json!([id]));
    assert_eq!(connected[0]["handshake"]["address"], json!("127.0.0.1"));
    assert_eq!(connected[0]["handshake"]["headers"]["host"], json!("x"));
    assert_eq!(connected[0]["handshake"]["query"]["EIO"], json!("4"));
    assert!(is_time(&connected[1]));
    let all = serde_json::to_string(&connected).unwrap();
    assert!(
        !all.contains(&poller.sid[..12]),
        "no part of the session's secret"
    );

    let mut socket = lab.upgrade(&poller.target.replace("polling", "websocket"));
    socket.send("2probe");
    assert_eq!(socket.text(), "3probe");
    socket.send("5");
    let client = Alive::new(socket);
    let updated = admin.wait_for("socket_updated").remove(0);
    assert_eq!(
        updated,
        json!({"id": id, "nsp": "/", "transport": "websocket"})
    );

    client.send(r#"42["message",{"a":[1]}]"#);
    let received = admin.wait_for("event_received");
    assert_eq!(
        received[..3],
        [json!("/"), json!(id), json!(["message", {"a": [1]}])]
    );
    assert!(is_time(&received[3]));
    let sent = admin.wait_for("event_sent");
    assert_eq!(
        sent[..3],
        [json!("/"), json!(id), json!(["message-back", {"a": [1]}])]
    );

    assert_eq!(client.text(), r#"42["message-back",{"a":[1]}]"#);
    client.send("41");
    let gone = admin.wait_for("socket_disconnected");
    assert_eq!(
        gone[..3],
        [json!("/"), json!(id), json!("client namespace disconnect")]
    );
    assert_eq!(
        admin.wait_for("room_left")[..3],
        [json!("/"), json!(id), json!(id)]
    );
}

#[test]
fn an_administrator_changes_rooms_emits_and_disconnects() {
    let lab = lab();
    let admin = Admin::join(&lab);
    admin.wait_for("all_sockets");
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let client = Alive::new(lab.socket("socket.io"));
            client.send("40");
            let id = conformance::sid_in(&client.text());
            client.text();
            (client, id)
        })
        .collect();
    let (first, id) = &clients[0];
    admin.command(&json!(["join", "/", "one", id]));
    let room_of = |args: Vec<Value>| (args[1].clone(), args[2].clone());
    let joined = std::iter::repeat_with(|| room_of(admin.wait_for("room_joined")));
    let mut joined = joined.skip_while(|(room, _)| room != "one");
    assert_eq!(joined.next().unwrap(), (json!("one"), json!(id)));
    admin.command(&json!(["emit", "/", "one", "for-one", 1, {"a": 2}]));
    assert_eq!(first.text(), r#"42["for-one",1,{"a":2}]"#);
    admin.command(&json!(["emit", "/", null, "for-all"]));
    for (client, _) in &clients {
        assert_eq!(client.text(), r#"42["for-all"]"#);
    }
    admin.command(&json!(["join", "/", "all"]));
    admin.command(&json!(["leave", "/", "one", "one"]));
    assert_eq!(
        room_of(admin.wait_for("room_left")),
        (json!("one"), json!(id))
    );
    // What is no command, or of a namespace that is not there, does nothing.
    for odd in [
        json!(["join"]),
        json!(["emit", 1]),
        json!(["_disconnect", "/nowhere", true]),
    ] {
        admin.command(&odd);
    }
    admin.command(&json!(["_disconnect", "/", false, id]));
    assert_eq!(first.text(), "41");
    let gone = admin.wait_for("socket_disconnected");
    assert_eq!(
        gone[1..3],
        [json!(id), json!("server namespace disconnect")]
    );
    admin.command(&json!(["_disconnect", "/", true, "all"]));
    for (client, _) in &clients[1..] {
        assert_eq!(client.text(), "41");
    }
}

#[test]
fn figures_come_again_and_again() {
    const REPORTS_MAX: usize = 10;
    let lab = lab();
    let admin = Admin::join(&lab);
    let first = admin.wait_for("server_stats").remove(0);
    assert!(
        first["hostname"].is_string() && first["pid"].is_u64(),
        "{first}"
    );
    let poller = lab.poller("socket.io");
    poller.send("40");
    poller.poll();
    poller.send("1");
    let mut kinds = Vec::new();
    for _ in 0..REPORTS_MAX {
        let figures = admin.wait_for("server_stats").remove(0);
        assert!(figures["uptime"].as_f64() > first["uptime"].as_f64());
        let namespaces = figures["namespaces"].as_array().unwrap();
        assert!(
            namespaces
                .iter()
                .any(|n| n["name"] == "/admin" && n["socketsCount"] == 1)
        );
        assert!(
            namespaces
                .iter()
                .any(|n| n["name"] == "/custom" && n["socketsCount"] == 0)
        );
        for event in figures["aggregatedEvents"].as_array().unwrap() {
            assert!(event["timestamp"].is_u64() && event["count"].as_u64() > Some(0));
            kinds.push(event["type"].as_str().unwrap().to_owned());
        }
        let all = [
            "rawConnection",
            "rawDisconnection",
            "packetsIn",
            "bytesIn",
            "packetsOut",
            "bytesOut",
        ];
        if all.iter().all(|kind| kinds.iter().any(|k| k == kind)) {
            return;
        }
    }
    panic!("{REPORTS_MAX} reports told only of {kinds:?}");
}
