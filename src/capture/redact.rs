//! What is never kept of a piece: each secret's value is overwritten with `x` before the piece goes
//! anywhere, and where it stood is said.
//!
//! - header fields that prove who asks, and cookies;
//! - fields of a query, a form or JSON (at any depth of JSON in JSON) whose names say that they are
//!   keys, tokens, signatures or sessions;
//! - what a client of Socket.IO shows when it connects, and the session in the path of Pusher's
//!   fallbacks;
//! - what comes down for another channel than the one that is looked at, and what cannot be searched
//!   because it is a part of something longer;
//! - where [`Policy::Everything`] is asked for: every payload, and values of queries.

use memchr::memmem;

use super::{
    framing::{Piece, find},
    unit::{Direction, Hidden, Kind, Secret},
};
use crate::codec::websocket::{
    OpCode,
    header::{Header, Sender},
};

/// What is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Secrets: the connection is of whoever looks.
    Secrets,
    /// What people say, too: whoever looks sees heads and framing of other people's connections.
    Everything,
}

/// How a piece is to be read.
struct Rule<'a> {
    policy: Policy,
    direction: Direction,
    /// That is looked at.
    channel: &'a str,
}

/// Overwrites what must not be kept, and says where it was, in order.
pub fn redact(piece: &mut Piece, policy: Policy, channel: &str) -> Vec<Hidden> {
    let rule = Rule {
        policy,
        direction: piece.direction,
        channel,
    };
    let Piece {
        kind,
        bytes,
        direction,
        ..
    } = piece;
    let mut hidden = Vec::new();
    match kind {
        Kind::RequestHead | Kind::AnswerHead => {
            in_head(bytes, policy, &mut hidden);
            cover(bytes, &hidden, None);
        }
        Kind::Body => {
            in_content(bytes, 0, &rule, &mut hidden);
            cover(bytes, &hidden, None);
        }
        Kind::Chunk => {
            let from = find(bytes, b"\r\n").map_or(0, |line| line + 2);
            let upto = bytes.len().saturating_sub(2).max(from);
            match direction {
                // A client cuts where it likes.
                Direction::Up => hide(&mut hidden, from, upto - from, Secret::Cut),
                Direction::Down => in_content(&bytes[from..upto], from, &rule, &mut hidden),
            }
            cover(bytes, &hidden, None);
        }
        Kind::Frame => in_frame(bytes, &rule, &mut hidden),
    }
    hidden
}

/// Writes `x` over each hidden byte; `mask`: of a frame whose payload begins at that index, so that
/// it is an `x` once it is unmasked.
fn cover(bytes: &mut [u8], hidden: &[Hidden], mask: Option<(usize, [u8; 4])>) {
    for one in hidden {
        for (index, byte) in bytes.iter_mut().enumerate().skip(one.at).take(one.len) {
            *byte = match mask {
                Some((from, key)) => b'x' ^ key[(index - from) % 4],
                None => b'x',
            };
        }
    }
}

fn in_frame(bytes: &mut [u8], rule: &Rule<'_>, hidden: &mut Vec<Hidden>) {
    let sender = match rule.direction {
        Direction::Up => Sender::Client,
        Direction::Down => Sender::Server,
    };
    let Ok(Some(header)) = Header::parse(bytes, sender) else {
        return;
    };
    let from = header.header_bytes.min(bytes.len());
    let mask = header.mask.map(|key| (from, key));
    // A secret may go on from one fragment to the next.
    let is_fragment = !header.is_final || header.opcode == OpCode::Continuation;
    let is_binary = header.opcode == OpCode::Binary && rule.direction == Direction::Down;
    if rule.policy == Policy::Everything || is_binary {
        hide(hidden, from, bytes.len() - from, Secret::Message);
    } else if is_fragment {
        hide(hidden, from, bytes.len() - from, Secret::Cut);
    } else {
        let payload: Vec<u8> = match header.mask {
            None => bytes[from..].to_vec(),
            Some(key) => {
                let keys = key.iter().cycle();
                bytes[from..]
                    .iter()
                    .zip(keys)
                    .map(|(byte, key)| byte ^ key)
                    .collect()
            }
        };
        in_content(&payload, from, rule, hidden);
    }
    cover(bytes, hidden, mask);
}

