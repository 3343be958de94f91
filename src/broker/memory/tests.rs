//! The memory broker, beside what every broker must do (`contract`).

use super::*;
use crate::broker::contract;

fn limits() -> MemoryLimits {
    MemoryLimits {
        history: contract::LIMITS,
        max_channels: 100,
        budget_bytes: 10 << 20,
    }
}

#[test]
fn memory_broker_meets_the_contract() {
    contract::run(&|on_publication| {
        let around = Surroundings {
            on_publication,
            on_found: Box::new(|_, _| ()),
            has_audience: Box::new(|_| false),
            is_reserved: Box::new(|_| false),
        };
        Arc::new(MemoryBroker::new(limits(), around))
    });
}

fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).unwrap()
}

fn broker(limits: MemoryLimits) -> MemoryBroker {
    let heard = |channel: &ChannelName| channel.as_str().starts_with("heard");
    let own = |channel: &ChannelName| channel.as_str().starts_with("own");
    let around = Surroundings {
        on_publication: Box::new(|_| ()),
        on_found: Box::new(|_, _| ()),
        has_audience: Box::new(heard),
        is_reserved: Box::new(own),
    };
    MemoryBroker::new(limits, around)
}

fn publish(broker: &MemoryBroker, channel: &str, bytes: usize, now_us: u64) -> StreamPosition {
    let data = serde_json::value::to_raw_value(&"x".repeat(bytes)).unwrap();
    broker
        .publish_now(&name(channel), Draft::new("tick", data), now_us)
        .unwrap()
}

/// Offsets after `position`, if all of them are there.
fn recovered(broker: &MemoryBroker, channel: &str, position: &str) -> Option<Vec<u64>> {
    let start = Start {
        position: position.parse().ok(),
        history: None,
    };
    let history = broker.history(&name(channel)).unwrap();
    let recovery = lock(&history).recover(&start, 1);
    let offsets = recovery.publications.iter().map(|p| p.offset).collect();
    recovery.recovered.then_some(offsets)
}

/// The sum that is kept is the sum that is there.
fn held(broker: &MemoryBroker) -> usize {
    let channels = broker.channels.read().unwrap();
    let sums = channels.values().map(|history| {
        let bytes = HistoryBytes::of(&lock(history));
        (bytes.publications, bytes.ids)
    });
    let (publications, ids) = sums.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    assert_eq!(broker.total.ids(), ids);
    assert_eq!(broker.total.all(), publications + ids);
    publications + ids
}

#[test]
fn channels_that_somebody_hears_are_never_given_up() {
    let limits = MemoryLimits {
        max_channels: 2,
        ..limits()
    };
    let broker = broker(limits);
    let first = publish(&broker, "idle", 10, 1);
    publish(&broker, "heard-1", 10, 2);
    publish(&broker, "newcomer", 10, 3);
    publish(&broker, "heard-2", 10, 4);
    assert_eq!(broker.channels(), 2);
    assert_eq!(
        broker.history(&name("newcomer")).map(drop),
        Err(BrokerError::TooManyChannels(2))
    );
    held(&broker);
    broker.tidy_up(100_000_000, &|channel| *channel == name("heard-1"));
    assert_eq!(broker.channels(), 1);
    let again = publish(&broker, "idle", 10, 5);
    assert_ne!(again.epoch, first.epoch, "old positions are void");
    held(&broker);
}

#[test]
fn the_lab_s_own_channels_have_their_place_in_a_full_table() {
    let broker = broker(MemoryLimits {
        max_channels: 3,
        ..limits()
    });
    let first = publish(&broker, "own-1", 10, 1);
    publish(&broker, "heard-1", 10, 2);
    publish(&broker, "heard-2", 10, 3);
    publish(&broker, "own-2", 10, 4);
    assert!(broker.history(&name("heard-3")).is_err(), "it is full");
    let again = publish(&broker, "own-1", 10, 5);
    assert_eq!((again.epoch, again.offset), (first.epoch, 2), "kept");
    held(&broker);
}

#[test]
fn the_lab_s_own_channels_are_the_last_to_lose_history() {
    let broker = broker(MemoryLimits {
        budget_bytes: 8_000,
        ..limits()
    });
    let own = publish(&broker, "own", 1_000, 1);
    for n in 0..40 {
        publish(&broker, &format!("heard-{n}"), 1_000, 2 + n);
    }
    let all = format!("{}:0", own.epoch.as_str());
    assert_eq!(recovered(&broker, "own", &all), Some(vec![1]));
    for n in 0..40 {
        publish(&broker, "own", 1_000, 100 + n);
    }
    assert!(held(&broker) <= 8_000, "its own budget holds all the same");
    assert_eq!(recovered(&broker, "own", &all), None);
}

