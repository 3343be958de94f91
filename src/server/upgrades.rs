//! Requests that ask for a WebSocket: who takes their connections over.

use std::sync::Arc;

use super::admission;
use crate::{
    error::{Code, Refusal},
    gate,
    lab::LaneWorker,
    lane::LaneId,
    protocol::socketio::{self, ENGINE_ECHO},
    transport::{
        self, Upgrade,
        websocket::{echo, handshake},
    },
};

/// A request asks to upgrade: finds who serves its path on this lane.
pub async fn take_over(worker: Arc<LaneWorker>, upgrade: Upgrade) -> Result<(), actix_web::Error> {
    let request = &upgrade.0;
    let path = request.path().to_owned();
    let query = request.uri().query().unwrap_or_default();
    let meter = upgrade.1.io_ref().meter();
    let labels = transport::labels_of(worker.lane, &path, query);
    meter.begin_request(labels, transport::on_written(&worker, &path, query));
    let trusted = &worker.lab.config.trusted_proxies;
    let headers = &request.head().headers;
    let checked = gate::check_upgrade(&worker.lab, request).and_then(|()| {
        let seat = upgrade.1.io_ref().seat();
        if let Some(seat) = seat {
            seat.request_begins();
        }
        admission::hold(seat, request.peer_addr(), headers, trusted)
    });
    if let Err(refusal) = checked {
        handshake::refuse(upgrade.1.into_parts().io, refusal).await;
        return Ok(());
    }
    if worker.lab.config.echo && path == echo::PATH {
        actix_rt::spawn(echo::open(worker, upgrade));
        return Ok(());
    }
    if echoes_engine(&worker) && ENGINE_ECHO.serves(&path) {
        socketio::websocket::open(&ENGINE_ECHO, worker, upgrade, None).await;
        return Ok(());
    }
    let taker = transport::on_lane(worker.lane)
        .filter(|transport| path.starts_with(transport.path))
        .find_map(|transport| transport.upgrade);
    match taker {
        Some(open) => open(worker, upgrade).await,
        None => {
            let refusal = Refusal::new(
                Code::UnknownPath,
                format!(
                    "{path} cannot be upgraded to a WebSocket on lane {}",
                    worker.lane
                ),
            );
            handshake::refuse(upgrade.1.into_parts().io, refusal).await;
        }
    }
    Ok(())
}

/// Whether a lane serves the Engine.IO echo of the official suite.
pub fn echoes_engine(worker: &LaneWorker) -> bool {
    worker.lane == LaneId::MAIN && worker.lab.config.conformance
}
