//! How many seats there are: what fits into the open files of a process.

/// How many seats there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Connections at once.
    pub all: usize,
    /// How many of them may be held (see [`super`]).
    pub held: usize,
    /// From one address (an IPv6 network of 64 bits is one).
    pub per_address: usize,
    /// Connections that the HTTP server may have at once in one worker, those without a seat yet
    /// included.
    pub accepted_per_worker: usize,
    /// Connections without a seat whose request is awaited, at once; and as many whose peer is
    /// given time to read why it was refused.
    pub refusing: usize,
}

/// Why there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// All are taken.
    Everywhere,
    /// All seats for held connections are taken; a short request may still have one.
    ForHeld,
    /// This address has as many as it may have.
    ForAddress,
}

/// Files that one worker needs beside its connections: its event loop and wakers.
const FILES_PER_WORKER: u64 = 6;
/// Listeners, logs, the runtime's own.
const FILES_OF_PROCESS: u64 = 40;

impl Capacity {
    /// What fits into `files` open ones with `workers` threads. Beside the process's own files, an
    /// eighth stays free for files that are not a lane's connections: saved runs, child processes,
    /// webhooks, connections between `accept` and their seat.
    pub fn within(files: u64, workers: usize, connections: usize, per_address: usize) -> Self {
        let own = FILES_OF_PROCESS + FILES_PER_WORKER * workers as u64;
        let spare = (files / 8).clamp(16, 1_024);
        let refusing = (spare / 4) as usize;
        let fits = usize::try_from(files.saturating_sub(own + spare)).unwrap_or(usize::MAX);
        // The HTTP server accepts up to its own bound before a seat is taken, and it does not count
        // WebSockets: so half is for held connections, half for those that it counts itself.
        let all = (fits.saturating_sub(4 * workers) / 2)
            .min(connections)
            .max(4);
        let held = all - (all / 5).clamp(1, 256);
        let accepted_per_worker = (fits.saturating_sub(held) / workers.max(1)).max(4);
        Self {
            all,
            held,
            accepted_per_worker,
            per_address,
            refusing,
        }
    }
}
