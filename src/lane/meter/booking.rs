//! Counts written bytes by layer, and what they deliver, once the kernel has taken them.
//!
//! A transport announces each [`Message`] that it writes: its bytes by layer, and what it delivers.
//! The bytes may still wait in a buffer, behind the lane's conditions, or encrypted, and the
//! connection may end first. So a message is kept here as a mark on the connection's plain byte
//! stream. Its bytes are counted as the kernel takes them, its deliveries with its last byte. What
//! the kernel never takes is never counted.
//!
//! The position of a message in the stream is known when it is announced, except for an HTTP
//! answer, whose head is written later. Then the mark waits until the end of the head (the empty
//! line, RFC 9112 §2.1) has passed.
//!
//! The number of marks is bounded: each stands for at least one byte that the kernel has not taken
//! yet, or for a head that is not written yet; an empty message leaves no mark. The bytes are
//! bounded where they wait: 32 KiB and 16 pipelined requests in actix, 32 KiB in the small connection
//! in front of it; TLS and the delay lines have
//! their own bounds. What waits in a subscriber's queue is bounded by the queue's budget and has no
//! mark yet.
//!
//! Within a message, framing is assumed to come first, then the protocol's bytes, the instrument's,
//! and the payload's. So for
//! a message that is cut off, the sum is exact but the division is an approximation.

use std::{collections::VecDeque, sync::Arc};

use super::labels::{Labels, OnWritten};
use crate::wire::Layers;

/// Bytes that are written together, and what they deliver once the kernel has the last of them.
#[derive(Debug, Default)]
pub struct Message {
    /// Its bytes, without an HTTP head.
    pub layers: Layers,
    /// Publications in it.
    pub publications: usize,
    /// `published_us` of those publications whose delay to the kernel is measured.
    pub stamps: Vec<u64>,
    /// It answers a poll and carries no publication.
    pub is_empty_answer: bool,
}

impl Message {
    /// Whether there is nothing to count when it is out.
    fn is_nothing(&self) -> bool {
        let is_counted = self.publications > 0 || !self.stamps.is_empty() || self.is_empty_answer;
        self.layers.total() == 0 && !is_counted
    }
}

impl From<Layers> for Message {
    fn from(layers: Layers) -> Self {
        Self {
            layers,
            ..Self::default()
        }
    }
}

/// The labels of a message that was announced before its connection changed its labels.
pub struct Owner {
    pub labels: Option<Arc<Labels>>,
    pub on_written: Option<OnWritten>,
}

/// The part of one message that the kernel has taken in one step.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Booked {
    /// All bytes of the part, including an HTTP head.
    pub bytes: u64,
    pub layers: Layers,
    pub publications: u64,
    pub empty_answers: u64,
    /// Of publications that the kernel now has.
    pub stamps: Vec<u64>,
}

/// A message that is announced and not yet out, as a place in the stream.
struct Mark {
    /// An HTTP head comes first, and its end has not been written yet.
    awaits_head: bool,
    /// Bytes of the head that the kernel has not taken.
    head: u64,
    /// Where the rest of it begins in the plain stream; grows as the kernel takes it.
    at: u64,
    /// What the kernel does not have.
    left: Message,
    /// Nobody else keeps it: if the connection ends first, its publications are lost.
    is_handed_over: bool,
    owner: Option<Arc<Owner>>,
}

/// Finds the end of an HTTP head in a stream that comes in pieces.
#[derive(Default)]
struct Head {
    bytes: u64,
    /// How much of the empty line (CR LF CR LF) has been seen.
    matched: usize,
    /// As far as it has been seen.
    status: [u8; 3],
}

impl Head {
    /// Index of the first digit of the status in a status line: `HTTP/1.1 200`.
    const STATUS_AT: usize = 9;

