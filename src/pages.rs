//! Server-rendered pages. What they show live comes from `lab_api` and from the lanes.
//!
//! May use: `qr`, `catalogue`, `channel`, `lane`, `error`, `access`, `run`, `experiments`,
//! `lessons`, `class`, `saved`, `lab`, `registry`, `transport`, `lab_api`, `packed`.

mod choices;
mod class;
mod classes;
mod docs;
mod experiments;
mod lessons;
mod navigation;
mod plans;
pub mod refused;
mod runs;
mod worksheets;

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use askama::Template;
use serde::{Deserialize, Serialize};

use crate::{
    access::{
        asked_name::{host_of, origin_of},
        hosts,
    },
    catalogue,
    channel::{BadChannelName, ChannelName},
    error::{Code, Refusal},
    lab::Lab,
    lab_api::{
        HostFacts, LaneView, MainLane, VariantView, apps::DemoApp, fairness, host_facts, lanes_for,
        variants_of,
    },
    registry::LaneWorker,
    transport::wrong_method,
};

/// Routes of all pages, on the main lane.
pub fn configure(config: &mut web::ServiceConfig) {
    for (path, route) in [
        ("/", web::get().to(home)),
        ("/chat", web::get().to(chat)),
        ("/dashboard", web::get().to(dashboard)),
        ("/compare", web::get().to(compare)),
        ("/recovery", web::get().to(recovery)),
        ("/console", web::get().to(console)),
        ("/examples", web::get().to(examples)),
        ("/conditions", web::get().to(conditions)),
        ("/favicon.ico", web::get().to(favicon)),
        ("/static/css/lanes.css", web::get().to(lane_styles)),
    ] {
        config.service(
            web::resource(path)
                .route(route)
                .default_service(wrong_method(&[Method::GET])),
        );
    }
    class::configure(config);
    classes::configure(config);
    runs::configure(config);
    experiments::configure(config);
    plans::configure(config);
    worksheets::configure(config);
    lessons::configure(config);
    docs::configure(config);
}

/// The classic example of Socket.IO as this server runs it, to be read beside its JavaScript.
const CLASSIC_EXAMPLE: &str = include_str!("protocol/socketio/classic.rs");

/// What every page knows.
struct Page {
    here: &'static str,
    title: Cow<'static, str>,
    version: &'static str,
    /// The lanes to choose from, by protocol; where rows are compared, with their variants.
    groups: Vec<choices::Group>,
    /// For scripts: version, lanes, the fairness statement and the demo application as JSON.
    lab_json: String,
    /// The chat's room; empty elsewhere.
    room: String,
}

macro_rules! pages {
    ($($name:ident = $file:literal;)+) => {
        $(#[derive(Template)]
        #[template(path = $file)]
        struct $name { page: Page })+
    };
}

pages! {
    Chat = "chat.html";
    Dashboard = "dashboard.html";
    Compare = "compare.html";
    Recovery = "recovery.html";
    Console = "console.html";
    Examples = "examples.html";
    Conditions = "conditions.html";
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    page: Page,
    /// The code of the class that is on.
    class: Option<String>,
}

async fn home(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> HttpResponse {
    let page = Page::new(&request, &worker.lab, "home", "pushlab");
    let class = main.class_on().map(|class| class.code);
    render(&request, Home { page, class })
}

#[derive(Deserialize)]
struct ChatQuery {
    room: Option<String>,
}

async fn chat(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let query = web::Query::<ChatQuery>::from_query(request.query_string())
        .map_err(|error| Refusal::new(Code::BadQuery, error.to_string()))?;
    let room = query
        .into_inner()
        .room
        .filter(|room| !room.is_empty())
        .unwrap_or_else(|| "lobby".to_owned());
    if let Err(error) = ChannelName::parse(&format!("presence-chat-{room}")) {
        let message = match error {
            BadChannelName::BadCharacter(' ') => {
                format!("a room's name has no blanks, and {room:?} has one")
            }
            BadChannelName::BadCharacter(bad) => {
                format!("a room's name cannot have {bad:?}, as {room:?} has")
            }
            BadChannelName::TooLong(_) | BadChannelName::Empty => format!(
                "a room's name has at most 150 letters, and this one has {}",
                room.len()
            ),
        };
        let refusal = Refusal::new(Code::BadChannel, message).with_hint(
            "Letters from A to Z, digits and _ - = @ , . ; may be in it: /chat?room=lobby, for one.",
        );
        return Err(refusal);
    }
    let mut page = Page::new(&request, &worker.lab, "chat", "Chat");
    page.room = room;
    Ok(render(&request, Chat { page }))
}

async fn dashboard(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    let page = Page::new(&request, &worker.lab, "dashboard", "Dashboard");
    render(&request, Dashboard { page })
}

async fn compare(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    let mut page = Page::new(&request, &worker.lab, "compare", "Compare");
    let lanes = lanes_for(&worker.lab, &request);
    page.groups = choices::with_variants(page.groups, &lanes, &variants_of(&lanes));
    render(&request, Compare { page })
}

async fn recovery(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    let page = Page::new(&request, &worker.lab, "recovery", "Recovery");
    render(&request, Recovery { page })
}

async fn console(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    let page = Page::new(&request, &worker.lab, "console", "Console");
    render(&request, Console { page })
}

async fn examples(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    let page = Page::new(&request, &worker.lab, "examples", "Two first examples");
    render(&request, Examples { page })
}

async fn conditions(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    let page = Page::new(&request, &worker.lab, "conditions", "Conditions");
    render(&request, Conditions { page })
}

/// See [`catalogue::sheet`].
async fn lane_styles() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/css; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("cross-origin-resource-policy", "same-origin"))
        .body(catalogue::sheet())
}

