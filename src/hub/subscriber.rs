//! What the hub asks of a subscriber: take this, or go.
//!
//! The trait has no `async` in it. A method that may wait would make one slow client everybody's;
//! so a subscriber that cannot write now must queue, and its queue has a budget ([`super::queue`]).

use super::delivery::Delivery;
use crate::disconnect::Disconnect;

/// A receiver of publications on this thread.
///
/// The shard's loop calls these methods. They must return soon and must not attach or detach
/// anything: wake a task of your own and let it do that.
pub trait Subscriber {
    /// Writes the delivery, or queues it within the subscriber's budget.
    fn deliver(&self, delivery: Delivery<'_>);
    /// As [`Self::deliver`], of ephemeral publications. Ignored by default: most protocols have no
    /// message for them.
    fn deliver_ephemeral(&self, _delivery: Delivery<'_>) {}
    /// Whether deliveries may be delayed to leave together. `false` for a held poll: its client
    /// waits for the first publication.
    fn may_wait(&self) -> bool {
        true
    }
    /// Ends the connection, for this reason. May be called more than once.
    fn disconnect(&self, reason: Disconnect);
}
