//! What is shown of the lesson that goes on, and what is recorded of it.

use std::collections::BTreeMap;

use super::{Given, Revealed};
use crate::{
    class::{
        guess::Asked,
        histogram::Histogram,
        of_lesson,
        participant::ParticipantId,
        plan::{LessonTimes, StepTimeView},
        record::{AskRecord, LessonRecord, StepTime},
        state::{AskView, Hint, LessonView, RevealView, RunKind, RunView, WaitView},
        times::seconds,
    },
    lessons::{markup, step::Kind},
};

/// Fewer right than this: explain.
const EXPLAIN_BELOW: f64 = 0.35;
/// More right than this: go on.
const GO_ON_ABOVE: f64 = 0.70;

impl Given {
    pub(super) fn wait_view(&self) -> Option<WaitView> {
        let wait = of_lesson::wait(self.lesson.as_ref()?, self.step)?;
        let most_us = u64::from(wait.at_most_s) * 1_000_000;
        Some(WaitView {
            until: wait.until.as_str().to_owned(),
            seen: self.is_seen,
            so_far: self.so_far.clone(),
            since_us: self.step_since_us,
            late_us: self.step_since_us.saturating_add(most_us),
            otherwise: wait.otherwise,
        })
    }

    /// What this program says of the step that is shown; at a reveal only once it is shown.
    fn html(&self) -> String {
        let step = self
            .lesson
            .as_ref()
            .and_then(|lesson| lesson.steps.get(self.step));
        match step {
            Some(step) if matches!(step.kind, Kind::Reveal(_)) && self.revealed.is_none() => {
                String::new()
            }
            Some(step) => step.html.clone(),
            None => String::new(),
        }
    }

    /// Notes that stand before this step, and behind the last one.
    pub fn notes_html(&self) -> String {
        let Some(lesson) = &self.lesson else {
            return String::new();
        };
        let is_note = |at: &usize| of_lesson::is_note(lesson, *at);
        let before = (0..self.step).rev().take_while(|at| is_note(at)).count();
        let behind = (self.step + 1..lesson.steps.len())
            .take_while(|at| is_note(at))
            .count();
        let is_last = self.step + behind + 1 >= lesson.steps.len();
        let until = if is_last {
            self.step + behind
        } else {
            self.step
        };
        (self.step - before..=until)
            .filter(|at| is_note(at))
            .filter_map(|at| lesson.steps.get(at))
            .map(|step| step.html.as_str())
            .collect()
    }

    /// The kind of the step after this one, for the presenter's button.
    pub fn next_kind(&self) -> Option<String> {
        let lesson = self.lesson.as_ref()?;
        let mut after = self.step + 1..lesson.steps.len();
        let next = after.find(|at| !of_lesson::is_note(lesson, *at))?;
        self.kinds.get(next).cloned()
    }

    /// Of those who guessed in this round; `None` where nobody has, or where nobody can tell.
    pub fn right_share(&self) -> Option<f64> {
        let asked = self.of_file.asked.as_ref()?;
        let (theory, right) = (self.theory(), &self.of_file.right);
        let judged: Option<Vec<bool>> = self
            .of_people(&self.guesses)
            .map(|guess| asked.is_right(guess, theory, right))
            .collect();
        let judged = judged.filter(|judged| !judged.is_empty())?;
        let right = judged.iter().filter(|is_right| **is_right).count();
        Some(right as f64 / judged.len() as f64)
    }

    /// What the presenter may do next, by how many guessed right.
    pub fn hint(&self) -> Option<Hint> {
        Some(match self.right_share()? {
            share if share < EXPLAIN_BELOW => Hint::Explain,
            share if share <= GO_ON_ABOVE => Hint::Talk,
            _ => Hint::GoOn,
        })
    }

    fn theory(&self) -> Option<f64> {
        let of_run = self.outcome().and_then(|outcome| outcome.theory);
        of_run.or_else(|| match self.theory_points()[..] {
            [one] => Some(one),
            _ => None,
        })
    }

    /// Of a curve one for each point; of a number that one.
    fn theory_points(&self) -> Vec<f64> {
        let of_run = self.outcome().map(|outcome| outcome.theory_points);
        of_run
            .filter(|points| !points.is_empty())
            .unwrap_or_else(|| self.of_file.theory.clone())
    }

