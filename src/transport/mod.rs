//! How bytes travel: one file per transport, all in the same inner order (registration, handler,
//! session, tests), so that two can be read side by side.
//!
//! A new transport is a new file and one line in [`ALL`]. Here is what they have in common: the
//! query every one of them takes, the labels that requests are metered under, the way from a
//! position to now ([`catch_up`]), reading a [`body`], and the plain HTTP API beside them ([`http_api`]).

pub mod body;
pub mod catch_up;
pub mod http_api;
pub mod long_poll;
pub mod short_poll;
pub mod sse;
pub mod websocket;

use std::sync::Arc;

use actix_codec::Framed;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, Version, header},
    web,
};
use futures_util::future::LocalBoxFuture;
use serde::Deserialize;

use crate::{
    channel::{
        BadPosition, ChannelName, Epoch, ID_MAX_BYTES, StreamPosition,
        history::{Recovery, Start},
        is_name_byte,
        presence::Via,
    },
    codec::envelope,
    error::{Code, Refusal},
    lab::{LaneWorker, OfConnection},
    lane::{
        LaneId,
        booking::Message,
        meter::{Labels, OnWritten},
        stream::LaneStream,
    },
    node::Who,
};

/// A request to upgrade, and the connection it came by with all that was read of it.
pub type Upgrade = (
    actix_http::Request,
    Framed<LaneStream, actix_http::h1::Codec>,
);

/// Takes over a connection that asks to be upgraded.
pub type TakeOver = fn(Arc<LaneWorker>, Upgrade) -> LocalBoxFuture<'static, ()>;

/// What a transport registers.
pub struct Transport {
    /// Its own lane.
    pub lane: LaneId,
    /// Lanes of its siblings that serve it as well, for clients that fall back from one to another
    /// on the same port. The main lane serves everything.
    pub also_on: &'static [LaneId],
    /// Label: how bytes travel.
    pub name: &'static str,
    /// Label: what they mean.
    pub protocol: &'static str,
    /// For people.
    pub label: &'static str,
    /// Its addresses start with this; siblings may share it.
    pub path: &'static str,
    /// The channel under which a connection is metered, from what follows `path` and from the
    /// query; `None` if that is nothing of this transport's.
    pub metered_as: fn(&str, &str) -> Option<Arc<str>>,
    pub configure: fn(&mut web::ServiceConfig),
    /// Takes over connections that ask to be upgraded below `path`.
    pub upgrade: Option<TakeOver>,
}

impl Transport {
    /// An address that it answers, in words, with the channel `news` where one is in the path.
    pub fn example(&self) -> String {
        let path = self.path;
        match (self.protocol, self.name) {
            ("plain", "websocket") => format!("new WebSocket(\"ws://HOST:PORT{path}news\")"),
            ("plain", _) => format!("GET {path}news"),
            ("pusher", _) => "pusher-js, whose settings the console page shows".to_owned(),
            _ => format!("socket.io-client, at {path}"),
        }
    }

    /// What presence says of who is attached by it.
    pub const fn via(&self) -> Via {
        Via {
            transport: self.name,
            protocol: self.protocol,
        }
    }
}

/// Every transport, in the order in which the lanes take their ports.
pub const ALL: &[&Transport] = &[
    &short_poll::TRANSPORT,
    &long_poll::TRANSPORT,
    &sse::TRANSPORT,
    &websocket::TRANSPORT,
    &crate::protocol::pusher::TRANSPORT,
    &crate::protocol::pusher::fallback::streaming::TRANSPORT,
    &crate::protocol::pusher::fallback::polling::TRANSPORT,
    &crate::protocol::socketio::POLLING,
    &crate::protocol::socketio::WEBSOCKET,
];

/// [`Transport::metered_as`] where the channel's name follows the path.
pub fn named_channel(rest: &str, _query: &str) -> Option<Arc<str>> {
    Some(channel_in_path(rest).ok()?.as_str().into())
}

/// [`Transport::metered_as`] of a connection that says only later which channel it is for.
pub const NO_CHANNEL: &str = "(none)";

/// What a lane serves: the main lane everything, the others their own transport and those that say
/// so.
pub fn on_lane(lane: LaneId) -> impl Iterator<Item = &'static Transport> {
    let is_served = move |transport: &&Transport| {
        lane == LaneId::MAIN || lane == transport.lane || transport.also_on.contains(&lane)
    };
    ALL.iter().copied().filter(is_served)
}

