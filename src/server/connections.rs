//! What one worker runs for one lane: a seat, TLS if there is to be any, HTTP/1.1, then the app or
//! whoever takes over an upgrade.

use std::{sync::Arc, time::Duration};

use actix_http::{HttpService, error::DispatchError};
use actix_server::GracefulShutdownSignal;
use actix_service::{ServiceFactory, ServiceFactoryExt, boxed, fn_service, map_config};
use actix_web::{dev::AppConfig, web};
use rustls::ServerConfig;
use tokio::net::TcpStream;

use super::{admission, app::app, tls_handshake::secure, upgrades::take_over};
use crate::{
    catalogue,
    lab::Lab,
    lab_api::MainLane,
    lane::{
        LaneId,
        seats::{Seat, Seats},
        stream::LaneStream,
    },
    registry::{Endpoints, LaneWorker, Upgrade},
};

/// What one worker runs for one lane: wrap the accepted stream, TLS if there is to be any, then
/// HTTP/1.1, then the app, or whoever takes over an upgrade.
pub fn lane_service(
    lane: LaneId,
    lab: Arc<Lab>,
    endpoints: Endpoints,
    main: Option<web::Data<MainLane>>,
    seats: Arc<Seats>,
    tls: Option<Arc<ServerConfig>>,
    stopping: GracefulShutdownSignal,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
{
    let options = lab.config.tcp_options();
    let keep_alive = lab.config.keep_alive.0;
    let request_timeout = lab.config.request_timeout.0;
    let meters = lab.meters.clone();
    let conditions = lab.conditions.of(lane);
    let trusted = lab.config.trusted_proxies.clone();
    let worker = Arc::new(LaneWorker::new(lane, lab, endpoints));
    let upgrading = worker.clone();
    let takes_upgrades_as_requests = catalogue::lane(lane.0).is_some_and(|own| own.needs_own_port);
    let http = HttpService::build()
        .keep_alive(keep_alive)
        .client_request_timeout(request_timeout)
        .client_disconnect_timeout(Duration::from_secs(1))
        // A client's FIN ends what it waits for: a held poll, an idle stream.
        .h1_allow_half_closed(false)
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .on_connect_ext(|io: &LaneStream, data| {
            data.insert(io.meter().clone());
            if let Some(seat) = io.seat() {
                data.insert(seat.clone());
            }
        });
    let app = map_config(app(worker, main), |_| AppConfig::default());
    let http = match takes_upgrades_as_requests {
        true => boxed::factory(http.h1(app)),
        false => {
            let upgrade = fn_service(move |upgrade: Upgrade| take_over(upgrading.clone(), upgrade));
            boxed::factory(http.upgrade(upgrade).h1(app))
        }
    };
    fn_service(move |io: TcpStream| {
        let peer = io.peer_addr().ok();
        let tls = tls.clone();
        let counted = admission::counted(peer.map(|peer| peer.ip()), &trusted);
        let stream = match seats.take(lane != LaneId::MAIN, counted) {
            Ok(seat) => {
                let meter = meters.open(lane);
                peer.inspect(|peer| meter.comes_from(peer.ip()));
                let stream = LaneStream::new(io, meter, options, conditions.clone());
                let stream = stream.with_error_answers(admission::error_answer);
                Some(stream.seated(seat))
            }
            Err(full) => {
                admission::turn_away(io, full, &seats, lane, options, tls.clone());
                None
            }
        };
        async move {
            let stream = stream.ok_or(DispatchError::DisconnectTimeout)?;
            match tls {
                None => Ok((stream, peer)),
                Some(config) => {
                    let seat = stream.seat().cloned();
                    let handshake = tokio::time::timeout(request_timeout, secure(stream, config));
                    let stream = tokio::select! {
                        stream = handshake => stream.ok(),
                        () = given_up(seat.as_deref()) => None,
                    };
                    let stream = stream.ok_or(DispatchError::DisconnectTimeout)?;
                    Ok((stream.map_err(DispatchError::Io)?, peer))
                }
            }
        }
    })
    .and_then(http)
}

/// Waits until the seat is somebody else's.
async fn given_up(seat: Option<&Seat>) {
    let Some(seat) = seat else {
        return std::future::pending().await;
    };
    std::future::poll_fn(|context| match seat.is_given_up(context) {
        true => std::task::Poll::Ready(()),
        false => std::task::Poll::Pending,
    })
    .await;
}
