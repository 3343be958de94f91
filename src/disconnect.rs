//! Every way in which the server ends a subscriber's connection: one table.
//!
//! | reason | meaning | WebSocket close | event stream | advice |
//! |---|---|---|---|---|
//! | [`Shutdown`](Disconnect::Shutdown) | the server stops or is deployed anew | 1001 | `closing` | reconnect with back-off, from your position |
//! | [`SlowConsumer`](Disconnect::SlowConsumer) | the queue's byte budget was passed | 1013 | `closing` | reconnect from your position, or read faster |
//! | [`PongTimeout`](Disconnect::PongTimeout) | nothing came back in time | 4408 | – | reconnect from your position |
//! | [`Internal`](Disconnect::Internal) | the broker failed | 1011 | `closing` | reconnect with back-off |
//!
//! Violations of a protocol are not here: their close codes belong to the protocol's codec.
//!
//! May use: no other room.

use std::fmt;

/// Why the server ends a connection. `Display` is the word that clients see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disconnect {
    /// The node stops.
    Shutdown,
    /// The queue's budget was passed.
    SlowConsumer,
    /// Nothing came back after a ping.
    PongTimeout,
    /// Something failed on the server's side.
    Internal,
}

impl Disconnect {
    /// WebSocket close code (RFC 6455 §7.4; 4000–4999 are an application's own).
    pub fn close_code(self) -> u16 {
        match self {
            Self::Shutdown => 1001,
            Self::SlowConsumer => 1013,
            Self::PongTimeout => 4408,
            Self::Internal => 1011,
        }
    }

    /// What the client should do next, in one sentence.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Shutdown => "the server is going away: reconnect with back-off",
            Self::SlowConsumer => "too much was waiting to be read: reconnect from your position",
            Self::PongTimeout => "no pong came in time: reconnect from your position",
            Self::Internal => "the server could not go on: reconnect with back-off",
        }
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shutdown => "shutdown",
            Self::SlowConsumer => "slow_consumer",
            Self::PongTimeout => "pong_timeout",
            Self::Internal => "internal",
        })
    }
}
