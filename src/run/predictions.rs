//! What theory says of a row's figures, from the plan alone and, for bytes, from what the passes
//! have learnt of the server.
//!
//! The closed forms are [`super::theory`]'s and [`super::bytes`]'; here is which of them a plan
//! calls for, and where none does.

use super::{
    bytes::Cost,
    collector::BUSY_US,
    conditions::Effect,
    delay_forms::DelayForms,
    lanes::Row,
    pass::RowResult,
    plan::{Balance, Plan, PublishBy},
    poll_bytes::empty_share,
    predicted::{Predicted, Predictions},
    processing::{Processing, Reached},
    rows::seconds,
    schedule::Kind,
    theory::{
        Arrivals, DeliveryMode, Prediction, Sampled, Situation, Timer, Waits, comeback,
        delivered_without_backplane, loss, loss_within, mean_age_s, one_at_a_time, predict,
        sampled,
    },
};
use crate::client::{
    back_off::{BackOff, Curve},
    short_poll::PollFor,
};

/// What bytes must come to, from what the passes have learnt of the server.
pub fn predicted_bytes(plan: &Plan, passes: &[RowResult]) -> Predictions {
    let mut all = Predictions::new();
    if !plan.outage_at.0.is_zero() {
        // Greetings of those who come back are among the messages.
        return all;
    }
    let mean = |of: &dyn Fn(&RowResult) -> Option<f64>| -> Option<f64> {
        let each: Vec<f64> = passes.iter().map(of).collect::<Option<_>>()?;
        (!each.is_empty()).then(|| each.iter().sum::<f64>() / each.len() as f64)
    };
    let poll = |pass: &RowResult| {
        let bytes = pass.poll_bytes?;
        Some(bytes.mean(plan.poll_for, empty_share(&pass.counts)))
    };
    let is_plain_up = passes.iter().all(|pass| pass.counts.up.saved == 0);
    for (name, value) in [
        (
            "up_bytes_per_publication",
            mean(&|p| Some(p.up_predicted?.total)).filter(|_| is_plain_up),
        ),
        ("up_header_bytes", mean(&|p| Some(p.up_predicted?.headers))),
        ("up_framing_bytes", mean(&|p| Some(p.up_predicted?.framing))),
        ("bytes_per_request", mean(&|p| Some(poll(p)?.0))),
        ("header_bytes_per_request", mean(&|p| Some(poll(p)?.1))),
    ] {
        if let Some(value) = value {
            put(&mut all, name, value);
        }
    }
    all
}

fn put(all: &mut Predictions, name: &str, value: f64) {
    all.insert(name.to_owned(), Predicted::exactly(value));
}

/// What was measured of the machine before the run and in its warm-up, and of nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine {
    /// From a client to the server and back, µs.
    pub round_trip_us: u64,
    /// What it adds to a row's deliveries; see [`processing`].
    pub processing: Option<Processing>,
}

/// A machine of which no warm-up told anything.
impl From<u64> for Machine {
    fn from(round_trip_us: u64) -> Self {
        Self {
            round_trip_us,
            processing: None,
        }
    }
}

/// What the machine adds to the deliveries of a row, by its own warm-up. `None` where that tells
/// nothing: it was disturbed; of short polls, which mostly wait, and of long polls that wait longer than
/// that; of jitter and conflation, which it cannot be told from; of clients whose publications queue
/// up; and where delays have no closed form at all.
pub fn processing(
    plan: &Plan,
    row: &Row,
    warm_up: &[Reached],
    round_trip_us: u64,
) -> Option<Processing> {
    let (prediction, situation) = prediction(plan, row, round_trip_us)?;
    let mode = row.delivery_mode(plan);
    let waits = prediction.worst_delay_s > prediction.mean_delay_s;
    let longest_wait_us = (prediction.worst_delay_s - situation.one_way_s) * 1e6;
    let is_told = |took: &Processing| match mode {
        DeliveryMode::ShortPoll { .. } => false,
        DeliveryMode::LongPoll { .. } => !waits || took.first_us > longest_wait_us,
        DeliveryMode::Stream => !waits,
    };
    Processing::of(warm_up, situation.one_way_s * 1e6).filter(is_told)
}

