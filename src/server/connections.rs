//! What one worker runs for one lane: a seat, TLS if there is to be any, HTTP/1.1, then the app or
//! whoever takes over an upgrade.

use std::{future::ready, rc::Rc, sync::Arc, time::Duration};

use actix_http::{HttpService, error::DispatchError};
use actix_server::GracefulShutdownSignal;
use actix_service::{ServiceExt, ServiceFactory, boxed, fn_factory, fn_service, map_config};
use actix_web::{dev::AppConfig, web};
use futures_util::future::Either;
use rustls::ServerConfig;
use tokio::net::TcpStream;

use super::{
    admission,
    app::app,
    small_http::{self, ActixHttp, Served, Serving},
    tls_handshake::secure,
    upgrades::take_over,
};
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
    let request_timeout = lab.config.request_timeout.0;
    let meters = lab.meters.clone();
    let conditions = lab.conditions.of(lane);
    let trusted = lab.config.trusted_proxies.clone();
    let worker = Arc::new(LaneWorker::new(lane, lab, endpoints));
    fn_factory(move || {
        let served = served(worker.clone(), main.clone(), stopping.clone());
        let (meters, conditions, seats) = (meters.clone(), conditions.clone(), seats.clone());
        let (tls, trusted) = (tls.clone(), trusted.clone());
        async move {
            let served = served.await?;
            Ok(fn_service(move |io: TcpStream| {
                let peer = io.peer_addr().ok();
                let counted = admission::counted(peer.map(|peer| peer.ip()), &trusted);
                let seat = match seats.take(lane != LaneId::MAIN, counted) {
                    Ok(seat) => seat,
                    Err(full) => {
                        admission::turn_away(io, full, &seats, lane, options, tls.clone());
                        let turned_away = ready(Err(DispatchError::DisconnectTimeout));
                        return Either::Left(turned_away);
                    }
                };
                let meter = meters.open(lane);
                peer.inspect(|peer| meter.comes_from(peer.ip()));
                let stream = LaneStream::new(io, meter, options, conditions.clone());
                let stream = stream.with_error_answers(admission::error_answer);
                let stream = stream.seated(seat);
                let served = served.clone();
                Either::Right(match tls.clone() {
                    None => Either::Left(Serving::new(served, stream, peer)),
                    Some(config) => Either::Right(Box::pin(async move {
                        let seat = stream.seat().cloned();
                        let handshake = secure(stream, config);
                        let handshake = tokio::time::timeout(request_timeout, handshake);
                        // Apart, since a handshake takes more room than what follows.
                        let handshake = Box::pin(async move {
                            tokio::select! {
                                stream = handshake => stream.ok(),
                                () = given_up(seat.as_deref()) => None,
                            }
                        });
                        let stream = handshake.await;
                        let stream = stream.ok_or(DispatchError::DisconnectTimeout)?;
                        let stream = stream.map_err(DispatchError::Io)?;
                        Serving::new(served, stream, peer).await
                    })),
                })
            }))
        }
    })
}

/// The lane's app, and who speaks HTTP for it: a small connection for what takes long, actix-http
/// for all else.
pub async fn served(
    worker: Arc<LaneWorker>,
    main: Option<web::Data<MainLane>>,
    stopping: GracefulShutdownSignal,
) -> Result<Rc<Served>, ()> {
    let config = &worker.lab.config;
    let (keep_alive, request_timeout) = (config.keep_alive.0, config.request_timeout.0);
    let own = catalogue::lane(worker.lane.0);
    let takes_upgrades_as_requests = own.is_some_and(|own| own.needs_own_port);
    let app = map_config(app(worker.clone(), main), |_| AppConfig::default());
    let app = Rc::new(app.new_service(()).await?);
    let same = app.clone();
    let same = fn_factory(move || ready(Ok::<_, ()>(same.clone())));
    let until = stopping.clone();
    let http = HttpService::build()
        .keep_alive(keep_alive)
        .client_request_timeout(request_timeout)
        .client_disconnect_timeout(Duration::from_secs(1))
        // A client's FIN ends what it waits for: a held poll, an idle stream.
        .h1_allow_half_closed(false)
        .graceful_shutdown_signal(move || {
            let until = until.clone();
            async move { until.notified().await }
        })
        .on_connect_ext(|io: &LaneStream, data| {
            data.insert(io.meter().clone());
            if let Some(seat) = io.seat() {
                data.insert(seat.clone());
            }
        });
    let actix_http: ActixHttp = match takes_upgrades_as_requests {
        true => boxed::service(http.h1(same).new_service(()).await?),
        false => {
            let upgrading = worker.clone();
            let upgrade = fn_service(move |upgrade: Upgrade| take_over(upgrading.clone(), upgrade));
            boxed::service(http.upgrade(upgrade).h1(same).new_service(()).await?)
        }
    };
    Ok(Rc::new(Served {
        app: boxed::rc_service(app.map(Into::into)),
        actix_http,
        worker,
        config: small_http::config(keep_alive, request_timeout),
        stopping,
    }))
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
