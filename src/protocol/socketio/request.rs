//! What Engine.IO requests ask for, and the errors they are answered with (Engine.IO protocol v4,
//! "Handshake"). Pure: the checks in the order of the Node server, for requests of every kind
//! (docs/protocols/socketio.md, "Handshake").

use super::engine::Refused;

/// An error as clients get it: `{"code":N,"message":"TEXT","hint":"TEXT"}` with its status. Codes
/// and messages of the first six are the Node server's, which clients show; where that one
/// answers with a status only, the code here is 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineError {
    /// 0: this endpoint does not serve the transport.
    TransportUnknown,
    /// 1: no session has this id.
    UnknownSession,
    /// 2: a handshake that is no GET.
    BadHandshakeMethod,
    /// 3: the request does not fit the session.
    BadRequest,
    /// The page's origin may not use this server.
    Forbidden,
    /// 5: `EIO` is another than 4.
    UnsupportedVersion,
    /// Two polls, or two POSTs, of a session at once.
    Overlap,
    /// A POST of bytes: version 4 sends text, with attachments in base64.
    BinaryBody,
    /// The body did not come whole.
    BrokenBody,
    /// The body is over `maxPayload`.
    TooLarge,
    /// The body came too slowly.
    TooSlow,
    /// The server has as many sessions as it may have.
    TooManySessions,
    /// This address has as many sessions as one may have.
    TooManyOfAddress,
    /// The server stops.
    ShuttingDown,
}

impl EngineError {
    /// Of HTTP.
    pub fn status(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            Self::TooSlow => 408,
            Self::TooLarge => 413,
            Self::TooManyOfAddress => 429,
            Self::TooManySessions | Self::ShuttingDown => 503,
            _ => 400,
        }
    }

    /// The number in the body.
    pub fn code(self) -> u8 {
        match self {
            Self::TransportUnknown => 0,
            Self::UnknownSession => 1,
            Self::BadHandshakeMethod => 2,
            Self::BadRequest
            | Self::Overlap
            | Self::BinaryBody
            | Self::BrokenBody
            | Self::TooLarge
            | Self::TooSlow
            | Self::TooManySessions
            | Self::TooManyOfAddress
            | Self::ShuttingDown => 3,
            Self::Forbidden => 4,
            Self::UnsupportedVersion => 5,
        }
    }

    /// The words in the body.
    pub fn message(self) -> &'static str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::UnknownSession => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => {
                "Forbidden: list the page's origin with --origins (PUSHLAB_ORIGINS, origins in the settings file)"
            }
            Self::UnsupportedVersion => "Unsupported protocol version",
            Self::Overlap => "Another request of this session is under way",
            Self::BinaryBody => "The body is binary",
            Self::BrokenBody => "The body broke off",
            Self::TooLarge => "The body is too large",
            Self::TooSlow => "The body came too slowly",
            Self::TooManySessions => "There are as many sessions as there is room for",
            Self::TooManyOfAddress => {
                "This address has as many polling sessions open as one may have"
            }
            Self::ShuttingDown => "The server is shutting down",
        }
    }

    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::TransportUnknown => {
                "Ask with transport=polling or transport=websocket; a lane of one transport serves that one only"
            }
            Self::UnknownSession => "Begin a new session: ask without sid",
            Self::BadHandshakeMethod => "Begin a session with GET",
            Self::BadRequest => {
                "Use GET for polls and upgrades and POST for packets, with transport and EIO=4 as in the handshake"
            }
            Self::Forbidden => "Or serve the page from http://localhost",
            Self::UnsupportedVersion => {
                "Use a client of Socket.IO 3 or 4: this server speaks EIO=4"
            }
            Self::Overlap => {
                "Begin a new session, and wait for each answer before the next request"
            }
            Self::BinaryBody => "Send text/plain; binary packets are the letter b and base64",
            Self::BrokenBody => "Begin a new session and send the body whole",
            Self::TooLarge => {
                "Send packets in several requests, each within the handshake's maxPayload (socketio_max_payload)"
            }
            Self::TooSlow => "Send the body at once; body_timeout and min_rate set the pace",
            Self::TooManySessions => "Try again in some seconds, or use transport=websocket",
            Self::TooManyOfAddress => {
                "Disconnect sessions that are not needed, use transport=websocket, or raise max_connections_per_address"
            }
            Self::ShuttingDown => "Reconnect with back-off",
        }
    }

    /// The body: JSON.
    pub fn body(self) -> String {
        let (code, message, hint) = (self.code(), self.message(), self.hint());
        format!(r#"{{"code":{code},"message":"{message}","hint":"{hint}"}}"#)
    }
}

impl From<Refused> for EngineError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::UnknownSession => Self::UnknownSession,
            Refused::BadRequest => Self::BadRequest,
            Refused::Overlap => Self::Overlap,
        }
    }
}

/// How a session's packets travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// GETs that are held, and POSTs.
    Polling,
    /// A WebSocket.
    WebSocket,
}

/// Which transports an endpoint serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enabled {
    /// Polling.
    pub polling: bool,
    /// WebSocket.
    pub websocket: bool,
}