/// Whose request this is, and the channel under which it is metered.
fn served(lane: LaneId, path: &str, query: &str) -> Option<(&'static Transport, Arc<str>)> {
    on_lane(lane).find_map(|transport| {
        let rest = path.strip_prefix(transport.path)?;
        Some((transport, (transport.metered_as)(rest, query)?))
    })
}

/// The query that all transports take. Unknown parameters are ignored.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    epoch: Option<String>,
    offset: Option<String>,
    history: Option<String>,
    limit: Option<String>,
    hold_ms: Option<String>,
    client: Option<String>,
    name: Option<String>,
}

/// A query whose every part has been checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    pub start: Start,
    /// Largest number of publications in one answer.
    pub limit: Option<usize>,
    pub hold_ms: Option<u64>,
    pub who: Option<Who>,
}

impl Query {
    pub fn parse(text: &str) -> Result<Asked, Refusal> {
        web::Query::<Self>::from_query(text)
            .map_err(|error| {
                Refusal::new(
                    Code::BadQuery,
                    format!("the query is not understood: {error}"),
                )
            })?
            .into_inner()
            .without_empty()
            .check()
    }

    /// A parameter that is there but empty counts as missing.
    fn without_empty(mut self) -> Self {
        for part in [
            &mut self.epoch,
            &mut self.offset,
            &mut self.history,
            &mut self.limit,
            &mut self.hold_ms,
            &mut self.client,
            &mut self.name,
        ] {
            part.take_if(|part| part.is_empty());
        }
        self
    }

    fn check(self) -> Result<Asked, Refusal> {
        let position = match (self.epoch, self.offset) {
            (None, None) => None,
            (Some(epoch), Some(offset)) => Some(position(&epoch, &offset)?),
            (Some(_), None) => return Err(bad_position("an epoch without an offset".to_owned())),
            (None, Some(_)) => return Err(bad_position("an offset without an epoch".to_owned())),
        };
        let limit: Option<usize> = number("limit", self.limit)?;
        if limit == Some(0) {
            return Err(Refusal::new(
                Code::BadRange,
                "limit is 0; ask for at least 1",
            ));
        }
        let who = match self.client {
            None => None,
            Some(client) => Some(who(client, self.name.unwrap_or_default())?),
        };
        Ok(Asked {
            start: Start {
                position,
                history: number("history", self.history)?,
            },
            limit,
            hold_ms: number("hold_ms", self.hold_ms)?,
            who,
        })
    }
}

/// A position whose parts came apart.
pub fn position(epoch: &str, offset: &str) -> Result<StreamPosition, Refusal> {
    let epoch =
        Epoch::parse(epoch).ok_or_else(|| bad_position(format!("the epoch {epoch:?} is none")))?;
    let offset = offset
        .parse()
        .map_err(|_| bad_position(format!("the offset {offset:?} is not a whole number")))?;
    Ok(StreamPosition { epoch, offset })
}

fn bad_position(what: String) -> Refusal {
    Refusal::new(Code::BadPosition, format!("{BadPosition}: {what}"))
}

fn number<T: std::str::FromStr>(name: &str, text: Option<String>) -> Result<Option<T>, Refusal> {
    text.map(|text| {
        text.parse().map_err(|_| {
            Refusal::new(
                Code::BadRange,
                format!("{name} is {text:?}; a whole number is expected"),
            )
        })
    })
    .transpose()
}

/// A client that says who it is.
pub fn who(client: String, name: String) -> Result<Who, Refusal> {
    const NAME_MAX_CHARACTERS: usize = 64;
    let refuse = |message: String| Err(Refusal::new(Code::BadClient, message));
    if client.is_empty() || client.len() > ID_MAX_BYTES || !client.bytes().all(is_name_byte) {
        return refuse(format!("the client id {client:?} is not of the form"));
    }
    if name.chars().count() > NAME_MAX_CHARACTERS || name.chars().any(char::is_control) {
        return refuse("the name is too long or has control characters".to_owned());
    }
    Ok(Who {
        client: client.into(),
        name: name.into(),
    })
}

