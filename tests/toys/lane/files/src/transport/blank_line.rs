//! A toy: JSON by `fetch`, as [`fetch_stream`](super::fetch_stream) has it, with a blank line after each.
//!
//! ```text
//! client                                             server
//!   │── GET /blank-line/news?epoch=k3&offset=7 ──────►│
//!   │ ◄── {"subscribed":{…,"offset":7}}⏎⏎ ─────────── │
//!   │ ◄── {…,"offset":8,"event":"tick","data":1}⏎⏎ ── │
//!   │ ◄── ⏎ ───────────────────────────────────────── │  after a silence
//! ```

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::Method, web};

use super::{
    SubscribeQuery,
    stream::{self, StreamForm},
    wrong_method,
};
use crate::{
    catalogue::{BLANK_LINE, Lane, LaneId, WireFormat},
    channel::{ChannelName, Publication, history::Recovery},
    codec::envelope,
    error::Refusal,
    hub::Format,
    registry::{Endpoint, LaneWorker, named_channel},
    wire::Layers,
};

/// The endpoint: see the module.
pub struct BlankLine;

impl Endpoint for BlankLine {
    fn lane(&self) -> Option<&'static Lane> {
        Some(&BLANK_LINE)
    }

    fn metered_as(&self, rest: &str, _query: &str) -> Option<Arc<str>> {
        named_channel(rest)
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config.service(
            web::resource("/blank-line/{channel}")
                .route(web::get().to(open))
                .default_service(wrong_method(&[Method::GET])),
        );
    }
}

static FORM: StreamForm = StreamForm {
    content_type: "application/x-ndjson",
    format: Format {
        form: WireFormat::PlainBlock,
        encode: encode_block,
    },
    heartbeat: b"\n",
    closing: |reason| {
        let advice = reason.advice();
        format!("{{\"closing\":{{\"reason\":\"{reason}\",\"advice\":\"{advice}\"}}}}\n\n")
            .into_bytes()
    },
};

/// A publication, its line end and an empty line.
fn encode_block(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let from = out.len();
    let layers = envelope::encode_publication(publication, out);
    for byte in &mut out[from..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\n\n");
    Layers {
        framing: layers.framing + 2,
        ..layers
    }
}

async fn open(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let query = SubscribeQuery::parse_for(&BLANK_LINE, request.query_string())?;
    let subscription = (ChannelName::parse(&channel)?, query);
    stream::begin(&request, &worker, (&BLANK_LINE, &FORM), subscription, hello).await
}

fn hello(channel: &ChannelName, recovery: &Recovery) -> Vec<u8> {
    let mut text = b"{\"subscribed\":".to_vec();
    envelope::encode_subscribed(channel, recovery, &mut text);
    text.extend_from_slice(b"}\n\n");
    text
}
