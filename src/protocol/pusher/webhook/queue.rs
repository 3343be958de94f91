//! Events on their way to becoming webhooks: what cancels what, and what goes together.
//!
//! - `channel_vacated` and `member_removed` wait 3 s, and are dropped if somebody is back by then;
//!   so is the event of the return (reference, 17)
//! - clients that miss a cache together miss it once
//! - a batch closes 100 ms after its first event, at 1000 events, or at 256 KiB, whichever is
//!   first; without batching every event is a batch
//!
//! Pure: the time is a parameter, in milliseconds on any clock that does not go back. The budget
//! is the caller's.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::event::Event;

/// How long a departure may be taken back.
pub const LEAVING_MS: u64 = 3_000;
/// How long a batch stays open.
pub const BATCH_MS: u64 = 100;
pub const BATCH_MAX_EVENTS: usize = 1_000;
/// By [`Event::retained_bytes`]; one event at least.
pub const BATCH_MAX_BYTES: usize = 256 << 10;
/// Misses of one channel within this time are one.
const TOGETHER_MS: u64 = 1_000;
/// Misses that are remembered; past that the old ones are forgotten.
const MISSES_MAX: usize = 1_024;

/// What may come back: a channel's subscribers, or one of its members.
type Who = (Box<str>, Option<Box<str>>);

/// See the module.
pub struct Queue {
    batches: bool,
    ready: VecDeque<Event>,
    /// When the first of `ready` came.
    since_ms: u64,
    /// By when it is due and by the order in which it happened.
    leaving: BTreeMap<(u64, u64), Event>,
    leaving_by_who: HashMap<Who, (u64, u64)>,
    happened: u64,
    /// When each channel's last miss was queued.
    missed: HashMap<Box<str>, u64>,
}

impl Queue {
    pub fn new(batches: bool) -> Self {
        Self {
            batches,
            ready: VecDeque::new(),
            since_ms: 0,
            leaving: BTreeMap::new(),
            leaving_by_who: HashMap::new(),
            happened: 0,
            missed: HashMap::new(),
        }
    }

    /// Takes an event; answers those that will not be sent: what this one cancels, or itself.
    pub fn put(&mut self, event: Event, now_ms: u64) -> Vec<Event> {
        match &event {
            Event::ChannelOccupied { .. } | Event::MemberAdded { .. } => self.came(event, now_ms),
            Event::ChannelVacated { .. } | Event::MemberRemoved { .. } => self.went(event, now_ms),
            Event::CacheMiss { channel } => {
                let last = self.missed.get(channel);
                if last.is_some_and(|last| now_ms.saturating_sub(*last) < TOGETHER_MS) {
                    return vec![event];
                }
                if self.missed.len() >= MISSES_MAX {
                    self.missed
                        .retain(|_, last| now_ms.saturating_sub(*last) < TOGETHER_MS);
                }
                self.missed.insert(channel.clone(), now_ms);
                self.ready(event, now_ms)
            }
            _ => self.ready(event, now_ms),
        }
    }

    fn ready(&mut self, event: Event, now_ms: u64) -> Vec<Event> {
        if self.ready.is_empty() {
            self.since_ms = now_ms;
        }
        self.ready.push_back(event);
        Vec::new()
    }

    fn came(&mut self, event: Event, now_ms: u64) -> Vec<Event> {
        let left = self.leaving_by_who.remove(&who(&event));
        match left.and_then(|left| self.leaving.remove(&left)) {
            Some(left) => vec![left, event],
            None => self.ready(event, now_ms),
        }
    }

    fn went(&mut self, event: Event, now_ms: u64) -> Vec<Event> {
        self.happened += 1;
        let at = (now_ms + LEAVING_MS, self.happened);
        let before = self.leaving_by_who.insert(who(&event), at);
        let replaced = before.and_then(|before| self.leaving.remove(&before));
        self.leaving.insert(at, event);
        replaced.into_iter().collect()
    }

    /// When [`Self::take`] will have something; `None`: not before something is put in.
    pub fn due_ms(&self) -> Option<u64> {
        let ready = (!self.ready.is_empty()).then(|| match self.batches {
            true if self.ready.len() < BATCH_MAX_EVENTS => self.since_ms + BATCH_MS,
            _ => 0,
        });
        let leaving = self.leaving.first_key_value().map(|((at, _), _)| *at);
        ready.into_iter().chain(leaving).min()
    }

