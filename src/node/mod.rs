//! The one place that publishes, subscribes, recovers and keeps presence.
//!
//! Owns the [`Hub`] (subscribers of this process) and talks to a [`Broker`] (history, other nodes).
//! Transports and protocols use the node and nothing behind it.
//!
//! Presence: streams and sockets hold a [`PresenceGuard`] while they are open; pollers are present
//! until a stated instant. Joins and leaves on `presence-` channels are ordinary publications
//! (`pushlab:join`, `pushlab:leave`), so every transport delivers them in order and recovers them.
//! One task publishes all of them, so it knows the members at each position of the channel. A
//! newcomer gets the members and that position ([`Node::enter_with_snapshot`]): it learns of every
//! other member exactly once, from the snapshot or from a later join.
//!
//! The latest publication of a channel that keeps it ([`ChannelName::keeps_latest`]) is stored
//! under the broker's lock of the channel, so that position and latest agree.
//!
//! May use: `clock`, `disconnect`, `network`, `channel`, `hub`, `broker`.

mod announcements;
mod connected;
mod openers;
mod presence;
mod rates;
mod session_quota;

use std::{
    collections::HashMap,
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize},
    },
};

use serde_json::value::RawValue;
use tokio::sync::{Notify, mpsc};

pub use crate::broker::Kept;

pub use self::{
    announcements::PresenceSnapshot,
    connected::Connected,
    presence::{PresenceGuard, Who},
    session_quota::SessionPermit,
};
use self::{
    announcements::{ANNOUNCEMENTS_MAX, Announcement, run_housekeeping},
    openers::Openers,
    presence::Audience,
    rates::PublishRates,
    session_quota::SessionQuota,
};
use crate::{
    broker::{
        Broker, BrokerError, BrokerFuture, Surroundings,
        memory::{MemoryBroker, MemoryLimits},
    },
    channel::{
        CLEARED_EVENT, ChannelName, Draft, LEAVE_EVENT, Publication, StreamPosition,
        history::{Recovery, Start},
        latest::Latest,
        observer::{ChannelObserver, Published},
    },
    clock,
    hub::{Attachment, Hub, Subscriber, coalesce::Coalesce, rounds::Rounds},
};

/// Bytes that the stored latest publications of all channels may take together.
const LATEST_MAX_BYTES: usize = 32 << 20;

/// Bounds of a node, and how its hub delivers within them.
#[derive(Debug, Clone, Copy)]
pub struct NodeLimits {
    /// Of channels and histories.
    pub broker: MemoryLimits,
    /// Members that one channel may have.
    pub presence_max_members: usize,
    /// Age at which the latest publication of a channel that keeps it is forgotten, µs.
    pub latest_max_age_us: u64,
    /// How publications are put together into writes.
    pub coalesce: Coalesce,
    /// Publications per second that one address may make; 0: no limit.
    pub publish_rate: u32,
    /// Channels that one address may have opened; 0: no limit.
    pub max_channels_per_address: usize,
    /// Sessions that one address may have open without a connection of their own.
    pub max_sessions_per_address: usize,
}

/// Why a node refuses a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The broker does.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The channel has so many members, and may have no more.
    #[error("the channel is full: {0} members are the most it may have")]
    TooManyMembers(usize),
    /// This address has so many members in the channel, and may have no more (429).
    #[error("{0} members of the channel came from this address, the most it may have")]
    TooManyMembersOfAddress(usize),
    /// The node stops.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// This address publishes too fast: so many a second are allowed (429).
    #[error("this address publishes too fast; it may publish again in {} ms", .0.div_ceil(1_000))]
    TooFast(u64),
    /// This address has so many channels open, and may have no more (429).
    #[error(
        "this address has opened {0} channels, the most it may have, and all of them are in use"
    )]
    TooManyChannelsOfAddress(usize),
    /// The channel belongs to a class, and only the class may publish there.
    #[error("only the lesson publishes on {0:?} while a class is on")]
    OfTheClass(String),
    /// The channel is the lab's own, and only the lab may publish there.
    #[error("the lab itself publishes on {0:?}, and pages show it as measured")]
    OfTheLab(String),
}

