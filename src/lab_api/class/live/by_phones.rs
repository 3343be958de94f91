//! Figures of delays that phones report with `POST /api/class/report`, of one run: by lane and by group, all
//! of them from the same reports.
//!
//! A phone can say anything. So each phone is one value, and a lane's figure and a group's median are the middle
//! of them: who invents delays moves it no further than to a neighbour's. What counts as one phone is an
//! address; where several share one (a proxy), the middle of what they report; those of this machine, where
//! stand-ins are, count each.
//!
//! Cannot be prevented: half of the phones telling the same lie, and a phone that has many addresses. Pure.

use std::{collections::BTreeMap, net::IpAddr};

use super::counted::Figures;
use crate::{
    catalogue,
    class::participant::{Delays, Late},
    network,
};

/// The share of a group's delay that the phones' clocks may be off by, in the middle. Beyond, the delay says more of
/// the clocks than of the network, and is not given.
const CLOCKS_MOST: f64 = 1.0 / 7.0;

/// What one phone reported, and where it is.
#[derive(Debug, Clone)]
pub struct OfPhone {
    pub address: Option<IpAddr>,
    /// From 0.
    pub group: usize,
    pub lane: String,
    pub delays: Delays,
}

/// By the names that lessons use, in ms: `LANE.received.p50`, `LANE.painted.mean`, `group2.delay_ms.median`,
/// `group2.phones`.
pub fn figures(phones: &[OfPhone]) -> Figures {
    let mut figures = Figures::new();
    let mut lanes = BTreeMap::<_, Vec<_>>::new();
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for phone in phones {
        let lane = catalogue::lane(&phone.lane).map(|lane| lane.id.0);
        let stages = [
            ("received", phone.delays.received),
            ("painted", phone.delays.painted),
        ];
        for (stage, late) in stages {
            if let (Some(lane), Some(late)) = (lane, late) {
                let of_lane = lanes.entry((lane, stage)).or_default();
                of_lane.push((phone.address, late));
            }
        }
        if let Some(late) = phone.delays.received {
            let of_group = groups.entry(phone.group).or_default();
            of_group.push((phone.address, late, phone.delays.bound_ms));
        }
    }
    for ((lane, stage), of_lane) in lanes {
        let all = each_phone(of_lane.into_iter(), middle);
        for (name, ms) in middle(&all).each() {
            figures.insert(format!("{lane}.{stage}.{name}"), ms);
        }
    }
    for (group, of_group) in groups {
        let name = format!("group{}", group + 1);
        figures.insert(format!("{name}.phones"), of_group.len() as f64);
        // Of the bounds the middle, too: one phone that tells a large one hides nothing.
        let bounds = of_group
            .iter()
            .map(|(address, _, bound_ms)| (*address, *bound_ms));
        let bound = middle_of(&each_phone(bounds, middle_of));
        let all = of_group.iter().map(|(address, late, _)| (*address, *late));
        let all = each_phone(all, middle);
        let mean = all.iter().map(|late| late.mean).sum::<f64>() / all.len() as f64;
        // By the middle of the delays: one phone that tells a large one shows nothing either.
        let median = middle(&all).mean;
        if bound <= median * CLOCKS_MOST {
            figures.insert(format!("{name}.delay_ms.mean"), mean);
            figures.insert(format!("{name}.delay_ms.median"), median);
        }
    }
    figures
}

/// One value for each phone.
fn each_phone<T>(
    reported: impl Iterator<Item = (Option<IpAddr>, T)>,
    middle: fn(&[T]) -> T,
) -> Vec<T> {
    let mut alone = Vec::new();
    let mut shared = BTreeMap::<IpAddr, Vec<T>>::new();
    for (address, late) in reported {
        match network::counted(address) {
            None => alone.push(late),
            Some(address) => shared.entry(address).or_default().push(late),
        }
    }
    alone.extend(shared.values().map(|pages| middle(pages)));
    alone
}

/// Of each figure the middle.
fn middle(all: &[Late]) -> Late {
    let of = |figure: fn(&Late) -> f64| middle_of(&all.iter().map(figure).collect::<Vec<_>>());
    Late {
        mean: of(|it| it.mean),
        p50: of(|it| it.p50),
        p90: of(|it| it.p90),
        p99: of(|it| it.p99),
        max: of(|it| it.max),
    }
}

