//! Webhooks: what happened, sent to an application's own server (reference, 17).
//!
//! ```text
//! App::notify ───► [event] ──► [queue] ──► batch ──► one [deliver]y per receiver ──► POST
//!                    budget, never waits      filter, body, signature     retries
//! ```
//! Publishing never waits for it: what does not fit the budget ([`IN_FLIGHT_MAX_EVENTS`],
//! [`IN_FLIGHT_MAX_BYTES`], over all an application's events that are not out yet) is dropped, the
//! newest first, and counted. Each receiver gets one request at a time, in order; one that fails is
//! tried again before what follows on the same channels, and holds nothing else up.
//!
//! The demo application's webhooks go to the lab's own [`receiver`], or to whatever address
//! [`Webhooks::point_at`] was given last. To its own receiver the lab sends only once a client of
//! Channels has connected or somebody has looked: a lab for plain transports has no such traffic.
//!
//! `#server-to-user-` channels have no webhooks. What has not been sent when the server stops is
//! lost.

pub mod deliver;
pub mod event;
pub mod queue;
pub mod receiver;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::Notify;

use self::{
    deliver::{Delivery, Receiver},
    event::Event,
    queue::Queue,
    receiver::Received,
};
use super::app_event::{AppEvent, Observer};
use crate::config::{apps::AppSettings, webhooks::WebhookSettings};

/// Events of one application that may be on their way.
pub const IN_FLIGHT_MAX_EVENTS: usize = 10_000;
/// What they may cost, by [`Event::retained_bytes`].
pub const IN_FLIGHT_MAX_BYTES: usize = 16 << 20;

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Counters {
    delivered: AtomicU64,
    retried: AtomicU64,
    dropped: AtomicU64,
}

/// As they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Requests that a receiver said yes to.
    pub delivered_total: u64,
    /// Requests that were tried once more.
    pub retried_total: u64,
    /// Events that were given up: they did not fit, or their time was up.
    pub dropped_total: u64,
    /// Events that are on their way.
    pub queued: usize,
}

/// What is on its way, in events and bytes. Several receivers of one event count it each.
#[derive(Debug, Default)]
pub struct InFlight {
    events: AtomicUsize,
    bytes: AtomicUsize,
}

