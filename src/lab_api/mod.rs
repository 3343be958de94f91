//! The lab's own API, on the main lane: settings and addresses, live figures, predictions, the
//! sentence made from figures, browsers' reports, sources, saved runs, experiments, Prometheus.
//!
//! May use: `reach`, `wire`, `clock`, `disconnect`, `network`, `catalogue`, `channel`, `codec`,
//! `capture`, `lane`, `metrics`, `hub`, `node`, `demo`, `error`, `access`, `config`, `stand_in`,
//! `run`, `experiments`, `lessons`, `lesson_folder`, `class`, `class_keep`, `saved`, `jobs`, `lab`,
//! `registry`, `transport`, `protocol`.

mod about;
mod answer;
mod channels;
pub mod class_room;
mod conditions;
mod delays;
mod event_stream;
mod lanes;
mod main_lane;
mod metrics;
mod predictions;
mod presenter;
mod reach;
mod reported;
mod reports;
mod sources;
mod stats;
mod taps;

pub mod apps;
pub mod class;
pub mod experiments;
pub mod of_lessons;
pub mod runs;
pub mod usage;
pub mod way_in;
pub mod webhooks;

pub use self::sources::MARKET_CHANNEL;
pub use about::{HostFacts, fairness, host_facts};
pub use delays::Delays;
pub use lanes::{LaneView, VariantView, lanes_for, variants_of};
pub use main_lane::MainLane;
pub use reported::Reported;

use actix_web::{HttpResponse, http::Method, web};

use crate::transport::wrong_method;

/// Routes of the lab's own API, on the main lane.
pub fn configure(config: &mut web::ServiceConfig) {
    resources(config);
    presenter::configure(config);
}

fn resources(config: &mut web::ServiceConfig) {
    for (path, route, allowed) in [
        (
            "/api/lab",
            web::get().to(about::lab),
            &[Method::GET] as &[Method],
        ),
        (
            "/api/answer",
            web::post().to(answer::handle),
            &[Method::POST],
        ),
        ("/api/stats", web::get().to(stats::stats), &[Method::GET]),
        (
            "/api/predictions",
            web::get().to(predictions::handle),
            &[Method::GET],
        ),
        (
            "/api/reports",
            web::post().to(reports::report),
            &[Method::POST],
        ),
        ("/api/sources", web::get().to(sources::list), &[Method::GET]),
        ("/metrics", web::get().to(metrics::metrics), &[Method::GET]),
        ("/api/taps", web::post().to(taps::open), &[Method::POST]),
        (
            "/api/taps/own/exchanges/{lane}/{connection}/{exchange}",
            web::get().to(taps::exchange),
            &[Method::GET],
        ),
        (
            "/api/taps/own/capture.pcapng",
            web::get().to(taps::pcapng),
            &[Method::GET],
        ),
        (
            "/api/taps/own/capture.har",
            web::get().to(taps::har),
            &[Method::GET],
        ),
    ] {
        config.service(
            web::resource(path)
                .route(route)
                .default_service(wrong_method(allowed)),
        );
    }
    config.service(
        web::resource("/api/taps/own")
            .route(web::get().to(taps::read))
            .route(web::delete().to(taps::close))
            .default_service(wrong_method(&[Method::GET, Method::DELETE])),
    );
    config.service(
        web::resource("/api/sources/{channel}")
            .route(web::put().to(sources::put))
            .route(web::delete().to(sources::stop))
            .default_service(wrong_method(&[Method::PUT, Method::DELETE])),
    );
    apps::configure(config);
    class::configure(config);
    channels::configure(config);
    conditions::configure(config);
    usage::configure(config);
    reach::configure(config);
    runs::configure(config);
    experiments::configure(config);
    webhooks::configure(config);
}

fn no_store() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header(("cache-control", "no-store"));
    response
}
