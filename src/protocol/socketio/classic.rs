//! The example that every introduction to Socket.IO begins with, on this library: who sends a
//! message sends it to everybody. Served on the main namespace; the lab's own is
//! [`bridge`](super::bridge).
//!
//! ```js
//! io.on("connection", (socket) => {
//!   socket.on("send-message", (message) => {
//!     io.emit("new-message", message);
//!   });
//! });
//! ```

use super::io::Namespaces;

/// The main namespace with the article's chat.
pub fn register(io: &mut Namespaces) {
    io.of("/").on_connect(|socket| {
        socket.on("send-message", |event| {
            let io = event.socket.io();
            io.emit("new-message", event.args);
        });
    });
}
