//! The delays that phones report of the class's channel, phone by phone, for the figures of its runs.
//!
//! A phone can say anything. So each phone is one value, and the class's figure is the middle of them:
//! who invents delays moves it no further than to a neighbour's. What counts as one phone is an address;
//! where all share one (a proxy), the middle of what its pages report; pages of this machine, where
//! stand-ins are, count each.
//!
//! Cannot be prevented: half of the phones telling the same lie, and a phone that has many addresses.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::IpAddr,
    sync::Mutex,
};

use super::lock;
use crate::{catalogue::LANES, metrics::latency::Stage, network};

/// Pages whose delays are kept, each with its lane.
const REPORTERS_MAX: usize = 1_024;
/// … at one address.
const OF_ADDRESS_MAX: usize = 128;
/// Delays of one page and stage: its latest.
const DELAYS_MAX: usize = 1_024;
/// For how long a page that reports no more keeps its place, µs.
const KEPT_US: u64 = 120_000_000;

/// One page on one lane, by the key that the lane gave it.
#[derive(Default)]
struct Reporter {
    lane: &'static str,
    /// `None`: this machine's.
    address: Option<IpAddr>,
    heard_us: u64,
    by_stage: BTreeMap<Stage, VecDeque<Reported>>,
}

struct Reported {
    at_us: u64,
    delay_us: u64,
}

/// See the module. Written by reports, read by the run's task.
#[derive(Default)]
pub struct PhoneDelays(Mutex<HashMap<Box<str>, Reporter>>);

/// Who reports what.
pub struct Sample<'a> {
    pub lane: &'a str,
    pub stage: Stage,
    /// Valid.
    pub key: &'a str,
    pub address: Option<IpAddr>,
}

/// Delays of one lane and stage, µs: of each phone its own, and of these the middle.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Middle {
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

