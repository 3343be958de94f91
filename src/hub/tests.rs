//! Fan-out: who gets what, once and in order, encoded once.

use std::cell::{Cell, RefCell};

use super::*;
use crate::{
    catalogue::WireFormat,
    channel::{Epoch, StreamPosition},
    codec::envelope,
    hub::rounds::Pacing,
};
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
    fn deliver_ephemeral(&self, delivery: Delivery<'_>) {
        self.deliver(delivery);
    }
    fn disconnect(&self, reason: Disconnect) {
        self.ended.set(Some(reason));
    }
}

fn at(offset: u64) -> StreamPosition {
    StreamPosition {
        epoch: Epoch::parse("e1").unwrap(),
        offset,
    }
}

fn publication(channel: &ChannelName, offset: u64) -> Arc<Publication> {
    publication_of("e1", channel, offset)
}

fn publication_of(epoch: &str, channel: &ChannelName, offset: u64) -> Arc<Publication> {
    Arc::new(Publication {
        channel: channel.clone(),
        epoch: Epoch::parse(epoch).unwrap(),
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
                attachment.go_live(&at(0));
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
    attachments.iter().for_each(|a| a.go_live(&at(0)));
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

/// A hub whose worker has written so much that it pauses for a second.
fn busy_hub() -> Arc<Hub> {
    let hub = Arc::new(Hub::new(Coalesce::Adaptive(Pacing {
        pause_max: Duration::from_secs(1),
        ..Pacing::default()
    })));
    let rounds = hub.rounds().expect("they are chosen");
    assert!(!rounds.is_busy());
    rounds.owe_the_longest_pause();
    assert!(rounds.is_busy());
    hub
}

#[test]
fn an_idle_worker_writes_each_at_once_and_a_busy_one_gathers() {
    on_one_thread(async {
        let idle = Arc::new(Hub::default());
        let (stream, poll) = ten_through(&idle).await;
        assert_eq!((stream.batches.get(), poll.batches.get()), (2, 2));
    });
    on_one_thread(async {
        let busy = busy_hub();
        let channel = ChannelName::parse("news").unwrap();
        let stream = Rc::new(Recorder::default());
        let attachment = busy.shard().attach(&channel, stream.clone());
        attachment.go_live(&at(0));
        for offset in 1..=10 {
            busy.broadcast(&publication(&channel, offset));
            until(|| busy.inboxes.read().unwrap()[0].is_empty()).await;
        }
        assert!(stream.offsets.borrow().is_empty(), "gathered");
        until(|| stream.offsets.borrow().len() == 10).await;
        assert_eq!(stream.batches.get(), 1, "in one round");
        busy.broadcast(&publication(&channel, 11));
        until(|| stream.offsets.borrow().len() == 11).await;
    });
}

#[test]
fn a_busy_worker_answers_a_held_poll_at_once_and_lets_all_out_before_a_stop() {
    on_one_thread(async {
        let hub = busy_hub();
        let channel = ChannelName::parse("news").unwrap();
        let stream = Rc::new(Recorder::default());
        let poll = Rc::new(Recorder {
            is_held_poll: true,
            ..Recorder::default()
        });
        let _registered = hub.shard().register_connection(stream.clone());
        let attachments = [&stream, &poll].map(|r| hub.shard().attach(&channel, r.clone()));
        attachments.iter().for_each(|a| a.go_live(&at(0)));
        hub.broadcast(&publication(&channel, 1));
        until(|| poll.offsets.borrow().len() == 1).await;
        assert!(stream.offsets.borrow().is_empty(), "gathered");
        hub.disconnect_all(Disconnect::Shutdown);
        until(|| stream.ended.get().is_some()).await;
        assert_eq!(*stream.offsets.borrow(), [1]);
    });
}

#[test]
fn however_much_is_written_meanwhile_a_round_is_not_put_off() {
    on_one_thread(async {
        let hub = busy_hub();
        let rounds = hub.rounds().unwrap();
        // As a client does that pulls megabytes: the debt is never paid.
        let writing = tokio::task::spawn_local(async move {
            loop {
                rounds.owe_the_longest_pause();
                tokio::task::yield_now().await;
            }
        });
        let channel = ChannelName::parse("news").unwrap();
        let stream = Rc::new(Recorder::default());
        let attachment = hub.shard().attach(&channel, stream.clone());
        attachment.go_live(&at(0));
        for offset in 1..=2 {
            hub.broadcast(&publication(&channel, offset));
            until(|| stream.offsets.borrow().len() as u64 == offset).await;
        }
        writing.abort();
    });
}

#[test]
fn who_waits_for_a_round_is_woken_by_it() {
    on_one_thread(async {
        let hub = busy_hub();
        let rounds = hub.rounds().unwrap();
        // The loop has found nothing to do, and sleeps.
        tokio::task::yield_now().await;
        let before = rounds.current();
        let waiting = tokio::task::spawn_local(async move {
            let mut asked = false;
            std::future::poll_fn(|context| match std::mem::replace(&mut asked, true) {
                true => std::task::Poll::Ready(()),
                false => {
                    rounds.wait(context.waker());
                    std::task::Poll::Pending
                }
            })
            .await;
            rounds.current()
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        assert_eq!(waiting.await.unwrap(), before + 1);
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
        attachment.go_live(&at(0));
        hub.broadcast(&publication(&channel, 1));
        until(|| hub.inboxes.read().unwrap()[0].is_empty()).await;
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
        first.go_live(&at(0));
        let second = hub.shard().attach(&channel, late.clone());
        (1..=5).for_each(|offset| hub.broadcast(&publication(&channel, offset)));
        until(|| early.offsets.borrow().len() == 5).await;
        assert!(late.offsets.borrow().is_empty(), "held back");
        second.go_live(&at(3));
        hub.broadcast(&publication(&channel, 6));
        until(|| late.offsets.borrow().len() == 3).await;
        assert_eq!(*late.offsets.borrow(), [4, 5, 6]);
    });
}

#[test]
fn another_life_of_the_history_is_new_whatever_its_numbers() {
    on_one_thread(async {
        let hub = Arc::new(Hub::default());
        let channel = ChannelName::parse("news").unwrap();
        let (early, late) = (Rc::new(Recorder::default()), Rc::new(Recorder::default()));
        let first = hub.shard().attach(&channel, early.clone());
        first.go_live(&at(0));
        let second = hub.shard().attach(&channel, late.clone());
        // What was cleared goes on counting; what begins anew elsewhere counts from 1.
        let lives = [
            ("e0", 6),
            ("e1", 7),
            ("e1", 8),
            ("e2", 9),
            ("e3", 1),
            ("e3", 2),
        ];
        for (epoch, offset) in lives {
            hub.broadcast(&publication_of(epoch, &channel, offset));
        }
        until(|| early.offsets.borrow().len() == 6).await;
        assert_eq!(*early.offsets.borrow(), [6, 7, 8, 9, 1, 2]);
        second.go_live(&at(7));
        let expected = [8, 9, 1, 2];
        assert_eq!(*late.offsets.borrow(), expected, "6 is from before e1");
        hub.broadcast(&publication_of("e3", &channel, 3));
        until(|| late.offsets.borrow().len() == 5).await;
        assert_eq!(late.offsets.borrow().last(), Some(&3));
    });
}

#[test]
fn what_is_ephemeral_keeps_its_place_and_takes_no_offset() {
    on_one_thread(async {
        let hub = Arc::new(Hub::default());
        let channel = ChannelName::parse("news").unwrap();
        let (live, late) = (Rc::new(Recorder::default()), Rc::new(Recorder::default()));
        let first = hub.shard().attach(&channel, live.clone());
        first.go_live(&at(0));
        let second = hub.shard().attach(&channel, late.clone());
        for offset in [1, 2, 0, 0, 3, 0, 4] {
            hub.broadcast(&publication(&channel, offset));
        }
        until(|| live.offsets.borrow().len() == 7).await;
        assert_eq!(*live.offsets.borrow(), [1, 2, 0, 0, 3, 0, 4]);
        second.go_live(&at(2));
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
        first.go_live(&at(0));
        let second = hub.shard().attach(&channel, late.clone());
        second.pause();
        (1..=3).for_each(|offset| hub.broadcast(&publication(&channel, offset)));
        until(|| early.offsets.borrow().len() == 3).await;
        second.hold_back();
        (4..=6).for_each(|offset| hub.broadcast(&publication(&channel, offset)));
        until(|| early.offsets.borrow().len() == 6).await;
        assert_eq!(hub.subscribers(&channel), 2);
        assert!(late.offsets.borrow().is_empty());
        second.go_live(&at(4));
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
