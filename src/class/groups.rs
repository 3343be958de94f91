//! Which phone is in which group: the groups' shares are kept as well as whole phones allow, and who
//! joins later goes where most are missing.

use super::state::GroupView;

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
