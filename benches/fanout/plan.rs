//! The order that the bench gives to the role `load`, as JSON on its command line.

use std::net::SocketAddrV4;

use serde_json::{Value, json};

use crate::doors::Door;
use crate::protocol::Protocol;

/// What to do.
pub struct Plan {
    pub address: SocketAddrV4,
    /// What the subscribers speak there.
    pub protocol: Protocol,
    /// How publications get to the server.
    pub door: Door,
    /// Where the first subscriber's lane is, which publishes if no request does.
    pub publisher_address: SocketAddrV4,
    /// Where requests go.
    pub main_address: SocketAddrV4,
    pub server_pid: i32,
    pub subscribers: u64,
    pub rate_per_s: u64,
    pub warm_up_ms: u64,
    pub measure_ms: u64,
    /// How long to wait for stragglers at most.
    pub drain_ms: u64,
    /// Length of the string that is published as `data`.
    pub pad_bytes: u64,
    /// Rest between two sweeps over the sockets; 0: wake for every arrival.
    pub pause_us: u64,
}

impl Plan {
    pub fn to_json(&self) -> Value {
        json!({
            "address": self.address.to_string(), "server_pid": self.server_pid,
            "protocol": self.protocol.lane(),
            "door": self.door.name(),
            "publisher_address": self.publisher_address.to_string(),
            "main_address": self.main_address.to_string(),
            "subscribers": self.subscribers, "rate_per_s": self.rate_per_s,
            "warm_up_ms": self.warm_up_ms, "measure_ms": self.measure_ms,
            "drain_ms": self.drain_ms, "pad_bytes": self.pad_bytes,
            "pause_us": self.pause_us,
        })
    }

    /// `None` when something is missing or is not of its kind.
    pub fn from_json(plan: &Value) -> Option<Self> {
        let number = |name: &str| plan[name].as_u64();
        Some(Plan {
            address: plan["address"].as_str()?.parse().ok()?,
            protocol: Protocol::of_lane(plan["protocol"].as_str()?)?,
            door: Door::of_name(plan["door"].as_str()?)?,
            publisher_address: plan["publisher_address"].as_str()?.parse().ok()?,
            main_address: plan["main_address"].as_str()?.parse().ok()?,
            server_pid: i32::try_from(plan["server_pid"].as_i64()?).ok()?,
            subscribers: number("subscribers")?,
            rate_per_s: number("rate_per_s")?,
            warm_up_ms: number("warm_up_ms")?,
            measure_ms: number("measure_ms")?,
            drain_ms: number("drain_ms")?,
            pad_bytes: number("pad_bytes")?,
            pause_us: number("pause_us")?,
        })
    }
}
