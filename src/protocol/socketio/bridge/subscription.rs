//! One client's subscription to one channel: from its position to now, then live.

use std::{
    rc::Rc,
    task::{Context, Poll},
};

use tokio::task::AbortHandle;

use super::publication::FRAME;
use crate::{
    disconnect::Disconnect,
    hub::{Attachment, Delivery, Subscriber},
    node::{PresenceGuard, Who},
    protocol::socketio::{engine::Reason, link::Link},
    transport::catch_up::Reader,
};

/// A session, as the hub sees it.
pub struct Receiver(pub Rc<Link>);

impl Subscriber for Receiver {
    fn deliver(&self, delivery: Delivery<'_>) {
        self.0.deliver(delivery, &FRAME);
    }

    fn disconnect(&self, reason: Disconnect) {
        let reason = match reason {
            Disconnect::SlowConsumer => Reason::SlowConsumer,
            Disconnect::Shutdown => Reason::ServerShuttingDown,
            Disconnect::PongTimeout => Reason::PingTimeout,
            Disconnect::Internal => Reason::TransportError,
        };
        // The hub must not be called back from here: at the worker's next turn.
        let sid = self.0.sid.clone();
        self.0.worker.later(move |worker| {
            if let Some(link) = worker.link(&sid) {
                link.fail(reason);
            }
        });
    }
}

impl Reader for Receiver {
    fn is_drained(&self) -> bool {
        self.0.is_drained()
    }

    fn has_page(&self) -> bool {
        self.0.has_page()
    }

    fn poll_drained(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_drained() {
            return Poll::Ready(());
        }
        self.0.wake_when_drained(context);
        Poll::Pending
    }
}

/// How far a subscription is. Dropping it ends it.
pub enum Stage {
    /// A task hands over the backlog, page by page.
    CatchingUp(CatchingUp),
    /// It gets what is published.
    Live(Attachment),
}

/// The task that hands over what was missed; dropping this ends it.
pub struct CatchingUp(pub AbortHandle);

impl Drop for CatchingUp {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// See the module.
pub struct Subscription {
    /// As whom the client is in the channel.
    pub who: Option<Who>,
    /// How far it is.
    pub stage: Stage,
    /// Its membership; dropping it is leaving.
    pub presence_guard: Option<PresenceGuard>,
}
