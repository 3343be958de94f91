//! The side that publishes: a thread of its own that keeps to the schedule whatever the server
//! does (open loop, wrk2's rule).
//!
//! Each row's channel has a kept-alive connection, written without waiting for the answers, which
//! a second thread reads: a server that stalls makes the writes late, and [`Punctuality`] says
//! how late. Per publication the rows are taken in another order, so that none is always first.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use hdrhistogram::Histogram;
use tokio::sync::mpsc::Sender;

use super::{
    collector::{empty_histogram, record},
    stream_bytes::EVENT,
};
use crate::{
    client::{Target, http},
    clock,
    demo::content::sized,
};

/// How long a write or an answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a sleeping publisher looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What to publish, and when.
pub struct Assignment {
    pub main: Target,
    pub channels: Vec<String>,
    /// Of publication 1, 2, …; µs since the Unix epoch.
    pub intended_us: Vec<u64>,
    /// Publications before this index are not timed.
    pub first: usize,
    pub size_bytes: usize,
}

/// How well the schedule was kept, over the measured publications.
#[derive(Debug, Clone)]
pub struct Punctuality {
    /// Intended → written, µs.
    pub lag: Histogram<u64>,
    /// Publications written, over all of the schedule.
    pub published: usize,
}

/// Why publishing ended early.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("publishing to {address} failed")]
    Io { address: String, source: io::Error },
    #[error("the server refused a publication: {0}")]
    Refused(String),
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
    /// Connects, and starts the thread. `stamps` gets the time just before each publication.
    pub fn spawn(assignment: Assignment, stamps: Sender<u64>) -> Result<Self, PublishError> {
        let address = assignment.main.address.to_string();
        let failed = |source| PublishError::Io {
            address: address.clone(),
            source,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicU64::new(0));
        let refusal: Arc<Mutex<Option<String>>> = Arc::default();
        let mut connections = Vec::new();
        for _ in &assignment.channels {
            let connection =
                TcpStream::connect_timeout(&assignment.main.address, PATIENCE).map_err(failed)?;
            connection.set_nodelay(true).map_err(failed)?;
            connection
                .set_write_timeout(Some(PATIENCE))
                .map_err(failed)?;
            let reading = connection.try_clone().map_err(failed)?;
            let (acknowledged, refusal) = (acknowledged.clone(), refusal.clone());
            thread::spawn(move || read_answers(reading, &acknowledged, &refusal));
            connections.push(connection);
        }
        let (stopped, failed_by) = (stop.clone(), Arc::<AtomicBool>::default());
        let has_failed = failed_by.clone();
        let thread = thread::spawn(move || {
            let result = publish_all(&assignment, &mut connections, &stamps, &stopped);
            has_failed.store(result.is_err(), Ordering::Relaxed);
            for connection in &connections {
                // The reading thread ends with it; a connection that is gone already is as good.
                let _ = connection.shutdown(Shutdown::Write);
            }
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
    connections: &mut [TcpStream],
    stamps: &Sender<u64>,
    stop: &AtomicBool,
) -> io::Result<Punctuality> {
    let mut punctuality = Punctuality {
        lag: empty_histogram(),
        published: 0,
    };
    let rows = connections.len();
    for (index, intended_us) in assignment.intended_us.iter().enumerate() {
        let requests = requests(assignment, index as u64 + 1);
        if !sleep_until(*intended_us, stop) {
            break;
        }
        // A full queue means that the receiver is behind, which the stamps in it will show.
        let _ = stamps.try_send(clock::now_us());
        for turn in 0..rows {
            let row = (index + turn) % rows;
            connections[row].write_all(&requests[row])?;
            if index >= assignment.first {
                let lag_us = clock::now_us().saturating_sub(*intended_us);
                record(&mut punctuality.lag, lag_us);
            }
        }
        punctuality.published = index + 1;
    }
    Ok(punctuality)
}

fn requests(assignment: &Assignment, number: u64) -> Vec<Vec<u8>> {
    let data = sized(number, assignment.size_bytes);
    let body = format!("{{\"event\":\"{EVENT}\",\"data\":{data}}}");
    let request = |channel: &String| {
        let target = format!("/api/channels/{channel}/publications");
        http::request("POST", &assignment.main, &target, "", body.as_bytes())
    };
    assignment.channels.iter().map(request).collect()
}

/// False when it is to stop.
pub fn sleep_until(instant_us: u64, stop: &AtomicBool) -> bool {
    loop {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        let left = Duration::from_micros(instant_us.saturating_sub(clock::now_us()));
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(LOOK_EVERY));
    }
}

/// Reads answers until the connection ends; keeps the first refusal.
fn read_answers(connection: TcpStream, acknowledged: &AtomicU64, refusal: &Mutex<Option<String>>) {
    let mut reader = BufReader::new(connection);
    while let Ok(Some((status, body))) = read_answer(&mut reader) {
        if status == 200 {
            acknowledged.fetch_add(1, Ordering::Relaxed);
        } else {
            let text = format!("{status} {}", String::from_utf8_lossy(&body));
            refusal
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert(text);
        }
    }
}

/// Status and body of the next answer; `None` at the end.
pub fn read_answer(reader: &mut impl BufRead) -> io::Result<Option<(u16, Vec<u8>)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let status = line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .ok_or(io::ErrorKind::InvalidData)?;
    let mut length: u64 = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value
                .trim()
                .parse()
                .map_err(|_| io::ErrorKind::InvalidData)?;
        }
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    Ok(Some((status, body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_one_after_the_other() {
        let mut bytes: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}\
            HTTP/1.1 429 Too Many\r\nContent-Length: 4\r\n\r\nslow";
        assert_eq!(
            read_answer(&mut bytes).unwrap(),
            Some((200, b"{}".to_vec()))
        );
        assert_eq!(
            read_answer(&mut bytes).unwrap(),
            Some((429, b"slow".to_vec()))
        );
        assert_eq!(read_answer(&mut bytes).unwrap(), None);
        assert!(read_answer(&mut &b"nonsense\r\n"[..]).is_err());
    }
}
