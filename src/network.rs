//! Whom an address counts for, wherever something is bounded by address.
//!
//! May use: no other room.

use std::net::{IpAddr, Ipv6Addr};

/// What counts as one address: with IPv6 a network of 64 bits, for one device has all of it.
pub fn of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
        address => address,
    }
}

/// As [`of`]; `None` for nobody of elsewhere. The loopback addresses are not counted: benches, runs
/// and proxies live there.
pub fn counted(address: Option<IpAddr>) -> Option<IpAddr> {
    let address = address.map(|address| address.to_canonical());
    address.filter(|address| !address.is_loopback()).map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_one_address_and_this_machine_is_none() {
        let counted = |text: &str| counted(Some(text.parse().unwrap()));
        assert_eq!(counted("2001:db8::1"), counted("2001:db8::ffff:1"));
        assert_ne!(counted("2001:db8::1"), counted("2001:db8:0:1::1"));
        assert_eq!(counted("::ffff:192.0.2.1"), counted("192.0.2.1"));
        assert_ne!(counted("192.0.2.1"), counted("192.0.2.2"));
        for own in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(counted(own), None, "{own}");
        }
    }
}
