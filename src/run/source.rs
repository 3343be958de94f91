//! Who publishes: the run by its own thread ([`super::publisher`]), or the clients themselves,
//! each over its own connection.
//!
//! When clients publish they take turns: publication *i* is that of client *i* mod N, at the same
//! instants for every row. They wait for no answer before the next instant (open loop): what
//! cannot be sent yet waits in the client's outbox, and that wait is part of the delay.

use std::{
    cell::RefCell,
    mem,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use hdrhistogram::Histogram;
use tokio::{
    sync::mpsc::{self, Sender},
    task::JoinHandle,
};

use super::{
    bytes::EVENT,
    collector::{empty_histogram, record},
    machine::GoingFirst,
    publisher::{PublishError, Publisher, Punctuality, sleep_until},
};
use crate::{
    client::upstream::{self, Outbox},
    clock,
    demo::payloads::Content,
};

/// See the module.
pub enum Source {
    /// The run publishes, by the server's HTTP API or another protocol's.
    Run(Publisher),
    /// Clients publish, each by its lane.
    Clients(Feeder),
}

impl Source {
    /// Whether it ended before its time because publishing does not work.
    pub fn has_failed(&self) -> bool {
        match self {
            Self::Run(publisher) => publisher.has_failed(),
            Self::Clients(_) => false,
        }
    }

    /// Ends it early.
    pub fn stop(&self) {
        match self {
            Self::Run(publisher) => publisher.stop(),
            Self::Clients(feeder) => feeder.stopped.store(true, Ordering::Relaxed),
        }
    }

    /// Whether everything has been sent.
    pub fn is_finished(&self) -> bool {
        match self {
            Self::Run(publisher) => publisher.is_finished(),
            Self::Clients(feeder) => feeder.task.is_finished(),
        }
    }

    /// Waits for its end, and says how well the schedule was kept.
    pub fn join(self) -> Result<Punctuality, PublishError> {
        match self {
            Self::Run(publisher) => publisher.join(),
            Self::Clients(feeder) => feeder.join(),
        }
    }
}

/// What is to be put into outboxes, and when.
pub struct Feed {
    /// Of each row, its clients' outboxes.
    pub outboxes: Vec<Vec<Rc<Outbox>>>,
    /// Of publication 1, 2, …; µs since the Unix epoch.
    pub publish_us: Vec<u64>,
    /// Publications before this index are not timed.
    pub first: usize,
    /// What the publications are.
    pub content: Content,
}

/// A schedule that fills outboxes. A thread of its own keeps the time, since the clients' runtime
/// counts whole milliseconds.
pub struct Feeder {
    stopped: Arc<AtomicBool>,
    kept: Rc<RefCell<Punctuality>>,
    task: JoinHandle<()>,
    /// Gives how late it woke, µs.
    clock: thread::JoinHandle<Histogram<u64>>,
}

/// Instants that may have come and wait for the clients' thread.
const DUE_MAX: usize = 4_096;

impl Feeder {
    /// Needs a [`tokio::task::LocalSet`] around it. `stamps` gets the instant at which each waking was due.
    pub fn spawn(feed: Feed, stamps: Sender<u64>) -> Self {
        let stopped = Arc::<AtomicBool>::default();
        let kept = Rc::<RefCell<Punctuality>>::default();
        let (due, dues) = mpsc::channel(DUE_MAX);
        let (publish_us, first, stop) = (feed.publish_us.clone(), feed.first, stopped.clone());
        let clock = thread::spawn(move || {
            let _going_first = GoingFirst::new();
            let mut wake = empty_histogram();
            for (index, publish_us) in publish_us.into_iter().enumerate() {
                let goes_on = sleep_until(publish_us, &stop, &mut |due_us, late_us| {
                    if index >= first {
                        record(&mut wake, late_us);
                    }
                    // A full queue means that the receiver is behind, as its stamps will show.
                    let _ = stamps.try_send(due_us);
                });
                // Nobody listens any more when the run was given up.
                if !goes_on || due.blocking_send(index).is_err() {
                    break;
                }
            }
            wake
        });
        let task = tokio::task::spawn_local(fill(feed, dues, kept.clone()));
        Self {
            stopped,
            kept,
            task,
            clock,
        }
    }

    fn join(self) -> Result<Punctuality, PublishError> {
        let wake = self.clock.join().map_err(|_| PublishError::Panicked)?;
        Ok(Punctuality {
            wake,
            ..mem::take(&mut *self.kept.borrow_mut())
        })
    }
}

async fn fill(feed: Feed, mut dues: mpsc::Receiver<usize>, kept: Rc<RefCell<Punctuality>>) {
    while let Some(index) = dues.recv().await {
        let data = feed.content.numbered(index as u64 + 1);
        let publication = upstream::publication(EVENT, data.get());
        for outboxes in &feed.outboxes {
            if let Some(outbox) = outboxes.get(index % outboxes.len().max(1)) {
                outbox.push(publication.clone());
            }
        }
        let mut kept = kept.borrow_mut();
        let lag_us = clock::now_us().saturating_sub(feed.publish_us[index]);
        kept.wrote(index >= feed.first, lag_us);
        kept.published = index + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn clients_take_turns_in_every_row() {
        let outboxes: Vec<Vec<Rc<Outbox>>> = (0..2)
            .map(|_| (0..3).map(|_| Rc::default()).collect())
            .collect();
        let feed = Feed {
            outboxes: outboxes.clone(),
            publish_us: vec![0, 0, 0, 0, 0, 0, clock::now_us() + 200_000],
            first: 1,
            content: Content::Sized(30),
        };
        let (stamps, mut stamped) = mpsc::channel(10);
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                let feeder = Feeder::spawn(feed, stamps);
                for index in 0..7 {
                    for row in &outboxes {
                        let got = row[index % 3].next().await;
                        assert!(got.contains(&format!("\"n\":{}", index + 1)), "{got}");
                    }
                }
                while !feeder.task.is_finished() {
                    tokio::task::yield_now().await;
                }
                let kept = Source::Clients(feeder).join().unwrap();
                assert_eq!((kept.published, kept.lag.len()), (7, 6));
                assert!(!kept.wake.is_empty());
                assert!(stamped.recv().await.is_some());
            })
            .await;
    }
}
