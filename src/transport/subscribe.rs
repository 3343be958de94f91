//! How a subscriber of the plain envelope comes in, the same on every transport that stays open.
//!
//! ```text
//! may_use ─► register ─► enter ─► attach ─► recover        then, by the caller: hello, catch up, live
//!   bounds    a stop      presence  the hub   what the
//!   of one    must reach            holds     history has
//!   address   it                    back
//! ```
//!
//! The order is the point. A refusal comes before anything is held; whoever is attached is already
//! known to a stop of the node; and attaching before looking into the history leaves no gap between
//! the two (what comes twice, by both ways, is delivered once: see [`crate::hub`]).

use std::{net::IpAddr, rc::Rc, sync::Arc};

use super::SubscribeQuery;
use crate::{
    catalogue::Lane,
    channel::{ChannelName, history::Recovery},
    error::Refusal,
    hub::{Attachment, Subscriber},
    node::{Connected, Node, PresenceGuard},
    registry::via,
};

/// What a subscriber holds while it is there, and what it missed.
pub(super) struct ActiveSubscription {
    /// Its entry in the node's list of connections.
    pub connected: Connected,
    /// Its membership, if it said who it is; dropping it is leaving.
    pub presence_guard: Option<PresenceGuard>,
    /// Made before `recovery`, so that nothing between the two is lost.
    pub attachment: Attachment,
    /// What it missed, and whether its position was honoured.
    pub recovery: Recovery,
}

/// Subscribes by the lane `own`. `address`: who asks, for the bounds of one address.
pub(super) async fn subscribe(
    node: &Arc<Node>,
    own: &Lane,
    channel: &ChannelName,
    query: &SubscribeQuery,
    address: Option<IpAddr>,
    subscriber: Rc<dyn Subscriber>,
) -> Result<ActiveSubscription, Refusal> {
    node.may_use(channel, address)?;
    let connected = node.register(subscriber.clone())?;
    let presence_guard = match &query.who {
        Some(who) => Some(node.enter(channel, who, address, via(own))?),
        None => None,
    };
    let attachment = node.attach(channel, subscriber);
    let recovery = node.recover(channel, &query.start).await?;
    Ok(ActiveSubscription {
        connected,
        presence_guard,
        attachment,
        recovery,
    })
}
