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
    rc::Rc,
    time::{Duration, Instant},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::client::TlsStream;

use super::{Tally, Target, add, arrival, exchange::SentHead};
use crate::{clock, lane::tcp_info};

/// Bytes that may be on their way in one direction of a distant connection.
const ON_THE_WAY_MAX_BYTES: usize = 4 << 20;
/// Room made for a read; small, since thousands of clients keep what they once needed.
const READ_BYTES: usize = 4 << 10;
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// What a connection simulates: distance, and a slow reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SimulatedLink {
    /// Time that is added in each direction; zero adds nothing.
    pub one_way: Duration,
    /// How fast its client reads: for one that is slow. With a small buffer in the kernel, so
    /// that the server soon notices.
    pub read_bytes_per_s: Option<u64>,
}

/// Room that the kernel of a slow reader is asked for.
const SLOW_BUFFER_BYTES: u32 = 4 << 10;

/// See the module.
pub struct Connection {
    socket: Socket,
    link: SimulatedLink,
    tally: Rc<Tally>,
    cut: Rc<Cell<bool>>,
    /// Read and not yet consumed.
    inbox: Vec<u8>,
    consumed: usize,
    /// When the newest of `inbox` was there, µs since the Unix epoch.
    read_at_us: u64,
    leaving: Line,
    arriving: Line,
    /// How late the newest of what was sent left, on a distant connection.
    sent_late: Duration,
    /// A slow reader reads on at this instant.
    rests_until: Option<Instant>,
    /// When the other side is taken for gone.
    give_up_at: Option<Instant>,
    /// What goes over it may serve as the example of its row.
    is_example: bool,
    /// The head of the request whose exchange is kept, while there is no answer.
    asked: Option<Box<SentHead>>,
}

async fn connect(target: &Target) -> io::Result<TcpStream> {
    if target.link.read_bytes_per_s.is_none() {
        return TcpStream::connect(target.address).await;
    }
    let socket = match target.address.is_ipv4() {
        true => TcpSocket::new_v4()?,
        false => TcpSocket::new_v6()?,
    };
    // Before the connection is made: its window is told in the handshake.
    socket.set_recv_buffer_size(SLOW_BUFFER_BYTES)?;
    socket.connect(target.address).await
}

/// The way to the kernel.
enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }

    /// Appends what there is to read, or waits for it: how many bytes, and how long they had
    /// waited in the kernel, where that says so. Nothing is lost when it is dropped.
    async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<(usize, Option<Duration>)> {
        into.reserve(READ_BYTES);
        match self {
            Self::Tls(tls) => Ok((tls.read_buf(into).await?, None)),
            Self::Plain(tcp) => loop {
                match try_read(tcp, into) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        tcp.readable().await?;
                    }
                    done => return done,
                }
            },
        }
    }

    /// Writes some of it, and says how much. Dropped before that, it has written nothing.
    async fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tls(tls) => tls.write(bytes).await,
            Self::Plain(tcp) => loop {
                match tcp.try_write(bytes) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        tcp.writable().await?;
                    }
                    done => return done,
                }
            },
        }
    }

    /// Lets go of what TLS still holds. Dropped before that, it can be asked again.
    async fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tls(tls) => tls.flush().await,
            Self::Plain(_) => Ok(()),
        }
    }

    async fn write(&mut self, mut bytes: &[u8], written: &Cell<u64>) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.write_some(bytes).await?;
            add(written, count);
            bytes = &bytes[count..];
        }
        self.flush().await
    }
}

#[cfg(target_os = "linux")]
fn try_read(tcp: &TcpStream, into: &mut Vec<u8>) -> io::Result<(usize, Option<Duration>)> {
    tcp.try_io(tokio::io::Interest::READABLE, || arrival::read(tcp, into))
}

