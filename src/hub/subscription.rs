//! What one subscriber of a channel has and what it still needs.
//!
//! ```text
//! next_offset 8, batch [7 8 9] ──► delivers [8 9], next_offset 10
//! next_offset 8, batch [6 7]   ──► nothing: recovery brought those
//! ```
//!
//! One number for each subscriber is all that "in order, once" takes, since a channel's
//! publications come to a shard in order.

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

/// One subscriber's subscription to one channel.
pub struct Subscription {
    pub subscriber: Rc<dyn Subscriber>,
    /// The next offset it needs; it has all lower ones.
    pub next_offset: Cell<u64>,
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
