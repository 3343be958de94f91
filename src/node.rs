//! The one place that publishes, subscribes, recovers and keeps presence.
//!
//! Owns the [`Hub`] (subscribers of this process) and talks to a [`Broker`] (history, other
//! nodes). Transports and protocols know the node and nothing behind it.
//!
//! Presence: streams and sockets hold a [`Visit`] while they are open; pollers are present until
//! a stated instant. Joins and leaves on `presence-` channels are publications like any other
//! (`pushlab:join`, `pushlab:leave`), so every transport hears them in order and recovers them.
//! One task publishes them all, and so can say at which position of the channel its members were
//! exactly these ([`Node::enter_and_look`]): whoever joins learns of everybody else either there
//! or by a later join, never by both and never by neither.
//!
//! On channels that keep their latest publication ([`ChannelName::keeps_latest`]) it is noted
//! under the broker's lock of the channel, so that position and latest agree.

mod openers;
mod rates;
mod shares;

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{Notify, mpsc, oneshot};

pub use self::shares::Share;
use self::{openers::Openers, rates::PublishRates, shares::Shares};
use crate::{
    broker::{
        Broker, BrokerError,
        memory::{MemoryBroker, MemoryLimits},
    },
    channel::{
        ChannelName, Draft, JOIN_EVENT, LEAVE_EVENT, Publication, StreamPosition,
        history::{Recovery, Start},
        latest::Latest,
        presence::{Change, Member, Presence, Via},
        watch::{Published, Watch},
    },
    clock,
    disconnect::Disconnect,
    hub::{Attachment, Hub, Registration, Subscriber, coalesce::Coalesce},
};

/// Joins and leaves that may wait to be published; more are dropped and counted.
const ANNOUNCEMENTS_MAX: usize = 65_536;
/// Bytes of the latest publications of all channels that keep them.
const LATEST_MAX_BYTES: usize = 32 << 20;
/// How often pollers and histories are looked through for what is over.
const TIDY_UP_EVERY: Duration = Duration::from_millis(250);

/// Bounds of a node, and how its hub delivers within them.
#[derive(Debug, Clone, Copy)]
pub struct NodeLimits {
    pub broker: MemoryLimits,
    /// Members that one channel may have.
    pub presence_max_members: usize,
    /// Age at which the latest publication of a channel that keeps it is forgotten, µs.
    pub latest_max_age_us: u64,
    pub coalesce: Coalesce,
    /// Publications a second that one address may make; 0: any number.
    pub publish_rate: u32,
    /// Channels that one address may have opened; 0: any number.
    pub max_channels_per_address: usize,
    /// Sessions that one address may have open without a connection of their own.
    pub max_sessions_per_address: usize,
}

/// A client that wants to be seen in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// `[A-Za-z0-9_\-=@,.;]{1,64}`.
    pub client: Box<str>,
    pub name: Box<str>,
}

/// Why a node refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("the channel has {0} members, as many as it may have")]
    TooManyMembers(usize),
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("this address publishes too fast: the next may come in {} ms", .0.div_ceil(1_000))]
    TooFast(u64),
    #[error("this address has opened {0} channels, all of them in use, and may have no more")]
    TooManyChannelsOfAddress(usize),
}

/// Who is around in a channel.
#[derive(Default)]
struct Audience {
    presence: Presence,
    /// Somebody polls, known by name or not, and counts as listening until then.
    polled_until_us: u64,
}

/// What the announcing task is asked to do, in this order.
enum Announcement {
    /// Publish a join or a leave.
    Changed {
        channel: ChannelName,
        event: &'static str,
        change: Change,
    },
    /// A member says something new of itself; nobody is told until they look.
    Renewed {
        channel: ChannelName,
        change: Change,
    },
    Look {
        channel: ChannelName,
        reply: oneshot::Sender<Result<Look, NodeError>>,
    },
}

/// A presence channel at one position: after the publications up to there, these are its members.
#[derive(Debug)]
pub struct Look {
    /// Sorted by client id.
    pub members: Vec<Change>,
    pub position: StreamPosition,
}

