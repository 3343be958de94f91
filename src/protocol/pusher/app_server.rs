//! The part of the application's own server, played for the demo application (reference, 12.2):
//! it says who may subscribe to guarded channels, and who is who.
//!
//! ```text
//! POST /pusher/auth, /broadcasting/auth             socket_id=…&channel_name=…&client=…&name=…
//!   → {"auth":"KEY:HEX","channel_data":"{…}","shared_secret":"…"}
//! POST /pusher/user-auth, /broadcasting/user-auth   socket_id=…&client=…&name=…
//!   → {"auth":"KEY:HEX","user_data":"{\"id\":…}"}
//! ```
//!
//! A real application asks its session who the visitor is, and refuses. The lab has no accounts:
//! `client` and `name` are believed, and everybody is let in, on every interface that the lab
//! listens on. Nothing is lost by that, since the demo application's channels are those of the
//! plain transports, which ask nobody; but it is why no other application is served here.
//!
//! A body is read as a form, as JSON or as multipart, see [`form`].
//!
//! With `GET` and a `callback` the answer is wrapped for script tags (JSONP), for pusher-js'
//! `transport: "jsonp"`. Refusals are 403 whatever the reason: clients look at nothing else.

mod form;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    app::{App, Apps},
    auth,
    http_api::ApiError,
};
use crate::{
    catalogue::{CHANNELS, LaneId},
    codec::pusher::{
        is_socket_id,
        kind::{self, Kind},
    },
    config::apps::MasterKey,
    node::Who,
    registry::{Door, Endpoint},
    transport::{
        self,
        body::{self, Unread},
    },
};

/// Where clients ask for channels: pusher-js' default and Laravel Echo's.
pub const CHANNEL_PATHS: [&str; 2] = ["/pusher/auth", "/broadcasting/auth"];
/// Where clients ask for users.
pub const USER_PATHS: [&str; 2] = ["/pusher/user-auth", "/broadcasting/user-auth"];

const PATHS: [&str; 4] = [
    CHANNEL_PATHS[0],
    CHANNEL_PATHS[1],
    USER_PATHS[0],
    USER_PATHS[1],
];

/// Largest body, and longest query with a `callback`.
const FORM_MAX_BYTES: usize = 16_384;
const CALLBACK_MAX_BYTES: usize = 128;

/// The endpoint, on the lanes where clients of Channels ask for a WebSocket first.
pub struct AuthEndpoint(pub Arc<Apps>);

impl Endpoint for AuthEndpoint {
    fn paths(&self) -> &[&'static str] {
        &PATHS
    }

    fn is_on(&self, lane: LaneId) -> bool {
        [LaneId::MAIN, CHANNELS.id].contains(&lane)
    }

    /// Pages of the demo application's origins may ask, with the headers that their frameworks add.
    fn door(&self, rest: &str, _is_upgrade: bool) -> Door<'_> {
        match self.0.demo_app() {
            _ if !rest.is_empty() => Door::Lab,
            Some(app) => Door::Clients(&app.settings.origins),
            None => Door::CLIENTS,
        }
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config.app_data(web::Data::from(self.0.clone()));
        configure(config);
    }
}

fn configure(config: &mut web::ServiceConfig) {
    for path in CHANNEL_PATHS {
        config
            .route(path, web::post().to(post_channel))
            .route(path, web::get().to(get_channel));
    }
    for path in USER_PATHS {
        config
            .route(path, web::post().to(post_user))
            .route(path, web::get().to(get_user));
    }
}

async fn post_channel(
    request: HttpRequest,
    payload: web::Payload,
    apps: web::Data<Apps>,
) -> Result<HttpResponse, ApiError> {
    let form = posted(&request, payload).await?;
    let granted = grant_channel(demo(&apps)?, &Asked::parse(&form)?)?;
    Ok(HttpResponse::Ok().json(granted))
}

