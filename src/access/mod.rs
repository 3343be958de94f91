//! Who asks: the person at this machine, a visitor of the lab's pages, or another site's page.
//!
//! Two rules, for what a browser could be talked into:
//!
//! - [`from_own_page`]: not on behalf of another site's page. A browser says whose page a request
//!   is for (`Origin`, Fetch standard §3.2; `Sec-Fetch-Site`, Fetch Metadata §2.4); programs such
//!   as curl say nothing and may ask.
//! - [`from_this_machine`]: that, and over the loopback, under a name of the loopback. The name is
//!   looked at because another site's name can be made to resolve to 127.0.0.1 (DNS rebinding),
//!   and then every request of its page is "same origin". A request that went through a proxy is
//!   refused: on a machine with a proxy in front, everybody comes over the loopback.
//!
//! Not here: passwords. Whoever can run programs on this machine as its user can do anything that
//! the lab can.

pub mod address;
pub mod host_names;
pub mod hosts;
pub mod listed;
pub mod origins;

use std::net::IpAddr;

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap},
};

use crate::error::{Code, Refusal};

/// Headers by which proxies say that they are there.
const OF_PROXIES: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// Refuses what another site's page asks for.
pub fn from_own_page(request: &HttpRequest) -> Result<(), Refusal> {
    let headers = request.headers();
    let is_own = is_same_site(headers) && is_same_origin(headers);
    is_own.then_some(()).ok_or_else(|| {
        Refusal::new(
            Code::ForeignPage,
            "this is answered to the lab's own pages and to programs, not to other sites' pages",
        )
    })
}

/// Whether whoever asks sits at the machine that the lab runs on, on whosever page: for what a page
/// offers, not for what is done.
pub fn is_at_this_machine(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let peer = request.peer_addr().map(|peer| peer.ip());
    peer.is_some_and(is_loopback)
        && text(headers, "host").is_some_and(names_loopback)
        && !OF_PROXIES.iter().any(|name| headers.contains_key(*name))
}

/// Refuses what does not come from the machine that the lab runs on.
pub fn from_this_machine(request: &HttpRequest) -> Result<(), Refusal> {
    from_own_page(request)?;
    is_at_this_machine(request).then_some(()).ok_or_else(|| {
        Refusal::new(
            Code::OtherMachine,
            "this is answered only on the machine that the lab runs on",
        )
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn is_same_site(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-site") {
        None => true,
        // `none`: typed into the address bar.
        Some(site) => site == "same-origin" || site == "none",
    }
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let origin = origin.to_str().unwrap_or_default();
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.is_some_and(|authority| text(headers, "host") == Some(authority))
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether a `Host` is a name of the loopback (RFC 6761 §6.3 for `localhost`).
fn names_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<actix_web::http::uri::Authority>() else {
        return false;
    };
    let name = authority.host().to_ascii_lowercase();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => is_loopback(address),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
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
    fn this_machine_is_a_loopback_peer_under_a_loopback_name() {
        for (peer, host) in [
            ("127.0.0.1:5", "127.0.0.1:8080"),
            ("127.0.0.1:5", "localhost:8080"),
            ("127.0.0.1:5", "LOCALHOST"),
            ("127.0.0.1:5", "lab.localhost:80"),
            ("[::1]:5", "[::1]:8080"),
            ("[::ffff:127.0.0.1]:5", "127.0.0.1"),
        ] {
            assert!(
                from_this_machine(&ask(peer, &[("host", host)])).is_ok(),
                "{peer} {host}"
            );
        }
        for (peer, host) in [
            ("192.168.1.7:5", "127.0.0.1:8080"),
            ("127.0.0.1:5", "evil.example"),
            ("127.0.0.1:5", "localhost.evil.example"),
            ("127.0.0.1:5", "127.0.0.1.evil.example"),
            ("127.0.0.1:5", "192.168.1.7:8080"),
            ("127.0.0.1:5", ""),
        ] {
            let refused = from_this_machine(&ask(peer, &[("host", host)]));
            assert_eq!(refused.unwrap_err().code, Code::OtherMachine, "{host}");
        }
        assert!(from_this_machine(&ask("127.0.0.1:5", &[])).is_err());
    }

    #[test]
    fn a_proxy_hides_who_asks() {
        for name in OF_PROXIES {
            let request = ask("127.0.0.1:5", &[("host", "localhost"), (name, "x")]);
            assert!(from_this_machine(&request).is_err(), "{name}");
        }
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
