//! Long polling: ask, be answered when there is something, and ask again at once (RFC 6202 §2).

use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::{
    ClientContext, Cursor, Ended, Follow,
    back_off::Curve,
    message::{Polled, read},
    poll::poll,
};

/// A client that holds one question at a time.
pub struct LongPoll {
    /// How long the server is to hold a request that it has no answer to.
    pub hold: Duration,
}

/// What a poll from a cursor asks for.
pub fn path(channel: &str, cursor: &Cursor, hold_ms: u64) -> String {
    let position = match cursor.query() {
        none if none.is_empty() => none,
        position => format!("{position}&"),
    };
    format!("/long-poll/{channel}?{position}hold_ms={hold_ms}")
}

impl Follow for LongPoll {
    fn follow<'a>(&'a mut self, context: &'a mut ClientContext<'_>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move {
            match self.poll_for_ever(context).await {
                Ok(()) => Ended::Stopped,
                Err(ended) => ended,
            }
        })
    }

    fn read(
        &mut self,
        bytes: &[u8],
        at_us: u64,
        context: &mut ClientContext<'_>,
    ) -> Result<(), Ended> {
        read::<Polled<'_>>(bytes)?.deliver(context.cursor, context.inbox, at_us)
    }

    /// No standard says; this lab's own page asks again as this does.
    fn native_back_off(&self) -> Option<Curve> {
        Some(Curve::QUICK)
    }
}

impl LongPoll {
    async fn poll_for_ever(&self, context: &mut ClientContext<'_>) -> Result<(), Ended> {
        let mut io = context.connect().await?;
        // The first request is not held: it says where the channel is.
        let mut hold = Duration::ZERO;
        while !context.stopping.get() {
            let target = path(context.channel, context.cursor, hold.as_millis() as u64);
            let at_us = poll(&mut io, context, &target).await?;
            if hold.is_zero() {
                context.inbox.subscribed(at_us);
                hold = self.hold;
            }
            context.step().await;
        }
        Ok(())
    }
}
