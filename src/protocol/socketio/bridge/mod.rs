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
//! An acknowledgement that refuses is `{"error":{"code","message","hint"}}`.
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

pub fn register(namespaces: &mut Namespaces, node: &Arc<Node>) {
    let node = node.clone();
    namespaces.of(NAMESPACE).on_connect(move |socket| {
        let member = Rc::new(Member::new(node.clone(), socket));
        listen(socket, &member, "subscribe", message::subscribe);
        listen(socket, &member, "unsubscribe", message::unsubscribe);
        listen(socket, &member, "publish", message::publish);
        listen(socket, &member, "typing", message::typing);
        socket.on_disconnect(move |_, _| member.leave());
    });
}

fn listen(
    socket: &Socket,
    member: &Rc<Member>,
    name: &str,
    read: fn(&str) -> Result<Command, Refusal>,
) {
    let member = member.clone();
    socket.on(name, move |event| {
        let Event { socket, args, ack } = event;
        let command = read(args.get(0).map_or("null", |json| json.get()));
        let payload = command.as_ref().map_or(0, Command::payload_bytes);
        socket.link().carries(payload);
        member.received(&socket, command, ack);
    });
}