    /// How much of `bytes` belongs to the head, and whether it ends there. An interim answer (1xx,
    /// RFC 9110 §15.2) is part of the head that follows it, except 101: what follows that is not
    /// HTTP.
    fn feed(&mut self, bytes: &[u8]) -> (usize, bool) {
        const END: &[u8] = b"\r\n\r\n";
        for (index, &byte) in bytes.iter().enumerate() {
            let digit = (self.bytes as usize).checked_sub(Self::STATUS_AT);
            if let Some(place) = digit.and_then(|digit| self.status.get_mut(digit)) {
                *place = byte;
            }
            self.bytes += 1;
            self.matched = match byte {
                byte if byte == END[self.matched] => self.matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            if self.matched < END.len() {
                continue;
            }
            self.matched = 0;
            if self.status[0] == b'1' && self.status != *b"101" {
                // The caller counts its bytes as part of the whole head.
                self.bytes = 0;
            } else {
                return (index + 1, true);
            }
        }
        (bytes.len(), false)
    }
}

/// The marks of one connection. Positions are in its plain byte stream.
#[derive(Default)]
pub struct Booking {
    /// In the order of the stream. The first `placed` have a known position.
    marks: VecDeque<Mark>,
    placed: usize,
    /// Where the last placed one ends.
    placed_to: u64,
    head: Head,
    /// Where the head that is being scanned begins.
    head_at: Option<u64>,
    /// TLS records: (encrypted bytes up to the record's end, plain bytes in the record).
    records: VecDeque<(u64, u64)>,
}

impl Booking {
    /// Whether anything is on its way.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty() && self.records.is_empty()
    }

    /// Whether an announced message covers position `at`, or one waits for its head.
    pub fn is_expecting(&self, at: u64) -> bool {
        self.placed < self.marks.len() || at < self.placed_to
    }

    /// An HTTP answer will be written: a head, and then this.
    pub fn answer(&mut self, message: Message) {
        self.push(true, false, message);
    }

    /// The message will be written after those announced before. `accepted`: length of the stream
    /// so far.
    pub fn follow(&mut self, message: Message, accepted: u64) {
        self.push(false, true, message);
        self.place(accepted);
    }

    /// The message begins at `at`.
    pub fn starts_at(&mut self, at: u64, message: Message) {
        self.push(false, false, message);
        self.place(at);
    }

    /// Publications of streams that the kernel never got. What answers a poll is not among them: it
    /// is asked for again. Nor is what begins at a position: its owner has the rest of it in a
    /// queue.
    pub fn lost_publications(&self) -> usize {
        let lost = self.marks.iter().filter(|mark| mark.is_handed_over);
        lost.map(|mark| mark.left.publications).sum()
    }

    /// Behind the others. An empty message leaves no mark, since there is no byte at which it would
    /// be done.
    fn push(&mut self, awaits_head: bool, is_handed_over: bool, left: Message) {
        if !awaits_head && left.is_nothing() {
            return;
        }
        self.marks.push_back(Mark {
            awaits_head,
            head: 0,
            at: 0,
            left,
            is_handed_over,
            owner: None,
        });
    }

    /// Gives positions to messages without a head; `at`: length of the stream so far.
    fn place(&mut self, at: u64) {
        while let Some(mark) = self.marks.get_mut(self.placed) {
            if mark.awaits_head {
                return;
            }
            mark.at = self.placed_to.max(at);
            self.placed_to = mark.at + mark.left.layers.total();
            self.placed += 1;
        }
    }

    /// These bytes were written at `at`. Scans them for the heads that marks wait for.
    pub fn accepted(&mut self, mut at: u64, mut bytes: &[u8]) {
        while let Some(mark) = self.marks.get_mut(self.placed) {
            let of_others = self.placed_to.saturating_sub(at).min(bytes.len() as u64);
            bytes = &bytes[of_others as usize..];
            at += of_others;
            if bytes.is_empty() {
                return;
            }
            let began = *self.head_at.get_or_insert(at);
            let (length, ends) = self.head.feed(bytes);
            bytes = &bytes[length..];
            at += length as u64;
            if !ends {
                return;
            }
            self.head = Head::default();
            self.head_at = None;
            mark.awaits_head = false;
            mark.head = at - began;
            mark.at = began;
            self.placed_to = at + mark.left.layers.total();
            self.placed += 1;
            self.place(at);
        }
    }

