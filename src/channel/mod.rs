//! The types that everything else uses: channel names, publications, positions.
//!
//! Pure values: no I/O, no clock, neither actix nor tokio. [`history`] keeps a channel's recent
//! publications, [`latest`] the last one for those who come later, [`presence`] who is in it; all
//! get the time from their callers. [`observer`] is how others are notified of changes.
//!
//! May use: no other room.

pub mod history;
pub mod idempotence;
pub mod latest;
pub mod observer;
pub mod presence;

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Longest channel name in bytes. Pusher Channels allows 164 (protocol 7, "Channel naming").
pub const CHANNEL_NAME_MAX_BYTES: usize = 164;
/// Longest event name in bytes (Pusher Channels protocol 7 allows 200).
pub const EVENT_NAME_MAX_BYTES: usize = 200;
/// Longest client id and idempotence id in bytes.
pub const ID_MAX_BYTES: usize = 64;
/// Events whose name starts like this come from the server only.
pub const RESERVED_EVENT_PREFIX: &str = "pushlab:";
/// Events that Pusher Channels reserves for its server: all protocols share the channels.
const PUSHER_EVENT_PREFIXES: [&str; 2] = ["pusher:", "pusher_internal:"];
/// Published by the server on `presence-` channels; data `{"client","name"}`.
pub const JOIN_EVENT: &str = "pushlab:join";
/// Published by the server on `presence-` channels; data `{"client","name"}`.
pub const LEAVE_EVENT: &str = "pushlab:leave";

/// Published by the server when a channel's history was emptied on purpose, as the first of the new
/// epoch; data `{}`. Pages that show the history empty what they show.
pub const CLEARED_EVENT: &str = "pushlab:cleared";

/// Whether only the server may publish under this name.
pub fn is_reserved_event(event: &str) -> bool {
    event.starts_with(RESERVED_EVENT_PREFIX)
        || PUSHER_EVENT_PREFIXES
            .iter()
            .any(|prefix| event.starts_with(prefix))
}

/// True for the bytes that a channel name or client id may consist of:
/// `[A-Za-z0-9_\-=@,.;]`, the alphabet of Pusher Channels, so that one name serves every protocol.
pub fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-=@,.;".contains(&byte)
}

/// The name of a channel: 1 to 164 bytes of `[A-Za-z0-9_\-=@,.;]`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

/// Why a text is no channel name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadChannelName {
    /// It has no character.
    #[error("a channel name is empty")]
    Empty,
    /// It has so many bytes, over the limit.
    #[error("a channel name has {0} bytes; {CHANNEL_NAME_MAX_BYTES} are allowed")]
    TooLong(usize),
    /// It has this character, which no name may have.
    #[error("a channel name has the character {0:?}; allowed are A-Z a-z 0-9 _ - = @ , . ;")]
    BadCharacter(char),
}

