//! The closing handshake (RFC 6455 §7), from either side, to the end of the connection.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use tokio::time::{Instant, Sleep};

use super::{
    Socket,
    input::{Input, discard, read_some},
    run::Next,
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
        ignored.clear();
        match read_some(socket, decoder, &mut ignored) {
            Input::Goes => {}
            Input::Ended => return,
            Input::Closed(_) | Input::Violated(_) => return finish(socket, deadline).await,
        }
    }
}

/// Both close frames are out, or one is that needs no answer: flush, FIN, and wait for the peer's
/// FIN, so that closing does not reset the connection under what the peer has yet to read.
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

impl Socket {
    /// As [`Self::next`], once `closed` is old news: wakes for input, the deadline, or when the
    /// last of the queue has left (`Closed`).
    async fn next_while_closed(&self, mut deadline: Pin<&mut Sleep>) -> Next {
        let had_left = self.has_left();
        poll_fn(|context| {
            self.keep_waker(context);
            if self.poll_flush(context).is_err() || self.out.borrow().is_broken {
                return Poll::Ready(Next::Broken);
            }
            if !had_left && self.has_left() {
                return Poll::Ready(Next::Closed);
            }
            match self.io.poll_read_ready(context) {
                Poll::Ready(Ok(())) => return Poll::Ready(Next::Readable),
                Poll::Ready(Err(_)) => return Poll::Ready(Next::Broken),
                Poll::Pending => {}
            }
            deadline.as_mut().poll(context).map(|()| Next::Deadline)
        })
        .await
    }
}
