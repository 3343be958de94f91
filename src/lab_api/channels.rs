//! What a room's page asks of its channel beside the lanes.
//!
//! ```text
//! GET    /api/delays/{channel}    {"lanes":[{"lane":"sse","pages":3,"p50_us":4100,"bound_us":350}]}
//! DELETE /api/history/{channel}   {"channel":"presence-chat-lobby","epoch":"k3","offset":18}
//! ```
//!
//! The second is the presenter's: the history is forgotten and begins another life at the position of
//! the answer; whoever listens gets the event `pushlab:cleared`, and whoever comes with an older
//! position is told `recovered: false`. Not below `/api/channels/`, whose bytes are counted.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use serde::Serialize;

use super::{MainLane, delays::LaneDelay, no_store};
use crate::{
    channel::ChannelName, clock, codec::envelope, error::Refusal, node::Kept, registry::LaneWorker,
    transport::wrong_method,
};

pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/api/delays/{channel}")
                .route(web::get().to(delays))
                .default_service(wrong_method(&[Method::GET])),
        )
        .service(
            web::resource("/api/history/{channel}")
                .route(web::delete().to(clear))
                .default_service(wrong_method(&[Method::DELETE])),
        );
}

async fn delays(
    channel: web::Path<String>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Lanes {
        lanes: Vec<LaneDelay>,
    }
    let channel = ChannelName::parse(&channel)?;
    let lanes = main.delays.of(&channel, clock::now_us());
    Ok(no_store().json(Lanes { lanes }))
}

async fn clear(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let channel = ChannelName::parse(&channel)?;
    let position = worker.lab.node.clear(&channel).await?;
    let mut answer = Vec::with_capacity(128);
    let kept = worker.lab.node.kept().map(Kept::as_str);
    envelope::encode_published(&channel, &position, None, kept, &mut answer);
    Ok(no_store().content_type("application/json").body(answer))
}
