//! Open connections: a stop ends them and waits until they are closed.

use std::{
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{Node, NodeError};
use crate::{
    disconnect::Disconnect,
    hub::{Registration, Subscriber},
};

impl Node {
    /// Registers a connection, which a stop will end and wait for. Refused once the node is
    /// stopping.
    pub fn register(
        self: &Arc<Self>,
        connection: Rc<dyn Subscriber>,
    ) -> Result<Connected, NodeError> {
        self.open_connections.fetch_add(1, Ordering::AcqRel);
        let connected = Connected {
            node: self.clone(),
            _registration: self.hub.shard().register_connection(connection),
        };
        if self.is_shutting_down() {
            return Err(NodeError::ShuttingDown);
        }
        Ok(connected)
    }

    /// Whether a stop has begun: nobody new is let in.
    pub fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Acquire)
    }

    /// Ends every connection and waits until the last one is closed, at most for `grace`. Returns
    /// how many were still open then.
    pub async fn shut_down(&self, grace: Duration) -> usize {
        self.shutting_down.store(true, Ordering::Release);
        self.hub.disconnect_all(Disconnect::Shutdown);
        let all_closed = async {
            loop {
                let closed = self.connection_closed.notified();
                if self.open_connections.load(Ordering::Acquire) == 0 {
                    return;
                }
                closed.await;
            }
        };
        let _ = tokio::time::timeout(grace, all_closed).await;
        self.open_connections.load(Ordering::Acquire)
    }
}

/// A registered connection; drop it when the connection is closed.
pub struct Connected {
    node: Arc<Node>,
    _registration: Registration,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.node.open_connections.fetch_sub(1, Ordering::AcqRel);
        self.node.connection_closed.notify_waiters();
    }
}
