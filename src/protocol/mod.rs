//! What bytes mean, where that is more than the plain envelope.
//!
//! - [`socketio`] is Engine.IO 4 and Socket.IO 5, and a small server library on them

pub mod socketio;
