//! The rules of a plan, as a table: each looks at one setting, says when it is kept, and what to do
//! instead where it is not. [`Plan::check`] answers with the first that is.
//!
//! What needs more than settings stands elsewhere: `size` asks this machine, `rows` the lanes,
//! `instants` the schedule.

use std::time::Duration;

use super::{Balance, Order, Plan, PlanError, PublishBy, SIZE_MAX_BYTES, Sample, out_of_range};
use crate::{
    catalogue::{Lane, SOCKETIO_POLLING},
    client::tls::Tls,
    config::{Span, compress::Compress},
    demo::content::SIZE_MIN_BYTES,
    run::{destination::Destination, schedule::Kind, server_settings},
};

/// Largest blob: the clients take messages of twice that.
const BLOB_MAX_BYTES: usize = 8 << 20;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// One thing that plans must keep to.
struct Rule {
    /// The setting that the refusal names, and how it shows its value.
    field: &'static str,
    value: fn(&Plan) -> String,
    is_kept: fn(&Plan) -> bool,
    /// What to do instead.
    instead: &'static str,
}

const fn rule(
    field: &'static str,
    value: fn(&Plan) -> String,
    is_kept: fn(&Plan) -> bool,
    instead: &'static str,
) -> Rule {
    Rule {
        field,
        value,
        is_kept,
        instead,
    }
}

impl Rule {
    fn check(&self, plan: &Plan) -> Result<(), PlanError> {
        match (self.is_kept)(plan) {
            true => Ok(()),
            false => Err(out_of_range(self.field, (self.value)(plan), self.instead)),
        }
    }
}

