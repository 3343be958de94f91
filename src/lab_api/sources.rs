//! `/api/sources`: the lab's own publishers, which pages start, change and stop. A visitor's obeys the
//! key that starting it answered, and the presenter.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::{MainLane, no_store};
use crate::{
    channel::ChannelName,
    demo::sources::{By, SourceError, SourceSettings, SourceState},
    error::{Code, Refusal},
    lab::Lab,
    registry::LaneWorker,
    transport::http_api,
};

pub async fn list(main: web::Data<MainLane>) -> HttpResponse {
    #[derive(Serialize)]
    struct Sources {
        sources: Vec<SourceState>,
    }
    no_store().json(Sources {
        sources: main.sources.list(),
    })
}

pub async fn put(
    request: HttpRequest,
    channel: web::Path<String>,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let asks = who_asks(&request, &worker.lab)?;
    let is_own = asks.is_for(&channel, true)?;
    let body = http_api::body(&request, payload, worker.lab.config.body_max_bytes).await?;
    let settings: SourceSettings = http_api::read_json(&body).map_err(|error| {
        Refusal::new(Code::BadJson, format!("no source: {error}")).with_hint(
            "Send {\"kind\":\"compare\",\"rate_per_s\":4,\"size_bytes\":100}; kind is compare or \
                 market, payloads may be a list of your own JSON values, and GET /api/sources lists \
                 what runs.",
        )
    })?;
    // Stopping the old source waits for its thread.
    let started = web::block(move || main.sources.put(channel, settings, asks.by())).await;
    let mut started = started
        .map_err(|error| Refusal::new(Code::Internal, error.to_string()))?
        .map_err(refuse_source)?;
    // What others watch is theirs, too, who started it.
    started.key = started.key.filter(|_| is_own);
    Ok(no_store().json(started))
}

/// Carries the key that starting a source has answered.
const SOURCE_KEY: &str = "x-source-key";

/// Who wants to start or stop a source.
enum Asks {
    Presenter,
    Visitor {
        /// That they show.
        key: Option<String>,
        address: Option<IpAddr>,
        /// How the presenter's part is refused.
        refused: Refusal,
    },
}

fn who_asks(request: &HttpRequest, lab: &Lab) -> Result<Asks, Refusal> {
    match lab.presenter.require(request) {
        Ok(()) => Ok(Asks::Presenter),
        Err(refused) if refused.code == Code::PresenterOnly => {
            let key = request.headers().get(SOURCE_KEY);
            let key = key.and_then(|key| key.to_str().ok()).map(str::to_owned);
            Ok(Asks::Visitor {
                key,
                address: lab.client_address(request),
                refused,
            })
        }
        Err(refused) => Err(refused),
    }
}

impl Asks {
    /// Refuses a visitor on a channel that is not for visitors' sources: they may start one on a
    /// channel of their own, which a page names at random, and the dashboard's market where there
    /// is none. Whether it is one's own from then on.
    fn is_for(&self, channel: &ChannelName, starts: bool) -> Result<bool, Refusal> {
        let Self::Visitor { refused, .. } = self else {
            return Ok(true);
        };
        let name = channel.as_str();
        let is_own = VISITORS_CHANNELS.iter().any(|own| name.starts_with(own));
        match is_own || starts && name == MARKET_CHANNEL {
            true => Ok(is_own),
            false => Err(refused.clone()),
        }
    }

    fn by(&self) -> By<'_> {
        match self {
            Self::Presenter => By::Presenter,
            Self::Visitor { key, address, .. } => By::Visitor {
                key: key.as_deref(),
                address: *address,
            },
        }
    }
}

fn refuse_source(error: SourceError) -> Refusal {
    let message = error.to_string();
    match error {
        SourceError::TooMany(_) => Refusal::new(Code::TooManySources, message),
        SourceError::TooManyOfAddress(_) => Refusal::new(Code::TooManyFromAddress, message)
            .with_hint("Stop one of yours: DELETE /api/sources/{channel} with X-Source-Key."),
        SourceError::Node(error) => error.into(),
        SourceError::NotYours(_) => Refusal::new(Code::PresenterOnly, message).with_hint(
            "Send X-Source-Key with the key that PUT answered to whoever started it, or choose a \
             channel of your own; the presenter may stop any, with the address that the lab printed \
             in its terminal.",
        ),
        _ => Refusal::new(Code::BadRange, message),
    }
}

/// How the names of channels begin that a page takes for itself alone: compare, and E22.
const VISITORS_CHANNELS: [&str; 2] = ["compare-", "e22-"];
/// What every dashboard shows.
pub const MARKET_CHANNEL: &str = "cache-dashboard-market";

pub async fn stop(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let asks = who_asks(&request, &worker.lab)?;
    asks.is_for(&channel, false)?;
    let name = channel.clone();
    let stopped = web::block(move || main.sources.stop(&name, asks.by()))
        .await
        .map_err(|error| Refusal::new(Code::Internal, error.to_string()))?
        .map_err(refuse_source)?;
    if stopped {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Refusal::new(
            Code::UnknownSource,
            format!("no source runs on {channel}"),
        ))
    }
}
