//! All figures as Prometheus text (exposition format 0.0.4).

use prometheus::{
    Encoder, TextEncoder,
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

use super::latency::Latencies;
use crate::{
    lane::{
        LaneId,
        meter::{LaneTotals, Series, Totals},
    },
    wire::Layers,
};

/// Upper bounds of the exported delay histograms, in seconds.
const BUCKETS_S: [f64; 16] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// What is exported.
pub struct Figures<'a> {
    /// Of the program.
    pub version: &'a str,
    /// Since the start, s.
    pub uptime_s: f64,
    /// Channels that the node has.
    pub channels: usize,
    /// Announcements that no reader was quick enough for.
    pub announcements_dropped: u64,
    /// Counts of each lane.
    pub lanes: Vec<(LaneId, LaneTotals)>,
    /// Counts by label.
    pub series: Vec<Series>,
    /// Engine.IO's sessions.
    pub socketio: SocketIo,
    /// Histograms of delays.
    pub latencies: &'a Latencies,
}

/// Engine.IO sessions.
pub struct SocketIo {
    /// Open now.
    pub open: usize,
    /// Since the start.
    pub opened: u64,
    /// Ended sessions by reason.
    pub ended: Vec<(&'static str, u64)>,
}

/// Writes everything.
pub fn encode(figures: &Figures<'_>) -> Result<Vec<u8>, prometheus::Error> {
    let mut families = vec![
        family(
            "pushlab_info",
            "The program's version.",
            MetricType::GAUGE,
            vec![gauge(1.0, &[("version", figures.version)])],
        ),
        family(
            "pushlab_uptime_seconds",
            "Time since the start.",
            MetricType::GAUGE,
            vec![gauge(figures.uptime_s, &[])],
        ),
        family(
            "pushlab_channels",
            "Channels that are kept.",
            MetricType::GAUGE,
            vec![gauge(figures.channels as f64, &[])],
        ),
        family(
            "pushlab_presence_announcements_dropped_total",
            "Joins and leaves that could not be published.",
            MetricType::COUNTER,
            vec![counter(figures.announcements_dropped, &[])],
        ),
    ];
    families.extend(session_families(&figures.socketio));
    families.extend(lane_families(&figures.lanes));
    families.extend(series_families(&figures.series));
    families.push(delays(figures.latencies));
    families.retain(|family| !family.get_metric().is_empty());
    let mut text = Vec::new();
    TextEncoder::new().encode(&families, &mut text)?;
    Ok(text)
}

fn session_families(sessions: &SocketIo) -> [MetricFamily; 3] {
    let ended = sessions.ended.iter();
    let ended = ended.map(|(reason, count)| counter(*count, &[("reason", reason)]));
    [
        family(
            "pushlab_socketio_sessions_open",
            "Engine.IO sessions that are open.",
            MetricType::GAUGE,
            vec![gauge(sessions.open as f64, &[])],
        ),
        family(
            "pushlab_socketio_sessions_opened_total",
            "Engine.IO sessions that were opened.",
            MetricType::COUNTER,
            vec![counter(sessions.opened, &[])],
        ),
        family(
            "pushlab_socketio_sessions_ended_total",
            "Engine.IO sessions that ended; slow consumer: too much waited for its client.",
            MetricType::COUNTER,
            ended.collect(),
        ),
    ]
}

fn lane_families(lanes: &[(LaneId, LaneTotals)]) -> Vec<MetricFamily> {
    let open = lanes
        .iter()
        .map(|(lane, totals)| gauge(totals.connections_open as f64, &[("lane", lane.0)]));
    let opened = lanes
        .iter()
        .map(|(lane, totals)| counter(totals.totals.connections_opened, &[("lane", lane.0)]));
    vec![
        family(
            "pushlab_lane_connections_open",
            "TCP connections open on a lane, whatever they are used for.",
            MetricType::GAUGE,
            open.collect(),
        ),
        family(
            "pushlab_lane_connections_opened_total",
            "TCP connections accepted on a lane.",
            MetricType::COUNTER,
            opened.collect(),
        ),
    ]
}

/// Name, help, and where to find a counter.
type CounterOf = (&'static str, &'static str, fn(&Totals) -> u64);

const COUNTERS: [CounterOf; 10] = [
    ("pushlab_requests_total", "HTTP requests.", |t| t.requests),
    (
        "pushlab_empty_answers_total",
        "Answers to polls that carried no publication.",
        |t| t.empty_answers,
    ),
    (
        "pushlab_publications_delivered_total",
        "Publications handed to the kernel.",
        |t| t.delivered,
    ),
    (
        "pushlab_publications_received_total",
        "Publications that clients sent.",
        |t| t.received,
    ),
    (
        "pushlab_publications_dropped_total",
        "Publications queued for a subscriber and not delivered.",
        |t| t.drops,
    ),
    (
        "pushlab_writes_total",
        "Calls that wrote to a socket; several publications may leave in one.",
        |t| t.writes,
    ),
    (
        "pushlab_segments_sent_total",
        "TCP segments sent, pure acknowledgements included.",
        |t| t.segments_down,
    ),
    (
        "pushlab_segments_received_total",
        "TCP segments received, pure acknowledgements included.",
        |t| t.segments_up,
    ),
    (
        "pushlab_tls_bytes_sent_total",
        "Bytes sent where lanes speak TLS, encrypted, the handshake included.",
        |t| t.tls_down,
    ),
    (
        "pushlab_tls_bytes_received_total",
        "Bytes received where lanes speak TLS, encrypted, the handshake included.",
        |t| t.tls_up,
    ),
];

fn series_families(series: &[Series]) -> Vec<MetricFamily> {
    let mut families: Vec<_> = COUNTERS
        .iter()
        .map(|(name, help, read)| {
            let metrics = series
                .iter()
                .map(|series| counter(read(&series.totals), &labels_of(series)))
                .collect();
            family(name, help, MetricType::COUNTER, metrics)
        })
        .collect();
    let open = series
        .iter()
        .map(|series| gauge(series.connections_open as f64, &labels_of(series)));
    families.push(family(
        "pushlab_connections_open",
        "Connections in use.",
        MetricType::GAUGE,
        open.collect(),
    ));
    families.push(family(
        "pushlab_bytes_total",
        "Application bytes by direction and layer, counted at the socket.",
        MetricType::COUNTER,
        series
            .iter()
            .flat_map(|of| bytes(of, "layer", by_layer))
            .collect(),
    ));
    families.push(family(
        "pushlab_compression_saved_bytes_total",
        "What compression took off messages, by direction. pushlab_bytes_total is by what they were before it: less this it is what passed.",
        MetricType::COUNTER,
        series.iter().flat_map(saved).collect(),
    ));
    // Apart, so that a sum over the layers has no byte twice.
    let parts = |_: u64, layers| envelope_parts(layers);
    families.push(family(
        "pushlab_envelope_bytes_total",
        "Of the layer envelope: what the protocol adds around the data, and what this lab adds to measure it.",
        MetricType::COUNTER,
        series.iter().flat_map(|of| bytes(of, "part", parts)).collect(),
    ));
    families
}

/// Counters of both directions, divided by `division` under the label `divided`.
fn bytes<const N: usize>(
    series: &Series,
    divided: &'static str,
    division: impl Fn(u64, Layers) -> [(&'static str, u64); N],
) -> Vec<Metric> {
    let totals = &series.totals;
    let directions = [
        ("up", totals.bytes_up, totals.layers_up()),
        ("down", totals.bytes_down, totals.layers_down()),
    ];
    directions
        .into_iter()
        .flat_map(|(direction, total, layers)| {
            division(total, layers).map(|(layer, bytes)| {
                let mut labels = labels_of(series).to_vec();
                labels.extend([("direction", direction), (divided, layer)]);
                counter(bytes, &labels)
            })
        })
        .collect()
}

/// What compression took off, in both directions.
fn saved(series: &Series) -> Vec<Metric> {
    let totals = &series.totals;
    [("up", totals.saved_up), ("down", totals.saved_down)]
        .into_iter()
        .map(|(direction, bytes)| {
            let mut labels = labels_of(series).to_vec();
            labels.push(("direction", direction));
            counter(bytes, &labels)
        })
        .collect()
}

/// All bytes by layer; bytes of no layer are HTTP headers. The envelope is the sum of what
/// [`envelope_parts`] has.
pub fn by_layer(total: u64, layers: Layers) -> [(&'static str, u64); 4] {
    [
        ("http_headers", total.saturating_sub(layers.total())),
        ("framing", layers.framing),
        ("envelope", layers.envelope()),
        ("payload", layers.payload),
    ]
}

/// What an envelope consists of: the protocol's part, and what this instrument adds.
pub fn envelope_parts(layers: Layers) -> [(&'static str, u64); 2] {
    [("protocol", layers.protocol), ("lab", layers.lab)]
}

fn labels_of(series: &Series) -> [(&'static str, &str); 6] {
    let labels = &series.labels;
    [
        ("lane", labels.lane.0),
        ("transport", labels.transport),
        ("protocol", labels.protocol),
        ("demo", labels.demo),
        ("form", labels.form),
        ("channel", &labels.channel),
    ]
}

fn delays(latencies: &Latencies) -> MetricFamily {
    let metrics = latencies
        .merged()
        .into_iter()
        .map(|(key, recorded)| {
            let mut histogram = Histogram::default();
            histogram.set_sample_count(recorded.len());
            let sum_us: f64 = recorded
                .iter_recorded()
                .map(|step| step.count_at_value() as f64 * step.value_iterated_to() as f64)
                .sum();
            histogram.set_sample_sum(sum_us / 1e6);
            histogram.set_bucket(
                BUCKETS_S
                    .iter()
                    .map(|bound_s| {
                        let mut bucket = Bucket::default();
                        bucket.set_upper_bound(*bound_s);
                        let bound_us = (bound_s * 1e6).round() as u64;
                        bucket.set_cumulative_count(recorded.count_between(0, bound_us));
                        bucket
                    })
                    .collect(),
            );
            let mut metric = labelled(&[
                ("lane", key.lane.0),
                ("transport", key.transport),
                ("protocol", key.protocol),
                ("stage", key.stage.as_str()),
            ]);
            metric.set_histogram(histogram);
            metric
        })
        .collect();
    family(
        "pushlab_delay_seconds",
        "Delays: written is published to kernel; received and painted are reported by browsers, from the intended instant. All since the start; /api/stats has the last minutes.",
        MetricType::HISTOGRAM,
        metrics,
    )
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn labelled(labels: &[(&str, &str)]) -> Metric {
    // An empty label is none (data model, "Metric names and labels").
    let labels = labels.iter().filter(|(_, value)| !value.is_empty());
    let pairs = labels.map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    });
    let mut metric = Metric::default();
    metric.set_label(pairs.collect());
    metric
}

fn counter(value: u64, labels: &[(&str, &str)]) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value as f64);
    let mut metric = labelled(labels);
    metric.set_counter(counter);
    metric
}

fn gauge(value: f64, labels: &[(&str, &str)]) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = labelled(labels);
    metric.set_gauge(gauge);
    metric
}
