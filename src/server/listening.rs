//! Where each lane listens, and under which addresses others reach it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs},
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

/// With one port, which has no conditions: every other lane on the loopback as well, for native clients in
/// phones' places. Others neither see nor need them, so what cannot be bound is left out.
pub fn bind_inside(config: &Config) -> Vec<(LaneId, TcpListener)> {
    if !config.single_port {
        return Vec::new();
    }
    let bound = LANES.iter().map(|lane| {
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok((lane.id, listener))
    });
    let bound: io::Result<Vec<_>> = bound.collect();
    bound.unwrap_or_else(|error| {
        tracing::warn!(%error, "no lanes on the loopback: lessons that need a tunnel or a proxy cannot be given");
        Vec::new()
    })
}

/// Where they are.
pub fn inside(config: &Config, lanes: &[(LaneId, TcpListener)]) -> Vec<LaneAddress> {
    let address = |(lane, listener): &(LaneId, TcpListener)| {
        let port = listener.local_addr().ok()?.port();
        Some(LaneAddress {
            lane: *lane,
            url: format!("{}://127.0.0.1:{port}", config.scheme()),
            port,
        })
    };
    lanes.iter().filter_map(address).collect()
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
