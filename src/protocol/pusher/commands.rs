//! What a client's frames ask of its connection.
//!
//! Frames are taken one after the other, each to its end, so that what a client sends back to back
//! takes effect in that order. A frame that makes no sense is answered with `pusher:error` and a
//! null code, and the connection stays (reference, 4.3).

use std::rc::Rc;

use super::connection::Connection;
use crate::codec::pusher::{
    command::{self, Command},
    event,
};

/// Acts on a frame; answers how many of its bytes are the application's data.
pub async fn act_on(connection: &Rc<Connection>, frame: &str) -> usize {
    match command::decode(frame) {
        Ok(Command::Ping) => connection.send(event::pong),
        Ok(Command::Pong) => {}
        Ok(Command::Subscribe(asked)) => connection.subscribe(asked).await,
        Ok(Command::Unsubscribe { channel }) => connection.unsubscribe(&channel).await,
        Ok(Command::SignIn(asked)) => connection.sign_in(asked).await,
        Ok(Command::Position(asked)) => connection.keep_position(asked),
        Ok(Command::ClientEvent(event)) => {
            let bytes = event.data.get().len();
            connection.relay(event).await;
            return bytes;
        }
        Err(bad) => connection.error(None, &bad.to_string()),
    }
    0
}
