//! Pusher Channels, protocol 7, over a WebSocket: what any client of that service would send.
//!
//! The protocol has no positions, so this client cannot continue where it was: what is published
//! while it is away is lost to it. Not here: private channels, the fallbacks over HTTP.

use std::borrow::Cow;

use futures_util::future::LocalBoxFuture;
use serde::Deserialize;

use super::{Ended, Follow, Visit, back_off::Curve, frames::Frames, message::read};

pub struct Channels {
    /// Of the application.
    pub key: String,
}

impl Follow for Channels {
    fn follow<'a>(&'a mut self, visit: &'a mut Visit<'_>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move {
            match self.socket(visit).await {
                Ok(never) => never,
                Err(ended) => ended,
            }
        })
    }

    fn native_back_off(&self) -> Option<Curve> {
        Some(Curve::PUSHER)
    }
}

/// Any frame. `data` is a string that holds JSON, for nearly every event (reference, 2.1).
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Data<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Other(serde_json::Value),
}

/// What a frame asks of the client.
enum Heard {
    Established,
    Subscribed(u64),
    Ping,
    Nothing,
}

impl Channels {
    async fn socket(&self, visit: &mut Visit<'_>) -> Result<Ended, Ended> {
        let target = format!(
            "/app/{}?protocol=7&client=pushlab&version={}",
            self.key,
            crate::VERSION
        );
        let mut frames = Frames::open(visit, &target).await?;
        loop {
            let inbox = visit.inbox;
            let heard = frames
                .next(|text, at_us| {
                    let frame: Frame<'_> = read(text.as_bytes())?;
                    hear(&frame, |data| inbox.publication(data, at_us), at_us)
                })
                .await?;
            match heard {
                Heard::Established => {
                    let subscribe = format!(
                        "{{\"event\":\"pusher:subscribe\",\"data\":{{\"channel\":\"{}\"}}}}",
                        visit.channel
                    );
                    frames.send(&subscribe).await?;
                }
                Heard::Subscribed(at_us) => inbox.subscribed(at_us),
                Heard::Ping => {
                    frames
                        .send("{\"event\":\"pusher:pong\",\"data\":{}}")
                        .await?;
                }
                Heard::Nothing => {}
            }
        }
    }
}

fn hear(frame: &Frame<'_>, deliver: impl FnOnce(&str), at_us: u64) -> Result<Heard, Ended> {
    Ok(match (&*frame.event, &frame.data) {
        ("pusher:connection_established", _) => Heard::Established,
        ("pusher_internal:subscription_succeeded", _) => Heard::Subscribed(at_us),
        ("pusher:ping", _) => Heard::Ping,
        ("pusher:error" | "pusher:subscription_error", data) => {
            let why = match data {
                Some(Data::Text(text)) => text.to_string(),
                Some(Data::Other(value)) => value.to_string(),
                None => "without a reason".to_owned(),
            };
            return Err(Ended::Closed(why));
        }
        (event, Some(Data::Text(data))) if !event.starts_with("pusher") => {
            deliver(data);
            Heard::Nothing
        }
        _ => Heard::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_a_string_that_holds_json() {
        let mut got = String::new();
        let text = r#"{"event":"tick","channel":"c","data":"{\"n\":7}"}"#;
        let frame: Frame<'_> = read(text.as_bytes()).unwrap();
        hear(&frame, |data| got = data.to_owned(), 1).unwrap();
        assert_eq!(got, "{\"n\":7}");
    }

    #[test]
    fn an_error_ends_it_with_its_reason() {
        let text = r#"{"event":"pusher:error","data":{"code":4001,"message":"no such app"}}"#;
        let frame: Frame<'_> = read(text.as_bytes()).unwrap();
        let ended = hear(&frame, |_| (), 1);
        assert!(matches!(ended, Err(Ended::Closed(why)) if why.contains("4001")));
    }
}
