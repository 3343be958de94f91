//! Under which names a lab answers (`Host`, RFC 9110 §7.2).
//!
//! Another site's name can be made to resolve to this machine (DNS rebinding): then its page is
//! "same origin" with the lab, and no other check helps. Such a page needs a name, so requests to
//! IP addresses are served, and of names only this machine's and those of a setting.

use std::{collections::BTreeSet, net::IpAddr};

use actix_web::http::{
    Uri,
    header::{self, HeaderMap},
};

use super::host_names::HostNames;
use crate::error::{Code, Refusal};

/// The names that are served.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    named: HostNames,
    /// This machine's, in lower case.
    names: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
}

impl Hosts {
    /// The names of a setting, and this machine's: its host name, with and without its domain, its
    /// `.local` name, the name that the lab listens on, its addresses.
    pub fn new(
        named: HostNames,
        machine: Option<&str>,
        listens_on: &str,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let mut names = BTreeSet::from([listens_on.to_ascii_lowercase()]);
        if let Some(machine) = machine.filter(|name| !name.is_empty()) {
            let machine = machine.to_ascii_lowercase();
            let short = machine.split('.').next().unwrap_or_default();
            names.insert(format!("{short}.local"));
            names.insert(short.to_owned());
            names.insert(machine);
        }
        names.remove("");
        Self {
            named,
            names,
            addresses: addresses.into_iter().collect(),
        }
    }

    /// Refuses a request under a foreign name. One without `Host` (HTTP/1.0) comes from no browser.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let of_target = uri.authority().map(|authority| authority.as_str());
        if let Some(target) = of_target
            && !self.serves(target)
        {
            return Err(refuse(target));
        }
        for host in headers.get_all(header::HOST) {
            let host = host.to_str().unwrap_or("?");
            if !host.trim().is_empty() && !self.serves(host) {
                return Err(refuse(host));
            }
        }
        Ok(())
    }

    /// Refuses a foreign name that a proxy was asked for.
    pub fn check_forwarded(&self, authority: &str) -> Result<(), Refusal> {
        match self.serves(authority) {
            true => Ok(()),
            false => Err(refuse(authority)),
        }
    }

    /// Whether the setting names it, in lower case and without a port.
    pub fn is_named(&self, name: &str) -> bool {
        self.named.contains(name)
    }

    fn serves(&self, authority: &str) -> bool {
        let Some(name) = name_of(authority) else {
            return false;
        };
        address(&name).is_some() || self.is_own(&name)
    }

    /// Whether a name, in lower case and without a port, is this machine's or a setting's, or
    /// whether an address is.
    pub fn is_own(&self, name: &str) -> bool {
        match address(name) {
            Some(address) => address.is_loopback() || self.addresses.contains(&address),
            None => {
                name == "localhost"
                    || name.ends_with(".localhost")
                    || self.names.contains(name)
                    || self.named.contains(name)
            }
        }
    }
}

fn refuse(host: &str) -> Refusal {
    let shown: String = host.chars().take(200).collect();
    Refusal::new(
        Code::ForeignHost,
        format!("the lab does not answer under the name {shown:?}"),
    )
}

/// The address that a host part is.
pub fn address(name: &str) -> Option<IpAddr> {
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// The host part of `host[:port]`, in lower case, without the dot that may end a name.
pub fn name_of(authority: &str) -> Option<String> {
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (authority, ""),
    };
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-_.[:]".contains(&b);
    let is_whole = !name.is_empty()
        && name.bytes().all(is_name)
        && (!name.contains(':') || name.starts_with('['))
        && port.bytes().all(|b| b.is_ascii_digit());
    let name = name.strip_suffix('.').unwrap_or(name);
    is_whole.then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn hosts() -> Hosts {
        let own = ["192.168.1.7".parse().unwrap()];
        Hosts::new(
            "lab.example.org".parse().unwrap(),
            Some("Box.lan"),
            "127.0.0.1",
            own,
        )
    }

    fn check(uri: &str, values: &[&'static str]) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::HOST, HeaderValue::from_static(value));
        }
        hosts().check(&uri.parse().unwrap(), &headers)
    }

    #[test]
    fn addresses_and_own_names_are_served() {
        for host in [
            "127.0.0.1:8080",
            "10.1.2.3",
            "[::1]:8080",
            "[2001:db8::1]",
            "localhost:1",
            "LOCALHOST",
            "localhost.",
            "a.localhost:80",
            "box",
            "Box.lan:8080",
            "box.local",
            "lab.example.org:443",
            "",
        ] {
            assert_eq!(check("/", &[host]), Ok(()), "{host}");
        }
        assert_eq!(check("/", &[]), Ok(()), "HTTP/1.0 has none");
    }

    #[test]
    fn an_address_of_a_hotspot_switched_on_later_is_served() {
        for later in ["192.168.137.1:8080", "172.20.10.2", "[fd00::9]:8080"] {
            assert_eq!(check("/join", &[later]), Ok(()), "{later}");
        }
    }

    #[test]
    fn a_rebound_page_needs_a_name() {
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "evillocalhost",
            "127.0.0.1.evil.example",
            "x@127.0.0.1",
            "127.0.0.1:8080@evil.example",
            "box.evil.example",
            "1.2.3",
            "[::1",
            "a b",
            "*",
            ":80",
        ] {
            let refused = check("/", &[host]).unwrap_err();
            assert_eq!(refused.code, Code::ForeignHost, "{host}");
        }
        assert!(check("/", &["127.0.0.1", "evil.example"]).is_err());
        assert!(check("http://evil.example/x", &["127.0.0.1"]).is_err());
        assert!(check("http://127.0.0.1/x", &["127.0.0.1"]).is_ok());
    }
}
