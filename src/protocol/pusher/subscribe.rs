//! Subscribing and unsubscribing: signatures, presence, cache (`docs/protocols/pusher-channels.md`,
//! "Channels", "Presence" and "Cache channels").
//!
//! `subscription_succeeded` comes before every other frame of the channel: the connection is
//! attached first, what is published meanwhile is held back, and delivery starts from the very
//! position that the members and the cached event belong to.

use std::rc::Rc;

use serde_json::value::RawValue;

use super::{
    app_event::AppEvent,
    auth::{self, BadAuth},
    connection::{Connection, Subscription},
    extension::PositionedSubscriber,
    subscription_count,
    subscription_state::SubscriptionState,
};
use crate::{
    catalogue::{CHANNELS, Form},
    channel::{
        StreamPosition,
        history::Start,
        presence::{Change, Via},
    },
    codec::pusher::{
        command::{MemberData, Subscribe},
        event,
        kind::{self, Kind},
    },
    hub::{Batch, Subscriber},
    node::{NodeError, PresenceGuard, Who},
};

/// Why a subscription is refused: what pusher-js and Echo hand to the channel's handler.
struct Refused {
    kind: &'static str,
    message: String,
    status: u16,
}

impl Refused {
    fn auth(message: impl ToString) -> Self {
        Self {
            kind: "AuthError",
            message: message.to_string(),
            status: 401,
        }
    }

    fn limit(message: impl ToString) -> Self {
        Self {
            kind: "LimitReached",
            message: message.to_string(),
            status: 403,
        }
    }

    fn bad(message: impl ToString) -> Self {
        Self {
            kind: "BadRequest",
            message: message.to_string(),
            status: 400,
        }
    }
}

impl From<BadAuth> for Refused {
    fn from(error: BadAuth) -> Self {
        Self::auth(error)
    }
}

impl From<NodeError> for Refused {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::TooManyMembers(_)
            | NodeError::TooManyMembersOfAddress(_)
            | NodeError::TooManyChannelsOfAddress(_) => Self::limit(error),
            _ => Self {
                kind: "ServerError",
                message: error.to_string(),
                status: 503,
            },
        }
    }
}

/// Channels that one connection may be subscribed to.
const SUBSCRIPTIONS_MAX: usize = 10_000;

impl Connection {
    pub(super) async fn subscribe(self: &Rc<Self>, asked: Subscribe) {
        let name = asked.channel.clone();
        if self.subscriptions.borrow().contains_key(name.as_str()) {
            let message = format!("Existing subscription to channel {name}");
            return self.error(None, &message);
        }
        let is_full = self.subscriptions.borrow().len() >= SUBSCRIPTIONS_MAX;
        let done = match is_full {
            true => Err(Refused::limit(format_args!(
                "one connection may subscribe to {SUBSCRIPTIONS_MAX} channels; unsubscribe from some"
            ))),
            false => self.try_subscribe(asked).await,
        };
        if let Err(refused) = done {
            self.send(|out| {
                event::subscription_error(
                    &name,
                    refused.kind,
                    &refused.message,
                    refused.status,
                    out,
                );
            });
            self.error(
                None,
                &format!("Subscription to {name} failed: {}", refused.message),
            );
        }
    }

    async fn try_subscribe(self: &Rc<Self>, asked: Subscribe) -> Result<(), Refused> {
        let name = asked.channel.as_str();
        let max_bytes = self.app.settings.channel_name_max_bytes;
        kind::check_name(name, max_bytes).map_err(Refused::bad)?;
        let kind = Kind::of(name);
        let member = self.authorize(&asked, kind)?;
        let channel = self.app.channel(name);
        self.node.may_use(&channel, self.address)?;
        let start = self.positions.borrow_mut().remove(name);
        let form = match start {
            Some(_) => Form::WithPositions,
            None => Form::AsItIs,
        };
        self.label(&channel, form);
        let reader = start
            .is_some()
            .then(|| Rc::new(PositionedSubscriber::new(self.clone())));
        let subscriber: Rc<dyn Subscriber> = match &reader {
            Some(reader) => reader.clone(),
            None => self.clone(),
        };
        let attachment = self.node.attach(&channel, subscriber);
        let (user_id, presence_guard, position) = match member {
            Some(member) => {
                let (user_id, presence_guard, position) = self.join(name, member).await?;
                (Some(user_id), Some(presence_guard), position)
            }
            None => {
                let recovery = self.node.recover(&channel, &Start::default()).await?;
                self.send(|out| event::subscription_succeeded(name, out));
                (None, None, recovery.position)
            }
        };
        let state = match (start, reader) {
            (Some(start), Some(reader)) => {
                reader.has_members_at(position.offset);
                self.catch_up(&channel, start, reader, attachment)
            }
            _ => {
                let mut position = position;
                if kind.cached {
                    position.offset = position.offset.max(self.send_cached(name, &position));
                }
                attachment.go_live(&position);
                SubscriptionState::live(attachment)
            }
        };
        let subscription = Subscription {
            channel: channel.clone(),
            user_id,
            _presence_guard: presence_guard,
            _state: state,
        };
        let user_id = subscription.user_id.clone();
        self.subscriptions
            .borrow_mut()
            .insert(name.into(), Box::new(subscription));
        self.app.notify(AppEvent::Subscribed {
            channel: name,
            socket_id: &self.socket_id,
            user_id: user_id.as_deref(),
            count: self.node.subscribers(&channel),
        });
        subscription_count::changed(&self.app, &self.node, &channel);
        Ok(())
    }

