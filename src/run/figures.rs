//! The figures of a row: which there are, in what unit, as measured and as predicted.
//!
//! [`CATALOGUE`] is the one list that tables, CSV, thresholds and baselines are made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::figure::Figure;
use super::{
    collector::{BUSY_US, Comeback},
    pass::{RowResult, ServerMemory},
    server_stats::Counts,
    stats::{Delays, interval},
    uncertainty::{Lags, Parts, said},
    validity::{throughput_objection, too_few},
};

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Times; printed in ms.
    Microseconds,
    /// 0 to 1.
    Share,
    /// Bytes.
    Bytes,
    /// A number of things, perhaps a mean.
    Count,
}

/// One kind of figure.
#[derive(Debug)]
pub struct FigureKind {
    /// Its name in JSON, CSV and `--fail-on`.
    pub name: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// What it says, in a few words.
    pub meaning: &'static str,
}

impl FigureKind {
    /// What people call it; `meaning` says it exactly.
    pub fn label(&self) -> &'static str {
        super::figure_labels::label(self.name)
    }
}

macro_rules! catalogue {
    ($($name:literal $unit:ident $meaning:literal;)+) => {
        /// Every figure that a row can have.
        pub const CATALOGUE: &[FigureKind] = &[
            $(FigureKind { name: $name, unit: Unit::$unit, meaning: $meaning },)+
        ];
    };
}

catalogue! {
    "n" Count "deliveries that were timed";
    "mean_us" Microseconds "delay, mean of what was delivered";
    "p50_us" Microseconds "delay that half of all publications did not exceed";
    "p90_us" Microseconds "delay that 90 % did not exceed";
    "p95_us" Microseconds "delay that 95 % did not exceed";
    "p99_us" Microseconds "delay that 99 % did not exceed";
    "p999_us" Microseconds "delay that 99.9 % did not exceed";
    "max_us" Microseconds "longest delay of what was delivered";
    "jitter_us" Microseconds "mean difference between the delays of publications that followed each other";
    "age_us" Microseconds "mean age of what a client shows";
    "peak_age_us" Microseconds "its age just before something newer is shown, mean";
    "throughput_per_s" Count "deliveries per second while it was measured, over all clients";
    "backlog" Count "publications per client that were due and not there when measuring ended";
    "delivery_ratio" Share "delivered of what was expected";
    "slow_delivery_ratio" Share "the same for the clients that read slowly, who are in no other";
    "subscribed" Count "clients that got into the channel";
    "gaps" Count "runs of missing publications, over all clients";
    "duplicates" Count "deliveries of what a client had already";
    "order_violations" Count "deliveries after a later publication's";
    "echo_ratio" Share "publications of the clients that came back to their publisher";
    "drops" Count "publications that the server queued and gave up";
    "bytes_per_publication" Bytes "all bytes, both ways, per delivery";
    "header_bytes" Bytes "of these, HTTP headers";
    "framing_bytes" Bytes "of these, framing";
    "envelope_bytes" Bytes "of these, what is around the data: the protocol's part and the lab's";
    "protocol_bytes" Bytes "of the envelope, what any user of the protocol pays";
    "lab_bytes" Bytes "of the envelope, what this instrument adds to measure";
    "payload_bytes" Bytes "of these, the publication's data";
    "before_compression_bytes" Bytes "all bytes, both ways, per delivery, as they would be if nothing were compressed: what the layers divide";
    "message_bytes" Bytes "of these, down and without HTTP headers, where one message is one publication";
    "unexplained_bytes" Bytes "bytes of all clients together that the closed form, given which answers came, does not account for";
    "wire_bytes_per_publication" Bytes "with Ethernet, IP and TCP headers, and acknowledgements";
    "writes_per_publication" Count "the server's writes to sockets per delivery";
    "lane_up_bytes" Bytes "all bytes that the lane read, from the first connection to the last close";
    "lane_down_bytes" Bytes "all bytes that the lane wrote, from the first connection to the last close";
    "requests_per_publication" Count "requests per delivery";
    "requests_per_s" Count "requests per second, over all clients";
    "bytes_per_s" Bytes "all bytes, both ways, per client and second";
    "needless_ratio" Share "answers with the newest publication that brought a client nothing new";
    "empty_ratio" Share "answers that carried nothing";
    "bytes_per_request" Bytes "all bytes, both ways, per request";
    "header_bytes_per_request" Bytes "of these, HTTP headers";
    "up_bytes_per_publication" Bytes "bytes up per publication that a client sent";
    "up_header_bytes" Bytes "of these, HTTP headers";
    "up_framing_bytes" Bytes "of these, framing";
    "arrived_ratio" Share "clients that got into the channel";
    "connections_opened" Count "connections that the clients opened, all together";
    "failures" Count "connections that failed or were refused";
    "refusals" Count "of these, answers that said no";
    "tries" Count "tries to connect after an outage began";
    "tries_peak" Count "most tries within 100 ms when connections could be made again";
    "returned_ratio" Share "clients that were in the channel again after an outage";
    "back_us" Microseconds "from an outage's end to being in the channel again, median";
    "back_95_us" Microseconds "from an outage's end until 95 % of the clients were in the channel again";
    "first_after_us" Microseconds "from the cut to a client's first publication after it, median";
    "subscribed_us" Microseconds "from a client's start to being in the channel, median";
    "first_publication_us" Microseconds "from a client's start to its first publication, median";
    "quota_s" Count "seconds from the first publication until the messages of the lab's plan were used up";
    "server_cpu_share" Share "of its workers' cores, what the server used";
    "server_cpu_us_per_delivery" Microseconds "the server's processor time per delivery";
    "server_memory_per_client_bytes" Bytes "the server's resident memory per client, of the first clients of a new process";
}

