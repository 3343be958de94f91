//! A refusal for who asked with a browser: the same words as a page, with a way on. Programs get the
//! JSON that they get everywhere.

use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use askama::Template;

use crate::{
    error::{Refusal, page},
    lab_api::lanes_for,
    lane::LaneId,
    registry::LaneWorker,
};

/// Stands alone: lanes other than the main one serve neither style sheets nor scripts.
#[derive(Template)]
#[template(path = "refused.html")]
struct Refused<'a> {
    status: u16,
    message: &'a str,
    hint: &'a str,
    /// Where the pages are: other lanes than the main one have none.
    home: Option<String>,
}

/// The refusal in the form that the request asks for.
pub fn answer(request: &HttpRequest, refusal: &Refusal) -> HttpResponse {
    let shown = Refused {
        status: refusal.status_code().as_u16(),
        message: &refusal.message,
        hint: refusal.hint(),
        home: home(request),
    };
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    page::answer(refusal, request.headers(), &shown, policy)
}

/// The lab's first page, under the name that was asked.
fn home(request: &HttpRequest) -> Option<String> {
    let worker = request.app_data::<web::Data<LaneWorker>>()?;
    if worker.lane == LaneId::MAIN {
        return Some("/".to_owned());
    }
    let mut lanes = lanes_for(&worker.lab, request).into_iter();
    let main = lanes.find(|lane| lane.lane == LaneId::MAIN.0)?;
    Some(format!("{}/", main.url))
}
