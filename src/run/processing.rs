//! What this machine takes for a delivery beyond the way that it travels: the term that closed forms
//! of a delay lack, and the only one that is measured.
//!
//! It is learnt from a row's warm-up alone, whose deliveries are in no figure, so that nothing is
//! predicted from what it is compared with. The server writes to the clients one after the other, and
//! this process reads them in that order; of each publication the warm-up keeps when the first
//! client had it and when the last, and of N clients the one at share *q* of them has it after
//!
//! ```text
//! d + first + q · others        mean: d + first + others / 2
//! ```
//!
//! *d* is the form's own way from server to client. `first` is waking up, the publication's way in and
//! the first write, `others` what N − 1 more writes and reads take: it grows with the number of
//! clients, and is measured with as many as there are. The middle publication of the warm-up counts,
//! and by how much the others differ from it is what the prediction may be off. `docs/predictions.md`
//! says what is claimed with it, and what is not.

use serde::{Deserialize, Serialize};

/// Publications that a warm-up must have brought to everybody, to say something.
const LEAST: usize = 3;

/// When a publication of the warm-up had reached the first client, and the last; µs after its
/// intended instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    pub first_us: u64,
    pub last_us: u64,
}

/// See the module. µs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Processing {
    pub first_us: f64,
    pub others_us: f64,
    /// So far from the middle one were the middle 80 % of them.
    pub off_us: f64,
    /// How many publications it rests on.
    pub publications: usize,
}

impl Processing {
    /// Of a warm-up whose deliveries travel for `way_us`. `None` where it was too short.
    pub fn of(warm_up: &[Reached], way_us: f64) -> Option<Self> {
        if warm_up.len() < LEAST {
            return None;
        }
        let sorted = |of: &dyn Fn(&Reached) -> f64| {
            let mut all: Vec<f64> = warm_up.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let middle = |all: &[f64]| all[all.len() / 2];
        let first = sorted(&|reached| reached.first_us as f64);
        let others = sorted(&|reached| reached.last_us.saturating_sub(reached.first_us) as f64);
        let halfway = sorted(&|reached| (reached.first_us + reached.last_us) as f64 / 2.0);
        let tail = warm_up.len() / 10;
        let typical = middle(&halfway);
        let below = typical - halfway[tail];
        let above = halfway[halfway.len() - 1 - tail] - typical;
        Some(Self {
            first_us: (middle(&first) - way_us).max(0.0),
            others_us: middle(&others),
            off_us: below.max(above).max(1.0),
            publications: warm_up.len(),
        })
    }

    /// Of one client that nobody else is written to before: what polls add, whose answers are
    /// asked for one by one.
    pub fn of_one(self) -> Self {
        Self {
            others_us: 0.0,
            ..self
        }
    }

    /// The term of a mean.
    pub fn mean_us(self) -> f64 {
        self.first_us + self.others_us / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(first_us: u64, last_us: u64) -> Reached {
        Reached { first_us, last_us }
    }

    #[test]
    fn the_middle_publication_counts_and_the_others_say_how_far_off_it_may_be() {
        let warm_up = [
            reached(900, 2_900),
            reached(400, 1_400),
            reached(300, 1_100),
        ];
        let found = Processing::of(&warm_up, 50.0).unwrap();
        let expected = Processing {
            first_us: 350.0,
            others_us: 1_000.0,
            // 900 halfway, beside 700 and 1,900.
            off_us: 1_000.0,
            publications: 3,
        };
        assert_eq!(found, expected);
        assert_eq!(found.mean_us(), 850.0);
        assert_eq!(found.of_one().mean_us(), 350.0);
        assert_eq!(Processing::of(&warm_up[1..], 50.0), None, "two say nothing");
    }

    #[test]
    fn of_many_a_tenth_at_either_end_is_left_out() {
        let mut warm_up: Vec<Reached> = (0..18).map(|n| reached(100 + n, 100 + n)).collect();
        warm_up.extend([reached(90_000, 90_000), reached(1, 1)]);
        let found = Processing::of(&warm_up, 0.0).unwrap();
        assert!(found.off_us < 20.0, "{found:?}");
    }
}
