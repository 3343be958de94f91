//! Channels over `xhr_streaming`: one response that grows, and a second connection for what the
//! client says (`docs/protocols/pusher-channels.md`, "Streaming").
//!
//! ```text
//! down │ POST xhr_streaming ──► o, established, …      … 256 KiB │           (idle)
//! up   │            POST xhr_send ──► subscribe                  │ POST xhr_streaming ──► …
//! ```
//! When a response has grown past 256 KiB the client fetches by a new request on the same session,
//! on the connection that is idle, reads the old response to its end, and the two change places.

use futures_util::future::LocalBoxFuture;

use super::{
    Channels,
    lines::{Session, take},
};
use crate::{
    client::{
        ClientContext, Ended, Follow,
        back_off::Curve,
        connection::Connection,
        http::{self, Chunks},
    },
    codec::pusher::line::utf16_units,
};

/// pusher-js's `MAX_BUFFER_LENGTH`, in UTF-16 code units of the response's text.
const ROTATES_AFTER: usize = 256 << 10;

/// A client of Channels whose frames come by a response that grows.
pub struct OverStreaming(pub Channels);

impl Follow for OverStreaming {
    fn follow<'a>(&'a mut self, context: &'a mut ClientContext<'_>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move { stream(&self.0, context).await.unwrap_or_else(|ended| ended) })
    }

    fn read(
        &mut self,
        bytes: &[u8],
        at_us: u64,
        context: &mut ClientContext<'_>,
    ) -> Result<(), Ended> {
        let mut text = http::chunk(bytes)?.to_vec();
        take(&self.0, &mut text, at_us, context).map(drop)
    }

    fn native_back_off(&self) -> Option<Curve> {
        Some(Curve::PUSHER)
    }
}

async fn stream(channels: &Channels, context: &mut ClientContext<'_>) -> Result<Ended, Ended> {
    let session = Session::new(channels);
    let fetch = session.fetch("xhr_streaming");
    let mut down = context.connect().await?;
    let mut chunks = open(&mut down, context, &fetch).await?;
    // Opened when there is something to say.
    let mut up: Option<Connection> = None;
    let mut text = Vec::new();
    let mut units = 0;
    loop {
        let before = text.len();
        if !chunks.read(&mut down, &mut text).await? {
            return Ok(Ended::Closed("the stream ended".into()));
        }
        units += utf16_units(&text[before..]);
        let taken = take(channels, &mut text, down.read_at_us(), context)?;
        if !taken.answers.is_empty() || taken.beat {
            let io = match &mut up {
                Some(io) => io,
                none => none.insert(context.connect().await?),
            };
            session.send(io, context, &taken.answers).await?;
        }
        if units > ROTATES_AFTER {
            let mut next = match up.take() {
                Some(io) => io,
                None => context.connect().await?,
            };
            let next_chunks = open(&mut next, context, &fetch).await?;
            // The server has ended the old response, and what is left of it is older.
            while chunks.read(&mut down, &mut text).await? {}
            chunks = next_chunks;
            take(channels, &mut text, down.read_at_us(), context)?;
            up = Some(std::mem::replace(&mut down, next));
            units = 0;
        }
    }
}

async fn open(
    io: &mut Connection,
    context: &ClientContext<'_>,
    fetch: &str,
) -> Result<Chunks, Ended> {
    http::post(io, context.target, fetch, b"").await?;
    http::expect_stream(io, fetch).await
}
