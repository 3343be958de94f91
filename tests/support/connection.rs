//! A blocking TCP connection that counts its bytes and can end in every way that there is.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    os::fd::AsRawFd,
    time::Duration,
};

use socket2::SockRef;

use super::PATIENCE;

/// What is read at once.
const READ_BYTES: usize = 64 << 10;

/// See the module. Bytes that were read and not yet consumed wait in a buffer.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    consumed: usize,
    sent_bytes: u64,
    received_bytes: u64,
}

impl Connection {
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("the lane accepts"))
    }

    /// With a small receive buffer, so that the server feels soon that nobody reads.
    pub fn connect_narrow(address: SocketAddr, receive_buffer_bytes: usize) -> Self {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM,
            None,
        )
        .expect("a socket can be made");
        socket
            .set_recv_buffer_size(receive_buffer_bytes)
            .expect("a receive buffer can be made small");
        socket.connect(&address.into()).expect("the lane accepts");
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("Nagle can be turned off");
        let connection = Self {
            stream,
            buffer: Vec::new(),
            consumed: 0,
            sent_bytes: 0,
            received_bytes: 0,
        };
        connection.set_patience(PATIENCE);
        connection
    }

    /// How long a read or a write may wait before it fails.
    pub fn set_patience(&self, patience: Duration) {
        let patience = Some(patience);
        self.stream
            .set_read_timeout(patience)
            .and_then(|()| self.stream.set_write_timeout(patience))
            .expect("timeouts can be set");
    }

    /// Application bytes written so far.
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes
    }

    /// Application bytes read so far, consumed or not.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Another handle on the same socket: to end it from elsewhere, or to write beside a reader.
    pub fn handle(&self) -> TcpStream {
        self.stream.try_clone().expect("a socket can be shared")
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.sent_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Bytes that were read and not yet consumed.
    pub fn waiting(&self) -> &[u8] {
        &self.buffer[self.consumed..]
    }

    /// Takes bytes off the front of what waits.
    pub fn consume(&mut self, bytes: usize) -> Vec<u8> {
        let taken = self.waiting()[..bytes].to_vec();
        self.consumed += bytes;
        if self.consumed == self.buffer.len() {
            self.buffer.clear();
            self.consumed = 0;
        }
        taken
    }

    /// Reads more; 0 is the peer's FIN. `TimedOut` when nothing came in time.
    pub fn fill(&mut self) -> io::Result<usize> {
        if self.consumed > READ_BYTES {
            self.buffer.drain(..self.consumed);
            self.consumed = 0;
        }
        let before = self.buffer.len();
        self.buffer.resize(before + READ_BYTES, 0);
        let read = self.stream.read(&mut self.buffer[before..]);
        self.buffer
            .truncate(before + read.as_ref().map_or(0, |read| *read));
        let read = read.map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
            _ => error,
        })?;
        self.received_bytes += read as u64;
        Ok(read)
    }

    /// Waits for `bytes` bytes and takes them. `UnexpectedEof` if the peer ends first.
    pub fn take(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        while self.waiting().len() < bytes {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.consume(bytes))
    }

    /// Waits for `end` and takes everything up to it and itself.
    pub fn take_until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            let found = self.waiting().windows(end.len()).position(|w| w == end);
            if let Some(at) = found {
                return Ok(self.consume(at + end.len()));
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads and drops until the peer's FIN; an error for an RST or when it does not come.
    pub fn read_to_fin(&mut self) -> io::Result<()> {
        let waiting = self.waiting().len();
        self.consume(waiting);
        loop {
            let read = self.fill()?;
            if read == 0 {
                return Ok(());
            }
            self.consume(read);
        }
    }

    /// Ends by FIN: nothing more is sent; what the server still sends is taken.
    pub fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Ends by RST.
    pub fn reset(self) {
        reset_on_close(&self.stream);
    }

    /// Goes silent as if the cable were cut; see [`fall_silent`].
    pub fn fall_silent(&self) {
        fall_silent(&self.stream);
    }
}

/// Makes closing the socket's last handle send an RST (`SO_LINGER` 0).
pub fn reset_on_close(stream: &TcpStream) {
    SockRef::from(stream)
        .set_linger(Some(Duration::ZERO))
        .expect("SO_LINGER can be set");
}

/// From here on this kernel drops every segment that comes for the socket before TCP sees it, so
/// that nothing is acknowledged and no probe is answered, while the socket stays open: a peer
/// without power. A classic BPF filter of one instruction, `ret 0` (`SO_ATTACH_FILTER`, see
/// `socket(7)`), needs no privilege.
pub fn fall_silent(stream: &TcpStream) {
    const BPF_RET_K: u16 = 0x06;
    let mut drop_all = libc::sock_filter {
        code: BPF_RET_K,
        jt: 0,
        jf: 0,
        k: 0,
    };
    let program = libc::sock_fprog {
        len: 1,
        filter: &mut drop_all,
    };
    // SAFETY: the descriptor is open for the whole call, and the kernel copies the program, whose
    // length and pointer are right.
    let result = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of_val(&program) as libc::socklen_t,
        )
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}
