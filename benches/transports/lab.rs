//! A lab in this process, on ports that the system chooses, with one worker: the other core is this
//! side's.

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use pushlab::{
    catalogue::Lane,
    channel::{ChannelName, Draft, StreamPosition},
    client::{Target, connection::SimulatedLink},
    config::{Config, Span},
    lab::Lab as Shared,
    lane::meter::LaneTotals,
    server::Server,
};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

/// How long anything may take before it is given up.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Dropping it stops the server and waits for its end.
pub struct Lab {
    shared: Arc<Shared>,
    /// Of its demo application of Pusher Channels.
    pub app_key: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lab {
    pub fn start() -> Self {
        let config = Config {
            port: 0,
            workers: 1,
            // Each new client has a channel of its own.
            max_channels: 1_000_000,
            data_dir: concat!(env!("CARGO_TARGET_TMPDIR"), "/transports").into(),
            presenter_token: "bench-presenter-token-0123456789"
                .parse()
                .expect("any text is a secret"),
            shutdown_grace: Span(Duration::from_millis(200)),
            ..Config::default()
        };
        let (started, lab) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let server = Server::build(config).expect("the lanes can be bound");
                let app_key = server.apps().demo().map(|(_, key, _)| key.to_owned());
                let _ = started.send((server.lab().clone(), app_key));
                let stop = async {
                    let _ = stopped.await;
                };
                server.run_until_stopped(stop).await.expect("the lab runs");
            });
        });
        let (shared, app_key) = lab.recv_timeout(PATIENCE).expect("the lab starts");
        Self {
            shared,
            app_key: app_key.expect("there is a demo application"),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Where a lane listens.
    pub fn target(&self, lane: &Lane) -> Target {
        let addresses = self.shared.addresses().iter();
        let mut of_lane = addresses.filter(|address| address.lane == lane.id);
        let port = of_lane.next().expect("every lane listens").port;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Target {
            address,
            host: address.to_string(),
            link: SimulatedLink::default(),
            tls: None,
            compress: None,
            coding: None,
        }
    }

    /// Publishes by a call, as a handler inside of the server does.
    pub async fn publish(&self, channel: &ChannelName, data: Box<RawValue>) -> StreamPosition {
        let published = self.shared.node.publish(channel, Draft::new("tick", data));
        published.await.expect("the lab takes it")
    }

    /// What it counted on a lane.
    pub fn counted(&self, lane: &Lane) -> LaneTotals {
        self.shared.meters.lane(lane.id)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
