//! The side that publishes: a thread of its own that keeps to the schedule whatever the server
//! does (open loop, wrk2's rule).
//!
//! Each row's channel has an [`Outlet`], written without waiting for the answers, which a second
//! thread reads: a server that stalls makes the writes late, and [`Punctuality`] says how late. Per publication the rows are taken in another order, so that none is always first.

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
    outlet::{Answers, Outlet, Way},
};
use crate::clock;

/// How often a sleeping publisher looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What to publish, and when.
pub struct Assignment {
    pub way: Way,
    pub channels: Vec<String>,
    /// Of publication 1, 2, …; µs since the Unix epoch.
    pub publish_us: Vec<u64>,
    /// Publications before this index are not timed.
    pub first: usize,
    pub size_bytes: usize,
}

/// How well the schedule was kept, over the measured publications.
#[derive(Debug, Clone)]
pub struct Punctuality {
    /// Due → written, µs.
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
        let address = assignment.way.main.host.clone();
        let failed = |source| PublishError::Io {
            address: address.clone(),
            source,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let answers = Answers::default();
        let mut outlets = Vec::new();
        for _ in &assignment.channels {
            outlets.push(Outlet::open(&assignment.way, &answers).map_err(failed)?);
        }
        let (stopped, failed_by) = (stop.clone(), Arc::<AtomicBool>::default());
        let (has_failed, refusal) = (failed_by.clone(), answers.refusal);
        let acknowledged = answers.acknowledged;
        let thread = thread::spawn(move || {
            let result = publish_all(&assignment, &outlets, &stamps, &stopped);
            has_failed.store(result.is_err(), Ordering::Relaxed);
            outlets.iter().for_each(Outlet::end);
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
    outlets: &[Outlet],
    stamps: &Sender<u64>,
    stop: &AtomicBool,
) -> io::Result<Punctuality> {
    let mut punctuality = Punctuality {
        lag: empty_histogram(),
        published: 0,
    };
    let rows = outlets.len();
    for (index, publish_us) in assignment.publish_us.iter().enumerate() {
        let requests = requests(assignment, index as u64 + 1);
        if !sleep_until(*publish_us, stop) {
            break;
        }
        // A full queue means that the receiver is behind, which the stamps in it will show.
        let _ = stamps.try_send(clock::now_us());
        for turn in 0..rows {
            let row = (index + turn) % rows;
            outlets[row].write(&requests[row])?;
            if index >= assignment.first {
                let lag_us = clock::now_us().saturating_sub(*publish_us);
                record(&mut punctuality.lag, lag_us);
            }
        }
        punctuality.published = index + 1;
    }
    Ok(punctuality)
}

fn requests(assignment: &Assignment, number: u64) -> Vec<Vec<u8>> {
    let encode = |channel: &String| {
        assignment
            .way
            .encode(channel, number, assignment.size_bytes)
    };
    assignment.channels.iter().map(encode).collect()
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
