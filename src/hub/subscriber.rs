//! What the hub asks of a subscriber.

use super::delivery::Delivery;
use crate::disconnect::Disconnect;

/// Somebody on this thread who gets publications.
///
/// Both calls come from the shard's loop. They must return soon, and must not attach or detach
/// anything themselves: wake your own task and let it do so.
pub trait Subscriber {
    /// Take what there is: write it, or queue it within your budget.
    fn deliver(&self, delivery: Delivery<'_>);
    /// Take what is only told. Passed over unless a protocol has a form for it.
    fn deliver_ephemeral(&self, _delivery: Delivery<'_>) {}
    /// Whether deliveries may be kept back for a while, so that several leave together; not those
    /// that a held request waits for.
    fn may_wait(&self) -> bool {
        true
    }
    /// End, for this reason. May come more than once.
    fn disconnect(&self, reason: Disconnect);
}
