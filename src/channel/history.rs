//! Bounded history of one channel, and recovery from it.
//!
//! The rules are those of centrifuge's history: offsets grow by one, an epoch names one life of the
//! history, and a subscriber is recovered only if nothing between its position and now has been
//! forgotten. Times are parameters (µs on the monotonic clock).
//!
//! Three words: a publication or id *expires* when it is too old. It is *evicted* before that when
//! a bound is reached, the history's own or the node's. Evicting publications does not evict ids,
//! nor the other way round, and neither changes the position. A broker *gives up* a channel when it
//! removes all three.

use std::{collections::VecDeque, mem::size_of, sync::Arc};

use super::{
    ChannelName, Draft, Epoch, Publication, StreamPosition,
    idempotence::{IdLimits, RecentIds},
};

/// How much one channel may keep. Whichever bound is reached first evicts the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Publications; 0 keeps none.
    pub max_count: usize,
    /// Bytes by [`Publication::retained_bytes`]; 0 keeps none.
    pub max_bytes: usize,
    /// Age in µs; 0 keeps none.
    pub max_age_us: u64,
    /// Ids that are remembered, whatever became of their publications.
    pub ids: IdLimits,
}

/// Where a subscriber wants to begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// Continue after this position.
    pub position: Option<StreamPosition>,
    /// How many of the latest publications to hand over when no position was named or it cannot
    /// be honoured. `None`: nothing in the first case, everything retained in the second.
    pub history: Option<usize>,
}

/// What a subscriber gets at its start.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// A position was named, and `publications` is everything that followed it.
    pub recovered: bool,
    /// In order, without gaps, ending at `position`.
    pub publications: Vec<Arc<Publication>>,
    /// The channel's position now.
    pub position: StreamPosition,
}

/// What became of a [`Draft`].
#[derive(Debug)]
pub enum Appended {
    /// It got the next offset.
    New(Arc<Publication>),
    /// Its id was published lately, at this position.
    Duplicate(StreamPosition),
}

struct Entry {
    publication: Arc<Publication>,
    /// When it came, µs on the monotonic clock.
    since_us: u64,
}

/// The recent publications of one channel.
pub struct History {
    channel: ChannelName,
    epoch: Epoch,
    top: u64,
    entries: VecDeque<Entry>,
    bytes: usize,
    ids: RecentIds,
    limits: HistoryLimits,
    /// When somebody last published or polled.
    used_us: u64,
}

impl History {
    /// An empty history whose first publication will have offset 1.
    pub fn new(channel: ChannelName, epoch: Epoch, limits: HistoryLimits) -> Self {
        Self {
            channel,
            epoch,
            top: 0,
            entries: VecDeque::new(),
            bytes: 0,
            ids: RecentIds::new(limits.ids),
            limits,
            used_us: 0,
        }
    }

    /// Gives the draft the next position, or finds the one its id already has.
    pub fn append(&mut self, draft: Draft, now_us: u64) -> Appended {
        if let Some(offset) = self.offset_of(draft.id.as_deref(), now_us) {
            return Appended::Duplicate(StreamPosition {
                epoch: self.epoch.clone(),
                offset,
            });
        }
        let position = StreamPosition {
            epoch: self.epoch.clone(),
            offset: self.top + 1,
        };
        let (publication, id) = draft.at(self.channel.clone(), position, now_us);
        self.take(publication.clone(), id.as_deref(), now_us);
        Appended::New(publication)
    }

    /// Where the id was published lately. Whoever asks is about to publish.
    pub fn offset_of(&mut self, id: Option<&str>, now_us: u64) -> Option<u64> {
        self.used_us = now_us;
        self.expire(now_us);
        id.and_then(|id| self.ids.offset_of(id))
    }

    /// Takes the publication that follows its position.
    pub fn take(&mut self, publication: Arc<Publication>, id: Option<&str>, now_us: u64) {
        self.top = publication.offset;
        self.bytes += publication.retained_bytes();
        if let Some(id) = id {
            self.ids.note(id, self.top, now_us);
        }
        self.entries.push_back(Entry {
            publication,
            since_us: now_us,
        });
        self.shrink();
    }

