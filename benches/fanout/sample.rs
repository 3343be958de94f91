//! One delivered publication, looked at before anything is measured: the bare loop must send frames
//! of the same bytes, and the payload is padded so that the frame has the 97 bytes of the earlier
//! comparison (`performance.md`) where the envelope leaves room for that.

use std::io;
use std::net::SocketAddrV4;

use crate::envelope::{self, Kind};
use crate::process::Server;
use crate::protocol::Protocol;
use crate::subscriber::Subscriber;

const WANTED_FRAME_BYTES: usize = 97;
/// What frames of different protocols are padded to, to be compared.
pub const COMPARED_FRAME_BYTES: usize = 400;

pub struct Sample {
    /// The payload of the frame, as the server sent it.
    pub publication: String,
    /// Length of the string published as `data`.
    pub pad_bytes: u64,
    /// Bytes on the wire above TCP: WebSocket head and payload.
    pub frame_bytes: usize,
}

impl Sample {
    /// Publishes with an empty string, then, if the frame came out short, with one that fills it.
    pub fn take(server: SocketAddrV4) -> io::Result<Self> {
        let mut subscriber = Subscriber::subscribe(server, 0, Protocol::Plain)?;
        let sample = publish(&mut subscriber, 0)?;
        match WANTED_FRAME_BYTES.checked_sub(sample.frame_bytes) {
            Some(pad_bytes @ 1..) => publish(&mut subscriber, pad_bytes),
            _ => Ok(sample),
        }
    }
}

/// How long a string to publish so that the frames of a protocol have [`COMPARED_FRAME_BYTES`].
pub fn compared_pad_bytes(server: &Server, protocol: Protocol) -> io::Result<u64> {
    // Long enough for the longer form of a frame's length in every protocol.
    const PROBE_BYTES: usize = 200;
    let mut publisher = Subscriber::subscribe(server.lane("websocket"), 0, Protocol::Plain)?;
    let mut subscriber = Subscriber::subscribe(server.lane(protocol.lane()), 1, protocol)?;
    publish(&mut publisher, PROBE_BYTES)?;
    loop {
        let payload = subscriber.read_text()?;
        let kind = envelope::kind_of(&payload);
        if matches!(kind, Kind::Publication | Kind::Unnumbered) {
            let frame_bytes = payload.len() + 4;
            return Ok((PROBE_BYTES + COMPARED_FRAME_BYTES - frame_bytes) as u64);
        }
    }
}

fn publish(subscriber: &mut Subscriber, pad_bytes: usize) -> io::Result<Sample> {
    subscriber.queue_text(envelope::publish_message(pad_bytes).as_bytes());
    subscriber.flush();
    loop {
        let payload = subscriber.read_text()?;
        if envelope::kind_of(&payload) == Kind::Publication {
            let publication = String::from_utf8(payload).map_err(io::Error::other)?;
            let frame_bytes = publication.len() + if publication.len() < 126 { 2 } else { 4 };
            return Ok(Sample {
                publication,
                pad_bytes: pad_bytes as u64,
                frame_bytes,
            });
        }
    }
}
