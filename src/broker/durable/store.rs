//! The file: an embedded store (redb) with five tables, changed by one commit at a time.
//!
//! - Commits are two-phase: the root of a commit is only switched to after its pages are on the disk.
//!   redb asks for that where input may be hostile, since a one-phase commit rests on a checksum alone
//!   (its design notes, "Security of 1PC+C").
//! - At each start the checksum of every page is verified, and every row is read into memory; what is
//!   served comes from memory alone. So damage is found before anything is served, and not later.
//! - A panic of the store over a damaged file is an error like any other.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, Table,
    TableDefinition, TableError, WriteTransaction,
};

use super::records::{FORM, read_channel, read_entry, read_id};
use crate::channel::{
    ChannelName, JOIN_EVENT, LEAVE_EVENT, Publication, StreamPosition, presence::Change,
};

type Rows = TableDefinition<'static, (u64, u64), &'static [u8]>;

const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");
const CHANNELS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("channels");
const ENTRIES: Rows = TableDefinition::new("entries");
const IDS: Rows = TableDefinition::new("ids");
/// Channel and client → the join's data.
const MEMBERS: TableDefinition<'static, (&str, &str), &str> = TableDefinition::new("members");

/// In META: the form of the rows.
const FORM_KEY: &str = "form";
/// In META while a node that answers before the commit has the file: then somebody may have seen what
/// is not in it.
const EARLY_KEY: &str = "early";

/// Memory that the store takes for pages.
const CACHE_BYTES: usize = 16 << 20;
/// From this size on each commit also writes which pages are free, so that a start after a crash need
/// not find that out.
const QUICK_REPAIR_FROM_BYTES: u64 = 64 << 20;

/// Why the file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// Another process has it.
    InUse,
    /// It is not what was written.
    Damaged(String),
    /// Its rows have a form that this version does not know.
    Unknown(u64),
    /// The disk refused.
    Disk(String),
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::InUse,
            redb::Error::Corrupted(why) => Self::Damaged(why),
            redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self::Damaged(error.to_string())
            }
            redb::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Damaged("it ends too early".to_owned())
            }
            redb::Error::Io(error) => Self::Disk(error.to_string()),
            redb::Error::UpgradeRequired(form) => Self::Unknown(form.into()),
            redb::Error::TableTypeMismatch { table, .. } => {
                Self::Damaged(format!("its table {table} is none of ours"))
            }
            other => Self::Disk(other.to_string()),
        }
    }
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        redb::Error::from(error).into()
    }
}

/// What a file is kept on. Tests have one that tears.
pub trait Medium: Send {
    /// Opens the store, a new one where there is none.
    fn open(&self, builder: &mut Builder) -> Result<Database, DatabaseError>;
    /// Size of the file.
    fn bytes(&self) -> u64;
}

/// A file on the disk.
pub struct OnDisk(pub PathBuf);

impl Medium for OnDisk {
    fn open(&self, builder: &mut Builder) -> Result<Database, DatabaseError> {
        let path = &self.0;
        // A new file is made beside its place: a crash before it is whole leaves none that looks
        // damaged.
        if fs::metadata(path).map_or(true, |there| there.len() == 0) {
            let new = path.with_extension("new");
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
            // What people say is in it: it is for its owner alone.
            let mut options = File::options();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(&new)?;
            builder.create(&new)?.close()?;
            fs::rename(&new, path)?;
            sync_folder(path)?;
        }
        builder.open(path)
    }

    fn bytes(&self) -> u64 {
        fs::metadata(&self.0).map_or(0, |there| there.len())
    }
}

/// So that a name is on the disk, too.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// One life of a channel, as the file has it.
pub struct Found {
    pub number: u64,
    pub channel: ChannelName,
    pub position: StreamPosition,
    /// Oldest first, with when each came.
    pub entries: Vec<(Arc<Publication>, u64)>,
    /// Oldest first: id, offset, when it came.
    pub ids: Vec<(Box<str>, u64, u64)>,
}

/// Everything that a file has.
pub struct Contents {
    pub found: Vec<Found>,
    /// Who was in which channel, by its joins and leaves.
    pub members: Vec<(ChannelName, Change)>,
    /// Numbers of lives that were over, whose rows are still there.
    pub over: Vec<u64>,
    /// A node that answers before the commit had it, and did not close it.
    pub is_torn_off: bool,
}

/// See the module.
pub struct Store {
    database: Database,
    bytes: u64,
}

impl Store {
    /// Opens the file and verifies it.
    pub fn open(medium: &dyn Medium) -> Result<Self, StoreError> {
        let mut builder = Builder::new();
        builder
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(true);
        let database = guarded(|| Ok(medium.open(&mut builder)?))?;
        Ok(Self {
            database,
            bytes: medium.bytes(),
        })
    }