    /// The history of another process, before its publications ([`Self::take_back`]) and ids
    /// ([`Self::note_id`]), at its position.
    pub fn resume(
        channel: ChannelName,
        position: StreamPosition,
        limits: HistoryLimits,
        now_us: u64,
    ) -> Self {
        let mut history = Self::new(channel, position.epoch, limits);
        history.top = position.offset;
        history.used_us = now_us;
        history
    }

    /// Takes the next of its publications, oldest first, up to its position.
    pub fn take_back(&mut self, publication: Arc<Publication>, since_us: u64) {
        self.bytes += publication.retained_bytes();
        self.entries.push_back(Entry {
            publication,
            since_us,
        });
        self.shrink();
    }

    /// Remembers an id, oldest first.
    pub fn note_id(&mut self, id: &str, offset: u64, since_us: u64) {
        self.ids.note(id, offset, since_us);
    }

    /// What it keeps, oldest first, with when each came, µs on the clock that expiry goes by.
    pub fn entries(&self) -> impl Iterator<Item = (&Arc<Publication>, u64)> {
        let entries = self.entries.iter();
        entries.map(|entry| (&entry.publication, entry.since_us))
    }

    /// The ids that it remembers, oldest first: id, offset, when it came.
    pub fn ids(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.ids.iter()
    }

    /// The offset of the oldest publication that is kept; that of the next one, if none is.
    pub fn oldest_offset(&self) -> u64 {
        self.top + 1 - self.entries.len() as u64
    }

    /// What a subscriber that starts at `start` gets.
    pub fn recover(&mut self, start: &Start, now_us: u64) -> Recovery {
        self.used_us = now_us;
        self.expire(now_us);
        let missed = start.position.as_ref().and_then(|p| self.missed_since(p));
        let recovered = missed.is_some();
        let take = missed.unwrap_or_else(|| {
            let all = self.entries.len();
            let unasked = if start.position.is_some() { all } else { 0 };
            start.history.unwrap_or(unasked).min(all)
        });
        Recovery {
            recovered,
            publications: self
                .entries
                .range(self.entries.len() - take..)
                .map(|entry| entry.publication.clone())
                .collect(),
            position: self.position(),
        }
    }

    /// How many of the newest entries follow `position`; `None` if that is unknown: another epoch,
    /// an offset from the future, or one whose successor has been forgotten.
    fn missed_since(&self, position: &StreamPosition) -> Option<usize> {
        if position.epoch != self.epoch {
            return None;
        }
        let missed = usize::try_from(self.top.checked_sub(position.offset)?).ok()?;
        (missed <= self.entries.len()).then_some(missed)
    }

    /// After its newest publication; offset 0 if there was none.
    pub fn position(&self) -> StreamPosition {
        StreamPosition {
            epoch: self.epoch.clone(),
            offset: self.top,
        }
    }

    /// Forgets what is older than the age limits.
    pub fn expire(&mut self, now_us: u64) {
        self.ids.expire(now_us);
        while let Some(entry) = self.entries.front() {
            let age_us = now_us.saturating_sub(entry.since_us);
            if age_us < self.limits.max_age_us {
                break;
            }
            self.forget_oldest();
        }
    }

    /// Bytes of memory that evicting all publications would give back, overhead included.
    pub fn publication_bytes(&self) -> usize {
        self.bytes + self.entries.capacity() * size_of::<Entry>()
    }

    /// Bytes of memory that its ids take, overhead included.
    pub fn id_bytes(&self) -> usize {
        self.ids.held_bytes()
    }

    /// When somebody last published or asked, µs on the clock that expiry goes by.
    pub fn used_us(&self) -> u64 {
        self.used_us
    }

    /// When the oldest publication that is kept came, µs on the clock that expiry goes by.
    pub fn oldest_us(&self) -> Option<u64> {
        self.entries.front().map(|oldest| oldest.since_us)
    }

    /// Evicts all publications and gives their memory back. The position stays, so that a
    /// subscriber that missed something learns it; the ids stay, so that a repeated publication is
    /// recognised within its window.
    pub fn evict_publications(&mut self) {
        self.entries = VecDeque::new();
        self.bytes = 0;
    }

