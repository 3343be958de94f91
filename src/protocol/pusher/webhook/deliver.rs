//! One receiver of webhooks: requests in order, retries with exponential back-off (reference, 17).
//!
//! Events of one channel arrive in the order in which they happened, retries included: a receiver
//! that hears of a member's leaving before its coming would keep that member for ever. So a request
//! waits while an earlier one of the same channel waits for its next attempt; those of other
//! channels pass. What waits is bounded together with everything else in flight
//! ([`super::IN_FLIGHT_MAX_EVENTS`], [`super::IN_FLIGHT_MAX_BYTES`]).
//!
//! Any 2xx is success; everything else, a redirection included, is tried again after 1 s, 2 s, 4 s
//! … (at most a minute) until `webhook_retry_for` has passed since the first try, and then dropped
//! and counted. Body and signature are made at the first attempt and stay the same. So SDKs that
//! look at `time_ms` refuse what is older than five minutes, which is when the hosted service gives
//! up as well; the time that a request waited for an earlier one does not count.

use std::{
    collections::{HashSet, VecDeque},
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use awc::{
    Client, SendClientRequest,
    error::{ConnectError, SendRequestError},
    http::Method,
};
use bytes::Bytes;
use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use url::Url;

use super::{Counters, InFlight, event::Event};
use crate::{
    client::{ordinary, tls::Trust},
    clock,
    config::{apps::AppSettings, webhooks::WebhookSettings},
    protocol::pusher::app_event::{AppEvent, Observer},
};

/// Longest time between two tries.
const BACK_OFF_MAX: Duration = Duration::from_secs(60);
/// What of an answer is read, and for how long, so that the connection can be used again. What it
/// says is nobody's concern.
const ANSWER_MAX_BYTES: usize = 64 << 10;
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// One request to be made, the same however often it is tried.
pub struct Delivery {
    /// The list of events, as JSON.
    list: Vec<u8>,
    /// Body and signature, from the first try on.
    signed: Option<(Bytes, String)>,
    /// The channels of its events, each once.
    channels: Vec<Box<str>>,
    events: usize,
    attempts: u32,
    /// When it was first tried.
    first: Option<Instant>,
    /// Not before.
    due: Option<Instant>,
}

impl Delivery {
    pub fn new(events: &[&Event]) -> Self {
        let mut channels: Vec<Box<str>> = events.iter().map(|e| e.channel().into()).collect();
        channels.sort_unstable();
        channels.dedup();
        Self {
            // Texts and numbers: it serializes.
            list: serde_json::to_vec(events).unwrap_or_default(),
            signed: None,
            channels,
            events: events.len(),
            attempts: 0,
            first: None,
            due: None,
        }
    }

    /// Body and signature; made when they are asked for first. `now_ms` since the Unix epoch.
    fn signed(&mut self, app: &AppSettings, now_ms: u64) -> (Bytes, String) {
        let signed = self.signed.get_or_insert_with(|| {
            let mut body = format!("{{\"time_ms\":{now_ms},\"events\":").into_bytes();
            body.extend_from_slice(&self.list);
            body.push(b'}');
            let signature = app.secret.sign(&body);
            (body.into(), signature)
        });
        signed.clone()
    }

    /// What it counts as while it is on its way.
    fn bytes(&self) -> usize {
        self.list.len()
    }
}

/// A request that is being made. Dropped without an outcome it is given up, because the task may
/// end at any await.
struct Attempt<'a> {
    queue: &'a DeliveryQueue,
    delivery: Option<Delivery>,
}

