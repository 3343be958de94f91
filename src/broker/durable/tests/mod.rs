//! The durable broker, beside what every broker must do (`contract`): restarts, crashes with torn
//! writes, full disks, damage, growth.

mod crashes;
mod disk;

use std::{
    collections::HashSet,
    fs,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use serde_json::value::to_raw_value;

use self::disk::{Disk, Fate};
use super::{
    store::{Contents, Store},
    *,
};
use crate::{
    broker::{
        OnPublication,
        contract::{self, block_on},
        memory::lock,
    },
    channel::{JOIN_EVENT, LEAVE_EVENT, Origin, history::HistoryLimits, idempotence::IdLimits},
};

const SECOND: u64 = 1_000_000;
const NEVER: Duration = Duration::from_secs(3_600);

const LIMITS: MemoryLimits = MemoryLimits {
    history: HistoryLimits {
        max_count: 100_000,
        max_bytes: 10 << 20,
        max_age_us: 600 * SECOND,
        ids: IdLimits {
            max_count: 10_000,
            max_bytes: 1 << 20,
            max_age_us: 300 * SECOND,
        },
    },
    max_channels: 1_000,
    budget_bytes: 64 << 20,
};

fn around(on_publication: OnPublication) -> Surroundings {
    Surroundings {
        on_publication,
        on_found: Box::new(|_, _| ()),
        has_audience: Box::new(|_| false),
        is_reserved: Box::new(|_| false),
    }
}

fn open_with(
    disk: &Disk,
    limits: MemoryLimits,
    acknowledge: Acknowledge,
    retry_every: Duration,
) -> Result<DurableBroker, StoreError> {
    let around = around(Box::new(|_| ()));
    let medium = Box::new(disk.clone());
    DurableBroker::on(medium, limits, acknowledge, around, SECOND, retry_every)
}

fn open(disk: &Disk, acknowledge: Acknowledge) -> DurableBroker {
    open_with(disk, LIMITS, acknowledge, NEVER).unwrap()
}

/// As the next process finds it.
fn contents(disk: &Disk) -> Result<Contents, StoreError> {
    Store::open(disk)?.read(SECOND)
}

fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).unwrap()
}

fn draft(n: u64, id: Option<&str>) -> Draft {
    Draft {
        id: id.map(Into::into),
        ..Draft::new("tick", to_raw_value(&n).unwrap())
    }
}

fn publish(broker: &DurableBroker, channel: &str, n: u64, id: Option<&str>) -> StreamPosition {
    block_on(broker.publish(&name(channel), draft(n, id), SECOND + n)).unwrap()
}

/// Everything that a channel has: offset and number of each, and its position.
fn all(broker: &DurableBroker, channel: &str) -> (Vec<(u64, u64)>, StreamPosition) {
    let start = Start {
        position: None,
        history: Some(usize::MAX),
    };
    let recovery = block_on(broker.recover(&name(channel), &start, 2 * SECOND)).unwrap();
    let numbers = recovery.publications.iter().map(|p| {
        let n = p.data.get().parse().expect("a number was published");
        (p.offset, n)
    });
    (numbers.collect(), recovery.position)
}

fn is_recovered(broker: &DurableBroker, channel: &str, position: &StreamPosition) -> bool {
    let start = Start {
        position: Some(position.clone()),
        history: None,
    };
    let recovery = block_on(broker.recover(&name(channel), &start, 2 * SECOND));
    recovery.unwrap().recovered
}

