//! Who is told as channels come to life and empty, as members come and go, and of what is published.
//!
//! A protocol that reports such things (webhooks of Pusher Channels, its watchlists, its console)
//! implements [`ChannelObserver`] and gives itself to the node once, before anybody is subscribed.

use serde_json::value::RawValue;

use super::ChannelName;

/// A publication, as those who watch are told of it.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    pub channel: &'a ChannelName,
    pub event: &'a str,
    pub data: &'a RawValue,
    /// Streams and sockets that were subscribed right after it.
    pub subscribers: usize,
    /// How it came: `http`, a transport's or protocol's name, or `source`, which is the lab itself.
    pub by: &'static str,
}

/// See the module. Calls come in the order of the changes they tell of, and for that reason from
/// inside the node's locks: return at once, and ask the node nothing.
pub trait ChannelObserver: Send + Sync {
    /// The first subscription.
    fn occupied(&self, channel: &ChannelName);
    /// The last subscription is gone.
    fn vacated(&self, channel: &ChannelName);
    /// A member's first attachment has been announced on its presence channel.
    fn joined(&self, channel: &ChannelName, client: &str);
    /// A member's leave has been announced.
    fn left(&self, channel: &ChannelName, client: &str);
    /// Whether [`Self::published`] is wanted of this channel right now. Asked for each publication.
    fn wants_publications(&self, channel: &ChannelName) -> bool;
    /// Something was published there. Called outside of the node's locks, and so not in the order of
    /// the channel where two publish at once.
    fn published(&self, published: &Published<'_>);
}