/// A channel's name as it stands in a path that nobody has decoded yet. Handlers get theirs
/// decoded (`web::Path`) and parse it as it is: decoding twice would make `%2541` an `A`.
pub fn channel_in_path(segment: &str) -> Result<ChannelName, Refusal> {
    let decoded = percent_encoding::percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| Refusal::new(Code::BadChannel, "the channel name is not UTF-8"))?;
    Ok(ChannelName::parse(&decoded)?)
}

/// Under which labels a request is metered; `None` for the lab's own traffic.
///
/// Publishing, presence and history on a transport's lane belong to that transport; on the main
/// lane to `http`.
pub fn labels_of(lane: LaneId, path: &str, query: &str) -> Option<Labels> {
    let (transport, protocol, channel) = match served(lane, path, query) {
        Some((transport, channel)) => (transport.name, transport.protocol, channel),
        None => {
            let channel = path.strip_prefix("/api/channels/")?.split('/').next()?;
            let own = ALL.iter().find(|transport| transport.lane == lane);
            (
                own.map_or("http", |transport| transport.name),
                "plain",
                named_channel(channel, query)?,
            )
        }
    };
    Some(Labels {
        lane,
        transport,
        protocol,
        demo: demo_in(query),
        channel,
    })
}

/// Whether a request keeps its connection for long: a stream or a poll of some transport.
pub fn stays(lane: LaneId, path: &str, query: &str) -> bool {
    served(lane, path, query).is_some()
}

/// Under which labels calls of the Channels HTTP API are metered.
pub fn api_labels(lane: LaneId) -> Labels {
    Labels {
        lane,
        transport: "http",
        protocol: "pusher",
        demo: "none",
        channel: NO_CHANNEL.into(),
    }
}

/// The demo that a request says it is for. Only known ones are labels.
fn demo_in(query: &str) -> &'static str {
    let named = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("demo="))
        .unwrap_or_default();
    ["chat", "dashboard", "compare"]
        .into_iter()
        .find(|demo| *demo == named)
        .unwrap_or("none")
}

/// Where delays to the kernel are told for a request on this lane.
pub fn on_written(worker: &LaneWorker, path: &str, query: &str) -> Option<OnWritten> {
    served(worker.lane, path, query)
        .and_then(|(transport, _)| worker.written(transport))
        .map(|written| written.on_written.clone())
}

/// Marks a response whose bytes its handler has attributed.
pub struct Attributed;

/// Tells the connection's meter what the answer to a request will carry, after its head. The
/// answer to HEAD has no body, and delivers nothing.
pub fn will_answer(request: &HttpRequest, message: Message) {
    if let Some(meter) = request.meter() {
        meter.answer(match *request.method() == Method::HEAD {
            true => Message::default(),
            false => message,
        });
    }
}

/// A JSON answer whose bytes are counted by layer once they are written, and what they deliver.
pub fn metered_json(
    request: &HttpRequest,
    body: Vec<u8>,
    message: impl Into<Message>,
    etag: Option<&StreamPosition>,
) -> HttpResponse {
    will_answer(request, message.into());
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    if let Some(position) = etag {
        response.insert_header((header::ETAG, format!("\"{position}\"")));
    }
    let mut response = response.body(body);
    response.extensions_mut().insert(Attributed);
    response
}

/// What a poll found, within its limit, and the position after it.
pub struct Polled {
    pub recovered: bool,
    pub publications: Vec<Arc<crate::channel::Publication>>,
    pub position: StreamPosition,
}

impl Polled {
    /// Where the client is to go on from the answer the first `limit` count, so that nothing is
    /// skipped; of a retained history it was not waiting for, the latest.
    pub fn new(mut recovery: Recovery, limit: Option<usize>, goes_on: bool) -> Self {
        let mut position = recovery.position;
        if let Some(limit) = limit
            && recovery.publications.len() > limit
        {
            if goes_on {
                recovery.publications.truncate(limit);
                if let Some(last) = recovery.publications.last() {
                    position = last.position();
                }
            } else {
                let excess = recovery.publications.len() - limit;
                recovery.publications.drain(..excess);
            }
        }
        Self {
            recovered: recovery.recovered,
            publications: recovery.publications,
            position,
        }
    }

