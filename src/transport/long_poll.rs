//! Long polling: a question that the server keeps until it has an answer (RFC 6202 §2).
//!
//! To the network it is plain HTTP, a request and a response with a length, and so it passes proxies
//! that hold back streams and refuse upgrades. To the user it is push: the answer leaves the moment
//! something happens. The price is that every answer ends, and that the client must ask again.
//!
//! # On the wire
//!
//! ```text
//! client                                                    server
//!   │── GET /long-poll/news?epoch=k3&offset=7&hold_ms=25000 ─►│
//!   │                                                         ┊  held: a subscriber of the hub, no bytes sent
//!   │ ◄── 200 {…,"offset":8,"publications":[8]} ───────────── │  the moment 8 is published
//!   │── GET /long-poll/news?epoch=k3&offset=8&hold_ms=25000 ─►│  9 was published meanwhile: answered at once
//!   │ ◄── 200 {…,"offset":9,"publications":[9]} ───────────── │
//!   │── GET …offset=9&hold_ms=25000 ─────────────────────────►│
//!   │                                                         ┊  nothing happens for 25 s
//!   │ ◄── 200 {…,"offset":9,"publications":[]} ────────────── │  so that no proxy takes it for dead
//! ```
//!
//! Without a position the question waits for the next publication. It is held for `hold_ms`, or
//! 25 s if it does not say, and never for more than 2 min (`long_poll_hold_max`). While it is held
//! the client counts as present; when it goes away (this handler is dropped at FIN or RST) its
//! presence ends with it. Between two questions it is present for 10 s (`poller_stays`).
//!
//! # What goes wrong
//!
//! - **An event comes in the gap**, after an answer has left and before the next question is here.
//!   It waits for both, and then travels itself: three transits at worst instead of one (RFC 6202
//!   §2.2). With 100 ms each way, an event 30 ms after another arrives 270 ms after it happened.
//!   It is late and not lost, since the next question names the position.
//! - **The answer is lost on its way.** Nothing leaves the history by being sent, and a client's
//!   position moves only when it has read an answer. So it names the old one again and gets the
//!   same publications again. How it knows whether the history still had all of them: `recovered`,
//!   as in [`short_poll`](super::short_poll).
//! - **The client is gone without FIN or RST** (no network, no power). TCP finds out: it asks
//!   after 15 s of silence (`tcp_keepalive`), and gives up when an answer's bytes stay
//!   unacknowledged for 30 s (`tcp_unacknowledged`). If nothing else did, the end of the hold
//!   does. The client needs a time limit of its own; the lab's page takes the hold and 10 s.
//! - **A client reads slowly.** It has one answer under way and no queue: until it asks again
//!   nothing is attached for it, and what comes waits in the history, from which it may fall out.
//!   Less than 500 bytes a second for 30 s: cut off ([`lane::pace`](crate::lane::pace)).
//!
//! # Rejected
//!
//! - **Looking into the history every 50 ms while the question is held.** Short polling on the
//!   server: late by half of that, and as much work for a silent channel as for a busy one. A held
//!   question is a [`Subscriber`] like a socket, and costs nothing while nothing happens.
//! - **Waiting a little before answering, so that one answer carries more.** It saves requests, but
//!   the delay is what long polling is chosen for ([`Subscriber::may_wait`] says no). Under load
//!   publications gather by themselves, since they come while the client is on its way to ask
//!   again.
//! - **Two questions at a time**, so that one always waits. It closes the gap, but takes two of
//!   the six connections that a browser opens to a host, and their answers may overtake each
//!   other.
//! - **204 at the end of the hold.** It saves a body of 65 bytes once in 25 s, and the client would
//!   need a second way to learn its position.
//!
//! # What it costs
//!
//! `pushlab run --lanes long-poll,websocket --clients 1 --markdown`: **one request and 592 bytes**
//! for a publication of 60 bytes, 310 of them headers, where a WebSocket needs 220 (a browser's
//! heads are longer: 1,121). The delay is a socket's until events come closer together than a round
//! trip: `pushlab experiment E5` prints that at ten events a second it added less than 1.1 ms at a
//! round trip of 90 ms, and 60 ms, half a round trip, at one of 113 ms: the step is where the round
//! trip becomes longer than the 100 ms between two events.
//!
//! Under load it gets cheaper, not worse: what comes in the gap shares an answer, so that an event
//! needs 1/(x + e^(−x)) requests, x being the events in a round trip (when they come at random).
//! `pushlab run --lanes long-poll,websocket --clients 1 --rate 50 --schedule poisson --round-trip
//! 200ms --markdown`: 0.09 requests and **253 bytes** (WebSocket 221), 203 ms late on average
//! (WebSocket 102).
//!
//! # Where it can be seen
//!
//! Lesson 7 (`lessons/07-the-gap.md`); experiments E5 (the gap) and E9 (what passes an office
//! proxy); `docs/lanes/long-poll.md`.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use tokio::sync::Notify;