/// The figure of this name.
pub fn find(name: &str) -> Option<&'static FigureKind> {
    CATALOGUE.iter().find(|kind| kind.name == name)
}

/// Figures by their name in the catalogue; what does not apply is not there.
pub type Measured = BTreeMap<String, Figure>;

/// What is known of a row's passes together.
pub struct Gathered<'a> {
    /// One for each repetition.
    pub passes: &'a [RowResult],
    /// Delays of all of them.
    pub delays: &'a Delays,
    /// The server's processor time while each pass was measured, where this row was alone in it.
    pub server_cpu_us: Option<Vec<f64>>,
    /// Worker threads of the server.
    pub workers: usize,
}

/// The quantiles that are shown.
pub const QUANTILES: [(&str, f64); 5] = [
    ("p50_us", 0.5),
    ("p90_us", 0.9),
    ("p95_us", 0.95),
    ("p99_us", 0.99),
    ("p999_us", 0.999),
];

/// All figures of a row, before the gate.
pub fn measured(gathered: &Gathered<'_>) -> Measured {
    let mut all = Measured::new();
    delays(gathered.delays, &mut all);
    books(gathered.passes, &mut all);
    comebacks(gathered.passes, &mut all);
    bytes(gathered.passes, &mut all);
    costs(gathered, &mut all);
    flow(gathered, &mut all);
    all
}

/// What went through, and whether it was the server that limited it.
fn flow(gathered: &Gathered<'_>, all: &mut Measured) {
    let passes = gathered.passes;
    let sum = |of: fn(&RowResult) -> f64| passes.iter().map(of).sum::<f64>();
    let time_s = sum(|pass| pass.flow.measured_for.as_secs_f64());
    if time_s == 0.0 {
        return;
    }
    let server_share = gathered
        .server_cpu_us
        .as_ref()
        .map(|all_us| all_us.iter().sum::<f64>() / 1e6 / time_s / gathered.workers.max(1) as f64);
    if let Some(share) = server_share {
        put(all, "server_cpu_share", Figure::new(share, None));
    }
    let (received, due) = (
        sum(|pass| pass.flow.received as f64),
        sum(|pass| pass.flow.due as f64),
    );
    let of_due = received / due.max(1.0);
    let each: Vec<f64> = passes
        .iter()
        .map(|pass| pass.flow.received as f64 / pass.flow.measured_for.as_secs_f64())
        .collect();
    let own_share = sum(|pass| pass.flow.own_cpu.as_secs_f64()) / time_s;
    let throughput = match throughput_objection(of_due, server_share, own_share) {
        None => Figure::new(received / time_s, interval(&each)),
        Some(why) => Figure::invalid(why),
    };
    put(all, "throughput_per_s", throughput);
    let requests = sum(|pass| pass.counts.requests as f64);
    if requests > 0.0 {
        put(all, "requests_per_s", Figure::new(requests / time_s, None));
    }
    if requests > 0.0 && passes.iter().all(|pass| pass.flow.is_of_latest) {
        put(
            all,
            "needless_ratio",
            Figure::new((1.0 - received / requests).max(0.0), None),
        );
    }
    let quotas: Vec<f64> = passes.iter().filter_map(|pass| pass.flow.quota_s).collect();
    put_mean(all, "quota_s", &quotas);
    let per_s = |pass: &RowResult| {
        let bytes = pass.counts.up.total + pass.counts.down.total;
        let seconds = pass.flow.measured_for.as_secs_f64() * pass.flow.clients as f64;
        bytes as f64 / seconds
    };
    put_mean(
        all,
        "bytes_per_s",
        &passes.iter().map(per_s).collect::<Vec<_>>(),
    );
    let clients = sum(|pass| pass.flow.clients as f64).max(1.0);
    let backlog = sum(|pass| pass.flow.backlog as f64) / clients;
    put(all, "backlog", Figure::new(backlog, None));
}

