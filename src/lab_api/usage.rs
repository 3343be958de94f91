//! `GET /api/apps/usage`: what the hosted service would have counted today, against its plans.

use actix_web::{HttpResponse, http::Method, web};

use super::no_store;
use crate::{
    protocol::pusher::{app::Apps, usage::Now},
    registry::LaneWorker,
    transport::wrong_method,
};

/// Routes of an application's use: `/api/usage…`.
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/api/apps/usage")
            .route(web::get().to(usage))
            .default_service(wrong_method(&[Method::GET])),
    );
}

async fn usage(worker: web::Data<LaneWorker>, apps: web::Data<Apps>) -> HttpResponse {
    let lab = &worker.lab;
    let series = lab.meters.series();
    let of_pusher = series.iter().filter(|s| s.labels.protocol == "pusher");
    let written = of_pusher.map(|series| series.totals.delivered).sum();
    no_store().json(apps.usage.shown(Now::read(), written))
}
