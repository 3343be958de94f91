//! Files of made-up units, read back packet by packet.

use std::{collections::BTreeMap, time::Instant};

use pcap_file::pcapng::{Block, PcapNgReader, blocks::enhanced_packet::EnhancedPacketOption};

use super::*;
use crate::capture::{
    Ended, Kind, Secret,
    example::{Example, hide},
};

const REQUEST: &str = "GET /sse/c HTTP/1.1\r\nHost: lab\r\nCookie: a=secret\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// A packet as it was read back, its checksums looked at.
#[derive(Debug)]
struct Read {
    us: u64,
    is_up: bool,
    ports: [u16; 2],
    sequence: u32,
    acknowledged: u32,
    flags: u8,
    payload: Vec<u8>,
    comment: String,
    lane: String,
}

fn about() -> About {
    About {
        channel: "compare-0123456789abcdefgh".to_owned(),
        ports: BTreeMap::from([(LaneId("sse"), 8083), (LaneId("channels"), 8085)]),
        ..About::default()
    }
}

fn read(file: &[u8]) -> (String, Vec<Read>) {
    let mut reader = PcapNgReader::new(file).expect("a section");
    let said = match reader.section().options.first() {
        Some(SectionHeaderOption::Comment(said)) => said.to_string(),
        other => panic!("{other:?}"),
    };
    let mut lanes = Vec::new();
    let mut packets = Vec::new();
    while let Some(block) = reader.next_block() {
        match block.expect("a block") {
            Block::InterfaceDescription(interface) => {
                assert_eq!(interface.linktype, DataLink::RAW);
                let Some(InterfaceDescriptionOption::IfName(name)) = interface.options.first()
                else {
                    panic!("{interface:?}");
                };
                lanes.push(name.to_string());
            }
            Block::EnhancedPacket(packet) => packets.push(parse(&packet, &lanes)),
            other => panic!("{other:?}"),
        }
    }
    (said, packets)
}

fn parse(packet: &EnhancedPacketBlock<'_>, lanes: &[String]) -> Read {
    let data = &packet.data;
    assert_eq!(packet.original_len as usize, data.len());
    let (ip, tcp) = data.split_at(20);
    let word = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let long = |at: usize| u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]]);
    assert_eq!(ip[0], 0x45);
    assert_eq!(usize::from(word(ip, 2)), data.len());
    // A right checksum makes the sum of everything nothing (RFC 1071).
    assert_eq!(packet::checksum(&[ip]), [0, 0]);
    let [high, low] = (tcp.len() as u16).to_be_bytes();
    assert_eq!(
        packet::checksum(&[&ip[12..20], &[0, 6, high, low], tcp]),
        [0, 0]
    );
    let [
        EnhancedPacketOption::Comment(comment),
        EnhancedPacketOption::Flags(way),
    ] = packet.options.as_slice()
    else {
        panic!("{packet:?}");
    };
    Read {
        us: packet.timestamp.as_micros() as u64,
        is_up: *way == 1,
        ports: [word(tcp, 0), word(tcp, 2)],
        sequence: long(4),
        acknowledged: long(8),
        flags: tcp[13],
        payload: tcp[usize::from(tcp[12] >> 4) * 4..].to_vec(),
        comment: comment.to_string(),
        lane: lanes[packet.interface_id as usize].clone(),
    }
}

/// What a side sent, by sequence number; `None` where nothing is.
fn stream(packets: &[Read], is_up: bool) -> Vec<Option<u8>> {
    let mut out = Vec::new();
    for packet in packets
        .iter()
        .filter(|packet| packet.is_up == is_up && !packet.payload.is_empty())
    {
        let at = packet.sequence as usize - 1;
        out.resize(out.len().max(at + packet.payload.len()), None);
        for (place, byte) in out[at..].iter_mut().zip(&packet.payload) {
            *place = Some(*byte);
        }
    }
    out
}

fn exchange() -> Example {
    let mut example = Example::new("sse", 7);
    hide(
        example.up(Kind::RequestHead, REQUEST),
        "secret",
        Secret::Cookie,
    );
    example.down(Kind::AnswerHead, ANSWER);
    example
}