/// Whose a channel is on which visitors do not publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// The lesson's, as long as the class is on.
    Class,
    /// The lab's: its figures, or what a source publishes.
    Lab,
}

/// A node's task, which whoever makes it spawns.
pub type Housekeeping = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whether a channel is the lab's own now, so that visitors do not publish there.
pub type IsOwn = Box<dyn Fn(&ChannelName) -> Option<Own> + Send + Sync>;

/// See the module.
pub struct Node {
    hub: Arc<Hub>,
    broker: Arc<dyn Broker>,
    latest: Arc<Latest>,
    audiences: Arc<Mutex<HashMap<ChannelName, Audience>>>,
    announcements: mpsc::Sender<Announcement>,
    announcements_dropped: AtomicU64,
    presence_max_members: usize,
    rates: PublishRates,
    openers: Openers,
    sessions: Arc<SessionQuota>,
    shutting_down: AtomicBool,
    /// Open connections; a stop waits until there are none.
    open_connections: AtomicUsize,
    connection_closed: Notify,
    /// Notified of joins and leaves by the announcing task, of publications by
    /// [`Self::publish_by`].
    observer: OnceLock<Arc<dyn ChannelObserver>>,
    /// See [`Self::set_own`].
    is_own: Arc<OnceLock<IsOwn>>,
}

impl Node {
    /// A node with the memory broker; see [`Self::with_broker`].
    pub fn new(limits: NodeLimits) -> (Arc<Self>, Housekeeping) {
        let in_memory = move |around| MemoryBroker::new(limits.broker, around);
        let made = Self::with_broker(limits, move |around| Ok(Arc::new(in_memory(around)) as _));
        made.unwrap_or_else(|never: Infallible| match never {})
    }

    /// A node with the broker that `make` makes, and its housekeeping task (publishes joins and
    /// leaves, drops what has expired), which the caller spawns.
    pub fn with_broker<E>(
        limits: NodeLimits,
        make: impl FnOnce(Surroundings) -> Result<Arc<dyn Broker>, E>,
    ) -> Result<(Arc<Self>, Housekeeping), E> {
        let hub = Arc::new(Hub::new(limits.coalesce));
        let latest = Arc::new(Latest::new(
            limits.broker.max_channels,
            limits.latest_max_age_us,
            LATEST_MAX_BYTES,
        ));
        let audiences = Arc::<Mutex<HashMap<_, Audience>>>::default();
        let is_own = Arc::<OnceLock<IsOwn>>::default();
        let reserved_by = is_own.clone();
        let (heard_by, polled_by) = (hub.clone(), audiences.clone());
        let (to_hub, to_latest) = (hub.clone(), latest.clone());
        let found_latest = latest.clone();
        let broker = make(Surroundings {
            on_publication: Box::new(move |publication| {
                to_latest.note(publication, clock::now_us());
                to_hub.broadcast(publication);
            }),
            on_found: Box::new(move |publication, since_us| {
                found_latest.note(publication, since_us);
            }),
            has_audience: Box::new(move |channel| {
                heard_by.subscribers(channel) > 0 || lock(&polled_by).contains_key(channel)
            }),
            is_reserved: Box::new(move |channel| is_of_lab(&reserved_by, channel)),
        })?;
        let (announcements, to_announce) = mpsc::channel(ANNOUNCEMENTS_MAX);
        let node = Arc::new(Self {
            hub,
            broker,
            latest,
            audiences,
            announcements,
            announcements_dropped: AtomicU64::new(0),
            presence_max_members: limits.presence_max_members,
            rates: PublishRates::new(limits.publish_rate),
            openers: Openers::new(limits.max_channels_per_address),
            sessions: SessionQuota::new(limits.max_sessions_per_address),
            shutting_down: AtomicBool::new(false),
            open_connections: AtomicUsize::new(0),
            connection_closed: Notify::new(),
            observer: OnceLock::new(),
            is_own,
        });
        let housekeeping = Box::pin(run_housekeeping(node.clone(), to_announce));
        Ok((node, housekeeping))
    }

