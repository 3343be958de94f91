//! Saved runs, and runs that a page starts.
//!
//! ```text
//! GET    /api/runs[?after=ID]     what is saved, newest first
//! POST   /api/runs                a plan as JSON, the names of pushlab run: starts it → 202
//! POST   /api/runs/files          a result from elsewhere, as JSON: keeps it → 201
//! PUT    /api/runs/saved/ID       {"name","note"}: what it is called; empty is nothing → 204
//! DELETE /api/runs/saved/ID       removes it for good → 204
//! GET    /api/runs/job            the run that goes on, or the last one
//! GET    /api/runs/job/events     the same as an event stream, until it is over
//! DELETE /api/runs/job            ends it with what it has → 202
//! ```
//!
//! Everybody may look; only the presenter may change anything.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use futures_util::stream;
use serde::{Deserialize, Serialize};

use super::MainLane;
use super::{event_stream, no_store};
use crate::{
    codec::surrogates::replace_lone_bytes,
    error::{Code, Refusal},
    jobs::{CannotStart, Job, RunRequest},
    registry::LaneWorker,
    run::plan::{Plan, PlanSettings},
    saved::{
        about::{self, About},
        folder::{CannotChange, CannotRead, Entry},
        summary::Summary,
    },
    transport::{http_api, wrong_method},
};

/// Entries of one answer.
pub const LISTED_MAX: usize = 50;
/// Largest result that is taken from elsewhere.
pub const BROUGHT_MAX_BYTES: usize = 8 << 20;
/// Largest text that names a result; its bounds are in characters.
const ABOUT_MAX_BYTES: usize = about::FILE_MAX_BYTES as usize;
/// Publications of a plan that this server checks; larger ones are for the command line.
const PUBLICATIONS_MAX: f64 = 1_000_000.0;

/// Routes of saved results and of jobs: `/api/runs…`.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/api/runs")
                .route(web::get().to(list))
                .route(web::post().to(start))
                .default_service(wrong_method(&[Method::GET, Method::POST])),
        )
        .service(
            web::resource("/api/runs/files")
                .route(web::post().to(bring))
                .default_service(wrong_method(&[Method::POST])),
        )
        .service(
            web::resource("/api/runs/saved/{id}")
                .route(web::put().to(name))
                .route(web::delete().to(delete))
                .default_service(wrong_method(&[Method::PUT, Method::DELETE])),
        )
        .service(
            web::resource("/api/runs/job")
                .route(web::get().to(job))
                .route(web::delete().to(cancel))
                .default_service(wrong_method(&[Method::GET, Method::DELETE])),
        )
        .service(
            web::resource("/api/runs/job/events")
                .route(web::get().to(events))
                .default_service(wrong_method(&[Method::GET])),
        );
}

#[derive(Deserialize)]
struct ListQuery {
    after: Option<String>,
}

async fn list(
    query: web::Query<ListQuery>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Listed {
        runs: Vec<Line>,
        more_after: Option<String>,
        job: Option<Job>,
    }
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Line {
        Whole(Box<Summary>),
        Broken { id: String, error: String },
    }
    let folder = main.clone();
    let after = query.into_inner().after.filter(|after| !after.is_empty());
    let listing = web::block(move || folder.saved.list(after.as_deref(), LISTED_MAX)).await;
    let listing = listing
        .map_err(internal)?
        .map_err(|error| Refusal::new(Code::Internal, format!("the data folder: {error}")))?;
    let line = |entry: Entry| match entry.summary {
        Ok(summary) => Line::Whole(Box::new(summary)),
        Err(error) => Line::Broken {
            id: entry.id,
            error: error.to_string(),
        },
    };
    Ok(no_store().json(Listed {
        runs: listing.entries.into_iter().map(line).collect(),
        more_after: listing.more_after,
        job: main.jobs.current(),
    }))
}

async fn start(
    request: HttpRequest,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let body = http_api::body(&request, payload, worker.lab.config.body_max_bytes).await?;
    let settings: PlanSettings = http_api::read_json(&body)
        .map_err(|error| Refusal::new(Code::BadPlan, format!("no plan: {error}")))?;
    let plan = web::block(move || checked(settings))
        .await
        .map_err(internal)??;
    let input = toml::to_string(&plan)
        .map_err(|error| Refusal::new(Code::BadPlan, format!("no plan: {error}")))?;
    let asked = RunRequest {
        what: format!("a run of {}", plan.lanes),
        experiment: None,
        arguments: vec!["run".to_owned(), "-".to_owned()],
        input,
    };
    started(main, asked).await
}

/// Refuses what cannot be carried out, and what would take too long to look at.
fn checked(settings: PlanSettings) -> Result<Plan, Refusal> {
    if settings.replay.is_some() || settings.payload.is_some() || settings.ca.is_some() {
        return Err(Refusal::new(
            Code::BadPlan,
            "replay, payload and ca name files of this machine, which are not read for a page; do it with \
             pushlab run on the command line",
        ));
    }
    let default = Plan::default();
    let rate = settings.rate.unwrap_or(default.rate);
    let [duration, warm_up] = [
        settings.duration.unwrap_or(default.duration),
        settings.warm_up.unwrap_or(default.warm_up),
    ]
    .map(|span| span.0.as_secs_f64());
    if rate * (duration + warm_up) > PUBLICATIONS_MAX {
        return Err(Refusal::new(
            Code::BadPlan,
            format!(
                "that makes more than {PUBLICATIONS_MAX:.0} publications; do it with pushlab run \
                 on the command line"
            ),
        ));
    }
    Plan::of(settings).map_err(|error| Refusal::new(Code::BadPlan, error.to_string()))
}

