//! What a run asks of the system for itself: open files, cores that generator and server do not
//! share, and that these do not sleep.
//!
//! With two cores or more, a run that starts its own server gives each side cores of its own, so
//! that neither is measured while it waits for the other (`--pin off` leaves that to the system).
//!
//! A core with nothing to do sleeps, and waking it takes time: on a virtual machine milliseconds,
//! since its host has given the core to others meanwhile. So while it measures, a run asks the
//! kernel for wake-ups without delay, as cyclictest does: 0 µs in `/dev/cpu_dma_latency` (kernel:
//! Documentation/power/pm_qos_interface.rst) for as long as the file is open. Idle cores then spin
//! in the kernel's idle loop, which is in nobody's processor time. It takes the right to write to
//! that file, usually root's; without it the run goes on, and the validity gate names it as a way
//! out.
//! The thread that publishes goes before all others of its core for the same reason
//! ([`GoingFirst`]).
//!
//! Linux only; elsewhere nothing is pinned nor kept awake, and the report says so.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
};

use serde::{Deserialize, Serialize};

/// Whether generator and server get cores of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Pin {
    /// Where there are two or more, and the run starts the server
    #[default]
    Auto,
    /// Never
    Off,
}

/// Whether processors are kept from sleeping while it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum KeepAwake {
    /// Where the system lets the run ask for it
    #[default]
    Auto,
    /// Never
    Off,
}

/// The kernel's interface for the longest wake-up that somebody can bear; see the module.
const WAKE_UP_LATENCY: &str = "/dev/cpu_dma_latency";
const IDLE_DRIVER: &str = "/sys/devices/system/cpu/cpuidle/current_driver";

/// Processors do not sleep while this is held.
pub struct Awake(#[expect(dead_code, reason = "the request counts while the file is open")] File);

impl Awake {
    /// Asks for it. Fails where there is no such file, no right to write to it, or no cpuidle
    /// driver that would heed it.
    pub fn hold() -> io::Result<Self> {
        let driver = fs::read_to_string(IDLE_DRIVER)?;
        if driver.trim() == "none" {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let mut file = OpenOptions::new().write(true).open(WAKE_UP_LATENCY)?;
        file.write_all(&0_i32.to_ne_bytes())?;
        Ok(Self(file))
    }
}

/// How many connections to one address this machine can have (ip(7), `ip_local_port_range`);
/// `None` where it does not say.
pub fn local_ports() -> Option<u64> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = range.split_whitespace().map(|end| end.parse::<u64>().ok());
    let (first, last) = (ends.next()??, ends.next()??);
    Some(last.checked_sub(first)? + 1)
}

/// Who runs where, by the numbers of the cores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cores {
    /// Where this program runs.
    pub generator: Vec<usize>,
    /// Where the server runs.
    pub server: Vec<usize>,
}

impl Cores {
    /// The server gets as many as it has workers, as long as one is left.
    pub fn split(allowed: &[usize], workers: usize) -> Option<Self> {
        let left = allowed.len().checked_sub(1).filter(|left| *left > 0)?;
        let (generator, server) = allowed.split_at(allowed.len() - workers.clamp(1, left));
        Some(Self {
            generator: generator.to_vec(),
            server: server.to_vec(),
        })
    }
}

impl std::fmt::Display for Cores {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |cores: &[usize]| {
            let cores: Vec<_> = cores.iter().map(usize::to_string).collect();
            let plural = if cores.len() > 1 { "s" } else { "" };
            format!("core{plural} {}", cores.join(", "))
        };
        let (generator, server) = (list(&self.generator), list(&self.server));
        write!(formatter, "generator on {generator}, server on {server}")
    }
}

/// What a run goes without on this system, for its report; `None` on Linux, which has it all.
pub const GOES_WITHOUT: Option<&str> = match cfg!(target_os = "linux") {
    true => None,
    false => Some(
        "This system is not Linux: generator and server shared their cores, no processor was kept \
         from sleeping, and the kernel told neither when bytes arrived nor how many segments it sent.",
    ),
};

pub use system::{GoingFirst, Pinned, allowed_cores, open_files_max, pin, raise_open_files};

#[cfg(target_os = "linux")]
mod system {
    use std::{io, mem};

    /// Undoes a pinning of this thread when it is dropped.
    pub struct Pinned(Vec<usize>);

    impl Pinned {
        /// Pins the calling thread, and those that it starts from now on.
        pub fn new(cores: &[usize]) -> io::Result<Self> {
            let before = allowed_cores();
            pin(cores)?;
            Ok(Self(before))
        }
    }

    impl Drop for Pinned {
        fn drop(&mut self) {
            // Where it was allowed to be before, it is still.
            let _ = pin(&self.0);
        }
    }