/// The query of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    transport: Option<&'a str>,
    version: Option<&'a str>,
    /// An empty one counts as absent.
    pub sid: Option<&'a str>,
    /// `b64=1`: a client that takes no binary.
    pub binary_as_text: bool,
}

/// How a request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// A new session.
    Handshake(Transport),
    /// Of a session, if it is known.
    Poll(&'a str),
    /// Packets for this session.
    Post(&'a str),
    /// This session moves to WebSocket.
    Upgrade(&'a str),
}

impl<'a> Query<'a> {
    /// Reads a query string, without its `?`.
    pub fn parse(query: &'a str) -> Self {
        let get = |wanted: &str| {
            let mut pairs = query
                .split('&')
                .map(|p| p.split_once('=').unwrap_or((p, "")));
            pairs
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| value)
        };
        Self {
            transport: get("transport"),
            version: get("EIO"),
            sid: get("sid").filter(|sid| !sid.is_empty()),
            binary_as_text: get("b64").is_some_and(|b64| !b64.is_empty()),
        }
    }

    /// Checks a request. `is_known`: whether a session exists.
    pub fn check(
        self,
        method: &str,
        is_upgrade: bool,
        origin: Option<&[u8]>,
        enabled: Enabled,
        is_known: impl FnOnce(&str) -> bool,
    ) -> Result<Wanted<'a>, EngineError> {
        let transport = match self.transport {
            Some("polling") if enabled.polling => Transport::Polling,
            Some("websocket") if enabled.websocket => Transport::WebSocket,
            _ => return Err(EngineError::TransportUnknown),
        };
        let is_clean = |origin: &[u8]| origin.iter().all(|b| (0x20..0x7F).contains(b));
        if !origin.is_none_or(is_clean) {
            return Err(EngineError::BadRequest);
        }
        let is_version_4 = self.version == Some("4");
        let by_upgrade = transport == Transport::WebSocket;
        let Some(sid) = self.sid else {
            if method != "GET" {
                return Err(EngineError::BadHandshakeMethod);
            }
            if by_upgrade != is_upgrade {
                return Err(EngineError::BadRequest);
            }
            if !is_version_4 {
                return Err(EngineError::UnsupportedVersion);
            }
            return Ok(Wanted::Handshake(transport));
        };
        if !is_known(sid) {
            return Err(EngineError::UnknownSession);
        }
        match method {
            _ if !is_version_4 || by_upgrade != is_upgrade => Err(EngineError::BadRequest),
            "GET" if by_upgrade => Ok(Wanted::Upgrade(sid)),
            "GET" => Ok(Wanted::Poll(sid)),
            "POST" if !by_upgrade => Ok(Wanted::Post(sid)),
            _ => Err(EngineError::BadRequest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Enabled = Enabled {
        polling: true,
        websocket: true,
    };

    fn check(method: &str, query: &str) -> Result<String, u8> {
        Query::parse(query)
            .check(method, false, None, BOTH, |sid| sid == "known")
            .map(|wanted| format!("{wanted:?}"))
            .map_err(EngineError::code)
    }

    #[test]
    fn the_references_table_of_errors() {
        for (method, query, code) in [
            ("GET", "", 0),
            ("GET", "foo=1", 0),
            ("GET", "EIO=4", 0),
            ("GET", "EIO=4&transport=abc", 0),
            ("GET", "EIO=4&transport=webtransport", 0),
            ("GET", "transport=polling", 5),
            ("GET", "EIO=3&transport=polling", 5),
            ("GET", "EIO=5&transport=polling", 5),
            ("GET", "EIO=abc&transport=polling", 5),
            ("GET", "EIO=4&transport=websocket", 3),
            ("POST", "EIO=4&transport=polling", 2),
            ("PUT", "EIO=4&transport=polling", 2),
            ("OPTIONS", "EIO=4&transport=polling", 2),
            ("GET", "EIO=4&transport=polling&sid=unknown", 1),
            ("POST", "EIO=4&transport=polling&sid=unknown", 1),
            ("PUT", "EIO=4&transport=polling&sid=known", 3),
            ("GET", "EIO=4&transport=websocket&sid=known", 3),
            ("GET", "transport=polling&sid=known", 3),
        ] {
            assert_eq!(check(method, query), Err(code), "{method} {query}");
        }
    }

    #[test]
    fn good_requests_are_understood() {
        let query = |rest: &str| format!("t=abc&EIO=4&transport=polling{rest}");
        assert_eq!(check("GET", &query("&sid=")).unwrap(), "Handshake(Polling)");
        assert_eq!(
            check("GET", &query("&sid=known")).unwrap(),
            "Poll(\"known\")"
        );
        assert_eq!(
            check("POST", &query("&sid=known")).unwrap(),
            "Post(\"known\")"
        );
    }

    #[test]
    fn a_lane_serves_what_it_is_for() {
        let only = Enabled {
            polling: false,
            websocket: true,
        };
        let query = Query::parse("EIO=4&transport=polling");
        let refused = query.check("GET", false, None, only, |_| false);
        assert_eq!(refused, Err(EngineError::TransportUnknown));
        let dirty = Some(&b"http://a\x80"[..]);
        let refused = query.check("GET", false, dirty, BOTH, |_| false);
        assert_eq!(refused, Err(EngineError::BadRequest));
    }
}
