//! Users who may have come online or gone offline, from the node's notice to the task that
//! publishes it ([`watchlist`](super::watchlist)).

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

/// The users of one application whose first connection came, or whose last one went, and of whom
/// nothing has been published since. Written from inside the node's locks, read by one task.
#[derive(Default)]
pub struct OnlineChanges {
    users: Mutex<HashSet<Box<str>>>,
    any: Notify,
}

impl OnlineChanges {
    /// This user's state may have changed.
    pub fn add(&self, user: &str) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.insert(user.into());
        drop(users);
        self.any.notify_one();
    }

    /// Waits until there are some, and takes all there are.
    pub async fn take(&self) -> HashSet<Box<str>> {
        self.any.notified().await;
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *users)
    }
}