fn put(all: &mut Measured, name: &str, figure: Figure) {
    let kind = find(name);
    debug_assert!(kind.is_some(), "{name} is not in the catalogue");
    let is_time = kind.is_some_and(|kind| kind.unit == Unit::Microseconds);
    let figure = match figure {
        // A mean ± its error knows of no end; a delay does.
        Figure::Valid {
            value,
            low: Some(low),
            high,
            error,
        } if is_time => Figure::Valid {
            value,
            low: Some(low.max(0.0)),
            high,
            error,
        },
        other => other,
    };
    all.insert(name.to_owned(), figure);
}

/// Those of [`Gathered::delays`] alone.
pub fn delays(delays: &Delays, all: &mut Measured) {
    put(all, "n", Figure::new(delays.delivered as f64, None));
    let delivered = delays.delivered as f64 / delays.expected.max(1) as f64;
    for (name, p) in QUANTILES {
        let figure = match (too_few(p, delays.expected), delays.quantile_us(p)) {
            (Some(why), _) => Figure::invalid(why),
            (None, None) => Figure::invalid(format!(
                "{:.1} % were delivered: this percentile is among the lost",
                delivered * 100.0
            )),
            (None, Some(us)) => Figure::new(
                us,
                delays.interval(|batch| batch.value_at_quantile(p) as f64),
            ),
        };
        put(all, name, figure);
    }
    if delays.delivered > 0 {
        let mean = Figure::new(delays.all.mean(), delays.interval(|batch| batch.mean()));
        put(all, "mean_us", mean);
        put(all, "max_us", Figure::new(delays.all.max() as f64, None));
    }
}

