//! How phones come in: the addresses of the main lane for other machines, and whether one has come.

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
};

use actix_web::HttpRequest;
use serde::Serialize;

use crate::{
    access::{
        asked_name::origin_of,
        hosts::{address, name_of},
    },
    lab::Lab,
    reach::{self, Reach},
};

/// What is known at start; of the main lane.
pub struct WayIn {
    bound: SocketAddr,
    scheme: &'static str,
    /// The certificate's, where lanes speak TLS.
    pub tls_fingerprint: Option<String>,
    /// Written by pages of the class when another machine asks; read by `GET /api/reach`.
    was_reached: AtomicBool,
}

/// An address for phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForPhones {
    /// Without a path.
    pub url: String,
    /// An address, or the name by which the page was opened.
    pub ip: String,
    /// The network interface that has it.
    pub interface: String,
    /// What kind of network it is, in a few words.
    pub says: &'static str,
    /// It is probably the one in the room: a private address of a network card.
    pub is_likely: bool,
}

impl WayIn {
    /// What is told to phones, from where the main lane is bound.
    pub fn new(bound: SocketAddr, scheme: &'static str, tls_fingerprint: Option<String>) -> Self {
        Self {
            bound,
            scheme,
            tls_fingerprint,
            was_reached: AtomicBool::new(false),
        }
    }

    /// Whether nobody but this machine can come in.
    pub fn is_loopback(&self) -> bool {
        self.bound.ip().is_loopback()
    }

    /// Of this machine's interfaces as they are now: a hotspot may be switched on during a class.
    pub fn for_phones(&self) -> Vec<ForPhones> {
        let found = reach::from_phones(self.bound.ip(), reach::interfaces());
        let shown = |reach: Reach| ForPhones {
            url: format!(
                "{}://{}",
                self.scheme,
                SocketAddr::new(reach.ip, self.bound.port())
            ),
            ip: reach.ip.to_string(),
            interface: reach.interface,
            says: reach.kind.says(),
            is_likely: reach.kind.is_likely(),
        };
        found.into_iter().map(shown).collect()
    }

    /// As [`Self::for_phones`], and the name by which this very page was opened, where that leads here
    /// by another way: through a proxy, a tunnel, or a published port of a container.
    pub fn for_phones_too(&self, lab: &Lab, request: &HttpRequest) -> Vec<ForPhones> {
        let mut found = self.for_phones();
        let (scheme, trusted) = (lab.config.scheme(), &lab.config.trusted_proxies);
        let asked = origin_of(request, scheme, trusted);
        if let Some((scheme, asked)) = asked
            && let Some(opened) = opened_by(scheme, &asked, &found)
        {
            // What leads here for certain is first, but for a name, which phones may not know.
            let is_first = address(&opened.ip).is_some() || found.is_empty();
            let at = match is_first {
                true => 0,
                false => found.iter().take_while(|phones| phones.is_likely).count(),
            };
            found.insert(at, opened);
        }
        found
    }

    /// Notes who opened a page of the class, if it is another machine.
    pub fn note(&self, asks: Option<IpAddr>) {
        if self.is_reached() {
            return;
        }
        let is_another =
            |ip: IpAddr| !ip.is_loopback() && !reach::interfaces().iter().any(|seen| seen.ip == ip);
        if asks.is_some_and(is_another) {
            self.was_reached.store(true, Ordering::Relaxed);
        }
    }

    /// Whether another machine has opened a page of the class.
    pub fn is_reached(&self) -> bool {
        self.was_reached.load(Ordering::Relaxed)
    }
}

/// Where the QR code of a class leads.
pub fn phone_address(url: &str, code: &str) -> String {
    format!("{url}/phone?code={code}")
}

/// The name of a page that leads here by none of the addresses that are known, and by no loopback.
fn opened_by(scheme: &str, asked: &str, known: &[ForPhones]) -> Option<ForPhones> {
    let name = name_of(asked)?;
    let ip = address(&name);
    let is_loopback = match ip {
        Some(ip) => ip.is_loopback() || ip.is_unspecified(),
        None => name == "localhost" || name.ends_with(".localhost"),
    };
    let is_known = |phones: &ForPhones| ip.is_some_and(|ip| phones.ip == ip.to_string());
    if is_loopback || known.iter().any(is_known) {
        return None;
    }
    Some(ForPhones {
        url: format!("{scheme}://{}", asked.to_ascii_lowercase()),
        ip: ip.map_or(name, |ip| ip.to_string()),
        interface: String::new(),
        says: "as this page was opened",
        is_likely: true,
    })
}

/// From and to: what a firewall has to let in.
pub fn ports(lab: &Lab) -> (u16, u16) {
    let ports = || lab.addresses().iter().map(|address| address.port);
    let (first, last) = (ports().min(), ports().max());
    (first.unwrap_or(0), last.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<ForPhones> {
        vec![ForPhones {
            url: "http://192.168.1.7:8080".into(),
            ip: "192.168.1.7".into(),
            interface: "wlan0".into(),
            says: "private network",
            is_likely: true,
        }]
    }

    #[test]
    fn a_name_that_leads_here_is_told_and_no_loopback_is() {
        let opened = |asked: &str| opened_by("http", asked, &known()).map(|phones| phones.url);
        for none in [
            "localhost:8080",
            "lab.localhost",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:8080",
            "0.0.0.0:8080",
            "192.168.1.7:8080",
            "192.168.1.7:9000",
            "a\"b",
            "",
        ] {
            assert_eq!(opened(none), None, "{none}");
        }
        assert_eq!(opened("Box.local:8080").unwrap(), "http://box.local:8080");
        assert_eq!(opened("10.0.0.9:80").unwrap(), "http://10.0.0.9:80");
        assert_eq!(opened("[fd00::9]:80").unwrap(), "http://[fd00::9]:80");
    }

    #[test]
    fn only_another_machine_counts_as_having_come() {
        let way = WayIn::new("0.0.0.0:8080".parse().unwrap(), "http", None);
        way.note(None);
        way.note(Some("127.0.0.1".parse().unwrap()));
        assert!(!way.is_reached());
        way.note(Some("198.51.100.77".parse().unwrap()));
        assert!(way.is_reached());
    }

    #[test]
    fn a_lab_on_the_loopback_has_no_address_for_phones() {
        let way = WayIn::new("127.0.0.1:8080".parse().unwrap(), "http", None);
        assert_eq!(way.for_phones(), []);
        let way = WayIn::new("203.0.113.9:8080".parse().unwrap(), "https", None);
        assert_eq!(way.for_phones()[0].url, "https://203.0.113.9:8080");
    }
}
