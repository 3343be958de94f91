//! The one thread that writes: gives positions, commits, and only then hands on and answers.
//!
//! ```text
//! publish ─► queue ─► plan: id known? next offset ─► commit ─► history, subscribers, answer
//!              ▲                                       │
//!              └──────── what comes meanwhile ─────────┘  is the next commit
//! ```
//!
//! Since nobody else publishes, a position that was planned is the one that the history gives; and
//! since the history gets a publication only after its commit, nobody sees, recovers or repeats
//! what is not on the disk.
//!
//! Where answers come early ([`super::Acknowledge::Early`]), publications are in the history already
//! when they come here, in its order.
//!
//! **When the disk refuses**, everything of that commit is refused, the file is closed, and nothing is
//! published until it could be opened again: what a store has in memory after a failed write is worth
//! nothing. Whether the commit reached the disk is not known; so the channels of it are then written anew
//! as the histories have them, under new numbers, and the old rows go.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use redb::StorageError;

use super::{
    queue::{Queue, Reply, Request},
    records::{channel_row, entry_row, id_row},
    store::{Contents, Found, Medium, Store, StoreError, Tables, remove_rows},
};
use crate::{
    broker::{
        BrokerError,
        memory::{MemoryBroker, SharedHistory, lock},
    },
    channel::{
        ChannelName, Draft, Epoch, Publication, StreamPosition, history::History, presence::Change,
    },
};

/// How often rows are looked for that no history has any more.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Rows that one commit removes, beside what it writes.
const REMOVED_MAX: usize = 4_096;
/// Rows of a channel that may be there in vain before a publication removes them.
const LAZY_ROWS: u64 = 64;

/// Whether the disk takes what is published.
#[derive(Default)]
pub struct Health {
    is_ill: AtomicBool,
    why: Mutex<Arc<str>>,
}

impl Health {
    /// Why nothing can be published now.
    pub fn check(&self) -> Result<(), BrokerError> {
        match self.is_ill.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(BrokerError::CannotKeep(
                self.why
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone(),
            )),
        }
    }

    fn set(&self, why: Option<&str>) {
        if let Some(why) = why {
            *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why.into();
        }
        self.is_ill.store(why.is_some(), Ordering::Release);
    }
}

/// What the file has of a channel: one life of it.
#[derive(Clone)]
struct Life {
    number: u64,
    epoch: Epoch,
    top: u64,
    /// No entry before it is in the file.
    first: u64,
    /// No id before it is in the file.
    first_id: u64,
}

/// One publication or answer of a commit.
struct Step {
    channel: ChannelName,
    /// To be written; `None`: it was published before, there.
    written: Option<Written>,
    position: StreamPosition,
    reply: Option<Reply>,
}

struct Written {
    publication: Arc<Publication>,
    id: Option<Box<str>>,
    since_us: u64,
    /// The channel begins anew with it.
    begins: bool,
}

/// Where a channel will be after the steps that are planned.
struct Place {
    history: SharedHistory,
    epoch: Epoch,
    top: u64,
    ids: HashMap<Box<str>, u64>,
    has_begun: bool,
}

/// See the module.
pub struct Writer {
    pub memory: Arc<MemoryBroker>,
    pub queue: Arc<Queue>,
    pub health: Arc<Health>,
    medium: Box<dyn Medium>,
    /// `None` while the disk refuses.
    store: Option<Store>,
    is_early: bool,
    retry_every: Duration,
    lives: HashMap<ChannelName, Life>,
    next_number: u64,
    /// Lives whose rows are to be removed.
    over: VecDeque<u64>,
    /// Channels whose rows may be other than their histories say.
    doubtful: HashSet<ChannelName>,
    /// Who was there when the process before this one ended.
    pub left_over: Vec<(ChannelName, Change)>,
}

impl Writer {
    /// Opens the file and puts back what it has.
    pub fn open(
        memory: Arc<MemoryBroker>,
        medium: Box<dyn Medium>,
        is_early: bool,
        retry_every: Duration,
        now_us: u64,
    ) -> Result<Self, StoreError> {
        let store = Store::open(&*medium)?;
        let Contents {
            found,
            members,
            over,
            is_torn_off,
        } = store.read(now_us)?;
        let numbers = found.iter().map(|found| found.number);
        let next_number = numbers.chain(over.iter().copied()).max().unwrap_or(0) + 1;
        let mut writer = Self {
            memory,
            queue: Arc::default(),
            health: Arc::default(),
            medium,
            store: Some(store),
            is_early,
            retry_every,
            lives: HashMap::new(),
            next_number,
            over: over.into(),
            doubtful: HashSet::new(),
            left_over: members,
        };
        for found in found {
            writer.put_back(found, is_torn_off, now_us);
        }
        writer.memory.evict_over_budget();
        // Also notes the form, and whether answers come early from here on.
        writer.write_doubtful()?;
        Ok(writer)
    }