/// The middle; of two, between them.
fn middle_of(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() % 2 {
        _ if values.is_empty() => 0.0,
        0 => (values[half - 1] + values[half]) / 2.0,
        _ => values[half],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late(ms: f64) -> Late {
        Late {
            mean: ms,
            p50: ms,
            p90: ms,
            p99: ms,
            max: ms,
        }
    }

    fn phone(address: &str, lane: &str, group: usize, ms: f64) -> OfPhone {
        OfPhone {
            address: Some(address.parse().unwrap()),
            group,
            lane: lane.to_owned(),
            delays: Delays {
                bound_ms: 0.0,
                received: Some(late(ms)),
                painted: None,
            },
        }
    }

    #[test]
    fn one_phone_moves_the_class_s_figures_no_further_than_to_a_neighbour() {
        let own = |n: u32| phone(&format!("192.168.1.{n}"), "sse", 0, f64::from(n));
        let mut all: Vec<_> = (1..=9).map(own).collect();
        assert_eq!(figures(&all)["sse.received.mean"], 5.0);
        assert_eq!(figures(&all)["group1.delay_ms.median"], 5.0);
        // One device that is in the class a hundred times.
        all.extend((0..100).map(|_| phone("192.168.1.66", "sse", 0, 600_000.0)));
        let found = figures(&all);
        assert_eq!(found["sse.received.mean"], 5.5);
        assert_eq!(found["sse.received.max"], 5.5);
        assert_eq!(found["group1.delay_ms.median"], 5.5);
        assert_eq!(found["group1.phones"], 109.0);
    }

    #[test]
    fn who_shares_an_address_and_stand_ins_have_a_middle_too() {
        let all = ["10.0.0.9", "127.0.0.1"]
            .map(|address| [1.0, 3.0, 90_000.0].map(|ms| phone(address, "websocket", 1, ms)));
        // Three values of this machine's, and one of the address.
        let found = figures(&all.concat());
        assert_eq!(found["websocket.received.p50"], 3.0);
        assert_eq!(found["group2.delay_ms.median"], 3.0);
        assert!(!found.contains_key("websocket.painted.p50"));
    }

    #[test]
    fn channels_and_socket_io_have_delays_as_plain_lanes_do_and_groups_on_one_lane_are_told_apart()
    {
        let all = [
            phone("127.0.0.1", "channels", 0, 4.0),
            phone("127.0.0.1", "socketio-websocket", 1, 6.0),
            phone("127.0.0.1", "short-poll", 2, 120.0),
            phone("127.0.0.1", "short-poll", 3, 480.0),
            phone("127.0.0.1", "no-lane", 4, 1.0),
        ];
        let found = figures(&all);
        assert_eq!(found["channels.received.mean"], 4.0);
        assert_eq!(found["socketio-websocket.received.mean"], 6.0);
        assert_eq!(found["short-poll.received.mean"], 300.0);
        assert_eq!(found["group3.delay_ms.mean"], 120.0);
        assert_eq!(found["group4.delay_ms.mean"], 480.0);
        assert!(!found.keys().any(|name| name.starts_with("no-lane")));
    }

    #[test]
    fn one_phone_with_a_bad_clock_hides_no_group() {
        let mut all: Vec<_> = (1..=9)
            .map(|n| phone(&format!("192.168.1.{n}"), "short-poll", 0, 120.0))
            .collect();
        all[0].delays.bound_ms = 2_600.0;
        assert_eq!(figures(&all)["group1.delay_ms.median"], 120.0);
    }

    #[test]
    fn one_phone_with_a_large_delay_shows_no_group() {
        let mut all: Vec<_> = (1..=10)
            .map(|n| phone(&format!("192.168.1.{n}"), "short-poll", 0, 5.0))
            .collect();
        all[0] = phone("192.168.1.1", "short-poll", 0, 60_000.0);
        for phone in &mut all {
            phone.delays.bound_ms = 5.0;
        }
        assert!(!figures(&all).contains_key("group1.delay_ms.median"));
    }

    #[test]
    fn delays_of_groups_are_not_told_where_clocks_may_be_off_by_a_seventh_of_them() {
        let with_bound = |bound_ms: f64| {
            let mut one = phone("127.0.0.1", "short-poll", 0, 70.0);
            one.delays.bound_ms = bound_ms;
            figures(&[one])
        };
        assert_eq!(with_bound(10.0)["group1.delay_ms.mean"], 70.0);
        let off = with_bound(10.1);
        assert_eq!(off.get("group1.delay_ms.mean"), None);
        assert_eq!(
            (off["group1.phones"], off["short-poll.received.mean"]),
            (1.0, 70.0)
        );
    }
}
