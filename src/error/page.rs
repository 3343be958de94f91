//! A refusal in the form that was asked for: a page for browsers, and for programs the JSON that
//! they get everywhere.

use actix_web::{
    HttpResponse, ResponseError,
    http::header::{self, HeaderMap},
};
use askama::Template;

use super::Refusal;

/// For whoever is not let in at all, so that nothing of the lab is linked or shown.
#[derive(Template)]
#[template(path = "refused_bare.html")]
struct NotAnsweredHere<'a> {
    message: &'a str,
    hint: &'a str,
}

/// Refuses a request with these headers before any handler: a page that leads nowhere, or JSON.
pub fn not_answered_here(refusal: &Refusal, headers: &HeaderMap) -> HttpResponse {
    let page = NotAnsweredHere {
        message: &refusal.message,
        hint: refusal.hint(),
    };
    answer(refusal, headers, &page)
}

/// `page`, whose only style is in it, where the headers ask for HTML, or JSON. Nobody keeps it, and
/// what varies with `Accept` says so.
pub fn answer(refusal: &Refusal, headers: &HeaderMap, page: &impl Template) -> HttpResponse {
    const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
    if !wants_html(headers) {
        return refusal.error_response();
    }
    match page.render() {
        Ok(html) => HttpResponse::build(refusal.status_code())
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::VARY, "accept"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
            .body(html),
        Err(_) => refusal.error_response(),
    }
}

/// Browsers name `text/html` when they open an address (RFC 9110 §12.5.1); scripts and programs send
/// `*/*` or nothing, or name it with `q=0` as what they do not take (§12.4.2).
pub fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    let ranges = accept.and_then(|accept| accept.to_str().ok());
    ranges.is_some_and(|ranges| {
        ranges.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_html =
                (parts.next()).is_some_and(|range| range.eq_ignore_ascii_case("text/html"));
            is_html && !parts.any(is_refused)
        })
    })
}

/// Whether a range's parameter is a weight of zero.
fn is_refused(parameter: &str) -> bool {
    let weight = parameter.strip_prefix(['q', 'Q']);
    let weight = weight.and_then(|rest| rest.trim_start().strip_prefix('='));
    weight.is_some_and(|weight| weight.trim().parse() == Ok(0.0))
}

#[cfg(test)]
mod tests {
    use actix_web::{body::to_bytes, http::header::HeaderValue};

    use super::*;
    use crate::error::Code;

    async fn body(accept: Option<&'static str>) -> (String, String) {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        }
        let refusal = Refusal::new(Code::UnknownPath, "there is nothing at <here>");
        let response = not_answered_here(&refusal, &headers);
        assert_eq!(response.status(), 404);
        let content_type = response.headers().get(header::CONTENT_TYPE).unwrap();
        let content_type = content_type.to_str().unwrap().to_owned();
        let body = to_bytes(response.into_body()).await.unwrap();
        (content_type, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn browsers_get_a_page_and_programs_json() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let (content_type, page) = body(Some(browser)).await;
        assert!(content_type.starts_with("text/html"));
        assert!(page.contains("nothing at &#60;here&#62;."), "{page}");
        let unwanted = Some("text/html;q=0.000, */*");
        let (content_type, _) = body(Some("text/html; level=1; q=0.1")).await;
        assert!(content_type.starts_with("text/html"));
        for program in [
            None,
            Some("*/*"),
            Some("application/json"),
            Some(""),
            unwanted,
        ] {
            let (content_type, _) = body(program).await;
            assert_eq!(content_type, "application/json");
        }
    }
}