    /// Puts a channel's history back. Where somebody may have seen more than the file has, it is
    /// another life: the numbers that were lost are given again.
    fn put_back(&mut self, found: Found, is_torn_off: bool, now_us: u64) {
        let Found {
            number,
            channel,
            position,
            entries,
            ids,
        } = found;
        let next = position.offset + 1;
        let life = Life {
            number,
            epoch: position.epoch.clone(),
            top: position.offset,
            first: entries.first().map_or(next, |(first, _)| first.offset),
            first_id: ids.first().map_or(next, |(_, offset, _)| *offset),
        };
        self.lives.insert(channel.clone(), life);
        let mut position = position;
        if is_torn_off {
            position.epoch = self.memory.new_epoch();
            self.doubtful.insert(channel.clone());
        }
        let limits = self.memory.limits.history;
        let mut history = History::resume(channel.clone(), position, limits, now_us);
        for (entry, since_us) in entries {
            let entry = match is_torn_off {
                true => in_epoch(&entry, history.position().epoch),
                false => entry,
            };
            (self.memory.around.on_found)(&entry, since_us);
            history.take_back(entry, since_us);
        }
        for (id, offset, since_us) in ids {
            history.note_id(&id, offset, since_us);
        }
        history.expire(now_us);
        self.memory.put_back(channel, history);
    }

    /// Serves until the queue is closed, then closes the file.
    pub fn run(mut self) {
        let mut swept = Instant::now();
        let mut tried = Instant::now();
        while let Some(requests) = self.queue.take(self.patience()) {
            if self.store.is_none() && tried.elapsed() >= self.retry_every {
                self.open_again();
                tried = Instant::now();
            }
            let had = self.store.is_some();
            if !requests.is_empty() {
                self.serve(requests);
            }
            if self.store.is_some() && swept.elapsed() >= SWEEP_EVERY {
                self.sweep();
                swept = Instant::now();
            }
            if had && self.store.is_none() {
                tried = Instant::now();
            }
        }
        self.health.set(Some("the server is shutting down"));
        if self.store.is_none() {
            self.open_again();
        }
        self.sweep();
        let Some(store) = self.store.take() else {
            return;
        };
        let closed = store
            .commit(|tables| tables.begin(false))
            .and_then(|()| store.close());
        if let Err(error) = closed {
            tracing::warn!(?error, "the file of what is kept could not be closed");
        }
    }

    /// How long it waits for a request.
    fn patience(&self) -> Duration {
        match self.store {
            Some(_) => SWEEP_EVERY,
            None => self
                .retry_every
                .clamp(Duration::from_millis(5), SWEEP_EVERY),
        }
    }

    fn serve(&mut self, requests: Vec<Request>) {
        let mut places = HashMap::new();
        let mut steps = Vec::with_capacity(requests.len());
        let mut told = Vec::new();
        for request in requests {
            match request {
                Request::Publish {
                    channel,
                    draft,
                    begins,
                    now_us,
                    reply,
                } => match self.plan(&mut places, &channel, draft, begins, now_us) {
                    Ok((position, written)) => steps.push(Step {
                        channel,
                        written,
                        position,
                        reply: Some(reply),
                    }),
                    Err(error) => drop(reply.send(Err(error))),
                },
                Request::Published {
                    publication,
                    id,
                    since_us,
                } => steps.push(Step {
                    channel: publication.channel.clone(),
                    position: publication.position(),
                    written: Some(Written {
                        publication,
                        id,
                        since_us,
                        begins: false,
                    }),
                    reply: None,
                }),
                Request::Told(channel) => told.push(channel),
            }
        }
        let written = self
            .health
            .check()
            .and_then(|()| self.write(&steps, told).map_err(|why| self.fall_ill(&why)));
        for step in steps {
            let Some(reply) = step.reply else {
                if written.is_err() {
                    self.doubtful.insert(step.channel);
                }
                continue;
            };
            match &written {
                Ok(()) => {
                    if let Some(written) = step.written
                        && let Some(place) = places.get(&step.channel)
                    {
                        self.hand_on(&place.history, &step.position, written);
                    }
                    let _ = reply.send(Ok(step.position));
                }
                Err(error) => {
                    self.doubtful.insert(step.channel);
                    let _ = reply.send(Err(error.clone()));
                }
            }
        }
        drop(places);
        self.memory.evict_over_budget();
    }

