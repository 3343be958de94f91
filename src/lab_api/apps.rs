//! `/api/apps/…`, the lab's own view of the applications of Pusher Channels, on the main lane.
//!
//! The demo application is for every visitor of the lab: its channels are the plain transports',
//! which ask for no signature. What only its owner should see, and everything of other
//! applications, is for the person at this machine ([`access`]). `{id}` may be `demo`.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use serde::Serialize;

use super::no_store;
use crate::{
    access,
    error::{Code, Refusal},
    lab::{Lab, LaneWorker},
    transport::wrong_method,
};

pub fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/api/apps/demo/secret")
            .route(web::get().to(secret))
            .default_service(wrong_method(&[Method::GET])),
    );
}

/// What everybody may know of the demo application: enough to connect, not to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoApp {
    pub id: String,
    pub key: String,
}

impl DemoApp {
    pub fn of(lab: &Lab) -> Option<Self> {
        let (id, key, _) = lab.apps.demo()?;
        Some(Self {
            id: id.to_owned(),
            key: key.to_owned(),
        })
    }
}

/// The demo application's secret, to the person at this machine who asks for it.
async fn secret(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Revealed<'a> {
        id: &'a str,
        key: &'a str,
        secret: &'a str,
    }
    access::from_this_machine(&request)?;
    let (id, key, secret) = worker
        .lab
        .apps
        .demo()
        .ok_or_else(|| Refusal::new(Code::UnknownApp, "there is no demo application"))?;
    Ok(no_store().json(Revealed {
        id,
        key,
        secret: secret.reveal(),
    }))
}
