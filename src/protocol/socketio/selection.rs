//! Whom a broadcast is for, by rooms (Socket.IO documentation, "Rooms").

/// Whom a broadcast reaches: members of any of `rooms` (everybody if it names none), each once,
/// but for members of any of `except`. A socket is in the room of its own id.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Members of any of these; empty: everybody.
    pub rooms: Vec<Box<str>>,
    /// But not members of these.
    pub except: Vec<Box<str>>,
}

impl Selection {
    /// Whether it reaches a socket that is in these rooms, its own id among them.
    pub fn reaches(&self, rooms: &[Box<str>]) -> bool {
        let any = |wanted: &[Box<str>]| wanted.iter().any(|room| rooms.contains(room));
        (self.rooms.is_empty() || any(&self.rooms)) && !any(&self.except)
    }
}