/// What the machine adds to an answer that nobody else is written to before: that of a poll. The
/// quickest stream of the run tells.
pub fn processing_of_one(
    plan: &Plan,
    rows: &[Row],
    warm_ups: &[Vec<Reached>],
    round_trip_us: u64,
) -> Option<Processing> {
    rows.iter()
        .zip(warm_ups)
        .filter(|(row, _)| row.delivery_mode(plan) == DeliveryMode::Stream)
        .filter_map(|(row, warm_up)| processing(plan, row, warm_up, round_trip_us))
        .min_by(|a, b| a.first_us.total_cmp(&b.first_us))
        .map(Processing::of_one)
}

/// What theory says of a row on this machine.
pub fn predicted(plan: &Plan, row: &Row, machine: impl Into<Machine>) -> Predictions {
    let machine: Machine = machine.into();
    let mut all = Predictions::new();
    predicted_delivery(plan, row, &mut all);
    predicted_comeback(plan, &mut all);
    if let Some((sampled, situation)) = sampled_by(plan, row, machine.round_trip_us) {
        let forms = delay_forms(plan, row, situation, machine);
        predicted_age(row, sampled, &forms, &mut all);
    }
    if let Some((prediction, situation)) = situated(plan, row, machine.round_trip_us) {
        let forms = delay_forms(plan, row, situation, machine);
        predicted_delay(row, prediction, &forms, &mut all);
    }
    all
}

fn delay_forms<'a>(
    plan: &'a Plan,
    row: &Row,
    situation: Situation,
    machine: Machine,
) -> DelayForms<'a> {
    DelayForms {
        plan,
        mode: row.delivery_mode(plan),
        situation,
        processing: machine.processing,
    }
}

/// The closed form of a row's delays, with what the machine adds, for a curve.
pub fn curve(plan: &Plan, row: &Row, machine: Machine) -> Option<Prediction> {
    let (prediction, situation) = prediction(plan, row, machine.round_trip_us)?;
    Some(delay_forms(plan, row, situation, machine).processed(prediction))
}

/// What arrives, and how often: where it can be told.
fn predicted_delivery(plan: &Plan, row: &Row, all: &mut Predictions) {
    put(all, "duplicates", 0.0);
    put(all, "order_violations", 0.0);
    let got_in = match plan.balance {
        Balance::Sticky => plan.clients as f64,
        Balance::Alternate => 0.0,
    };
    put(all, "subscribed", got_in);
    if plan.publish_by == PublishBy::Clients {
        put(all, "echo_ratio", 1.0);
    }
    let effect = row.effect(plan);
    let is_back = row.resume && plan.back_off != BackOff::Native;
    if !effect.delivery_unknown && (plan.outage_at.0.is_zero() || is_back) {
        let arrives = (1.0 - lost(plan, row, &effect)).max(0.0);
        put(all, "delivery_ratio", arrives * reached_by_nodes(plan, row));
    }
}

/// The share that is published while a client is away and does not come later.
fn lost(plan: &Plan, row: &Row, effect: &Effect) -> f64 {
    if row.resume {
        return 0.0;
    }
    // A poll that never came takes with it what had waited for it, half an interval's worth on
    // average.
    let waited_s = match row.delivery_mode(plan) {
        DeliveryMode::ShortPoll { interval_s, .. } => interval_s / 2.0,
        _ => 0.0,
    };
    let mut lost = 0.0;
    if !plan.tunnel_every.0.is_zero() {
        let away_s = seconds(plan.tunnel_away.0) + waited_s;
        lost += loss(away_s, seconds(plan.tunnel_every.0), None);
    }
    if let Some(tunnel) = effect.tunnel
        && !tunnel.missed.is_zero()
    {
        lost += loss_within(
            seconds(plan.duration.0),
            seconds(tunnel.first),
            seconds(tunnel.missed),
            seconds(tunnel.every),
            waited_s,
        );
    }
    lost
}