    /// Sets who is notified of changes in channels. Only the first call has an effect; make it
    /// before anybody subscribes.
    pub fn set_observer(&self, observer: Arc<dyn ChannelObserver>) {
        self.hub.set_observer(observer.clone());
        let _ = self.observer.set(observer);
    }

    /// Whether this address may use the channel: an existing one, one of the lab's own, or one more
    /// that it opens.
    /// `None`: not counted (the lab itself, an application's server). Call it before the channel is
    /// used in any way: what others than its opener use is not removed for the opener's next
    /// channel (`Openers`).
    pub fn may_use(&self, channel: &ChannelName, address: Option<IpAddr>) -> Result<(), NodeError> {
        let is_there = || self.broker.keeps(channel) || is_of_lab(&self.is_own, channel);
        if address.is_none() || is_there() {
            self.openers.used(address, channel);
            return Ok(());
        }
        let give_up = |idle: &ChannelName| !self.has_audience(idle) && self.broker.give_up(idle);
        let opened = self.openers.open(address, channel, give_up);
        opened.map_err(NodeError::TooManyChannelsOfAddress)
    }

    /// A permit for one more session of this address that has no connection of its own, or `None`
    /// if the address has too many. Keep it as long as the session is open.
    pub fn reserve_session(&self, address: Option<IpAddr>) -> Option<SessionPermit> {
        self.sessions.take(address)
    }

    /// Sets which channels only the lab itself publishes on. Only the first call has an effect.
    pub fn set_own(&self, is_own: IsOwn) {
        let _ = self.is_own.set(is_own);
    }

    /// Whether a visitor's words may go to the channel at all: to none of the lab's own
    /// ([`Self::set_own`]).
    pub fn may_be_heard(&self, channel: &ChannelName) -> Result<(), NodeError> {
        let own = self.is_own.get().and_then(|own| own(channel));
        let name = || channel.as_str().to_owned();
        match own {
            None => Ok(()),
            Some(Own::Class) => Err(NodeError::OfTheClass(name())),
            Some(Own::Lab) => Err(NodeError::OfTheLab(name())),
        }
    }

    /// Whether this address may publish now, and to this channel. `None`: not counted.
    pub fn may_publish(
        &self,
        channel: &ChannelName,
        address: Option<IpAddr>,
    ) -> Result<(), NodeError> {
        self.may_be_heard(channel)?;
        let taken = self.rates.take(address, clock::now_us());
        taken.map_err(NodeError::TooFast)?;
        self.may_use(channel, address)
    }

    /// Publishes and returns the position; if the draft's id is known, that of the first
    /// publication.
    pub async fn publish(
        &self,
        channel: &ChannelName,
        draft: Draft,
    ) -> Result<StreamPosition, NodeError> {
        Ok(self.publishing(channel, draft).await?)
    }