/// A file's place of a test's own.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let own = format!("pushlab-durable-{}-{number}", process::id());
        let folder = std::env::temp_dir().join(own);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("kept.redb")
    }

    fn open(&self) -> Result<DurableBroker, OpenError> {
        let around = around(Box::new(|_| ()));
        DurableBroker::open(
            &self.file(),
            LIMITS,
            Acknowledge::AfterCommit,
            around,
            SECOND,
        )
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_durable_broker_meets_the_contract_whenever_it_answers() {
    let limits = MemoryLimits {
        history: contract::LIMITS,
        ..LIMITS
    };
    for acknowledge in [Acknowledge::AfterCommit, Acknowledge::Early] {
        contract::run(&|on_publication| {
            let medium = Box::new(Disk::default());
            let around = around(on_publication);
            let broker = DurableBroker::on(medium, limits, acknowledge, around, 0, NEVER);
            Arc::new(broker.unwrap())
        });
    }
}

#[test]
fn on_a_real_file_too() {
    let limits = MemoryLimits {
        history: contract::LIMITS,
        ..LIMITS
    };
    let place = Place::new();
    let made = AtomicU64::new(0);
    contract::run(&|on_publication| {
        let number = made.fetch_add(1, Ordering::Relaxed);
        let path = place.0.join(number.to_string());
        let acknowledge = Acknowledge::AfterCommit;
        let broker = DurableBroker::open(&path, limits, acknowledge, around(on_publication), 0);
        Arc::new(broker.unwrap())
    });
}

#[test]
fn a_stop_changes_nothing_whenever_it_answers() {
    for acknowledge in [Acknowledge::AfterCommit, Acknowledge::Early] {
        let disk = Disk::default();
        let broker = open(&disk, acknowledge);
        let first = publish(&broker, "a", 1, Some("m1"));
        let second = publish(&broker, "a", 2, None);
        let origin = Origin {
            user: Some("ann".into()),
            ..Origin::default()
        };
        let from_ann = Draft {
            origin: Some(Box::new(origin.clone())),
            ..draft(3, None)
        };
        block_on(broker.publish(&name("b"), from_ann, SECOND)).unwrap();
        let cleared = block_on(broker.clear(&name("c"), draft(4, None), SECOND)).unwrap();
        let empty = all(&broker, "told").1;
        drop(broker);

        let found = Arc::new(Mutex::new(Vec::new()));
        let noted = found.clone();
        let around = Surroundings {
            on_found: Box::new(move |p, since_us| {
                noted
                    .lock()
                    .unwrap()
                    .push((p.data.get().to_owned(), since_us));
            }),
            ..around(Box::new(|_| panic!("what is found is handed to nobody")))
        };
        let medium = Box::new(disk.clone());
        let later = 3 * SECOND;
        let broker = DurableBroker::on(medium, LIMITS, acknowledge, around, later, NEVER);
        let broker = broker.unwrap();
        let mut found = found.lock().unwrap().clone();
        found.sort();
        let numbers: Vec<_> = found.iter().map(|(n, _)| &**n).collect();
        assert_eq!(numbers, ["1", "2", "3", "4"]);
        assert_eq!(found[1].1, SECOND + 2, "ages go on");
        let (there, position) = all(&broker, "a");
        assert_eq!(there, [(1, 1), (2, 2)]);
        assert_eq!(position, second, "epoch and offsets go on");
        assert!(is_recovered(&broker, "a", &first));
        assert!(is_recovered(&broker, "c", &cleared));
        assert!(is_recovered(&broker, "told", &empty), "{empty}");
        let history = broker.memory.existing(&name("b")).unwrap();
        let history = lock(&history);
        let entry = history.entries().next().unwrap().0;
        assert_eq!(entry.origin.as_deref(), Some(&origin));
        drop(history);
        drop(broker);

        let broker = open(&disk, acknowledge);
        assert_eq!(
            publish(&broker, "a", 1, Some("m1")),
            first,
            "the id is known"
        );
        let third = publish(&broker, "a", 5, None);
        assert_eq!((third.epoch, third.offset), (second.epoch, 3));
    }
}

#[test]
fn who_was_there_when_the_power_went_is_told_once_it_is_back() {
    let disk = Disk::default();
    let broker = open(&disk, Acknowledge::AfterCommit);
    let change = |event, client: &str| {
        let data = serde_json::json!({"client": client, "name": "N"});
        let draft = Draft::new(event, to_raw_value(&data).unwrap());
        block_on(broker.publish(&name("presence-a"), draft, SECOND)).unwrap();
    };
    change(JOIN_EVENT, "ann");
    change(JOIN_EVENT, "bob");
    change(LEAVE_EVENT, "ann");
    block_on(broker.clear(&name("presence-a"), draft(1, None), SECOND)).unwrap();
    let disk = Disk::of(disk.after_crash(0));
    let broker = open(&disk, Acknowledge::AfterCommit);
    let left = broker.left_over();
    let left: Vec<_> = (left.iter())
        .map(|(channel, member)| (channel.as_str(), &*member.client, &*member.name))
        .collect();
    assert_eq!(left, [("presence-a", "bob", "N")]);
    assert!(broker.left_over().is_empty());
}

#[test]
fn what_came_early_and_is_lost_voids_positions_and_what_is_there_stays() {
    let disk = Disk::default();
    let broker = open(&disk, Acknowledge::Early);
    let first = publish(&broker, "a", 1, Some("m1"));
    // Waits for a commit of all before.
    while contents(&Disk::of(disk.after_crash(0))).is_ok_and(|there| there.found.is_empty()) {
        thread::yield_now();
    }
    disk.befalls_after(0, Fate::Dies);
    let lost = publish(&broker, "a", 2, None);
    assert_eq!(lost.offset, 2, "it was answered");
    let disk = Disk::of(disk.after_crash(1));
    drop(broker);
    let broker = open(&disk, Acknowledge::Early);
    let (there, position) = all(&broker, "a");
    assert_eq!(there, [(1, 1)]);
    assert_ne!(position.epoch, first.epoch);
    assert!(!is_recovered(&broker, "a", &first), "2 may have been seen");
    assert_eq!(publish(&broker, "a", 1, Some("m1")).offset, 1, "ids go on");
    let again = publish(&broker, "a", 3, None);
    assert_eq!((&again.epoch, again.offset), (&position.epoch, 2));
    drop(broker);
    let broker = open(&disk, Acknowledge::AfterCommit);
    assert_eq!(all(&broker, "a").0, [(1, 1), (2, 3)]);
    assert_eq!(
        all(&broker, "a").1.epoch,
        again.epoch,
        "it was closed in order"
    );
}

#[test]
fn a_full_disk_refuses_keeps_what_is_there_and_goes_on_when_there_is_room() {
    // How many operations a script takes.
    let script = |broker: &DurableBroker| -> Vec<_> {
        let answers = (10..16).map(|n| {
            let id = n.to_string();
            let channel = name(["a", "b"][n as usize % 2]);
            let answer = block_on(broker.publish(&channel, draft(n, Some(&id)), SECOND + n));
            (n, answer)
        });
        answers.collect()
    };
    let disk = Disk::default();
    let broker = open(&disk, Acknowledge::AfterCommit);
    publish(&broker, "a", 1, None);
    let before = disk.operations();
    script(&broker);
    let operations = disk.operations() - before;
    drop(broker);
    for full_at in 0..operations {
        let disk = Disk::default();
        let broker = open_with(&disk, LIMITS, Acknowledge::AfterCommit, Duration::ZERO).unwrap();
        let first = publish(&broker, "a", 1, None);
        disk.befalls_after(full_at, Fate::IsFull);
        let answers = script(&broker);
        let refused: Vec<_> = answers
            .iter()
            .filter(|(_, answer)| answer.is_err())
            .collect();
        for (_, answer) in &refused {
            assert!(
                matches!(answer, Err(BrokerError::CannotKeep(_))),
                "{answer:?}"
            );
        }
        assert!(is_recovered(&broker, "a", &first), "reading goes on");
        disk.is_well_again();
        let begun = std::time::Instant::now();
        while broker.health.check().is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{full_at}: it stays ill"
            );
            thread::yield_now();
        }
        script(&broker);
        for channel in ["a", "b"] {
            let (there, _) = all(&broker, channel);
            let numbers: HashSet<_> = there.iter().map(|(_, n)| *n).collect();
            assert_eq!(numbers.len(), there.len(), "{full_at}: none twice");
            assert_eq!(there.len(), if channel == "a" { 4 } else { 3 }, "{full_at}");
        }
        let before = [all(&broker, "a"), all(&broker, "b")];
        drop(broker);
        let broker = open(&disk, Acknowledge::AfterCommit);
        assert_eq!([all(&broker, "a"), all(&broker, "b")], before, "{full_at}");
    }
}

