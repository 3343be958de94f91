//! What phones say: guesses, answers, and how they are.

use super::{
    Class, ClassError, groups,
    guess::Guess,
    participant::{Participant, ParticipantId, Report, RunDelay, Seen},
    state::GridState,
};
use crate::catalogue::{self, variant};

/// A delay that a phone reports is shown up to ten minutes.
const DELAY_MAX_MS: f64 = 600_000.0;
/// How far off a phone's estimate of the lab's clock may be at most, ms: half of the longest exchange that
/// pages wait for.
const CLOCK_OFF_MS: f64 = 2_600.0;

impl Class {
    /// Whether names, guesses and answers are taken. Reports always are: they say how a phone is.
    pub(super) fn listens(&self) -> Result<(), ClassError> {
        match self.muted {
            true => Err(ClassError::Muted),
            false if self.frozen => Err(ClassError::Frozen),
            false => Ok(()),
        }
    }

    pub fn guess(
        &mut self,
        id: ParticipantId,
        step: usize,
        guess: Guess,
    ) -> Result<(), ClassError> {
        let is_native = self.participant_mut(id)?.is_native;
        self.listens()?;
        let given = self.given.as_mut();
        let given = given.ok_or(ClassError::StepIsOver("no lesson is given"))?;
        given.guess(id, step, guess)?;
        given.said_by(id, is_native);
        self.changed();
        Ok(())
    }

    /// `choice`: from 1.
    pub fn answer(
        &mut self,
        id: ParticipantId,
        step: usize,
        choice: usize,
    ) -> Result<(), ClassError> {
        let is_native = self.participant_mut(id)?.is_native;
        self.listens()?;
        let given = self.given.as_mut();
        let given = given.ok_or(ClassError::StepIsOver("no lesson is given"))?;
        given.answer(id, step, choice)?;
        given.said_by(id, is_native);
        self.changed();
        Ok(())
    }

    /// How a phone is; no revision of the class, unless it woke or fell asleep.
    pub fn report(
        &mut self,
        id: ParticipantId,
        report: Report,
        now_us: u64,
    ) -> Result<(), ClassError> {
        // Nothing that it was sent is older than the class, by a clock that may be a little off.
        let age_ms = now_us.saturating_sub(self.began_us) as f64 / 1_000.0 + CLOCK_OFF_MS;
        let participant = self.participant_mut(id)?;
        participant.last_seen_us = now_us;
        participant.can = report.can.or(participant.can);
        let live = &mut participant.live;
        let before = live.clone();
        live.is_asleep = !report.visible;
        live.line = report.state;
        live.lane = report
            .lane
            .filter(|lane| catalogue::lane(lane).is_some() || variant(lane).is_some());
        live.delay_ms = report
            .delay_ms
            .filter(|delay| delay.is_finite() && (0.0..=age_ms.min(DELAY_MAX_MS)).contains(delay));
        live.seen = report.seen;
        let is_sound = |ms: f64| ms.is_finite() && (0.0..=DELAY_MAX_MS).contains(&ms);
        live.run_delay = report
            .run_delay
            .filter(|delay| is_sound(delay.mean_ms) && is_sound(delay.bound_ms));
        live.run = report.run;
        let is_left_out = participant.is_native && participant.group.is_none();
        if *live != before {
            self.grid_changed();
        }
        if is_left_out && self.is_on_natives() {
            let group = groups::next(&self.groups, &self.members());
            self.participant_mut(id)?.group = group;
            self.changed();
        }
        Ok(())
    }

    /// What the phones that are open counted in a run: sleeping ones are left out.
    pub fn seen(&self, run: u64, now_us: u64) -> Vec<(ParticipantId, Option<usize>, Seen)> {
        self.participants
            .iter()
            .filter(|one| one.live.run == Some(run) && one.state(now_us) == GridState::Open)
            .filter_map(|one| Some((one.id, one.group, one.live.seen?)))
            .collect()
    }

    /// How late what the phones that are open got in a run was, with the group of each.
    pub fn run_delays(&self, run: u64, now_us: u64) -> Vec<(usize, RunDelay)> {
        let open =
            |one: &&Participant| one.live.run == Some(run) && one.state(now_us) == GridState::Open;
        let all = self.participants.iter().filter(open);
        all.filter_map(|one| Some((one.group?, one.live.run_delay?)))
            .collect()
    }
}
