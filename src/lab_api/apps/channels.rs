//! `GET /api/apps/{id}/channels`: the occupied channels of an application, as the console shows
//! them. An SDK asks `/apps/{id}/channels`, signed; this is the same table without a signature.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::owned;
use crate::{
    codec::pusher::kind::Kind, error::Refusal, lab_api::no_store, protocol::pusher::app::Apps,
    registry::LaneWorker,
};

/// Channels in one answer; the busiest come first.
const MAX_CHANNELS: usize = 200;

#[derive(Serialize)]
struct ChannelView {
    name: String,
    /// Over every transport and protocol.
    subscriptions: usize,
    /// On presence channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<usize>,
    #[serde(flatten)]
    kind: KindView,
}

#[derive(Serialize)]
struct KindView {
    guarded: bool,
    presence: bool,
    encrypted: bool,
    cached: bool,
}

pub(super) async fn list(
    request: HttpRequest,
    id: web::Path<String>,
    worker: web::Data<LaneWorker>,
    apps: web::Data<Apps>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Channels {
        channels: Vec<ChannelView>,
        /// How many there are, those left out included.
        total: usize,
    }
    let app = owned(&request, &worker, &apps, &id)?;
    let node = &worker.lab.node;
    let mut occupied = node.occupied(|channel| app.shows(channel));
    let total = occupied.len();
    occupied.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.local().cmp(b.local())));
    occupied.truncate(MAX_CHANNELS);
    let channels = occupied
        .into_iter()
        .map(|(channel, subscriptions)| {
            let kind = Kind::of(channel.local());
            ChannelView {
                name: channel.local().to_owned(),
                subscriptions,
                users: kind.presence.then(|| node.members(&channel).len()),
                kind: KindView {
                    guarded: kind.guarded,
                    presence: kind.presence,
                    encrypted: kind.encrypted,
                    cached: kind.cached,
                },
            }
        })
        .collect();
    Ok(no_store().json(Channels { channels, total }))
}
