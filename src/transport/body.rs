//! Reading the body of a request, up to a limit; what an error is told as is its reader's.
//!
//! actix's own reader takes 32 KiB for every body and copies it there. Most bodies here are a few
//! hundred bytes and come in one piece, which is handed on as it is.

use actix_web::{
    error::PayloadError,
    web::{Bytes, BytesMut, Payload},
};
use futures_util::StreamExt;

/// Why a body cannot be had.
#[derive(Debug)]
pub enum Unread {
    /// There is more of it than the limit.
    TooLarge,
    /// It broke off, or is not what its head announces.
    Broken(PayloadError),
}

/// The whole body. What follows the piece that passes the limit is not waited for.
pub async fn read(mut payload: Payload, max_bytes: usize) -> Result<Bytes, Unread> {
    let mut next = async || payload.next().await.transpose().map_err(Unread::Broken);
    let Some(first) = next().await? else {
        return Ok(Bytes::new());
    };
    let mut length = first.len();
    let mut whole: Option<BytesMut> = None;
    while length <= max_bytes {
        let Some(more) = next().await? else {
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
        read(payload, max_bytes).await
    }

    #[actix_web::test]
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
}
