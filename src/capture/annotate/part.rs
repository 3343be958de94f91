//! A run of bytes with what it is: the unit of every view of the wire.

use std::borrow::Cow;

use serde::Serialize;

use crate::capture::Secret;

/// The layers of the byte bars (`wire::Layers`, and the heads that are what remains there).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Request and status lines and fields (RFC 9110 §5, §6).
    HttpHeaders,
    /// What the transport needs to find a message's end: frame headers, `data:`, chunk sizes.
    Framing,
    /// What the protocol says around the data: channel, event, position.
    Protocol,
    /// What this lab adds to measure by: two instants.
    Lab,
    /// The publisher's own data.
    Payload,
}

/// Who decided that these bytes are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The browser, unasked.
    Browser,
    /// This page's script, or whatever program asks.
    Page,
    /// This lab's HTTP server.
    Server,
    /// Something between the two.
    Proxy,
    /// A rule of a standard or a protocol.
    Protocol,
    /// This instrument.
    Lab,
    /// Whoever published it.
    Application,
}

/// Bytes `at..at + len` of the bytes that the list of parts describes. The parts of a list are in
/// order, do not overlap, and cover all of those bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Index of the first byte, from 0.
    pub at: usize,
    /// Number of bytes.
    pub len: usize,
    /// Under which layer they are counted.
    pub layer: Layer,
    /// In plain words.
    pub what: Cow<'static, str>,
    /// Who put them there.
    pub by: By,
    /// Where it is written down.
    pub section: Option<&'static str>,
    /// One sentence for who has never seen it.
    pub note: Option<Cow<'static, str>>,
    /// The bytes, where they are text; `None` as well where `inner` says more and they are long.
    pub text: Option<String>,
    /// Their value was never kept.
    pub hidden: Option<Secret>,
    /// What the bytes are once decoded.
    pub inner: Option<Inner>,
}

/// Of a WebSocket's payload, with the masking key taken off.
pub const UNMASKED: &str = "unmasked";
/// Of a compressed message.
pub const INFLATED: &str = "inflated";
/// Of a JSON string, without its backslashes.
pub const UNESCAPED: &str = "string unescaped";
/// Of an address.
pub const PERCENT_DECODED: &str = "percent-decoded";

/// Bytes that other bytes stand for, with their own parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inner {
    /// How they are got from the outer bytes: `unmasked`, `inflated`, `as JSON`.
    pub how: &'static str,
    /// Parts of the inner bytes, from 0.
    pub parts: Vec<Part>,
}

/// Bytes on the wire by layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LayerBytes {
    /// Bytes of heads.
    pub http_headers: u64,
    /// Bytes of framing.
    pub framing: u64,
    /// Bytes of the protocol.
    pub protocol: u64,
    /// Bytes of the lab's instants.
    pub lab: u64,
    /// Bytes of data.
    pub payload: u64,
}

impl LayerBytes {
    /// All five together: the bytes of the unit.
    pub fn total(&self) -> u64 {
        self.http_headers + self.framing + self.protocol + self.lab + self.payload
    }

    fn of(&mut self, layer: Layer) -> &mut u64 {
        match layer {
            Layer::HttpHeaders => &mut self.http_headers,
            Layer::Framing => &mut self.framing,
            Layer::Protocol => &mut self.protocol,
            Layer::Lab => &mut self.lab,
            Layer::Payload => &mut self.payload,
        }
    }
}

impl std::ops::AddAssign for LayerBytes {
    fn add_assign(&mut self, other: Self) {
        self.http_headers += other.http_headers;
        self.framing += other.framing;
        self.protocol += other.protocol;
        self.lab += other.lab;
        self.payload += other.payload;
    }
}

/// How the bytes divide. A part with an inside counts as that does, and what encoding it adds (the
/// backslashes of a string in a string) as the part itself. A compressed part counts as itself: its
/// bytes cannot be told apart.
pub fn layers_of(parts: &[Part]) -> LayerBytes {
    let mut sum = LayerBytes::default();
    for part in parts {
        let inside = match &part.inner {
            Some(inner) if inner.how != INFLATED => layers_of(&inner.parts),
            _ => LayerBytes::default(),
        };
        *sum.of(part.layer) += (part.len as u64).saturating_sub(inside.total());
        sum += inside;
    }
    sum
}
