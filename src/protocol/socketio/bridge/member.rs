//! One client of the lab's namespace: its subscriptions, and its commands one after the other.
//!
//! Commands are carried out in the order in which they came, each before the next, so that an
//! unsubscribe cannot overtake its subscribe. As the broker is quick, that is nearly always within
//! the call. What must wait does so in a queue of `COMMANDS_MAX`; more are refused.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    rc::Rc,
    sync::Arc,
};

use futures_util::FutureExt;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    message::Command,
    subscription::{CatchingUp, Receiver, Stage, Subscription},
};
use crate::{
    catalogue::{SOCKETIO_POLLING, SOCKETIO_WEBSOCKET},
    channel::{ChannelName, Draft, history::Start, presence::Via},
    codec::{envelope, socketio::Args},
    error::{Code, Refusal},
    node::{Kept, Node, Who},
    protocol::socketio::socket::{Ack, Socket},
    registry,
    transport::catch_up::catch_up,
};

/// Commands of one client that may wait for those before them.
const COMMANDS_MAX: usize = 256;
/// Channels that one client may be subscribed to.
const SUBSCRIPTIONS_MAX: usize = 1_000;

/// See the module.
pub struct Member {
    node: Arc<Node>,
    /// Boxed, since a table has room for four with its first.
    subscriptions: RefCell<HashMap<ChannelName, Box<Subscription>>>,
    /// Behind the one that is carried out; it gives its memory back when it is empty.
    waiting: RefCell<VecDeque<Job>>,
    is_busy: Cell<bool>,
}

struct Job {
    socket: Rc<Socket>,
    command: Result<Command, Refusal>,
    ack: Option<Ack>,
}

impl Member {
    /// A socket of the namespace `/lab`, in no channel yet.
    pub fn new(node: Arc<Node>, socket: &Rc<Socket>) -> Self {
        // Who was recovered is in the rooms of subscriptions that ended with its connection.
        for room in socket.info().rooms {
            if *room != *socket.id {
                socket.leave(&room);
            }
        }
        Self {
            node,
            subscriptions: RefCell::default(),
            waiting: RefCell::default(),
            is_busy: Cell::new(false),
        }
    }

    /// The client's session went on over WebSocket.
    pub fn upgraded(&self, socket: &Socket) {
        for subscription in self.subscriptions.borrow_mut().values_mut() {
            if let Some(presence_guard) = &mut subscription.presence_guard {
                presence_guard.change_transport(via(socket));
            }
        }
    }

    /// The client is gone: gives back what it held.
    pub fn leave(&self) {
        self.waiting.take();
        self.subscriptions.take();
    }

    /// A command came, or what was none.
    pub fn received(
        self: &Rc<Self>,
        socket: &Rc<Socket>,
        command: Result<Command, Refusal>,
        ack: Option<Ack>,
    ) {
        if self.waiting.borrow().len() >= COMMANDS_MAX {
            let message = "too many commands wait for those before them";
            return answer(socket, ack, Err(Refusal::new(Code::Busy, message)));
        }
        let socket = socket.clone();
        let job = Job {
            socket,
            command,
            ack,
        };
        if self.is_busy.replace(true) {
            self.waiting.borrow_mut().push_back(job);
        } else {
            let mut working = Box::pin(self.clone().work(job));
            if working.as_mut().now_or_never().is_none() {
                actix_rt::spawn(working);
            }
        }
    }

    async fn work(self: Rc<Self>, first: Job) {
        let mut next = Some(first);
        while let Some(job) = next {
            self.carry_out(job).await;
            next = self.waiting.borrow_mut().pop_front();
        }
        self.waiting.take();
        self.is_busy.set(false);
    }

    async fn carry_out(self: &Rc<Self>, job: Job) {
        let Job {
            socket,
            command,
            ack,
        } = job;
        let done = match command {
            Ok(Command::Subscribe {
                channel,
                who,
                start,
            }) => return self.subscribe(socket, channel, who, start, ack).await,
            Ok(Command::Unsubscribe(channel)) => self.unsubscribe(&socket, &channel),
            Ok(Command::Publish(channel, draft)) => self.publish(&socket, &channel, draft).await,
            Ok(Command::Typing { channel, on }) => self.typing(&socket, &channel, on),
            Err(refusal) => Err(refusal),
        };
        answer(&socket, ack, done);
    }