fn books(passes: &[RowResult], all: &mut Measured) {
    let sum = |of: fn(&RowResult) -> u64| passes.iter().map(of).sum::<u64>() as f64;
    let expected = sum(|pass| pass.collected.expected);
    if expected > 0.0 {
        let ratios: Vec<f64> = passes
            .iter()
            .map(|p| p.collected.delivered as f64 / p.collected.expected.max(1) as f64)
            .collect();
        let ratio = sum(|pass| pass.collected.delivered) / expected;
        put(all, "delivery_ratio", Figure::new(ratio, interval(&ratios)));
    }
    let slow = (
        sum(|pass| pass.collected.slow.0),
        sum(|pass| pass.collected.slow.1),
    );
    if slow.0 > 0.0 {
        put(
            all,
            "slow_delivery_ratio",
            Figure::new(slow.1 / slow.0, None),
        );
    }
    let subscribed = sum(|pass| pass.collected.subscribed_us.len() as u64);
    let subscribed = subscribed / passes.len().max(1) as f64;
    for (name, count) in [
        ("subscribed", subscribed),
        ("gaps", sum(|pass| pass.collected.gaps)),
        ("duplicates", sum(|pass| pass.collected.duplicates)),
        (
            "order_violations",
            sum(|pass| pass.collected.order_violations),
        ),
        ("failures", sum(|pass| pass.collected.failures)),
        ("refusals", sum(|pass| pass.collected.refusals)),
        ("connections_opened", sum(|pass| pass.client_connections)),
    ] {
        put(all, name, Figure::new(count, None));
    }
    if !passes.iter().any(|pass| pass.counted_at_client) {
        for (name, count) in [
            ("drops", sum(|pass| pass.whole.drops)),
            ("lane_up_bytes", sum(|pass| pass.whole.up.total)),
            ("lane_down_bytes", sum(|pass| pass.whole.down.total)),
        ] {
            put(all, name, Figure::new(count, None));
        }
    }
    for (name, of) in [
        (
            "subscribed_us",
            (|p| &p.collected.subscribed_us) as fn(&RowResult) -> &Vec<u64>,
        ),
        ("first_publication_us", |p| {
            &p.collected.first_publication_us
        }),
    ] {
        let mut times: Vec<u64> = passes.iter().flat_map(of).copied().collect();
        times.sort_unstable();
        if let Some(median) = times.get(times.len() / 2) {
            put(all, name, Figure::new(*median as f64, None));
        }
    }
    type Age = fn(&RowResult) -> Option<f64>;
    for (name, of) in [
        ("age_us", (|pass| pass.collected.mean_age_us) as Age),
        ("peak_age_us", |pass| pass.collected.peak_age_us),
    ] {
        let ages: Vec<f64> = passes.iter().filter_map(of).collect();
        put_mean(all, name, &ages);
    }
    let clients = sum(|pass| pass.clients as u64);
    if clients > 0.0 {
        let arrived = sum(|pass| pass.collected.arrived as u64) / clients;
        put(all, "arrived_ratio", Figure::new(arrived, None));
    }
    let jitters: Vec<f64> = passes
        .iter()
        .filter_map(|p| p.collected.jitter_us)
        .collect();
    put_mean(all, "jitter_us", &jitters);
    let echoes: Option<u64> = passes.iter().map(|p| p.collected.echoes).sum();
    if let Some(echoes) = echoes {
        // Each publication has one publisher, so it can come back once.
        let published = expected / passes.iter().map(|p| p.clients as f64).fold(1.0, f64::max);
        let ratio = echoes as f64 / published.max(1.0);
        put(all, "echo_ratio", Figure::new(ratio, None));
    }
}

/// How the clients came back after an outage, over all repetitions.
fn comebacks(passes: &[RowResult], all: &mut Measured) {
    let came: Option<Vec<&Comeback>> = passes
        .iter()
        .map(|pass| pass.collected.comeback.as_ref())
        .collect();
    let Some(came) = came.filter(|came| !came.is_empty()) else {
        return;
    };
    let clients: usize = came.iter().map(|each| each.clients).sum();
    let rising = |of: fn(&Comeback) -> &Vec<u64>| {
        let mut times: Vec<u64> = came.iter().flat_map(|each| of(each)).copied().collect();
        times.sort_unstable();
        times
    };
    let back_us = rising(|each| &each.back_us);
    put(
        all,
        "returned_ratio",
        Figure::new(back_us.len() as f64 / clients.max(1) as f64, None),
    );
    for (name, times, share) in [
        ("back_us", &back_us, 0.5),
        ("back_95_us", &back_us, 0.95),
        ("first_after_us", &rising(|each| &each.first_after_us), 0.5),
    ] {
        // Of all clients: who never came back is the slowest.
        let index = (clients as f64 * share).ceil() as usize;
        let figure = match times.get(index.saturating_sub(1)) {
            Some(us) => Figure::new(*us as f64, None),
            None => Figure::invalid(format!("{} of {clients} clients got there", times.len())),
        };
        put(all, name, figure);
    }
    let mean = |of: fn(&Comeback) -> u64| {
        came.iter().map(|each| of(each) as f64).sum::<f64>() / came.len() as f64
    };
    put(all, "tries", Figure::new(mean(|each| each.tries), None));
    let peak = mean(|each| each.tries_peak);
    put(all, "tries_peak", Figure::new(peak, None));
}

/// Tries and returns over time since the cut, of all repetitions together: seconds, tries, clients.
pub fn comeback_over_time(passes: &[RowResult]) -> Vec<(f64, u64, u64)> {
    let mut sum: Vec<(f64, u64, u64)> = Vec::new();
    let came = passes.iter().filter_map(|p| p.collected.comeback.as_ref());
    for (index, (tries, back)) in came.flat_map(|each| each.over_time.iter().enumerate()) {
        if index == sum.len() {
            sum.push((index as f64 * BUSY_US as f64 / 1e6, 0, 0));
        }
        sum[index].1 += tries;
        sum[index].2 += back;
    }
    sum
}

