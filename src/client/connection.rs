//! One TCP connection of a client: counted at the socket, checked against the kernel, and as far
//! away as the run wants it to be.
//!
//! Distance is a delay line in each direction: bytes leave, and are seen, a one-way delay later
//! than they were written and read, each piece on its own, so nothing compounds. tokio's timers
//! count milliseconds, so a delay is up to 1 ms longer than asked; 0 takes no detour at all.
//! Not here: loss, limited bandwidth; these belong to a lane.

use std::{
    cell::Cell,
    collections::VecDeque,
    io,
    os::fd::AsFd,
    rc::Rc,
    time::{Duration, Instant},
};

use socket2::SockRef;
use tokio::net::TcpStream;

use super::{Tally, Target, add};
use crate::{clock, lane::tcp_info};

/// Bytes that may be on their way in one direction of a distant connection.
const ON_THE_WAY_MAX_BYTES: usize = 4 << 20;
/// Room made for a read; small, since thousands of clients keep what they once needed.
const READ_BYTES: usize = 4 << 10;
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// How far away the other side plays to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Road {
    pub one_way: Duration,
}

/// See the module.
pub struct Connection {
    socket: TcpStream,
    road: Road,
    tally: Rc<Tally>,
    cut: Rc<Cell<bool>>,
    /// Read and not yet consumed.
    inbox: Vec<u8>,
    consumed: usize,
    /// When the newest of `inbox` was there, µs since the Unix epoch.
    read_at_us: u64,
    leaving: Line,
    arriving: Line,
    /// When the other side is taken for gone.
    give_up_at: Option<Instant>,
}

/// Bytes on their way, each piece with the instant it is due.
#[derive(Default)]
struct Line {
    pieces: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
}

impl Line {
    fn push(&mut self, due: Instant, piece: Vec<u8>) {
        self.bytes += piece.len();
        self.pieces.push_back((due, piece));
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let (_, piece) = self.pieces.pop_front()?;
        self.bytes -= piece.len();
        Some(piece)
    }

    /// Resolves when the first piece is due; never while there is none.
    async fn due(&self) {
        match self.pieces.front() {
            Some((due, _)) => tokio::time::sleep_until((*due).into()).await,
            None => std::future::pending().await,
        }
    }
}

impl Connection {
    /// Connects, with Nagle's delay off, as browsers have it. A distant handshake takes a round
    /// trip.
    pub async fn open(target: &Target, tally: Rc<Tally>, cut: Rc<Cell<bool>>) -> io::Result<Self> {
        let connecting = TcpStream::connect(target.address);
        let socket = tokio::time::timeout(CONNECT_PATIENCE, connecting)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        socket.set_nodelay(true)?;
        if !target.road.one_way.is_zero() {
            tokio::time::sleep(target.road.one_way * 2).await;
        }
        add(&tally.connections, 1);
        Ok(Self {
            socket,
            road: target.road,
            tally,
            cut,
            inbox: Vec::new(),
            consumed: 0,
            read_at_us: clock::now_us(),
            leaving: Line::default(),
            arriving: Line::default(),
            give_up_at: None,
        })
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// When the newest byte of [`Self::waiting`] was there.
    pub fn read_at_us(&self) -> u64 {
        self.read_at_us
    }

    /// What was read and not consumed.
    pub fn waiting(&self) -> &[u8] {
        &self.inbox[self.consumed..]
    }

    pub fn consume(&mut self, bytes: usize) {
        self.consumed += bytes;
        if self.consumed == self.inbox.len() {
            self.inbox.clear();
            self.consumed = 0;
        } else if self.consumed > READ_BYTES {
            self.inbox.drain(..self.consumed);
            self.consumed = 0;
        }
    }

    /// Sends; on a distant connection, gives it on its way.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.road.one_way.is_zero() {
            return self.write(bytes).await;
        }
        if self.leaving.bytes + bytes.len() > ON_THE_WAY_MAX_BYTES {
            return Err(io::Error::other("too much is on its way"));
        }
        let due = Instant::now() + self.road.one_way;
        self.leaving.push(due, bytes.to_vec());
        Ok(())
    }

    /// From now on, a connection on which nothing came by this instant counts as lost.
    pub fn give_up_at(&mut self, at: Instant) {
        self.give_up_at = Some(at);
    }

    /// Waits for more bytes; end of file is an error, since no client here expects it.
    pub async fn fill(&mut self) -> io::Result<()> {
        match self.give_up_at {
            None => self.fill_in_time().await,
            Some(at) => tokio::time::timeout_at(at.into(), self.fill_in_time())
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        }
    }

    async fn fill_in_time(&mut self) -> io::Result<()> {
        if self.road.one_way.is_zero() {
            return self.read().await;
        }
        loop {
            let is_room = self.arriving.bytes < ON_THE_WAY_MAX_BYTES;
            tokio::select! {
                biased;
                () = self.arriving.due() => {
                    let piece = self.arriving.pop().unwrap_or_default();
                    return self.take(&piece);
                }
                () = self.leaving.due() => self.send_due().await?,
                ready = self.socket.readable(), if is_room => {
                    ready?;
                    let mut piece = vec![0; READ_BYTES];
                    match self.socket.try_read(&mut piece) {
                        Ok(read) => {
                            piece.truncate(read);
                            self.arriving.push(Instant::now() + self.road.one_way, piece);
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }

    /// Takes what has arrived; an empty piece is the end.
    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        self.inbox.extend_from_slice(piece);
        self.took(piece.len())
    }

    fn took(&mut self, bytes: usize) -> io::Result<()> {
        if bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_at_us = clock::now_us();
        add(&self.tally.down.total, bytes);
        Ok(())
    }

    async fn read(&mut self) -> io::Result<()> {
        loop {
            self.socket.readable().await?;
            self.inbox.reserve(READ_BYTES);
            match self.socket.try_read_buf(&mut self.inbox) {
                Ok(read) => return self.took(read),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes the first piece that leaves. It stays in its place until it is out, so that a
    /// future that is dropped midway loses nothing and sends nothing twice.
    async fn send_due(&mut self) -> io::Result<()> {
        while let Some((_, piece)) = self.leaving.pieces.front_mut() {
            if piece.is_empty() {
                self.leaving.pieces.pop_front();
                return Ok(());
            }
            self.socket.writable().await?;
            match self.socket.try_write(piece) {
                Ok(written) => {
                    piece.drain(..written);
                    self.leaving.bytes -= written;
                    add(&self.tally.up.total, written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.socket.writable().await?;
            match self.socket.try_write(bytes) {
                Ok(written) => {
                    add(&self.tally.up.total, written);
                    bytes = &bytes[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.cut.get() {
            // Linger of nothing: close sends RST and forgets the rest. A refusal changes only
            // how the end looks to the server.
            let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
        }
        match tcp_info::read(self.socket.as_fd()) {
            Some(info) => add(&self.tally.kernel_down, info.bytes_received as usize),
            None => self.tally.kernel_silent.set(true),
        }
    }
}
