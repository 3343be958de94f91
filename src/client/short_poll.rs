//! Short polling: ask at a fixed interval, from a cursor.
//!
//! Two timers are in use in the world, and a run says which it measured: one that fires every
//! interval whatever the answers do (`setInterval`), and one that is set after each answer.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{
    Cursor, Ended, Follow, Visit, add, http,
    message::{Polled, read},
};

pub struct ShortPoll {
    pub interval: Duration,
    /// The next poll leaves this long after the answer, instead of after the last poll.
    pub after_answer: bool,
    /// How long after the first answer the timer starts: clients that all began at once would
    /// otherwise poll in step.
    pub phase: Duration,
    /// Ask for the newest publication alone, instead of for what followed the last answer.
    pub latest: bool,
}

/// What a poll from a cursor asks for.
pub fn path(channel: &str, cursor: &Cursor) -> String {
    match cursor.query() {
        none if none.is_empty() => format!("/short-poll/{channel}"),
        position => format!("/short-poll/{channel}?{position}"),
    }
}

impl Follow for ShortPoll {
    fn follow<'a>(&'a mut self, visit: &'a mut Visit<'_>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move {
            match self.poll_for_ever(visit).await {
                Ok(()) => Ended::Stopped,
                Err(ended) => ended,
            }
        })
    }

    fn grace(&self) -> Duration {
        Duration::from_secs(1)
    }
}

impl ShortPoll {
    async fn poll_for_ever(&self, visit: &mut Visit<'_>) -> Result<(), Ended> {
        let mut io = visit.connect().await?;
        let began = Instant::now();
        let mut ticks = interval_at(
            began + self.phase.max(Duration::from_millis(1)),
            self.interval,
        );
        // A poll that took longer than the interval is followed by one poll, not by a volley.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut is_first = true;
        while !visit.stopping.get() {
            let target = match self.latest {
                true => format!("/short-poll/{}?history=1&limit=1", visit.channel),
                false => path(visit.channel, visit.cursor),
            };
            let asked = visit.cursor.offset();
            let body = http::ask(&mut io, visit.target, &target).await?;
            let at_us = io.read_at_us();
            let polled: Polled<'_> = read(&body)?;
            if polled.publications.is_empty() {
                add(&io.tally().empty_answers, 1);
            }
            polled.deliver(visit.cursor, visit.inbox, at_us)?;
            visit.tally.answered(asked, visit.cursor.offset());
            if std::mem::take(&mut is_first) {
                visit.inbox.subscribed(at_us);
            }
            if self.after_answer {
                tokio::time::sleep(self.interval).await;
            } else {
                ticks.tick().await;
            }
        }
        Ok(())
    }
}
