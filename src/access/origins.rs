//! Which page makes a request, and whether it is allowed: one policy for polls, streams,
//! WebSockets, Channels and Socket.IO (`Origin`: Fetch standard §3.2; `Sec-Fetch-Site`: Fetch
//! Metadata §2.4).
//!
//! | who asks | default |
//! |---|---|
//! | no page: a program, an address that was typed or followed | in |
//! | a page of a loopback name, of this machine's names and addresses, of the host that is asked; any port | in, `Origin` echoed |
//! | a page whose origin is in a setting | in, `Origin` echoed |
//! | any other, `null` too | refused, whatever the method and the content type |
//!
//! If a setting is `*`, every page is allowed, without credentials. Not here: requests that change
//! the lab for others, which only its own pages may make ([`super::from_own_page`]).

use std::net::IpAddr;

use actix_web::http::{
    Method, Uri,
    header::{self, HeaderMap, HeaderValue},
};

use super::{
    address::TrustedProxies,
    asked_name::{self, AskedName},
    hosts::{Hosts, address, name_of},
    listed::Origins,
};
use crate::error::{Code, Refusal};

/// What every lane checks.
#[derive(Debug, Clone, Default)]
pub struct Doors {
    /// Names under which the lab answers; a request under another gets 421 (RFC 9110 §15.5.20).
    pub hosts: Hosts,
    /// The setting `origins`.
    pub origins: Origins,
    /// The setting `socketio_origins`, for Engine.IO.
    pub socketio: Origins,
    /// The setting `trusted_proxies`.
    pub trusted: TrustedProxies,
}

/// What a request's page may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// Any page may read answers.
    Anybody,
    /// No page makes the request, and the answer depends on which page does.
    NoPage,
    /// This page may read answers.
    Page(HeaderValue),
    /// The page of this origin is refused.
    Foreign(String),
}

impl Doors {
    /// Refuses a request under a foreign name; returns the name that was asked if it is not that of
    /// `Host`.
    pub fn enter(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
    ) -> Result<Option<AskedName>, Refusal> {
        let is_trusted = peer.is_some_and(|peer| self.trusted.contains(peer));
        if let Some(forwarded) = AskedName::forwarded(headers).filter(|_| is_trusted) {
            self.hosts.check_forwarded(&forwarded.0)?;
            return Ok(Some(forwarded));
        }
        self.hosts.check(uri, headers)?;
        let by_page = AskedName::by_own_page(headers);
        Ok(by_page.filter(|page| name_of(&page.0).is_some_and(|name| self.hosts.is_named(&name))))
    }

    /// What the page that makes a request may do; `asked`: see [`Self::enter`]; `also`: a list
    /// besides the lab's own.
    pub fn grant(&self, headers: &HeaderMap, asked: Option<&AskedName>, also: &Origins) -> Grant {
        if self.origins == Origins::Any || *also == Origins::Any {
            return Grant::Anybody;
        }
        let asked = asked_name::authority(headers, asked).and_then(name_of);
        let Some(page) = page_of(headers, asked.as_deref()) else {
            return Grant::NoPage;
        };
        let is_in = self.origins.contains(&page)
            || also.contains(&page)
            || host_of_origin(&page)
                .is_some_and(|host| self.hosts.is_own(&host) || asked == Some(host));
        match HeaderValue::from_str(&page) {
            Ok(value) if is_in => Grant::Page(value),
            _ => Grant::Foreign(page),
        }
    }
}

impl Grant {
    /// Refuses a foreign page; the refusal names the setting that lets it in.
    pub fn check(&self) -> Result<(), Refusal> {
        let Self::Foreign(origin) = self else {
            return Ok(());
        };
        let shown: String = origin.chars().take(200).collect();
        Err(Refusal::new(
            Code::ForeignPage,
            format!("pages of the origin {shown:?} are not let in"),
        ))
    }

    /// Says in an answer who may read it; `with_credentials`: a page may send cookies and the like.
    pub fn apply(&self, headers: &mut HeaderMap, with_credentials: bool) {
        if *self == Self::Anybody {
            let any = HeaderValue::from_static("*");
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
            return;
        }
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Self::Page(origin) = self {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            if with_credentials {
                headers.insert(
                    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                    HeaderValue::from_static("true"),
                );
            }
        }
    }
}

/// Whether a request is a preflight: it asks whether the request proper may be sent.
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// What an answer to a preflight grants besides the origin: the requested headers, except those by
/// which proxies name a client. A page must not send those: on this machine a browser would be
/// believed if `trusted_proxies` names this machine.
pub fn preflight_headers(asked: &HeaderMap) -> Vec<(header::HeaderName, HeaderValue)> {
    /// Headers that clients of the transports send; granted if the preflight names none.
    const USUAL: &str = "content-type, if-none-match, last-event-id, cache-control, \
         authorization, x-csrf-token, x-requested-with, x-socket-id";
    let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let wanted = wanted
        .filter(|wanted| !wanted.is_empty())
        .and_then(|wanted| {
            let names = wanted.to_str().ok()?.split(',').map(str::trim);
            if !names.clone().any(is_a_proxys) {
                return Some(wanted.clone());
            }
            let safe: Vec<_> = names.filter(|name| !is_a_proxys(name)).collect();
            HeaderValue::from_str(&safe.join(", ")).ok()
        });
    let mut granted = vec![
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            wanted.unwrap_or(HeaderValue::from_static(USUAL)),
        ),
        (
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("600"),
        ),
        (
            header::VARY,
            HeaderValue::from_static("Access-Control-Request-Headers"),
        ),
    ];
    // Private Network Access: a page of a public address asks before it connects to a private one.
    if asked.contains_key("access-control-request-private-network") {
        granted.push((
            header::HeaderName::from_static("access-control-allow-private-network"),
            HeaderValue::from_static("true"),
        ));
    }
    granted
}

