//! Cuts what one connection carries into heads, bodies, chunks and frames, whatever the pieces in
//! which it comes: HTTP/1.1 (RFC 9112), and after an upgrade WebSocket frames (RFC 6455 §5.2).
//!
//! Requests are numbered, and an answer belongs to the oldest request that has none. What cannot be
//! followed ends in `State::Lost`: nothing more is kept of that direction.

use std::collections::VecDeque;

use memchr::memmem;

use super::unit::{Direction, Kind};
use crate::codec::websocket::header::{HEADER_MAX_BYTES, Header, Sender};

/// A head that is longer is not followed.
pub const HEAD_MAX_BYTES: usize = 16 << 10;
/// Of a body, chunk or frame no more is kept.
pub const PIECE_MAX_BYTES: usize = 32 << 10;
/// A chunk's size line, extensions included.
const SIZE_LINE_MAX_BYTES: usize = 1 << 10;

/// One head, body, chunk or frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Which request of its connection it belongs to, from 1.
    pub exchange: u32,
    /// Which way it went.
    pub direction: Direction,
    /// What it is.
    pub kind: Kind,
    /// Where it begins in its direction's stream.
    pub at: u64,
    /// When its first byte passed, µs of the time of day.
    pub first_us: u64,
    /// When its last byte passed, µs of the time of day.
    pub last_us: u64,
    /// Bytes on the wire.
    pub size: usize,
    /// The first of them.
    pub bytes: Vec<u8>,
    /// Its content is compressed: its head named a content coding (RFC 9110 §8.4).
    pub is_coded: bool,
}

/// What a direction is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Body {
        left: u64,
    },
    /// Until the connection ends.
    Open,
    Chunks,
    Frames,
    Lost,
}

/// One direction of a connection.
#[derive(Debug)]
struct Side {
    state: State,
    /// Where the piece that is being read begins.
    at: u64,
    /// Its bytes so far, of which no more than the limit are kept.
    kept: Vec<u8>,
    taken: usize,
    /// Its length, once that is known.
    whole: Option<usize>,

    first_us: u64,
    exchange: u32,
    /// The content that follows the last head is compressed.
    is_coded: bool,
}

impl Side {
    fn new() -> Self {
        Self {
            state: State::Head,
            at: 0,
            kept: Vec::new(),
            taken: 0,
            whole: None,
            first_us: 0,
            exchange: 0,
            is_coded: false,
        }
    }
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Asked {
    exchange: u32,
    is_head: bool,
}

/// Both directions of one connection.
#[derive(Debug)]
pub struct Framer {
    up: Side,
    down: Side,
    asked: VecDeque<Asked>,
    exchanges: u32,
    /// How much is kept of a body, chunk or frame of the present exchange.
    piece_max_bytes: usize,
    /// Bytes that came up before an upgrade was answered, and when they began.
    early: Option<(Vec<u8>, u64)>,
}

impl Default for Framer {
    fn default() -> Self {
        Self {
            up: Side::new(),
            down: Side::new(),
            asked: VecDeque::new(),
            exchanges: 0,
            piece_max_bytes: PIECE_MAX_BYTES,
            early: None,
        }
    }
}

impl Framer {
    /// Until the next request, no more is kept of a piece than is needed to find its end.
    pub fn keep_no_more(&mut self) {
        self.piece_max_bytes = SIZE_LINE_MAX_BYTES;
        for side in [&mut self.up, &mut self.down] {
            if side.state != State::Head {
                side.kept.truncate(SIZE_LINE_MAX_BYTES);
                side.kept.shrink_to_fit();
            }
        }
    }

    /// Whether bytes can be the beginning of a request: a method that this lab answers and a space.
    /// A WebSocket frame of a client never looks like that: a letter has one of the reserved bits.
    pub fn begins_a_request(bytes: &[u8]) -> bool {
        const METHODS: [&[u8]; 6] = [
            b"GET ",
            b"POST ",
            b"PUT ",
            b"HEAD ",
            b"DELETE ",
            b"OPTIONS ",
        ];
        METHODS.iter().any(|method| bytes.starts_with(method))
    }

    /// Whether a direction cannot be followed any more.
    pub fn is_lost(&self) -> bool {
        self.up.state == State::Lost || self.down.state == State::Lost
    }

    /// Requests whose answer has not ended.
    pub fn unanswered(&self) -> usize {
        self.asked.len()
    }

