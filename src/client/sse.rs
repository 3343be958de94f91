//! Server-sent events, read as an `EventSource` does (WHATWG HTML §9.2), by its own stream reader
//! ([`crate::codec::sse`]); continues with `Last-Event-ID`.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::{
    ClientContext, Ended, Follow, add,
    back_off::Curve,
    http,
    message::{BARE, Published, Subscribed, read},
};
use crate::codec::sse::{Decoder, Event};

/// How long browsers wait where a stream does not say: Chrome's default, of the order that the
/// standard asks for ("probably in the region of a few seconds", §9.2.3).
const RETRY_DEFAULT: Duration = Duration::from_secs(3);

/// A client of event streams.
pub struct Sse {
    /// Asks for data without the envelope.
    is_bare: bool,
    /// What the stream's `retry:` asked for.
    retry: Option<Duration>,
}

impl Sse {
    /// `is_bare`: the data alone is asked for, without positions.
    pub fn new(is_bare: bool) -> Self {
        Self {
            is_bare,
            retry: None,
        }
    }
}

impl Follow for Sse {
    fn follow<'a>(&'a mut self, context: &'a mut ClientContext<'_>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move {
            stream(context, self.is_bare, &mut self.retry)
                .await
                .unwrap_or_else(|ended| ended)
        })
    }

    fn read(
        &mut self,
        bytes: &[u8],
        at_us: u64,
        context: &mut ClientContext<'_>,
    ) -> Result<(), Ended> {
        let events = Decoder::default().feed(http::chunk(bytes)?);
        let mut events = events.iter();
        events.try_for_each(|event| take(event, self.is_bare, context, at_us))
    }

    fn native_back_off(&self) -> Option<Curve> {
        Some(Curve::fixed(self.retry.unwrap_or(RETRY_DEFAULT)))
    }
}

async fn stream(
    context: &mut ClientContext<'_>,
    is_bare: bool,
    retry: &mut Option<Duration>,
) -> Result<Ended, Ended> {
    let mut io = context.connect().await?;
    let target = match is_bare {
        true => format!("/sse/{}?{BARE}", context.channel),
        false => format!("/sse/{}", context.channel),
    };
    let last = match &context.cursor.0 {
        Some(position) if !is_bare => format!("Last-Event-ID: {position}\r\n"),
        _ => String::new(),
    };
    let headers = format!("Accept: text/event-stream\r\nCache-Control: no-store\r\n{last}");
    http::get(&mut io, context.target, &target, &headers).await?;
    let mut chunks = http::expect_stream(&mut io, &target).await?;
    let mut decoder = Decoder::default();
    let mut chunk = Vec::new();
    while chunks.read(&mut io, &mut chunk).await? {
        let at_us = io.read_at_us();
        let events = decoder.feed(&chunk);
        *retry = decoder.retry_ms().map(Duration::from_millis).or(*retry);
        // What is not data is the stream's own: field names, ids, comments, line ends.
        let data: usize = events.iter().map(|event| event.data.len()).sum();
        add(&io.tally().down.framing, chunk.len().saturating_sub(data));
        chunk.clear();
        for event in events {
            take(&event, is_bare, context, at_us)?;
        }
    }
    Ok(Ended::Closed("the stream ended".into()))
}

fn take(
    event: &Event,
    is_bare: bool,
    context: &mut ClientContext<'_>,
    at_us: u64,
) -> Result<(), Ended> {
    let data = event.data.as_bytes();
    match event.event.as_str() {
        "message" if is_bare => {
            context.inbox.publication(&event.data, at_us);
            Ok(())
        }
        "message" => {
            Published::read(&event.data)?.deliver(context.cursor, context.inbox, at_us);
            Ok(())
        }
        "subscribed" => {
            read::<Subscribed>(data)?.accept(context.cursor)?;
            context.inbox.subscribed(at_us);
            Ok(())
        }
        "closing" => Err(Ended::Closed(event.data.clone())),
        // Unknown events are for others (§9.2.6).
        _ => Ok(()),
    }
}
