//! What every broker must do, as one suite with a factory parameter.
//!
//! Compiled into the library and not only into its tests, so that a broker elsewhere can be held
//! to it as well. Panics with the broken promise.

use std::{
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use serde_json::value::to_raw_value;

use super::{Broker, BrokerError, BrokerFuture, OnPublication};
use crate::channel::{
    ChannelName, Draft, StreamPosition,
    history::{HistoryLimits, Recovery, Start},
    idempotence::IdLimits,
};

/// The limits that a factory must give its brokers.
pub const LIMITS: HistoryLimits = HistoryLimits {
    max_count: 10,
    max_bytes: 100_000,
    max_age_us: 1_000_000,
    ids: IdLimits {
        max_count: 50,
        max_bytes: 100_000,
        max_age_us: 300_000_000,
    },
};

/// How long a broker may take for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes a fresh broker that hands its publications to the function given.
pub type Factory<'a> = &'a dyn Fn(OnPublication) -> Arc<dyn Broker>;

/// Runs the whole suite.
pub fn run(factory: Factory<'_>) {
    positions_grow_by_one_and_are_handed_on_in_order(factory);
    recovery_is_complete_or_refused(factory);
    ids_make_publishing_idempotent(factory);
    ids_outlive_what_they_were_given_to(factory);
    age_is_a_bound(factory);
    channels_do_not_know_each_other(factory);
    publishers_at_once_leave_no_gap(factory);
    clearing_voids_positions_and_ids(factory);
}

struct Fixture {
    broker: Arc<dyn Broker>,
    seen: Arc<Mutex<Vec<(String, u64)>>>,
}

impl Fixture {
    fn new(factory: Factory<'_>) -> Self {
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let log = seen.clone();
        let broker = factory(Box::new(move |publication| {
            let entry = (publication.channel.to_string(), publication.offset);
            log.lock().expect("no test panics holding it").push(entry);
        }));
        Self { broker, seen }
    }

    fn publish(&self, channel: &str, id: Option<&str>, now_us: u64) -> StreamPosition {
        let draft = Draft {
            id: id.map(Into::into),
            ..Draft::new("tick", to_raw_value(&now_us).expect("a number is JSON"))
        };
        wait(self.broker.publish(&name(channel), draft, now_us))
    }

    fn recover(&self, channel: &str, start: &Start, now_us: u64) -> Recovery {
        wait(self.broker.recover(&name(channel), start, now_us))
    }

    fn seen(&self) -> Vec<(String, u64)> {
        self.seen.lock().expect("no test panics holding it").clone()
    }
}

fn name(channel: &str) -> ChannelName {
    ChannelName::parse(channel).expect("a valid name")
}

/// Wakes the thread that waits for an answer.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Brokers that need a runtime bring their own; the suite itself has none. An answer that does not
/// come is a broken promise too.
fn wait<T>(answer: BrokerFuture<'_, T>) -> T {
    match block_on(answer) {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// Waits for an answer, whatever it is.
pub(super) fn block_on<T>(mut answer: BrokerFuture<'_, T>) -> Result<T, BrokerError> {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match answer.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park_timeout(PATIENCE),
        }
        assert!(Instant::now() < deadline, "no answer in {PATIENCE:?}");
    }
}

fn after(position: &StreamPosition, offset: u64) -> Start {
    Start {
        position: Some(StreamPosition {
            epoch: position.epoch.clone(),
            offset,
        }),
        history: None,
    }
}

fn offsets(recovery: &Recovery) -> Vec<u64> {
    recovery.publications.iter().map(|p| p.offset).collect()
}

fn positions_grow_by_one_and_are_handed_on_in_order(factory: Factory<'_>) {
    let fixture = Fixture::new(factory);
    let first = fixture.publish("a", None, 1);
    assert_eq!(first.offset, 1, "offsets start at 1");
    let second = fixture.publish("a", None, 2);
    assert_eq!(second.offset, 2);
    assert_eq!(first.epoch, second.epoch);
    assert_eq!(fixture.seen(), [("a".to_owned(), 1), ("a".to_owned(), 2)]);
}

fn recovery_is_complete_or_refused(factory: Factory<'_>) {
    let fixture = Fixture::new(factory);
    (1..15).for_each(|n| drop(fixture.publish("a", None, n)));
    let top = fixture.publish("a", None, 15);
    let recovery = fixture.recover("a", &after(&top, 12), 20);
    assert!(recovery.recovered);
    assert_eq!(offsets(&recovery), [13, 14, 15]);
    assert_eq!(recovery.position, top);
    assert!(fixture.recover("a", &after(&top, 5), 20).recovered);
    let forgotten = fixture.recover("a", &after(&top, 4), 20);
    assert!(!forgotten.recovered, "5 is forgotten");
    assert_eq!(offsets(&forgotten), (6..=15).collect::<Vec<_>>());
    assert!(!fixture.recover("a", &after(&top, 16), 20).recovered);
    let other: StreamPosition = "no-such-epoch:15".parse().expect("a valid form");
    assert!(!fixture.recover("a", &after(&other, 15), 20).recovered);
    let nothing = fixture.recover("a", &Start::default(), 20);
    assert!(!nothing.recovered && nothing.publications.is_empty());
}

fn ids_make_publishing_idempotent(factory: Factory<'_>) {
    let fixture = Fixture::new(factory);
    let first = fixture.publish("a", Some("m1"), 1);
    fixture.publish("a", None, 2);
    assert_eq!(fixture.publish("a", Some("m1"), 3), first);
    assert_eq!(fixture.seen().len(), 2, "a repeat is handed to nobody");
    let elsewhere = fixture.publish("b", Some("m1"), 4);
    assert_eq!(elsewhere.offset, 1, "ids are a channel's own");
}

fn ids_outlive_what_they_were_given_to(factory: Factory<'_>) {
    let fixture = Fixture::new(factory);
    let first = fixture.publish("a", Some("m1"), 1);
    (2..40).for_each(|n| drop(fixture.publish("a", None, n)));
    assert!(!fixture.recover("a", &after(&first, 0), 40).recovered);
    assert_eq!(
        fixture.publish("a", Some("m1"), 41),
        first,
        "a history that forgets does not end the window"
    );
    fixture.broker.tidy_up(200_000_000, &|_| false);
    assert_eq!(
        fixture.publish("a", Some("m1"), 299_999_999),
        first,
        "nor does age of the history, nor an idle channel"
    );
    let again = fixture.publish("a", Some("m1"), 300_000_001);
    assert_eq!(again.offset, 40, "after its window an id is free");
    (0..50).for_each(|n| drop(fixture.publish("a", Some(&n.to_string()), 300_000_002)));
    let again = fixture.publish("a", Some("m1"), 300_000_003);
    assert_eq!(again.offset, 91, "their number is bounded");
}

fn age_is_a_bound(factory: Factory<'_>) {
    let fixture = Fixture::new(factory);
    let first = fixture.publish("a", None, 1);
    fixture.publish("a", None, 900_000);
    let start = after(&first, 0);
    assert_eq!(offsets(&fixture.recover("a", &start, 900_001)), [1, 2]);
    let later = fixture.recover("a", &start, 1_500_000);
    assert!(!later.recovered);
    assert_eq!(offsets(&later), [2]);
}

fn channels_do_not_know_each_other(factory: Factory<'_>) {
    let fixture = Fixture::new(factory);
    let a = fixture.publish("a", None, 1);
    fixture.publish("b", None, 1);
    assert_eq!(fixture.publish("b", None, 2).offset, 2);
    assert!(offsets(&fixture.recover("a", &after(&a, 1), 3)).is_empty());
    fixture.broker.tidy_up(10_000_000, &|_| false);
    let empty = fixture.recover("a", &after(&a, 1), 10_000_001);
    assert!(empty.recovered, "a position outlives what it points behind");
    fixture.broker.tidy_up(100_000_000, &|_| false);
    let new_life = fixture.publish("a", None, 100_000_001);
    assert_eq!(new_life.offset, 1);
    assert_ne!(new_life.epoch, a.epoch, "a new life voids old offsets");
}

fn publishers_at_once_leave_no_gap(factory: Factory<'_>) {
    let fixture = Fixture::new(factory);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..250).for_each(|n| drop(fixture.publish("a", None, n))));
        }
    });
    let expected: Vec<_> = (1..=1_000).map(|offset| ("a".to_owned(), offset)).collect();
    assert_eq!(fixture.seen(), expected);
}

