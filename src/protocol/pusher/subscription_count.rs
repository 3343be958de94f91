//! Telling subscribers how many they are (reference, 10).
//!
//! At every change up to 100 subscribers; above that at most once in five seconds, the last
//! change included. Off by default, per application, and never on presence channels. A count is
//! told and not published: in the history it would be stale for whoever reads it.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use serde_json::value::to_raw_value;

use super::{app::App, app_event::Happening};
use crate::{
    channel::ChannelName,
    clock,
    codec::pusher::{SUBSCRIPTION_COUNT_EVENT, kind::Kind},
    node::Node,
};

const EVERY_CHANGE_UP_TO: usize = 100;
const AT_MOST_EVERY: Duration = Duration::from_secs(5);

/// When a channel's subscribers were last told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told {
    at_us: u64,
    /// Somebody will tell them when the time has come.
    is_planned: bool,
}

/// A channel has a subscription more or less.
pub fn changed(app: &Arc<App>, node: &Arc<Node>, channel: &ChannelName) {
    if !app.settings.subscription_count || Kind::of(channel.local()).presence || !app.shows(channel)
    {
        return;
    }
    let now_us = clock::now_us();
    if let Some(wait) = plan(app, node.subscribers(channel), channel, now_us) {
        if wait.is_zero() {
            return tell(app, node, channel);
        }
        let (app, node, channel) = (app.clone(), node.clone(), channel.clone());
        actix_rt::spawn(async move {
            actix_rt::time::sleep(wait).await;
            told(&app, node.subscribers(&channel), &channel, clock::now_us());
            tell(&app, &node, &channel);
        });
    }
}

/// How long to wait before telling; `None` if nobody is to be told, or somebody will be anyway.
fn plan(app: &App, count: usize, channel: &ChannelName, now_us: u64) -> Option<Duration> {
    if count <= EVERY_CHANGE_UP_TO {
        told(app, count, channel, now_us);
        return (count > 0).then_some(Duration::ZERO);
    }
    let mut all = app.told.lock().unwrap_or_else(PoisonError::into_inner);
    let last = all.entry(channel.clone()).or_default();
    let since = Duration::from_micros(now_us.saturating_sub(last.at_us));
    if since >= AT_MOST_EVERY {
        *last = Told {
            at_us: now_us,
            is_planned: last.is_planned,
        };
        return Some(Duration::ZERO);
    }
    let wait = AT_MOST_EVERY - since;
    let is_planned = std::mem::replace(&mut last.is_planned, true);
    (!is_planned).then_some(wait)
}

fn told(app: &App, count: usize, channel: &ChannelName, now_us: u64) {
    let mut all = app.told.lock().unwrap_or_else(PoisonError::into_inner);
    if count == 0 {
        all.remove(channel);
    } else if count > EVERY_CHANGE_UP_TO || all.contains_key(channel) {
        all.insert(
            channel.clone(),
            Told {
                at_us: now_us,
                is_planned: false,
            },
        );
    }
}

fn tell(app: &App, node: &Node, channel: &ChannelName) {
    #[derive(serde::Serialize)]
    struct Count {
        subscription_count: usize,
    }
    let count = Count {
        subscription_count: node.subscribers(channel),
    };
    let Ok(data) = to_raw_value(&count) else {
        return;
    };
    node.tell(channel, SUBSCRIPTION_COUNT_EVENT, data);
    app.notify(Happening::SubscriptionCount {
        channel: channel.local(),
        count: count.subscription_count,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::apps::AppSettings, protocol::pusher::app::Apps};

    #[test]
    fn every_change_up_to_a_hundred_then_one_in_five_seconds() {
        let apps = Apps::new(&[AppSettings::new("1", "k", "s")], None);
        let app = apps.by_id("1").unwrap();
        let channel = app.channel("news");
        let at = |count, s: u64| plan(app, count, &channel, s * 1_000_000);
        assert_eq!(at(99, 100), Some(Duration::ZERO));
        assert_eq!(at(100, 100), Some(Duration::ZERO));
        assert_eq!(at(101, 100), Some(Duration::ZERO));
        assert_eq!(at(102, 102), Some(Duration::from_secs(3)));
        assert_eq!(at(103, 103), None, "it will be told at 105");
        told(app, 103, &channel, 105_000_000);
        assert_eq!(at(104, 106), Some(Duration::from_secs(4)));
        assert_eq!(at(0, 107), None);
        assert!(app.told.lock().unwrap().is_empty());
    }
}
