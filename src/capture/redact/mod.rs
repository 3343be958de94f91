//! What is never kept of a piece: each secret's value is overwritten with `x` before the piece goes
//! anywhere, and where it stood is said.
//!
//! - header fields that prove who asks, and cookies;
//! - fields of a query, a form or JSON (at any depth of JSON in JSON) whose names say that they are
//!   keys, tokens, signatures or sessions;
//! - what a client of Socket.IO shows when it connects, and the session in the path of Pusher's
//!   fallbacks;
//! - what comes down for another channel than the one that is looked at, and what cannot be searched,
//!   because it is a part of something longer or is compressed;
//! - where [`Policy::Everything`] is asked for: every payload, and values of queries.

mod names;
#[cfg(test)]
mod tests;

use self::names::{ADDRESSES, is_harmless, is_key, secret_called, secret_of_header};
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

/// Who looks at what.
#[derive(Debug, Clone, Copy)]
pub struct Looking<'a> {
    /// What must not be kept.
    pub policy: Policy,
    /// That is looked at.
    pub channel: &'a str,
    /// The lane's, as the catalogue calls it.
    pub protocol: &'a str,
}

/// How a piece is to be read.
struct Rule<'a> {
    policy: Policy,
    direction: Direction,
    looking: Looking<'a>,
}

/// Overwrites what must not be kept, and says where it was, in order.
pub fn redact(piece: &mut Piece, looking: &Looking<'_>) -> Vec<Hidden> {
    let policy = looking.policy;
    let rule = Rule {
        policy,
        direction: piece.direction,
        looking: *looking,
    };
    let Piece {
        kind,
        bytes,
        direction,
        is_coded,
        ..
    } = piece;
    let mut hidden = Vec::new();
    match kind {
        Kind::RequestHead | Kind::AnswerHead => {
            in_head(bytes, policy, &mut hidden);
            cover(bytes, &hidden, None);
        }
        Kind::Body => {
            match is_coded {
                // Whoever has it can inflate it.
                true => hide(&mut hidden, 0, bytes.len(), Secret::Cut),
                false => in_content(bytes, 0, &rule, &mut hidden),
            }
            cover(bytes, &hidden, None);
        }
        Kind::Chunk => {
            let from = find(bytes, b"\r\n").map_or(0, |line| line + 2);
            let upto = bytes.len().saturating_sub(2).max(from);
            match direction {
                _ if *is_coded => hide(&mut hidden, from, upto - from, Secret::Cut),
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
    let Ok(Some(header)) = Header::parse_as(bytes, sender, true) else {
        hide(hidden, 0, bytes.len(), Secret::Cut);
        return cover(bytes, hidden, None);
    };
    let from = header.header_bytes.min(bytes.len());
    let mask = header.mask.map(|key| (from, key));
    // A secret may go on from one fragment to the next, and what is compressed can be inflated.
    let is_fragment =
        !header.is_final || header.is_compressed || header.opcode == OpCode::Continuation;
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
            before = secret_of_header(name, policy);
            if let Some(secret) = before {
                hide(hidden, at + value, content.len() - value, secret);
            } else if ADDRESSES
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
            {
                in_address(&content[value..], at + value, policy, hidden);
            }
        }
        at += line.len();
    }
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
    // Written in another way: then nothing of it.
    if find(&decoded(path), UNLOCK).is_some() {
        return hide(hidden, at, path.len(), Secret::Token);
    }
    // Whoever is named before the host of an address.
    if let Some(host) = find(path, b"://").map(|scheme| scheme + 3) {
        let end = path[host..].iter().position(|byte| *byte == b'/');
        let authority = &path[host..end.map_or(path.len(), |end| host + end)];
        if let Some(user) = authority.iter().rposition(|byte| *byte == b'@') {
            hide(hidden, at + host, user, Secret::Authorization);
        }
    }
    let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if decoded(last).starts_with(b"xhr") && last.len() < path.len() {
        let end = path.len() - last.len() - 1;
        let from = path[..end]
            .iter()
            .rposition(|byte| *byte == b'/')
            .map_or(0, |slash| slash + 1);
        hide(hidden, at + from, end - from, Secret::SessionId);
    }
}

/// Without percent-encoding, also where that was done twice.
fn decoded(text: &[u8]) -> Vec<u8> {
    let once: Vec<u8> = percent_encoding::percent_decode(text).collect();
    percent_encoding::percent_decode(&once).collect()
}

/// `a=b&c=d`, percent-encoded.
fn in_fields(fields: &[u8], at: usize, policy: Policy, hidden: &mut Vec<Hidden>) {
    let mut from = at;
    for pair in fields.split(|byte| matches!(byte, b'&' | b';')) {
        let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(equals) => (decoded(&pair[..equals]), equals + 1),
            None => (Vec::new(), 0),
        };
        let secret = match policy {
            Policy::Secrets => secret_called(&name).or_else(|| is_key(&name)),
            Policy::Everything => (!is_harmless(&name, &pair[value..])).then_some(Secret::Message),
        };
        if let Some(secret) = secret {
            hide(hidden, from + value, pair.len() - value, secret);
        }
        from += pair.len() + 1;
    }
}

