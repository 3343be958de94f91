//! Real figures of this machine, once a second on [`CHANNEL`] while somebody listens.

use std::{
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use serde::Serialize;
use serde_json::value::to_raw_value;
use sysinfo::{
    CpuRefreshKind, MemoryRefreshKind, Networks, Pid, ProcessRefreshKind, ProcessesToUpdate,
    RefreshKind, System,
};
use tokio::runtime::Handle;

use crate::{
    channel::{ChannelName, Draft},
    clock,
    node::Node,
};

/// The channel of the machine's figures; a cache channel, so that who comes later gets the last at
/// once.
pub const CHANNEL: &str = "cache-dashboard-host";
const EVENT: &str = "host";
const EVERY: Duration = Duration::from_secs(1);

/// One sample. Rates are means since the sample before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HostFigures {
    /// Per core, 0 to 100.
    pub cpu_percent: Vec<f32>,
    /// Means over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Memory in use on this machine.
    pub memory_used_bytes: u64,
    /// Memory of this machine.
    pub memory_total_bytes: u64,
    /// Over all interfaces, loopback included.
    pub network_in_bytes_per_s: u64,
    /// Sent by all interfaces.
    pub network_out_bytes_per_s: u64,
    /// Of this process, in percent of one core.
    pub process_cpu_percent: f32,
    /// Resident memory of this process.
    pub process_memory_bytes: u64,
}

/// Reads the figures; keeps what rates need.
pub struct HostProbe {
    system: System,
    networks: Networks,
    process: Option<Pid>,
    sampled_us: u64,
}

impl Default for HostProbe {
    fn default() -> Self {
        let what = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_cpu_usage())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        Self {
            system: System::new_with_specifics(what),
            networks: Networks::new_with_refreshed_list(),
            process: sysinfo::get_current_pid().ok(),
            sampled_us: clock::now_us(),
        }
    }
}

impl HostProbe {
    /// Sample now. Meaningful from the second call on, a fifth of a second after the first.
    pub fn sample(&mut self) -> HostFigures {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.networks.refresh(true);
        if let Some(process) = self.process {
            self.system.refresh_processes_specifics(
                ProcessesToUpdate::Some(&[process]),
                false,
                ProcessRefreshKind::nothing().with_cpu().with_memory(),
            );
        }
        let now_us = clock::now_us();
        let seconds = (now_us - self.sampled_us).max(1) as f64 / 1e6;
        self.sampled_us = now_us;
        let per_second = |bytes: u64| (bytes as f64 / seconds) as u64;
        let load = System::load_average();
        let process = self.process.and_then(|pid| self.system.process(pid));
        HostFigures {
            cpu_percent: self
                .system
                .cpus()
                .iter()
                .map(|cpu| cpu.cpu_usage())
                .collect(),
            load: [load.one, load.five, load.fifteen],
            memory_used_bytes: self.system.used_memory(),
            memory_total_bytes: self.system.total_memory(),
            network_in_bytes_per_s: per_second(
                self.networks
                    .values()
                    .map(|network| network.received())
                    .sum(),
            ),
            network_out_bytes_per_s: per_second(
                self.networks
                    .values()
                    .map(|network| network.transmitted())
                    .sum(),
            ),
            process_cpu_percent: process.map_or(0.0, |process| process.cpu_usage()),
            process_memory_bytes: process.map_or(0, |process| process.memory()),
        }
    }
}

/// Publishes samples from a thread of its own until the node is gone: reading them blocks.
pub fn spawn(node: &Arc<Node>, runtime: Handle) {
    let node = Arc::downgrade(node);
    thread::spawn(move || publish_while_wanted(&node, &runtime));
}

fn publish_while_wanted(node: &Weak<Node>, runtime: &Handle) {
    let Ok(channel) = ChannelName::parse(CHANNEL) else {
        return;
    };
    let mut probe: Option<HostProbe> = None;
    loop {
        thread::sleep(EVERY);
        let Some(node) = node.upgrade() else { return };
        if node.is_shutting_down() {
            return;
        }
        if !node.has_audience(&channel) {
            probe = None;
            continue;
        }
        match &mut probe {
            None => drop(probe.insert(HostProbe::default()).sample()),
            Some(probe) => {
                let Ok(data) = to_raw_value(&probe.sample()) else {
                    continue;
                };
                let published =
                    runtime.block_on(node.publish_by(&channel, Draft::new(EVENT, data), "source"));
                if let Err(error) = published {
                    tracing::warn!(%error, "host figures cannot be published");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_of_a_real_machine() {
        let mut probe = HostProbe::default();
        let figures = probe.sample();
        assert!(!figures.cpu_percent.is_empty());
        assert!(figures.memory_used_bytes > 0);
        assert!(figures.memory_total_bytes > figures.memory_used_bytes);
        assert!(figures.process_memory_bytes > 0);
    }
}
