//! Why a connection of Pusher Channels is refused or closed (reference, 4.2).
//!
//! | code | what pusher-js does |
//! |---|---|
//! | 4000 | switches to TLS |
//! | 4001–4099 | gives up |
//! | 4100–4199 | comes back after a second |
//! | 4200–4299 | comes back at once |
//!
//! 43xx are said in a frame on an open connection only: closing with one would strand clients.

use crate::disconnect::Disconnect;

/// A code and its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    pub code: u16,
    pub why: &'static str,
}

macro_rules! closings {
    ($($name:ident = $code:literal, $why:literal;)+) => {
        $(pub const $name: Closing = Closing { code: $code, why: $why };)+
    };
}

closings! {
    TLS_ONLY = 4000, "This application accepts connections over TLS only";
    UNKNOWN_APP = 4001, "There is no application with this key";
    APP_DISABLED = 4003, "The application is disabled";
    OVER_QUOTA = 4004, "The application has as many connections as it may have";
    PATH_NOT_FOUND = 4005, "Path not found: connect to /app/{key}";
    BAD_VERSION = 4006, "The protocol version is not a number";
    UNSUPPORTED_VERSION = 4007, "This protocol version is not supported: 4 to 7 are";
    NO_VERSION = 4008, "No protocol version was given";
    UNAUTHORIZED = 4009, "The connection is not authorized";
    FOREIGN_PAGE = 4009, "Origin not allowed: list the page's origin with --origins (PUSHLAB_ORIGINS), or serve it from localhost";
    OVER_CAPACITY = 4100, "Over capacity: too much was waiting to be read";
    TOO_MANY_SESSIONS = 4100, "Over capacity: this address has as many sessions open as one may have";
    RECONNECT = 4200, "The server goes away: reconnect";
    NO_PONG = 4201, "No pong was received in time";
}

/// A client event above the rate; a frame only.
pub const CLIENT_EVENT_RATE: u16 = 4301;

/// A watchlist that was cut; a frame only.
pub const WATCHLIST_TOO_LONG: u16 = 4302;

/// What the protocol says for a reason of the common table.
pub fn closing_of(reason: Disconnect) -> Closing {
    match reason {
        Disconnect::Shutdown | Disconnect::Internal => RECONNECT,
        Disconnect::SlowConsumer => OVER_CAPACITY,
        Disconnect::PongTimeout => NO_PONG,
    }
}

/// Its code alone.
pub fn code_of(reason: Disconnect) -> u16 {
    closing_of(reason).code
}
