//! The role `load`: N subscribers, one of which also publishes, in one epoll loop.
//!
//! Sockets are read in sweeps with a rest between them (1 ms by default), one large read per socket.
//! A generator that wakes for every frame has its wake-ups and its lock contention charged to the
//! server's writes, and needs a whole core itself at 150,000 frames a second; real subscribers are on
//! other machines and do neither. The price: delays are coarse by one rest.
//!
//! The publisher is one of the N because on `/ws/{channel}` whoever publishes is subscribed too; so
//! N sockets get every publication, from the server and from the bare loop alike. It is a plain
//! WebSocket, whatever the others speak, unless another way to publish is asked for (`doors.rs`).
//!
//! ```text
//! connect all → publish … warm-up │ measured interval │ stop publishing → wait for what is under way
//!                                 ▲                   ▲
//!                      CPU clocks and counters read  again
//! ```

use std::io;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clocks::{Clocks, Times};
use crate::doors::Requests;
use crate::epoll::Epoll;
use crate::plan::Plan;
use crate::publisher::Publisher;
use crate::subscriber::Subscriber;
use crate::sys;
use crate::tally::{self, Schedule, Snapshot, Tally};

/// One read takes up to this much; far more than a socket holds when the generator keeps up.
const READ_BYTES: usize = 256 * 1024;
/// Time between the last handshake and the first publication.
const SETTLE_MS: u64 = 200;
/// The wait for stragglers ends early when nothing has come for this long.
const QUIET_MS: u64 = 3_000;

/// Runs the role and returns its findings.
pub fn run(plan: &Value) -> io::Result<Value> {
    let plan = Plan::from_json(plan).ok_or_else(|| io::Error::other("bad plan"))?;
    let mut load = Load::connect(&plan)?;
    let start_ns = load.publisher.schedule.start_ns;
    let measure_ns = start_ns + plan.warm_up_ms * 1_000_000;
    let stop_ns = measure_ns + plan.measure_ms * 1_000_000;
    load.publisher.stop_ns = stop_ns;

    load.run_until(measure_ns, |_| false)?;
    let before = load.reading()?;
    load.measuring(true);
    load.run_until(stop_ns, |_| false)?;
    load.measuring(false);
    let after = load.reading()?;
    load.drain(plan.drain_ms)?;
    Ok(load.findings(&before, &after))
}

/// Everything read at one end of the measured interval.
struct Reading {
    times: Times,
    published: u64,
    counters: Snapshot,
}

struct Load {
    subscribers: Vec<Subscriber>,
    publisher: Publisher,
    tally: Tally,
    epoll: Epoll,
    pause_ns: u64,
    next_sweep_ns: u64,
    clocks: Clocks,
    buffer: Vec<u8>,
}

impl Load {
    fn connect(plan: &Plan) -> io::Result<Self> {
        let publisher = Subscriber::subscribe(plan.publisher_address, 0, plan.door.first_speaks())?;
        let first_offset = publisher.next_offset;
        let others = (1..plan.subscribers as usize).map(|index| {
            let mut subscriber = Subscriber::subscribe(plan.address, index, plan.protocol)?;
            // Nothing is published meanwhile; Channels tells no offset.
            subscriber.next_offset = first_offset;
            Ok(subscriber)
        });
        let subscribers = std::iter::once(Ok(publisher)).chain(others);
        let subscribers = subscribers.collect::<io::Result<Vec<_>>>()?;
        let epoll = Epoll::new()?;
        for (index, subscriber) in subscribers.iter().enumerate() {
            subscriber.go_nonblocking()?;
            epoll.add(subscriber.as_raw_fd(), index as u64)?;
        }
        let period_ns = 1_000_000_000 / plan.rate_per_s;
        let schedule = Schedule {
            start_ns: sys::monotonic_ns() + SETTLE_MS * 1_000_000,
            period_ns,
            first_offset,
        };
        let publications = plan.rate_per_s * (plan.measure_ms + 1_000) / 1_000;
        let pad_bytes = plan.pad_bytes as usize;
        let requests = Requests::open(plan.door, plan.main_address, pad_bytes)?;
        for (index, fd) in requests.fds().enumerate() {
            epoll.add(fd, (subscribers.len() + index) as u64)?;
        }
        let door = (plan.door, requests);
        let publisher = Publisher::new(schedule, door, pad_bytes, publications as usize);
        Ok(Load {
            tally: Tally::new(schedule, (publications * plan.subscribers) as usize),
            subscribers,
            publisher,
            epoll,
            pause_ns: plan.pause_us * 1_000,
            next_sweep_ns: 0,
            clocks: Clocks::of(plan.server_pid)?,
            buffer: vec![0; READ_BYTES],
        })
    }

