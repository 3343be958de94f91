//! A socket as the Admin UI shows it.

use std::rc::Rc;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::super::{io::Io, link::Request, socket::Socket};

/// All sockets of all namespaces.
pub async fn all(io: &Io) -> Vec<Value> {
    let (to_us, mut from_threads) = mpsc::unbounded_channel();
    let asked = io.clone();
    io.engine().everywhere(move |_| {
        for (_, rooms) in asked.local_namespaces() {
            rooms.each(&Default::default(), |found| drop(to_us.send(socket(found))));
        }
    });
    let mut found = Vec::new();
    while let Some(socket) = from_threads.recv().await {
        found.push(socket);
    }
    found
}

/// One. Its session's secret id stands nowhere in it, nor do cookies or `Authorization`.
pub fn socket(socket: &Rc<Socket>) -> Value {
    let link = socket.link();
    json!({
        "id": &*socket.id,
        "clientId": client_id(&link.sid),
        "transport": transport(socket),
        "nsp": &*socket.namespace,
        "data": {},
        "handshake": handshake(&link.request),
        "rooms": socket.info().rooms,
    })
}

pub fn transport(socket: &Socket) -> &'static str {
    if socket.link().is_on_websocket() {
        "websocket"
    } else {
        "polling"
    }
}

/// The same for all sockets of a session, and of no use for taking it over. (The original shows
/// the first part of the secret.)
fn client_id(sid: &str) -> String {
    let digest = Sha256::digest(sid);
    digest.iter().take(6).map(|b| format!("{b:02x}")).collect()
}

fn handshake(request: &Request) -> Value {
    let query: Map<String, Value> = request
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value).into()))
        .collect();
    let peer = request.peer.as_deref();
    let headers: Map<String, Value> = peer
        .into_iter()
        .flat_map(|peer| &peer.headers)
        .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
        .collect();
    let issued_us = peer.map_or(0, |peer| peer.issued_us);
    json!({
        "address": request.address.map(|address| address.to_string()),
        "xdomain": headers.contains_key("origin"),
        "headers": headers,
        "query": query,
        "issued": issued_us / 1_000,
        "time": super::timestamp(issued_us),
        "secure": false,
        "url": format!("/socket.io/?{}", request.query),
    })
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
