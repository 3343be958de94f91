//! What a socket's loop waits for: something to read, room to write, the deadline, or a close frame
//! that somebody else has sent.
//!
//! Written by hand and not with `select!`, since all of it is polled by one task that must not lose
//! a wake-up between two of the branches, and since reading comes before the deadline: bytes that
//! are there already are a sign of life.

use std::{future::poll_fn, pin::Pin, task::Poll};

use tokio::time::Sleep;

use super::Socket;

/// What happened first.
pub(super) enum Next {
    Readable,
    Deadline,
    /// A close frame is on its way out.
    Closed,
    Broken,
}

impl Socket {
    /// Waits until there is something to read or the deadline has come, writing what waits.
    pub(super) async fn next(&self, mut deadline: Pin<&mut Sleep>) -> Next {
        poll_fn(|context| {
            self.keep_waker(context);
            if self.poll_flush(context).is_err() || self.out.borrow().is_broken {
                return Poll::Ready(Next::Broken);
            }
            match self.io.poll_read_ready(context) {
                Poll::Ready(Ok(())) => return Poll::Ready(Next::Readable),
                Poll::Ready(Err(_)) => return Poll::Ready(Next::Broken),
                Poll::Pending => {}
            }
            let changed = self.out.borrow().is_closed;
            match deadline.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Next::Deadline),
                Poll::Pending if changed => Poll::Ready(Next::Closed),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// As [`Self::next`], once `closed` is old news: wakes for input, the deadline, or when the
    /// last of the queue has left (`Closed`).
    pub(super) async fn next_while_closed(&self, mut deadline: Pin<&mut Sleep>) -> Next {
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
