//! Reads the body of a request, up to a limit. The caller turns an error into an answer.
//!
//! A body has three ways to hurt: it is too long, it never comes to an end, or it breaks off. Each
//! is an [`Unread`]; the second has a [`Pace`] and not a deadline, since a long body on a slow line
//! is no attack and one byte a minute is (RFC 9110 §15.5.9, 408).
//!
//! Rejected: actix's own reader, which takes 32 KiB for every body and copies it there. Most bodies
//! here are a few hundred bytes and come in one piece, which is handed on as it is.

use std::time::Duration;

use actix_web::{
    HttpMessage, HttpRequest,
    error::PayloadError,
    http::header::TRANSFER_ENCODING,
    web::{Bytes, BytesMut, Data, Payload},
};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use crate::{
    lane::{pace::Pace, seats::Seat},
    registry::{LaneWorker, OfConnection},
};

/// Marks a request whose body was read to the end.
pub struct Whole;

/// Time for the rest of a body that is no longer read, so that the client can read the answer.
const REST: Duration = Duration::from_secs(1);

/// Why a body could not be read.
#[derive(Debug)]
pub enum Unread {
    /// It is larger than the limit.
    TooLarge,
    /// It broke off, or does not match its head.
    Broken(PayloadError),
    /// It comes too slowly: the answer is 408 (RFC 9110 §15.5.9), and the connection is closed.
    TooSlow,
}

impl Unread {
    /// The message for a sender that is too slow.
    pub const TOO_SLOW: &str = "the body comes too slowly, or not at all: send it at once";
}

/// The whole body. Reading stops as soon as the limit is passed, or if the body comes more slowly
/// than the settings allow.
pub async fn read(
    request: &HttpRequest,
    payload: Payload,
    max_bytes: usize,
) -> Result<Bytes, Unread> {
    let worker = request.app_data::<Data<LaneWorker>>();
    let pace = worker.map(|worker| worker.lab.config.body_pace());
    let read = read_at(payload, max_bytes, pace).await;
    match (&read, request.seat()) {
        (Ok(_), _) => {
            request.extensions_mut().insert(Whole);
        }
        // The HTTP server reads and drops the rest.
        (Err(_), Some(seat)) => seat.rest_until(Some(std::time::Instant::now() + REST)),
        (Err(_), None) => {}
    }
    read
}

/// If the handler does not read a body of unknown length, the HTTP server does before the next
/// request; limits its time in the same way.
pub fn bound_the_rest(seat: &Seat, request: &HttpRequest) {
    let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let is_whole = request.extensions().contains::<Whole>();
    if is_chunked
        && !is_whole
        && seat.rest_by().is_none()
        && let Some(worker) = request.app_data::<Data<LaneWorker>>()
    {
        let patience = worker.lab.config.body_timeout.0;
        seat.rest_until(Some(std::time::Instant::now() + patience));
    }
}

/// Reads to the end, past the limit or past the pace. The first piece is handed on without a copy,
/// since most bodies have no second.
async fn read_at(
    mut payload: Payload,
    max_bytes: usize,
    pace: Option<Pace>,
) -> Result<Bytes, Unread> {
    let began = Instant::now();
    let mut next = async |read: usize| {
        let piece = payload.next();
        let piece = match pace {
            None => piece.await,
            Some(pace) => timeout_at(began + pace.time_for(read), piece)
                .await
                .map_err(|_| Unread::TooSlow)?,
        };
        piece.transpose().map_err(Unread::Broken)
    };
    let Some(first) = next(0).await? else {
        return Ok(Bytes::new());
    };
    let mut length = first.len();
    let mut whole: Option<BytesMut> = None;
    while length <= max_bytes {
        let Some(more) = next(length).await? else {
            return Ok(whole.map_or(first, BytesMut::freeze));
        };
        length += more.len();
        let whole = whole.get_or_insert_with(|| BytesMut::from(&first[..]));
        whole.extend_from_slice(&more);
    }
    Err(Unread::TooLarge)
}

#[cfg(test)]
mod tests {
    use actix_web::dev;
    use futures_util::stream;

    use super::*;

    async fn read_pieces(pieces: &[&'static str], max_bytes: usize) -> Result<Bytes, Unread> {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| Ok(Bytes::from_static(piece.as_bytes())))
            .collect();
        let stream: actix_http::BoxedPayloadStream = Box::pin(stream::iter(pieces));
        let request = actix_web::test::TestRequest::default().to_http_request();
        let mut payload = dev::Payload::from(stream);
        let payload = <Payload as actix_web::FromRequest>::from_request(&request, &mut payload);
        let payload = payload.await.unwrap();
        read_at(payload, max_bytes, None).await
    }

    #[tokio::test]
    async fn pieces_are_put_together_up_to_the_limit() {
        assert_eq!(read_pieces(&[], 3).await.unwrap(), "");
        assert_eq!(read_pieces(&["abc"], 3).await.unwrap(), "abc");
        assert_eq!(read_pieces(&["ab", "c", "d"], 4).await.unwrap(), "abcd");
        for pieces in [&["abcd"][..], &["ab", "cd"], &["abc", "d", "never read"]] {
            assert!(matches!(
                read_pieces(pieces, 3).await,
                Err(Unread::TooLarge)
            ));
        }
    }

    #[tokio::test]
    async fn a_body_that_drips_is_given_up_and_one_that_flows_is_not() {
        let pace = Pace {
            patience: Duration::from_secs(1),
            bytes_per_s: 1_000,
        };
        let read = async |bytes: usize| {
            let drops = stream::iter(0..40).then(move |_| async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok(Bytes::from(vec![b'x'; bytes]))
            });
            let stream: actix_http::BoxedPayloadStream = Box::pin(drops);
            let request = actix_web::test::TestRequest::default().to_http_request();
            let mut payload = dev::Payload::from(stream);
            let payload = <Payload as actix_web::FromRequest>::from_request(&request, &mut payload);
            read_at(payload.await.unwrap(), 1 << 20, Some(pace)).await
        };
        let (drips, flows, floods) = tokio::join!(read(1), read(200), read(4_000));
        assert!(matches!(drips, Err(Unread::TooSlow)));
        assert_eq!(flows.unwrap().len(), 40 * 200);
        assert_eq!(floods.unwrap().len(), 40 * 4_000);
    }
}