#[test]
fn a_connection_is_a_conversation() {
    let example = exchange();
    let (said, packets) = read(&pcapng(&example.units, &about()).expect("a file"));
    assert!(
        said.contains("made up") && said.contains("compare-0123456789abcdefgh"),
        "{said}"
    );
    let flags: Vec<_> = packets.iter().map(|packet| packet.flags).collect();
    assert_eq!(flags, [SYN, SYN | ACK, ACK, PSH | ACK, PSH | ACK]);
    assert!(packets[0].comment.ends_with("; connection 7 of sse"));
    let numbers: Vec<_> = packets
        .iter()
        .map(|packet| (packet.sequence, packet.acknowledged))
        .collect();
    let after_request = 1 + REQUEST.len() as u32;
    assert_eq!(
        numbers,
        [(0, 0), (0, 1), (1, 1), (1, 1), (1, after_request)]
    );
    let instants: Vec<_> = packets.iter().map(|packet| packet.us).collect();
    assert_eq!(
        instants,
        [1_000_100, 1_000_100, 1_000_100, 1_000_150, 1_000_250]
    );
    assert_eq!(packets[3].ports, [50_000, 8083]);
    assert_eq!(packets[4].ports, [8083, 50_000]);
    assert!(packets.iter().all(|packet| packet.lane == "sse"));
    assert!(
        packets
            .iter()
            .all(|packet| packet.comment.starts_with(MADE_UP))
    );
}

#[test]
fn what_is_hidden_is_x_and_said() {
    let (_, packets) = read(&pcapng(&exchange().units, &about()).expect("a file"));
    assert_eq!(
        packets[3].payload,
        REQUEST.replace("secret", "xxxxxx").as_bytes()
    );
    assert_eq!(
        packets[3].comment,
        format!("{MADE_UP}; 6 bytes hidden (cookie)")
    );
    assert_eq!(packets[4].comment, MADE_UP);
}

#[test]
fn hidden_bytes_are_counted_in_the_packet_that_has_them() {
    let mut example = Example::new("sse", 1);
    let text = format!("{}{}", "a".repeat(1_440), "s".repeat(20));
    hide(
        example.up(Kind::Body, text),
        &"s".repeat(20),
        Secret::Message,
    );
    let (_, packets) = read(&pcapng(&example.units, &about()).expect("a file"));
    assert_eq!(
        packets[3].comment,
        format!("{MADE_UP}; 8 bytes hidden (message)")
    );
    assert_eq!(
        packets[4].comment,
        format!("{MADE_UP}; 12 bytes hidden (message)")
    );
}

#[test]
fn a_long_unit_is_several_packets_between_its_instants() {
    let mut example = exchange();
    let long: Vec<u8> = (0..4_000_u32).map(|n| n as u8).collect();
    let unit = example.down(Kind::Body, &long);
    let (first_us, last_us) = (unit.first_us, unit.last_us);
    let (_, packets) = read(&pcapng(&example.units, &about()).expect("a file"));
    let of_unit = &packets[5..];
    let lengths: Vec<_> = of_unit.iter().map(|packet| packet.payload.len()).collect();
    assert_eq!(lengths, [1448, 1448, 1104]);
    let flags: Vec<_> = of_unit.iter().map(|packet| packet.flags).collect();
    assert_eq!(flags, [ACK, ACK, PSH | ACK]);
    let instants: Vec<_> = of_unit.iter().map(|packet| packet.us).collect();
    assert_eq!(instants, [first_us, first_us, last_us]);
    let down: Vec<u8> = stream(&packets, false)
        .into_iter()
        .map(Option::unwrap)
        .collect();
    assert_eq!(down, [ANSWER.as_bytes(), &long].concat());
}

#[test]
fn what_was_not_kept_is_a_hole_that_is_said() {
    let mut example = exchange();
    let unit = example.down(Kind::Chunk, vec![b'a'; 2_000]);
    unit.bytes.truncate(1_500);
    example.down(Kind::Chunk, "dropped");
    example.units.pop();
    example.down(Kind::Chunk, "0\r\n\r\n");
    example.up(Kind::RequestHead, "HEAD / HTTP/1.1\r\n\r\n");
    let (_, packets) = read(&pcapng(&example.units, &about()).expect("a file"));
    let down = stream(&packets, false);
    let missing: Vec<_> = (0..down.len()).filter(|at| down[*at].is_none()).collect();
    let hole = ANSWER.len() + 1_500..ANSWER.len() + 2_007;
    assert_eq!(missing, hole.clone().collect::<Vec<_>>());
    assert_eq!(
        packets[6].comment,
        format!("{MADE_UP}; the 500 bytes after this were not kept")
    );
    assert_eq!(
        packets[7].comment,
        format!("{MADE_UP}; 7 bytes before this were not kept")
    );
    // It had arrived all the same.
    assert_eq!(packets[8].acknowledged as usize, 1 + hole.end + 5);
}

