//! How bytes travel: one file per transport, all in the same inner order (registration, handler,
//! session, tests), so that two can be read side by side.
//!
//! A new transport is a new file and one line in [`ALL`]. Here is what they have in common: the
//! query every one of them takes, the labels that requests are metered under, the way from a
//! position to now ([`catch_up`]), reading a [`body`], and the plain HTTP API beside them ([`http_api`]).

pub mod answer;
pub mod body;
pub mod catch_up;
pub mod http_api;
pub mod long_poll;
pub mod query;
pub mod short_poll;
pub mod sse;
pub mod websocket;

pub use answer::{
    Attributed, LAST_CHUNK_BYTES, Polled, chunk_framing_bytes, is_chunked, metered_json,
    will_answer, wrong_method,
};
pub use query::{Asked, Query, position, who};

use std::sync::Arc;

use actix_codec::Framed;
use actix_web::web;
use futures_util::future::LocalBoxFuture;

use crate::{
    channel::{ChannelName, presence::Via},
    error::{Code, Refusal},
    lab::LaneWorker,
    lane::{
        LaneId,
        meter::{Labels, OnWritten},
        stream::LaneStream,
    },
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

#[cfg(test)]
mod tests {
    use super::*;

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
