//! What happens in an application, for people to watch: the console's feed.
//!
//! A feed is written only while somebody watches it, and for a minute after, so that a page that
//! is reloaded goes on where it was. Otherwise an event costs one atomic read. It is written
//! once per event, so once per publication and never per subscriber; readers follow at their
//! own pace and hold up nobody.
//!
//! - [`ring`]: the newest entries, bounded in number and in bytes
//! - [`entry`]: an event as JSON
//!
//! Publications that come another way to channels that the application shares (plain transports,
//! Socket.IO, the lab's own sources) are noticed through the node; see [`crate::channel::observer`].
//!
//! Positions are `EPOCH-N`. A feed that nobody watched begins a new epoch: what happened meanwhile
//! was not written down, and no number can say how much it was.
//!
//! Not here: HTTP, which is `lab_api::apps::feed`, and who may look, which is `access`.

pub mod entry;
pub mod ring;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use self::{entry::Entry, ring::Ring};
use super::app_event::{AppEvent, Observer};
use crate::{clock, codec::sse};

/// How long a feed is still written after the last reader has gone.
const LINGER: Duration = Duration::from_secs(60);
/// Written while it is watched.
const FOR_EVER: u64 = u64::MAX;
/// Written by nobody, for nobody.
const NEVER: u64 = 0;

/// One application's feed.
pub struct Feed {
    /// Until when it is written, µs: [`NEVER`], an instant, or [`FOR_EVER`]. Written under the
    /// lock of `state`, read without.
    written_until_us: AtomicU64,
    state: Mutex<State>,
    /// Number of the next entry, to wake readers.
    next: watch::Sender<u64>,
}

struct State {
    watchers: usize,
    /// When this life of the feed began, µs.
    epoch_us: u64,
    ring: Ring,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            written_until_us: AtomicU64::new(NEVER),
            state: Mutex::new(State {
                watchers: 0,
                epoch_us: 0,
                ring: Ring::default(),
            }),
            next: watch::Sender::new(0),
        }
    }
}

impl Feed {
    /// Whether what is noted now is written.
    pub fn is_written(&self) -> bool {
        self.written_until_us.load(Ordering::Relaxed) != NEVER
    }

    /// Adds an entry, if anybody reads.
    pub fn note(&self, entry: &Entry<'_>) {
        match self.written_until_us.load(Ordering::Relaxed) {
            NEVER => return,
            FOR_EVER => {}
            until_us if until_us < clock::now_us() => return self.rest(until_us),
            _ => {}
        }
        let json = entry.encode(clock::time_of_day_us());
        let mut state = self.state();
        state.ring.push(json.into());
        // Under the lock: a number that went back would let readers sleep on what is there.
        self.next.send_replace(state.ring.next());
    }

    /// The time is over and no reader has come back: drops the entries, unless one came just now.
    fn rest(&self, until_us: u64) {
        let mut state = self.state();
        if self.written_until_us.load(Ordering::Relaxed) == until_us {
            self.written_until_us.store(NEVER, Ordering::Relaxed);
            state.ring = Ring::default();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Feed {
    fn on_event(&self, app_event: &AppEvent<'_>) {
        self.note(&Entry::AppEvent(app_event));
    }
}

/// A position in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPosition {
    epoch_us: u64,
    n: u64,
}

impl std::fmt::Display for FeedPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.epoch_us, self.n)
    }
}

impl std::str::FromStr for FeedPosition {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (epoch, n) = text.split_once('-').ok_or(())?;
        Ok(Self {
            epoch_us: epoch.parse().map_err(drop)?,
            n: n.parse().map_err(drop)?,
        })
    }
}

/// One reader of a feed. While there is one, the feed is written.
pub struct FeedReader {
    feed: Arc<Feed>,
    next: watch::Receiver<u64>,
    /// Number of the entry to be read next.
    at: FeedPosition,
    /// Nothing was lost since the entry that the reader had last.
    pub is_resumed: bool,
}

impl FeedReader {
    /// Reads on after `after`; from the oldest entry that is kept, if that position is of another
    /// epoch or there is none.
    pub fn begin(feed: Arc<Feed>, after: Option<FeedPosition>) -> Self {
        let (at, is_resumed, next) = {
            let mut state = feed.state();
            let until_us = feed.written_until_us.load(Ordering::Relaxed);
            let now_us = clock::now_us();
            if until_us < now_us {
                state.ring = Ring::default();
                state.epoch_us = now_us;
                feed.next.send_replace(0);
            }
            state.watchers += 1;
            feed.written_until_us.store(FOR_EVER, Ordering::Relaxed);
            let epoch_us = state.epoch_us;
            let (first, next) = (state.ring.first(), state.ring.next());
            let resumed =
                after.filter(|position| position.epoch_us == epoch_us && position.n < next);
            let n = resumed.map_or(first, |position| position.n + 1);
            let at = FeedPosition { epoch_us, n };
            (at, resumed.is_some(), feed.next.subscribe())
        };
        Self {
            feed,
            next,
            at,
            is_resumed,
        }
    }

