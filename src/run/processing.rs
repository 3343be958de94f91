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
//! and by how much the others differ from it is what the prediction may be off. A warm-up that was
//! disturbed yields nothing, and the closed form is a lower bound then. `docs/predictions.md` says what
//! is claimed with it, and what is not.

use serde::{Deserialize, Serialize};

/// So much of a warm-up may be out of the ordinary, at either end of its delays and among the
/// publications that were sent late.
const TAIL: usize = 10;

/// Publications that a warm-up must have brought to everybody, to say something.
const LEAST: usize = 3;

/// When a publication of the warm-up had reached the first client, and the last; µs after its
/// intended instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The first client had it.
    pub first_us: u64,
    /// The last client had it.
    pub last_us: u64,
}

/// See the module. µs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Processing {
    /// Until the first client has a publication, beyond its way.
    pub first_us: f64,
    /// From the first client to the last.
    pub others_us: f64,
    /// So far from the middle one were the middle 80 % of them.
    pub off_us: f64,
    /// How many publications it rests on.
    pub publications: usize,
}

impl Processing {
    /// Of a warm-up whose deliveries travel for `way_us`. `None` where it tells nothing: it was too
    /// short, or was disturbed, its middle 80 % further apart than what they are to tell.
    pub fn of(warm_up: &[Reached], way_us: f64) -> Option<Self> {
        if warm_up.len() < LEAST {
            return None;
        }
        let sorted = |of: &dyn Fn(&Reached) -> f64| {
            let mut all: Vec<f64> = warm_up.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        // Of two in the middle the quicker one: what holds up deliveries only makes them slower.
        let middle = |all: &[f64]| all[(all.len() - 1) / 2];
        let first = sorted(&|reached| reached.first_us as f64);
        let others = sorted(&|reached| reached.last_us.saturating_sub(reached.first_us) as f64);
        let halfway = sorted(&|reached| (reached.first_us + reached.last_us) as f64 / 2.0);
        let tail = warm_up.len() / TAIL;
        let typical = middle(&halfway);
        let below = typical - halfway[tail];
        let above = halfway[halfway.len() - 1 - tail] - typical;
        let found = Self {
            first_us: (middle(&first) - way_us).max(0.0),
            others_us: middle(&others),
            off_us: below.max(above).max(1.0),
            publications: warm_up.len(),
        };
        (below + above <= found.mean_us()).then_some(found)
    }

    /// Whether a warm-up tells nothing since `late` of its `all` publications were sent late.
    pub fn is_disturbed_by(late: usize, all: usize) -> bool {
        late > all / TAIL
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
            reached(700, 1_900),
            reached(400, 1_400),
            reached(300, 1_100),
        ];
        let found = Processing::of(&warm_up, 50.0).unwrap();
        let expected = Processing {
            first_us: 350.0,
            others_us: 1_000.0,
            // 900 halfway, beside 700 and 1,300.
            off_us: 400.0,
            publications: 3,
        };
        assert_eq!(found, expected);
        assert_eq!(found.mean_us(), 850.0);
        assert_eq!(found.of_one().mean_us(), 350.0);
        assert_eq!(Processing::of(&warm_up[1..], 50.0), None, "two say nothing");
    }

    #[test]
    fn a_warm_up_that_was_disturbed_yields_no_term() {
        let of = |us: &[u64]| {
            let warm_up: Vec<_> = us.iter().map(|us| reached(*us, *us)).collect();
            Processing::of(&warm_up, 0.0)
        };
        // Once, half of four were held up, and the term was 165 ms, give or take 162.
        assert_eq!(of(&[3_000, 5_000, 165_000, 300_000]), None);
        assert_eq!(of(&[100, 300, 700]), None);
        assert_eq!(of(&[200, 300, 500]).unwrap().first_us, 300.0);
        assert_eq!(of(&[200, 300, 310, 500]).unwrap().first_us, 300.0);
    }

    #[test]
    fn a_tenth_may_have_been_sent_late() {
        for (late, all, is_disturbed) in [
            (0, 0, false),
            (0, 4, false),
            (1, 4, true),
            (1, 10, false),
            (2, 10, true),
        ] {
            let found = Processing::is_disturbed_by(late, all);
            assert_eq!(found, is_disturbed, "{late} of {all}");
        }
    }

    #[test]
    fn of_many_a_tenth_at_either_end_is_left_out() {
        let mut warm_up: Vec<Reached> = (0..18).map(|n| reached(100 + n, 100 + n)).collect();
        warm_up.extend([reached(90_000, 90_000), reached(1, 1)]);
        let found = Processing::of(&warm_up, 0.0).unwrap();
        assert!(found.off_us < 20.0, "{found:?}");
    }
}
