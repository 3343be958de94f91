//! Socket.IO on one Engine.IO session: its packets, its namespaces, and packets out of place
//! (Socket.IO protocol v5, "Connection to a namespace", "Disconnection from a namespace").

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use serde_json::value::RawValue;

use super::{
    engine::{EngineSettings, Reason},
    io::{Candidate, Denied, Io, IoSettings, Namespace, Namespaces},
    link::{Link, SessionHandler},
    recovery::LiveSession,
    socket::Socket,
    unit::Unit,
};
use crate::{
    clock,
    codec::{
        engine::Data,
        envelope::BadMessage,
        socketio::{self, Assembler, Body, Packet},
    },
};

/// Makes a server whose sessions speak Socket.IO.
pub fn serve(settings: IoSettings, engine: EngineSettings, namespaces: Namespaces) -> Io {
    Io::new(settings, engine, namespaces, |io| Rc::new(Client::new(io)))
}

struct Client {
    io: Option<Io>,
    assembler: RefCell<Assembler>,
    /// Sorted by their namespaces.
    sockets: RefCell<Vec<Rc<Socket>>>,
    /// When the session is closed unless it has joined a namespace; `None` from the first join on.
    join_by: Cell<Option<u64>>,
}

impl Client {
    fn new(io: Option<Io>) -> Self {
        let settings = io
            .as_ref()
            .map_or_else(IoSettings::default, |io| *io.settings());
        let join_by = clock::now_us() + settings.connect_timeout.as_micros() as u64;
        Self {
            io,
            assembler: RefCell::new(Assembler::new(settings.limits)),
            sockets: RefCell::default(),
            join_by: Cell::new(Some(join_by)),
        }
    }

    /// Where the socket of a namespace is, or would be.
    fn place_of(&self, namespace: &str) -> Result<usize, usize> {
        let sockets = self.sockets.borrow();
        sockets.binary_search_by(|socket| (*socket.namespace).cmp(namespace))
    }

    fn socket(&self, namespace: &str) -> Option<Rc<Socket>> {
        let at = self.place_of(namespace).ok()?;
        Some(self.sockets.borrow()[at].clone())
    }

    fn keep(&self, socket: &Rc<Socket>) {
        match self.place_of(&socket.namespace) {
            Ok(at) => self.sockets.borrow_mut()[at] = socket.clone(),
            Err(at) => self.sockets.borrow_mut().insert(at, socket.clone()),
        }
    }

    fn forget(&self, namespace: &str) {
        if let Ok(at) = self.place_of(namespace) {
            self.sockets.borrow_mut().remove(at);
        }
    }

    /// `Err`: it is out of place, and the connection is closed.
    fn packet(&self, link: &Rc<Link>, packet: Packet) -> Result<(), Misplaced> {
        let Packet { namespace, body } = packet;
        let socket = self.socket(&namespace);
        let socket = socket.filter(|socket| socket.is_connected());
        match (socket, body) {
            (None, Body::Connect(auth)) => self.connect(link, &namespace, auth),
            (Some(socket), Body::Event { name, id, args }) => socket.received(&name, id, args),
            (Some(socket), Body::Ack(Some((id, args)))) => socket.acknowledged(id, args),
            (Some(_), Body::Ack(None)) => {}
            (Some(socket), Body::TooDeep(id)) => socket.refuse(id, BadMessage::TooDeep.into()),
            (Some(socket), Body::Disconnect) => {
                self.forget(&namespace);
                socket.closed(Reason::ClientNamespaceDisconnect);
            }
            (Some(_), Body::Connect(_)) | (None, _) => return Err(Misplaced),
        }
        Ok(())
    }

