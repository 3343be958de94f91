//! Publishers that pages start and stop: the load of the compare page, and the market ticker.
//!
//! A source has a thread of its own, since it must wake within microseconds of its schedule:
//! timers of a runtime round to milliseconds and share their thread with the work that is
//! measured. It stops by itself when its channel had no audience for a while.
//!
//! A visitor's source is theirs: whoever starts one is given a key that nobody can guess, and to
//! change or stop it takes the key, for channels' names are seen by all. An address may run a few of
//! them, on channels that it may use, and each may publish so many bytes a second; this machine's
//! addresses are no exception, for a browser on it is a visitor like any other.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use subtle::ConstantTimeEq;
use tokio::runtime::Handle;

use super::{
    content::{self, Market},
    payloads::Payloads,
    schedule::{Schedule, Spread},
};
use crate::{
    channel::{ChannelName, Draft},
    clock, network,
    node::{Node, NodeError},
};

/// Sources that may run at once.
pub const SOURCES_MAX: usize = 32;
/// Sources that may run before a visitor's one more is refused: the rest is the presenter's.
pub const VISITORS_SOURCES_MAX: usize = SOURCES_MAX / 2;
/// Sources that visitors at one address may run.
pub const SOURCES_PER_ADDRESS_MAX: usize = 4;
/// Bytes that a visitor's source may publish in a second: each is sent to all who listen, and kept.
pub const VISITORS_BYTES_PER_S: f64 = 200_000.0;
/// Fewest and most events per second.
pub const RATE_RANGE: std::ops::RangeInclusive<f64> = 0.1..=200.0;
/// Longest conflation, ms.
pub const CONFLATE_MAX_MS: u64 = 60_000;
/// Of a publication's number that a visitor's source is never charged too little for: at 200 a second
/// it takes 58 days to have more.
const NUMBER_DIGITS: usize = 9;
const EVENT: &str = "tick";
/// A source looks for its audience and its stop this often at least.
const LOOK_AROUND: Duration = Duration::from_millis(250);

/// What a source publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Payloads of an exact size, or somebody's own in turn.
    Compare,
    /// The seeded market; at least the size.
    Market,
}

/// What a source does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// What it publishes.
    pub kind: Kind,
    /// Publications a second, on average.
    pub rate_per_s: f64,
    /// Bytes of a publication's data.
    pub size_bytes: usize,
    /// Published in turn instead of ones of that size. What people see of a source is how many it has.
    #[serde(default, skip_serializing)]
    pub payloads: Option<Payloads>,
    /// At most one publication per so many ms, the newest; 0 publishes every event.
    #[serde(default)]
    pub conflate_ms: u64,
    /// How publications are spread over time.
    #[serde(default)]
    pub schedule: Spread,
    /// Of the schedule and of the content.
    #[serde(default = "one")]
    pub seed: u64,
}

fn one() -> u64 {
    1
}

/// Why a source does not start.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SourceError {
    /// The rate is outside of its range.
    #[error("rate_per_s is {0}; choose 0.1 to 200")]
    Rate(f64),
    /// The size is outside of its range.
    #[error("size_bytes is {0}; choose {min} to {max}", min = content::SIZE_MIN_BYTES, max = content::SIZE_MAX_BYTES)]
    Size(usize),
    /// Messages of one's own, for a source that publishes prices.
    #[error("payloads go with kind compare; leave them out, or choose that kind")]
    PayloadsOfMarket,
    /// The interval of conflation (ms) is outside of its range.
    #[error("conflate_ms is {0}; choose 0 to {CONFLATE_MAX_MS}")]
    Conflate(u64),
    /// So many sources run, and no more may.
    #[error("{0} sources run already, as many as may")]
    TooMany(usize),
    /// So many of this address run, and no more may.
    #[error("this address runs {0} sources already, as many as one may have")]
    TooManyOfAddress(usize),
    /// All sources of this address together would publish so many bytes a second.
    #[error(
        "a source of {0} bytes a second is the presenter's; a visitor's may publish {max} bytes a second: choose a lower rate_per_s, a smaller size_bytes (or shorter payloads) or a longer conflate_ms",
        max = VISITORS_BYTES_PER_S
    )]
    TooMuch(u64),
    /// The node refuses the channel.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Somebody else's source is on this channel.
    #[error("on {0} runs a source of somebody else's")]
    NotYours(ChannelName),
}

