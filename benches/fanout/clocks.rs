//! What both processes of a run have used, read at two instants: CPU time, and time spent waiting
//! for a core. The difference over the interval is what costs and doubts are made of.

use std::io;
use std::process;

use serde_json::{Value, json};

use crate::process::waited_ns;
use crate::sys::{self, CpuClock};

/// The clocks of the server and of the load process that holds this.
pub struct Clocks {
    server_pid: i32,
    server_cpu: CpuClock,
    own_cpu: CpuClock,
}

/// All clocks at one instant.
pub struct Times {
    at_ns: u64,
    server_cpu_ns: u64,
    own_cpu_ns: u64,
    server_waited_ns: u64,
    own_waited_ns: u64,
}

impl Clocks {
    pub fn of(server_pid: i32) -> io::Result<Self> {
        Ok(Clocks {
            server_pid,
            server_cpu: CpuClock::of(server_pid)?,
            own_cpu: CpuClock::own(),
        })
    }

    pub fn read(&self) -> io::Result<Times> {
        Ok(Times {
            at_ns: sys::monotonic_ns(),
            server_cpu_ns: self.server_cpu.read_ns()?,
            own_cpu_ns: self.own_cpu.read_ns()?,
            server_waited_ns: waited_ns(self.server_pid)?,
            own_waited_ns: waited_ns(process::id() as i32)?,
        })
    }
}

impl Times {
    pub fn seconds_since(&self, before: &Times) -> f64 {
        (self.at_ns - before.at_ns) as f64 / 1e9
    }

    /// CPU time of the server in microseconds.
    pub fn server_cpu_us_since(&self, before: &Times) -> f64 {
        (self.server_cpu_ns - before.server_cpu_ns) as f64 / 1e3
    }

    /// Each use as a share of the interval, as `validity.rs` reads them.
    pub fn percents_since(&self, before: &Times) -> Value {
        let seconds = self.seconds_since(before);
        let percent =
            |of: fn(&Times) -> u64| of(self).saturating_sub(of(before)) as f64 / 1e7 / seconds;
        json!({
            "server_cpu_percent": percent(|times| times.server_cpu_ns),
            "load_cpu_percent": percent(|times| times.own_cpu_ns),
            "server_waited_percent": percent(|times| times.server_waited_ns),
            "load_waited_percent": percent(|times| times.own_waited_ns),
        })
    }
}
