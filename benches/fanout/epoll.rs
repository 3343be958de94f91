//! Readiness of many sockets (`epoll(7)`), level-triggered. Tokens are the caller's indices; no edge
//! triggering, no interest in writing, no timers.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use crate::sys::check;

/// How many ready sockets one wait reports at most. Far fewer than the sockets of a big run, so that
/// the loop gets back to its schedule often.
const EVENTS_MAX: usize = 256;

pub struct Epoll {
    fd: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes no pointers; the result is checked before it is used as a descriptor.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        check(fd)?;
        // SAFETY: `fd` was opened just above and has no other owner.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Epoll {
            fd,
            events: vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS_MAX],
        })
    }

    /// Reports `token` whenever `fd` can be read or was closed by its peer.
    pub fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: token,
        };
        // SAFETY: `event` outlives the call, which copies it.
        check(unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) })
    }

    /// Stops reporting `fd`.
    pub fn remove(&self, fd: RawFd) -> io::Result<()> {
        // SAFETY: EPOLL_CTL_DEL ignores its event argument, so null is allowed (epoll_ctl(2)).
        check(unsafe {
            libc::epoll_ctl(
                self.fd.as_raw_fd(),
                libc::EPOLL_CTL_DEL,
                fd,
                ptr::null_mut(),
            )
        })
    }

    /// Waits up to `timeout` (`None`: without end) and puts the ready tokens into `tokens`; returns
    /// whether there may be more than it could report.
    pub fn wait(&mut self, timeout: Option<Duration>, tokens: &mut Vec<u64>) -> io::Result<bool> {
        tokens.clear();
        let timeout = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs() as libc::time_t,
            tv_nsec: libc::c_long::from(timeout.subsec_nanos() as i32),
        });
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        let no_signal_mask = ptr::null::<libc::sigset_t>();
        // epoll_wait counts in milliseconds, too coarse for 4,000 publications a second; and the
        // system call is older (Linux 5.11) than its wrapper in the C library.
        // SAFETY: pointer and count describe `events`, which the kernel fills up to that count; the
        // timeout is null or a live local that it only reads; a null mask leaves signals alone.
        let ready = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.fd.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS_MAX as libc::c_int,
                timeout,
                no_signal_mask,
                0_usize,
            )
        };
        match check(ready as libc::c_int) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            result => result?,
        }
        tokens.extend(self.events[..ready as usize].iter().map(|event| event.u64));
        Ok(tokens.len() == EVENTS_MAX)
    }
}
