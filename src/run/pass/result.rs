//! What one pass gave.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::{
    client::exchange::Exchange,
    run::{
        bytes::{Answers, Model},
        collector::Collected,
        lanes::Row,
        poll_bytes::PollBytes,
        server_stats::Counts,
        uncertainty::Lags,
        upstream_bytes::UpBytes,
    },
};

/// What one pass gave.
pub struct PassResult {
    /// One for each row.
    pub rows: Vec<RowResult>,
    /// Intended → written by the publisher, µs.
    pub publish_lag: Histogram<u64>,
    /// Meant to wake → woke of the publisher's thread, µs.
    pub wake_lag: Histogram<u64>,
    /// An instant was due → the receiving thread had noticed, µs; looked at every few milliseconds.
    pub receive_lag: Histogram<u64>,
    /// Publications that were due while it was measured.
    pub scheduled: usize,
    /// Publications that were sent.
    pub published: usize,
    /// Confirmed by the server, over all rows' channels.
    pub acknowledged: u64,
    /// How many it was to confirm.
    pub to_acknowledge: u64,
    /// How long it was measured.
    pub measured_for: Duration,
    /// Processor time of this program.
    pub own_cpu: Duration,
    /// Processor time of the server; `None` where it is not a child of this one.
    pub server_cpu: Option<Duration>,
    /// How long the server's threads wanted a processor and had none; `None` as above.
    pub server_waited: Option<Duration>,
    /// It was interrupted, and holds what there was.
    pub is_partial: bool,
}

impl PassResult {
    /// How late the generator was for one of its rows.
    pub fn lags(&self, row: &RowResult) -> Lags {
        Lags {
            publish: self.publish_lag.clone(),
            notice: self.receive_lag.clone(),
            read: row.read_lag.clone(),
            connect: row.connect_lag.clone(),
            asks: row.counts.requests > 0,
            // One process publishes and receives.
            clock_bound_us: 0,
            cut_every_us: None,
        }
    }

    /// Its server's process had clients before these.
    pub fn in_used_process(&mut self) {
        for row in &mut self.rows {
            row.server_memory = row.server_memory.map(|_| ServerMemory::UsedProcess);
        }
    }

    /// Takes over what an earlier try of the same pass found of the server's memory, which no late
    /// generator changes.
    pub fn with_memory_of(mut self, earlier: &Self) -> Self {
        for row in &mut self.rows {
            let same = earlier.rows.iter().find(|found| found.row == row.row);
            row.server_memory = same.and_then(|found| found.server_memory);
        }
        self
    }

    /// The same, of a run that was stopped.
    pub fn as_partial(self) -> Self {
        Self {
            is_partial: true,
            ..self
        }
    }
}

/// What one pass gave for a row.
pub struct RowResult {
    /// Which row.
    pub row: Row,
    /// What came, and when.
    pub collected: Collected,
    /// How many clients.
    pub clients: usize,
    /// While it was measured.
    pub counts: Counts,
    /// From the first connection to the last close.
    pub whole: Counts,
    /// The clients counted, for the server is no lab: nothing is known of `whole`.
    pub counted_at_client: bool,
    /// What the clients' kernel received; `None` where it does not say.
    pub kernel_down_bytes: Option<u64>,
    /// Connections that they opened.
    pub client_connections: u64,
    /// Requests that they made.
    pub client_requests: u64,
    /// What its messages must cost; `None` where the server is none of ours, or what it
    /// answers is not known to the byte.
    pub model: Option<Model>,
    /// Answers to polls, full and empty.
    pub answers: Answers,
    /// One exchange, for people.
    pub example: Option<Exchange>,
    /// What a publication must cost on its way up, where clients publish.
    pub up_predicted: Option<UpBytes>,
    /// Where pollers ask for the latest state.
    pub poll_bytes: Option<PollBytes>,
    /// Only where the row was alone in its pass.
    pub server_memory: Option<ServerMemory>,
    /// In the kernel → read by a client, of each read while it was measured, µs.
    pub read_lag: Histogram<u64>,
    /// The same while the clients came in.
    pub connect_lag: Histogram<u64>,
    /// What went through.
    pub flow: Flow,
}

/// What the clients of a row that was alone added to the resident memory of the server's process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ServerMemory {
    /// Bytes, over the first clients that the process ever had.
    PerClient(f64),
    /// The process had served a pass before. What that one allocated and freed is still resident
    /// and is used again, so that the difference to just before this pass is too small, often
    /// nothing: it is the allocator's, not the lane's.
    UsedProcess,
    /// It shrank while the clients came.
    Shrank,
}

impl ServerMemory {
    pub(super) fn grown(before_bytes: u64, with_bytes: u64, clients: usize) -> Self {
        match with_bytes.checked_sub(before_bytes) {
            Some(grown) => Self::PerClient(grown as f64 / clients.max(1) as f64),
            None => Self::Shrank,
        }
    }

    /// Why there is no figure.
    pub fn objection(self) -> Option<&'static str> {
        match self {
            Self::PerClient(_) => None,
            Self::UsedProcess => Some(
                "an earlier pass left memory in the server's process, which this one used again; \
                 a run of one lane, once (--lanes NAME), starts a new process and measures it",
            ),
            Self::Shrank => Some("the server's memory shrank while the clients came"),
        }
    }
}

/// What went through while it was measured, whatever it was that came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flow {
    /// How long it was measured.
    pub measured_for: Duration,
    /// The generator's processor time.
    pub own_cpu: Duration,
    /// Deliveries that came in this time, and those that were due in it.
    pub received: u64,
    /// Publications that were due in that time.
    pub due: u64,
    /// Due at its end and not there yet, over all clients.
    pub backlog: u64,
    /// Clients whose deliveries are counted here.
    pub clients: usize,
    /// Each answer holds the newest publication, new to the client or not.
    pub is_of_latest: bool,
    /// From the schedule's start until the messages of the lab's plan were used up.
    pub quota_s: Option<f64>,
}
