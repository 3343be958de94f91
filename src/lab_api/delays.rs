//! What the browsers in one channel waited for its latest publications, lane by lane: the race that a
//! room sees.
//!
//! Each page reports the delays that it measured ([`super::reports`], which believes nothing without
//! a key that the lane gave out). Here the last few of each page are kept while somebody listens to
//! the channel. Everything is bounded, so that a stranger who reports as many pages can crowd others
//! out of a figure, and take no more memory than the bounds allow.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use crate::{catalogue::LANES, channel::ChannelName};

/// Channels whose delays are kept.
const CHANNELS_MAX: usize = 64;
/// Pages of one channel whose delays are kept, each with its lane.
const REPORTERS_MAX: usize = 512;
/// Delays of one page: its latest.
const DELAYS_MAX: usize = 16;
/// For how long a page that reports no more counts, µs.
const KEPT_US: u64 = 120_000_000;

/// Who reports: one page on one lane.
pub struct Reporter<'a> {
    pub lane: &'a str,
    /// That the lane gave it; valid.
    pub key: &'a str,
    /// How far off its clock may be, µs.
    pub bound_us: u64,
}

/// The latest delays by channel; see the module.
#[derive(Default)]
pub struct Delays {
    channels: Mutex<HashMap<ChannelName, Channel>>,
}

type Channel = HashMap<Box<str>, Page>;

struct Page {
    lane: &'static str,
    bound_us: u64,
    /// µs, oldest first.
    delays_us: VecDeque<u64>,
    /// When it last reported, µs on the monotonic clock.
    heard_us: u64,
}

/// What the pages of one channel measured on one lane.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct LaneDelay {
    pub lane: &'static str,
    /// Pages on it.
    pub pages: usize,
    /// Half of their latest delays were no longer, µs.
    pub p50_us: u64,
    /// The largest error that one of their clocks may have, µs.
    pub bound_us: u64,
}

impl Delays {
    /// Adds what a page measured at `now_us` on the monotonic clock.
    pub fn note(&self, channel: &ChannelName, from: &Reporter<'_>, delays_us: &[u64], now_us: u64) {
        let lane = LANES.iter().find(|lane| lane.id.0 == from.lane);
        let Some(lane) = lane.filter(|_| !delays_us.is_empty()) else {
            return;
        };
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if !channels.contains_key(channel) {
            forget_old(&mut channels, now_us);
            if channels.len() >= CHANNELS_MAX {
                return;
            }
        }
        let pages = channels.entry(channel.clone()).or_default();
        if !pages.contains_key(from.key) && pages.len() >= REPORTERS_MAX {
            pages.retain(|_, page| page.is_heard(now_us));
            if pages.len() >= REPORTERS_MAX {
                return;
            }
        }
        let page = pages.entry(from.key.into()).or_insert_with(|| Page {
            lane: lane.id.0,
            bound_us: 0,
            delays_us: VecDeque::with_capacity(DELAYS_MAX),
            heard_us: now_us,
        });
        page.heard_us = now_us;
        page.bound_us = from.bound_us;
        for delay_us in &delays_us[delays_us.len().saturating_sub(DELAYS_MAX)..] {
            if page.delays_us.len() >= DELAYS_MAX {
                page.delays_us.pop_front();
            }
            page.delays_us.push_back(*delay_us);
        }
    }

    /// The lanes of a channel that somebody reported of lately, in the order of the catalogue.
    pub fn of(&self, channel: &ChannelName, now_us: u64) -> Vec<LaneDelay> {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pages) = channels.get(channel) else {
            return Vec::new();
        };
        let of_lane = |lane: &'static str| {
            let pages: Vec<_> = (pages.values())
                .filter(|page| page.lane == lane && page.is_heard(now_us))
                .collect();
            let mut all: Vec<u64> = (pages.iter())
                .flat_map(|page| page.delays_us.iter().copied())
                .collect();
            let middle = all.len().checked_sub(1)? / 2;
            let (_, p50_us, _) = all.select_nth_unstable(middle);
            Some(LaneDelay {
                lane,
                pages: pages.len(),
                p50_us: *p50_us,
                bound_us: pages.iter().map(|page| page.bound_us).max()?,
            })
        };
        LANES.iter().filter_map(|lane| of_lane(lane.id.0)).collect()
    }
}

impl Page {
    fn is_heard(&self, now_us: u64) -> bool {
        now_us.saturating_sub(self.heard_us) < KEPT_US
    }
}

fn forget_old(channels: &mut HashMap<ChannelName, Channel>, now_us: u64) {
    channels.retain(|_, pages| {
        pages.retain(|_, page| page.is_heard(now_us));
        !pages.is_empty()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str) -> ChannelName {
        ChannelName::parse(name).unwrap()
    }

    fn page<'a>(lane: &'a str, key: &'a str) -> Reporter<'a> {
        Reporter {
            lane,
            key,
            bound_us: 100,
        }
    }

    #[test]
    fn a_lane_has_the_middle_of_the_latest_delays_of_its_pages() {
        let delays = Delays::default();
        let room = channel("room");
        let long_ago: Vec<_> = std::iter::repeat_n(9_000, 100).collect();
        delays.note(&room, &page("sse", "a"), &long_ago, 0);
        let latest: Vec<u64> = (1..=16).collect();
        delays.note(&room, &page("sse", "a"), &latest, 1);
        delays.note(&room, &page("sse", "b"), &[50], 2);
        let slow = Reporter {
            bound_us: 700,
            ..page("short-poll", "c")
        };
        delays.note(&room, &slow, &[400_000, 200_000], 2);
        delays.note(&room, &page("no-lane", "d"), &[1], 2);
        delays.note(&room, &page("websocket", "e"), &[], 2);
        let found = delays.of(&room, 3);
        let found: Vec<_> = (found.iter())
            .map(|d| (d.lane, d.pages, d.p50_us, d.bound_us))
            .collect();
        assert_eq!(
            found,
            [("short-poll", 1, 200_000, 700), ("sse", 2, 9, 100)],
            "in the order of the catalogue"
        );
        assert!(delays.of(&channel("other"), 3).is_empty());
        assert!(delays.of(&room, 3 + KEPT_US).is_empty(), "they are gone");
    }

    #[test]
    fn pages_and_channels_are_bounded_and_give_way_when_they_are_silent() {
        let delays = Delays::default();
        for n in 0..CHANNELS_MAX + 9 {
            delays.note(&channel(&format!("c{n}")), &page("sse", "a"), &[1], 0);
        }
        let kept = |delays: &Delays| delays.channels.lock().unwrap().len();
        assert_eq!(kept(&delays), CHANNELS_MAX);
        for n in 0..REPORTERS_MAX + 9 {
            delays.note(&channel("c0"), &page("sse", &n.to_string()), &[1], 1);
        }
        assert_eq!(delays.of(&channel("c0"), 1)[0].pages, REPORTERS_MAX);
        delays.note(&channel("c0"), &page("sse", "late"), &[1], KEPT_US);
        assert_eq!(delays.of(&channel("c0"), KEPT_US)[0].pages, REPORTERS_MAX);
        delays.note(&channel("c0"), &page("sse", "later"), &[1], 1 + KEPT_US);
        assert_eq!(
            delays.of(&channel("c0"), 1 + KEPT_US)[0].pages,
            2,
            "the two that were heard of since"
        );
        delays.note(&channel("new"), &page("sse", "a"), &[1], 1 + KEPT_US);
        assert_eq!(kept(&delays), 2);
    }
}
