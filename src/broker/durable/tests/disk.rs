//! A disk in memory that a test takes the power from: what was written since the last sync is there in
//! part, sector by sector; or that is full.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use redb::{Builder, Database, DatabaseError, StorageBackend};

use super::super::store::Medium;

/// What a disk writes whole.
const SECTOR: usize = 512;

#[derive(Debug)]
enum Change {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn on(&self, image: &mut Vec<u8>) {
        match self {
            Self::Length(length) => image.resize(*length, 0),
            Self::Bytes(at, bytes) => {
                let end = at + bytes.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                image[*at..end].copy_from_slice(bytes);
            }
        }
    }
}

/// What happens to writes and syncs from a certain one on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The power is gone.
    Dies,
    /// It is full: nothing is written.
    IsFull,
}

#[derive(Debug, Default)]
struct Inner {
    /// What is there after a crash for certain.
    safe: Vec<u8>,
    /// What the process reads.
    seen: Vec<u8>,
    unsynced: Vec<Change>,
    /// Writes, syncs and changes of length so far.
    operations: u64,
    fate: Option<(u64, Fate)>,
}

/// See the module. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<Inner>>);

impl Disk {
    pub fn of(image: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            safe: image.clone(),
            seen: image,
            ..Inner::default()
        })))
    }

    /// From so many operations on (of those to come) this happens.
    pub fn befalls_after(&self, operations: u64, fate: Fate) {
        let mut inner = self.inner();
        inner.fate = Some((inner.operations + operations, fate));
    }

    pub fn is_well_again(&self) {
        self.inner().fate = None;
    }

    /// Whether its fate has come.
    pub fn is_over(&self) -> bool {
        let inner = self.inner();
        inner.fate.is_some_and(|(at, _)| inner.operations >= at)
    }

    pub fn operations(&self) -> u64 {
        self.inner().operations
    }

    pub fn image(&self) -> Vec<u8> {
        self.inner().seen.clone()
    }

    /// What a machine finds that starts after the power went: of each sector that was written since the
    /// last sync either what was before or what is new.
    pub fn after_crash(&self, seed: u64) -> Vec<u8> {
        let mut random = StdRng::seed_from_u64(seed);
        let inner = self.inner();
        let mut image = inner.safe.clone();
        // Sometimes all of it arrived, sometimes none.
        let arrives = [0.0, 0.5, 0.9, 1.0][random.random_range(0..4)];
        for change in &inner.unsynced {
            match change {
                Change::Length(_) if random.random_bool(arrives) => change.on(&mut image),
                Change::Length(_) => {}
                Change::Bytes(at, bytes) => {
                    for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                        if random.random_bool(arrives) {
                            Change::Bytes(at + number * SECTOR, sector.to_vec()).on(&mut image);
                        }
                    }
                }
            }
        }
        image
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let mut inner = self.inner();
        inner.operate()?;
        change.on(&mut inner.seen);
        inner.unsynced.push(change);
        Ok(())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }
}

impl Inner {
    fn operate(&mut self) -> io::Result<()> {
        let number = self.operations;
        self.operations += 1;
        match self.fate {
            Some((at, Fate::Dies)) if number >= at => Err(io::Error::other("the power is gone")),
            Some((at, Fate::IsFull)) if number >= at => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.inner().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inner = self.inner();
        let from = offset as usize;
        let there = inner.seen.get(from..from + out.len());
        out.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::Length(len as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut inner = self.inner();
        inner.operate()?;
        let Inner { safe, unsynced, .. } = &mut *inner;
        unsynced.drain(..).for_each(|change| change.on(safe));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Bytes(offset as usize, data.to_vec()))
    }
}

impl Medium for Disk {
    fn open(&self, builder: &mut Builder) -> Result<Database, DatabaseError> {
        builder.create_with_backend(self.clone())
    }

    fn bytes(&self) -> u64 {
        self.inner().seen.len() as u64
    }
}
