//! Choosing sockets and doing something with all of them (Socket.IO documentation, "Broadcasting
//! events", "Server instance").
//!
//! Operators give new values, so a choice can be kept and used again. An event is encoded once;
//! every thread sends the same bytes to its own sockets, this one at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;

use super::{
    event_unit,
    io::Io,
    rooms::Rooms,
    selection::Selection,
    socket::{Socket, SocketInfo},
};
use crate::{
    clock,
    codec::socketio::{Args, MAIN},
};

/// Sockets of a namespace.
#[derive(Clone)]
pub struct Broadcast {
    io: Io,
    namespace: Arc<str>,
    selection: Selection,
    volatile: bool,
    transient: bool,
}

impl Io {
    /// Emits to all of the main namespace.
    pub fn emit(&self, event: &str, args: impl Into<Args>) {
        self.of(MAIN).emit(event, args);
    }

    /// All sockets of a namespace, to choose from.
    pub fn of(&self, namespace: &str) -> Broadcast {
        Broadcast::new(self.clone(), namespace.into())
    }
}

impl Socket {
    /// All of the namespace but this one.
    pub fn broadcast(&self) -> Broadcast {
        self.io().of(&self.namespace).except(&self.id)
    }

    /// Members of a room but this one.
    pub fn to(&self, room: &str) -> Broadcast {
        self.broadcast().to(room)
    }
}

/// What came of a broadcast with acknowledgements.
#[derive(Debug, Default)]
pub struct Answers {
    /// Arguments of each answer, in the order in which they came.
    pub answers: Vec<Args>,
    /// Receivers that did not answer in time, or left.
    pub missing: usize,
}

impl Broadcast {
    fn new(io: Io, namespace: Arc<str>) -> Self {
        Self {
            io,
            namespace,
            selection: Selection::default(),
            volatile: false,
            transient: false,
        }
    }

    /// Members of this room too. The socket whose id it is, if it is an id.
    pub fn to(mut self, room: &str) -> Self {
        self.selection.rooms.push(room.into());
        self
    }

    /// The same as [`Self::to`].
    pub fn in_room(self, room: &str) -> Self {
        self.to(room)
    }

    /// But no members of this room.
    pub fn except(mut self, room: &str) -> Self {
        self.selection.except.push(room.into());
        self
    }

    /// Not those that cannot take it right now.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Not kept for recovery.
    pub(super) fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// Sends an event to those selected, encoded once.
    pub fn emit(&self, event: &str, args: impl Into<Args>) {
        let args = args.into();
        if let Some(recovery) = self.io.recovery()
            && !(self.volatile || self.transient)
        {
            return recovery.store(
                clock::now_us(),
                &self.namespace,
                &self.selection,
                |offset| event_unit::event(&self.namespace, None, event, &args, Some(offset)),
                |unit, number| {
                    self.on_every_thread(move |rooms, selection| {
                        rooms.each(selection, |socket| socket.send_numbered(&unit, number));
                    });
                },
            );
        }
        let Some(unit) = event_unit::event(&self.namespace, None, event, &args, None) else {
            return;
        };
        let volatile = self.volatile;
        self.on_every_thread(move |rooms, selection| {
            rooms.each(selection, |socket| socket.send_event(&unit, volatile));
        });
    }

    /// Emits and waits until every receiver has answered, or for `timeout`.
    pub async fn emit_with_ack(
        &self,
        event: &str,
        args: impl Into<Args>,
        timeout: Duration,
    ) -> Answers {
        let id = self.io.next_ack();
        let Some(unit) = event_unit::event(&self.namespace, Some(id), event, &args.into(), None)
        else {
            return Answers::default();
        };
        let receivers = Arc::new(AtomicUsize::new(0));
        let (to_us, mut from_sockets) = mpsc::unbounded_channel();
        let counted = receivers.clone();
        // Every copy of the sender is with somebody who may still answer; when the last is gone
        // all is said.
        self.on_every_thread(move |rooms, selection| {
            rooms.each(selection, |socket| {
                counted.fetch_add(1, Ordering::Relaxed);
                let to_us = to_us.clone();
                socket.await_ack(id, move |args| drop(to_us.send(args)));
                socket.send_event(&unit, false);
            });
        });
        let mut answers = Vec::new();
        let all = async {
            while let Some(args) = from_sockets.recv().await {
                answers.push(args);
            }
        };
        if tokio::time::timeout(timeout, all).await.is_err() {
            self.on_every_thread(move |rooms, selection| {
                rooms.each(selection, |socket| socket.forget_ack(id));
            });
        }
        let missing = receivers.load(Ordering::Relaxed) - answers.len();
        Answers { answers, missing }
    }

    /// Makes them members of a room.
    pub fn sockets_join(&self, room: &str) {
        let room: Arc<str> = room.into();
        self.on_every_thread(move |rooms, selection| {
            rooms.selected(selection).iter().for_each(|s| s.join(&room));
        });
    }

    /// Takes those selected out of a room.
    pub fn sockets_leave(&self, room: &str) {
        let room: Arc<str> = room.into();
        self.on_every_thread(move |rooms, selection| {
            rooms
                .selected(selection)
                .iter()
                .for_each(|s| s.leave(&room));
        });
    }

    /// Disconnects them; with `close` their whole connections.
    pub fn disconnect_sockets(&self, close: bool) {
        self.on_every_thread(move |rooms, selection| {
            let selected = rooms.selected(selection);
            selected.iter().for_each(|socket| socket.disconnect(close));
        });
    }

    /// Who they are.
    pub async fn fetch_sockets(&self) -> Vec<SocketInfo> {
        let (to_us, mut from_threads) = mpsc::unbounded_channel();
        self.on_every_thread(move |rooms, selection| {
            rooms.each(selection, |socket| drop(to_us.send(socket.info())));
        });
        let mut found = Vec::new();
        while let Some(info) = from_threads.recv().await {
            found.push(info);
        }
        found
    }

    fn on_every_thread(&self, act: impl Fn(&Rooms<Socket>, &Selection) + Clone + Send + 'static) {
        let Self {
            io,
            namespace,
            selection,
            ..
        } = self.clone();
        let engine = io.engine().clone();
        engine.everywhere(move |_| {
            if let Some(rooms) = io.rooms(&namespace) {
                act(&rooms, &selection);
            }
        });
    }
}