    /// Which position a draft gets, and what is to be written for it: nothing, where its id is known.
    fn plan(
        &self,
        places: &mut HashMap<ChannelName, Place>,
        channel: &ChannelName,
        draft: Draft,
        begins: Option<Epoch>,
        now_us: u64,
    ) -> Result<(StreamPosition, Option<Written>), BrokerError> {
        let place = match places.get_mut(channel) {
            Some(place) => place,
            None => {
                let history = self.memory.history(channel)?;
                let position = lock(&history).position();
                places.entry(channel.clone()).or_insert(Place {
                    history,
                    epoch: position.epoch,
                    top: position.offset,
                    ids: HashMap::new(),
                    has_begun: false,
                })
            }
        };
        let is_begin = begins.is_some();
        if let Some(epoch) = begins {
            place.epoch = epoch;
            place.ids.clear();
            place.has_begun = true;
        }
        let id = draft.id.as_deref();
        let in_history = self.memory.change(&mut lock(&place.history), |history| {
            history.offset_of(id, now_us)
        });
        let in_history = in_history.filter(|_| !place.has_begun);
        let known = in_history.or_else(|| place.ids.get(id?).copied());
        let position = StreamPosition {
            epoch: place.epoch.clone(),
            offset: known.unwrap_or(place.top + 1),
        };
        if known.is_some() {
            return Ok((position, None));
        }
        place.top = position.offset;
        let (publication, id) = draft.at(channel.clone(), position.clone(), now_us);
        if let Some(id) = &id {
            place.ids.insert(id.clone(), position.offset);
        }
        let written = Written {
            publication,
            id,
            since_us: now_us,
            begins: is_begin,
        };
        Ok((position, Some(written)))
    }

    /// Into the history and to the subscribers, both under the history's lock.
    fn hand_on(&self, history: &SharedHistory, position: &StreamPosition, written: Written) {
        let mut history = lock(history);
        self.memory.change(&mut history, |history| {
            if written.begins {
                history.begin_anew(position.epoch.clone());
            }
            let publication = written.publication.clone();
            history.take(publication, written.id.as_deref(), written.since_us);
        });
        (self.memory.around.on_publication)(&written.publication);
    }

    /// Commits the steps.
    fn write(&mut self, steps: &[Step], told: Vec<ChannelName>) -> Result<(), StoreError> {
        let is_needed = steps.iter().any(|step| step.written.is_some()) || !told.is_empty();
        let Some(store) = self.store.as_mut().filter(|_| is_needed) else {
            return Ok(());
        };
        store.note_bytes(self.medium.bytes());
        let mut lives: HashMap<ChannelName, Life> = HashMap::new();
        let mut next_number = self.next_number;
        let mut over = Vec::new();
        let mut done = 0;
        let (known, memory, waiting) = (&self.lives, &self.memory, &self.over);
        store.commit(|tables| {
            for step in steps {
                let Some(written) = &step.written else {
                    continue;
                };
                let before = lives.get(&step.channel).or(known.get(&step.channel));
                let life = match before {
                    Some(life) if life.epoch == step.position.epoch => life.clone(),
                    Some(life) if is_left_behind(memory, &step.channel, life, &step.position) => {
                        continue;
                    }
                    before => {
                        over.extend(before.map(|life| life.number));
                        next_number += 1;
                        new_life(next_number - 1, &step.position)
                    }
                };
                let mut life = life;
                let key = (life.number, step.position.offset);
                let row = entry_row(&written.publication, written.since_us);
                tables.entries.insert(key, &*row)?;
                tables.note_member(&written.publication)?;
                if let Some(id) = &written.id {
                    tables.ids.insert(key, &*id_row(id, written.since_us))?;
                }
                life.top = life.top.max(step.position.offset);
                lives.insert(step.channel.clone(), life);
            }
            for channel in told {
                let Some(history) = memory.existing(&channel) else {
                    continue;
                };
                let mut position = lock(&history).position();
                position.offset += 1;
                let before = lives.get(&channel).or(known.get(&channel));
                if before.is_none() {
                    let mut life = new_life(next_number, &position);
                    next_number += 1;
                    life.top = position.offset - 1;
                    lives.insert(channel, life);
                }
            }
            for (channel, life) in &mut lives {
                let position = StreamPosition {
                    epoch: life.epoch.clone(),
                    offset: life.top,
                };
                let row = channel_row(channel, &position);
                tables.channels.insert(life.number, &*row)?;
                if let Some(kept) = Kept::of(memory, channel, life)
                    && kept.rows_in_vain(life) >= LAZY_ROWS
                {
                    trim(tables, life, &kept, REMOVED_MAX)?;
                }
            }
            let ended = waiting.iter().chain(&over).copied();
            done = tables.remove_lives(ended, REMOVED_MAX)?;
            Ok(())
        })?;
        self.lives.extend(lives);
        self.next_number = next_number;
        self.over.extend(over);
        self.over.drain(..done);
        Ok(())
    }

