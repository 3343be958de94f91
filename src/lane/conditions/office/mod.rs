//! Office proxy: a middlebox that reads and changes HTTP.
//!
//! It may refuse upgrades with 403, swallow them, or strip them to plain requests; cut connections
//! that were idle for a while; and hold back streaming answers (those without a length) until it
//! has a buffer full or some time has passed, whether or not they say `X-Accel-Buffering: no`.
//!
//! It cannot read TLS: there it only cuts idle connections. It does not read a connection either
//! that was open before.

mod messages;

use std::time::{Duration, Instant};

use bytes::Bytes;

use self::messages::{Messages, Part, field, is_streaming};
use super::{
    Condition, Direction, Impairment, Inspected, Key, Kind, Opening, Range, Settings, Verdict,
    never,
};

pub const KIND: Kind = Kind {
    name: "office",
    meaning: "A proxy that reads plain HTTP: refuses WebSockets, cuts what is idle, holds back \
        streaming answers",
    example: "office upgrade=403 buffer=4KiB hold=5s",
    keys: &[
        Key {
            name: "upgrade",
            range: Range::Choice(&["pass", "403", "hang", "strip"]),
            default: "pass",
            meaning: "What becomes of a request to upgrade: answered 403, never answered, or made \
                a plain request",
        },
        Key {
            name: "idle",
            range: Range::Span {
                least_ms: 0,
                most_ms: 3_600_000,
            },
            default: "0s",
            meaning: "After so long without a byte a connection is cut (FIN); 0s: never",
        },
        Key {
            name: "buffer",
            range: Range::Bytes {
                least: 0,
                most: 1 << 20,
            },
            default: "0B",
            meaning: "How much of a streaming answer it gathers before it lets it pass; 0B: nothing",
        },
        Key {
            name: "hold",
            range: Range::Span {
                least_ms: 1,
                most_ms: 3_600_000,
            },
            default: "1s",
            meaning: "How long it gathers at most",
        },
        Key {
            name: "accel",
            range: Range::Choice(&["honour", "ignore"]),
            default: "ignore",
            meaning: "Whether X-Accel-Buffering: no spares an answer that",
        },
    ],
    check: |_| Ok(()),
    build: |settings| Box::new(Office::new(settings)),
};

/// The answer to a request that it refuses.
const FORBIDDEN: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\n\
    Content-Length: 31\r\nConnection: close\r\n\r\n\
    WebSockets are not allowed here";

/// What becomes of requests to upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upgrade {
    Pass,
    Refuse,
    Hang,
    Strip,
}

/// On a lane.
#[derive(Debug, Clone, Copy)]
struct Office {
    upgrade: Upgrade,
    idle: Option<Duration>,
    buffer: usize,
    hold: Duration,
    honours: bool,
}

impl Office {
    fn new(settings: &Settings) -> Self {
        Self {
            upgrade: match settings.choice("upgrade") {
                "403" => Upgrade::Refuse,
                "hang" => Upgrade::Hang,
                "strip" => Upgrade::Strip,
                _ => Upgrade::Pass,
            },
            idle: Some(settings.span("idle")).filter(|idle| !idle.is_zero()),
            buffer: settings.bytes("buffer") as usize,
            hold: settings.span("hold"),
            honours: settings.choice("accel") == "honour",
        }
    }
}

/// One connection through it.
struct Proxied {
    office: Office,
    last_byte: Instant,
    requests: Messages,
    answers: Messages,
    /// A request was swallowed: nothing passes from now on.
    hangs: bool,
    /// The present answer is held back.
    holds: bool,
    held: Vec<u8>,
    /// When the first byte of `held` came.
    held_since: Option<Instant>,
}

