//! The servers of the Engine.IO paths, and the namespaces on them.

use std::{rc::Rc, sync::Arc};

use super::{
    admin, bridge, classic, client, conformance, echo,
    engine::{EngineSettings, Reason},
    engine_path::EnginePath,
    io::{Io, IoSettings, Namespaces},
    link::Engine,
    recovery::RecoverySettings,
};
use crate::{config::Config, metrics::prometheus::SocketIo, node::Node};

/// The endpoints' servers, one set for each lab.
pub struct Engines {
    /// Namespaces.
    pub io: Io,
    /// `/socket.io/`.
    pub socketio: Arc<EnginePath>,
    /// `/echo…`, for suites.
    pub echo: Arc<EnginePath>,
}

impl Engines {
    /// Those that the settings ask for.
    pub fn new(config: &Config, node: &Arc<Node>) -> Self {
        let settings = engine_settings(config);
        let recovery = (!config.socketio_recovery.0.is_zero()).then_some(RecoverySettings {
            max_disconnection: config.socketio_recovery.0,
            events_max: config.history_max_count,
            events_max_bytes: config.history_max_bytes,
        });
        let mut of_io = IoSettings::default();
        let mut namespaces = Namespaces::default();
        bridge::register(&mut namespaces, node, config.body_max_bytes);
        if config.conformance {
            conformance::register(&mut namespaces);
        } else {
            classic::register(&mut namespaces);
        }
        if config.echo {
            echo::register(&mut namespaces);
        }
        if conformance::is_quick(config) {
            of_io.connect_timeout = conformance::CONNECT_TIMEOUT;
        }
        of_io.recovery = recovery;
        admin::install(&mut namespaces, &config.socketio_admin_password);
        let io = client::serve(of_io, settings, namespaces);
        let at = |path, engine| Arc::new(EnginePath { path, engine });
        let echo = Engine::new(settings, |_| Rc::new(conformance::Echo));
        Self {
            socketio: at("/socket.io/", io.engine().clone()),
            echo: at("/engine.io/", echo),
            io,
        }
    }

    /// Sessions, for metrics.
    pub fn figures(&self) -> SocketIo {
        let engine = self.io.engine();
        let ended = engine.ended();
        let by_reason = |reason: Reason| (reason.as_str(), ended.of(reason));
        SocketIo {
            open: engine.sessions(),
            opened: engine.opened(),
            ended: Reason::ALL.map(by_reason).into(),
        }
    }
}

fn engine_settings(config: &Config) -> EngineSettings {
    let (ping_interval, ping_timeout) = if conformance::is_quick(config) {
        (conformance::PING_INTERVAL, conformance::PING_TIMEOUT)
    } else {
        (config.heartbeat.0, config.pong_timeout.0)
    };
    EngineSettings {
        ping_interval,
        ping_timeout,
        upgrade_timeout: std::time::Duration::from_secs(10),
        max_payload: config.socketio_max_payload,
        queue_max_bytes: config.subscriber_queue_max_bytes,
    }
}