/// Bytes and requests per publication, from the lane's own counts: what was delivered and what it
/// took, in the same stretch of time.
fn bytes(passes: &[RowResult], all: &mut Measured) {
    type Of = fn(&Counts) -> u64;
    let per_publication: [(&str, Of); 10] = [
        ("bytes_per_publication", |c| c.up.total + c.down.total),
        ("header_bytes", |c| c.up.http_headers + c.down.http_headers),
        ("framing_bytes", |c| c.up.framing + c.down.framing),
        ("envelope_bytes", |c| c.up.envelope + c.down.envelope),
        ("protocol_bytes", |c| c.up.protocol + c.down.protocol),
        ("lab_bytes", |c| c.up.lab + c.down.lab),
        ("payload_bytes", |c| c.up.payload + c.down.payload),
        ("wire_bytes_per_publication", |c| c.wire_bytes),
        ("requests_per_publication", |c| c.requests),
        ("writes_per_publication", |c| c.writes),
    ];
    let at_client = passes.iter().any(|pass| pass.counted_at_client);
    for (name, of) in per_publication {
        // What TCP adds no client sees, nor in how many writes it came.
        let is_of_server = name.starts_with("wire_") || name.starts_with("writes_");
        if at_client && is_of_server {
            continue;
        }
        put_ratio(passes, all, name, of, |c| c.delivered);
    }
    // Where nothing was compressed it is what passed.
    let saved: Of = |c| c.up.saved + c.down.saved;
    if passes.iter().any(|pass| saved(&pass.counts) > 0) {
        let before: Of = |c| c.up.before_compression() + c.down.before_compression();
        put_ratio(passes, all, "before_compression_bytes", before, |c| {
            c.delivered
        });
    }
    let unexplained: Option<Vec<f64>> = passes
        .iter()
        .map(|p| p.model.as_ref()?.unexplained(p.counts, p.whole, &p.answers))
        .collect();
    if let Some(each) = unexplained {
        let sum = each.iter().map(|bytes| bytes.abs()).sum();
        put(all, "unexplained_bytes", Figure::new(sum, None));
    }
    // Requests have messages of their own, and share them among publications.
    let is_stream = passes.iter().all(|pass| pass.counts.requests == 0);
    if is_stream {
        let down: Of = |c| c.down.framing + c.down.envelope + c.down.payload;
        put_ratio(passes, all, "message_bytes", down, |c| c.delivered);
    }
    if passes.iter().all(|pass| pass.up_predicted.is_some()) {
        let up: [(&str, Of); 3] = [
            ("up_bytes_per_publication", |c| c.up.total),
            ("up_header_bytes", |c| c.up.http_headers),
            ("up_framing_bytes", |c| c.up.framing),
        ];
        for (name, of) in up {
            put_ratio(passes, all, name, of, |c| c.received);
        }
    }
    let per_request: [(&str, Of); 2] = [
        ("bytes_per_request", |c| c.up.total + c.down.total),
        ("header_bytes_per_request", |c| {
            c.up.http_headers + c.down.http_headers
        }),
    ];
    for (name, of) in per_request {
        put_ratio(passes, all, name, of, |c| c.requests);
    }
    put_ratio(
        passes,
        all,
        "empty_ratio",
        |c| c.empty_answers,
        |c| c.requests,
    );
}

fn put_ratio(
    passes: &[RowResult],
    all: &mut Measured,
    name: &str,
    part: fn(&Counts) -> u64,
    whole: fn(&Counts) -> u64,
) {
    let ratio = |counts: &Counts| part(counts) as f64 / whole(counts) as f64;
    let sum = passes
        .iter()
        .fold(Counts::default(), |sum, pass| sum.plus(pass.counts));
    if whole(&sum) == 0 {
        return;
    }
    let each: Vec<f64> = passes
        .iter()
        .map(|pass| ratio(&pass.counts))
        .filter(|ratio| ratio.is_finite())
        .collect();
    put(all, name, Figure::new(ratio(&sum), interval(&each)));
}

