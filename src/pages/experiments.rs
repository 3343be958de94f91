//! The page of the experiments: the catalogue, a prediction first, then the run and its result.
//! What is shown of a result comes from [`crate::experiments::html`]; E21 and E22 run in the
//! visitor's own browser and have only their text here.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use askama::Template;

use super::{Page, render};
use crate::{
    experiments::ALL, lab_api::experiments::ExperimentView, registry::LaneWorker,
    transport::wrong_method,
};

pub fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/experiments")
            .route(web::get().to(page))
            .default_service(wrong_method(&[Method::GET])),
    );
}

#[derive(Template)]
#[template(path = "experiments.html")]
struct ExperimentsPage {
    page: Page,
    experiments: Vec<ExperimentView>,
}

impl ExperimentsPage {
    /// Seconds as people say them.
    fn about(&self, seconds: &u64) -> String {
        match seconds {
            0..=90 => format!("{seconds} s"),
            _ => format!("{} min", seconds.div_ceil(60)),
        }
    }
}

async fn page(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    let page = ExperimentsPage {
        page: Page::new(&request, &worker.lab, "experiments", "Experiments"),
        experiments: ALL.iter().map(|e| ExperimentView::of(e)).collect(),
    };
    render(&request, page)
}
