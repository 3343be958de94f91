//! An accepted connection, counted where its bytes pass.
//!
//! Implements tokio's `AsyncRead + AsyncWrite`, so an unmodified actix-web `App` runs over it,
//! and offers the same by shared reference ([`LaneStream::try_write`] and its siblings) to
//! sessions that own their socket. Every path goes through the meter.

use std::{
    cell::Cell,
    io,
    os::fd::AsFd,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{meter::ConnectionMeter, tcp_info};
use crate::clock;

/// The kernel is asked for its counts at most this often while a connection is busy.
const TCP_INFO_EVERY_US: u64 = 1_000_000;

/// How long a peer may be silent at TCP level before the kernel gives the connection up.
#[derive(Debug, Clone, Copy)]
pub struct TcpTimeouts {
    /// Idle time before the first keep-alive probe, and between probes.
    pub keepalive: Duration,
    /// Probes without an answer after which the connection is dead.
    pub probes: u32,
    /// How long sent bytes may stay unacknowledged (`TCP_USER_TIMEOUT`).
    pub unacknowledged: Duration,
}

/// See the module.
pub struct LaneStream {
    io: TcpStream,
    meter: Arc<ConnectionMeter>,
    asked_kernel_us: Cell<u64>,
}

impl LaneStream {
    /// Wraps an accepted connection: no delay (Nagle off), and the peer's silence noticed.
    pub fn new(io: TcpStream, meter: Arc<ConnectionMeter>, timeouts: TcpTimeouts) -> Self {
        let socket = SockRef::from(&io);
        let keepalive = TcpKeepalive::new()
            .with_time(timeouts.keepalive)
            .with_interval(timeouts.keepalive)
            .with_retries(timeouts.probes);
        // A system that refuses an option still serves: the heartbeats above notice silence too.
        let _ = socket.set_tcp_nodelay(true);
        let _ = socket.set_tcp_keepalive(&keepalive);
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(Some(timeouts.unacknowledged));
        Self {
            io,
            meter,
            asked_kernel_us: Cell::new(0),
        }
    }

    pub fn meter(&self) -> &Arc<ConnectionMeter> {
        &self.meter
    }

    /// Writes what fits now. `WouldBlock`: wait with [`Self::poll_write_ready`].
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.io.try_write(bytes)?;
        self.count_written(written);
        Ok(written)
    }

    /// Reads what is there. `Ok(0)`: the peer sends no more. `WouldBlock`: wait with
    /// [`Self::poll_read_ready`].
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.io.try_read(buffer)?;
        self.meter.read(read);
        Ok(read)
    }

    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_write_ready(context)
    }

    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_read_ready(context)
    }

    /// Says that nothing more will be written (FIN).
    pub fn shutdown_write(&self) -> io::Result<()> {
        SockRef::from(&self.io).shutdown(std::net::Shutdown::Write)
    }

    /// Makes closing drop what is unsent and tell the peer so (RST): for a peer that is gone.
    pub fn abort_on_close(&self) {
        let _ = SockRef::from(&self.io).set_linger(Some(Duration::ZERO));
    }

    /// Takes the connection off this thread's event loop, to go on with on another.
    pub fn detach(self) -> io::Result<DetachedStream> {
        // A descriptor of its own: this one closes with the stream that stays behind.
        let socket = self.io.as_fd().try_clone_to_owned()?;
        Ok(DetachedStream {
            socket: socket.into(),
            meter: self.meter.clone(),
        })
    }

    fn count_written(&self, bytes: usize) {
        self.meter.wrote(bytes, clock::now_us);
        let now_us = clock::now_us();
        if now_us - self.asked_kernel_us.get() > TCP_INFO_EVERY_US {
            self.asked_kernel_us.set(now_us);
            self.ask_kernel();
        }
    }

    fn ask_kernel(&self) {
        if let Some(info) = tcp_info::read(self.io.as_fd()) {
            self.meter.kernel_says(&info);
        }
    }
}

/// A connection between two threads.
pub struct DetachedStream {
    socket: std::net::TcpStream,
    meter: Arc<ConnectionMeter>,
}

impl DetachedStream {
    /// Goes on with it on this thread's event loop.
    pub fn attach(self) -> io::Result<LaneStream> {
        Ok(LaneStream {
            io: TcpStream::from_std(self.socket)?,
            meter: self.meter,
            asked_kernel_us: Cell::new(0),
        })
    }
}

impl Drop for LaneStream {
    fn drop(&mut self) {
        self.ask_kernel();
    }
}

impl AsyncRead for LaneStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
        self.meter.read(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LaneStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(context, bytes))?;
        self.count_written(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