fn clearing_voids_positions_and_ids(factory: Factory<'_>) {
    let fixture = Fixture::new(factory);
    let before = fixture.publish("a", Some("one"), 1);
    let other = fixture.publish("b", None, 1);
    let notice = Draft::new("gone", to_raw_value(&()).expect("null is JSON"));
    let cleared = wait(fixture.broker.clear(&name("a"), notice, 2));
    assert_ne!(cleared.epoch, before.epoch, "another life");
    assert!(cleared.offset > before.offset, "offsets do not go back");
    let recovery = fixture.recover("a", &after(&before, before.offset), 3);
    assert!(!recovery.recovered);
    assert_eq!(recovery.publications.len(), 1, "the notice alone");
    assert_eq!(&*recovery.publications[0].event, "gone");
    assert!(
        fixture
            .recover("a", &after(&cleared, cleared.offset), 3)
            .recovered
    );
    let again = fixture.publish("a", Some("one"), 4);
    assert_eq!(again.offset, cleared.offset + 1, "its id is forgotten");
    assert!(
        fixture
            .recover("b", &after(&other, other.offset), 4)
            .recovered
    );
    let offsets: Vec<_> = (fixture.seen().into_iter())
        .filter_map(|(channel, offset)| (channel == "a").then_some(offset))
        .collect();
    assert!(offsets.is_sorted() && offsets.len() == 3, "{offsets:?}");
}
