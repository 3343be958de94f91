//! Polls one at a time: for whoever times a single one, and so cannot leave it to the client when
//! it asks.
//!
//! ```text
//! client ─ asks, is answered ─► waits ────────────► asks, is answered ─► waits
//! whoever times it                    └─ go() ──┘                        └─ waiting()
//! ```

use std::cell::Cell;

use tokio::sync::Notify;

/// Between one client and whoever steps it; both on one thread.
#[derive(Debug, Default)]
pub struct Steps {
    told: Notify,
    is_waiting: Cell<bool>,
    began_to_wait: Notify,
}

impl Steps {
    /// The client may ask once.
    pub fn go(&self) {
        self.is_waiting.set(false);
        self.told.notify_one();
    }

    /// Whether it has read an answer and asks no more until it is told to.
    pub fn is_waiting(&self) -> bool {
        self.is_waiting.get()
    }

    /// Resolves when it is. Dropping the future loses nothing.
    pub async fn waiting(&self) {
        while !self.is_waiting.get() {
            self.began_to_wait.notified().await;
        }
    }

    /// The client's side of it, after each answer.
    pub(super) async fn next(&self) {
        self.is_waiting.set(true);
        self.began_to_wait.notify_one();
        self.told.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_client_asks_once_for_each_time_that_it_is_told() {
        let steps = Steps::default();
        assert!(steps.waiting().now_or_never().is_none(), "it asks first");
        let mut turn = pin!(steps.next());
        assert!(turn.as_mut().now_or_never().is_none());
        assert!(steps.waiting().now_or_never().is_some());
        steps.go();
        assert!(!steps.is_waiting(), "before it has run at all");
        assert!(turn.now_or_never().is_some());
        assert!(steps.next().now_or_never().is_none(), "once");
        assert!(steps.is_waiting());
    }
}