/// The share of the clients whose node hears of a publication.
fn reached_by_nodes(plan: &Plan, row: &Row) -> f64 {
    match plan.balance {
        Balance::Sticky if !plan.kill_node_at.0.is_zero() => {
            let here = delivered_without_backplane(plan.clients, plan.nodes);
            let until_kill = seconds(plan.kill_node_at.0) / seconds(plan.duration.0);
            match row.resume {
                // A position that the other node does not know is answered by all there is.
                true => 1.0,
                false => 1.0 - (1.0 - here) * until_kill,
            }
        }
        Balance::Sticky => delivered_without_backplane(plan.clients, plan.nodes),
        // A session is known to one node: nobody gets as far as the channel.
        Balance::Alternate => 0.0,
    }
}

/// How old what a display shows is.
fn predicted_age(row: &Row, sampled: Sampled, forms: &DelayForms<'_>, all: &mut Predictions) {
    let plan = forms.plan;
    forms.put_ages(sampled, all);
    if row.samples(plan) {
        predicted_state(plan, sampled, all);
    }
    if row.samples(plan) || !plan.conflate.0.is_zero() {
        all.insert("mean_us".into(), forms.sampled_mean(sampled));
    }
}

/// The delays of a closed form, and the requests it takes.
fn predicted_delay(
    row: &Row,
    prediction: Prediction,
    forms: &DelayForms<'_>,
    all: &mut Predictions,
) {
    let plan = forms.plan;
    all.insert("mean_us".into(), forms.mean(prediction));
    // Jitter leaves the mean where it is, and nothing else.
    if row.effect(plan).jitter.is_zero() {
        forms.put_spread(prediction, all);
    }
    let age_s = mean_age_s(forms.mode, forms.situation);
    all.entry("age_us".into())
        .or_insert_with(|| forms.age(age_s));
    // Per delivery: each publication goes up once and down to everybody.
    let clients = plan.clients as f64;
    let (posts, payload_up) = match plan.publish_by {
        PublishBy::Run => (0.0, 0.0),
        PublishBy::Clients if row.sends_on_its_connection() => (0.0, 1.0 / clients),
        PublishBy::Clients => (1.0 / clients, 1.0 / clients),
    };
    let requests = prediction.requests_per_event + posts;
    put(all, "requests_per_publication", requests);
    if prediction.requests_per_event > 0.0 && posts == 0.0 {
        put(all, "empty_ratio", prediction.empty_ratio);
    }
    if payload_up > 0.0 {
        let payload = plan.size as f64 * (1.0 + payload_up);
        put(all, "payload_bytes", payload);
    }
}

/// A crowd's return, where the run names its back-off.
fn predicted_comeback(plan: &Plan, all: &mut Predictions) {
    let curve = Curve::named(plan.back_off, plan.back_off_first.0);
    let (Some(curve), false) = (curve, plan.outage_at.0.is_zero()) else {
        return;
    };
    let waits = Waits {
        first_s: seconds(curve.first),
        factor: curve.factor,
        most_s: seconds(curve.most),
        spread: curve.spread,
    };
    let came = comeback(waits, seconds(plan.outage_for.0), BUSY_US as f64 / 1e6);
    let clients = plan.clients as f64;
    put(all, "returned_ratio", 1.0);
    put(all, "back_95_us", came.until_95_s * 1e6);
    put(all, "tries", came.tries * clients);
    put(all, "tries_peak", came.peak * clients);
}

/// Polls for the latest publication: what they show, and how often they have nothing to say.
fn predicted_state(plan: &Plan, sampled: Sampled, all: &mut Predictions) {
    put(all, "delivery_ratio", sampled.shown);
    let (filled, needless) = match plan.poll_for {
        PollFor::ChangedState => (sampled.fresh, None),
        PollFor::State | PollFor::News => (1.0, Some(1.0 - sampled.fresh)),
    };
    put(all, "empty_ratio", 1.0 - filled);
    put(all, "requests_per_publication", filled.recip());
    put(all, "payload_bytes", plan.size as f64);
    if let Some(needless) = needless {
        put(all, "needless_ratio", needless);
    }
}