#[test]
fn one_bit_that_is_other_is_found_or_does_not_matter() {
    const PAGE: usize = 4_096;
    let disk = Disk::default();
    let broker = open(&disk, Acknowledge::AfterCommit);
    for n in 0..200 {
        publish(&broker, &format!("c{}", n % 5), n, Some(&n.to_string()));
    }
    drop(broker);
    let image = disk.image();
    let whole = |disk: &Disk| -> Result<Vec<_>, StoreError> {
        let found = contents(disk)?.found.into_iter().map(|found| {
            let entries = found.entries.iter().map(|(p, _)| format!("{p:?}"));
            (
                found.channel.to_string(),
                entries.collect::<Vec<_>>(),
                found.ids.len(),
            )
        });
        let mut found: Vec<_> = found.collect();
        found.sort();
        Ok(found)
    };
    let expected = whole(&disk).unwrap();
    let mut damaged = 0;
    for page in 0..image.len() / PAGE {
        let mut image = image.clone();
        image[page * PAGE + page * 37 % 64] ^= 1 << (page % 8);
        match whole(&Disk::of(image)) {
            Ok(found) => assert_eq!(found, expected, "page {page} was served"),
            Err(StoreError::Damaged(_) | StoreError::Unknown(_)) => damaged += 1,
            Err(other) => panic!("page {page}: {other:?}"),
        }
    }
    assert!(damaged > 5, "{damaged} of {} pages", image.len() / PAGE);
}