impl Attempt<'_> {
    fn delivered(mut self) {
        if let Some(delivery) = self.delivery.take() {
            self.queue.in_flight.sub(delivery.events, delivery.bytes());
            self.queue
                .counters
                .delivered
                .fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tries again at that time, before what comes later.
    fn try_again(mut self, due: Instant) {
        if let Some(mut delivery) = self.delivery.take() {
            delivery.due = Some(due);
            self.queue.waiting().push_front(delivery);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            self.queue.in_flight.sub(delivery.events, delivery.bytes());
            self.queue.give_up(&delivery);
        }
    }
}

/// A receiver and the task that sends to it. Dropping it gives up what is on its way.
pub struct Receiver {
    pub settings: WebhookSettings,
    queue: Arc<DeliveryQueue>,
    task: JoinHandle<()>,
}

/// The requests that wait for one receiver.
struct DeliveryQueue {
    /// Those that were tried before come first. One that is not due yet lets others pass, but none
    /// of the same channel.
    waiting: Mutex<VecDeque<Delivery>>,
    changed: Notify,
    in_flight: Arc<InFlight>,
    counters: Arc<Counters>,
}

impl Receiver {
    /// `app`: whose webhooks they are; `observer` is notified of what becomes of each request.
    /// `is_own`: it is the lab's own, on this machine, whose certificate may be one that it signed
    /// itself.
    pub fn spawn(
        app: Arc<AppSettings>,
        observer: Arc<dyn Observer>,
        settings: WebhookSettings,
        is_own: bool,
        in_flight: Arc<InFlight>,
        counters: Arc<Counters>,
    ) -> Self {
        let queue = Arc::new(DeliveryQueue {
            waiting: Mutex::default(),
            changed: Notify::new(),
            in_flight,
            counters,
        });
        // Not `tokio::spawn`: the connections stay on their thread.
        let task = actix_rt::spawn(send_all(
            app,
            observer,
            settings.clone(),
            is_own,
            queue.clone(),
        ));
        Self {
            settings,
            queue,
            task,
        }
    }

    pub fn put(&self, delivery: Delivery) {
        let queue = &self.queue;
        if queue.in_flight.is_full() {
            return queue.give_up(&delivery);
        }
        queue.in_flight.add(delivery.events, delivery.bytes());
        queue.waiting().push_back(delivery);
        queue.changed.notify_one();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
        for delivery in self.queue.waiting().drain(..) {
            self.queue.in_flight.sub(delivery.events, delivery.bytes());
            self.queue.give_up(&delivery);
        }
    }
}

impl DeliveryQueue {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Delivery>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_up(&self, delivery: &Delivery) {
        let events = delivery.events as u64;
        self.counters.dropped.fetch_add(events, Ordering::Relaxed);
    }

    /// Takes the first that may go, or says until when none may.
    fn take(&self, now: Instant) -> Result<Delivery, Option<Instant>> {
        let mut waiting = self.waiting();
        match first_to_go(waiting.iter(), now) {
            Some(place) => waiting.remove(place).ok_or(None),
            None => Err(waiting.iter().filter_map(|delivery| delivery.due).min()),
        }
    }

    async fn next(&self) -> Delivery {
        loop {
            let changed = self.changed.notified();
            match self.take(Instant::now()) {
                Ok(delivery) => return delivery,
                Err(None) => changed.await,
                Err(Some(due)) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(due.into()) => {}
                    }
                }
            }
        }
    }
}

/// The first that is due and shares no channel with one before it.
fn first_to_go<'a>(waiting: impl Iterator<Item = &'a Delivery>, now: Instant) -> Option<usize> {
    let mut held_up: HashSet<&str> = HashSet::new();
    for (place, delivery) in waiting.enumerate() {
        let mut channels = delivery.channels.iter();
        let is_due = delivery.due.is_none_or(|due| due <= now);
        if is_due && !channels.any(|channel| held_up.contains(&**channel)) {
            return Some(place);
        }
        held_up.extend(delivery.channels.iter().map(|channel| &**channel));
    }
    None
}

async fn send_all(
    app: Arc<AppSettings>,
    observer: Arc<dyn Observer>,
    settings: WebhookSettings,
    is_own: bool,
    queue: Arc<DeliveryQueue>,
) {
    let (client, to) = match way_to(&settings, is_own, app.webhook_timeout.0) {
        Ok(way) => way,
        Err(error) => {
            return tracing::error!(%error, url = settings.shown_url(), "webhooks cannot be sent");
        }
    };
    let shown_url = settings.shown_url();
    loop {
        let mut delivery = queue.next().await;
        let first = *delivery.first.get_or_insert_with(Instant::now);
        delivery.attempts += 1;
        let (url, events, attempts) = (&*shown_url, delivery.events, delivery.attempts);
        if attempts > 1 {
            queue.counters.retried.fetch_add(1, Ordering::Relaxed);
        }
        let signed = delivery.signed(&app, clock::time_of_day_us() / 1_000);
        let request = request(&client, &to, &app, &settings, signed);
        let attempt = Attempt {
            queue: &queue,
            delivery: Some(delivery),
        };
        let Err(why) = send(request, &app).await else {
            attempt.delivered();
            observer.on_event(&AppEvent::WebhookDelivered {
                url,
                events,
                attempts,
            });
            continue;
        };
        let due = Instant::now() + back_off(app.webhook_first_retry.0, attempts);
        let is_dropped = due > first + app.webhook_retry_for.0;
        if is_dropped {
            tracing::warn!(url, why, "a webhook was given up after {attempts} tries");
            drop(attempt);
        } else {
            attempt.try_again(due);
        }
        observer.on_event(&AppEvent::WebhookFailed {
            url,
            events,
            attempts,
            why: &why,
            is_dropped,
        });
    }
}

