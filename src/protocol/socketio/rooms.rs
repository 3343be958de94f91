//! One thread's sockets of one namespace, and the rooms they are in, by the sockets' ids. What a
//! socket is does not matter here.
//!
//! A socket is in the room of its own id from the start, which nobody else is in mostly. For that
//! no room is made; who has left it is noted instead.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
};

use super::selection::Selection;

type ById<S> = HashMap<Arc<str>, Rc<S>>;

/// See the module.
pub struct Rooms<S> {
    sockets: RefCell<ById<S>>,
    /// Without sockets in the rooms of their own ids.
    rooms: RefCell<HashMap<Box<str>, ById<S>>>,
    /// Those that have left the rooms of their own ids.
    out_of_own: RefCell<HashSet<Arc<str>>>,
}

impl<S> Default for Rooms<S> {
    fn default() -> Self {
        Self {
            sockets: RefCell::default(),
            rooms: RefCell::default(),
            out_of_own: RefCell::default(),
        }
    }
}

impl<S> Rooms<S> {
    /// Notes a socket; it is in the room of its own id.
    pub fn insert(&self, id: &Arc<str>, socket: &Rc<S>) {
        let mut sockets = self.sockets.borrow_mut();
        sockets.insert(id.clone(), socket.clone());
    }

    /// Forgets a socket, and takes it out of its rooms.
    pub fn remove(&self, id: &str) {
        self.sockets.borrow_mut().remove(id);
        self.out_of_own.borrow_mut().remove(id);
    }

    /// How many sockets there are.
    pub fn len(&self) -> usize {
        self.sockets.borrow().len()
    }

    /// Whether there is no socket.
    pub fn is_empty(&self) -> bool {
        self.sockets.borrow().is_empty()
    }

    /// Puts a socket into a room.
    pub fn join(&self, room: &str, id: &Arc<str>, socket: &Rc<S>) {
        if *room == **id {
            self.out_of_own.borrow_mut().remove(id);
            return;
        }
        let mut rooms = self.rooms.borrow_mut();
        let members = rooms.entry(room.into()).or_default();
        members.insert(id.clone(), socket.clone());
    }

    /// Takes a socket out of a room.
    pub fn leave(&self, room: &str, id: &Arc<str>) {
        if *room == **id {
            self.out_of_own.borrow_mut().insert(id.clone());
            return;
        }
        let mut rooms = self.rooms.borrow_mut();
        if let Some(members) = rooms.get_mut(room) {
            members.remove(&**id);
            if members.is_empty() {
                rooms.remove(room);
            }
        }
    }

    /// Calls with every selected socket. What is called must not join or leave.
    pub fn each(&self, selection: &Selection, mut call: impl FnMut(&Rc<S>)) {
        let rooms = self.rooms.borrow();
        let sockets = self.sockets.borrow();
        let out_of_own = self.out_of_own.borrow();
        let members = |room: &str| {
            let own = sockets.get_key_value(room);
            let own = own.filter(|(id, _)| !out_of_own.contains(*id));
            own.into_iter().chain(rooms.get(room).into_iter().flatten())
        };
        let is_reached = |id: &str| {
            !selection.except.iter().any(|room| {
                let is_own = **room == *id;
                is_own || rooms.get(room).is_some_and(|m| m.contains_key(id))
            })
        };
        let mut call_if_reached = |(id, socket): (&Arc<str>, &Rc<S>)| {
            if is_reached(id) {
                call(socket);
            }
        };
        match selection.rooms.as_slice() {
            [] => sockets.iter().for_each(call_if_reached),
            [room] => members(room).for_each(call_if_reached),
            several => {
                let mut seen = HashSet::new();
                for (id, socket) in several.iter().flat_map(|room| members(room)) {
                    if seen.insert(id.clone()) {
                        call_if_reached((id, socket));
                    }
                }
            }
        }
    }

    /// The selected sockets, for what may join or leave.
    pub fn selected(&self, selection: &Selection) -> Vec<Rc<S>> {
        let mut selected = Vec::new();
        self.each(selection, |socket| selected.push(socket.clone()));
        selected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(rooms: &Rooms<u8>, selected: &[&str]) -> Vec<u8> {
        let selection = Selection {
            rooms: selected.iter().map(|&room| room.into()).collect(),
            ..Selection::default()
        };
        let mut all = Vec::new();
        rooms.each(&selection, |socket| all.push(**socket));
        all.sort_unstable();
        all
    }

    #[test]
    fn a_socket_is_in_the_room_of_its_own_id_until_it_leaves_it() {
        let rooms = Rooms::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        rooms.insert(&a, &Rc::new(1));
        let second = Rc::new(2);
        rooms.insert(&b, &second);
        assert_eq!(reached(&rooms, &["a"]), [1]);
        assert_eq!(reached(&rooms, &["a", "b", "c"]), [1, 2]);
        rooms.leave("b", &b);
        assert_eq!(reached(&rooms, &["b"]), [] as [u8; 0]);
        assert_eq!(reached(&rooms, &[]), [1, 2], "it is still there");
        // Another one's own room is a room like any other.
        rooms.join("a", &b, &second);
        assert_eq!(reached(&rooms, &["a"]), [1, 2]);
        rooms.join("b", &b, &second);
        assert_eq!(reached(&rooms, &["b"]), [2]);
        rooms.leave("b", &b);
        rooms.remove("b");
        rooms.insert(&b, &second);
        assert_eq!(reached(&rooms, &["b"]), [2], "who comes anew has not left");
    }
}
