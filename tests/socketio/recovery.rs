//! Broadcasts across threads and connection state recovery, over raw bytes.

use std::net::Shutdown;

use crate::support::conformance::{TestLab, WebSocket, sid_in, until};

fn lab() -> TestLab {
    TestLab::with(|config| config.socketio_recovery = "10s".parse().unwrap())
}

struct Client {
    socket: WebSocket,
    sid: String,
    pid: String,
    /// Events that came before the connect was answered.
    missed: Vec<String>,
}

impl Client {
    fn join(lab: &TestLab, connect: &str) -> Self {
        let mut socket = lab.socket("socket.io");
        socket.send(connect);
        let mut missed = Vec::new();
        let answer = loop {
            let text = socket.text();
            if text.starts_with("40{") {
                break text;
            }
            missed.push(text);
        };
        let json: serde_json::Value = serde_json::from_str(&answer[2..]).unwrap();
        let pid = json["pid"].as_str().unwrap().to_owned();
        let mut client = Self {
            socket,
            sid: sid_in(&answer),
            pid,
            missed,
        };
        assert!(client.event().starts_with(r#"42["auth""#));
        client
    }

    fn again(&self, lab: &TestLab, offset: &str) -> Self {
        Self::join(
            lab,
            &format!(r#"40{{"pid":"{}","offset":"{offset}"}}"#, self.pid),
        )
    }

    /// The next event; pings on the way are answered.
    fn event(&mut self) -> String {
        loop {
            match self.socket.text() {
                ping if ping == "2" => self.socket.send("3"),
                event => return event,
            }
        }
    }

    fn broadcast(&mut self, n: usize) {
        self.socket.send(&format!(r#"42["broadcast",{n}]"#));
    }
}

fn offset_of(event: &str) -> String {
    let list: serde_json::Value = serde_json::from_str(&event[2..]).unwrap();
    let last = list.as_array().unwrap().last().unwrap();
    last.as_str().unwrap().to_owned()
}

#[test]
fn a_broadcast_reaches_everybody_on_every_thread_in_order() {
    let lab = lab();
    let mut clients: Vec<_> = (0..9).map(|_| Client::join(&lab, "40")).collect();
    (0..20).for_each(|n| clients[0].broadcast(n));
    for client in &mut clients {
        for n in 0..20 {
            let event = client.event();
            let head = format!(r#"42["broadcast",{n},""#);
            assert!(event.starts_with(&head), "{event}");
        }
    }
}

#[test]
fn who_comes_back_gets_what_it_missed_before_the_answer() {
    let lab = lab();
    let mut stays = Client::join(&lab, "40");
    let mut goes = Client::join(&lab, "40");
    stays.broadcast(0);
    let seen = offset_of(&goes.event());
    goes.socket.0.shutdown(Shutdown::Both).unwrap();
    (1..=100).for_each(|n| stays.broadcast(n));
    (0..=100).for_each(|_| drop(stays.event()));
    let mut back = goes.again(&lab, &seen);
    assert_eq!((&back.sid, &back.pid), (&goes.sid, &goes.pid));
    assert_eq!(back.missed.len(), 100);
    for (event, n) in back.missed.iter().zip(1..) {
        assert!(
            event.starts_with(&format!(r#"42["broadcast",{n},""#)),
            "{event}"
        );
    }
    stays.broadcast(101);
    assert!(back.event().starts_with(r#"42["broadcast",101,""#));
}

#[test]
fn a_pid_is_good_once_and_ends_a_connection_that_is_still_there() {
    let lab = lab();
    // Several, so that old and new land on different threads.
    for _ in 0..6 {
        let mut old = Client::join(&lab, "40");
        old.broadcast(1);
        let seen = offset_of(&old.event());
        let new = old.again(&lab, &seen);
        assert_eq!(new.sid, old.sid);
        old.socket.assert_closed();
        new.socket.0.shutdown(Shutdown::Both).unwrap();
        until("both are gone", || lab.sessions("socket.io") == 0);
        assert_eq!(new.again(&lab, &seen).sid, old.sid);
    }
}

#[test]
fn what_cannot_be_recovered_is_a_new_connection() {
    let lab = lab();
    let mut client = Client::join(&lab, "40");
    client.broadcast(1);
    let seen = offset_of(&client.event());
    client.socket.send("41");
    client.socket.0.shutdown(Shutdown::Both).unwrap();
    until("it is gone", || lab.sessions("socket.io") == 0);
    let new = client.again(&lab, &seen);
    assert_ne!(new.sid, client.sid, "it said goodbye");
    new.socket.0.shutdown(Shutdown::Both).unwrap();
    until("it is gone", || lab.sessions("socket.io") == 0);
    assert_ne!(
        new.again(&lab, "999999").sid,
        new.sid,
        "an offset of nobody's"
    );
}
