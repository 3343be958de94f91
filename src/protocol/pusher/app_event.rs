//! What happens in an application, told as it happens: the one place that webhooks, the usage
//! meter and the console are fed from.
//!
//! [`App::observe`] hands a [`Happening`], by reference, to every [`Observer`] that the application
//! was given at start. Nothing is allocated for it; an observer that wants to keep something copies
//! it. Told per publication or per change, never per subscriber.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{app::App, console::entry};

/// Who is told. Calls come from any thread, some of them from inside the node's locks
/// ([`crate::channel::watch::Watch`]): return at once, never wait, and ask the node nothing.
pub trait Observer: Send + Sync {
    fn notice(&self, app: &App, happening: &Happening<'_>);
}

/// Something that happened. Channels go by their names in the protocol. As JSON it is for people,
/// so that long texts are cut ([`entry`]).
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Happening<'a> {
    Connected {
        socket_id: &'a str,
        transport: &'static str,
    },
    /// Its subscriptions are over as well; no `Unsubscribed` is told for them.
    Disconnected {
        socket_id: &'a str,
    },
    /// A connection was told of an error, with the protocol's code if it has one.
    Refused {
        socket_id: &'a str,
        code: Option<u16>,
        #[serde(serialize_with = "entry::text")]
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
        #[serde(serialize_with = "entry::text")]
        event: &'a str,
        #[serde(serialize_with = "entry::cut_data")]
        data: &'a RawValue,
        socket_id: &'a str,
        user_id: Option<&'a str>,
    },
    /// Somebody subscribed to a cache channel that holds nothing.
    CacheMiss {
        channel: &'a str,
    },
    /// Subscribers were told how many they are.
    SubscriptionCount {
        channel: &'a str,
        count: usize,
    },
    /// An answered call of the HTTP API; 401 and 404 included where the application is known.
    ApiCall {
        method: &'a str,
        /// As requested, without the query.
        #[serde(serialize_with = "entry::text")]
        path: &'a str,
        status: u16,
    },
    /// An event published over the HTTP API, once for each channel.
    Published {
        channel: &'a str,
        #[serde(serialize_with = "entry::text")]
        event: &'a str,
        #[serde(serialize_with = "entry::cut_data")]
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
    /// A webhook's receiver said yes.
    WebhookDelivered {
        #[serde(serialize_with = "entry::text")]
        url: &'a str,
        events: usize,
        /// Requests that it took.
        attempts: u32,
    },
    /// A request to a webhook's receiver did not succeed.
    WebhookFailed {
        #[serde(serialize_with = "entry::text")]
        url: &'a str,
        events: usize,
        attempts: u32,
        #[serde(serialize_with = "entry::text")]
        why: &'a str,
        /// Its time is up: it will not be tried again.
        is_dropped: bool,
    },
}

impl App {
    /// Tells the usage meter, the webhooks, and every observer.
    pub fn observe(&self, happening: Happening<'_>) {
        self.usage.notice(&happening);
        self.webhooks.notice(self, &happening);
        for observer in self.observers.get().into_iter().flatten() {
            observer.notice(self, &happening);
        }
    }

    /// Who is told from now on. Only the first call counts: it is made before the lanes listen.
    pub fn observed_by(&self, observers: Vec<Arc<dyn Observer>>) {
        let is_first = self.observers.set(observers).is_ok();
        debug_assert!(is_first, "observers are given once");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        channel::{ChannelName, watch::Watch},
        config::apps::AppSettings,
        protocol::pusher::app::Apps,
    };
    use std::sync::Mutex;

    #[derive(Default)]
    struct Log(Mutex<Vec<String>>);

    impl Observer for Log {
        fn notice(&self, app: &App, happening: &Happening<'_>) {
            let line = format!("{} {happening:?}", app.settings.id);
            self.0.lock().unwrap().push(line);
        }
    }

    #[test]
    fn channels_changes_go_to_their_own_application() {
        let apps = Apps::new(&[AppSettings::new("9", "k", "s")], None);
        let log = Arc::<Log>::default();
        for id in ["1", "9"] {
            apps.by_id(id).unwrap().observed_by(vec![log.clone()]);
        }
        apps.occupied(&ChannelName::scoped("", "news"));
        apps.occupied(&ChannelName::scoped("9", "news"));
        apps.vacated(&ChannelName::scoped("9", "#server-to-user-7"));
        apps.joined(&ChannelName::scoped("9", "presence-r"), "7");
        apps.occupied(&ChannelName::scoped("8", "news"));
        assert_eq!(
            *log.0.lock().unwrap(),
            [
                r#"1 Occupied { channel: "news" }"#,
                r#"9 Occupied { channel: "news" }"#,
                r#"9 MemberAdded { channel: "presence-r", user_id: "7" }"#,
            ]
        );
    }
}