#[cfg(not(target_os = "linux"))]
fn try_read(tcp: &TcpStream, into: &mut Vec<u8>) -> io::Result<(usize, Option<Duration>)> {
    Ok((tcp.try_read_buf(into)?, None))
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

    fn pop(&mut self) -> Option<(Instant, Vec<u8>)> {
        let (due, piece) = self.pieces.pop_front()?;
        self.bytes -= piece.len();
        Some((due, piece))
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
        let connecting = connect(target);
        let socket = tokio::time::timeout(CONNECT_PATIENCE, connecting)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        socket.set_nodelay(true)?;
        let socket = match &target.tls {
            None => {
                arrival::ask(&socket);
                Socket::Plain(socket)
            }
            Some(tls) => {
                // It counts records, and what is counted here is inside of them.
                tally.kernel_silent.set(true);
                let handshake = tokio::time::timeout(CONNECT_PATIENCE, tls.connect(socket));
                let tls = handshake
                    .await
                    .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                Socket::Tls(Box::new(tls))
            }
        };
        if !target.link.one_way.is_zero() {
            tokio::time::sleep(target.link.one_way * 2).await;
        }
        add(&tally.connections, 1);
        Ok(Self {
            socket,
            link: target.link,
            tally,
            cut,
            inbox: Vec::new(),
            consumed: 0,
            read_at_us: clock::now_us(),
            leaving: Line::default(),
            arriving: Line::default(),
            sent_late: Duration::ZERO,
            rests_until: None,
            give_up_at: None,
            is_example: false,
            asked: None,
        })
    }

    /// What this client counted.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// One that a row's clients follow by, rather than one that only posts.
    pub fn as_example(mut self) -> Self {
        self.is_example = true;
        self
    }

    /// Notes that a request with this head is about to leave.
    pub fn asks(&mut self, head: &[u8]) {
        if self.is_example && self.asked.is_none() {
            self.asked = self.tally.example.asked(head);
        }
    }

    /// Notes that the head of its answer is there: so many bytes of [`Self::waiting`].
    pub fn is_answered(&mut self, head_bytes: usize, status: u16) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        match status {
            // A refusal is no example of the lane.
            400.. => self.tally.example.want(),
            _ => {
                let answer = &self.inbox[self.consumed..][..head_bytes];
                self.tally.example.keep(*asked, answer);
            }
        }
    }

    /// When the newest byte of [`Self::waiting`] was there.
    pub fn read_at_us(&self) -> u64 {
        self.read_at_us
    }

    /// What was read and not consumed.
    pub fn waiting(&self) -> &[u8] {
        &self.inbox[self.consumed..]
    }

    /// Takes so many bytes off what was read.
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
        if self.link.one_way.is_zero() {
            return self.write(bytes).await;
        }
        if self.leaving.bytes + bytes.len() > ON_THE_WAY_MAX_BYTES {
            return Err(io::Error::other("too much is on its way"));
        }
        let due = Instant::now() + self.link.one_way;
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
        if self.link.one_way.is_zero() {
            return self.read().await;
        }
        loop {
            let is_room = self.arriving.bytes < ON_THE_WAY_MAX_BYTES;
            let mut piece = Vec::new();
            tokio::select! {
                biased;
                () = self.arriving.due() => {
                    let Some((due, piece)) = self.arriving.pop() else { continue };
                    self.note_lag(Some(due.elapsed()));
                    return self.take(&piece);
                }
                () = self.leaving.due() => self.send_due().await?,
                read = self.socket.read(&mut piece), if is_room => {
                    let (_, waited) = read?;
                    // It counts from when it was there, so that only the last step is late.
                    let there = Instant::now();
                    let there = there.checked_sub(waited.unwrap_or_default()).unwrap_or(there);
                    self.arriving.push(there + self.link.one_way, piece);
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
        if let Some(until) = self.rests_until {
            tokio::time::sleep_until(until.into()).await;
        }
        let (read, waited) = self.socket.read(&mut self.inbox).await?;
        self.rests_until = self
            .link
            .read_bytes_per_s
            .map(|rate| Instant::now() + Duration::from_secs_f64(read as f64 / rate as f64));
        // Who rests between reads is late by its nature.
        if self.link.read_bytes_per_s.is_none() {
            self.note_lag(waited);
        }
        self.took(read)
    }

    /// Notes how late what comes now is by this client's own doing: in reading, and in sending
    /// what it is the answer to.
    fn note_lag(&mut self, read: Option<Duration>) {
        let sent = std::mem::take(&mut self.sent_late);
        if let Some(read) = read {
            self.tally.read_lag.note(read + sent);
        }
    }

    /// Writes the first piece that leaves. It stays in its place until all of it is out, so that a
    /// future that is dropped midway loses nothing and sends nothing twice.
    async fn send_due(&mut self) -> io::Result<()> {
        while let Some((due, piece)) = self.leaving.pieces.front_mut() {
            self.sent_late = self.sent_late.max(due.elapsed());
            if piece.is_empty() {
                self.socket.flush().await?;
                self.leaving.pieces.pop_front();
                return Ok(());
            }
            let written = self.socket.write_some(piece).await?;
            piece.drain(..written);
            self.leaving.bytes -= written;
            add(&self.tally.up.total, written);
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write(bytes, &self.tally.up.total).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.asked.is_some() {
            self.tally.example.want();
        }
        if self.cut.get() {
            // Linger of nothing: close sends RST and forgets the rest. A refusal changes only
            // how the end looks to the server.
            let _ = SockRef::from(self.socket.tcp()).set_linger(Some(Duration::ZERO));
        }
        match tcp_info::read(self.socket.tcp()) {
            Some(info) => add(&self.tally.kernel_down, info.bytes_received as usize),
            None => self.tally.kernel_silent.set(true),
        }
    }
}
