//! Engine.IO 4 packets (`codec::engine`): a digit, then what it says. In a polling body packets are
//! joined by 0x1E.

use super::{
    part::{By, Layer},
    socketio,
    text::find,
    writer::{Words, Writer},
};
use crate::{capture::Direction, codec::engine::SEPARATOR};

const PACKET: &str = "Engine.IO 4, Packet encoding";

fn framing(what: &'static str) -> Words {
    Words::new(Layer::Framing, By::Protocol, what).section(PACKET)
}

/// A polling body.
pub(super) fn payload(writer: &mut Writer<'_>, end: usize, direction: Direction) {
    while writer.at < end {
        let packet_end = find(writer.bytes, SEPARATOR, writer.at, end).unwrap_or(end);
        packet(writer, packet_end, direction);
        let words = framing("record separator")
            .section("Engine.IO 4, HTTP long-polling")
            .note("A character that no JSON has stands between two packets of one body.");
        writer.put((packet_end + 1).min(end), &words);
    }
}

/// One packet of text.
pub(super) fn packet(writer: &mut Writer<'_>, end: usize, direction: Direction) {
    let Some(kind) = writer.rest(end).first() else {
        return;
    };
    let (what, note) = match kind {
        b'0' => (
            "Engine.IO packet type 0: open",
            "The session begins; its settings follow.",
        ),
        b'1' => ("Engine.IO packet type 1: close", "The session ends."),
        b'2' => (
            "Engine.IO packet type 2: ping",
            "The server asks whether the client is still there.",
        ),
        b'3' => ("Engine.IO packet type 3: pong", "The answer to a ping."),
        b'4' => (
            "Engine.IO packet type 4: message",
            "What follows is a packet of Socket.IO.",
        ),
        b'5' => (
            "Engine.IO packet type 5: upgrade",
            "From now on this WebSocket is the way, and polling is over.",
        ),
        b'6' => (
            "Engine.IO packet type 6: noop",
            "Nothing: it only releases a request that is held.",
        ),
        b'b' => (
            "b: bytes follow, as base64",
            "Text cannot carry any byte, so four characters stand for three.",
        ),
        b'o' if writer.rest(end) == b"ok" => {
            let words = framing("ok: the packets were taken");
            return writer.put(end, &words.section("Engine.IO 4, HTTP long-polling"));
        }
        _ => return writer.unread(end),
    };
    writer.put(writer.at + 1, &framing(what).note(note));
    match kind {
        b'4' => socketio::packet(writer, end, direction),
        b'b' => attachment(writer, end),
        b'0' => super::json::any(writer, end, Layer::Framing, By::Protocol),
        _ => writer.put(end, &framing("what comes with it")),
    }
}

/// Bytes that an earlier packet has a placeholder for.
pub(super) fn attachment(writer: &mut Writer<'_>, end: usize) {
    let words = Words::new(Layer::Payload, By::Application, "an attachment")
        .section("Socket.IO 5, Packet encoding")
        .note("Bytes of the application, in the place of a placeholder in the packet before.");
    writer.put(end, &words);
}
