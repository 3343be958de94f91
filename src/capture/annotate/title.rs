//! A unit in a few words.

use super::{
    Context,
    body::{self, Protocol},
    found_in,
    frame::opcode_name,
    text::{self, line, request_line},
};
use crate::{
    capture::{Direction, Kind, Unit, framing::is_last_chunk},
    catalogue::Fetching,
};

/// Longest title; addresses may be longer.
const TITLE_MAX_CHARACTERS: usize = 300;

/// The request line without its version, a status with its words, or what is sent and its size.
pub fn title_of(unit: &Unit) -> String {
    let first_line = || {
        let line = &unit.bytes[..line(&unit.bytes, 0).0];
        String::from_utf8_lossy(line).into_owned()
    };
    let size = unit.size;
    let title = match unit.kind {
        Kind::RequestHead => match request_line(&unit.bytes) {
            Some((method, target)) => format!("{method} {target}"),
            None => first_line(),
        },
        Kind::AnswerHead => {
            let line = first_line();
            line.split_once(' ')
                .map_or(line.clone(), |(_, status)| status.trim_end().to_owned())
        }
        Kind::Body => format!("body, {size} B"),
        Kind::Chunk if unit.bytes.starts_with(b"0\r\n") => format!("last chunk, {size} B"),
        Kind::Chunk => format!("chunk, {size} B"),
        Kind::Frame => {
            let first = unit.bytes.first().copied().unwrap_or_default();
            let name = opcode_name(first & 0x0F);
            match first & 0x40 != 0 {
                true => format!("{name} frame, compressed, {size} B"),
                false => format!("{name} frame, {size} B"),
            }
        }
    };
    match title.char_indices().nth(TITLE_MAX_CHARACTERS) {
        Some((end, _)) => format!("{}…", &title[..end]),
        None => title,
    }
}

/// Of an answer's head.
pub fn status_of(unit: &Unit) -> Option<u16> {
    match unit.kind {
        Kind::AnswerHead => text::status(&unit.bytes),
        _ => None,
    }
}

/// Of a request's head.
pub fn method_of(unit: &Unit) -> Option<String> {
    let (method, _) = match unit.kind {
        Kind::RequestHead => request_line(&unit.bytes)?,
        _ => return None,
    };
    Some(method.chars().take(TITLE_MAX_CHARACTERS).collect())
}

/// Whether the unit is what a poll is answered with and brings no publication; `None` for all that
/// answers no poll. Of an answer with a body, that is asked of the body; its head is `None`.
pub fn is_empty_answer(unit: &Unit, context: &Context<'_>) -> Option<bool> {
    if unit.direction != Direction::Down || !is_poll(unit, context) {
        return None;
    }
    match unit.kind {
        Kind::AnswerHead => matches!(text::status(&unit.bytes), Some(204 | 304)).then_some(true),
        // The end of chunks brings nothing, whatever came before.
        Kind::Chunk if is_last_chunk(&unit.bytes) => None,
        Kind::Body | Kind::Chunk => {
            let status = context.answer_head.and_then(text::status);
            let is_answered = status.is_none_or(|status| status == 200);
            // What is hidden or was not kept may be publications.
            let is_known = unit.withheld() == 0 || found_in(unit, context).publication_count > 0;
            let seen = || is_known.then(|| found_in(unit, context).publication_count == 0);
            unit.brings_nothing.or_else(seen).filter(|_| is_answered)
        }
        Kind::RequestHead | Kind::Frame => None,
    }
}

/// Whether the unit's exchange is a poll.
fn is_poll(unit: &Unit, context: &Context<'_>) -> bool {
    let request = context.request_head.and_then(request_line);
    let path = body::path(context);
    match (body::protocol(context), request) {
        (Protocol::Plain, None) => context.lane.fetching != Fetching::Stream,
        (Protocol::Plain, Some((method, _))) => {
            method == "GET"
                && context.lane.fetching != Fetching::Stream
                && path.is_some_and(|path| path.starts_with(context.lane.path))
        }
        (Protocol::Pusher, None) => context.lane.fetching != Fetching::Stream,
        // A browser's question before it is none.
        (Protocol::Pusher, Some((method, _))) => {
            method == "POST" && path.is_some_and(|path| path.ends_with("/xhr"))
        }
        (Protocol::Socketio, None) => {
            context.lane.fetching != Fetching::Stream
                && !matches!(unit.bytes.first(), Some(b'0' | b'o'))
        }
        (Protocol::Socketio, Some((method, _))) => {
            let query = body::query(context).unwrap_or_default();
            method == "GET" && query.split('&').any(|field| field.starts_with("sid="))
        }
    }
}
