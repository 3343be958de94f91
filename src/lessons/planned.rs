//! How long each step of a lesson takes in a class, by the lesson's clock.

use super::{
    Lesson,
    step::{Kind, Say, To},
};

impl Lesson {
    /// Seconds of each step. A part of the clock belongs to all steps of its kind alike: `read` to what
    /// is said to the class, `discuss` to the reveal and the code. Of `run` live runs have what they
    /// take, and the others what that leaves. Notes, `set` and `wait` have no time of their own: phones
    /// follow at once, and what is waited for is in the run.
    pub fn planned_s(&self) -> Vec<u32> {
        let clock = &self.front.clock;
        let all = || self.steps.iter().map(|step| &step.kind);
        let share = |seconds: u32, is_one: fn(&Kind) -> bool| {
            let ones = all().filter(|kind| is_one(kind)).count();
            seconds / u32::try_from(ones).unwrap_or(u32::MAX).max(1)
        };
        let read_s = share(clock.read.into(), is_said);
        let discuss_s = share(clock.discuss.into(), is_discussed);
        let left_s = u32::from(clock.run).saturating_sub(all().filter_map(live_s).sum());
        let other_s = match all().any(is_other_run) {
            true => share(left_s, is_other_run),
            false => share(left_s, |kind| live_s(kind).is_some()),
        };
        let of = |kind: &Kind| match kind {
            Kind::Say(_) if is_said(kind) => read_s,
            Kind::Guess(guess) => u32::from(guess.seconds.unwrap_or(clock.guess) + clock.talk),
            Kind::Run(_) if is_other_run(kind) => other_s,
            Kind::Run(_) => {
                let all_are_live = !all().any(is_other_run);
                live_s(kind).unwrap_or_default() + if all_are_live { other_s } else { 0 }
            }
            Kind::Reveal(_) => u32::from(clock.reveal) + discuss_s,
            Kind::Code(_) => discuss_s,
            Kind::Ask(_) => clock.ask.into(),
            Kind::Say(_) | Kind::Set(_) | Kind::Wait(_) => 0,
        };
        all().map(of).collect()
    }
}

fn is_said(kind: &Kind) -> bool {
    matches!(kind, Kind::Say(Say { to: To::Class }))
}

fn is_discussed(kind: &Kind) -> bool {
    matches!(kind, Kind::Reveal(_) | Kind::Code(_))
}

fn is_other_run(kind: &Kind) -> bool {
    matches!(kind, Kind::Run(run) if run.live.is_none())
}

fn live_s(kind: &Kind) -> Option<u32> {
    let Kind::Run(run) = kind else { return None };
    let live = run.live.as_ref()?;
    Some(u32::from(live.seconds) + u32::from(live.warm_up))
}

#[cfg(test)]
mod tests {
    use super::super::own::LESSONS;

    #[test]
    fn the_steps_of_every_lesson_take_what_its_clock_has() {
        for lesson in LESSONS.iter() {
            let front = &lesson.front;
            let planned_s = lesson.planned_s();
            assert_eq!(planned_s.len(), lesson.steps.len(), "{}", front.id);
            let sum: u32 = planned_s.iter().sum();
            let mut clock = front.clock;
            clock.guess = (lesson.guess())
                .and_then(|guess| guess.seconds)
                .unwrap_or(clock.guess);
            // Whole seconds are shared out.
            let lost = clock.sum().abs_diff(sum);
            assert!(lost < 4, "{}: {sum} of {}", front.id, clock.sum());
            assert!(sum <= u32::from(front.minutes) * 60, "{}", front.id);
        }
    }

    #[test]
    fn live_runs_take_what_they_take_and_the_others_the_rest() {
        let first = LESSONS.iter().find(|it| it.front.id == "one-in-many-out");
        let planned_s = first.unwrap().planned_s();
        // 12 s live, 20 of 32 for the experiment; 65 s of talk over the reveal and two pieces of code.
        assert_eq!(planned_s, [0, 20, 100, 0, 12, 0, 20, 51, 21, 21, 45]);
    }
}
