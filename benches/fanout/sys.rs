//! The few system calls `std` has no words for: pinning to a core, file limits, CPU clocks, a bare
//! `write(2)`, and connecting from a chosen source address.
//!
//! Every `unsafe` block of the bench stands in this file or in `epoll.rs`. Linux only; other systems
//! have neither these CPU clocks for other processes nor epoll.

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// The CPU clock of one process: user plus system time of all its threads, ended ones included, in
/// nanoseconds as the scheduler counts them (not in ticks).
pub struct CpuClock(libc::clockid_t);

impl CpuClock {
    /// The clock of another process (`clock_getcpuclockid(3)`).
    pub fn of(pid: i32) -> io::Result<Self> {
        let mut clock = 0;
        // SAFETY: `clock` outlives the call, which writes one clockid_t into it.
        match unsafe { libc::clock_getcpuclockid(pid, &mut clock) } {
            0 => Ok(CpuClock(clock)),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// The clock of this process.
    pub fn own() -> Self {
        CpuClock(libc::CLOCK_PROCESS_CPUTIME_ID)
    }

    /// CPU time used so far, in nanoseconds. An error means that the process has ended.
    pub fn read_ns(&self) -> io::Result<u64> {
        read_clock_ns(self.0)
    }
}

/// Monotonic time in nanoseconds: one clock for the schedule, the arrivals and the interval.
pub fn monotonic_ns() -> u64 {
    read_clock_ns(libc::CLOCK_MONOTONIC).expect("Linux always has CLOCK_MONOTONIC")
}

fn read_clock_ns(clock: libc::clockid_t) -> io::Result<u64> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` outlives the call, which writes one timespec into it.
    check(unsafe { libc::clock_gettime(clock, &mut time) })?;
    Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// The cores this process may run on, in ascending order.
pub fn allowed_cores() -> io::Result<Vec<usize>> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the size passed is the size of the set, which the call fills; an all-zero bit set is
    // a valid value, so it is initialised whatever the kernel wrote.
    let set = unsafe {
        check(libc::sched_getaffinity(
            0,
            mem::size_of::<libc::cpu_set_t>(),
            set.as_mut_ptr(),
        ))?;
        set.assume_init()
    };
    // SAFETY: CPU_ISSET reads one bit; the range keeps the index inside the set.
    let is_allowed = |core: &usize| unsafe { libc::CPU_ISSET(*core, &set) };
    Ok((0..libc::CPU_SETSIZE as usize).filter(is_allowed).collect())
}

/// Pins the calling thread, and what it starts from now on, to one core. Only system calls: may run
/// between fork and exec.
pub fn pin_to_core(core: usize) -> io::Result<()> {
    // SAFETY: an all-zero bit set is a valid value; CPU_SET writes one bit at an index that came
    // from `allowed_cores`; the kernel only reads the set.
    unsafe {
        let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed().assume_init();
        libc::CPU_SET(core, &mut set);
        check(libc::sched_setaffinity(
            0,
            mem::size_of::<libc::cpu_set_t>(),
            &set,
        ))
    }
}

/// Raises the limit of open files to `wanted`, or as far as the system lets us; what it is then. Only
/// system calls: may run between fork and exec.
pub fn raise_open_files(wanted: u64) -> io::Result<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` outlives the calls; the first fills it, the others only read it.
    unsafe {
        check(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit))?;
        let higher = libc::rlimit {
            rlim_cur: wanted,
            rlim_max: wanted.max(limit.rlim_max),
        };
        if check(libc::setrlimit(libc::RLIMIT_NOFILE, &higher)).is_ok() {
            return Ok(wanted);
        }
        limit.rlim_cur = limit.rlim_max.min(wanted);
        check(libc::setrlimit(libc::RLIMIT_NOFILE, &limit))?;
    }
    Ok(limit.rlim_cur)
}

/// Has the kernel kill the calling process when the bench that started it ends, however it ends.
pub fn die_with_parent() -> io::Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and touches no memory of ours.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })
}

/// One `write(2)`: what the bare loop is made of. (`TcpStream::write` is a `send(2)`.)
pub fn write(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: pointer and length describe `bytes`, which the kernel only reads.
    let written = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}

/// Connects from a chosen source address, the port left to the kernel until `connect`, so that only
/// the whole (source, port, destination) must be unique.
pub fn connect_from(source: Ipv4Addr, to: SocketAddrV4) -> io::Result<TcpStream> {
    // SAFETY: takes no pointers; a negative result is handled before the descriptor is used.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    check(fd)?;
    // SAFETY: `fd` was opened just above and has no other owner.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let on: libc::c_int = 1;
    let on_bytes = mem::size_of::<libc::c_int>() as libc::socklen_t;
    let address_bytes = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
    let local = socket_address(SocketAddrV4::new(source, 0));
    let remote = socket_address(to);
    // SAFETY: each pointer is to a live local of the type and size stated; the kernel only reads.
    unsafe {
        check(libc::setsockopt(
            fd,
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            on_bytes,
        ))?;
        check(libc::bind(fd, (&raw const local).cast(), address_bytes))?;
        check(libc::connect(fd, (&raw const remote).cast(), address_bytes))?;
    }
    Ok(TcpStream::from(socket))
}

fn socket_address(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from(*address.ip()).to_be(),
        },
        sin_zero: [0; 8],
    }
}

/// The C convention: a negative result means that `errno` says why.
pub fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
