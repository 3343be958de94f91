//! Units as a capture file that Wireshark opens (pcapng,
//! <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html>).
//!
//! A tap sees bytes and not packets: headers of IP and TCP are made up here, one conversation per
//! connection, and every packet says so in its comment.
//!
//! ```text
//! SYN, SYN ACK, ACK     at the instant of the first unit
//! data                  a unit begins a packet of its own; sequence number = 1 + Unit::at + what came before in it
//! FIN                   only where it is known that the connection ended
//! ```
//!
//! What is hidden is `x` in its place. What was not kept has no packet: its sequence numbers are left
//! out, as if the capture had missed it. Acknowledgements without data are left out; those on data
//! name everything that the other side had sent by then.

mod packet;

use std::{
    borrow::{Borrow, Cow},
    collections::BTreeMap,
    time::Duration,
};

use pcap_file::{
    DataLink, Endianness, PcapError,
    pcapng::{
        PcapNgWriter,
        blocks::{
            enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption},
            interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption},
            section_header::{SectionHeaderBlock, SectionHeaderOption},
        },
    },
};

use self::packet::{ACK, Addresses, FIN, PSH, Packet, SYN};
use super::{
    Direction, Unit,
    about::{About, bytes, word},
};
use crate::catalogue::{LaneId, lane};

/// Most bytes of TCP payload in a packet: what an Ethernet frame has room for beside 12 bytes of options.
const PAYLOAD_MAX_BYTES: usize = 1_448;
/// Client ports of one made-up address: of those that nobody owns (RFC 6335 §6), without one that Wireshark
/// takes for IRC.
const CLIENT_PORTS: std::ops::Range<u16> = 50_000..56_000;
/// Ports of Wireshark 4's own table near those that lanes take: it looks at the port before it looks at the
/// bytes. A lane there is shown at port 80.
const MISREAD_PORTS: &[u16] = &[
    8004, 8009, 8010, 8023, 8074, 8085, 8554, 8567, 8883, 9000, 9009, 9042, 9092, 34980, 44321,
    44322, 44818, 48049, 48898, 57000,
];
const HTTP_PORT: u16 = 80;
/// Nanoseconds: the crate writes those, whatever the interface says.
const RESOLUTION: u8 = 9;

const MADE_UP: &str = "IP and TCP headers are made up";

/// The file. Units may come in any order; those of one connection become one conversation.
pub fn pcapng<U: Borrow<Unit>>(units: &[U], about: &About) -> Result<Vec<u8>, PcapError> {
    let mut connections: BTreeMap<(LaneId, u32), Vec<&Unit>> = BTreeMap::new();
    for unit in units.iter().map(Borrow::borrow) {
        let of_connection = connections.entry((unit.lane, unit.connection)).or_default();
        of_connection.push(unit);
    }
    let mut interfaces: Vec<LaneId> = connections.keys().map(|(lane, _)| *lane).collect();
    interfaces.dedup();

    let section = SectionHeaderBlock {
        endianness: Endianness::Little,
        options: vec![
            SectionHeaderOption::Comment(Cow::Owned(section_comment(about, &interfaces))),
            SectionHeaderOption::UserApplication(Cow::Borrowed(concat!(
                "pushlab ",
                env!("CARGO_PKG_VERSION")
            ))),
        ],
        ..SectionHeaderBlock::default()
    };
    let mut writer = PcapNgWriter::with_section_header(Vec::new(), section)?;
    for lane in &interfaces {
        writer.write_pcapng_block(interface(*lane, about))?;
    }

    let mut packets = Vec::new();
    for (index, ((lane, number), units)) in connections.into_iter().enumerate() {
        let interface = interfaces.partition_point(|other| *other < lane) as u32;
        let conversation = Conversation {
            name: format!("connection {number} of {lane}"),
            interface,
            addresses: Addresses::of(index, CLIENT_PORTS, shown_port(lane, about).0),
            packets: &mut packets,
            clock_us: [0; 2],
        };
        conversation.of(units, about.ended.get(&(lane, number)));
    }
    // Stable: packets of one instant stay in the order in which they were made.
    packets.sort_by_key(|packet| packet.us);
    // Never the same bytes in both directions: what a packet acknowledges is what came before it here.
    let mut told = BTreeMap::new();
    for packet in packets {
        let acknowledged = told
            .get(&(packet.addresses, !packet.is_up))
            .copied()
            .unwrap_or_default();
        told.insert((packet.addresses, packet.is_up), packet.next);
        let data = packet.bytes(acknowledged);
        writer.write_pcapng_block(EnhancedPacketBlock {
            interface_id: packet.interface,
            timestamp: Duration::from_micros(packet.us),
            original_len: data.len() as u32,
            data: Cow::Owned(data),
            options: vec![
                EnhancedPacketOption::Comment(Cow::Owned(packet.comment)),
                // Inbound or outbound, as the server sees it.
                EnhancedPacketOption::Flags(if packet.is_up { 1 } else { 2 }),
            ],
        })?;
    }
    Ok(writer.into_inner())
}

