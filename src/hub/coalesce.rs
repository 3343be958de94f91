//! When publications leave for subscribers: at once or in rounds, as the load wants it, which is the
//! default; and, to compare it with, one by one, all that wait at once, or gathered for a fixed
//! while. This is the loop of a [`Shard`]; each choice has a loop of its own, so that none pays for
//! the others.
//!
//! Publications that leave together are one [`Batch`], which is one write for each subscriber: a
//! WebSocket sends the same frames with the same bytes, an event stream sends one chunk. A held
//! poll is answered at once whatever is chosen. Not here: the queue of a client that does not read
//! ([`super::queue`]).

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::{Pin, pin},
    rc::Rc,
    str::FromStr,
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use super::{
    GATHER_WHEN_BEHIND,
    delivery::Batch,
    format::Outgoing,
    inbox::Item,
    rounds::{Pacing, Rounds},
    shard::Shard,
    subscriber::Subscriber,
};

/// Longest time that publications may be gathered.
pub const GATHER_MAX: Duration = Duration::from_secs(1);
/// Bytes of publications that may wait here. Past it, all of them leave at once.
const WAITING_MAX_BYTES: usize = 16 << 20;
/// Bytes that may wait between two rounds: more in one write saves nothing, and keeps the thread from
/// its other tasks.
const ROUND_MAX_BYTES: usize = 64 << 10;

/// How publications of a channel are put together into writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coalesce {
    /// Each leaves at once while the worker has little to write; what a busy one has leaves in
    /// rounds that follow the load. See [`super::rounds`].
    Adaptive(Pacing),
    /// Each publication leaves in a write of its own, however many wait.
    Off,
    /// All that wait leave together; see [`GATHER_WHEN_BEHIND`].
    Tick,
    /// The first publication waits this long for others.
    For(Duration),
}

impl Default for Coalesce {
    fn default() -> Self {
        Self::Adaptive(Pacing::default())
    }
}

impl FromStr for Coalesce {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "adaptive" => Ok(Self::default()),
            "off" => Ok(Self::Off),
            "tick" => Ok(Self::Tick),
            _ => humantime::parse_duration(text)
                .ok()
                .filter(|window| (Duration::from_millis(1)..=GATHER_MAX).contains(window))
                .map(Self::For)
                .ok_or_else(|| {
                    "choose adaptive, off, tick, or a time of 1ms to 1s, like 20ms".to_owned()
                }),
        }
    }
}

impl fmt::Display for Coalesce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adaptive(_) => f.write_str("adaptive"),
            Self::Off => f.write_str("off"),
            Self::Tick => f.write_str("tick"),
            Self::For(window) => humantime::format_duration(*window).fmt(f),
        }
    }
}

impl Serialize for Coalesce {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Coalesce {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Shard {
    pub(super) async fn run(self: Rc<Self>) {
        match self.hub.coalesce {
            Coalesce::Adaptive(_) => self.deliver_in_rounds().await,
            Coalesce::Tick => self.deliver_what_waits().await,
            Coalesce::Off => self.deliver_one_by_one().await,
            Coalesce::For(window) => self.deliver_gathered(window).await,
        }
    }

    /// See [`super::rounds`]. Bounded by the pause between two rounds and by [`ROUND_MAX_BYTES`].
    async fn deliver_in_rounds(&self) {
        let rounds = self.rounds.clone();
        let mut timer = pin!(sleep_until(Instant::now()));
        let mut gathered = Gathered::default();
        loop {
            match self.next_turn(&rounds, timer.as_mut(), &gathered).await {
                Turn::Items(items) if gathered.is_empty() && !rounds.is_busy() => {
                    self.round(&rounds, items, |_| true).await;
                }
                Turn::Items(items) => {
                    // What was gathered is delivered before subscribers are disconnected.
                    if items.iter().any(|it| matches!(it, Item::Disconnect(_))) {
                        self.round(&rounds, gathered.take(), |s| s.may_wait()).await;
                    }
                    for (channel, list) in self.group_by_channel(items) {
                        let batch = Batch::new(list);
                        self.fan_out(&channel, &batch, |s| !s.may_wait()).await;
                        gathered.add(batch.list);
                    }
                }
                Turn::Round => {
                    self.round(&rounds, gathered.take(), |s| s.may_wait()).await;
                }
            }
            // Otherwise the thread would read nothing from its sockets while publications come.
            tokio::task::yield_now().await;
        }
    }

    async fn round(
        &self,
        rounds: &Rounds,
        items: Vec<Item>,
        for_whom: impl Fn(&dyn Subscriber) -> bool,
    ) {
        let waiting = rounds.begin();
        self.deliver_to(items, for_whom).await;
        waiting.into_iter().for_each(Waker::wake);
    }