impl Condition for Office {
    fn on(&self, opening: &Opening) -> Box<dyn Impairment> {
        let mut proxied = Proxied {
            office: *self,
            last_byte: opening.opened,
            requests: Messages::new(),
            answers: Messages::new(),
            hangs: false,
            holds: false,
            held: Vec::new(),
            held_since: None,
        };
        if !opening.sees_all {
            proxied.requests.open();
            proxied.answers.open();
        }
        Box::new(proxied)
    }
}

impl Proxied {
    /// From client to server: requests pass whole heads at a time, so that one can be refused.
    fn up(&mut self, mut bytes: Bytes, passing: &mut Inspected) {
        while let Some(part) = self.requests.next(&mut bytes) {
            match part {
                _ if self.hangs => {}
                Part::Head(head) => self.request(head, passing),
                Part::Body(body) => passing.up.push(body),
                Part::End => {}
            }
        }
    }

    /// Decides about one request.
    fn request(&mut self, head: Vec<u8>, passing: &mut Inspected) {
        let asks = field(&head, "upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
        match (asks, self.office.upgrade) {
            (false, _) => passing.up.push(head.into()),
            (true, Upgrade::Pass) => {
                self.requests.open();
                passing.up.push(head.into());
            }
            (true, Upgrade::Strip) => passing.up.push(stripped(&head).into()),
            (true, Upgrade::Hang) => self.hangs = true,
            (true, Upgrade::Refuse) => {
                self.hangs = true;
                passing.down.push(Bytes::from_static(FORBIDDEN));
                passing.ends = true;
            }
        }
    }

    /// From server to client: each answer's head says whether it will be held back.
    fn down(&mut self, mut bytes: Bytes, now: Instant, passing: &mut Inspected) {
        while let Some(part) = self.answers.next(&mut bytes) {
            match part {
                Part::Head(head) => {
                    let is_spared = self.office.honours
                        && field(&head, "x-accel-buffering").is_some_and(|it| it == "no");
                    self.holds = self.office.buffer > 0 && is_streaming(&head) && !is_spared;
                    self.pass_or_hold(head.into(), now, passing);
                }
                Part::Body(body) => self.pass_or_hold(body, now, passing),
                Part::End => {}
            }
            if self.answers.is_between() {
                self.release(passing);
                self.holds = false;
            }
        }
    }

    /// Holds an answer's bytes back until a buffer is full. The time is looked at elsewhere:
    /// nothing arrives when it is over.
    fn pass_or_hold(&mut self, bytes: Bytes, now: Instant, passing: &mut Inspected) {
        if !self.holds {
            return passing.down.push(bytes);
        }
        self.held_since.get_or_insert(now);
        self.held.extend_from_slice(&bytes);
        if self.held.len() >= self.office.buffer {
            self.release(passing);
        }
    }

    /// Lets go what was held back.
    fn release(&mut self, passing: &mut Inspected) {
        self.held_since = None;
        if !self.held.is_empty() {
            passing.down.push(std::mem::take(&mut self.held).into());
        }
    }
}

/// A request to upgrade as a plain one (RFC 9110 §7.8: `Upgrade` is for the next hop alone, and a
/// proxy that does not know it leaves it out).
fn stripped(head: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(head);
    let of_this_hop = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        ["upgrade", "connection"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    };
    let kept: Vec<_> = text
        .split("\r\n")
        .filter(|line| !of_this_hop(line))
        .collect();
    kept.join("\r\n").into_bytes()
}

impl Impairment for Proxied {
    fn leaves(&mut self, direction: Direction, _bytes: usize, at: Instant) -> Instant {
        // It has swallowed the request, so it also drops what the server does about the silence.
        match (
            direction,
            self.hangs && self.office.upgrade == Upgrade::Hang,
        ) {
            (Direction::Down, true) => never(at),
            _ => at,
        }
    }

    fn verdict(&mut self, now: Instant) -> Verdict {
        match self.office.idle {
            Some(idle) if self.last_byte + idle <= now => Verdict::Fin,
            _ => Verdict::Continue,
        }
    }

