//! Channels over a WebSocket: one frame of the protocol in each message.

use futures_util::future::LocalBoxFuture;

use super::{Channels, Heard};
use crate::client::{
    ClientContext, Ended, Follow,
    back_off::Curve,
    frames::{self, Frames},
};

/// A client of Channels on a WebSocket.
pub struct OverWebSocket(pub Channels);

impl Follow for OverWebSocket {
    fn follow<'a>(&'a mut self, context: &'a mut ClientContext<'_>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move { socket(&self.0, context).await.unwrap_or_else(|ended| ended) })
    }

    fn read(
        &mut self,
        bytes: &[u8],
        at_us: u64,
        context: &mut ClientContext<'_>,
    ) -> Result<(), Ended> {
        let text = frames::text(bytes)?;
        self.0.hear(text, at_us, context).map(drop)
    }

    fn native_back_off(&self) -> Option<Curve> {
        Some(Curve::PUSHER)
    }
}

async fn socket(channels: &Channels, context: &mut ClientContext<'_>) -> Result<Ended, Ended> {
    let target = format!("/app/{}?{}", channels.key, channels.query());
    let mut frames = Frames::open(context, &target).await?;
    loop {
        let heard = frames
            .next(|text, at_us| channels.hear(text, at_us, context))
            .await?;
        if let Heard::Answer(answers) = heard {
            for answer in answers {
                frames.send(&answer).await?;
            }
        }
    }
}
