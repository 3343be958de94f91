//! Engine.IO packets on their way to clients, encoded once and shared by all that get them.
//!
//! A [`Unit`] is what must stay together: one packet, or a Socket.IO packet and its attachments.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::{
    codec::{
        engine, socketio,
        websocket::{self, OpCode},
    },
    wire::Layers,
};

/// One packet: text with its type digit, or a binary message's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text, with its type digit.
    Text(Bytes),
    /// Bytes of an attachment.
    Binary(Bytes),
}

impl Part {
    fn bytes(&self) -> &Bytes {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes,
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Unit {
    parts: Vec<Part>,
    /// How many of the bytes are the application's own.
    payload_bytes: usize,
    /// Of the rest, how many are what the lab measures by.
    lab_bytes: usize,
    /// Engine.IO's own packet: all of it is framing.
    is_engines_own: bool,
    /// How many publications are in it.
    pub publications: usize,
    /// `published_us` of those that are live. A replay has none: its age is no network delay.
    pub stamps: Vec<u64>,
    frames: OnceLock<Bytes>,
    text_frames: OnceLock<Bytes>,
}

impl Unit {
    /// One text packet, its type digit included.
    pub fn text(packet: impl Into<Bytes>) -> Arc<Self> {
        Self::new(vec![Part::Text(packet.into())], 0)
    }

    /// One packet of Engine.IO itself: open, ping, the answer to a probe.
    pub fn engine(packet: impl Into<Bytes>) -> Arc<Self> {
        Arc::new(Self {
            parts: vec![Part::Text(packet.into())],
            is_engines_own: true,
            ..Self::default()
        })
    }

    /// A message of these packets. `payload_bytes`: what of them is the application's data.
    pub fn new(parts: Vec<Part>, payload_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            parts,
            payload_bytes,
            ..Self::default()
        })
    }

    /// A packet that is one publication, of so many bytes by `layers`, and when that was published
    /// if it is live.
    pub fn publication(packet: Bytes, layers: Layers, live_since_us: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            parts: vec![Part::Text(packet)],
            payload_bytes: layers.payload as usize,
            lab_bytes: layers.lab as usize,
            publications: 1,
            stamps: live_since_us.into_iter().collect(),
            ..Self::default()
        })
    }

    /// What is left when its first `from` parts have been sent.
    pub fn rest(self: Arc<Self>, from: usize) -> Arc<Self> {
        if from == 0 {
            return self;
        }
        Arc::new(Self {
            parts: self.parts[from..].to_vec(),
            publications: self.publications,
            stamps: self.stamps.clone(),
            ..Self::default()
        })
    }

    /// Its packets, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Bytes that it occupies while it waits.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.bytes().len()).sum()
    }

    /// The list of an event's name and arguments, if it is a Socket.IO event of that namespace.
    pub fn event_list(&self, namespace: &str) -> Option<&RawValue> {
        let Part::Text(text) = self.parts.first()? else {
            return None;
        };
        let text = std::str::from_utf8(text).ok()?;
        // The name of a namespace may have a bracket in it.
        let from = match namespace {
            socketio::MAIN => 0,
            name => text.find(name)? + name.len(),
        };
        let rest = &text[from..];
        serde_json::from_str(&rest[rest.find('[')?..]).ok()
    }

    /// All of it as WebSocket frames. `binary_as_text`: for clients that take no binary frames.
    pub fn frames(&self, binary_as_text: bool) -> &Bytes {
        let frames = if binary_as_text {
            &self.text_frames
        } else {
            &self.frames
        };
        frames.get_or_init(|| {
            let mut out = Vec::with_capacity(self.bytes() + 16 * self.parts.len());
            for part in &self.parts {
                match part {
                    Part::Text(text) => websocket::encode_frame(OpCode::Text, text, &mut out),
                    Part::Binary(bytes) if binary_as_text => {
                        let text = engine::encode_binary_as_text(bytes);
                        websocket::encode_frame(OpCode::Text, text.as_bytes(), &mut out);
                    }
                    Part::Binary(bytes) => {
                        websocket::encode_frame(OpCode::Binary, bytes, &mut out);
                    }
                }
            }
            out.into()
        })
    }

    /// How `wire_bytes` of it divide: the engine's type digits and what delimits packets are
    /// framing; the Socket.IO packet is the protocol's, but for the lab's instants in it.
    pub fn layers(&self, wire_bytes: usize) -> Layers {
        let digits = self.parts.iter().filter(|p| matches!(p, Part::Text(_)));
        let packets = match self.is_engines_own {
            true => 0,
            false => self.bytes() - digits.count(),
        };
        let payload = self.payload_bytes.min(packets);
        let lab = self.lab_bytes.min(packets - payload);
        Layers {
            framing: wire_bytes.saturating_sub(packets) as u64,
            protocol: (packets - payload - lab) as u64,
            lab: lab as u64,
            payload: payload as u64,
            saved: 0,
        }
    }
}

/// Appends packets to a polling body.
pub fn append_to_payload(parts: &[Part], out: &mut Vec<u8>) {
    for part in parts {
        if !out.is_empty() {
            out.push(engine::SEPARATOR);
        }
        match part {
            Part::Text(text) => out.extend_from_slice(text),
            Part::Binary(bytes) => {
                out.extend_from_slice(engine::encode_binary_as_text(bytes).as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_add_up_and_frames_are_made_once() {
        let parts = vec![
            Part::Text(Bytes::from_static(
                b"451-[\"a\",{\"_placeholder\":true,\"num\":0}]",
            )),
            Part::Binary(Bytes::from_static(&[1, 2, 3, 4])),
        ];
        let unit = Unit::new(parts, 10);
        let frames = unit.frames(false);
        assert_eq!(unit.layers(frames.len()).total(), frames.len() as u64);
        assert_eq!(unit.layers(frames.len()).framing, 2 + 2 + 1);
        assert!(frames.ends_with(&[0x82, 4, 1, 2, 3, 4]));
        assert!(unit.frames(true).ends_with(b"\x81\x09bAQIDBA=="));
        assert_eq!(frames.as_ptr(), unit.frames(false).as_ptr());
        assert_eq!(Unit::engine("2").layers(3).framing, 3);
        assert_eq!(unit.clone().rest(1).parts(), &unit.parts()[1..]);
        let mut body = Vec::new();
        append_to_payload(unit.parts(), &mut body);
        assert!(body.ends_with(b"}]\x1ebAQIDBA=="));
    }
}