async fn favicon() -> HttpResponse {
    HttpResponse::MovedPermanently()
        .insert_header((header::LOCATION, "/static/icon.svg"))
        .finish()
}

impl Page {
    fn new(
        request: &HttpRequest,
        lab: &Lab,
        here: &'static str,
        title: impl Into<Cow<'static, str>>,
    ) -> Self {
        #[derive(Serialize)]
        struct LabJson<'a> {
            version: &'a str,
            lanes: &'a [LaneView],
            variants: &'a [VariantView],
            fairness: Vec<String>,
            host: HostFacts,
            demo_app: Option<DemoApp>,
        }
        let lanes = lanes_for(lab, request);
        let variants = variants_of(&lanes);
        let version = crate::VERSION;
        let lab_json = serde_json::to_string(&LabJson {
            version,
            lanes: &lanes,
            variants: &variants,
            fairness: fairness(lab),
            host: host_facts(),
            demo_app: DemoApp::of(request),
        })
        .unwrap_or_default();
        Self {
            here,
            title: title.into(),
            version,
            groups: choices::groups(&lanes),
            lab_json,
            room: String::new(),
        }
    }

    fn places(&self) -> &'static [navigation::Place] {
        navigation::PLACES
    }

    fn without_scripts(&self) -> &'static str {
        navigation::without_scripts(self.here)
    }
}

fn render(request: &HttpRequest, page: impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => {
            let mut answer = HttpResponse::Ok();
            answer
                .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .insert_header((header::REFERRER_POLICY, "no-referrer"))
                .insert_header((header::CONTENT_SECURITY_POLICY, content_policy(request)));
            if is_trustworthy(request) {
                // Isolation gives the page a clock of 5 µs instead of 100.
                answer
                    .insert_header(("cross-origin-opener-policy", "same-origin"))
                    .insert_header(("cross-origin-embedder-policy", "require-corp"));
            }
            answer.body(html)
        }
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            let refusal = Refusal::new(Code::Internal, "the page cannot be rendered");
            actix_web::ResponseError::error_response(&refusal)
        }
    }
}

/// Whether the browser trusts the page's origin (Secure Contexts, §3.1): TLS, or this machine. Elsewhere it
/// ignores isolation, and writes so into the console of each phone.
fn is_trustworthy(request: &HttpRequest) -> bool {
    let is_loopback = |host: String| {
        host == "localhost" || hosts::address(&host).is_some_and(|address| address.is_loopback())
    };
    scheme_of(request) == Some("https") || host_of(request).is_some_and(is_loopback)
}

/// The scheme that the visitor used.
fn scheme_of(request: &HttpRequest) -> Option<&'static str> {
    let worker = request.app_data::<web::Data<LaneWorker>>()?;
    let config = &worker.lab.config;
    origin_of(request, config.scheme(), &config.trusted_proxies).map(|(scheme, _)| scheme)
}

/// Everything from this origin; connections to the lanes, which are this host's other ports.
fn content_policy(request: &HttpRequest) -> String {
    let host = host_of(request).unwrap_or_else(|| "127.0.0.1".to_owned());
    let (http, ws) = match scheme_of(request) {
        Some("https") => ("https", "wss"),
        _ => ("http", "ws"),
    };
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self' {http}://{host}:* {ws}://{host}:*; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}
