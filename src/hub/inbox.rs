//! The queue by which other threads hand publications to a shard.
//!
//! A list behind a lock that is held for as long as a pointer takes to be pushed. Only the first
//! item of a list wakes: while a shard is at work, what comes costs no wake-up. The shard takes the
//! whole list at once.
//!
//! Rejected: a channel with a bound. When it is full its senders wait, and the sender is whoever
//! published; one busy worker would stop publishing on all. What bounds it is what bounds
//! publishing (rate, size), and each item is a pointer to bytes that the history keeps as well.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;

use super::format::Outgoing;
use crate::disconnect::Disconnect;

/// What other threads hand in.
pub enum Item {
    Publication(Arc<Outgoing>),
    Disconnect(Disconnect),
}

/// Any thread puts items in, only the shard's thread takes them out. It holds what arrives between
/// two rounds of the shard's loop; each item is a pointer to a shared publication.
#[derive(Default)]
pub struct Inbox {
    items: Mutex<Vec<Item>>,
    waker: AtomicWaker,
}

impl Inbox {
    /// From any thread. Only the first of several wakes the shard.
    pub fn put(&self, item: Item) {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.push(item);
        if items.len() == 1 {
            drop(items);
            self.waker.wake();
        }
    }

    /// All that is there, at once; waits for the first.
    pub async fn take(&self) -> Vec<Item> {
        poll_fn(|context| self.poll_take(context)).await
    }

    /// As [`Self::take`]: all that is there, and at least one.
    pub fn poll_take(&self, context: &Context<'_>) -> Poll<Vec<Item>> {
        self.waker.register(context.waker());
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        if items.is_empty() {
            Poll::Pending
        } else {
            Poll::Ready(std::mem::take(&mut *items))
        }
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.items.lock().unwrap().is_empty()
    }

    /// All that is there, perhaps nothing.
    pub fn take_now(&self) -> Vec<Item> {
        std::mem::take(&mut *self.items.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