/// By lane and stage.
pub type Middles = BTreeMap<(&'static str, Stage), Middle>;

impl PhoneDelays {
    /// `now_us`: on the monotonic clock.
    pub fn note(&self, sample: &Sample<'_>, delays_us: &[u64], now_us: u64) {
        let lane = LANES.iter().find(|lane| lane.id.0 == sample.lane);
        let Some(lane) = lane.filter(|_| !delays_us.is_empty()) else {
            return;
        };
        let address = network::counted(sample.address);
        let mut all = lock(&self.0);
        if !all.contains_key(sample.key) && !has_room(&mut all, address, now_us) {
            return;
        }
        let reporter = all.entry(sample.key.into()).or_default();
        reporter.lane = lane.id.0;
        reporter.address = address;
        reporter.heard_us = now_us;
        let kept = reporter.by_stage.entry(sample.stage).or_default();
        for delay_us in &delays_us[delays_us.len().saturating_sub(DELAYS_MAX)..] {
            if kept.len() >= DELAYS_MAX {
                kept.pop_front();
            }
            kept.push_back(Reported {
                at_us: now_us,
                delay_us: *delay_us,
            });
        }
    }

    /// Of what was reported from `since_us` on.
    pub fn since(&self, since_us: u64) -> Middles {
        let mut of_phones = BTreeMap::<_, (Vec<Middle>, BTreeMap<IpAddr, Vec<Middle>>)>::new();
        for reporter in lock(&self.0).values() {
            for (stage, kept) in &reporter.by_stage {
                let fresh = kept.iter().filter(|one| one.at_us >= since_us);
                let Some(own) = of_one(fresh.map(|one| one.delay_us).collect()) else {
                    continue;
                };
                let (alone, shared) = of_phones.entry((reporter.lane, *stage)).or_default();
                match reporter.address {
                    None => alone.push(own),
                    Some(address) => shared.entry(address).or_default().push(own),
                }
            }
        }
        let middles = of_phones.into_iter().map(|(key, (mut phones, shared))| {
            phones.extend(shared.values().map(|pages| middle(pages)));
            (key, middle(&phones))
        });
        middles.collect()
    }
}

fn has_room(all: &mut HashMap<Box<str>, Reporter>, address: Option<IpAddr>, now_us: u64) -> bool {
    if all.len() >= REPORTERS_MAX {
        all.retain(|_, one| now_us.saturating_sub(one.heard_us) < KEPT_US);
    }
    let at_address = |one: &&Reporter| address.is_some() && one.address == address;
    all.len() < REPORTERS_MAX && all.values().filter(at_address).count() < OF_ADDRESS_MAX
}

/// What one page measured; `None`: nothing.
fn of_one(mut delays_us: Vec<u64>) -> Option<Middle> {
    delays_us.sort_unstable();
    let last = delays_us.len().checked_sub(1)?;
    let at = |part: f64| delays_us[(last as f64 * part).round() as usize] as f64;
    Some(Middle {
        mean: delays_us.iter().map(|us| *us as f64).sum::<f64>() / delays_us.len() as f64,
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        max: at(1.0),
    })
}

/// Of each figure the middle; of two, between them. `all` is not empty.
fn middle(all: &[Middle]) -> Middle {
    let of = |figure: fn(&Middle) -> f64| {
        let mut values: Vec<f64> = all.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        let half = values.len() / 2;
        match values.len() % 2 {
            _ if values.is_empty() => 0.0,
            0 => (values[half - 1] + values[half]) / 2.0,
            _ => values[half],
        }
    };
    Middle {
        mean: of(|it| it.mean),
        p50: of(|it| it.p50),
        p90: of(|it| it.p90),
        p99: of(|it| it.p99),
        max: of(|it| it.max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(delays: &PhoneDelays, key: &str, address: &str, delays_us: &[u64], now_us: u64) {
        let sample = Sample {
            lane: "sse",
            stage: Stage::Received,
            key,
            address: Some(address.parse().unwrap()),
        };
        delays.note(&sample, delays_us, now_us);
    }

    fn received(delays: &PhoneDelays, since_us: u64) -> Option<Middle> {
        delays.since(since_us).remove(&("sse", Stage::Received))
    }

    #[test]
    fn one_phone_moves_the_class_s_figure_no_further_than_to_a_neighbour() {
        let delays = PhoneDelays::default();
        for phone in 1..=9 {
            let address = format!("192.168.1.{phone}");
            note(&delays, &address, &address, &[phone * 1_000; 20], 5);
        }
        assert_eq!(received(&delays, 0).unwrap().mean, 5_000.0);
        // One phone, a hundred keys, a thousand delays of ten minutes with each.
        for key in 0..100 {
            let lie = [600_000_000; 1_000];
            note(&delays, &format!("liar {key}"), "192.168.1.66", &lie, 6);
        }
        let after = received(&delays, 0).unwrap();
        assert_eq!((after.mean, after.max), (5_500.0, 5_500.0));
        assert_eq!(received(&delays, 6).unwrap().mean, 600_000_000.0);
        assert_eq!(received(&delays, 7), None, "nothing since");
    }

    #[test]
    fn who_shares_an_address_and_stand_ins_have_a_middle_too() {
        let delays = PhoneDelays::default();
        for (key, address) in [("a", "10.0.0.9"), ("b", "127.0.0.1")] {
            for (n, delay_us) in [1_000, 3_000, 90_000_000].into_iter().enumerate() {
                note(&delays, &format!("{key}{n}"), address, &[delay_us], 1);
            }
        }
        // Three values of this machine's, and one of the address.
        assert_eq!(received(&delays, 0).unwrap().p50, 3_000.0);
    }

    #[test]
    fn what_is_kept_is_bounded_and_one_address_crowds_nobody_out() {
        let delays = PhoneDelays::default();
        for key in 0..OF_ADDRESS_MAX + 9 {
            note(&delays, &format!("a{key}"), "10.0.0.1", &[7; 2_000], 0);
        }
        let kept = |delays: &PhoneDelays| lock(&delays.0).len();
        assert_eq!(kept(&delays), OF_ADDRESS_MAX);
        assert_eq!(
            lock(&delays.0)["a0"].by_stage[&Stage::Received].len(),
            DELAYS_MAX
        );
        for n in 0..REPORTERS_MAX {
            let address = format!("10.{}.{}.2", n / 250, n % 250);
            note(&delays, &address, &address, &[7], 1);
        }
        assert_eq!(kept(&delays), REPORTERS_MAX);
        note(&delays, "late", "10.9.9.9", &[7], KEPT_US + 1);
        assert_eq!(kept(&delays), 1, "the others are silent");
    }
}
