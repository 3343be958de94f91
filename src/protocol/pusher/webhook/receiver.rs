//! The lab's own receiver of webhooks: what an application's server would do with them, and the
//! last of them for the console.
//!
//! Checked as SDKs check: content type to the letter, key, signature over the raw body in constant
//! time, and `time_ms` within 300 s. Pure but for the lock: the time is a parameter, requests are
//! `lab_api`'s.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{codec::surrogates, config::apps::AppSettings};

/// Where it is on the main lane; an application's id follows.
pub const PATH: &str = "/pusher/webhooks/";
/// How many are kept, and of how many bytes together.
const KEPT_MAX: usize = 100;
const KEPT_MAX_BYTES: usize = 4 << 20;
/// How old a webhook may be, either way.
const FRESH_MS: u64 = 300_000;

/// A request, as far as it is looked at.
pub struct Request<'a> {
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `X-Pusher-Key`.
    pub key: Option<&'a str>,
    /// `X-Pusher-Signature`.
    pub signature: Option<&'a str>,
    /// As it came.
    pub body: &'a [u8],
}

/// A webhook that came.
#[derive(Debug, Clone, Serialize)]
pub struct Webhook {
    /// `time_ms` of the body.
    pub time_ms: Option<u64>,
    /// When it came, µs of the time of day.
    pub received_us: u64,
    /// Its signature is the application's.
    pub valid: bool,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
    /// As text.
    pub body: String,
    /// Of the body, in order.
    pub events: Vec<Box<RawValue>>,
}

/// The last webhooks of one application. Written by requests, read by the console.
#[derive(Default)]
pub struct Received(Mutex<VecDeque<Webhook>>);

impl Received {
    /// Keeps a webhook, right or wrong, and says what is wrong with it.
    pub fn take(
        &self,
        app: &AppSettings,
        request: &Request<'_>,
        now_us: u64,
    ) -> Result<(), &'static str> {
        let webhook = read(app, request, now_us);
        let verdict = webhook.why.map_or(Ok(()), Err);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(webhook);
        let mut bytes: usize = kept.iter().map(|webhook| webhook.body.len()).sum();
        while kept.len() > KEPT_MAX || (bytes > KEPT_MAX_BYTES && kept.len() > 1) {
            bytes -= kept.pop_front().map_or(0, |oldest| oldest.body.len());
        }
        verdict
    }

    /// The oldest first.
    pub fn list(&self) -> Vec<Webhook> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    }
}

fn read(app: &AppSettings, request: &Request<'_>, now_us: u64) -> Webhook {
    #[derive(serde::Deserialize)]
    struct Body {
        time_ms: u64,
        events: Vec<Box<RawValue>>,
    }
    let body: Option<Body> =
        serde_json::from_slice(&surrogates::replace_lone_bytes(request.body)).ok();
    let age_ms = body
        .as_ref()
        .map(|body| body.time_ms.abs_diff(now_us / 1_000));
    let is_signed = || {
        let signature = request.signature.unwrap_or_default();
        app.secret.has_signed(request.body, signature)
    };
    let why = if request.content_type != Some("application/json") {
        Some("the content type is not exactly application/json")
    } else if request.key != Some(&*app.key) {
        Some("X-Pusher-Key is not this application's key")
    } else if !is_signed() {
        Some("X-Pusher-Signature is not this application's signature of the body")
    } else if age_ms.is_none() {
        Some("the body is not an object with time_ms and events")
    } else if age_ms > Some(FRESH_MS) {
        Some("time_ms is more than 300 s away")
    } else {
        None
    };
    Webhook {
        time_ms: body.as_ref().map(|body| body.time_ms),
        received_us: now_us,
        valid: why.is_none(),
        why,
        body: String::from_utf8_lossy(request.body).into_owned(),
        events: body.map(|body| body.events).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_sdk_would_take_is_valid() {
        let app = AppSettings::new("1", "key", "secret");
        let body = br#"{"time_ms":1000,"events":[{"name":"cache_miss","channel":"cache-a"}]}"#;
        let signature = app.secret.sign(body);
        let good = Request {
            content_type: Some("application/json"),
            key: Some("key"),
            signature: Some(&signature),
            body,
        };
        let received = Received::default();
        let at = |request: &Request<'_>, now_ms: u64| received.take(&app, request, now_ms * 1_000);
        assert_eq!(at(&good, 1_000), Ok(()));
        assert_eq!(at(&good, 301_000), Ok(()));
        assert!(at(&good, 301_001).unwrap_err().contains("300 s"));
        for bad in [
            Request {
                content_type: Some("application/json; charset=utf-8"),
                ..good
            },
            Request {
                content_type: None,
                ..good
            },
            Request {
                key: Some("other"),
                ..good
            },
            Request {
                signature: None,
                ..good
            },
            Request {
                signature: Some("00"),
                ..good
            },
            Request {
                body: b"{}",
                ..good
            },
        ] {
            assert!(at(&bad, 1_000).is_err());
        }
        let list = received.list();
        assert_eq!((list.len(), list[0].events.len()), (9, 1));
        assert!(list[0].valid && list[0].why.is_none() && !list[8].valid);
    }

    #[test]
    fn the_last_hundred_are_kept_within_a_budget() {
        let app = AppSettings::new("1", "key", "secret");
        let received = Received::default();
        let put = |bytes: usize| {
            let body = "x".repeat(bytes);
            let request = Request {
                content_type: None,
                key: None,
                signature: None,
                body: body.as_bytes(),
            };
            let _ = received.take(&app, &request, 0);
        };
        (0..150).for_each(|_| put(10));
        assert_eq!(received.list().len(), 100);
        (0..10).for_each(|_| put(1 << 20));
        assert_eq!(received.list().len(), 4);
    }
}