/// For every plan, in the order in which they are looked at.
const RULES: &[Rule] = &[
    rule(
        "clients",
        |plan| plan.clients.to_string(),
        |plan| (1..=100_000).contains(&plan.clients),
        "choose 1 to 100000",
    ),
    rule(
        "rate",
        |plan| plan.rate.to_string(),
        |plan| (0.01..=10_000.0).contains(&plan.rate),
        "choose 0.01 to 10000 publications per second",
    ),
    rule(
        "size",
        |plan| plan.size.to_string(),
        |plan| (SIZE_MIN_BYTES..=SIZE_MAX_BYTES).contains(&plan.size),
        "choose 20 to 262144 bytes",
    ),
    rule(
        "publish_by",
        |_| "clients".to_owned(),
        |plan| plan.publish_by == PublishBy::Run || plan.all_lanes(|lane| lane.protocol == "plain"),
        "only lanes of the plain envelope have a way up here, such as short-poll, long-poll, sse, websocket",
    ),
    rule(
        "nodes",
        |plan| plan.nodes.to_string(),
        |plan| plan.nodes == 1 || (plan.nodes == 2 && plan.target.is_empty()),
        "choose 1, or 2 without a target: the run starts both",
    ),
    rule(
        "balance",
        |_| "alternate".to_owned(),
        |plan| {
            plan.balance == Balance::Sticky
                || (plan.nodes == 2 && plan.all_lanes(|lane| lane.id == SOCKETIO_POLLING.id))
        },
        "it goes with nodes 2 and the lane socketio-polling, whose sessions need one node",
    ),
    rule(
        "outage_at",
        |plan| plan.outage_at.to_string(),
        |plan| plan.outage_at.0.saturating_add(plan.outage_for.0) <= plan.duration.0,
        "the outage must be over within the duration",
    ),
    rule(
        "outage_for",
        |plan| plan.outage_for.to_string(),
        |plan| plan.outage_for.0.is_zero() || !plan.outage_at.0.is_zero(),
        "an outage needs outage_at, the instant that it begins at",
    ),
    rule(
        "outage_at",
        |plan| plan.outage_at.to_string(),
        |plan| plan.outage_at.0.is_zero() || plan.tunnel_every.0.is_zero(),
        "choose either an outage or tunnels",
    ),
    rule(
        "kill_node_at",
        |plan| plan.kill_node_at.to_string(),
        |plan| {
            plan.kill_node_at.0.is_zero()
                || (plan.nodes == 2
                    && plan.balance == Balance::Sticky
                    // Nobody starts it again.
                    && plan.repeat == 1
                    && plan.redo == 0
                    && plan.order == Order::Together
                    && plan.kill_node_at.0 < plan.duration.0)
        },
        "it goes with nodes 2, balance sticky and a single pass (repeat 1, redo 0, order \
         together), and comes within the duration",
    ),
    rule(
        "blob_every",
        |plan| plan.blob_every.to_string(),
        |plan| plan.blob_every.0.is_zero() || between(plan.blob_every, 100, HOUR),
        "choose 100ms to 1h, or 0s for no blobs",
    ),
    rule(
        "blob_size",
        |plan| plan.blob_size.to_string(),
        |plan| (SIZE_MIN_BYTES..=BLOB_MAX_BYTES).contains(&plan.blob_size),
        "choose 20 to 8388608 bytes",
    ),
    rule(
        "back_off_first",
        |plan| plan.back_off_first.to_string(),
        |plan| between(plan.back_off_first, 1, MINUTE),
        "choose 1ms to 1m",
    ),
    rule(
        "arrive_within",
        |plan| plan.arrive_within.to_string(),
        |plan| plan.arrive_within.0 <= HOUR,
        "choose at most 1h",
    ),
    rule(
        "duration",
        |plan| plan.duration.to_string(),
        |plan| between(plan.duration, 100, DAY),
        "choose 100ms to 24h",
    ),
    rule(
        "warm_up",
        |plan| plan.warm_up.to_string(),
        |plan| plan.warm_up.0 <= HOUR,
        "choose at most 1h",
    ),
    rule(
        "drain",
        |plan| plan.drain.to_string(),
        |plan| plan.drain.0 <= HOUR,
        "choose at most 1h",
    ),
    rule(
        "poll_interval",
        |plan| plan.poll_interval.to_string(),
        |plan| between(plan.poll_interval, 1, HOUR),
        "choose 1ms to 1h",
    ),
    rule(
        "hold",
        |plan| plan.hold.to_string(),
        |plan| between(plan.hold, 1, Duration::from_secs(120)),
        "choose 1ms to 2m, the longest that the server holds",
    ),
    rule(
        "conflate",
        |plan| plan.conflate.to_string(),
        |plan| plan.conflate.0 <= MINUTE,
        "choose at most 1m",
    ),
    rule(
        "slow_readers",
        |plan| plan.slow_readers.to_string(),
        |plan| plan.slow_readers < plan.clients,
        "somebody must be left to measure: choose fewer than clients",
    ),
    rule(
        "slow_bytes_per_s",
        |plan| plan.slow_bytes_per_s.to_string(),
        |plan| (1..=1_000_000_000).contains(&plan.slow_bytes_per_s),
        "choose 1 to 1000000000",
    ),
    rule(
        "may_be_refused",
        |plan| plan.may_be_refused.to_string(),
        |plan| plan.may_be_refused < plan.clients,
        "somebody must get in: choose fewer than clients",
    ),
    rule(
        "round_trip",
        |plan| plan.round_trip.to_string(),
        |plan| plan.round_trip.0 <= MINUTE,
        "choose at most 1m",
    ),
    rule(
        "tunnel_away",
        |plan| plan.tunnel_away.to_string(),
        |plan| plan.tunnel_every.0.is_zero() || plan.tunnel_away.0 < plan.tunnel_every.0,
        "it must be shorter than tunnel_every",
    ),
    rule(
        "repeat",
        |plan| plan.repeat.to_string(),
        |plan| (1..=1_000).contains(&plan.repeat),
        "choose 1 to 1000",
    ),
    rule(
        "redo",
        |plan| plan.redo.to_string(),
        |plan| plan.redo <= 1_000,
        "choose 0 to 1000",
    ),
    rule(
        "workers",
        |plan| plan.workers.to_string(),
        |plan| (1..=60).contains(&plan.workers),
        "choose 1 to 60",
    ),
    rule(
        "compress",
        |plan| plan.compress.to_string(),
        |plan| plan.compress == Compress::Off || plan.any_lane(Lane::deflates),
        "it is of the lab's own WebSockets, and no row is one; name rows such as sse-gzip, or --lanes websocket",
    ),
    rule(
        "sample",
        |plan| {
            let value = clap::ValueEnum::to_possible_value(&plan.sample);
            value.map_or_else(String::new, |value| value.get_name().to_owned())
        },
        |plan| plan.sample == Sample::None || plan.payload.as_os_str().is_empty(),
        "choose it or --payload, not both",
    ),
    rule(
        "replay",
        |plan| plan.replay.display().to_string(),
        |plan| (plan.schedule == Kind::Replay) != plan.replay.as_os_str().is_empty(),
        "a file goes with --schedule replay, and only with it",
    ),
];

/// For a target that is another server than a pushlab.
const RULES_FOR_PEERS: &[Rule] = &[
    rule(
        "compress",
        |plan| plan.compress.to_string(),
        |plan| plan.compress == Compress::Off,
        "a pushlab is asked to compress, another server is not; leave it out for this target",
    ),
    rule(
        "blob_every",
        |plan| plan.blob_every.to_string(),
        |plan| plan.blob_every.0.is_zero(),
        "blobs go to the lanes of a pushlab; leave them out for this target",
    ),
    rule(
        "conditions",
        |plan| plan.conditions.clone(),
        |plan| plan.conditions.trim().is_empty(),
        "the lanes of a pushlab have conditions; leave them out for this target",
    ),
];

fn between(span: Span, least_ms: u64, most: Duration) -> bool {
    (Duration::from_millis(least_ms)..=most).contains(&span.0)
}