    /// The cores that this thread may run on; none where the system does not say.
    pub fn allowed_cores() -> Vec<usize> {
        // SAFETY: an all-zero bit set is a valid value, and the kernel fills no more than its size.
        let (set, known) = unsafe {
            let mut set: libc::cpu_set_t = mem::zeroed();
            let known = libc::sched_getaffinity(0, mem::size_of::<libc::cpu_set_t>(), &mut set);
            (set, known == 0)
        };
        // SAFETY: CPU_ISSET reads one bit; the range keeps the index inside of the set.
        let is_allowed = |core: &usize| known && unsafe { libc::CPU_ISSET(*core, &set) };
        (0..libc::CPU_SETSIZE as usize).filter(is_allowed).collect()
    }

    /// Pins the calling thread. Only a system call: may run between fork and exec.
    pub fn pin(cores: &[usize]) -> io::Result<()> {
        // SAFETY: an all-zero bit set is a valid value; CPU_SET writes one bit at an index below
        // CPU_SETSIZE, as the filter sees to; the kernel only reads the set.
        let done = unsafe {
            let mut set: libc::cpu_set_t = mem::zeroed();
            for core in cores
                .iter()
                .filter(|core| **core < libc::CPU_SETSIZE as usize)
            {
                libc::CPU_SET(*core, &mut set);
            }
            libc::sched_setaffinity(0, mem::size_of::<libc::cpu_set_t>(), &set)
        };
        match done {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// While it is held, the thread that made it runs whenever it can, before all that share its
    /// core (`SCHED_FIFO`, sched(7)): for one that mostly sleeps and must not wake late.
    pub struct GoingFirst(());

    impl GoingFirst {
        /// Where it is not allowed the thread takes its turn like the others, and its lateness is
        /// in the figures.
        pub fn new() -> io::Result<Self> {
            schedule(libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, 1).map(Self)
        }
    }

    impl Drop for GoingFirst {
        fn drop(&mut self) {
            // To the ordinary policy everybody may go.
            let _ = schedule(libc::SCHED_OTHER, 0);
        }
    }

    /// Of the calling thread. By the system call itself: musl's function of that name only says that
    /// there is none, since POSIX means the whole process by it.
    fn schedule(policy: libc::c_int, priority: libc::c_int) -> io::Result<()> {
        // SAFETY: the kernel's `struct sched_param` is one `int` (sched_setscheduler(2)), which it only
        // reads, and which outlives the call.
        let done =
            unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const priority) };
        match done {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn limit() -> Option<libc::rlimit> {
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: `limit` outlives the call, which fills it.
        let got = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
        (got == 0).then_some(limit)
    }

    /// As many files as this process may make the system let it open.
    pub fn open_files_max() -> Option<u64> {
        limit().map(|limit| limit.rlim_max)
    }

    /// Raises the limit of open files as far as it goes; children inherit it. What is not given
    /// is no failure: too many clients have been refused before.
    pub fn raise_open_files() {
        if let Some(mut limit) = limit() {
            limit.rlim_cur = limit.rlim_max;
            // SAFETY: the kernel only reads `limit`.
            unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
        }
    }
}

#[cfg(not(target_os = "linux"))]
#[allow(missing_docs, reason = "they are as the Linux ones say")]
mod system {
    use std::io;

    pub struct Pinned;

    impl Pinned {
        pub fn new(_cores: &[usize]) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    pub fn allowed_cores() -> Vec<usize> {
        Vec::new()
    }

    pub fn pin(_cores: &[usize]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub struct GoingFirst;

    impl GoingFirst {
        pub fn new() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    pub fn open_files_max() -> Option<u64> {
        None
    }

    pub fn raise_open_files() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_shared_out_and_one_is_shared_with_nobody() {
        let split = |allowed: &[usize], workers| Cores::split(allowed, workers);
        assert_eq!(split(&[3], 1), None);
        assert_eq!(split(&[], 1), None);
        let two = split(&[0, 5], 4).unwrap();
        assert_eq!((two.generator, two.server), (vec![0], vec![5]));
        let eight = split(&[0, 1, 2, 3, 4, 5, 6, 7], 2).unwrap();
        assert_eq!(
            eight.to_string(),
            "generator on cores 0, 1, 2, 3, 4, 5, server on cores 6, 7"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pinning_ends_with_its_guard() {
        let before = allowed_cores();
        let first = before[0];
        {
            let _pinned = Pinned::new(&[first]).unwrap();
            assert_eq!(allowed_cores(), [first]);
        }
        assert_eq!(allowed_cores(), before);
        assert!(open_files_max().unwrap() > 0);
    }
}
