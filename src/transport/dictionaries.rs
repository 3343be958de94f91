//! Dictionaries for what plain lanes answer (RFC 9842): what every answer says, told once.
//!
//! ```text
//! browser                                                     server, with --compress on
//!   │── GET /dictionaries/sse ─────────────────────────────────►│
//!   │ ◄── 200, Use-As-Dictionary: match="/sse/*", a text ────── │  the browser keeps it, by its hash
//!   │── GET /sse/news, Available-Dictionary: :hash:, ──────────►│
//!   │   Accept-Encoding: …, dcz                                 │
//!   │ ◄── 200, content-encoding: dcz, an event, flushed ─────── │  its envelope is in the dictionary
//! ```
//!
//! A browser asks so only on a secure origin (https, or this machine: `localhost`, `127.0.0.1`), and only for what has
//! the origin that the dictionary came from. So each lane has its own below its port. Chromium 156 does it for
//! `fetch` and for `EventSource` (`tests/browser/compression.test.mjs`).
//!
//! # What it costs
//!
//! `Available-Dictionary` is a line of 69 bytes in *every* request that the pattern fits, and `, dcb, dcz` another 10.
//! An event stream asks once. A poll pays them each time, and they are more than what is left to save in an empty
//! answer; so no page fetches a dictionary by itself: it is there to be tried.
//!
//! # Rejected
//!
//! - **The last answer as the dictionary of the next** (`Use-As-Dictionary` on polls). Only what may be stored can be
//!   one (RFC 9842 §2.1), and these answers are `no-store`.

use std::sync::{Arc, LazyLock};

use actix_web::{HttpRequest, HttpResponse, http::Method, http::header, web};

use super::{coding::Coded, wrong_method};
use crate::{
    catalogue::{FETCH_STREAM, LONG_POLL, Lane, LaneId, SHORT_POLL, SSE, lane},
    channel::{ChannelName, Epoch, Publication},
    codec::{compressed::Dictionary, envelope, sse},
    config::compress::Compress,
    error::{Code, Refusal},
    registry::{Endpoint, LaneWorker},
};

/// The endpoint, on the lanes that have one and on the main lane.
pub struct Dictionaries;

/// Who has which.
static OF: [(&Lane, &LazyLock<Dictionary>); 4] = [
    (&SHORT_POLL, &POLLS),
    (&LONG_POLL, &POLLS),
    (&SSE, &EVENTS),
    (&FETCH_STREAM, &LINES),
];

impl Endpoint for Dictionaries {
    fn paths(&self) -> &[&'static str] {
        &["/dictionaries/"]
    }

    fn is_on(&self, on: LaneId) -> bool {
        on == LaneId::MAIN || OF.iter().any(|(lane, _)| lane.id == on)
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config.service(
            web::resource("/dictionaries/{lane}")
                .route(web::get().to(fetch))
                .default_service(wrong_method(&[Method::GET])),
        );
    }
}

/// The dictionary of a lane that has one.
fn of(lane: &Lane) -> Option<&'static Dictionary> {
    let (_, dictionary) = OF.iter().find(|(has, _)| has.id == lane.id)?;
    Some(dictionary)
}

/// How the answer to a lane's request may leave, if its connection is set so.
pub fn coded(request: &HttpRequest, lane: &Lane, set: Compress) -> Coded {
    Coded::of_lane(request, set, of(lane))
}

static POLLS: LazyLock<Dictionary> = LazyLock::new(|| {
    let mut text = Vec::new();
    for of in publications() {
        let (body, _) = envelope::encode_polled(&of.position(), true, &[Arc::new(of)]);
        text.extend(body);
    }
    Dictionary::new(text)
});

static EVENTS: LazyLock<Dictionary> = LazyLock::new(|| {
    let mut text = Vec::new();
    sse::encode_retry(2_000, &mut text);
    for of in publications() {
        let mut json = Vec::new();
        envelope::encode_publication(&of, &mut json);
        sse::encode_event(None, Some(&of.position().to_string()), &json, &mut text);
    }
    Dictionary::new(text)
});

static LINES: LazyLock<Dictionary> = LazyLock::new(|| {
    let mut text = Vec::new();
    for of in publications() {
        envelope::encode_publication(&of, &mut text);
        text.push(b'\n');
    }
    Dictionary::new(text)
});

/// As the lab's own pages publish them. What they say is the application's; what is around it is the dictionary's use.
fn publications() -> impl Iterator<Item = Publication> {
    let events = [
        ("tick", r#"{"n":1,"pad":""}"#),
        ("message", r#"{"n":2,"user":"Ada","text":""}"#),
        (
            "quotes",
            r#"{"n":3,"quotes":[{"symbol":"","price":1.5,"change":0.5}]}"#,
        ),
    ];
    let name = ChannelName::parse("news").expect("a name");
    let epoch = Epoch::parse("k3x9q20").expect("an epoch");
    (1..)
        .zip(events)
        .map(move |(offset, (event, data))| Publication {
            channel: name.clone(),
            epoch: epoch.clone(),
            offset,
            event: event.into(),
            data: serde_json::value::RawValue::from_string(data.to_owned()).expect("JSON"),
            intended_us: 1_796_000_000_000_000,
            published_us: 1_796_000_000_000_000,
            origin: None,
        })
}

/// A dictionary. Where nothing is compressed there is none, or every request would name it for nothing.
async fn fetch(
    request: HttpRequest,
    name: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let asked = worker.lab.compress(Compress::asked(request.query_string()));
    let of_lane = lane(&name).filter(|_| asked != Compress::Off);
    let Some((lane, dictionary)) = of_lane.and_then(|lane| Some((lane, of(lane)?))) else {
        let lanes = OF.map(|(lane, _)| lane.id.0).join(", ");
        return Err(Refusal::new(Code::UnknownPath, "there is no such dictionary").with_hint(format!(
            "There is one for each of {lanes}, in a lab that is started with --compress on, or with ?compress=on."
        )));
    };
    let pattern = format!("match=\"{}*\"", lane.path);
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header(("use-as-dictionary", pattern))
        // Only what is fresh is a dictionary; another version of the lab may have another.
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(dictionary.text().to_vec()))
}