/// Members by channel, as announced so far. Only the announcing task has it.
type Announced = HashMap<ChannelName, BTreeMap<Box<str>, Change>>;

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
    sessions: Arc<Shares>,
    shutting_down: AtomicBool,
    /// Connections that a stop waits for.
    open_connections: AtomicUsize,
    connection_closed: Notify,
    /// Told of joins and leaves by the announcing task.
    watch: OnceLock<Arc<dyn Watch>>,
}

impl Node {
    /// A node with the memory broker, and the task that publishes its joins and leaves and
    /// forgets what is over; the caller spawns it.
    pub fn new(limits: NodeLimits) -> (Arc<Self>, impl Future<Output = ()> + Send) {
        let hub = Arc::new(Hub::new(limits.coalesce));
        let latest = Arc::new(Latest::new(
            limits.broker.max_channels,
            limits.latest_max_age_us,
            LATEST_MAX_BYTES,
        ));
        let audiences = Arc::<Mutex<HashMap<_, Audience>>>::default();
        let (heard_by, polled_by) = (hub.clone(), audiences.clone());
        let (to_hub, to_latest) = (hub.clone(), latest.clone());
        let broker = Arc::new(MemoryBroker::new(
            limits.broker,
            Box::new(move |publication| {
                to_latest.note(publication, clock::now_us());
                to_hub.broadcast(publication);
            }),
            Box::new(move |channel| {
                heard_by.subscribers(channel) > 0 || lock(&polled_by).contains_key(channel)
            }),
        ));
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
            sessions: Shares::new(limits.max_sessions_per_address),
            shutting_down: AtomicBool::new(false),
            open_connections: AtomicUsize::new(0),
            connection_closed: Notify::new(),
            watch: OnceLock::new(),
        });
        let housekeeping = keep_house(node.clone(), to_announce);
        (node, housekeeping)
    }

    /// Who is told of what changes in channels; the first call counts. Call it before anybody
    /// subscribes.
    pub fn watched_by(&self, watch: Arc<dyn Watch>) {
        self.hub.watched_by(watch.clone());
        let _ = self.watch.set(watch);
    }

    /// Whether somebody at this address may use the channel: one that exists, or one more of its
    /// own. `None` is nobody of elsewhere. Ask before the channel is used in any way: what others
    /// than its opener have used is kept from them ([`Openers`]).
    pub fn may_use(&self, channel: &ChannelName, address: Option<IpAddr>) -> Result<(), NodeError> {
        if address.is_none() || self.broker.keeps(channel) {
            self.openers.used(address, channel);
            return Ok(());
        }
        let give_up = |idle: &ChannelName| !self.has_audience(idle) && self.broker.give_up(idle);
        let opened = self.openers.open(address, channel, give_up);
        opened.map_err(NodeError::TooManyChannelsOfAddress)
    }

    /// Room for one more session of this address that needs no connection to stay, if it may have
    /// one; held as long as the session is open.
    pub fn room_for_session(&self, address: Option<IpAddr>) -> Option<Share> {
        self.sessions.take(address)
    }

    /// Whether somebody at this address may publish one more there; `None` is nobody of elsewhere.
    pub fn may_publish(
        &self,
        channel: &ChannelName,
        address: Option<IpAddr>,
    ) -> Result<(), NodeError> {
        let taken = self.rates.take(address, clock::now_us());
        taken.map_err(NodeError::TooFast)?;
        self.may_use(channel, address)
    }

    /// Publishes and answers the position: the first one, if the draft's id is known.
    pub async fn publish(
        &self,
        channel: &ChannelName,
        mut draft: Draft,
    ) -> Result<StreamPosition, NodeError> {
        draft.published_us = Some(clock::time_of_day_us());
        let now_us = clock::now_us();
        Ok(self.broker.publish(channel, draft, now_us).await?)
    }

    /// As [`Self::publish`], and whoever watches is told of it and of how it came (see
    /// [`Published::by`]). Protocols that report their own publications use [`Self::publish`].
    pub async fn publish_by(
        &self,
        channel: &ChannelName,
        draft: Draft,
        by: &'static str,
    ) -> Result<StreamPosition, NodeError> {
        let watch = self.watch.get().filter(|watch| watch.looks_at(channel));
        let Some(watch) = watch else {
            return self.publish(channel, draft).await;
        };
        let shown = draft.clone();
        let position = self.publish(channel, draft).await?;
        watch.published(&Published {
            channel,
            event: &shown.event,
            data: &shown.data,
            subscribers: self.hub.subscribers(channel),
            by,
        });
        Ok(position)
    }

    /// Tells whoever is subscribed, after what was published before, something that is nothing of
    /// the channel's: it gets no position and is neither kept nor recovered. Only protocols with a
    /// form for it pass it on ([`Subscriber::deliver_told`]).
    pub fn tell(&self, channel: &ChannelName, event: &str, data: Box<RawValue>) {
        let told = Publication::told(channel.clone(), event, data, clock::time_of_day_us());
        self.hub.broadcast(&Arc::new(told));
    }

    /// What a subscriber that starts there is to be given.
    pub async fn recover(
        &self,
        channel: &ChannelName,
        start: &Start,
    ) -> Result<Recovery, NodeError> {
        Ok(self.broker.recover(channel, start, clock::now_us()).await?)
    }

    /// Attaches a subscriber of this thread; then [`Self::recover`], hand over what it found, and
    /// [`Attachment::go_live`].
    pub fn attach(&self, channel: &ChannelName, subscriber: Rc<dyn Subscriber>) -> Attachment {
        self.hub.shard().attach(channel, subscriber)
    }

    /// Makes a connection known that a stop must end and wait for. Refused once the node stops.
    pub fn register(
        self: &Arc<Self>,
        connection: Rc<dyn Subscriber>,
    ) -> Result<Connected, NodeError> {
        self.open_connections.fetch_add(1, Ordering::AcqRel);
        let connected = Connected {
            node: self.clone(),
            _registration: self.hub.shard().register_connection(connection),
        };
        if self.is_shutting_down() {
            return Err(NodeError::ShuttingDown);
        }
        Ok(connected)
    }

    /// A stream or socket of `who` is open until the visit is dropped.
    pub fn enter(
        self: &Arc<Self>,
        channel: &ChannelName,
        who: &Who,
        via: Via,
    ) -> Result<Visit, NodeError> {
        self.change_presence(
            channel,
            |presence, now_us| presence.hold(&who.client, &who.name, via, now_us),
            who,
        )?;
        Ok(Visit {
            node: self.clone(),
            channel: channel.clone(),
            client: who.client.clone(),
            via,
        })
    }

    /// As [`Self::enter`] on a presence channel, with what the member says of itself, and then
    /// who is there. Attach before and go live from the position of the look: every later join
    /// and leave arrives, and none that is in the look.
    pub async fn enter_and_look(
        self: &Arc<Self>,
        channel: &ChannelName,
        who: &Who,
        info: Option<Box<RawValue>>,
        via: Via,
        max_members: usize,
    ) -> Result<(Visit, Look), NodeError> {
        {
            let mut audiences = self.audiences();
            let presence = &mut audiences.entry(channel.clone()).or_default().presence;
            let max_members = max_members.min(self.presence_max_members);
            let is_new = !presence.contains(&who.client);
            if is_new && presence.len() >= max_members {
                return Err(NodeError::TooManyMembers(presence.len()));
            }
            let now_us = clock::now_us();
            match presence.hold_with_info(&who.client, &who.name, info, via, now_us) {
                Some(joined) => self.announce(channel, JOIN_EVENT, joined),
                None => {
                    if let Some(change) = presence.announced(&who.client) {
                        let channel = channel.clone();
                        self.ask(Announcement::Renewed { channel, change });
                    }
                }
            }
        }
        let visit = Visit {
            node: self.clone(),
            channel: channel.clone(),
            client: who.client.clone(),
            via,
        };
        let (reply, look) = oneshot::channel();
        let channel = channel.clone();
        // Waits for its turn where the others are dropped: nobody may be let in without a look.
        let asked = self
            .announcements
            .send(Announcement::Look { channel, reply });
        asked.await.map_err(|_| NodeError::ShuttingDown)?;
        let look = look.await.map_err(|_| NodeError::ShuttingDown)??;
        Ok((visit, look))
    }

    /// The latest publication of a channel that keeps it, unless that is too long ago, and for
    /// how many µs more it is kept.
    pub fn latest(&self, channel: &ChannelName) -> Option<(Arc<Publication>, u64)> {
        self.latest.of(channel, clock::now_us())
    }

    /// Channels with subscriptions whose names `wanted` lets through, and how many.
    pub fn occupied(&self, wanted: impl Fn(&ChannelName) -> bool) -> Vec<(ChannelName, usize)> {
        self.hub.occupied(wanted)
    }

    /// A poller has asked: it counts as listening for `stays`, and as present if it said who.
    pub fn polled(
        &self,
        channel: &ChannelName,
        who: Option<&Who>,
        via: Via,
        stays: Duration,
    ) -> Result<(), NodeError> {
        let until_us = clock::now_us() + stays.as_micros() as u64;
        {
            let mut audiences = self.audiences();
            let audience = audiences.entry(channel.clone()).or_default();
            audience.polled_until_us = audience.polled_until_us.max(until_us);
        }
        match who {
            None => Ok(()),
            Some(who) => self.change_presence(
                channel,
                |presence, now_us| presence.poll(&who.client, &who.name, via, now_us, until_us),
                who,
            ),
        }
    }

    /// A poller says goodbye.
    pub fn stop_polling(&self, channel: &ChannelName, client: &str) {
        let mut audiences = self.audiences();
        if let Some(audience) = audiences.get_mut(channel)
            && let Some(change) = audience.presence.stop_polling(client)
        {
            self.announce(channel, LEAVE_EVENT, change);
        }
    }

    /// Who is in the channel, sorted by client id.
    pub fn members(&self, channel: &ChannelName) -> Vec<Member> {
        let audiences = self.audiences();
        audiences
            .get(channel)
            .map(|audience| {
                let mut members = audience.presence.members();
                for member in &mut members {
                    member.since_us = clock::time_of_day_at(member.since_us);
                }
                members
            })
            .unwrap_or_default()
    }

    /// Streams and sockets subscribed to the channel.
    pub fn subscribers(&self, channel: &ChannelName) -> usize {
        self.hub.subscribers(channel)
    }

    /// Whether anybody listens to the channel, by stream, socket or poll.
    pub fn has_audience(&self, channel: &ChannelName) -> bool {
        self.hub.subscribers(channel) > 0 || self.audiences().contains_key(channel)
    }

    pub fn channels(&self) -> usize {
        self.broker.channels()
    }

    /// Joins and leaves that could not be published since the start.
    pub fn announcements_dropped(&self) -> u64 {
        self.announcements_dropped.load(Ordering::Relaxed)
    }

    pub fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Acquire)
    }

    /// Ends every connection and waits until the last one is closed, at most for `grace`.
    /// Answers how many were still open then.
    pub async fn shut_down(&self, grace: Duration) -> usize {
        self.shutting_down.store(true, Ordering::Release);
        self.hub.disconnect_all(Disconnect::Shutdown);
        let all_closed = async {
            loop {
                let closed = self.connection_closed.notified();
                if self.open_connections.load(Ordering::Acquire) == 0 {
                    return;
                }
                closed.await;
            }
        };
        let _ = tokio::time::timeout(grace, all_closed).await;
        self.open_connections.load(Ordering::Acquire)
    }

    fn change_presence(
        &self,
        channel: &ChannelName,
        change: impl FnOnce(&mut Presence, u64) -> Option<Change>,
        who: &Who,
    ) -> Result<(), NodeError> {
        let mut audiences = self.audiences();
        let presence = &mut audiences.entry(channel.clone()).or_default().presence;
        if presence.len() >= self.presence_max_members && !presence.contains(&who.client) {
            return Err(NodeError::TooManyMembers(presence.len()));
        }
        if let Some(change) = change(presence, clock::now_us()) {
            self.announce(channel, JOIN_EVENT, change);
        }
        Ok(())
    }

    fn release(&self, channel: &ChannelName, client: &str, via: Via) {
        let mut audiences = self.audiences();
        let Some(audience) = audiences.get_mut(channel) else {
            return;
        };
        if let Some(change) = audience.presence.release(client, via) {
            self.announce(channel, LEAVE_EVENT, change);
        }
        if audience.presence.is_empty() && audience.polled_until_us == 0 {
            audiences.remove(channel);
        }
    }

    /// Called under the lock of `audiences`, so that announcements keep the order of changes.
    fn announce(&self, channel: &ChannelName, event: &'static str, change: Change) {
        if !channel.announces_presence() {
            return;
        }
        self.ask(Announcement::Changed {
            channel: channel.clone(),
            event,
            change,
        });
    }

    fn ask(&self, announcement: Announcement) {
        if self.announcements.try_send(announcement).is_err() {
            self.announcements_dropped.fetch_add(1, Ordering::Relaxed);
        }
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

    /// Written by transports as clients come and go and by the tidying task; never held across
    /// an await.
    fn audiences(&self) -> MutexGuard<'_, HashMap<ChannelName, Audience>> {
        lock(&self.audiences)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn keep_house(node: Arc<Node>, mut to_announce: mpsc::Receiver<Announcement>) {
    let mut tidy_up = tokio::time::interval(TIDY_UP_EVERY);
    let mut announced = Announced::default();
    loop {
        tokio::select! {
            announcement = to_announce.recv() => match announcement {
                None => return,
                Some(Announcement::Changed { channel, event, change }) => {
                    announce(&node, &mut announced, channel, event, change).await;
                }
                Some(Announcement::Renewed { channel, change }) => {
                    let members = announced.get_mut(&channel);
                    let known = members.and_then(|members| members.get_mut(&change.client));
                    if let Some(known) = known {
                        *known = change;
                    }
                }
                Some(Announcement::Look { channel, reply }) => {
                    let recovery = node.recover(&channel, &Start::default()).await;
                    let members = announced.get(&channel);
                    let look = recovery.map(|recovery| Look {
                        members: members.into_iter().flat_map(BTreeMap::values).cloned().collect(),
                        position: recovery.position,
                    });
                    let _ = reply.send(look);
                }
            },
            _ = tidy_up.tick() => node.tidy_up(),
        }
    }
}

async fn announce(
    node: &Node,
    announced: &mut Announced,
    channel: ChannelName,
    event: &'static str,
    change: Change,
) {
    let Ok(data) = to_raw_value(&change) else {
        return;
    };
    if let Err(error) = node.publish(&channel, Draft::new(event, data)).await {
        node.announcements_dropped.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%error, "a {event} could not be published");
    }
    if let Some(watch) = node.watch.get() {
        match event {
            JOIN_EVENT => watch.joined(&channel, &change.client),
            _ => watch.left(&channel, &change.client),
        }
    }
    if event == JOIN_EVENT {
        let members = announced.entry(channel).or_default();
        members.insert(change.client.clone(), change);
    } else if let Some(members) = announced.get_mut(&channel) {
        members.remove(&change.client);
        if members.is_empty() {
            announced.remove(&channel);
        }
    }
}

/// A connection that a stop waits for; dropping it says that it is closed.
pub struct Connected {
    node: Arc<Node>,
    _registration: Registration,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.node.open_connections.fetch_sub(1, Ordering::AcqRel);
        self.node.connection_closed.notify_waiters();
    }
}

/// Presence of one open stream or socket; dropping it is its leave.
pub struct Visit {
    node: Arc<Node>,
    channel: ChannelName,
    client: Box<str>,
    via: Via,
}

impl Visit {
    /// The connection goes on in another way; nobody leaves and nobody joins.
    pub fn goes_on_via(&mut self, via: Via) {
        let before = std::mem::replace(&mut self.via, via);
        let mut audiences = self.node.audiences();
        if let Some(audience) = audiences.get_mut(&self.channel) {
            let presence = &mut audience.presence;
            presence.hold(&self.client, "", via, clock::now_us());
            presence.release(&self.client, before);
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.node.release(&self.channel, &self.client, self.via);
    }
}
