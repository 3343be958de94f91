//! Who may come in: a seat for each connection (see [`crate::lane::seats`]), or a word why not.
//!
//! Nobody waits unanswered: past the bounds a connection is told 503 or 429 in plain HTTP (which a
//! WebSocket's client understands, too) and closed. Over TLS the handshake comes first. At
//! `accept` only the peer is known; a proxy that `trusted_proxies` names is not counted there, and
//! what stays open behind it (WebSockets, streams, polls) counts for the address it forwards.
//! Over plain HTTP `/healthz` is answered to whoever asks.

use std::{
    mem::MaybeUninit,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use actix_web::http::header::HeaderMap;
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::secure;
use crate::{
    access::address::{TrustedProxies, address_behind},
    error::{Code, Refusal},
    lane::{
        LaneId,
        conditions::Board,
        meter::Meters,
        seats::{Full, Seat, Seats},
        stream::{LaneStream, TcpOptions},
    },
    transport::websocket::handshake,
};

/// After how many seconds somebody who found no seat may ask again.
pub const RETRY_AFTER_S: u32 = 5;
/// What telling somebody may take in all.
const TELLING: Duration = Duration::from_secs(3);
/// How long a request may take to arrive whose connection found no seat.
const ASKING: Duration = Duration::from_millis(250);
/// What `/healthz` answers to who found no seat: the lab is full, and well.
const HEALTHY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
    Content-Length: 15\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{\"status\":\"ok\"}";

/// Whom a new connection counts for: nobody for this machine's own and for trusted proxies.
pub fn counted(peer: Option<IpAddr>, trusted: &TrustedProxies) -> Option<IpAddr> {
    peer.map(|peer| peer.to_canonical())
        .filter(|peer| !peer.is_loopback() && !trusted.contains(*peer))
}

/// A request that stays (a WebSocket, a stream, a poll): its connection is held, and counts for
/// whoever asks.
pub fn hold(
    seat: Option<&Arc<Seat>>,
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
    trusted: &TrustedProxies,
) -> Result<(), Refusal> {
    let Some(seat) = seat else {
        return Ok(());
    };
    let address = counted(
        peer.map(|peer| address_behind(peer.ip(), headers, trusted)),
        trusted,
    );
    seat.hold(address).map_err(refusal)
}

fn refusal(full: Full) -> Refusal {
    match full {
        Full::Everywhere => Refusal::new(
            Code::TooManyConnections,
            "the lab has as many connections as it has room for",
        ),
        Full::ForAddress => Refusal::new(
            Code::TooManyFromAddress,
            "this address has as many connections open as one may have",
        ),
    }
}

/// Tells a connection that there is no seat for it, and closes it. Over plain HTTP `/healthz` is
/// answered all the same: whoever watches over the lab is not to restart it because it is full.
pub fn turn_away(
    io: TcpStream,
    full: Full,
    seats: &Arc<Seats>,
    lane: LaneId,
    options: TcpOptions,
    tls: Option<Arc<ServerConfig>>,
) {
    let (room, before) = seats.refuse();
    if (before + 1).is_power_of_two() {
        tracing::warn!(
            so_far = before + 1,
            taken = seats.taken(),
            why = refusal(full).message.as_ref(),
            "connections are refused"
        );
    }
    let (mut answer, body) = answer_of(&refusal(full), true);
    answer.extend_from_slice(&body);
    let Some(room) = room else {
        // No time to see that it arrives: it fits into an empty socket.
        if tls.is_none() {
            let socket = SockRef::from(&io);
            let answer = if asks_for_health(&io) {
                HEALTHY
            } else {
                &answer
            };
            // What is unread when a socket is closed makes it reset, and the answer is lost.
            let _ = socket.recv(&mut [MaybeUninit::uninit(); 4_096]);
            let _ = socket.send(answer);
        }
        return;
    };
    // Counted nowhere: no lane has it.
    let meter = Arc::new(Meters::default()).open(lane);
    let conditions = Board::new(std::iter::empty(), Arc::default()).of(lane);
    actix_rt::spawn(async move {
        let _room = room;
        let _ = tokio::time::timeout(TELLING, async {
            if tls.is_none() {
                let _ = tokio::time::timeout(ASKING, io.readable()).await;
            }
            let is_healthy = tls.is_none() && asks_for_health(&io);
            let stream = LaneStream::new(io, meter, options, conditions);
            let stream = match tls {
                None => stream,
                Some(config) => match secure(stream, config).await {
                    Ok(stream) => stream,
                    Err(_) => return,
                },
            };
            let answer = if is_healthy { HEALTHY } else { &answer };
            handshake::answer_and_end(&stream, answer).await;
        })
        .await;
    });
}

/// Whether what has arrived begins a request for `/healthz`; it is left there.
fn asks_for_health(io: &TcpStream) -> bool {
    const ASKED: &[u8] = b"GET /healthz ";
    let mut begun = [MaybeUninit::uninit(); ASKED.len()];
    let Ok(read) = SockRef::from(io).peek(&mut begun) else {
        return false;
    };
    // SAFETY: `peek` has written so many.
    let begun = begun[..read]
        .iter()
        .map(|byte| unsafe { byte.assume_init() });
    begun.eq(ASKED.iter().copied())
}

/// To what actix-http refuses before any service is asked.
pub fn last_words(status: u16) -> Option<(Vec<u8>, Vec<u8>)> {
    let refusal = match status {
        400 => Refusal::new(Code::BadHead, "this is no request of HTTP/1.1"),
        408 => Refusal::new(Code::HeadTooSlow, "the request's head did not come in time"),
        431 => Refusal::new(Code::HeadTooLarge, "the request's head is too large"),
        500 => Refusal::new(Code::Internal, "the request could not be read"),
        _ => return None,
    };
    Some(answer_of(&refusal, false))
}

/// Head and body of an answer that ends its connection.
fn answer_of(refusal: &Refusal, is_for_now: bool) -> (Vec<u8>, Vec<u8>) {
    let status = refusal.code.status();
    let body = refusal.body();
    let retry_after = match is_for_now {
        true => format!("Retry-After: {RETRY_AFTER_S}\r\n"),
        false => String::new(),
    };
    let head = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         {retry_after}Cache-Control: no-store\r\n\
         Access-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
    );
    (head.into_bytes(), body)
}