    async fn subscribe(
        self: &Rc<Self>,
        socket: Rc<Socket>,
        channel: ChannelName,
        who: Option<Who>,
        start: Start,
        ack: Option<Ack>,
    ) {
        let receiver = Rc::new(Receiver(socket.link().clone()));
        let begun = async {
            self.may_subscribe(&channel)?;
            let address = socket.link().request.address;
            self.node.may_use(&channel, address)?;
            let presence_guard = match &who {
                Some(who) => Some(self.node.enter(&channel, who, address, via(&socket))?),
                None => None,
            };
            let attachment = self.node.attach(&channel, receiver.clone());
            let recovery = self.node.recover(&channel, &start).await?;
            Ok::<_, Refusal>((presence_guard, attachment, recovery))
        };
        let (presence_guard, attachment, recovery) = match begun.await {
            Ok(begun) => begun,
            Err(refusal) => return answer(&socket, ack, Err(refusal)),
        };
        if !socket.is_connected() {
            return;
        }
        let answered = object(|out| envelope::encode_subscribed(&channel, &recovery, out));
        answer(&socket, ack, Ok(answered));
        let node = self.node.clone();
        let mut catching_up = Box::pin(catch_up(
            node,
            channel.clone(),
            receiver,
            attachment,
            recovery,
        ));
        // Who missed little is live before its next command.
        let stage = match catching_up.as_mut().now_or_never() {
            Some(Some(attachment)) => Stage::Live(attachment),
            Some(None) => return,
            None => {
                let (member, channel) = (Rc::downgrade(self), channel.clone());
                let task = actix_rt::spawn(async move {
                    let caught_up = catching_up.await;
                    if let (Some(member), Some(attachment)) = (member.upgrade(), caught_up)
                        && let Some(subscription) =
                            member.subscriptions.borrow_mut().get_mut(&channel)
                    {
                        subscription.stage = Stage::Live(attachment);
                    }
                });
                Stage::CatchingUp(CatchingUp(task.abort_handle()))
            }
        };
        let subscription = Subscription {
            who,
            stage,
            presence_guard,
        };
        socket.join(&room_of(&channel));
        // One that was there before is replaced, and ends only now: its client neither leaves nor
        // joins again.
        let before = self
            .subscriptions
            .borrow_mut()
            .insert(channel, Box::new(subscription));
        drop(before);
    }

    fn may_subscribe(&self, channel: &ChannelName) -> Result<(), Refusal> {
        let subscriptions = self.subscriptions.borrow();
        if subscriptions.len() >= SUBSCRIPTIONS_MAX && !subscriptions.contains_key(channel) {
            return Err(Refusal::new(
                Code::TooManySubscriptions,
                format!("one connection may subscribe to {SUBSCRIPTIONS_MAX} channels"),
            ));
        }
        Ok(())
    }

    fn unsubscribe(&self, socket: &Socket, channel: &ChannelName) -> Result<Args, Refusal> {
        let held = self.subscriptions.borrow_mut().remove(channel);
        held.ok_or_else(|| not_subscribed(channel))?;
        socket.leave(&room_of(channel));
        Ok(Args::from(serde_json::json!({})).as_envelope())
    }

    async fn publish(
        &self,
        socket: &Socket,
        channel: &ChannelName,
        draft: Draft,
    ) -> Result<Args, Refusal> {
        self.node
            .may_publish(channel, socket.link().request.address)?;
        let position = self.node.publish_by(channel, draft, "socketio").await?;
        socket.link().publication_received();
        let kept = self.node.kept().map(Kept::as_str);
        Ok(object(|out| {
            envelope::encode_published(channel, &position, None, kept, out);
        }))
    }

    /// Sends it to the others in the channel: that somebody types only to those who can take it
    /// right now, because it is soon old; that somebody has stopped, to all.
    fn typing(&self, socket: &Socket, channel: &ChannelName, on: bool) -> Result<Args, Refusal> {
        #[derive(Serialize)]
        struct Typing<'a> {
            channel: &'a ChannelName,
            client: &'a str,
            name: &'a str,
            on: bool,
        }
        // Its bytes are counted with the channel's.
        self.node.may_be_heard(channel)?;
        let subscriptions = self.subscriptions.borrow();
        let subscription = subscriptions.get(channel);
        let subscription = subscription.ok_or_else(|| not_subscribed(channel))?;
        let Some(who) = &subscription.who else {
            return Err(Refusal::new(
                Code::BadClient,
                "who types must have subscribed with a client id",
            ));
        };
        let typing = Args::new().json(&Typing {
            channel,
            client: &who.client,
            name: &who.name,
            on,
        });
        let others = socket.to(&room_of(channel));
        let others = if on { others.volatile() } else { others };
        others.emit("typing", typing.as_envelope());
        Ok(Args::from(serde_json::json!({})).as_envelope())
    }
}

/// Rooms and ids of sockets share their names; no id has a blank.
fn room_of(channel: &ChannelName) -> String {
    format!("channel {channel}")
}

/// How a subscriber is labelled.
fn via(socket: &Socket) -> Via {
    match socket.link().is_on_websocket() {
        true => registry::via(&SOCKETIO_WEBSOCKET),
        false => registry::via(&SOCKETIO_POLLING),
    }
}

fn not_subscribed(channel: &ChannelName) -> Refusal {
    let message = format!("this connection is not subscribed to {channel}");
    Refusal::new(Code::NotSubscribed, message)
}

/// A refusal is sent even where no acknowledgement is wanted.
fn answer(socket: &Rc<Socket>, ack: Option<Ack>, done: Result<Args, Refusal>) {
    match (done, ack) {
        (Ok(args), Some(ack)) => ack.send(args),
        (Ok(_), None) => {}
        (Err(refusal), ack) => Ack::refuse(ack, socket, &refusal),
    }
}

/// One argument of what the codec writes.
fn object(write: impl FnOnce(&mut Vec<u8>)) -> Args {
    let mut out = Vec::with_capacity(128);
    write(&mut out);
    raw(String::from_utf8(out).unwrap_or_default())
}

fn raw(json: String) -> Args {
    let json = RawValue::from_string(json).unwrap_or_else(|_| RawValue::NULL.to_owned());
    Args::new().raw(&json).as_envelope()
}
