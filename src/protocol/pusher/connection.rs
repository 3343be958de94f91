//! One connection: what it is subscribed to, who it is signed in as, and where its frames go.
//!
//! Not here: what its client asks for, which is [`commands`](super::commands).

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::IpAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use rand::RngExt;
use serde_json::value::RawValue;

use super::{
    app::{App, CONTROL},
    app_event::AppEvent,
    close::{self, Closing},
    frame_sink::FrameSink,
    subscription_count,
    subscription_state::SubscriptionState,
    usage::ThreadCounters,
};
use crate::{
    catalogue::Form,
    channel::{ChannelName, Publication, history::Start},
    codec::pusher::event,
    disconnect::Disconnect,
    hub::{Attachment, Delivery, Subscriber},
    node::{Node, PresenceGuard},
};

/// In metrics, in place of the names of applications' own channels.
const OF_APPLICATIONS: &str = "(applications)";

/// A subscription. Dropping it ends it.
pub struct Subscription {
    pub(super) channel: ChannelName,
    /// On presence channels, who is there.
    pub(super) user_id: Option<Box<str>>,
    pub(super) _presence_guard: Option<PresenceGuard>,
    pub(super) _state: SubscriptionState,
}

/// Who a connection is signed in as.
pub struct SignedIn {
    /// The user's id.
    pub id: Box<str>,
    /// What the application's server says of the user, JSON.
    pub info: Option<Box<RawValue>>,
    pub(super) _control: Attachment,
    /// To the channels of those on its watchlist; `None` without one.
    pub(super) watchlist: Option<Vec<Attachment>>,
}

/// See the module. Subscription by its own task and, through its subscriptions, by the hub.
pub struct Connection {
    pub(super) app: Arc<App>,
    pub(super) node: Arc<Node>,
    pub(super) sink: Box<dyn FrameSink>,
    pub(super) transport: &'static str,
    pub(super) socket_id: Box<str>,
    /// The client's.
    pub(super) address: Option<IpAddr>,
    /// By the channel's name in the protocol. Boxed, since a table has room for four with its first.
    pub(super) subscriptions: RefCell<HashMap<Box<str>, Box<Subscription>>>,
    pub(super) user: RefCell<Option<SignedIn>>,
    /// Where subscriptions to come are to begin, by channel; see [`super::extension`].
    pub(super) positions: RefCell<HashMap<Box<str>, Start>>,
    /// Signed in, or let into a guarded channel.
    pub(super) is_authorized: Cell<bool>,
    pub(super) client_events: RefCell<RateLimit>,
    is_labelled: Cell<bool>,
    /// Where its deliveries are counted.
    usage: Arc<ThreadCounters>,
}

impl Connection {
    /// A connection that was just accepted; it says hello by `sink`.
    pub fn new(
        app: Arc<App>,
        node: Arc<Node>,
        sink: Box<dyn FrameSink>,
        transport: &'static str,
        address: Option<IpAddr>,
    ) -> Self {
        let mut random = rand::rng();
        let mut part = || random.random_range(1..10_000_000_000_u64);
        Self {
            client_events: RefCell::new(RateLimit::new(app.settings.client_events_per_s)),
            usage: app.usage.thread_counters(),
            app,
            node,
            sink,
            transport,
            address,
            socket_id: format!("{}.{}", part(), part()).into(),
            subscriptions: RefCell::default(),
            user: RefCell::default(),
            positions: RefCell::default(),
            is_authorized: Cell::new(false),
            is_labelled: Cell::new(false),
        }
    }

    /// Sends the first frame, and closes the connection later if it has not signed in by then,
    /// where the application wants that.
    pub fn established(self: &Rc<Self>) {
        let settings = &self.app.settings;
        let activity_timeout_s = settings.activity_timeout.0.as_secs();
        self.send(|out| event::connection_established(&self.socket_id, activity_timeout_s, out));
        self.app.webhooks.wake(self.app.clone());
        self.app.notify(AppEvent::Connected {
            socket_id: &self.socket_id,
            transport: self.transport,
        });
        if let Some(within) = settings.sign_in_within {
            let connection = Rc::downgrade(self);
            actix_rt::spawn(async move {
                actix_rt::time::sleep(within.0).await;
                if let Some(connection) = connection.upgrade()
                    && !connection.is_authorized.get()
                {
                    connection.close(close::UNAUTHORIZED);
                }
            });
        }
    }

