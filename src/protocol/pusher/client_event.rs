//! Client events: what clients send each other without the application's server (reference, 8.2).
//!
//! Accepted only on a guarded channel that the connection is subscribed to, within the rate and
//! the limits, and only if the application wants them. Never echoed, never cached.

use std::{rc::Rc, time::Instant};

use super::{app_event::AppEvent, close::CLIENT_EVENT_RATE, connection::Connection};
use crate::{
    channel::{Draft, Origin},
    codec::pusher::{command::ClientEvent, kind::Kind},
};

impl Connection {
    /// Publishes it to the others, or sends an error that says why not.
    pub(super) async fn relay(self: &Rc<Self>, event: ClientEvent) {
        let user = match self.may_send(&event) {
            Ok(user) => user,
            Err((code, why)) => {
                return self.error(code, &format!("Client event rejected - {why}"));
            }
        };
        let origin = Origin {
            exclude: Some(self.socket_id.clone()),
            user: user.clone(),
            by_client: true,
        };
        let draft = Draft {
            origin: Some(Box::new(origin)),
            ..Draft::new(&event.event, event.data.clone())
        };
        let channel = self.app.channel(&event.channel);
        let published = match self.node.may_be_heard(&channel) {
            Ok(()) => self.node.publish(&channel, draft).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = published {
            return self.error(None, &format!("Client event rejected - {error}"));
        }
        self.sink.publication_received();
        self.app.notify(AppEvent::ClientEvent {
            channel: &event.channel,
            event: &event.event,
            data: &event.data,
            socket_id: &self.socket_id,
            user_id: user.as_deref(),
        });
    }

    /// Whether it may, and on presence channels as whom.
    fn may_send(&self, event: &ClientEvent) -> Result<Option<Box<str>>, (Option<u16>, String)> {
        let settings = &self.app.settings;
        let refuse = |why: &str| Err((None, why.to_owned()));
        if !settings.client_events {
            return refuse("they are not enabled for this application");
        }
        if !Kind::of(&event.channel).guarded {
            return refuse("only supported on private and presence channels");
        }
        let subscriptions = self.subscriptions.borrow();
        let Some(subscription) = subscriptions.get(event.channel.as_str()) else {
            return refuse(&format!(
                "there is no current subscription to channel {}, or it is in progress",
                event.channel
            ));
        };
        if event.event.chars().count() > settings.event_name_max_characters {
            return refuse("the event's name is too long");
        }
        if event.data.get().len() > settings.event_max_bytes {
            return refuse("the data is too large");
        }
        if !self.client_events.borrow_mut().take(Instant::now()) {
            let why = format!(
                "you exceeded the rate limit of {} per second",
                settings.client_events_per_s
            );
            return Err((Some(CLIENT_EVENT_RATE), why));
        }
        Ok(subscription.user_id.clone())
    }
}