    fn connect(&self, link: &Rc<Link>, namespace: &str, auth: Option<Box<RawValue>>) {
        let Some(io) = &self.io else { return };
        let auth = auth.unwrap_or_else(|| {
            RawValue::from_string("{}".to_owned()).expect("an empty object is JSON")
        });
        if let Some(recovery) = io.recovery()
            && let Ok(Token { pid, offset }) = serde_json::from_str::<Token>(auth.get())
        {
            if let Some(live) = recovery.take_live(&pid, &link.sid) {
                return replace(io, live, link, namespace, &auth);
            }
            let restored = recovery.restore(clock::now_us(), namespace, &pid, &offset, |back| {
                Socket::join_again(io, back, &pid, auth.clone(), link)
            });
            if let (Some(socket), Some(found)) = (restored, io.namespace(namespace)) {
                return self.joined(link, &socket, found);
            }
        }
        let candidate = Candidate {
            namespace,
            auth: &auth,
            query: &link.request.query,
            address: link.request.address,
        };
        let admitted = match io.namespace(namespace) {
            Some(found) => found.decide(&candidate).map(|()| found),
            None => Err(Denied {
                message: "Invalid namespace".to_owned(),
                data: None,
            }),
        };
        let mut packet = vec![b'4'];
        match admitted {
            Err(Denied { message, data }) => {
                socketio::encode_connect_error(namespace, &message, data.as_ref(), &mut packet);
                link.send(&Unit::text(packet));
            }
            Ok(found) => {
                let socket = Socket::join_namespace(io, namespace, auth, link);
                self.joined(link, &socket, found);
            }
        }
    }

    /// Answers the client's connect, then calls the namespace's handler.
    fn joined(&self, link: &Rc<Link>, socket: &Rc<Socket>, found: &Namespace) {
        self.join_by.set(None);
        self.keep(socket);
        let pid = socket.pid();
        if let (Some(recovery), Some(pid)) = (socket.io().recovery(), pid) {
            let live = LiveSession {
                worker: link.worker.index,
                link: link.sid.clone(),
            };
            recovery.joined(pid, live);
        }
        let mut packet = vec![b'4'];
        let pid = pid.map(|pid| &**pid);
        socketio::encode_connect(&socket.namespace, &socket.id, pid, &mut packet);
        link.send(&Unit::text(packet));
        if let Some(observer) = socket.io().observer() {
            observer.connected(socket);
        }
        found.connected(socket);
    }
}

/// What a client that comes back sends.
#[derive(serde::Deserialize)]
struct Token {
    pid: String,
    offset: String,
}

/// The old connection of a client that comes back is still there, half open as after a change of
/// network: it is ended on its own thread, and then the connect is handled again.
fn replace(io: &Io, old: LiveSession, link: &Rc<Link>, namespace: &str, auth: &RawValue) {
    let again = format!("0{namespace},{auth}");
    let (worker, sid) = (link.worker.index, link.sid.clone());
    let engine = io.engine().clone();
    io.engine().on(old.worker, move |there| {
        if let Some(old) = there.link(&old.link) {
            old.fail(Reason::TransportError);
        }
        engine.on(worker, move |here| {
            if let Some(link) = here.link(&sid) {
                link.receive_again(Data::Text(again));
            }
        });
    });
}

/// A well-formed packet where none such may come.
struct Misplaced;

impl SessionHandler for Client {
    fn on_message(&self, link: &Rc<Link>, data: Data) {
        let packet = match data {
            Data::Text(text) => self.assembler.borrow_mut().text(&text),
            Data::Binary(bytes) => self.assembler.borrow_mut().binary(bytes),
        };
        let is_good = match packet {
            Ok(None) => true,
            Ok(Some(packet)) => self.packet(link, packet).is_ok(),
            Err(_) => false,
        };
        if !is_good {
            link.close(Reason::ForcedClose);
        }
    }

    fn on_close(&self, _link: &Rc<Link>, reason: Reason) {
        for socket in self.sockets.take() {
            socket.closed(reason);
        }
    }

    fn say_goodbye(&self, link: &Rc<Link>) {
        for socket in &*self.sockets.borrow() {
            if socket.is_connected() {
                let mut packet = vec![b'4'];
                socketio::encode_disconnect(&socket.namespace, &mut packet);
                link.send(&Unit::text(packet));
            }
        }
    }

    fn on_upgrade(&self) {
        let observer = self.io.as_ref().and_then(Io::observer);
        let sockets = self.sockets.borrow().clone();
        for socket in sockets {
            if let Some(observer) = observer {
                observer.upgraded(&socket);
            }
            socket.upgraded();
        }
    }

    fn deadline(&self) -> Option<u64> {
        self.join_by.get()
    }

    fn on_deadline(&self, link: &Rc<Link>, _now: u64) {
        self.join_by.set(None);
        link.close(Reason::ForcedClose);
    }
}
