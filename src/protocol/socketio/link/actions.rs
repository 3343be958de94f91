//! Passing events to the machine, and doing what comes out of it.

use std::rc::Rc;

use super::Link;
use crate::{
    clock,
    hub::queue::Kind,
    protocol::socketio::{
        engine::{Action, Session},
        unit::Unit,
    },
    transport::websocket::socket::{Contents, Socket as WebSocket},
};

impl Link {
    /// Lets time pass, passes an event in, and does what comes out.
    pub(super) fn drive(self: &Rc<Self>, event: impl FnOnce(&mut Session, u64, &mut Vec<Action>)) {
        let mut out = Vec::new();
        {
            let mut session = self.session.borrow_mut();
            let now = clock::now_us();
            session.tick(now, &mut out);
            event(&mut session, now, &mut out);
        }
        self.perform(out);
        self.reschedule();
    }

    pub(super) fn perform(self: &Rc<Self>, actions: Vec<Action>) {
        let mut has_upgraded = false;
        for action in actions {
            match action {
                Action::Answer(payload) => {
                    let held = self.held.borrow_mut().take();
                    if let Some((_, answer)) = held
                        && let Err(Ok(unheard)) = answer.send(Ok(payload))
                    {
                        self.dropped(unheard.publications);
                    }
                    self.has_written();
                }
                Action::Dropped(publications) => self.dropped(publications),
                Action::Message(data) => {
                    self.worker.count_in(&data);
                    let handler = self.handler.borrow().clone();
                    if let Some(handler) = handler
                        && self.is_open()
                    {
                        handler.on_message(self, data);
                    }
                }
                Action::Send(unit, kind) => {
                    let socket = self.socket.borrow().clone();
                    if let Some(socket) = socket {
                        self.write(&socket, &unit, kind);
                    }
                }
                Action::AnswerProbe => {
                    let probe = self.probe.borrow().clone();
                    if let Some(probe) = probe {
                        self.write(&probe, &Unit::engine("3probe"), Kind::Message);
                    }
                }
                Action::Upgraded => {
                    *self.socket.borrow_mut() = self.probe.borrow_mut().take();
                    has_upgraded = true;
                }
                Action::DropProbe => {
                    if let Some(probe) = self.probe.borrow_mut().take() {
                        probe.close_without_code();
                    }
                }
                Action::CloseSocket => {
                    if let Some(socket) = self.socket.borrow_mut().take() {
                        socket.close_without_code();
                    }
                }
                Action::Closed(reason) => {
                    self.worker.engine.endings.count(reason);
                    self.session_permit.take();
                    let handler = self.handler.borrow_mut().take();
                    if let Some(handler) = handler {
                        handler.on_close(self, reason);
                    }
                    // The node's lists may be in use by whom we were called: let go later.
                    if let Some(connected) = self.connected.borrow_mut().take() {
                        actix_rt::spawn(async move { drop(connected) });
                    }
                }
                Action::Forget => {
                    self.worker.schedule(self, None);
                    self.worker.remove(self);
                }
            }
        }
        if has_upgraded {
            self.session_permit.take();
        }
        let handler = self.handler.borrow().clone();
        if let (true, Some(handler)) = (has_upgraded, handler) {
            handler.on_upgrade();
        }
    }

    fn dropped(&self, publications: usize) {
        if let Some(labels) = &self.request.labels
            && publications > 0
        {
            self.request.meters.dropped(labels, publications);
        }
    }

    /// Writes a unit's packets to a WebSocket, or queues them.
    pub fn write(&self, socket: &WebSocket, unit: &Unit, kind: Kind) {
        let binary_as_text = self.request.binary_as_text;
        let is_shared = socket.shares_deflated();
        let (frames, layers) = match is_shared {
            true => unit.deflated_frames(binary_as_text).clone(),
            false => {
                let frames = unit.frames(binary_as_text);
                (frames.clone(), unit.layers(frames.len()))
            }
        };
        let contents = Contents {
            layers,
            publications: unit.publications,
            live_since_us: unit.stamps.iter().copied(),
        };
        match is_shared {
            true => socket.send_as_they_are(frames, contents, kind),
            false => socket.send_publications(frames, contents, kind),
        }
    }

    pub(super) fn reschedule(&self) {
        let session = self.session.borrow().deadline();
        let handler = self
            .handler
            .borrow()
            .as_ref()
            .and_then(|handler| handler.deadline());
        let next = [session, handler].into_iter().flatten().min();
        self.worker.schedule(self, next);
    }
}
