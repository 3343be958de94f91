//! Publishing: one event to many channels, or a batch of events (reference, 16.3 and 16.4).
//!
//! Everything is checked before anything is sent. The answer does not wait for delivery, and is
//! exactly `{}` where no `info` is asked for.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Deserialize;

use super::{ApiError, Attributes, Call, Wanted, json};
use crate::{
    channel::{ChannelName, Draft, Origin, is_reserved_event},
    codec::pusher::{
        data, is_socket_id,
        kind::{self, Kind},
    },
    node::Node,
    protocol::pusher::{app::App, app_event::AppEvent},
    registry::{LaneWorker, OfConnection},
};

#[derive(Deserialize)]
struct Event {
    name: Option<String>,
    data: Option<serde_json::Value>,
    channels: Option<Channels>,
    channel: Option<String>,
    socket_id: Option<String>,
    info: Option<String>,
}

/// A list, or one name, which clients written by hand send.
#[derive(Deserialize)]
#[serde(untagged)]
enum Channels {
    List(Vec<String>),
    One(String),
}

impl From<Channels> for Vec<String> {
    fn from(channels: Channels) -> Self {
        match channels {
            Channels::List(list) => list,
            Channels::One(name) => vec![name],
        }
    }
}

#[derive(Deserialize)]
struct Batch {
    batch: Vec<Event>,
}

/// An event that has been checked.
struct Checked {
    draft: Draft,
    /// Each once, in the order in which they came.
    channels: Vec<ChannelName>,
    wanted: Option<Wanted>,
}

pub(super) async fn event(
    request: &HttpRequest,
    worker: &LaneWorker,
    call: &Call<'_>,
) -> Result<HttpResponse, ApiError> {
    answer(request, worker, &call.app, call.json()?).await
}

/// Publishes for a caller whose right to do so was checked in another way than by a signature.
/// In every other respect it is a call of the HTTP API, and observed as one.
pub async fn trusted(
    request: &HttpRequest,
    worker: &LaneWorker,
    app: &App,
    body: &[u8],
) -> HttpResponse {
    let answered = match json(body) {
        _ if !app.settings.enabled => Err(ApiError::new(403, "The application is disabled")),
        Ok(event) => answer(request, worker, app, event).await,
        Err(error) => Err(error),
    };
    let response = answered.unwrap_or_else(|error| error.error_response());
    app.notify(AppEvent::ApiCall {
        method: "POST",
        path: &format!("/apps/{}/events", app.settings.id),
        status: response.status().as_u16(),
    });
    response
}

async fn answer(
    request: &HttpRequest,
    worker: &LaneWorker,
    app: &App,
    event: Event,
) -> Result<HttpResponse, ApiError> {
    let checked = check(app, event)?;
    may_publish(app)?;
    send(request, worker, app, &checked).await?;
    let node = &worker.lab.node;
    Ok(match checked.wanted {
        None => empty(),
        Some(wanted) => {
            let channels: BTreeMap<_, _> = checked
                .channels
                .iter()
                .map(|channel| (channel.local(), attributes(node, channel, wanted)))
                .collect();
            HttpResponse::Ok().json(serde_json::json!({ "channels": channels }))
        }
    })
}

pub(super) async fn batch(
    request: &HttpRequest,
    worker: &LaneWorker,
    call: &Call<'_>,
) -> Result<HttpResponse, ApiError> {
    let Batch { batch } = call.json()?;
    let allowed = call.app.settings.events_per_batch;
    if batch.len() > allowed {
        let message = format!(
            "The batch has {} events; {allowed} are allowed",
            batch.len()
        );
        return Err(ApiError::bad(message));
    }
    let checked = batch
        .into_iter()
        .map(|event| match event.channels {
            Some(_) => Err(ApiError::bad(
                "An event of a batch has one channel, in \"channel\"",
            )),
            None => check(&call.app, event),
        })
        .collect::<Result<Vec<_>, _>>()?;
    may_publish(&call.app)?;
    for event in &checked {
        send(request, worker, &call.app, event).await?;
    }
    if checked.iter().all(|event| event.wanted.is_none()) {
        return Ok(empty());
    }
    let node = &worker.lab.node;
    let infos: Vec<_> = checked
        .iter()
        .map(|event| match event.wanted {
            Some(wanted) => attributes(node, &event.channels[0], wanted),
            None => Attributes::default(),
        })
        .collect();
    Ok(HttpResponse::Ok().json(serde_json::json!({ "batch": infos })))
}

/// Whether the plan has messages left.
fn may_publish(app: &App) -> Result<(), ApiError> {
    let allowed = app.usage.may_publish();
    allowed.map_err(|why| ApiError::new(403, why))
}

fn empty() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body("{}")
}

