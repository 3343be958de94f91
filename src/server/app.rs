//! The app of one lane: what it answers, and what every request passes on the way there.

use std::sync::Arc;

use actix_service::ServiceFactory;
use actix_web::{
    App, HttpRequest, HttpResponse, ResponseError,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::{Condition, from_fn},
    web,
};
use tracing_actix_web::TracingLogger;

use super::{
    as_written,
    each_request::{meter_request, seat_request},
};
use crate::{
    assets, catalogue,
    error::{Code, Refusal},
    gate,
    lab_api::{self, MainLane},
    lane::LaneId,
    pages,
    registry::LaneWorker,
    telemetry::{self, RequestSpan},
};

/// The app of one lane.
pub fn app(
    worker: Arc<LaneWorker>,
    main: Option<web::Data<MainLane>>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let lane = worker.lane;
    let assets = worker.lab.config.assets.clone();
    let everything_else = web::scope("")
        .configure(|config| worker.served().for_each(|it| it.configure(lane, config)))
        .configure(|config| {
            if lane == LaneId::MAIN {
                // Pages first: the API's scope below /presenter takes what no page has.
                config
                    .configure(pages::configure)
                    .configure(lab_api::configure)
                    .configure(assets::configure(&assets));
            }
        })
        .default_service(web::to(move |request, worker| {
            unknown_path(lane, request, worker)
        }))
        .wrap(from_fn(gate::guard))
        .wrap(from_fn(seat_request))
        .wrap(from_fn(pages::refused::for_people))
        .wrap(from_fn(as_written::come_again))
        .wrap(from_fn(meter_request))
        .wrap(Condition::new(
            telemetry::traces_requests(),
            TracingLogger::<RequestSpan>::new(),
        ));
    let apart = worker.clone();
    App::new()
        .app_data(web::Data::from(worker))
        .configure(|config| {
            if let Some(main) = main {
                config.app_data(main);
            }
        })
        .app_data(web::QueryConfig::default().error_handler(|error, _| {
            Refusal::new(
                Code::BadQuery,
                format!("the query is not understood: {error}"),
            )
            .into()
        }))
        .configure(|config| {
            apart
                .served()
                .for_each(|it| it.configure_apart(lane, config));
        })
        .service(everything_else)
        .wrap(from_fn(as_written::answer))
}

async fn unknown_path(
    lane: LaneId,
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
) -> HttpResponse {
    let path = request.path();
    let main = worker
        .lab
        .addresses()
        .iter()
        .find(|a| a.lane == LaneId::MAIN);
    let main_port = main.map_or(0, |main| main.port);
    let refusal = match catalogue::lane(lane.0) {
        None => Refusal::new(
            Code::UnknownPath,
            format!("there is nothing at {path} on lane {lane}"),
        ),
        Some(own) => {
            let message = match path {
                "/" => format!("this is the lane {lane}: {}, and no page", own.label),
                _ => format!("there is nothing at {path} on lane {lane}"),
            };
            Refusal::new(Code::UnknownPath, message).with_hint(format!(
                "This lane answers {}; the pages and /api/lab are on port {main_port}.",
                own.example,
            ))
        }
    };
    refusal.error_response()
}
