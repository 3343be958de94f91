//! How a subscriber of the plain envelope comes in, the same on every transport that stays open.

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
    pub connected: Connected,
    pub presence_guard: Option<PresenceGuard>,
    /// Made before `recovery`, so that nothing between the two is lost.
    pub attachment: Attachment,
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
        Some(who) => Some(node.enter(channel, who, via(own))?),
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
