//! The broker of a node that remembers: the memory broker, with a file beside it (`--durable`).
//!
//! Histories stay in memory and are read there; what is published is written to an embedded store
//! (redb) as well, and read from it once, at the start. The file has what the histories have: the same
//! bounds, the same ages; rows that no history has any more are removed.
//!
//! Two promises ([`Acknowledge`]):
//!
//! - **After the commit.** A publication is on the disk before anybody gets it and before it is
//!   answered. What was answered survives the process (`kill -9`) and the machine, if its disk does
//!   what it is asked; epochs, offsets and idempotence ids go on as if nothing had been.
//! - **Early.** It is handed on and answered at once, and written right after. A crash takes back what
//!   one commit takes, milliseconds; each channel then has another epoch, since what was lost may have
//!   been seen: positions from before are not recovered, and say so. An orderly stop loses nothing.
//!
//! Publishers do not wait for each other: all that comes while one commit is written is the next
//! (`queue`, `writer`). So a busy node writes few large commits, and an idle one answers after a
//! single one.
//!
//! When the disk refuses, publications are refused ([`BrokerError::CannotKeep`]), subscribers and
//! histories stay, and the file is opened again every few seconds. A file that is damaged is not
//! served: each start verifies all of it (`store`).
//!
//! Rejected: a log of our own with a checksum a line. What a torn write, a failed fsync or a file that
//! only grows then need is what an embedded store has, and has been tested for by many. And writing
//! under the lock of the channel: then a slow disk holds up whoever reads the history.

mod queue;
mod records;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::oneshot;

use self::{
    queue::{Queue, Request},
    records::FORM,
    store::{Medium, OnDisk, StoreError},
    writer::{Health, Writer},
};
use super::{
    Broker, BrokerError, BrokerFuture, Kept, Surroundings,
    memory::{MemoryBroker, MemoryLimits},
};
use crate::channel::{
    ChannelName, Draft, Epoch, Publication, StreamPosition,
    history::{History, Recovery, Start},
    presence::Change,
};

/// How often a file that could not be written is opened again.
const RETRY_EVERY: Duration = Duration::from_secs(5);

/// When a publication is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledge {
    /// When it is on the disk; nobody gets it before.
    AfterCommit,
    /// At once.
    Early,
}

/// Why the file cannot be used. `Display` names it and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "{0} is in use by another pushlab: stop that one, or choose another folder with --data-dir"
    )]
    InUse(PathBuf),
    /// It is not what was written.
    #[error(
        "{path} is damaged, and nothing of it is served: {why}. Put a copy from before in its place, or \
         move it away to begin anew"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It has a form that this version does not know.
    #[error(
        "{path} has form {form}, and this pushlab knows form {FORM}: start the version that wrote it, or \
         move it away to begin anew"
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Its number.
        form: u64,
    },
    /// The disk refuses.
    #[error(
        "{path} cannot be used: {why}. Free some room there, make it writable, or choose another folder \
         with --data-dir"
    )]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
}

impl OpenError {
    fn of(path: &Path, error: StoreError) -> Self {
        let path = path.to_path_buf();
        match error {
            StoreError::InUse => Self::InUse(path),
            StoreError::Damaged(why) => Self::Damaged { path, why },
            StoreError::Unknown(form) => Self::Unknown { path, form },
            StoreError::Disk(why) => Self::Disk { path, why },
        }
    }
}

/// See the module.
pub struct DurableBroker {
    memory: Arc<MemoryBroker>,
    queue: Arc<Queue>,
    health: Arc<Health>,
    acknowledge: Acknowledge,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Until it is asked for.
    left_over: Mutex<Vec<(ChannelName, Change)>>,
}

impl DurableBroker {
    /// Opens the file, a new one where there is none, and puts back what it has. Blocks: 100,000
    /// publications take a tenth of a second. `now_us` is on the clock that expiry goes by; ages go on
    /// if it stays near the time of day from one process to the next.
    pub fn open(
        path: &Path,
        limits: MemoryLimits,
        acknowledge: Acknowledge,
        around: Surroundings,
        now_us: u64,
    ) -> Result<Self, OpenError> {
        let medium = Box::new(OnDisk(path.to_path_buf()));
        Self::on(medium, limits, acknowledge, around, now_us, RETRY_EVERY)
            .map_err(|error| OpenError::of(path, error))
    }

