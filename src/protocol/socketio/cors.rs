//! Pages of which origins may use Engine.IO (Fetch standard, "CORS protocol"; reference, 2.11).
//!
//! | setting | polling | WebSocket |
//! |---|---|---|
//! | `*` | any page, without credentials | any page |
//! | a list | its pages, with credentials; others get 403, code 4 | the same |
//!
//! The list holds for both transports: browsers ask for no permission to open a WebSocket, so a
//! list that only adds headers, as Node's does, leaves that door open. A request without `Origin`
//! comes from no page and is let in; the lab's own pages, which stand on another port, are as
//! well.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
};

use crate::{config::origins::Origins, lab::Lab};

/// What a request's origin may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// Any page may read answers.
    Anybody,
    /// No page asks, and the answer depends on who asks.
    NoPage,
    /// This page may read answers and send credentials.
    Page(HeaderValue),
    Refused,
}

impl Grant {
    pub fn of(lab: &Lab, headers: &HeaderMap) -> Self {
        let Origins::Listed(_) = &lab.config.socketio_origins else {
            return Self::Anybody;
        };
        let Some(origin) = headers.get(header::ORIGIN).filter(|o| !o.is_empty()) else {
            return Self::NoPage;
        };
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let may = origin.to_str().is_ok_and(|text| {
            let listed = lab.config.socketio_origins.contains(text);
            let ports = lab.addresses().iter().map(|address| address.port);
            let scheme = lab.config.scheme();
            listed || is_own(scheme, text, host.unwrap_or_default(), ports)
        });
        if may {
            Self::Page(origin.clone())
        } else {
            Self::Refused
        }
    }

    /// Says so in an answer.
    pub fn apply(self, headers: &mut HeaderMap) {
        if self == Self::Anybody {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_ORIGIN,
                HeaderValue::from_static("*"),
            );
            return;
        }
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Self::Page(origin) = self {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
    }
}

/// Whether an origin is a page of the server that was asked: the same host, a port of the lab.
fn is_own(scheme: &str, origin: &str, host: &str, mut ports: impl Iterator<Item = u16>) -> bool {
    let Some((of_origin, authority)) = origin.split_once("://") else {
        return false;
    };
    if of_origin != scheme {
        return false;
    }
    let (origin_host, origin_port) = split_port(scheme, authority);
    let (asked_host, _) = split_port(scheme, host);
    origin_host.eq_ignore_ascii_case(asked_host) && ports.any(|port| port == origin_port)
}

/// Host and port; an IPv6 address keeps its brackets.
fn split_port<'a>(scheme: &str, authority: &'a str) -> (&'a str, u16) {
    let split = authority.rsplit_once(':');
    match split.and_then(|(host, port)| Some((host, port.parse().ok()?))) {
        Some((host, port)) => (host, port),
        None if scheme == "https" => (authority, 443),
        None => (authority, 80),
    }
}

/// The answer to a preflight, which asks whether the request proper may be sent; its grant is to
/// be applied. `None`: it is none.
pub fn preflight(request: &HttpRequest) -> Option<HttpResponse> {
    let headers = request.headers();
    let asks = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() != Method::OPTIONS || !asks {
        return None;
    }
    let mut granted = HttpResponse::NoContent();
    granted
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET,POST"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"));
    if let Some(wanted) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        granted
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone()))
            .append_header((header::VARY, "Access-Control-Request-Headers"));
    }
    Some(granted.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labs_own_pages_are_known_by_host_and_port() {
        for (origin, host, is) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8085", true),
            ("http://lab.local:8080", "LAB.local:8085", true),
            ("http://[::1]:8080", "[::1]:8085", true),
            ("http://127.0.0.1:8081", "127.0.0.1:8085", false),
            ("http://localhost:8080", "127.0.0.1:8085", false),
            ("https://127.0.0.1:8080", "127.0.0.1:8085", false),
            ("http://127.0.0.1", "127.0.0.1:8085", false),
            ("null", "127.0.0.1:8085", false),
            ("http://127.0.0.1:8080", "", false),
        ] {
            let ports = [8080, 8085].into_iter();
            assert_eq!(is_own("http", origin, host, ports), is, "{origin} {host}");
        }
        for (origin, is) in [
            ("https://lab.local", true),
            ("https://lab.local:8085", true),
            ("http://lab.local:8085", false),
        ] {
            let ports = [443, 8085].into_iter();
            assert_eq!(is_own("https", origin, "lab.local", ports), is, "{origin}");
        }
    }
}
