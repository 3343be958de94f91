//! The power goes at a random point, again and again, and what was written last is torn.
//!
//! One crash: publishers send to three channels, several at once, with ids and without; at some write
//! or sync the disk dies; the machine comes back with some of the sectors that were not synced. Then:
//!
//! 1. the file opens, whatever was torn;
//! 2. each publication that was answered is where its answer said, and has what was published;
//! 3. nothing is there twice, and nothing that nobody published;
//! 4. offsets have no gap, the epoch is the same, and the next offset is the next one;
//! 5. what was not answered is published once more with its id, and is then there once.
//!
//! `PUSHLAB_CRASHES=10000` has as many; `PUSHLAB_SEED` begins elsewhere.

use std::{collections::HashMap, env};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

fn from_env(name: &str, otherwise: u64) -> u64 {
    let given = env::var(name).ok();
    given.map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn no_crash_loses_or_doubles_what_was_answered() {
    let (crashes, seed) = (
        from_env("PUSHLAB_CRASHES", 2_000),
        from_env("PUSHLAB_SEED", 0),
    );
    let begun = Disk::default();
    drop(open(&begun, Acknowledge::AfterCommit));
    let begun = begun.image();
    let answered = AtomicU64::new(0);
    let unanswered = AtomicU64::new(0);
    thread::scope(|scope| {
        for part in 0..2 {
            let (begun, answered, unanswered) = (&begun, &answered, &unanswered);
            scope.spawn(move || {
                for crash in (0..crashes).filter(|crash| crash % 2 == part) {
                    let (yes, no) = crash_once(begun, seed + crash);
                    answered.fetch_add(yes, Ordering::Relaxed);
                    unanswered.fetch_add(no, Ordering::Relaxed);
                }
            });
        }
    });
    let (answered, unanswered) = (answered.into_inner(), unanswered.into_inner());
    eprintln!(
        "{crashes} crashes: {answered} publications answered, {unanswered} not; none lost, none doubled"
    );
    assert!(
        answered > crashes && unanswered > crashes / 2,
        "the crashes came too early or late"
    );
}

/// How many were answered, and how many not.
fn crash_once(begun: &[u8], seed: u64) -> (u64, u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut disk = Disk::of(begun.to_vec());
    let mut answered: HashMap<(String, u64), (u64, StreamPosition)> = HashMap::new();
    let mut unanswered = Vec::new();
    let mut next = 0;
    // A machine whose power goes may lose it again soon after.
    for life in 0..random.random_range(1..3_u64) {
        let broker = match open_with(&disk, LIMITS, Acknowledge::AfterCommit, NEVER) {
            Ok(broker) => broker,
            Err(error) => panic!("seed {seed}, life {life}: {error:?}"),
        };
        disk.befalls_after(random.random_range(0..120), Fate::Dies);
        while !disk.is_over() {
            let burst: Vec<_> = (0..random.random_range(1..6))
                .map(|_| {
                    next += 1;
                    let channel = ["a", "b", "c"][random.random_range(0..3)];
                    let with_id = random.random_bool(0.5);
                    (channel, next, with_id.then(|| format!("m{next}")))
                })
                .collect();
            let names: Vec<_> = burst.iter().map(|(channel, ..)| name(channel)).collect();
            let waiting: Vec<_> = (burst.iter().zip(&names))
                .map(|((_, n, id), channel)| {
                    broker.publish(channel, draft(*n, id.as_deref()), SECOND + n)
                })
                .collect();
            for ((channel, n, id), answer) in burst.iter().zip(waiting) {
                match block_on(answer) {
                    Ok(position) => {
                        let key = (channel.to_string(), position.offset);
                        let before = answered.insert(key, (*n, position));
                        assert!(before.is_none(), "seed {seed}: an offset twice");
                    }
                    Err(_) => unanswered.push((*channel, *n, id.clone())),
                }
            }
        }
        let image = disk.after_crash(random.random_range(0..u64::MAX));
        drop(broker);
        disk = Disk::of(image);
    }
    let broker = match open_with(&disk, LIMITS, Acknowledge::AfterCommit, NEVER) {
        Ok(broker) => broker,
        Err(error) => panic!("seed {seed}: {error:?}"),
    };
    let mut counts = (answered.len() as u64, unanswered.len() as u64);
    check(&broker, seed, &answered, next);
    for (channel, n, id) in &unanswered {
        // Without an id nobody knows whether it is there.
        if id.is_some() {
            let position = publish(&broker, channel, *n, id.as_deref());
            answered.insert((channel.to_string(), position.offset), (*n, position));
        }
    }
    for channel in ["a", "b", "c"] {
        let (there, before) = all(&broker, channel);
        let position = publish(&broker, channel, 1_000_000, None);
        assert_eq!(position.offset, there.len() as u64 + 1, "seed {seed}");
        assert!(
            there.is_empty() || position.epoch == before.epoch,
            "seed {seed}"
        );
    }
    check(&broker, seed, &answered, 1_000_000);
    counts.0 += 3;
    counts
}

fn check(
    broker: &DurableBroker,
    seed: u64,
    answered: &HashMap<(String, u64), (u64, StreamPosition)>,
    last: u64,
) {
    for channel in ["a", "b", "c"] {
        let (there, position) = all(broker, channel);
        assert!(
            there
                .iter()
                .map(|(offset, _)| *offset)
                .eq(1..=position.offset),
            "seed {seed}: a gap in {there:?}"
        );
        let numbers: HashSet<_> = there.iter().map(|(_, n)| *n).collect();
        assert_eq!(
            numbers.len(),
            there.len(),
            "seed {seed}: twice in {there:?}"
        );
        assert!(
            numbers.iter().all(|n| (1..=last).contains(n)),
            "seed {seed}"
        );
        let of_channel = answered.iter().filter(|((name, _), _)| name == channel);
        for ((_, offset), (n, was)) in of_channel {
            let at = there.get(*offset as usize - 1);
            assert_eq!(at, Some(&(*offset, *n)), "seed {seed}: {channel} lost {n}");
            assert_eq!(was.epoch, position.epoch, "seed {seed}: another epoch");
        }
    }
}
