//! Long polling: ask, and be answered when there is something (RFC 6202 §2).
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
    fn paths(&self) -> &[&'static str] {
        std::slice::from_ref(&LONG_POLL.path)
    }

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
    let mut asked = SubscribeQuery::parse(request.query_string())?;
    if is_head(&request) {
        // Only the head is asked for: nothing is waited for, and nobody is present by it.
        asked.hold_ms = Some(0);
        asked.who = None;
    }
    let node = &worker.lab.node;
    node.may_use(&channel, worker.lab.client_address(&request))?;
    let visit = match &asked.who {
        Some(who) => Some(node.enter(&channel, who, via(&LONG_POLL))?),
        None => None,
    };
    let recovery = hold(&worker, &channel, &asked).await?;
    // The answer is on its way: from here on the client is present as any poller is. Said before
    // the visit ends, or it would leave and join with every answer.
    let stays = worker.lab.config.poller_stays.0;
    node.polled(&channel, asked.who.as_ref(), via(&LONG_POLL), stays)?;
    drop(visit);
    // Live publications are gone on from, with a position or without.
    let goes_on =
        recovery.recovered || (asked.start.position.is_none() && asked.start.history.is_none());
    Ok(Polled::new(recovery, asked.limit, goes_on).answer(&request))
}

/// Waits until there is something after the position, the hold is over, or the node stops.
async fn hold(
    worker: &LaneWorker,
    channel: &ChannelName,
    asked: &SubscribeQuery,
) -> Result<Recovery, Refusal> {
    let node = &worker.lab.node;
    let held = Rc::new(Held::default());
    let _connected = node.register(held.clone())?;
    let attachment = node.attach(channel, held.clone());
    let mut recovery = node.recover(channel, &asked.start).await?;
    let is_lost = asked.start.position.is_some() && !recovery.recovered;
    if !recovery.publications.is_empty() || is_lost {
        return Ok(recovery);
    }
    attachment.go_live(recovery.position.offset);
    let _ = tokio::time::timeout(hold_time(worker, asked), held.until_found()).await;
    recovery.publications = held.found.take();
    if let Some(last) = recovery.publications.last() {
        recovery.position = last.position();
    }
    Ok(recovery)
}

fn hold_time(worker: &LaneWorker, asked: &SubscribeQuery) -> Duration {
    let config = &worker.lab.config;
    asked
        .hold_ms
        .map_or(config.long_poll_hold.0, Duration::from_millis)
        .min(config.long_poll_hold_max.0)
}

/// A held request, as the hub sees it. Bounded: the handler takes what it has at its next turn.
#[derive(Default)]
struct Held {
    found: RefCell<Vec<Arc<Publication>>>,
    ended: Cell<bool>,
    woken: Notify,
}

impl Held {
    async fn until_found(&self) {
        while self.found.borrow().is_empty() && !self.ended.get() {
            self.woken.notified().await;
        }
    }
}

impl Subscriber for Held {
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
