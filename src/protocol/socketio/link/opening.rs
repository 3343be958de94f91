//! What a session began with.

use std::{net::IpAddr, sync::Arc};

use actix_web::http::header::HeaderMap;

use super::Engine;
use crate::{
    clock,
    lane::meter::{Labels, Meters},
};

/// The request that a session began with.
#[derive(Clone)]
pub struct Request {
    /// Its query, undecoded.
    pub query: String,
    /// The client takes no binary frames.
    pub binary_as_text: bool,
    /// Where it came from, behind trusted proxies.
    pub address: Option<IpAddr>,
    /// For the admin namespace; `None` where there is none.
    pub peer: Option<Box<Peer>>,
    /// Whether the session may move from polling to WebSocket.
    pub may_upgrade: bool,
    /// What the session is metered under, whatever connections it comes by.
    pub labels: Option<Arc<Labels>>,
    /// All of them, for what is dropped when no connection is there.
    pub meters: Arc<Meters>,
}

/// What a client said of itself, for the admin namespace.
#[derive(Debug, Clone)]
pub struct Peer {
    /// When it connected, µs of the time of day.
    pub issued_us: u64,
    /// Some headers, and none that is a secret.
    pub headers: Vec<(&'static str, String)>,
}

impl Peer {
    /// What a client says of itself, if that is kept.
    pub fn kept_by(engine: &Engine, headers: &HeaderMap) -> Option<Box<Self>> {
        engine.keeps_peers().then(|| Box::new(Self::of(headers)))
    }

    fn of(headers: &HeaderMap) -> Self {
        const SHOWN: [&str; 5] = ["host", "origin", "referer", "user-agent", "accept-language"];
        let shown = SHOWN.into_iter().filter_map(|name| {
            let value = headers.get(name)?.to_str().ok()?;
            Some((name, value.chars().take(256).collect()))
        });
        Self {
            issued_us: clock::time_of_day_us(),
            headers: shown.collect(),
        }
    }
}
