//! Watchlists: who of a user's list is online (`docs/protocols/pusher-channels.md`, "Watchlists").
//!
//! A user is online while somebody is signed in as it, which is while its control channel has a
//! subscriber; the hub notifies of the first and the last. A connection with a watchlist subscribes
//! to one channel for each user on it, on which changes are published:
//!
//! ```text
//! sign-in of 9 ──► control channel of 9 occupied ──► [`OnlineChanges`] has 9, a task publishes
//!   "online" to the watch channel of 9 ──► connections that have 9 on their list
//! ```
//! The task publishes the state at that moment: a user that came and went meanwhile is in no
//! message. A connection remembers what it last sent of each user and does not send it twice. This
//! holds for one node; with several, each would have to ask the others.
//!
//! [`OnlineChanges`]: super::online_changes::OnlineChanges

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

use serde_json::value::to_raw_value;

use super::{app::App, connection::Connection};
use crate::{
    channel::{Draft, history::Start},
    codec::pusher::event,
    disconnect::Disconnect,
    hub::{Attachment, Delivery, Subscriber},
    node::Node,
};

/// Users of a watchlist that are watched; where there are more, the client gets a 4302.
pub const WATCHLIST_MAX: usize = 100;
/// Event on a watch channel; its data is whether the user is online.
const CHANGED_EVENT: &str = "pusher_internal:watchlist_changed";

/// Publishes who came online or went; runs as long as the lab, for an application with watchlists.
pub async fn publish_changes(app: Arc<App>, node: Arc<Node>) {
    loop {
        for user in app.online_changes.take().await {
            let channel = app.watch_channel(&user);
            if node.subscribers(&channel) == 0 {
                continue;
            }
            let Ok(data) = to_raw_value(&is_online(&app, &node, &user)) else {
                continue;
            };
            let draft = Draft::new(CHANGED_EVENT, data);
            if let Err(error) = node.publish(&channel, draft).await {
                tracing::warn!(%error, "who is online could not be published");
            }
        }
    }
}

fn is_online(app: &App, node: &Node, user: &str) -> bool {
    node.subscribers(&app.control_channel(user)) > 0
}

/// A connection as the hub sees it on watch channels.
struct Watcher {
    connection: Rc<Connection>,
    /// Whether each user was online, as the client was last notified.
    notified: RefCell<BTreeMap<Box<str>, bool>>,
}

impl Connection {
    /// Sends who of the list is online, and changes from then on, until the attachments are
    /// dropped. `None` without a list, or where the application has no watchlists.
    pub(super) async fn watch(
        self: &Rc<Self>,
        list: Option<Vec<String>>,
    ) -> Option<Vec<Attachment>> {
        let list = list.filter(|_| self.app.settings.watchlists)?;
        let watcher = Rc::new(Watcher {
            connection: self.clone(),
            notified: RefCell::default(),
        });
        let mut attachments = Vec::new();
        for user in list.iter().take(WATCHLIST_MAX) {
            if watcher.notified.borrow().contains_key(user.as_str()) {
                continue;
            }
            let channel = self.app.watch_channel(user);
            let attachment = self.node.attach(&channel, watcher.clone());
            // Asked after attaching: what changes from here on will be published.
            let recovery = self.node.recover(&channel, &Start::default()).await.ok()?;
            let online = is_online(&self.app, &self.node, user);
            watcher
                .notified
                .borrow_mut()
                .insert(user.as_str().into(), online);
            attachment.go_live(&recovery.position);
            attachments.push(attachment);
        }
        let all = watcher.notified.borrow();
        self.send(|out| event::watchlist_events(all.iter().map(|(id, on)| (&**id, *on)), out));
        drop(all);
        if list.len() > WATCHLIST_MAX {
            let message = format!(
                "The watchlist has {} users; the first {WATCHLIST_MAX} are watched",
                list.len()
            );
            self.error(Some(super::close::WATCHLIST_TOO_LONG), &message);
        }
        Some(attachments)
    }
}

impl Subscriber for Watcher {
    fn deliver(&self, delivery: Delivery<'_>) {
        let mut changes = BTreeMap::new();
        for publication in delivery.publications() {
            let user = super::app::user_watched(&publication.channel);
            let online = publication.data.get() == "true";
            let before = user.and_then(|user| {
                let mut notified = self.notified.borrow_mut();
                let last = notified.get_mut(user)?;
                Some(std::mem::replace(last, online))
            });
            if let (Some(user), Some(before)) = (user, before)
                && before != online
            {
                changes.insert(user, online);
            }
        }
        if !changes.is_empty() {
            let changes = changes.into_iter();
            self.connection
                .send(|out| event::watchlist_events(changes, out));
        }
    }

    fn disconnect(&self, reason: Disconnect) {
        self.connection.disconnect(reason);
    }
}
