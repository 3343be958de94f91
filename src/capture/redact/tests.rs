//! What is overwritten, held against what stood there before.

use super::*;
use crate::codec::websocket::encode_masked;

fn piece(kind: Kind, direction: Direction, bytes: &[u8]) -> Piece {
    Piece {
        is_coded: false,
        exchange: 1,
        direction,
        kind,
        at: 0,
        first_us: 0,
        last_us: 0,
        size: bytes.len(),
        bytes: bytes.to_vec(),
    }
}

fn mine(protocol: &str, policy: Policy) -> Looking<'_> {
    Looking {
        policy,
        channel: "mine",
        protocol,
    }
}

/// What stands there afterwards.
fn redacted(kind: Kind, direction: Direction, text: &str) -> String {
    let mut piece = piece(kind, direction, text.as_bytes());
    let hidden = redact(&mut piece, &mine("pusher", Policy::Secrets));
    let after = String::from_utf8(piece.bytes).unwrap();
    assert_eq!(after.len(), text.len());
    for (index, (before, after)) in text.bytes().zip(after.bytes()).enumerate() {
        let is_hidden = hidden
            .iter()
            .any(|one| (one.at..one.at + one.len).contains(&index));
        assert_eq!(
            after,
            if is_hidden { b'x' } else { before },
            "{text} at {index}"
        );
    }
    after
}

#[test]
fn heads_keep_no_proof_of_who_asks() {
    for (head, expected) in [
        (
            "GET /presenter/unlock/s3cret HTTP/1.1\r\n\r\n",
            "GET /presenter/unlock/xxxxxx HTTP/1.1\r\n\r\n",
        ),
        (
            "GET /a?sid=abc&EIO=4&%73id=q HTTP/1.1\r\n\r\n",
            "GET /a?sid=xxx&EIO=4&%73id=x HTTP/1.1\r\n\r\n",
        ),
        (
            "POST /pusher/app/k/12/zzz/xhr_send?t=1 HTTP/1.1\r\n\r\n",
            "POST /pusher/app/k/12/xxx/xhr_send?t=1 HTTP/1.1\r\n\r\n",
        ),
        (
            "POST /apps/1/events?auth_key=k&auth_signature=ff HTTP/1.1\r\n\r\n",
            "POST /apps/1/events?auth_key=x&auth_signature=xx HTTP/1.1\r\n\r\n",
        ),
        (
            "GET / HTTP/1.1\r\ncookie:a=b\r\n c=d\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\r\ncookie:xxx\r\nxxxx\r\nHost: x\r\n\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\n\r\n",
            "HTTP/1.1 200 OK\r\nSet-Cookie: xxxxxxxxxxx\r\n\r\n",
        ),
        (
            "GET / HTTP/1.1\r\nAuthorization: Bearer t\r\nX-Csrf-Token: u\r\nSec-WebSocket-Key: abc==\r\n\r\n",
            "GET / HTTP/1.1\r\nAuthorization: xxxxxxxx\r\nX-Csrf-Token: x\r\nSec-WebSocket-Key: abc==\r\n\r\n",
        ),
        (
            "GET / HTTP/1.1\r\nX-Our-Own: t\r\nCf-Access-Jwt-Assertion: u\r\nSEC-CH-UA: v\r\n\r\n",
            "GET / HTTP/1.1\r\nX-Our-Own: x\r\nCf-Access-Jwt-Assertion: x\r\nSEC-CH-UA: v\r\n\r\n",
        ),
        (
            "POST /pusher/app/k/12/zzz/%78hr_send HTTP/1.1\r\nReferer: http://me:pw@h/presenter/%75nlock/t\r\n\r\n",
            "POST /pusher/app/k/12/xxx/%78hr_send HTTP/1.1\r\nReferer: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n\r\n",
        ),
        (
            "GET /a?%2574oken=q&key=r HTTP/1.1\r\nReferer: http://me:pw@h/\r\n\r\n",
            "GET /a?%2574oken=x&key=x HTTP/1.1\r\nReferer: http://xxxxx@h/\r\n\r\n",
        ),
        (
            "GET / HTTP/1.1\r\nReferer: http://a/b?token=zz\r\n\r\n",
            "GET / HTTP/1.1\r\nReferer: http://a/b?token=xx\r\n\r\n",
        ),
        // A phone's page in a class.
        (
            "POST /api/class/report HTTP/1.1\r\nReferer: http://a/phone?code=K4T7&auth=zz\r\nCookie: p=q\r\n\r\n",
            "POST /api/class/report HTTP/1.1\r\nReferer: http://a/phone?code=xxxx&auth=xx\r\nCookie: xxx\r\n\r\n",
        ),
    ] {
        let (kind, direction) = match head.starts_with("HTTP") {
            true => (Kind::AnswerHead, Direction::Down),
            false => (Kind::RequestHead, Direction::Up),
        };
        assert_eq!(redacted(kind, direction, head), expected);
    }
}

