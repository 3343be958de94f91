//! What the server counted, asked of `GET /api/stats`: the lane's side of every figure.

use serde::Deserialize;

use crate::{
    catalogue::Lane,
    client::{Sides, Tally},
};

/// Counts of one row's channel on its lane.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// Connections.
    pub connections_opened: u64,
    /// Requests.
    pub requests: u64,
    /// Answers to polls with no publication.
    pub empty_answers: u64,
    /// Publications that the kernel took.
    pub delivered: u64,
    /// Publications that came up.
    pub received: u64,
    /// Publications that were given up.
    pub drops: u64,
    /// Calls that wrote.
    pub writes: u64,
    /// Bytes from clients.
    pub up: Layers,
    /// Bytes to clients.
    pub down: Layers,
    /// Bytes on the wire: with the headers of Ethernet, IP and TCP.
    pub wire_bytes: u64,
}

/// Bytes by layer. The envelope is the sum of the protocol's part and the lab's, which older labs do
/// not tell apart: there both are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Layers {
    /// HTTP's heads.
    pub http_headers: u64,
    /// What the transport frames with.
    pub framing: u64,
    /// Protocol and lab.
    pub envelope: u64,
    /// What the protocol says around the data.
    #[serde(default)]
    pub protocol: u64,
    /// The lab's instants.
    #[serde(default)]
    pub lab: u64,
    /// The data.
    pub payload: u64,
    /// All bytes of the direction, as they passed.
    pub total: u64,
    /// What compression took off the layers before they did; 0 at labs that have none.
    #[serde(default)]
    pub saved: u64,
}

/// All that the server counts at one instant.
#[derive(Debug, Default, Deserialize)]
pub struct Snapshot {
    series: Vec<Series>,
}

#[derive(Debug, Deserialize)]
struct Series {
    lane: String,
    transport: String,
    protocol: String,
    channel: String,
    connections_opened_total: u64,
    requests_total: u64,
    empty_answers_total: u64,
    publications_delivered_total: u64,
    publications_received_total: u64,
    drops_total: u64,
    /// 0 at labs that do not count them yet.
    #[serde(default)]
    writes_total: u64,
    up: Layers,
    down: Layers,
    tcp: Tcp,
}

#[derive(Debug, Deserialize)]
struct Tcp {
    wire_bytes_up: u64,
    wire_bytes_down: u64,
}

impl Snapshot {
    /// Adds what another node counted.
    pub fn absorb(&mut self, other: Self) {
        self.series.extend(other.series);
    }

    /// The counts of a channel as a lane's transport carried it.
    pub fn of(&self, lane: &Lane, channel: &str) -> Counts {
        let mut counts = Counts::default();
        let is_it = |series: &&Series| {
            series.lane == lane.id.0
                && series.transport == lane.transport
                && series.protocol == lane.protocol
                && series.channel == channel
        };
        for series in self.series.iter().filter(is_it) {
            counts.connections_opened += series.connections_opened_total;
            counts.requests += series.requests_total;
            counts.empty_answers += series.empty_answers_total;
            counts.delivered += series.publications_delivered_total;
            counts.received += series.publications_received_total;
            counts.drops += series.drops_total;
            counts.writes += series.writes_total;
            counts.up = counts.up.plus(series.up);
            counts.down = counts.down.plus(series.down);
            counts.wire_bytes += series.tcp.wire_bytes_up + series.tcp.wire_bytes_down;
        }
        counts
    }
}

impl Counts {
    /// What a row's clients counted, where no lane does. They do not see what TCP adds.
    pub fn of_clients(tally: &Tally, delivered: u64, size_bytes: usize) -> Self {
        let side = |side: &Sides, payload: u64| {
            let (total, heads, framing) = (side.total.get(), side.heads.get(), side.framing.get());
            let saved = side.saved.get();
            let envelope = (total + saved).saturating_sub(heads + framing + payload);
            Layers {
                http_headers: heads,
                framing,
                envelope,
                // A server that is no lab sends its protocol and nothing else.
                protocol: envelope,
                lab: 0,
                payload,
                total,
                saved,
            }
        };
        Self {
            connections_opened: tally.connections.get(),
            requests: tally.requests.get(),
            empty_answers: tally.empty_answers.get(),
            delivered,
            // Clients of a server that is no lab publish nothing.
            received: 0,
            writes: 0,
            drops: 0,
            up: side(&tally.up, 0),
            down: side(&tally.down, delivered * size_bytes as u64),
            wire_bytes: 0,
        }
    }

    /// What came since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            connections_opened: self
                .connections_opened
                .saturating_sub(earlier.connections_opened),
            requests: self.requests.saturating_sub(earlier.requests),
            empty_answers: self.empty_answers.saturating_sub(earlier.empty_answers),
            delivered: self.delivered.saturating_sub(earlier.delivered),
            received: self.received.saturating_sub(earlier.received),
            drops: self.drops.saturating_sub(earlier.drops),
            writes: self.writes.saturating_sub(earlier.writes),
            up: self.up.minus(earlier.up),
            down: self.down.minus(earlier.down),
            wire_bytes: self.wire_bytes.saturating_sub(earlier.wire_bytes),
        }
    }

    /// Count by count.
    pub fn plus(self, other: Self) -> Self {
        Self {
            connections_opened: self.connections_opened + other.connections_opened,
            requests: self.requests + other.requests,
            empty_answers: self.empty_answers + other.empty_answers,
            delivered: self.delivered + other.delivered,
            received: self.received + other.received,
            drops: self.drops + other.drops,
            writes: self.writes + other.writes,
            up: self.up.plus(other.up),
            down: self.down.plus(other.down),
            wire_bytes: self.wire_bytes + other.wire_bytes,
        }
    }
}

impl Layers {
    fn each(self, other: Self, both: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            http_headers: both(self.http_headers, other.http_headers),
            framing: both(self.framing, other.framing),
            envelope: both(self.envelope, other.envelope),
            protocol: both(self.protocol, other.protocol),
            lab: both(self.lab, other.lab),
            payload: both(self.payload, other.payload),
            total: both(self.total, other.total),
            saved: both(self.saved, other.saved),
        }
    }

    /// All bytes as they would be if nothing were compressed.
    pub fn before_compression(self) -> u64 {
        self.total + self.saved
    }

    /// Layer by layer.
    pub fn plus(self, other: Self) -> Self {
        self.each(other, |a, b| a + b)
    }

    fn minus(self, other: Self) -> Self {
        self.each(other, u64::saturating_sub)
    }
}
