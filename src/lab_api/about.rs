//! `GET /api/lab`: what this lab is, where its lanes are, and what its comparisons have in common.

use std::fs;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::{
    apps,
    lanes::{LaneView, VariantView, lanes_for, variants_of},
    no_store,
};
use crate::{config::compress::Compress, lab::Lab, registry::LaneWorker};

/// What every comparison in this lab has in common.
pub fn fairness(lab: &Lab) -> Vec<String> {
    vec![
        "Same payload bytes, same publications, same schedule, at the same time on every lane."
            .to_owned(),
        "Delays count from the instant the schedule intended, not from when publishing happened."
            .to_owned(),
        match lab.config.compress {
            Compress::Off => {
                "No compression, neither of HTTP bodies nor of WebSocket messages, but where a query asks for it."
                    .to_owned()
            }
            asked => format!(
                "Compressed where a client offers to take it: --compress {asked}. Clients that do not offer get the same as ever."
            ),
        },
        format!(
            "HTTP/1.1 connections are kept alive for {}; TCP_NODELAY is on everywhere.",
            lab.config.keep_alive
        ),
        format!(
            "Idle streams and sockets get a heartbeat every {}.",
            lab.config.heartbeat
        ),
        "Every client whose protocol has positions continues from its own after an interruption (polls by cursor); Channels as it is and bare rows have none."
            .to_owned(),
        format!(
            "One server process with {} worker threads; congestion control: {}.",
            lab.config.workers,
            host_facts().congestion_control
        ),
        format!(
            "pushlab {} ({}), {}, {}, {}.",
            crate::VERSION,
            crate::REVISION,
            env!("PUSHLAB_VERSIONS"),
            env!("PUSHLAB_RUSTC"),
            crate::ALLOCATOR,
        ),
    ]
}

/// What is known of the machine, for whoever reads a result.
#[derive(Debug, Clone, Serialize)]
pub struct HostFacts {
    os: String,
    kernel: String,
    cpus: usize,
    memory_bytes: u64,
    congestion_control: String,
}

/// Facts of this machine that a figure depends on.
pub fn host_facts() -> HostFacts {
    let unknown = || "unknown".to_owned();
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    HostFacts {
        os: sysinfo::System::long_os_version().unwrap_or_else(unknown),
        kernel: sysinfo::System::kernel_version().unwrap_or_else(unknown),
        cpus: std::thread::available_parallelism().map_or(0, usize::from),
        memory_bytes: system.total_memory(),
        congestion_control: fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control")
            .map_or_else(|_| unknown(), |text| text.trim().to_owned()),
    }
}

pub async fn lab(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    #[derive(Serialize)]
    struct LabView<'a> {
        version: &'a str,
        lanes: Vec<LaneView>,
        variants: Vec<VariantView>,
        settings: serde_json::Value,
        fairness: Vec<String>,
        host: HostFacts,
        demo_app: Option<apps::DemoApp>,
    }
    let lab = &worker.lab;
    let lanes = lanes_for(lab, &request);
    no_store().json(LabView {
        version: crate::VERSION,
        variants: variants_of(&lanes),
        lanes,
        settings: lab.config.shown(),
        fairness: fairness(lab),
        host: host_facts(),
        demo_app: apps::DemoApp::of(&request),
    })
}
