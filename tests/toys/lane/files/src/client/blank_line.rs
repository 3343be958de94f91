//! The toy's reader: lines of JSON, of which every other one is empty.

use futures_util::future::LocalBoxFuture;
use serde::Deserialize;

use super::{
    ClientContext, Ended, Follow, add, http,
    message::{Published, Subscribed, read},
};
use crate::codec::ndjson::Decoder;

/// A client of it.
pub struct BlankLine;

impl Follow for BlankLine {
    fn follow<'a>(&'a mut self, context: &'a mut ClientContext<'_>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move { stream(context).await.unwrap_or_else(|ended| ended) })
    }
}

#[derive(Deserialize)]
struct Greeting {
    subscribed: Subscribed,
}

async fn stream(context: &mut ClientContext<'_>) -> Result<Ended, Ended> {
    let mut io = context.connect().await?;
    let target = context.channel_target("/blank-line/");
    http::get(&mut io, context.target, &target, "").await?;
    http::expect_stream(&mut io, &target).await?;
    let mut decoder = Decoder::default();
    let mut chunk = Vec::new();
    while http::read_chunk(&mut io, &mut chunk).await? {
        let at_us = io.read_at_us();
        let lines = decoder.feed(&chunk);
        let lines = lines.map_err(|error| Ended::NotUnderstood(error.to_string()))?;
        chunk.clear();
        add(&io.tally().down.framing, lines.len());
        for line in lines.iter().filter(|line| !line.is_empty()) {
            let text = str::from_utf8(line);
            let text = text.map_err(|error| Ended::NotUnderstood(error.to_string()))?;
            if text.starts_with("{\"subscribed\":") {
                read::<Greeting>(line)?.subscribed.accept(context.cursor)?;
                context.inbox.subscribed(at_us);
            } else if text.starts_with("{\"closing\":") {
                return Ok(Ended::Closed(text.to_owned()));
            } else {
                Published::read(text)?.deliver(context.cursor, context.inbox, at_us);
            }
        }
    }
    Ok(Ended::Closed("the stream ended".into()))
}