#[test]
fn secrets_in_json_are_hidden_at_any_depth_of_strings() {
    for (json, expected) in [
        (
            r#"{"auth":"k:f0","channel":"mine"}"#,
            r#"{"auth":"xxxx","channel":"mine"}"#,
        ),
        (
            r#"{"data":"{\"auth\":\"k\",\"n\":1}"}"#,
            r#"{"data":"{\"auth\":\"x\",\"n\":1}"}"#,
        ),
        (
            r#"a["{\"data\":\"{\\\"token\\\":\\\"zz\\\"}\"}"]"#,
            r#"a["{\"data\":\"{\\\"token\\\":\\\"xx\\\"}\"}"]"#,
        ),
        (
            r#"{"password" : {"a":[1,2]},"b":2}"#,
            r#"{"password" : xxxxxxxxxxx,"b":2}"#,
        ),
        (
            r#"{"\u0061uth":"ab","secret":12}"#,
            r#"{"\u0061uth":"xx","secret":xx}"#,
        ),
        (
            r#"{"author":"ada","authors":[1]}"#,
            r#"{"author":"ada","authors":[1]}"#,
        ),
        (r#"{"auth":"never ends"#, r#"{"auth":"xxxxxxxxxx"#),
        (
            r#"0{"sid":"abc","upgrades":[]}"#,
            r#"0{"sid":"xxx","upgrades":[]}"#,
        ),
        ("socket_id=1.2&auth=k:f", "socket_id=1.2&auth=xxx"),
    ] {
        assert_eq!(redacted(Kind::Body, Direction::Down, json), expected);
    }
    let connect = "40/admin,{\"user\":\"me\"}";
    assert_eq!(
        redacted(Kind::Body, Direction::Up, connect),
        "40/admin,xxxxxxxxxxxxx"
    );
    let queries = "2\u{1e}40/a?token=zz,\u{1e}42/b?c=d,[\"n\",1]";
    assert_eq!(
        redacted(Kind::Body, Direction::Up, queries),
        "2\u{1e}40/a?xxxxxxxx,\u{1e}42/b?xxx,[\"n\",1]"
    );
    let chunk = "10\r\ndata: {\"sid\":\"a\"}\r\n";
    assert_eq!(
        redacted(Kind::Chunk, Direction::Down, chunk),
        "10\r\ndata: {\"sid\":\"x\"}\r\n"
    );
}

#[test]
fn what_is_compressed_is_hidden_whole() {
    for (kind, expected) in [(Kind::Body, "xxxxxxxxxx"), (Kind::Chunk, "5\r\nxxxxx\r\n")] {
        for direction in [Direction::Up, Direction::Down] {
            let mut coded = piece(kind, direction, b"5\r\nabcde\r\n");
            coded.is_coded = true;
            redact(&mut coded, &mine("plain", Policy::Secrets));
            assert_eq!(coded.bytes, expected.as_bytes());
        }
    }
}

#[test]
fn what_comes_down_for_other_channels_is_hidden_whole() {
    for (content, is_hidden) in [
        (
            r#"{"event":"said","channel":"mine","data":"{\"n\":1}"}"#,
            false,
        ),
        (
            r#"{"event":"said","channel":"private-theirs","data":"x"}"#,
            true,
        ),
        (r#"a["{\"event\":\"said\",\"channel\":\"theirs\"}"]"#, true),
        (r#"{"channel":7}"#, true),
        (
            r#"{"channel":"mine","data":"{\"channel\":\"news\"}"}"#,
            false,
        ),
        (
            r#"{"event":"pusher:connection_established","data":"{}"}"#,
            false,
        ),
    ] {
        for (kind, direction) in [(Kind::Body, Direction::Down), (Kind::Body, Direction::Up)] {
            let mut piece = piece(kind, direction, content.as_bytes());
            let hidden = redact(&mut piece, &mine("pusher", Policy::Secrets));
            let whole = Hidden {
                at: 0,
                len: content.len(),
                what: Secret::Message,
            };
            let expected = if is_hidden && direction == Direction::Down {
                vec![whole]
            } else {
                vec![]
            };
            assert_eq!(hidden, expected, "{content}");
        }
    }
    for (content, is_hidden) in [
        (
            r#"42["said",{"channel":"mine","data":{"channel":"news"}}]"#,
            false,
        ),
        (r#"42["said",{"channel":"theirs","data":1}]"#, true),
        (r#"42["said","in a room"]"#, true),
        (r#"431[{"offset":7}]"#, false),
        (
            "42[\"said\",{\"channel\":\"mine\"}]\u{1e}42[\"said\",{\"channel\":\"theirs\"}]",
            true,
        ),
    ] {
        let mut piece = piece(Kind::Body, Direction::Down, content.as_bytes());
        let hidden = redact(&mut piece, &mine("socketio", Policy::Secrets));
        assert_eq!(!hidden.is_empty(), is_hidden, "{content}");
    }
    let own = br#"{"channel":"mine","data":{"channel":"news"}}"#;
    let mut plain = piece(Kind::Body, Direction::Down, own);
    assert_eq!(redact(&mut plain, &mine("plain", Policy::Secrets)), []);
    let mut cut = piece(Kind::Chunk, Direction::Up, b"3\r\n:\"a\r\n");
    assert_eq!(
        redact(&mut cut, &mine("plain", Policy::Secrets))[0].what,
        Secret::Cut
    );
}

#[test]
fn a_masked_frame_is_hidden_after_unmasking() {
    let mut frame = Vec::new();
    encode_masked(OpCode::Text, br#"{"auth":"abc"}"#, [1, 2, 3, 4], &mut frame);
    let mut piece = piece(Kind::Frame, Direction::Up, &frame);
    let hidden = redact(&mut piece, &mine("pusher", Policy::Secrets));
    assert_eq!(
        hidden,
        [Hidden {
            at: 6 + 9,
            len: 3,
            what: Secret::Signature
        }]
    );
    let plain: Vec<u8> = piece.bytes[6..]
        .iter()
        .zip([1, 2, 3, 4].iter().cycle())
        .map(|(byte, key)| byte ^ key)
        .collect();
    assert_eq!(plain, br#"{"auth":"xxx"}"#);
}

#[test]
fn nothing_of_a_payload_is_kept_where_everything_is_hidden() {
    let mut frame = Vec::new();
    encode_masked(OpCode::Text, b"hello", [1, 2, 3, 4], &mut frame);
    for (kind, direction, bytes, from) in [
        (Kind::Frame, Direction::Up, &frame[..], 6),
        (Kind::Body, Direction::Down, b"hello", 0),
        (Kind::Chunk, Direction::Down, b"5\r\nhello\r\n", 3),
    ] {
        let mut piece = piece(kind, direction, bytes);
        let hidden = redact(&mut piece, &mine("plain", Policy::Everything));
        assert_eq!(
            hidden,
            [Hidden {
                at: from,
                len: 5,
                what: Secret::Message
            }]
        );
    }
}

proptest::proptest! {
    #[test]
    fn hidden_parts_are_in_order_and_within(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
        text in r#"[\\"a-z:{}\[\], =&?x]{0,200}"#,
        everything: bool,
    ) {
        let policy = if everything { Policy::Everything } else { Policy::Secrets };
        for content in [&bytes[..], text.as_bytes()] {
            for kind in [Kind::RequestHead, Kind::AnswerHead, Kind::Body, Kind::Chunk, Kind::Frame] {
                for direction in [Direction::Up, Direction::Down] {
                    let mut piece = piece(kind, direction, content);
                    let hidden = redact(&mut piece, &mine("socketio", policy));
                    let mut end = 0;
                    for one in hidden {
                        assert!(one.at >= end && one.len > 0);
                        end = one.at + one.len;
                    }
                    assert!(end <= content.len());
                }
            }
        }
    }
}
