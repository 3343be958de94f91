//! Channels over `xhr_polling`: ask, be answered with whole lines, and ask again at once
//! (`docs/protocols/pusher-channels.md`, "Polling"). What the client says goes by the same
//! connection, between two polls.

use futures_util::future::LocalBoxFuture;

use super::{
    Channels,
    lines::{Session, take},
};
use crate::client::{ClientContext, Ended, Follow, add, back_off::Curve, http};

/// A client of Channels whose frames come by held requests.
pub struct OverPolling(pub Channels);

/// What a poll asks for; as long in every session of an application.
pub fn path(app_key: &str) -> String {
    let channels = Channels {
        key: app_key.to_owned(),
        positions: false,
    };
    Session::new(&channels).fetch(XHR)
}

const XHR: &str = "xhr";

impl Follow for OverPolling {
    fn follow<'a>(&'a mut self, context: &'a mut ClientContext<'_>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move { poll(&self.0, context).await.unwrap_or_else(|ended| ended) })
    }

    fn read(
        &mut self,
        bytes: &[u8],
        at_us: u64,
        context: &mut ClientContext<'_>,
    ) -> Result<(), Ended> {
        let mut text = bytes.to_vec();
        take(&self.0, &mut text, at_us, context).map(drop)
    }

    fn native_back_off(&self) -> Option<Curve> {
        Some(Curve::PUSHER)
    }
}

async fn poll(channels: &Channels, context: &mut ClientContext<'_>) -> Result<Ended, Ended> {
    let session = Session::new(channels);
    let fetch = session.fetch(XHR);
    let mut io = context.connect().await?;
    loop {
        http::post(&mut io, context.target, &fetch, b"").await?;
        let head = http::read_head(&mut io).await?;
        let mut text = http::read_body(&mut io, &head).await?;
        http::expect(200, head.status, &fetch, &text)?;
        let taken = take(channels, &mut text, io.read_at_us(), context)?;
        if taken.publications == 0 {
            add(&io.tally().empty_answers, 1);
        }
        if !taken.answers.is_empty() {
            session.send(&mut io, context, &taken.answers).await?;
        }
        context.step().await;
    }
}
