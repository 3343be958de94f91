//! The one class of a lab, shared by all workers, and what it has going in the lab. Who may do what with
//! it is `lab_api::class`'s.

mod budgets;
mod live;
mod setting;
pub(super) mod voices;
pub(super) mod walls;

pub use self::live::{Going, Live, lock};

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use actix_web::HttpRequest;
use tokio::sync::watch;

use self::{budgets::Budgets, voices::Place, walls::Walls};
use crate::{
    class::{CODE_LENGTH, CODE_LETTERS, Class, Now, PARTICIPANTS_MAX, ParticipantId},
    class_keep::{Keep, Wanted},
    clock,
};

/// This instant, for a class.
pub fn now() -> Now {
    Now {
        of_day_us: clock::time_of_day_us(),
        running_us: clock::now_us(),
    }
}

/// See the module.
pub struct ClassRoom {
    /// Written and read by handlers, for moments: nothing waits while it holds the lock.
    class: Mutex<Option<Class>>,
    /// Counts the changes, of the class or of its grid.
    changes: watch::Sender<u64>,
    /// Of the class alone, for those who have no grid: phones report fifty times a second in a full
    /// room, and what they report is none of the other phones' business.
    revisions: watch::Sender<u64>,
    keep: Keep,
    pub(super) budgets: Budgets,
    /// Where each phone's newest event stream came from, or its joining: never in the file.
    addresses: Mutex<BTreeMap<ParticipantId, Place>>,
    pub(super) walls: Walls,
}

impl ClassRoom {
    /// With the class that a stop of the server interrupted, if there is one.
    pub fn new(keep: Keep, go_on: impl FnOnce(&mut Class)) -> Self {
        let mut class = keep.read();
        if let Some(class) = &mut class {
            go_on(class);
        }
        Self {
            class: Mutex::new(class),
            changes: watch::Sender::new(0),
            revisions: watch::Sender::new(0),
            keep,
            budgets: Budgets::default(),
            addresses: Mutex::default(),
            walls: Walls::default(),
        }
    }

    fn class(&self) -> MutexGuard<'_, Option<Class>> {
        self.class.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn addresses(&self) -> MutexGuard<'_, BTreeMap<ParticipantId, Place>> {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A phone asked from there. Those of phones that are out are forgotten before they are more than a class
    /// can have.
    pub(super) fn note_address(
        &self,
        id: ParticipantId,
        request: &HttpRequest,
        client: Option<IpAddr>,
    ) {
        let Some(peer) = request.peer_addr() else {
            return;
        };
        let peer = peer.ip().to_canonical();
        if self.addresses().len() >= PARTICIPANTS_MAX {
            let ids = |class: &Class| class.participants().iter().map(|one| one.id).collect();
            let there: BTreeSet<_> = self.look(ids).unwrap_or_default();
            self.addresses().retain(|id, _| there.contains(id));
        }
        self.addresses().insert(id, Place { peer, client });
    }

    /// Changes the class; all who watch are told if that changed anything. `None`: there is no class.
    pub fn change<T>(&self, change: impl FnOnce(&mut Class) -> T) -> Option<T> {
        let mut class = self.class();
        let class = class.as_mut()?;
        let before = (class.revision(), class.grid_revision());
        let now_us = clock::time_of_day_us();
        class.keep_time(now_us);
        let done = change(class);
        class.keep_time(now_us);
        let has_changed = before != (class.revision(), class.grid_revision());
        let is_new = before.0 != class.revision();
        if has_changed {
            self.changes.send_modify(|count| *count += 1);
        }
        if is_new {
            self.revisions.send_modify(|count| *count += 1);
        }
        Some(done)
    }

    /// `None`: there is no class.
    pub fn look<T>(&self, look: impl FnOnce(&Class) -> T) -> Option<T> {
        self.class().as_ref().map(look)
    }

    /// Tells of each change, and of a class that begins or ends.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// As [`Self::watch`], without changes of the grid.
    pub fn watch_revisions(&self) -> watch::Receiver<u64> {
        self.revisions.subscribe()
    }

    fn tell_all(&self) {
        for told in [&self.changes, &self.revisions] {
            told.send_modify(|count| *count += 1);
        }
    }

    /// Begins a class. `false`: one is on.
    pub fn begin(&self, name: &str) -> bool {
        let mut class = self.class();
        if class.is_some() {
            return false;
        }
        let id = format!("{:08x}", rand::random::<u32>());
        *class = Some(Class::new(id, code(), clock::time_of_day_us()).named(name));
        self.tell_all();
        true
    }

    /// Ends the class, and deletes its file. With `save` what it did is saved before; the id of that.
    /// `None`: there is no class. Waits for the disk.
    ///
    /// # Errors
    ///
    /// It cannot be saved: the class goes on.
    pub fn end(&self, save: bool) -> io::Result<Option<Option<String>>> {
        // With all of its time.
        let seen = self.change(|class| (class.id().to_owned(), class.record()));
        let Some((id, mut record)) = seen else {
            return Ok(None);
        };
        record.ended_us = Some(clock::time_of_day_us());
        let saved = match save {
            true => Some(self.keep.save(&record)?),
            false => None,
        };
        let ended = self.class().take_if(|class| class.id() == id);
        // Somebody else has ended it meanwhile; another one may have begun.
        if ended.is_none() {
            return Ok(None);
        }
        self.budgets.begin_anew();
        self.addresses().clear();
        self.tell_all();
        self.keep_now();
        Ok(Some(saved))
    }

    /// Where what classes did is saved.
    pub fn kept(&self) -> &Keep {
        &self.keep
    }

    /// Brings the file to what there is now; `false`: that failed. Waits for the disk.
    pub fn keep_now(&self) -> bool {
        let before = self.keep.trouble();
        let is_done = self.write();
        if before != self.keep.trouble() {
            // The presenter's page says it.
            self.changes.send_modify(|count| *count += 1);
        }
        is_done
    }

    fn write(&self) -> bool {
        self.keep.write(|last| {
            let class = self.class();
            let Some(class) = class.as_ref() else {
                return Wanted::Nothing;
            };
            let key = (class.id().to_owned(), class.revision());
            if last == Some(&key) {
                return Wanted::AsItIs;
            }
            match serde_json::to_vec(class) {
                Ok(bytes) => Wanted::New(key, bytes),
                Err(error) => {
                    tracing::error!(%error, "the class cannot be written as JSON");
                    Wanted::AsItIs
                }
            }
        })
    }

    /// Writes what there is for the last time, and lets go of the file.
    pub fn close(&self) {
        self.keep_now();
        self.keep.close();
    }
}

/// Four letters at random, none of which is read as another.
fn code() -> String {
    let letter = || {
        let at = rand::random_range(0..CODE_LETTERS.len());
        char::from(CODE_LETTERS[at])
    };
    (0..CODE_LENGTH).map(|_| letter()).collect()
}
