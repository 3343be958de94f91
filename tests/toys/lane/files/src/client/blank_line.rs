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

    fn read(
        &mut self,
        bytes: &[u8],
        at_us: u64,
        context: &mut ClientContext<'_>,
    ) -> Result<(), Ended> {
        let lines = lines(&mut Decoder::default(), http::chunk(bytes)?)?;
        let mut lines = lines.iter().filter(|line| !line.is_empty());
        lines.try_for_each(|line| take(line, context, at_us))
    }
}

/// First words of a stream.
#[derive(Deserialize)]
struct Greeting {
    subscribed: Subscribed,
}

async fn stream(context: &mut ClientContext<'_>) -> Result<Ended, Ended> {
    let mut io = context.connect().await?;
    let target = context.channel_target("/blank-line/");
    http::get(&mut io, context.target, &target, "").await?;
    let mut chunks = http::expect_stream(&mut io, &target).await?;
    let mut decoder = Decoder::default();
    let mut chunk = Vec::new();
    while chunks.read(&mut io, &mut chunk).await? {
        let at_us = io.read_at_us();
        let lines = lines(&mut decoder, &chunk)?;
        chunk.clear();
        // The end of each is the stream's own.
        add(&io.tally().down.framing, lines.len());
        for line in lines.iter().filter(|line| !line.is_empty()) {
            take(line, context, at_us)?;
        }
    }
    Ok(Ended::Closed("the stream ended".into()))
}

fn lines(decoder: &mut Decoder, chunk: &[u8]) -> Result<Vec<Vec<u8>>, Ended> {
    let lines = decoder.feed(chunk);
    lines.map_err(|error| Ended::NotUnderstood(error.to_string()))
}

fn take(line: &[u8], context: &mut ClientContext<'_>, at_us: u64) -> Result<(), Ended> {
    let text = str::from_utf8(line).map_err(|error| Ended::NotUnderstood(error.to_string()))?;
    if text.starts_with("{\"subscribed\":") {
        let greeting: Greeting = read(line)?;
        greeting.subscribed.accept(context.cursor)?;
        context.inbox.subscribed(at_us);
        return Ok(());
    }
    if text.starts_with("{\"closing\":") {
        return Err(Ended::Closed(text.to_owned()));
    }
    Published::read(text)?.deliver(context.cursor, context.inbox, at_us);
    Ok(())
}
