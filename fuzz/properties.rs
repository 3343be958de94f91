//! What must hold for every codec whatever bytes come: it does not panic, and what it accepts it
//! can write again with the same meaning.
//!
//! One function for each codec. `fuzz/fuzz_targets` runs them under libFuzzer, and
//! `tests/lab/corpus.rs` over the committed corpus in every test run; so nothing here may depend on
//! either.

use bytes::Bytes;
use pushlab::codec::{
    compressed::{self, Coding},
    deflate::{self, BITS_MIN, Compressor, Inflater, negotiate},
    engine::{self, Data, SEPARATOR},
    pusher::{
        command::{self, Command, MemberData, UserData},
        data as pusher_data,
    },
    socketio::{self, Args, Assembler, Body, Limits, Packet},
    sse, surrogates, websocket,
};
use serde_json::value::RawValue;

/// Engine.IO 4: a polling body.
pub fn engine(input: &[u8]) {
    let mut again = Vec::new();
    let mut accepted = Vec::new();
    for packet in engine::decode_payload(input) {
        let Ok(packet) = packet else { break };
        if !again.is_empty() {
            again.push(SEPARATOR);
        }
        write_engine(&packet, &mut again);
        accepted.push(packet);
    }
    if accepted.is_empty() {
        return;
    }
    let read: Result<Vec<_>, _> = engine::decode_payload(&again).collect();
    assert_eq!(read.as_ref(), Ok(&accepted));
}

fn write_engine(packet: &engine::Packet, out: &mut Vec<u8>) {
    use engine::Packet;
    match packet {
        Packet::Open => out.push(b'0'),
        Packet::Close => out.push(b'1'),
        Packet::Ping(data) => {
            out.push(b'2');
            out.extend_from_slice(data.as_bytes());
        }
        Packet::Pong => out.push(b'3'),
        Packet::Message(Data::Text(text)) => {
            out.push(b'4');
            out.extend_from_slice(text.as_bytes());
        }
        Packet::Message(Data::Binary(bytes)) => {
            out.extend_from_slice(engine::encode_binary_as_text(bytes).as_bytes());
        }
        Packet::Upgrade => out.push(b'5'),
        Packet::Noop => out.push(b'6'),
    }
}

/// Socket.IO 5: messages divided by 0x1E; one that begins with `b` is binary.
pub fn socketio(input: &[u8]) {
    let mut assembler = Assembler::new(Limits::default());
    for message in input.split(|byte| *byte == SEPARATOR) {
        let read = match message {
            [b'b', bytes @ ..] => assembler.binary(Bytes::copy_from_slice(bytes)),
            text => match std::str::from_utf8(text) {
                Ok(text) => assembler.text(text),
                // The layer below has refused it.
                Err(_) => continue,
            },
        };
        match read {
            Ok(None) => {}
            Ok(Some(packet)) => socketio_comes_back(&packet),
            // The connection would be closed.
            Err(_) => return,
        }
    }
}

fn socketio_comes_back(packet: &Packet) {
    let mut text = Vec::new();
    let mut attachments: &[Bytes] = &[];
    let namespace = &packet.namespace;
    match &packet.body {
        Body::Connect(auth) => {
            let auth = auth.as_deref().map_or("", RawValue::get);
            text = format!("0{namespace},{auth}").into_bytes();
        }
        Body::Disconnect => socketio::encode_disconnect(namespace, &mut text),
        Body::Event { name, id, args } => {
            attachments = args.attachments();
            socketio::encode_event(namespace, *id, name, args, None, &mut text);
        }
        Body::Ack(Some((id, args))) => {
            attachments = args.attachments();
            socketio::encode_ack(namespace, *id, args, &mut text);
        }
        Body::Ack(None) | Body::TooDeep(_) => return,
    }
    let text = String::from_utf8(text).expect("packets are text");
    let mut assembler = Assembler::new(Limits::default());
    let mut read = assembler.text(&text);
    for attachment in attachments {
        assert!(matches!(read, Ok(None)), "{text}: {read:?}");
        read = assembler.binary(attachment.clone());
    }
    match read {
        Ok(Some(read)) => assert_eq!(meaning(&read), meaning(packet), "{text}"),
        other => panic!("{text}: {other:?}"),
    }
}

/// A packet as text that is equal for equal meaning.
fn meaning(packet: &Packet) -> String {
    fn of(args: &Args) -> String {
        let json: Vec<_> = (0..args.len())
            .map(|index| args.get(index).map(RawValue::get))
            .collect();
        format!("{json:?} {:?}", args.attachments())
    }
    let body = match &packet.body {
        Body::Connect(auth) => format!("connect {:?}", auth.as_deref().map(RawValue::get)),
        Body::Disconnect => "disconnect".to_owned(),
        Body::Event { name, id, args } => format!("event {name:?} {id:?} {}", of(args)),
        Body::Ack(None) => "ack".to_owned(),
        Body::TooDeep(id) => format!("too deep {id:?}"),
        Body::Ack(Some((id, args))) => format!("ack {id} {}", of(args)),
    };
    format!("{} {body}", packet.namespace)
}

