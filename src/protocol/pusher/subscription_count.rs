//! Notifying subscribers of how many they are (reference, 10).
//!
//! When is [`count_schedule`](super::count_schedule)'s to say. Off by default, per application, and
//! never on presence channels. The count goes to who is subscribed now and is not published: in the
//! history it would be stale for whoever reads it.

use std::sync::Arc;

use serde_json::value::to_raw_value;

use super::{app::App, app_event::AppEvent};
use crate::{
    channel::ChannelName,
    clock,
    codec::pusher::{SUBSCRIPTION_COUNT_EVENT, kind::Kind},
    node::Node,
};

/// A channel has one subscription more or less.
pub fn changed(app: &Arc<App>, node: &Arc<Node>, channel: &ChannelName) {
    if !app.settings.subscription_count || Kind::of(channel.local()).presence || !app.shows(channel)
    {
        return;
    }
    let (schedule, count) = (&app.count_schedule, node.subscribers(channel));
    let Some(wait) = schedule.wait(channel, count, clock::now_us()) else {
        return;
    };
    if wait.is_zero() {
        return notify(app, node, channel);
    }
    let (app, node, channel) = (app.clone(), node.clone(), channel.clone());
    actix_rt::spawn(async move {
        actix_rt::time::sleep(wait).await;
        let count = node.subscribers(&channel);
        app.count_schedule
            .notified(&channel, count, clock::now_us());
        notify(&app, &node, &channel);
    });
}

fn notify(app: &App, node: &Node, channel: &ChannelName) {
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
    node.publish_ephemeral(channel, SUBSCRIPTION_COUNT_EVENT, data);
    app.notify(AppEvent::SubscriptionCount {
        channel: channel.local(),
        count: count.subscription_count,
    });
}