    fn on(
        medium: Box<dyn Medium>,
        limits: MemoryLimits,
        acknowledge: Acknowledge,
        around: Surroundings,
        now_us: u64,
        retry_every: Duration,
    ) -> Result<Self, StoreError> {
        let memory = Arc::new(MemoryBroker::new(limits, around));
        let is_early = acknowledge == Acknowledge::Early;
        let mut writer = Writer::open(memory.clone(), medium, is_early, retry_every, now_us)?;
        let left_over = std::mem::take(&mut writer.left_over);
        let (queue, health) = (writer.queue.clone(), writer.health.clone());
        let thread = thread::Builder::new().name("writes".to_owned());
        let thread = thread
            .spawn(move || writer.run())
            .map_err(|error| StoreError::Disk(error.to_string()))?;
        Ok(Self {
            memory,
            queue,
            health,
            acknowledge,
            writer: Mutex::new(Some(thread)),
            left_over: Mutex::new(left_over),
        })
    }

    fn append<'a>(
        &'a self,
        channel: &ChannelName,
        draft: Draft,
        begins: Option<Epoch>,
        now_us: u64,
    ) -> BrokerFuture<'a, StreamPosition> {
        if let Err(error) = self.queue.check().and_then(|()| self.health.check()) {
            return Box::pin(std::future::ready(Err(error)));
        }
        if self.acknowledge == Acknowledge::Early {
            let appended = self.append_early(channel, draft, begins, now_us);
            return Box::pin(std::future::ready(appended));
        }
        // Put in now and not when it is first awaited: whoever calls twice gets that order.
        let (reply, answer) = oneshot::channel();
        self.queue.put(Request::Publish {
            channel: channel.clone(),
            draft,
            begins,
            now_us,
            reply,
        });
        Box::pin(async move { answer.await.unwrap_or(Err(BrokerError::Closed)) })
    }

    fn append_early(
        &self,
        channel: &ChannelName,
        draft: Draft,
        begins: Option<Epoch>,
        now_us: u64,
    ) -> Result<StreamPosition, BrokerError> {
        let id = draft.id.clone();
        let begin_anew = |history: &mut History| {
            if let Some(epoch) = begins {
                history.begin_anew(epoch);
            }
        };
        // Under the history's lock, so that the file gets them in their order.
        let write = |publication: &Arc<Publication>| {
            self.queue.put(Request::Published {
                publication: publication.clone(),
                id,
                since_us: now_us,
            });
        };
        self.memory
            .change_and_append(channel, draft, now_us, begin_anew, write)
    }
}

impl Broker for DurableBroker {
    fn publish<'a>(
        &'a self,
        channel: &'a ChannelName,
        draft: Draft,
        now_us: u64,
    ) -> BrokerFuture<'a, StreamPosition> {
        self.append(channel, draft, None, now_us)
    }

    fn recover<'a>(
        &'a self,
        channel: &'a ChannelName,
        start: &'a Start,
        now_us: u64,
    ) -> BrokerFuture<'a, Recovery> {
        let is_new = !self.memory.keeps(channel);
        let recovery = self.memory.recover(channel, start, now_us);
        // Its epoch has been told, so it is to outlive the process, too.
        if is_new && self.queue.check().is_ok() {
            self.queue.put(Request::Told(channel.clone()));
        }
        recovery
    }

    fn clear<'a>(
        &'a self,
        channel: &'a ChannelName,
        notice: Draft,
        now_us: u64,
    ) -> BrokerFuture<'a, StreamPosition> {
        let epoch = self.memory.new_epoch();
        self.append(channel, notice, Some(epoch), now_us)
    }

    fn tidy_up(&self, now_us: u64, in_use: &dyn Fn(&ChannelName) -> bool) {
        self.memory.tidy_up(now_us, in_use);
    }

    fn keeps(&self, channel: &ChannelName) -> bool {
        self.memory.keeps(channel)
    }

    fn give_up(&self, channel: &ChannelName) -> bool {
        self.memory.give_up(channel)
    }

    fn channels(&self) -> usize {
        self.memory.channels()
    }

    fn left_over(&self) -> Vec<(ChannelName, Change)> {
        std::mem::take(
            &mut self
                .left_over
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    fn kept(&self) -> Option<Kept> {
        Some(match self.acknowledge {
            Acknowledge::AfterCommit => Kept::Committed,
            Acknowledge::Early => Kept::Early,
        })
    }

    fn close(&self) {
        self.queue.close();
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = writer.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes to the disk has panicked");
        }
    }
}

impl Drop for DurableBroker {
    fn drop(&mut self) {
        self.close();
    }
}