async fn post_user(
    request: HttpRequest,
    payload: web::Payload,
    apps: web::Data<Apps>,
) -> Result<HttpResponse, ApiError> {
    let form = posted(&request, payload).await?;
    let granted = grant_user(demo(&apps)?, &Asked::parse(&form)?)?;
    Ok(HttpResponse::Ok().json(granted))
}

async fn get_channel(
    request: HttpRequest,
    apps: web::Data<Apps>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::parse(request.query_string())?;
    let granted = grant_channel(demo(&apps)?, &asked)?;
    script(&asked, &granted)
}

async fn get_user(request: HttpRequest, apps: web::Data<Apps>) -> Result<HttpResponse, ApiError> {
    let asked = Asked::parse(request.query_string())?;
    let granted = grant_user(demo(&apps)?, &asked)?;
    script(&asked, &granted)
}

fn demo(apps: &Apps) -> Result<&App, ApiError> {
    let app = apps.demo_app();
    app.filter(|app| app.settings.enabled)
        .map(|app| &**app)
        .ok_or_else(|| refuse("There is no demo application, or it is disabled"))
}

fn refuse(message: impl ToString) -> ApiError {
    ApiError::new(403, message)
}

async fn posted(request: &HttpRequest, payload: web::Payload) -> Result<String, ApiError> {
    let body = body::read(request, payload, FORM_MAX_BYTES)
        .await
        .map_err(|error| match error {
            Unread::Broken(why) => refuse(why),
            Unread::TooSlow => ApiError::new(408, Unread::TOO_SLOW),
            Unread::TooLarge => refuse(format!("The form is over {FORM_MAX_BYTES} bytes")),
        })?;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    form::pairs(content_type.and_then(|kind| kind.to_str().ok()), &body).map_err(refuse)
}

/// What a client asks, checked as far as both kinds have it in common.
struct Asked {
    socket_id: String,
    channel_name: Option<String>,
    callback: Option<String>,
    who: Who,
}

impl Asked {
    /// Reads `name=value` pairs; others than those it knows are ignored.
    fn parse(form: &str) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Form {
            socket_id: Option<String>,
            channel_name: Option<String>,
            callback: Option<String>,
        }
        let read = web::Query::<Form>::from_query(form)
            .map_err(|error| refuse(format!("The form is not understood: {error}")))?
            .into_inner();
        let socket_id = read.socket_id.unwrap_or_default();
        if !is_socket_id(&socket_id) {
            return Err(refuse(format!(
                "{socket_id:?} is not a socket_id, which is two numbers and a dot"
            )));
        }
        // `client` and `name` are those of the plain transports' query.
        let who = transport::SubscribeQuery::parse(form).map_err(refuse)?.who;
        Ok(Self {
            socket_id,
            channel_name: read.channel_name,
            callback: read.callback,
            who: who.unwrap_or_else(somebody),
        })
    }
}

/// An id for a client that does not say who it is.
fn somebody() -> Who {
    let client = format!("guest-{:08x}", rand::rng().random::<u32>());
    Who {
        name: client.as_str().into(),
        client: client.into(),
    }
}

#[derive(Debug, Serialize)]
struct GrantedChannel {
    auth: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_secret: Option<String>,
}

#[derive(Debug, Serialize)]
struct GrantedUser {
    auth: String,
    user_data: String,
}

#[derive(Serialize)]
struct Info<'a> {
    name: &'a str,
}

fn grant_channel(app: &App, asked: &Asked) -> Result<GrantedChannel, ApiError> {
    #[derive(Serialize)]
    struct Member<'a> {
        user_id: &'a str,
        user_info: Info<'a>,
    }
    let settings = &app.settings;
    let name = asked.channel_name.as_deref().unwrap_or_default();
    kind::check_name(name, settings.channel_name_max_bytes).map_err(refuse)?;
    let kind = Kind::of(name);
    if !kind.guarded {
        let message =
            format!("{name} is not a private or presence channel: subscribe without auth");
        return Err(refuse(message));
    }
    let member = Member {
        user_id: &asked.who.client,
        user_info: Info {
            name: &asked.who.name,
        },
    };
    let channel_data = kind.presence.then(|| to_json(&member));
    let text = auth::channel_text(&asked.socket_id, name, channel_data.as_deref());
    Ok(GrantedChannel {
        auth: signed(app, &text),
        channel_data,
        shared_secret: kind.encrypted.then(|| shared_secret(name, &app.master_key)),
    })
}

