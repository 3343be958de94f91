//! The pump of a link: moves bytes that are due between the delay lines and the socket, and cuts or
//! ends the connection.
//!
//! It is woken by whatever can change what it would do: the socket, the alarm of the next instant that
//! is due, the session, and a change of the lane's conditions. Each time it goes through all of
//! it, for which of them it was cannot be told from a waker, and looking costs little.

use std::{
    io,
    net::Shutdown,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use socket2::SockRef;

use super::{Closing, End, State, leaves, remember, wake};
use crate::lane::conditions::{Direction, Verdict};

/// Bytes read in one call.
const READ_BYTES: usize = 16 << 10;
/// Reads in one turn, so that a busy sender does not starve the thread.
const READS_PER_TURN: usize = 8;
/// How long a connection that was cut by FIN waits for the peer's FIN: closing at once could reset
/// it.
const LINGER: Duration = Duration::from_secs(2);

impl State {
    /// One turn of the pump; ready when there is nothing left to do.
    pub(super) fn pump(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_over() {
            // Before any waker is registered: the connection may go on elsewhere.
            self.counted = None;
            return Poll::Ready(());
        }
        remember(&mut self.pump, context);
        self.meter.waker().register(context.waker());
        let now = Instant::now();
        if self.armed.is_some_and(|armed| armed <= now) {
            self.armed = None;
        }
        // The order matters. What was changed holds from now on; a cut comes before bytes are moved, since
        // they are lost by it; what was held back can leave in this very turn; and the end comes after
        // the last byte.
        self.follow_lane(now);
        self.strike(now);
        if let Some(inspector) = self.inspector() {
            let released = inspector.release_due(now);
            self.pass(released, now);
        }
        self.pump_down(now, context);
        self.end_down(now);
        self.pump_up(now, context);
        if self.is_readable(now) {
            wake(&mut self.reader);
        }
        if self.is_writable() {
            wake(&mut self.writer);
        }
        if self.is_over() {
            self.counted = None;
            return Poll::Ready(());
        }
        self.arm(now);
        Poll::Pending
    }

    /// Neither a socket nor a session is left.
    fn is_over(&self) -> bool {
        self.socket.is_none() && self.is_session_gone
    }

    /// Ends the connection if a condition says so.
    fn strike(&mut self, now: Instant) {
        if self.socket.is_none() || self.lingers.is_some() {
            return;
        }
        // Of several, the one that was named first decides.
        let verdicts = self.impairments.iter_mut().map(|it| it.verdict(now));
        match verdicts.reduce(|verdict, next| {
            if verdict == Verdict::Continue {
                next
            } else {
                verdict
            }
        }) {
            Some(Verdict::Fin) => self.cut_by_fin(now),
            Some(Verdict::Rst) => self.cut_by_rst(now),
            _ => {}
        }
    }

    /// Ends both sides in good order, and reads on for a while: bytes that find a closed socket
    /// would make a reset of it.
    fn cut_by_fin(&mut self, now: Instant) {
        self.lose(now, End::Fin, io::ErrorKind::BrokenPipe);
        if let Some(socket) = &self.socket {
            let _ = SockRef::from(socket).shutdown(Shutdown::Write);
        }
        self.lingers = Some(now + LINGER);
    }

    /// Ends both sides with a reset.
    pub(super) fn cut_by_rst(&mut self, now: Instant) {
        let reset = io::ErrorKind::ConnectionReset;
        self.lose(now, End::Error(reset), reset);
        self.hang_up(true);
    }

    /// Drops bytes in flight and tells the session.
    fn lose(&mut self, now: Instant, end: End, broken: io::ErrorKind) {
        self.down.clear();
        self.up.clear();
        self.up_end = Some((now, end));
        self.broken = Some(broken);
    }

    /// Closes the socket, with RST if `aborts`.
    fn hang_up(&mut self, aborts: bool) {
        self.read_kernel_counts();
        if let Some(socket) = self.socket.take()
            && aborts
        {
            // A linger of nothing: closing drops what is unsent and sends RST.
            let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
        }
    }

    /// From the line to the socket, what is due, as far as the kernel takes it.
    fn pump_down(&mut self, now: Instant, context: &mut Context<'_>) {
        while let Err(error) = self.write_due(now) {
            let ready = match (&self.socket, error.kind()) {
                (Some(socket), io::ErrorKind::WouldBlock) => socket.poll_write_ready(context),
                (_, kind) => Poll::Ready(Err(kind.into())),
            };
            match ready {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    self.lose(now, End::Error(error.kind()), error.kind());
                    return self.hang_up(false);
                }
            }
        }
    }

    /// Closes the socket after the session has, once all bytes are out.
    fn end_down(&mut self, now: Instant) {
        let Some((due, how)) = self.closing else {
            return;
        };
        if self.lingers.is_some() || due > now || self.down.due().is_some_and(|due| due <= now) {
            return;
        }
        match (how, &self.socket) {
            (Closing::HalfClose, Some(socket)) => {
                let _ = SockRef::from(socket).shutdown(Shutdown::Write);
                self.closing = None;
            }
            _ => self.hang_up(how == Closing::Abort),
        }
    }

    /// From the socket into the line, as much as there is room for; a line that is full stops
    /// reading, and TCP stops the peer.
    fn pump_up(&mut self, now: Instant, context: &mut Context<'_>) {
        if self.lingers.is_some_and(|until| until <= now) {
            self.hang_up(false);
        }
        let mut buffer = [0; READ_BYTES];
        for _ in 0..READS_PER_TURN {
            let Some(socket) = &self.socket else { return };
            // Read all the same: unread bytes would turn the close into a reset.
            let is_lost = self.lingers.is_some() || self.is_session_gone;
            let free = match is_lost {
                true => READ_BYTES,
                false if self.up_end.is_some() => return,
                false => self
                    .up
                    .free_bytes(self.window(Direction::Up))
                    .min(READ_BYTES),
            };
            if free == 0 {
                return;
            }
            match socket.try_read(&mut buffer[..free]) {
                Ok(0) => return self.peer_ended(now, is_lost),
                Ok(_) if is_lost => {}
                Ok(read) => self.enter(Direction::Up, Bytes::copy_from_slice(&buffer[..read]), now),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match socket.poll_read_ready(context) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return self.peer_broke(now, error.kind()),
                        Poll::Pending => return,
                    }
                }
                Err(error) => return self.peer_broke(now, error.kind()),
            }
        }
        // There may be more: after the thread's other connections had their turn.
        context.waker().wake_by_ref();
    }

    /// The peer's FIN; the session learns of it when the bytes before it have arrived.
    fn peer_ended(&mut self, now: Instant, is_lost: bool) {
        if !is_lost {
            let due = leaves(&mut self.impairments, Direction::Up, 0, now);
            self.up_end = Some((due, End::Fin));
        } else if self.lingers.is_some() || self.down.is_empty() {
            self.hang_up(false);
        }
        // Otherwise the peer may still read bytes that are in flight.
    }

    /// The session sees the end with the same delay as bytes.
    fn peer_broke(&mut self, now: Instant, kind: io::ErrorKind) {
        let due = leaves(&mut self.impairments, Direction::Up, 0, now);
        self.up_end = self.up_end.or(Some((due, End::Error(kind))));
        self.hang_up(false);
    }
}