#[test]
fn ten_thousand_channels_of_a_mebibyte_keep_within_the_budget() {
    const BUDGET: usize = 64 << 20;
    let broker = broker(MemoryLimits {
        history: HistoryLimits {
            max_count: 1_000,
            max_bytes: 1 << 20,
            max_age_us: 600_000_000,
            ids: contract::LIMITS.ids,
        },
        max_channels: 10_000,
        budget_bytes: BUDGET,
    });
    let heard = publish(&broker, "heard", 1_000, 1);
    let data = serde_json::value::to_raw_value(&"x".repeat(65_000)).unwrap();
    for n in 0..10_000 {
        let channel = format!("c{n}");
        (0..16).for_each(|_| {
            let draft = Draft::new("tick", data.clone());
            drop(broker.publish_now(&name(&channel), draft, n + 2));
        });
        assert!(broker.total.all() <= BUDGET);
    }
    assert!(held(&broker) > BUDGET / 2, "it is used");
    let start = format!("{}:0", heard.epoch.as_str());
    assert_eq!(recovered(&broker, "heard", &start), Some(vec![1]));
}

#[test]
fn idle_histories_go_first_then_the_oldest_and_nothing_is_recovered_with_a_gap() {
    let broker = broker(MemoryLimits {
        budget_bytes: 8_000,
        ..limits()
    });
    let idle = publish(&broker, "idle", 1_000, 1);
    let a = publish(&broker, "heard-a", 1_000, 2);
    let b = publish(&broker, "heard-b", 1_000, 3);
    for n in 0..3 {
        publish(&broker, "heard-a", 1_000, 4 + n);
    }
    let from = |position: &StreamPosition, offset| format!("{}:{offset}", position.epoch.as_str());
    assert!(recovered(&broker, "idle", &from(&idle, 0)).is_some());
    publish(&broker, "heard-b", 1_000, 9);
    publish(&broker, "heard-b", 1_000, 10);
    assert_eq!(recovered(&broker, "idle", &from(&idle, 0)), None);
    assert_eq!(
        recovered(&broker, "idle", &from(&idle, 1)),
        Some(vec![]),
        "its position outlives what it kept"
    );
    publish(&broker, "heard-b", 1_000, 11);
    publish(&broker, "heard-b", 1_000, 12);
    assert_eq!(recovered(&broker, "heard-a", &from(&a, 0)), None);
    let latest = recovered(&broker, "heard-b", &from(&b, 4));
    assert_eq!(latest, Some(vec![5]));
    held(&broker);
}

fn publish_with_id(broker: &MemoryBroker, channel: &str, id: &str, now_us: u64) -> u64 {
    let data = serde_json::value::to_raw_value(&1).unwrap();
    let mut draft = Draft::new("tick", data);
    draft.id = Some(id.into());
    let position = broker.publish_now(&name(channel), draft, now_us);
    position.unwrap().offset
}

#[test]
fn a_flood_ends_no_window_of_somebody_else() {
    let broker = broker(MemoryLimits {
        budget_bytes: 40_000,
        ..limits()
    });
    for channel in ["idle", "heard"] {
        publish_with_id(&broker, channel, "mine", 1);
        publish(&broker, channel, 100, 1);
    }
    (0..200).for_each(|n| drop(publish(&broker, "flood", 5_000, 2 + n)));
    let start = format!("{}:0", publish(&broker, "idle", 1, 300).epoch.as_str());
    assert_eq!(recovered(&broker, "idle", &start), None, "it was evicted");
    for n in 0..500 {
        publish_with_id(&broker, "heard-flood", &n.to_string(), 400);
        assert!(broker.total.ids() <= 10_000);
    }
    for channel in ["idle", "heard"] {
        assert_eq!(
            publish_with_id(&broker, channel, "mine", 500),
            1,
            "{channel}"
        );
    }
    held(&broker);
}

#[test]
fn ids_alone_are_never_so_many_that_there_is_nothing_to_evict() {
    let broker = broker(MemoryLimits {
        budget_bytes: 20_000,
        ..limits()
    });
    for n in 0..90 {
        let channel = format!("heard-{n}");
        publish_with_id(&broker, &channel, "a", n);
        publish_with_id(&broker, &channel, "b", n);
        assert!(broker.total.ids() <= 5_000);
        assert!(broker.total.all() <= 20_000, "{}", broker.total.all());
    }
    held(&broker);
}
