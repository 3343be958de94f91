//! The scenario idle: resident memory of the server per subscriber that is held and gets nothing.
//!
//! The role `hold` reads the server's `VmRSS`, connects N subscribers, lets them rest, reads again,
//! and then has one publication made: every subscriber must get it, so what was held was alive. The
//! difference over N is user-space memory only; kernel socket buffers come on top for every server.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Bench;
use crate::envelope::{self, CHANNEL};
use crate::process::{self, Server};
use crate::protocol::{APP_KEY, Protocol};
use crate::report::{Table, f1, thousands, verdict};
use crate::subscriber::{self, Subscriber};
use crate::sys;

/// Aim now and later, in KiB per idle subscriber over a WebSocket, plain or of Channels.
const AIM_KIB: (f64, f64) = (4.0, 3.0);
/// The same for Socket.IO over WebSocket.
const AIM_SOCKETIO_KIB: (f64, f64) = (6.0, 4.0);
/// The same for answers over HTTP: streams, and polls that are held.
const AIM_HTTP_KIB: (f64, f64) = (10.0, 6.0);
/// Rest between the last handshake and the second reading: buffers that are given back when idle
/// are given back by then; shorter than any heartbeat or hold.
const REST: Duration = Duration::from_secs(3);
/// Open files with which every case fits: the lab keeps half of them for connections that it has not
/// told apart yet.
const FILES: u64 = 24_000;
/// Connections made and closed before the first reading, so that what the server needs once (code
/// pages, worker structures) is not counted as belonging to the subscribers.
const FIRST_TOUCH: usize = 20;
/// All subscribers together must have the publication within this time.
const DELIVERED_WITHIN: Duration = Duration::from_secs(20);

/// Runs the scenario: WebSocket at two sizes, streams and held polls at one, the bare loop as a check
/// of the instrument.
pub fn run(bench: &mut Bench) -> io::Result<()> {
    let all_cases = [
        ("bare", "websocket", 3_000),
        ("pushlab", "websocket", 3_000),
        ("pushlab", "websocket", 10_000),
        ("pushlab", "sse", 5_000),
        ("pushlab", "fetch-stream", 5_000),
        ("pushlab", "channels-streaming", 5_000),
        ("pushlab", "long-poll", 5_000),
        ("pushlab", "channels", 3_000),
        ("pushlab", "socketio-websocket", 5_000),
    ];
    let held_max = if bench.options.is_quick {
        5_000
    } else {
        10_000
    };
    let cases = all_cases
        .into_iter()
        .filter(|&(_, _, count)| count <= held_max);
    let table = Table::new(&[
        ("server", -7),
        ("lane", -18),
        ("held", 7),
        ("KiB each", 8),
        ("RSS before KiB", 14),
        ("after KiB", 10),
        ("reached by 1 publication", 24),
        ("aim", -1),
    ]);
    bench.say(&format!(
        "\nResident memory per idle subscriber\n{}",
        table.head()
    ));
    for (server, transport, count) in cases {
        if server == "pushlab" && 2 * count > sys::raise_open_files(FILES)? {
            bench.say(&format!(
                "{count} of {transport} do not fit into the open files of a process here; ulimit -n {FILES} first"
            ));
            continue;
        }
        let case = hold_at(server, transport, count, bench)?;
        bench.say(&table.row(&cells(&case)));
        if case["reached"] != case["held"] {
            bench.report.failures.push(format!("idle: {case}"));
        }
        bench.report.idle.push(case);
    }
    Ok(())
}

fn hold_at(server: &str, transport: &str, count: u64, bench: &Bench) -> io::Result<Value> {
    let process = match server {
        "bare" => Server::bare(bench.cores, &bench.sample.publication)?,
        _ => Server::pushlab(&bench.options.pushlab, bench.cores)?,
    };
    let plan = json!({
        "address": process.lane(transport).to_string(),
        "publisher_address": process.lane("websocket").to_string(), "server_pid": process.pid(),
        "transport": transport, "count": count, "first_touch": server == "pushlab",
    });
    let mut case = process::run_role("hold", &plan, bench.cores.load)?;
    case["server"] = json!(server);
    case["transport"] = json!(transport);
    Ok(case)
}

