//! Channel names: their grammar and what their prefixes mean (reference, section 5).
//!
//! "Guarded", "presence", "encrypted" and "cached" are independent answers, each read off the
//! start of the name: servers that read them as one list have let forged signatures through on
//! the combined prefixes.

use crate::channel::is_name_byte;

/// Longest channel name of the hosted service in bytes, prefix included.
pub const NAME_MAX_BYTES: usize = 164;
/// Longest that an application may allow: the SDKs refuse to publish to longer ones.
pub const NAME_MAX_BYTES_LIMIT: usize = 200;
/// Longest id of a signed-in user, in bytes.
pub const USER_ID_MAX_BYTES: usize = 200;
/// The channel of one signed-in user is this, then the id.
pub const USER_CHANNEL_PREFIX: &str = "#server-to-user-";

/// What a name says about its channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kind {
    /// Subscribing takes a signature.
    pub guarded: bool,
    pub presence: bool,
    pub encrypted: bool,
    /// The last event is kept for those who come later.
    pub cached: bool,
}

impl Kind {
    /// Of a name that [`check_name`] took.
    pub fn of(name: &str) -> Self {
        let presence = name.strip_prefix("presence-");
        let private = name.strip_prefix("private-");
        let encrypted = private.and_then(|rest| rest.strip_prefix("encrypted-"));
        let rest = presence.or(encrypted).or(private).unwrap_or(name);
        Self {
            guarded: presence.is_some() || private.is_some(),
            presence: presence.is_some(),
            encrypted: encrypted.is_some(),
            cached: rest.starts_with("cache-"),
        }
    }
}

/// The user whose channel this is.
pub fn user_of(name: &str) -> Option<&str> {
    name.strip_prefix(USER_CHANNEL_PREFIX)
}

/// Why a text is no channel name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    #[error("a channel name is empty")]
    Empty,
    #[error("a channel name has {length} characters; {allowed} are allowed")]
    TooLong { length: usize, allowed: usize },
    #[error("a channel name has the character {0:?}; allowed are A-Z a-z 0-9 _ - = @ , . ;")]
    BadCharacter(char),
    #[error("of the names that start with # only {USER_CHANNEL_PREFIX}ID exists")]
    Reserved,
}

/// Checks a name: at most `max_bytes` of `[A-Za-z0-9_\-=@,.;]`, or the channel of a user.
pub fn check_name(name: &str, max_bytes: usize) -> Result<(), BadName> {
    if name.is_empty() {
        return Err(BadName::Empty);
    }
    let (rest, allowed) = match name.strip_prefix('#') {
        None => (name, max_bytes),
        Some(_) => match user_of(name) {
            Some(user) if !user.is_empty() => (user, USER_ID_MAX_BYTES),
            _ => return Err(BadName::Reserved),
        },
    };
    if let Some(bad) = rest
        .chars()
        .find(|c| !c.is_ascii() || !is_name_byte(*c as u8))
    {
        return Err(BadName::BadCharacter(bad));
    }
    if rest.len() > allowed {
        return Err(BadName::TooLong {
            length: rest.len(),
            allowed,
        });
    }
    Ok(())
}

/// Whether a text can be a signed-in user's id (11.1).
pub fn is_user_id(id: &str) -> bool {
    (1..=USER_ID_MAX_BYTES).contains(&id.len()) && id.bytes().all(is_name_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(guarded: bool, presence: bool, encrypted: bool, cached: bool) -> Kind {
        Kind {
            guarded,
            presence,
            encrypted,
            cached,
        }
    }

    #[test]
    fn every_prefix_of_the_table_means_what_it_says() {
        for (name, expected) in [
            ("news", kind(false, false, false, false)),
            ("cache-a", kind(false, false, false, true)),
            ("private-a", kind(true, false, false, false)),
            ("private-cache-a", kind(true, false, false, true)),
            ("private-encrypted-a", kind(true, false, true, false)),
            ("private-encrypted-cache-a", kind(true, false, true, true)),
            ("presence-a", kind(true, true, false, false)),
            ("presence-cache-a", kind(true, true, false, true)),
        ] {
            assert_eq!(Kind::of(name), expected, "{name}");
            let channel = crate::channel::ChannelName::scoped("7", name);
            assert_eq!(channel.keeps_latest(), expected.cached, "{name}");
            assert_eq!(channel.announces_presence(), expected.presence, "{name}");
        }
    }

    #[test]
    fn near_misses_are_public_and_uncached() {
        for name in [
            "private",
            "presence",
            "cache",
            "mycache-x",
            "Private-a",
            "x-private-a",
            "encrypted-a",
            "PRESENCE-a",
            "privateer-a",
            "a-cache-b",
        ] {
            assert_eq!(Kind::of(name), Kind::default(), "{name}");
        }
        assert!(!Kind::of("private-xcache-a").cached);
        assert!(!Kind::of("private-cache").cached);
        assert!(!Kind::of("presence-encrypted-a").encrypted);
        assert!(!Kind::of("private-cache-encrypted-a").encrypted);
    }

    #[test]
    fn names_are_checked() {
        let check = |name: &str| check_name(name, NAME_MAX_BYTES);
        assert_eq!(check("aZ0_-=@,.;"), Ok(()));
        assert_eq!(check(""), Err(BadName::Empty));
        for bad in [':', '/', ' ', 'ï', '\0', '#', '!'] {
            assert_eq!(check(&format!("a{bad}")), Err(BadName::BadCharacter(bad)));
        }
        assert_eq!(check(&"x".repeat(164)), Ok(()));
        assert!(matches!(
            check(&"x".repeat(165)),
            Err(BadName::TooLong { length: 165, .. })
        ));
        assert_eq!(check("#server-to-user-7"), Ok(()));
        assert_eq!(user_of("#server-to-user-7"), Some("7"));
        for bad in ["#", "#server-to-user-", "#server-to-user", "#else"] {
            assert_eq!(check(bad), Err(BadName::Reserved), "{bad}");
        }
        assert!(is_user_id("a@b.c") && !is_user_id("") && !is_user_id("a b"));
    }
}
