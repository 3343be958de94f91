//! Who is in a channel: held by open streams and sockets, or polling.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, MutexGuard, atomic::Ordering},
    time::Duration,
};

use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::{
    Node, NodeError,
    announcements::{Announcement, PresenceSnapshot},
    lock,
};
use crate::{
    channel::{
        ChannelName, JOIN_EVENT, LEAVE_EVENT,
        presence::{Change, Member, Presence, Via},
    },
    clock, network,
};

/// A client that wants to be seen in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// `[A-Za-z0-9_\-=@,.;]{1,64}`.
    pub client: Box<str>,
    /// What other members see; may be empty.
    pub name: Box<str>,
}

/// Members and pollers of a channel.
#[derive(Default)]
pub struct Audience {
    pub presence: Presence,
    /// Until when the channel counts as listened to because of pollers, named or not.
    pub polled_until_us: u64,
}

impl Node {
    /// A stream or socket of `who`, at this address, is open until the guard is dropped.
    pub fn enter(
        self: &Arc<Self>,
        channel: &ChannelName,
        who: &Who,
        address: Option<IpAddr>,
        via: Via,
    ) -> Result<PresenceGuard, NodeError> {
        self.change_presence(
            channel,
            |presence, now_us| presence.hold(&who.client, &who.name, via, now_us),
            who,
            address,
        )?;
        Ok(PresenceGuard {
            node: self.clone(),
            channel: channel.clone(),
            client: who.client.clone(),
            via,
        })
    }

    /// As [`Self::enter`] on a presence channel, with the member's own data (`info`); returns the
    /// members as well. Attach before, and go live from the position of the snapshot: then every
    /// later join and leave is delivered, and none that the snapshot contains.
    pub async fn enter_with_snapshot(
        self: &Arc<Self>,
        channel: &ChannelName,
        who: &Who,
        address: Option<IpAddr>,
        info: Option<Box<RawValue>>,
        via: Via,
        max_members: usize,
    ) -> Result<(PresenceGuard, PresenceSnapshot), NodeError> {
        {
            let mut audiences = self.audiences();
            let presence = &mut audiences.entry(channel.clone()).or_default().presence;
            let max_members = max_members.min(self.presence_max_members);
            let counted = may_enter(presence, who, address, max_members)?;
            let now_us = clock::now_us();
            let joined = presence.hold_with_info(&who.client, &who.name, info, via, now_us);
            if let Some(whom) = counted {
                presence.count_for(&who.client, whom);
            }
            match joined {
                Some(joined) => self.announce(channel, JOIN_EVENT, joined),
                None => {
                    if let Some(change) = presence.announced(&who.client) {
                        let channel = channel.clone();
                        self.ask(Announcement::Renewed { channel, change });
                    }
                }
            }
        }
        let presence_guard = PresenceGuard {
            node: self.clone(),
            channel: channel.clone(),
            client: who.client.clone(),
            via,
        };
        let (reply, snapshot) = oneshot::channel();
        let channel = channel.clone();
        // Waits if the queue is full, where the other requests are dropped: nobody may enter
        // without a snapshot.
        let asked = self
            .announcements
            .send(Announcement::Snapshot { channel, reply });
        asked.await.map_err(|_| NodeError::ShuttingDown)?;
        let snapshot = snapshot.await.map_err(|_| NodeError::ShuttingDown)??;
        Ok((presence_guard, snapshot))
    }

    /// A client polled: it counts as listening for `present_for`, and as present if it gave a name.
    pub fn polled(
        &self,
        channel: &ChannelName,
        who: Option<&Who>,
        address: Option<IpAddr>,
        via: Via,
        present_for: Duration,
    ) -> Result<(), NodeError> {
        let until_us = clock::now_us() + present_for.as_micros() as u64;
        {
            let mut audiences = self.audiences();
            let audience = audiences.entry(channel.clone()).or_default();
            audience.polled_until_us = audience.polled_until_us.max(until_us);
        }
        match who {
            None => Ok(()),
            Some(who) => self.change_presence(
                channel,
                |presence, now_us| presence.poll(&who.client, &who.name, via, now_us, until_us),
                who,
                address,
            ),
        }
    }

    /// A poller has left.
    pub fn stop_polling(&self, channel: &ChannelName, client: &str) {
        let mut audiences = self.audiences();
        if let Some(audience) = audiences.get_mut(channel)
            && let Some(change) = audience.presence.stop_polling(client)
        {
            self.announce(channel, LEAVE_EVENT, change);
        }
    }

