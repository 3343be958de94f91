//! Pusher Channels protocol 7 as bytes: names, frames both ways, and the forms of `data`.
//!
//! No I/O and no state. Section numbers are those of the project's wire reference, which says
//! where each fact comes from.
//!
//! - [`kind`]: channel names and what their prefixes mean (5)
//! - [`data`]: the text a publisher gave, as plain JSON and back (2.1)
//! - [`command`]: what clients send (2, 6, 8.2, 11.1)
//! - [`event`]: what the server sends (1.2, 2, 4.3, 7, 8, 10)
//! - [`extension`]: positions, which are ours and not Pusher's
//! - [`line`]: how frames travel over HTTP (14.3)
//!
//! Not here: signatures, which are `protocol::pusher::auth`.

pub mod command;
pub mod data;
pub mod event;
pub mod extension;
pub mod kind;
pub mod line;

/// Events that clients send to each other.
pub const CLIENT_PREFIX: &str = "client-";
/// Event under which a channel's number of subscriptions is published.
pub const SUBSCRIPTION_COUNT_EVENT: &str = "pusher_internal:subscription_count";

/// Two runs of digits joined by one dot, nothing else (1.2).
pub fn is_socket_id(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once('.')
        .is_some_and(|(left, right)| digits(left) && digits(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::is_reserved_event;

    #[test]
    fn socket_ids_are_digits_dot_digits() {
        for good in ["1.1", "482376104.1475566676"] {
            assert!(is_socket_id(good), "{good}");
        }
        for bad in [
            "", ".", "1", "1.", ".1", "1.1.1", "1.1\n", " 1.1", "a.1", "1.1:x",
        ] {
            assert!(!is_socket_id(bad), "{bad:?}");
        }
    }

    #[test]
    fn reserved_events_are_told_by_the_whole_prefix() {
        assert!(is_reserved_event("pusher:ping"));
        assert!(is_reserved_event("pusher_internal:member_added"));
        assert!(is_reserved_event("pushlab:join"));
        assert!(!is_reserved_event("pusher"));
        assert!(!is_reserved_event("App\\Events\\Pushed"));
        assert!(!is_reserved_event("client-pusher:x"));
    }
}