    /// Checks whether it may; on presence channels, as whom.
    fn authorize(&self, asked: &Subscribe, kind: Kind) -> Result<Option<MemberData>, Refused> {
        let name = asked.channel.as_str();
        if let Some(user) = kind::user_of(name) {
            let signed_in = self.user.borrow();
            return match &*signed_in {
                Some(signed_in) if *signed_in.id == *user => Ok(None),
                _ => Err(Refused::auth(
                    "the connection is not signed in as this user",
                )),
            };
        }
        if !kind.guarded {
            return Ok(None);
        }
        let settings = &self.app.settings;
        let channel_data = asked.channel_data.as_deref();
        let text = auth::channel_text(&self.socket_id, name, channel_data);
        auth::check_auth(&settings.key, &settings.secret, asked.auth(), text)?;
        self.is_authorized.set(true);
        if kind.presence {
            self.member(channel_data).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Who joins: as `channel_data` says, or else as who is signed in.
    fn member(&self, channel_data: Option<&str>) -> Result<MemberData, Refused> {
        let settings = &self.app.settings;
        let Some(channel_data) = channel_data else {
            let signed_in = self.user.borrow();
            let signed_in = signed_in.as_ref().ok_or_else(|| {
                Refused::bad("presence channels need channel_data, or a user who is signed in")
            })?;
            return Ok(MemberData {
                user_id: signed_in.id.to_string(),
                user_info: signed_in.info.clone(),
            });
        };
        if channel_data.len() > settings.presence_member_max_bytes {
            return Err(Refused::limit(format!(
                "channel_data has {} bytes; {} are allowed",
                channel_data.len(),
                settings.presence_member_max_bytes
            )));
        }
        let member = MemberData::decode(channel_data)
            .map_err(|why| Refused::bad(format!("channel_data is not understood: {why}")))?;
        let length = member.user_id.chars().count();
        if length > settings.presence_user_id_max_characters {
            return Err(Refused::limit(format!(
                "user_id has {length} characters; {} are allowed",
                settings.presence_user_id_max_characters
            )));
        }
        Ok(member)
    }

    /// Becomes a member and sends who is there.
    async fn join(
        self: &Rc<Self>,
        name: &str,
        member: MemberData,
    ) -> Result<(Box<str>, PresenceGuard, StreamPosition), Refused> {
        let who = Who {
            client: member.user_id.into(),
            name: name_of(member.user_info.as_deref()),
        };
        let channel = self.app.channel(name);
        let max_members = self.app.settings.presence_max_members;
        let (presence_guard, snapshot) = self
            .node
            .enter_with_snapshot(
                &channel,
                &who,
                self.address,
                member.user_info,
                Via {
                    transport: self.transport,
                    protocol: CHANNELS.protocol,
                },
                max_members,
            )
            .await?;
        let infos: Vec<_> = snapshot.members.iter().map(info_of).collect();
        let ids = snapshot.members.iter().map(|member| &*member.client);
        let members = ids.zip(infos.iter().map(Option::as_deref));
        self.send(|out| event::presence_succeeded(name, members, out));
        Ok((who.client, presence_guard, snapshot.position))
    }

    /// Sends the cached event or says that there is none; answers the offset it has.
    fn send_cached(&self, name: &str, position: &StreamPosition) -> u64 {
        match self.node.latest(&self.app.channel(name)) {
            Some((latest, _)) => {
                self.sink
                    .deliver(Batch::replay(std::slice::from_ref(&latest)).whole());
                match latest.epoch == position.epoch {
                    true => latest.offset,
                    false => 0,
                }
            }
            None => {
                self.send(|out| event::cache_miss(name, out));
                self.app.notify(AppEvent::CacheMiss { channel: name });
                0
            }
        }
    }

    pub(super) async fn unsubscribe(self: &Rc<Self>, name: &str) {
        let subscription = self.subscriptions.borrow_mut().remove(name);
        match subscription {
            Some(subscription) => {
                let channel = subscription.channel.clone();
                drop(subscription);
                self.app.notify(AppEvent::Unsubscribed {
                    channel: name,
                    socket_id: &self.socket_id,
                    count: self.node.subscribers(&channel),
                });
                subscription_count::changed(&self.app, &self.node, &channel);
            }
            None => {
                let message = format!("No current subscription to channel {name}");
                self.error(None, &message);
            }
        }
    }
}

fn info_of(member: &Change) -> Option<Box<RawValue>> {
    event::member_info(member.info.as_deref(), &member.name)
}

/// What plain clients show: the name in the member's information, if there is one.
fn name_of(info: Option<&RawValue>) -> Box<str> {
    #[derive(serde::Deserialize)]
    struct Named {
        name: String,
    }
    info.and_then(|info| serde_json::from_str::<Named>(info.get()).ok())
        .map(|named| named.name.into())
        .unwrap_or_default()
}