/// Starts something, and answers with it.
pub async fn started(
    main: web::Data<MainLane>,
    asked: RunRequest,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Started {
        job: Job,
    }
    let job = begin(main, asked).await?;
    Ok(HttpResponse::Accepted()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Started { job }))
}

/// Starts something, once it is sure that its result will find room.
pub async fn begin(main: web::Data<MainLane>, asked: RunRequest) -> Result<Job, Refusal> {
    let job = web::block(move || {
        main.saved
            .prepare()
            .map_err(|error| Refusal::new(Code::CannotSave, error.to_string()))?;
        main.jobs.start(asked).map_err(|error| {
            let code = match error {
                CannotStart::Busy(_) => Code::RunInProgress,
                CannotStart::ShuttingDown => Code::ShuttingDown,
            };
            Refusal::new(code, error.to_string())
        })
    });
    job.await.map_err(internal)?
}

/// A result from elsewhere, say from a CI run.
async fn bring(
    request: HttpRequest,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Brought {
        id: String,
    }
    worker.lab.presenter.require(&request)?;
    let body = http_api::body(&request, payload, BROUGHT_MAX_BYTES).await?;
    let brought = web::block(move || main.saved.bring(&replace_lone_bytes(&body))).await;
    let id = brought
        .map_err(internal)?
        .map_err(|error| {
            Refusal::new(Code::BrokenRun, format!("this file: {error}")).with_hint(
                "Import the JSON file that pushlab run --save FILE, pushlab experiment --save FILE or \
                 a lab's data folder holds; CSV, HTML and Markdown cannot be read back.",
            )
        })?
        .map_err(|error| Refusal::new(Code::CannotSave, error.to_string()))?;
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Brought { id }))
}

/// What somebody calls a result, and wrote about it.
async fn name(
    request: HttpRequest,
    id: web::Path<String>,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let body = http_api::body(&request, payload, ABOUT_MAX_BYTES).await?;
    let about: About = http_api::read_json(&body).map_err(|error| {
        Refusal::new(Code::BadJson, format!("no name: {error}")).with_hint(
            "Send {\"name\":\"Monday's class\",\"note\":\"Thirty phones\"}; both may be empty.",
        )
    })?;
    let about = about
        .checked()
        .map_err(|error| Refusal::new(Code::BadRange, error.to_string()))?;
    let named = web::block(move || main.saved.name(&id, &about)).await;
    named.map_err(internal)??;
    Ok(HttpResponse::NoContent().finish())
}

async fn delete(
    request: HttpRequest,
    id: web::Path<String>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let deleted = web::block(move || main.saved.delete(&id)).await;
    deleted.map_err(internal)??;
    Ok(HttpResponse::NoContent().finish())
}

async fn job(main: web::Data<MainLane>) -> Result<HttpResponse, Refusal> {
    let job = main.jobs.current().ok_or_else(no_run)?;
    Ok(no_store().json(job))
}

async fn cancel(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let is_cancelled = main.jobs.cancel();
    let job = main.jobs.current().filter(|_| is_cancelled);
    Ok(HttpResponse::Accepted()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(job.ok_or_else(no_run)?))
}

/// `data: {job}` for how it is and for every change, until it is over (WHATWG HTML, "Server-sent
/// events"). Whoever reads slowly misses steps between, never the last one. Where there is none the
/// stream says `none`: an `EventSource` comes back after every end, and a page closes it at that.
async fn events(main: web::Data<MainLane>) -> HttpResponse {
    let mut changes = main.jobs.watch();
    if changes.borrow().is_none() {
        let none = web::Bytes::from_static(b"event: none\ndata: {}\n\n");
        return event_stream::answer(stream::iter([none]));
    }
    changes.mark_changed();
    let all = stream::unfold(Some(changes), |changes| async move {
        let mut changes = changes?;
        changes.changed().await.ok()?;
        let job = changes.borrow_and_update().clone()?;
        let text = serde_json::to_string(&job).ok()?;
        let event = web::Bytes::from(format!("data: {text}\n\n"));
        let rest = (!job.state.is_over()).then_some(changes);
        Some((event, rest))
    });
    event_stream::answer(all)
}

fn no_run() -> Refusal {
    Refusal::new(Code::NoRun, "no run goes on")
}

/// 500, for what a file system does and nobody can put right by asking otherwise.
pub fn internal(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::Internal, error.to_string())
}

impl From<CannotChange> for Refusal {
    fn from(error: CannotChange) -> Self {
        match error {
            CannotChange::Read(error) => error.into(),
            CannotChange::Write { .. } => Self::new(Code::CannotSave, error.to_string()),
        }
    }
}

impl From<CannotRead> for Refusal {
    fn from(error: CannotRead) -> Self {
        let code = match error {
            CannotRead::NotThere(_) => Code::UnknownRun,
            CannotRead::Unreadable { .. } => Code::Internal,
            _ => Code::BrokenRun,
        };
        Self::new(code, error.to_string())
    }
}