fn check(app: &App, event: Event) -> Result<Checked, ApiError> {
    let settings = &app.settings;
    let name = event.name.unwrap_or_default();
    let length = name.chars().count();
    if length == 0 || length > settings.event_name_max_characters {
        return Err(ApiError::bad(format!(
            "The event's name has {length} characters; 1 to {} are allowed",
            settings.event_name_max_characters
        )));
    }
    if is_reserved_event(&name) {
        return Err(ApiError::bad(format!(
            "The event's name {name:?} is reserved"
        )));
    }
    let Some(serde_json::Value::String(text)) = event.data else {
        return Err(ApiError::bad("The event's data must be a string"));
    };
    if text.len() > settings.event_max_bytes {
        return Err(ApiError::new(
            413,
            format!(
                "The data content of this event exceeds the allowed maximum ({} bytes)",
                settings.event_max_bytes
            ),
        ));
    }
    let channels = event.channels.map(Vec::from);
    let names = match (channels, event.channel) {
        (Some(channels), _) if !channels.is_empty() => channels,
        (_, Some(channel)) => vec![channel],
        _ => return Err(ApiError::bad("The event names no channel")),
    };
    if names.len() > settings.channels_per_publish {
        return Err(ApiError::bad(format!(
            "The event names {} channels; {} are allowed",
            names.len(),
            settings.channels_per_publish
        )));
    }
    let mut channels = Vec::with_capacity(names.len());
    for name in &names {
        kind::check_name(name, settings.channel_name_max_bytes)?;
        let channel = app.channel(name);
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }
    let exclude = event.socket_id.filter(|id| !id.is_empty());
    if let Some(socket_id) = &exclude
        && !is_socket_id(socket_id)
    {
        return Err(ApiError::bad(format!(
            "{socket_id:?} is not a socket_id, which is two numbers and a dot"
        )));
    }
    let mut draft = Draft::new(&name, data::from_text(&text));
    draft.origin = exclude.map(|exclude| {
        Box::new(Origin {
            exclude: Some(exclude.into()),
            ..Origin::default()
        })
    });
    Ok(Checked {
        draft,
        channels,
        wanted: match event.info {
            Some(info) => Some(Wanted::parse(Some(&info))?),
            None => None,
        },
    })
}

async fn send(
    request: &HttpRequest,
    worker: &LaneWorker,
    app: &App,
    event: &Checked,
) -> Result<(), ApiError> {
    let node = &worker.lab.node;
    let draft = &event.draft;
    if event.wanted.is_some() {
        app.usage.info_was_asked();
    }
    for channel in &event.channels {
        // A publisher who has the secret counts for no address: the channel is no longer counted
        // against the address that opened it.
        node.may_use(channel, None)?;
        node.publish(channel, draft.clone()).await?;
        app.notify(AppEvent::Published {
            channel: channel.local(),
            event: &draft.event,
            data: &draft.data,
            subscribers: node.subscribers(channel),
            exclude: draft.origin.as_ref().and_then(|o| o.exclude.as_deref()),
        });
        if let Some(meter) = request.meter() {
            meter.publication_received();
        }
    }
    Ok(())
}

/// Those that were asked for and that the channel can have.
fn attributes(node: &Node, channel: &ChannelName, wanted: Wanted) -> Attributes {
    let is_presence = Kind::of(channel.local()).presence;
    Attributes {
        user_count: (wanted.user_count && is_presence).then(|| node.members(channel).len()),
        subscription_count: wanted.subscription_count.then(|| node.subscribers(channel)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::apps::AppSettings, protocol::pusher::app::Apps};

    fn checked(body: &str) -> Result<Checked, ApiError> {
        let apps = Apps::new(&[AppSettings::new("1", "k", "s")], None);
        check(
            apps.by_id("1").unwrap(),
            serde_json::from_str(body).unwrap(),
        )
    }

    #[test]
    fn the_documentations_own_event_is_taken() {
        let body = r#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
        let event = checked(body).unwrap();
        assert_eq!(event.draft.data.get(), r#"{"some":"data"}"#);
        assert_eq!(event.channels[0].as_str(), "1/project-3");
        assert!(event.wanted.is_none() && event.draft.origin.is_none());
    }

    #[test]
    fn channels_count_once() {
        let event = checked(r#"{"name":"e","channels":["a","b","a"],"data":""}"#).unwrap();
        assert_eq!(event.channels.len(), 2);
        let to_user = r##"{"name":"e","channel":"#server-to-user-7","data":"{}"}"##;
        assert!(checked(to_user).is_ok());
    }

    #[test]
    fn every_bad_field_has_its_status() {
        let large = format!(
            r#"{{"name":"e","channel":"a","data":"{}"}}"#,
            "é".repeat(5_121)
        );
        let many = format!(
            r#"{{"name":"e","channels":{:?},"data":""}}"#,
            vec!["a"; 101]
        );
        for (body, status) in [
            (r#"{"channel":"a","data":""}"#, 400),
            (r#"{"name":"","channel":"a","data":""}"#, 400),
            (r#"{"name":"pusher:x","channel":"a","data":""}"#, 400),
            (
                r#"{"name":"pusher_internal:x","channel":"a","data":""}"#,
                400,
            ),
            (r#"{"name":"e","channel":"a"}"#, 400),
            (r#"{"name":"e","channel":"a","data":{"x":1}}"#, 400),
            (r#"{"name":"e","data":""}"#, 400),
            (r#"{"name":"e","channels":[],"data":""}"#, 400),
            (r#"{"name":"e","channel":"a b","data":""}"#, 400),
            (r##"{"name":"e","channel":"#else","data":""}"##, 400),
            (
                r#"{"name":"e","channel":"a","data":"","socket_id":"x"}"#,
                400,
            ),
            (r#"{"name":"e","channel":"a","data":"","info":"x"}"#, 400),
            (&large, 413),
            (&many, 400),
        ] {
            assert_eq!(
                checked(body).map(drop).unwrap_err().status,
                status,
                "{body}"
            );
        }
    }
}
