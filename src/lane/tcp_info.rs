//! The kernel's own counts of a connection (`TCP_INFO`, Linux).
//!
//! They are the second instrument: what the meter counted must be what TCP carried, to the byte,
//! and how many segments that took only the kernel knows. One system call for each reading, so at
//! most once a second while a connection is busy, and once at its end.
//!
//! Other systems have no such call, or another; there [`read`] answers `None` and packet figures
//! come from the model in [`super::meter`], labelled so.
//!
//! Rejected: duplicating the socket to read it after the connection's end. The copy would keep the
//! connection open, and its FIN would leave late.

/// What the kernel counted on one TCP connection since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// Payload bytes sent, repeats included (Linux 4.19).
    pub bytes_sent: u64,
    /// Payload bytes sent again (Linux 4.19).
    pub bytes_retransmitted: u64,
    /// Payload bytes that the peer has acknowledged.
    pub bytes_acked: u64,
    /// Payload bytes received, each once.
    pub bytes_received: u64,
    /// Segments sent and received, pure acknowledgements included.
    pub segments_out: u32,
    /// Segments received.
    pub segments_in: u32,
}

/// Asks the kernel. One system call.
#[cfg(target_os = "linux")]
pub fn read(socket: &impl std::os::fd::AsFd) -> Option<TcpInfo> {
    use std::{mem, os::fd::AsRawFd};

    /// `struct tcp_info` of linux/tcp.h up to what is read here; the kernel fills as much as
    /// both sides know. The `libc` crate's struct ends before the byte counters.
    #[repr(C)]
    #[derive(Default)]
    struct Raw {
        state_to_options: [u8; 8],
        rto_to_total_retrans: [u32; 24],
        pacing_rate: u64,
        max_pacing_rate: u64,
        bytes_acked: u64,
        bytes_received: u64,
        segs_out: u32,
        segs_in: u32,
        notsent_bytes: u32,
        min_rtt: u32,
        data_segs_in: u32,
        data_segs_out: u32,
        delivery_rate: u64,
        busy_time: u64,
        rwnd_limited: u64,
        sndbuf_limited: u64,
        delivered: u32,
        delivered_ce: u32,
        bytes_sent: u64,
        bytes_retrans: u64,
    }

    let mut raw = Raw::default();
    let mut length = mem::size_of::<Raw>() as libc::socklen_t;
    // SAFETY: `raw` is a plain C struct of `length` bytes that outlives the call, and the file
    // descriptor is borrowed from an open socket.
    let status = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut raw).cast(),
            &raw mut length,
        )
    };
    let complete = length as usize == mem::size_of::<Raw>();
    (status == 0 && complete).then_some(TcpInfo {
        bytes_sent: raw.bytes_sent,
        bytes_retransmitted: raw.bytes_retrans,
        bytes_acked: raw.bytes_acked,
        bytes_received: raw.bytes_received,
        segments_out: raw.segs_out,
        segments_in: raw.segs_in,
    })
}

/// Asks the kernel: this one has no answer.
#[cfg(not(target_os = "linux"))]
pub fn read<Socket>(_socket: &Socket) -> Option<TcpInfo> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
    };

    #[test]
    fn the_kernel_counts_what_was_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(&[7; 1_000]).unwrap();
        server.read_exact(&mut [0; 1_000]).unwrap();
        server.write_all(&[7; 10]).unwrap();
        client.read_exact(&mut [0; 10]).unwrap();
        let info = read(&server).unwrap();
        assert_eq!(info.bytes_received, 1_000);
        assert_eq!(info.bytes_sent - info.bytes_retransmitted, 10);
        assert!(info.segments_in >= 2 && info.segments_out >= 2);
    }
}
