//! The life of a socket: reading, answering pings, the heartbeat, until one side closes.
//!
//! ```text
//!       ┌──────────── messages ──► session, pong ───────────┐
//!       │                                                   │
//!  read what is there ◄── readable ── wait ── deadline ──► ping, or give up (4408)
//!                                      │
//!                           a close frame, a violation, the end ──► closing.rs
//! ```
//!
//! One deadline serves two questions: "has it been quiet?" before a ping, and "where is the pong?"
//! after one. Any bytes count as an answer (§5.5.3 asks for a pong, and who sends something else
//! lives as well).
//!
//! Most of the time of most sockets is spent waiting for the next message, and the future of a task
//! keeps room for everything that it may ever wait for. So it waits for what is rare, or soon over,
//! in a box of its own.

use std::{future::Future, pin::pin};

use tokio::time::{Instant, sleep_until};

use super::{
    Session, Socket,
    closing::{answer_close, await_close, finish},
    input::{Input, decode_some, read_some},
    next::Next,
};
use crate::{
    codec::websocket::{self, Decoder, Message, OpCode},
    disconnect::Disconnect,
    wire::Layers,
};

/// The life of a socket, from after its handshake to its end. `read` is what came with the
/// handshake.
#[allow(
    clippy::manual_async_fn,
    reason = "an async fn keeps room for its arguments twice"
)]
pub fn run<'a>(
    socket: &'a Socket,
    mut read: Vec<u8>,
    mut session: impl Session + 'a,
) -> impl Future<Output = ()> + 'a {
    async move {
        let settings = &socket.settings;
        let inflation = socket.deflate.as_ref().map(|deflate| deflate.inflation());
        let mut decoder = Decoder::new(settings.limits).inflating(inflation);
        let mut deadline = pin!(sleep_until(Instant::now() + settings.ping_every));
        let mut last_read = Instant::now();
        let mut pinged = false;
        let mut messages = Vec::new();
        let mut input = decode_some(&mut decoder, &std::mem::take(&mut read), &mut messages);
        socket.meter().received(Layers {
            framing: decoder.take_framing_bytes(),
            saved: decoder.take_saved_bytes(),
            ..Layers::default()
        });
        loop {
            for message in messages.drain(..) {
                match message {
                    Message::Ping(payload) => pong(socket, &payload),
                    Message::Pong(_) => {}
                    message => session.on_message(socket, message).await,
                }
            }
            messages = Vec::new();
            match input {
                Input::Goes => {}
                Input::Ended => return,
                Input::Closed(code) => {
                    session.on_ending(false);
                    return Box::pin(answer_close(socket, code, deadline)).await;
                }
                Input::Violated(violation) => {
                    socket.close(violation.code, violation.why);
                    session.on_ending(true);
                    return Box::pin(finish(socket, deadline)).await;
                }
            }
            input = match socket.next(deadline.as_mut()).await {
                Next::Readable => {
                    last_read = Instant::now();
                    if std::mem::take(&mut pinged) {
                        let quiet_since = last_read.min(socket.last_write.get());
                        deadline.as_mut().reset(quiet_since + settings.ping_every);
                    }
                    read_some(socket, &mut decoder, &mut messages)
                }
                Next::Broken => return,
                Next::Closed => {
                    session.on_ending(false);
                    return Box::pin(await_close(socket, &mut decoder, deadline)).await;
                }
                Next::Deadline => {
                    let now = Instant::now();
                    // A client that only sends is pinged as well: proxies look at this direction alone.
                    let due = last_read.min(socket.last_write.get()) + settings.ping_every;
                    if pinged {
                        socket.disconnect(Disconnect::PongTimeout);
                    } else if due <= now {
                        pinged = true;
                        ping(socket);
                    }
                    let next = if pinged {
                        now + settings.pong_within
                    } else {
                        due
                    };
                    deadline.as_mut().reset(next);
                    Input::Goes
                }
            };
        }
    }
}

/// Empty: whoever lives answers, and nothing is to be compared (§5.5.2).
fn ping(socket: &Socket) {
    let mut frame = Vec::new();
    websocket::encode_frame(OpCode::Ping, b"", &mut frame);
    socket.send_control(frame);
}

/// With the ping's own payload (§5.5.3). Counted like a message: who sends pings without reading
/// would fill the queue.
fn pong(socket: &Socket, payload: &[u8]) {
    let mut frame = Vec::new();
    websocket::encode_frame(OpCode::Pong, payload, &mut frame);
    let layers = Layers {
        framing: frame.len() as u64,
        ..Layers::default()
    };
    socket.send(frame.into(), layers);
}
