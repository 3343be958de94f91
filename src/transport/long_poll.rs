//! Long polling: a request that is answered when there is something (RFC 6202 §2).
//!
//! `GET /long-poll/{channel}?epoch=&offset=&hold_ms=` → `200` as soon as anything follows the
//! position, or after the hold with an empty list. Without a position it waits for the next
//! publication. While it is held the client counts as present; when it goes away (the dispatcher
//! drops this handler at FIN or RST) its presence ends with it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use tokio::sync::Notify;

use super::{Polled, SubscribeQuery, wrong_method};
use crate::{
    catalogue::{LONG_POLL, Lane, LaneId},
    channel::{ChannelName, Publication, history::Recovery},
    disconnect::Disconnect,
    error::Refusal,
    hub::{Delivery, Subscriber},
    registry::{Endpoint, LaneWorker, is_head, named_channel, via},
};

/// The endpoint: see the module.
pub struct LongPoll;

impl Endpoint for LongPoll {
    fn lane(&self) -> Option<&'static Lane> {
        Some(&LONG_POLL)
    }

    fn metered_as(&self, rest: &str, _query: &str) -> Option<Arc<str>> {
        named_channel(rest)
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config.service(
            web::resource("/long-poll/{channel}")
                .route(web::get().to(poll))
                .default_service(wrong_method(&[Method::GET])),
        );
    }
}

async fn poll(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let mut query = SubscribeQuery::parse_for(&LONG_POLL, request.query_string())?;
    if is_head(&request) {
        // HEAD is not held, and does not make the client present.
        query.hold_ms = Some(0);
        query.who = None;
    }
    let node = &worker.lab.node;
    node.may_use(&channel, worker.lab.client_address(&request))?;
    let presence_guard = match &query.who {
        Some(who) => Some(node.enter(&channel, who, via(&LONG_POLL))?),
        None => None,
    };
    let recovery = hold(&worker, &channel, &query).await?;
    // From here on the client is present like any poller. Set this before the guard is dropped, or
    // the client would leave and join with every answer.
    let present_for = worker.lab.config.poller_stays.0;
    node.polled(&channel, query.who.as_ref(), via(&LONG_POLL), present_for)?;
    drop(presence_guard);
    // The client continues from live publications, with a position or without.
    let goes_on =
        recovery.recovered || (query.start.position.is_none() && query.start.history.is_none());
    Ok(Polled::new(recovery, query.limit, goes_on).answer(&request))
}

/// Waits until there is something after the position, the hold is over, or the node stops.
async fn hold(
    worker: &LaneWorker,
    channel: &ChannelName,
    query: &SubscribeQuery,
) -> Result<Recovery, Refusal> {
    let node = &worker.lab.node;
    let held = Rc::new(HeldPoll::default());
    let _connected = node.register(held.clone())?;
    let attachment = node.attach(channel, held.clone());
    let mut recovery = node.recover(channel, &query.start).await?;
    let is_lost = query.start.position.is_some() && !recovery.recovered;
    if !recovery.publications.is_empty() || is_lost {
        return Ok(recovery);
    }
    attachment.go_live(recovery.position.offset);
    let _ = tokio::time::timeout(hold_time(worker, query), held.until_found()).await;
    recovery.publications = held.found.take();
    if let Some(last) = recovery.publications.last() {
        recovery.position = last.position();
    }
    Ok(recovery)
}

fn hold_time(worker: &LaneWorker, query: &SubscribeQuery) -> Duration {
    let config = &worker.lab.config;
    query
        .hold_ms
        .map_or(config.long_poll_hold.0, Duration::from_millis)
        .min(config.long_poll_hold_max.0)
}

/// A held request, as a subscriber of the hub. Bounded, because the handler takes its publications
/// when it is next polled.
#[derive(Default)]
struct HeldPoll {
    found: RefCell<Vec<Arc<Publication>>>,
    ended: Cell<bool>,
    woken: Notify,
}

impl HeldPoll {
    async fn until_found(&self) {
        while self.found.borrow().is_empty() && !self.ended.get() {
            self.woken.notified().await;
        }
    }
}

impl Subscriber for HeldPoll {
    fn deliver(&self, delivery: Delivery<'_>) {
        let publications = delivery.publications().cloned();
        self.found.borrow_mut().extend(publications);
        self.woken.notify_one();
    }

    fn may_wait(&self) -> bool {
        false
    }

    fn disconnect(&self, _reason: Disconnect) {
        self.ended.set(true);
        self.woken.notify_one();
    }
}
