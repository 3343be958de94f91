//! What each byte of a unit is, who put it there, and where that is written down.
//!
//! Everything here reads what strangers sent: nothing is trusted, nothing recurses, and what cannot
//! be read is said to be that. The parts of a unit always cover all of its bytes.
//!
//! Publications divide into layers as the meters divide them ([`crate::wire`], and `codec`, whose
//! encoders say why): tests hold the sums of the parts equal to what the encoders answer.

mod body;
mod chunk;
mod engine;
mod envelope;
mod frame;
mod heads;
mod json;
mod ndjson;
mod part;
mod pusher;
mod socketio;
mod sse;
#[cfg(test)]
mod tests;
mod text;
mod title;
mod writer;

use self::writer::Writer;
pub use self::{
    part::{
        By, INFLATED, Inner, Layer, LayerBytes, PERCENT_DECODED, Part, UNESCAPED, UNMASKED,
        layers_of,
    },
    title::{is_empty_answer, method_of, status_of, title_of},
    writer::Found,
};
use super::{Hidden, Kind, Unit};
use crate::catalogue::{self, LANES, Lane, LaneId};

/// What must be known beside a unit to read it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Of the tap's connection.
    pub lane: &'static Lane,
    /// Heads of the unit's exchange; `None` where the tap came later than they did.
    pub request_head: Option<&'a [u8]>,
    /// The bytes of the answer's head, if it is kept: it says how the body is coded.
    pub answer_head: Option<&'a [u8]>,
}

impl<'a> Context<'a> {
    /// What the heads of an exchange say of its other units.
    pub fn of(lane: LaneId, heads: &'a [Unit]) -> Self {
        let of = |kind| {
            let mut found = heads.iter().rev().filter(move |head| head.kind == kind);
            found.next().map(|head| &head.bytes[..])
        };
        Self {
            // The API on the main lane speaks as the plain lanes do.
            lane: catalogue::lane(lane.0).unwrap_or(LANES[0]),
            request_head: of(Kind::RequestHead),
            answer_head: of(Kind::AnswerHead),
        }
    }
}

/// The unit's parts: in order, without overlap, covering all of [`Unit::bytes`].
pub fn annotate(unit: &Unit, context: &Context<'_>) -> Vec<Part> {
    let hidden = hidden_of(unit);
    let mut writer = Writer::new(&unit.bytes, &hidden);
    read(&mut writer, unit, context);
    writer.finish().0
}

/// What the unit carries, by the same reading, at less cost.
pub fn found_in(unit: &Unit, context: &Context<'_>) -> Found {
    let hidden = hidden_of(unit);
    let mut writer = Writer::without_parts(&unit.bytes, &hidden);
    if !unit.is_head() {
        read(&mut writer, unit, context);
    }
    writer.finish().1
}

/// Positions in their channel of the publications that a unit brings down.
pub fn publications_of(unit: &Unit, context: &Context<'_>) -> Vec<u64> {
    found_in(unit, context).publications
}

/// The numbers that this lab's sources gave to what the unit carries: the member `n` of the data.
pub fn numbers_of(unit: &Unit, context: &Context<'_>) -> Vec<u64> {
    found_in(unit, context).numbers
}

fn hidden_of(unit: &Unit) -> Vec<Hidden> {
    let mut hidden = unit.hidden.clone();
    hidden.sort_by_key(|hidden| hidden.at);
    hidden
}

fn read(writer: &mut Writer<'_>, unit: &Unit, context: &Context<'_>) {
    match unit.kind {
        Kind::RequestHead => heads::request(writer),
        Kind::AnswerHead => heads::answer(writer),
        Kind::Body => {
            let end = unit.bytes.len();
            body::body(writer, end, unit, context);
        }
        Kind::Chunk => chunk::chunk(writer, unit.direction, |writer, end| {
            body::body(writer, end, unit, context);
        }),
        Kind::Frame => {
            let inflated = unit.inflated.as_deref();
            frame::frame(writer, unit.direction, inflated, |writer, end, payload| {
                body::message(writer, end, payload, unit, context);
            });
        }
    }
}
