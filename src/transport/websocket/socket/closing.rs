//! The closing handshake (RFC 6455 §7), from either side, to the end of the connection.
//!
//! ```text
//! they close:  close ──► │ ◄── close, the same code │ FIN ──► │ ◄── FIN
//! we close:    │ ◄── close │ close ──► │ FIN ──► │ ◄── FIN
//! ```
//!
//! Whoever began, the server ends TCP first (§7.1.1): so the address that stays blocked for a while
//! (TIME_WAIT) is the server's, and the client can connect again from the same port at once. A peer
//! that does not answer within `close_within` is reset.

use std::pin::Pin;

use tokio::time::{Instant, Sleep};

use super::{
    Socket,
    input::{Input, discard, read_some},
    next::Next,
};
use crate::codec::websocket::{CloseCode, Decoder};

/// The peer closes: answer with its own code (§5.5.1), then end.
pub(super) async fn answer_close(
    socket: &Socket,
    code: Option<CloseCode>,
    deadline: Pin<&mut Sleep>,
) {
    socket.close_with(code, "");
    finish(socket, deadline).await;
}

/// We close: wait for the peer's close frame, ignoring what it sent before it.
pub(super) async fn await_close(
    socket: &Socket,
    decoder: &mut Decoder,
    mut deadline: Pin<&mut Sleep>,
) {
    let until = Instant::now() + socket.settings.close_within;
    deadline.as_mut().reset(until);
    let mut ignored = Vec::new();
    loop {
        match socket.next_while_closed(deadline.as_mut()).await {
            Next::Readable => {}
            Next::Closed => continue,
            Next::Deadline => return socket.io.abort_on_close(),
            Next::Broken => return,
        }
        let input = read_some(socket, decoder, &mut ignored);
        for message in ignored.drain(..) {
            socket.received_in_vain(&message);
        }
        match input {
            Input::Goes => {}
            Input::Ended => return,
            Input::Closed(_) | Input::Violated(_) => return finish(socket, deadline).await,
        }
    }
}

/// Both close frames are sent, or one that needs no answer: flushes, sends FIN, and waits for the
/// peer's FIN, because closing at once could reset the connection before the peer has read
/// everything.
pub(super) async fn finish(socket: &Socket, mut deadline: Pin<&mut Sleep>) {
    let until = Instant::now() + socket.settings.close_within;
    deadline.as_mut().reset(until);
    let mut shut = false;
    loop {
        if !shut && socket.has_left() {
            shut = true;
            if socket.io.shutdown_write().is_err() {
                return;
            }
        }
        match socket.next_while_closed(deadline.as_mut()).await {
            Next::Readable if discard(socket) => return,
            Next::Readable | Next::Closed => {}
            Next::Deadline => return socket.io.abort_on_close(),
            Next::Broken => return,
        }
    }
}