/// Pusher Channels 7: a frame that a client sent, and the texts inside frames.
pub fn channels(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let kept = pusher_data::from_text(text);
    // Half a pair in JSON is replaced, and nothing else is touched.
    let whole = surrogates::replace_lone(text);
    let text: &str = match kept.get() == whole {
        true => &whole,
        false => text,
    };
    assert_eq!(pusher_data::to_text(&kept), text);
    let mut written = Vec::new();
    pusher_data::write_text(&kept, &mut written);
    let read: String = serde_json::from_slice(&written).expect("a JSON string");
    assert_eq!(read, text);
    let _ = MemberData::decode(text);
    let _ = UserData::decode(text);
    match command::decode(text) {
        Ok(Command::ClientEvent(event)) => {
            let json = |text: &str| serde_json::Value::from(text).to_string();
            let again = format!(
                r#"{{"event":{},"channel":{},"data":{}}}"#,
                json(&event.event),
                json(&event.channel),
                event.data.get()
            );
            match command::decode(&again) {
                Ok(Command::ClientEvent(read)) => {
                    assert_eq!(read.event, event.event);
                    assert_eq!(read.channel, event.channel);
                    assert_eq!(read.data.get(), event.data.get());
                }
                other => panic!("{again}: {other:?}"),
            }
        }
        Ok(Command::Subscribe(subscribe)) => {
            let again = serde_json::json!({
                "event": "pusher:subscribe",
                "data": {
                    "channel": subscribe.channel,
                    "auth": subscribe.auth(),
                    "channel_data": subscribe.channel_data,
                },
            });
            match command::decode(&again.to_string()) {
                Ok(Command::Subscribe(read)) => {
                    assert_eq!(read.channel, subscribe.channel);
                    assert_eq!(read.auth(), subscribe.auth());
                    assert_eq!(read.channel_data, subscribe.channel_data);
                }
                other => panic!("{again}: {other:?}"),
            }
        }
        _ => {}
    }
}

/// RFC 6455: the first byte says where the rest is cut in two.
pub fn websocket(input: &[u8]) {
    let Some((&cut, bytes)) = input.split_first() else {
        return;
    };
    let (first, second) = bytes.split_at(usize::from(cut).min(bytes.len()));
    let whole = read_frames(&[bytes]);
    assert_eq!(read_frames(&[first, second]), whole);
    let singly: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read_frames(&singly), whole);
}

type Frames = (Vec<websocket::Message>, Option<u16>);

fn read_frames(pieces: &[&[u8]]) -> Frames {
    let mut decoder = websocket::Decoder::new(websocket::Limits {
        message_max_bytes: 1 << 12,
        accept_binary: true,
    });
    let mut messages = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        loop {
            match decoder.next(&mut rest) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(violation) => return (messages, Some(violation.code.0)),
            }
        }
    }
    (messages, None)
}

/// WHATWG HTML: the first byte says where the rest is cut in two; the rest is also one event's
/// data, to be written and read.
pub fn event_stream(input: &[u8]) {
    let Some((&cut, bytes)) = input.split_first() else {
        return;
    };
    let (first, second) = bytes.split_at(usize::from(cut).min(bytes.len()));
    let mut whole = sse::Decoder::default();
    let mut in_two = sse::Decoder::default();
    let events = whole.feed(bytes);
    let mut split = in_two.feed(first);
    split.extend(in_two.feed(second));
    assert_eq!(events, split);
    assert_eq!(whole.retry_ms(), in_two.retry_ms());
    let Ok(data) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut written = Vec::new();
    sse::encode_event(None, None, data.as_bytes(), &mut written);
    let read = sse::Decoder::default().feed(&written);
    let lines = data.replace("\r\n", "\n").replace('\r', "\n");
    let event = sse::Event {
        event: "message".to_owned(),
        data: lines,
        last_event_id: String::new(),
    };
    assert_eq!(read, [event]);
}

/// RFC 7692: the first byte has the window's bits; the rest is what a client may send compressed, what
/// the lab may send, and what each side may say of it (and, as `Accept-Encoding`, of a poll's answer).
pub fn deflate(input: &[u8]) {
    const MESSAGE_MAX_BYTES: usize = 1 << 12;
    let Some((&bits, bytes)) = input.split_first() else {
        return;
    };
    let bits = BITS_MIN + bits % 7;

    // However it was made, no more than what a message may be is kept.
    let mut inflated = Vec::new();
    let read = deflate::inflate_alone(bytes, MESSAGE_MAX_BYTES, &mut inflated);
    assert!(inflated.len() <= MESSAGE_MAX_BYTES);
    let mut again = Vec::new();
    let in_context = Inflater::default().message(bytes, MESSAGE_MAX_BYTES, &mut again);
    assert_eq!((&read, &inflated), (&in_context, &again));

    // By itself, and twice in one context, where the second refers to the first.
    let mut alone = Vec::new();
    if deflate::compress_alone(bits, bytes, &mut alone) {
        let mut read = Vec::new();
        assert_eq!(
            deflate::inflate_alone(&alone, bytes.len(), &mut read),
            Ok(())
        );
        assert_eq!(read, bytes);
    }
    let mut compressor = Compressor::new(bits);
    let mut inflater = Inflater::default();
    for _ in 0..2 {
        let (mut sent, mut read) = (Vec::new(), Vec::new());
        compressor.message(bytes, &mut sent);
        assert_eq!(inflater.message(&sent, bytes.len(), &mut read), Ok(()));
        assert_eq!(read, bytes);
    }

    let Ok(said) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = negotiate::accepted(said);
    if let Some(agreed) = negotiate::accept(said, bits.is_multiple_of(2)) {
        assert_eq!(
            negotiate::accepted(&agreed.answer()),
            Some(agreed),
            "{said}"
        );
    }
    let offered = [Coding::Zstd, Coding::Brotli, Coding::Gzip];
    let chosen = compressed::choose([said], &offered);
    assert!(chosen.is_none_or(|coding| offered.contains(&coding)));
}
