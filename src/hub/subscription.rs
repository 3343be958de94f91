//! What one subscriber of a channel has and what it still needs.
//!
//! ```text
//! e1, next_offset 8, batch [7 8 9]       ──► delivers [8 9], next_offset 10
//! e1, next_offset 8, batch [6 7]         ──► nothing: recovery brought those
//! e1, next_offset 8, batch [8 9, e2: 1]  ──► delivers all, e2, next_offset 2
//! ```
//!
//! An epoch and a number for each subscriber are all that "in order, once" takes, since a channel's
//! publications come to a shard in order. The epoch is the history's life: what another one brings is
//! new, whatever its number, but for what was published before this subscriber's position and is only
//! now on its way. That has a lower number and comes before anything of the subscriber's own epoch.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use super::{
    delivery::{Batch, Delivery},
    format::Outgoing,
    subscriber::Subscriber,
};
use crate::channel::{Epoch, Publication};

/// One subscriber's subscription to one channel.
pub struct Subscription {
    pub subscriber: Rc<dyn Subscriber>,
    /// The next offset it needs of [`Self::epoch`]; it has all lower ones.
    pub next_offset: Cell<u64>,
    /// The life of the history that it follows; `None` until it is live, and while it is paused.
    pub epoch: RefCell<Option<Epoch>>,
    /// Whether something of this epoch has come by since it went live: another epoch is a later one
    /// from then on.
    pub is_met: Cell<bool>,
    /// Publications that came during its recovery; `None` once it is live.
    pub held_back: RefCell<Option<Vec<Arc<Outgoing>>>>,
}

impl Subscription {
    /// Delivers the part of the batch that is new to this subscriber, or keeps it until recovery is
    /// done.
    pub fn offer(&self, batch: &Batch) {
        if let Some(held_back) = &mut *self.held_back.borrow_mut() {
            held_back.extend(batch.list.iter().cloned());
            return;
        }
        if batch.is_ephemeral() {
            return self.subscriber.deliver_ephemeral(batch.whole());
        }
        let needs = |outgoing: &Arc<Outgoing>| self.needs(&outgoing.publication);
        if let (Some(from), Some(last)) = (batch.list.iter().position(needs), batch.list.last()) {
            self.has(&last.publication);
            let to = batch.list.len();
            self.subscriber.deliver(Delivery { batch, from, to });
        }
    }

    fn needs(&self, publication: &Publication) -> bool {
        let is_next = publication.offset >= self.next_offset.get();
        match &*self.epoch.borrow() {
            Some(own) if *own == publication.epoch => {
                self.is_met.set(true);
                is_next
            }
            Some(_) => is_next || self.is_met.get(),
            None => is_next,
        }
    }

    /// It has everything up to this one.
    fn has(&self, last: &Publication) {
        self.next_offset.set(last.offset + 1);
        self.is_met.set(true);
        let mut own = self.epoch.borrow_mut();
        if own.as_ref().is_some_and(|own| *own != last.epoch) {
            *own = Some(last.epoch.clone());
        }
    }
}
