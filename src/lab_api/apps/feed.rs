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

use std::{cell::Cell, rc::Rc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::owned;
use crate::{
    codec::sse,
    disconnect::Disconnect,
    error::{Code, Refusal},
    hub::{Delivery, Subscriber},
    lab_api::no_store,
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
    let end = Rc::<End>::default();
    let connected = worker
        .lab
        .node
        .register(end.clone())
        .map_err(|error| Refusal::new(Code::ShuttingDown, error.to_string()))?;
    let watching = FeedReader::begin(app.feed.clone(), after);
    let reader = Reader {
        app_id: app.settings.id.clone(),
        heartbeat: worker.lab.config.heartbeat.0,
        watching,
        end,
        is_greeted: false,
        _connected: connected,
    };
    let body = stream::unfold(reader, |mut reader| async {
        let bytes = reader.next().await?;
        Some((Ok::<_, actix_web::Error>(bytes), reader))
    });
    Ok(no_store()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(body))
}

/// Ends a stream when the server stops. Nothing is delivered to it: it is in no channel.
#[derive(Default)]
struct End {
    has_come: Cell<bool>,
    comes: Notify,
}

impl Subscriber for End {
    fn deliver(&self, _: Delivery<'_>) {}

    fn disconnect(&self, _: Disconnect) {
        self.has_come.set(true);
        self.comes.notify_one();
    }
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

impl Reader {
    /// The next bytes of the stream, never none of them: an empty chunk would end it. `None` at
    /// its end.
    async fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        if !self.is_greeted {
            self.is_greeted = true;
            self.greet(&mut out);
        }
        while out.is_empty() {
            let end = self.end.clone();
            tokio::select! {
                () = end.comes.notified() => {}
                waited = timeout(self.heartbeat, self.handful()) => {
                    if waited.is_err() {
                        sse::encode_comment("heartbeat", &mut out);
                    }
                }
            }
            if self.end.has_come.get() {
                return None;
            }
            self.watching.take(&mut out);
        }
        Some(out.into())
    }

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
