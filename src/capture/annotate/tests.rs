//! Units made with the encoders of `codec`, and their parts: sums by layer, cover, hidden ranges, cuts.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;
use crate::{
    capture::{Direction, Secret},
    catalogue::{
        ACTIX_WS, CHANNELS, CHANNELS_POLLING, CHANNELS_STREAMING, FETCH_STREAM, LANES, LONG_POLL,
        SHORT_POLL, SOCKETIO_POLLING, SOCKETIO_WEBSOCKET, SSE, WEBSOCKET,
    },
    channel::{ChannelName, Epoch, JOIN_EVENT, Origin, Publication, StreamPosition},
    codec::{
        envelope,
        pusher::{event, extension, line},
        socketio::{self, Args},
        sse,
        websocket::{self, OpCode},
    },
    wire::Layers,
};

fn publication(event: &str, data: &str, origin: Option<Origin>) -> Publication {
    Publication {
        channel: ChannelName::parse("compare-0123456789abcdefgh").unwrap(),
        epoch: Epoch::parse("k3x9").unwrap(),
        offset: 17,
        event: event.into(),
        data: RawValue::from_string(data.to_owned()).unwrap(),
        intended_us: 1_763_800_000_000_000,
        published_us: 1_763_800_000_000_123,
        origin: origin.map(Box::new),
    }
}

const DATA: &str = r#"{"n":42,"pad":"a \"quoted\" \\ word, caf\u00e9 é 🦀"}"#;

fn unit(kind: Kind, direction: Direction, bytes: impl Into<Vec<u8>>) -> Unit {
    let bytes = bytes.into();
    Unit {
        n: 1,
        lane: WEBSOCKET.id,
        connection: 1,
        exchange: 1,
        direction,
        kind,
        at: 0,
        first_us: 0,
        last_us: 0,
        size: bytes.len(),
        bytes,
        hidden: Vec::new(),
        inflated: None,
        brings_nothing: None,
    }
}

fn down(kind: Kind, bytes: impl Into<Vec<u8>>) -> Unit {
    unit(kind, Direction::Down, bytes)
}

