//! Short polling.

use super::{Answer, At, EachLane, Polled, Wanted, plain_answer};
use crate::{
    catalogue::{Lane, SHORT_POLL},
    client::{
        Cursor, Follow,
        short_poll::{ShortPoll, path},
    },
    run::plan::PollTimer,
};

pub struct ShortPolling;

impl EachLane for ShortPolling {
    fn lane(&self) -> &'static Lane {
        &SHORT_POLL
    }

    fn client(&self, wanted: &Wanted<'_>) -> Box<dyn Follow> {
        let plan = wanted.plan;
        // Polls are spread evenly over one interval, so that the mean over the clients is the mean
        // over all phases, whatever the schedule's beat is.
        let share = (wanted.index as f64 + 0.5) / plan.clients as f64;
        Box::new(ShortPoll {
            interval: plan.poll_interval.0,
            after_answer: plan.poll_timer == PollTimer::AfterAnswer,
            phase: plan.poll_interval.0.mul_f64(share),
            poll_for: plan.poll_for,
        })
    }

    fn request(&self, at: &At<'_>, cursor: &Cursor) -> Option<Vec<u8>> {
        Some(at.get(&path(at.channel, cursor)))
    }

    fn answer(&self, _at: &At<'_>, polled: &Polled<'_>) -> Option<Answer> {
        Some(plain_answer(polled))
    }
}
