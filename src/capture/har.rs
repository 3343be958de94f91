//! Units as an HTTP archive (HAR 1.2, <http://www.softwareishard.com/blog/har-12-spec/>), which browsers'
//! network panels open.
//!
//! An entry is an exchange: a request and what answered it. Frames after an upgrade are under
//! `_webSocketMessages`, as Chrome writes them. Sizes are those on the wire; what is hidden is shown as its
//! size, and what was not kept is said in a comment. Fields with `_` are not the standard's (§ Custom
//! fields).

mod body;
mod frame;
mod head;

use std::{
    borrow::Borrow,
    collections::BTreeMap,
    time::{Duration, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};

use self::{body::Body, head::Head};
use super::{
    Direction, Hidden, Kind, Unit,
    about::{About, bytes, word},
};
use crate::catalogue::LaneId;

const VERSION: &str = "1.2";
/// What the standard says for a size or a time that is not known.
const UNKNOWN: i64 = -1;

/// The archive. Entries are in the order in which their first bytes came.
pub fn har<U: Borrow<Unit>>(units: &[U], about: &About) -> Value {
    let mut exchanges: BTreeMap<(LaneId, u32, u32), Vec<&Unit>> = BTreeMap::new();
    for unit in units.iter().map(Borrow::borrow) {
        let key = (unit.lane, unit.connection, unit.exchange);
        exchanges.entry(key).or_default().push(unit);
    }
    let mut entries: Vec<(u64, Value)> = exchanges
        .into_values()
        .filter_map(|units| {
            let exchange = Exchange::of(units)?;
            Some((exchange.began_us, exchange.entry(about)))
        })
        .collect();
    entries.sort_by_key(|(us, _)| *us);
    json!({ "log": {
        "version": VERSION,
        "creator": { "name": "pushlab", "version": env!("CARGO_PKG_VERSION") },
        "pages": [],
        "entries": entries.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>(),
        "comment": log_comment(about),
    }})
}

fn log_comment(about: &About) -> String {
    let mut said = format!(
        "pushlab's tap on channel {}, as the server saw it: times begin when the first byte of a request was \
         read there. Secrets were never kept; their sizes stand where they were. Chunked bodies: bodySize \
         with chunk sizes and line ends, content.size without.",
        about.channel
    );
    if about.is_tls {
        said += " The lanes speak TLS; sizes are those before encryption.";
    }
    for (lane, dropped) in about
        .dropped_units
        .iter()
        .filter(|(_, dropped)| **dropped > 0)
    {
        said += &format!(" {lane}: {dropped} earlier units were not kept.");
    }
    said
}

/// One request and all that followed it, in the order of its units.
struct Exchange<'u> {
    units: Vec<&'u Unit>,
    began_us: u64,
    ended_us: u64,
    request: Option<&'u Unit>,
    /// The last answer's that is no interim one, or the one that switches protocols.
    answer: Option<&'u Unit>,
}

impl<'u> Exchange<'u> {
    /// `None` without units.
    fn of(mut units: Vec<&'u Unit>) -> Option<Self> {
        units.sort_by_key(|unit| unit.n);
        let is_answer = |unit: &&&Unit| {
            let status = || head::status(&unit.bytes);
            unit.kind == Kind::AnswerHead
                && status().is_none_or(|status| status == 101 || status >= 200)
        };
        Some(Self {
            began_us: units.iter().map(|unit| unit.first_us).min()?,
            ended_us: units.iter().map(|unit| unit.last_us).max()?,
            request: units
                .iter()
                .find(|unit| unit.kind == Kind::RequestHead)
                .copied(),
            answer: units.iter().rev().find(is_answer).copied(),
            units,
        })
    }

