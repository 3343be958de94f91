//! The figures of a row: which there are, in what unit, as measured and as predicted.
//!
//! [`CATALOGUE`] is the one list that tables, CSV, thresholds and baselines are made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    bytes::Cost,
    conditions::Effect,
    lanes::{Row, seconds},
    phase::RowPassed,
    plan::Plan,
    schedule::Kind,
    server_stats::Counts,
    stats::{Delays, Interval, interval},
    theory::{Arrivals, Prediction, Situation, Way, loss, loss_within, mean_age_s, predict},
    validity::too_few,
};

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Microseconds,
    /// 0 to 1.
    Share,
    Bytes,
    Count,
}

/// One kind of figure.
#[derive(Debug)]
pub struct FigureKind {
    pub name: &'static str,
    pub unit: Unit,
    pub meaning: &'static str,
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
    "p99_us" Microseconds "delay that 99 % did not exceed";
    "p999_us" Microseconds "delay that 99.9 % did not exceed";
    "max_us" Microseconds "longest delay of what was delivered";
    "age_us" Microseconds "mean age of what a client shows";
    "delivery_ratio" Share "delivered of what was expected";
    "gaps" Count "runs of missing publications, over all clients";
    "duplicates" Count "deliveries of what a client had already";
    "order_violations" Count "deliveries after a later publication's";
    "drops" Count "publications that the server queued and gave up";
    "bytes_per_publication" Bytes "all bytes, both ways, per delivery";
    "header_bytes" Bytes "of these, HTTP headers";
    "framing_bytes" Bytes "of these, framing";
    "envelope_bytes" Bytes "of these, the protocol's envelope";
    "payload_bytes" Bytes "of these, the publication's data";
    "message_bytes" Bytes "of these, down and without HTTP headers, where one message is one publication";
    "unexplained_bytes" Bytes "bytes of all clients together that the closed form, given which answers came, does not account for";
    "wire_bytes_per_publication" Bytes "with TCP, IP and Ethernet headers and acknowledgements";
    "lane_up_bytes" Bytes "all bytes that the lane read, from the first connection to the last close";
    "lane_down_bytes" Bytes "all bytes that the lane wrote, from the first connection to the last close";
    "requests_per_publication" Count "requests per delivery";
    "empty_ratio" Share "answers that carried nothing";
    "connections_opened" Count "connections that the clients opened, all together";
    "failures" Count "connections that failed or were refused";
    "subscribed_us" Microseconds "from a client's start to being in the channel, median";
    "first_publication_us" Microseconds "from a client's start to its first publication, median";
    "server_cpu_us_per_delivery" Microseconds "the server's processor time per delivery";
    "server_memory_per_client_bytes" Bytes "the server's resident memory per client";
}

pub fn find(name: &str) -> Option<&'static FigureKind> {
    CATALOGUE.iter().find(|kind| kind.name == name)
}

/// A figure that can be stood behind, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Figure {
    Valid {
        value: f64,
        /// Its 95 % interval, where repetitions tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        low: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        high: Option<f64>,
    },
    Invalid {
        invalid: String,
    },
}

impl Figure {
    fn new(value: f64, interval: Option<Interval>) -> Self {
        Self::Valid {
            value,
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
        }
    }

    fn invalid(why: impl Into<String>) -> Self {
        Self::Invalid {
            invalid: why.into(),
        }
    }

    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Valid { value, .. } => Some(*value),
            Self::Invalid { .. } => None,
        }
    }

    pub fn interval(&self) -> Option<Interval> {
        match self {
            Self::Valid {
                low: Some(low),
                high: Some(high),
                ..
            } => Some((*low, *high)),
            _ => None,
        }
    }
}

/// Figures by their name in the catalogue; what does not apply is not there.
pub type Measured = BTreeMap<String, Figure>;
/// Predictions by the name of the figure they are for.
pub type Predicted = BTreeMap<String, f64>;

/// What is known of a row's passes together.
pub struct Gathered<'a> {
    pub passes: &'a [RowPassed],
    pub delays: &'a Delays,
    /// The server's processor time while each pass was measured, where this row was alone in it.
    pub server_cpu_us: Option<Vec<f64>>,
}