use super::{Polled, SubscribeQuery, dictionaries, wrong_method};
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

/// One question, held for as long as it takes, and its answer.
async fn poll(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let mut query = SubscribeQuery::parse_for(&LONG_POLL, request.query_string())?;
    if is_head(&request) {
        // HEAD is not held, and does not make the client present.
        // (A held HEAD would keep a connection for an answer that has nothing in it.)
        query.hold_ms = Some(0);
        query.who = None;
    }
    let node = &worker.lab.node;
    let address = worker.lab.client_address(&request);
    node.may_use(&channel, address)?;
    // A held question is a connection that can be seen to end, so the guard makes the client present
    // for exactly as long: no timeout is needed while one is held.
    let presence_guard = match &query.who {
        Some(who) => Some(node.enter(&channel, who, address, via(&LONG_POLL))?),
        None => None,
    };
    let recovery = hold(&worker, &channel, &query).await?;
    // From here on the client is present like any poller. Set this before the guard is dropped, or
    // the client would leave and join with every answer.
    let present_for = worker.lab.config.poller_stays.0;
    let who = query.who.as_ref();
    node.polled(&channel, who, address, via(&LONG_POLL), present_for)?;
    drop(presence_guard);
    // The client continues from live publications, with a position or without.
    let goes_on =
        recovery.recovered || (query.start.position.is_none() && query.start.history.is_none());
    let coded = dictionaries::coded(&request, &LONG_POLL, worker.lab.compress(query.compress));
    Ok(Polled::new(recovery, query.limit, goes_on).answer(&request, coded))
}

/// Waits until there is something after the position, the hold is over, or the node stops.
///
/// The order of the first steps is the whole difficulty of long polling. Looking first and attaching
/// then would lose what is published between the two; so the request attaches first (the hub holds
/// back what comes), looks into the history, and goes live from the position that it found.
async fn hold(
    worker: &LaneWorker,
    channel: &ChannelName,
    query: &SubscribeQuery,
) -> Result<Recovery, Refusal> {
    let node = &worker.lab.node;
    let held = Rc::new(HeldPoll::default());
    // So that a stop of the node ends the hold, instead of waiting 25 s for it.
    let _connected = node.register(held.clone())?;
    let attachment = node.attach(channel, held.clone());
    let mut recovery = node.recover(channel, &query.start).await?;
    let is_lost = query.start.position.is_some() && !recovery.recovered;
    // A position that cannot be honoured is an answer, too: the client must know that it missed
    // something, and not 25 s later.
    if !recovery.publications.is_empty() || is_lost {
        return Ok(recovery);
    }
    // What the hub held back meanwhile comes now, but for what the history had already.
    attachment.go_live(&recovery.position);
    // Both ways out are good: something was found, or the time is over and the list stays empty.
    let _ = tokio::time::timeout(hold_time(worker, query), held.until_found()).await;
    recovery.publications = held.found.take();
    // An empty answer leads to where it began, and the next question is the same again.
    if let Some(last) = recovery.publications.last() {
        recovery.position = last.position();
    }
    Ok(recovery)
}

/// How long this question may be held: what the client asks for, but no longer than the server
/// allows, since each held question is a connection and a task. RFC 6202 §5.5 found 30 s safe with
/// proxies.
fn hold_time(worker: &LaneWorker, query: &SubscribeQuery) -> Duration {
    let config = &worker.lab.config;
    query
        .hold_ms
        .map_or(config.long_poll_hold.0, Duration::from_millis)
        .min(config.long_poll_hold_max.0)
}

/// A held request, as a subscriber of the hub. It has no budget of its own: it holds
/// what came until the handler is next polled, once, and is then an answer.
#[derive(Default)]
struct HeldPoll {
    found: RefCell<Vec<Arc<Publication>>>,
    ended: Cell<bool>,
    woken: Notify,
}

impl HeldPoll {
    /// A loop and not one wait: `Notify` may have been told before anybody waited, or for what was
    /// taken already.
    async fn until_found(&self) {
        while self.found.borrow().is_empty() && !self.ended.get() {
            self.woken.notified().await;
        }
    }
}

impl Subscriber for HeldPoll {
    /// Called in the hub's loop: notes what came and wakes the handler, which answers with all that
    /// is there by then.
    fn deliver(&self, delivery: Delivery<'_>) {
        let publications = delivery.publications().cloned();
        self.found.borrow_mut().extend(publications);
        self.woken.notify_one();
    }

    // Gathering for the sake of fewer writes is no use to one who is answered once.
    fn may_wait(&self) -> bool {
        false
    }

    /// The node stops: the question is answered with an empty list, and its client asks elsewhere.
    fn disconnect(&self, _reason: Disconnect) {
        self.ended.set(true);
        self.woken.notify_one();
    }
}
