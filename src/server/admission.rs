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
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    http::header::HeaderMap,
    web::Bytes,
};
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::tls_handshake::secure;
use crate::{
    access::address::{TrustedProxies, address_behind},
    error::{Code, Refusal},
    lane::{
        LaneId,
        conditions::ConditionsByLane,
        meter::Meters,
        seats::{Full, Seat, Seats},
        stream::{LaneStream, TcpOptions},
    },
    network,
    transport::websocket::handshake,
};

/// What telling somebody may take in all.
const TELLING: Duration = Duration::from_secs(3);
/// How long a request may take to arrive whose connection found no seat.
const ASKING: Duration = Duration::from_millis(250);
/// What `/healthz` answers to who found no seat: the lab is full, and well.
const HEALTHY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
    Content-Length: 15\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{\"status\":\"ok\"}";

/// Whom a new connection counts for: nobody for this machine's own and for trusted proxies.
pub fn counted(peer: Option<IpAddr>, trusted: &TrustedProxies) -> Option<IpAddr> {
    network::counted(peer.filter(|peer| !trusted.contains(peer.to_canonical())))
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
        Full::Everywhere | Full::ForHeld => Refusal::new(
            Code::TooManyConnections,
            "the lab has as many connections as it has room for",
        ),
        Full::ForAddress => Refusal::new(
            Code::TooManyFromAddress,
            "this address has as many connections as one address may have",
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
    let (asking, before) = seats.refuse();
    if (before + 1).is_power_of_two() {
        tracing::warn!(
            so_far = before + 1,
            taken = seats.taken(),
            why = refusal(full).message.as_ref(),
            "connections are refused"
        );
    }
    let (mut answer, body) = answer_of(&refusal(full));
    answer.extend_from_slice(&body);
    let Some(asking) = asking else {
        // No time to wait for what it asks, nor to see that the answer arrives: it fits into an
        // empty socket.
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
    let conditions = ConditionsByLane::new(std::iter::empty(), Arc::default()).of(lane);
    let seats = seats.clone();
    actix_rt::spawn(async move {
        let _ = tokio::time::timeout(TELLING, async {
            if tls.is_none() {
                let _ = tokio::time::timeout(ASKING, io.readable()).await;
            }
            let is_healthy = tls.is_none() && asks_for_health(&io);
            drop(asking);
            let lingers = seats.linger();
            let stream = LaneStream::new(io, meter, options, conditions);
            let stream = match tls {
                None => stream,
                Some(config) => match secure(stream, config).await {
                    Ok(stream) => stream,
                    Err(_) => return,
                },
            };
            let answer = if is_healthy { HEALTHY } else { &answer };
            handshake::answer(&stream, answer, lingers.is_some()).await;
        })
        .await;
    });
}

/// An answer's body that is sent in pieces: when it is over, its request has ended.
pub struct UntilSent {
    pub body: BoxBody,
    pub seat: Arc<Seat>,
}

impl MessageBody for UntilSent {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

impl Drop for UntilSent {
    fn drop(&mut self) {
        self.seat.request_ends();
    }
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
pub fn error_answer(status: u16) -> Option<(Vec<u8>, Vec<u8>)> {
    let refusal = match status {
        400 => Refusal::new(Code::BadHead, "this is not an HTTP/1.1 request"),
        408 => Refusal::new(Code::HeadTooSlow, "the request's head did not come in time"),
        431 => Refusal::new(Code::HeadTooLarge, "the request's head is too large"),
        500 => Refusal::new(Code::Internal, "the request could not be read"),
        _ => return None,
    };
    Some(answer_of(&refusal))
}

/// Head and body of an answer that ends its connection.
fn answer_of(refusal: &Refusal) -> (Vec<u8>, Vec<u8>) {
    let further = "Cache-Control: no-store\r\nAccess-Control-Allow-Origin: *\r\n";
    handshake::written(refusal, further)
}
