//! A class that was kept over a stop of the server.

use std::sync::Arc;

use super::{
    CODE_LENGTH, CODE_LETTERS, Class, Now, Outcome,
    leading::RECORDS_MAX,
    participant::{GONE_AFTER_US, ParticipantId},
    phones::PARTICIPANTS_MAX,
    tools::is_page,
};
use crate::lessons::Lesson;

/// More than can have been since the file was written.
const REVISIONS_OF_A_STOP: u64 = 1_000_000;
/// What grows in a file that was not changed by hand stays below.
const COUNTS_MAX: u64 = 1 << 50;

impl Class {
    /// Goes on after the server was stopped: `find` looks a lesson up by its id. A run that went on
    /// has failed; a lesson whose file is another one now is put away with what was done in it.
    pub fn go_on(&mut self, find: impl FnOnce(&str) -> Option<Arc<Lesson>>, now: impl Into<Now>) {
        let Now {
            of_day_us: now_us,
            running_us,
        } = now.into();
        // Pages have seen states that are not in the file, which may be a second old: whatever comes now
        // is newer than all of them.
        self.revision = self.revision.saturating_add(REVISIONS_OF_A_STOP);
        let seen = self.participants.iter().map(|one| one.last_seen_us);
        let stopped_us = seen.max().unwrap_or(now_us);
        for participant in &mut self.participants {
            // Who was there has ten seconds to come back before the wall says that it is gone. Who had
            // gone before is gone, and so is a stand-in, whose program was this one's.
            let silent_us = stopped_us.saturating_sub(participant.last_seen_us);
            let was_there = silent_us < GONE_AFTER_US && !participant.is_native;
            participant.live.heard_us = running_us;
            participant.live.stream_until_us = match was_there {
                true => running_us,
                false => running_us.saturating_sub(GONE_AFTER_US),
            };
        }
        // Before the lesson is put away: what is recorded is over.
        let stopped = Outcome::failed("the lab was stopped in the middle of it");
        self.end_run(stopped, now_us);
        if let Some(given) = &mut self.given {
            let lesson = find(&given.id);
            if !given.find_again(lesson) {
                self.put_away();
            }
        }
        self.share_out();
        self.changed();
    }

    /// Whether what was read from a file can be gone on with: the bounds hold that every call keeps.
    pub fn is_sound(&self) -> bool {
        let is_code = self.code.len() == CODE_LENGTH
            && self
                .code
                .bytes()
                .all(|letter| CODE_LETTERS.contains(&letter));
        let is_id = self.id.len() == 8 && self.id.bytes().all(|b| b.is_ascii_hexdigit());
        let ids = self.participants.iter().map(|one| one.id);
        is_code
            && is_id
            && self.participants.len() <= PARTICIPANTS_MAX
            && self.done.len() <= RECORDS_MAX
            && ids.max().is_none_or(|last| last.0 < self.next_id)
            && self.next_id < ParticipantId::MAX
            && self.page.as_deref().is_none_or(is_page)
            && [self.revision, self.page_number, self.reload]
                .iter()
                .all(|count| *count < COUNTS_MAX)
    }
}
