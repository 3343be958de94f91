//! An accepted connection, counted where its bytes pass; with TLS the plain bytes here, and the
//! encrypted ones below (see [`super::tls`]).
//!
//! Implements tokio's `AsyncRead + AsyncWrite`, so an unmodified actix-web `App` runs over it,
//! and offers the same by shared reference ([`LaneStream::try_write`] and its siblings) to
//! sessions that own their socket. Every path goes through the meter.
//!
//! ```text
//! actix-http ── poll_read, poll_write ──►┐
//!                                        ├──► meter, tap ──► TLS? ──► Io ──► kernel
//! session ───── try_read, try_write ────►┘
//! ```
//!
//! What else happens to a connection whoever uses it happens here as well: it is cut when its seat
//! is taken away, given up when its peer takes an answer too slowly, and what actix-http refuses by
//! itself is answered with words ([`super::error_answer`]).
//!
//! Rejected: wrapping the socket twice, once for actix and once for sessions. A byte would be
//! counted by one of two pieces of code, and they would differ some day.

use std::{
    cell::{Cell, RefCell},
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::BytesMut;
use rustls::ServerConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::{
    conditions::LaneConditions,
    error_answer::{self, ErrorAnswers, SubstituteAnswer},
    io::{DetachedIo, Io},
    meter::ConnectionMeter,
    pace::Pace,
    seats::Seat,
    tls::{self, Tls},
};
use crate::{clock, wire::Layers, writing};

/// The kernel's counts are read at most this often while a connection is busy.
const TCP_INFO_EVERY_US: u64 = 1_000_000;

/// Socket options of each connection: how long a peer may be silent before the kernel gives it up,
/// and how many bytes may wait in the kernel.
#[derive(Debug, Clone, Copy)]
pub struct TcpOptions {
    /// Idle time before the first keep-alive probe, and between probes.
    pub keepalive: Duration,
    /// Probes without an answer after which the connection is dead.
    pub probes: u32,
    /// How long sent bytes may stay unacknowledged (`TCP_USER_TIMEOUT`).
    pub unacknowledged: Duration,
    /// `SO_SNDBUF`, which Linux doubles for its own bookkeeping; 0 leaves it to the system, which
    /// lets it grow to megabytes.
    pub send_buffer_bytes: usize,
    /// How slowly a peer may take what is written by HTTP.
    pub answers: Pace,
}

/// See the module.
pub struct LaneStream {
    io: Io,
    /// Boxed: most connections have none, and their stream stays small.
    tls: Option<Box<RefCell<Tls>>>,
    /// When the kernel's counts were last read, µs.
    kernel_read_us: Cell<u64>,
    answers: Pace,
    /// `Some` while the peer has not taken all of an answer.
    behind: Option<Box<Behind>>,
    /// Runs while the rest of an unread body is awaited.
    rest: Option<Pin<Box<Sleep>>>,
    /// Given back when this is dropped.
    seat: Option<Arc<Seat>>,
    /// The seat was given to another connection, and what had arrived before was read.
    has_read_the_last: bool,
    /// Answers to what is not a request.
    error_answers: Option<ErrorAnswers>,
    substitute: Option<Box<SubstituteAnswer>>,
    /// See [`Self::unread`].
    unread: Option<Box<BytesMut>>,
}

/// The peer has not yet taken all that was written.
struct Behind {
    next_check: Pin<Box<Sleep>>,
    /// What it had acknowledged at the last check, bytes.
    taken_before: u64,
}

impl LaneStream {
    /// Wraps an accepted connection: `TCP_NODELAY`, and keep-alive to notice a dead peer.
    /// `conditions`: what holds for its lane.
    pub fn new(
        io: TcpStream,
        meter: Arc<ConnectionMeter>,
        options: TcpOptions,
        conditions: Arc<LaneConditions>,
    ) -> Self {
        let socket = SockRef::from(&io);
        let keepalive = TcpKeepalive::new()
            .with_time(options.keepalive)
            .with_interval(options.keepalive)
            .with_retries(options.probes);
        // An option that the system refuses is no error: heartbeats notice a silent peer, too.
        // Without it the second of two small messages waits for the acknowledgement of the first (RFC 896),
        // up to 40 ms and more: the delay measured would be Nagle's.
        let _ = socket.set_tcp_nodelay(true);
        let _ = socket.set_tcp_keepalive(&keepalive);
        if options.send_buffer_bytes > 0 {
            let _ = socket.set_send_buffer_size(options.send_buffer_bytes);
        }
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(Some(options.unacknowledged));
        Self {
            io: Io::new(io, meter, conditions),
            tls: None,
            kernel_read_us: Cell::new(0),
            answers: options.answers,
            behind: None,
            rest: None,
            seat: None,
            has_read_the_last: false,
            error_answers: None,
            substitute: None,
            unread: None,
        }
    }

    /// Puts back what was read, for whoever reads next by [`AsyncRead`]. It is counted already.
    /// actix-http reads on until nothing is there before it hands a connection to a session, so
    /// that [`Self::try_read`] never finds any of it.
    pub fn unread(&mut self, bytes: BytesMut) {
        if !bytes.is_empty() {
            self.unread = Some(Box::new(bytes));
        }
    }

    /// Answers with these what the HTTP server refuses by itself; see [`error_answer`].
    pub fn with_error_answers(mut self, error_answers: ErrorAnswers) -> Self {
        self.error_answers = Some(error_answers);
        self
    }

    /// Keeps a seat for as long as this lives.
    pub fn seated(mut self, seat: Arc<Seat>) -> Self {
        self.meter().seated(&seat);
        self.seat = Some(seat);
        self
    }

    /// Its seat; `None` for a connection that is only told why there is none.
    pub fn seat(&self) -> Option<&Arc<Seat>> {
        self.seat.as_ref()
    }

    /// An error if the connection was cut ([`Seat::cut`]).
    fn unless_cut(&self) -> io::Result<()> {
        match &self.seat {
            Some(seat) if seat.is_cut() => {
                self.abort_on_close();
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            _ => Ok(()),
        }
    }

    /// Whether the time for the rest of an unread body is over; if not, the task is woken when it
    /// is.
    fn rest_is_late(&mut self, context: &mut Context<'_>) -> bool {
        let Some(by) = self.seat.as_ref().and_then(|seat| seat.rest_by()) else {
            self.rest = None;
            return false;
        };
        let by = Instant::from_std(by);
        let rest = self.rest.get_or_insert_with(|| Box::pin(sleep_until(by)));
        if rest.deadline() != by {
            rest.as_mut().reset(by);
        }
        rest.as_mut().poll(context).is_ready()
    }

    /// Whether the peer reads too slowly; while bytes wait, the task is woken to check again. What
    /// the peer has acknowledged counts, not what the kernel took: its buffers hold minutes of a
    /// slow line.
    fn is_too_slow(&mut self, context: &mut Context<'_>) -> bool {
        let Self {
            io,
            answers,
            behind,
            seat,
            ..
        } = self;
        if behind.is_none()
            && let Some(seat) = seat
        {
            seat.set_behind(true);
        }
        let behind = behind.get_or_insert_with(|| {
            Box::new(Behind {
                next_check: Box::pin(sleep(answers.patience)),
                taken_before: io.acknowledged().unwrap_or(0),
            })
        });
        while behind.next_check.as_mut().poll(context).is_ready() {
            // A peer is not blamed for conditions that the lab itself sets.
            if let Some(taken) = io.acknowledged() {
                if taken.saturating_sub(behind.taken_before) < answers.bytes_in_patience() {
                    return true;
                }
                behind.taken_before = taken;
            }
            let next = Instant::now() + answers.patience;
            behind.next_check.as_mut().reset(next);
        }
        false
    }

    /// Does the handshake of TLS; nothing may have been read or written before.
    pub async fn secure(mut self, config: Arc<ServerConfig>) -> io::Result<Self> {
        let tls = Tls::accept(config, &self.io).await?;
        self.tls = Some(Box::new(RefCell::new(tls)));
        Ok(self)
    }

    /// Whether what comes begins like TLS; waits for the first byte and leaves it there.
    pub async fn begins_with_handshake(&self) -> io::Result<bool> {
        tls::begins_with_handshake(&self.io).await
    }

    /// The connection's meter.
    pub fn meter(&self) -> &Arc<ConnectionMeter> {
        self.io.meter()
    }

    /// Writes what fits now. `WouldBlock`: wait with [`Self::poll_write_ready`].
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.meter().writes_now();
        let written = writing::timed(|| match &self.tls {
            None => self.io.try_write(bytes),
            Some(tls) => tls.borrow_mut().try_write(&self.io, bytes),
        })?;
        self.count_accepted(&bytes[..written]);
        Ok(written)
    }

    /// Reads what is there. `Ok(0)`: the peer sends no more. `WouldBlock`: wait with
    /// [`Self::poll_read_ready`].
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        debug_assert!(self.unread.is_none(), "what was put back is read first");
        let read = match &self.tls {
            None => self.io.try_read(buffer)?,
            Some(tls) => tls.borrow_mut().try_read(&self.io, buffer)?,
        };
        self.meter().read(&buffer[..read]);
        Ok(read)
    }

    /// Ready when [`Self::try_write`] may take something.
    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.tls {
            None => self.io.poll_write_ready(context),
            Some(tls) => tls.borrow_mut().poll_flush(&self.io, context),
        }
    }

    /// Ready when [`Self::try_read`] may bring something, or the end.
    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.tls {
            None => self.io.poll_read_ready(context),
            Some(tls) => tls.borrow_mut().poll_read_ready(&self.io, context),
        }
    }

    /// Ready once the kernel has all that was written: with TLS, encrypted bytes may still wait.
    pub fn poll_flushed(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.tls {
            None => Poll::Ready(Ok(())),
            Some(tls) => tls.borrow_mut().poll_flush(&self.io, context),
        }
    }

    /// Whether the kernel has all that was written.
    pub fn is_flushed(&self) -> bool {
        self.tls
            .as_ref()
            .is_none_or(|tls| tls.borrow().is_flushed())
    }

    /// Says that nothing more will be written (FIN). What is not flushed by then may be lost.
    pub fn shutdown_write(&self) -> io::Result<()> {
        if let Some(tls) = &self.tls {
            tls.borrow_mut().end(&self.io);
        }
        self.io.shutdown_write()
    }

    /// Makes closing drop what is unsent and tell the peer so (RST): for a peer that is gone.
    pub fn abort_on_close(&self) {
        self.io.abort_on_close();
    }

    /// Detaches the connection from this thread's event loop, to attach it on another thread.
    pub fn detach(mut self) -> io::Result<DetachedStream> {
        Ok(DetachedStream {
            io: self.io.detach()?,
            tls: self.tls.take(),
            answers: self.answers,
            seat: self.seat.take(),
        })
    }

    fn poll_read_now(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.tls.is_some() {
            return self.poll_read_secured(context, buffer);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
        self.meter().read(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }

    fn poll_read_secured(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.poll_read_ready(context))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_write_secured(
        &self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.poll_write_ready(context))?;
                }
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_write_plainly(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.meter().writes_now();
        let written = match self.tls.is_some() {
            true => self.poll_write_secured(context, bytes),
            false => writing::timed(|| Pin::new(&mut self.io).poll_write(context, bytes)).map_ok(
                |written| {
                    self.count_accepted(&bytes[..written]);
                    written
                },
            ),
        };
        if written.is_pending() && self.is_too_slow(context) {
            self.abort_on_close();
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }

    /// How much of `bytes` to write: all of them, or what stands before an answer that may be the
    /// HTTP server's own. If such an answer comes first, it is replaced by one with a body.
    fn before_error_answer(&mut self, bytes: &[u8]) -> usize {
        let Some(error_answers) = self.error_answers else {
            return bytes.len();
        };
        match error_answer::find(bytes) {
            Some((0, status)) if !self.meter().expects_answer() => {
                if let Some((mut answer, body)) = error_answers(status) {
                    self.meter().answer(Layers::of_protocol(body.len()).into());
                    answer.extend_from_slice(&body);
                    self.substitute = Some(Box::new(SubstituteAnswer::new(answer, bytes.len())));
                }
                bytes.len()
            }
            Some((at, _)) if at > 0 => at,
            _ => bytes.len(),
        }
    }

    /// Writes the substitute answer, and then reads and drops what still comes until the peer has
    /// had time to read the answer.
    fn poll_write_substitute(
        &mut self,
        substitute: &mut SubstituteAnswer,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        while substitute.written < substitute.bytes.len() {
            let left = &substitute.bytes[substitute.written..];
            substitute.written += ready!(self.poll_write_plainly(context, left))?;
        }
        if substitute.drained_by.is_none() {
            ready!(self.poll_flushed(context))?;
            self.shutdown_write()?;
            // In a flood of refusals there is no waiting, as with any other refusal.
            substitute.lingers = self.seat.as_ref().map(|seat| seat.linger());
            if matches!(substitute.lingers, Some(None)) {
                return Poll::Ready(Ok(substitute.replaces));
            }
        }
        let mut dropped = [0; 4_096];
        loop {
            if substitute.drained_by().poll(context).is_ready() {
                return Poll::Ready(Ok(substitute.replaces));
            }
            let mut buffer = ReadBuf::new(&mut dropped);
            let read = ready!(Pin::new(&mut *self).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(substitute.replaces));
            }
        }
    }

    /// Tells the meter what the layer below took, and reads the kernel's counts now and then.
    fn count_accepted(&self, bytes: &[u8]) {
        self.meter().accepted(bytes);
        // A system call each time would cost more than the write that it tells about.
        let now_us = clock::now_us();
        if now_us - self.kernel_read_us.get() > TCP_INFO_EVERY_US {
            self.kernel_read_us.set(now_us);
            self.io.read_kernel_counts();
        }
    }
}