    /// Answers with it; what it carries counts once it is written.
    pub fn answer(self, request: &HttpRequest) -> HttpResponse {
        let (body, layers) =
            envelope::encode_polled(&self.position, self.recovered, &self.publications);
        let live = self.publications.iter().filter(|_| self.recovered);
        let message = Message {
            layers,
            publications: self.publications.len(),
            // Waiting to be asked counts; how old a replayed history is does not.
            stamps: live.map(|publication| publication.published_us).collect(),
            is_empty_answer: self.publications.is_empty(),
        };
        metered_json(request, body, message, Some(&self.position))
    }
}

/// Whether an answer of unknown length is chunked: HTTP/1.0 does not know the coding (RFC 9112
/// §6.1), and the connection's end is the body's.
pub fn is_chunked(request: &HttpRequest) -> bool {
    request.version() >= Version::HTTP_11
}

/// What the chunked coding adds around a chunk: its size in hex and two line ends (RFC 9112 §7.1).
pub fn chunk_framing_bytes(length: usize) -> u64 {
    u64::from(length.max(1).ilog2() / 4 + 1) + 4
}

/// The last chunk of the chunked coding: `0` and two line ends.
pub const LAST_CHUNK_BYTES: u64 = 5;

/// Answers 405 with the methods that would do.
pub fn wrong_method(allowed: &'static [Method]) -> actix_web::Route {
    let head = allowed.contains(&Method::GET).then_some(&Method::HEAD);
    let allow = allowed
        .iter()
        .chain(head)
        .map(Method::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    web::to(move |request: HttpRequest| {
        let refusal = Refusal::new(
            Code::WrongMethod,
            format!("{} is not answered here", request.method()),
        );
        let allow = allow.clone();
        async move {
            let mut response = actix_web::ResponseError::error_response(&refusal);
            if let Ok(allow) = header::HeaderValue::from_str(&allow) {
                response.headers_mut().insert(header::ALLOW, allow);
            }
            response
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_query_is_read() {
        let asked =
            Query::parse("epoch=k3&offset=17&limit=5&history=2&hold_ms=100&client=c1&name=Ann%20B")
                .unwrap();
        assert_eq!(asked.start.position.unwrap().to_string(), "k3:17");
        assert_eq!((asked.limit, asked.hold_ms), (Some(5), Some(100)));
        assert_eq!(&*asked.who.unwrap().name, "Ann B");
        assert_eq!(Query::parse("nonsense=1").unwrap(), Asked::default());
        let empty = "epoch=&offset=&limit=&history=&hold_ms=&client=&name=";
        assert_eq!(Query::parse(empty).unwrap(), Asked::default());
    }

    #[test]
    fn bad_queries_are_named() {
        for (query, code) in [
            ("epoch=k3", Code::BadPosition),
            ("offset=3", Code::BadPosition),
            ("epoch=k3&offset=-1", Code::BadPosition),
            ("epoch=k3&offset=1e3", Code::BadPosition),
            ("epoch=a b&offset=1", Code::BadPosition),
            ("epoch=k3&offset=99999999999999999999", Code::BadPosition),
            ("limit=0", Code::BadRange),
            ("limit=many", Code::BadRange),
            ("hold_ms=-5", Code::BadRange),
            ("client=a/b", Code::BadClient),
            ("client=c1&name=%00", Code::BadClient),
            ("epoch=a&epoch=b", Code::BadQuery),
        ] {
            assert_eq!(Query::parse(query).unwrap_err().code, code, "{query}");
        }
    }

    #[test]
    fn labels_come_from_lane_path_and_query() {
        let on_main = labels_of(LaneId::MAIN, "/sse/a%3Db", "x=1&demo=chat").unwrap();
        assert_eq!((on_main.transport, on_main.demo), ("sse", "chat"));
        assert_eq!(&*on_main.channel, "a=b");
        let lane = short_poll::TRANSPORT.lane;
        let publish = labels_of(lane, "/api/channels/a/publications", "demo=evil").unwrap();
        assert_eq!((publish.transport, publish.demo), ("short-poll", "none"));
        let by_http = labels_of(LaneId::MAIN, "/api/channels/a/history", "").unwrap();
        assert_eq!(by_http.transport, "http");
        assert_eq!(labels_of(LaneId::MAIN, "/compare", ""), None);
        assert_eq!(labels_of(lane, "/sse/a", ""), None, "not on this lane");
        assert_eq!(labels_of(LaneId::MAIN, "/sse/a%20b", ""), None);
    }
}