fn hide(hidden: &mut Vec<Hidden>, at: usize, len: usize, what: Secret) {
    // Some are found twice, by two rules.
    let end = at + len;
    let at = hidden.last().map_or(at, |last| at.max(last.at + last.len));
    if end > at {
        hidden.push(Hidden {
            at,
            len: end - at,
            what,
        });
    }
}

/// What a field's name says of its value.
fn secret_called(name: &[u8]) -> Option<Secret> {
    let name = name.to_ascii_lowercase();
    let is = |words: &[&str]| words.iter().any(|word| name == word.as_bytes());
    let has = |words: &[&str]| {
        words
            .iter()
            .any(|word| find(&name, word.as_bytes()).is_some())
    };
    if has(&["cookie"]) {
        Some(Secret::Cookie)
    } else if has(&["signature"]) || is(&["auth", "sig", "shared_secret"]) {
        Some(Secret::Signature)
    } else if has(&["authorization"]) {
        Some(Secret::Authorization)
    } else if has(&["session"]) || is(&["sid", "pid", "private_id"]) {
        Some(Secret::SessionId)
    } else if has(&[
        "token",
        "secret",
        "password",
        "passwd",
        "api-key",
        "apikey",
        "api_key",
        "credential",
        "private-key",
        "private_key",
    ]) || is(&[
        "pushlab-tap",
        "x-source-key",
        "auth_key",
        "x-report-key",
        "report_key",
        "source_key",
        "jwt",
        "bearer",
    ]) {
        Some(Secret::Token)
    } else {
        None
    }
}

/// Fields of a query that say nothing of anybody.
const HARMLESS: [&str; 14] = [
    "offset",
    "epoch",
    "history",
    "hold_ms",
    "demo",
    "envelope",
    "transport",
    "eio",
    "protocol",
    "version",
    "flash",
    "b64",
    "t",
    "positions",
];

fn in_head(head: &[u8], policy: Policy, hidden: &mut Vec<Hidden>) {
    let mut at = 0;
    let mut is_first = true;
    // Why the value of the line before is hidden: a line that begins with a space goes on with it.
    let mut before = None;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let content = line.strip_suffix(b"\n").unwrap_or(line);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        if std::mem::take(&mut is_first) {
            let target = content
                .iter()
                .position(|byte| *byte == b' ')
                .map_or(0, |space| space + 1);
            if !content.starts_with(b"HTTP/") {
                let end = content
                    .iter()
                    .rposition(|byte| *byte == b' ')
                    .unwrap_or(content.len());
                if end > target {
                    in_address(&content[target..end], at + target, policy, hidden);
                }
            }
        } else if content
            .first()
            .is_some_and(|byte| matches!(byte, b' ' | b'\t'))
        {
            if let Some(secret) = before {
                hide(hidden, at, content.len(), secret);
            }
        } else if let Some(colon) = content.iter().position(|byte| *byte == b':') {
            let name = content[..colon].trim_ascii();
            let spaces = content[colon + 1..]
                .iter()
                .take_while(|byte| matches!(byte, b' ' | b'\t'));
            let value = colon + 1 + spaces.count();
            before = secret_called(name).filter(|_| !is_of_the_handshake(name));
            if let Some(secret) = before {
                hide(hidden, at + value, content.len() - value, secret);
            } else if [&b"referer"[..], b"location", b"content-location"]
                .iter()
                .any(|address| name.eq_ignore_ascii_case(address))
            {
                in_address(&content[value..], at + value, policy, hidden);
            }
        }
        at += line.len();
    }
}

