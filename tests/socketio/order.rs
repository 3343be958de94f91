//! Order (reference, 3.11): fifty events sent back to back are handled and answered in order, a
//! thousand times over, on polling, on WebSocket, and across an upgrade.

use crate::support::conformance::{Poller, TestLab, WebSocket};

const ROUNDS: usize = 1_000;
const EVENTS: usize = 50;

/// Numbered over all rounds, so that an answer of an earlier round would show.
fn events(round: usize) -> impl Iterator<Item = usize> {
    round * EVENTS..(round + 1) * EVENTS
}

fn event(n: usize) -> String {
    format!(r#"42{n}["message-with-ack",{n}]"#)
}

fn answer(n: usize) -> String {
    format!("43{n}[{n}]")
}

/// The next packet that is no ping; those are answered.
fn next(socket: &mut WebSocket) -> String {
    loop {
        match socket.text() {
            ping if ping == "2" => socket.send("3"),
            packet => return packet,
        }
    }
}

/// What polls bring, without pings, until there are so many packets.
fn poll(poller: &Poller<'_>, wanted: usize) -> Vec<String> {
    let mut got = Vec::new();
    while got.len() < wanted {
        for packet in poller.poll().split('\x1e') {
            match packet {
                "2" => poller.send("3"),
                packet => got.push(packet.to_owned()),
            }
        }
    }
    got
}

fn join(poller: &Poller<'_>) {
    poller.send("40");
    assert_eq!(poll(poller, 2)[1], r#"42["auth",{}]"#);
}

#[test]
fn on_websocket() {
    let lab = TestLab::start();
    let mut socket = lab.socket("socket.io");
    socket.send("40");
    next(&mut socket);
    next(&mut socket);
    for round in 0..ROUNDS {
        events(round).for_each(|n| socket.send(&event(n)));
        events(round).for_each(|n| assert_eq!(next(&mut socket), answer(n)));
    }
}

#[test]
fn on_polling() {
    let lab = TestLab::start();
    let poller = lab.poller("socket.io");
    join(&poller);
    for round in 0..ROUNDS {
        let body: Vec<_> = events(round).map(event).collect();
        poller.send(&body.join("\x1e"));
        let expected: Vec<_> = events(round).map(answer).collect();
        assert_eq!(poll(&poller, EVENTS), expected);
    }
}

/// Some events by POST before the probe, some during it, the rest on the WebSocket; the answers to
/// the first two parts are in the queue when the session moves.
#[test]
fn across_an_upgrade() {
    let lab = TestLab::start();
    for round in 0..ROUNDS {
        let poller = lab.poller("socket.io");
        join(&poller);
        let all: Vec<_> = events(round).collect();
        let (before, rest) = all.split_at(round % 20);
        let (during, after) = rest.split_at(1 + round % 10);
        let body = |part: &[usize]| {
            part.iter()
                .map(|n| event(*n))
                .collect::<Vec<_>>()
                .join("\x1e")
        };
        if !before.is_empty() {
            poller.send(&body(before));
        }
        let mut socket = lab.upgrade(&poller.target.replace("polling", "websocket"));
        socket.send("2probe");
        assert_eq!(next(&mut socket), "3probe");
        poller.send(&body(during));
        socket.send("5");
        after.iter().for_each(|n| socket.send(&event(*n)));
        all.iter()
            .for_each(|n| assert_eq!(next(&mut socket), answer(*n), "round {round}"));
    }
}