    /// As [`Self::publish`], and it has its place among the others when this returns; the answer may
    /// come later.
    fn publishing<'a>(
        &'a self,
        channel: &'a ChannelName,
        mut draft: Draft,
    ) -> BrokerFuture<'a, StreamPosition> {
        draft.published_us = Some(clock::time_of_day_us());
        self.broker.publish(channel, draft, clock::now_us())
    }

    /// As [`Self::publish`], and notifies the observer, with how it came (see [`Published::by`]).
    /// Protocols that report their own publications use [`Self::publish`].
    pub async fn publish_by(
        &self,
        channel: &ChannelName,
        draft: Draft,
        by: &'static str,
    ) -> Result<StreamPosition, NodeError> {
        let observer = self
            .observer
            .get()
            .filter(|observer| observer.wants_publications(channel));
        let Some(observer) = observer else {
            return self.publish(channel, draft).await;
        };
        let shown = draft.clone();
        let position = self.publish(channel, draft).await?;
        observer.published(&Published {
            channel,
            event: &shown.event,
            data: &shown.data,
            subscribers: self.hub.subscribers(channel),
            by,
        });
        Ok(position)
    }

    /// Empties a channel: its history begins another life, and whoever listens gets
    /// [`CLEARED_EVENT`]. Returns where the new life stands.
    pub async fn clear(&self, channel: &ChannelName) -> Result<StreamPosition, NodeError> {
        let data = RawValue::from_string("{}".to_owned()).expect("an empty object is JSON");
        let mut notice = Draft::new(CLEARED_EVENT, data);
        notice.published_us = Some(clock::time_of_day_us());
        Ok(self.broker.clear(channel, notice, clock::now_us()).await?)
    }

    /// Sends an ephemeral publication to the present subscribers, after what was published before.
    /// It gets no position and is neither stored nor recovered. Only protocols that have a message
    /// for it pass it on ([`Subscriber::deliver_ephemeral`]).
    pub fn publish_ephemeral(&self, channel: &ChannelName, event: &str, data: Box<RawValue>) {
        let publication =
            Publication::ephemeral(channel.clone(), event, data, clock::time_of_day_us());
        self.hub.broadcast(&Arc::new(publication));
    }

    /// The publications that a subscriber needs which starts there.
    pub async fn recover(
        &self,
        channel: &ChannelName,
        start: &Start,
    ) -> Result<Recovery, NodeError> {
        Ok(self.broker.recover(channel, start, clock::now_us()).await?)
    }

    /// Attaches a subscriber of this thread. Afterwards call [`Self::recover`], hand over what it
    /// found, and then call [`Attachment::go_live`].
    pub fn attach(&self, channel: &ChannelName, subscriber: Rc<dyn Subscriber>) -> Attachment {
        self.hub.shard().attach(channel, subscriber)
    }

    /// When this thread writes to its clients: see [`Hub::rounds`].
    pub fn rounds(&self) -> Option<Rc<Rounds>> {
        self.hub.rounds()
    }

    /// The latest publication of a channel that keeps it, unless it has expired, and for how many
    /// µs more it is stored.
    pub fn latest(&self, channel: &ChannelName) -> Option<(Arc<Publication>, u64)> {
        self.latest.of(channel, clock::now_us())
    }

    /// Channels with subscriptions whose names `wanted` lets through, and how many.
    pub fn occupied(&self, wanted: impl Fn(&ChannelName) -> bool) -> Vec<(ChannelName, usize)> {
        self.hub.occupied(wanted)
    }

    /// Streams and sockets subscribed to the channel.
    pub fn subscribers(&self, channel: &ChannelName) -> usize {
        self.hub.subscribers(channel)
    }

    /// Whether anybody listens to the channel, by stream, socket or poll.
    pub fn has_audience(&self, channel: &ChannelName) -> bool {
        self.hub.subscribers(channel) > 0 || self.audiences().contains_key(channel)
    }

    /// What an answered publication survives; `None`: nothing but the process living on.
    pub fn kept(&self) -> Option<Kept> {
        self.broker.kept()
    }

    /// Writes what is still to be written; see [`Broker::close`]. Blocks.
    pub fn close(&self) {
        self.broker.close();
    }

    /// How many channels the node has.
    pub fn channels(&self) -> usize {
        self.broker.channels()
    }

    fn tidy_up(&self) {
        let now_us = clock::now_us();
        {
            let mut audiences = self.audiences();
            audiences.retain(|channel, audience| {
                for change in audience.presence.expire(now_us) {
                    self.announce(channel, LEAVE_EVENT, change);
                }
                if audience.polled_until_us <= now_us {
                    audience.polled_until_us = 0;
                }
                !audience.presence.is_empty() || audience.polled_until_us > 0
            });
        }
        self.latest.tidy_up(now_us);
        self.broker
            .tidy_up(now_us, &|channel| self.has_audience(channel));
        self.openers.tidy_up(|channel| self.broker.keeps(channel));
    }
}

/// Whether the lab itself publishes there now ([`Node::set_own`]).
fn is_of_lab(is_own: &OnceLock<IsOwn>, channel: &ChannelName) -> bool {
    is_own.get().is_some_and(|own| own(channel).is_some())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