/// Whether a header is one that proxies add (RFC 7239, and what came before it).
fn is_a_proxys(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "forwarded" || name == "x-real-ip" || name.starts_with("x-forwarded-")
}

/// The origin of the page that makes a request; `None`: no page does.
///
/// Browsers send `Origin` with requests that may change something, and with CORS requests. A
/// request for a picture or script has none: then there is `Sec-Fetch-Site: cross-site`, and
/// `Referer` if the page's policy allows it.
fn page_of(headers: &HeaderMap, asked: Option<&str>) -> Option<String> {
    if let Some(origin) = headers.get(header::ORIGIN).filter(|o| !o.is_empty()) {
        return Some(String::from_utf8_lossy(origin.as_bytes()).into_owned());
    }
    if text(headers, "sec-fetch-mode") == Some("navigate") {
        return None;
    }
    let is_foreign = match text(headers, "sec-fetch-site") {
        Some("cross-site") => true,
        // For an address or a loopback name, `same-site` means the same machine.
        Some("same-site") => asked.is_some_and(|name| {
            let is_loopback = name == "localhost" || name.ends_with(".localhost");
            address(name).is_none() && !is_loopback
        }),
        _ => false,
    };
    is_foreign.then(|| {
        let page = text(headers, "referer").and_then(origin_of);
        page.unwrap_or_else(|| "null".to_owned())
    })
}

fn origin_of(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{authority}"))
}

/// The host of an origin of the web, in lower case.
fn host_of_origin(origin: &str) -> Option<String> {
    let (scheme, authority) = origin.split_once("://")?;
    // Native clients of WebSockets may name the address that they opened.
    let is_web = ["http", "https", "ws", "wss"].contains(&scheme);
    is_web.then(|| name_of(authority)).flatten()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(said: &[(&'static str, &'static str)], listed: &str, also: &str) -> Grant {
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.insert(
                header::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let own = ["192.168.1.7".parse().unwrap()];
        Doors {
            hosts: Hosts::new(
                "lab.example".parse().unwrap(),
                Some("box"),
                "127.0.0.1",
                own,
            ),
            origins: listed.parse().unwrap(),
            socketio: Origins::default(),
            trusted: TrustedProxies::default(),
        }
        .grant(&headers, None, &also.parse().unwrap())
    }

    fn of_origin(origin: &'static str) -> Grant {
        grant(&[("host", "127.0.0.1:8080"), ("origin", origin)], "", "")
    }

    #[test]
    fn pages_of_this_machine_are_in_on_any_port() {
        for origin in [
            "http://localhost:3000",
            "https://localhost",
            "http://app.localhost:5173",
            "http://127.0.0.1:1",
            "http://[::1]:3000",
            "http://192.168.1.7:3000",
            "http://box:3000",
            "http://box.local",
            "https://lab.example",
            "ws://127.0.0.1:8080",
        ] {
            let value = HeaderValue::from_static(origin);
            assert_eq!(of_origin(origin), Grant::Page(value), "{origin}");
        }
        let asked = [
            ("host", "10.0.0.9:8080"),
            ("origin", "http://10.0.0.9:3000"),
        ];
        assert!(matches!(grant(&asked, "", ""), Grant::Page(_)));
    }

    #[test]
    fn other_pages_are_foreign_unless_they_are_listed() {
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://127.0.0.1@evil.example",
            "http://10.0.0.9",
            "file://",
            "http://",
            "chrome-extension://localhost",
        ] {
            assert_eq!(
                of_origin(origin),
                Grant::Foreign(origin.to_owned()),
                "{origin}"
            );
        }
        let evil = [("origin", "https://a.example")];
        assert!(matches!(
            grant(&evil, "https://a.example", ""),
            Grant::Page(_)
        ));
        assert!(matches!(
            grant(&evil, "", "https://a.example"),
            Grant::Page(_)
        ));
        assert_eq!(grant(&evil, "*", ""), Grant::Anybody);
        assert_eq!(grant(&evil, "", "*"), Grant::Anybody);
        let null = [("origin", "null")];
        assert!(matches!(grant(&null, "null", ""), Grant::Page(_)));
    }

    #[test]
    fn who_says_nothing_is_no_page_and_a_foreign_pages_picture_is_the_pages() {
        assert_eq!(grant(&[], "", ""), Grant::NoPage);
        assert_eq!(grant(&[("origin", "")], "", ""), Grant::NoPage);
        for (said, is_foreign) in [
            (&[("sec-fetch-site", "cross-site")] as &[_], true),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("referer", "http://evil.example/a"),
                ],
                true,
            ),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                ],
                false,
            ),
            (
                &[("sec-fetch-site", "same-site"), ("host", "localhost:1")],
                false,
            ),
            (
                &[("sec-fetch-site", "same-site"), ("host", "lab.example")],
                true,
            ),
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("sec-fetch-site", "none")], false),
        ] {
            let is = matches!(grant(said, "", ""), Grant::Foreign(_));
            assert_eq!(is, is_foreign, "{said:?}");
        }
        let script = [
            ("sec-fetch-site", "cross-site"),
            ("referer", "https://a.example/x?y"),
        ];
        assert!(matches!(
            grant(&script, "https://a.example", ""),
            Grant::Page(_)
        ));
    }
}
