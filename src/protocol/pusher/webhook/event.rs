//! The events of webhooks, in the reference's words (17).

use serde::Serialize;
use serde_json::value::RawValue;

use crate::protocol::pusher::app_event::AppEvent;

/// One event of a webhook's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Event {
    ChannelOccupied {
        channel: Box<str>,
    },
    ChannelVacated {
        channel: Box<str>,
    },
    MemberAdded {
        channel: Box<str>,
        user_id: Box<str>,
    },
    MemberRemoved {
        channel: Box<str>,
        user_id: Box<str>,
    },
    ClientEvent {
        channel: Box<str>,
        event: Box<str>,
        /// The string as it was sent, or the compact JSON of anything else.
        data: Box<str>,
        socket_id: Box<str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<Box<str>>,
    },
    CacheMiss {
        channel: Box<str>,
    },
    SubscriptionCount {
        channel: Box<str>,
        subscription_count: usize,
    },
}

impl Event {
    /// `None` for what is in no webhook.
    pub fn of(app_event: &AppEvent<'_>) -> Option<Self> {
        Some(match *app_event {
            AppEvent::Occupied { channel } => Self::ChannelOccupied {
                channel: channel.into(),
            },
            AppEvent::Vacated { channel } => Self::ChannelVacated {
                channel: channel.into(),
            },
            AppEvent::MemberAdded { channel, user_id } => Self::MemberAdded {
                channel: channel.into(),
                user_id: user_id.into(),
            },
            AppEvent::MemberRemoved { channel, user_id } => Self::MemberRemoved {
                channel: channel.into(),
                user_id: user_id.into(),
            },
            AppEvent::ClientEvent {
                channel,
                event,
                data,
                socket_id,
                user_id,
            } => Self::ClientEvent {
                channel: channel.into(),
                event: event.into(),
                data: text_of(data).into(),
                socket_id: socket_id.into(),
                user_id: user_id.map(Into::into),
            },
            AppEvent::CacheMiss { channel } => Self::CacheMiss {
                channel: channel.into(),
            },
            AppEvent::SubscriptionCount { channel, count } => Self::SubscriptionCount {
                channel: channel.into(),
                subscription_count: count,
            },
            _ => return None,
        })
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::ChannelOccupied { .. } => "channel_occupied",
            Self::ChannelVacated { .. } => "channel_vacated",
            Self::MemberAdded { .. } => "member_added",
            Self::MemberRemoved { .. } => "member_removed",
            Self::ClientEvent { .. } => "client_event",
            Self::CacheMiss { .. } => "cache_miss",
            Self::SubscriptionCount { .. } => "subscription_count",
        }
    }

    pub fn channel(&self) -> &str {
        match self {
            Self::ChannelOccupied { channel }
            | Self::ChannelVacated { channel }
            | Self::MemberAdded { channel, .. }
            | Self::MemberRemoved { channel, .. }
            | Self::ClientEvent { channel, .. }
            | Self::CacheMiss { channel }
            | Self::SubscriptionCount { channel, .. } => channel,
        }
    }

    /// What keeping it costs, in bytes: its text and a flat allowance for the rest.
    pub fn retained_bytes(&self) -> usize {
        const OVERHEAD: usize = 160;
        let more = match self {
            Self::ClientEvent { event, data, .. } => event.len() + data.len(),
            _ => 0,
        };
        OVERHEAD + self.channel().len() + more
    }
}

/// A string as it is; of anything else the JSON without the space between its tokens.
fn text_of(data: &RawValue) -> String {
    let json = data.get();
    if json.starts_with('"') {
        return serde_json::from_str(json).unwrap_or_else(|_| json.to_owned());
    }
    let mut compact = String::with_capacity(json.len());
    let (mut is_inside, mut is_escaped) = (false, false);
    for c in json.chars() {
        if is_inside || !c.is_ascii_whitespace() {
            compact.push(c);
        }
        is_inside ^= c == '"' && !is_escaped;
        is_escaped = is_inside && c == '\\' && !is_escaped;
    }
    compact
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_client_events_data_is_its_text() {
        for (data, text) in [
            (r#""{\"on\": true}""#, r#"{"on": true}"#),
            (
                r#"{"b" : [1, "x \" y\\"], "a": "ä "}"#,
                r#"{"b":[1,"x \" y\\"],"a":"ä "}"#,
            ),
            ("null", "null"),
        ] {
            let data = RawValue::from_string(data.to_owned()).unwrap();
            assert_eq!(text_of(&data), text);
        }
    }

    #[test]
    fn events_have_the_references_fields() {
        let data = RawValue::from_string("1".to_owned()).unwrap();
        let event = Event::of(&AppEvent::ClientEvent {
            channel: "private-a",
            event: "client-t",
            data: &data,
            socket_id: "1.1",
            user_id: None,
        });
        assert_eq!(
            serde_json::to_value(event.unwrap()).unwrap(),
            json!({"name":"client_event","channel":"private-a","event":"client-t","data":"1","socket_id":"1.1"})
        );
        let count = Event::SubscriptionCount {
            channel: "news".into(),
            subscription_count: 4,
        };
        assert_eq!(
            serde_json::to_value(&count).unwrap(),
            json!({"name":"subscription_count","channel":"news","subscription_count":4})
        );
        assert_eq!(
            Event::of(&AppEvent::Disconnected { socket_id: "1.1" }),
            None
        );
    }
}