    fn of_direction(&self, direction: Direction) -> impl Iterator<Item = &'u Unit> + Clone {
        let units = self.units.iter().copied();
        units.filter(move |unit| unit.direction == direction)
    }

    fn entry(&self, about: &About) -> Value {
        let lane_id = self.units.first().map_or(LaneId::MAIN, |unit| unit.lane);
        let connection = self.units.first().map_or(0, |unit| unit.connection);
        let request_head = self.request.map(Head::of);
        let answer_head = self.answer.map(Head::of);
        let sent = Body::of(self.of_direction(Direction::Up));
        let received = Body::of(self.of_direction(Direction::Down));
        let messages: Vec<Value> = self
            .units
            .iter()
            .filter(|unit| unit.kind == Kind::Frame)
            .filter_map(|unit| frame::message(unit))
            .collect();
        let is_upgraded = self
            .answer
            .is_some_and(|answer| head::status(&answer.bytes) == Some(101));
        let ended = about.ended.get(&(lane_id, connection));

        let mut said = vec![format!("Lane {lane_id}, connection {connection}.")];
        if self.request.is_none() {
            said.push("The request was not kept.".to_owned());
        }
        if self.answer.is_none() {
            said.push(match ended {
                None => "Not answered yet.".to_owned(),
                Some(_) => "The connection ended before an answer.".to_owned(),
            });
        } else if is_upgraded {
            match ended {
                None => said.push("The WebSocket had not ended.".to_owned()),
                Some(ended) => {
                    let after_ms = milliseconds(self.began_us, ended.us);
                    said.push(format!(
                        "The WebSocket's connection ended after {after_ms} ms."
                    ));
                }
            }
        } else if !received.is_whole(answer_head.as_ref(), request_head.as_ref()) {
            said.push(match ended {
                None => "The answer had not ended.".to_owned(),
                Some(_) => "The connection ended before the answer was whole.".to_owned(),
            });
        }
        let withheld = self
            .units
            .iter()
            .map(|unit| unit.size.saturating_sub(unit.bytes.len()) as u64);
        match withheld.sum::<u64>() {
            0 => {}
            lost => said.push(format!("{} of it were not kept.", bytes(lost))),
        }

        let mut entry = json!({
            "startedDateTime": rfc3339(self.began_us),
            "time": milliseconds(self.began_us, self.ended_us),
            "request": request(self.request, request_head, &sent, &origin(lane_id, about, is_upgraded)),
            "response": response(self.answer, answer_head, &received),
            "cache": {},
            "timings": self.timings(),
            "connection": format!("{lane_id} {connection}"),
            "comment": said.join(" "),
        });
        if is_upgraded || !messages.is_empty() {
            entry["_resourceType"] = json!("websocket");
            entry["_webSocketMessages"] = Value::Array(messages);
        }
        entry
    }

    /// The three that are required, and those that a server cannot see as not known. Their sum is the
    /// entry's `time`.
    fn timings(&self) -> Value {
        // What an answer, or what follows an upgrade, waited for.
        let heads_end = self.answer.map_or(self.ended_us, |answer| answer.first_us);
        let before = |unit: &&&Unit| unit.direction == Direction::Up && unit.kind != Kind::Frame;
        let sent = self
            .units
            .iter()
            .filter(before)
            .map(|unit| unit.last_us)
            .max();
        let sent_us = sent
            .unwrap_or(self.began_us)
            .min(heads_end)
            .max(self.began_us);
        let answered_us = heads_end.clamp(sent_us, self.ended_us.max(sent_us));
        json!({
            "blocked": UNKNOWN, "dns": UNKNOWN, "connect": UNKNOWN, "ssl": UNKNOWN,
            "send": milliseconds(self.began_us, sent_us),
            "wait": milliseconds(sent_us, answered_us),
            "receive": milliseconds(answered_us, self.ended_us),
        })
    }
}

/// Scheme, and where the lane is for a request that does not say.
fn origin(id: LaneId, about: &About, is_upgraded: bool) -> (&'static str, String) {
    let scheme = match (is_upgraded, about.is_tls) {
        (true, false) => "ws",
        (true, true) => "wss",
        (false, false) => "http",
        (false, true) => "https",
    };
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let host = match about.host.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        _ => &about.host,
    };
    let port = about.ports.get(&id).map(|port| format!(":{port}"));
    (scheme, format!("{host}{}", port.unwrap_or_default()))
}

