//! What of a class is seen, and by whom.

use std::collections::BTreeMap;

use super::{
    Class, Now, filter,
    given::Given,
    guess::Asked,
    participant::{Participant, ParticipantId},
    state::{CanCounts, GridEntry, HereBy, Lead, Me, State, Whom},
};

impl Class {
    /// What changes in a lesson changes the revision, so it is made once for each.
    pub fn state(&self, for_whom: Whom, now: impl Into<Now>) -> State {
        let Now {
            of_day_us: now_us,
            running_us,
        } = now.into();
        let counts = self.counts(running_us);
        let with_grid = !matches!(for_whom, Whom::Phone(_));
        State {
            revision: self.revision,
            class: self.id.clone(),
            code: self.code.clone(),
            name: self.name.clone(),
            now_us,
            here: counts.open + counts.asleep,
            joined: self.participants.len(),
            lesson: self
                .newest
                .of(self.revision, || self.given.as_ref()?.view(self.natives())),
            groups: self.groups.clone(),
            set: self.set,
            frozen: self.frozen,
            muted: self.muted,
            dark: self.dark,
            closed: self.closed,
            timer: self.timer,
            page: self.page.clone(),
            page_number: self.page_number,
            reload: self.reload,
            show: self.show,
            me: match for_whom {
                Whom::Phone(id) => self.me(id),
                _ => None,
            },
            published: match with_grid {
                true => self
                    .published
                    .filter(|(run, _)| *run == self.run_shown())
                    .map(|(_, count)| count),
                false => None,
            },
            grid: with_grid.then(|| self.grid(running_us)),
            lead: (for_whom == Whom::Presenter).then(|| self.lead(running_us)),
        }
    }

    fn me(&self, id: ParticipantId) -> Option<Me> {
        let participant = self.participant(id)?;
        let given = self.given.as_ref();
        let first = given.and_then(|given| given.first_guesses.as_ref());
        Some(Me {
            id,
            name: participant.name.clone(),
            group: participant.group,
            guess: given.and_then(|given| given.guesses.get(&id)).cloned(),
            first_guess: first.and_then(|first| first.get(&id)).cloned(),
            has_guessed_again: given.is_some_and(|given| given.again.contains(&id)),
            answer: given.and_then(|given| given.answers.get(&id)).copied(),
            is_shown: self.show == Some(id),
        })
    }

    /// Whether a number is asked for, and not yet revealed.
    pub(super) fn guesses_number(&self) -> bool {
        let given = self.given.as_ref().filter(|given| given.revealed.is_none());
        let asked = given.and_then(Given::asked);
        matches!(asked, Some(Asked::Number { .. } | Asked::Curve { .. }))
    }

    fn grid(&self, running_us: u64) -> Vec<GridEntry> {
        let run = self.run_shown();
        // A name that was taken before may tell the answer.
        let hides_numbers = self.guesses_number();
        let entry = |one: &Participant| GridEntry {
            id: one.id,
            name: match hides_numbers {
                true => filter::without_numbers(&one.name),
                false => one.name.clone(),
            },
            state: one.state(running_us),
            line: one.live.line,
            lane: one.live.lane.clone(),
            delay_ms: one.live.delay_ms.filter(|_| one.live.run == run),
            group: one.group,
            here_by: match one.is_native {
                true => HereBy::Native,
                false => HereBy::Browser,
            },
            speaks: one.live.streams > 0,
            seen: one.live.seen.filter(|_| one.live.run == run),
        };
        self.participants.iter().map(entry).collect()
    }

    fn lead(&self, running_us: u64) -> Lead {
        let mut can = CanCounts::default();
        for of_one in self.participants.iter().filter_map(|one| one.can) {
            can.of += 1;
            can.websocket += usize::from(of_one.websocket);
            can.eventsource += usize::from(of_one.eventsource);
            can.streams += usize::from(of_one.streams);
            can.http2 += usize::from(of_one.http2);
        }
        let given = self.given.as_ref();
        Lead {
            notes_html: given.map(Given::notes_html).unwrap_or_default(),
            hint: given.and_then(Given::hint),
            right_share: given.and_then(Given::right_share),
            next: given.and_then(Given::next_kind),
            can_again: given.is_some_and(Given::can_again),
            asks_again: given.is_some_and(Given::asks_again),
            can,
            addresses: BTreeMap::new(),
            not_kept: None,
            phones_missing: self.phones_missing(running_us),
            lessons: Vec::new(),
            plan: self.plan_view(),
            times: self.lesson_times(),
            pages: given.map(Given::pages).unwrap_or_default(),
        }
    }

    /// How many phones the lesson lacks; none where native clients take the phones' places.
    fn phones_missing(&self, running_us: u64) -> usize {
        let Some(lesson) = self.lesson().filter(|_| !self.is_on_natives()) else {
            return 0;
        };
        let least = usize::from(lesson.front.needs.phones);
        least.saturating_sub(self.counts(running_us).open)
    }
}
