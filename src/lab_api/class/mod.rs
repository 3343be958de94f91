//! Class mode on the main lane: what phones, the wall and the presenter ask.

pub mod live;
mod room;

pub use room::ClassRoom;
