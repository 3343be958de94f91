//! What phones say: guesses, answers, and how they are.

use super::{
    Class, ClassError, Now, groups,
    guess::Guess,
    participant::{Delays, LineState, Participant, ParticipantId, Report, Seen},
    state::{GridState, GroupView},
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

    /// Takes a guess for a step; see `Given::guess`.
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

    /// How a phone is; no revision of the class, unless it woke or fell asleep. What it measured counts
    /// where it was measured in what is set up now and in the run that is shown.
    pub fn report(
        &mut self,
        id: ParticipantId,
        report: Report,
        now: impl Into<Now>,
    ) -> Result<(), ClassError> {
        let now = now.into();
        let run = report.run.unwrap_or_default();
        let is_of_set = report.set == self.set;
        let is_of_run =
            is_of_set && run == self.run_shown() && (run == 0 || self.set_of_run == self.set);
        // Nothing that it was sent is older than what it was sent in, by a clock that may be a little off.
        let since_us = match self.run().filter(|_| run > 0) {
            Some(run) => run.began_us.unwrap_or(self.began_us),
            None => self.began_us,
        };
        let age_ms = now.of_day_us.saturating_sub(since_us) as f64 / 1_000.0 + CLOCK_OFF_MS;
        let longest_ms = age_ms.min(DELAY_MAX_MS);
        let participant = self.participant_mut(id)?;
        participant.heard(now);
        participant.can = report.can.or(participant.can);
        let live = &mut participant.live;
        let before = live.clone();
        live.is_asleep = !report.visible;
        live.line = match is_of_set {
            true => report.state,
            false => LineState::Connecting,
        };
        live.lane = report.lane.filter(|lane| {
            is_of_set && (catalogue::lane(lane).is_some() || variant(lane).is_some())
        });
        let is_sound = |delay: &f64| delay.is_finite() && (0.0..=longest_ms).contains(delay);
        live.delay_ms = report.delay_ms.filter(|delay| is_of_run && is_sound(delay));
        let said = report.seen.filter(|_| is_of_run);
        live.seen = said.map(|said| live.counted.with(run, said));
        live.delays = report.delays.filter(|delays| {
            let late = [delays.received, delays.painted];
            let is_sound = late.iter().flatten().all(|late| late.is_sound(longest_ms));
            is_of_run && is_sound && (0.0..=CLOCK_OFF_MS).contains(&delays.bound_ms)
        });
        live.run = run;
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

    /// What phones said of the time before counts no more.
    pub(super) fn begin_anew(&mut self) {
        for participant in &mut self.participants {
            participant.live.begin_anew();
        }
        self.grid_changed();
    }

    /// What the phones that are open counted in a run: sleeping ones are left out.
    pub fn seen(&self, run: u64, running_us: u64) -> Vec<(ParticipantId, Option<usize>, Seen)> {
        self.open_in(run, running_us)
            .filter_map(|one| Some((one.id, one.group, one.live.seen?)))
            .collect()
    }

    /// Of the phones that are open and follow something: how many have their line, and how many there are.
    pub fn arrivals(&self, running_us: u64) -> (usize, usize) {
        let here = (self.participants.iter())
            .filter(|one| one.group.is_some() && one.state(running_us) == GridState::Open);
        here.fold((0, 0), |(connected, all), one| {
            let is_connected = one.live.line == LineState::Open && one.live.lane.is_some();
            (connected + usize::from(is_connected), all + 1)
        })
    }

    /// Of the phones on a lane that are open: how many counted at least `least` of something in a run, and how
    /// many there are. `None`: phones do not count that.
    pub fn have_counted(
        &self,
        (lane, counter): (&str, &str),
        least: f64,
        run: u64,
        running_us: u64,
    ) -> Option<(usize, usize)> {
        let of: fn(&Seen) -> u64 = match counter {
            "requests" => |seen| seen.requests,
            "empty_answers" => |seen| seen.empty,
            "delivered" => |seen| seen.received,
            _ => return None,
        };
        let on_lane = (self.participants.iter()).filter(|one| {
            let group = one.group.and_then(|group| self.groups.get(group));
            group.is_some_and(|group| group.lane == lane)
                && one.state(running_us) == GridState::Open
        });
        Some(on_lane.fold((0, 0), |(have, all), one| {
            let seen = one.live.seen.filter(|_| one.live.run == run);
            let has = seen.is_some_and(|seen| of(&seen) as f64 >= least);
            (have + usize::from(has), all + 1)
        }))
    }

    /// How late what the phones that are open got in a run was, with the group of each; 0: before any run. Who
    /// has no event stream has no voice: a page that shows the class has one.
    pub fn delays(&self, run: u64, running_us: u64) -> Vec<(ParticipantId, &GroupView, Delays)> {
        self.open_in(run, running_us)
            .filter(|one| one.live.streams > 0)
            .filter_map(|one| Some((one.id, self.groups.get(one.group?)?, one.live.delays?)))
            .collect()
    }

    fn open_in(&self, run: u64, running_us: u64) -> impl Iterator<Item = &Participant> {
        let is_open = move |one: &&Participant| {
            one.live.run == run && one.state(running_us) == GridState::Open
        };
        self.participants.iter().filter(is_open)
    }
}
