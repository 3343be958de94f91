//! Short polling: ask at a fixed interval, from a cursor, or for the latest state again and again,
//! with a validator or without (RFC 9110 §13.1.2).
//!
//! Two timers are in use in the world, and a run says which it measured: one that fires every
//! interval whatever the answers do (`setInterval`), and one that is set after each answer.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{
    ClientContext, Cursor, Ended, Follow, add,
    back_off::Curve,
    connection::Connection,
    http,
    message::{Polled, read},
    poll::poll,
};

/// What a poll asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PollFor {
    /// What came since the last answer
    #[default]
    News,
    /// The latest publication, whether it is new or not, as most pages that poll do
    State,
    /// The latest publication, if it is another than last time: If-None-Match, answered by 304
    ChangedState,
}

/// A client that asks at an interval.
pub struct ShortPoll {
    /// From one question to the next.
    pub interval: Duration,
    /// The next poll leaves this long after the answer, instead of after the last poll.
    pub after_answer: bool,
    /// How long after the first answer the timer starts: clients that all began at once would
    /// otherwise poll in step.
    pub phase: Duration,
    /// What it asks for: news, the state, or the state if it changed.
    pub poll_for: PollFor,
}

/// What a poll from a cursor asks for.
pub fn path(channel: &str, cursor: &Cursor) -> String {
    match cursor.query() {
        none if none.is_empty() => format!("/short-poll/{channel}"),
        position => format!("/short-poll/{channel}?{position}"),
    }
}

impl Follow for ShortPoll {
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

    /// A timer goes on, whatever became of the last request.
    fn native_back_off(&self) -> Option<Curve> {
        Some(Curve::fixed(self.interval))
    }

    fn grace(&self) -> Duration {
        Duration::from_secs(1)
    }
}

impl ShortPoll {
    async fn poll_for_ever(&self, context: &mut ClientContext<'_>) -> Result<(), Ended> {
        let mut io = context.connect().await?;
        let began = Instant::now();
        let mut ticks = interval_at(
            began + self.phase.max(Duration::from_millis(1)),
            self.interval,
        );
        // A poll that took longer than the interval is followed by one poll, not by a volley.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut is_first = true;
        let mut etag = None;
        while !context.stopping.get() {
            let at_us = match self.poll_for {
                PollFor::News => ask_for_news(&mut io, context).await?,
                PollFor::State => {
                    etag = None;
                    ask_for_state(&mut io, context, &mut etag).await?
                }
                PollFor::ChangedState => ask_for_state(&mut io, context, &mut etag).await?,
            };
            if std::mem::take(&mut is_first) {
                context.inbox.subscribed(at_us);
            }
            if context.steps.is_some() {
                context.step().await;
            } else if self.after_answer {
                tokio::time::sleep(self.interval).await;
            } else {
                ticks.tick().await;
            }
        }
        Ok(())
    }
}

async fn ask_for_news(io: &mut Connection, context: &mut ClientContext<'_>) -> Result<u64, Ended> {
    let target = path(context.channel, context.cursor);
    let asked = context.cursor.offset();
    let at_us = poll(io, context, &target).await?;
    context.tally.answered(asked, context.cursor.offset());
    Ok(at_us)
}

/// Where the latest publication of a channel is.
pub fn state_path(channel: &str) -> String {
    format!("/short-poll/{channel}?history=1")
}

/// The headers that ask for it only if it is another.
pub fn unless(etag: &str) -> String {
    format!("If-None-Match: {etag}\r\n")
}

async fn ask_for_state(
    io: &mut Connection,
    context: &mut ClientContext<'_>,
    etag: &mut Option<String>,
) -> Result<u64, Ended> {
    let target = state_path(context.channel);
    let headers = etag.as_deref().map(unless).unwrap_or_default();
    http::get(io, context.target, &target, &headers).await?;
    let head = http::read_head(io).await?;
    let body = http::read_body(io, &head).await?;
    let at_us = io.read_at_us();
    if head.status == 304 {
        add(&io.tally().empty_answers, 1);
        return Ok(at_us);
    }
    http::expect(200, head.status, &target, &body)?;
    etag.clone_from(&head.etag);
    read::<Polled<'_>>(&body)?.deliver_news(context.cursor, context.inbox, at_us)?;
    Ok(at_us)
}