    /// The loop: publish what is due, read what has come, rest; until the time is there or `is_done`.
    fn run_until(&mut self, end_ns: u64, is_done: impl Fn(&Self) -> bool) -> io::Result<()> {
        loop {
            let now_ns = sys::monotonic_ns();
            if now_ns >= end_ns || is_done(self) {
                return Ok(());
            }
            self.publisher.publish_due(&mut self.subscribers[0])?;
            if now_ns >= self.next_sweep_ns {
                self.sweep()?;
                self.next_sweep_ns = sys::monotonic_ns() + self.pause_ns;
            }
            self.rest(end_ns)?;
        }
    }

    /// Reads every socket that has something, once. Sockets that fill again meanwhile wait for the
    /// next sweep.
    fn sweep(&mut self) -> io::Result<()> {
        let mut ready = Vec::new();
        let mut left = self.subscribers.len() + self.publisher.requests.fds().count();
        let mut has_more = true;
        while has_more && left > 0 {
            has_more = self.epoll.wait(Some(Duration::ZERO), &mut ready)?;
            left = left.saturating_sub(ready.len());
            self.receive(&ready)?;
        }
        Ok(())
    }

    /// Sleeps until something is due; with a pause of 0, or until something arrives.
    fn rest(&mut self, end_ns: u64) -> io::Result<()> {
        let due_ns = self.publisher.next_due_ns().unwrap_or(u64::MAX).min(end_ns);
        let wake_ns = if self.pause_ns == 0 {
            due_ns
        } else {
            due_ns.min(self.next_sweep_ns)
        };
        let rest = Duration::from_nanos(wake_ns.saturating_sub(sys::monotonic_ns()));
        if self.pause_ns > 0 {
            thread::sleep(rest);
            return Ok(());
        }
        let mut ready = Vec::new();
        self.epoll.wait(Some(rest), &mut ready)?;
        self.receive(&ready)
    }

    fn receive(&mut self, tokens: &[u64]) -> io::Result<()> {
        for &token in tokens {
            let index = token as usize;
            let Some(subscriber) = self.subscribers.get_mut(index) else {
                let index = index - self.subscribers.len();
                self.publisher.requests.receive(index, &mut self.buffer)?;
                continue;
            };
            subscriber.receive(&mut self.buffer, &mut self.tally);
            if !subscriber.is_open {
                self.epoll.remove(subscriber.as_raw_fd())?;
            }
            self.publisher.publish_due(&mut self.subscribers[0])?;
        }
        Ok(())
    }

    fn measuring(&mut self, on: bool) {
        self.tally.is_measuring = on;
        self.publisher.is_measuring = on;
    }

    fn reading(&self) -> io::Result<Reading> {
        Ok(Reading {
            times: self.clocks.read()?,
            published: self.publisher.published,
            counters: self.tally.now,
        })
    }

    /// Waits for what is under way: until nothing is missing, nothing has come for a while, or the
    /// limit is reached.
    fn drain(&mut self, limit_ms: u64) -> io::Result<()> {
        let limit_ns = sys::monotonic_ns() + limit_ms * 1_000_000;
        loop {
            let arrived = self.tally.now.bytes;
            let now_ns = sys::monotonic_ns();
            let pause_ns = limit_ns.min(now_ns + QUIET_MS * 1_000_000);
            self.run_until(pause_ns, |load| load.missing() == 0)?;
            let is_quiet = self.tally.now.bytes == arrived;
            if self.missing() == 0 || is_quiet || sys::monotonic_ns() >= limit_ns {
                return Ok(());
            }
        }
    }

    /// Publications that were made and have neither arrived nor been passed over.
    fn missing(&self) -> u64 {
        let end = self.publisher.schedule.first_offset + self.publisher.published;
        self.subscribers
            .iter()
            .map(|each| end.saturating_sub(each.next_offset))
            .sum()
    }

    fn findings(self, before: &Reading, after: &Reading) -> Value {
        let seconds = after.times.seconds_since(&before.times);
        let cpu_us = after.times.server_cpu_us_since(&before.times);
        let delivered = after.counters.delivered - before.counters.delivered;
        let bytes = after.counters.bytes - before.counters.bytes;
        let reads = after.counters.reads - before.counters.reads;
        let published = after.published - before.published;
        let missing = self.missing();
        let gone = self.subscribers.iter().filter(|each| !each.is_open).count();
        let mut lag_us = self.publisher.lag_us;
        let mut findings = self.tally.into_json(missing);
        let measured = json!({
            "subscribers": self.subscribers.len(),
            "seconds": seconds,
            "published_per_s": published as f64 / seconds,
            "delivered": delivered,
            "delivered_per_s": delivered as f64 / seconds,
            "acknowledged": after.counters.acknowledged - before.counters.acknowledged,
            "cpu_us_per_delivery": cpu_us / delivered as f64,
            "bytes_per_delivery": bytes as f64 / delivered as f64,
            "deliveries_per_read": delivered as f64 / reads as f64,
            "gone": gone,
            "lag_us": tally::percentiles(&mut lag_us),
        });
        merge(&mut findings, measured);
        merge(&mut findings, after.times.percents_since(&before.times));
        findings
    }
}

/// Adds the members of one object to another.
pub fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
