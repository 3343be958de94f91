//! How phones come in, for pages that show it ([`super::way_in`]).
//!
//! `GET /api/reach` →
//!
//! ```json
//! {"class":{"code":"K4T7","here":28},
//!  "addresses":[{"url":"http://192.168.1.7:8080","ip":"192.168.1.7","interface":"wlan0",
//!                "says":"private network","is_likely":true}],
//!  "ports":[8080,8093],"reached":false}
//! ```
//!
//! `class` is `null` where none is on. The likeliest address for a phone first, never a loopback; empty where the lab listens on a loopback only.
//! `ports`: what a firewall has to let in, from and to. `reached`: whether any other machine has opened
//! a page of the class since the lab was started.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use serde::Serialize;

use super::{
    MainLane,
    main_lane::OnNow,
    no_store,
    way_in::{ForPhones, ports},
};
use crate::{registry::LaneWorker, transport::wrong_method};

pub fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/api/reach")
            .route(web::get().to(tell))
            .default_service(wrong_method(&[Method::GET])),
    );
}

async fn tell(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> HttpResponse {
    #[derive(Serialize)]
    struct Told {
        class: Option<OnNow>,
        addresses: Vec<ForPhones>,
        ports: (u16, u16),
        reached: bool,
    }
    no_store().json(Told {
        class: main.class_on(),
        addresses: main.way_in.for_phones_too(&worker.lab, &request),
        ports: ports(&worker.lab),
        reached: main.way_in.is_reached(),
    })
}