fn cells(case: &Value) -> Vec<String> {
    let value = |name: &str| case[name].as_f64().unwrap_or(f64::NAN);
    let aim = match (case["server"].as_str(), case["transport"].as_str()) {
        (Some("pushlab"), Some("websocket" | "channels")) => Some(AIM_KIB),
        (Some("pushlab"), Some("socketio-websocket")) => Some(AIM_SOCKETIO_KIB),
        (Some("pushlab"), Some(XHR | "sse" | "fetch-stream" | "long-poll")) => Some(AIM_HTTP_KIB),
        _ => None,
    };
    let aim = aim.map(|(now, later)| {
        let verdict = verdict(value("kib_each") <= now);
        format!("≤ {now:.0} KiB {verdict}, later ≤ {later:.0}")
    });
    vec![
        case["server"].as_str().unwrap_or_default().to_owned(),
        case["transport"].as_str().unwrap_or_default().to_owned(),
        thousands(value("held")),
        f1(value("kib_each")),
        thousands(value("before_kib")),
        thousands(value("after_kib")),
        thousands(value("reached")),
        aim.unwrap_or_default(),
    ]
}

/// The role `hold`.
pub fn hold(plan: &Value) -> io::Result<Value> {
    let bad_plan = || io::Error::other("bad plan");
    let address = plan["address"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(bad_plan)?;
    let pid = plan["server_pid"].as_i64().ok_or_else(bad_plan)? as i32;
    let count = plan["count"].as_u64().ok_or_else(bad_plan)? as usize;
    let transport = plan["transport"].as_str().ok_or_else(bad_plan)?;
    if plan["first_touch"] == true {
        drop(connect_all(transport, address, FIRST_TOUCH)?);
        thread::sleep(Duration::from_secs(1));
    }
    let before_kib = process::resident_kib(pid)?;
    let mut held = connect_all(transport, address, count)?;
    thread::sleep(REST);
    let after_kib = process::resident_kib(pid)?;
    let publisher = plan["publisher_address"].as_str();
    let publisher = publisher.and_then(|text| text.parse().ok());
    publish(&mut held, transport, publisher.ok_or_else(bad_plan)?)?;
    let deadline = Instant::now() + DELIVERED_WITHIN;
    let reached = held
        .iter_mut()
        .map(|each| u64::from(each.gets_publication(deadline)))
        .sum::<u64>();
    Ok(json!({
        "held": count, "reached": reached, "before_kib": before_kib, "after_kib": after_kib,
        "kib_each": (after_kib as f64 - before_kib as f64) / count as f64,
    }))
}

/// The lane of Channels' fallback by a stream, whose client says by other requests what it wants.
const XHR: &str = "channels-streaming";

/// One held subscriber: a WebSocket, or an HTTP answer that is not over.
enum Held {
    WebSocket(Subscriber),
    Http(TcpStream),
}

impl Held {
    fn connect(transport: &str, server: SocketAddrV4, index: usize) -> io::Result<Self> {
        if let Some(protocol) = Protocol::of_lane(transport) {
            return Subscriber::subscribe(server, index, protocol).map(Held::WebSocket);
        }
        let mut stream = subscriber::connect(server, index)?;
        if transport == XHR {
            open_xhr(&mut stream, server, index)?;
            return Ok(Held::Http(stream));
        }
        let accept = if transport == "sse" {
            "text/event-stream"
        } else {
            "application/json"
        };
        let request = format!(
            "GET /{transport}/{CHANNEL} HTTP/1.1\r\nHost: {server}\r\nAccept: {accept}\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        if transport != "long-poll" {
            let (head, mut body) = subscriber::read_head(&mut stream)?;
            if !head.starts_with(b"HTTP/1.1 200") {
                return Err(subscriber::unexpected("not a 200", &head));
            }
            read_until(&mut stream, &mut body, b"subscribed")?;
        }
        Ok(Held::Http(stream))
    }

    /// Whether the publication of [`publish`] comes before the deadline.
    fn gets_publication(&mut self, deadline: Instant) -> bool {
        if Instant::now() >= deadline {
            return false;
        }
        match self {
            Held::WebSocket(subscriber) => loop {
                match subscriber.read_text() {
                    Ok(text) if envelope::position_of(&text, b"\"tick\"").is_some() => return true,
                    Ok(_) => {}
                    Err(_) => return false,
                }
            },
            // Its quotes may be escaped.
            Held::Http(stream) => read_until(stream, &mut Vec::new(), b"tick").is_ok(),
        }
    }
}

/// Opens a session, and subscribes by a request of its own as pusher-js does.
fn open_xhr(stream: &mut TcpStream, server: SocketAddrV4, index: usize) -> io::Result<()> {
    // A name of its own: a session outlives its connection, and would be gone on with.
    static OPENED: AtomicU64 = AtomicU64::new(0);
    let number = OPENED.fetch_add(1, Ordering::Relaxed);
    let session = format!("/pusher/app/{APP_KEY}/1/idle{number}");
    write!(
        stream,
        "POST {session}/xhr_streaming?protocol=7 HTTP/1.1\r\nHost: {server}\r\n\
         Content-Length: 0\r\n\r\n"
    )?;
    let (head, mut body) = subscriber::read_head(stream)?;
    if !head.starts_with(b"HTTP/1.1 200") {
        return Err(subscriber::unexpected("not a 200", &head));
    }
    read_until(stream, &mut body, b"connection_established")?;
    let subscribe =
        json!({ "event": "pusher:subscribe", "data": { "channel": CHANNEL } }).to_string();
    let said = json!([subscribe]).to_string();
    let mut saying = subscriber::connect(server, index)?;
    write!(
        saying,
        "POST {session}/xhr_send HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{said}",
        said.len()
    )?;
    let (head, _) = subscriber::read_head(&mut saying)?;
    if !head.starts_with(b"HTTP/1.1 204") {
        return Err(subscriber::unexpected("not said", &head));
    }
    read_until(stream, &mut body, b"subscription_succeeded")
}

fn connect_all(transport: &str, server: SocketAddrV4, count: usize) -> io::Result<Vec<Held>> {
    (0..count)
        .map(|index| Held::connect(transport, server, index))
        .collect()
}

/// Publishes once: over the first WebSocket, or with a POST beside the others.
fn publish(held: &mut [Held], transport: &str, server: SocketAddrV4) -> io::Result<()> {
    if transport == Protocol::Plain.lane()
        && let Some(Held::WebSocket(subscriber)) = held.first_mut()
    {
        subscriber.queue_text(envelope::publish_message(0).as_bytes());
        subscriber.flush();
        return Ok(());
    }
    let body = envelope::publication_body(0);
    let mut stream = subscriber::connect(server, held.len())?;
    write!(
        stream,
        "POST /api/channels/{CHANNEL}/publications HTTP/1.1\r\nHost: {server}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let (head, _) = subscriber::read_head(&mut stream)?;
    if head.starts_with(b"HTTP/1.1 200") {
        Ok(())
    } else {
        Err(subscriber::unexpected("publishing", &head))
    }
}

/// Reads on until `wanted` has come.
fn read_until(stream: &mut TcpStream, so_far: &mut Vec<u8>, wanted: &[u8]) -> io::Result<()> {
    let mut chunk = [0; 4096];
    while envelope::position_of(so_far, wanted).is_none() {
        match stream.read(&mut chunk)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => so_far.extend_from_slice(&chunk[..n]),
        }
    }
    Ok(())
}