    async fn next_turn(
        &self,
        rounds: &Rounds,
        mut timer: Pin<&mut Sleep>,
        gathered: &Gathered,
    ) -> Turn {
        poll_fn(|context| {
            rounds.keep_timer(context.waker());
            let is_awaited = !gathered.is_empty() || rounds.is_awaited();
            let due = is_awaited.then(|| rounds.due());
            // Before the inbox is asked: publications that never cease must not put a round off.
            let is_due = due.is_some_and(|due| due <= Instant::now());
            if is_due || gathered.bytes > ROUND_MAX_BYTES {
                return Poll::Ready(Turn::Round);
            }
            if let Poll::Ready(items) = self.inbox.poll_take(context) {
                return Poll::Ready(Turn::Items(items));
            }
            let Some(due) = due else {
                return Poll::Pending;
            };
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            timer.as_mut().poll(context).map(|()| Turn::Round)
        })
        .await
    }

    async fn deliver_all(&self, items: Vec<Item>) {
        self.deliver_to(items, |_| true).await;
    }

    async fn deliver_to(&self, items: Vec<Item>, for_whom: impl Fn(&dyn Subscriber) -> bool) {
        for (channel, list) in self.group_by_channel(items) {
            self.fan_out(&channel, &Batch::new(list), &for_whom).await;
        }
    }

    async fn deliver_what_waits(&self) {
        loop {
            let items = self.inbox.take().await;
            let behind = items.len() > 1;
            let next_round = Instant::now() + GATHER_WHEN_BEHIND;
            self.deliver_all(items).await;
            if behind {
                sleep_until(next_round).await;
            }
        }
    }

    /// Yields between two publications: otherwise the thread would read nothing from its sockets
    /// while publications wait.
    async fn deliver_one_by_one(&self) {
        let mut waiting: VecDeque<Arc<Outgoing>> = VecDeque::new();
        let mut waiting_bytes = 0;
        loop {
            let items = match waiting.is_empty() {
                true => self.inbox.take().await,
                false => self.inbox.take_now(),
            };
            let mut end = None;
            for item in items {
                match item {
                    Item::Disconnect(reason) => end = Some(reason),
                    Item::Publication(outgoing) => {
                        waiting_bytes += outgoing.publication.retained_bytes();
                        waiting.push_back(outgoing);
                    }
                }
            }
            // What waits is delivered before subscribers are disconnected.
            if end.is_some() || waiting_bytes > WAITING_MAX_BYTES {
                waiting_bytes = 0;
                let all = waiting.drain(..).map(Item::Publication).collect();
                self.deliver_all(all).await;
                if let Some(reason) = end {
                    self.disconnect_all(reason);
                }
            } else if let Some(next) = waiting.pop_front() {
                waiting_bytes -= next.publication.retained_bytes();
                let channel = next.publication.channel.clone();
                self.fan_out(&channel, &Batch::new(vec![next]), |_| true)
                    .await;
                tokio::task::yield_now().await;
            }
        }
    }

    /// Bounded by the window and by [`WAITING_MAX_BYTES`].
    async fn deliver_gathered(&self, window: Duration) {
        let mut gathered: Vec<Item> = Vec::new();
        let mut gathered_bytes = 0;
        let mut due: Option<Instant> = None;
        loop {
            let items = match due {
                None => self.inbox.take().await,
                Some(due) if due <= Instant::now() => Vec::new(),
                Some(due) => timeout_at(due, self.inbox.take()).await.unwrap_or_default(),
            };
            // What was gathered is delivered before subscribers are disconnected.
            let is_end = items.iter().any(|item| matches!(item, Item::Disconnect(_)));
            let is_full = gathered_bytes > WAITING_MAX_BYTES;
            if is_end || is_full || due.is_some_and(|due| due <= Instant::now()) {
                (due, gathered_bytes) = (None, 0);
                self.deliver_to(std::mem::take(&mut gathered), |s| s.may_wait())
                    .await;
            }
            for (channel, list) in self.group_by_channel(items) {
                let batch = Batch::new(list);
                self.fan_out(&channel, &batch, |s| !s.may_wait()).await;
                let sizes = batch.list.iter().map(|it| it.publication.retained_bytes());
                gathered_bytes += sizes.sum::<usize>();
                gathered.extend(batch.list.into_iter().map(Item::Publication));
                due.get_or_insert_with(|| Instant::now() + window);
            }
        }
    }
}

/// What the loop goes on with.
enum Turn {
    Items(Vec<Item>),
    /// It is time for a round.
    Round,
}

/// Publications that wait for a round.
#[derive(Default)]
struct Gathered {
    items: Vec<Item>,
    bytes: usize,
}

impl Gathered {
    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn add(&mut self, list: Vec<Arc<Outgoing>>) {
        for outgoing in list {
            self.bytes += outgoing.publication.retained_bytes();
            self.items.push(Item::Publication(outgoing));
        }
    }

    fn take(&mut self) -> Vec<Item> {
        self.bytes = 0;
        std::mem::take(&mut self.items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_what_they_write() {
        for text in ["adaptive", "off", "tick", "20ms", "1s"] {
            assert_eq!(text.parse::<Coalesce>().unwrap().to_string(), text);
        }
        for bad in ["", "on", "0s", "2s", "20"] {
            let why = bad.parse::<Coalesce>().unwrap_err();
            assert!(why.contains("adaptive, off, tick"), "{bad}: {why}");
        }
    }
}
