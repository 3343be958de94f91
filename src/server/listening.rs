//! Where each lane listens, and under which addresses others reach it.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::StartError;
use crate::{
    catalogue::{LANES, LaneId},
    config::Config,
    lab::LaneAddress,
};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4_096;

/// Binds the main lane, and the others unless there is to be one port only.
pub fn bind_lanes(config: &Config) -> Result<Vec<(LaneId, TcpListener)>, StartError> {
    let own = LANES.iter().map(|lane| lane.id);
    let lanes = std::iter::once(LaneId::MAIN).chain(own.filter(|_| !config.single_port));
    lanes
        .zip(0..)
        .map(|(lane, index)| {
            let port = match config.port {
                0 => 0,
                first => first + index,
            };
            let address = resolve(&config.host, port)?;
            let listener = listen(address).map_err(|source| match source.kind() {
                // No other port will do.
                io::ErrorKind::AddrNotAvailable => StartError::BadHost {
                    host: config.host.clone(),
                    source,
                },
                _ => StartError::CannotListen {
                    address,
                    lane,
                    source,
                },
            })?;
            Ok((lane, listener))
        })
        .collect()
}

fn resolve(host: &str, port: u16) -> Result<SocketAddr, StartError> {
    let bad_host = |source| StartError::BadHost {
        host: host.to_owned(),
        source,
    };
    let mut found = (host, port).to_socket_addrs().map_err(bad_host)?;
    found
        .next()
        .ok_or_else(|| bad_host(io::Error::from(io::ErrorKind::AddrNotAvailable)))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Addresses of this machine that a browser elsewhere can use, those of IPv4 first. Those that hold
/// only on one link need its name in the address, which browsers do not take (RFC 6874).
pub fn of_interfaces(with_ipv6: bool) -> Vec<IpAddr> {
    let networks = sysinfo::Networks::new_with_refreshed_list();
    let all = networks.values().flat_map(|network| network.ip_networks());
    let mut found: Vec<IpAddr> = all
        .map(|network| network.addr)
        .filter(|ip| match ip {
            IpAddr::V4(ip) => !ip.is_link_local(),
            IpAddr::V6(ip) => with_ipv6 && !ip.is_unicast_link_local(),
        })
        .filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// One address for each lane; with one port, all are the main lane's, but for those that need one of
/// their own, which are not there.
pub fn addresses(config: &Config, lanes: &[(LaneId, TcpListener)]) -> Vec<LaneAddress> {
    let host = match config.host.as_str() {
        "0.0.0.0" | "::" => "127.0.0.1".to_owned(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    let port_of = |wanted: LaneId| {
        let lane = lanes.iter().find(|(lane, _)| *lane == wanted);
        let (_, listener) = lane.or(lanes.first())?;
        listener.local_addr().ok().map(|address| address.port())
    };
    let own = LANES
        .iter()
        .filter(|lane| !(config.single_port && lane.needs_own_port));
    let all = std::iter::once(LaneId::MAIN).chain(own.map(|lane| lane.id));
    all.filter_map(|lane| {
        let port = port_of(lane)?;
        Some(LaneAddress {
            lane,
            url: format!("{}://{host}:{port}", config.scheme()),
            port,
        })
    })
    .collect()
}
