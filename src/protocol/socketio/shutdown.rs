//! Sessions end when the node stops, and the node waits for them.

use std::{
    rc::{Rc, Weak},
    sync::Arc,
};

use super::{engine::Reason, link::Link};
use crate::{
    disconnect::Disconnect,
    hub::{Delivery, Subscriber},
    node::Node,
};

/// Makes a session known to the node, which ends it when it stops. False: it stops already.
pub fn register(node: &Arc<Node>, link: &Rc<Link>) -> bool {
    let listener = Rc::new(ShutdownListener(Rc::downgrade(link)));
    match node.register(listener) {
        Ok(connected) => {
            link.hold_up_stop(connected);
            true
        }
        Err(_) => {
            link.fail(Reason::ServerShuttingDown);
            false
        }
    }
}

/// A session, as the hub sees it when the node stops.
struct ShutdownListener(Weak<Link>);

impl Subscriber for ShutdownListener {
    fn deliver(&self, _delivery: Delivery<'_>) {}

    fn disconnect(&self, _reason: Disconnect) {
        if let Some(link) = self.0.upgrade() {
            // The hub must not be called back from here: do it at the worker's next turn.
            let sid = link.sid.clone();
            link.worker.later(move |worker| {
                if let Some(link) = worker.link(&sid) {
                    link.fail(Reason::ServerShuttingDown);
                }
            });
        }
    }
}