    pub(super) fn send(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut write = Some(write);
        self.sink.send(&mut |out| {
            if let Some(write) = write.take() {
                write(out);
            }
        });
    }

    pub(super) fn error(&self, code: Option<u16>, message: &str) {
        self.send(|out| event::error(code, message, out));
        self.app.notify(AppEvent::Refused {
            socket_id: &self.socket_id,
            code,
            message,
        });
    }

    pub(super) fn close(&self, closing: Closing) {
        self.error(Some(closing.code), closing.why);
        self.sink.close(closing.code, closing.why);
    }

    /// The metrics of a connection are those of the first channel it asks for, in the form in which it
    /// takes that. Every visitor may
    /// see them, so an application's own channels are not named.
    pub(super) fn label(&self, channel: &ChannelName, form: Form) {
        if !self.is_labelled.replace(true) {
            let is_everybodys = channel.scope().is_empty();
            let name = match is_everybodys {
                true => channel.as_str(),
                false => OF_APPLICATIONS,
            };
            self.sink.name_channel(name, form);
        }
    }

    /// Whether its publisher excluded this connection, which is mostly its own.
    pub(super) fn is_own(&self, publication: &Publication) -> bool {
        let origin = publication.origin.as_ref();
        origin
            .and_then(|origin| origin.exclude.as_deref())
            .is_some_and(|exclude| *exclude == *self.socket_id)
    }

    /// Hands a delivery to the sink and counts it; in several runs where publications in the middle
    /// are left out.
    pub(super) fn hand_over(
        &self,
        delivery: Delivery<'_>,
        is_left_out: impl Fn(&Publication) -> bool,
        to_sink: impl Fn(Delivery<'_>),
    ) {
        let hand_over = |run: Delivery<'_>| {
            self.usage.delivered(run);
            to_sink(run);
        };
        if delivery.publications().any(|p| is_left_out(p)) {
            delivery.only(|p| !is_left_out(p)).for_each(hand_over);
        } else {
            hand_over(delivery);
        }
    }

    /// The connection is over: its subscriptions end, and the remaining subscribers are notified of
    /// their count.
    pub fn end(&self) {
        let subscriptions = self.subscriptions.take();
        self.user.take();
        let channels: Vec<_> = subscriptions
            .values()
            .map(|subscription| subscription.channel.clone())
            .collect();
        drop(subscriptions);
        for channel in channels {
            subscription_count::changed(&self.app, &self.node, &channel);
        }
    }
}

impl Subscriber for Connection {
    fn deliver(&self, delivery: Delivery<'_>) {
        let is_control = delivery
            .publications()
            .any(|p| p.channel.local().starts_with(CONTROL));
        if is_control {
            return self.close(close::UNAUTHORIZED);
        }
        self.hand_over(delivery, |p| self.is_own(p), |run| self.sink.deliver(run));
    }

    fn deliver_ephemeral(&self, delivery: Delivery<'_>) {
        self.usage.delivered(delivery);
        self.sink.deliver(delivery);
    }

    fn disconnect(&self, reason: Disconnect) {
        self.sink.disconnect(reason);
    }
}

/// Drops the subscriptions when the connection's task ends, in whatever way: they hold the
/// connection, which would never be freed otherwise.
pub struct ConnectionGuard(pub Rc<Connection>);

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.user.take();
        self.0.subscriptions.take();
        self.0.app.notify(AppEvent::Disconnected {
            socket_id: &self.0.socket_id,
        });
    }
}

/// A rate limit: so many in every second, counted from the first.
pub struct RateLimit {
    per_s: u32,
    since: Option<Instant>,
    count: u32,
}

impl RateLimit {
    /// A bucket that holds one second's worth.
    pub fn new(per_s: u32) -> Self {
        Self {
            per_s,
            since: None,
            count: 0,
        }
    }

    /// Whether one more is within the rate now.
    pub fn take(&mut self, now: Instant) -> bool {
        let is_over = self
            .since
            .is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1));
        if is_over {
            self.since = Some(now);
            self.count = 0;
        }
        self.count += 1;
        self.count <= self.per_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_in_a_burst_are_ten_and_twenty_refusals() {
        let mut rate = RateLimit::new(10);
        let start = Instant::now();
        assert_eq!((0..30).filter(|_| rate.take(start)).count(), 10);
        assert!(!rate.take(start + Duration::from_millis(999)));
        assert!(rate.take(start + Duration::from_secs(1)));
    }
}
