//! The side that publishes: a thread of its own that keeps to the schedule whatever the server
//! does (open loop, wrk2's rule).
//!
//! Each row's channel has a [`PublishConnection`], which is written without waiting for the answers;
//! a second thread reads them. A server that stalls makes the writes late, and [`Punctuality`] says
//! how late. The order of the rows changes with each publication, so that none is always first.
//!
//! Between publications the thread wakes every few milliseconds and notes how late it was, as
//! cyclictest does: of a handful of publications no 99th percentile could be told.

use std::{
    io,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use hdrhistogram::Histogram;
use tokio::sync::mpsc::Sender;

use super::{
    collector::{empty_histogram, record},
    machine::GoingFirst,
    publish_connection::{Confirmations, PublishConnection, PublishTarget},
    validity::LAG_P99_MAX_US,
};
use crate::{clock, demo::payloads::Content};

/// How often a sleeping publisher wakes, to see how late it is and whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// An HTTP connection that was idle for so long is opened anew before the next publication: servers
/// close what is idle, some after 5 s, and whoever writes then finds nobody.
const IDLE_MAX_US: u64 = 2_000_000;
/// How long before a publication that is done.
const OPEN_BEFORE_US: u64 = 300_000;

/// A publisher that is so far behind never sleeps, and would keep its core from the clients.
const BEHIND_US: u64 = 10_000;

/// What to publish, and when.
pub struct Assignment {
    /// The server.
    pub target: PublishTarget,
    /// One for each row; each publication goes to all of them.
    pub channels: Vec<String>,
    /// Of publication 1, 2, …; µs since the Unix epoch.
    pub publish_us: Vec<u64>,
    /// Publications before this index are not timed.
    pub first: usize,
    /// What the publications are.
    pub content: Content,
}

/// How well the schedule was kept, over the measured publications and in the warm-up.
#[derive(Debug, Clone)]
pub struct Punctuality {
    /// Due → written, µs.
    pub lag: Histogram<u64>,
    /// Meant to wake → woke, µs; see the module.
    pub wake: Histogram<u64>,
    /// Publications of the warm-up, and those of them that were written more than
    /// [`LAG_P99_MAX_US`] late.
    pub warm_up: usize,
    /// Publications of the warm-up that were sent more than 1 ms late.
    pub late_in_warm_up: usize,
    /// Publications written, over all of the schedule.
    pub published: usize,
}

impl Default for Punctuality {
    fn default() -> Self {
        Self {
            lag: empty_histogram(),
            wake: empty_histogram(),
            warm_up: 0,
            late_in_warm_up: 0,
            published: 0,
        }
    }
}

impl Punctuality {
    /// A publication was written so late.
    pub fn wrote(&mut self, is_measured: bool, lag_us: u64) {
        match is_measured {
            true => record(&mut self.lag, lag_us),
            false => {
                self.warm_up += 1;
                self.late_in_warm_up += usize::from(lag_us > LAG_P99_MAX_US);
            }
        }
    }
}

/// Why publishing ended early.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The connection broke.
    #[error("publishing to {address} failed")]
    Io {
        /// Of the server.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// The server refused a publication; its words.
    #[error("the server refused a publication: {0}")]
    Refused(String),
    /// The publishing thread panicked.
    #[error("the publishing thread ended in a panic; this is a bug, please report it")]
    Panicked,
}

/// A publisher at work.
pub struct Publisher {
    stop: Arc<AtomicBool>,
    failed: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    thread: JoinHandle<Result<Punctuality, PublishError>>,
}

impl Publisher {
    /// Connects, and starts the thread. `stamps` gets the instant at which each waking was due: a
    /// core that was away from everybody is to show, too. A publisher that is behind does not
    /// sleep and gives none, and its own lag tells.
    pub fn spawn(assignment: Assignment, stamps: Sender<u64>) -> Result<Self, PublishError> {
        let address = assignment.target.main.host.clone();
        let failed = |source| PublishError::Io {
            address: address.clone(),
            source,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let answers = Confirmations::default();
        let mut connections = Vec::new();
        for _ in &assignment.channels {
            connections
                .push(PublishConnection::open(&assignment.target, &answers).map_err(failed)?);
        }
        let (stopped, failed_by) = (stop.clone(), Arc::<AtomicBool>::default());
        let (has_failed, refusal) = (failed_by.clone(), answers.refusal.clone());
        let acknowledged = answers.acknowledged.clone();
        let thread = thread::spawn(move || {
            let mut connections = connections;
            let open = || PublishConnection::open(&assignment.target, &answers);
            let result = publish_all(&assignment, &mut connections, &open, &stamps, &stopped);
            has_failed.store(result.is_err(), Ordering::Relaxed);
            connections.iter().for_each(PublishConnection::end);
            let refused = refusal
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            match refused {
                Some(text) => Err(PublishError::Refused(text)),
                None => result.map_err(|source| PublishError::Io { address, source }),
            }
        });
        Ok(Self {
            stop,
            failed: failed_by,
            acknowledged,
            thread,
        })
    }

    /// Whether everything has been sent.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Whether it ended before its time because publishing does not work.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// How many publications the server has confirmed, over all channels; goes on counting when
    /// the publisher has ended, up to the last answer.
    pub fn acknowledged(&self) -> Arc<AtomicU64> {
        self.acknowledged.clone()
    }

    /// Ends it early.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for its end, which comes at once after [`Self::stop`] or the last instant.
    pub fn join(self) -> Result<Punctuality, PublishError> {
        self.thread.join().unwrap_or(Err(PublishError::Panicked))
    }
}

fn publish_all(
    assignment: &Assignment,
    connections: &mut [PublishConnection],
    open: &dyn Fn() -> io::Result<PublishConnection>,
    stamps: &Sender<u64>,
    stop: &AtomicBool,
) -> io::Result<Punctuality> {
    let mut going_first = GoingFirst::new().ok();
    let mut punctuality = Punctuality::default();
    let rows = connections.len();
    let may_idle = assignment.target.keeps_open();
    let mut used_us = clock::now_us();
    for (index, publish_us) in assignment.publish_us.iter().enumerate() {
        let requests = requests(assignment, index as u64 + 1);
        let is_measured = index >= assignment.first;
        let mut woke = |due_us, late_us| {
            if is_measured {
                record(&mut punctuality.wake, late_us);
            }
            // A full queue means that the receiver is behind, which the stamps in it will show.
            let _ = stamps.try_send(due_us);
        };
        if !may_idle && publish_us.saturating_sub(used_us) > IDLE_MAX_US {
            if !sleep_until(publish_us - OPEN_BEFORE_US, stop, &mut woke) {
                break;
            }
            for connection in connections.iter_mut() {
                std::mem::replace(connection, open()?).end();
            }
        }
        if !sleep_until(*publish_us, stop, &mut woke) {
            break;
        }
        used_us = *publish_us;
        for turn in 0..rows {
            let row = (index + turn) % rows;
            connections[row].publish(&requests[row])?;
            let lag_us = clock::now_us().saturating_sub(*publish_us);
            punctuality.wrote(is_measured, lag_us);
            if lag_us > BEHIND_US {
                drop(going_first.take());
            }
        }
        punctuality.published = index + 1;
    }
    Ok(punctuality)
}

fn requests(assignment: &Assignment, number: u64) -> Vec<Vec<u8>> {
    let encode = |channel: &String| {
        assignment
            .target
            .encode(channel, number, &assignment.content)
    };
    assignment.channels.iter().map(encode).collect()
}

/// Returns false when it is to stop. `woke` is called at each waking with the instant at which it
/// was due, and the lateness, in µs.
pub fn sleep_until(instant_us: u64, stop: &AtomicBool, woke: &mut dyn FnMut(u64, u64)) -> bool {
    let look_every_us = LOOK_EVERY.as_micros() as u64;
    loop {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        let now_us = clock::now_us();
        let left_us = instant_us.saturating_sub(now_us).min(look_every_us);
        if left_us == 0 {
            return true;
        }
        thread::sleep(Duration::from_micros(left_us));
        let due_us = now_us + left_us;
        woke(due_us, clock::now_us().saturating_sub(due_us));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
    };

    use super::*;
    use crate::client::{Target, connection::SimulatedLink};

    /// Answers 200 to every read, and 408 to who says nothing for 2.4 s, whom it leaves then.
    fn impatient() -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                thread::spawn(move || {
                    let idle = Duration::from_millis(2_400);
                    socket.set_read_timeout(Some(idle)).unwrap();
                    loop {
                        let status = match socket.read(&mut [0; 4_096]) {
                            Ok(0) => break,
                            Ok(_) => "200 OK",
                            Err(_) => "408 Request Timeout",
                        };
                        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}");
                        if socket.write_all(answer.as_bytes()).is_err() || status != "200 OK" {
                            break;
                        }
                    }
                });
            }
        });
        address
    }

    #[test]
    fn a_server_that_closes_what_is_idle_gets_every_publication() {
        let address = impatient();
        let target = PublishTarget {
            main: Target {
                address,
                host: address.to_string(),
                link: SimulatedLink::default(),
                tls: None,
                compress: None,
                coding: None,
            },
            peer: None,
        };
        let begins_us = clock::now_us();
        let assignment = Assignment {
            target,
            channels: vec!["a".to_owned(), "b".to_owned()],
            publish_us: [100_000, 2_700_000].map(|us| begins_us + us).to_vec(),
            first: 0,
            content: Content::Sized(60),
        };
        let (stamps, _stamped) = tokio::sync::mpsc::channel(1);
        let publisher = Publisher::spawn(assignment, stamps).unwrap();
        let acknowledged = publisher.acknowledged();
        assert_eq!(publisher.join().unwrap().published, 2);
        let until = std::time::Instant::now() + Duration::from_secs(5);
        while acknowledged.load(Ordering::Relaxed) < 4 {
            assert!(std::time::Instant::now() < until, "not every one was taken");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