fn costs(gathered: &Gathered<'_>, all: &mut Measured) {
    if let Some(cpu_us) = &gathered.server_cpu_us {
        let per_delivery: Vec<f64> = cpu_us
            .iter()
            .zip(gathered.passes)
            .filter(|(_, pass)| pass.counts.delivered > 0)
            .map(|(us, pass)| us / pass.counts.delivered as f64)
            .collect();
        put_mean(all, "server_cpu_us_per_delivery", &per_delivery);
    }
    let memory = gathered.passes.iter().filter_map(|pass| pass.server_memory);
    if let Some(figure) = server_memory(memory) {
        put(all, "server_memory_per_client_bytes", figure);
    }
}

/// Of what the passes found: what the first clients of a new process took. Later passes of the same
/// process know nothing of it and are not averaged in.
fn server_memory(passes: impl Iterator<Item = ServerMemory>) -> Option<Figure> {
    let mut why = None;
    for memory in passes {
        match memory {
            ServerMemory::PerClient(bytes) => return Some(Figure::new(bytes, None)),
            other => why = why.or(other.objection()),
        }
    }
    why.map(Figure::invalid)
}

fn put_mean(all: &mut Measured, name: &str, values: &[f64]) {
    if !values.is_empty() {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        put(all, name, Figure::new(mean, interval(values)));
    }
}

/// Gives every delay its error, or what that leaves of it, and says what each is made of.
pub fn hold_against(all: &mut Measured, lags: &Lags) -> BTreeMap<String, Parts> {
    let mut errors = BTreeMap::new();
    for (name, figure) in all {
        if let (Some(of_share), Figure::Valid { error, .. }) = (lags.of_share(name), &mut *figure) {
            *error = Some(of_share);
        }
        let parts = figure.value().and_then(|value| lags.parts(name, value));
        if let Some(parts) = parts {
            *figure = said(name, figure, &parts);
            errors.insert(name.clone(), parts);
        }
    }
    errors
}

/// Makes the figures that a fault of the run touches invalid.
pub fn object(all: &mut Measured, delay_fault: Option<&str>, byte_fault: Option<&str>) {
    for (name, figure) in all {
        let is_byte = name.contains("byte") && !name.starts_with("server_");
        // Processor time is counted by the kernel: no generator is late for it.
        let is_delay = !name.starts_with("server_cpu")
            && find(name).is_some_and(|kind| kind.unit == Unit::Microseconds);
        let fault = match (is_delay, is_byte) {
            (true, _) => delay_fault,
            (_, true) => byte_fault,
            _ => None,
        };
        if let (Some(why), Figure::Valid { .. } | Figure::Below { .. }) = (fault, &*figure) {
            *figure = Figure::invalid(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_touches_its_own_figures_only() {
        let mut all = Measured::new();
        for name in ["p50_us", "bytes_per_publication", "delivery_ratio"] {
            put(&mut all, name, Figure::new(1.0, None));
        }
        object(&mut all, Some("late"), None);
        assert_eq!(all["p50_us"], Figure::invalid("late"));
        assert!(all["bytes_per_publication"].value().is_some());
        object(&mut all, None, Some("apart"));
        assert_eq!(all["bytes_per_publication"], Figure::invalid("apart"));
        assert!(all["delivery_ratio"].value().is_some());
    }

    #[test]
    fn a_delays_interval_ends_at_nothing() {
        let mut all = Measured::new();
        let of = |all: &mut Measured, name: &str| {
            put(all, name, Figure::new(12_400.0, Some((-9_000.0, 33_800.0))));
            all[name].interval()
        };
        assert_eq!(of(&mut all, "mean_us"), Some((0.0, 33_800.0)));
        assert_eq!(of(&mut all, "p50_us"), Some((0.0, 33_800.0)));
    }

    #[test]
    fn memory_is_known_of_the_first_pass_of_a_process_alone() {
        use ServerMemory::{PerClient, Shrank, UsedProcess};
        let of = |passes: &[ServerMemory]| server_memory(passes.iter().copied());
        assert_eq!(of(&[]), None);
        assert_eq!(
            of(&[PerClient(9e3), UsedProcess]).unwrap().value(),
            Some(9e3)
        );
        assert_eq!(
            of(&[UsedProcess, PerClient(9e3)]).unwrap().value(),
            Some(9e3)
        );
        for withheld in [UsedProcess, Shrank] {
            let Some(Figure::Invalid { invalid }) = of(&[withheld, UsedProcess]) else {
                panic!("{withheld:?} gives a number");
            };
            assert!(invalid.contains("memory"), "{invalid}");
        }
    }
}
