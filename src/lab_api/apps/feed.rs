//! `GET /api/apps/{id}/feed`: what happens in an application, as an event stream.
//!
//! ```text
//! event: watching     data: {"is_resumed":false,"app":"1"}       first
//! event: missed       data: {"count":12}                         overwritten before it was read
//! id: EPOCH-N         data: {"time_us":…,"kind":"event",…}       each entry, see the console's
//! ```
//! `Last-Event-ID` (or `after` in the query) resumes. The entries come in handfuls, at most twenty
//! a second: a page need not paint more often. No queue stands between feed and reader: whoever
//! reads too slowly misses entries, and is told how many.

use std::{rc::Rc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::owned;
use crate::{
    codec::sse,
    error::Refusal,
    lab_api::event_stream::{self, End},
    node::Connected,
    protocol::pusher::{
        app::Apps,
        console::{FeedPosition, FeedReader},
    },
    registry::LaneWorker,
};

/// How long a handful is waited for.
const HANDFUL_EVERY: Duration = Duration::from_millis(50);
/// How long a reader waits before it reconnects.
const RETRY_MS: u64 = 2_000;

#[derive(Deserialize)]
pub(super) struct FeedQuery {
    after: Option<String>,
}

pub(super) async fn open(
    request: HttpRequest,
    id: web::Path<String>,
    query: web::Query<FeedQuery>,
    worker: web::Data<LaneWorker>,
    apps: web::Data<Apps>,
) -> Result<HttpResponse, Refusal> {
    let app = owned(&request, &worker, &apps, &id)?.clone();
    let last = request.headers().get("last-event-id");
    let after = last
        .and_then(|id| id.to_str().ok())
        .filter(|id| !id.is_empty())
        .or(query.after.as_deref())
        .filter(|after| !after.is_empty());
    // A place that is none of ours is one that cannot be resumed from.
    let after: Option<FeedPosition> = after.and_then(|text| text.parse().ok());
    let (end, connected) = End::of_stream(&worker.lab)?;
    let watching = FeedReader::begin(app.feed.clone(), after);
    let reader = Reader {
        app_id: app.settings.id.clone(),
        heartbeat: worker.lab.config.heartbeat.0,
        watching,
        end,
        is_greeted: false,
        _connected: connected,
    };
    Ok(event_stream::read_by(reader))
}

/// One reader's stream.
struct Reader {
    app_id: String,
    watching: FeedReader,
    end: Rc<End>,
    heartbeat: Duration,
    is_greeted: bool,
    _connected: Connected,
}

impl event_stream::Reader for Reader {
    async fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        if !self.is_greeted {
            self.is_greeted = true;
            self.greet(&mut out);
        }
        while out.is_empty() {
            let end = self.end.clone();
            tokio::select! {
                () = end.comes() => {}
                waited = timeout(self.heartbeat, self.handful()) => {
                    if waited.is_err() {
                        sse::encode_comment("heartbeat", &mut out);
                    }
                }
            }
            if self.end.has_come() {
                return None;
            }
            self.watching.take(&mut out);
        }
        Some(out.into())
    }
}

impl Reader {
    /// Waits for something, and for what comes right behind it.
    async fn handful(&mut self) {
        self.watching.changed().await;
        sleep(HANDFUL_EVERY).await;
    }

    fn greet(&self, out: &mut Vec<u8>) {
        let greeting = serde_json::json!({
            "is_resumed": self.watching.is_resumed,
            "app": self.app_id,
        });
        sse::encode_retry(RETRY_MS, out);
        sse::encode_event(Some("watching"), None, greeting.to_string().as_bytes(), out);
    }
}
