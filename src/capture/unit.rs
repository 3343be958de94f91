//! The smallest piece that one side says at once.

use serde::Serialize;

use crate::catalogue::LaneId;

/// Who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What it is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Request line and header fields, up to and with the empty line (RFC 9112 §2.1).
    RequestHead,
    /// Status line and header fields; interim answers (1xx) are units of their own.
    AnswerHead,
    /// A whole body of stated length, or what came of one that ends with its connection.
    Body,
    /// A chunk with its size line and the line end after it (RFC 9112 §7.1); the last one with the
    /// trailer's empty line.
    Chunk,
    /// A WebSocket frame (RFC 6455 §5.2).
    Frame,
}

/// Why bytes are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// A `Cookie` or `Set-Cookie` field's value (RFC 6265).
    Cookie,
    /// The value of a header that proves who asks.
    Authorization,
    /// A token, key or password.
    Token,
    /// An HMAC, or what it is computed of.
    Signature,
    /// Whoever has it takes the session over.
    SessionId,
    /// What somebody else sent, or may have.
    Message,
    /// A part of something longer, which cannot be searched for secrets.
    Cut,
}

/// Bytes of a unit whose values were never kept; in [`Unit::bytes`] an `x` stands for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Hidden {
    /// First byte, from the start of the unit.
    pub at: usize,
    /// Number of bytes.
    pub len: usize,
    /// Why.
    pub what: Secret,
}

/// A head, body, chunk or frame, as it passed the lane's tap. With TLS: as it was before encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Number within its tap, from 1, in the order in which units were complete.
    pub n: u64,
    /// The lane whose tap saw it.
    pub lane: LaneId,
    /// Number of the connection within its tap, from 1.
    pub connection: u32,
    /// Number of the request on its connection, from 1; what follows an upgrade belongs to the
    /// request that asked for it.
    pub exchange: u32,
    /// Which way it went.
    pub direction: Direction,
    /// What it is: head, body, chunk or frame.
    pub kind: Kind,
    /// Where it begins in its direction's plain byte stream, from the connection's start or, where
    /// the tap came later, from there.
    pub at: u64,
    /// When its first and its last byte passed the tap, µs of the server's clock, the same clock as
    /// `published_us`: read from the layer below, or accepted by it (the kernel, TLS, or the lane's
    /// conditions, which may keep it).
    pub first_us: u64,
    /// When its last byte passed, µs of the time of day.
    pub last_us: u64,
    /// How many bytes it had on the wire.
    pub size: usize,
    /// The first of them, [`size`](Self::size) unless it was longer than a tap keeps. A masked
    /// frame is masked here, too; hidden bytes are `x` after unmasking.
    pub bytes: Vec<u8>,
    /// In order, not overlapping. Of a compressed frame that has a secret in it, its whole payload.
    pub hidden: Vec<Hidden>,
    /// The payload of a compressed message that ends with this frame, inflated (RFC 7692 §7.2.2); `None` where it is not
    /// compressed or cannot be inflated.
    pub inflated: Option<Vec<u8>>,
    /// Of a message that is hidden: whether there was no publication in it, as was seen before.
    pub brings_nothing: Option<bool>,
}

impl Unit {
    /// Whether it is the head of a request or answer.
    pub fn is_head(&self) -> bool {
        matches!(self.kind, Kind::RequestHead | Kind::AnswerHead)
    }

    /// The exchange that it belongs to: lane, connection, number.
    pub fn exchange_id(&self) -> (LaneId, u32, u32) {
        (self.lane, self.connection, self.exchange)
    }

    /// Bytes whose values are not in [`Self::bytes`]: hidden, or beyond what is kept.
    pub fn withheld(&self) -> usize {
        let hidden: usize = self.hidden.iter().map(|hidden| hidden.len).sum();
        self.size - self.bytes.len() + hidden
    }
}