    fn next(&self, now: Instant) -> Option<Instant> {
        let idle = self.office.idle.map(|idle| self.last_byte + idle);
        let held = self.held_since.map(|since| since + self.office.hold);
        [idle, held]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
    }

    fn inspects(&self) -> bool {
        true
    }

    fn inspect(&mut self, direction: Direction, bytes: Bytes, now: Instant) -> Inspected {
        let mut passing = Inspected::default();
        self.last_byte = now;
        match direction {
            Direction::Up => self.up(bytes, &mut passing),
            Direction::Down => self.down(bytes, now, &mut passing),
        }
        passing
    }

    fn release_due(&mut self, now: Instant) -> Inspected {
        let mut passing = Inspected::default();
        if self
            .held_since
            .is_some_and(|since| since + self.office.hold <= now)
        {
            self.release(&mut passing);
        }
        passing
    }

    fn release_all(&mut self) -> Inspected {
        let mut passing = Inspected::default();
        self.release(&mut passing);
        passing
    }

    fn watched(&mut self) -> Option<Watched> {
        let mut fresh = (Messages::new(), Messages::new());
        std::mem::swap(&mut fresh.0, &mut self.requests);
        std::mem::swap(&mut fresh.1, &mut self.answers);
        Some(Watched {
            requests: fresh.0,
            answers: fresh.1,
            hangs: self.hangs,
            holds: self.holds,
            last_byte: self.last_byte,
        })
    }

    fn go_on(&mut self, watched: Watched) {
        self.requests = watched.requests;
        self.answers = watched.answers;
        self.hangs = watched.hangs && self.office.upgrade != Upgrade::Pass;
        self.holds = watched.holds && self.office.buffer > 0;
        self.last_byte = watched.last_byte;
    }
}

/// What it knows of a connection, for its successor when conditions change.
pub struct Watched {
    requests: Messages,
    answers: Messages,
    hangs: bool,
    holds: bool,
    last_byte: Instant,
}

#[cfg(test)]
mod tests {
    use super::super::testing::{impair, opening};
    use super::*;

    const UPGRADE: &str = "GET /ws/a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n";
    const STREAM: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    fn text(parts: &[Bytes]) -> String {
        String::from_utf8(parts.concat()).unwrap()
    }

    fn pass(
        proxied: &mut dyn Impairment,
        direction: Direction,
        bytes: &str,
        now: Instant,
    ) -> Inspected {
        proxied.inspect(direction, Bytes::copy_from_slice(bytes.as_bytes()), now)
    }

    #[test]
    fn upgrades_are_refused_swallowed_or_made_plain_requests() {
        let opening = opening();
        let ask = |how| {
            let mut proxied = impair(&format!("office upgrade={how}"), &opening);
            pass(&mut *proxied, Direction::Up, UPGRADE, opening.opened)
        };
        assert_eq!(text(&ask("pass").up), UPGRADE);
        let refused = ask("403");
        assert!(refused.up.is_empty() && refused.ends);
        assert!(text(&refused.down).starts_with("HTTP/1.1 403 "));
        assert!(text(&refused.down).ends_with("\r\n\r\nWebSockets are not allowed here"));
        let hung = ask("hang");
        assert!(hung.up.is_empty() && hung.down.is_empty() && !hung.ends);
        let plain = "GET /ws/a HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key: k\r\n\r\n";
        assert_eq!(text(&ask("strip").up), plain);
    }

    #[test]
    fn other_requests_pass() {
        let opening = opening();
        for how in ["403", "hang", "strip"] {
            let mut proxied = impair(&format!("office upgrade={how}"), &opening);
            let request = "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
            let passed = pass(&mut *proxied, Direction::Up, request, opening.opened);
            assert_eq!(text(&passed.up), request);
        }
    }

