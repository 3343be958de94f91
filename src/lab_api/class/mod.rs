//! Class mode on the main lane: what phones, the wall and the presenter ask.
//!
//! ```text
//! GET    /api/class               the state, as it is for whoever asks
//! GET    /api/class/events        the same as an event stream, see [`events`]
//! POST   /api/class/join …        a phone, known by its cookie, see [`phone`]
//! POST   /api/class, …/lesson …   the presenter, see [`presenter`]
//! DELETE /api/class/saved/ID      what a class did, removed for good, see [`saved`]
//! ```
//!
//! Everything that leads a class needs the presenter's token. A phone speaks for itself alone: who it is
//! is told by its cookie and by nothing in its body.

mod between;
mod events;
mod experiment;
pub mod live;
mod phone;
mod presenter;
mod refusals;
mod saved;
mod who;

pub use super::class_room::ClassRoom;

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use serde::de::DeserializeOwned;

use self::refusals::no_class;
use crate::{
    error::{Code, Refusal},
    registry::LaneWorker,
    transport::{http_api, wrong_method},
};

use super::{MainLane, no_store};

/// Of a body.
const BODY_MAX_BYTES: usize = 4 << 10;

/// Routes of a class: `/api/class…`.
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/api/class")
            .route(web::get().to(state))
            .route(web::post().to(presenter::begin))
            .route(web::delete().to(presenter::end))
            .default_service(wrong_method(&[Method::GET, Method::POST, Method::DELETE])),
    );
    for (path, route) in [
        ("/api/class/events", web::get().to(events::open)),
        ("/api/class/lead", web::get().to(presenter::lead)),
    ] {
        config.service(
            web::resource(path)
                .route(route)
                .default_service(wrong_method(&[Method::GET])),
        );
    }
    for (path, route) in [
        ("/api/class/join", web::post().to(phone::join)),
        ("/api/class/name", web::post().to(phone::name)),
        ("/api/class/guess", web::post().to(phone::guess)),
        ("/api/class/answer", web::post().to(phone::answer)),
        ("/api/class/report", web::post().to(phone::report)),
        ("/api/class/lesson", web::post().to(presenter::lesson)),
        ("/api/class/plan", web::post().to(presenter::plan)),
        ("/api/class/plan/go", web::post().to(presenter::go_in_plan)),
        ("/api/class/go", web::post().to(presenter::go)),
        ("/api/class/lock", web::post().to(presenter::lock)),
        (
            "/api/class/second-guess",
            web::post().to(presenter::second_guess),
        ),
        ("/api/class/run", web::post().to(presenter::run)),
        ("/api/class/run/stop", web::post().to(presenter::stop_run)),
        ("/api/class/reveal", web::post().to(presenter::reveal)),
        ("/api/class/answers", web::post().to(presenter::answers)),
        ("/api/class/tools", web::post().to(presenter::tools)),
        ("/api/class/reload", web::post().to(presenter::reload)),
        ("/api/class/reset", web::post().to(presenter::reset)),
        (
            "/api/class/send-away-gone",
            web::post().to(presenter::send_away_gone),
        ),
        ("/api/class/stand-ins", web::post().to(presenter::stand_ins)),
        (
            "/api/class/participants/{id}/name",
            web::post().to(presenter::new_name),
        ),
    ] {
        config.service(
            web::resource(path)
                .route(route)
                .default_service(wrong_method(&[Method::POST])),
        );
    }
    saved::configure(config);
    config.service(
        web::resource("/api/class/participants/{id}")
            .route(web::delete().to(presenter::remove))
            .default_service(wrong_method(&[Method::DELETE])),
    );
}

/// `GET /api/class`.
async fn state(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let seen = who::sees(&request, &worker.lab, &main.class)?;
    let state = events::state(&worker.lab, &main, seen.whom).await;
    Ok(no_store().json(state.ok_or_else(no_class)?))
}

/// A body as JSON; `like`: what is to be sent instead.
async fn body<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    like: &'static str,
) -> Result<T, Refusal> {
    let body = http_api::body(request, payload, BODY_MAX_BYTES).await?;
    let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
    http_api::read_json(body).map_err(|error| {
        Refusal::new(Code::BadJson, format!("not what is asked for: {error}"))
            .with_hint(format!("Send {like}."))
    })
}