/// Who starts or stops a source.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// Whoever leads: without the bounds of an address.
    Presenter,
    /// Anybody, within the bounds of an address.
    Visitor {
        /// That they were given, if any.
        key: Option<&'a str>,
        /// Where from; `None`: this machine.
        address: Option<IpAddr>,
    },
}

/// A source that was started.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Started {
    /// The source.
    #[serde(flatten)]
    pub state: SourceState,
    /// For whoever started it, and nobody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl SourceSettings {
    /// # Errors
    ///
    /// What of it no source can do.
    pub fn check(&self) -> Result<(), SourceError> {
        if !RATE_RANGE.contains(&self.rate_per_s) {
            return Err(SourceError::Rate(self.rate_per_s));
        }
        if !(content::SIZE_MIN_BYTES..=content::SIZE_MAX_BYTES).contains(&self.size_bytes) {
            return Err(SourceError::Size(self.size_bytes));
        }
        if self.conflate_ms > CONFLATE_MAX_MS {
            return Err(SourceError::Conflate(self.conflate_ms));
        }
        if self.payloads.is_some() && self.kind != Kind::Compare {
            return Err(SourceError::PayloadsOfMarket);
        }
        Ok(())
    }

    /// Publishes at most so many bytes a second in the long run.
    fn bytes_per_s(&self) -> f64 {
        let rate_per_s = match self.conflate_ms {
            0 => self.rate_per_s,
            conflate_ms => self.rate_per_s.min(1_000.0 / conflate_ms as f64),
        };
        let bytes = match &self.payloads {
            None => self.size_bytes as f64,
            Some(payloads) => payloads.mean_bytes(NUMBER_DIGITS),
        };
        rate_per_s * bytes
    }
}

/// A running source, as others see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceState {
    /// Where it publishes.
    pub channel: ChannelName,
    /// What it does.
    #[serde(flatten)]
    pub settings: SourceSettings,
    /// How many messages of somebody's own are published in turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payloads_count: Option<usize>,
    /// Since it was started.
    pub published_total: u64,
}

impl SourceState {
    fn new(channel: ChannelName, settings: SourceSettings, published_total: u64) -> Self {
        Self {
            channel,
            payloads_count: settings.payloads.as_ref().map(Payloads::count),
            settings,
            published_total,
        }
    }
}

struct Running {
    settings: SourceSettings,
    key: String,
    /// Of the visitor who started it.
    address: Option<IpAddr>,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

/// Written by whoever stops the source (`stop`) and by its thread (the rest).
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    ended: AtomicBool,
    published: AtomicU64,
}

/// The channels that sources publish on now. Beside [`Sources`]' own table, whose lock is held while a
/// source is being stopped, for it is asked at every publication of a visitor.
#[derive(Default)]
pub struct Channels(RwLock<BTreeSet<ChannelName>>);

impl Channels {
    /// Whether a source publishes there.
    pub fn has(&self, channel: &ChannelName) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.contains(channel)
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeSet<ChannelName>) -> T) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// One of [`Channels`], until it is dropped.
struct OnChannel(Arc<Channels>, ChannelName);

impl OnChannel {
    fn new(all: &Arc<Channels>, channel: &ChannelName) -> Self {
        all.change(|all| all.insert(channel.clone()));
        Self(all.clone(), channel.clone())
    }
}

impl Drop for OnChannel {
    fn drop(&mut self) {
        self.0.change(|all| all.remove(&self.1));
    }
}

/// All sources of a lab.
pub struct Sources {
    node: Arc<Node>,
    channels: Arc<Channels>,
    runtime: Handle,
    linger: Duration,
    running: Mutex<BTreeMap<ChannelName, Running>>,
}

impl Sources {
    /// `linger`: how long a source goes on without an audience.
    pub fn new(node: Arc<Node>, runtime: Handle, linger: Duration) -> Self {
        Self {
            node,
            channels: Arc::default(),
            runtime,
            linger,
            running: Mutex::default(),
        }
    }

    /// On which of them something is published.
    pub fn channels(&self) -> &Arc<Channels> {
        &self.channels
    }