    fn is_curve(&self) -> bool {
        matches!(self.asked(), Some(Asked::Curve { .. }))
    }

    /// Made by the run, or from its figures; else what the lesson says without figures.
    pub(super) fn sentence(&self, predicted_only: bool) -> String {
        let outcome = self.outcome().filter(|_| !predicted_only);
        let of_run = outcome.as_ref().map(|outcome| outcome.sentence.clone());
        if let Some(said) = of_run.filter(|sentence| !sentence.is_empty()) {
            return said;
        }
        let Some(told) = self.told() else {
            let shown = self.revealed.as_ref();
            return shown.map_or_else(String::new, |shown| shown.sentence.clone());
        };
        let counted = |name: &str| outcome.as_ref()?.figures.get(name).copied();
        let said = outcome.as_ref().and_then(|_| told.said(&counted));
        said.unwrap_or_else(|| told.predicted().to_owned())
    }

    fn histograms(&self, asked: &Asked) -> (Histogram, Option<Histogram>) {
        let first = self.first_guesses.as_ref();
        (
            Histogram::of(asked, self.of_people(&self.guesses)),
            first.map(|first| Histogram::of(asked, self.of_people(first))),
        )
    }

    /// What no native client said.
    fn of_people<'a, T>(
        &'a self,
        said: &'a BTreeMap<ParticipantId, T>,
    ) -> impl Iterator<Item = &'a T> {
        let by_people = |(who, _): &(&ParticipantId, &T)| !self.natives.contains(who);
        said.iter().filter(by_people).map(|(_, what)| what)
    }

    /// How many chose each answer.
    fn answer_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.ask().map_or(0, |ask| ask.options.len())];
        for choice in self.of_people(&self.answers) {
            if let Some(count) = choice.checked_sub(1).and_then(|at| counts.get_mut(at)) {
                *count += 1;
            }
        }
        counts
    }

    fn reveal_view(&self, revealed: &Revealed) -> Option<RevealView> {
        let told = self.told()?;
        let asked = self.asked();
        let histograms = asked.as_ref().map(|asked| self.histograms(asked));
        let (guesses, first_guesses) = match histograms {
            Some((guesses, first)) => (Some(guesses), first),
            None => (None, None),
        };
        let outcome = self.outcome().filter(|_| !revealed.predicted_only);
        let outcome = outcome.unwrap_or_default();
        Some(RevealView {
            sentence: self.sentence(revealed.predicted_only),
            experiment: outcome.experiment,
            measured: revealed.measured,
            theory: self.theory(),
            unit: asked.as_ref().map_or("", |asked| asked.unit()).to_owned(),
            right: told.right.clone(),
            guesses,
            first_guesses,
            predicted_only: revealed.predicted_only,
            change_html: markup::to_html(&told.change),
            figures: outcome.figures,
            measured_points: outcome.measured_points,
            tolerances: outcome.tolerances,
            theory_points: match self.is_curve() {
                true => self.theory_points(),
                false => Vec::new(),
            },
        })
    }

    /// The run that is shown: this step's, before it begins, too; else the last one before it.
    pub fn run_shown(&self) -> Option<RunView> {
        let here = self.run_here().map(of_lesson::run_view);
        match &self.run {
            Some((at, run)) if *at == self.step || here.is_none() && *at < self.step => {
                Some(run.clone())
            }
            _ => here,
        }
    }

    /// `natives`: how many native clients are here.
    pub fn view(&self, natives: usize) -> Option<LessonView> {
        let lesson = self.lesson.as_ref()?;
        let at = |kind| self.first(kind);
        let is_from = |place: Option<usize>| place.is_some_and(|place| self.step >= place);
        let is_until = |place: Option<usize>| place.is_none_or(|place| self.step <= place);
        let run =
            self.run_shown().map(
                |run| match self.is_on_natives && run.kind == RunKind::Live {
                    true => RunView {
                        what: of_lesson::on_natives(&run.what, natives),
                        ..run
                    },
                    false => run,
                },
            );
        let revealed = self.revealed.as_ref().filter(|_| is_from(at("reveal")));
        let ask = self.ask().filter(|_| self.is_asking()).map(|ask| {
            let shown = self.is_answer_shown;
            AskView {
                question: ask.question.clone(),
                options: ask.options.clone(),
                right: shown.then_some(ask.right),
                because: shown.then(|| ask.because.clone()),
                answers: shown.then(|| self.answer_counts()),
            }
        });
        Some(LessonView {
            id: self.id.clone(),
            title: self.title.clone(),
            minutes: self.minutes,
            step: self.step,
            steps: lesson.steps.len(),
            kinds: self.kinds.clone(),
            kind: self.kinds.get(self.step).cloned().unwrap_or_default(),
            html: match self.is_on_natives && matches!(self.kind(), Some(Kind::Set(_))) {
                true => of_lesson::set_on_natives(natives) + &self.html(),
                false => self.html(),
            },
            guess: self
                .asked()
                .filter(|_| is_from(at("guess")) && is_until(at("reveal"))),
            answered: match self.is_asking() {
                true => self.answers.len(),
                false => self.guesses.len(),
            },
            locked: self.is_locked || self.revealed.is_some() || !self.is_guessing(),
            round: self.round,
            run,
            reveal: revealed.and_then(|revealed| self.reveal_view(revealed)),
            ask,
            code: of_lesson::code(lesson, self.step),
            wait: self.wait_view(),
            wall_page: of_lesson::set_at(lesson, self.step).and_then(|set| set.page.clone()),
        })
    }

    /// The lesson as a record keeps it, without names.
    pub fn record(&self) -> LessonRecord {
        let asked = self.asked();
        let histograms = asked.as_ref().map(|asked| self.histograms(asked));
        let (guesses, first_guesses) = match histograms {
            Some((guesses, first)) => (Some(guesses), first),
            None => (None, None),
        };
        let revealed = self.revealed.as_ref();
        let mut outcome = self.outcome();
        let is_told = match revealed {
            Some(_) => true,
            None => outcome.is_some() && !self.lacks_measurement(),
        };
        if is_told {
            let predicted_only = revealed.is_some_and(|revealed| revealed.predicted_only);
            let outcome = outcome.get_or_insert_default();
            // What the presenter read off a page counts as what was measured.
            let seen = revealed.and_then(|revealed| revealed.measured);
            outcome.measured = seen.or(outcome.measured);
            outcome.sentence = self.sentence(predicted_only);
            if self.is_curve() {
                outcome.theory_points = self.theory_points();
            }
        }
        LessonRecord {
            id: self.id.clone(),
            title: self.title.clone(),
            claims: self.claims.clone(),
            began_us: self.began_us,
            guess: asked,
            guesses,
            first_guesses,
            outcome,
            predicted_only: revealed.is_some_and(|revealed| revealed.predicted_only),
            theory: self.theory(),
            right: self.of_file.right.clone(),
            parameters: self.of_file.parameters.clone(),
            seed: self.of_file.seed,
            ask: self.ask().map(|ask| AskRecord {
                question: ask.question.clone(),
                options: ask.options.clone(),
                right: ask.right,
                answers: self.answer_counts(),
            }),
            groups: self.groups.clone(),
            run_ids: self.run_ids.clone(),
            steps: self.step_times(),
        }
    }

    fn step_times(&self) -> Vec<StepTime> {
        let of = |step: StepTimeView| StepTime {
            kind: step.kind,
            planned_s: step.planned_s,
            used_s: seconds(step.used_us),
        };
        self.times_view().steps.into_iter().map(of).collect()
    }

    /// How long each step has taken so far.
    pub fn times_view(&self) -> LessonTimes {
        let planned_s = |at: usize| self.of_file.planned_s.get(at).copied().unwrap_or_default();
        let step = |(at, kind): (usize, &String)| StepTimeView {
            kind: kind.clone(),
            planned_s: planned_s(at),
            used_us: self.times.used_us(at),
        };
        LessonTimes {
            since_us: self.times.since_us(),
            steps: self.kinds.iter().enumerate().map(step).collect(),
        }
    }

    /// Pages of this lab that the lesson is about.
    pub fn pages(&self) -> Vec<String> {
        let lesson = self.lesson.as_ref();
        lesson.map_or_else(Vec::new, |lesson| lesson.front.pages.clone())
    }
}
