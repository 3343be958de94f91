//! The local subscribers of this node, and fan-out to them.
//!
//! One [`Shard`] per worker thread holds that thread's subscribers; a publication is handed to
//! each shard that has any for its channel, once, and the shard's own loop delivers it. So no
//! subscriber is ever touched by two threads, and no lock is met on the way to it.
//!
//! - A publication is encoded once per wire [`Format`], whatever the number of subscribers and
//!   shards; they share the bytes.
//! - When publications wait, a shard takes all that wait for a channel as one [`Batch`], which a
//!   subscriber can write in one system call. A loop that is behind gathers for
//!   [`GATHER_WHEN_BEHIND`] before it goes round again: fewer, larger writes exactly when there
//!   is more to do than time. A lone publication never waits. That is the default; [`coalesce`]
//!   has the other choices.
//! - A subscription knows the next offset it needs, so what recovery and live delivery both
//!   bring is delivered once. What is only told ([`Publication::told`]) has no offset, keeps its
//!   place among the publications around it, and comes by a call of its own.
//!
//! What waits for a subscriber is in a [`queue`] of its own, with a policy for when that is full
//! ([`when_full`]).

pub mod coalesce;
pub mod queue;
pub mod when_full;

use std::{
    array,
    cell::{Cell, OnceCell, RefCell},
    collections::HashMap,
    future::poll_fn,
    rc::Rc,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;

use self::coalesce::Coalesce;
use crate::{
    catalogue::WireFormat,
    channel::{ChannelName, Publication, watch::Watch},
    disconnect::Disconnect,
    wire::Layers,
};

/// How long a shard that found several publications waiting gathers before its next round.
pub const GATHER_WHEN_BEHIND: Duration = Duration::from_millis(1);
/// After so many deliveries a shard lets the other tasks of its thread run.
const DELIVERIES_PER_TURN: usize = 256;
/// Shards that one hub can have; a bit each in the interest mask.
pub const SHARDS_MAX: usize = 64;

/// How publications take a form on the wire. There is one `static` of each.
pub struct Format {
    /// Which one, and no other's.
    pub form: WireFormat,
    /// Appends the publication as it goes on the wire and says how the bytes divide.
    pub encode: fn(&Publication, &mut Vec<u8>) -> Layers,
}

/// A publication on its way, with its encodings so far.
struct Outgoing {
    publication: Arc<Publication>,
    encoded: [OnceLock<(Bytes, Layers)>; WireFormat::COUNT],
}

impl Outgoing {
    fn new(publication: Arc<Publication>) -> Self {
        Self {
            publication,
            encoded: array::from_fn(|_| OnceLock::new()),
        }
    }

    fn encoded(&self, format: &'static Format) -> &(Bytes, Layers) {
        self.encoded[format.form as usize].get_or_init(|| {
            let mut out = Vec::with_capacity(self.publication.retained_bytes() + 64);
            let layers = (format.encode)(&self.publication, &mut out);
            (out.into(), layers)
        })
    }
}

/// Publications of one channel, in order, that are delivered together: all with an offset, or all
/// only told.
pub struct Batch {
    list: Vec<Arc<Outgoing>>,
    /// From the history, for one subscriber: how old it is says nothing about the way here.
    is_replay: bool,
    joined: [OnceCell<(Bytes, Layers)>; WireFormat::COUNT],
}

impl Batch {
    fn new(list: Vec<Arc<Outgoing>>) -> Self {
        Self {
            list,
            is_replay: false,
            joined: array::from_fn(|_| OnceCell::new()),
        }
    }

    /// A batch that did not come through the hub: what recovery found.
    pub fn replay(publications: &[Arc<Publication>]) -> Self {
        let list = publications
            .iter()
            .map(|publication| Arc::new(Outgoing::new(publication.clone())))
            .collect();
        Self {
            is_replay: true,
            ..Self::new(list)
        }
    }

    /// Whether all of it is only told. The shard puts the two kinds into batches of their own.
    fn is_told(&self) -> bool {
        self.list
            .first()
            .is_some_and(|outgoing| outgoing.publication.is_told())
    }

    /// All of it.
    pub fn whole(&self) -> Delivery<'_> {
        Delivery {
            batch: self,
            from: 0,
            to: self.list.len(),
        }
    }

    fn encoded(&self, format: &'static Format) -> &(Bytes, Layers) {
        if let [only] = self.list.as_slice() {
            return only.encoded(format);
        }
        self.joined[format.form as usize].get_or_init(|| {
            let parts = self.list.iter().map(|outgoing| outgoing.encoded(format));
            let mut out = Vec::with_capacity(parts.clone().map(|part| part.0.len()).sum());
            let mut layers = Layers::default();
            for (bytes, of_part) in parts {
                out.extend_from_slice(bytes);
                layers += *of_part;
            }
            (out.into(), layers)
        })
    }
}

