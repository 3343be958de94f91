//! When the messages that a lab's plan allows were used up.

/// How a plan's messages are used up: looked at now and then, the instant between two looks in
/// proportion.
#[derive(Default)]
pub(super) struct Quota {
    /// When it was looked at, and how many had been counted.
    last: Option<(u64, u64)>,
    pub(super) used_up_us: Option<f64>,
}

impl Quota {
    pub(super) fn saw(&mut self, at_us: u64, counted: u64, limit: u64) {
        if let Some((before_us, before)) = self.last.replace((at_us, counted))
            && self.used_up_us.is_none()
            && before < limit
            && counted >= limit
        {
            let share = (limit - before) as f64 / (counted - before) as f64;
            self.used_up_us = Some(before_us as f64 + share * (at_us - before_us) as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_used_up_between_two_looks() {
        let mut quota = Quota::default();
        quota.saw(1_000_000, 100, 1_000);
        quota.saw(2_000_000, 700, 1_000);
        assert_eq!(quota.used_up_us, None);
        quota.saw(3_000_000, 1_300, 1_000);
        quota.saw(4_000_000, 1_900, 1_000);
        assert_eq!(quota.used_up_us, Some(2_500_000.0));
    }
}
