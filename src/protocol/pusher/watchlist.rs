//! Watchlists: who of a user's list is online (reference, 11.3).
//!
//! A user is online while somebody is signed in as it, which is while its control channel has a
//! subscriber; the hub tells of the first and the last. A connection with a watchlist subscribes to
//! one channel for each user on it, on which changes are published:
//!
//! ```text
//! sign-in of 9 ──► control channel of 9 occupied ──► [`Watchlists`] notes 9, a task publishes
//!   "online" to the watch channel of 9 ──► connections that have 9 on their list
//! ```
//! The task publishes what is so when it comes to it, not what was: of a user that came and went
//! meanwhile nothing is told. Connections remember what they last said of each user and do not say
//! it twice. One node; with several, each would have to ask the others.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashSet},
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::value::to_raw_value;
use tokio::sync::Notify;

use super::{app::App, connection::Connection};
use crate::{
    channel::{Draft, history::Start},
    codec::pusher::event,
    disconnect::Disconnect,
    hub::{Attachment, Delivery, Subscriber},
    node::Node,
};

/// Longest watchlist; of a longer one the first so many are used, and 4302 is said.
pub const WATCHLIST_MAX: usize = 100;
/// Event on a watch channel; its data is whether the user is online.
const CHANGED_EVENT: &str = "pusher_internal:watchlist_changed";

/// Users of one application whose connections came or went and of whom nobody has been told yet.
/// Written from inside the hub's lock, read by the telling task.
#[derive(Default)]
pub struct Watchlists {
    changed: Mutex<HashSet<Box<str>>>,
    any: Notify,
}

impl Watchlists {
    /// The first connection of a user has signed in, or the last one is gone.
    pub fn changed(&self, user: &str) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.insert(user.into());
        drop(changed);
        self.any.notify_one();
    }

    fn take(&self) -> HashSet<Box<str>> {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *changed)
    }
}

/// Tells those who watch; runs as long as the lab, for an application that wants it.
pub async fn tell(app: Arc<App>, node: Arc<Node>) {
    loop {
        app.watchlists.any.notified().await;
        for user in app.watchlists.take() {
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

/// What a connection watches. Dropping it ends it.
pub struct Watching {
    _attachments: Vec<Attachment>,
}

/// A connection as the hub sees it on watch channels.
struct Watcher {
    connection: Rc<Connection>,
    /// Whether each user was online when the client was last told.
    told: RefCell<BTreeMap<Box<str>, bool>>,
}

impl Connection {
    /// Says who of the list is online and goes on saying so. `None` without a list, or where the
    /// application does not want it.
    pub(super) async fn watch(self: &Rc<Self>, list: Option<Vec<String>>) -> Option<Watching> {
        let list = list.filter(|_| self.app.settings.watchlists)?;
        let watcher = Rc::new(Watcher {
            connection: self.clone(),
            told: RefCell::default(),
        });
        let mut attachments = Vec::new();
        for user in list.iter().take(WATCHLIST_MAX) {
            if watcher.told.borrow().contains_key(user.as_str()) {
                continue;
            }
            let channel = self.app.watch_channel(user);
            let attachment = self.node.attach(&channel, watcher.clone());
            // Asked after attaching: what changes from here on will be published.
            let recovery = self.node.recover(&channel, &Start::default()).await.ok()?;
            let online = is_online(&self.app, &self.node, user);
            watcher
                .told
                .borrow_mut()
                .insert(user.as_str().into(), online);
            attachment.go_live(recovery.position.offset);
            attachments.push(attachment);
        }
        let told = watcher.told.borrow();
        self.send(|out| event::watchlist_events(told.iter().map(|(id, on)| (&**id, *on)), out));
        drop(told);
        if list.len() > WATCHLIST_MAX {
            let message = format!(
                "The watchlist has {} users; the first {WATCHLIST_MAX} are watched",
                list.len()
            );
            self.error(Some(super::close::WATCHLIST_TOO_LONG), &message);
        }
        Some(Watching {
            _attachments: attachments,
        })
    }
}

impl Subscriber for Watcher {
    fn deliver(&self, delivery: Delivery<'_>) {
        let mut changes = BTreeMap::new();
        for publication in delivery.publications() {
            let user = super::app::user_watched(&publication.channel);
            let online = publication.data.get() == "true";
            let before = user.and_then(|user| {
                let mut told = self.told.borrow_mut();
                told.get_mut(user)
                    .map(|told| std::mem::replace(told, online))
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