/// What one subscriber is to get of a batch: its end, from the first publication it lacks, or a
/// part of that.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    batch: &'a Batch,
    from: usize,
    to: usize,
}

impl<'a> Delivery<'a> {
    pub fn publications(self) -> impl ExactSizeIterator<Item = &'a Arc<Publication>> + Clone {
        self.batch.list[self.from..self.to]
            .iter()
            .map(|outgoing| &outgoing.publication)
    }

    /// Whether it comes from the history, and not through the hub.
    pub fn is_replay(self) -> bool {
        self.batch.is_replay
    }

    /// `published_us` of what is delivered live; nothing for a replay, whose age is not a delay.
    pub fn live_since_us(self) -> impl Iterator<Item = u64> + Clone {
        let live = if self.batch.is_replay {
            &[]
        } else {
            &self.batch.list[self.from..self.to]
        };
        live.iter()
            .map(|outgoing| outgoing.publication.published_us)
    }

    /// The runs of publications that `wanted` lets through, in order: a subscriber that is not
    /// to get one of them (a sender its own) still shares the bytes of the others.
    pub fn only(
        self,
        wanted: impl Fn(&Publication) -> bool + 'a,
    ) -> impl Iterator<Item = Delivery<'a>> {
        let mut at = self.from;
        std::iter::from_fn(move || {
            let list = &self.batch.list[..self.to];
            let is_wanted = |outgoing: &Arc<Outgoing>| wanted(&outgoing.publication);
            let from = at + list[at..].iter().position(is_wanted)?;
            at = list[from..]
                .iter()
                .position(|outgoing| !is_wanted(outgoing))
                .map_or(list.len(), |run| from + run);
            Some(Delivery {
                batch: self.batch,
                from,
                to: at,
            })
        })
    }

    /// Each publication as it goes on the wire, for transports that frame them one by one.
    pub fn each(self, format: &'static Format) -> impl Iterator<Item = &'a (Bytes, Layers)> {
        self.batch.list[self.from..self.to]
            .iter()
            .map(move |outgoing| outgoing.encoded(format))
    }

    /// All of it as it goes on the wire, shared with every other subscriber of the format.
    pub fn encoded(self, format: &'static Format) -> Encoded<'a> {
        let (whole, layers) = self.batch.encoded(format);
        let sum = |part: &[Arc<Outgoing>]| {
            part.iter()
                .map(|outgoing| outgoing.encoded(format))
                .fold((0, Layers::default()), |(sum, of), (bytes, layers)| {
                    (sum + bytes.len(), of + *layers)
                })
        };
        let (skip, before) = sum(&self.batch.list[..self.from]);
        let (rest, after) = sum(&self.batch.list[self.to..]);
        Encoded {
            whole,
            skip,
            end: whole.len() - rest,
            layers: *layers - before - after,
        }
    }
}

/// Wire bytes of a delivery. Borrowed: only who must queue them takes a share.
#[derive(Clone, Copy)]
pub struct Encoded<'a> {
    whole: &'a Bytes,
    skip: usize,
    end: usize,
    pub layers: Layers,
}

impl Encoded<'_> {
    pub fn as_slice(&self) -> &[u8] {
        &self.whole[self.skip..self.end]
    }

    /// A share of the bytes after the first `written`.
    pub fn share(&self, written: usize) -> Bytes {
        self.whole.slice(self.skip + written..self.end)
    }
}

