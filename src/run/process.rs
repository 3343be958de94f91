//! What a process costs: CPU time and memory, as the system counts them.

use std::{fs, time::Duration};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, user and system.
    pub cpu: Duration,
    /// Resident memory.
    pub memory_bytes: u64,
    /// How long its threads could have run and did not, all together, for want of a processor.
    /// Zero where the system does not say.
    pub waited: Duration,
}

/// `None` where there is no such process or the system does not say.
pub fn usage(pid: u32) -> Option<Usage> {
    let pid = Pid::from_u32(pid);
    let mut system = System::new();
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        false,
        ProcessRefreshKind::nothing().with_cpu().with_memory(),
    );
    let process = system.process(pid)?;
    Some(Usage {
        cpu: Duration::from_millis(process.accumulated_cpu_time()),
        memory_bytes: process.memory(),
        waited: waited(pid.as_u32()),
    })
}

/// The second number of each thread's `schedstat` (proc(5), Linux: ns on a run queue).
fn waited(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let of_thread = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let all = threads.into_iter().flatten().flatten();
    Duration::from_nanos(all.filter_map(of_thread).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_known_and_another_is_not() {
        let mine = usage(std::process::id()).unwrap();
        assert!(mine.memory_bytes > 0);
        assert_eq!(usage(u32::MAX / 2), None);
    }
}
