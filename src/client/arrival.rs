//! When the kernel had what a client reads: how late the client's thread came to it.
//!
//! The kernel stamps what arrives on a socket that asks for it (`SO_TIMESTAMPNS`, socket(7); for
//! TCP since Linux 4.14), and gives the stamp with the bytes. From there to the read is the
//! client's own doing, of every single read: it was not run, or was busy with other sockets.
//!
//! Where one read finds what came at several instants, the stamp is that of the last byte, so the
//! lateness of the bytes before it is told too small by what lies between.
//! Other systems have no such stamp; there, and under TLS, nothing is noted.

use std::{cell::RefCell, time::Duration};

use hdrhistogram::Histogram;

/// Longer is no lateness but a clock that was set in between, µs.
const LONGEST_US: u64 = 60_000_000;

/// How late reads were, µs. Written by a row's connections, read by the run.
#[derive(Debug)]
pub struct ReadLag(RefCell<Histogram<u64>>);

impl Default for ReadLag {
    fn default() -> Self {
        Self(RefCell::new(
            Histogram::new(3).expect("3 digits are a valid precision"),
        ))
    }
}

impl ReadLag {
    /// A read came this long after its bytes were in the kernel.
    pub fn note(&self, lag: Duration) {
        let us = lag.as_micros() as u64;
        if us <= LONGEST_US {
            self.0
                .borrow_mut()
                .record(us.max(1))
                .expect("a histogram that grows takes every value of a minute");
        }
    }

    /// What was noted since the last call.
    pub fn take(&self) -> Histogram<u64> {
        let mut noted = self.0.borrow_mut();
        let taken = noted.clone();
        noted.reset();
        taken
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::{
        io, mem,
        os::fd::{AsFd, AsRawFd},
        time::{Duration, SystemTime, UNIX_EPOCH},
    };

    /// Asks the kernel for stamps. It may refuse: then reads come without.
    pub fn ask(socket: &impl AsFd) {
        let on: libc::c_int = 1;
        // SAFETY: `on` outlives the call and is as long as is said; the descriptor is borrowed from
        // an open socket. A refusal changes nothing but that there are no stamps.
        unsafe {
            libc::setsockopt(
                socket.as_fd().as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_TIMESTAMPNS,
                (&raw const on).cast(),
                mem::size_of::<libc::c_int>() as libc::socklen_t,
            );
        }
    }

    /// Room for the stamp and its header, aligned as both need it.
    type Control = [u64; 16];

    /// Reads into a vector's spare room; how many bytes, and how long they had been there.
    pub fn read(socket: &impl AsFd, into: &mut Vec<u8>) -> io::Result<(usize, Option<Duration>)> {
        let room = into.spare_capacity_mut();
        let mut piece = libc::iovec {
            iov_base: room.as_mut_ptr().cast(),
            iov_len: room.len(),
        };
        let mut control: Control = [0; 16];
        // SAFETY: all zeros is a valid `msghdr`; its pointers are set to what outlives the call,
        // with their lengths.
        let (count, message) = unsafe {
            let mut message: libc::msghdr = mem::zeroed();
            message.msg_iov = &raw mut piece;
            message.msg_iovlen = 1;
            message.msg_control = (&raw mut control).cast();
            message.msg_controllen = mem::size_of::<Control>() as _;
            (
                libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut message, 0),
                message,
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        // SAFETY: the kernel has written `count` bytes of the spare room, which was no shorter.
        unsafe { into.set_len(into.len() + count) };
        Ok((count, stamp(&message).and_then(since)))
    }

    /// The stamp among what came with the bytes, since the Unix epoch.
    fn stamp(message: &libc::msghdr) -> Option<Duration> {
        // SAFETY: `message` is as the kernel left it, and its control buffer is alive. The macros
        // stay within its length; a stamp is read only where its header says that it is one.
        unsafe {
            let mut header = libc::CMSG_FIRSTHDR(message);
            while !header.is_null() {
                if (*header).cmsg_level == libc::SOL_SOCKET
                    && (*header).cmsg_type == libc::SCM_TIMESTAMPNS
                {
                    let at: libc::timespec = libc::CMSG_DATA(header)
                        .cast::<libc::timespec>()
                        .read_unaligned();
                    let seconds = u64::try_from(at.tv_sec).ok()?;
                    return Some(Duration::new(seconds, u32::try_from(at.tv_nsec).ok()?));
                }
                header = libc::CMSG_NXTHDR(message, header);
            }
        }
        None
    }

    /// The kernel stamps by the time of day; `None` where that was set back in between.
    fn since(stamp: Duration) -> Option<Duration> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        now.checked_sub(stamp)
    }
}

#[cfg(not(target_os = "linux"))]
#[allow(missing_docs, reason = "they are as the Linux ones say")]
mod system {
    pub fn ask<Socket>(_socket: &Socket) {}
}

pub use system::*;

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_tells_how_long_bytes_have_waited() {
        use std::{
            io::Write,
            net::{TcpListener, TcpStream},
            time::Instant,
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut writer, _) = listener.accept().unwrap();
        ask(&reader);
        let before = Instant::now();
        writer.write_all(b"hello").unwrap();
        let mut bytes = Vec::with_capacity(100);
        bytes.extend_from_slice(b"> ");
        let (count, waited) = read(&reader, &mut bytes).unwrap();
        assert_eq!((count, bytes.as_slice()), (5, b"> hello".as_slice()));
        if let Some(waited) = waited {
            assert!(waited <= before.elapsed() + Duration::from_millis(1));
        }
    }

    #[test]
    fn what_was_noted_is_taken_once_and_a_clock_that_was_set_is_no_lateness() {
        let lag = ReadLag::default();
        lag.note(Duration::from_micros(1_500));
        lag.note(Duration::ZERO);
        lag.note(Duration::from_secs(7_200));
        let taken = lag.take();
        assert_eq!(taken.len(), 2);
        assert!(taken.max() >= 1_500 && taken.max() < 1_510);
        assert!(lag.take().is_empty());
    }
}
