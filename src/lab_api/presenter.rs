//! What browsers ask with the presenter's cookie, whose path is `/presenter`, on the main lane.
//!
//! - `GET /presenter/status` → `{"unlocked":true}`: whether the presenter asks; by `POST` refused
//!   where what needs the presenter would be, so that pages can say why beforehand
//! - `GET /presenter/unlock/TOKEN` → the cookie, and on to `/`, or to `/presenter/class` where a class is on
//! - `/presenter/api/…`: the lab's own API, `/api/…`, once more

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::Method, web};
use serde::Serialize;

use super::{MainLane, no_store};
use crate::{
    access::presenter::{PATH, without_token},
    error::{Code, Refusal},
    registry::LaneWorker,
    transport::wrong_method,
};

pub fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::scope(PATH)
            .service(
                web::resource("/status")
                    .route(web::get().to(status))
                    .route(web::post().to(status))
                    .default_service(wrong_method(&[Method::GET, Method::POST])),
            )
            .service(
                web::resource("/unlock/{token}")
                    .route(web::get().to(unlock))
                    .default_service(wrong_method(&[Method::GET])),
            )
            .configure(super::resources)
            .default_service(web::to(nothing_here)),
    );
}

async fn nothing_here(request: HttpRequest) -> HttpResponse {
    let message = format!("there is nothing at {}", without_token(request.path()));
    let refusal = Refusal::new(Code::UnknownPath, message).with_hint(
        "Open the whole address that the lab printed in its terminal, which ends with \
         /presenter/unlock/TOKEN.",
    );
    refusal.error_response()
}

async fn status(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    #[derive(Serialize)]
    struct Status {
        unlocked: bool,
    }
    no_store().json(Status {
        unlocked: worker.lab.presenter.require(&request).is_ok(),
    })
}

async fn unlock(
    token: web::Path<String>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    // Where a class is on, whoever opens this leads it.
    let then = match main.class_on() {
        Some(_) => "/presenter/class",
        None => "/",
    };
    worker.lab.presenter.unlock(&token, then)
}
