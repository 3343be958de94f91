//! What comes in: polls and POSTs, messages of WebSockets, and the ends of any of them.

use std::{cell::RefCell, rc::Rc};

use tokio::sync::oneshot;

use super::{Carried, Link};
use crate::{
    clock,
    codec::engine::{self, Packet},
    protocol::socketio::{
        engine::{Payload, Reason, Refused},
        worker::LocalSession,
    },
    transport::websocket::socket::Socket as WebSocket,
    wire::Layers,
};

/// How a poll is answered.
pub type PollAnswer = Result<Payload, Refused>;

/// How a POST is answered, and what its body held.
pub struct Posted {
    /// `Err(BadRequest)` for a body that is no payload.
    pub answer: Result<(), Refused>,
    /// How the body's bytes divide.
    pub layers: Layers,
    /// How many publications were in it.
    pub publications: usize,
}

impl Link {
    /// Says of the message that is being handled what it carries.
    pub fn carries(&self, payload_bytes: usize) {
        let carried = self.carried.get();
        self.carried.set(Carried {
            payload_bytes,
            ..carried
        });
    }

    /// A publication of this client's was accepted.
    pub fn publication_received(&self) {
        let mut carried = self.carried.get();
        carried.publications += 1;
        self.carried.set(carried);
    }

    /// How a message of this size divides, now that it has been handled, and how many
    /// publications it brought. The text of a packet with attachments is all envelope: its event
    /// comes only after it.
    pub fn account_for(&self, (bytes, is_binary): (usize, bool)) -> (Layers, usize) {
        let carried = self.carried.take();
        let payload = match is_binary {
            true => bytes,
            false => carried.payload_bytes.min(bytes),
        };
        let layers = Layers {
            framing: 0,
            protocol: (bytes - payload) as u64,
            lab: 0,
            payload: payload as u64,
            saved: 0,
        };
        (layers, carried.publications)
    }

    /// A GET came; `number` distinguishes it from others.
    pub fn poll(self: &Rc<Self>, number: u64, answer: oneshot::Sender<PollAnswer>) {
        self.drive(|_, _, _| {});
        if self.session.borrow().is_overdue(clock::now_us()) {
            // Its pong may lie beside it: a client sends both at once, on two connections.
            let link = self.clone();
            actix_rt::spawn(async move {
                link.worker.read_what_came().await;
                link.end_if_overdue();
                link.poll_now(number, answer);
            });
            return;
        }
        self.poll_now(number, answer);
    }

    fn poll_now(self: &Rc<Self>, number: u64, answer: oneshot::Sender<PollAnswer>) {
        let before = self.held.borrow_mut().take();
        let mut out = Vec::new();
        let result = self.session.borrow_mut().poll(clock::now_us(), &mut out);
        match result {
            Ok(()) => *self.held.borrow_mut() = Some((number, answer)),
            Err(refused) => {
                *self.held.borrow_mut() = before;
                let _ = answer.send(Err(refused));
            }
        }
        self.perform(out);
        self.reschedule();
    }

    /// The client of a GET is gone, while the GET was held or while its answer was on its way.
    /// Which of the answer it still got is not known, so the session ends.
    pub fn poll_gone(self: &Rc<Self>, number: u64) {
        let mut held = self.held.borrow_mut();
        if held.as_ref().is_some_and(|held| held.0 == number) {
            *held = None;
        }
        drop(held);
        self.fail(Reason::TransportClose);
    }

    /// A whole POST body came.
    pub fn post(self: &Rc<Self>, body: &[u8]) -> Posted {
        let mut layers = Layers::default();
        let mut publications = 0;
        let answer = self.take_in(body, |of_packet, of_its| {
            layers += of_packet;
            publications += of_its;
        });
        layers.framing = (body.len() as u64).saturating_sub(layers.total());
        Posted {
            answer,
            layers,
            publications,
        }
    }

    /// `handled` is called for each packet that was handled; see [`Self::account_for`].
    fn take_in(
        self: &Rc<Self>,
        body: &[u8],
        mut handled: impl FnMut(Layers, usize),
    ) -> Result<(), Refused> {
        self.drive(|_, _, _| {});
        self.session.borrow().may_post()?;
        for packet in engine::decode_payload(body) {
            match packet {
                Ok(packet) => {
                    let size = packet.message_size();
                    self.drive(|session, now, out| session.packet(now, packet, out));
                    let (layers, publications) = self.account_for(size);
                    handled(layers, publications);
                }
                Err(_) => {
                    self.fail(Reason::ParseError);
                    return Err(Refused::BadRequest);
                }
            }
            if !self.is_open() {
                break;
            }
        }
        Ok(())
    }

    /// A WebSocket wants to take over. False: close it.
    pub fn probe_opens(self: &Rc<Self>, socket: &Rc<WebSocket>) -> bool {
        self.drive(|_, _, _| {});
        let accepted = self.session.borrow_mut().probe_opens(clock::now_us());
        if accepted {
            *self.probe.borrow_mut() = Some(socket.clone());
            self.reschedule();
        }
        accepted
    }

    /// A message came on one of its WebSockets; `None` for what is no packet.
    pub fn on_socket_packet(self: &Rc<Self>, socket: &Rc<WebSocket>, packet: Option<Packet>) {
        if is(&self.socket, socket) {
            self.drive(|session, now, out| match packet {
                Some(packet) => session.packet(now, packet, out),
                None => session.fail(Reason::ParseError, out),
            });
        } else if is(&self.probe, socket) {
            self.drive(|session, _, out| session.probe_packet(packet, out));
        }
    }

    /// One of its WebSockets is gone.
    pub fn socket_gone(self: &Rc<Self>, socket: &Rc<WebSocket>, reason: Reason) {
        if is(&self.socket, socket) {
            self.drive(|session, _, out| session.socket_gone(reason, out));
        } else if is(&self.probe, socket) {
            *self.probe.borrow_mut() = None;
            self.drive(|session, _, _| session.probe_gone());
        }
    }
}

fn is(slot: &RefCell<Option<Rc<WebSocket>>>, socket: &Rc<WebSocket>) -> bool {
    slot.borrow()
        .as_ref()
        .is_some_and(|held| Rc::ptr_eq(held, socket))
}