fn back_off(first: Duration, attempts: u32) -> Duration {
    let factor = 1_u32 << attempts.saturating_sub(1).min(16);
    first.saturating_mul(factor).min(BACK_OFF_MAX.max(first))
}

fn way_to(
    settings: &WebhookSettings,
    is_own: bool,
    patience: Duration,
) -> Result<(Client, Url), Box<dyn Error>> {
    let trust = match is_own {
        true => Trust::Anything,
        false => Trust::BuiltIn,
    };
    let client = ordinary::client(&trust, patience, 0)?;
    Ok((client, Url::parse(&settings.url)?))
}

fn request(
    client: &Client,
    url: &Url,
    app: &AppSettings,
    settings: &WebhookSettings,
    (body, signature): (Bytes, String),
) -> SendClientRequest {
    let own = settings.headers.iter();
    own.fold(
        ordinary::request(client, Method::POST, url),
        |request, (name, value)| request.append_header((name.as_str(), value.as_str())),
    )
    // Exactly this: SDKs compare the whole value.
    .content_type("application/json")
    .insert_header(("X-Pusher-Key", app.key.as_str()))
    .insert_header(("X-Pusher-Signature", signature))
    .send_body(body)
}

/// One attempt; an error says why it failed.
async fn send(request: SendClientRequest, app: &AppSettings) -> Result<(), String> {
    let mut answer = request.await.map_err(|error| match error {
        SendRequestError::Timeout | SendRequestError::Connect(ConnectError::Timeout) => {
            format!("it did not answer within {}", app.webhook_timeout)
        }
        error => error.to_string(),
    })?;
    let _ = timeout(ANSWER_PATIENCE, answer.body().limit(ANSWER_MAX_BYTES)).await;
    match answer.status().is_success() {
        true => Ok(()),
        false => Err(format!("it answered {}", answer.status())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(channels: &[&str]) -> Delivery {
        let events: Vec<_> = channels
            .iter()
            .map(|channel| Event::ChannelOccupied {
                channel: (*channel).into(),
            })
            .collect();
        Delivery::new(&events.iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_follows_on_a_channel_waits_and_what_is_of_others_passes() {
        let now = Instant::now();
        let mut failed = of(&["a", "b"]);
        failed.due = Some(now + Duration::from_secs(1));
        let waiting = [failed, of(&["a"]), of(&["c", "b"]), of(&["c"]), of(&["d"])];
        let first = |at| first_to_go(waiting.iter(), at);
        // `c` waits behind the one that waits for `b`.
        assert_eq!(first(now), Some(4));
        assert_eq!(first(now + Duration::from_secs(1)), Some(0));
        assert_eq!(first_to_go(waiting[..4].iter(), now), None);
        assert_eq!(first_to_go(waiting[1..].iter(), now), Some(0));
    }

    #[test]
    fn body_and_signature_are_those_of_the_first_try() {
        let app = AppSettings::new("1", "k", "s");
        let mut delivery = of(&["a"]);
        let first = delivery.signed(&app, 5);
        let body = br#"{"time_ms":5,"events":[{"name":"channel_occupied","channel":"a"}]}"#;
        assert_eq!(first.0.as_ref(), body);
        assert_eq!(delivery.signed(&app, 9), first);
    }

    #[test]
    fn pauses_double_up_to_a_minute() {
        let pause = |attempts| back_off(Duration::from_secs(1), attempts).as_secs();
        assert_eq!([1, 2, 3, 7, 60].map(pause), [1, 2, 4, 60, 60]);
    }
}