#[test]
fn a_unit_of_which_nothing_was_kept_is_said() {
    let mut example = exchange();
    example.down(Kind::Body, "secret of somebody").bytes.clear();
    let (_, packets) = read(&pcapng(&example.units, &about()).expect("a file"));
    assert!(packets[5].payload.is_empty());
    assert_eq!(
        packets[5].comment,
        format!("{MADE_UP}; the 18 bytes after this were not kept")
    );
}

#[test]
fn the_end_is_there_only_where_it_is_known() {
    let example = exchange();
    let mut about = about();
    let us = 9_000_000;
    let key = (LaneId("sse"), 7);
    about.ended.insert(
        key,
        Ended {
            us,
            by: Some(Direction::Down),
        },
    );
    let (_, packets) = read(&pcapng(&example.units, &about).expect("a file"));
    let (up, down) = (1 + REQUEST.len() as u32, 1 + ANSWER.len() as u32);
    let end: Vec<_> = packets[5..]
        .iter()
        .map(|packet| {
            (
                packet.is_up,
                packet.flags,
                packet.sequence,
                packet.acknowledged,
                packet.us,
            )
        })
        .collect();
    let expected = [
        (false, FIN | ACK, down, up, us),
        (true, FIN | ACK, up, down + 1, us),
        (false, ACK, down + 1, up + 1, us),
    ];
    assert_eq!(end, expected);
}

#[test]
fn a_stream_does_not_overtake_itself() {
    let mut example = exchange();
    example.down(Kind::Chunk, "1\r\na\r\n").last_us = 5_000_000;
    let early = example.down(Kind::Chunk, "1\r\nb\r\n");
    early.last_us = 4_000_000;
    let (_, packets) = read(&pcapng(&example.units, &about()).expect("a file"));
    assert_eq!(packets[5].payload, b"1\r\na\r\n");
    assert_eq!(packets[6].us, 5_000_000);
}

#[test]
fn each_lane_has_an_interface_and_each_connection_a_port() {
    let mut units = exchange().units;
    let mut other = Example::new("channels", 8);
    other.up(Kind::RequestHead, "GET /app/key HTTP/1.1\r\n\r\n");
    units.extend(other.units);
    let mut third = Example::new("sse", 9);
    third.up(Kind::RequestHead, REQUEST);
    units.extend(third.units);
    let (_, packets) = read(&pcapng(&units, &about()).expect("a file"));
    let mut seen: Vec<_> = packets.iter().filter(|packet| packet.is_up).collect();
    seen.sort_by_key(|packet| packet.ports);
    seen.dedup_by_key(|packet| packet.ports);
    let seen: Vec<_> = seen
        .iter()
        .map(|packet| (packet.lane.as_str(), packet.ports))
        .collect();
    // Wireshark takes 8085 for a game's.
    let expected = [
        ("channels", [50_000, 80]),
        ("sse", [50_001, 8083]),
        ("sse", [50_002, 8083]),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn nothing_is_a_file_without_packets() {
    let (_, packets) = read(&pcapng::<Unit>(&[], &about()).expect("a file"));
    assert!(packets.is_empty());
}

#[test]
fn five_thousand_units_take_no_time() {
    let mut example = exchange();
    for _ in 0..5_000 {
        example.down(Kind::Chunk, format!("c8\r\n{}\r\n", "d".repeat(200)));
    }
    let started = Instant::now();
    let file = pcapng(&example.units, &about()).expect("a file");
    // A hundred times what it takes.
    assert!(started.elapsed().as_secs() < 3, "{:?}", started.elapsed());
    assert_eq!(read(&file).1.len(), 5_005);
}
