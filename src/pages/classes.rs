//! What classes did, as the files that [`crate::class::paper`] makes: `GET /runs/classes/ID`, made anew
//! from what was saved each time. Names are in it for whoever leads the lab alone, and only where
//! they are asked for: `GET /presenter/runs/classes/ID?names=1`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use serde::Deserialize;

use crate::{
    access::presenter,
    class::{Record, paper},
    error::{Code, Refusal},
    lab_api::{MainLane, runs::internal},
    registry::LaneWorker,
    run::report::began,
    transport::wrong_method,
};

pub fn configure(config: &mut web::ServiceConfig) {
    for below in ["", presenter::PATH] {
        config.service(
            web::resource(format!("{below}/runs/classes/{{id}}"))
                .route(web::get().to(one))
                .default_service(wrong_method(&[Method::GET])),
        );
    }
}

/// A line of the list.
pub struct SavedClass {
    pub id: String,
    pub title: String,
    /// `2026-11-30 09:12`, UTC.
    pub began: String,
    pub lessons: usize,
}

impl SavedClass {
    fn of((id, record): (String, Record)) -> Self {
        Self {
            id,
            title: match record.name.as_str() {
                "" => "A class".to_owned(),
                name => name.chars().take(80).collect(),
            },
            began: began(record.began_us)
                .replace('T', " ")
                .chars()
                .take(16)
                .collect(),
            lessons: record.lessons.len(),
        }
    }
}

/// All that are saved, newest first.
pub async fn saved(main: &web::Data<MainLane>) -> Vec<SavedClass> {
    let main = main.clone();
    let read = web::block(move || main.class.kept().all_saved()).await;
    read.unwrap_or_default()
        .into_iter()
        .map(SavedClass::of)
        .collect()
}

#[derive(Deserialize)]
pub struct Query {
    /// `1`: with what the phones were called.
    names: Option<String>,
}

async fn one(
    request: HttpRequest,
    id: web::Path<String>,
    query: web::Query<Query>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let has_names = query.names.as_deref() == Some("1");
    if has_names {
        worker.lab.presenter.require(&request)?;
    }
    let name = id.clone();
    let read = web::block(move || main.class.kept().saved(&name)).await;
    let read = read.map_err(internal)?.map_err(|error| {
        Refusal::new(
            Code::BrokenRun,
            format!("what this class did cannot be shown: {error}"),
        )
    })?;
    let record = read.ok_or_else(|| {
        Refusal::new(Code::UnknownRun, "there is no such saved class")
            .with_hint("Those that are saved are on /runs; a class is saved when the presenter ends it, if that is ticked.")
    })?;
    let html = match has_names {
        true => paper::with_names(&record),
        false => paper::to_html(&record),
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        // An id that was found has eight hexadecimal digits.
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("inline; filename=\"class-{id}.html\""),
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
        ))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(html))
}
