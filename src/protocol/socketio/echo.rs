//! The namespace `/echo`, behind the `echo` setting: for clients that want to be sure that all of
//! Socket.IO works here. What comes is sent back, in every way there is.
//!
//! | client | server |
//! |---|---|
//! | connects with `{"refuse": text}` | refuses, with the text as data |
//! | connects otherwise | emits `auth` with what the client sent |
//! | `echo` … | emits `echo` with the same arguments; acknowledges with them if asked to |
//! | `ask` … | emits `question` with them and wants an acknowledgement; emits `answer` with that |
//! | `join` room, `leave` room | does, and acknowledges |
//! | `say` room … | emits `said` with the same to the room's others |
//! | `say-all` … | emits `said` to everybody in the namespace |
//! | `kick` close | disconnects the socket; with `true` its whole connection |
//!
//! `/echo-` and a number is such a namespace as well, made when first asked for. Not here: the
//! handlers of the official suites, which are [`conformance`](super::conformance)'s.

use std::{rc::Rc, time::Duration};

use serde::Deserialize;

use super::{
    io::{Candidate, Denied, Namespace, Namespaces},
    socket::{Event, Socket},
};
use crate::codec::socketio::Args;

const NAME: &str = "/echo";
/// For an answer to `ask`.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The namespace `/echo`.
pub fn register(namespaces: &mut Namespaces) {
    serve(namespaces.of(NAME));
    serve(namespaces.matching(is_numbered));
}

fn is_numbered(namespace: &str) -> bool {
    let number = namespace
        .strip_prefix(NAME)
        .and_then(|n| n.strip_prefix('-'));
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

fn serve(namespace: &mut Namespace) {
    namespace
        .middleware(refuse_who_wants_it)
        .on_connect(|socket| {
            socket.emit("auth", Args::new().raw(&socket.auth));
            socket.on("echo", echo);
            socket.on("ask", ask);
            socket.on("join", |event| with_room(event, Socket::join));
            socket.on("leave", |event| {
                with_room(event, |socket, room| socket.leave(room))
            });
            socket.on("say", |event| {
                if let Some(room) = event.args.read::<String>(0) {
                    event.socket.to(&room).emit("said", event.args);
                }
            });
            socket.on("say-all", |event| {
                let Event { socket, args, .. } = event;
                socket.io().of(&socket.namespace).emit("said", args);
            });
            socket.on("kick", |event| {
                event.socket.disconnect(event.args.read(0).unwrap_or(false));
            });
        });
}

fn refuse_who_wants_it(candidate: &Candidate<'_>) -> Result<(), Denied> {
    #[derive(Deserialize)]
    struct Auth {
        refuse: Option<String>,
    }
    match serde_json::from_str::<Auth>(candidate.auth.get()) {
        Ok(Auth { refuse: Some(why) }) => Err(Denied {
            message: "refused as asked".to_owned(),
            data: Some(serde_json::json!({ "why": why })),
        }),
        _ => Ok(()),
    }
}

fn echo(event: Event) {
    match event.ack {
        Some(ack) => ack.send(event.args),
        None => event.socket.emit("echo", event.args),
    }
}

fn ask(event: Event) {
    let Event { socket, args, .. } = event;
    actix_rt::spawn(async move {
        if let Ok(answer) = socket.emit_with_ack("question", args, ANSWER_WITHIN).await {
            socket.emit("answer", answer);
        }
    });
}

fn with_room(event: Event, act: impl FnOnce(&Rc<Socket>, &str)) {
    if let Some(room) = event.args.read::<String>(0) {
        act(&event.socket, &room);
    }
    if let Some(ack) = event.ack {
        ack.send(Args::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_make_namespaces() {
        for good in ["/echo-0", "/echo-12"] {
            assert!(is_numbered(good), "{good}");
        }
        for bad in [
            "/echo", "/echo-", "/echo-x", "/echo-1x", "/other-1", "echo-1",
        ] {
            assert!(!is_numbered(bad), "{bad}");
        }
    }
}
