//! The lab's own receiver of webhooks, and what the console asks of it, on the main lane.
//!
//! - `POST /pusher/webhooks/{app id}`: a webhook, from anywhere; 401 says what is wrong with it
//! - `GET /api/apps/{id}/webhooks`: the last hundred, what was sent, where to
//! - `PUT /api/apps/{id}/webhooks` `{"url":"http://…"}` sends the demo application's elsewhere;
//!   `{"url":null}` to the lab's own receiver again. It makes the lab send requests, so only the
//!   presenter may.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use serde::{Deserialize, Serialize};

use super::{apps::owned, no_store};
use crate::{
    clock,
    config::webhooks::WebhookSettings,
    error::{Code, Refusal},
    protocol::pusher::{
        app::{App, Apps},
        webhook::{
            Sent,
            receiver::{Request, Webhook},
        },
    },
    registry::LaneWorker,
    transport::{http_api, wrong_method},
};

/// Largest webhook: a batch of the lab's own is a quarter of it.
const BODY_MAX_BYTES: usize = 1 << 20;

/// Routes of the built-in receiver of webhooks.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/pusher/webhooks/{id}")
                .route(web::post().to(receive))
                .default_service(wrong_method(&[Method::POST])),
        )
        .service(
            web::resource("/api/apps/{id}/webhooks")
                .route(web::get().to(list))
                .route(web::put().to(point_at))
                .default_service(wrong_method(&[Method::GET, Method::PUT])),
        );
}

async fn receive(
    request: HttpRequest,
    id: web::Path<String>,
    payload: web::Payload,
    apps: web::Data<Apps>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Answer {
        valid: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<&'static str>,
    }
    let app = apps.by_id(&id);
    let app = app
        .ok_or_else(|| Refusal::new(Code::UnknownApp, format!("there is no application {id}")))?
        .clone();
    let body = http_api::body(&request, payload, BODY_MAX_BYTES).await?;
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let taken = app.webhooks.received.take(
        &app.settings,
        &Request {
            content_type: header(header::CONTENT_TYPE.as_str()),
            key: header("x-pusher-key"),
            signature: header("x-pusher-signature"),
            body: &body,
        },
        clock::time_of_day_us(),
    );
    let mut answer = match taken {
        Ok(()) => HttpResponse::Ok(),
        Err(_) => HttpResponse::Unauthorized(),
    };
    Ok(answer.json(Answer {
        valid: taken.is_ok(),
        why: taken.err(),
    }))
}

#[derive(Serialize)]
struct Shown {
    received: Vec<Webhook>,
    sent: Sent,
    urls: Vec<String>,
    batch: bool,
}

fn shown(app: &App) -> HttpResponse {
    let webhooks = &app.webhooks;
    no_store().json(Shown {
        received: webhooks.received.list(),
        sent: webhooks.sent(),
        urls: webhooks.urls(),
        batch: app.settings.batch_webhooks,
    })
}

async fn list(
    request: HttpRequest,
    id: web::Path<String>,
    worker: web::Data<LaneWorker>,
    apps: web::Data<Apps>,
) -> Result<HttpResponse, Refusal> {
    let app = owned(&request, &worker, &apps, &id)?;
    app.webhooks.wake(app.clone());
    Ok(shown(app))
}

async fn point_at(
    request: HttpRequest,
    id: web::Path<String>,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
    apps: web::Data<Apps>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Target {
        url: Option<String>,
    }
    let app = owned(&request, &worker, &apps, &id)?;
    if !app.settings.plain_channels {
        return Err(Refusal::new(
            Code::BadRange,
            "only the demo application's webhooks can be moved; others' are in the settings file",
        ));
    }
    let body = http_api::body(&request, payload, worker.lab.config.body_max_bytes).await?;
    let Target { url } = http_api::read_json(&body)
        .map_err(|error| {
            Refusal::new(Code::BadJson, format!("no address: {error}"))
                .with_hint("Send {\"url\":\"http://127.0.0.1:3000/hooks\"}, or {\"url\":null} for the lab's own receiver.")
        })?;
    let settings = url.map(|url| WebhookSettings::new(&url));
    if let Some(Err((_, value, expected))) = settings.as_ref().map(WebhookSettings::check) {
        let message = format!("{value:?} cannot be sent to: {expected}");
        return Err(Refusal::new(Code::BadRange, message));
    }
    app.webhooks.point_at(app.clone(), settings);
    Ok(shown(app))
}
