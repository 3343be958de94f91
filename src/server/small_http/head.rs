//! Whose a request is, by its head.

use actix_codec::Decoder;
use actix_http::{
    ConnectionType, Request, ServiceConfig,
    h1::{Codec, Message, MessageType},
    header::HeaderMap,
};
use bytes::BytesMut;

use crate::registry::LaneWorker;

/// A longer head is left to actix-http, which takes up to 128 KiB.
pub const HEAD_MAX_BYTES: usize = 8 << 10;

/// Who serves a request.
pub enum Whose {
    /// Its head has not all come.
    Unknown,
    Ours(Ours),
    /// Anything else, and what is no request.
    ActixHttps,
}

/// A request that is served here.
pub struct Ours {
    /// Knows how its answer is to be written.
    pub codec: Codec,
    pub request: Request,
    /// Length of its head.
    pub bytes: usize,
}

/// Looks at the first request in what was read.
pub fn whose(read: &[u8], config: &ServiceConfig, worker: &LaneWorker) -> Whose {
    match read.first() {
        None => return Whose::Unknown,
        // Empty lines before a request: the first end of a head would not be its own.
        Some(b'\r' | b'\n') => return Whose::ActixHttps,
        Some(_) => {}
    }
    let end = memchr::memmem::find(read, b"\r\n\r\n").map(|at| at + 4);
    let end = end.unwrap_or(read.len());
    if end > HEAD_MAX_BYTES {
        return Whose::ActixHttps;
    }
    // A copy: it is consumed also where the request turns out to be none. The headers keep it for
    // as long as the request lasts, so it is no longer than the head.
    let mut head = BytesMut::from(&read[..end]);
    let mut codec = Codec::new(config.clone());
    match codec.decode(&mut head) {
        Ok(None) if read.len() < HEAD_MAX_BYTES => Whose::Unknown,
        Ok(Some(Message::Item(mut request))) if is_ours(&codec, &request, worker) => {
            fit(request.headers_mut());
            Whose::Ours(Ours {
                bytes: end - head.len(),
                codec,
                request,
            })
        }
        _ => Whose::ActixHttps,
    }
}

/// Moves headers to a map that is no larger than they need. actix-http makes all of them for 28
/// headers, 6.7 KiB, which a held request would keep.
fn fit(headers: &mut HeaderMap) {
    let roomy = std::mem::replace(headers, HeaderMap::with_capacity(headers.len_keys()));
    for (name, value) in roomy {
        headers.append(name, value);
    }
}

fn is_ours(codec: &Codec, request: &Request, worker: &LaneWorker) -> bool {
    let head = request.head();
    let query = head.uri.query().unwrap_or_default();
    codec.message_type() == MessageType::None
        && !head.expect()
        && head.connection_type() != ConnectionType::Upgrade
        && worker.stays_alone(&worker.find(head.uri.path(), query))
}
