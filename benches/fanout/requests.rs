//! The role `requests`: keep-alive connections with one signed request under way on each, sent anew
//! as soon as its answer is there (a closed loop: it measures a rate, and no delay).
//!
//! The load never sleeps while it waits: the kernel would charge the server's `send` with waking it (on
//! a virtual machine a good part of a request), and the slower of two servers would pay more often.
//! Requests are signed before the clock starts, some hundreds of different ones, and sent again and
//! again: a signature holds for 600 s, and whoever checks it remembers none. So the load process pays
//! one `write`, one `read` and a look at the answer's head per request, and stays ahead of the server.
//! Both servers get requests of the same bytes, but for `Host` and the time that is signed.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use pushlab::clock;
use pushlab::config::apps::Secret;
use pushlab::protocol::pusher::sign::{Call, Signing};
use serde_json::{Value, json};

use crate::clocks::Clocks;
use crate::envelope::position_of;
use crate::epoll::Epoll;
use crate::load::merge;
use crate::protocol::{APP_ID, APP_KEY, APP_SECRET};
use crate::subscriber::{connect, unexpected};
use crate::sys;

/// A channel that nobody is subscribed to: what is measured is the request, not a delivery.
const CHANNEL: &str = "api";
/// Different requests; enough that no cache of the server's could know the next one.
const POOL: usize = 512;
/// Bytes of the text that is published.
const DATA_BYTES: usize = 100;
/// An answer takes no longer than this, or the server is stuck.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const READ_BYTES: usize = 16 * 1024;

/// Runs the role and returns its findings.
pub fn run(plan: &Value) -> io::Result<Value> {
    let bad_plan = || io::Error::other("bad plan");
    let number = |name: &str| plan[name].as_u64().ok_or_else(bad_plan);
    let address = plan["address"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(bad_plan)?;
    let clocks = Clocks::of(number("server_pid")? as i32)?;
    let (warm_up_ns, measure_ns) = (
        number("warm_up_ms")? * 1_000_000,
        number("measure_ms")? * 1_000_000,
    );
    let mut load = Requests::connect(address, number("connections")? as usize)?;
    let start_ns = sys::monotonic_ns();
    load.run_until(start_ns + warm_up_ns)?;
    let (before, answered_before) = (clocks.read()?, load.answered);
    load.run_until(start_ns + warm_up_ns + measure_ns)?;
    let (after, answered_after) = (clocks.read()?, load.answered);
    let answered = (answered_after - answered_before) as f64;
    let mut findings = json!({
        "connections": load.connections.len(),
        "answered": answered_after - answered_before,
        "requests_per_s": answered / after.seconds_since(&before),
        "cpu_us_per_request": after.server_cpu_us_since(&before) / answered,
        "request_bytes": load.pool[0].len(),
    });
    merge(&mut findings, after.percents_since(&before));
    Ok(findings)
}

struct Requests {
    connections: Vec<Connection>,
    pool: Vec<Vec<u8>>,
    next: usize,
    epoll: Epoll,
    answered: u64,
}

impl Requests {
    fn connect(address: SocketAddrV4, count: usize) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        let pool = signed_requests(address);
        let mut connections = Vec::with_capacity(count);
        for index in 0..count {
            let stream = connect(address, index)?;
            stream.set_nonblocking(true)?;
            epoll.add(stream.as_raw_fd(), index as u64)?;
            let mut connection = Connection {
                stream,
                buffer: vec![0; READ_BYTES],
                held: 0,
            };
            connection.send(&pool[index % POOL])?;
            connections.push(connection);
        }
        Ok(Requests {
            connections,
            pool,
            next: count,
            epoll,
            answered: 0,
        })
    }

    fn run_until(&mut self, end_ns: u64) -> io::Result<()> {
        let mut ready = Vec::new();
        let mut answered_ns = sys::monotonic_ns();
        loop {
            let now_ns = sys::monotonic_ns();
            if now_ns >= end_ns {
                return Ok(());
            }
            self.epoll.wait(Some(Duration::ZERO), &mut ready)?;
            if !ready.is_empty() {
                answered_ns = now_ns;
            } else if now_ns - answered_ns > ANSWER_WITHIN.as_nanos() as u64 {
                return Err(io::Error::new(ErrorKind::TimedOut, "no answer for 10 s"));
            }
            for &token in &ready {
                let connection = &mut self.connections[token as usize];
                if connection.is_answered()? {
                    self.answered += 1;
                    connection.send(&self.pool[self.next % POOL])?;
                    self.next += 1;
                }
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes of an answer that is not all there.
    held: usize,
}

impl Connection {
    /// One request is a fraction of what a socket takes that has nothing else to send.
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request)
    }

    /// One read; whether the answer is complete with it. Anything but a 200 ends the run.
    fn is_answered(&mut self) -> io::Result<bool> {
        match self.stream.read(&mut self.buffer[self.held..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => self.held += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        let answer = &self.buffer[..self.held];
        let Some(body) = position_of(answer, b"\r\n\r\n").map(|at| at + 4) else {
            return Ok(false);
        };
        let end = body + content_length(&answer[..body])?;
        if self.held < end {
            return Ok(false);
        }
        if !answer.starts_with(b"HTTP/1.1 200 ") || self.held > end {
            return Err(unexpected("not one answer of 200", answer));
        }
        self.held = 0;
        Ok(true)
    }
}

/// The length that a head states, in whatever case its name is written.
pub fn content_length(head: &[u8]) -> io::Result<usize> {
    const NAME: &[u8] = b"content-length:";
    head.split(|byte| *byte == b'\n')
        .filter(|line| line.len() > NAME.len())
        .find(|line| line[..NAME.len()].eq_ignore_ascii_case(NAME))
        .and_then(|line| {
            str::from_utf8(&line[NAME.len()..])
                .ok()?
                .trim()
                .parse()
                .ok()
        })
        .ok_or_else(|| unexpected("no content-length", head))
}

/// Whole requests as an SDK sends them: `POST /apps/1/events?auth_key=…&auth_signature=…`.
fn signed_requests(address: SocketAddrV4) -> Vec<Vec<u8>> {
    let secret = Secret::new(APP_SECRET);
    let now_s = clock::now_us() / 1_000_000;
    let path = format!("/apps/{APP_ID}/events");
    let request = |index: usize| {
        let data = json!({"n": index, "text": "x".repeat(DATA_BYTES)}).to_string();
        let body = json!({"name": "tick", "channels": [CHANNEL], "data": data}).to_string();
        let call = Call {
            method: "POST",
            path: &path,
            query: "",
            body: body.as_bytes(),
        };
        let target = Signing::of(APP_KEY, &secret, &call, now_s).target(&path);
        format!(
            "POST {target} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    (0..POOL).map(request).collect()
}