    /// Evicts the oldest publication; with the last one all their memory is given back.
    pub fn evict_oldest(&mut self) {
        self.forget_oldest();
        if self.entries.is_empty() {
            self.evict_publications();
        }
    }

    /// Begins another life: forgets publications and ids, and every position from before is void.
    /// Offsets go on, so that whoever listens still sees them grow.
    pub fn begin_anew(&mut self, epoch: Epoch) {
        self.evict_publications();
        self.ids = RecentIds::new(self.limits.ids);
        self.epoch = epoch;
    }

    /// Evicts the older half of the ids: their windows end early.
    pub fn evict_older_ids(&mut self) {
        self.ids.evict_older_half();
    }

    /// Whether the history is empty and unused for so long that no client is likely to come back
    /// with a position in it: removing it ends its epoch.
    pub fn is_idle(&self, now_us: u64) -> bool {
        const POSITIONS_KEPT_US: u64 = 60_000_000;
        // A channel without any publication is only kept until its next poll: requests for random
        // names must not fill the table.
        let kept_us = if self.top == 0 {
            2_000_000
        } else {
            POSITIONS_KEPT_US
        };
        self.entries.is_empty()
            && self.ids.is_empty()
            && now_us.saturating_sub(self.used_us) >= kept_us
    }

    fn shrink(&mut self) {
        while self.entries.len() > self.limits.max_count || self.bytes > self.limits.max_bytes {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.publication.retained_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::to_raw_value;

    const LIMITS: HistoryLimits = HistoryLimits {
        max_count: 5,
        max_bytes: 10_000,
        max_age_us: 1_000,
        ids: IdLimits {
            max_count: 100,
            max_bytes: 100_000,
            max_age_us: 300_000,
        },
    };

    fn history(limits: HistoryLimits) -> History {
        let channel = ChannelName::parse("news").unwrap();
        History::new(channel, Epoch::parse("e1").unwrap(), limits)
    }

    fn draft(n: u64) -> Draft {
        Draft::new("tick", to_raw_value(&n).unwrap())
    }

    fn at(offset: u64) -> Start {
        Start {
            position: format!("e1:{offset}").parse().ok(),
            history: None,
        }
    }

    fn offsets(recovery: &Recovery) -> Vec<u64> {
        recovery.publications.iter().map(|p| p.offset).collect()
    }

    #[test]
    fn offsets_start_at_one_and_have_no_gaps() {
        let mut history = history(LIMITS);
        for n in 1..=3 {
            match history.append(draft(n), 0) {
                Appended::New(publication) => assert_eq!(publication.offset, n),
                Appended::Duplicate(_) => panic!("no ids were given"),
            }
        }
        assert_eq!(history.position().to_string(), "e1:3");
    }

    #[test]
    fn a_clock_that_is_set_changes_stamps_and_neither_order_nor_expiry() {
        let mut history = history(LIMITS);
        for (n, at_us, of_day_us) in [(1, 10, 9_000_000), (2, 20, 1_000), (3, 30, 99_000_000)] {
            let stamped = Draft {
                published_us: Some(of_day_us),
                ..draft(n)
            };
            history.append(stamped, at_us);
        }
        let recovery = history.recover(&at(0), 40);
        assert_eq!(offsets(&recovery), [1, 2, 3]);
        let stamps: Vec<_> = recovery
            .publications
            .iter()
            .map(|p| p.published_us)
            .collect();
        assert_eq!(stamps, [9_000_000, 1_000, 99_000_000]);
        assert_eq!(recovery.publications[1].intended_us, 1_000);
        history.expire(1_009);
        assert_eq!(history.entries.len(), 3);
        history.expire(1_020);
        assert_eq!(history.entries.len(), 1, "by age, not by stamp");
    }

    #[test]
    fn a_position_gets_everything_after_it_once() {
        let mut history = history(LIMITS);
        (1..=4).for_each(|n| drop(history.append(draft(n), 0)));
        let recovery = history.recover(&at(2), 0);
        assert!(recovery.recovered);
        assert_eq!(offsets(&recovery), [3, 4]);
        let nothing_missed = history.recover(&at(4), 0);
        assert!(nothing_missed.recovered);
        assert!(nothing_missed.publications.is_empty());
    }

    #[test]
    fn an_impossible_position_is_told_so_and_gets_what_is_there() {
        let mut history = history(LIMITS);
        (1..=8).for_each(|n| drop(history.append(draft(n), 0)));
        let forgotten = history.recover(&at(2), 0);
        assert!(!forgotten.recovered);
        assert_eq!(offsets(&forgotten), [4, 5, 6, 7, 8]);
        assert!(history.recover(&at(3), 0).recovered);
        assert!(!history.recover(&at(9), 0).recovered, "from the future");
        let other_life = Start {
            position: "e2:8".parse().ok(),
            history: Some(1),
        };
        let recovery = history.recover(&other_life, 0);
        assert!(!recovery.recovered);
        assert_eq!(offsets(&recovery), [8]);
    }

    #[test]
    fn without_a_position_history_is_given_only_if_asked_for() {
        let mut history = history(LIMITS);
        (1..=4).for_each(|n| drop(history.append(draft(n), 0)));
        assert!(offsets(&history.recover(&Start::default(), 0)).is_empty());
        let two = Start {
            position: None,
            history: Some(2),
        };
        let recovery = history.recover(&two, 0);
        assert_eq!(offsets(&recovery), [3, 4]);
        assert!(!recovery.recovered);
    }

    #[test]
    fn age_and_bytes_are_bounds_too() {
        let mut aged = history(LIMITS);
        aged.append(draft(1), 0);
        aged.append(draft(2), 900);
        assert_eq!(offsets(&aged.recover(&at(1), 1_500)), [2]);
        assert!(aged.recover(&at(2), 5_000).recovered, "nothing was missed");
        assert!(!aged.recover(&at(1), 5_000).recovered);
        assert!(!aged.is_idle(60_000_000), "its position may still be named");
        assert!(aged.is_idle(60_005_000));

        let mut small = history(HistoryLimits {
            max_bytes: 400,
            ..LIMITS
        });
        (1..=3).for_each(|n| drop(small.append(draft(n), 0)));
        assert_eq!(offsets(&small.recover(&at(1), 0)), [2, 3]);
    }

    #[test]
    fn an_id_answers_its_first_position_for_its_window_whatever_is_forgotten() {
        let mut history = history(LIMITS);
        let mut with_id = draft(1);
        with_id.id = Some("m1".into());
        history.append(with_id.clone(), 0);
        (2..=9).for_each(|n| drop(history.append(draft(n), 0)));
        assert!(!history.recover(&at(0), 0).recovered, "1 is forgotten");
        match history.append(with_id.clone(), 299_999) {
            Appended::Duplicate(position) => assert_eq!(position.offset, 1),
            Appended::New(_) => panic!("published twice"),
        }
        assert!(matches!(history.append(with_id, 300_000), Appended::New(_)));
    }

    #[test]
    fn what_is_evicted_is_not_held_and_not_recovered_and_its_id_is_still_known() {
        let mut history = history(LIMITS);
        let mut with_id = draft(1);
        with_id.id = Some("m1".into());
        history.append(with_id.clone(), 0);
        history.append(draft(2), 0);
        history.evict_oldest();
        assert!(history.publication_bytes() > 0);
        assert!(!history.recover(&at(0), 0).recovered);
        history.evict_oldest();
        assert_eq!(history.publication_bytes(), 0);
        assert!(!history.recover(&at(1), 0).recovered, "never a gap");
        assert!(history.recover(&at(2), 0).recovered, "nothing was missed");
        history.append(draft(3), 0);
        history.evict_publications();
        assert_eq!(history.publication_bytes(), 0);
        match history.append(with_id.clone(), 299_999) {
            Appended::Duplicate(position) => assert_eq!(position.offset, 1),
            Appended::New(_) => panic!("published twice"),
        }
        history.evict_older_ids();
        assert_eq!(history.id_bytes(), 0);
        assert!(matches!(history.append(with_id, 299_999), Appended::New(_)));
    }
}
