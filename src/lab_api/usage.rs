//! `GET /api/apps/usage`: what the hosted service would have counted today, against its plans.

use actix_web::{HttpResponse, http::Method, web};

use super::no_store;
use crate::{clock, lab::LaneWorker, transport::wrong_method};

pub fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/api/apps/usage")
            .route(web::get().to(usage))
            .default_service(wrong_method(&[Method::GET])),
    );
}

async fn usage(worker: web::Data<LaneWorker>) -> HttpResponse {
    let now_s = clock::time_of_day_us() / 1_000_000;
    no_store().json(worker.lab.apps.usage.shown(now_s))
}
