//! What the lab's own event streams have in common (WHATWG HTML, "Server-sent events"): how they are
//! answered, and that they end when the server stops.

use std::{cell::Cell, rc::Rc};

use actix_web::{HttpResponse, http::header, web::Bytes};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::Notify;

use super::no_store;
use crate::{
    disconnect::Disconnect,
    error::{Code, Refusal},
    hub::{Delivery, Subscriber},
    lab::Lab,
    node::Connected,
};

/// Ends a stream when the server stops. Nothing is delivered to it: it is in no channel.
#[derive(Default)]
pub struct End {
    has_come: Cell<bool>,
    comes: Notify,
}

impl End {
    /// Keep the second as long as the stream is open: a stop waits for it.
    ///
    /// # Errors
    ///
    /// The server is stopping.
    pub fn of_stream(lab: &Lab) -> Result<(Rc<Self>, Connected), Refusal> {
        let end = Rc::<Self>::default();
        let connected = lab
            .node
            .register(end.clone())
            .map_err(|error| Refusal::new(Code::ShuttingDown, error.to_string()))?;
        Ok((end, connected))
    }

    pub fn has_come(&self) -> bool {
        self.has_come.get()
    }

    pub async fn comes(&self) {
        self.comes.notified().await;
    }
}

impl Subscriber for End {
    fn deliver(&self, _: Delivery<'_>) {}

    fn disconnect(&self, _: Disconnect) {
        self.has_come.set(true);
        self.comes.notify_one();
    }
}

/// Somebody who reads a stream, for as long as it is open.
pub trait Reader: 'static {
    /// The next bytes of the stream, never none of them: an empty chunk would end it. `None` at its end.
    fn next(&mut self) -> impl Future<Output = Option<Bytes>>;
}

/// The answer that a reader gets.
pub fn read_by(reader: impl Reader) -> HttpResponse {
    answer(stream::unfold(reader, |mut reader| async {
        let bytes = reader.next().await?;
        Some((bytes, reader))
    }))
}

/// The answer. nginx is told not to gather it.
pub fn answer(events: impl Stream<Item = Bytes> + 'static) -> HttpResponse {
    no_store()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events.map(Ok::<_, actix_web::Error>))
}
