//! `/api/apps/…`, the lab's own view of the applications of Pusher Channels, on the main lane.
//!
//! | address | who may ask |
//! |---|---|
//! | `GET /api/apps` | every visitor, for the demo; the presenter, for all |
//! | `POST /api/apps/{id}/explain-signature` | the same; a signature only the presenter |
//! | `GET /api/apps/{id}/feed`, `/channels`, `/secret` | the presenter |
//! | `POST /api/apps/{id}/trigger` | the presenter |
//!
//! Beside this: webhooks ([`super::webhooks`]) and the account's usage ([`super::usage`]).
//!
//! `{id}` may be `demo`. The demo application is for every visitor of the lab: its channels are
//! the plain transports', which ask for no signature, so that anybody may read and write them
//! anyway. Another site's page may do none of this, though answers carry
//! `Access-Control-Allow-Origin: *`: [`access`] looks at who asks.

pub mod channels;
pub mod explain;
pub mod feed;
pub mod trigger;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use serde::Serialize;

use super::no_store;
use crate::{
    access,
    error::{Code, Refusal},
    protocol::pusher::app::{App, Apps},
    registry::LaneWorker,
    transport::wrong_method,
};

/// What stands for the demo application's id.
const DEMO: &str = "demo";

/// Routes that tell of applications: `GET /api/apps`.
pub fn configure(config: &mut web::ServiceConfig) {
    for (path, route, allowed) in [
        (
            "/api/apps",
            web::get().to(list),
            &[Method::GET] as &[Method],
        ),
        (
            "/api/apps/{id}/secret",
            web::get().to(secret),
            &[Method::GET],
        ),
        (
            "/api/apps/{id}/feed",
            web::get().to(feed::open),
            &[Method::GET],
        ),
        (
            "/api/apps/{id}/channels",
            web::get().to(channels::list),
            &[Method::GET],
        ),
        (
            "/api/apps/{id}/trigger",
            web::post().to(trigger::trigger),
            &[Method::POST],
        ),
        (
            "/api/apps/{id}/explain-signature",
            web::post().to(explain::explain),
            &[Method::POST],
        ),
    ] {
        config.service(
            web::resource(path)
                .route(route)
                .default_service(wrong_method(allowed)),
        );
    }
}

/// What everybody may know of the demo application: enough to connect, not to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoApp {
    /// The application's id.
    pub id: String,
    /// The application's key.
    pub key: String,
}

impl DemoApp {
    /// Of the lab that is asked, if it has one.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let (id, key, _) = request.app_data::<web::Data<Apps>>()?.demo()?;
        Some(Self {
            id: id.to_owned(),
            key: key.to_owned(),
        })
    }
}

/// An application that the caller may look into.
pub(super) fn visible<'a>(
    request: &HttpRequest,
    worker: &LaneWorker,
    apps: &'a Apps,
    id: &str,
) -> Result<&'a Arc<App>, Refusal> {
    let demo = apps.demo_app();
    let demo = demo.filter(|app| id == DEMO || app.settings.id == id);
    match demo {
        Some(app) => {
            access::from_own_page(request)?;
            Ok(app)
        }
        None => owned(request, worker, apps, id),
    }
}

/// An application that is the caller's own.
pub(super) fn owned<'a>(
    request: &HttpRequest,
    worker: &LaneWorker,
    apps: &'a Apps,
    id: &str,
) -> Result<&'a Arc<App>, Refusal> {
    worker.lab.presenter.require(request)?;
    let app = match id {
        DEMO => apps.demo_app(),
        id => apps.by_id(id),
    };
    app.ok_or_else(|| Refusal::new(Code::UnknownApp, format!("there is no application {id}")))
}

/// The applications that the caller may look into, the demo first.
async fn list(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    apps: web::Data<Apps>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct AppView<'a> {
        id: &'a str,
        key: &'a str,
        is_demo: bool,
        enabled: bool,
        client_events: bool,
        connections: usize,
    }
    #[derive(Serialize)]
    struct AppsView<'a> {
        apps: Vec<AppView<'a>>,
        /// Whether secrets and other applications would be shown to the caller.
        is_presenter: bool,
    }
    access::from_own_page(&request)?;
    let is_presenter = worker.lab.presenter.require(&request).is_ok();
    let mut apps: Vec<_> = apps
        .all()
        .iter()
        .filter(|app| is_presenter || app.settings.plain_channels)
        .map(|app| AppView {
            id: &app.settings.id,
            key: &app.settings.key,
            is_demo: app.settings.plain_channels,
            enabled: app.settings.enabled,
            client_events: app.settings.client_events,
            connections: app.connections(),
        })
        .collect();
    apps.sort_by_key(|app| !app.is_demo);
    Ok(no_store().json(AppsView { apps, is_presenter }))
}

/// An application's secret, to the presenter who asks for it.
async fn secret(
    request: HttpRequest,
    id: web::Path<String>,
    worker: web::Data<LaneWorker>,
    apps: web::Data<Apps>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Revealed<'a> {
        id: &'a str,
        key: &'a str,
        secret: &'a str,
    }
    let settings = &owned(&request, &worker, &apps, &id)?.settings;
    Ok(no_store().json(Revealed {
        id: &settings.id,
        key: &settings.key,
        secret: settings.secret.reveal(),
    }))
}
