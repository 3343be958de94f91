//! permessage-deflate from outside (RFC 7692): real clients' handshakes byte for byte, one compressed
//! frame for all subscribers, contexts that are bounded, messages that are meant to do harm, and what
//! the lane counts.

use std::net::SocketAddr;

use pushlab::{
    codec::{
        deflate::{Compressor, Inflater, inflate_alone},
        websocket::{OpCode, encode_masked, header_bytes},
    },
    config::{Config, compress::Compress},
};
use serde_json::{Value, json};

use crate::support::{
    PATIENCE, TestLab, connection::Connection, eventually, spawn_lab, test_config,
    websocket::WebSocket,
};

const CHANNEL: &str = "deflate";
const LIMIT: usize = 64 << 10;

/// As Chromium 149 sends it, but for the names of the machine.
const CHROMIUM: &str = "Connection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/149.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
/// As Firefox sends it.
const FIREFOX: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:152.0) Gecko/20100101 \
    Firefox/152.0\r\nAccept: */*\r\nAccept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: keep-alive, Upgrade\r\n\
    Pragma: no-cache\r\nCache-Control: no-cache\r\nUpgrade: websocket\r\n";
/// As `ws` 8 of Node sends it.
const NODE_WS: &str = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
const SAFARI_15_2: &str = "User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) \
    AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.2 Safari/605.1.15\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";
/// One that can keep a window of 512 bytes only.
const SMALL: &str = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n";

const ALONE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// A client that sends and reads frames as they are.
struct Client {
    connection: Connection,
    /// What the server agreed to.
    agreed: Option<String>,
}

/// A frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Frame {
    first: u8,
    payload: Vec<u8>,
}

impl Frame {
    fn is_compressed(&self) -> bool {
        self.first == 0xC1
    }

    /// Its text, where each message is compressed by itself.
    fn text(&self) -> Value {
        let mut text = Vec::new();
        match self.is_compressed() {
            true => inflate_alone(&self.payload, LIMIT, &mut text).expect("it is whole"),
            false => text.extend_from_slice(&self.payload),
        }
        serde_json::from_slice(&text).expect("JSON")
    }
}

impl Client {
    fn open(address: SocketAddr, path: &str, headers: &str) -> Self {
        let mut connection = Connection::connect(address);
        let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
        connection.send(head.as_bytes()).unwrap();
        let answer = connection.take_until(b"\r\n\r\n").unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        let said = answer
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
        Self {
            agreed: said.map(str::to_owned),
            connection,
        }
    }

    fn subscribed(lab: &TestLab, query: &str, headers: &str) -> Self {
        let path = format!("/ws/{CHANNEL}{query}");
        let mut client = Self::open(lab.address("websocket"), &path, headers);
        client.next();
        client
    }

    fn next(&mut self) -> Frame {
        let head = self.connection.take(2).unwrap();
        let length = match head[1] {
            126 => {
                let length = self.connection.take(2).unwrap();
                usize::from(u16::from_be_bytes([length[0], length[1]]))
            }
            short => usize::from(short),
        };
        Frame {
            first: head[0],
            payload: self.connection.take(length).unwrap(),
        }
    }

    /// Sends this as a compressed text message in one frame.
    fn send(&mut self, compressed: &[u8]) {
        let mut frame = Vec::new();
        encode_masked(OpCode::Text, compressed, [1, 2, 3, 4], &mut frame);
        frame[0] |= 0x40;
        self.connection.send(&frame).unwrap();
    }
}

fn lab(compress: Compress) -> TestLab {
    spawn_lab(Config {
        compress,
        workers: 1,
        ..test_config()
    })
}

fn chat(n: u64) -> Value {
    json!({ "n": n, "name": "Ann B.", "text": format!("Has anybody seen message {}? I have not.", n + 1) })
}

fn of_websockets(lab: &TestLab) -> Value {
    let stats = lab.stats(CHANNEL);
    let all = stats["series"].as_array().unwrap();
    let it = all.iter().find(|series| series["transport"] == "websocket");
    it.expect("its series").clone()
}

#[test]
fn real_clients_share_one_compressed_frame() {
    let lab = lab(Compress::On);
    let mut compressing: Vec<_> = [CHROMIUM, FIREFOX, NODE_WS]
        .iter()
        .map(|headers| Client::subscribed(&lab, "", headers))
        .collect();
    for client in &compressing {
        assert_eq!(client.agreed.as_deref(), Some(ALONE));
    }
    let mut plain = WebSocket::open(lab.address("websocket"), CHANNEL);
    plain.expect_subscribed();
    let mut small = Client::subscribed(&lab, "", SMALL);
    let bits_of_9 = format!("{ALONE}; server_max_window_bits=9");
    assert_eq!(small.agreed.as_deref(), Some(&*bits_of_9));
    assert_eq!(Client::subscribed(&lab, "", SAFARI_15_2).agreed, None);

    let before = of_websockets(&lab);
    let (mut wire, mut whole) = (0, 0);
    for n in 0..5 {
        lab.publish(CHANNEL, "say", chat(n));
        let sent = plain.next().unwrap().unwrap();
        let frames: Vec<_> = compressing.iter_mut().map(Client::next).collect();
        assert!(frames[0].is_compressed(), "{:?}", frames[0]);
        assert!(frames.iter().all(|frame| *frame == frames[0]));
        assert_eq!(small.next(), frames[0], "it fits into 512 bytes");
        assert_eq!(frames[0].text(), sent.json());
        wire += header_bytes(frames[0].payload.len()) + frames[0].payload.len();
        whole += 4 + sent.payload.len();
    }
    let mut after = before.clone();
    eventually(PATIENCE, "all of it is counted", || {
        after = of_websockets(&lab);
        let delivered = |of: &Value| of["publications_delivered_total"].as_u64().unwrap();
        delivered(&after) == delivered(&before) + 5 * 5
    });
    let grown = |name: &str| {
        let of = |stats: &Value| stats["down"][name].as_u64().unwrap() as usize;
        of(&after) - of(&before)
    };
    assert_eq!(grown("total"), 4 * wire + whole);
    assert_eq!(grown("before_compression"), 5 * whole);
    assert_eq!(grown("saved"), 4 * (whole - wire));
    let layers = ["framing", "protocol", "lab", "payload", "http_headers"];
    assert_eq!(layers.map(grown).iter().sum::<usize>(), 5 * whole);
    assert_eq!(grown("framing"), 5 * 5 * 4, "as it would be without");

    // Longer than the small window: it goes as it is.
    let long = json!({ "text": "to be or not to be ".repeat(40) });
    lab.publish(CHANNEL, "say", long);
    assert!(compressing[0].next().is_compressed());
    assert!(!small.next().is_compressed());
}

#[test]
fn the_query_of_a_connection_overrules_the_setting() {
    for (compress, query, agreed) in [
        (Compress::Off, "", None),
        (Compress::Off, "?compress=on", Some(ALONE)),
        (
            Compress::Off,
            "?compress=context",
            Some("permessage-deflate"),
        ),
        (Compress::On, "?compress=off", None),
        (Compress::Context, "", Some("permessage-deflate")),
        (Compress::Context, "?compress=on", Some(ALONE)),
    ] {
        let lab = lab(compress);
        let client = Client::subscribed(&lab, query, CHROMIUM);
        assert_eq!(client.agreed.as_deref(), agreed, "{compress} {query}");
        // Who does not offer gets what everybody gets.
        WebSocket::open(lab.address("websocket"), CHANNEL).expect_subscribed();
    }
}

#[test]
fn in_context_each_connection_has_a_window_of_its_own_and_there_are_as_many_as_may_be() {
    let lab = spawn_lab(Config {
        compress_contexts: 2,
        compress: Compress::Context,
        workers: 1,
        ..test_config()
    });
    let mut inflater = Inflater::default();
    let mut text = |frame: &Frame| -> Value {
        let mut text = Vec::new();
        match frame.is_compressed() {
            true => inflater.message(&frame.payload, LIMIT, &mut text).unwrap(),
            false => text.extend_from_slice(&frame.payload),
        }
        serde_json::from_slice(&text).unwrap()
    };
    let path = format!("/ws/{CHANNEL}");
    let mut own = Client::open(lab.address("websocket"), &path, CHROMIUM);
    assert!(text(&own.next())["subscribed"].is_object());
    let _second = Client::subscribed(&lab, "", CHROMIUM);
    let mut third = Client::subscribed(&lab, "", CHROMIUM);
    assert_eq!(own.agreed.as_deref(), Some("permessage-deflate"));
    assert_eq!(third.agreed.as_deref(), Some(ALONE), "no room for another");
    let mut lengths = Vec::new();
    for n in 1..200 {
        lab.publish(CHANNEL, "say", chat(n));
        let (mine, shared) = (own.next(), third.next());
        assert_eq!(text(&mine)["data"], chat(n));
        assert_eq!(shared.text()["data"], chat(n));
        lengths.push((mine.payload.len(), shared.payload.len()));
    }
    let (mine, shared) = lengths[100];
    assert!(mine * 3 < shared, "{mine} in context, {shared} alone");

    // What is too slow to keep up loses nothing that later messages refer to: it has no context.
    let dropping = spawn_lab(Config {
        compress: Compress::Context,
        slow_consumer: pushlab::hub::when_full::WhenFull::DropOldest,
        ..test_config()
    });
    let client = Client::subscribed(&dropping, "", CHROMIUM);
    assert_eq!(client.agreed.as_deref(), Some(ALONE));
}

#[test]
fn a_bomb_ends_its_own_connection_and_nobody_elses() {
    let lab = lab(Compress::On);
    let bomb = |bytes: usize| {
        let message = format!(
            "{{\"publish\":{{\"event\":\"x\",\"data\":\"{}\"}}}}",
            "0".repeat(bytes)
        );
        let mut out = Vec::new();
        Compressor::new(15).message(message.as_bytes(), &mut out);
        out
    };
    let mut honest = Client::subscribed(&lab, "", NODE_WS);
    for (what, sent, code) in [
        ("1,000 : 1", bomb(32 << 20), 1009_u16),
        ("past the limit", bomb(LIMIT), 1009),
        ("no DEFLATE", vec![0xFF; 50], 1007),
    ] {
        let mut hostile = Client::subscribed(&lab, "", NODE_WS);
        hostile.send(&sent);
        let close = hostile.next();
        assert_eq!(
            (close.first, &close.payload[..2]),
            (0x88, &code.to_be_bytes()[..]),
            "{what}"
        );
    }
    let mut compressed = Vec::new();
    let publish = json!({ "publish": { "event": "say", "data": chat(1), "id": "a" } }).to_string();
    Compressor::new(15).message(publish.as_bytes(), &mut compressed);
    assert!(compressed.len() < publish.len());
    honest.send(&compressed);
    let ack = honest.next().text();
    let published = honest.next().text();
    assert_eq!(ack["ack"]["id"], "a");
    assert_eq!(published["data"], chat(1));
    let up = of_websockets(&lab)["up"]["saved"].as_u64().unwrap();
    assert!(up > 0, "what came up compressed is counted as saved");
}

#[test]
fn where_nothing_was_agreed_on_a_compressed_frame_is_refused() {
    let lab = lab(Compress::Off);
    let mut client = Client::subscribed(&lab, "", NODE_WS);
    client.send(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    let close = client.next();
    assert_eq!(close.payload[..2], 1002_u16.to_be_bytes());
}

#[test]
fn channels_and_socketio_compress_as_well() {
    let lab = lab(Compress::On);
    let key = &lab.apps().demo_app().expect("there is a demo").settings.key;
    let address = lab.address("channels");
    let mut channels = Client::open(address, &format!("/app/{key}?protocol=7"), CHROMIUM);
    assert_eq!(channels.agreed.as_deref(), Some(ALONE));
    let established = channels.next();
    assert_eq!(established.text()["event"], "pusher:connection_established");
    assert!(established.is_compressed());
    let off = Client::open(
        address,
        &format!("/app/{key}?protocol=7&compress=off"),
        CHROMIUM,
    );
    assert_eq!(off.agreed, None);

    let address = lab.address("socketio-websocket");
    let path = "/socket.io/?EIO=4&transport=websocket";
    let mut socketio = Client::open(address, path, NODE_WS);
    assert_eq!(socketio.agreed.as_deref(), Some(ALONE));
    let open = socketio.next();
    let mut text = Vec::new();
    match open.is_compressed() {
        true => inflate_alone(&open.payload, LIMIT, &mut text).unwrap(),
        false => text = open.payload,
    }
    assert!(text.starts_with(b"0{\"sid\":"));
    let off = Client::open(address, &format!("{path}&compress=off"), NODE_WS);
    assert_eq!(off.agreed, None);
}