    /// Removes what no history has any more.
    fn sweep(&mut self) {
        let Some(store) = &mut self.store else {
            return;
        };
        let mut gone = Vec::new();
        let mut trimmed = HashMap::new();
        for (channel, life) in &self.lives {
            match Kept::of(&self.memory, channel, life) {
                Some(kept) if kept.rows_in_vain(life) > 0 => {
                    trimmed.insert(channel.clone(), (life.clone(), kept));
                }
                Some(_) => {}
                None if self.memory.existing(channel).is_none() => gone.push(channel.clone()),
                // It has begun anew, which is on its way here.
                None => {}
            }
        }
        if gone.is_empty() && trimmed.is_empty() && self.over.is_empty() {
            return;
        }
        for channel in gone {
            if let Some(life) = self.lives.remove(&channel) {
                self.over.push_back(life.number);
            }
        }
        store.note_bytes(self.medium.bytes());
        let mut done = 0;
        let over = &self.over;
        let swept = store.commit(|tables| {
            let mut budget = REMOVED_MAX;
            for (life, kept) in trimmed.values_mut() {
                budget -= trim(tables, life, kept, budget)?;
            }
            done = tables.remove_lives(over.iter().copied(), budget)?;
            Ok(())
        });
        match swept {
            Ok(()) => {
                let lives = trimmed.into_iter();
                self.lives
                    .extend(lives.map(|(channel, (life, _))| (channel, life)));
                self.over.drain(..done);
            }
            Err(why) => drop(self.fall_ill(&why)),
        }
    }

    /// Closes the file and refuses what comes, until it could be opened again.
    fn fall_ill(&mut self, why: &StoreError) -> BrokerError {
        let why = match why {
            StoreError::Disk(why) => why.clone(),
            StoreError::Damaged(why) => format!("its file is damaged ({why})"),
            StoreError::InUse | StoreError::Unknown(_) => "its file was exchanged".to_owned(),
        };
        tracing::error!("nothing is published: the disk does not take it ({why})");
        self.health.set(Some(&why));
        self.store = None;
        BrokerError::CannotKeep(why.into())
    }

    fn open_again(&mut self) {
        let opened = Store::open(&*self.medium).and_then(|store| {
            // A commit that was refused may be in it.
            let known: HashSet<_> = (self.lives.values().map(|life| life.number))
                .chain(self.over.iter().copied())
                .collect();
            for number in store.numbers()? {
                self.next_number = self.next_number.max(number + 1);
                if !known.contains(&number) {
                    self.over.push_back(number);
                }
            }
            self.store = Some(store);
            self.write_doubtful()
        });
        match opened {
            Ok(()) => {
                tracing::warn!("the disk takes what is published again");
                self.health.set(None);
            }
            Err(why) => drop(self.fall_ill(&why)),
        }
    }

