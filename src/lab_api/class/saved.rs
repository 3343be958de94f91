//! `DELETE /api/class/saved/ID`: removes what a class did, which the presenter had saved, for good → 204.
//! It is read on `/runs/classes/ID`.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};

use crate::{
    error::{Code, Refusal},
    lab_api::{MainLane, runs::internal},
    registry::LaneWorker,
    transport::wrong_method,
};

pub fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/api/class/saved/{id}")
            .route(web::delete().to(remove))
            .default_service(wrong_method(&[Method::DELETE])),
    );
}

async fn remove(
    request: HttpRequest,
    id: web::Path<String>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let removed = web::block(move || main.class.kept().remove_saved(&id)).await;
    match removed.map_err(internal)?.map_err(internal)? {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(
            Refusal::new(Code::UnknownRun, "there is no such saved class")
                .with_hint("Those that are saved are on /runs."),
        ),
    }
}
