//! Reading: as much as is there, bounded, decoded into messages.
//!
//! The buffer belongs to the thread and not to the connection: sessions of a thread read one after
//! the other, so one of 64 KiB serves them all. With one for each, 5,000 idle clients would hold
//! 320 MB.

use std::{cell::RefCell, io};

use super::Socket;
use crate::{
    codec::websocket::{CloseCode, Decoder, Message, Violation},
    wire::Layers,
};

/// Bytes read in one system call, into a buffer that all sessions of a thread share.
const READ_BYTES: usize = 64 << 10;
/// System calls to read in one turn, so that a busy sender does not starve the others.
const READS_PER_TURN: usize = 4;
/// The same, where it may be compressed: a thousand times as much may be in it.
const COMPRESSED_READ_BYTES: usize = 4 << 10;
/// Bytes gained by inflating with which a turn ends: what is decoded waits in memory until it is
/// handled, and no other task of the thread runs meanwhile.
const SAVED_PER_TURN: u64 = 64 << 10;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// How the input went on.
pub(super) enum Input {
    Goes,
    /// The peer's close frame.
    Closed(Option<CloseCode>),
    Violated(Violation),
    /// FIN, RST, or an error.
    Ended,
}

/// Reads what is there, bounded, and decodes it.
pub(super) fn read_some(
    socket: &Socket,
    decoder: &mut Decoder,
    messages: &mut Vec<Message>,
) -> Input {
    SCRATCH.with_borrow_mut(|scratch| {
        let scratch = match socket.may_be_compressed() {
            true => &mut scratch[..COMPRESSED_READ_BYTES],
            false => &mut scratch[..],
        };
        let read = |scratch: &mut [u8]| socket.io.try_read(scratch);
        one_turn(read, scratch, decoder, messages, |layers| {
            socket.meter().received(layers);
        })
    })
}

/// Some reads, each decoded, until nothing more is there or the turn is used up. `received` is told how
/// the bytes of each divide.
fn one_turn(
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    scratch: &mut [u8],
    decoder: &mut Decoder,
    messages: &mut Vec<Message>,
    mut received: impl FnMut(Layers),
) -> Input {
    let mut saved = 0;
    for _ in 0..READS_PER_TURN {
        let read = match read(scratch) {
            Ok(0) => return Input::Ended,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Input::Goes,
            Err(_) => return Input::Ended,
        };
        let input = decode_some(decoder, &scratch[..read], messages);
        let saved_now = decoder.take_saved_bytes();
        saved += saved_now;
        received(Layers {
            framing: decoder.take_framing_bytes(),
            saved: saved_now,
            ..Layers::default()
        });
        match input {
            Input::Goes if read < scratch.len() || saved >= SAVED_PER_TURN => {
                return Input::Goes;
            }
            Input::Goes => {}
            other => return other,
        }
    }
    Input::Goes
}

/// All messages that are whole, in order, up to a close frame or a violation: nothing is read past
/// either.
pub(super) fn decode_some(
    decoder: &mut Decoder,
    mut input: &[u8],
    messages: &mut Vec<Message>,
) -> Input {
    loop {
        match decoder.next(&mut input) {
            Ok(Some(Message::Close(code))) => return Input::Closed(code),
            Ok(Some(message)) => messages.push(message),
            Ok(None) => return Input::Goes,
            Err(violation) => return Input::Violated(violation),
        }
    }
}

/// Throws away what is there to read; true at the end of the input.
pub(super) fn discard(socket: &Socket) -> bool {
    SCRATCH.with_borrow_mut(|scratch| {
        for _ in 0..READS_PER_TURN {
            match socket.io.try_read(scratch) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{
        deflate::Compressor,
        websocket::{Inflation, Limits, OpCode, encode_masked},
    };

    const MESSAGE_MAX_BYTES: usize = 64 << 10;

    /// What one turn makes of a sender that never ends, read by read.
    fn held_after_a_turn(frame: &[u8], read_bytes: usize) -> (usize, usize) {
        let mut endless = frame.iter().copied().cycle();
        let mut reads = 0;
        let read = |scratch: &mut [u8]| {
            reads += 1;
            scratch.fill_with(|| endless.next().expect("it never ends"));
            Ok(scratch.len())
        };
        let limits = Limits {
            message_max_bytes: MESSAGE_MAX_BYTES,
            accept_binary: true,
        };
        let mut decoder = Decoder::new(limits).inflating(Some(Inflation::Alone));
        let mut messages = Vec::new();
        let mut scratch = vec![0; read_bytes];
        let input = one_turn(read, &mut scratch, &mut decoder, &mut messages, |_| {});
        assert!(matches!(input, Input::Goes));
        let held = messages.iter().map(|message| match message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
            _ => 0,
        });
        (reads, held.sum())
    }

    /// A thousand to one: a stranger's megabyte would be a gigabyte that waits to be handled.
    #[test]
    fn what_inflates_ends_the_turn_with_the_read_that_it_came_by() {
        let mut bomb = Vec::new();
        Compressor::new(15).message(&vec![b' '; MESSAGE_MAX_BYTES], &mut bomb);
        let mut frame = Vec::new();
        encode_masked(OpCode::Text, &bomb, [1, 2, 3, 4], &mut frame);
        frame[0] |= 0x40;
        let (reads, held) = held_after_a_turn(&frame, COMPRESSED_READ_BYTES);
        assert_eq!(reads, 1);
        assert!(held > 64 * COMPRESSED_READ_BYTES, "{held}: they do inflate");
        assert!(held < 1_000 * COMPRESSED_READ_BYTES, "{held}");

        // What comes as it is goes on for as many reads as a turn has.
        let mut plain = Vec::new();
        encode_masked(OpCode::Text, &[b' '; 1_000], [1, 2, 3, 4], &mut plain);
        let (reads, held) = held_after_a_turn(&plain, COMPRESSED_READ_BYTES);
        assert_eq!(reads, READS_PER_TURN);
        assert!(held <= READS_PER_TURN * COMPRESSED_READ_BYTES, "{held}");
    }
}
