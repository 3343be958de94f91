//! Under which of this machine's addresses a phone may reach it, the likeliest first.
//!
//! A laptop has more addresses than the one of the class's Wi-Fi: its own loopback, networks of
//! virtual machines and containers, VPNs. A QR code with one of those leads nowhere, so [`order`]
//! sorts them by kind and by interface, drops what no phone can use, and says what each is. The
//! teacher has the last word.
//!
//! May use: no other room.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One address of one network interface, as the system tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// As in `wlan0`, `en0`, `docker0`.
    pub interface: String,
    /// The address.
    pub ip: IpAddr,
    /// Whether something is connected to it: a cable, an access point.
    pub is_connected: bool,
    /// A line with one other end, as VPNs and modems have.
    pub is_point_to_point: bool,
}

/// An address to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The address.
    pub ip: IpAddr,
    /// Name of its interface, as in `en0`.
    pub interface: String,
    /// What stands behind it.
    pub kind: Kind,
}

/// What an address is, the likeliest for a phone first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Of a network at home, at school, of a hotspot (RFC 1918).
    Private,
    /// Any other: a university's public addresses, a provider's (RFC 6598), IPv6.
    Other,
    /// IPv6 that holds inside of one site (RFC 4193). Few phones are given one.
    UniqueLocal,
    /// Of an interface that nothing is connected to.
    NotConnected,
    /// Of no network that a phone is in.
    Virtual(Adapter),
}

/// Who makes an interface that is no network card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Adapter {
    /// Docker and the like.
    Container,
    /// A virtual machine's host side.
    Machine,
    /// A tunnel.
    Vpn,
}

impl Kind {
    /// In a few words, for who chooses.
    pub fn says(self) -> &'static str {
        match self {
            Self::Private => "private network",
            Self::Other => "a public address",
            Self::UniqueLocal => "IPv6 of this site",
            Self::NotConnected => "nothing is connected to it",
            Self::Virtual(Adapter::Container) => {
                "of containers on this machine: phones are not in it"
            }
            Self::Virtual(Adapter::Machine) => "of virtual machines: phones are not in it",
            Self::Virtual(Adapter::Vpn) => "of a VPN: phones are not in it",
        }
    }

    /// Whether phones of the class can be in such a network.
    pub fn is_likely(self) -> bool {
        self < Self::NotConnected
    }
}

/// The addresses of this machine, now; none where the system does not tell.
pub fn interfaces() -> Vec<Seen> {
    let all = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the addresses of this machine cannot be listed");
        Vec::new()
    });
    let seen = |interface: if_addrs::Interface| Seen {
        ip: interface.ip().to_canonical(),
        is_connected: interface.is_oper_up(),
        is_point_to_point: interface.is_p2p(),
        interface: interface.name,
    };
    all.into_iter().map(seen).collect()
}

/// What phones can try where a lab listens on `bound`: that address, or each of this machine's where
/// `bound` stands for all. Empty where it is a loopback.
pub fn from_phones(bound: IpAddr, seen: Vec<Seen>) -> Vec<Reach> {
    let with_ipv6 = bound.is_ipv6();
    let is_served = |ip: IpAddr| match bound.is_unspecified() {
        true => with_ipv6 || ip.is_ipv4(),
        false => ip == bound,
    };
    let mut served = seen;
    served.retain(|seen| is_served(seen.ip));
    if served.is_empty() && !bound.is_unspecified() {
        // The system does not name it, and listens on it nevertheless.
        served.push(Seen {
            interface: String::new(),
            ip: bound,
            is_connected: true,
            is_point_to_point: false,
        });
    }
    order(served)
}

/// Loopback, link-local (RFC 3927, RFC 4291 §2.5.6: good on one link only, and browsers do not take
/// the interface's name in an address, RFC 6874) and what is no host's address is left out; the others
/// by [`Kind`], IPv4 before IPv6, each address once.
pub fn order(seen: Vec<Seen>) -> Vec<Reach> {
    let mut found: Vec<Reach> = seen
        .into_iter()
        .filter(|seen| is_of_a_host(seen.ip))
        .map(|seen| Reach {
            ip: seen.ip,
            kind: kind(&seen),
            interface: seen.interface,
        })
        .collect();
    found.sort_by(|a, b| (a.kind, a.ip, &a.interface).cmp(&(b.kind, b.ip, &b.interface)));
    let mut taken = Vec::new();
    found.retain(|reach| {
        let is_new = !taken.contains(&reach.ip);
        taken.push(reach.ip);
        is_new
    });
    found
}