    /// Takes bytes that passed at `now_us`, and hands out every piece that is whole with them.
    pub fn feed(
        &mut self,
        direction: Direction,
        mut bytes: &[u8],
        now_us: u64,
        whole: &mut dyn FnMut(Piece),
    ) {
        while !bytes.is_empty() {
            let limit = self.piece_max_bytes;
            let side = self.side(direction);
            if side.state == State::Lost {
                return;
            }
            if side.taken == 0 {
                side.first_us = now_us;
            }
            let Some(taken) = side.take(direction, bytes, limit) else {
                side.state = State::Lost;
                side.kept = Vec::new();
                return;
            };
            bytes = &bytes[taken.bytes..];
            if !taken.is_whole {
                return;
            }
            let kind = side.kind(direction);
            let kept = std::mem::take(&mut side.kept);
            let size = std::mem::replace(&mut side.taken, 0);
            side.whole = None;
            let is_content = matches!(kind, Kind::Body | Kind::Chunk);
            let mut piece = Piece {
                exchange: side.exchange,
                direction,
                kind,
                at: side.at,
                first_us: side.first_us,
                last_us: now_us,
                size,
                bytes: kept,
                is_coded: is_content && side.is_coded,
            };
            side.at += size as u64;
            // What goes up once the answer has ended belongs to no request that is known here: what
            // looked like a request may have been somebody's text.
            let is_asked = |asked: &Asked| asked.exchange == piece.exchange;
            if direction == Direction::Up && is_content && !self.asked.iter().any(is_asked) {
                self.up.state = State::Lost;
                return;
            }
            match kind {
                Kind::RequestHead => piece.exchange = self.requested(&piece.bytes),
                Kind::AnswerHead => piece.exchange = self.answered(&piece.bytes),
                Kind::Body => self.body_ended(direction),
                Kind::Chunk if is_last_chunk(&piece.bytes) => self.message_ended(direction),
                Kind::Chunk | Kind::Frame => {}
            }
            whole(piece);
            // What a client sent before it knew of the upgrade are frames already.
            if let Some((early, first_us)) = self.early.take() {
                self.feed(Direction::Up, &early, first_us, whole);
            }
        }
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }

    /// A request's head is whole; returns its number.
    fn requested(&mut self, head: &[u8]) -> u32 {
        self.exchanges += 1;
        self.piece_max_bytes = PIECE_MAX_BYTES;
        self.asked.push_back(Asked {
            exchange: self.exchanges,
            is_head: head.starts_with(b"HEAD "),
        });
        self.up.exchange = self.exchanges;
        self.up.is_coded = is_coded(head);
        self.up.state = match body_of(head) {
            _ if !is_plain(head) => State::Lost,
            Some(Length::Of(0)) | None => State::Head,
            Some(Length::Of(left)) => State::Body { left },
            Some(Length::Chunks) => State::Chunks,
        };
        self.exchanges
    }

    /// An answer's head is whole; returns the number of the request it belongs to, 0 for one that
    /// nobody asked for.
    fn answered(&mut self, head: &[u8]) -> u32 {
        let Some(asked) = self.asked.front() else {
            self.down.state = State::Lost;
            return 0;
        };
        let exchange = asked.exchange;
        self.down.exchange = exchange;
        self.down.is_coded = is_coded(head);
        let status = head.get(9..12).unwrap_or_default();
        if status == b"101" {
            let up = &mut self.up;
            up.exchange = exchange;
            up.state = match up.taken == up.kept.len() {
                true => State::Frames,
                false => State::Lost,
            };
            up.taken = 0;
            up.whole = None;
            let early = std::mem::take(&mut up.kept);
            if !early.is_empty() {
                self.early = Some((early, up.first_us));
            }
            self.down.state = State::Frames;
            self.asked.clear();
        } else if status.first() != Some(&b'1') {
            let has_none = asked.is_head || matches!(status, b"204" | b"304");
            let state = match body_of(head) {
                _ if has_none => State::Head,
                Some(Length::Of(0)) => State::Head,
                Some(Length::Of(left)) => State::Body { left },
                Some(Length::Chunks) => State::Chunks,
                None => State::Open,
            };
            self.down.state = state;
            if state == State::Head {
                self.asked.pop_front();
            }
        }
        exchange
    }

