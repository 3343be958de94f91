//! Who is in one channel.
//!
//! A member is a client id with one or more *attachments*: a stream or socket that is open
//! (`held`), or a poller that counts as present until a stated instant. A member joins with its
//! first attachment and leaves with its last, so two tabs are one member, and changing the
//! transport is neither a leave nor a join. Times are parameters, µs since the Unix epoch.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How a member is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Via {
    /// How bytes travel.
    pub transport: &'static str,
    /// What they mean.
    pub protocol: &'static str,
}

/// A member as the outside sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its id, which it chose itself.
    pub client: Box<str>,
    /// What others see of it.
    pub name: Box<str>,
    /// Labels of the transports it is attached by, sorted, each once.
    pub transports: Vec<&'static str>,
    /// The same with the protocols, for one transport may carry several.
    pub via: Vec<Via>,
    /// Since when it has been here.
    pub since_us: u64,
}

/// Somebody came or went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Change {
    /// Who.
    pub client: Box<str>,
    /// What others see of it.
    pub name: Box<str>,
    /// What a protocol that has more than a name says of the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<Box<RawValue>>,
}

#[derive(Debug)]
struct Entry {
    name: Box<str>,
    info: Option<Box<RawValue>>,
    since_us: u64,
    /// The number of whom it is counted for.
    by: Option<u128>,
    /// Open streams and sockets.
    held: BTreeMap<Via, usize>,
    /// Pollers: present until this instant.
    polling: BTreeMap<Via, u64>,
}

impl Entry {
    fn is_gone(&self) -> bool {
        self.held.is_empty() && self.polling.is_empty()
    }
}

/// The members of one channel.
#[derive(Debug, Default)]
pub struct Presence {
    members: BTreeMap<Box<str>, Entry>,
}

impl Presence {
    /// A stream or socket of `client` has opened. `Some` if that made it a member, or gave it another
    /// name.
    pub fn hold(&mut self, client: &str, name: &str, via: Via, now_us: u64) -> Option<Change> {
        self.hold_with_info(client, name, None, via, now_us)
    }

    /// As [`Self::hold`], with what the member says of itself; the latest counts.
    pub fn hold_with_info(
        &mut self,
        client: &str,
        name: &str,
        info: Option<Box<RawValue>>,
        via: Via,
        now_us: u64,
    ) -> Option<Change> {
        let (entry, mut joined) = self.entry(client, name, now_us);
        if info.is_some() {
            entry.info = info;
        }
        if let Some(joined) = &mut joined {
            joined.info = entry.info.clone();
        }
        *entry.held.entry(via).or_default() += 1;
        // A held long poll says more than the memory of the last one.
        entry.polling.remove(&via);
        joined
    }

    /// A stream or socket of `client` has closed. `Some` if that was its last attachment.
    pub fn release(&mut self, client: &str, via: Via) -> Option<Change> {
        let entry = self.members.get_mut(client)?;
        if let Some(count) = entry.held.get_mut(&via) {
            *count -= 1;
            if *count == 0 {
                entry.held.remove(&via);
            }
        }
        self.remove_if_gone(client)
    }

    /// A poller of `client` has asked; it stays present until `until_us`.
    pub fn poll(
        &mut self,
        client: &str,
        name: &str,
        via: Via,
        now_us: u64,
        until_us: u64,
    ) -> Option<Change> {
        let (entry, joined) = self.entry(client, name, now_us);
        entry.polling.insert(via, until_us);
        joined
    }

    /// The pollers of `client` say goodbye. `Some` if nothing else keeps it here.
    pub fn stop_polling(&mut self, client: &str) -> Option<Change> {
        self.members.get_mut(client)?.polling.clear();
        self.remove_if_gone(client)
    }

    /// Removes pollers whose time is over; returns the members that left by it.
    pub fn expire(&mut self, now_us: u64) -> Vec<Change> {
        let mut left = Vec::new();
        self.members.retain(|client, entry| {
            entry.polling.retain(|_, until_us| *until_us > now_us);
            let gone = entry.is_gone();
            if gone {
                left.push(Change {
                    client: client.clone(),
                    name: entry.name.clone(),
                    info: None,
                });
            }
            !gone
        });
        left
    }

    /// The members, sorted by client id.
    pub fn members(&self) -> Vec<Member> {
        self.members
            .iter()
            .map(|(client, entry)| {
                let mut via: Vec<_> = entry
                    .held
                    .keys()
                    .chain(entry.polling.keys())
                    .copied()
                    .collect();
                via.sort_unstable();
                via.dedup();
                let mut transports: Vec<_> = via.iter().map(|via| via.transport).collect();
                transports.dedup();
                Member {
                    client: client.clone(),
                    name: entry.name.clone(),
                    transports,
                    via,
                    since_us: entry.since_us,
                }
            })
            .collect()
    }

    /// A member as it would be announced now.
    pub fn announced(&self, client: &str) -> Option<Change> {
        let (client, entry) = self.members.get_key_value(client)?;
        Some(Change {
            client: client.clone(),
            name: entry.name.clone(),
            info: entry.info.clone(),
        })
    }

    /// Whether a client is a member.
    pub fn contains(&self, client: &str) -> bool {
        self.members.contains_key(client)
    }