    /// A TLS record with `plain` bytes ends at byte `encrypted` of the encrypted stream.
    pub fn seal(&mut self, plain: u64, encrypted: u64) {
        if let Some((end, sealed)) = self.records.back_mut()
            && *end == encrypted
        {
            *sealed += plain;
            return;
        }
        self.records.push_back((encrypted, plain));
    }

    /// Removes the records within the first `encrypted` bytes; returns their plain bytes.
    pub fn unseal(&mut self, encrypted: u64) -> u64 {
        let mut plain = 0;
        while let Some(&(end, bytes)) = self.records.front()
            && end <= encrypted
        {
            plain += bytes;
            self.records.pop_front();
        }
        plain
    }

    /// The kernel has the stream up to `written`: calls `book` for each message part that this
    /// completes.
    pub fn settle(&mut self, written: u64, mut book: impl FnMut(Booked, Option<&Arc<Owner>>)) {
        while self.placed > 0
            && let Some(mark) = self.marks.front_mut()
        {
            let length = mark.head + mark.left.layers.total();
            let taken = written.saturating_sub(mark.at).min(length);
            let of_head = taken.min(mark.head);
            let mut booked = Booked {
                bytes: taken,
                layers: take_layers(&mut mark.left.layers, taken - of_head),
                ..Booked::default()
            };
            mark.head -= of_head;
            mark.at += taken;
            let is_done = taken == length && mark.at <= written;
            if is_done {
                booked.publications = mark.left.publications as u64;
                booked.empty_answers = mark.left.is_empty_answer.into();
                booked.stamps = std::mem::take(&mut mark.left.stamps);
            }
            if taken > 0 || is_done {
                book(booked, mark.owner.as_ref());
            }
            if !is_done {
                return;
            }
            self.marks.pop_front();
            self.placed -= 1;
        }
    }

    /// The connection changes its labels: unwritten messages keep those of `owner`.
    pub fn own(&mut self, owner: impl FnOnce() -> Owner) {
        if self.marks.iter().all(|mark| mark.owner.is_some()) {
            return;
        }
        let owner = Arc::new(owner());
        for mark in &mut self.marks {
            mark.owner.get_or_insert_with(|| owner.clone());
        }
    }
}

