//! Notifications of changes: first and last subscriptions, members that join and leave,
//! publications.
//!
//! A protocol that reports such things (webhooks of Pusher Channels, its watchlists, its console)
//! implements [`ChannelObserver`] and is given to the node once, before anybody subscribes.

use serde_json::value::RawValue;

use super::ChannelName;

/// A publication, as the observer sees it.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    /// Where.
    pub channel: &'a ChannelName,
    /// Its event's name.
    pub event: &'a str,
    /// JSON, as its publisher wrote it.
    pub data: &'a RawValue,
    /// Streams and sockets that were subscribed right after it was published.
    pub subscribers: usize,
    /// How it came: `http`, a transport's or protocol's name, or `source`, which is the lab itself.
    pub by: &'static str,
}

/// See the module. Calls come in the order of the changes, and therefore from inside the node's
/// locks: return at once, and do not call the node.
pub trait ChannelObserver: Send + Sync {
    /// The first subscription.
    fn occupied(&self, channel: &ChannelName);
    /// The last subscription is gone.
    fn vacated(&self, channel: &ChannelName);
    /// A member's first attachment has been announced on its presence channel.
    fn joined(&self, channel: &ChannelName, client: &str);
    /// A member's leave has been announced.
    fn left(&self, channel: &ChannelName, client: &str);
    /// Whether [`Self::published`] should be called for this channel now. Called for each
    /// publication.
    fn wants_publications(&self, channel: &ChannelName) -> bool;
    /// Something was published. Called outside of the node's locks, so two simultaneous
    /// publications may be reported in another order than the channel's.
    fn published(&self, published: &Published<'_>);
}
