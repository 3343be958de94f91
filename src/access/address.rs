//! Whose address a request comes from, with proxies in between.
//!
//! `X-Forwarded-For` is a list; every proxy appends the address that it was contacted from. A
//! client can forge the beginning. So the list is read from its end, as long as the writer of an
//! entry is trusted: first the peer, then each proxy that it names.

use std::{fmt, net::IpAddr, str::FromStr};

use actix_web::{HttpRequest, http::header::HeaderMap};
use serde::{Deserialize, Serialize};

/// The longest chain of proxies that is followed.
const MAX_HOPS: usize = 32;

/// Proxies whose `X-Forwarded-For` is believed: addresses and networks, `10.0.0.1,fd00::/8`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrustedProxies(Vec<Network>);

/// A network in CIDR form (RFC 4632 §3.1); one address is a network of its whole length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    /// Bits of `address` that count, at most 32 or 128.
    prefix: u8,
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let apart = network.to_bits() ^ address.to_bits();
                apart.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let apart = network.to_bits() ^ address.to_bits();
                apart.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no IP address or network like 10.0.0.0/8");
        let (address, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((address, prefix)) => (address, Some(prefix)),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let (is_mapped, address) = (address.to_canonical() != address, address.to_canonical());
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            // Its prefix would count the 96 bits in front.
            Some(_) if is_mapped => return Err(format!("write {text:?} as an IPv4 network")),
            Some(prefix) => prefix.parse().map_err(|_| wrong())?,
        };
        match prefix <= longest {
            true => Ok(Self { address, prefix }),
            false => Err(wrong()),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = if self.address.is_ipv4() { 32 } else { 128 };
        match self.prefix == longest {
            true => write!(f, "{}", self.address),
            false => write!(f, "{}/{}", self.address, self.prefix),
        }
    }
}

impl TrustedProxies {
    /// Whether `address` is one of them; an IPv4 address mapped into IPv6 counts as itself.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Whether nobody is trusted, as by default.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    /// Items with commas between; an empty text trusts nobody.
    fn from_str(text: &str) -> Result<Self, String> {
        let items = text.split(',').map(str::trim);
        items
            .filter(|item| !item.is_empty())
            .map(Network::from_str)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, network) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{network}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for TrustedProxies {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TrustedProxies> for String {
    fn from(trusted: TrustedProxies) -> Self {
        trusted.to_string()
    }
}

/// The client's address: the peer, or, when the peer is a trusted proxy, the last address of
/// `X-Forwarded-For` that is not itself a trusted proxy.
///
/// A trusted proxy that names nobody, or only trusted proxies, is itself the client. An entry that
/// is not an address ends the reading, because no trusted proxy wrote what stands before it.
/// `None`: the connection has no peer address.
pub fn client_address(request: &HttpRequest, trusted: &TrustedProxies) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    Some(address_behind(peer, request.headers(), trusted))
}

/// As [`client_address`], of a request's parts.
pub fn address_behind(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted.contains(peer) {
        return peer;
    }
    let headers: Vec<_> = headers.get_all("x-forwarded-for").collect();
    let entries = headers
        .iter()
        .rev()
        .flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
    let mut asks = peer;
    for entry in entries.take(MAX_HOPS) {
        let Some(address) = entry_address(entry.trim()) else {
            break;
        };
        asks = address;
        if !trusted.contains(address) {
            break;
        }
    }
    asks
}

/// `1.2.3.4`, `1.2.3.4:5678`, `2001:db8::1`, `[2001:db8::1]:5678`: proxies write all four forms.
fn entry_address(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse().ok().map(|at: std::net::SocketAddr| at.ip());
    let bare = entry
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(entry);
    let address: Option<IpAddr> = bare.parse().ok().or_else(with_port);
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asks(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let request = TestRequest::default().peer_addr(peer.parse().unwrap());
        let request = forwarded.iter().fold(request, |request, value| {
            request.append_header(("x-forwarded-for", *value))
        });
        let trusted = trusted.parse().unwrap();
        let address = client_address(&request.to_http_request(), &trusted);
        address.unwrap().to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_an_address() {
        assert_eq!(asks("", "9.9.9.9:1", &["1.2.3.4"]), "9.9.9.9");
        assert_eq!(asks("10.0.0.1", "9.9.9.9:1", &["1.2.3.4"]), "9.9.9.9");
        // What the visitor wrote stands before what the proxy wrote.
        assert_eq!(
            asks("10.0.0.1", "10.0.0.1:1", &["1.2.3.4, 5.6.7.8"]),
            "5.6.7.8"
        );
        assert_eq!(
            asks("10.0.0.1", "10.0.0.1:1", &["1.2.3.4", "5.6.7.8"]),
            "5.6.7.8"
        );
        // Nothing before an entry that cannot be read.
        assert_eq!(
            asks("10.0.0.1", "10.0.0.1:1", &["1.2.3.4, unknown"]),
            "10.0.0.1"
        );
        assert_eq!(asks("10.0.0.1", "10.0.0.1:1", &["1.2.3.4,"]), "10.0.0.1");
    }

    #[test]
    fn trusted_proxies_are_walked_from_the_nearest() {
        let trusted = "10.0.0.0/8, 192.168.1.1";
        let seen = "6.6.6.6, 5.6.7.8, 192.168.1.1, 10.200.0.3";
        assert_eq!(asks(trusted, "10.0.0.1:1", &[seen]), "5.6.7.8");
        assert_eq!(asks(trusted, "10.0.0.1:1", &["10.1.1.1"]), "10.1.1.1");
        assert_eq!(asks(trusted, "10.0.0.1:1", &[]), "10.0.0.1");
        assert_eq!(
            asks(trusted, "[::ffff:10.0.0.1]:1", &["5.6.7.8"]),
            "5.6.7.8"
        );
    }

    #[test]
    fn every_way_to_write_an_address_is_read() {
        for (entry, address) in [
            ("1.2.3.4:567", "1.2.3.4"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:567", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
        ] {
            assert_eq!(
                asks("127.0.0.1", "127.0.0.1:1", &[entry]),
                address,
                "{entry}"
            );
        }
        let endless = vec!["127.0.0.1"; 1_000].join(",");
        assert_eq!(asks("127.0.0.0/8", "127.0.0.1:1", &[&endless]), "127.0.0.1");
    }

    #[test]
    fn networks_hold_what_their_prefix_says() {
        let trusted: TrustedProxies = "10.1.0.0/16,fd00::/8,0.0.0.0/0".parse().unwrap();
        assert_eq!(trusted.to_string(), "10.1.0.0/16,fd00::/8,0.0.0.0/0");
        let trusted: TrustedProxies = "10.1.0.0/15,fd00::/8,::1".parse().unwrap();
        for (address, is_in) in [
            ("10.0.255.255", true),
            ("10.2.0.0", false),
            ("fdff::1", true),
            ("fe00::1", false),
            ("::1", true),
            ("::2", false),
        ] {
            assert_eq!(
                trusted.contains(address.parse().unwrap()),
                is_in,
                "{address}"
            );
        }
        for bad in [
            "proxy.example",
            "10.0.0.0/33",
            "10.0.0.0/",
            "::/129",
            "::ffff:1.2.3.4/104",
        ] {
            assert!(bad.parse::<TrustedProxies>().is_err(), "{bad}");
        }
        assert!("".parse::<TrustedProxies>().unwrap().is_empty());
    }
}