fn request(
    unit: Option<&Unit>,
    head: Option<Head>,
    body: &Body<'_>,
    (scheme, address): &(&str, String),
) -> Value {
    let head = head.unwrap_or_default();
    let [method, target, version] = head.line;
    let host = head
        .headers
        .iter()
        .find(|header| header.0.eq_ignore_ascii_case("host"));
    let host = host.map_or(address.as_str(), |header| &header.1);
    let url = match target.as_str() {
        "" => String::new(),
        // What is shown instead of something hidden has spaces.
        target if target.starts_with('/') => {
            format!("{scheme}://{host}{}", target.replace(' ', "%20"))
        }
        target => target.to_owned(),
    };
    let mime = head::value(&head.headers, "content-type")
        .unwrap_or_default()
        .to_owned();
    let query: Vec<Value> = target
        .split_once('?')
        .map(|(_, query)| query)
        .into_iter()
        .flat_map(|query| url::form_urlencoded::parse(query.as_bytes()))
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let mut request = json!({
        "method": method,
        "url": url,
        "httpVersion": version,
        "cookies": [],
        "headers": headers(&head.headers),
        "queryString": query,
        "headersSize": unit.map_or(UNKNOWN, |unit| unit.size as i64),
        "bodySize": body.wire_bytes,
    });
    if body.wire_bytes > 0 {
        let mut post = Map::new();
        post.insert("mimeType".to_owned(), json!(mime));
        post.insert("params".to_owned(), json!([]));
        // There is no `encoding` here as there is for answers.
        post.insert("text".to_owned(), json!(body.text().unwrap_or_default()));
        if let Some(said) = body.comment() {
            post.insert("comment".to_owned(), json!(said));
        }
        request["postData"] = Value::Object(post);
    }
    request
}

fn response(unit: Option<&Unit>, head: Option<Head>, body: &Body<'_>) -> Value {
    let head = head.unwrap_or_default();
    let [version, status, reason] = head.line;
    let mime = head::value(&head.headers, "content-type").unwrap_or_default();
    let mut content = json!({ "size": body.content_bytes, "mimeType": mime });
    match body.text() {
        Some(text) => content["text"] = json!(text),
        None => {
            content["text"] = json!(body.base64());
            content["encoding"] = json!("base64");
        }
    }
    if let Some(said) = body.comment() {
        content["comment"] = json!(said);
    }
    json!({
        "status": status.parse::<u16>().unwrap_or(0),
        "statusText": reason,
        "httpVersion": version,
        "cookies": [],
        "headers": headers(&head.headers),
        "content": content,
        "redirectURL": head::value(&head.headers, "location").unwrap_or_default(),
        "headersSize": unit.map_or(UNKNOWN, |unit| unit.size as i64),
        "bodySize": if unit.is_some() { body.wire_bytes as i64 } else { UNKNOWN },
    })
}

fn headers(headers: &[(String, String)]) -> Vec<Value> {
    let each = headers.iter();
    each.map(|(name, value)| json!({ "name": name, "value": value }))
        .collect()
}

fn milliseconds(from_us: u64, to_us: u64) -> f64 {
    to_us.saturating_sub(from_us) as f64 / 1_000.0
}

fn rfc3339(us: u64) -> String {
    let since = UNIX_EPOCH + Duration::from_micros(us);
    humantime::format_rfc3339_micros(since).to_string()
}

/// How something hidden is shown where it was.
fn shown(hidden: &Hidden, count: usize) -> String {
    format!("(hidden, {}: {})", bytes(count as u64), word(hidden.what))
}

/// What is hidden of `from..to`, in order: where it is from `from` on, and what is shown there.
fn hidden_in(unit: &Unit, from: usize, to: usize) -> Vec<(std::ops::Range<usize>, String)> {
    let each = unit.hidden.iter().filter_map(|hidden| {
        let begins = hidden.at.max(from);
        let ends = hidden.at.saturating_add(hidden.len).min(to);
        let range = begins.checked_sub(from)?..ends.checked_sub(from)?;
        let count = range.len();
        (count > 0).then(|| (range, shown(hidden, count)))
    });
    each.collect()
}

/// Bytes with what is hidden of them replaced.
fn replaced(bytes: &[u8], hidden: &[(std::ops::Range<usize>, String)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for (range, shown) in hidden {
        out.extend(bytes.get(done..range.start).unwrap_or_default());
        out.extend(shown.as_bytes());
        done = range.end;
    }
    out.extend(bytes.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
