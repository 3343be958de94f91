//! A refusal for who asked with a browser: the same words as a page, with a way on. Programs get the
//! JSON that they get everywhere.
//!
//! Stands around every handler, so that whoever refuses says it once ([`Refusal`]) and knows nothing
//! of pages. What is refused before any handler, since it is not for this lab's visitors, is in
//! [`crate::error::page`].

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
    web,
};
use askama::Template;

use super::{Page, navigation, navigation::Place, render};
use crate::{
    error::{Code, Refusal, page},
    lab_api::lanes_for,
    lane::LaneId,
    registry::LaneWorker,
};

/// What is said on either page.
struct Shown {
    status: u16,
    code: &'static str,
    heading: &'static str,
    /// Without a full stop.
    message: String,
    hint: String,
}

#[derive(Template)]
#[template(path = "refused.html")]
struct Refused {
    page: Page,
    shown: Shown,
    /// The page that the address is below.
    back: Option<&'static Place>,
    /// Whether a room was asked for that cannot be one.
    asks_for_room: bool,
    /// Where to go for who asked for a page that is not there.
    places: &'static [Place],
}

/// Stands alone: lanes other than the main one serve neither style sheets nor scripts.
#[derive(Template)]
#[template(path = "refused_elsewhere.html")]
struct RefusedElsewhere {
    shown: Shown,
    /// Where the pages are; `None`: nobody knows.
    home: Option<String>,
}

/// The middleware of every lane: a [`Refusal`] that answers a browser becomes a page. Status and
/// headers stay (`Allow`, `Retry-After`).
pub async fn for_people(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let (request, mut response) = response.into_parts();
    let refusal = response.extensions_mut().remove::<Refusal>();
    let Some(refusal) = refusal else {
        return Ok(ServiceResponse::new(request, response));
    };
    if !page::wants_html(request.headers()) {
        response.extensions_mut().insert(refusal);
        return Ok(ServiceResponse::new(request, response));
    }
    let mut shown = answer(&request, &refusal);
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            shown.headers_mut().insert(name, value.clone());
        }
    }
    shown
        .headers_mut()
        .insert(header::VARY, header::HeaderValue::from_static("accept"));
    Ok(ServiceResponse::new(request, shown))
}

fn answer(request: &HttpRequest, refusal: &Refusal) -> HttpResponse {
    let status = refusal.code.status();
    let shown = Shown {
        status: status.as_u16(),
        code: refusal.code.as_str(),
        heading: heading(refusal.code),
        message: capitalized(&refusal.message),
        hint: refusal.hint().to_owned(),
    };
    let worker = request.app_data::<web::Data<LaneWorker>>();
    if let Some(worker) = worker.filter(|worker| worker.lane == LaneId::MAIN) {
        let heading = shown.heading;
        let is_no_page = refusal.code == Code::UnknownPath && refusal.hint() == refusal.code.hint();
        let (shown, places) = match is_no_page {
            true => (no_page(shown, request.path()), navigation::PLACES),
            false => (shown, &[][..]),
        };
        let page = Refused {
            page: Page::new(request, &worker.lab, "refused", heading),
            shown,
            places,
            back: navigation::above(request.path()),
            asks_for_room: request.path() == "/chat",
        };
        let mut response = render(request, page);
        *response.status_mut() = status;
        return response;
    }
    let home = worker.and_then(|worker| {
        let mut lanes = lanes_for(&worker.lab, request).into_iter();
        let main = lanes.find(|lane| lane.lane == LaneId::MAIN.0)?;
        Some(format!("{}/", main.url))
    });
    let page = RefusedElsewhere { shown, home };
    page::answer(refusal, request.headers(), &page)
}

/// Where the code's own hint is for programs: the page has the places themselves.
fn no_page(shown: Shown, path: &str) -> Shown {
    Shown {
        message: format!("There is no page {path} here"),
        hint: "The pages of this lab are:".to_owned(),
        ..shown
    }
}

/// What happened, in a few words for people.
fn heading(code: Code) -> &'static str {
    match (code, code.status()) {
        (Code::BadChannel, _) => "That cannot be a name here",
        (Code::PresenterOnly, _) => "This is for whoever leads the lab",
        (Code::UpgradeRequired | Code::BadHandshake, _) => "This is no page",
        (_, StatusCode::NOT_FOUND) => "There is nothing here",
        (_, StatusCode::METHOD_NOT_ALLOWED) => "This address is not asked that way",
        (_, StatusCode::FORBIDDEN) => "This is not open to you",
        (_, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => "Too much at once",
        (_, StatusCode::INTERNAL_SERVER_ERROR) => "The lab failed",
        _ => "That did not work",
    }
}

/// Messages begin small, since programs put them behind a colon.
fn capitalized(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_sentence_on_a_page() {
        assert_eq!(capitalized("there is nothing"), "There is nothing");
        assert_eq!(capitalized("\"é\" is no name"), "\"é\" is no name");
        assert_eq!(capitalized(""), "");
    }
}
