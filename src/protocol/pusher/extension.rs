//! Recovery, which protocol 7 does not have: subscriptions that name a position get what they
//! missed, as with every other transport of the lab (`codec::pusher::extension` has the frames).
//!
//! A position is named before the subscription and counts for that one. The order is
//! `subscription_succeeded`, `pushlab:position`, what was missed, what is live. The cached event of
//! a cache channel is not sent beside it: it is among what was missed, or was seen.
//!
//! Joins and leaves up to the member list in `subscription_succeeded` are left out of what was
//! missed: they are in the list already, and no member is to be announced twice.

use std::{
    cell::Cell,
    rc::Rc,
    task::{Context, Poll},
};

use futures_util::FutureExt;

use super::{connection::Connection, subscription_state::SubscriptionState};
use crate::{
    channel::{ChannelName, JOIN_EVENT, LEAVE_EVENT, Publication, history::Start},
    codec::pusher::{
        extension::{self, Position},
        kind,
    },
    disconnect::Disconnect,
    hub::{Attachment, Delivery, Subscriber},
    transport::catch_up::{Reader, catch_up, drained},
};

/// Positions that may wait for their subscriptions, per connection.
const POSITIONS_MAX: usize = 1_024;

impl Connection {
    /// Keeps a position for the next subscription of its channel, or says why not.
    pub(super) fn keep_position(&self, asked: Position) {
        let Position { channel, start } = asked;
        if let Err(bad) = kind::check_name(&channel, self.app.settings.channel_name_max_bytes) {
            return self.error(None, &bad.to_string());
        }
        if self.subscriptions.borrow().contains_key(channel.as_str()) {
            let message = format!(
                "Existing subscription to channel {channel}: unsubscribe before naming a position"
            );
            return self.error(None, &message);
        }
        let mut positions = self.positions.borrow_mut();
        if positions.len() >= POSITIONS_MAX && !positions.contains_key(channel.as_str()) {
            drop(positions);
            let message =
                format!("{POSITIONS_MAX} positions wait for their subscriptions: subscribe first");
            return self.error(None, &message);
        }
        positions.insert(channel.into(), start);
    }

    /// Brings a subscription from its position to now. `attachment` must not be live yet.
    pub(super) fn catch_up(
        self: &Rc<Self>,
        channel: &ChannelName,
        start: Start,
        reader: Rc<PositionedSubscriber>,
        attachment: Attachment,
    ) -> SubscriptionState {
        let (connection, channel) = (self.clone(), channel.clone());
        let going = async move {
            if !connection.is_drained() {
                // Many backlogs at once must not gather in memory: one page at a time of them all.
                attachment.pause();
                drained(&*reader).await;
                attachment.hold_back();
            }
            let node = connection.node.clone();
            match node.recover(&channel, &start).await {
                Ok(recovery) => {
                    connection.send(|out| extension::subscribed(channel.local(), &recovery, out));
                    catch_up(node, channel, reader, attachment, recovery).await
                }
                Err(_) => {
                    connection.sink.disconnect(Disconnect::Internal);
                    None
                }
            }
        };
        SubscriptionState::catching_up(going.boxed_local())
    }

    fn is_drained(&self) -> bool {
        let mut context = Context::from_waker(std::task::Waker::noop());
        self.sink.poll_drained(&mut context).is_ready()
    }
}

/// A connection as the hub sees it where it asked for positions.
pub struct PositionedSubscriber {
    connection: Rc<Connection>,
    /// Up to here, joins and leaves are in the member list.
    members_at: Cell<u64>,
}

impl PositionedSubscriber {
    /// The connection's subscriptions, with positions.
    pub fn new(connection: Rc<Connection>) -> Self {
        Self {
            connection,
            members_at: Cell::new(0),
        }
    }

    /// The member list that was sent is of this offset.
    pub fn has_members_at(&self, offset: u64) {
        self.members_at.set(offset);
    }

    fn is_left_out(&self, publication: &Publication) -> bool {
        let is_member_event = matches!(&*publication.event, JOIN_EVENT | LEAVE_EVENT);
        (is_member_event && publication.offset <= self.members_at.get())
            || self.connection.is_own(publication)
    }
}

impl Subscriber for PositionedSubscriber {
    fn deliver(&self, delivery: Delivery<'_>) {
        let sink = &self.connection.sink;
        self.connection.hand_over(
            delivery,
            |p| self.is_left_out(p),
            |run| sink.deliver_with_positions(run),
        );
    }

    fn deliver_ephemeral(&self, delivery: Delivery<'_>) {
        self.connection.deliver_ephemeral(delivery);
    }

    fn disconnect(&self, reason: Disconnect) {
        self.connection.sink.disconnect(reason);
    }
}

impl Reader for PositionedSubscriber {
    fn is_drained(&self) -> bool {
        self.connection.is_drained()
    }

    fn poll_drained(&self, context: &mut Context<'_>) -> Poll<()> {
        self.connection.sink.poll_drained(context)
    }
}
