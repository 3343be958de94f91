//! The host name that a browser used, also where a proxy has put another into `Host`.
//!
//! Two sources are trusted. One is `X-Forwarded-Host` from a proxy in the setting
//! `trusted_proxies`. The other is the browser, if it says that a page requests its own origin
//! (`Sec-Fetch-Site: same-origin`, which no page can forge) and the setting `hosts` has the page's
//! name. Otherwise the name is `Host`. In each case it must be a name that the lab answers under
//! ([`super::hosts`]), because DNS rebinding works through proxies, too.

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{self, HeaderMap},
};

use super::{address::TrustedProxies, hosts::name_of};

/// `host[:port]` that a browser used; stored with a request whose `Host` differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedName(pub String);

impl AskedName {
    /// The name that a proxy was asked for. Each proxy appends to a list, so the nearest proxy's
    /// entry is the last.
    pub fn forwarded(headers: &HeaderMap) -> Option<Self> {
        let last = headers.get_all("x-forwarded-host").last()?;
        let last = last.to_str().unwrap_or("?").rsplit(',').next()?.trim();
        let (_, has_port) = split(last)?;
        let port = headers.get("x-forwarded-port").filter(|_| !has_port);
        let port = port.and_then(|port| port.to_str().ok()?.trim().parse::<u16>().ok());
        Some(Self(match port {
            Some(port) => format!("{last}:{port}"),
            None => last.to_owned(),
        }))
    }

    /// The name of a page that requests its own origin.
    pub fn by_own_page(headers: &HeaderMap) -> Option<Self> {
        let site = headers.get("sec-fetch-site")?;
        let origin = headers.get(header::ORIGIN)?.to_str().ok()?;
        let (_, authority) = origin.split_once("://")?;
        (site == "same-origin").then(|| Self(authority.to_owned()))
    }
}

/// The requested authority: see the module.
pub fn authority<'a>(headers: &'a HeaderMap, asked: Option<&'a AskedName>) -> Option<&'a str> {
    match asked {
        Some(AskedName(authority)) => Some(authority),
        None => headers.get(header::HOST)?.to_str().ok(),
    }
}

/// Whether an origin is that of an authority. A missing port is the default of the origin's scheme:
/// behind a proxy that speaks TLS for the lab, only the page knows the scheme.
pub fn is_origin_of(origin: &str, authority: &str) -> bool {
    let Some((scheme, of_origin)) = origin.split_once("://") else {
        return false;
    };
    let usual = match scheme {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let port = |authority: &str| match split(authority) {
        Some((_, true)) => authority.rsplit(':').next().map(str::to_owned),
        _ => Some(usual.to_owned()),
    };
    let names = (name_of(of_origin), name_of(authority));
    names.0.is_some() && names.0 == names.1 && port(of_origin) == port(authority)
}

/// An authority that is not empty, and whether it has a port.
fn split(authority: &str) -> Option<(&str, bool)> {
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.contains(']') && !port.is_empty());
    (!authority.is_empty()).then_some((authority, has_port))
}

/// The host name that the visitor used, without a port: the lanes are on the same machine.
pub fn host_of(request: &HttpRequest) -> Option<String> {
    let extensions = request.extensions();
    let asked = authority(request.headers(), extensions.get::<AskedName>());
    name_of(asked?)
}

/// The scheme and `host[:port]` that the visitor used; `own`: the lab's scheme. A proxy that is
/// trusted may speak TLS for it (`X-Forwarded-Proto`).
pub fn origin_of(
    request: &HttpRequest,
    own: &'static str,
    trusted: &TrustedProxies,
) -> Option<(&'static str, String)> {
    let is_proxied = request
        .peer_addr()
        .is_some_and(|peer| trusted.contains(peer.ip().to_canonical()));
    let says = request.headers().get("x-forwarded-proto");
    let scheme = match says.filter(|_| is_proxied).map(|said| said.as_bytes()) {
        Some(b"https") => "https",
        _ => own,
    };
    let extensions = request.extensions();
    let asked = authority(request.headers(), extensions.get::<AskedName>())?;
    Some((scheme, asked.to_owned()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(said: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        headers
    }

    #[test]
    fn the_nearest_proxys_word_is_the_last_with_its_port() {
        for (said, asked) in [
            (&[] as &[_], None),
            (&[("x-forwarded-host", "")], None),
            (&[("x-forwarded-host", "lab.example")], Some("lab.example")),
            (
                &[("x-forwarded-host", "evil.example, lab.example:8443")],
                Some("lab.example:8443"),
            ),
            (
                &[
                    ("x-forwarded-host", "evil.example"),
                    ("x-forwarded-host", "lab.example"),
                    ("x-forwarded-port", "8443"),
                ],
                Some("lab.example:8443"),
            ),
            (
                &[
                    ("x-forwarded-host", "[::1]:80"),
                    ("x-forwarded-port", "8443"),
                ],
                Some("[::1]:80"),
            ),
            (
                &[("x-forwarded-host", "[::1]"), ("x-forwarded-port", "junk")],
                Some("[::1]"),
            ),
        ] {
            let asked = asked.map(|asked| AskedName(asked.to_owned()));
            assert_eq!(AskedName::forwarded(&headers(said)), asked, "{said:?}");
        }
    }

    #[test]
    fn origins_are_compared_with_their_ports() {
        for (origin, authority, is) in [
            ("http://localhost:8080", "localhost:8080", true),
            ("http://LocalHost:8080", "localhost:8080", true),
            ("http://localhost:8080", "localhost:8081", false),
            ("http://localhost", "localhost", true),
            ("http://localhost", "localhost:80", true),
            ("https://localhost", "localhost:80", false),
            ("https://lab.example", "lab.example", true),
            ("https://lab.example:443", "lab.example", true),
            ("https://lab.example:8443", "lab.example", false),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://[::1]", "[::1]", true),
            ("null", "null", false),
            ("http://evil.example", "lab.example", false),
            ("http://", "", false),
            ("http://a@lab.example", "lab.example", false),
            ("chrome-extension://lab.example", "lab.example", false),
        ] {
            assert_eq!(is_origin_of(origin, authority), is, "{origin} {authority}");
        }
    }
}