    /// Appends what is new as events of an event stream; if some was overwritten before it could
    /// be read, first an event `missed` that says how many.
    pub fn take(&mut self, out: &mut Vec<u8>) {
        // Cheap copies: the lock is not held while text is put together.
        let (first, entries) = {
            let state = self.feed.state();
            (state.ring.first(), state.ring.after(self.at.n))
        };
        if first > self.at.n {
            let missed = format!("{{\"count\":{}}}", first - self.at.n);
            sse::encode_event(Some("missed"), None, missed.as_bytes(), out);
            self.at.n = first;
        }
        for json in entries {
            sse::encode_event(None, Some(&self.at.to_string()), &json, out);
            self.at.n += 1;
        }
    }

    /// Returns when there may be something new.
    pub async fn changed(&mut self) {
        let at = self.at.n;
        // The sender lives as long as the feed, which this holds.
        let _ = self.next.wait_for(|next| *next > at).await;
    }
}

impl Drop for FeedReader {
    fn drop(&mut self) {
        let feed = &self.feed;
        let mut state = feed.state();
        state.watchers -= 1;
        if state.watchers == 0 {
            let until_us = clock::now_us() + LINGER.as_micros() as u64;
            feed.written_until_us.store(until_us, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn disconnect(feed: &Feed, socket_id: &str) {
        feed.on_event(&AppEvent::Disconnected { socket_id });
    }

    fn read(reader: &mut FeedReader) -> Vec<sse::Event> {
        let mut out = Vec::new();
        reader.take(&mut out);
        sse::Decoder::default().feed(&out)
    }

    #[test]
    fn nothing_is_written_for_nobody() {
        let feed = Arc::<Feed>::default();
        disconnect(&feed, "1.1");
        assert!(!feed.is_written());
        let mut reader = FeedReader::begin(feed.clone(), None);
        assert_eq!(read(&mut reader), []);
        disconnect(&feed, "2.2");
        let events = read(&mut reader);
        assert_eq!(events.len(), 1);
        assert!(events[0].data.contains("2.2"), "{events:?}");
        assert_eq!(read(&mut reader), [], "each once");
    }

    #[test]
    fn who_comes_back_within_the_minute_goes_on_where_it_was() {
        let feed = Arc::<Feed>::default();
        let mut first = FeedReader::begin(feed.clone(), None);
        disconnect(&feed, "1.1");
        let position = read(&mut first)[0].last_event_id.parse().unwrap();
        drop(first);
        disconnect(&feed, "2.2");
        let mut second = FeedReader::begin(feed.clone(), Some(position));
        assert!(second.is_resumed);
        let events = read(&mut second);
        assert_eq!(events.len(), 1);
        assert!(events[0].data.contains("2.2"));
    }

    #[test]
    fn after_a_rest_a_new_epoch_begins() {
        let feed = Arc::<Feed>::default();
        let mut first = FeedReader::begin(feed.clone(), None);
        disconnect(&feed, "1.1");
        let position = read(&mut first)[0].last_event_id.parse().unwrap();
        drop(first);
        // The minute is over.
        feed.written_until_us.store(1, Ordering::Relaxed);
        disconnect(&feed, "2.2");
        assert!(!feed.is_written());
        let mut second = FeedReader::begin(feed.clone(), Some(position));
        assert!(!second.is_resumed);
        assert_eq!(read(&mut second), []);
        assert!(second.changed().now_or_never().is_none(), "it waits");
        disconnect(&feed, "3.3");
        assert!(second.changed().now_or_never().is_some());
        assert!(read(&mut second)[0].data.contains("3.3"));
    }

    #[test]
    fn a_reader_that_is_too_slow_is_told_how_much_it_missed() {
        let feed = Arc::<Feed>::default();
        let mut reader = FeedReader::begin(feed.clone(), None);
        for n in 0..ring::MAX_COUNT + 7 {
            disconnect(&feed, &format!("{n}.1"));
        }
        let events = read(&mut reader);
        assert_eq!(events.len(), ring::MAX_COUNT + 1);
        assert_eq!(
            (events[0].event.as_str(), events[0].data.as_str()),
            ("missed", "{\"count\":7}")
        );
        assert!(events[1].data.contains("\"7.1\""), "{:?}", events[1]);
    }

    #[test]
    fn positions_read_back_what_they_write() {
        let position = FeedPosition { epoch_us: 17, n: 4 };
        assert_eq!(position.to_string().parse(), Ok(position));
        for bad in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "a-1",
            "1-2-3",
            "99999999999999999999-1",
        ] {
            assert!(bad.parse::<FeedPosition>().is_err(), "{bad}");
        }
    }
}