impl ChannelName {
    /// Checks and keeps a name.
    pub fn parse(name: &str) -> Result<Self, BadChannelName> {
        if name.is_empty() {
            return Err(BadChannelName::Empty);
        }
        if let Some(bad) = name
            .chars()
            .find(|c| !c.is_ascii() || !is_name_byte(*c as u8))
        {
            return Err(BadChannelName::BadCharacter(bad));
        }
        if name.len() > CHANNEL_NAME_MAX_BYTES {
            return Err(BadChannelName::TooLong(name.len()));
        }
        Ok(Self(name.into()))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name inside a scope of its own (an application that does not share the plain names):
    /// `scope/name`. No other name holds a `/`, so the two can never meet. An empty scope is the
    /// plain one. The caller has checked `name` by its protocol's rules, which may allow more
    /// than [`Self::parse`] does, but no `/`.
    pub fn scoped(scope: &str, name: &str) -> Self {
        match scope {
            "" => Self(name.into()),
            scope => Self(format!("{scope}/{name}").into()),
        }
    }

    /// The name without its scope.
    pub fn local(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// Its scope; empty for plain names.
    pub fn scope(&self) -> &str {
        self.0.split_once('/').map_or("", |(scope, _)| scope)
    }

    /// Whether joins and leaves are published on this channel (`presence-…`, the prefix that
    /// Pusher Channels protocol 7 gives to presence channels).
    pub fn announces_presence(&self) -> bool {
        self.local().starts_with("presence-")
    }
}

impl ChannelName {
    /// Whether the last publication is kept for those who come later (the cache channels of
    /// Pusher Channels protocol 7).
    pub fn keeps_latest(&self) -> bool {
        const PREFIXES: [&str; 4] = [
            "cache-",
            "private-cache-",
            "private-encrypted-cache-",
            "presence-cache-",
        ];
        PREFIXES
            .iter()
            .any(|prefix| self.local().starts_with(prefix))
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for ChannelName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Identity of one life of a channel's history; a new one voids old offsets.
/// 1 to 32 bytes of `[A-Za-z0-9_-]`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Epoch(Arc<str>);

impl Epoch {
    /// `None` when the text is not of an epoch's form.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=32).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        fits.then(|| Self(text.into()))
    }

    /// The letters that stand on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Where a subscriber is in a channel: everything up to and including `offset` has been seen.
/// As text `epoch:offset` (the form of an SSE `id:` and of an ETag).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StreamPosition {
    /// Which life of the history.
    pub epoch: Epoch,
    /// Number of the last publication seen; 0 before the first.
    pub offset: u64,
}

impl fmt::Display for StreamPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch.as_str(), self.offset)
    }
}

/// A text is not `epoch:offset`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a position reads epoch:offset, for example k3x9:17")]
pub struct BadPosition;

impl FromStr for StreamPosition {
    type Err = BadPosition;

    fn from_str(text: &str) -> Result<Self, BadPosition> {
        let (epoch, offset) = text.split_once(':').ok_or(BadPosition)?;
        Ok(Self {
            epoch: Epoch::parse(epoch).ok_or(BadPosition)?,
            offset: offset.parse().map_err(|_| BadPosition)?,
        })
    }
}

/// One piece of data published to a channel, with its position and its first two instants.
#[derive(Debug)]
pub struct Publication {
    /// Where it was published.
    pub channel: ChannelName,
    /// The life of the history that it belongs to.
    pub epoch: Epoch,
    /// From 1, without gaps within one epoch; 0 for an ephemeral publication
    /// ([`Publication::ephemeral`]).
    pub offset: u64,
    /// Its event's name, 1 to [`EVENT_NAME_MAX_BYTES`] bytes.
    pub event: Box<str>,
    /// JSON exactly as the publisher sent it.
    pub data: Box<RawValue>,
    /// When it was scheduled, µs since the Unix epoch on the publisher's reading of the server's
    /// clock; equal to `published_us` where the publisher named none.
    pub intended_us: u64,
    /// When the broker gave it its position, µs since the Unix epoch on the server's clock.
    pub published_us: u64,
    /// What the protocol that it came by knows of its sender.
    pub origin: Option<Box<Origin>>,
}

/// What a protocol knows of a publication's sender, for its own subscribers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The connection that must not get it, by its protocol's id.
    pub exclude: Option<Box<str>>,
    /// The user that sent it, vouched for by the protocol.
    pub user: Option<Box<str>>,
    /// A client sent it to other clients, so it is not the channel's state and not stored as
    /// latest.
    pub by_client: bool,
}

impl Publication {
    /// A publication for the present subscribers only: it has no position and is stored nowhere.
    pub fn ephemeral(channel: ChannelName, event: &str, data: Box<RawValue>, now_us: u64) -> Self {
        Self {
            channel,
            epoch: Epoch("none".into()),
            offset: 0,
            event: event.into(),
            data,
            intended_us: now_us,
            published_us: now_us,
            origin: None,
        }
    }

    /// Whether it has no offset, and so is in no history.
    pub fn is_ephemeral(&self) -> bool {
        self.offset == 0
    }

