//! The handshake of TLS on an accepted connection.

use std::{io, sync::Arc};

use rustls::ServerConfig;

use crate::{lane::stream::LaneStream, transport::websocket::handshake};

/// Does the handshake of TLS. Who speaks plain HTTP is told, in plain HTTP, what to do instead.
pub async fn secure(stream: LaneStream, config: Arc<ServerConfig>) -> io::Result<LaneStream> {
    if stream.begins_with_handshake().await? {
        return stream.secure(config).await;
    }
    let answer = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
                  Content-Length: 55\r\n\r\n\
                  This port speaks TLS: ask again with https:// or wss://";
    handshake::answer_and_end(&stream, answer.as_bytes()).await;
    Err(io::ErrorKind::InvalidData.into())
}
