//! What is written to a connection: made in a buffer that all connections of a thread share, and
//! kept only while the kernel does not take it.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

/// Written at once, as by actix-http.
pub const AT_ONCE_BYTES: usize = 32 << 10;
/// A buffer that grew larger than this (one long publication is enough) is not kept.
const KEPT_MAX_BYTES: usize = 2 * AT_ONCE_BYTES;

thread_local! {
    static SHARED: RefCell<BytesMut> = RefCell::default();
}

/// See the module.
#[derive(Default)]
pub struct Output {
    bytes: BytesMut,
    /// They are in the thread's buffer.
    is_shared: bool,
    /// The peer has yet to take what was written.
    is_behind: bool,
}

impl Output {
    /// Where bytes are put that are to be written next.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// Whether bytes wait that were written before.
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// What it keeps for itself.
    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Takes the thread's buffer for as long as the task runs, unless there is one of its own.
    pub fn borrow(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = SHARED.take();
            self.is_shared = true;
        }
    }

    /// Gives the thread its buffer back, and keeps a copy of what is left in it.
    pub fn give_back(&mut self) {
        let left = match self.bytes.is_empty() {
            true => BytesMut::new(),
            false if self.is_shared => BytesMut::from(&self.bytes[..]),
            false => return,
        };
        let mut buffer = std::mem::replace(&mut self.bytes, left);
        if std::mem::take(&mut self.is_shared) && buffer.capacity() <= KEPT_MAX_BYTES {
            buffer.clear();
            SHARED.set(buffer);
        }
    }

    /// Ready when the kernel has all of it.
    pub fn poll_sent(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.is_behind = true;
        let mut written = 0;
        while written < self.bytes.len() {
            let left = &self.bytes[written..];
            match Pin::new(&mut *stream).poll_write(context, left)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(some) => written += some,
                Poll::Pending => {
                    self.bytes.advance(written);
                    return Poll::Pending;
                }
            }
        }
        self.bytes.clear();
        ready!(Pin::new(stream).poll_flush(context))?;
        self.is_behind = false;
        Poll::Ready(Ok(()))
    }
}
