//! The phones of a class: who comes, what they are called, who is here, who goes.

use std::collections::BTreeSet;

use super::{
    Class, ClassError, Now, filter, groups, names,
    participant::{Live, Participant, ParticipantId, TokenHash},
    state::GridState,
};

/// Phones of one class.
pub const PARTICIPANTS_MAX: usize = 500;
/// Who is gone gives way in a full class after so long, µs.
const GIVES_WAY_AFTER_US: u64 = 60_000_000;

/// How many are how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Phones in use.
    pub open: usize,
    /// Phones whose page is hidden.
    pub asleep: usize,
    /// Phones that have said nothing for a while.
    pub gone: usize,
}

impl Class {
    /// A new phone. `at_random` chooses its name.
    ///
    /// # Errors
    ///
    /// The class is full, and all who are in it were here a moment ago.
    pub fn join(
        &mut self,
        token_hash: [u8; 32],
        at_random: u64,
        now: impl Into<Now>,
    ) -> Result<&Participant, ClassError> {
        let now = now.into();
        if self.participants.len() >= PARTICIPANTS_MAX {
            let gives_way = self.gives_way(now.running_us);
            self.remove(gives_way.ok_or(ClassError::Full(PARTICIPANTS_MAX))?)?;
        }
        let id = ParticipantId(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        let name = self.free_name(at_random);
        // Who has just come is not known to be a native client.
        let group = match self.is_on_natives() {
            true => None,
            false => groups::next(&self.groups, &self.members()),
        };
        let at = self.participants.len();
        self.participants.push(Participant {
            id,
            token_hash: TokenHash(token_hash),
            name,
            joined_us: now.of_day_us,
            last_seen_us: now.of_day_us,
            group,
            is_native: false,
            can: None,
            live: Live::since(now.running_us),
        });
        self.changed();
        Ok(&self.participants[at])
    }

    /// A phone is a stand-in: what it guesses is nobody's.
    pub fn stands_in(&mut self, id: ParticipantId) -> Result<(), ClassError> {
        self.participant_mut(id)?.is_native = true;
        self.changed();
        Ok(())
    }

    /// In a full class: of those that have no stream, and have not been heard of for a minute, the one that
    /// has been silent for longest.
    fn gives_way(&self, running_us: u64) -> Option<ParticipantId> {
        let silent = self.participants.iter().filter(|one| {
            let silent_us = running_us.saturating_sub(one.live.heard_us);
            one.live.streams == 0 && silent_us >= GIVES_WAY_AFTER_US
        });
        silent.min_by_key(|one| one.live.heard_us).map(|one| one.id)
    }

    /// Whose token this is the hash of.
    pub fn of_token(&self, hash: &[u8; 32]) -> Option<ParticipantId> {
        let mut all = self.participants.iter();
        all.find(|one| one.token_hash.0 == *hash).map(|one| one.id)
    }

    /// All of them, in the order in which they came.
    pub fn participants(&self) -> &[Participant] {
        &self.participants
    }

    /// One of them, if it is still there.
    pub fn participant(&self, id: ParticipantId) -> Option<&Participant> {
        self.participants.iter().find(|one| one.id == id)
    }

    pub(super) fn participant_mut(
        &mut self,
        id: ParticipantId,
    ) -> Result<&mut Participant, ClassError> {
        let mut all = self.participants.iter_mut();
        all.find(|one| one.id == id)
            .ok_or(ClassError::UnknownParticipant(id))
    }

    /// Whether another phone has a name that looks the same.
    fn is_taken(&self, name: &str, but_by: ParticipantId) -> bool {
        let likeness = filter::likeness(name);
        let mut others = self.participants.iter().filter(|one| one.id != but_by);
        others.any(|one| filter::likeness(&one.name) == likeness)
    }

    /// One from the list that nobody has.
    fn free_name(&self, at_random: u64) -> String {
        let names = self.participants.iter().map(|one| one.name.as_str());
        let taken: BTreeSet<_> = names.map(filter::likeness).collect();
        names::free(at_random, |name| taken.contains(&filter::likeness(name)))
    }

    /// Gives a phone the name that its student chose.
    pub fn rename(&mut self, id: ParticipantId, name: &str) -> Result<&str, ClassError> {
        self.participant_mut(id)?;
        self.listens()?;
        let hidden = match &self.given {
            Some(given) => given.answers_to_hide(),
            None => Vec::new(),
        };
        let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
        let name = filter::check(name, &hidden).map_err(ClassError::NameRefused)?;
        if self.guesses_number() && filter::has_number(&name) {
            return Err(ClassError::NameRefused(
                "a number could be the answer while one is guessed; write the name without it",
            ));
        }
        if self.is_taken(&name, id) {
            return Err(ClassError::NameRefused(
                "another phone is called that, or looks like it; add a letter of your surname",
            ));
        }
        self.changed();
        let participant = self.participant_mut(id)?;
        participant.name = name;
        Ok(&participant.name)
    }

    /// Gives a phone another name from the list.
    pub fn new_name(&mut self, id: ParticipantId, at_random: u64) -> Result<(), ClassError> {
        let name = self.free_name(at_random);
        self.participant_mut(id)?.name = name;
        self.changed();
        Ok(())
    }

    /// Sends native clients away that have no stream: those of a lab that was stopped come back no more.
    pub fn remove_silent_natives(&mut self) {
        let is_silent = |one: &&Participant| one.is_native && one.live.streams == 0;
        let silent = self.participants.iter().filter(is_silent);
        for id in silent.map(|one| one.id).collect::<Vec<_>>() {
            // It is there.
            let _ = self.remove(id);
        }
    }

    /// A phone has called, with whatever it was.
    pub fn heard_of(&mut self, id: ParticipantId, now: impl Into<Now>) {
        if let Ok(participant) = self.participant_mut(id) {
            participant.heard(now.into());
        }
    }

    /// Takes all phones out that are gone, with their guesses.
    pub fn remove_gone(&mut self, running_us: u64) {
        let is_gone = |one: &&Participant| one.state(running_us) == GridState::Gone;
        let gone = self.participants.iter().filter(is_gone);
        for id in gone.map(|one| one.id).collect::<Vec<_>>() {
            // It is there.
            let _ = self.remove(id);
        }
    }

    /// Whether the presenter lets nobody else in.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether a phone that is not in the class may come in; a stand-in is the presenter's.
    ///
    /// # Errors
    ///
    /// The presenter lets nobody else in.
    pub fn lets_in(&self, stands_in: bool) -> Result<(), ClassError> {
        match self.closed && !stands_in {
            true => Err(ClassError::DoorClosed),
            false => Ok(()),
        }
    }

    /// Takes a phone out, with its guesses; it may join again.
    pub fn remove(&mut self, id: ParticipantId) -> Result<(), ClassError> {
        self.participant_mut(id)?;
        self.participants.retain(|one| one.id != id);
        if let Some(given) = &mut self.given {
            given.forget(id);
        }
        self.show = self.show.filter(|shown| *shown != id);
        self.changed();
        Ok(())
    }

    /// A phone opened an event stream; the stream's number.
    pub fn stream_opened(
        &mut self,
        id: ParticipantId,
        now: impl Into<Now>,
    ) -> Result<u64, ClassError> {
        let participant = self.participant_mut(id)?;
        participant.heard(now.into());
        participant.live.streams += 1;
        participant.live.is_asleep = false;
        participant.live.streams_ever += 1;
        let number = participant.live.streams_ever;
        self.grid_changed();
        Ok(number)
    }

    /// It ended.
    pub fn stream_closed(&mut self, id: ParticipantId, now: impl Into<Now>) {
        let now = now.into();
        let Ok(participant) = self.participant_mut(id) else {
            return;
        };
        participant.heard(now);
        let live = &mut participant.live;
        live.streams = live.streams.saturating_sub(1);
        if live.streams == 0 {
            live.stream_until_us = now.running_us;
        }
        self.grid_changed();
    }

    /// How many phones are how, at an instant of the clock that nobody sets.
    pub fn counts(&self, running_us: u64) -> Counts {
        let mut counts = Counts::default();
        for participant in &self.participants {
            match participant.state(running_us) {
                GridState::Open => counts.open += 1,
                GridState::Asleep => counts.asleep += 1,
                GridState::Gone => counts.gone += 1,
            }
        }
        counts
    }
}
