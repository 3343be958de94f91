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
    /// Something happened; must return soon and must not call back.
    fn on_event(&self, app_event: &AppEvent<'_>);
}

/// Something that happened. Channels go by their names in the protocol. As JSON it is for people,
/// so that long texts are cut ([`excerpt`]).
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum AppEvent<'a> {
    /// A client is connected.
    Connected {
        /// Id of its connection.
        socket_id: &'a str,
        /// By which transport.
        transport: &'static str,
    },
    /// Its subscriptions are over as well, without an `Unsubscribed` for each.
    Disconnected {
        /// Id of its connection.
        socket_id: &'a str,
    },
    /// A connection was sent an error, with the protocol's code if it has one.
    Refused {
        /// Id of its connection.
        socket_id: &'a str,
        /// The protocol's code ("Errors and close codes"), if it has one.
        code: Option<u16>,
        /// What it was told.
        #[serde(serialize_with = "excerpt::text")]
        message: &'a str,
    },
    /// A connection is in a channel.
    Subscribed {
        /// The channel.
        channel: &'a str,
        /// Id of the connection.
        socket_id: &'a str,
        /// On presence channels.
        user_id: Option<&'a str>,
        /// Subscriptions that the channel has now.
        count: usize,
    },
    /// A connection has left a channel.
    Unsubscribed {
        /// The channel.
        channel: &'a str,
        /// Id of the connection.
        socket_id: &'a str,
        /// Subscriptions that are left.
        count: usize,
    },
    /// The first subscription of a channel, in whatever protocol.
    Occupied {
        /// The channel.
        channel: &'a str,
    },
    /// The last one is gone.
    Vacated {
        /// The channel.
        channel: &'a str,
    },
    /// A user's first connection has joined.
    MemberAdded {
        /// The channel.
        channel: &'a str,
        /// The user.
        user_id: &'a str,
    },
    /// A user's last connection has left.
    MemberRemoved {
        /// The channel.
        channel: &'a str,
        /// The user.
        user_id: &'a str,
    },
    /// A client event that was accepted.
    ClientEvent {
        /// The channel.
        channel: &'a str,
        /// The event's name, with `client-`.
        #[serde(serialize_with = "excerpt::text")]
        event: &'a str,
        /// JSON, as it was sent.
        #[serde(serialize_with = "excerpt::data")]
        data: &'a RawValue,
        /// Id of the sender's connection.
        socket_id: &'a str,
        /// The sender's user, in a presence channel.
        user_id: Option<&'a str>,
    },
    /// Somebody subscribed to a cache channel that holds nothing.
    CacheMiss {
        /// The channel.
        channel: &'a str,
    },
    /// Subscribers were notified of how many they are.
    SubscriptionCount {
        /// The channel.
        channel: &'a str,
        /// How many they are.
        count: usize,
    },
    /// An answered call of the HTTP API; 401 and 404 included where the application is known.
    ApiCall {
        /// Of the request.
        method: &'a str,
        /// As requested, without the query.
        #[serde(serialize_with = "excerpt::text")]
        path: &'a str,
        /// Of the answer.
        status: u16,
    },
    /// An event published over the HTTP API, once for each channel.
    Published {
        /// The channel.
        channel: &'a str,
        /// The event's name.
        #[serde(serialize_with = "excerpt::text")]
        event: &'a str,
        /// JSON, as it was published.
        #[serde(serialize_with = "excerpt::data")]
        data: &'a RawValue,
        /// Subscriptions of the channel at that moment.
        subscribers: usize,
        /// The connection that is not to get it.
        exclude: Option<&'a str>,
    },
    /// A connection has said who its user is.
    SignedIn {
        /// Id of the connection.
        socket_id: &'a str,
        /// The user.
        user_id: &'a str,
    },
    /// A webhook's receiver accepted a request.
    WebhookDelivered {
        /// The receiver's address.
        #[serde(serialize_with = "excerpt::text")]
        url: &'a str,
        /// How many events were in it.
        events: usize,
        /// Requests that it took.
        attempts: u32,
    },
    /// A request to a webhook's receiver did not succeed.
    WebhookFailed {
        /// The receiver's address.
        #[serde(serialize_with = "excerpt::text")]
        url: &'a str,
        /// How many events were in it.
        events: usize,
        /// How often it was tried so far.
        attempts: u32,
        /// What went wrong.
        #[serde(serialize_with = "excerpt::text")]
        why: &'a str,
        /// Its time is up: it will not be tried again.
        is_dropped: bool,
    },
}
