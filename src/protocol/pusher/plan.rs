//! The hosted service's plans, as data (reference, 19).
//!
//! Prices and limits move: these are a third party's table of [`CHECKED`], which cites the
//! service's own pricing page and was not checked against it; the Sandbox figures are those of its
//! help pages. A page that shows a price must show that with it.

use serde::Serialize;

/// How old the table is, and how sure.
pub const CHECKED: &str = "May 2026, from a third party's table; not checked at the source";

/// What one account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub name: &'static str,
    pub usd_per_month: u32,
    pub messages_per_day: u64,
    pub connections: usize,
}

const fn plan(
    name: &'static str,
    usd_per_month: u32,
    messages_per_day: u64,
    connections: usize,
) -> Plan {
    Plan {
        name,
        usd_per_month,
        messages_per_day,
        connections,
    }
}

pub const SANDBOX: Plan = plan("sandbox", 0, 200_000, 100);

/// From the smallest to the largest. Beyond the last is a quote.
pub const LADDER: &[Plan] = &[
    SANDBOX,
    plan("startup", 49, 1_000_000, 500),
    plan("pro", 99, 4_000_000, 2_000),
    plan("business", 299, 10_000_000, 5_000),
    plan("premium", 499, 20_000_000, 10_000),
    plan("growth", 699, 40_000_000, 15_000),
    plan("plus", 899, 60_000_000, 20_000),
    plan("growth_plus", 1_199, 90_000_000, 30_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_of_the_ladder_is_higher() {
        for pair in LADDER.windows(2) {
            assert!(pair[0].usd_per_month < pair[1].usd_per_month);
            assert!(pair[0].messages_per_day < pair[1].messages_per_day);
            assert!(pair[0].connections < pair[1].connections);
        }
    }
}
