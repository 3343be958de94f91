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
        let mut saved = 0;
        for _ in 0..READS_PER_TURN {
            let read = match socket.io.try_read(scratch) {
                Ok(0) => return Input::Ended,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Input::Goes,
                Err(_) => return Input::Ended,
            };
            let input = decode_some(decoder, &scratch[..read], messages);
            let saved_now = decoder.take_saved_bytes();
            saved += saved_now;
            socket.meter().received(Layers {
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
    })
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
