//! What waits for the disk: put in by whoever publishes, taken by the one thread that writes.
//!
//! That thread takes all that came while it wrote, as one commit: the slower the disk, the larger the
//! commits, and nobody waits for a timer. Bounded by number and bytes; past that a publication is
//! refused, since what waits is in memory.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

use crate::{
    broker::BrokerError,
    channel::{ChannelName, Draft, Epoch, Publication, StreamPosition},
};

/// Publications that may wait.
const WAITING_MAX: usize = 65_536;
/// … and their bytes.
const WAITING_MAX_BYTES: usize = 32 << 20;
/// Publications of one commit: what came first is not to wait for a whole flood.
const COMMIT_MAX: usize = 1_024;
/// … and their bytes.
const COMMIT_MAX_BYTES: usize = 1 << 20;

/// Where the answer goes.
pub type Reply = oneshot::Sender<Result<StreamPosition, BrokerError>>;

/// What the writing thread is asked for.
pub enum Request {
    /// Write this, then hand it on and answer.
    Publish {
        channel: ChannelName,
        draft: Draft,
        /// The channel begins anew with it, in this epoch.
        begins: Option<Epoch>,
        now_us: u64,
        reply: Reply,
    },
    /// This was handed on and answered already.
    Published {
        publication: Arc<Publication>,
        id: Option<Box<str>>,
        since_us: u64,
    },
    /// Somebody was told a position in this channel, which may never have been published in.
    Told(ChannelName),
}

impl Request {
    fn bytes(&self) -> usize {
        match self {
            Self::Publish { draft, .. } => draft.event.len() + draft.data.get().len() + 160,
            Self::Published { publication, .. } => publication.retained_bytes(),
            Self::Told(_) => 160,
        }
    }
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    bytes: usize,
    is_closed: bool,
}

/// See the module.
#[derive(Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

impl Queue {
    /// Whether more may come.
    pub fn check(&self) -> Result<(), BrokerError> {
        let waiting = self.waiting();
        match waiting.is_closed {
            true => Err(BrokerError::Closed),
            false if waiting.requests.len() >= WAITING_MAX => Err(BrokerError::Busy),
            false if waiting.bytes >= WAITING_MAX_BYTES => Err(BrokerError::Busy),
            false => Ok(()),
        }
    }

    /// Puts it behind the others, whatever there is: ask [`Self::check`] before. After
    /// [`Self::close`] it is dropped, and so is its reply.
    pub fn put(&self, request: Request) {
        let mut waiting = self.waiting();
        if waiting.is_closed {
            return;
        }
        waiting.bytes += request.bytes();
        waiting.requests.push_back(request);
        if waiting.requests.len() == 1 {
            self.came.notify_one();
        }
    }

    /// No more may come; what waits is still taken.
    pub fn close(&self) {
        self.waiting().is_closed = true;
        self.came.notify_one();
    }

    /// What waits, within the bounds of one commit; waits for the first one so long. `None`: nothing
    /// waits, and nothing will.
    pub fn take(&self, patience: Duration) -> Option<Vec<Request>> {
        let is_idle = |waiting: &mut Waiting| waiting.requests.is_empty() && !waiting.is_closed;
        let (mut waiting, _) = self
            .came
            .wait_timeout_while(self.waiting(), patience, is_idle)
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.requests.is_empty() && waiting.is_closed {
            return None;
        }
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < COMMIT_MAX
            && bytes < COMMIT_MAX_BYTES
            && let Some(request) = waiting.requests.pop_front()
        {
            bytes += request.bytes();
            taken.push(request);
        }
        waiting.bytes -= bytes;
        Some(taken)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_and_what_waits_are_bounded_and_a_close_loses_nothing() {
        let queue = Queue::default();
        let channel = ChannelName::parse("a").unwrap();
        for _ in 0..WAITING_MAX {
            queue.check().unwrap();
            queue.put(Request::Told(channel.clone()));
        }
        assert_eq!(queue.check(), Err(BrokerError::Busy));
        assert_eq!(queue.take(Duration::ZERO).unwrap().len(), COMMIT_MAX);
        queue.check().unwrap();
        queue.close();
        assert_eq!(queue.check(), Err(BrokerError::Closed));
        queue.put(Request::Told(channel));
        let mut rest = 0;
        while let Some(taken) = queue.take(Duration::from_secs(60)) {
            rest += taken.len();
        }
        assert_eq!(rest, WAITING_MAX - COMMIT_MAX);
        assert_eq!(queue.waiting().bytes, 0);
    }
}