/// The port of a lane in the file, and whether it is its own.
fn shown_port(lane: LaneId, about: &About) -> (u16, bool) {
    match about.ports.get(&lane) {
        Some(port) if !MISREAD_PORTS.contains(port) => (*port, true),
        _ => (HTTP_PORT, false),
    }
}

fn section_comment(about: &About, lanes: &[LaneId]) -> String {
    let mut said = format!(
        "pushlab's tap on channel {}. Every header of IP and TCP is made up: addresses, client ports, \
         handshakes, acknowledgements, where packets begin. What TCP carries, its order and the instants of \
         its first and last byte are as they passed the tap; a conversation begins where the tap met it. \
         Hidden bytes are x. Bytes that were not kept are left out. \
         Wireshark shows the chunks of an answer once the last one is there; to see those of a stream that had \
         not ended, switch its reassembly of HTTP bodies off.",
        about.channel
    );
    if about.is_tls {
        said +=
            " The lanes speak TLS: this is what was read before encryption and after decryption.";
    }
    for lane in lanes {
        if let Some(dropped) = about
            .dropped_units
            .get(lane)
            .filter(|dropped| **dropped > 0)
        {
            said += &format!(" {lane}: {dropped} earlier units were not kept.");
        }
    }
    said
}

/// One a lane, so that Wireshark can tell them apart by name.
fn interface(id: LaneId, about: &About) -> InterfaceDescriptionBlock<'static> {
    let label = lane(id.0).map_or("Main lane", |lane| lane.label);
    let description = match (shown_port(id, about), about.ports.get(&id)) {
        ((port, true), _) => format!("{label}, port {port}"),
        (_, Some(own)) => {
            format!(
                "{label}; its port {own} is shown as 80: Wireshark would read it as something else"
            )
        }
        (_, None) => format!("{label}; port 80 is made up"),
    };
    InterfaceDescriptionBlock {
        options: vec![
            InterfaceDescriptionOption::IfName(Cow::Borrowed(id.0)),
            InterfaceDescriptionOption::IfDescription(Cow::Owned(description)),
            InterfaceDescriptionOption::IfTsResol(RESOLUTION),
        ],
        ..InterfaceDescriptionBlock::new(DataLink::RAW, 0)
    }
}

/// The packets of one connection.
struct Conversation<'a, 'u> {
    /// As the tap counts it, for comments.
    name: String,
    interface: u32,
    addresses: Addresses,
    packets: &'a mut Vec<Packet<'u>>,
    /// Instant of the last packet up and down: a stream's bytes do not overtake each other.
    clock_us: [u64; 2],
}

