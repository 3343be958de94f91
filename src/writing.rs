//! How long a thread has been writing to its clients: what `--coalesce adaptive` goes by
//! ([`crate::hub::rounds`]).
//!
//! Measured around the calls that hand bytes to the kernel (or to a link with conditions), by all
//! lanes of the thread: on loopback a write runs the kernel's whole way of sending and receiving, so
//! that is where the time of a fan-out goes. Encryption is within it. Two readings of the clock, some
//! 50 ns, stand beside a write of about 4 µs.
//!
//! May use: no other room.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

thread_local! {
    static SPENT_NS: Cell<u64> = const { Cell::new(0) };
}

/// Does the write, and adds what it took to this thread's sum.
pub fn timed<T>(write: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = write();
    let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    SPENT_NS.set(SPENT_NS.get().saturating_add(took));
    done
}

/// Time that this thread has spent on writing since it began.
pub fn spent() -> Duration {
    Duration::from_nanos(SPENT_NS.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_writing_takes_is_added_up_for_each_thread() {
        let before = spent();
        let pause = Duration::from_millis(2);
        assert_eq!(
            timed(|| {
                std::thread::sleep(pause);
                7
            }),
            7
        );
        assert!(spent() - before >= pause);
        assert_eq!(std::thread::spawn(spent).join().unwrap(), Duration::ZERO);
    }
}