    fn body_ended(&mut self, direction: Direction) {
        if self.side(direction).state != State::Open {
            self.message_ended(direction);
        }
    }

    fn message_ended(&mut self, direction: Direction) {
        self.side(direction).state = State::Head;
        if direction == Direction::Down {
            self.asked.pop_front();
        }
    }
}

struct Taken {
    bytes: usize,
    /// The piece ends with them.
    is_whole: bool,
}

impl Side {
    fn kind(&self, direction: Direction) -> Kind {
        match (self.state, direction) {
            (State::Head, Direction::Up) => Kind::RequestHead,
            (State::Head, Direction::Down) => Kind::AnswerHead,
            (State::Body { .. } | State::Open | State::Lost, _) => Kind::Body,
            (State::Chunks, _) => Kind::Chunk,
            (State::Frames, _) => Kind::Frame,
        }
    }

    /// Takes as much as belongs to the present piece; `None` where that cannot be told.
    fn take(&mut self, direction: Direction, bytes: &[u8], limit: usize) -> Option<Taken> {
        let whole = match self.state {
            _ if self.whole.is_some() => self.whole,
            State::Body { left } => usize::try_from(left).ok(),
            State::Open => Some(self.taken + bytes.len()),
            State::Lost => None,
            State::Head => self.head_length(bytes)?,
            State::Chunks => self.with(bytes, limit, |start| chunk_length(start, limit))?,
            State::Frames => self.with(bytes, HEADER_MAX_BYTES, |start| {
                frame_length(start, direction)
            })?,
        };
        self.whole = whole;
        let left = match whole {
            Some(whole) => whole.checked_sub(self.taken)?,
            None => bytes.len(),
        };
        let taken = left.min(bytes.len());
        let limit = match self.state {
            State::Head => HEAD_MAX_BYTES,
            _ => limit,
        };
        let room = limit.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&bytes[..taken.min(room)]);
        self.taken += taken;
        Some(Taken {
            bytes: taken,
            is_whole: Some(self.taken) == whole,
        })
    }

    /// The length of the head that starts with what is kept and goes on with `bytes`. However slowly it
    /// comes, each byte is looked at once.
    fn head_length(&self, bytes: &[u8]) -> Option<Option<usize>> {
        const END: &[u8] = b"\r\n\r\n";
        // The end may stand across what is kept and what comes.
        let before = self.kept.len().saturating_sub(END.len() - 1);
        let mut seam = self.kept[before..].to_vec();
        seam.extend_from_slice(&bytes[..bytes.len().min(END.len() - 1)]);
        let ends = match find(&seam, END) {
            Some(at) => Some(before + at + END.len()),
            None => find(bytes, END).map(|at| self.kept.len() + at + END.len()),
        };
        let longest = ends.unwrap_or(self.kept.len() + bytes.len());
        (longest <= HEAD_MAX_BYTES).then_some(ends)
    }

    /// The length of the piece that starts with what is kept and goes on with `bytes`: `None` if it
    /// cannot be followed, `Some(None)` while more must come to tell.
    fn with(
        &self,
        bytes: &[u8],
        limit: usize,
        length: impl Fn(&[u8]) -> Option<Option<usize>>,
    ) -> Option<Option<usize>> {
        if self.kept.is_empty() {
            return length(&bytes[..bytes.len().min(limit)]);
        }
        let more = bytes.len().min(limit.saturating_sub(self.kept.len()));
        length(&[&self.kept, &bytes[..more]].concat())
    }
}

fn chunk_length(start: &[u8], limit: usize) -> Option<Option<usize>> {
    let Some(line) = find(start, b"\r\n") else {
        return (start.len() < SIZE_LINE_MAX_BYTES).then_some(None);
    };
    let data = chunk_size(&start[..line])?;
    if data > 0 {
        return Some(Some((line + 4).checked_add(data)?));
    }
    // The trailer may be empty: then its end is the empty line right after the size.
    match find(&start[line..], b"\r\n\r\n") {
        Some(at) => Some(Some(line + at + 4)),
        None => (start.len() < limit).then_some(None),
    }
}

/// The number in a chunk's size line (RFC 9112 §7.1): digits of base 16 and nothing else, since
/// another reader may take a sign or a space otherwise.
pub fn chunk_size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|byte| *byte == b';').next()?;
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    usize::from_str_radix(digits, 16).ok()
}

