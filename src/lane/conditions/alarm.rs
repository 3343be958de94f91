//! An alarm clock that is finer than the runtime's: tokio's timers count whole milliseconds and
//! round up, so a delay of 5 ms would be 6 or 7. This is one thread that sleeps until the next
//! alarm and wakes its task; it starts when it is first needed.
//!
//! Rejected: spinning until the instant has come, which is exact and takes a core from what is
//! measured. How late a wake-up is: `cargo bench --bench conditions`.

use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    task::Waker,
    thread,
    time::Instant,
};

/// A task that wants to be woken, and when.
struct Alarm {
    due: Instant,
    waker: Waker,
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Alarm {}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Alarm {
    /// The earliest is the greatest, so that it is on top of the heap.
    fn cmp(&self, other: &Self) -> Ordering {
        other.due.cmp(&self.due)
    }
}

/// The thread's list of alarms, the earliest first.
#[derive(Default)]
struct AlarmClock {
    /// Bounded by the connections: each sets another alarm only for an earlier instant.
    alarms: Mutex<BinaryHeap<Alarm>>,
    changed: Condvar,
}

impl AlarmClock {
    fn alarms(&self) -> MutexGuard<'_, BinaryHeap<Alarm>> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until the earliest alarm or until an earlier one is set, for as long as the program
    /// runs.
    fn run(&self) {
        let mut alarms = self.alarms();
        loop {
            let now = Instant::now();
            let left = match alarms.peek() {
                Some(first) if first.due <= now => {
                    if let Some(first) = alarms.pop() {
                        // A task that is woken may set its next alarm: not while this is locked.
                        drop(alarms);
                        first.waker.wake();
                        alarms = self.alarms();
                    }
                    continue;
                }
                Some(first) => first.due - now,
                None => {
                    let waited = self.changed.wait(alarms);
                    alarms = waited.unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
            };
            let waited = self.changed.wait_timeout(alarms, left);
            alarms = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Wakes `waker` at `due`, once, within some tens of microseconds on an idle machine.
pub fn wake_at(due: Instant, waker: &Waker) {
    static CLOCK: OnceLock<io::Result<Arc<AlarmClock>>> = OnceLock::new();
    let waker = waker.clone();
    match CLOCK.get_or_init(start) {
        Ok(clock) => {
            let mut alarms = clock.alarms();
            let is_first = alarms.peek().is_none_or(|first| due < first.due);
            alarms.push(Alarm { due, waker });
            drop(alarms);
            if is_first {
                clock.changed.notify_one();
            }
        }
        // The thread could not be started: fall back to the runtime's coarser timers.
        Err(_) => drop(tokio::spawn(async move {
            tokio::time::sleep_until(due.into()).await;
            waker.wake();
        })),
    }
}

/// Starts the thread, once for all lanes.
fn start() -> io::Result<Arc<AlarmClock>> {
    let clock = Arc::<AlarmClock>::default();
    let running = clock.clone();
    thread::Builder::new()
        .name("pushlab-alarm".to_owned())
        .spawn(move || running.run())?;
    Ok(clock)
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, task::Wake, time::Duration};

    use super::*;

    struct NotesTime(u32, mpsc::Sender<(u32, Instant)>);

    impl Wake for NotesTime {
        fn wake(self: Arc<Self>) {
            let _ = self.1.send((self.0, Instant::now()));
        }
    }

    #[test]
    fn everybody_is_woken_in_order_and_never_early() {
        let (sender, woken) = mpsc::channel();
        let start = Instant::now();
        for ms in [30, 10, 20, 0] {
            let waker = Waker::from(Arc::new(NotesTime(ms, sender.clone())));
            wake_at(start + Duration::from_millis(ms.into()), &waker);
        }
        for expected in [0, 10, 20, 30] {
            let (ms, at) = woken.recv_timeout(Duration::from_secs(5)).unwrap();
            assert_eq!(ms, expected);
            assert!(at >= start + Duration::from_millis(ms.into()));
        }
    }
}
