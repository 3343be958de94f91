//! The figures of `server_stats`, every two seconds while somebody watches.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    super::{
        engine::Reason,
        io::Io,
        traffic::{Endings, Traffic},
    },
    NAMESPACE,
    watch::Watch,
};
use crate::clock;

const EVERY: Duration = Duration::from_secs(2);

/// What has passed since the start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    opened: u64,
    ended: Endings,
    traffic: Traffic,
}

/// The loop that sends the figures while somebody watches.
#[derive(Default)]
pub struct StatsLoop {
    /// Claimed by a swap, so that there is one loop.
    is_running: AtomicBool,
    /// What the last figures were sent from.
    last_totals: Mutex<Totals>,
}

/// Sends the figures until nobody watches, unless the loop runs already.
pub fn start(stats: &Arc<StatsLoop>, watch: &Arc<Watch>, io: &Io) {
    if stats.is_running.swap(true, Ordering::AcqRel) {
        return;
    }
    let (stats, watch, io) = (stats.clone(), watch.clone(), io.clone());
    actix_rt::spawn(async move {
        // What passed before is in no histogram.
        let (_, _, totals) = census(&io).await;
        *stats
            .last_totals
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = totals;
        loop {
            if !watch.is_watched() {
                stats.is_running.store(false, Ordering::Release);
                // Who came between these two lines found the loop still claimed.
                if !watch.is_watched() || stats.is_running.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
            let figures = figures(&stats, &io).await;
            let admins = io.of(NAMESPACE).transient();
            admins.emit("server_stats", figures);
            actix_rt::time::sleep(EVERY).await;
        }
    });
}

async fn figures(stats: &StatsLoop, io: &Io) -> Value {
    let (namespaces, polling, totals) = census(io).await;
    let before = {
        let mut last = stats
            .last_totals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *last, totals)
    };
    let now_us = clock::now_us();
    let namespaces: Vec<Value> = namespaces
        .into_iter()
        .map(|(name, sockets)| json!({"name": name, "socketsCount": sockets}))
        .collect();
    let hostname = sysinfo::System::host_name().unwrap_or_default();
    json!({
        "serverId": hostname,
        "hostname": hostname,
        "pid": std::process::id(),
        "uptime": now_us.saturating_sub(io.started_us()) as f64 / 1e6,
        "clientsCount": io.engine().sessions(),
        "pollingClientsCount": polling,
        "aggregatedEvents": passed(&before, &totals, clock::time_of_day_us() / 1_000_000 * 1_000),
        "namespaces": namespaces,
    })
}

/// Sockets by namespace, sessions on polling, and the totals, over all threads.
async fn census(io: &Io) -> (BTreeMap<String, usize>, usize, Totals) {
    let (to_us, mut from_threads) = mpsc::unbounded_channel();
    let asked = io.clone();
    io.engine().everywhere(move |worker| {
        let namespaces: Vec<_> = asked
            .local_namespaces()
            .into_iter()
            .map(|(name, rooms)| (name.to_string(), rooms.len()))
            .collect();
        let _ = to_us.send((namespaces, worker.polling_sessions(), worker.traffic.get()));
    });
    let mut sockets: BTreeMap<String, usize> = io
        .fixed_namespaces()
        .map(|name| (name.to_owned(), 0))
        .collect();
    let mut polling = 0;
    let mut totals = Totals {
        opened: io.engine().opened(),
        ended: io.engine().ended(),
        traffic: Traffic::default(),
    };
    while let Some((namespaces, on_polling, traffic)) = from_threads.recv().await {
        for (name, count) in namespaces {
            *sockets.entry(name).or_default() += count;
        }
        polling += on_polling;
        totals.traffic += traffic;
    }
    (sockets, polling, totals)
}

/// What passed between two looks, in the form of the UI's histograms.
fn passed(before: &Totals, now: &Totals, timestamp_ms: u64) -> Vec<Value> {
    let (was, is) = (before.traffic, now.traffic);
    let plain = [
        ("rawConnection", before.opened, now.opened),
        ("packetsIn", was.packets_in, is.packets_in),
        ("packetsOut", was.packets_out, is.packets_out),
        ("bytesIn", was.bytes_in, is.bytes_in),
        ("bytesOut", was.bytes_out, is.bytes_out),
    ];
    let plain = plain.map(|(kind, was, is)| (kind, None, is.saturating_sub(was)));
    let ended = Reason::ALL.iter().map(|reason| {
        let count = now.ended.of(*reason) - before.ended.of(*reason);
        ("rawDisconnection", Some(reason.as_str()), count)
    });
    let counted = plain.into_iter().chain(ended);
    counted
        .filter(|(.., count)| *count > 0)
        .map(|(kind, sub_type, count)| match sub_type {
            Some(sub_type) => {
                json!({"timestamp": timestamp_ms, "type": kind, "subType": sub_type, "count": count})
            }
            None => json!({"timestamp": timestamp_ms, "type": kind, "count": count}),
        })
        .collect()
}
