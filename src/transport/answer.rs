//! HTTP answers, announced to the meter of their connection.
//!
//! The meter sees bytes and not messages, so whoever makes an answer says beforehand what will be
//! in it: so many bytes of the protocol, so many of data, so many publications ([`will_answer`]).
//! What passes without having been announced is HTTP's head. Counted it is only when the kernel has
//! it ([`crate::lane::meter`]).
//!
//! Rejected: counting here, when the answer is made. The connection may end before it is written,
//! and then a delivery would stand in the figures that nobody got.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{Method, header},
    web,
};

use super::coding::Coded;
use crate::{
    channel::{StreamPosition, history::Recovery},
    codec::envelope,
    error::{Code, Refusal},
    lane::meter::Message,
    registry::OfConnection,
};

/// Marks a response that its handler has announced to the meter.
pub struct Attributed;

/// Announces to the connection's meter what the answer will carry after its head. The answer to
/// HEAD has no body and delivers nothing.
pub fn will_answer(request: &HttpRequest, message: Message) {
    if let Some(meter) = request.meter() {
        meter.answer(match *request.method() == Method::HEAD {
            true => Message::default(),
            false => message,
        });
    }
}

/// A JSON answer; its bytes by layer and what it delivers are counted once they are written.
pub fn metered_json(
    request: &HttpRequest,
    body: Vec<u8>,
    message: impl Into<Message>,
    etag: Option<&StreamPosition>,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, "application/json"));
    metered(
        request,
        response,
        (body, message.into()),
        etag,
        Coded::NEVER,
    )
}

/// An answer that is made at once, in the coding that it may have; its head, as far as it is the lane's
/// own, has been begun.
pub fn metered(
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    (body, mut message): (Vec<u8>, Message),
    etag: Option<&StreamPosition>,
    coded: Coded,
) -> HttpResponse {
    let body = coded.body(&mut response, body);
    message.layers = body.layers(message.layers);
    will_answer(request, message);
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    if let Some(position) = etag {
        let weak = if body.is_coded() { "W/" } else { "" };
        response.insert_header((header::ETAG, format!("{weak}\"{position}\"")));
    }
    let mut response = response.body(body.bytes);
    response.extensions_mut().insert(Attributed);
    response
}

/// What a poll found, within its limit, and the position after it.
pub struct Polled {
    /// Whether the position in the question was honoured: nothing is missing.
    pub recovered: bool,
    /// In order, none twice.
    pub publications: Vec<Arc<crate::channel::Publication>>,
    /// After the last of them: what the next question names.
    pub position: StreamPosition,
}

impl Polled {
    /// If the client continues from this answer, the first `limit` publications are kept, so that
    /// nothing is skipped; of a history that it was not waiting for, the latest.
    pub fn new(mut recovery: Recovery, limit: Option<usize>, goes_on: bool) -> Self {
        let mut position = recovery.position;
        if let Some(limit) = limit
            && recovery.publications.len() > limit
        {
            if goes_on {
                recovery.publications.truncate(limit);
                if let Some(last) = recovery.publications.last() {
                    position = last.position();
                }
            } else {
                let excess = recovery.publications.len() - limit;
                recovery.publications.drain(..excess);
            }
        }
        Self {
            recovered: recovery.recovered,
            publications: recovery.publications,
            position,
        }
    }

    /// Makes the answer; it is counted once it is written.
    pub fn answer(self, request: &HttpRequest, coded: Coded) -> HttpResponse {
        let (body, layers) =
            envelope::encode_polled(&self.position, self.recovered, &self.publications);
        let live = self.publications.iter().filter(|_| self.recovered);
        let message = Message {
            layers,
            publications: self.publications.len(),
            // The time that a publication waits for the next poll is part of its delay; the age of
            // a replayed history is not.
            stamps: live.map(|publication| publication.published_us).collect(),
            is_empty_answer: self.publications.is_empty(),
        };
        let mut response = HttpResponse::Ok();
        response.insert_header((header::CONTENT_TYPE, "application/json"));
        metered(
            request,
            response,
            (body, message),
            Some(&self.position),
            coded,
        )
    }
}

/// Answers 405 with the allowed methods.
pub fn wrong_method(allowed: &'static [Method]) -> actix_web::Route {
    let head = allowed.contains(&Method::GET).then_some(&Method::HEAD);
    let allow = allowed
        .iter()
        .chain(head)
        .map(Method::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    web::to(move |request: HttpRequest| {
        let refusal = Refusal::new(
            Code::WrongMethod,
            format!("{} is not answered here", request.method()),
        );
        let allow = allow.clone();
        async move {
            let mut response = actix_web::ResponseError::error_response(&refusal);
            if let Ok(allow) = header::HeaderValue::from_str(&allow) {
                response.headers_mut().insert(header::ALLOW, allow);
            }
            response
        }
    })
}
