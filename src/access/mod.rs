//! Who asks: the presenter, a visitor of the lab's pages, or another site's page.
//!
//! Two rules:
//!
//! - [`from_own_page`]: the request is not made by another site's page. A browser says which page
//!   makes a request (`Origin`, Fetch standard §3.2; `Sec-Fetch-Site`, Fetch Metadata §2.4);
//!   programs such as curl say nothing and are let in.
//! - [`presenter`]: that, and the presenter's token. The address proves nothing: behind a proxy on
//!   the same machine, everybody comes over the loopback.
//!
//! May use: `error`.

pub mod address;
pub mod asked_name;
pub mod host_names;
pub mod hosts;
pub mod listed;
pub mod origins;
pub mod own_key;
pub mod presenter;

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{self, HeaderMap},
};

use self::asked_name::AskedName;
use crate::error::{Code, Refusal};

/// Refuses a request that another site's page makes.
pub fn from_own_page(request: &HttpRequest) -> Result<(), Refusal> {
    let headers = request.headers();
    let extensions = request.extensions();
    let asked = extensions.get::<AskedName>();
    if is_same_site(headers) && is_same_origin(headers, asked) {
        return Ok(());
    }
    Err(changed_name(headers, asked).unwrap_or_else(|| {
        Refusal::new(
            Code::ForeignPage,
            "this is answered to the lab's own pages and to programs, not to other sites' pages",
        )
    }))
}

/// The refusal for a page that the browser says is the lab's own, although its name differs from
/// `Host`: a proxy in between has changed it.
pub fn changed_name(headers: &HeaderMap, asked: Option<&AskedName>) -> Option<Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text("origin").filter(|_| text("sec-fetch-site") == Some("same-origin"))?;
    let came = asked_name::authority(headers, asked).unwrap_or("no name");
    let shown = |text: &str| text.chars().take(200).collect::<String>();
    let (origin, came) = (shown(origin), shown(came));
    let message = format!(
        "the page is of {origin:?}, but asked under the name {came:?}: a proxy in between changes \
         Host"
    );
    Some(Refusal::new(Code::ForeignPage, message).with_hint(BEHIND_A_PROXY))
}

/// Advice for a proxy that changes `Host`.
const BEHIND_A_PROXY: &str = "Start the lab with --hosts and the page's name, and have the proxy pass \
     the name on (nginx: proxy_set_header Host $http_host), or X-Forwarded-Host instead, with the \
     proxy's address in --trusted-proxies.";

fn is_same_site(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-site") {
        None => true,
        // `none`: typed into the address bar.
        Some(site) => site == "same-origin" || site == "none",
    }
}

fn is_same_origin(headers: &HeaderMap, asked: Option<&AskedName>) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let origin = origin.to_str().unwrap_or_default();
    asked_name::authority(headers, asked)
        .is_some_and(|authority| asked_name::is_origin_of(origin, authority))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn ask(peer: &str, headers: &[(&'static str, &'static str)]) -> HttpRequest {
        let request = TestRequest::default().peer_addr(peer.parse().unwrap());
        headers
            .iter()
            .fold(request, |request, header| request.insert_header(*header))
            .to_http_request()
    }

    #[test]
    fn pages_of_other_sites_are_told_by_what_browsers_say() {
        let host = ("host", "localhost:8080");
        for good in [
            &[host] as &[_],
            &[host, ("origin", "http://localhost:8080")],
            &[host, ("sec-fetch-site", "same-origin")],
            &[host, ("sec-fetch-site", "none")],
        ] {
            assert!(from_own_page(&ask("10.0.0.1:5", good)).is_ok(), "{good:?}");
        }
        for bad in [
            &[host, ("origin", "http://evil.example")] as &[_],
            &[host, ("origin", "http://localhost:8081")],
            &[host, ("origin", "null")],
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "same-site")],
        ] {
            let refused = from_own_page(&ask("127.0.0.1:5", bad)).unwrap_err();
            assert_eq!(refused.code, Code::ForeignPage, "{bad:?}");
        }
    }
}
