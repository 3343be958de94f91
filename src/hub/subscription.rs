//! What one subscriber of a channel lacks and is to get.

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
    /// The offset it needs next; lower ones it has.
    pub next_offset: Cell<u64>,
    /// What came while it was being recovered; `None` once it is live.
    pub held_back: RefCell<Option<Vec<Arc<Outgoing>>>>,
}

impl Subscription {
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
