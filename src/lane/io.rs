//! What a lane's stream reads and writes: the socket itself, or a link that puts conditions in
//! between (see [`super::conditions`]).
//!
//! ```text
//!            conditions are set                       and gone, with nothing in flight
//!  Socket ────────────────────────► Link ⇄ pump ⇄ socket ────────────────────────► Socket
//! ```
//!
//! Without conditions each call costs one read of a version number. When the version has changed,
//! the connection follows: it comes under conditions in the middle of its life, or gets its socket
//! back once there are no conditions and no bytes in flight. An idle connection is woken for that
//! by the waker in its meter.
//!
//! Rejected: a link for every connection, with a delay of nothing where there are no conditions.
//! Each byte would be copied twice and handed from task to task, and a lab that measures would
//! measure that.

use std::{
    cell::{Cell, RefCell},
    io,
    net::Shutdown,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{
    conditions::{
        LaneConditions,
        link::{DetachedLink, Link},
    },
    meter::ConnectionMeter,
    tcp_info,
};

/// See the module.
pub struct Io {
    carrier: RefCell<Carrier>,
    meter: Arc<ConnectionMeter>,
    lane: Arc<LaneConditions>,
    /// The version of the lane's conditions that this follows.
    seen: Cell<u32>,
    /// Whether closing drops what is unsent and resets the connection.
    aborts: Cell<bool>,
}

/// What carries the bytes now.
enum Carrier {
    Socket(TcpStream),
    Link(Rc<Link>),
    /// Taken out, in the middle of a change.
    Nothing,
}

/// An [`Io`] that moves to another thread.
pub struct DetachedIo {
    carrier: DetachedCarrier,
    meter: Arc<ConnectionMeter>,
    lane: Arc<LaneConditions>,
    seen: u32,
}

/// The same, off this thread's event loop.
enum DetachedCarrier {
    Socket(std::net::TcpStream),
    Link(Box<DetachedLink>),
}

/// The error of a connection that was taken out and never put back.
fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl Io {
    /// Of a connection that was just accepted.
    pub fn new(socket: TcpStream, meter: Arc<ConnectionMeter>, lane: Arc<LaneConditions>) -> Self {
        let io = Self {
            carrier: RefCell::new(Carrier::Socket(socket)),
            meter,
            seen: Cell::new(lane.version()),
            lane,
            aborts: Cell::new(false),
        };
        if io.lane.in_effect().is_some() {
            io.come_under_conditions(true);
        }
        io
    }

    /// The connection's meter.
    pub fn meter(&self) -> &Arc<ConnectionMeter> {
        &self.meter
    }

    /// Calls the closure for what carries the bytes now.
    fn with<T>(
        &self,
        socket: impl FnOnce(&TcpStream) -> T,
        link: impl FnOnce(&Link) -> T,
        nothing: impl FnOnce() -> T,
    ) -> T {
        self.follow();
        match &*self.carrier.borrow() {
            Carrier::Socket(io) => socket(io),
            Carrier::Link(io) => link(io),
            Carrier::Nothing => nothing(),
        }
    }

    /// Looks whether the lane's conditions have changed, and whether a link has given the socket
    /// back. Called before every read and write: it must cost next to nothing.
    fn follow(&self) {
        // One load: there is no lock on the way of a byte where there are no conditions.
        if self.seen.get() != self.lane.version() {
            self.follow_change();
        }
        let taken_back = match &*self.carrier.borrow() {
            Carrier::Link(link) => link.take_back(),
            _ => return,
        };
        if let Some(socket) = taken_back {
            self.carrier.replace(Carrier::Socket(socket));
        }
    }

    /// Kept out of line: it happens when somebody sets conditions, and never in a measurement.
    #[cold]
    fn follow_change(&self) {
        self.seen.set(self.lane.version());
        // A link follows by itself.
        let is_socket = matches!(&*self.carrier.borrow(), Carrier::Socket(_));
        if is_socket && self.lane.in_effect().is_some() {
            self.come_under_conditions(false);
        }
    }

    /// Puts the socket behind a link.
    fn come_under_conditions(&self, is_new: bool) {
        // The task that waits for the socket must now wait for the link.
        if let Some(waiting) = self.meter.waker().take() {
            waiting.wake();
        }
        let carrier = self.carrier.replace(Carrier::Nothing);
        self.carrier.replace(match carrier {
            Carrier::Socket(socket) => {
                Carrier::Link(Link::open(socket, &self.lane, &self.meter, is_new))
            }
            other => other,
        });
    }

    /// As the socket's.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // Both closures borrow the buffer, but only one of them runs.
        let buffer = RefCell::new(buffer);
        self.with(
            |socket| socket.try_read(&mut buffer.borrow_mut()),
            |link| link.try_read(&mut buffer.borrow_mut()),
            || Err(gone()),
        )
    }

    /// As the socket's.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.with(
            |socket| {
                let written = socket.try_write(bytes)?;
                self.meter.kernel_took(written);
                Ok(written)
            },
            |link| link.try_write(bytes),
            || Err(gone()),
        )
    }

    /// As the socket's.
    pub fn poll_write_ready(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        let mut own = Context::from_waker(context.waker());
        self.with(
            |socket| socket.poll_write_ready(&mut own),
            |link| link.poll_write_ready(context),
            || Poll::Ready(Err(gone())),
        )
    }

    /// As the socket's.
    pub fn poll_read_ready(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.poll_reading(context, |io| {
            let mut own = Context::from_waker(context.waker());
            io.with(
                |socket| socket.poll_read_ready(&mut own),
                |link| link.poll_read_ready(context),
                || Poll::Ready(Err(gone())),
            )
        })
    }

    /// The first byte that can be read, which stays there; `None` at the end.
    pub fn poll_first(&self, context: &Context<'_>) -> Poll<io::Result<Option<u8>>> {
        self.poll_reading(context, |io| {
            let mut own = Context::from_waker(context.waker());
            io.with(
                |socket| {
                    let mut byte = [0];
                    let mut buffer = ReadBuf::new(&mut byte);
                    let peeked = ready!(socket.poll_peek(&mut own, &mut buffer))?;
                    Poll::Ready(Ok((peeked > 0).then_some(byte[0])))
                },
                |link| link.poll_first(context).map(Ok),
                || Poll::Ready(Err(gone())),
            )
        })
    }

    /// Polls for reading; if pending, the task is woken when conditions change.
    fn poll_reading<T>(&self, context: &Context<'_>, poll: impl Fn(&Self) -> Poll<T>) -> Poll<T> {
        let polled = poll(self);
        if polled.is_ready() || !self.register_for_changes(context) {
            return polled;
        }
        // Conditions changed in between.
        poll(self)
    }

    /// Registers the task to be woken when conditions change (a link does so itself); whether they
    /// have changed already.
    fn register_for_changes(&self, context: &Context<'_>) -> bool {
        if let Carrier::Socket(_) = &*self.carrier.borrow() {
            self.meter.waker().register(context.waker());
        }
        self.seen.get() != self.lane.version()
    }

    /// Says that nothing more will be written, once what was is out.
    pub fn shutdown_write(&self) -> io::Result<()> {
        self.with(
            |socket| SockRef::from(socket).shutdown(Shutdown::Write),
            |link| {
                link.shutdown_write();
                Ok(())
            },
            || Err(gone()),
        )
    }

    /// Makes closing drop what is unsent and tell the peer so (RST).
    pub fn abort_on_close(&self) {
        self.aborts.set(true);
        if let Carrier::Socket(socket) = &*self.carrier.borrow() {
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
    }

    /// Hands the kernel's counts to the meter; nothing where the system has none.
    pub fn read_kernel_counts(&self) {
        match &*self.carrier.borrow() {
            Carrier::Socket(socket) => {
                if let Some(info) = tcp_info::read(socket) {
                    self.meter.record_kernel_counts(&info);
                }
            }
            Carrier::Link(link) => link.read_kernel_counts(),
            Carrier::Nothing => {}
        }
    }

    /// Bytes that the peer has acknowledged; `None` where the kernel does not tell, or under
    /// conditions.
    pub fn acknowledged(&self) -> Option<u64> {
        match &*self.carrier.borrow() {
            Carrier::Socket(socket) => tcp_info::read(socket).map(|info| info.bytes_acked),
            Carrier::Link(_) | Carrier::Nothing => None,
        }
    }

    /// Detaches the connection from this thread.
    pub fn detach(&self) -> io::Result<DetachedIo> {
        let carrier = match self.carrier.replace(Carrier::Nothing) {
            Carrier::Socket(socket) => DetachedCarrier::Socket(socket.into_std()?),
            Carrier::Link(link) => DetachedCarrier::Link(Box::new(link.detach()?)),
            Carrier::Nothing => return Err(gone()),
        };
        Ok(DetachedIo {
            carrier,
            meter: self.meter.clone(),
            lane: self.lane.clone(),
            seen: self.seen.get(),
        })
    }
}

