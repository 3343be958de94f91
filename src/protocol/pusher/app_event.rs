//! What happens in an application, as it happens: the one source of webhooks, of the usage meter
//! and of the console.
//!
//! An application passes each [`AppEvent`] on to its parts by reference, so that nothing is
//! allocated for it; an observer that wants to keep something copies it. There is one for each
//! publication or change, never one for each subscriber.

use serde::Serialize;
use serde_json::value::RawValue;

use super::excerpt;

/// Who is notified. Calls come from any thread, some of them while the node holds its locks
/// ([`crate::channel::observer::ChannelObserver`]): return at once, never wait, and ask the node nothing.
pub trait Observer: Send + Sync {
    fn on_event(&self, app_event: &AppEvent<'_>);
}

/// Something that happened. Channels go by their names in the protocol. As JSON it is for people,
/// so that long texts are cut ([`excerpt`]).
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum AppEvent<'a> {
    Connected {
        socket_id: &'a str,
        transport: &'static str,
    },
    /// Its subscriptions are over as well, without an `Unsubscribed` for each.
    Disconnected {
        socket_id: &'a str,
    },
    /// A connection was sent an error, with the protocol's code if it has one.
    Refused {
        socket_id: &'a str,
        code: Option<u16>,
        #[serde(serialize_with = "excerpt::text")]
        message: &'a str,
    },
    Subscribed {
        channel: &'a str,
        socket_id: &'a str,
        /// On presence channels.
        user_id: Option<&'a str>,
        /// Subscriptions that the channel has now.
        count: usize,
    },
    Unsubscribed {
        channel: &'a str,
        socket_id: &'a str,
        count: usize,
    },
    /// The first subscription of a channel, in whatever protocol.
    Occupied {
        channel: &'a str,
    },
    /// The last one is gone.
    Vacated {
        channel: &'a str,
    },
    /// A user's first connection has joined.
    MemberAdded {
        channel: &'a str,
        user_id: &'a str,
    },
    MemberRemoved {
        channel: &'a str,
        user_id: &'a str,
    },
    /// A client event that was accepted.
    ClientEvent {
        channel: &'a str,
        #[serde(serialize_with = "excerpt::text")]
        event: &'a str,
        #[serde(serialize_with = "excerpt::data")]
        data: &'a RawValue,
        socket_id: &'a str,
        user_id: Option<&'a str>,
    },
    /// Somebody subscribed to a cache channel that holds nothing.
    CacheMiss {
        channel: &'a str,
    },
    /// Subscribers were notified of how many they are.
    SubscriptionCount {
        channel: &'a str,
        count: usize,
    },
    /// An answered call of the HTTP API; 401 and 404 included where the application is known.
    ApiCall {
        method: &'a str,
        /// As requested, without the query.
        #[serde(serialize_with = "excerpt::text")]
        path: &'a str,
        status: u16,
    },
    /// An event published over the HTTP API, once for each channel.
    Published {
        channel: &'a str,
        #[serde(serialize_with = "excerpt::text")]
        event: &'a str,
        #[serde(serialize_with = "excerpt::data")]
        data: &'a RawValue,
        /// Subscriptions of the channel at that moment.
        subscribers: usize,
        /// The connection that is not to get it.
        exclude: Option<&'a str>,
    },
    SignedIn {
        socket_id: &'a str,
        user_id: &'a str,
    },
    /// A webhook's receiver accepted a request.
    WebhookDelivered {
        #[serde(serialize_with = "excerpt::text")]
        url: &'a str,
        events: usize,
        /// Requests that it took.
        attempts: u32,
    },
    /// A request to a webhook's receiver did not succeed.
    WebhookFailed {
        #[serde(serialize_with = "excerpt::text")]
        url: &'a str,
        events: usize,
        attempts: u32,
        #[serde(serialize_with = "excerpt::text")]
        why: &'a str,
        /// Its time is up: it will not be tried again.
        is_dropped: bool,
    },
}
