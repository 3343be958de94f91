//! What a plan must keep to.

use std::time::Duration;

use super::{Balance, Order, Plan, PlanError, PublishBy, SIZE_MAX_BYTES, out_of_range};
use crate::{
    client::tls::Tls,
    config::Span,
    demo::content::SIZE_MIN_BYTES,
    run::{destination::Destination, schedule::Kind, server_settings},
};

/// Largest blob: the clients take messages of twice that.
const BLOB_MAX_BYTES: usize = 8 << 20;

impl Plan {
    /// Refuses what cannot be carried out.
    pub fn check(&self) -> Result<(), PlanError> {
        let hour = Duration::from_secs(3_600);
        let between = |span: Span, least_ms, most: Duration| {
            (Duration::from_millis(least_ms)..=most).contains(&span.0)
        };
        let rules = [
            (
                "clients",
                self.clients.to_string(),
                (1..=100_000).contains(&self.clients),
                "choose 1 to 100000",
            ),
            (
                "rate",
                self.rate.to_string(),
                (0.01..=10_000.0).contains(&self.rate),
                "choose 0.01 to 10000 publications per second",
            ),
            (
                "size",
                self.size.to_string(),
                (SIZE_MIN_BYTES..=SIZE_MAX_BYTES).contains(&self.size),
                "choose 20 to 262144 bytes",
            ),
            (
                "publish_by",
                "clients".to_owned(),
                self.publish_by == PublishBy::Run
                    || self.all_lanes(|lane| lane.protocol == "plain"),
                "only the plain lanes have a way up here: short-poll, long-poll, sse, websocket",
            ),
            (
                "nodes",
                self.nodes.to_string(),
                self.nodes == 1 || (self.nodes == 2 && self.target.is_empty()),
                "choose 1, or 2 without a target: the run starts both",
            ),
            (
                "balance",
                "alternate".to_owned(),
                self.balance == Balance::Sticky
                    || (self.nodes == 2 && self.all_lanes(|lane| lane.name == "socketio-polling")),
                "it goes with nodes 2 and the lane socketio-polling, whose sessions need one node",
            ),
            (
                "outage_at",
                self.outage_at.to_string(),
                self.outage_at.0 + self.outage_for.0 <= self.duration.0,
                "the outage must be over within the duration",
            ),
            (
                "outage_for",
                self.outage_for.to_string(),
                self.outage_for.0.is_zero() || !self.outage_at.0.is_zero(),
                "an outage needs outage_at, the instant that it begins at",
            ),
            (
                "outage_at",
                self.outage_at.to_string(),
                self.outage_at.0.is_zero() || self.tunnel_every.0.is_zero(),
                "choose either an outage or tunnels",
            ),
            (
                "kill_node_at",
                self.kill_node_at.to_string(),
                self.kill_node_at.0.is_zero()
                    || (self.nodes == 2
                        && self.balance == Balance::Sticky
                        // Nobody starts it again.
                        && self.repeat == 1
                        && self.redo == 0
                        && self.order == Order::Together
                        && self.kill_node_at.0 < self.duration.0),
                "it goes with nodes 2, balance sticky and a single pass (repeat 1, redo 0, order together), and \
                 comes within the duration",
            ),
            (
                "blob_every",
                self.blob_every.to_string(),
                self.blob_every.0.is_zero() || between(self.blob_every, 100, hour),
                "choose 100ms to 1h, or 0s for no blobs",
            ),
            (
                "blob_size",
                self.blob_size.to_string(),
                (SIZE_MIN_BYTES..=BLOB_MAX_BYTES).contains(&self.blob_size),
                "choose 20 to 8388608 bytes",
            ),
            (
                "back_off_first",
                self.back_off_first.to_string(),
                between(self.back_off_first, 1, Duration::from_secs(60)),
                "choose 1ms to 1m",
            ),
            (
                "arrive_within",
                self.arrive_within.to_string(),
                self.arrive_within.0 <= hour,
                "choose at most 1h",
            ),
            (
                "duration",
                self.duration.to_string(),
                between(self.duration, 100, hour * 24),
                "choose 100ms to 24h",
            ),
            (
                "warm_up",
                self.warm_up.to_string(),
                self.warm_up.0 <= hour,
                "choose at most 1h",
            ),
            (
                "drain",
                self.drain.to_string(),
                self.drain.0 <= hour,
                "choose at most 1h",
            ),
            (
                "poll_interval",
                self.poll_interval.to_string(),
                between(self.poll_interval, 1, hour),
                "choose 1ms to 1h",
            ),
            (
                "hold",
                self.hold.to_string(),
                between(self.hold, 1, Duration::from_secs(120)),
                "choose 1ms to 2m, the longest that the server holds",
            ),
            (
                "conflate",
                self.conflate.to_string(),
                self.conflate.0 <= Duration::from_secs(60),
                "choose at most 1m",
            ),
            (
                "slow_readers",
                self.slow_readers.to_string(),
                self.slow_readers < self.clients,
                "somebody must be left to measure: choose fewer than clients",
            ),
            (
                "slow_bytes_per_s",
                self.slow_bytes_per_s.to_string(),
                (1..=1_000_000_000).contains(&self.slow_bytes_per_s),
                "choose 1 to 1000000000",
            ),
            (
                "may_be_refused",
                self.may_be_refused.to_string(),
                self.may_be_refused < self.clients,
                "somebody must get in: choose fewer than clients",
            ),
            (
                "round_trip",
                self.round_trip.to_string(),
                self.round_trip.0 <= Duration::from_secs(60),
                "choose at most 1m",
            ),
            (
                "tunnel_away",
                self.tunnel_away.to_string(),
                self.tunnel_every.0.is_zero() || self.tunnel_away.0 < self.tunnel_every.0,
                "it must be shorter than tunnel_every",
            ),
            (
                "repeat",
                self.repeat.to_string(),
                (1..=1_000).contains(&self.repeat),
                "choose 1 to 1000",
            ),
            (
                "redo",
                self.redo.to_string(),
                self.redo <= 1_000,
                "choose 0 to 1000",
            ),
            (
                "workers",
                self.workers.to_string(),
                (1..=60).contains(&self.workers),
                "choose 1 to 60",
            ),
            (
                "replay",
                self.replay.display().to_string(),
                (self.schedule == Kind::Replay) != self.replay.as_os_str().is_empty(),
                "a file goes with --schedule replay, and only with it",
            ),
        ];
        if let Some((field, value, _, expected)) = rules.into_iter().find(|rule| !rule.2) {
            return Err(out_of_range(field, value, expected));
        }
        if let Some(why) = server_settings::objection(&self.server) {
            let expected = format!("{why}; pushlab serve --help lists them");
            return Err(out_of_range("server", &self.server, expected));
        }
        self.conditions()?;
        if self.destination()?.peer().is_some() && !self.blob_every.0.is_zero() {
            let expected = "blobs go to the lanes of a pushlab; leave them out for this target";
            return Err(out_of_range("blob_every", self.blob_every, expected));
        }
        if self.destination()?.peer().is_some() && !self.conditions.trim().is_empty() {
            let expected = "the lanes of a pushlab have conditions; leave them out for this target";
            return Err(out_of_range("conditions", &self.conditions, expected));
        }
        self.trust_for(&self.destination()?)?;
        let rows = self.rows()?;
        self.check_size(&rows)?;
        self.check_instants()
    }

    /// Says before a run what would make every handshake fail.
    fn trust_for(&self, destination: &Destination) -> Result<(), PlanError> {
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
