//! Why sessions end.

/// Why a session ended; `as_str` is what Socket.IO's handlers get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The connection ended without a close packet.
    TransportClose,
    /// The connection failed.
    TransportError,
    /// No pong came in time.
    PingTimeout,
    /// The client sent what is no packet.
    ParseError,
    /// The client sent a close packet.
    ForcedClose,
    /// The server ended it.
    ForcedServerClose,
    /// The server stops.
    ServerShuttingDown,
    /// The client left the namespace.
    ClientNamespaceDisconnect,
    /// The server put the client out of the namespace.
    ServerNamespaceDisconnect,
    /// Not in the Node server, which queues without limit.
    SlowConsumer,
}

impl Reason {
    /// All of them, in the order of counters.
    pub const ALL: [Self; 10] = [
        Self::TransportClose,
        Self::TransportError,
        Self::PingTimeout,
        Self::ParseError,
        Self::ForcedClose,
        Self::ForcedServerClose,
        Self::ServerShuttingDown,
        Self::ClientNamespaceDisconnect,
        Self::ServerNamespaceDisconnect,
        Self::SlowConsumer,
    ];

    /// Whether a session that ends like this may be recovered: not if either side meant it.
    pub fn may_come_back(self) -> bool {
        !matches!(
            self,
            Self::ClientNamespaceDisconnect | Self::ServerNamespaceDisconnect | Self::ParseError
        )
    }

    /// The word of socket.io's documentation, "disconnect".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
            Self::ForcedServerClose => "forced server close",
            Self::ServerShuttingDown => "server shutting down",
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::SlowConsumer => "slow consumer",
        }
    }
}