fn on(lane: &'static Lane) -> Context<'static> {
    Context {
        lane,
        request_head: None,
        answer_head: None,
    }
}

/// Parts cover their bytes, and so on inside; texts are what the bytes say.
fn check(parts: &[Part], bytes: &[u8]) {
    let mut at = 0;
    for part in parts {
        assert_eq!(part.at, at, "{parts:#?}");
        assert!(part.len > 0);
        at += part.len;
        let own = &bytes[part.at..at];
        if let Some(text) = &part.text {
            assert_eq!(text.as_bytes(), own);
        }
        if let Some(inner) = &part.inner {
            if inner.how == UNMASKED {
                assert_eq!(length(&inner.parts), part.len);
            } else if inner.how != INFLATED {
                assert!(length(&inner.parts) <= part.len);
            }
        }
    }
    assert_eq!(at, bytes.len());
}

fn length(parts: &[Part]) -> usize {
    parts.last().map_or(0, |part| part.at + part.len)
}

fn sums(parts: &[Part]) -> Layers {
    let LayerBytes {
        http_headers,
        framing,
        protocol,
        lab,
        payload,
    } = layers_of(parts);
    assert_eq!(http_headers, 0);
    Layers {
        framing,
        protocol,
        lab,
        payload,
        saved: 0,
    }
}

fn holds(unit: &Unit, context: &Context<'_>, layers: Layers) -> Vec<Part> {
    let parts = annotate(unit, context);
    check(&parts, &unit.bytes);
    assert_eq!(sums(&parts), layers, "{parts:#?}");
    parts
}

fn whats(parts: &[Part]) -> Vec<&str> {
    let mut all = Vec::new();
    for part in parts {
        all.push(&*part.what);
        if let Some(inner) = &part.inner {
            all.extend(whats(&inner.parts));
        }
    }
    all
}

fn chunked(data: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:X}\r\n", data.len()).into_bytes();
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn framed(payload: impl FnOnce(&mut Vec<u8>) -> Layers) -> (Vec<u8>, Layers) {
    let mut out = Vec::new();
    let (framing, layers) = websocket::encode_text_with(&mut out, payload);
    (out, Layers { framing, ..layers })
}

#[test]
fn a_plain_frame_divides_as_its_encoder_says_and_63_bytes_are_the_labs() {
    for lane in [&WEBSOCKET, &ACTIX_WS] {
        for data in [
            DATA,
            "1",
            "null",
            "\"words\"",
            "[1, 2]",
            &format!("\"{}\"", "x".repeat(70_000)),
        ] {
            let publication = publication("tick", data, None);
            let (frame, layers) = framed(|out| envelope::encode_publication(&publication, out));
            let unit = down(Kind::Frame, frame);
            holds(&unit, &on(lane), layers);
            assert_eq!(layers.lab, 63);
            assert_eq!(publications_of(&unit, &on(lane)), [17]);
            let numbers = if data == DATA { vec![42] } else { vec![] };
            assert_eq!(numbers_of(&unit, &on(lane)), numbers);
        }
    }
}

#[test]
fn bare_publications_are_payload_in_frames_and_events() {
    let publication = publication("tick", "{\n\"n\":42,\n\n\"a\":\"b\"}", None);
    let context = |lane| Context {
        request_head: Some(b"GET /ws/x?history=0&envelope=bare HTTP/1.1\r\n\r\n"),
        ..on(lane)
    };
    let (frame, layers) = framed(|out| envelope::encode_bare(&publication, out));
    let frame = down(Kind::Frame, frame);
    holds(&frame, &context(&WEBSOCKET), layers);
    let mut data = Vec::new();
    let layers = envelope::encode_bare(&publication, &mut data);
    let mut stream = Vec::new();
    sse::encode_event(None, None, &data, &mut stream);
    let framing = stream.len() as u64 - layers.payload;
    let layers = Layers { framing, ..layers };
    let event = down(Kind::Body, stream);
    holds(&event, &context(&SSE), layers);
    for (unit, lane) in [(&frame, &WEBSOCKET), (&event, &SSE)] {
        assert_eq!(numbers_of(unit, &context(lane)), [42]);
        assert!(publications_of(unit, &context(lane)).is_empty());
    }
    let hello = br#"{"subscribed":{"channel":"a","epoch":"e","offset":3,"recovered":true}}"#;
    let (hello, layers) = framed(|out| {
        out.extend_from_slice(hello);
        Layers::of_protocol(hello.len())
    });
    holds(&down(Kind::Frame, hello), &context(&WEBSOCKET), layers);
}

#[test]
fn an_event_in_a_chunk_divides_as_its_encoder_says() {
    for data in [DATA, "{\n\"n\":42,\n\"a\":[1,\n2]}", "1"] {
        let publication = publication("tick", data, None);
        let mut json = Vec::new();
        let layers = envelope::encode_publication(&publication, &mut json);
        let mut stream = Vec::new();
        sse::encode_event(None, Some("k3x9:17"), &json, &mut stream);
        let chunk = chunked(&stream);
        let framing = chunk.len() as u64 - layers.total();
        let parts = holds(
            &down(Kind::Chunk, chunk),
            &on(&SSE),
            Layers { framing, ..layers },
        );
        let whats = whats(&parts);
        for what in [
            "chunk size",
            "id: the position",
            "data",
            "line end after the chunk",
        ] {
            assert!(whats.contains(&what), "{whats:?}");
        }
    }
}

#[test]
fn what_a_stream_says_of_itself_is_framing() {
    let mut stream = Vec::new();
    sse::encode_retry(2_000, &mut stream);
    sse::encode_event(
        Some("subscribed"),
        Some("e:3"),
        br#"{"channel":"a","offset":3}"#,
        &mut stream,
    );
    sse::encode_comment("heartbeat", &mut stream);
    let chunk = chunked(&stream);
    let all = |framing: usize| Layers {
        framing: framing as u64,
        ..Layers::default()
    };
    let (length, unit) = (chunk.len(), down(Kind::Chunk, chunk));
    holds(&unit, &on(&SSE), all(length));
    assert!(publications_of(&unit, &on(&SSE)).is_empty());
    let lines = b"{\"subscribed\":{\"channel\":\"a\",\"offset\":3}}\n\n{\"closing\":{}}\n";
    holds(
        &down(Kind::Body, *lines),
        &on(&FETCH_STREAM),
        all(lines.len()),
    );
    holds(&down(Kind::Chunk, *b"0\r\n\r\n"), &on(&SSE), all(5));
}

#[test]
fn a_line_of_json_is_an_envelope_and_a_line_end() {
    let mut line = Vec::new();
    let mut layers = envelope::encode_publication(&publication("tick", DATA, None), &mut line);
    line.push(b'\n');
    layers.framing += 1;
    holds(&down(Kind::Body, line), &on(&FETCH_STREAM), layers);
}

#[test]
fn an_answer_to_a_poll_divides_as_its_encoder_says() {
    let position = StreamPosition {
        epoch: Epoch::parse("k3x9").unwrap(),
        offset: 17,
    };
    for count in [0, 1, 3, 700] {
        let publications: Vec<_> = (0..count)
            .map(|_| std::sync::Arc::new(publication("tick", DATA, None)))
            .collect();
        let (body, layers) = envelope::encode_polled(&position, true, &publications);
        let unit = down(Kind::Body, body);
        for lane in [&SHORT_POLL, &LONG_POLL] {
            let parts = holds(&unit, &on(lane), layers);
            assert!(parts.len() < 5_000);
            assert_eq!(is_empty_answer(&unit, &on(lane)), Some(count == 0));
            assert_eq!(publications_of(&unit, &on(lane)), vec![17; count]);
        }
    }
}

/// Publications whose data has all the forms that Pusher's publishers give.
fn of_pusher() -> Vec<Publication> {
    let by_client = || Origin {
        by_client: true,
        user: Some("7".into()),
        ..Origin::default()
    };
    let mut all = Vec::new();
    for data in [
        DATA,
        "17",
        "null",
        "[1,2]",
        r#""words""#,
        r#""a \"b\" \\ c""#,
        "\"\"",
        "{\"n\":42}",
    ] {
        all.push(publication("tick", data, None));
        all.push(publication("client-typing", data, Some(by_client())));
    }
    all.push(publication(
        "App\\Events\\Name",
        r#"{"a":{"data":1,"offset":2}}"#,
        None,
    ));
    all.push(publication(
        "pusher_internal:subscription_count",
        r#"{"subscription_count":4}"#,
        None,
    ));
    all
}

#[test]
fn a_pusher_frame_divides_as_its_encoder_says_with_the_extension_or_without() {
    for publication in of_pusher() {
        let (frame, layers) = framed(|out| event::publication(&publication, out));
        let unit = down(Kind::Frame, frame);
        holds(&unit, &on(&CHANNELS), layers);
        assert!(publications_of(&unit, &on(&CHANNELS)).is_empty());
        let (frame, layers) = framed(|out| extension::publication(&publication, out));
        let unit = down(Kind::Frame, frame);
        holds(&unit, &on(&CHANNELS), layers);
        assert_eq!(publications_of(&unit, &on(&CHANNELS)), [17]);
        let found = found_in(&unit, &on(&CHANNELS));
        assert_eq!(found.publication_count, 1);
    }
}

#[test]
fn a_pusher_line_is_a_frame_in_a_string_and_what_that_adds_is_framing() {
    for publication in of_pusher() {
        for encode in [event::publication, extension::publication] {
            let mut out = Vec::new();
            let (framing, layers) = line::encode_frame(&mut out, |out| encode(&publication, out));
            let layers = Layers { framing, ..layers };
            holds(
                &down(Kind::Body, out.clone()),
                &on(&CHANNELS_POLLING),
                layers,
            );
            let chunk = chunked(&out);
            let framing = framing + (chunk.len() - out.len()) as u64;
            let layers = Layers { framing, ..layers };
            holds(&down(Kind::Chunk, chunk), &on(&CHANNELS_STREAMING), layers);
        }
    }
    let (mut first, mut joined) = (Vec::new(), Vec::new());
    let publication = publication("tick", DATA, None);
    let (_, layers) = line::encode_frame(&mut first, |out| event::publication(&publication, out));
    let lines = [line::OPEN, &first, &first, line::NOTHING, line::HEARTBEAT];
    line::join(lines.into_iter(), &mut joined);
    line::encode_close(4009, "not \"allowed\"", &mut joined);
    let layers = layers + layers;
    let framing = joined.len() as u64 - layers.total();
    let unit = down(Kind::Body, joined);
    holds(&unit, &on(&CHANNELS_POLLING), Layers { framing, ..layers });
    assert_eq!(numbers_of(&unit, &on(&CHANNELS_POLLING)), [42, 42]);
    assert_eq!(is_empty_answer(&unit, &on(&CHANNELS_POLLING)), Some(false));
    let preflight = down(Kind::AnswerHead, *b"HTTP/1.1 204 No Content\r\n\r\n");
    let context = Context {
        request_head: Some(b"OPTIONS /pusher/app/k/1/xxx/xhr HTTP/1.1\r\n\r\n"),
        ..on(&CHANNELS_POLLING)
    };
    assert_eq!(is_empty_answer(&preflight, &context), None);
    let heartbeat = down(Kind::Body, line::HEARTBEAT);
    assert_eq!(
        is_empty_answer(&heartbeat, &on(&CHANNELS_POLLING)),
        Some(true)
    );
}

#[test]
fn what_pusher_itself_says_is_the_protocols() {
    type Write = fn(&mut Vec<u8>);
    let all: [Write; 4] = [
        |out| event::connection_established("1.1", 120, out),
        |out| event::subscription_succeeded("news", out),
        |out| event::error(Some(4301), "no", out),
        event::ping,
    ];
    for write in all {
        let (frame, layers) = framed(|out| {
            let from = out.len();
            write(out);
            Layers::of_protocol(out.len() - from)
        });
        let unit = down(Kind::Frame, frame);
        holds(&unit, &on(&CHANNELS), layers);
        assert_eq!(found_in(&unit, &on(&CHANNELS)), Found::default());
    }
    let joined = publication(JOIN_EVENT, r#"{"client":"7","name":"Ann"}"#, None);
    let (frame, _) = framed(|out| extension::publication(&joined, out));
    let unit = down(Kind::Frame, frame);
    check(&annotate(&unit, &on(&CHANNELS)), &unit.bytes);
    assert_eq!(publications_of(&unit, &on(&CHANNELS)), [17]);
}

/// As `protocol::socketio::bridge` writes it.
fn socketio_packet(out: &mut Vec<u8>) -> Layers {
    let mut object = Vec::new();
    let inside = envelope::encode_publication(&publication("tick", DATA, None), &mut object);
    let object = RawValue::from_string(String::from_utf8(object).unwrap()).unwrap();
    let from = out.len();
    out.push(b'4');
    let args = Args::new().raw(&object);
    socketio::encode_event("/lab", None, "publication", &args, None, out);
    let protocol = (out.len() - from) as u64 - 1 - inside.lab - inside.payload;
    Layers {
        framing: 1,
        protocol,
        ..inside
    }
}

#[test]
fn a_socketio_event_divides_alike_in_a_frame_and_in_a_polling_payload() {
    let (frame, header_and_layers) = {
        let mut out = Vec::new();
        let (framing, layers) = websocket::encode_text_with(&mut out, socketio_packet);
        let framing = framing + layers.framing;
        (out, Layers { framing, ..layers })
    };
    let unit = down(Kind::Frame, frame);
    let parts = holds(&unit, &on(&SOCKETIO_WEBSOCKET), header_and_layers);
    assert_eq!(header_and_layers.lab, 63);
    let whats = whats(&parts);
    for what in [
        "Engine.IO packet type 4: message",
        "Socket.IO packet type 2: event",
        "namespace",
        "the event's name",
        "data",
    ] {
        assert!(whats.contains(&what), "{whats:?}");
    }
    let mut body = Vec::new();
    let one = socketio_packet(&mut body);
    body.push(0x1E);
    let two = socketio_packet(&mut body);
    body.extend_from_slice(b"\x1e2");
    let mut layers = one + two;
    layers.framing += 3;
    let unit = down(Kind::Body, body);
    holds(&unit, &on(&SOCKETIO_POLLING), layers);
    assert_eq!(publications_of(&unit, &on(&SOCKETIO_POLLING)), [17, 17]);
    assert_eq!(numbers_of(&unit, &on(&SOCKETIO_POLLING)), [42, 42]);
    assert_eq!(is_empty_answer(&unit, &on(&SOCKETIO_POLLING)), Some(false));
    let noop = down(Kind::Body, *b"6");
    assert_eq!(is_empty_answer(&noop, &on(&SOCKETIO_POLLING)), Some(true));
    let mut with_attachment = Vec::new();
    let mut args = Args::new();
    args = args.binary(vec![1, 2, 3]);
    with_attachment.push(b'4');
    socketio::encode_event("/", Some(12), "a", &args, None, &mut with_attachment);
    let parts = annotate(&down(Kind::Body, with_attachment), &on(&SOCKETIO_POLLING));
    let whats = self::whats(&parts);
    for what in ["number of attachments", "ack id"] {
        assert!(whats.contains(&what), "{whats:?}");
    }
}

#[test]
fn a_clients_masked_frame_is_read_behind_its_mask() {
    let text =
        format!(r#"{{"publish":{{"event":"said","data":{DATA},"id":"x","intended_us":1}}}}"#);
    let mut frame = Vec::new();
    websocket::encode_masked(OpCode::Text, text.as_bytes(), [1, 2, 3, 4], &mut frame);
    let payload = DATA.len() as u64;
    let layers = Layers {
        framing: (frame.len() - text.len()) as u64,
        protocol: text.len() as u64 - payload,
        lab: 0,
        payload,
        saved: 0,
    };
    let parts = holds(
        &unit(Kind::Frame, Direction::Up, frame),
        &on(&WEBSOCKET),
        layers,
    );
    let inner = parts.last().unwrap().inner.as_ref().unwrap();
    assert_eq!(inner.how, UNMASKED);
    let data = inner.parts.iter().find(|part| part.what == "data").unwrap();
    assert_eq!(data.text.as_deref(), Some(DATA));
    assert_eq!(parts[0].what, "FIN, opcode 1 (text)");
    assert!(parts[1].what.starts_with("MASK, "));
}

#[test]
fn a_compressed_frame_counts_as_payload_and_shows_what_it_becomes() {
    let mut json = Vec::new();
    envelope::encode_publication(&publication("tick", DATA, None), &mut json);
    let mut frame = Vec::new();
    websocket::encode_frame(OpCode::Text, &[7; 50], &mut frame);
    frame[0] |= 0x40;
    let mut unit = down(Kind::Frame, frame);
    unit.inflated = Some(json.clone());
    let layers = Layers {
        framing: 2,
        payload: 50,
        ..Layers::default()
    };
    let parts = holds(&unit, &on(&WEBSOCKET), layers);
    let inner = parts.last().unwrap().inner.as_ref().unwrap();
    assert_eq!(inner.how, INFLATED);
    check(&inner.parts, &json);
    assert_eq!(layers_of(&inner.parts).lab, 63);
    assert_eq!(publications_of(&unit, &on(&WEBSOCKET)), [17]);
    assert_eq!(title_of(&unit), "text frame, compressed, 52 B");
    unit.hidden.push(Hidden {
        at: 2,
        len: 50,
        what: Secret::Message,
    });
    let parts = holds(&unit, &on(&WEBSOCKET), layers);
    assert!(parts.last().unwrap().inner.is_none());
    assert_eq!(parts.last().unwrap().hidden, Some(Secret::Message));
}

#[test]
fn control_frames_are_framing() {
    for opcode in [OpCode::Ping, OpCode::Pong, OpCode::Close] {
        let mut frame = Vec::new();
        websocket::encode_frame(opcode, b"\x03\xE8bye", &mut frame);
        let framing = frame.len() as u64;
        let parts = holds(
            &down(Kind::Frame, frame),
            &on(&WEBSOCKET),
            Layers {
                framing,
                ..Layers::default()
            },
        );
        let is_close = whats(&parts).contains(&"close code 1000");
        assert_eq!(is_close, opcode == OpCode::Close);
    }
}

#[test]
fn heads_are_told_field_by_field() {
    let head = b"GET /short-poll/compare-a?epoch=k3&offset=17&name=Ann%20B HTTP/1.1\r\nHost: lab:1\r\nUser-Agent: x\r\nCookie: xxxx\r\nPushlab-Tap: xx\r\nX-Own: 1\r\n\r\n";
    let mut unit = unit(Kind::RequestHead, Direction::Up, *head);
    let at = head.windows(6).position(|w| w == b"Cookie").unwrap() + 8;
    unit.hidden.push(Hidden {
        at,
        len: 4,
        what: Secret::Cookie,
    });
    let parts = annotate(&unit, &on(&SHORT_POLL));
    check(&parts, &unit.bytes);
    let layers = layers_of(&parts);
    assert_eq!(layers.http_headers, head.len() as u64);
    assert_eq!(layers.total(), layers.http_headers);
    let named = |what: &str| {
        parts
            .iter()
            .filter(|part| part.what == what)
            .collect::<Vec<_>>()
    };
    assert_eq!(named("method")[0].section, Some("RFC 9110 §9.3.1"));
    assert_eq!(
        named("query field offset")[0].text.as_deref(),
        Some("offset=17")
    );
    let name = named("query field name")[0].inner.as_ref().unwrap();
    assert_eq!(name.parts[0].text.as_deref(), Some("name=Ann B"));
    assert_eq!(named("header Host")[0].by, By::Browser);
    assert_eq!(named("header X-Own")[0].by, By::Page);
    let cookie = named("header Cookie");
    assert_eq!(cookie.len(), 3);
    assert_eq!(
        (cookie[1].hidden, cookie[1].len, &cookie[1].text),
        (Some(Secret::Cookie), 4, &None)
    );
    assert_eq!(
        title_of(&unit),
        "GET /short-poll/compare-a?epoch=k3&offset=17&name=Ann%20B"
    );
    assert_eq!(method_of(&unit).as_deref(), Some("GET"));

    let head = b"HTTP/1.1 304 Not Modified\r\nETag: \"k3:17\"\r\n\r\n";
    let unit = down(Kind::AnswerHead, *head);
    let parts = annotate(&unit, &on(&SHORT_POLL));
    check(&parts, &unit.bytes);
    assert_eq!(title_of(&unit), "304 Not Modified");
    assert_eq!(status_of(&unit), Some(304));
    assert_eq!(is_empty_answer(&unit, &on(&SHORT_POLL)), Some(true));
    let whats = whats(&parts);
    assert_eq!(whats.last(), Some(&"empty line: the end of the head"));
}

#[test]
fn hidden_bytes_are_told_as_hidden_wherever_they_are() {
    // In a masked payload: the value of a token.
    let text = br#"{"publish":{"event":"said","data":{"token":"xxxxxxxx"},"id":"y"}}"#;
    let within = text.windows(2).position(|w| w == b"xx").unwrap();
    let mut frame = Vec::new();
    websocket::encode_masked(OpCode::Text, text, [9, 8, 7, 6], &mut frame);
    let at = frame.len() - text.len() + within;
    let mut unit = unit(Kind::Frame, Direction::Up, frame);
    unit.hidden.push(Hidden {
        at,
        len: 8,
        what: Secret::Token,
    });
    let parts = annotate(&unit, &on(&WEBSOCKET));
    check(&parts, &unit.bytes);
    let inner = &parts.last().unwrap().inner.as_ref().unwrap().parts;
    let hidden: Vec<_> = inner.iter().filter(|part| part.hidden.is_some()).collect();
    assert_eq!(hidden.len(), 1);
    assert_eq!((hidden[0].at, hidden[0].len), (within, 8));
    // In a string in a string in a line: the whole data.
    let mut out = Vec::new();
    let secret = publication("tick", "\"xxxxxxxxxxxx\"", None);
    line::encode_frame(&mut out, |out| event::publication(&secret, out));
    let at = out.windows(12).position(|w| w == b"xxxxxxxxxxxx").unwrap();
    let mut unit = down(Kind::Body, out);
    unit.hidden.push(Hidden {
        at,
        len: 12,
        what: Secret::Message,
    });
    let parts = annotate(&unit, &on(&CHANNELS_POLLING));
    check(&parts, &unit.bytes);
    fn hidden_bytes(parts: &[Part]) -> usize {
        let own = |part: &Part| match &part.inner {
            Some(inner) => hidden_bytes(&inner.parts),
            None if part.hidden.is_some() => part.len,
            None => 0,
        };
        parts.iter().map(own).sum()
    }
    assert_eq!(hidden_bytes(&parts), 12);
}

#[test]
fn what_was_cut_off_reads_as_what_is_there() {
    let (frame, _) =
        framed(|out| envelope::encode_publication(&publication("tick", DATA, None), out));
    for cut in 0..frame.len() {
        let mut unit = down(Kind::Frame, &frame[..cut]);
        unit.size = frame.len();
        let parts = annotate(&unit, &on(&WEBSOCKET));
        check(&parts, &unit.bytes);
        if cut > 100 {
            assert!(whats(&parts).contains(&"value of channel"), "{cut}");
        }
    }
}

#[test]
fn what_was_cut_off_divides_as_far_as_it_is_there() {
    let data = format!("{{\"n\":42,\"pad\":\"{}\"}}", "x\\n".repeat(2_000));
    let publication = publication("tick", &data, None);
    for encode in [event::publication, extension::publication] {
        let (frame, whole) = framed(|out| encode(&publication, out));
        let mut in_line = Vec::new();
        line::encode_frame(&mut in_line, |out| encode(&publication, out));
        for missing in 100..130 {
            for (bytes, kind) in [(&frame, Kind::Frame), (&in_line, Kind::Body)] {
                let mut unit = down(kind, &bytes[..bytes.len() - missing]);
                unit.size = bytes.len();
                let parts = annotate(&unit, &on(&CHANNELS));
                check(&parts, &unit.bytes);
                let layers = layers_of(&parts);
                assert!(
                    layers.payload.abs_diff(whole.payload) < 140,
                    "{missing}: {layers:?} {whole:?}"
                );
                assert!(layers.lab.abs_diff(whole.lab) < 10, "{missing}: {layers:?}");
                assert_eq!(numbers_of(&unit, &on(&CHANNELS)), [42]);
            }
        }
    }
}

#[test]
fn a_message_that_is_not_kept_is_payload() {
    let chunk = chunked(&[b'x'; 30]);
    let mut unit = down(Kind::Chunk, chunk);
    unit.hidden.push(Hidden {
        at: 4,
        len: 30,
        what: Secret::Message,
    });
    let parts = annotate(&unit, &on(&SSE));
    check(&parts, &unit.bytes);
    assert_eq!((parts[1].hidden, parts[1].len), (Some(Secret::Message), 30));
    assert_eq!(
        (layers_of(&parts).payload, layers_of(&parts).framing),
        (30, 6)
    );
}

#[test]
fn bodies_are_read_by_who_asks_whatever_they_are_called() {
    let post = |target: &str, kind: &str| {
        format!("POST {target} HTTP/1.1\r\nContent-Type: {kind}\r\n\r\n").into_bytes()
    };
    let send = post("/pusher/app/k/1/s/xhr_send?t=1", "application/json");
    let frame = format!(r#"{{"event":"client-x","channel":"private-a","data":{DATA}}}"#);
    let body = serde_json::to_vec(&[&frame]).unwrap();
    let up = unit(Kind::Body, Direction::Up, body.clone());
    let context = Context {
        request_head: Some(&send),
        ..on(&CHANNELS_POLLING)
    };
    let payload = DATA.len() as u64;
    let protocol = frame.len() as u64 - payload;
    let framing = (body.len() - frame.len()) as u64;
    holds(
        &up,
        &context,
        Layers {
            framing,
            protocol,
            payload,
            lab: 0,
            saved: 0,
        },
    );

    let publish = post("/api/channels/a/publications?demo=x", "text/plain");
    for lane in [&CHANNELS, &SOCKETIO_POLLING, &SSE] {
        let body = format!(r#"{{"event":"said","data":{DATA},"intended_us":1}}"#);
        let context = Context {
            request_head: Some(&publish),
            ..on(lane)
        };
        let protocol = body.len() as u64 - payload;
        let up = unit(Kind::Body, Direction::Up, body);
        holds(
            &up,
            &context,
            Layers {
                framing: 0,
                protocol,
                payload,
                lab: 0,
                saved: 0,
            },
        );
        let answer = br#"{"channel":"a","epoch":"k3","offset":18}"#;
        let context = Context {
            answer_head: Some(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\r\n"),
            ..context
        };
        let answered = down(Kind::Body, *answer);
        holds(&answered, &context, Layers::of_protocol(answer.len()));
        assert!(publications_of(&answered, &context).is_empty());
        assert_eq!(is_empty_answer(&answered, &context), None);
    }

    let post = post(
        "/socket.io/?EIO=4&transport=polling&sid=xx",
        "text/plain;charset=UTF-8",
    );
    let body = format!(r#"42/lab,5["publish",{{"channel":"a","event":"said","data":{DATA}}}]"#);
    let context = Context {
        request_head: Some(&post),
        answer_head: Some(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"),
        ..on(&SOCKETIO_POLLING)
    };
    let protocol = body.len() as u64 - payload - 1;
    let up = unit(Kind::Body, Direction::Up, body);
    holds(
        &up,
        &context,
        Layers {
            framing: 1,
            protocol,
            payload,
            lab: 0,
            saved: 0,
        },
    );
    let ok = down(Kind::Body, *b"ok");
    holds(
        &ok,
        &context,
        Layers {
            framing: 2,
            ..Layers::default()
        },
    );
    assert_eq!(is_empty_answer(&ok, &context), None);
}

#[test]
fn parts_are_written_as_the_page_reads_them() {
    let parts = annotate(&down(Kind::Chunk, *b"0\r\n\r\n"), &on(&SSE));
    assert_eq!(
        serde_json::to_value(&parts[1]).unwrap(),
        serde_json::json!({
            "at": 3, "len": 2, "layer": "framing", "what": "empty line after the last chunk",
            "by": "server", "section": "RFC 9112 §7.1", "note": null, "text": "\r\n",
            "hidden": null, "inner": null,
        })
    );
}

#[test]
fn the_parts_of_a_large_unit_stay_few() {
    for (bytes, lane) in [
        (
            [b"[".to_vec(), b"1,".repeat(30_000), b"1]".to_vec()].concat(),
            &SHORT_POLL,
        ),
        (b": \n\n".repeat(20_000), &SSE),
        (b"2\x1e".repeat(20_000), &SOCKETIO_POLLING),
        (b"a[\"{}\"]\n".repeat(10_000), &CHANNELS_POLLING),
        ("[".repeat(100_000).into_bytes(), &SHORT_POLL),
        ("\"".repeat(100_000).into_bytes(), &CHANNELS_POLLING),
        (b"a=b&".repeat(10_000), &SHORT_POLL),
    ] {
        let unit = down(Kind::Body, bytes);
        let parts = annotate(&unit, &on(lane));
        check(&parts, &unit.bytes);
        let all = whats(&parts).len();
        assert!(all < 25_000, "{}: {all}", lane.id);
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::RequestHead),
        Just(Kind::AnswerHead),
        Just(Kind::Body),
        Just(Kind::Chunk),
        Just(Kind::Frame),
    ]
}

/// Bytes that look like something, and bytes that do not.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let real = prop::sample::select(seeds());
    let changed = (
        real,
        any::<Vec<(prop::sample::Index, u8)>>(),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(mut bytes, changes, cut)| {
            for (index, byte) in changes.into_iter().take(3) {
                if !bytes.is_empty() {
                    let at = index.index(bytes.len());
                    bytes[at] = byte;
                }
            }
            bytes.truncate(cut.index(bytes.len() + 1));
            bytes
        });
    prop_oneof![
        any::<Vec<u8>>(),
        changed,
        "[\\[\\]{}\",:0-9a-zx\\\\u \r\n%&?=]{0,200}".prop_map(String::into_bytes),
    ]
}

fn seeds() -> Vec<Vec<u8>> {
    let one = publication("tick", DATA, None);
    let mut seeds = Vec::new();
    let (mut plain, mut line) = (Vec::new(), Vec::new());
    envelope::encode_publication(&one, &mut plain);
    line::encode_frame(&mut line, |out| extension::publication(&one, out));
    let mut stream = Vec::new();
    sse::encode_event(
        None,
        Some("e:1"),
        b"{\n\"channel\":\"a\",\n\"offset\":1,\"event\":\"a\",\"data\":\n1}",
        &mut stream,
    );
    let mut packet = Vec::new();
    socketio_packet(&mut packet);
    packet.push(0x1E);
    socketio_packet(&mut packet);
    for payload in [plain, line, stream, packet] {
        let mut masked = Vec::new();
        websocket::encode_masked(OpCode::Text, &payload, [5, 6, 7, 8], &mut masked);
        seeds.push(chunked(&payload));
        seeds.push(masked);
        seeds.push(payload);
    }
    for encode in [event::publication, extension::publication] {
        seeds.push(framed(|out| encode(&one, out)).0);
    }
    seeds.push(
        b"GET /a%20b?c=%C3%A4&d&=&%%1 HTTP/1.1\r\nHost: a\r\nbroken\r\nCookie: xxxx\r\n\r\n"
            .to_vec(),
    );
    seeds.push(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n".to_vec());
    seeds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn parts_always_cover_all_bytes(
        (bytes, kind, lane) in (bytes(), kinds(), 0..LANES.len()),
        is_up: bool,
        hidden in prop::collection::vec((0..300usize, 0..40usize), 0..4),
        inflated: Option<Vec<u8>>,
        (request, answer) in (prop::option::of(prop::sample::select(seeds())), prop::option::of(any::<Vec<u8>>())),
    ) {
        let direction = if is_up { Direction::Up } else { Direction::Down };
        let mut unit = unit(kind, direction, bytes);
        unit.size += 10;
        unit.inflated = inflated.filter(|inflated| inflated.len() % 3 == 0);
        unit.hidden = hidden
            .into_iter()
            .map(|(at, len)| Hidden { at, len, what: Secret::Token })
            .collect();
        let context = Context {
            lane: LANES[lane],
            request_head: request.as_deref(),
            answer_head: answer.as_deref(),
        };
        let parts = annotate(&unit, &context);
        check(&parts, &unit.bytes);
        prop_assert_eq!(layers_of(&parts).total(), unit.bytes.len() as u64);
        let _ = (title_of(&unit), status_of(&unit), method_of(&unit), is_empty_answer(&unit, &context));
        serde_json::to_vec(&parts).unwrap();
    }
}