    #[test]
    fn streaming_answers_are_held_until_size_or_time() {
        let opening = opening();
        let at = opening.opened;
        let mut proxied = impair("office buffer=100B hold=2s", &opening);
        let second = Duration::from_secs(1);
        assert!(
            pass(&mut *proxied, Direction::Down, STREAM, at)
                .down
                .is_empty()
        );
        assert_eq!(proxied.next(at), Some(at + second * 2));
        assert!(proxied.release_due(at + second).down.is_empty());
        assert_eq!(text(&proxied.release_due(at + second * 2).down), STREAM);
        // By size.
        let chunk = format!("{:x}\r\n{}\r\n", 90, "x".repeat(90));
        let half = &chunk[..60];
        let later = at + second * 3;
        assert!(
            pass(&mut *proxied, Direction::Down, half, later)
                .down
                .is_empty()
        );
        let both = format!("{chunk}{}", &chunk[..20]);
        let passed = pass(&mut *proxied, Direction::Down, &both[60..], later);
        assert_eq!(text(&passed.down), both);
        // The end lets go.
        let rest = format!("{}0\r\n\r\n", &chunk[20..]);
        assert_eq!(
            text(&pass(&mut *proxied, Direction::Down, &rest[..10], later).down),
            ""
        );
        assert_eq!(
            text(&pass(&mut *proxied, Direction::Down, &rest[10..], later).down),
            rest
        );
        let sized = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(
            text(&pass(&mut *proxied, Direction::Down, sized, later).down),
            sized
        );
    }

    #[test]
    fn who_asks_not_to_be_buffered_is_heard_or_not() {
        let opening = opening();
        let asks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Accel-Buffering: no\r\n\r\n";
        for (accel, passes) in [("honour", asks), ("ignore", "")] {
            let mut proxied = impair(&format!("office buffer=4KiB accel={accel}"), &opening);
            let passed = pass(&mut *proxied, Direction::Down, asks, opening.opened);
            assert_eq!(text(&passed.down), passes);
        }
    }

    #[test]
    fn what_is_idle_is_cut_and_a_byte_starts_the_clock_again() {
        let opening = opening();
        let minute = Duration::from_secs(60);
        let mut proxied = impair("office idle=1m", &opening);
        assert_eq!(proxied.next(opening.opened), Some(opening.opened + minute));
        let later = opening.opened + minute / 2;
        pass(&mut *proxied, Direction::Down, "\u{16}", later);
        assert_eq!(proxied.verdict(opening.opened + minute), Verdict::Continue);
        assert_eq!(proxied.verdict(later + minute), Verdict::Fin);
    }

    #[test]
    fn what_it_has_not_seen_from_the_beginning_it_does_not_read() {
        let known = Opening {
            sees_all: false,
            ..opening()
        };
        let mut proxied = impair("office upgrade=403 buffer=4KiB", &known);
        assert_eq!(
            text(&pass(&mut *proxied, Direction::Up, UPGRADE, known.opened).up),
            UPGRADE
        );
        let passed = pass(&mut *proxied, Direction::Down, STREAM, known.opened);
        assert_eq!(text(&passed.down), STREAM);
    }

    #[test]
    fn another_one_goes_on_where_the_last_one_was() {
        let opening = opening();
        let mut first = impair("office buffer=4KiB hold=1s", &opening);
        pass(&mut *first, Direction::Down, STREAM, opening.opened);
        assert_eq!(text(&first.release_all().down), STREAM);
        let known = Opening {
            sees_all: false,
            ..opening
        };
        let mut second = impair("office buffer=4KiB hold=1s", &known);
        second.go_on(first.watched().unwrap());
        let passed = pass(
            &mut *second,
            Direction::Down,
            "5\r\nhello\r\n",
            opening.opened,
        );
        assert_eq!(text(&passed.down), "");
        let passed = pass(&mut *second, Direction::Down, "0\r\n\r\n", opening.opened);
        assert_eq!(text(&passed.down), "5\r\nhello\r\n0\r\n\r\n");
    }
}
