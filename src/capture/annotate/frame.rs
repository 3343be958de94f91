//! A WebSocket frame (RFC 6455 §5.2): two bytes, more of a length, a masking key, the payload.

use super::{
    part::{By, INFLATED, Layer, UNMASKED},
    writer::{Words, Writer},
};
use crate::capture::Direction;

/// Types of frames.
pub(super) fn opcode_name(opcode: u8) -> &'static str {
    match opcode {
        0 => "continuation",
        1 => "text",
        2 => "binary",
        8 => "close",
        9 => "ping",
        10 => "pong",
        _ => "unknown",
    }
}

/// The payload of a data frame, as far as its header says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Payload {
    /// The beginning of a text message, or all of it.
    Text,
    /// The same of a binary one.
    Binary,
    /// A later piece of a message.
    Piece,
}

fn framing(by: By, what: impl Into<std::borrow::Cow<'static, str>>) -> Words {
    Words::new(Layer::Framing, by, what).section("RFC 6455 §5.2")
}

/// Writes the frame. `inflated`: the message that ends with it, if that is compressed. `data` writes
/// a message or a piece of one, up to the position that it is given.
pub(super) fn frame(
    writer: &mut Writer<'_>,
    direction: Direction,
    inflated: Option<&[u8]>,
    data: impl FnOnce(&mut Writer<'_>, usize, Payload),
) {
    let bytes = writer.bytes;
    let by = match direction {
        Direction::Up => By::Browser,
        Direction::Down => By::Server,
    };
    let &[first, second, ..] = bytes else {
        return writer.unread(bytes.len());
    };
    let opcode = first & 0x0F;
    let is_compressed = first & 0x40 != 0 || inflated.is_some();
    first_byte(writer, by, first);
    second_byte(writer, by, second);
    let length_bytes = match second & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if length_bytes > 0 {
        let digits = writer.rest(2 + length_bytes);
        let length = digits
            .iter()
            .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        let note = "The length did not fit into seven bits, so it follows in bytes of its own.";
        let words = framing(by, format!("length {length}")).note(note);
        writer.put(2 + length_bytes, &words);
    }
    let is_masked = second & 0x80 != 0;
    let mut key = [0; 4];
    if is_masked {
        let stated = writer.rest(writer.at + 4);
        key[..stated.len()].copy_from_slice(stated);
        let note = "A new random number for each frame. Each byte of the payload is combined with one of \
                    these four (exclusive or), so that no page can choose the bytes that pass a proxy.";
        let words = framing(by, "masking key")
            .section("RFC 6455 §5.3")
            .note(note);
        writer.put(writer.at + 4, &words);
    }
    let payload_at = writer.at;
    let end = bytes.len();
    let write = |writer: &mut Writer<'_>, end: usize| match opcode {
        8 => close(writer, by, end),
        9 | 10 => {
            let words = framing(by, "payload of a sign of life").section("RFC 6455 §5.5.2");
            writer.put(end, &words);
        }
        _ if is_compressed => compressed(writer, by, end, inflated, data),
        0 => data(writer, end, Payload::Piece),
        1 => data(writer, end, Payload::Text),
        2 => data(writer, end, Payload::Binary),
        _ => writer.unread(end),
    };
    if !is_masked {
        return write(writer, end);
    }
    let unmasked: Vec<u8> = bytes[payload_at..]
        .iter()
        .zip(key.iter().cycle())
        .map(|(byte, key)| byte ^ key)
        .collect();
    let words = Words::new(Layer::Payload, By::Page, "masked payload")
        .section("RFC 6455 §5.3")
        .note("What the page sent, combined with the masking key; below it is as it was.");
    let origin = |at: usize| at.saturating_sub(payload_at);
    writer.put_inner(end, &words, UNMASKED, &unmasked, origin, |inner| {
        let end = inner.bytes.len();
        write(inner, end);
    });
}

fn first_byte(writer: &mut Writer<'_>, by: By, first: u8) {
    let opcode = first & 0x0F;
    let mut what = Vec::new();
    if first & 0x80 != 0 {
        what.push("FIN".to_owned());
    }
    for (bit, name) in [(0x40, "RSV1 (compressed)"), (0x20, "RSV2"), (0x10, "RSV3")] {
        if first & bit != 0 {
            what.push(name.to_owned());
        }
    }
    what.push(format!("opcode {opcode} ({})", opcode_name(opcode)));
    let note = match (first & 0x80 != 0, opcode) {
        (_, 8) => "The sender closes: nothing of its own follows.",
        (_, 9) => "A question whether the other side is still there.",
        (_, 10) => "The answer to a ping.",
        (true, 0) => "The last piece of a message that began in an earlier frame.",
        (true, 2) => "A whole message of bytes in one frame.",
        (true, _) => "A whole message of text in one frame.",
        (false, _) => "A piece of a message; more pieces follow.",
    };
    writer.put(1, &framing(by, what.join(", ")).note(note));
}

fn second_byte(writer: &mut Writer<'_>, by: By, second: u8) {
    let mask = match second & 0x80 != 0 {
        true => "MASK, ",
        false => "",
    };
    let (what, note) = match second & 0x7F {
        126 => (
            format!("{mask}length in the next 2 bytes"),
            "126 here says that the length follows in two bytes.",
        ),
        127 => (
            format!("{mask}length in the next 8 bytes"),
            "127 here says that the length follows in eight bytes.",
        ),
        length => (
            format!("{mask}length {length}"),
            "Up to 125 bytes of payload need no more than these seven bits to say it.",
        ),
    };
    writer.put(2, &framing(by, what).note(note));
}

fn close(writer: &mut Writer<'_>, by: By, end: usize) {
    let words = |what: String| framing(by, what).section("RFC 6455 §5.5.1");
    if let [high, low, ..] = *writer.rest(end) {
        let code = u16::from_be_bytes([high, low]);
        let note = "Why the connection is closed; the numbers are listed in RFC 6455 §7.4.1.";
        let words = words(format!("close code {code}")).note(note);
        writer.put(writer.at + 2, &words);
    }
    let words = words("reason, in words".to_owned());
    writer.put(end, &words);
}

fn compressed(
    writer: &mut Writer<'_>,
    by: By,
    end: usize,
    inflated: Option<&[u8]>,
    data: impl FnOnce(&mut Writer<'_>, usize, Payload),
) {
    let words = Words::new(Layer::Payload, by, "compressed payload")
        .section("RFC 7692 §7.2")
        .note(
            "Deflate has made it shorter; which byte stands for which part of the message can no longer \
             be told, so all of it counts as payload.",
        );
    let range = writer.at..end;
    match inflated {
        // What is hidden cannot be found again in what it became.
        Some(inflated) if !writer.is_hidden(&range) && !range.is_empty() => {
            let nothing = |_| 0;
            writer.put_inner(end, &words, INFLATED, inflated, nothing, |inner| {
                let end = inner.bytes.len();
                data(inner, end, Payload::Text);
            });
        }
        _ => writer.put(end, &words),
    }
}