/// Nonces, and words about credentials without one.
fn is_of_the_handshake(name: &[u8]) -> bool {
    [
        &b"sec-websocket-key"[..],
        b"access-control-allow-credentials",
    ]
    .iter()
    .any(|harmless| name.eq_ignore_ascii_case(harmless))
}

/// Path and query of an address.
fn in_address(address: &[u8], at: usize, policy: Policy, hidden: &mut Vec<Hidden>) {
    let path_end = address
        .iter()
        .position(|byte| matches!(byte, b'?' | b'#'))
        .unwrap_or(address.len());
    in_path(&address[..path_end], at, hidden);
    if path_end < address.len() {
        in_fields(&address[path_end + 1..], at + path_end + 1, policy, hidden);
    }
}

/// The presenter's token, and the session of `/pusher/app/KEY/SERVER/SESSION/xhr…`.
fn in_path(path: &[u8], at: usize, hidden: &mut Vec<Hidden>) {
    const UNLOCK: &[u8] = b"/presenter/unlock/";
    if let Some(found) = find(path, UNLOCK) {
        let from = found + UNLOCK.len();
        return hide(hidden, at + from, path.len() - from, Secret::Token);
    }
    let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if last.starts_with(b"xhr") && last.len() < path.len() {
        let end = path.len() - last.len() - 1;
        let from = path[..end]
            .iter()
            .rposition(|byte| *byte == b'/')
            .map_or(0, |slash| slash + 1);
        hide(hidden, at + from, end - from, Secret::SessionId);
    }
}

/// `a=b&c=d`, percent-encoded.
fn in_fields(fields: &[u8], at: usize, policy: Policy, hidden: &mut Vec<Hidden>) {
    let mut from = at;
    for pair in fields.split(|byte| matches!(byte, b'&' | b';')) {
        if let Some(equals) = pair.iter().position(|byte| *byte == b'=') {
            let name: Vec<u8> = percent_encoding::percent_decode(&pair[..equals]).collect();
            let is_harmless = HARMLESS
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
            let secret = secret_called(&name).or_else(|| {
                (policy == Policy::Everything && !is_harmless).then_some(Secret::Message)
            });
            if let Some(secret) = secret {
                hide(hidden, from + equals + 1, pair.len() - equals - 1, secret);
            }
        }
        from += pair.len() + 1;
    }
}

/// A body, a chunk's data, a frame's unmasked payload; `at`: where it stands in the piece.
fn in_content(content: &[u8], at: usize, rule: &Rule<'_>, hidden: &mut Vec<Hidden>) {
    let is_down = rule.direction == Direction::Down;
    if rule.policy == Policy::Everything || is_down && is_of_another(content, rule.channel) {
        return hide(hidden, at, content.len(), Secret::Message);
    }
    if !is_down && let Some(from) = socketio_connect(content) {
        return hide(hidden, at + from, content.len() - from, Secret::Token);
    }
    let is_form = content.contains(&b'=')
        && !content
            .iter()
            .any(|byte| matches!(byte, b'{' | b'"' | b'[' | b'\n'));
    match is_form {
        true => in_fields(content, at, rule.policy, hidden),
        false => in_json(content, at, hidden),
    }
}

/// Whether something in it is said to be of another channel, or is an event of Socket.IO (EVENT and
/// BINARY_EVENT, in Engine.IO's message) that is not said to be of this one: a client may be in other
/// channels and rooms by the same connection.
fn is_of_another(content: &[u8], channel: &str) -> bool {
    let mut from = 0;
    while let Some(field) = next_field(content, from) {
        from = field.value;
        if unescaped(&content[field.name.clone()]) == b"channel" {
            let end = value_end(content, field.value, field.backslashes);
            let value = &content[field.value + end.quoted..end.at - end.closing()];
            if end.quoted == 0 || value != channel.as_bytes() {
                return true;
            }
        }
    }
    content.split(|byte| *byte == 0x1E).any(|packet| {
        let is_event = packet.starts_with(b"42") || packet.starts_with(b"45");
        is_event && memmem::find(packet, channel.as_bytes()).is_none()
    })
}

