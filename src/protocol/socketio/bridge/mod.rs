//! The lab's namespace, `/lab`: the node's channels for Socket.IO clients, so that a message sent
//! here arrives on every other transport and protocol, and the other way.
//!
//! ```text
//! client                                                server
//!   │ subscribe {channel, client?, name?, epoch?, …}, ack   │
//!   │ ────────────────────────────────────────────────────► │  attach, recover
//!   │              ack {channel, epoch, offset, recovered}  │
//!   │ ◄──────────────────────────────────────────────────── │
//!   │                  publication {channel, epoch, …}, …   │  what was missed, then live
//!   │ ◄──────────────────────────────────────────────────── │
//!   │ publish {channel, event, data, id?, intended_us?}, ack│
//!   │ ────────────────────────────────────────────────────► │
//!   │ typing {channel, on}              unsubscribe, ack    │
//!   │ ────────────────────────────────────────────────────► │
//! ```
//! An acknowledgement that refuses is `{"error":{"code","message","hint"}}`; who wants none gets
//! the same as the event `error`.
//!
//! Reading order: [`message`] what clients say · [`member`] one client and what it holds ·
//! [`subscription`] one of its channels · [`publication`] the wire form, encoded once for all.
//! Written on the library ([`super::io`]), but for publications: those go from the hub straight to
//! the session, as on the other transports. Not here: connection state recovery, which positions
//! do better; a client that came back subscribes again.

pub mod member;
pub mod message;
pub mod publication;
pub mod subscription;

use std::{rc::Rc, sync::Arc};

use self::{member::Member, message::Command};
use super::{
    io::Namespaces,
    socket::{Event, Socket},
};
use crate::{error::Refusal, node::Node};

/// Its name.
pub const NAMESPACE: &str = "/lab";

/// What the name of an event is read with.
type Read = fn(&str) -> Result<Command, Refusal>;

const EVENTS: [(&str, Read); 4] = [
    ("subscribe", message::subscribe),
    ("unsubscribe", message::unsubscribe),
    ("publish", message::publish),
    ("typing", message::typing),
];

/// `max_bytes` bounds the argument of one event.
pub fn register(namespaces: &mut Namespaces, node: &Arc<Node>, max_bytes: usize) {
    let node = node.clone();
    namespaces.of(NAMESPACE).on_connect(move |socket| {
        let member = Rc::new(Member::new(node.clone(), socket));
        for (event, read) in EVENTS {
            listen(socket, &member, event, read, max_bytes);
        }
        let upgraded = member.clone();
        socket.on_upgrade(move |socket| upgraded.upgraded(socket));
        socket.on_disconnect(move |_, _| member.leave());
    });
}

fn listen(socket: &Socket, member: &Rc<Member>, event: &'static str, read: Read, max_bytes: usize) {
    let member = member.clone();
    socket.on(event, move |event| {
        let Event { socket, args, ack } = event;
        let json = args.get(0).map_or("null", |json| json.get());
        // Attachments travel beside the JSON, and other lanes have nothing beside it.
        let command = message::check_attachments(args.attachments().len())
            .and_then(|()| message::check_size(json, max_bytes))
            .and_then(|()| read(json));
        let payload = command.as_ref().map_or(0, Command::payload_bytes);
        socket.link().carries(payload);
        member.received(&socket, command, ack);
    });
}
