//! A plain WebSocket that carries the JSON envelope: publications down, and up on the same
//! connection if there is something in its outbox.

use futures_util::future::LocalBoxFuture;
use serde::Deserialize;

use super::{
    Ended, Follow, Visit,
    frames::Frames,
    message::{Published, Subscribed, read},
};

pub struct WebSocket;

impl Follow for WebSocket {
    fn follow<'a>(&'a mut self, visit: &'a mut Visit<'_>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move { socket(visit).await.unwrap_or_else(|ended| ended) })
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

async fn socket(visit: &mut Visit<'_>) -> Result<Ended, Ended> {
    let target = match visit.cursor.query() {
        none if none.is_empty() => format!("/ws/{}", visit.channel),
        position => format!("/ws/{}?{position}", visit.channel),
    };
    let mut frames = Frames::open(visit, &target).await?;
    let at_us = frames
        .next(|text, at_us| {
            let greeting: Greeting = read(text.as_bytes())?;
            greeting.subscribed.accept(visit.cursor)?;
            Ok(at_us)
        })
        .await?;
    visit.inbox.subscribed(at_us);
    loop {
        if let Some(outbox) = visit.outbox {
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
        frames.next(|text, at_us| hear(text, at_us, visit)).await?;
    }
}

/// A publication as it goes up.
pub fn message(publication: &str) -> String {
    format!("{{\"publish\":{publication}}}")
}

fn hear(text: &str, at_us: u64, visit: &mut Visit<'_>) -> Result<(), Ended> {
    if text.starts_with("{\"ack\":") {
        visit.inbox.acknowledged();
        return Ok(());
    }
    if text.starts_with("{\"error\":") {
        return Err(Ended::Closed(text.to_owned()));
    }
    Published::read(text)?.deliver(visit.cursor, visit.inbox, at_us);
    Ok(())
}
