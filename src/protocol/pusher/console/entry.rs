//! One entry of a feed as JSON: when, what kind, what, and the event's own fields.
//!
//! ```text
//! {"time_us":…,"kind":"event","what":"published","channel":"news","event":"tick",
//!  "data":{"text":"{\"n\":1}","bytes":7},"subscribers":3,"exclude":null}
//! ```
//! Texts of any length come in from outside, so they are cut: see [`excerpt`].

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    channel::observer::Published,
    protocol::pusher::{app_event::AppEvent, excerpt},
};

/// What a console shows: a line of its list.
pub enum Entry<'a> {
    /// Something that happened in the application.
    AppEvent(&'a AppEvent<'a>),
    /// Published by another way than Channels, to a channel that the application shares.
    Plain(&'a Published<'a>),
}

impl Entry<'_> {
    /// As one line of JSON, with its instant in µs of the time of day.
    pub fn encode(&self, time_us: u64) -> Vec<u8> {
        #[derive(Serialize)]
        struct Stamped<'a, T: Serialize> {
            time_us: u64,
            kind: &'static str,
            #[serde(flatten)]
            what: &'a T,
        }
        let encoded = match self {
            Self::AppEvent(app_event) => serde_json::to_vec(&Stamped {
                time_us,
                kind: kind(app_event),
                what: *app_event,
            }),
            Self::Plain(published) => serde_json::to_vec(&Stamped {
                time_us,
                kind: "event",
                what: &Plain {
                    what: "published_plain",
                    channel: published.channel.local(),
                    event: published.event,
                    data: published.data,
                    subscribers: published.subscribers,
                    by: published.by,
                },
            }),
        };
        // Strings and numbers only: nothing of this can fail.
        encoded.unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Plain<'a> {
    what: &'static str,
    channel: &'a str,
    #[serde(serialize_with = "excerpt::text")]
    event: &'a str,
    #[serde(serialize_with = "excerpt::data")]
    data: &'a RawValue,
    subscribers: usize,
    by: &'static str,
}

/// What people filter by.
fn kind(app_event: &AppEvent<'_>) -> &'static str {
    match app_event {
        AppEvent::Connected { .. }
        | AppEvent::Disconnected { .. }
        | AppEvent::Refused { .. }
        | AppEvent::SignedIn { .. } => "connection",
        AppEvent::Subscribed { .. }
        | AppEvent::Unsubscribed { .. }
        | AppEvent::Occupied { .. }
        | AppEvent::Vacated { .. }
        | AppEvent::CacheMiss { .. }
        | AppEvent::SubscriptionCount { .. } => "subscription",
        AppEvent::MemberAdded { .. } | AppEvent::MemberRemoved { .. } => "presence",
        AppEvent::ClientEvent { .. } | AppEvent::Published { .. } => "event",
        AppEvent::ApiCall { .. } => "api",
        AppEvent::WebhookDelivered { .. } | AppEvent::WebhookFailed { .. } => "webhook",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{channel::ChannelName, protocol::pusher::excerpt::DATA_MAX_BYTES};
    use serde_json::{Value, json};

    fn encoded(app_event: &AppEvent<'_>) -> Value {
        serde_json::from_slice(&Entry::AppEvent(app_event).encode(5)).unwrap()
    }

    fn published(data: &RawValue) -> Value {
        encoded(&AppEvent::Published {
            channel: "news",
            event: "tick",
            data,
            subscribers: 3,
            exclude: Some("1.1"),
        })
    }

    #[test]
    fn an_entry_has_its_kind_and_the_events_fields() {
        let data = RawValue::from_string(r#"{"n": 1}"#.to_owned()).unwrap();
        assert_eq!(
            published(&data),
            json!({
                "time_us": 5, "kind": "event", "what": "published",
                "channel": "news", "event": "tick", "subscribers": 3, "exclude": "1.1",
                "data": {"text": "{\"n\": 1}", "bytes": 8},
            })
        );
        assert_eq!(
            encoded(&AppEvent::WebhookFailed {
                url: "http://x/",
                events: 2,
                attempts: 1,
                why: "refused",
                is_dropped: false,
            }),
            json!({
                "time_us": 5, "kind": "webhook", "what": "webhook_failed",
                "url": "http://x/", "events": 2, "attempts": 1, "why": "refused",
                "is_dropped": false,
            })
        );
    }

    #[test]
    fn long_data_is_cut_between_characters_and_says_so() {
        let text = format!("x{}", "é".repeat(DATA_MAX_BYTES));
        let data = serde_json::value::to_raw_value(&text).unwrap();
        let shown = published(&data)["data"].take();
        assert_eq!(shown["text"].as_str().unwrap().len(), DATA_MAX_BYTES - 1);
        assert_eq!(
            (&shown["bytes"], &shown["is_cut"]),
            (&json!(text.len()), &json!(true))
        );
    }

    #[test]
    fn long_texts_end_in_an_ellipsis() {
        let path = "/apps/1/".repeat(1_000);
        let entry = encoded(&AppEvent::ApiCall {
            method: "GET",
            path: &path,
            status: 404,
        });
        let shown = entry["path"].as_str().unwrap();
        assert!(shown.len() < 300 && shown.ends_with('…'), "{shown}");
    }

    #[test]
    fn plain_publications_are_events_as_well() {
        let data = RawValue::from_string("1".to_owned()).unwrap();
        let entry = Entry::Plain(&Published {
            channel: &ChannelName::parse("news").unwrap(),
            event: "e",
            data: &data,
            subscribers: 0,
            by: "websocket",
        });
        let entry: Value = serde_json::from_slice(&entry.encode(5)).unwrap();
        assert_eq!(
            (&entry["kind"], &entry["what"], &entry["by"]),
            (
                &json!("event"),
                &json!("published_plain"),
                &json!("websocket")
            )
        );
    }
}