impl InFlight {
    fn add(&self, events: usize, bytes: usize) {
        self.events.fetch_add(events, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn sub(&self, events: usize, bytes: usize) {
        self.events.fetch_sub(events, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn is_full(&self) -> bool {
        self.events.load(Ordering::Relaxed) >= IN_FLIGHT_MAX_EVENTS
            || self.bytes.load(Ordering::Relaxed) >= IN_FLIGHT_MAX_BYTES
    }
}

/// An application's webhooks.
pub struct Webhooks {
    /// The application's.
    settings: Arc<AppSettings>,
    queue: Mutex<Queue>,
    /// Something was put into `queue`.
    changed: Notify,
    started: Instant,
    in_flight: Arc<InFlight>,
    counters: Arc<Counters>,
    /// There is a receiver. While there is none, nothing is queued.
    is_wanted: AtomicBool,
    receivers: Mutex<Receivers>,
    /// What the lab's own receiver got.
    pub received: Received,
}

#[derive(Default)]
struct Receivers {
    /// Those of the settings.
    configured: Vec<Receiver>,
    /// The demo application's, which can be moved while the lab runs.
    movable: Option<Receiver>,
    /// The lab's own receiver, if this is the demo application and has no others.
    own: Option<WebhookSettings>,
}

impl Webhooks {
    pub fn new(settings: &Arc<AppSettings>) -> Arc<Self> {
        Arc::new(Self {
            settings: settings.clone(),
            queue: Mutex::new(Queue::new(settings.batch_webhooks)),
            changed: Notify::new(),
            started: Instant::now(),
            in_flight: Arc::default(),
            counters: Arc::default(),
            is_wanted: AtomicBool::new(false),
            receivers: Mutex::default(),
            received: Received::default(),
        })
    }

    /// Starts sending; called once, inside a runtime. `lab_url`: where this lab's main lane is;
    /// `observer`: as in [`Self::point_at`].
    pub fn start(self: &Arc<Self>, observer: &Arc<impl Observer + 'static>, lab_url: &str) {
        {
            let mut receivers = self.receivers();
            let configured = self.settings.webhooks.iter().cloned();
            receivers.configured = configured
                .map(|settings| self.receiver(observer.clone(), settings, false))
                .collect();
            if self.settings.plain_channels && receivers.configured.is_empty() {
                let url = format!("{lab_url}{}{}", receiver::PATH, self.settings.id);
                receivers.own = Some(WebhookSettings::new(&url));
            }
            self.want(&receivers);
        }
        tokio::spawn(self.clone().gather());
    }

    pub fn sent(&self) -> Sent {
        let counters = &self.counters;
        Sent {
            delivered_total: counters.delivered.load(Ordering::Relaxed),
            retried_total: counters.retried.load(Ordering::Relaxed),
            dropped_total: counters.dropped.load(Ordering::Relaxed),
            queued: self.in_flight.events.load(Ordering::Relaxed),
        }
    }

    /// Addresses that webhooks go to.
    pub fn urls(&self) -> Vec<String> {
        let receivers = self.receivers();
        let configured = receivers.configured.iter().chain(&receivers.movable);
        let urls: Vec<_> = configured.map(|r| r.settings.shown_url()).collect();
        match &receivers.own {
            Some(own) if urls.is_empty() => vec![own.url.clone()],
            _ => urls,
        }
    }

    /// Sends the demo application's webhooks there from now on; `None`: to the lab's own receiver
    /// again. What is on its way to the last address is given up. `observer` is notified of what
    /// becomes of each request.
    pub fn point_at(&self, observer: Arc<dyn Observer>, settings: Option<WebhookSettings>) {
        let mut receivers = self.receivers();
        let settings = settings.or_else(|| receivers.own.clone());
        let is_own = settings == receivers.own;
        receivers.movable = settings.map(|settings| self.receiver(observer, settings, is_own));
        self.want(&receivers);
    }

    /// Somebody looks at the lab's own receiver: from now on it gets what there is. `observer`: as
    /// in [`Self::point_at`].
    pub fn wake(&self, observer: Arc<dyn Observer>) {
        let mut receivers = self.receivers();
        if receivers.movable.is_none()
            && let Some(own) = receivers.own.clone()
        {
            receivers.movable = Some(self.receiver(observer, own, true));
            self.want(&receivers);
        }
    }

    fn want(&self, receivers: &Receivers) {
        let is_wanted = !receivers.configured.is_empty() || receivers.movable.is_some();
        self.is_wanted.store(is_wanted, Ordering::Release);
    }

    fn receiver(
        &self,
        observer: Arc<dyn Observer>,
        settings: WebhookSettings,
        is_own: bool,
    ) -> Receiver {
        Receiver::spawn(
            self.settings.clone(),
            observer,
            settings,
            is_own,
            self.in_flight.clone(),
            self.counters.clone(),
        )
    }

    fn put(&self, event: Event) {
        if self.in_flight.is_full() {
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.in_flight.add(1, event.retained_bytes());
        let now_ms = self.now_ms();
        let untold = self.queue().put(event, now_ms);
        for event in untold {
            self.in_flight.sub(1, event.retained_bytes());
        }
        self.changed.notify_one();
    }

    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// Written by whoever happens to make something happen, read by the gathering task.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receivers(&self) -> MutexGuard<'_, Receivers> {
        self.receivers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes batches as their time comes and hands them to the receivers.
    async fn gather(self: Arc<Self>) {
        loop {
            let mut batches = VecDeque::new();
            let due_ms = {
                let mut queue = self.queue();
                let now_ms = self.now_ms();
                while let Some(batch) = queue.take(now_ms) {
                    batches.push_back(batch);
                }
                queue.due_ms()
            };
            for batch in batches {
                self.hand_on(&batch);
            }
            match due_ms {
                None => self.changed.notified().await,
                Some(due_ms) => {
                    let at = self.started + Duration::from_millis(due_ms);
                    let due = tokio::time::sleep_until(at.into());
                    tokio::select! {
                        () = due => {}
                        () = self.changed.notified() => {}
                    }
                }
            }
        }
    }

    fn hand_on(&self, batch: &[Event]) {
        let bytes = batch.iter().map(Event::retained_bytes).sum();
        self.in_flight.sub(batch.len(), bytes);
        let receivers = self.receivers();
        for receiver in receivers.configured.iter().chain(&receivers.movable) {
            let wanted: Vec<_> = batch
                .iter()
                .filter(|event| receiver.settings.wants(event.name(), event.channel()))
                .collect();
            if !wanted.is_empty() {
                receiver.put(Delivery::new(&wanted));
            }
        }
    }
}

impl Observer for Webhooks {
    fn on_event(&self, app_event: &AppEvent<'_>) {
        if self.is_wanted.load(Ordering::Acquire)
            && let Some(event) = Event::of(app_event)
        {
            self.put(event);
        }
    }
}
