//! Why sessions end.

/// Why a session ended; `as_str` is what Socket.IO's handlers get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    TransportClose,
    TransportError,
    PingTimeout,
    ParseError,
    ForcedClose,
    ForcedServerClose,
    ServerShuttingDown,
    ClientNamespaceDisconnect,
    ServerNamespaceDisconnect,
    /// Not in the Node server, which queues without limit.
    SlowConsumer,
}

impl Reason {
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