/// Whether it is the chunk of no bytes that ends a body.
pub fn is_last_chunk(chunk: &[u8]) -> bool {
    let line = find(chunk, b"\r\n").unwrap_or(0);
    chunk_size(&chunk[..line]) == Some(0)
}

fn frame_length(start: &[u8], direction: Direction) -> Option<Option<usize>> {
    let sender = match direction {
        Direction::Up => Sender::Client,
        Direction::Down => Sender::Server,
    };
    // Whether compression was agreed on is not followed: a message that says so is taken for it.
    let start = &start[..start.len().min(HEADER_MAX_BYTES)];
    let header = Header::parse_as(start, sender, true).ok()?;
    let Some(header) = header else {
        return Some(None);
    };
    let payload = usize::try_from(header.payload_bytes).ok()?;
    Some(Some(header.header_bytes.checked_add(payload)?))
}

/// Whether a request's head leaves no doubt where its body ends: what two programs may read
/// differently is not followed (RFC 9112 §11.2).
fn is_plain(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let is_http = matches!(words.next(), Some(b"HTTP/1.1" | b"HTTP/1.0")) && words.next().is_none();
    let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase);
    if !(is_method && !target.is_empty() && is_http) {
        return false;
    }
    let mut lengths = 0;
    for (name, value) in fields(head) {
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            lengths += 1 + usize::from(!value.eq_ignore_ascii_case(b"chunked"));
        } else if name.eq_ignore_ascii_case(b"content-length") {
            lengths += 1 + usize::from(!value.iter().all(u8::is_ascii_digit));
        }
    }
    let lines = head.split(|byte| *byte == b'\n').skip(1);
    let is_odd = |line: &[u8]| {
        let is_folded = line
            .first()
            .is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        is_folded || line.last().is_some_and(|byte| *byte != b'\r')
    };
    lengths <= 1 && head.ends_with(b"\r\n\r\n") && !lines.into_iter().any(is_odd)
}

enum Length {
    Of(u64),
    Chunks,
}

/// How a head says that a body follows it (RFC 9112 §6.3).
fn body_of(head: &[u8]) -> Option<Length> {
    let mut length = None;
    for (name, value) in fields(head) {
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return value
                .to_ascii_lowercase()
                .ends_with(b"chunked")
                .then_some(Length::Chunks);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            length = std::str::from_utf8(value)
                .ok()?
                .parse()
                .ok()
                .map(Length::Of);
        }
    }
    length
}

/// Whether a head says that its content is compressed (RFC 9110 §8.4).
fn is_coded(head: &[u8]) -> bool {
    fields(head).any(|(name, value)| {
        name.eq_ignore_ascii_case(b"content-encoding") && !value.eq_ignore_ascii_case(b"identity")
    })
}

/// The header fields of a head: names, and values without the spaces around them.
pub fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = head.split(|byte| *byte == b'\n').skip(1);
    lines.filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    })
}