    /// Who is in the channel, sorted by client id.
    pub fn members(&self, channel: &ChannelName) -> Vec<Member> {
        let audiences = self.audiences();
        audiences
            .get(channel)
            .map(|audience| {
                let mut members = audience.presence.members();
                for member in &mut members {
                    member.since_us = clock::time_of_day_at(member.since_us);
                }
                members
            })
            .unwrap_or_default()
    }

    /// Joins and leaves that could not be published since the start.
    pub fn announcements_dropped(&self) -> u64 {
        self.announcements_dropped.load(Ordering::Relaxed)
    }

    fn change_presence(
        &self,
        channel: &ChannelName,
        change: impl FnOnce(&mut Presence, u64) -> Option<Change>,
        who: &Who,
        address: Option<IpAddr>,
    ) -> Result<(), NodeError> {
        let mut audiences = self.audiences();
        let presence = &mut audiences.entry(channel.clone()).or_default().presence;
        let counted = may_enter(presence, who, address, self.presence_max_members)?;
        let change = change(presence, clock::now_us());
        if let Some(whom) = counted {
            presence.count_for(&who.client, whom);
        }
        if let Some(change) = change {
            self.announce(channel, JOIN_EVENT, change);
        }
        Ok(())
    }

    fn release(&self, channel: &ChannelName, client: &str, via: Via) {
        let mut audiences = self.audiences();
        let Some(audience) = audiences.get_mut(channel) else {
            return;
        };
        if let Some(change) = audience.presence.release(client, via) {
            self.announce(channel, LEAVE_EVENT, change);
        }
        if audience.presence.is_empty() && audience.polled_until_us == 0 {
            audiences.remove(channel);
        }
    }

    /// Called under the lock of `audiences`, so that announcements keep the order of changes.
    pub(super) fn announce(&self, channel: &ChannelName, event: &'static str, change: Change) {
        if !channel.announces_presence() {
            return;
        }
        self.ask(Announcement::Changed {
            channel: channel.clone(),
            event,
            change,
        });
    }

    fn ask(&self, announcement: Announcement) {
        if self.announcements.try_send(announcement).is_err() {
            self.announcements_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Written by transports as clients come and go and by the housekeeping task; the lock is never
    /// held across an await.
    pub(super) fn audiences(&self) -> MutexGuard<'_, HashMap<ChannelName, Audience>> {
        lock(&self.audiences)
    }
}

/// Of a channel's members one address may have one part in so many: a whole school behind one router is
/// let in, and no single device fills a room.
const ADDRESS_PART: usize = 10;
/// … and as many in a channel that may have few.
const OF_ADDRESS_LEAST: usize = 50;

/// Whether there is room for `who`; whom a new member is counted for.
fn may_enter(
    presence: &Presence,
    who: &Who,
    address: Option<IpAddr>,
    max_members: usize,
) -> Result<Option<u128>, NodeError> {
    if presence.contains(&who.client) {
        return Ok(None);
    }
    if presence.len() >= max_members {
        return Err(NodeError::TooManyMembers(presence.len()));
    }
    let counted = network::counted(address).map(|address| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    });
    let share = (max_members / ADDRESS_PART).max(OF_ADDRESS_LEAST);
    match counted {
        Some(whom) if presence.counted_for(whom) >= share => {
            Err(NodeError::TooManyMembersOfAddress(share))
        }
        counted => Ok(counted),
    }
}

/// Presence of one open stream or socket; dropping it is its leave.
pub struct PresenceGuard {
    node: Arc<Node>,
    channel: ChannelName,
    client: Box<str>,
    via: Via,
}

impl PresenceGuard {
    /// The connection has changed its transport: no leave and no join.
    pub fn change_transport(&mut self, via: Via) {
        let before = std::mem::replace(&mut self.via, via);
        let mut audiences = self.node.audiences();
        if let Some(audience) = audiences.get_mut(&self.channel) {
            let presence = &mut audience.presence;
            presence.hold(&self.client, "", via, clock::now_us());
            presence.release(&self.client, before);
        }
    }
}

impl Drop for PresenceGuard {
    fn drop(&mut self) {
        self.node.release(&self.channel, &self.client, self.via);
    }
}
