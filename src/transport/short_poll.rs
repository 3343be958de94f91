//! Short polling: the client asks at an interval, and each question is answered at once
//! (RFC 6202 §2, which names it as what long polling improves on).
//!
//! It is here because everybody begins with it, because it works through every proxy, and because it
//! is what the others are measured against. The server keeps nothing for a client between two
//! questions but its presence (`poller_stays`, 10 s): where it stands is in the question itself,
//! as a position. The connection stays open for 75 s without a question (`keep_alive`), so the
//! next one need not connect anew.
//!
//! # On the wire
//!
//! ```text
//! client                                               server
//!   │── GET /short-poll/news?epoch=k3&offset=7 ────────► │
//!   │ ◄── 200, ETag "k3:7", {…,"publications":[]} ────── │  nothing new, and yet an answer, heads and all
//!   ·   the client's own timer                           ·  what is published now waits in the history
//!   │── GET /short-poll/news?epoch=k3&offset=7 ────────► │
//!   │ ◄── 200, ETag "k3:9", {…,"publications":[8,9]} ─── │  both, with one pair of heads
//!   │── GET …, If-None-Match: "k3:9" ──────────────────► │
//!   │ ◄── 304, ETag "k3:9" ───────────────────────────── │  the same "nothing", without the body
//! ```
//!
//! The ETag is made of the position that an answer leads to, so `If-None-Match` gets 304 while
//! nothing has changed (RFC 9110 §13.1.2, §15.4.5). Answers are `no-store`: a kept one would be of
//! another moment. So a browser's cache keeps none, and no browser sends `If-None-Match` here by
//! itself; a client that wants 304 sends the header on purpose.
//!
//! Not here: the timer, which is the client's (`static/js/transports/short-poll.js`).
//!
//! # What goes wrong
//!
//! - **The client was away for long, or the server was restarted.** `recovered` in the answer says
//!   whether something is missing; the status is 200 either way. `true`: `publications` is all
//!   that followed the position, in order and once. `false`: that cannot be promised. Something
//!   that followed is no longer kept (1,000 publications, 1 MiB, 10 min), or the epoch is another
//!   one: a restart begins a new one, and a channel that was empty and unused for a minute may
//!   have been given up. Then the answer has all that is still kept, and the client goes on from
//!   the answer's position ([`History::recover`](crate::channel::history::History::recover)).
//! - **A client reads its answer slowly.** One answer is all that is under way to it, at most the
//!   history's 1 MiB (`limit` makes it less). What comes meanwhile waits in the history, once for
//!   everybody, so nobody else waits. Who takes less than 500 bytes a second for 30 s is cut off
//!   ([`lane::pace`](crate::lane::pace)), and can ask again from the same position.
//!
//! # Rejected
//!
//! - **A session that remembers where each client stands.** Shorter questions, but then the server
//!   has state for everybody who once asked, and a second server knows nothing of it. A position in
//!   the question costs some 20 bytes and works on any server that has the history.
//! - **"What is new since 12:00:03?"** Clocks differ, and two publications can have the same
//!   instant. An offset grows by one with each publication; a gap is seen.
//! - **An ETag that is a hash of the body.** The body would have to be made to find out that it is
//!   not needed.
//!
//! # What it costs
//!
//! Delay: a publication waits for the next question, half an interval on average and a whole one
//! at worst; then it travels. Questions: with λ publications a second and an interval T, there are
//! 1/(λT) for each, and e^(−λT) of them are for nothing if events come at random. So an alarm that
//! goes off every five seconds, asked for every 500 ms, takes ten questions, 90 % of them for
//! nothing.
//!
//! Bytes: the more events share an answer, the fewer each costs, until only its envelope is left.
//! `pushlab run --lanes short-poll,sse,websocket --clients 1 --rate N --markdown`, asking every
//! 500 ms, for 60 bytes of data:
//!
//! | events a second | short polling | server-sent events | WebSocket |
//! |---:|---:|---:|---:|
//! | 0.5 | **1,652** | 243 | 219 |
//! | 4 | 398 | 245 | 220 |
//! | 30 | **242** | 247 | 221 |
//! | 200 | 222 | 247 | 222 |
//!
//! At 0.5 a second three of four answers are empty, and 1,177 of the bytes are headers. (Of so few
//! events it is the bytes that count, not the delays.) At 30 a second fifteen share an answer, and
//! it takes fewer bytes than an event stream, and from 200 a second on no more than a WebSocket,
//! whose frame headers it has not; the half interval of delay stays. From a browser, whose requests
//! have longer heads, it is 659 at 4 a second.
//!
//! # Where it can be seen
//!
//! Lesson 2 (`lessons/02-empty-answers.md`) and lesson 3; experiments E2 (how late, how often
//! empty) and E15 (what 304 saves: at 100 bytes of state half of a poll, at 20 kB nearly all of
//! it); `docs/lanes/short-poll.md`.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::Method, http::header, web};

