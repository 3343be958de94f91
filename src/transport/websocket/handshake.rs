//! The opening handshake (RFC 6455 §4.2).
//!
//! ```text
//! client                                     server
//!   │ GET /ws/news HTTP/1.1                    │
//!   │ Connection: Upgrade                      │
//!   │ Upgrade: websocket                       │  the mechanism is HTTP's own (RFC 9110 §7.8)
//!   │ Sec-WebSocket-Version: 13                │
//!   │ Sec-WebSocket-Key: dGhlIHNhbXBsZSBu…     │  16 random bytes, new for each connection
//!   │ ───────────────────────────────────────► │  actix-http parses it and hands the stream over
//!   │ HTTP/1.1 101 Switching Protocols         │
//!   │ Upgrade: websocket                       │
//!   │ Connection: Upgrade                      │
//!   │ Sec-WebSocket-Accept: s3pPLMBiTxaQ9k…    │  base64(sha1(key + a fixed text))
//!   │ ◄─────────────────────────────────────── │
//!   │ ◄══════════════ frames ════════════════► │
//! ```
//!
//! The key is no secret and protects nobody. It proves that what answered has read RFC 6455: a
//! cache, or a server of something else that a page was pointed at, cannot know the answer. That
//! strangers' pages stay out is the business of `Origin` (§10.2), which [`crate::gate`] looks at
//! before this is reached.
//!
//! Rejected: answering through actix's own response. The answer here is 129 bytes for the RFC's own
//! example (no date, no `Vary`), and after it nothing of HTTP is left between the session and its
//! socket.
//!
//! ```sh
//! curl -siN -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
//!      -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' http://127.0.0.1:8080/ws/news
//! ```

use std::{future::poll_fn, io};

use actix_codec::Framed;
use actix_http::{HttpMessage, Request, RequestHead, h1, header::HeaderMap, ws};

use super::deflating::{Compressing, Deflating};
use crate::{
    error::{Code, Refusal},
    lane::stream::LaneStream,
    wire::Layers,
};

/// A connection whose handshake is over.
pub struct Accepted {
    /// The stream.
    pub io: LaneStream,
    /// Bytes that the client sent right after its request.
    pub read: Vec<u8>,
    /// Whether and how messages are compressed.
    pub deflating: Option<Deflating>,
}

/// Answers a handshake. `None`: it was refused, or the peer is gone.
pub async fn accept(
    request: &Request,
    framed: Framed<LaneStream, h1::Codec>,
    compressing: Compressing,
) -> Option<Accepted> {
    let parts = framed.into_parts();
    let key = match verify(request.head()) {
        Ok(key) => key,
        Err(refusal) => {
            refuse(parts.io, refusal).await;
            return None;
        }
    };
    let mut answer = b"HTTP/1.1 101 Switching Protocols\r\n\
        Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        .to_vec();
    answer.extend_from_slice(&key);
    if let Some(subprotocol) = subprotocol(request.headers()) {
        answer.extend_from_slice(b"\r\nSec-WebSocket-Protocol: ");
        answer.extend_from_slice(subprotocol.as_bytes());
    }
    let deflating = compressing.agree(request.headers());
    if let Some(deflating) = &deflating {
        answer.extend_from_slice(b"\r\nSec-WebSocket-Extensions: ");
        answer.extend_from_slice(deflating.agreement.answer().as_bytes());
    }
    answer.extend_from_slice(b"\r\n\r\n");
    write_all(&parts.io, &answer).await.ok()?;
    Some(Accepted {
        io: parts.io,
        read: parts.read_buf.to_vec(),
        deflating,
    })
}

/// The first subprotocol that is offered. The lab's protocols are chosen by path and have no
/// subprotocol names; clients offer a secret, or a name that a gateway needs. They fail a
/// connection that accepts none of their offers (WHATWG WebSockets, "establish a connection"), and
/// Node's servers select the first for the same reason. An offer that is not a token is skipped.
pub fn subprotocol(headers: &HeaderMap) -> Option<&str> {
    let offered = headers.get_all("sec-websocket-protocol");
    offered
        .filter_map(|names| names.to_str().ok())
        .flat_map(|names| names.split(',').map(str::trim))
        .find(|name| !name.is_empty())
        .filter(|name| name.bytes().all(is_token_byte))
}

/// RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The accept key for a request that is a valid handshake.
pub fn verify(head: &RequestHead) -> Result<[u8; 28], Refusal> {
    ws::verify_handshake(head).map_err(|error| {
        let code = match error {
            ws::HandshakeError::GetMethodRequired => Code::WrongMethod,
            ws::HandshakeError::NoConnectionUpgrade | ws::HandshakeError::NoWebsocketUpgrade => {
                Code::UpgradeRequired
            }
            _ => Code::BadHandshake,
        };
        Refusal::new(code, error.to_string())
    })?;
    let key = head.headers().get("sec-websocket-key");
    Ok(ws::hash_key(key.map_or(b"", |key| key.as_bytes())))
}

/// Answers a refusal over HTTP and ends the connection.
pub async fn refuse(io: LaneStream, refusal: Refusal) {
    let allow = match refusal.code {
        Code::WrongMethod => "Allow: GET\r\n",
        _ => "",
    };
    let further =
        format!("{allow}Vary: Origin\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n");
    let (mut answer, body) = written(&refusal, &further);
    io.meter().answer(Layers::of_protocol(body.len()).into());
    answer.extend_from_slice(&body);
    answer_and_end(&io, &answer).await;
}

/// Head and body of a refusal that ends its connection; `further`: headers, each with its line end.
pub fn written(refusal: &Refusal, further: &str) -> (Vec<u8>, Vec<u8>) {
    let status = refusal.code.status();
    let body = refusal.body();
    let retry_after = match refusal.code.retry_after_s() {
        Some(after_s) => format!("Retry-After: {after_s}\r\n"),
        None => String::new(),
    };
    let head = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         {retry_after}{further}Connection: close\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
    );
    (head.into_bytes(), body)
}

/// Writes a whole answer and closes the connection in good order. In a flood of refusals it does
/// not wait for the peer, because waiting connections would occupy the last seats.
pub async fn answer_and_end(io: &LaneStream, answer: &[u8]) {
    let lingers = io.seat().map(|seat| seat.linger());
    self::answer(io, answer, !matches!(lingers, Some(None))).await;
}

/// As [`answer_and_end`]; `lingers`: whether to wait for the peer.
pub async fn answer(io: &LaneStream, answer: &[u8], lingers: bool) {
    if write_all(io, answer).await.is_ok() && io.shutdown_write().is_ok() && lingers {
        drain(io).await;
    }
}

/// Writes all of it, waiting where the kernel is full, to where TLS has sealed it.
async fn write_all(io: &LaneStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match io.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll_fn(|context| io.poll_write_ready(context)).await?;
            }
            Err(error) => return Err(error),
        }
    }
    poll_fn(|context| io.poll_flushed(context)).await
}

/// Waits for the peer to close, because closing at once could reset the connection before it has
/// read the answer. Bounded in time and bytes.
async fn drain(io: &LaneStream) {
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);
    const MAX_READS: usize = 64;
    let to_the_end = async {
        let mut sink = [0; 4096];
        for _ in 0..MAX_READS {
            match io.try_read(&mut sink) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if poll_fn(|context| io.poll_read_ready(context))
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, to_the_end).await;
}