/// A body, a chunk's data, a frame's unmasked payload; `at`: where it stands in the piece.
fn in_content(content: &[u8], at: usize, rule: &Rule<'_>, hidden: &mut Vec<Hidden>) {
    let is_down = rule.direction == Direction::Down;
    if rule.policy == Policy::Everything || is_down && is_of_another(content, &rule.looking) {
        return hide(hidden, at, content.len(), Secret::Message);
    }
    for (from, to) in namespace_queries(content) {
        hide(hidden, at + from, to - from, Secret::Token);
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

/// Whether something in it is of another channel: a client of Pusher Channels or Socket.IO may be in
/// several, and in rooms, by one connection. In the plain protocol a connection has one channel, and
/// what is called so is the application's own data.
fn is_of_another(content: &[u8], looking: &Looking<'_>) -> bool {
    match looking.protocol {
        "pusher" => channels_in(content).any(|channel| channel != looking.channel.as_bytes()),
        "socketio" => content.split(|byte| *byte == 0x1E).any(|packet| {
            let first = channels_in(packet).next();
            // EVENT and BINARY_EVENT, in Engine.IO's message.
            let is_event = packet.starts_with(b"42") || packet.starts_with(b"45");
            match first {
                Some(channel) => channel != looking.channel.as_bytes(),
                None => is_event,
            }
        }),
        _ => false,
    }
}

/// Values of the fields called `channel` that are not within a string of the data: all at the depth of
/// the first field there is. Of one that is no string: nothing, which is no channel's name.
fn channels_in(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let depth = next_field(content, 0).map_or(0, |field| field.backslashes);
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(field) = next_field(content, from) {
            from = field.value;
            let is_here = field.backslashes <= depth;
            if is_here && unescaped(&content[field.name.clone()]) == b"channel" {
                let end = value_end(content, field.value, field.backslashes);
                return Some(match end.quoted {
                    0 => &[][..],
                    quoted => &content[field.value + quoted..end.at - end.closing()],
                });
            }
        }
        None
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

/// What follows `?` in the namespaces of Socket.IO packets (`40/ns?token=…,`), which older clients
/// send: from where to where, of each packet of a payload.
fn namespace_queries(content: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    for packet in content.split(|byte| *byte == 0x1E) {
        let end = packet.iter().position(|byte| *byte == b',');
        let namespace = &packet[..end.unwrap_or(packet.len())];
        let is_message = namespace.first() == Some(&b'4')
            && namespace.get(1).is_some_and(u8::is_ascii_digit)
            && namespace.contains(&b'/');
        if is_message && let Some(query) = namespace.iter().position(|byte| *byte == b'?') {
            found.push((from + query + 1, from + namespace.len()));
        }
        from += packet.len() + 1;
    }
    found
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