use super::{
    Attributed, Polled, SubscribeQuery, coding::Coded, dictionaries, will_answer, wrong_method,
};
use crate::{
    catalogue::{Lane, LaneId, SHORT_POLL},
    channel::{ChannelName, StreamPosition},
    error::Refusal,
    lane::meter::Message,
    registry::{Endpoint, LaneWorker, is_head, named_channel, via},
};

/// The endpoint: see the module.
pub struct ShortPoll;

impl Endpoint for ShortPoll {
    fn lane(&self) -> Option<&'static Lane> {
        Some(&SHORT_POLL)
    }

    // The path goes on with the channel's name alone, so the meter can label the request's bytes
    // before any handler runs.
    fn metered_as(&self, rest: &str, _query: &str) -> Option<Arc<str>> {
        named_channel(rest)
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config.service(
            web::resource("/short-poll/{channel}")
                .route(web::get().to(poll))
                .default_service(wrong_method(&[Method::GET])),
        );
    }
}

/// One question and its answer. Nothing outlives it but the client's presence.
async fn poll(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let mut query = SubscribeQuery::parse_for(&SHORT_POLL, request.query_string())?;
    if is_head(&request) {
        // The server routes HEAD to the handler of GET. Looking is not coming: it makes nobody
        // present.
        query.who = None;
    }
    let node = &worker.lab.node;
    let present_for = worker.lab.config.poller_stays.0;
    let address = worker.lab.client_address(&request);
    node.may_use(&channel, address)?;
    // First, so that nobody is present in a channel that the node refuses.
    let recovery = node.recover(&channel, &query.start).await?;
    // Between two questions there is no connection that could say that somebody is here. So each
    // question makes the client present for a while (`poller_stays`), and silence ends it.
    let who = query.who.as_ref();
    node.polled(&channel, who, address, via(&SHORT_POLL), present_for)?;
    // A client that was honoured its position continues after this answer, so a `limit` must keep
    // the oldest publications; whoever begins anew wants the latest.
    let goes_on = recovery.recovered;
    let polled = Polled::new(recovery, query.limit, goes_on);
    // Compared with the answer's position and not the question's: a client that names an old
    // position with a new ETag has been here, and gets 304 only if nothing came since.
    let coded = dictionaries::coded(&request, &SHORT_POLL, worker.lab.compress(query.compress));
    if client_has(&request, &polled.position) {
        return Ok(not_modified(&request, &polled.position, coded));
    }
    Ok(polled.answer(&request, coded))
}

/// Whether `If-None-Match` names this position (RFC 9110 §13.1.2: any of a list, weak or not).
fn client_has(request: &HttpRequest, position: &StreamPosition) -> bool {
    // The weak comparison that If-None-Match is to use: `W/"k3:9"` and `"k3:9"` are the same here.
    let etag = format!("\"{position}\"");
    request
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim().trim_start_matches("W/") == etag)
}

/// 304: no body, but both heads are paid for. To the meter it is an empty answer like any other.
fn not_modified(request: &HttpRequest, position: &StreamPosition, coded: Coded) -> HttpResponse {
    let message = Message {
        is_empty_answer: true,
        ..Message::default()
    };
    will_answer(request, message);
    let mut response = HttpResponse::NotModified();
    coded.vary(&mut response);
    let mut response = response
        .insert_header((header::ETAG, format!("\"{position}\"")))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish();
    response.extensions_mut().insert(Attributed);
    response
}