/// The age of what a display shows. A client that polls samples the events, and so does a publisher
/// that conflates them; a stream shows everything. `None` where theory has no form for it: both at once, long polls,
/// bursts, tunnels, clients that publish.
fn sampled_by(plan: &Plan, row: &Row, measured_round_trip_us: u64) -> Option<(Sampled, Situation)> {
    if plan.publish_by == PublishBy::Clients {
        // A publication ages while it waits to be sent.
        return None;
    }
    let situation = situation(plan, row, measured_round_trip_us)?;
    let conflate_s = seconds(plan.conflate.0);
    let shows = match row.delivery_mode(plan) {
        DeliveryMode::ShortPoll { interval_s, timer } if conflate_s == 0.0 => {
            let cycle_s = match timer {
                Timer::Interval => interval_s.max(situation.round_trip_s),
                Timer::AfterAnswer => interval_s + situation.round_trip_s,
            };
            Some(sampled(cycle_s, situation))
        }
        DeliveryMode::Stream => Some(sampled(conflate_s, situation)),
        _ => None,
    };
    Some((shows?, situation))
}

/// Adds what publications must cost, by layer ([`super::bytes`]): the mean over the passes.
pub fn predict_bytes(passes: &[RowResult], theory: Option<Prediction>, all: &mut Predictions) {
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
    // What compression makes of a message depends on what it says, and on what was said before: a
    // closed form knows only what it was before that.
    let is_compressed = |pass: &RowResult| pass.counts.up.saved + pass.counts.down.saved > 0;
    let all_bytes = match passes.iter().any(is_compressed) {
        true => "before_compression_bytes",
        false => "bytes_per_publication",
    };
    for (name, bytes) in [
        (all_bytes, mean.total()),
        ("header_bytes", mean.headers),
        ("framing_bytes", mean.framing),
        ("envelope_bytes", mean.envelope()),
        ("protocol_bytes", mean.protocol),
        ("lab_bytes", mean.lab),
        ("payload_bytes", mean.payload),
    ] {
        put(all, name, bytes);
    }
    if mean.headers == 0.0 {
        put(all, "message_bytes", mean.message());
    }
}

/// The closed form and what it is for; `None` where theory has none: bursts, recordings, tunnels,
/// samples, and conditions but for a constant latency.
pub fn prediction(
    plan: &Plan,
    row: &Row,
    measured_round_trip_us: u64,
) -> Option<(Prediction, Situation)> {
    let is_constant = row.effect(plan).jitter.is_zero();
    situated(plan, row, measured_round_trip_us).filter(|_| is_constant)
}

/// As [`prediction`], with the mean of a latency that varies.
fn situated(
    plan: &Plan,
    row: &Row,
    measured_round_trip_us: u64,
) -> Option<(Prediction, Situation)> {
    if !plan.conflate.0.is_zero() || row.samples(plan) {
        return None;
    }
    let situation = situation(plan, row, measured_round_trip_us)?;
    let prediction = predict(row.delivery_mode(plan), situation);
    let posts = plan.publish_by == PublishBy::Clients && !row.sends_on_its_connection();
    if !posts {
        return Some((prediction, situation));
    }
    let round_trip_s = situation.round_trip_s;
    let each_per_s = plan.rate / plan.clients as f64;
    let from_s = seconds(plan.warm_up.0);
    let measured_s = (from_s, from_s + seconds(plan.duration.0));
    match (row.delivery_mode(plan), each_per_s * round_trip_s > 1.0) {
        (_, false) => Some((prediction, situation)),
        (DeliveryMode::Stream, true) => Some((
            one_at_a_time(prediction, each_per_s, round_trip_s, measured_s),
            situation,
        )),
        // A poll shapes what a growing queue gives it; no closed form here.
        (_, true) => None,
    }
}

