//! A refusal for who asked with a browser: the same words as a page, with a way on. Programs get the
//! JSON that they get everywhere.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::header::{self, HeaderValue},
    web,
};
use askama::Template;

use crate::{error::Refusal, lab_api::lanes_for, lane::LaneId, registry::LaneWorker};

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
    let accept = request.headers().get(header::ACCEPT);
    if !wants_html(accept) {
        return refusal.error_response();
    }
    let page = Refused {
        status: refusal.status_code().as_u16(),
        message: &refusal.message,
        hint: refusal.hint(),
        home: home(request),
    };
    match page.render() {
        Ok(html) => HttpResponse::build(refusal.status_code())
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::VARY, "accept"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'",
            ))
            .body(html),
        Err(_) => refusal.error_response(),
    }
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

/// Browsers name `text/html` when they open an address (RFC 9110 §12.5.1); scripts and programs send
/// `*/*` or nothing.
fn wants_html(accept: Option<&HeaderValue>) -> bool {
    let accept = accept.and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| {
        let mut ranges = accept
            .split(',')
            .map(|range| range.split(';').next().unwrap_or_default());
        ranges.any(|range| range.trim().eq_ignore_ascii_case("text/html"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use actix_web::test::TestRequest;

    fn content_type(accept: Option<&str>) -> String {
        let mut request = TestRequest::default();
        if let Some(accept) = accept {
            request = request.insert_header((header::ACCEPT, accept));
        }
        let refusal = Refusal::new(Code::UnknownPath, "there is nothing at <here>");
        let response = answer(&request.to_http_request(), &refusal);
        assert_eq!(response.status(), 404);
        response
            .headers()
            .get(header::CONTENT_TYPE)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn browsers_get_a_page_and_programs_json() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert!(content_type(Some(browser)).starts_with("text/html"));
        for program in [None, Some("*/*"), Some("application/json"), Some("")] {
            assert_eq!(content_type(program), "application/json");
        }
    }
}