impl DetachedIo {
    /// Attaches it to this thread.
    pub fn attach(self) -> io::Result<Io> {
        let carrier = match self.carrier {
            DetachedCarrier::Socket(socket) => Carrier::Socket(TcpStream::from_std(socket)?),
            DetachedCarrier::Link(carrier) => Carrier::Link(carrier.attach()?),
        };
        Ok(Io {
            carrier: RefCell::new(carrier),
            meter: self.meter,
            lane: self.lane,
            seen: Cell::new(self.seen),
            aborts: Cell::new(false),
        })
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        match &*self.carrier.borrow() {
            Carrier::Link(link) => link.leave(self.aborts.get()),
            // The meter may outlive this, and its waker would keep the task's memory.
            Carrier::Socket(_) => drop(self.meter.waker().take()),
            Carrier::Nothing => {}
        }
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            self.follow();
            let polled = match self.carrier.get_mut() {
                // tokio's own spares a system call where a read was not filled.
                Carrier::Socket(socket) => Pin::new(socket).poll_read(context, buffer),
                Carrier::Link(link) => match link.try_read(buffer.initialize_unfilled()) {
                    Ok(read) => {
                        buffer.advance(read);
                        Poll::Ready(Ok(()))
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        match link.poll_read_ready(context) {
                            Poll::Ready(ready) => {
                                ready?;
                                continue;
                            }
                            Poll::Pending => Poll::Pending,
                        }
                    }
                    Err(error) => Poll::Ready(Err(error)),
                },
                Carrier::Nothing => Poll::Ready(Err(gone())),
            };
            if polled.is_ready() || !self.register_for_changes(context) {
                return polled;
            }
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            self.follow();
            match self.carrier.get_mut() {
                Carrier::Socket(socket) => {
                    let written = ready!(Pin::new(socket).poll_write(context, bytes))?;
                    self.meter.kernel_took(written);
                    return Poll::Ready(Ok(written));
                }
                Carrier::Link(link) => match link.try_write(bytes) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        ready!(link.poll_write_ready(context))?;
                    }
                    written => return Poll::Ready(written),
                },
                Carrier::Nothing => return Poll::Ready(Err(gone())),
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.carrier.get_mut() {
            Carrier::Socket(socket) => Pin::new(socket).poll_flush(context),
            // Bytes in a delay line leave by themselves.
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Carrier::Socket(socket) = self.carrier.get_mut() {
            return Pin::new(socket).poll_shutdown(context);
        }
        Poll::Ready(self.shutdown_write())
    }
}
