//! Requests that ask for a WebSocket: who takes their connections over.

use std::sync::Arc;

use super::admission;
use crate::{
    error::{Code, Refusal},
    gate,
    registry::{LaneWorker, Routed, Upgrade},
    transport::websocket::handshake,
};

/// A request asks to upgrade: finds who serves its path on this lane.
pub async fn take_over(worker: Arc<LaneWorker>, upgrade: Upgrade) -> Result<(), actix_web::Error> {
    let request = &upgrade.0;
    let query = request.uri().query().unwrap_or_default();
    let route = Routed::kept_with(worker.find(request.path(), query), request);
    let meter = upgrade.1.io_ref().meter();
    meter.begin_request(route.labels.clone(), worker.on_written(&route));
    let trusted = &worker.lab.config.trusted_proxies;
    let headers = &request.head().headers;
    let checked = gate::check_upgrade(&worker, &route, request).and_then(|()| {
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
    match worker.taker(&route, request.path()) {
        Some(open) => open(worker.clone(), upgrade).await,
        None => {
            let refusal = Refusal::new(
                Code::UnknownPath,
                format!(
                    "{} cannot be upgraded to a WebSocket on lane {}",
                    request.path(),
                    worker.lane
                ),
            );
            handshake::refuse(upgrade.1.into_parts().io, refusal).await;
        }
    }
    Ok(())
}