fn is_of_a_host(ip: IpAddr) -> bool {
    let is_none = ip.is_loopback() || ip.is_unspecified() || ip.is_multicast();
    let is_of_a_link = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip == Ipv4Addr::BROADCAST,
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !is_none && !is_of_a_link
}

fn kind(seen: &Seen) -> Kind {
    if let Some(adapter) = adapter(&seen.interface) {
        return Kind::Virtual(adapter);
    }
    if seen.is_point_to_point {
        return Kind::Virtual(Adapter::Vpn);
    }
    match seen.ip {
        _ if !seen.is_connected => Kind::NotConnected,
        IpAddr::V4(ip) if ip.is_private() => Kind::Private,
        IpAddr::V6(ip) if is_unique_local(ip) => Kind::UniqueLocal,
        _ => Kind::Other,
    }
}

/// `fc00::/7`.
fn is_unique_local(ip: Ipv6Addr) -> bool {
    ip.octets()[0] & 0xfe == 0xfc
}

/// By the names that systems and programs give them. Not among them: `bridge100`, which macOS makes
/// where it shares its connection, `br0` and `br-lan`, which people make: phones can be in all of them.
/// Docker's own are `br-` and hexadecimal digits.
fn adapter(interface: &str) -> Option<Adapter> {
    let name = interface.to_ascii_lowercase();
    let begins = |with: &[&str]| with.iter().any(|with| name.starts_with(with));
    let containers = [
        "docker", "veth", "cni", "flannel", "cali", "podman", "lxc", "lxd", "cilium", "kube",
    ];
    let machines = [
        "vmnet",
        "vmware",
        "vboxnet",
        "virbr",
        "vnet",
        "vethernet",
        "virtualbox",
        "hyper-v",
    ];
    let vpns = [
        "tun",
        "tap",
        "utun",
        "wg",
        "ppp",
        "ipsec",
        "tailscale",
        "zt",
        "nordlynx",
        "gpd",
    ];
    let of_docker = name.strip_prefix("br-");
    let is_dockers = of_docker.is_some_and(|id| id.bytes().all(|b| b.is_ascii_hexdigit()));
    match () {
        () if begins(&machines) => Some(Adapter::Machine),
        () if begins(&containers) || is_dockers => Some(Adapter::Container),
        () if begins(&vpns) => Some(Adapter::Vpn),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(interface: &str, ip: &str) -> Seen {
        Seen {
            interface: interface.to_owned(),
            ip: ip.parse().unwrap(),
            is_connected: true,
            is_point_to_point: false,
        }
    }

    fn ordered(seen: Vec<Seen>) -> Vec<String> {
        order(seen).into_iter().map(|r| r.ip.to_string()).collect()
    }

    #[test]
    fn no_loopback_and_no_link_local_ever() {
        let none = vec![
            seen("lo", "127.0.0.1"),
            seen("lo", "127.0.1.1"),
            seen("lo", "::1"),
            seen("en0", "169.254.7.7"),
            seen("en0", "fe80::1"),
            seen("awdl0", "fe80::2"),
            seen("x", "0.0.0.0"),
            seen("x", "::"),
            seen("x", "255.255.255.255"),
            seen("x", "224.0.0.1"),
            seen("x", "ff02::1"),
        ];
        assert_eq!(order(none), []);
    }

    #[test]
    fn private_ones_first_then_others_then_ipv6_of_the_site() {
        let all = vec![
            seen("eth1", "fd00::2"),
            seen("eth0", "2001:db8::7"),
            seen("eth0", "100.64.3.4"),
            seen("eth2", "130.92.1.1"),
            seen("wlan0", "192.168.1.7"),
            seen("eth3", "172.20.10.2"),
            seen("eth4", "10.4.5.6"),
            seen("eth5", "172.32.0.1"),
        ];
        let wanted = [
            "10.4.5.6",
            "172.20.10.2",
            "192.168.1.7",
            "100.64.3.4",
            "130.92.1.1",
            "172.32.0.1",
            "2001:db8::7",
            "fd00::2",
        ];
        assert_eq!(ordered(all), wanted);
    }

    #[test]
    fn virtual_adapters_come_last_and_say_what_they_are() {
        let all = vec![
            seen("docker0", "172.17.0.1"),
            seen("br-3f9c", "172.18.0.1"),
            seen("veth12ab", "10.0.0.1"),
            seen("vEthernet (WSL)", "172.30.0.1"),
            seen("vmnet8", "192.168.56.1"),
            seen("tun0", "10.8.0.2"),
            seen("utun3", "10.9.0.2"),
            seen("tailscale0", "100.101.102.103"),
            seen("wlan0", "192.168.1.7"),
            seen("eth0", "fd00::2"),
        ];
        let found = order(all);
        let kinds: Vec<_> = found.iter().map(|reach| reach.kind).collect();
        assert_eq!(found[0].interface, "wlan0");
        assert_eq!(kinds[1], Kind::UniqueLocal);
        assert!(kinds[2..].iter().all(|kind| !kind.is_likely()));
        for (interface, adapter) in [
            ("br-3f9c", Adapter::Container),
            ("veth12ab", Adapter::Container),
            ("vEthernet (WSL)", Adapter::Machine),
            ("vmnet8", Adapter::Machine),
            ("tun0", Adapter::Vpn),
            ("tailscale0", Adapter::Vpn),
        ] {
            let reach = found.iter().find(|reach| reach.interface == interface);
            assert_eq!(reach.unwrap().kind, Kind::Virtual(adapter), "{interface}");
        }
        let vpn = Seen {
            is_point_to_point: true,
            ..seen("anything7", "10.1.1.1")
        };
        assert_eq!(order(vec![vpn])[0].kind, Kind::Virtual(Adapter::Vpn));
    }

    #[test]
    fn what_shares_the_connection_of_a_laptop_is_no_virtual_adapter() {
        for interface in [
            "bridge100",
            "br0",
            "br-lan",
            "ap0",
            "wlp2s0",
            "en0",
            "eth0",
            "usb0",
        ] {
            let found = order(vec![seen(interface, "192.168.2.1")]);
            assert_eq!(found[0].kind, Kind::Private, "{interface}");
        }
    }

    #[test]
    fn an_interface_without_a_network_is_behind_those_with_one() {
        let unplugged = Seen {
            is_connected: false,
            ..seen("eth0", "10.0.0.5")
        };
        let found = order(vec![
            unplugged,
            seen("wlan0", "fd00::3"),
            seen("docker0", "172.17.0.1"),
        ]);
        let kinds: Vec<_> = found.iter().map(|reach| reach.kind).collect();
        let container = Kind::Virtual(Adapter::Container);
        assert_eq!(kinds, [Kind::UniqueLocal, Kind::NotConnected, container]);
    }

    #[test]
    fn an_address_of_two_interfaces_is_one_and_the_better() {
        let twice = vec![seen("tun0", "192.168.1.7"), seen("wlan0", "192.168.1.7")];
        let found = order(twice);
        assert_eq!((found.len(), &*found[0].interface), (1, "wlan0"));
    }

    #[test]
    fn only_what_is_listened_on_is_told() {
        let all = || {
            vec![
                seen("lo", "127.0.0.1"),
                seen("wlan0", "192.168.1.7"),
                seen("wlan0", "2001:db8::7"),
                seen("eth0", "10.0.0.5"),
            ]
        };
        let told = |bound: &str| {
            let found = from_phones(bound.parse().unwrap(), all());
            found.len()
        };
        assert_eq!(told("0.0.0.0"), 2);
        assert_eq!(told("::"), 3);
        assert_eq!(told("10.0.0.5"), 1);
        assert_eq!(told("127.0.0.1"), 0, "never a loopback");
        assert_eq!(told("::1"), 0);
        assert_eq!(told("203.0.113.9"), 1, "though the system does not name it");
    }

    #[test]
    fn this_machine_has_a_loopback_at_least() {
        assert!(interfaces().iter().any(|seen| seen.ip.is_loopback()));
    }
}
