//! `POST /api/apps/{id}/explain-signature`: how a call of the HTTP API is signed, step by step.
//!
//! ```text
//! → {"method":"POST","path":"/apps/1/events","query":"","body":"{…}"}
//! ← {"body_md5":"…","parameters":[["auth_key","…"],…],"text":"POST\n/apps/1/events\nauth_key=…",
//!    "signature":"…","target":"/apps/1/events?…&auth_signature=…"}
//! ```
//! Everything but the signature can be worked out without the secret, and is told to whoever may
//! look. The signature would let its reader make the call, so it is for the
//! presenter; `signature` and `target` are `null` for others.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::visible;
use crate::{
    clock,
    error::{Code, Refusal},
    lab_api::no_store,
    protocol::pusher::{
        app::Apps,
        sign::{Call, Signing},
    },
    registry::LaneWorker,
    transport::http_api,
};

const BODY_MAX_BYTES: usize = 128 * 1024;

#[derive(Deserialize)]
struct ExplainRequest {
    method: String,
    path: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    body: String,
}

#[derive(Serialize)]
struct Explained<'a> {
    body_md5: Option<&'a str>,
    parameters: &'a [(String, String)],
    text: &'a str,
    signature: Option<&'a str>,
    target: Option<String>,
}

pub(super) async fn explain(
    request: HttpRequest,
    id: web::Path<String>,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
    apps: web::Data<Apps>,
) -> Result<HttpResponse, Refusal> {
    let settings = &visible(&request, &worker, &apps, &id)?.settings;
    let body = http_api::body(&request, payload, BODY_MAX_BYTES).await?;
    let asked: ExplainRequest = http_api::read_json(&body)
        .map_err(|error| Refusal::new(Code::BadJson, format!("no call to explain: {error}")))?;
    if !["GET", "POST"].contains(&asked.method.as_str()) || !asked.path.starts_with('/') {
        return Err(Refusal::new(
            Code::BadRange,
            "a call has the method GET or POST and a path that starts with /",
        ));
    }
    let signing = Signing::of(
        &settings.key,
        &settings.secret,
        &Call {
            method: &asked.method,
            path: &asked.path,
            query: &asked.query,
            body: asked.body.as_bytes(),
        },
        clock::time_of_day_us() / 1_000_000,
    );
    let may_call = worker.lab.presenter.require(&request).is_ok();
    Ok(no_store().json(Explained {
        body_md5: signing.body_md5.as_deref(),
        parameters: &signing.parameters,
        text: &signing.text,
        signature: may_call.then_some(signing.signature.as_str()),
        target: may_call.then(|| signing.target(&asked.path)),
    }))
}
