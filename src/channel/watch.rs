//! Who is told as channels come to life and empty, and as members come and go.
//!
//! A protocol that reports such things (webhooks of Pusher Channels, its watchlists) implements
//! [`Watch`] and gives itself to the node once, before anybody is subscribed.

use super::ChannelName;

/// See the module. Calls come in the order of the changes they tell of, and for that reason from
/// inside the node's locks: return at once, and ask the node nothing.
pub trait Watch: Send + Sync {
    /// The first subscription.
    fn occupied(&self, channel: &ChannelName);
    /// The last subscription is gone.
    fn vacated(&self, channel: &ChannelName);
    /// A member's first attachment has been announced on its presence channel.
    fn joined(&self, channel: &ChannelName, client: &str);
    /// A member's leave has been announced.
    fn left(&self, channel: &ChannelName, client: &str);
}