    /// A member is counted for whom it came from first: an address, as a number.
    pub fn count_for(&mut self, client: &str, whom: u128) {
        if let Some(entry) = self.members.get_mut(client) {
            entry.by.get_or_insert(whom);
        }
    }

    /// Members that are counted for somebody.
    pub fn counted_for(&self, whom: u128) -> usize {
        let all = self.members.values();
        all.filter(|entry| entry.by == Some(whom)).count()
    }

    /// How many members there are; several connections of one client are one.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn entry(&mut self, client: &str, name: &str, now_us: u64) -> (&mut Entry, Option<Change>) {
        let mut joined = None;
        let entry = self.members.entry(client.into()).or_insert_with(|| {
            joined = Some(Change {
                client: client.into(),
                name: name.into(),
                info: None,
            });
            Entry {
                name: name.into(),
                info: None,
                since_us: now_us,
                by: None,
                held: BTreeMap::new(),
                polling: BTreeMap::new(),
            }
        });
        if &*entry.name != name && !name.is_empty() {
            entry.name = name.into();
            // Whoever comes back under another name before the old connection has gone is told anew:
            // otherwise nobody would learn of it. Protocols that say more of a member tell it once.
            if entry.info.is_none() {
                joined = Some(Change {
                    client: client.into(),
                    name: name.into(),
                    info: None,
                });
            }
        }
        (entry, joined)
    }

    fn remove_if_gone(&mut self, client: &str) -> Option<Change> {
        if !self.members.get(client)?.is_gone() {
            return None;
        }
        let (client, entry) = self.members.remove_entry(client)?;
        Some(Change {
            client,
            name: entry.name,
            info: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(transport: &'static str) -> Via {
        Via {
            transport,
            protocol: "plain",
        }
    }

    #[test]
    fn two_tabs_are_one_member() {
        let mut presence = Presence::default();
        assert!(presence.hold("c1", "Ann", plain("sse"), 1).is_some());
        assert!(presence.hold("c1", "Ann", plain("sse"), 2).is_none());
        assert!(presence.release("c1", plain("sse")).is_none());
        let left = presence.release("c1", plain("sse")).unwrap();
        assert_eq!((&*left.client, &*left.name), ("c1", "Ann"));
        assert!(presence.is_empty());
    }

    #[test]
    fn changing_the_transport_is_neither_leave_nor_join() {
        let mut presence = Presence::default();
        presence.poll("c1", "Ann", plain("short-poll"), 0, 10);
        assert!(presence.hold("c1", "Ann", plain("websocket"), 5).is_none());
        assert!(presence.expire(20).is_empty());
        assert_eq!(presence.members()[0].transports, ["websocket"]);
    }

    #[test]
    fn another_name_is_told_though_the_old_connection_is_still_there() {
        let mut presence = Presence::default();
        let named = |change: Option<Change>| change.map(|change| change.name.to_string());
        let sse = plain("sse");
        assert_eq!(
            named(presence.hold("c1", "Ann", sse, 1)).as_deref(),
            Some("Ann")
        );
        assert_eq!(
            named(presence.hold("c1", "Anna", sse, 2)).as_deref(),
            Some("Anna")
        );
        assert!(presence.hold("c1", "Anna", sse, 3).is_none());
        assert!(presence.hold("c1", "", sse, 3).is_none());
        assert!(presence.release("c1", sse).is_none());
        assert_eq!(presence.members()[0].name.as_ref(), "Anna");
    }

    #[test]
    fn one_transport_with_two_protocols_is_named_once_and_told_twice() {
        let mut presence = Presence::default();
        let channels = Via {
            transport: "websocket",
            protocol: "pusher",
        };
        presence.hold("c1", "Ann", plain("websocket"), 0);
        assert!(presence.hold("c1", "Ann", channels, 1).is_none());
        let member = &presence.members()[0];
        assert_eq!(member.transports, ["websocket"]);
        assert_eq!(member.via, [plain("websocket"), channels]);
    }

    #[test]
    fn a_poller_is_present_until_its_time_is_over() {
        let mut presence = Presence::default();
        assert!(
            presence
                .poll("c1", "Ann", plain("long-poll"), 0, 10)
                .is_some()
        );
        assert!(
            presence
                .poll("c1", "Ann", plain("long-poll"), 8, 18)
                .is_none()
        );
        assert!(presence.expire(17).is_empty());
        assert_eq!(presence.expire(18).len(), 1);
    }

    #[test]
    fn a_held_poll_that_breaks_off_leaves_at_once() {
        let mut presence = Presence::default();
        presence.poll("c1", "Ann", plain("long-poll"), 0, 10);
        assert!(presence.hold("c1", "Ann", plain("long-poll"), 1).is_none());
        assert!(presence.release("c1", plain("long-poll")).is_some());
    }

    #[test]
    fn leaving_twice_or_unknown_changes_nothing() {
        let mut presence = Presence::default();
        assert!(presence.release("ghost", plain("sse")).is_none());
        assert!(presence.stop_polling("ghost").is_none());
        presence.poll("c1", "Ann", plain("short-poll"), 0, 10);
        assert!(presence.stop_polling("c1").is_some());
        assert!(presence.stop_polling("c1").is_none());
    }
}