    /// Writes the doubtful channels anew, as their histories have them.
    fn write_doubtful(&mut self) -> Result<(), StoreError> {
        let Some(store) = &mut self.store else {
            return Ok(());
        };
        store.note_bytes(self.medium.bytes());
        let mut lives = Vec::new();
        let mut next_number = self.next_number;
        let (memory, is_early, doubtful) = (&self.memory, self.is_early, &self.doubtful);
        store.commit(|tables| {
            tables.begin(is_early)?;
            for channel in doubtful {
                let Some(history) = memory.existing(channel) else {
                    continue;
                };
                let history = lock(&history);
                let life = write_history(tables, next_number, channel, &history)?;
                next_number += 1;
                lives.push((channel.clone(), life));
            }
            Ok(())
        })?;
        self.next_number = next_number;
        for channel in self.doubtful.drain() {
            self.over
                .extend(self.lives.remove(&channel).map(|life| life.number));
        }
        self.lives.extend(lives);
        Ok(())
    }
}

/// A life whose first publication has this position.
fn new_life(number: u64, first: &StreamPosition) -> Life {
    Life {
        number,
        epoch: first.epoch.clone(),
        top: first.offset,
        first: first.offset,
        first_id: first.offset,
    }
}

/// Whether a publication is of a life that the channel has left, and that was written already: it was
/// given up while this waited.
fn is_left_behind(
    memory: &MemoryBroker,
    channel: &ChannelName,
    written: &Life,
    position: &StreamPosition,
) -> bool {
    let now = memory.existing(channel);
    let now = now.map(|history| lock(&history).position().epoch);
    now.is_some_and(|now| now == written.epoch && now != position.epoch)
}

fn write_history(
    tables: &mut Tables<'_>,
    number: u64,
    channel: &ChannelName,
    history: &History,
) -> Result<Life, StorageError> {
    let position = history.position();
    tables
        .channels
        .insert(number, &*channel_row(channel, &position))?;
    for (entry, since_us) in history.entries() {
        let row = entry_row(entry, since_us);
        tables.entries.insert((number, entry.offset), &*row)?;
    }
    for (id, offset, since_us) in history.ids() {
        tables
            .ids
            .insert((number, offset), &*id_row(id, since_us))?;
    }
    Ok(Life {
        number,
        epoch: position.epoch,
        top: position.offset,
        first: history.oldest_offset(),
        first_id: history.ids().next().map_or(position.offset + 1, |id| id.1),
    })
}

/// What a history still has, beside the rows of its life.
struct Kept {
    oldest: u64,
    oldest_id: u64,
}

impl Kept {
    /// `None`: the channel has no such life any more.
    fn of(memory: &MemoryBroker, channel: &ChannelName, life: &Life) -> Option<Self> {
        let history = memory.existing(channel)?;
        let history = lock(&history);
        let position = history.position();
        let next = position.offset + 1;
        (position.epoch == life.epoch).then(|| Self {
            oldest: history.oldest_offset(),
            oldest_id: history.ids().next().map_or(next, |(_, offset, _)| offset),
        })
    }

    fn rows_in_vain(&self, life: &Life) -> u64 {
        let entries = self.oldest.saturating_sub(life.first);
        entries.max(self.oldest_id.saturating_sub(life.first_id))
    }
}

/// Removes rows that the history has no more, at most so many; returns how many.
fn trim(
    tables: &mut Tables<'_>,
    life: &mut Life,
    kept: &Kept,
    budget: usize,
) -> Result<usize, StorageError> {
    let rows = |from: u64, to: u64| (life.number, from)..(life.number, to);
    let mut removed = 0;
    if kept.oldest > life.first {
        removed = remove_rows(&mut tables.entries, rows(life.first, kept.oldest), budget)?;
    }
    let mut ids = 0;
    if kept.oldest_id > life.first_id && removed < budget {
        let range = rows(life.first_id, kept.oldest_id);
        ids = remove_rows(&mut tables.ids, range, budget - removed)?;
    }
    // Where the budget was the end of it, the rest is looked for again.
    if removed < budget {
        life.first = life.first.max(kept.oldest);
        if removed + ids < budget {
            life.first_id = life.first_id.max(kept.oldest_id);
        }
    }
    Ok(removed + ids)
}

/// The same publication in another life.
fn in_epoch(publication: &Publication, epoch: Epoch) -> Arc<Publication> {
    Arc::new(Publication {
        channel: publication.channel.clone(),
        epoch,
        offset: publication.offset,
        event: publication.event.clone(),
        data: publication.data.clone(),
        intended_us: publication.intended_us,
        published_us: publication.published_us,
        origin: publication.origin.clone(),
    })
}
