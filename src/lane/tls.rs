//! TLS below a lane's stream (RFC 8446): records between the plain bytes and the socket.
//!
//! ```text
//! client                         server
//!   │── ClientHello ────────────► │ first byte 0x16: begins_with_handshake
//!   │ ◄── ServerHello … Finished ─│
//!   │── Finished ───────────────► │ one round trip more than TCP, before the first byte of HTTP
//!   │ ◄══ records ═══════════════►│ 22 bytes around each in TLS 1.3: header 5, type 1, tag 16
//! ```
//!
//! Sessions write by shared reference and at once, so a wrapper with a task of its own would not
//! do: this is rustls's state machine over the socket's `try_read` and `try_write`. Encrypted bytes
//! that the kernel has not taken are bounded: nothing more is accepted while some wait.
//!
//! Encrypted bytes are metered here, plain ones in the stream above: so a page can say what a
//! message costs and what its encryption adds.
//!
//! Rejected: `tokio_rustls::TlsStream`, which polls and needs `&mut`: neither the hub's loop nor a
//! second holder could write.

use std::{
    future::poll_fn,
    io::{self, BufRead, Read, Write},
    sync::Arc,
    task::{Context, Poll},
};

use super::io::Io;
use rustls::{ServerConfig, ServerConnection};

/// Plain bytes that one call takes at most.
const WRITE_BYTES: usize = 64 << 10;
/// Plain bytes of one record (RFC 8446 §5.1). They are encrypted one record at a time, so that it
/// is known which of them have left; what the kernel cannot take is one record.
const RECORD_BYTES: usize = 16 << 10;

/// First byte of every TLS handshake (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 0x16;

/// One connection's TLS.
pub struct Tls {
    connection: ServerConnection,
    /// Plain bytes in the record that is not yet out.
    unsealed: u64,
}

/// The socket with its encrypted bytes counted.
struct Wire<'a>(&'a Io);

impl Read for Wire<'_> {
    /// Encrypted bytes in: counted as they come off the socket.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.try_read(buffer)?;
        self.0.meter().tls_read(read);
        Ok(read)
    }
}

impl Write for Wire<'_> {
    /// Encrypted bytes out: counted as the kernel takes them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.try_write(bytes)?;
        self.0.meter().accepted_encrypted(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a connection begins as TLS does; waits for its first byte.
pub async fn begins_with_handshake(io: &Io) -> io::Result<bool> {
    let first = poll_fn(|context| io.poll_first(context)).await?;
    Ok(first.is_none_or(|first| first == HANDSHAKE_RECORD))
}

impl Tls {
    /// Does the handshake. An error ends the connection; the peer has been told why.
    pub async fn accept(config: Arc<ServerConfig>, io: &Io) -> io::Result<Self> {
        let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
        connection.set_buffer_limit(Some(WRITE_BYTES));
        io.meter().secure();
        let mut tls = Self {
            connection,
            unsealed: 0,
        };
        while tls.connection.is_handshaking() {
            match tls.fill(io) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|context| tls.poll_read_ready(io, context)).await?;
                }
                Err(error) => return Err(error),
            }
            tls.flush(io)?;
        }
        Ok(tls)
    }

    /// Reads records and decrypts them. `Ok(0)`: the peer sends no more.
    fn fill(&mut self, io: &Io) -> io::Result<usize> {
        let read = self.connection.read_tls(&mut Wire(io))?;
        if let Err(error) = self.connection.process_new_packets() {
            // Sends the alert that says why; a failure to send it is ignored.
            let _ = self.flush(io);
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(read)
    }

    /// Plain bytes that are there; `WouldBlock` for none. The peer's end is `Ok(0)`, with or
    /// without a TLS close_notify: without TLS it would be a bare FIN, too.
    pub fn try_read(&mut self, io: &Io, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            self.fill(io)?;
            // TLS may have to answer (for example a key update).
            self.flush(io)?;
        }
    }

    /// Encrypts what it takes and writes what fits now. `WouldBlock`: nothing was taken.
    pub fn try_write(&mut self, io: &Io, bytes: &[u8]) -> io::Result<usize> {
        if !self.flush(io)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut taken = 0;
        for record in bytes[..bytes.len().min(WRITE_BYTES)].chunks(RECORD_BYTES) {
            let encrypted = self.connection.writer().write(record)?;
            self.unsealed += encrypted as u64;
            taken += encrypted;
            if !self.flush(io)? {
                break;
            }
        }
        Ok(taken)
    }

    /// Writes encrypted bytes that wait; returns whether none is left.
    fn flush(&mut self, io: &Io) -> io::Result<bool> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut Wire(io)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        if self.unsealed > 0 {
            io.meter().sealed(std::mem::take(&mut self.unsealed));
        }
        Ok(true)
    }

    /// Whether no encrypted byte waits.
    pub fn is_flushed(&self) -> bool {
        !self.connection.wants_write()
    }

    /// Ready once nothing waits any more, so that the next write is taken.
    pub fn poll_flush(&mut self, io: &Io, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.flush(io)? {
            match io.poll_write_ready(context) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when a read may bring something. Also writes what waits, because a session that has
    /// written everything polls only for reading.
    pub fn poll_read_ready(&mut self, io: &Io, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = self.poll_flush(io, context)?;
        match self.connection.reader().fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => io.poll_read_ready(context),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Says that nothing more will be written.
    pub fn end(&mut self, io: &Io) {
        self.connection.send_close_notify();
        // A peer that reads no more learns it from the FIN.
        let _ = self.flush(io);
    }
}
