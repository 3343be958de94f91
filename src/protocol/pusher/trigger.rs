//! `pushlab trigger`: publishes to a running lab through its signed HTTP API, as an SDK does
//! (reference, 16.2 and 16.3).
//!
//! Without credentials it asks the lab for its demo application's, with the presenter's token of
//! the environment or of the data folder.

use std::{io, time::Duration};

use awc::{
    Client, ClientRequest,
    http::{Method, StatusCode},
};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use super::sign::{Call, Signing};
use crate::{
    client::{ordinary, tls::Trust},
    clock,
    config::{apps::Secret, presenter::token_for},
};

/// How long the lab may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer: the lab's own are a few lines.
const ANSWER_MAX_BYTES: usize = 1 << 20;
/// Redirects that are followed, as from a proxy that wants another name or scheme.
const REDIRECTS_MAX: u8 = 10;

/// What to publish, and where.
#[derive(Debug)]
pub struct Trigger {
    /// Of the lab; what stands before `/apps` behind a proxy included.
    pub url: String,
    /// `None`: the demo application's.
    pub credentials: Option<Credentials>,
    pub channel: String,
    pub event: String,
    pub data: String,
    /// The connection that is not to get it.
    pub socket_id: Option<String>,
    /// Attributes to ask for.
    pub info: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Credentials {
    pub id: String,
    pub key: String,
    pub secret: Secret,
}

/// Why nothing was published. `Display` names the way out.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    #[error("{0:?} is not the address of a lab: write it like http://127.0.0.1:8080")]
    BadUrl(String),
    #[error("{url} cannot be reached: is the lab running there? Start it with pushlab")]
    Unreachable { url: String, source: io::Error },
    #[error(
        "the lab does not give its demo application's secret ({status}: {text}). {token}; or name \
         --app, --key and --secret"
    )]
    NoSecret {
        status: u16,
        text: String,
        /// What became of the presenter's token.
        token: &'static str,
    },
    #[error("the lab refused it with {status}: {text}")]
    Refused { status: u16, text: String },
}

/// Publishes; answers what the lab said.
pub async fn trigger(asked: &Trigger) -> Result<String, TriggerError> {
    let base = asked.url.trim_end_matches('/');
    let bad_url = || TriggerError::BadUrl(asked.url.clone());
    let at = |path: &str| Url::parse(&format!("{base}{path}")).map_err(|_| bad_url());
    if !matches!(at("")?.scheme(), "http" | "https") {
        return Err(bad_url());
    }
    let client = ordinary::client(&Trust::BuiltIn, PATIENCE, REDIRECTS_MAX);
    let client = client.map_err(|_| bad_url())?;
    let of_demo;
    let credentials = match &asked.credentials {
        Some(given) => given,
        None => {
            of_demo = demo(&client, base, &at("/api/apps/demo/secret")?).await?;
            &of_demo
        }
    };
    let mut body = serde_json::json!({
        "name": asked.event,
        "channels": [asked.channel],
        "data": asked.data,
    });
    for (key, value) in [("socket_id", &asked.socket_id), ("info", &asked.info)] {
        if let Some(value) = value {
            body[key] = value.as_str().into();
        }
    }
    let body = body.to_string();
    let path = format!("/apps/{}/events", credentials.id);
    let now_s = clock::time_of_day_us() / 1_000_000;
    let call = Call {
        method: "POST",
        path: &path,
        query: "",
        body: body.as_bytes(),
    };
    let signing = Signing::of(&credentials.key, &credentials.secret, &call, now_s);
    let request = ordinary::request(&client, Method::POST, &at(&signing.target(&path))?)
        .content_type("application/json");
    match answer(request, body, base).await? {
        (StatusCode::OK, text) => Ok(text),
        (status, text) => Err(TriggerError::Refused {
            status: status.as_u16(),
            text: said(&text),
        }),
    }
}

async fn demo(client: &Client, base: &str, url: &Url) -> Result<Credentials, TriggerError> {
    let mut request = ordinary::request(client, Method::GET, url);
    let token = url.host_str().and_then(token_for);
    let of_token = match token.is_some() {
        true => {
            "The token of PUSHLAB_PRESENTER_TOKEN, or else of the data folder, is not this lab's: \
             set PUSHLAB_PRESENTER_TOKEN to it"
        }
        false => {
            "No token was found: set PUSHLAB_PRESENTER_TOKEN to the lab's, or PUSHLAB_DATA_DIR to \
             the folder of a lab that made its own"
        }
    };
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let (status, text) = answer(request, String::new(), base).await?;
    let credentials = serde_json::from_str(&text).ok();
    credentials
        .filter(|_| status.is_success())
        .ok_or_else(|| TriggerError::NoSecret {
            status: status.as_u16(),
            text: said(&text),
            token: of_token,
        })
}

async fn answer(
    request: ClientRequest,
    body: String,
    base: &str,
) -> Result<(StatusCode, String), TriggerError> {
    let exchange = async {
        let mut answer = request.send_body(body).await.map_err(|e| e.to_string())?;
        let text = answer.body().limit(ANSWER_MAX_BYTES).await;
        let text = text.map_err(|error| error.to_string())?;
        Ok((answer.status(), String::from_utf8_lossy(&text).into_owned()))
    };
    let no_answer = |_| Err(format!("it did not answer within {} s", PATIENCE.as_secs()));
    let answer = timeout(PATIENCE, exchange).await.unwrap_or_else(no_answer);
    answer.map_err(|why: String| TriggerError::Unreachable {
        url: base.to_owned(),
        source: io::Error::other(why),
    })
}

/// What an error's body says: the lab's own errors have it in `error`, as a text or an object.
fn said(body: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let error = &json["error"];
    let text = error.as_str().or_else(|| error["message"].as_str());
    text.unwrap_or(body.trim()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errors_text_is_found_in_all_its_forms() {
        assert_eq!(said(r#"{"error":"no","code":401}"#), "no");
        assert_eq!(said(r#"{"error":{"code":"x","message":"no"}}"#), "no");
        assert_eq!(said("plain words\n"), "plain words");
    }
}
