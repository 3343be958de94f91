//! Long polling.

use super::{Answer, At, EachLane, Polled, Wanted, plain_answer};
use crate::{
    catalogue::{LONG_POLL, Lane},
    client::{
        Cursor, Follow,
        long_poll::{LongPoll, path},
    },
};

pub struct LongPolling;

impl EachLane for LongPolling {
    fn lane(&self) -> &'static Lane {
        &LONG_POLL
    }

    fn client(&self, wanted: &Wanted<'_>) -> Box<dyn Follow> {
        Box::new(LongPoll {
            hold: wanted.plan.hold.0,
        })
    }

    fn request(&self, at: &At<'_>, cursor: &Cursor) -> Option<Vec<u8>> {
        Some(at.get(&path(at.channel, cursor, at.hold_ms)))
    }

    fn answer(&self, _at: &At<'_>, polled: &Polled<'_>) -> Option<Answer> {
        Some(plain_answer(polled))
    }
}