    /// Starts a source on a channel, or has the one there begin anew with these settings.
    pub fn put(
        &self,
        channel: ChannelName,
        settings: SourceSettings,
        by: By<'_>,
    ) -> Result<Started, SourceError> {
        settings.check()?;
        let address = match by {
            By::Presenter => None,
            By::Visitor { address, .. } => address,
        };
        if let By::Visitor { .. } = by
            && settings.bytes_per_s() > VISITORS_BYTES_PER_S
        {
            return Err(SourceError::TooMuch(settings.bytes_per_s().ceil() as u64));
        }
        let mut running = self.running();
        running.retain(|_, source| !source.shared.ended.load(Ordering::Acquire));
        let allowed = match by {
            By::Presenter => SOURCES_MAX,
            By::Visitor { .. } => VISITORS_SOURCES_MAX,
        };
        match running.get(&channel) {
            Some(there) if !there.obeys(by) => return Err(SourceError::NotYours(channel)),
            None if running.len() >= allowed => return Err(SourceError::TooMany(running.len())),
            Some(_) => {}
            None => Self::check_share(&running, address)?,
        }
        self.node.may_use(&channel, address)?;
        let (published, key, address) = match running.remove(&channel) {
            Some(old) => {
                let (key, address) = (old.key.clone(), old.address);
                (old.stop(), key, address)
            }
            None => {
                let key = format!("{:032x}", rand::random::<u128>());
                (0, key, address.map(network::of))
            }
        };
        let shared = Arc::new(Shared {
            published: AtomicU64::new(published),
            ..Shared::default()
        });
        let publisher = Publisher {
            channel: channel.clone(),
            settings: settings.clone(),
            node: self.node.clone(),
            runtime: self.runtime.clone(),
            linger: self.linger,
            shared: shared.clone(),
            _on_channel: OnChannel::new(&self.channels, &channel),
        };
        let thread = thread::spawn(move || publisher.run());
        let started = Started {
            state: SourceState::new(channel.clone(), settings.clone(), published),
            key: Some(key.clone()),
        };
        let source = Running {
            settings,
            key,
            address,
            shared,
            thread,
        };
        running.insert(channel, source);
        Ok(started)
    }

    /// Whether visitors at this address may run one more.
    fn check_share(
        running: &BTreeMap<ChannelName, Running>,
        address: Option<IpAddr>,
    ) -> Result<(), SourceError> {
        let Some(address) = address.map(network::of) else {
            return Ok(());
        };
        let of_address = running
            .values()
            .filter(|source| source.address == Some(address))
            .count();
        match of_address < SOURCES_PER_ADDRESS_MAX {
            true => Ok(()),
            false => Err(SourceError::TooManyOfAddress(of_address)),
        }
    }

    /// Stops the source of a channel; false if there is none.
    pub fn stop(&self, channel: &ChannelName, by: By<'_>) -> Result<bool, SourceError> {
        let mut running = self.running();
        let Some(source) = running.get(channel) else {
            return Ok(false);
        };
        let was_running = !source.shared.ended.load(Ordering::Acquire);
        if was_running && !source.obeys(by) {
            return Err(SourceError::NotYours(channel.clone()));
        }
        if let Some(source) = running.remove(channel) {
            source.stop();
        }
        Ok(was_running)
    }

    /// Ends all of them.
    pub fn stop_all(&self) {
        let all = std::mem::take(&mut *self.running());
        for source in all.into_values() {
            source.stop();
        }
    }