#[test]
fn the_file_has_no_more_than_the_histories() {
    let limits = MemoryLimits {
        history: HistoryLimits {
            max_count: 10,
            ..LIMITS.history
        },
        max_channels: 4,
        ..LIMITS
    };
    let disk = Disk::default();
    let broker = open_with(&disk, limits, Acknowledge::AfterCommit, NEVER).unwrap();
    let mut sizes = Vec::new();
    for n in 0..3_000 {
        // Channels give way to others, too.
        publish(&broker, &format!("c{}", n / 500), n, None);
        if n % 1_000 == 999 {
            sizes.push(disk.bytes());
        }
    }
    assert_eq!(sizes[1], sizes[2], "rows that go make room for others");
    drop(broker);
    let there = contents(&disk).unwrap();
    assert!(there.over.is_empty());
    assert!(there.found.len() <= 4, "{}", there.found.len());
    let rows = there.found.iter().map(|found| found.entries.len());
    assert!(
        rows.clone().all(|rows| rows <= 10),
        "{:?}",
        rows.collect::<Vec<_>>()
    );
}

#[test]
fn a_file_that_is_not_to_be_used_says_what_to_do() {
    let place = Place::new();
    let broker = place.open().unwrap();
    publish(&broker, "a", 1, None);
    let said = |opened: Result<DurableBroker, OpenError>| match opened {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    };
    let in_use = said(place.open());
    assert!(in_use.contains("in use by another pushlab") && in_use.contains("--data-dir"));
    drop(broker);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(place.file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "its owner's alone");
    }
    let whole = fs::read(place.file()).unwrap();
    for cut in [1, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(place.file(), &whole[..cut]).unwrap();
        let damaged = said(place.open());
        assert!(
            damaged.contains("is damaged") && damaged.contains("move it away"),
            "{damaged}"
        );
        assert_eq!(
            fs::read(place.file()).unwrap().len(),
            cut,
            "it is left as it is"
        );
    }
    fs::write(place.file(), "no store at all, whatever its name").unwrap();
    assert!(said(place.open()).contains("is damaged"));
    fs::remove_file(place.file()).unwrap();
    assert!(all(&place.open().unwrap(), "a").0.is_empty(), "begun anew");
}
