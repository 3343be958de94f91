//! Socket.IO 5 packets (`codec::socketio`): `type [count "-"] [nsp ","] [id] [json]`.

use super::{
    envelope, json,
    part::{By, Layer},
    text::find,
    writer::{Words, Writer},
};
use crate::capture::Direction;

const PACKET: &str = "Socket.IO 5, Packet encoding";
/// The namespace in which the lab's channels are: its arguments are the plain envelope's.
const LABS_NAMESPACE: &[u8] = b"/lab";

fn protocol(what: impl Into<std::borrow::Cow<'static, str>>) -> Words {
    Words::new(Layer::Protocol, By::Protocol, what).section(PACKET)
}

pub(super) fn packet(writer: &mut Writer<'_>, end: usize, direction: Direction) {
    let Some(kind) = writer.rest(end).first().copied() else {
        return;
    };
    let (what, note) = match kind {
        b'0' => (
            "Socket.IO packet type 0: connect",
            "A client enters a namespace, or is let in.",
        ),
        b'1' => (
            "Socket.IO packet type 1: disconnect",
            "Leaves the namespace.",
        ),
        b'2' => (
            "Socket.IO packet type 2: event",
            "A name and its arguments follow.",
        ),
        b'3' => (
            "Socket.IO packet type 3: ack",
            "The answer to an event that asked for one.",
        ),
        b'4' => (
            "Socket.IO packet type 4: connect error",
            "The namespace does not let the client in.",
        ),
        b'5' => (
            "Socket.IO packet type 5: event with bytes",
            "As an event, with attachments after it.",
        ),
        b'6' => (
            "Socket.IO packet type 6: ack with bytes",
            "As an ack, with attachments after it.",
        ),
        _ => return writer.unread(end),
    };
    writer.put(writer.at + 1, &protocol(what).note(note));
    if matches!(kind, b'5' | b'6') {
        let dash = digits_end(writer, end);
        if writer.bytes[..end].get(dash) == Some(&b'-') {
            let note = "So many attachments follow, each as a message of its own.";
            writer.put(dash + 1, &protocol("number of attachments").note(note));
        }
    }
    let mut is_labs = false;
    if writer.rest(end).first() == Some(&b'/') {
        let from = writer.at;
        let name_end = find(writer.bytes, b',', from, end).unwrap_or(end);
        is_labs = &writer.bytes[from..name_end] == LABS_NAMESPACE;
        let note = "One connection may serve several namespaces; this packet is of this one.";
        writer.put((name_end + 1).min(end), &protocol("namespace").note(note));
    }
    let id_end = digits_end(writer, end);
    let note = "The number by which an event is acknowledged.";
    writer.put(id_end, &protocol("ack id").note(note));
    let has_name = matches!(kind, b'2' | b'5');
    match kind {
        b'2' | b'3' | b'5' | b'6' => arguments(writer, end, direction, (is_labs, has_name)),
        _ => json::any(writer, end, Layer::Protocol, By::Protocol),
    }
}

fn digits_end(writer: &Writer<'_>, end: usize) -> usize {
    let digits = writer
        .rest(end)
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    writer.at + digits.count()
}

/// `["name",…]` of an event, `[…]` of an ack.
fn arguments(
    writer: &mut Writer<'_>,
    end: usize,
    direction: Direction,
    (is_labs, has_name): (bool, bool),
) {
    let bytes = writer.bytes;
    let Some(list) = json::list(bytes, writer.at, end) else {
        return json::any(writer, end, Layer::Protocol, By::Protocol);
    };
    let mut name: &[u8] = b"";
    for (index, item) in list.members.iter().enumerate() {
        writer.put(item.start, &json::punctuation(Layer::Protocol));
        if index == 0 && has_name {
            name = &bytes[item.clone()];
            let note = "Which of the other side's functions is called.";
            writer.put(item.end, &protocol("the event's name").note(note));
        } else if !is_labs {
            argument(writer, item.end);
        } else if matches!((direction, name), (Direction::Down, b"\"publication\""))
            || matches!((direction, name), (Direction::Up, b"\"publish\""))
        {
            envelope::message(writer, item.end, direction);
        } else {
            json::any(writer, item.end, Layer::Protocol, By::Protocol);
        }
    }
    writer.put(list.end, &json::punctuation(Layer::Protocol));
    json::any(writer, end, Layer::Protocol, By::Protocol);
}

fn argument(writer: &mut Writer<'_>, to: usize) {
    let number = json::number_in(writer.rest(to));
    writer.found_number(number);
    let words = Words::new(Layer::Payload, By::Application, "an argument")
        .section(PACKET)
        .note("What the application has to say, as JSON.");
    writer.put(to, &words);
}
