//! The pages of a class: `/join` (how phones come in), `/phone` (a student's), `/wall` (the
//! projector's, read only) and `/presenter/class` (the wall with what only the presenter sees).
//!
//! What they show live is the state of the class, which their scripts ask `/api/class` for; what
//! only the presenter may do is below `/presenter/api/class`, where the presenter's cookie is sent.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use askama::Template;

use super::{Page, render};
use crate::{
    error::{Code, Refusal},
    registry::LaneWorker,
    transport::wrong_method,
};

/// Before the lab's own API, whose scope takes every other address below `/presenter`.
pub fn configure(config: &mut web::ServiceConfig) {
    for (path, route) in [
        ("/join", web::get().to(join)),
        ("/phone", web::get().to(phone)),
        ("/wall", web::get().to(wall)),
        ("/presenter/class", web::get().to(presenter)),
    ] {
        config.service(
            web::resource(path)
                .route(route)
                .default_service(wrong_method(&[Method::GET])),
        );
    }
}

#[derive(Template)]
#[template(path = "join.html")]
struct Join {
    page: Page,
}

#[derive(Template)]
#[template(path = "phone.html")]
struct Phone {
    page: Page,
}

#[derive(Template)]
#[template(path = "wall.html")]
struct Wall {
    page: Page,
    /// Whether this is `/presenter/class`, for who leads.
    is_presenter: bool,
}

/// `GET /join`.
async fn join(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    let page = Page::new(&request, &worker.lab, "join", "Join the class");
    render(&request, Join { page })
}

/// `GET /phone`, and `/phone?code=K4T7`, where the QR code leads to.
async fn phone(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    let page = Page::new(&request, &worker.lab, "phone", "Class");
    render(&request, Phone { page })
}

/// `GET /wall`: for everybody to see, so it shows nothing that is the presenter's.
async fn wall(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    let page = Page::new(&request, &worker.lab, "wall", "Wall");
    render(
        &request,
        Wall {
            page,
            is_presenter: false,
        },
    )
}

/// `GET /presenter/class`: refused without the presenter's token.
async fn presenter(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    if !worker.lab.presenter.is_shown(&request) {
        let refusal = Refusal::new(
            Code::PresenterOnly,
            "this page leads the class, and needs the presenter's token",
        );
        return Err(refusal.with_hint(
            "Open the address that the lab printed in its terminal, which ends with \
             /presenter/unlock/TOKEN: it unlocks this browser and leads back here. Students go to \
             /join.",
        ));
    }
    let page = Page::new(&request, &worker.lab, "presenter-class", "Lead the class");
    let is_presenter = true;
    Ok(render(&request, Wall { page, is_presenter }))
}
