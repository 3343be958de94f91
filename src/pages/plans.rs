//! Plans of an hour, at `/lessons/plans/45` and `/lessons/plans/90`: a table of minutes and lessons,
//! to read, to print, and, for whoever leads a class, to give a lesson from.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use askama::Template;

use super::{Page, lessons::shelf, render, worksheets::plan};
use crate::{
    error::Refusal,
    lab_api::MainLane,
    lessons::plans::{Plan, Row},
    registry::LaneWorker,
    transport::wrong_method,
};

pub fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/lessons/plans/{id}")
            .route(web::get().to(one))
            .default_service(wrong_method(&[Method::GET])),
    );
}

#[derive(Template)]
#[template(path = "plan.html")]
struct PlanPage {
    page: Page,
    plan: &'static Plan,
    rows: Vec<Line>,
}

/// A row, with the lesson as it is called now: a teacher's own may stand in its place.
struct Line {
    row: &'static Row,
    lesson: Option<Named>,
}

struct Named {
    id: String,
    order: u16,
    title: String,
    language: String,
}

/// `GET /lessons/plans/45`.
async fn one(
    request: HttpRequest,
    id: web::Path<String>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let plan = plan(&id)?;
    let shelf = shelf(&main).await;
    let named = |id: &String| {
        let front = &shelf.find(id)?.lesson.front;
        Some(Named {
            id: front.id.clone(),
            order: front.order,
            title: front.title.clone(),
            language: front.language.clone(),
        })
    };
    let rows = plan.rows.iter().map(|row| Line {
        row,
        lesson: row.lesson.as_ref().and_then(named),
    });
    let title = format!("{} minutes", plan.minutes);
    let page = PlanPage {
        page: Page::new(&request, &worker.lab, "plan", title),
        rows: rows.collect(),
        plan,
    };
    Ok(render(&request, page))
}