impl Plan {
    /// Refuses what cannot be carried out: the first rule that is broken, then what has to be read
    /// or asked for.
    pub fn check(&self) -> Result<(), PlanError> {
        RULES.iter().try_for_each(|rule| rule.check(self))?;
        if let Some(why) = server_settings::objection(&self.server) {
            let expected = format!("{why}; pushlab serve --help lists them");
            return Err(out_of_range("server", &self.server, expected));
        }
        self.conditions()?;
        let destination = self.destination()?;
        if destination.peer().is_some() {
            let mut rules = RULES_FOR_PEERS.iter();
            rules.try_for_each(|rule| rule.check(self))?;
        }
        self.check_trust(&destination)?;
        self.content()?;
        self.check_size(&self.rows()?)?;
        self.check_instants()
    }

    /// Says before a run what would make every handshake fail.
    fn check_trust(&self, destination: &Destination) -> Result<(), PlanError> {
        match destination {
            Destination::Lab(address) | Destination::Peer(address, _) if address.tls => {
                Tls::new(&address.name, &self.trust())
                    .map(|_| ())
                    .map_err(|source| PlanError::BadTrust { source })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{PlanSettings, plan},
        *,
    };

    #[test]
    fn impossible_plans_are_refused_by_field_with_the_way_out() {
        for (text, field, way_out) in [
            ("rate = 0.0", "rate", "choose"),
            ("rate = nan", "rate", "choose"),
            ("lanes = 'sse,pigeon'", "lanes", "short-poll"),
            ("lanes = ''", "lanes", "choose"),
            ("clients = 0", "clients", "choose 1"),
            ("clients = 100001", "clients", "100000"),
            ("size = 7", "size", "choose 20"),
            ("duration = '1ms'", "duration", "choose 100ms"),
            ("rate = 0.01\nduration = '1s'", "duration", "longer"),
            ("tunnel_every = '1s'", "tunnel_away", "shorter"),
            ("slow_readers = 25", "slow_readers", "fewer"),
            ("slow_bytes_per_s = 0", "slow_bytes_per_s", "choose 1"),
            ("may_be_refused = 25", "may_be_refused", "fewer"),
            ("conflate = '2m'", "conflate", "at most 1m"),
            ("schedule = 'replay'", "replay", "--schedule replay"),
            (
                "compress = 'on'\nlanes = 'sse,short-poll'",
                "compress",
                "sse-gzip",
            ),
            ("sample = 'chat'\npayload = 'a.jsonl'", "sample", "not both"),
            ("target = 'somewhere'", "target", "socketio://"),
            (
                "target = 'socketio://a'\nlanes = 'sse'",
                "lanes",
                "socketio-polling",
            ),
            (
                "target = 'socketio://a'\nconditions = 'train tunnel'",
                "conditions",
                "leave them out",
            ),
            (
                "target = 'https://a'\nca = '/nowhere/ca.pem'",
                "ca",
                "/nowhere/ca.pem",
            ),
            ("replay = 'x'", "replay", "--schedule replay"),
            ("size = 300000", "size", "262144"),
            ("publish_by = 'clients'", "publish_by", "short-poll"),
            ("nodes = 3", "nodes", "choose 1"),
            (
                "nodes = 2\ntarget = 'http://h'",
                "nodes",
                "without a target",
            ),
            ("balance = 'alternate'", "balance", "nodes 2"),
            (
                "clients = 99000\nlanes = 'sse'\nrate = 1",
                "clients",
                "local ports",
            ),
            (
                "outage_at = '9s'\noutage_for = '2s'",
                "outage_at",
                "over within",
            ),
            (
                "outage_at = '18000000000000000000s'\noutage_for = '1000000000000000000s'",
                "outage_at",
                "over within",
            ),
            ("outage_for = '2s'", "outage_for", "outage_at"),
            ("kill_node_at = '1s'", "kill_node_at", "nodes 2"),
            (
                "kill_node_at = '1s'\nnodes = 2\nredo = 1",
                "kill_node_at",
                "redo 0",
            ),
            ("blob_every = '1ms'", "blob_every", "100ms"),
            ("blob_size = 99000000", "blob_size", "8388608"),
            ("back_off_first = '0s'", "back_off_first", "choose 1ms"),
            ("conditions = 'pigeons'", "conditions", "train tunnel"),
            (
                "conditions = 'pigeon: train tunnel'",
                "conditions",
                "short-poll",
            ),
            (
                "conditions = 'latency down=5'",
                "conditions",
                "written like",
            ),
            (
                "server = 'coalesce=often'",
                "server",
                "pushlab serve --help",
            ),
            (
                "clients = 9999\nrate = 9999.0\nduration = '1h'",
                "clients",
                "memory",
            ),
        ] {
            let error = plan(text).unwrap_err().to_string();
            assert!(error.starts_with(field), "{text}: {error}");
            assert!(error.contains(way_out), "{text}: {error}");
        }
        assert!(toml::from_str::<PlanSettings>("durations = '1s'").is_err());
        assert!("-1s".parse::<Span>().is_err());
    }
}
