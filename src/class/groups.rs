//! Which phone is in which group: the groups' shares are kept as well as whole phones allow, and who
//! joins later goes where most are missing.

use super::{Class, given::Given, of_lesson, state::GroupView};

/// The group that the next phone belongs to; `None` where there is none. `members`: how many each
/// has.
pub fn next(groups: &[GroupView], members: &[usize]) -> Option<usize> {
    let with_share = groups
        .iter()
        .zip(members)
        .enumerate()
        .filter(|(_, (group, _))| group.share.is_finite() && group.share > 0.0);
    with_share
        .map(|(at, (group, count))| (at, (*count as f64 + 1.0) / group.share))
        .min_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(at, _)| at)
}

impl Class {
    /// How many phones each group has.
    pub(super) fn members(&self) -> Vec<usize> {
        let mut members = vec![0; self.groups.len()];
        for group in self.participants.iter().filter_map(|one| one.group) {
            if let Some(count) = members.get_mut(group) {
                *count += 1;
            }
        }
        members
    }

    /// Takes the groups of the step that is shown; where they are others than before, all phones are
    /// shared out anew, in the order they joined.
    pub(super) fn share_out(&mut self) {
        let set_at = (self.given.as_ref())
            .and_then(|given| of_lesson::set_step(given.lesson.as_ref()?, given.step));
        // The same groups in another network are not the same.
        if let Some(given) = &mut self.given
            && given.set_at != set_at
        {
            given.set_at = set_at;
            self.set_up_anew();
        }
        let wanted = match &self.given {
            Some(Given {
                lesson: Some(lesson),
                step,
                ..
            }) => of_lesson::groups_at(lesson, *step),
            _ => Vec::new(),
        };
        // For the record, also where the lesson before this one had the same.
        if let Some(given) = &mut self.given
            && !wanted.is_empty()
        {
            given.groups.clone_from(&wanted);
        }
        if wanted != self.groups {
            self.set_groups(wanted);
        }
    }

    /// Shares the phones out over these groups.
    pub(super) fn set_groups(&mut self, groups: Vec<GroupView>) {
        self.set_up_anew();
        self.groups = groups;
        let mut members = vec![0; self.groups.len()];
        let is_on_natives = self.is_on_natives();
        // Who is gone is shared out after those who are here, or a group might have nobody.
        for is_here in [true, false] {
            let shared = (self.participants.iter_mut())
                .filter(|participant| (participant.live.streams > 0) == is_here);
            for participant in shared {
                participant.group = match is_on_natives && !participant.is_native {
                    true => None,
                    false => next(&self.groups, &members),
                };
                if let Some(group) = participant.group {
                    members[group] += 1;
                }
            }
        }
        self.changed();
    }

    fn set_up_anew(&mut self) {
        self.set += 1;
        self.begin_anew();
        self.changed();
    }

    /// What the phones connect to; one group for each entry of the step.
    pub fn groups(&self) -> &[GroupView] {
        &self.groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(share: f64) -> GroupView {
        GroupView {
            group: 0,
            lane: "sse".into(),
            share,
            poll_interval_ms: None,
            bare: false,
            recovery: true,
            channel: "class".into(),
        }
    }

    fn shared(shares: &[f64], phones: usize) -> Vec<usize> {
        let groups: Vec<_> = shares.iter().map(|share| group(*share)).collect();
        let mut members = vec![0; groups.len()];
        for _ in 0..phones {
            if let Some(at) = next(&groups, &members) {
                members[at] += 1;
            }
        }
        members
    }

    #[test]
    fn shares_are_kept() {
        assert_eq!(shared(&[1.0, 1.0], 28), [14, 14]);
        assert_eq!(shared(&[2.0, 1.0], 30), [20, 10]);
        assert_eq!(shared(&[1.0, 1.0, 1.0], 28), [10, 9, 9]);
        assert_eq!(shared(&[1.0, 0.0, f64::NAN], 3), [3, 0, 0]);
        assert_eq!(shared(&[], 3), Vec::<usize>::new());
    }
}