/// The quantiles that are shown.
pub const QUANTILES: [(&str, f64); 4] = [
    ("p50_us", 0.5),
    ("p90_us", 0.9),
    ("p99_us", 0.99),
    ("p999_us", 0.999),
];

/// All figures of a row, before the gate.
pub fn measured(gathered: &Gathered<'_>) -> Measured {
    let mut all = Measured::new();
    delays(gathered.delays, &mut all);
    books(gathered.passes, &mut all);
    bytes(gathered.passes, &mut all);
    costs(gathered, &mut all);
    all
}

fn put(all: &mut Measured, name: &str, figure: Figure) {
    debug_assert!(find(name).is_some(), "{name} is not in the catalogue");
    all.insert(name.to_owned(), figure);
}

fn delays(delays: &Delays, all: &mut Measured) {
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

fn books(passes: &[RowPassed], all: &mut Measured) {
    let sum = |of: fn(&RowPassed) -> u64| passes.iter().map(of).sum::<u64>() as f64;
    let expected = sum(|pass| pass.collected.expected);
    if expected > 0.0 {
        let ratios: Vec<f64> = passes
            .iter()
            .map(|p| p.collected.delivered as f64 / p.collected.expected.max(1) as f64)
            .collect();
        let ratio = sum(|pass| pass.collected.delivered) / expected;
        put(all, "delivery_ratio", Figure::new(ratio, interval(&ratios)));
    }
    for (name, count) in [
        ("gaps", sum(|pass| pass.collected.gaps)),
        ("duplicates", sum(|pass| pass.collected.duplicates)),
        (
            "order_violations",
            sum(|pass| pass.collected.order_violations),
        ),
        ("failures", sum(|pass| pass.collected.failures)),
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
            (|p| &p.collected.subscribed_us) as fn(&RowPassed) -> &Vec<u64>,
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
    let ages: Vec<f64> = passes
        .iter()
        .filter_map(|p| p.collected.mean_age_us)
        .collect();
    if !ages.is_empty() {
        let mean = ages.iter().sum::<f64>() / ages.len() as f64;
        put(all, "age_us", Figure::new(mean, interval(&ages)));
    }
}

/// Bytes and requests per publication, from the lane's own counts: what was delivered and what it
/// took, in the same stretch of time.
fn bytes(passes: &[RowPassed], all: &mut Measured) {
    type Of = fn(&Counts) -> u64;
    let per_publication: [(&str, Of); 7] = [
        ("bytes_per_publication", |c| c.up.total + c.down.total),
        ("header_bytes", |c| c.up.http_headers + c.down.http_headers),
        ("framing_bytes", |c| c.up.framing + c.down.framing),
        ("envelope_bytes", |c| c.up.envelope + c.down.envelope),
        ("payload_bytes", |c| c.up.payload + c.down.payload),
        ("wire_bytes_per_publication", |c| c.wire_bytes),
        ("requests_per_publication", |c| c.requests),
    ];
    let at_client = passes.iter().any(|pass| pass.counted_at_client);
    for (name, of) in per_publication {
        // What TCP adds no client sees.
        if at_client && name == "wire_bytes_per_publication" {
            continue;
        }
        put_ratio(passes, all, name, of, |c| c.delivered);
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
    put_ratio(
        passes,
        all,
        "empty_ratio",
        |c| c.empty_answers,
        |c| c.requests,
    );
}

fn put_ratio(
    passes: &[RowPassed],
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
    let memory: Vec<f64> = gathered
        .passes
        .iter()
        .filter_map(|pass| pass.server_memory_per_client)
        .collect();
    put_mean(all, "server_memory_per_client_bytes", &memory);
}

fn put_mean(all: &mut Measured, name: &str, values: &[f64]) {
    if !values.is_empty() {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        put(all, name, Figure::new(mean, interval(values)));
    }
}

/// Makes the figures that a fault of the run touches invalid.
pub fn object(all: &mut Measured, delay_fault: Option<&str>, byte_fault: Option<&str>) {
    for (name, figure) in all {
        let is_byte = name.contains("byte");
        let is_delay = find(name).is_some_and(|kind| kind.unit == Unit::Microseconds);
        let fault = match (is_delay, is_byte) {
            (true, _) => delay_fault,
            (_, true) => byte_fault,
            _ => None,
        };
        if let (Some(why), Figure::Valid { .. }) = (fault, &*figure) {
            *figure = Figure::invalid(why);
        }
    }
}

/// What theory says of a row, given the round trip that was measured before the run.
pub fn predicted(plan: &Plan, row: &Row, measured_round_trip_us: u64) -> Predicted {
    let mut all = Predicted::new();
    let effect = effect(plan, row);
    // A poll that never came takes with it what had waited for it, half an interval's worth on
    // average.
    let waited_s = match row.way(plan) {
        Way::ShortPoll { interval_s, .. } => interval_s / 2.0,
        _ => 0.0,
    };
    let mut lost = 0.0;
    if !plan.tunnel_every.0.is_zero() && !row.resume {
        let away_s = seconds(plan.tunnel_away.0) + waited_s;
        lost += loss(away_s, seconds(plan.tunnel_every.0), None);
    }
    if let Some(tunnel) = effect.tunnel
        && !tunnel.missed.is_zero()
        && !row.resume
    {
        lost += loss_within(
            seconds(plan.duration.0),
            seconds(tunnel.first),
            seconds(tunnel.missed),
            seconds(tunnel.every),
            waited_s,
        );
    }
    if !effect.delivery_unknown {
        all.insert("delivery_ratio".into(), (1.0 - lost).max(0.0));
    }
    all.insert("duplicates".into(), 0.0);
    all.insert("order_violations".into(), 0.0);
    let Some((prediction, situation)) = situated(plan, row, measured_round_trip_us) else {
        return all;
    };
    let us = |seconds: f64| seconds * 1e6;
    all.insert("mean_us".into(), us(prediction.mean_delay_s));
    // Jitter leaves the mean where it is, and nothing else.
    if effect.jitter.is_zero() {
        all.insert("max_us".into(), us(prediction.worst_delay_s));
        for (name, p) in QUANTILES {
            all.insert(name.into(), us(prediction.quantile_s(p)));
        }
    }
    all.insert("age_us".into(), us(mean_age_s(row.way(plan), situation)));
    all.insert(
        "requests_per_publication".into(),
        prediction.requests_per_event,
    );
    if prediction.requests_per_event > 0.0 {
        all.insert("empty_ratio".into(), prediction.empty_ratio);
    }
    all
}

/// What the plan's conditions do to a row.
pub fn effect(plan: &Plan, row: &Row) -> Effect {
    let conditions = plan.conditions().unwrap_or_default();
    conditions.of(&row.lane).map(Effect::of).unwrap_or_default()
}

/// Adds what publications must cost, by layer ([`super::bytes`]): the mean over the passes.
pub fn predict_bytes(passes: &[RowPassed], theory: Option<Prediction>, all: &mut Predicted) {
    let costs: Option<Vec<Cost>> = passes
        .iter()
        .map(|pass| pass.model.as_ref()?.per_publication(theory))
        .collect();
    let Some(costs) = costs.filter(|costs| !costs.is_empty()) else {
        return;
    };
    let sum = costs
        .iter()
        .fold(Cost::default(), |sum, cost| sum.plus(*cost));
    let mean = sum.times(1.0 / costs.len() as f64);
    for (name, bytes) in [
        ("bytes_per_publication", mean.total()),
        ("header_bytes", mean.headers),
        ("framing_bytes", mean.framing),
        ("envelope_bytes", mean.envelope),
        ("payload_bytes", mean.payload),
    ] {
        all.insert(name.into(), bytes);
    }
    if mean.headers == 0.0 {
        all.insert("message_bytes".into(), mean.message());
    }
}

/// The closed form and what it is for; `None` where theory has none: bursts, recordings, tunnels,
/// and conditions but for a constant latency.
pub fn prediction(
    plan: &Plan,
    row: &Row,
    measured_round_trip_us: u64,
) -> Option<(Prediction, Situation)> {
    let is_constant = effect(plan, row).jitter.is_zero();
    situated(plan, row, measured_round_trip_us).filter(|_| is_constant)
}

/// As [`prediction`], with the mean of a latency that varies.
fn situated(
    plan: &Plan,
    row: &Row,
    measured_round_trip_us: u64,
) -> Option<(Prediction, Situation)> {
    let arrivals = match plan.schedule {
        Kind::Periodic => Arrivals::Periodic,
        Kind::Poisson => Arrivals::Poisson,
        Kind::Bursty | Kind::Replay => return None,
    };
    let effect = effect(plan, row);
    // Where one publication's jitter may reach into the next one's time, order adds to the delay.
    let may_meet = effect.jitter.as_secs_f64() * 2.0 * plan.rate > 1.0;
    if !plan.tunnel_every.0.is_zero() || effect.delays_unknown || may_meet {
        return None;
    }
    let own_s = seconds(plan.round_trip.0) + measured_round_trip_us as f64 / 1e6;
    let round_trip_s = own_s + seconds(effect.down + effect.up);
    let situation = Situation {
        arrivals,
        rate_per_s: plan.rate,
        round_trip_s,
        one_way_s: own_s / 2.0 + seconds(effect.down),
    };
    Some((predict(row.way(plan), situation), situation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::lanes;

    fn row(lane: &str, resume: bool) -> Row {
        Row::new(lanes::find(lane).unwrap(), resume)
    }

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
    fn invalid_figures_are_no_numbers_in_json() {
        let invalid = serde_json::to_string(&Figure::invalid("few")).unwrap();
        assert_eq!(invalid, r#"{"invalid":"few"}"#);
        let valid = Figure::new(2.5, Some((2.0, 3.0)));
        let text = serde_json::to_string(&valid).unwrap();
        assert_eq!(text, r#"{"value":2.5,"low":2.0,"high":3.0}"#);
        assert_eq!(serde_json::from_str::<Figure>(&text).unwrap(), valid);
    }

    #[test]
    fn a_tunnel_is_predicted_to_cost_its_share_without_resume() {
        let plan = Plan {
            tunnel_every: "15s".parse().unwrap(),
            tunnel_away: "2s".parse().unwrap(),
            ..Plan::default()
        };
        let ratio = |row: Row| predicted(&plan, &row, 300)["delivery_ratio"];
        assert_eq!(ratio(row("sse", true)), 1.0);
        assert!((ratio(row("sse", false)) - 0.8667).abs() < 1e-3);
        assert!((ratio(row("channels", false)) - 0.8667).abs() < 1e-3);
        assert_eq!(ratio(row("channels", true)), 1.0);
    }

    #[test]
    fn conditions_are_predicted_where_they_have_a_closed_form() {
        let predict = |text: &str, resume| {
            let plan = Plan {
                conditions: text.to_owned(),
                duration: "60s".parse().unwrap(),
                ..Plan::default()
            };
            predicted(&plan, &row("sse", resume), 400)
        };
        let far = predict("latency down=50ms up=20ms", true);
        assert!((far["mean_us"] - 50_200.0).abs() < 1.0 && far.contains_key("p99_us"));
        let varied = predict("latency down=50ms up=20ms jitter=5ms", true);
        assert!(varied.contains_key("mean_us") && !varied.contains_key("p99_us"));
        let train = predict("train tunnel", false);
        assert!((train["delivery_ratio"] - 0.8667).abs() < 1e-3);
        assert!(!train.contains_key("mean_us"));
        assert_eq!(predict("train tunnel", true)["delivery_ratio"], 1.0);
        assert!(!predict("cut-rst after=5s", true).contains_key("delivery_ratio"));
    }

    #[test]
    fn short_polling_is_predicted_from_the_plan() {
        let all = predicted(&Plan::default(), &row("short-poll", true), 400);
        assert!((all["mean_us"] - 250_200.0).abs() < 1.0);
        assert!(!predicted(&Plan::default(), &row("sse", true), 400).contains_key("empty_ratio"));
    }
}
