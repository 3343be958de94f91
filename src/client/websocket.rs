//! A plain WebSocket that carries the JSON envelope.

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
        Box::pin(async move {
            match socket(visit).await {
                Ok(never) => never,
                Err(ended) => ended,
            }
        })
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
        frames
            .next(|text, at_us| {
                Published::read(text)?.deliver(visit.cursor, visit.inbox, at_us);
                Ok(())
            })
            .await?;
    }
}