impl<'u> Conversation<'_, 'u> {
    fn of(mut self, mut units: Vec<&'u Unit>, ended: Option<&super::about::Ended>) {
        // Per direction as they stand in the stream; between them as they came.
        units.sort_by_key(|unit| (unit.direction == Direction::Down, unit.at, unit.n));
        let Some(first_us) = units.iter().map(|unit| unit.first_us).min() else {
            return;
        };
        self.clock_us = [first_us; 2];
        let began = self.packets.len();
        for (direction, flags, what) in [
            (Direction::Up, SYN, "SYN"),
            (Direction::Down, SYN | ACK, "SYN and ACK"),
            (Direction::Up, ACK, "ACK"),
        ] {
            let comment = format!(
                "{MADE_UP}; this {what} as a whole: the tap sees no packets; {}",
                self.name
            );
            let after = if flags & SYN == 0 { 1 } else { 0 };
            self.push(direction, first_us, (after, 0), (flags, &[]), comment);
        }
        let handshake = self.packets.len();
        for direction in [Direction::Up, Direction::Down] {
            let mut reached = None;
            let of_direction = units.iter().filter(|unit| unit.direction == direction);
            for unit in of_direction.filter(|unit| unit.size > 0) {
                let missing = unit.at.saturating_sub(reached.unwrap_or(0));
                self.unit(unit, missing);
                reached = reached.max(Some(unit.at + unit.size as u64));
            }
        }
        // Equal instants: in the order in which the units were complete. Stable for packets of one unit.
        self.packets[handshake..].sort_by_key(|packet| (packet.us, packet.n));
        if let Some(ended) = ended {
            self.end(began, ended);
        }
    }

    /// Packets of a unit, before which `missing` bytes have none.
    fn unit(&mut self, unit: &'u Unit, missing: u64) {
        let kept = unit.bytes.len();
        let lost = unit.size.saturating_sub(kept) as u64;
        // At least one, to say that nothing of it was kept.
        let mut from = 0;
        loop {
            let to = kept.min(from + PAYLOAD_MAX_BYTES);
            let is_last = to == kept;
            let is_end = is_last && lost == 0;
            let mut comment = String::from(MADE_UP);
            if from == 0 && missing > 0 {
                comment += &format!("; {} before this were not kept", bytes(missing));
            }
            for hidden in &unit.hidden {
                let end = hidden.at.saturating_add(hidden.len).min(to);
                if let Some(count) = end
                    .checked_sub(hidden.at.max(from))
                    .filter(|count| *count > 0)
                {
                    comment += &format!("; {} hidden ({})", bytes(count as u64), word(hidden.what));
                }
            }
            if is_last && lost > 0 {
                comment += &format!("; the {} after this were not kept", bytes(lost));
            }
            let us = if is_end { unit.last_us } else { unit.first_us };
            let flags = if is_end { PSH | ACK } else { ACK };
            let sequence = (1 + unit.at + from as u64, if is_last { lost } else { 0 });
            self.push(
                unit.direction,
                us,
                sequence,
                (flags, &unit.bytes[from..to]),
                comment,
            );
            if let Some(packet) = self.packets.last_mut() {
                packet.n = unit.n;
            }
            if is_last {
                return;
            }
            from = to;
        }
    }

    /// A packet at a sequence number, after whose bytes so many are left out.
    fn push(
        &mut self,
        direction: Direction,
        us: u64,
        (sequence, left_out): (u64, u64),
        (flags, payload): (u8, &'u [u8]),
        comment: String,
    ) {
        let clock_us = &mut self.clock_us[usize::from(direction == Direction::Down)];
        *clock_us = us.max(*clock_us);
        let counts = payload.len() as u64 + u64::from(flags & (SYN | FIN) != 0);
        self.packets.push(Packet {
            us: *clock_us,
            n: 0,
            interface: self.interface,
            addresses: self.addresses,
            is_up: direction == Direction::Up,
            sequence,
            next: sequence + counts + left_out,
            flags,
            payload,
            comment,
        });
    }

    /// Closes a conversation whose packets begin at `began`.
    fn end(&mut self, began: usize, ended: &super::about::Ended) {
        let reached = |is_up| {
            let of_direction = self.packets[began..]
                .iter()
                .filter(|packet| packet.is_up == is_up);
            of_direction.map(|packet| packet.next).max().unwrap_or(1)
        };
        let (up, down) = (reached(true), reached(false));
        let us = self.packets[began..].iter().map(|packet| packet.us).max();
        let us = us.unwrap_or(0).max(ended.us);
        let by = match ended.by {
            Some(_) => "",
            None => ", who closed it first is not known",
        };
        let comment = format!("{MADE_UP}; the connection ended at this instant{by}");
        let [first, second] = match ended.by {
            Some(Direction::Down) => [(Direction::Down, down), (Direction::Up, up)],
            _ => [(Direction::Up, up), (Direction::Down, down)],
        };
        for (direction, sequence) in [first, second] {
            self.push(
                direction,
                us,
                (sequence, 0),
                (FIN | ACK, &[]),
                comment.clone(),
            );
        }
        self.push(first.0, us, (first.1 + 1, 0), (ACK, &[]), comment);
    }
}

#[cfg(test)]
mod tests;
