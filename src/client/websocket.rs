//! A plain WebSocket that carries the JSON envelope, or bare data: publications down, and up on the
//! same connection if there is something in its outbox.

use futures_util::future::LocalBoxFuture;
use serde::Deserialize;

use super::{
    ClientContext, Ended, Follow,
    frames::{self, Frames},
    message::{BARE, Published, Subscribed, read},
};

/// A client of the plain envelope on a WebSocket.
pub struct WebSocket {
    /// Of the lane, up to the channel's name.
    pub path: &'static str,
    /// Asks for data without the envelope.
    pub is_bare: bool,
}

impl Follow for WebSocket {
    fn follow<'a>(&'a mut self, context: &'a mut ClientContext<'_>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move { socket(self, context).await.unwrap_or_else(|ended| ended) })
    }

    fn read(
        &mut self,
        bytes: &[u8],
        at_us: u64,
        context: &mut ClientContext<'_>,
    ) -> Result<(), Ended> {
        hear(self.is_bare, frames::text(bytes)?, at_us, context)
    }

    fn sends(&self) -> bool {
        true
    }
}

/// First words on the socket.
#[derive(Deserialize)]
struct Greeting {
    subscribed: Subscribed,
}

async fn socket(of: &WebSocket, context: &mut ClientContext<'_>) -> Result<Ended, Ended> {
    let target = match of.is_bare {
        true => format!("{}{}?{BARE}", of.path, context.channel),
        false => context.channel_target(of.path),
    };
    let mut frames = Frames::open(context, &target).await?;
    let at_us = frames
        .next(|text, at_us| {
            let greeting: Greeting = read(text.as_bytes())?;
            greeting.subscribed.accept(context.cursor)?;
            Ok(at_us)
        })
        .await?;
    context.inbox.subscribed(at_us);
    loop {
        if let Some(outbox) = context.outbox {
            let to_send = tokio::select! {
                biased;
                ready = frames.readable() => {
                    ready?;
                    None
                }
                publication = outbox.next() => Some(publication),
            };
            if let Some(publication) = to_send {
                frames.send(&message(&publication)).await?;
                continue;
            }
        }
        frames
            .next(|text, at_us| hear(of.is_bare, text, at_us, context))
            .await?;
    }
}

/// A publication as it goes up.
pub fn message(publication: &str) -> String {
    format!("{{\"publish\":{publication}}}")
}

fn hear(
    is_bare: bool,
    text: &str,
    at_us: u64,
    context: &mut ClientContext<'_>,
) -> Result<(), Ended> {
    if text.starts_with("{\"ack\":") {
        context.inbox.acknowledged();
        return Ok(());
    }
    if text.starts_with("{\"error\":") {
        return Err(Ended::Closed(text.to_owned()));
    }
    match is_bare {
        true => context.inbox.publication(text, at_us),
        false => Published::read(text)?.deliver(context.cursor, context.inbox, at_us),
    }
    Ok(())
}