    /// The next batch that is closed by now.
    pub fn take(&mut self, now_ms: u64) -> Option<Vec<Event>> {
        while let Some(entry) = self.leaving.first_entry()
            && entry.key().0 <= now_ms
        {
            let (at, event) = entry.remove_entry();
            self.leaving_by_who.remove(&who(&event));
            self.ready(event, at.0);
        }
        let is_closed = !self.batches
            || self.ready.len() >= BATCH_MAX_EVENTS
            || now_ms >= self.since_ms + BATCH_MS;
        if self.ready.is_empty() || !is_closed {
            return None;
        }
        let most = if self.batches { BATCH_MAX_EVENTS } else { 1 };
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < most
            && let Some(next) = self.ready.front()
        {
            bytes += next.retained_bytes();
            if !batch.is_empty() && bytes > BATCH_MAX_BYTES {
                break;
            }
            batch.extend(self.ready.pop_front());
        }
        Some(batch)
    }
}

/// Whom an event of presence is about.
fn who(event: &Event) -> Who {
    let user = match event {
        Event::MemberAdded { user_id, .. } | Event::MemberRemoved { user_id, .. } => {
            Some(user_id.clone())
        }
        _ => None,
    };
    (event.channel().into(), user)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occupied(channel: &str) -> Event {
        Event::ChannelOccupied {
            channel: channel.into(),
        }
    }

    fn vacated(channel: &str) -> Event {
        Event::ChannelVacated {
            channel: channel.into(),
        }
    }

    fn member(channel: &str, user_id: &str, added: bool) -> Event {
        let (channel, user_id) = (channel.into(), user_id.into());
        match added {
            true => Event::MemberAdded { channel, user_id },
            false => Event::MemberRemoved { channel, user_id },
        }
    }

    fn client_event(bytes: usize) -> Event {
        Event::ClientEvent {
            channel: "private-a".into(),
            event: "client-t".into(),
            data: "x".repeat(bytes).into(),
            socket_id: "1.1".into(),
            user_id: None,
        }
    }

    #[test]
    fn a_batch_is_what_came_within_a_tenth_of_a_second() {
        let mut queue = Queue::new(true);
        assert_eq!(queue.due_ms(), None);
        assert!(queue.put(occupied("a"), 1_000).is_empty());
        queue.put(occupied("b"), 1_050);
        assert_eq!((queue.due_ms(), queue.take(1_099)), (Some(1_100), None));
        assert_eq!(queue.take(1_100), Some(vec![occupied("a"), occupied("b")]));
        assert_eq!((queue.due_ms(), queue.take(9_999)), (None, None));
    }

    #[test]
    fn a_full_batch_does_not_wait() {
        let mut queue = Queue::new(true);
        for _ in 0..BATCH_MAX_EVENTS + 1 {
            queue.put(client_event(1), 0);
        }
        assert_eq!(queue.due_ms(), Some(0));
        assert_eq!(queue.take(0).unwrap().len(), BATCH_MAX_EVENTS);
        assert_eq!(queue.take(0), None, "the rest waits for its time");
        assert_eq!(queue.take(BATCH_MS).unwrap().len(), 1);
        for _ in 0..100 {
            queue.put(client_event(10_240), 200);
        }
        let batch = queue.take(300).unwrap();
        assert!((20..30).contains(&batch.len()), "{}", batch.len());
        assert!(queue.take(300).is_some(), "closed as well");
    }

    #[test]
    fn without_batching_every_event_is_one_at_once() {
        let mut queue = Queue::new(false);
        queue.put(occupied("a"), 5);
        queue.put(occupied("b"), 5);
        assert_eq!(queue.take(5), Some(vec![occupied("a")]));
        assert_eq!(queue.take(5), Some(vec![occupied("b")]));
    }

    #[test]
    fn who_is_back_in_time_was_never_gone() {
        let mut queue = Queue::new(false);
        queue.put(vacated("a"), 0);
        queue.put(vacated("b"), 10);
        queue.put(member("presence-r", "7", false), 20);
        queue.put(member("presence-r", "9", false), 20);
        assert_eq!((queue.due_ms(), queue.take(2_999)), (Some(3_000), None));
        assert_eq!(
            queue.put(occupied("b"), 2_999),
            [vacated("b"), occupied("b")]
        );
        assert_eq!(queue.put(member("presence-r", "7", true), 2_999).len(), 2);
        assert_eq!(queue.take(3_000), Some(vec![vacated("a")]));
        assert_eq!(
            queue.take(3_020),
            Some(vec![member("presence-r", "9", false)])
        );
        assert_eq!(queue.due_ms(), None);
        assert!(
            queue.put(occupied("a"), 3_021).is_empty(),
            "too late to cancel"
        );
        assert_eq!(queue.take(3_021), Some(vec![occupied("a")]));
    }

    #[test]
    fn clients_that_miss_together_miss_once() {
        let mut queue = Queue::new(false);
        let miss = |channel: &str| Event::CacheMiss {
            channel: channel.into(),
        };
        assert!(queue.put(miss("cache-a"), 0).is_empty());
        assert_eq!(queue.put(miss("cache-a"), 999), [miss("cache-a")]);
        assert!(queue.put(miss("cache-b"), 999).is_empty());
        assert!(queue.put(miss("cache-a"), 1_000).is_empty());
    }
}