fn grant_user(app: &App, asked: &Asked) -> Result<GrantedUser, ApiError> {
    #[derive(Serialize)]
    struct User<'a> {
        id: &'a str,
        user_info: Info<'a>,
    }
    let user_data = to_json(&User {
        id: &asked.who.client,
        user_info: Info {
            name: &asked.who.name,
        },
    });
    let text = auth::user_text(&asked.socket_id, &user_data);
    Ok(GrantedUser {
        auth: signed(app, &text),
        user_data,
    })
}

/// `KEY:HEX`.
fn signed(app: &App, text: &str) -> String {
    let settings = &app.settings;
    format!("{}:{}", settings.key, settings.secret.sign(text.as_bytes()))
}

/// The key of an encrypted channel, for those who may read it (13).
fn shared_secret(channel: &str, master_key: &MasterKey) -> String {
    let mut hash = Sha256::new();
    hash.update(channel);
    hash.update(master_key.bytes());
    STANDARD.encode(hash.finalize())
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The answer as a call of the function that the page named.
fn script(asked: &Asked, granted: &impl Serialize) -> Result<HttpResponse, ApiError> {
    let callback = asked.callback.as_deref().unwrap_or_default();
    if !is_callback(callback) {
        return Err(refuse(
            "GET is for script tags and needs a callback such as Pusher.auth_callbacks['1']; \
             otherwise use POST",
        ));
    }
    // The comment keeps the answer from being anything but a script.
    let body = format!("/**/{callback}({});", to_json(granted));
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/javascript; charset=utf-8"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // Pages that are isolated load scripts of other origins only if these say so.
        .insert_header(("cross-origin-resource-policy", "cross-origin"))
        .body(body))
}

/// Names joined by dots, each with subscripts that are numbers or quoted words:
/// `Pusher.auth_callbacks['1']`.
fn is_callback(text: &str) -> bool {
    (1..=CALLBACK_MAX_BYTES).contains(&text.len()) && text.split('.').all(is_subscripted)
}

fn is_subscripted(part: &str) -> bool {
    let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    if name.is_empty()
        || name.starts_with(|c: char| c.is_ascii_digit())
        || !name.chars().all(is_name)
    {
        return false;
    }
    while let Some((subscript, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
        let quoted = ['\'', '"'].into_iter().find_map(|quote| {
            subscript
                .strip_prefix(quote)
                .and_then(|s| s.strip_suffix(quote))
        });
        let is_good = match quoted {
            Some(word) => !word.is_empty() && word.chars().all(is_name),
            None => !subscript.is_empty() && subscript.bytes().all(|b| b.is_ascii_digit()),
        };
        if !is_good {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_references_own_shared_secret() {
        let key: MasterKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
            .to_owned()
            .try_into()
            .unwrap();
        assert_eq!(
            shared_secret("private-encrypted-vector", &key),
            "qAbETZDhslWNyCDGL0lyOW9btwmhroeKrIfDguqwwAs="
        );
    }

    #[test]
    fn callbacks_are_names_and_nothing_that_runs() {
        for good in [
            "cb",
            "$.a_1",
            "Pusher.auth_callbacks['1']",
            "Pusher.auth_callbacks[\"1\"]",
            "a[0][1].b",
        ] {
            assert!(is_callback(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "a.",
            "1a",
            "a()",
            "a['']",
            "a['1]",
            "a['1'",
            "a[b]",
            "a;alert(1)//",
            "a['b'](x)",
            "a['\\'']",
            "é",
            "a\n",
        ] {
            assert!(!is_callback(bad), "{bad:?}");
        }
        assert!(!is_callback(&"a".repeat(CALLBACK_MAX_BYTES + 1)));
    }
}
