//! Asking about channels (reference, 16.5 to 16.7).

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde::Serialize;

use super::{ApiError, Attributes, Call, Wanted};
use crate::{
    channel::ChannelName,
    codec::pusher::{
        data,
        kind::{self, Kind},
    },
    node::Node,
    registry::LaneWorker,
};

/// The channels that anybody is subscribed to.
pub(super) fn channels(worker: &LaneWorker, call: &Call<'_>) -> Result<HttpResponse, ApiError> {
    let wanted = Wanted::parse(call.parameters.get("info"))?;
    let prefix = call.parameters.get("filter_by_prefix").unwrap_or_default();
    if wanted.user_count && !prefix.starts_with("presence-") {
        return Err(ApiError::bad(
            "user_count needs a filter_by_prefix that starts with presence-",
        ));
    }
    if wanted.subscription_count && !call.app.settings.subscription_count {
        return Err(ApiError::bad(
            "subscription_count is not enabled for this application",
        ));
    }
    if wanted.cache {
        return Err(ApiError::bad("cache is an attribute of one channel"));
    }
    let node = &worker.lab.node;
    let is_listed =
        |channel: &ChannelName| call.app.shows(channel) && channel.local().starts_with(prefix);
    let channels: BTreeMap<_, _> = node
        .occupied(is_listed)
        .into_iter()
        .map(|(channel, subscriptions)| {
            let attributes = Attributes {
                user_count: wanted.user_count.then(|| node.members(&channel).len()),
                subscription_count: wanted.subscription_count.then_some(subscriptions),
            };
            (channel.local().to_owned(), attributes)
        })
        .collect();
    Ok(HttpResponse::Ok().json(serde_json::json!({ "channels": channels })))
}

#[derive(Serialize)]
struct Channel {
    occupied: bool,
    #[serde(flatten)]
    attributes: Attributes,
    /// `null` where nothing is cached; absent where it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<Option<Cached>>,
}

#[derive(Serialize)]
struct Cached {
    data: String,
    /// Seconds that are left.
    ttl: u64,
}

/// One channel, occupied or not.
pub(super) fn channel(
    worker: &LaneWorker,
    call: &Call<'_>,
    name: &str,
) -> Result<HttpResponse, ApiError> {
    kind::check_name(name, call.app.settings.channel_name_max_bytes)?;
    let wanted = Wanted::parse(call.parameters.get("info"))?;
    let kind = Kind::of(name);
    if wanted.user_count && !kind.presence {
        return Err(ApiError::bad(
            "user_count is an attribute of presence channels",
        ));
    }
    if wanted.cache && !kind.cached {
        return Err(ApiError::bad("cache is an attribute of cache channels"));
    }
    let node = &worker.lab.node;
    let channel = call.app.channel(name);
    let subscriptions = node.subscribers(&channel);
    Ok(HttpResponse::Ok().json(Channel {
        occupied: subscriptions > 0,
        attributes: Attributes {
            user_count: wanted.user_count.then(|| node.members(&channel).len()),
            subscription_count: wanted.subscription_count.then_some(subscriptions),
        },
        cache: wanted.cache.then(|| cached(node, &channel)),
    }))
}

fn cached(node: &Node, channel: &ChannelName) -> Option<Cached> {
    node.latest(channel).map(|(latest, left_us)| Cached {
        data: data::to_text(&latest.data).into_owned(),
        ttl: left_us / 1_000_000,
    })
}

/// The users of a presence channel.
pub(super) fn users(
    worker: &LaneWorker,
    call: &Call<'_>,
    name: &str,
) -> Result<HttpResponse, ApiError> {
    #[derive(Serialize)]
    struct User {
        id: Box<str>,
    }
    #[derive(Serialize)]
    struct Users {
        users: Vec<User>,
    }
    kind::check_name(name, call.app.settings.channel_name_max_bytes)?;
    if !Kind::of(name).presence {
        return Err(ApiError::bad("Users can be had of presence channels only"));
    }
    let members = worker.lab.node.members(&call.app.channel(name));
    let users = members.into_iter().map(|member| User { id: member.client });
    Ok(HttpResponse::Ok().json(Users {
        users: users.collect(),
    }))
}
