//! One thread's sockets of one namespace, and the rooms they are in.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
};

use super::socket::Socket;

type ById = HashMap<Arc<str>, Rc<Socket>>;

/// Whom a broadcast reaches: members of any of `rooms` (everybody if it names none), each once,
/// but for members of any of `except`. A socket is in the room of its own id.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    pub rooms: Vec<Box<str>>,
    pub except: Vec<Box<str>>,
}

/// See the module.
#[derive(Default)]
pub struct Rooms {
    sockets: RefCell<ById>,
    rooms: RefCell<HashMap<Box<str>, ById>>,
}

impl Rooms {
    pub fn insert(&self, socket: &Rc<Socket>) {
        let mut sockets = self.sockets.borrow_mut();
        sockets.insert(socket.id.clone(), socket.clone());
    }

    pub fn remove(&self, id: &str) {
        self.sockets.borrow_mut().remove(id);
    }

    /// How many sockets there are.
    pub fn len(&self) -> usize {
        self.sockets.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.sockets.borrow().is_empty()
    }

    pub fn join(&self, room: &str, socket: &Rc<Socket>) {
        let mut rooms = self.rooms.borrow_mut();
        let members = rooms.entry(room.into()).or_default();
        members.insert(socket.id.clone(), socket.clone());
    }

    pub fn leave(&self, room: &str, id: &str) {
        let mut rooms = self.rooms.borrow_mut();
        if let Some(members) = rooms.get_mut(room) {
            members.remove(id);
            if members.is_empty() {
                rooms.remove(room);
            }
        }
    }

    /// Calls with every selected socket. What is called must not join or leave.
    pub fn each(&self, selection: &Selection, mut call: impl FnMut(&Rc<Socket>)) {
        let rooms = self.rooms.borrow();
        let excepted = |socket: &Socket| {
            selection.except.iter().any(|room| {
                let is_own = **room == *socket.id;
                is_own || rooms.get(room).is_some_and(|m| m.contains_key(&socket.id))
            })
        };
        match selection.rooms.as_slice() {
            [] => {
                let sockets = self.sockets.borrow();
                sockets.values().filter(|s| !excepted(s)).for_each(call);
            }
            [room] => {
                let members = rooms.get(room).into_iter().flat_map(HashMap::values);
                members.filter(|s| !excepted(s)).for_each(call);
            }
            several => {
                let mut seen = HashSet::new();
                let members = several.iter().filter_map(|room| rooms.get(room));
                for socket in members.flat_map(HashMap::values) {
                    if seen.insert(socket.id.clone()) && !excepted(socket) {
                        call(socket);
                    }
                }
            }
        }
    }

    /// The selected sockets, for what may join or leave.
    pub fn selected(&self, selection: &Selection) -> Vec<Rc<Socket>> {
        let mut selected = Vec::new();
        self.each(selection, |socket| selected.push(socket.clone()));
        selected
    }
}