/// Where the object starts that a client of Socket.IO shows when it connects: `40{…}`, `40/admin,{…}`
/// (Socket.IO 5, CONNECT), anywhere in a payload of several packets.
fn socketio_connect(content: &[u8]) -> Option<usize> {
    let mut from = 0;
    for packet in content.split(|byte| *byte == 0x1E) {
        if let Some(rest) = packet.strip_prefix(b"40")
            && let Some(object) = rest.iter().position(|byte| *byte == b'{')
            && (object == 0 || rest.starts_with(b"/"))
        {
            return Some(from + 2 + object);
        }
        from += packet.len() + 1;
    }
    None
}

/// Longest name of a field that is looked at.
const NAME_MAX_BYTES: usize = 200;

/// Values of secret fields in JSON, also in JSON within its strings: a quote counts with the
/// backslashes before it, and a name in quotes and a colon make a field at any depth.
fn in_json(json: &[u8], at: usize, hidden: &mut Vec<Hidden>) {
    let mut from = 0;
    while let Some(field) = next_field(json, from) {
        from = field.value;
        let Some(secret) = secret_called(&unescaped(&json[field.name.clone()])) else {
            continue;
        };
        let end = value_end(json, field.value, field.backslashes);
        let (start, stop) = (field.value + end.quoted, end.at - end.closing());
        if stop > start {
            hide(hidden, at + start, stop - start, secret);
        }
        from = end.at.max(field.value);
    }
}

struct Field {
    name: std::ops::Range<usize>,
    /// Backslashes before its quotes.
    backslashes: usize,
    /// Where its value begins.
    value: usize,
}

/// Index of the next quote, and how many backslashes stand before it.
fn next_quote(json: &[u8], from: usize) -> Option<(usize, usize)> {
    let quote = from + json.get(from..)?.iter().position(|byte| *byte == b'"')?;
    let before = json[from..quote].iter().rev();
    Some((quote, before.take_while(|byte| **byte == b'\\').count()))
}

fn next_field(json: &[u8], mut from: usize) -> Option<Field> {
    loop {
        let (open, backslashes) = next_quote(json, from)?;
        from = open + 1;
        let mut at = open + 1;
        // The closing quote has as many backslashes before it; with more it belongs to the name.
        let close = loop {
            match next_quote(json, at) {
                Some((close, same)) if same == backslashes && close - open <= NAME_MAX_BYTES => {
                    break Some(close);
                }
                Some((close, more)) if more > backslashes && close - open <= NAME_MAX_BYTES => {
                    at = close + 1
                }
                _ => break None,
            }
        };
        let Some(close) = close else { continue };
        let is_space = |byte: &&u8| byte.is_ascii_whitespace();
        let colon = close + 1 + json[close + 1..].iter().take_while(is_space).count();
        if json.get(colon) != Some(&b':') {
            continue;
        }
        let value = colon + 1 + json[colon + 1..].iter().take_while(is_space).count();
        return Some(Field {
            name: open + 1..close - backslashes,
            backslashes,
            value,
        });
    }
}

struct ValueEnd {
    at: usize,
    /// Bytes of each quote around it, with its backslashes; 0 without.
    quoted: usize,
    is_closed: bool,
}

impl ValueEnd {
    /// Bytes of the quote at its end.
    fn closing(&self) -> usize {
        if self.is_closed { self.quoted } else { 0 }
    }
}

