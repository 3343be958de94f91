//! A plain WebSocket that carries the JSON envelope: publications down, and up on the same
//! connection if there is something in its outbox.

use futures_util::future::LocalBoxFuture;
use serde::Deserialize;

use super::{
    ClientContext, Ended, Follow,
    frames::Frames,
    message::{Published, Subscribed, read},
};

pub struct WebSocket {
    /// Of the lane, up to the channel's name.
    pub path: &'static str,
}

impl Follow for WebSocket {
    fn follow<'a>(&'a mut self, context: &'a mut ClientContext<'_>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move {
            socket(self.path, context)
                .await
                .unwrap_or_else(|ended| ended)
        })
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

async fn socket(path: &str, context: &mut ClientContext<'_>) -> Result<Ended, Ended> {
    let target = context.channel_target(path);
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
            .next(|text, at_us| hear(text, at_us, context))
            .await?;
    }
}

/// A publication as it goes up.
pub fn message(publication: &str) -> String {
    format!("{{\"publish\":{publication}}}")
}

fn hear(text: &str, at_us: u64, context: &mut ClientContext<'_>) -> Result<(), Ended> {
    if text.starts_with("{\"ack\":") {
        context.inbox.acknowledged();
        return Ok(());
    }
    if text.starts_with("{\"error\":") {
        return Err(Ended::Closed(text.to_owned()));
    }
    Published::read(text)?.deliver(context.cursor, context.inbox, at_us);
    Ok(())
}
