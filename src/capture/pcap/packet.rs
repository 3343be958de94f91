//! One made-up packet: IPv4 (RFC 791) and TCP (RFC 9293) around bytes that are real.

use std::ops::Range;

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;

/// From the blocks that are for documentation, so that nobody takes them for real ones (RFC 5737).
const SERVER: [u8; 4] = [192, 0, 2, 1];
const CLIENTS: [u8; 3] = [198, 51, 100];

const IP_HEADER_BYTES: usize = 20;
const TCP_HEADER_BYTES: usize = 20;
const TIME_TO_LIVE: u8 = 64;
const PROTOCOL_TCP: u8 = 6;
const DO_NOT_FRAGMENT: u16 = 0x4000;
/// Each side may send as much as it likes before it is acknowledged: acknowledgements without data are left
/// out. Scaled by 2¹⁴ (RFC 7323 §2.3).
const WINDOW: u16 = u16::MAX;
/// Maximum segment size 1460, then a byte of padding and a window scale of 14.
const SYN_OPTIONS: [u8; 8] = [2, 4, 0x05, 0xB4, 1, 3, 3, 14];

/// Who talks; the server's address is always the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Addresses {
    client: [u8; 4],
    client_port: u16,
    server_port: u16,
}

impl Addresses {
    /// Those of the connection with this place in the file.
    pub fn of(index: usize, client_ports: Range<u16>, server_port: u16) -> Self {
        let ports = client_ports.len().max(1);
        let [.., host] = (1 + index / ports % 254).to_be_bytes();
        Self {
            client: [CLIENTS[0], CLIENTS[1], CLIENTS[2], host],
            client_port: client_ports.start + (index % ports) as u16,
            server_port,
        }
    }
}

/// A packet but for what it acknowledges.
#[derive(Debug)]
pub struct Packet<'u> {
    pub us: u64,
    /// Number of its unit; 0 where it is of none.
    pub n: u64,
    pub interface: u32,
    pub addresses: Addresses,
    pub is_up: bool,
    pub sequence: u64,
    /// The sequence number after it, and after what is left out behind it.
    pub next: u64,
    pub flags: u8,
    pub payload: &'u [u8],
    pub comment: String,
}

impl Packet<'_> {
    /// As it stands in the file. `acknowledged`: what the other side would send next.
    pub fn bytes(&self, acknowledged: u64) -> Vec<u8> {
        let options: &[u8] = if self.flags & SYN == 0 {
            &[]
        } else {
            &SYN_OPTIONS
        };
        let tcp_header_bytes = TCP_HEADER_BYTES + options.len();
        let tcp_bytes = tcp_header_bytes + self.payload.len();
        let Addresses {
            client,
            client_port,
            server_port,
        } = self.addresses;
        let (from, to) = if self.is_up {
            (client, SERVER)
        } else {
            (SERVER, client)
        };
        let ports = match self.is_up {
            true => [client_port, server_port],
            false => [server_port, client_port],
        };

        let mut out = Vec::with_capacity(IP_HEADER_BYTES + tcp_bytes);
        out.extend([0x45, 0]); // version 4, five words of header
        out.extend(((IP_HEADER_BYTES + tcp_bytes) as u16).to_be_bytes());
        out.extend([0; 2]); // no fragments, no identification (RFC 6864 §4.1)
        out.extend(DO_NOT_FRAGMENT.to_be_bytes());
        out.extend([TIME_TO_LIVE, PROTOCOL_TCP, 0, 0]);
        out.extend(from);
        out.extend(to);
        let checksum = checksum(&[&out]);
        out[10..12].copy_from_slice(&checksum);

        let begins = out.len();
        out.extend(ports.map(u16::to_be_bytes).as_flattened());
        // Both count modulo 2³².
        out.extend((self.sequence as u32).to_be_bytes());
        let acknowledged = if self.flags & ACK == 0 {
            0
        } else {
            acknowledged as u32
        };
        out.extend(acknowledged.to_be_bytes());
        out.extend([(tcp_header_bytes as u8 / 4) << 4, self.flags]);
        out.extend(WINDOW.to_be_bytes());
        out.extend([0; 4]); // checksum, urgent pointer
        out.extend(options);
        out.extend(self.payload);
        // RFC 9293 §3.1: with a pseudo-header of addresses, protocol and length.
        let [high, low] = (tcp_bytes as u16).to_be_bytes();
        let pseudo = [0, PROTOCOL_TCP, high, low];
        let checksum = self::checksum(&[&from, &to, &pseudo, &out[begins..]]);
        out[begins + 16..begins + 18].copy_from_slice(&checksum);
        out
    }
}

/// The Internet checksum (RFC 1071) over parts, all of even length but the last.
pub(super) fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 = words
        .map(|word| u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0)))
        .sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}