/// `None` where there is no closed form: bursts, recordings, tunnels, and conditions but for a
/// latency.
fn situation(plan: &Plan, row: &Row, measured_round_trip_us: u64) -> Option<Situation> {
    let arrivals = match plan.schedule {
        Kind::Periodic => Arrivals::Periodic,
        Kind::Poisson => Arrivals::Poisson,
        Kind::Bursty | Kind::Replay => return None,
    };
    let effect = row.effect(plan);
    // Where one publication's jitter may reach into the next one's time, order adds to the delay.
    let may_meet = effect.jitter.as_secs_f64() * 2.0 * plan.rate > 1.0;
    if !plan.tunnel_every.0.is_zero()
        || !plan.outage_at.0.is_zero()
        || plan.balance == Balance::Alternate
        || !plan.kill_node_at.0.is_zero()
        || effect.delays_unknown
        || may_meet
    {
        return None;
    }
    let own_s = seconds(plan.round_trip.0) + measured_round_trip_us as f64 / 1e6;
    let round_trip_s = own_s + seconds(effect.down + effect.up);
    Some(Situation {
        arrivals,
        rate_per_s: plan.rate,
        round_trip_s,
        // What a client publishes first travels to the server.
        one_way_s: match plan.publish_by {
            PublishBy::Run => own_s / 2.0 + seconds(effect.down),
            PublishBy::Clients => round_trip_s,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(lane: &str, resume: bool) -> Row {
        Row::new(crate::catalogue::lane(lane).unwrap(), resume)
    }

    #[test]
    fn a_tunnel_is_predicted_to_cost_its_share_without_resume() {
        let plan = Plan {
            tunnel_every: "15s".parse().unwrap(),
            tunnel_away: "2s".parse().unwrap(),
            ..Plan::default()
        };
        let ratio = |row: Row| predicted(&plan, &row, 300)["delivery_ratio"].form();
        assert_eq!(ratio(row("sse", true)), 1.0);
        assert!((ratio(row("sse", false)) - 0.8667).abs() < 1e-3);
        assert!((ratio(row("channels", false)) - 0.8667).abs() < 1e-3);
        assert_eq!(ratio(row("channels", true)), 1.0);
    }

    #[test]
    fn clients_that_post_one_after_the_other_fall_behind_beyond_one_per_round_trip() {
        let plan = Plan {
            publish_by: PublishBy::Clients,
            clients: 2,
            rate: 80.0,
            round_trip: "50ms".parse().unwrap(),
            warm_up: "0s".parse().unwrap(),
            duration: "2s".parse().unwrap(),
            ..Plan::default()
        };
        let mean = |lane| predicted(&plan, &row(lane, true), 0)["mean_us"].form();
        assert!((mean("websocket") - 50_000.0).abs() < 1.0);
        // 40 a second and 20 possible: behind by 1 s for each second.
        assert!((mean("sse") - 1_050_000.0).abs() < 1.0);
        let sse = predicted(&plan, &row("sse", true), 0);
        assert_eq!(sse["echo_ratio"].form(), 1.0);
        assert_eq!(sse["payload_bytes"].form(), 90.0);
        assert_eq!(sse["requests_per_publication"].form(), 0.5);
    }

    #[test]
    fn two_nodes_that_know_nothing_of_each_other_serve_half() {
        let mut plan = Plan {
            nodes: 2,
            clients: 20,
            lanes: "socketio-polling".into(),
            ..Plan::default()
        };
        let ratio = |plan: &Plan| {
            predicted(plan, &row("socketio-polling", true), 0)["delivery_ratio"].form()
        };
        assert_eq!(ratio(&plan), 0.5);
        plan.balance = Balance::Alternate;
        assert_eq!(ratio(&plan), 0.0);
    }

    #[test]
    fn polls_for_the_state_are_empty_when_nothing_changed() {
        let mut plan = Plan {
            poll_for: PollFor::ChangedState,
            rate: 0.1,
            poll_interval: "1s".parse().unwrap(),
            ..Plan::default()
        };
        let polls = |plan: &Plan| predicted(plan, &row("short-poll", true), 0);
        assert!((polls(&plan)["empty_ratio"].form() - 0.9).abs() < 1e-9);
        assert!((polls(&plan)["requests_per_publication"].form() - 10.0).abs() < 1e-6);
        plan.poll_for = PollFor::State;
        assert_eq!(polls(&plan)["empty_ratio"].form(), 0.0);
        assert!(
            !polls(&plan).contains_key("p50_us"),
            "a mean is all there is"
        );
    }

    #[test]
    fn a_crowd_that_was_cut_is_predicted_where_the_run_names_its_back_off() {
        let mut plan = Plan {
            outage_at: "1s".parse().unwrap(),
            outage_for: "900ms".parse().unwrap(),
            back_off: BackOff::Fixed,
            back_off_first: "200ms".parse().unwrap(),
            ..Plan::default()
        };
        let all = predicted(&plan, &row("websocket", true), 0);
        assert_eq!(all["tries_peak"].form(), 25.0);
        assert_eq!(all["tries"].form(), 125.0);
        assert!((all["back_95_us"].form() - 100_000.0).abs() < 1_000.0);
        plan.back_off = BackOff::Native;
        let all = predicted(&plan, &row("websocket", true), 0);
        assert!(!all.contains_key("tries_peak") && !all.contains_key("delivery_ratio"));
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
        assert!((far["mean_us"].form() - 50_200.0).abs() < 1.0 && far.contains_key("p99_us"));
        let varied = predict("latency down=50ms up=20ms jitter=5ms", true);
        assert!(varied.contains_key("mean_us") && !varied.contains_key("p99_us"));
        let train = predict("train tunnel", false);
        assert!((train["delivery_ratio"].form() - 0.8667).abs() < 1e-3);
        assert!(!train.contains_key("mean_us"));
        assert_eq!(predict("train tunnel", true)["delivery_ratio"].form(), 1.0);
        assert!(!predict("cut-rst after=5s", true).contains_key("delivery_ratio"));
    }

    #[test]
    fn a_form_is_the_same_at_each_run_and_bounds_are_made_of_it_alone() {
        let took = |us: [u64; 4]| {
            us.map(|us| Reached {
                first_us: us,
                last_us: us,
            })
        };
        let plan = Plan::default();
        let socket = row("websocket", true);
        let after = |plan: &Plan, row: &Row, warm_up: [u64; 4]| {
            let machine = Machine {
                round_trip_us: 100,
                processing: processing(plan, row, &took(warm_up), 100),
            };
            predicted(plan, row, machine)
        };
        let (quick, slow) = ([350, 360, 370, 380], [5_000, 5_010, 5_020, 5_030]);
        let disturbed = [350, 5_000, 165_000, 300_000];
        for (warm_up, number) in [(quick, 360.0), (slow, 5_010.0)] {
            let all = after(&plan, &socket, warm_up);
            for name in ["mean_us", "p50_us"] {
                assert!((all[name].number() - number).abs() < 1e-6 && all[name].off().is_some());
                assert!((all[name].form() - 50.0).abs() < 1e-6, "{:?}", all[name]);
            }
            for name in ["p90_us", "p99_us", "max_us"] {
                assert_eq!(all[name].sign(), "≥ ");
                assert!((all[name].number() - 50.0).abs() < 1e-6, "{:?}", all[name]);
            }
        }
        let bare = predicted(&plan, &socket, 100);
        assert_eq!(after(&plan, &socket, disturbed), bare);
        assert_eq!(bare["mean_us"].sign(), "≥ ");
    }

    #[test]
    fn a_long_poll_that_waits_longer_than_the_machine_takes_tells_nothing_of_it() {
        // A round trip that is longer than the time between two publications.
        let plan = |round_trip: &str| Plan {
            rate: 10.0,
            round_trip: round_trip.parse().unwrap(),
            ..Plan::default()
        };
        let warm_up = [Reached {
            first_us: 90_000,
            last_us: 91_000,
        }];
        let told = |lane, round_trip| {
            let warm_up = warm_up.repeat(4);
            processing(&plan(round_trip), &row(lane, true), &warm_up, 100).is_some()
        };
        assert!(told("websocket", "113ms") && told("long-poll", "40ms"));
        assert!(!told("long-poll", "113ms"));
    }

    #[test]
    fn short_polling_is_predicted_from_the_plan() {
        let all = predicted(&Plan::default(), &row("short-poll", true), 400);
        assert!((all["mean_us"].form() - 250_200.0).abs() < 1.0);
        assert!(!predicted(&Plan::default(), &row("sse", true), 400).contains_key("empty_ratio"));
    }
}