/// Where `wanted` first stands in `bytes`.
pub fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memmem::find(bytes, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_known_to_be_compressed_by_its_head_until_the_next() {
        let mut framer = Framer::default();
        let mut coded = Vec::new();
        let mut feed = |direction, bytes: &[u8]| {
            framer.feed(direction, bytes, 7, &mut |piece| {
                coded.push((piece.kind, piece.is_coded));
            });
        };
        feed(
            Direction::Up,
            b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        );
        feed(
            Direction::Down,
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        );
        feed(
            Direction::Down,
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb",
        );
        let content: Vec<_> = coded
            .into_iter()
            .filter(|(kind, _)| matches!(kind, Kind::Body | Kind::Chunk))
            .collect();
        let expected = [
            (Kind::Chunk, true),
            (Kind::Chunk, true),
            (Kind::Body, false),
        ];
        assert_eq!(content, expected);
    }

    /// `(exchange, kind, size)` of each piece, fed in steps of `step` bytes.
    fn cut(
        framer: &mut Framer,
        direction: Direction,
        bytes: &[u8],
        step: usize,
    ) -> Vec<(u32, Kind, usize)> {
        let mut pieces = Vec::new();
        for part in bytes.chunks(step) {
            framer.feed(direction, part, 7, &mut |piece| {
                pieces.push((piece.exchange, piece.kind, piece.size));
            });
        }
        pieces
    }

    const POST: &[u8] = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
    const GET: &[u8] = b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n";

    #[test]
    fn requests_and_answers_are_paired_wherever_the_stream_is_cut() {
        let up = [POST, GET, GET].concat();
        let down = [
            &b"HTTP/1.1 100 Continue\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ]
        .concat();
        for step in 1..=up.len() {
            let mut framer = Framer::default();
            assert_eq!(
                cut(&mut framer, Direction::Up, &up, step),
                [
                    (1, Kind::RequestHead, POST.len() - 3),
                    (1, Kind::Body, 3),
                    (2, Kind::RequestHead, GET.len()),
                    (3, Kind::RequestHead, GET.len()),
                ]
            );
            assert_eq!(
                cut(&mut framer, Direction::Down, &down, step),
                [
                    (1, Kind::AnswerHead, 25),
                    (1, Kind::AnswerHead, 38),
                    (1, Kind::Body, 2),
                    (2, Kind::AnswerHead, 48),
                    (3, Kind::AnswerHead, 47),
                    (3, Kind::Chunk, 8),
                    (3, Kind::Chunk, 5),
                ],
                "in steps of {step}"
            );
        }
    }

    #[test]
    fn after_101_both_sides_are_frames() {
        let mut framer = Framer::default();
        cut(&mut framer, Direction::Up, GET, 5);
        let mut down = b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec();
        down.extend_from_slice(&[0x81, 2, b'h', b'i', 0x8A, 0]);
        assert_eq!(
            cut(&mut framer, Direction::Down, &down, 3),
            [
                (1, Kind::AnswerHead, 36),
                (1, Kind::Frame, 4),
                (1, Kind::Frame, 2)
            ]
        );
        let masked = [0x81, 0x81, 1, 2, 3, 4, b'a' ^ 1];
        assert_eq!(
            cut(&mut framer, Direction::Up, &masked, 1),
            [(1, Kind::Frame, 7)]
        );
    }

    #[test]
    fn frames_that_come_before_the_upgrade_is_answered_are_frames() {
        let frame = [0x81, 0x81, 1, 2, 3, 4, b'a' ^ 1];
        for early in [&frame[..3], &frame, &[frame, frame].concat()] {
            let mut framer = Framer::default();
            cut(&mut framer, Direction::Up, GET, 9);
            cut(&mut framer, Direction::Up, early, 2);
            let answer = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
            let mut kinds: Vec<_> = cut(&mut framer, Direction::Down, answer, 99);
            let rest = [frame, frame].concat()[early.len()..].to_vec();
            kinds.extend(cut(&mut framer, Direction::Up, &rest, 1));
            let expected = [
                (1, Kind::AnswerHead, 36),
                (1, Kind::Frame, 7),
                (1, Kind::Frame, 7),
            ];
            assert_eq!(kinds, expected, "{} bytes early", early.len());
        }
    }

    #[test]
    fn long_pieces_are_kept_in_part_and_counted_whole() {
        let mut framer = Framer::default();
        let body = vec![b'x'; 3 * PIECE_MAX_BYTES];
        let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
        let mut pieces = Vec::new();
        for part in [head.as_bytes(), &body, GET].concat().chunks(1_000) {
            framer.feed(Direction::Up, part, 7, &mut |piece| pieces.push(piece));
        }
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces[1].size, body.len());
        assert_eq!(pieces[1].bytes.len(), PIECE_MAX_BYTES);
        assert_eq!(pieces[2].at, (head.len() + body.len()) as u64);
        assert_eq!(pieces[2].bytes, GET);
    }

    #[test]
    fn what_cannot_be_followed_is_left() {
        let endless = vec![b'a'; HEAD_MAX_BYTES + 1];
        for bytes in [
            &endless[..],
            b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n",
        ] {
            let mut framer = Framer::default();
            let mut kinds = Vec::new();
            framer.feed(Direction::Up, bytes, 7, &mut |piece| kinds.push(piece.kind));
            framer.feed(Direction::Up, GET, 7, &mut |piece| kinds.push(piece.kind));
            assert!(kinds.len() <= 1, "{kinds:?}");
            assert!(framer.up.kept.is_empty());
        }
        let mut unasked = Framer::default();
        assert_eq!(
            cut(
                &mut unasked,
                Direction::Down,
                b"HTTP/1.1 200 OK\r\n\r\nx",
                99
            )
            .len(),
            1
        );
    }
}
