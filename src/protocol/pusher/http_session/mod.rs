//! A client's session over HTTP, as requests on any thread see it (reference, 14).
//!
//! ```text
//! request that fetches ◄── [`outbox`] ◄── the session's thread ([`fallback`](super::fallback))
//! request that sends   ──► inbox      ──► the session's thread
//! ```
//! Not here: the connection and its task, which stay on one thread. An application keeps the table
//! of its sessions, so nothing here may know an application.

pub mod outbox;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::{mpsc, oneshot};

use self::outbox::Outbox;

/// What requests on any thread may use of a session.
pub struct Session {
    pub outbox: Arc<Outbox>,
    pub inbox: mpsc::Sender<Request>,
    pub transport: &'static str,
}

/// A request of a session's client, as its task sees it.
pub struct Request {
    /// The client's own count of its requests.
    pub number: Option<u64>,
    /// `None`: the request fetches.
    pub sent: Option<Sent>,
}

/// Frames from the client.
pub struct Sent {
    pub frames: Vec<String>,
    /// Answered when all of them have been acted on.
    pub done: oneshot::Sender<Done>,
}

/// What a request's frames held.
#[derive(Debug, Clone, Copy, Default)]
pub struct Done {
    /// Bytes of the application's data.
    pub payload: usize,
    pub publications: usize,
}

/// The sessions of one application, by `srv/sid`. Requests to other applications do not reach
/// them.
#[derive(Default)]
pub struct Sessions(RwLock<HashMap<Box<str>, Arc<Session>>>);

impl Sessions {
    pub fn get(&self, name: &str) -> Option<Arc<Session>> {
        let sessions = self.0.read().unwrap_or_else(PoisonError::into_inner);
        sessions.get(name).cloned()
    }

    /// Adds a session. If two requests open one name at once, both get the first session, and the
    /// second gets `false`. `None`: there are `max` sessions already.
    pub fn insert(
        &self,
        name: &str,
        session: Arc<Session>,
        max: usize,
    ) -> Option<(Arc<Session>, bool)> {
        let mut sessions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match sessions.get(name) {
            Some(known) if !known.outbox.is_over() => return Some((known.clone(), false)),
            None if sessions.len() >= max => return None,
            _ => {}
        }
        sessions.insert(name.into(), session.clone());
        Some((session, true))
    }

    /// Forgets a session, unless another has taken its name meanwhile.
    pub fn remove(&self, name: &str, session: &Arc<Session>) {
        let mut sessions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if sessions
            .get(name)
            .is_some_and(|known| Arc::ptr_eq(known, session))
        {
            sessions.remove(name);
        }
    }
}