    /// Reads all of it. Times that are later than `now_us` become it: they are of a process whose clock
    /// ran ahead.
    pub fn read(&self, now_us: u64) -> Result<Contents, StoreError> {
        guarded(|| self.read_all(now_us))
    }

    fn read_all(&self, now_us: u64) -> Result<Contents, StoreError> {
        let nothing = || Contents {
            found: Vec::new(),
            members: Vec::new(),
            over: Vec::new(),
            is_torn_off: false,
        };
        let transaction = self.database.begin_read().map_err(redb::Error::from)?;
        let meta = match transaction.open_table(META) {
            Ok(meta) => meta,
            Err(TableError::TableDoesNotExist(_)) => return Ok(nothing()),
            Err(error) => return Err(redb::Error::from(error).into()),
        };
        let read_meta = |key| -> Result<Option<u64>, StoreError> {
            let row = meta.get(key).map_err(redb::Error::from)?;
            Ok(row.map(|row| row.value()))
        };
        match read_meta(FORM_KEY)? {
            Some(FORM) => {}
            Some(other) => return Err(StoreError::Unknown(other)),
            None => return Err(StoreError::Damaged("its form is not in it".to_owned())),
        }
        let mut lives = HashMap::new();
        let channels = transaction
            .open_table(CHANNELS)
            .map_err(redb::Error::from)?;
        for row in channels.iter().map_err(redb::Error::from)? {
            let (number, row) = row.map_err(redb::Error::from)?;
            let number = number.value();
            let (channel, position) = read_channel(row.value())
                .ok_or_else(|| StoreError::Damaged(format!("channel {number} is no row")))?;
            let found = Found {
                number,
                channel,
                position,
                entries: Vec::new(),
                ids: Vec::new(),
            };
            lives.insert(number, found);
        }
        each_row(&transaction, ENTRIES, |number, offset, row| {
            let found = lives.get_mut(&number)?;
            let position = StreamPosition {
                epoch: found.position.epoch.clone(),
                offset,
            };
            let follows = match found.entries.last() {
                Some((last, _)) => last.offset + 1 == offset,
                None => true,
            };
            let (entry, since_us) = read_entry(row, &found.channel, position)?;
            found.entries.push((entry, since_us.min(now_us)));
            follows.then_some(())
        })?;
        each_row(&transaction, IDS, |number, offset, row| {
            let (since_us, id) = read_id(row)?;
            let found = lives.get_mut(&number)?;
            found.ids.push((id.into(), offset, since_us.min(now_us)));
            Some(())
        })?;
        let mut members = Vec::new();
        let rows = transaction.open_table(MEMBERS).map_err(redb::Error::from)?;
        for row in rows.iter().map_err(redb::Error::from)? {
            let (key, data) = row.map_err(redb::Error::from)?;
            let member = serde_json::from_str(data.value())
                .map_err(|error| StoreError::Damaged(format!("a member is no row: {error}")))?;
            members.push((ChannelName::scoped("", key.value().0), member));
        }
        let mut newest = HashMap::<ChannelName, u64>::new();
        for found in lives.values() {
            let number = newest.entry(found.channel.clone()).or_default();
            *number = found.number.max(*number);
        }
        let is_newest = |found: &Found| newest.get(&found.channel) == Some(&found.number);
        let (found, over): (Vec<_>, Vec<_>) = lives.into_values().partition(is_newest);
        let ends_elsewhere = found.iter().find(|found| {
            let last = found.entries.last();
            last.is_some_and(|(last, _)| last.offset != found.position.offset)
        });
        if let Some(found) = ends_elsewhere {
            let why = format!("the last publications of {} are missing", found.channel);
            return Err(StoreError::Damaged(why));
        }
        Ok(Contents {
            found,
            members,
            over: over.into_iter().map(|found| found.number).collect(),
            is_torn_off: read_meta(EARLY_KEY)?.is_some(),
        })
    }

    /// The numbers of all lives.
    pub fn numbers(&self) -> Result<Vec<u64>, StoreError> {
        guarded(|| {
            let transaction = self.database.begin_read().map_err(redb::Error::from)?;
            let channels = match transaction.open_table(CHANNELS) {
                Ok(channels) => channels,
                Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                Err(error) => return Err(redb::Error::from(error).into()),
            };
            let numbers = channels.iter().map_err(redb::Error::from)?;
            let numbers = numbers.map(|row| Ok(row.map_err(redb::Error::from)?.0.value()));
            numbers.collect()
        })
    }