/// A connection that moves to another thread.
pub struct DetachedStream {
    io: DetachedIo,
    tls: Option<Box<RefCell<Tls>>>,
    answers: Pace,
    seat: Option<Arc<Seat>>,
}

impl DetachedStream {
    /// Attaches it to this thread's event loop.
    pub fn attach(self) -> io::Result<LaneStream> {
        Ok(LaneStream {
            io: self.io.attach()?,
            tls: self.tls,
            kernel_read_us: Cell::new(0),
            answers: self.answers,
            behind: None,
            rest: None,
            seat: self.seat,
            has_read_the_last: false,
            // Only HTTP uses these, and only WebSockets move.
            error_answers: None,
            substitute: None,
            unread: None,
        })
    }
}

impl Drop for LaneStream {
    fn drop(&mut self) {
        // The last chance: with the socket the kernel forgets them.
        self.io.read_kernel_counts();
    }
}

impl AsyncRead for LaneStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(seat) = &self.seat {
            // Whoever reads also writes: one task to wake.
            seat.wake_when_cut(context);
        }
        self.unless_cut()?;
        if let Some(unread) = &mut self.unread {
            let read = buffer.remaining().min(unread.len());
            buffer.put_slice(&unread.split_to(read));
            if unread.is_empty() {
                self.unread = None;
            }
            return Poll::Ready(Ok(()));
        }
        // Given away is less than cut: reading ends as if the peer had ended it, and an answer that is
        // under way is still written.
        let seat = self.seat.as_ref();
        let is_given_up = seat.is_some_and(|seat| seat.is_given_up(context));
        if (is_given_up && self.has_read_the_last) || self.rest_is_late(context) {
            // As if the peer had ended it.
            return Poll::Ready(Ok(()));
        }
        let read = self.poll_read_now(context, buffer);
        if !is_given_up {
            return read;
        }
        // A request that arrived just before the seat was given away is still answered.
        self.has_read_the_last = true;
        match read {
            Poll::Pending => Poll::Ready(Ok(())),
            read => read,
        }
    }
}

impl AsyncWrite for LaneStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.unless_cut()?;
        if self.substitute.is_none() {
            let upto = self.before_error_answer(bytes);
            if self.substitute.is_none() {
                return self.poll_write_plainly(context, &bytes[..upto]);
            }
        }
        let Some(mut substitute) = self.substitute.take() else {
            return Poll::Ready(Ok(0));
        };
        let said = self.poll_write_substitute(&mut substitute, context);
        if said.is_pending() {
            self.substitute = Some(substitute);
        }
        said
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unless_cut()?;
        if self.poll_flushed(context)?.is_pending() {
            if self.is_too_slow(context) {
                self.abort_on_close();
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            return Poll::Pending;
        }
        if self.behind.take().is_some()
            && let Some(seat) = &self.seat
        {
            seat.set_behind(false);
        }
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unless_cut()?;
        if let Some(tls) = &self.tls {
            ready!(self.poll_flushed(context))?;
            tls.borrow_mut().end(&self.io);
        }
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
