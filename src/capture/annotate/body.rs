//! What a body, a chunk or a message is to be read as: by the request's address and the answer's
//! content type, and, where the tap came later than those, by the lane.

use super::{
    Context, engine, envelope, frame, json, ndjson,
    part::{By, Layer},
    pusher, sse,
    text::{header, request_line},
    writer::{Words, Writer},
};
use crate::{
    capture::{Direction, Unit},
    catalogue::{FETCH_STREAM, SSE},
};

/// Protocols that the lab carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Plain,
    Pusher,
    Socketio,
}

/// What stands in a body or a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// The plain envelope, or other JSON.
    Json,
    EventStream,
    Lines,
    PusherLines,
    EnginePackets,
    /// By a way to compress that is not undone here.
    Compressed,
    Other,
}

/// The address of the exchange's request, without its query.
pub(super) fn path<'a>(context: &Context<'a>) -> Option<&'a str> {
    let (_, target) = request_line(context.request_head?)?;
    Some(target.split_once('?').map_or(target, |(path, _)| path))
}

pub(super) fn query<'a>(context: &Context<'a>) -> Option<&'a str> {
    let (_, target) = request_line(context.request_head?)?;
    target.split_once('?').map(|(_, query)| query)
}

pub(super) fn protocol(context: &Context<'_>) -> Protocol {
    match path(context) {
        Some(path) if path.starts_with("/api/") => return Protocol::Plain,
        Some(path) if path.starts_with("/app/") || path.starts_with("/pusher/app/") => {
            return Protocol::Pusher;
        }
        Some(path) if path.starts_with("/socket.io") => return Protocol::Socketio,
        _ => {}
    }
    match context.lane.protocol {
        "pusher" => Protocol::Pusher,
        "socketio" => Protocol::Socketio,
        _ => Protocol::Plain,
    }
}

/// Whether the client asked for publications as their data alone.
fn is_bare(context: &Context<'_>) -> bool {
    let fields = query(context).unwrap_or_default();
    fields.split('&').any(|field| field == "envelope=bare")
}

fn content(direction: Direction, context: &Context<'_>, has_json_list: bool) -> Content {
    let head = match direction {
        Direction::Up => context.request_head,
        Direction::Down => context.answer_head,
    };
    let field = |name| head.and_then(|head| header(head, name));
    if field("content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Content::Compressed;
    }
    let kind = field("content-type").unwrap_or_default();
    let is = |of: &str| kind.starts_with(of);
    match (protocol(context), direction) {
        _ if is("text/event-stream") => Content::EventStream,
        _ if is("application/x-ndjson") => Content::Lines,
        // Lists of frames and packets, whatever a client calls them.
        (Protocol::Pusher, Direction::Up) if has_json_list => Content::PusherLines,
        (Protocol::Socketio, Direction::Up) => Content::EnginePackets,
        (Protocol::Socketio, Direction::Down) if is("text/html") => Content::EnginePackets,
        _ if is("application/json") => Content::Json,
        _ if is("text/html") || is("text/css") || is("image/") => Content::Other,
        (Protocol::Pusher, Direction::Up) => Content::Json,
        (Protocol::Pusher, Direction::Down) => Content::PusherLines,
        (Protocol::Socketio, _) => Content::EnginePackets,
        (Protocol::Plain, Direction::Down) if head.is_none() && context.lane.id == SSE.id => {
            Content::EventStream
        }
        (Protocol::Plain, Direction::Down)
            if head.is_none() && context.lane.id == FETCH_STREAM.id =>
        {
            Content::Lines
        }
        (Protocol::Plain, _) => Content::Json,
    }
}

/// Of other people's connections no message is kept, so nothing can be read in it.
fn unkept(writer: &mut Writer<'_>, end: usize) -> bool {
    let is_unkept = writer.is_all_hidden(&(writer.at..end));
    if is_unkept {
        let words = Words::new(Layer::Payload, By::Application, "a message that is not kept")
            .note("What is said on connections that are not one's own is never kept; only how long it is.");
        writer.put(end, &words);
    }
    is_unkept
}

/// Bytes of a body, or of a chunk of one.
pub(super) fn body(writer: &mut Writer<'_>, end: usize, unit: &Unit, context: &Context<'_>) {
    let direction = unit.direction;
    if unkept(writer, end) {
        return;
    }
    let has_json_list = writer.rest(end).first() == Some(&b'[');
    match content(direction, context, has_json_list) {
        Content::Json => envelope::message(writer, end, direction),
        Content::EventStream => event_stream(writer, end, is_bare(context)),
        Content::Lines => ndjson::lines(writer, end),
        Content::PusherLines => pusher::lines(writer, end, direction),
        Content::EnginePackets => engine::payload(writer, end, direction),
        Content::Compressed => {
            let words = Words::new(Layer::Payload, By::Server, "compressed body")
                .section("RFC 9110 §8.4.1")
                .note("Compressed as its header Content-Encoding says; which byte stands for what can no longer be told.");
            writer.put(end, &words);
        }
        Content::Other => {
            let words = Words::new(Layer::Protocol, By::Server, "body").section("RFC 9112 §6");
            writer.put(end, &words);
        }
    }
}

fn event_stream(writer: &mut Writer<'_>, end: usize, is_bare: bool) {
    sse::stream(writer, end, &|inner, name| {
        let end = inner.bytes.len();
        match name {
            // What the stream says of itself counts as framing, name and data.
            Some(_) => json::any(inner, end, Layer::Framing, By::Server),
            None if is_bare => bare(inner, end),
            None => envelope::message(inner, end, Direction::Down),
        }
    });
}

fn bare(writer: &mut Writer<'_>, end: usize) {
    if writer.at < end {
        writer.found_publication(None);
        envelope::data(writer, end);
    }
}

/// The payload of a WebSocket's data frame.
pub(super) fn message(
    writer: &mut Writer<'_>,
    end: usize,
    payload: frame::Payload,
    unit: &Unit,
    context: &Context<'_>,
) {
    if unkept(writer, end) {
        return;
    }
    let direction = unit.direction;
    match (payload, protocol(context)) {
        (frame::Payload::Piece, _) => {
            let words = Words::new(
                Layer::Payload,
                By::Application,
                "a later piece of a message",
            )
            .section("RFC 6455 §5.4")
            .note("The message began in an earlier frame; pieces are not put together here.");
            writer.put(end, &words);
        }
        (frame::Payload::Binary, _) => engine::attachment(writer, end),
        (frame::Payload::Text, Protocol::Pusher) => pusher::frame(writer, end, direction),
        (frame::Payload::Text, Protocol::Socketio) => engine::packet(writer, end, direction),
        (frame::Payload::Text, Protocol::Plain) => {
            let is_labs = [&b"{\"subscribed\":"[..], b"{\"ack\":", b"{\"error\":"]
                .iter()
                .any(|begins| writer.rest(end).starts_with(begins));
            match direction {
                Direction::Down if is_bare(context) && !is_labs => bare(writer, end),
                _ => envelope::message(writer, end, direction),
            }
        }
    }
}