    /// Changes the tables, all or nothing, and returns when that is on the disk.
    pub fn commit(
        &self,
        change: impl FnOnce(&mut Tables<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StoreError> {
        guarded(|| {
            let mut transaction = self.database.begin_write().map_err(redb::Error::from)?;
            transaction.set_two_phase_commit(true);
            transaction.set_quick_repair(self.bytes >= QUICK_REPAIR_FROM_BYTES);
            {
                let mut tables = Tables::of(&transaction).map_err(redb::Error::from)?;
                change(&mut tables).map_err(redb::Error::from)?;
            }
            transaction.commit().map_err(redb::Error::from)?;
            Ok(())
        })
    }

    /// Notes the size of its file, by which later commits go.
    pub fn note_bytes(&mut self, bytes: u64) {
        self.bytes = bytes;
    }

    /// Lets go of the file.
    pub fn close(self) -> Result<(), StoreError> {
        guarded(|| Ok(self.database.close()?))
    }
}

/// Calls for each row, in the order of the keys: number, offset, bytes. `None`: it is no row of ours.
fn each_row(
    transaction: &redb::ReadTransaction,
    table: Rows,
    mut look: impl FnMut(u64, u64, &[u8]) -> Option<()>,
) -> Result<(), StoreError> {
    let rows = transaction.open_table(table).map_err(redb::Error::from)?;
    for row in rows.iter().map_err(redb::Error::from)? {
        let (key, value) = row.map_err(redb::Error::from)?;
        let (number, offset) = key.value();
        look(number, offset, value.value()).ok_or_else(|| {
            StoreError::Damaged(format!("row {offset} of channel {number} is none of ours"))
        })?;
    }
    Ok(())
}

/// What the store does, where it may panic over a file that it did not write.
fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| {
        let why = "the store does not know what to make of it".to_owned();
        Err(StoreError::Damaged(why))
    })
}

/// The tables, to be changed.
pub struct Tables<'t> {
    meta: Table<'t, &'static str, u64>,
    pub channels: Table<'t, u64, &'static [u8]>,
    pub entries: Table<'t, (u64, u64), &'static [u8]>,
    pub ids: Table<'t, (u64, u64), &'static [u8]>,
    members: Table<'t, (&'static str, &'static str), &'static str>,
}

impl<'t> Tables<'t> {
    fn of(transaction: &'t WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            channels: transaction.open_table(CHANNELS)?,
            entries: transaction.open_table(ENTRIES)?,
            ids: transaction.open_table(IDS)?,
            members: transaction.open_table(MEMBERS)?,
        })
    }

    /// Notes the form of the rows, and whether somebody may see what is not in the file.
    pub fn begin(&mut self, is_early: bool) -> Result<(), StorageError> {
        self.meta.insert(FORM_KEY, FORM)?;
        match is_early {
            true => drop(self.meta.insert(EARLY_KEY, 1)?),
            false => drop(self.meta.remove(EARLY_KEY)?),
        }
        Ok(())
    }

    /// Notes who is there, if the publication is a join or a leave.
    pub fn note_member(&mut self, publication: &Publication) -> Result<(), StorageError> {
        let is_join = *publication.event == *JOIN_EVENT;
        let is_either = is_join || *publication.event == *LEAVE_EVENT;
        if !is_either || !publication.channel.announces_presence() {
            return Ok(());
        }
        let data = publication.data.get();
        let Ok(member) = serde_json::from_str::<Change>(data) else {
            return Ok(());
        };
        let key = (publication.channel.as_str(), &*member.client);
        match is_join {
            true => drop(self.members.insert(key, data)?),
            false => drop(self.members.remove(key)?),
        }
        Ok(())
    }

    /// Removes the rows of lives that are over, at most `budget`; returns how many lives are gone whole.
    pub fn remove_lives(
        &mut self,
        numbers: impl Iterator<Item = u64>,
        mut budget: usize,
    ) -> Result<usize, StorageError> {
        let mut gone = 0;
        for number in numbers {
            let (removed, is_gone) = self.remove_life(number, budget)?;
            budget -= removed;
            if !is_gone {
                break;
            }
            gone += 1;
        }
        Ok(gone)
    }

    /// How many rows it removed, and whether all of them are gone: with the last one its channel's row goes.
    fn remove_life(&mut self, number: u64, budget: usize) -> Result<(usize, bool), StorageError> {
        let all = (number, 0)..=(number, u64::MAX);
        let mut removed = remove_rows(&mut self.entries, all.clone(), budget)?;
        if removed < budget {
            removed += remove_rows(&mut self.ids, all, budget - removed)?;
        }
        let is_done = removed < budget;
        if is_done {
            self.channels.remove(number)?;
        }
        Ok((removed, is_done))
    }
}

/// Removes the first rows of a range, at most so many; returns how many.
pub fn remove_rows(
    table: &mut Table<'_, (u64, u64), &'static [u8]>,
    range: impl std::ops::RangeBounds<(u64, u64)>,
    budget: usize,
) -> Result<usize, StorageError> {
    let keys = table.range(range)?.take(budget);
    let keys: Vec<_> = keys
        .map(|row| row.map(|(key, _)| key.value()))
        .collect::<Result<_, _>>()?;
    for key in &keys {
        table.remove(key)?;
    }
    Ok(keys.len())
}