    /// All that run, by channel.
    pub fn list(&self) -> Vec<SourceState> {
        self.running()
            .iter()
            .filter(|(_, source)| !source.shared.ended.load(Ordering::Acquire))
            .map(|(channel, source)| {
                let published = source.shared.published.load(Ordering::Relaxed);
                SourceState::new(channel.clone(), source.settings.clone(), published)
            })
            .collect()
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<ChannelName, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn obeys(&self, by: By<'_>) -> bool {
        match by {
            By::Presenter => true,
            By::Visitor { key, .. } => {
                let key = key.unwrap_or_default().as_bytes();
                key.ct_eq(self.key.as_bytes()).into()
            }
        }
    }

    /// Ends the thread, so that two never publish to one channel; answers what it published.
    fn stop(self) -> u64 {
        self.shared.stop.store(true, Ordering::Release);
        self.thread.thread().unpark();
        if self.thread.join().is_err() {
            tracing::error!("a source had panicked");
        }
        self.shared.published.load(Ordering::Relaxed)
    }
}

struct Publisher {
    channel: ChannelName,
    settings: SourceSettings,
    node: Arc<Node>,
    runtime: Handle,
    linger: Duration,
    shared: Arc<Shared>,
    _on_channel: OnChannel,
}

impl Publisher {
    fn run(self) {
        let SourceSettings {
            schedule: spread,
            rate_per_s,
            seed,
            conflate_ms,
            ..
        } = self.settings;
        let start_us = clock::now_us();
        let mut audience_us = start_us;
        let mut market = Market::new(seed);
        let mut held_back: Option<u64> = None;
        let mut next_allowed_us = start_us;
        for (n, after_us) in (1..).zip(Schedule::new(spread, rate_per_s, seed)) {
            let due_us = start_us + after_us;
            if held_back.is_some() && next_allowed_us < due_us {
                if !self.wait_until(next_allowed_us, &mut audience_us) {
                    break;
                }
                if let Some(intended_us) = held_back.take() {
                    self.publish(n - 1, &market, intended_us);
                    next_allowed_us += conflate_ms * 1_000;
                }
            }
            if !self.wait_until(due_us, &mut audience_us) {
                break;
            }
            market.step();
            if conflate_ms > 0 && due_us < next_allowed_us {
                held_back = Some(due_us);
            } else {
                held_back = None;
                self.publish(n, &market, due_us);
                next_allowed_us = due_us + conflate_ms * 1_000;
            }
        }
        self.shared.ended.store(true, Ordering::Release);
    }

    /// False when the source is to end instead: stopped, or nobody has listened for too long.
    fn wait_until(&self, due_us: u64, audience_us: &mut u64) -> bool {
        loop {
            if self.shared.stop.load(Ordering::Acquire) {
                return false;
            }
            let now_us = clock::now_us();
            if self.node.has_audience(&self.channel) {
                *audience_us = now_us;
            } else if now_us - *audience_us > self.linger.as_micros() as u64 {
                return false;
            }
            if now_us >= due_us {
                return true;
            }
            thread::park_timeout(Duration::from_micros(due_us - now_us).min(LOOK_AROUND));
        }
    }

    fn publish(&self, n: u64, market: &Market, intended_us: u64) {
        let intended_us = clock::time_of_day_at(intended_us);
        let draft = Draft {
            intended_us: Some(intended_us),
            ..Draft::new(EVENT, self.content(n, market, intended_us))
        };
        match self
            .runtime
            .block_on(self.node.publish_by(&self.channel, draft, "source"))
        {
            Ok(_) => drop(self.shared.published.fetch_add(1, Ordering::Relaxed)),
            Err(error) => {
                tracing::warn!(%error, channel = %self.channel, "a source cannot publish")
            }
        }
    }

    fn content(&self, n: u64, market: &Market, intended_us: u64) -> Box<RawValue> {
        match (self.settings.kind, &self.settings.payloads) {
            (Kind::Compare, None) => {
                content::sized_with_instant(n, intended_us, self.settings.size_bytes)
            }
            (Kind::Compare, Some(payloads)) => payloads.numbered(n),
            (Kind::Market, _) => market.snapshot(self.settings.size_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflation_counts_into_what_a_source_publishes_in_a_second() {
        let settings = |rate_per_s, size_bytes, conflate_ms| SourceSettings {
            kind: Kind::Compare,
            rate_per_s,
            size_bytes,
            payloads: None,
            conflate_ms,
            schedule: Spread::default(),
            seed: 1,
        };
        assert_eq!(settings(200.0, 1_000, 0).bytes_per_s(), 200_000.0);
        assert_eq!(settings(200.0, 16_384, 100).bytes_per_s(), 163_840.0);
        assert_eq!(settings(2.0, 100, 100).bytes_per_s(), 200.0);
        let own = SourceSettings {
            // 76 bytes and 78, and 23 of the number beside them: 100 on average.
            payloads: serde_json::from_value(serde_json::json!(["a".repeat(74), "a".repeat(76)]))
                .unwrap(),
            ..settings(100.0, 1_000, 0)
        };
        assert_eq!(own.bytes_per_s(), 10_000.0);
    }
}