/// Where a value ends that begins at `from`, within a text whose quotes have `backslashes` before
/// them. One that does not end goes to the end of all.
fn value_end(json: &[u8], from: usize, backslashes: usize) -> ValueEnd {
    let rest = &json[from.min(json.len())..];
    let is_string = rest.iter().take_while(|byte| **byte == b'\\').count() == backslashes
        && rest.get(backslashes) == Some(&b'"');
    if is_string {
        let mut at = from + backslashes + 1;
        while let Some((quote, more)) = next_quote(json, at) {
            if more <= backslashes {
                return ValueEnd {
                    at: quote + 1,
                    quoted: backslashes + 1,
                    is_closed: more == backslashes,
                };
            }
            at = quote + 1;
        }
        return ValueEnd {
            at: json.len(),
            quoted: backslashes + 1,
            is_closed: false,
        };
    }
    let mut depth = 0_usize;
    for (index, byte) in rest.iter().enumerate() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 1 => depth -= 1,
            b'}' | b']' if depth == 1 => {
                return ValueEnd {
                    at: from + index + 1,
                    quoted: 0,
                    is_closed: true,
                };
            }
            b'}' | b']' | b',' | b'\n' if depth == 0 => {
                return ValueEnd {
                    at: from + index,
                    quoted: 0,
                    is_closed: true,
                };
            }
            _ => {}
        }
    }
    ValueEnd {
        at: json.len(),
        quoted: 0,
        is_closed: true,
    }
}

/// A name with its `\u0061` and backslashes taken off, as far as that is needed to compare it.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut at = 0;
    while at < name.len() {
        if name[at] == b'\\' {
            at += 1;
            continue;
        }
        let is_escape = at > 0 && name[at - 1] == b'\\' && name[at] == b'u';
        let digits = name
            .get(at + 1..at + 5)
            .and_then(|four| std::str::from_utf8(four).ok());
        match digits.and_then(|four| u32::from_str_radix(four, 16).ok()) {
            Some(code) if is_escape => {
                plain.push(u8::try_from(code).unwrap_or(b'?'));
                at += 5;
            }
            _ => {
                plain.push(name[at]);
                at += 1;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::websocket::encode_masked;

    fn piece(kind: Kind, direction: Direction, bytes: &[u8]) -> Piece {
        Piece {
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

    /// What stands there afterwards.
    fn redacted(kind: Kind, direction: Direction, text: &str) -> String {
        let mut piece = piece(kind, direction, text.as_bytes());
        let hidden = redact(&mut piece, Policy::Secrets, "mine");
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
                "GET / HTTP/1.1\r\nReferer: http://a/b?token=zz\r\n\r\n",
                "GET / HTTP/1.1\r\nReferer: http://a/b?token=xx\r\n\r\n",
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
        let chunk = "10\r\ndata: {\"sid\":\"a\"}\r\n";
        assert_eq!(
            redacted(Kind::Chunk, Direction::Down, chunk),
            "10\r\ndata: {\"sid\":\"x\"}\r\n"
        );
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
            (r#"42["said",{"channel":"mine","data":1}]"#, false),
            (r#"42["said","in a room"]"#, true),
            (r#"431[{"offset":7}]"#, false),
            (
                r#"{"event":"pusher:connection_established","data":"{}"}"#,
                false,
            ),
        ] {
            for (kind, direction) in [(Kind::Body, Direction::Down), (Kind::Body, Direction::Up)] {
                let mut piece = piece(kind, direction, content.as_bytes());
                let hidden = redact(&mut piece, Policy::Secrets, "mine");
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
        let mut cut = piece(Kind::Chunk, Direction::Up, b"3\r\n:\"a\r\n");
        assert_eq!(
            redact(&mut cut, Policy::Secrets, "mine")[0].what,
            Secret::Cut
        );
    }

    #[test]
    fn a_masked_frame_is_hidden_after_unmasking() {
        let mut frame = Vec::new();
        encode_masked(OpCode::Text, br#"{"auth":"abc"}"#, [1, 2, 3, 4], &mut frame);
        let mut piece = piece(Kind::Frame, Direction::Up, &frame);
        let hidden = redact(&mut piece, Policy::Secrets, "mine");
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
            let hidden = redact(&mut piece, Policy::Everything, "mine");
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
                        let hidden = redact(&mut piece, policy, "mine");
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
}