    /// Where a subscriber is that has it.
    pub fn position(&self) -> StreamPosition {
        StreamPosition {
            epoch: self.epoch.clone(),
            offset: self.offset,
        }
    }

    /// Bytes that storing it costs: its text and a flat allowance for the rest.
    pub fn retained_bytes(&self) -> usize {
        const OVERHEAD: usize = 160;
        self.event.len() + self.data.get().len() + OVERHEAD
    }
}

/// What a publisher hands in; the broker makes a [`Publication`] of it.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its event's name.
    pub event: Box<str>,
    /// JSON, passed on byte for byte.
    pub data: Box<RawValue>,
    /// Idempotence id: for a window of time ([`idempotence`]), publishing again with the same
    /// id answers the first position and publishes nothing.
    pub id: Option<Box<str>>,
    /// When the publisher meant to publish, µs of the time of day; `None`: when it came.
    pub intended_us: Option<u64>,
    /// The time of day for `published_us`, µs since the Unix epoch; if `None`, the broker's
    /// `now_us` is used.
    pub published_us: Option<u64>,
    /// Which connection of which protocol sent it, so that it need not get its own.
    pub origin: Option<Box<Origin>>,
}

impl Draft {
    /// A draft without an id, intended now.
    pub fn new(event: &str, data: Box<RawValue>) -> Self {
        Self {
            event: event.into(),
            data,
            id: None,
            intended_us: None,
            published_us: None,
            origin: None,
        }
    }

    /// The publication that it becomes there, and its idempotence id. `now_us` stands for the instants
    /// that it does not name.
    pub fn at(
        self,
        channel: ChannelName,
        position: StreamPosition,
        now_us: u64,
    ) -> (Arc<Publication>, Option<Box<str>>) {
        let published_us = self.published_us.unwrap_or(now_us);
        let publication = Publication {
            channel,
            epoch: position.epoch,
            offset: position.offset,
            event: self.event,
            data: self.data,
            intended_us: self.intended_us.unwrap_or(published_us),
            published_us,
            origin: self.origin,
        };
        (Arc::new(publication), self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_the_pusher_alphabet_and_nothing_else() {
        assert!(ChannelName::parse("presence-chat-lobby").is_ok());
        assert!(ChannelName::parse("aZ0_-=@,.;").is_ok());
        assert_eq!(ChannelName::parse(""), Err(BadChannelName::Empty));
        for (name, bad) in [("a b", ' '), ("a/b", '/'), ("naïve", 'ï'), ("a\0", '\0')] {
            assert_eq!(
                ChannelName::parse(name),
                Err(BadChannelName::BadCharacter(bad))
            );
        }
        assert!(ChannelName::parse(&"x".repeat(164)).is_ok());
        assert_eq!(
            ChannelName::parse(&"x".repeat(165)),
            Err(BadChannelName::TooLong(165))
        );
    }

    #[test]
    fn a_scoped_name_meets_no_plain_one() {
        let scoped = ChannelName::scoped("7", "presence-a");
        assert_eq!((scoped.scope(), scoped.local()), ("7", "presence-a"));
        assert!(scoped.announces_presence());
        assert!(ChannelName::parse(scoped.as_str()).is_err());
        let plain = ChannelName::scoped("", "a");
        assert_eq!(Ok(plain.clone()), ChannelName::parse("a"));
        assert_eq!((plain.scope(), plain.local()), ("", "a"));
    }

    #[test]
    fn positions_read_back_what_they_write() {
        let position: StreamPosition = "k3x9:17".parse().unwrap();
        assert_eq!(position.offset, 17);
        assert_eq!(position.to_string(), "k3x9:17");
        for bad in ["", "17", "k3x9:", ":17", "k3x9:-1", "k3 x9:1", "a:1:2"] {
            assert_eq!(bad.parse::<StreamPosition>(), Err(BadPosition), "{bad:?}");
        }
    }
}