/// Somebody on this thread who gets publications.
///
/// Both calls come from the shard's loop. They must return soon, and must not attach or detach
/// anything themselves: wake your own task and let it do so.
pub trait Subscriber {
    /// Take what there is: write it, or queue it within your budget.
    fn deliver(&self, delivery: Delivery<'_>);
    /// Take what is only told. Passed over unless a protocol has a form for it.
    fn deliver_told(&self, _delivery: Delivery<'_>) {}
    /// Whether deliveries may be kept back for a while, so that several leave together; not those
    /// that a held request waits for.
    fn may_wait(&self) -> bool {
        true
    }
    /// End, for this reason. May come more than once.
    fn disconnect(&self, reason: Disconnect);
}

/// Who is interested in a channel.
#[derive(Default, Clone, Copy)]
struct Interest {
    /// A bit for each shard that has subscribers.
    shards: u64,
    subscribers: usize,
}

enum Item {
    Publication(Arc<Outgoing>),
    Disconnect(Disconnect),
}

/// A shard's letter box: any thread puts in, the shard's thread takes out. Bounded by what the
/// shard gathers between two turns of its loop; each item is a pointer to a shared publication.
#[derive(Default)]
struct Inbox {
    items: Mutex<Vec<Item>>,
    waker: AtomicWaker,
}

impl Inbox {
    fn put(&self, item: Item) {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.push(item);
        if items.len() == 1 {
            drop(items);
            self.waker.wake();
        }
    }

    async fn take(&self) -> Vec<Item> {
        poll_fn(|context| {
            self.waker.register(context.waker());
            let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
            if items.is_empty() {
                Poll::Pending
            } else {
                Poll::Ready(std::mem::take(&mut *items))
            }
        })
        .await
    }

    fn take_now(&self) -> Vec<Item> {
        std::mem::take(&mut *self.items.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All shards of a node.
pub struct Hub {
    /// Tells hubs of one process apart in the threads' own tables.
    id: usize,
    coalesce: Coalesce,
    inboxes: RwLock<Vec<Arc<Inbox>>>,
    /// Written at first and last subscription of a shard; read once per publication.
    interest: RwLock<HashMap<ChannelName, Interest>>,
    /// Told of first and last subscriptions, under the lock of `interest`.
    watch: OnceLock<Arc<dyn Watch>>,
}

thread_local! {
    static SHARDS: RefCell<HashMap<usize, Rc<Shard>>> = RefCell::default();
}

impl Default for Hub {
    fn default() -> Self {
        Self::new(Coalesce::default())
    }
}

impl Hub {
    pub fn new(coalesce: Coalesce) -> Self {
        static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            coalesce,
            inboxes: RwLock::default(),
            interest: RwLock::default(),
            watch: OnceLock::new(),
        }
    }
}

impl Hub {
    /// Hands a publication to every shard that has subscribers for it. The caller keeps the
    /// order: it calls this for one channel from one place at a time.
    pub fn broadcast(&self, publication: &Arc<Publication>) {
        let shards = self.interest_in(&publication.channel).shards;
        if shards == 0 {
            return;
        }
        let outgoing = Arc::new(Outgoing::new(publication.clone()));
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        for (index, inbox) in inboxes.iter().enumerate() {
            if shards & (1 << index) != 0 {
                inbox.put(Item::Publication(outgoing.clone()));
            }
        }
    }

    /// Who is told of first and last subscriptions; the first call counts.
    pub fn watched_by(&self, watch: Arc<dyn Watch>) {
        let _ = self.watch.set(watch);
    }

    /// Ends every connection of this node.
    pub fn disconnect_all(&self, reason: Disconnect) {
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        for inbox in inboxes.iter() {
            inbox.put(Item::Disconnect(reason));
        }
    }

    /// How many subscriptions a channel has on this node.
    pub fn subscribers(&self, channel: &ChannelName) -> usize {
        self.interest_in(channel).subscribers
    }

    /// This thread's shard. Its loop starts with the first call, which must come from inside a
    /// tokio `LocalSet` (an actix worker is one).
    pub fn shard(self: &Arc<Self>) -> Rc<Shard> {
        let existing = SHARDS.with_borrow(|shards| shards.get(&self.id).cloned());
        existing.unwrap_or_else(|| {
            let shard = Rc::new(Shard::register(self.clone()));
            SHARDS.with_borrow_mut(|shards| shards.insert(self.id, shard.clone()));
            tokio::task::spawn_local(shard.clone().run());
            shard
        })
    }

    /// Channels whose names `wanted` lets through and that have subscriptions on this node, with
    /// how many.
    pub fn occupied(&self, wanted: impl Fn(&ChannelName) -> bool) -> Vec<(ChannelName, usize)> {
        let interest = self.interest.read().unwrap_or_else(PoisonError::into_inner);
        interest
            .iter()
            .filter(|(channel, _)| wanted(channel))
            .map(|(channel, interest)| (channel.clone(), interest.subscribers))
            .collect()
    }

    fn interest_in(&self, channel: &ChannelName) -> Interest {
        let interest = self.interest.read().unwrap_or_else(PoisonError::into_inner);
        interest.get(channel).copied().unwrap_or_default()
    }

    fn change_interest(&self, channel: &ChannelName, change: impl FnOnce(&mut Interest)) {
        let mut all = self
            .interest
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let interest = all.entry(channel.clone()).or_default();
        let before = interest.subscribers;
        change(interest);
        let after = interest.subscribers;
        if after == 0 {
            all.remove(channel);
        }
        // Under the lock, so that it is told in the order in which it happened.
        match self.watch.get() {
            Some(watch) if before == 0 && after > 0 => watch.occupied(channel),
            Some(watch) if before > 0 && after == 0 => watch.vacated(channel),
            _ => {}
        }
    }
}

/// A list whose places stay put while it is walked; freed places are used again.
struct Places<T> {
    places: Vec<Option<Rc<T>>>,
    free: Vec<usize>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Places<T> {
    fn insert(&mut self, value: Rc<T>) -> usize {
        match self.free.pop() {
            Some(place) => {
                self.places[place] = Some(value);
                place
            }
            None => {
                self.places.push(Some(value));
                self.places.len() - 1
            }
        }
    }

    fn remove(&mut self, place: usize) {
        if self.places[place].take().is_some() {
            self.free.push(place);
        }
    }

    fn is_empty(&self) -> bool {
        self.places.len() == self.free.len()
    }
}

/// One subscriber's subscription to one channel.
struct Subscription {
    subscriber: Rc<dyn Subscriber>,
    /// The offset it needs next; lower ones it has.
    next_offset: Cell<u64>,
    /// What came while it was being recovered; `None` once it is live.
    held_back: RefCell<Option<Vec<Arc<Outgoing>>>>,
}

impl Subscription {
    fn offer(&self, batch: &Batch) {
        if let Some(held_back) = &mut *self.held_back.borrow_mut() {
            held_back.extend(batch.list.iter().cloned());
            return;
        }
        if batch.is_told() {
            return self.subscriber.deliver_told(batch.whole());
        }
        let needed = self.next_offset.get();
        let from = batch
            .list
            .iter()
            .position(|outgoing| outgoing.publication.offset >= needed);
        if let (Some(from), Some(last)) = (from, batch.list.last()) {
            self.next_offset.set(last.publication.offset + 1);
            let to = batch.list.len();
            self.subscriber.deliver(Delivery { batch, from, to });
        }
    }
}

type Room = Rc<RefCell<Places<Subscription>>>;

/// The subscribers of one thread.
pub struct Shard {
    hub: Arc<Hub>,
    index: usize,
    inbox: Arc<Inbox>,
    rooms: RefCell<HashMap<ChannelName, Room>>,
    /// Connections to be told when the node stops, subscribed to something or not.
    connections: Rc<RefCell<Places<Rc<dyn Subscriber>>>>,
}

impl Shard {
    fn register(hub: Arc<Hub>) -> Self {
        let inbox = Arc::<Inbox>::default();
        let index = {
            let mut inboxes = hub.inboxes.write().unwrap_or_else(PoisonError::into_inner);
            assert!(inboxes.len() < SHARDS_MAX, "at most {SHARDS_MAX} workers");
            inboxes.push(inbox.clone());
            inboxes.len() - 1
        };
        Self {
            hub,
            index,
            inbox,
            rooms: RefCell::default(),
            connections: Rc::default(),
        }
    }

    /// Attaches a subscriber. Nothing is delivered before [`Attachment::go_live`]; what is
    /// published until then is held back for it. Dropping the attachment detaches.
    pub fn attach(
        self: &Rc<Self>,
        channel: &ChannelName,
        subscriber: Rc<dyn Subscriber>,
    ) -> Attachment {
        let subscription = Rc::new(Subscription {
            subscriber,
            next_offset: Cell::new(0),
            held_back: RefCell::new(Some(Vec::new())),
        });
        let room = self
            .rooms
            .borrow_mut()
            .entry(channel.clone())
            .or_default()
            .clone();
        let place = room.borrow_mut().insert(subscription.clone());
        self.hub.change_interest(channel, |interest| {
            interest.shards |= 1 << self.index;
            interest.subscribers += 1;
        });
        Attachment {
            shard: self.clone(),
            channel: channel.clone(),
            place,
            subscription,
        }
    }

    /// Makes a connection known that must be told when the node stops.
    pub fn register_connection(&self, connection: Rc<dyn Subscriber>) -> Registration {
        let place = self.connections.borrow_mut().insert(Rc::new(connection));
        Registration {
            connections: self.connections.clone(),
            place,
        }
    }

    /// Groups publications by channel, keeping each channel's order and the two kinds apart.
    fn sort(&self, items: Vec<Item>) -> Vec<(ChannelName, Vec<Arc<Outgoing>>)> {
        let mut groups: Vec<(ChannelName, Vec<Arc<Outgoing>>)> = Vec::new();
        let mut places: HashMap<ChannelName, usize> = HashMap::new();
        for item in items {
            match item {
                Item::Disconnect(reason) => self.disconnect_all(reason),
                Item::Publication(outgoing) => {
                    let channel = &outgoing.publication.channel;
                    let is_told = outgoing.publication.is_told();
                    let takes = |list: &[Arc<Outgoing>]| list[0].publication.is_told() == is_told;
                    match groups.last_mut() {
                        Some((last, list)) if last == channel && takes(list) => list.push(outgoing),
                        _ => match places.get(channel) {
                            Some(&place) if takes(&groups[place].1) => {
                                groups[place].1.push(outgoing);
                            }
                            _ => {
                                places.insert(channel.clone(), groups.len());
                                groups.push((channel.clone(), vec![outgoing]));
                            }
                        },
                    }
                }
            }
        }
        groups
    }

    /// Offers a batch to those subscribers of a channel that it is `for_whom`.
    async fn fan_out(
        &self,
        channel: &ChannelName,
        batch: &Batch,
        for_whom: impl Fn(&dyn Subscriber) -> bool,
    ) {
        let Some(room) = self.rooms.borrow().get(channel).cloned() else {
            return;
        };
        let mut place = 0;
        loop {
            let subscription = match room.borrow().places.get(place) {
                Some(subscription) => subscription.clone(),
                None => return,
            };
            if let Some(subscription) = subscription
                && for_whom(&*subscription.subscriber)
            {
                subscription.offer(batch);
            }
            place += 1;
            if place % DELIVERIES_PER_TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn disconnect_all(&self, reason: Disconnect) {
        let connections: Vec<_> = self.connections.borrow().places.to_vec();
        for connection in connections.into_iter().flatten() {
            connection.disconnect(reason);
        }
    }
}

/// A subscriber's place in a channel; dropping it detaches the subscriber.
pub struct Attachment {
    shard: Rc<Shard>,
    channel: ChannelName,
    place: usize,
    subscription: Rc<Subscription>,
}

impl Attachment {
    /// Delivers nothing more and keeps nothing back, while the subscriber keeps its place in the
    /// channel: for one that reads a backlog, in which live publications will be.
    pub fn pause(&self) {
        self.subscription.held_back.replace(None);
        self.subscription.next_offset.set(u64::MAX);
    }

    /// Holds back what comes from now on, until [`Self::go_live`].
    pub fn hold_back(&self) {
        self.subscription.held_back.replace(Some(Vec::new()));
    }

    /// The subscriber has everything up to and including `offset`: deliver the rest, what was
    /// held back first, and go on.
    pub fn go_live(&self, offset: u64) {
        self.subscription.next_offset.set(offset + 1);
        let held_back = self.subscription.held_back.borrow_mut().take();
        let is_one_kind = |a: &Arc<Outgoing>, b: &Arc<Outgoing>| {
            a.publication.is_told() == b.publication.is_told()
        };
        for list in held_back.unwrap_or_default().chunk_by(is_one_kind) {
            self.subscription.offer(&Batch::new(list.to_vec()));
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let mut rooms = self.shard.rooms.borrow_mut();
        let mut shard_is_done = false;
        if let Some(room) = rooms.get(&self.channel) {
            room.borrow_mut().remove(self.place);
            shard_is_done = room.borrow().is_empty();
        }
        if shard_is_done {
            rooms.remove(&self.channel);
        }
        self.shard.hub.change_interest(&self.channel, |interest| {
            interest.subscribers -= 1;
            if shard_is_done {
                interest.shards &= !(1 << self.shard.index);
            }
        });
    }
}

/// A connection's entry in its shard's list; dropping it removes the entry.
pub struct Registration {
    connections: Rc<RefCell<Places<Rc<dyn Subscriber>>>>,
    place: usize,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.connections.borrow_mut().remove(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{channel::Epoch, codec::envelope};
    use serde_json::value::to_raw_value;

    static PLAIN: Format = Format {
        form: WireFormat::PlainFrame,
        encode: envelope::encode_publication,
    };

    #[derive(Default)]
    struct Recorder {
        offsets: RefCell<Vec<u64>>,
        bytes: Cell<usize>,
        batches: Cell<usize>,
        ended: Cell<Option<Disconnect>>,
        is_held_poll: bool,
    }

    impl Subscriber for Recorder {
        fn may_wait(&self) -> bool {
            !self.is_held_poll
        }
        fn deliver(&self, delivery: Delivery<'_>) {
            let offsets = delivery.publications().map(|p| p.offset);
            self.offsets.borrow_mut().extend(offsets);
            let encoded = delivery.encoded(&PLAIN);
            let bytes = encoded.as_slice().len();
            assert_eq!(bytes as u64, encoded.layers.total());
            self.bytes.set(self.bytes.get() + bytes);
            self.batches.set(self.batches.get() + 1);
        }
        fn deliver_told(&self, delivery: Delivery<'_>) {
            self.deliver(delivery);
        }
        fn disconnect(&self, reason: Disconnect) {
            self.ended.set(Some(reason));
        }
    }

    fn publication(channel: &ChannelName, offset: u64) -> Arc<Publication> {
        Arc::new(Publication {
            channel: channel.clone(),
            epoch: Epoch::parse("e1").unwrap(),
            offset,
            event: "tick".into(),
            data: to_raw_value(&offset).unwrap(),
            intended_us: 0,
            published_us: 0,
            origin: None,
        })
    }

    fn on_one_thread<F: Future>(test: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, test)
    }

    async fn until(condition: impl Fn() -> bool) {
        tokio::time::timeout(Duration::from_secs(5), async {
            while !condition() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the condition never came true");
    }

    #[test]
    fn everybody_gets_everything_once_in_order() {
        on_one_thread(async {
            let hub = Arc::new(Hub::default());
            let channel = ChannelName::parse("news").unwrap();
            let recorders: Vec<_> = (0..1_000).map(|_| Rc::new(Recorder::default())).collect();
            let attachments: Vec<_> = recorders
                .iter()
                .map(|recorder| {
                    let attachment = hub.shard().attach(&channel, recorder.clone());
                    attachment.go_live(0);
                    attachment
                })
                .collect();
            assert_eq!(hub.subscribers(&channel), 1_000);
            (1..=10).for_each(|offset| hub.broadcast(&publication(&channel, offset)));
            until(|| recorders.iter().all(|r| r.offsets.borrow().len() == 10)).await;
            for recorder in &recorders {
                assert!(recorder.offsets.borrow().iter().copied().eq(1..=10));
                assert_eq!(recorder.batches.get(), 1, "what waited left together");
            }
            drop(attachments);
            assert_eq!(hub.subscribers(&channel), 0);
        });
    }

    /// Ten publications that wait: how they came to a stream and to a held poll.
    async fn ten_through(hub: &Arc<Hub>) -> (Rc<Recorder>, Rc<Recorder>) {
        let channel = ChannelName::parse("news").unwrap();
        let stream = Rc::new(Recorder::default());
        let poll = Rc::new(Recorder {
            is_held_poll: true,
            ..Recorder::default()
        });
        let attachments = [&stream, &poll].map(|r| hub.shard().attach(&channel, r.clone()));
        attachments.iter().for_each(|a| a.go_live(0));
        (1..=5).for_each(|offset| hub.broadcast(&publication(&channel, offset)));
        until(|| poll.offsets.borrow().len() == 5).await;
        (6..=10).for_each(|offset| hub.broadcast(&publication(&channel, offset)));
        until(|| stream.offsets.borrow().len() == 10).await;
        for recorder in [&stream, &poll] {
            assert!(recorder.offsets.borrow().iter().copied().eq(1..=10));
        }
        assert_eq!(stream.bytes.get(), poll.bytes.get());
        (stream, poll)
    }

    #[test]
    fn one_by_one_each_publication_is_a_delivery() {
        on_one_thread(async {
            let hub = Arc::new(Hub::new(Coalesce::Off));
            let (stream, poll) = ten_through(&hub).await;
            assert_eq!((stream.batches.get(), poll.batches.get()), (10, 10));
        });
    }

    #[test]
    fn gathered_ones_leave_together_but_answer_a_held_poll_at_once() {
        on_one_thread(async {
            let hub = Arc::new(Hub::new(Coalesce::For(Duration::from_millis(500))));
            let (stream, poll) = ten_through(&hub).await;
            assert_eq!((stream.batches.get(), poll.batches.get()), (1, 2));
        });
    }

    #[test]
    fn a_stop_lets_out_what_was_kept_back() {
        on_one_thread(async {
            let hub = Arc::new(Hub::new(Coalesce::For(Duration::from_secs(1))));
            let channel = ChannelName::parse("news").unwrap();
            let recorder = Rc::new(Recorder::default());
            let attachment = hub.shard().attach(&channel, recorder.clone());
            let _registered = hub.shard().register_connection(recorder.clone());
            attachment.go_live(0);
            hub.broadcast(&publication(&channel, 1));
            until(|| {
                hub.inboxes.read().unwrap()[0]
                    .items
                    .lock()
                    .unwrap()
                    .is_empty()
            })
            .await;
            assert!(recorder.offsets.borrow().is_empty(), "kept back");
            hub.disconnect_all(Disconnect::Shutdown);
            until(|| recorder.ended.get().is_some()).await;
            assert_eq!(*recorder.offsets.borrow(), [1]);
        });
    }

    #[test]
    fn leaving_one_out_shares_the_bytes_of_the_others() {
        let channel = ChannelName::parse("news").unwrap();
        let all: Vec<_> = (1..=6).map(|n| publication(&channel, n)).collect();
        let batch = Batch::replay(&all);
        let whole = batch.whole().encoded(&PLAIN);
        let runs: Vec<_> = batch.whole().only(|p| p.offset % 3 != 0).collect();
        let offsets = runs.iter().map(|run| {
            let encoded = run.encoded(&PLAIN);
            assert_eq!(encoded.as_slice().len() as u64, encoded.layers.total());
            assert!(
                whole
                    .as_slice()
                    .as_ptr_range()
                    .contains(&encoded.as_slice().as_ptr())
            );
            assert_eq!(encoded.share(1), encoded.as_slice()[1..]);
            run.publications().map(|p| p.offset).collect::<Vec<_>>()
        });
        assert_eq!(offsets.collect::<Vec<_>>(), [[1, 2], [4, 5]]);
        assert_eq!(batch.whole().only(|_| false).count(), 0);
    }

    #[test]
    fn what_recovery_and_live_delivery_both_bring_is_delivered_once() {
        on_one_thread(async {
            let hub = Arc::new(Hub::default());
            let channel = ChannelName::parse("news").unwrap();
            let (early, late) = (Rc::new(Recorder::default()), Rc::new(Recorder::default()));
            let first = hub.shard().attach(&channel, early.clone());
            first.go_live(0);
            let second = hub.shard().attach(&channel, late.clone());
            (1..=5).for_each(|offset| hub.broadcast(&publication(&channel, offset)));
            until(|| early.offsets.borrow().len() == 5).await;
            assert!(late.offsets.borrow().is_empty(), "held back");
            second.go_live(3);
            hub.broadcast(&publication(&channel, 6));
            until(|| late.offsets.borrow().len() == 3).await;
            assert_eq!(*late.offsets.borrow(), [4, 5, 6]);
        });
    }

    #[test]
    fn what_is_told_keeps_its_place_and_takes_no_offset() {
        on_one_thread(async {
            let hub = Arc::new(Hub::default());
            let channel = ChannelName::parse("news").unwrap();
            let (live, late) = (Rc::new(Recorder::default()), Rc::new(Recorder::default()));
            let first = hub.shard().attach(&channel, live.clone());
            first.go_live(0);
            let second = hub.shard().attach(&channel, late.clone());
            for offset in [1, 2, 0, 0, 3, 0, 4] {
                hub.broadcast(&publication(&channel, offset));
            }
            until(|| live.offsets.borrow().len() == 7).await;
            assert_eq!(*live.offsets.borrow(), [1, 2, 0, 0, 3, 0, 4]);
            second.go_live(2);
            assert_eq!(*late.offsets.borrow(), [0, 0, 3, 0, 4], "held back too");
            assert_eq!(live.batches.get(), 5, "each kind by itself");
        });
    }

    #[test]
    fn a_pause_keeps_the_place_and_holding_back_loses_nothing() {
        on_one_thread(async {
            let hub = Arc::new(Hub::default());
            let channel = ChannelName::parse("news").unwrap();
            let (early, late) = (Rc::new(Recorder::default()), Rc::new(Recorder::default()));
            let first = hub.shard().attach(&channel, early.clone());
            first.go_live(0);
            let second = hub.shard().attach(&channel, late.clone());
            second.pause();
            (1..=3).for_each(|offset| hub.broadcast(&publication(&channel, offset)));
            until(|| early.offsets.borrow().len() == 3).await;
            second.hold_back();
            (4..=6).for_each(|offset| hub.broadcast(&publication(&channel, offset)));
            until(|| early.offsets.borrow().len() == 6).await;
            assert_eq!(hub.subscribers(&channel), 2);
            assert!(late.offsets.borrow().is_empty());
            second.go_live(4);
            assert_eq!(*late.offsets.borrow(), [5, 6]);
        });
    }

    #[test]
    fn a_stop_reaches_every_registered_connection() {
        on_one_thread(async {
            let hub = Arc::new(Hub::default());
            let (stays, goes) = (Rc::new(Recorder::default()), Rc::new(Recorder::default()));
            let _stays = hub.shard().register_connection(stays.clone());
            drop(hub.shard().register_connection(goes.clone()));
            hub.disconnect_all(Disconnect::Shutdown);
            until(|| stays.ended.get().is_some()).await;
            assert_eq!(stays.ended.get(), Some(Disconnect::Shutdown));
            assert_eq!(goes.ended.get(), None);
        });
    }
}