/// Takes bytes off the layers, in the order in which they are assumed to stand: framing, protocol,
/// lab, data. What compression saved counts with the last byte, since before it nobody can tell how
/// much of the message has passed.
fn take_layers(left: &mut Layers, mut bytes: u64) -> Layers {
    if bytes >= left.total() {
        return std::mem::take(left);
    }
    let mut take = |layer: &mut u64| {
        let taken = bytes.min(*layer);
        *layer -= taken;
        bytes -= taken;
        taken
    };
    Layers {
        framing: take(&mut left.framing),
        protocol: take(&mut left.protocol),
        lab: take(&mut left.lab),
        payload: take(&mut left.payload),
        saved: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\na: b\r\n\r\n";

    fn message(framing: u64, payload: u64) -> Message {
        Message {
            layers: Layers {
                framing,
                protocol: 0,
                lab: 0,
                payload,
                saved: 0,
            },
            publications: 1,
            stamps: vec![7],
            is_empty_answer: false,
        }
    }

    /// Bytes of all layers, and publications, that are booked up to `written`.
    fn settle(booking: &mut Booking, written: u64) -> (u64, u64) {
        let mut sum = (0, 0);
        booking.settle(written, |booked, _| {
            sum.0 += booked.layers.total();
            sum.1 += booked.publications;
        });
        sum
    }

    #[test]
    fn what_follows_101_is_booked() {
        let head = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
        let mut booking = Booking::default();
        booking.answer(Message::default());
        booking.follow(message(1, 1), 0);
        booking.accepted(0, head);
        booking.accepted(head.len() as u64, b"fp");
        assert_eq!(settle(&mut booking, head.len() as u64 + 2), (2, 1));
    }

    #[test]
    fn an_answer_is_booked_byte_by_byte_after_its_head_wherever_the_stream_is_cut() {
        let head = HEAD.len() as u64;
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
        for before in [&b""[..], interim] {
            let stream = [before, HEAD, b"ffppp", HEAD, HEAD, b"fp"].concat();
            let body = before.len() as u64 + head;
            for cut in 0..=stream.len() {
                let mut booking = Booking::default();
                booking.answer(message(2, 3));
                booking.answer(Message::default());
                booking.answer(Message::default());
                booking.follow(message(1, 1), 0);
                booking.accepted(0, &stream[..cut]);
                let mut sum = settle(&mut booking, cut as u64);
                let expected = (cut as u64).saturating_sub(body).min(5)
                    + (cut as u64).saturating_sub(body + 5 + 2 * head);
                assert_eq!(sum.0, expected, "cut at {cut}");
                booking.accepted(cut as u64, &stream[cut..]);
                let rest = settle(&mut booking, stream.len() as u64);
                sum = (sum.0 + rest.0, sum.1 + rest.1);
                assert_eq!(sum, (7, 2), "cut at {cut}");
                assert!(booking.is_empty());
            }
        }
    }

    #[test]
    fn what_was_handed_down_is_booked_only_as_far_as_the_kernel_has_it() {
        let mut booking = Booking::default();
        booking.starts_at(10, message(2, 8));
        booking.starts_at(20, message(2, 8));
        assert_eq!(settle(&mut booking, 10), (0, 0));
        assert_eq!(settle(&mut booking, 15), (5, 0));
        assert_eq!(settle(&mut booking, 20), (5, 1));
        assert_eq!(settle(&mut booking, 29), (9, 0));
        assert_eq!(settle(&mut booking, 30), (1, 1));
        assert!(booking.is_empty());
    }

    #[test]
    fn there_are_no_more_marks_than_bytes_that_wait() {
        let mut booking = Booking::default();
        let mut accepted = 0;
        for n in 0..10_000_u64 {
            booking.follow(message(1, n % 3), accepted);
            booking.follow(Message::default(), accepted);
            accepted += 1 + n % 3;
            // The kernel takes less than comes, up to what may wait.
            settle(&mut booking, (n / 2).max(accepted.saturating_sub(100)));
            assert!(booking.marks.len() <= 100, "after {n}");
            booking.seal(1, n / 7);
        }
        assert!(booking.records.len() <= 10_000 / 7 + 1, "one for each end");
        settle(&mut booking, accepted);
        booking.unseal(u64::MAX);
        assert!(booking.is_empty());
    }

    #[test]
    fn a_compressed_message_is_booked_as_what_it_was_and_what_that_saved() {
        let compressed = Layers {
            framing: 2,
            protocol: 40,
            lab: 10,
            payload: 50,
            saved: 70,
        };
        for cut in 0..=32 {
            let mut booking = Booking::default();
            booking.starts_at(0, compressed.into());
            booking.starts_at(32, message(2, 8));
            let mut sum = Layers::default();
            let mut settle = |written| {
                booking.settle(written, |booked, _| {
                    assert_eq!(booked.layers.total(), booked.bytes, "cut at {cut}");
                    sum += booked.layers;
                });
            };
            settle(cut);
            settle(42);
            assert!(booking.is_empty());
            assert_eq!((sum.total(), sum.before_compression()), (42, 112));
        }
    }

    #[test]
    fn plain_bytes_count_with_the_last_byte_of_their_record() {
        let mut booking = Booking::default();
        booking.seal(10, 40);
        booking.seal(5, 70);
        assert_eq!(booking.unseal(39), 0);
        assert_eq!(booking.unseal(69), 10);
        assert_eq!(booking.unseal(70), 5);
    }
}
