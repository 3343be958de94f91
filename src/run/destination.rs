//! What a run measures: a lab that it starts, a lab that is there, or another server of a protocol
//! that this lab speaks.
//!
//! ```text
//! (nothing)                                      start a lab
//! http://host:port, https://host:port            a pushlab
//! pusher://KEY:SECRET@host:port?app=ID           a server of Pusher Channels; pushers:// by TLS
//! socketio://host:port/namespace?emit=A&on=B     a Socket.IO server; socketios:// by TLS
//! ```
//! A Channels server is published to by its signed HTTP API, at the same address. A Socket.IO
//! server has no such API, so an event contract is needed: what a client emits as *A* with one
//! argument is broadcast as *B* with the same argument. Without a query these are `send-message`
//! and `new-message`, as in every introduction to Socket.IO:
//!
//! ```js
//! io.on("connection", (socket) => socket.on("send-message", (m) => io.emit("new-message", m)));
//! ```

use std::fmt;

use crate::{
    catalogue::{CHANNELS, LANES, SOCKETIO_POLLING},
    client::socketio::Broadcast,
    config::apps::Secret,
};

const DEFAULT_EMIT: &str = "send-message";
const DEFAULT_ON: &str = "new-message";

/// See the module.
#[derive(Debug, Clone)]
pub enum Destination {
    /// A lab that the run starts.
    Own,
    /// A lab, whose lanes are found by its API.
    Lab(Address),
    /// A server at this address, which is spoken to as its own clients do.
    Peer(Address, Peer),
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// For the `Host` header: with the port, where one was given.
    pub host: String,
    /// Without it.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// Whether it speaks TLS.
    pub tls: bool,
}

/// A server that is no pushlab, or is measured as if it were none.
#[derive(Debug, Clone)]
pub enum Peer {
    /// A server of Pusher Channels.
    Pusher(PusherApp),
    /// A Socket.IO server that sends to all what one sends.
    Socketio(Broadcast),
}

/// An application of Channels.
#[derive(Debug, Clone)]
pub struct PusherApp {
    /// Its id, which stands in the HTTP API's addresses.
    pub id: String,
    /// Its key, which clients name.
    pub key: String,
    /// What publishing is signed with.
    pub secret: Secret,
}

/// A text that names no destination; says how to write one. Never shows a secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0}; write it like http://127.0.0.1:8080, pusher://KEY:SECRET@127.0.0.1:8080?app=ID or \
     socketio://127.0.0.1:3000/?emit=send-message&on=new-message"
)]
pub struct BadDestination(&'static str);

impl Destination {
    /// Reads `http(s)://`, `pusher(s)://` or `socketio(s)://`. Errors: what is missing, and an
    /// example.
    pub fn parse(text: &str) -> Result<Self, BadDestination> {
        if text.is_empty() {
            return Ok(Self::Own);
        }
        let bad = BadDestination;
        let (scheme, rest) = text.split_once("://").ok_or(bad("it has no scheme"))?;
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(key, value)| (key == name).then(|| value.to_owned()))
        };
        match scheme {
            "http" | "https" if path.trim_end_matches('/').is_empty() => {
                Ok(Self::Lab(Address::parse(authority, scheme == "https")?))
            }
            "http" | "https" => Err(bad("a lab is at the root of its address")),
            "pusher" | "pushers" => {
                let (credentials, authority) = authority
                    .rsplit_once('@')
                    .ok_or(bad("an application's key and secret are missing"))?;
                let (key, secret) = credentials
                    .split_once(':')
                    .ok_or(bad("the application's secret is missing"))?;
                let id = value("app").ok_or(bad("the application's id is missing"))?;
                let app = PusherApp {
                    id,
                    key: key.to_owned(),
                    secret: Secret::new(secret),
                };
                let address = Address::parse(authority, scheme == "pushers")?;
                Ok(Self::Peer(address, Peer::Pusher(app)))
            }
            "socketio" | "socketios" => {
                let namespace = match path.trim_end_matches('/') {
                    "" => "/",
                    path => path,
                };
                let broadcast = Broadcast {
                    namespace: namespace.to_owned(),
                    emit: value("emit").unwrap_or_else(|| DEFAULT_EMIT.to_owned()),
                    hear: value("on").unwrap_or_else(|| DEFAULT_ON.to_owned()),
                };
                let names = [&broadcast.emit, &broadcast.hear, &broadcast.namespace];
                if names.iter().any(|name| name.contains(['"', '\\', ','])) {
                    return Err(bad("a name in it has a quote, a backslash or a comma"));
                }
                let address = Address::parse(authority, scheme == "socketios")?;
                Ok(Self::Peer(address, Peer::Socketio(broadcast)))
            }
            _ => Err(bad("its scheme is none that is known")),
        }
    }

    /// The peer; `None` for a lab.
    pub fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Peer(_, peer) => Some(peer),
            Self::Own | Self::Lab(_) => None,
        }
    }
}

/// As it was given, but for the secret.
impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = |plain: &str, address: &Address| match address.tls {
            true => format!("{plain}s"),
            false => plain.to_owned(),
        };
        match self {
            Self::Own => Ok(()),
            Self::Lab(address) => {
                write!(formatter, "{}://{}", scheme("http", address), address.host)
            }
            Self::Peer(address, Peer::Pusher(app)) => write!(
                formatter,
                "{}://{}:…@{}?app={}",
                scheme("pusher", address),
                app.key,
                address.host,
                app.id
            ),
            Self::Peer(address, Peer::Socketio(broadcast)) => write!(
                formatter,
                "{}://{}{}?emit={}&on={}",
                scheme("socketio", address),
                address.host,
                broadcast.namespace,
                broadcast.emit,
                broadcast.hear
            ),
        }
    }
}

impl Address {
    fn parse(authority: &str, tls: bool) -> Result<Self, BadDestination> {
        let no_host = BadDestination("it names no host");
        let usual = if tls { 443 } else { 80 };
        // The colons of an IPv6 address are inside of brackets.
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => {
                let port = port.parse();
                (name, port.map_err(|_| BadDestination("its port is none"))?)
            }
            _ => (authority, usual),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || ".-_[]:".contains(c);
        match !name.is_empty() && name.chars().all(is_name) {
            true => Ok(Self {
                host: authority.to_owned(),
                name: name.to_owned(),
                port,
                tls,
            }),
            false => Err(no_host),
        }
    }
}

impl Peer {
    /// The lanes whose clients can follow it; the first are those that every such server has.
    pub fn lanes(&self) -> Vec<&'static str> {
        let protocol = match self {
            Self::Pusher(_) => CHANNELS.protocol,
            Self::Socketio(_) => SOCKETIO_POLLING.protocol,
        };
        let spoken = LANES.iter().filter(|lane| lane.protocol == protocol);
        spoken.map(|lane| lane.id.0).collect()
    }

    /// The lanes of `all`: hardly any server of Channels has the fallbacks over HTTP.
    pub fn usual_lanes(&self) -> Vec<&'static str> {
        match self {
            Self::Pusher(_) => vec![CHANNELS.id.0],
            Self::Socketio(_) => self.lanes(),
        }
    }

    /// Whether publications go to everybody at once, whatever their channel.
    pub fn has_one_channel(&self) -> bool {
        matches!(self, Self::Socketio(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_shown_without_its_secret() {
        for (text, shown) in [
            ("", ""),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("https://lab.example", "https://lab.example"),
            (
                "pusher://k:s3cret@127.0.0.1:6001?app=1",
                "pusher://k:…@127.0.0.1:6001?app=1",
            ),
            (
                "socketio://localhost:3000",
                "socketio://localhost:3000/?emit=send-message&on=new-message",
            ),
            (
                "socketios://[::1]:3000/chat?on=b&emit=a",
                "socketios://[::1]:3000/chat?emit=a&on=b",
            ),
        ] {
            assert_eq!(Destination::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn ports_are_the_schemes_unless_they_are_given() {
        let port = |text: &str| match Destination::parse(text).unwrap() {
            Destination::Lab(address) => (address.name, address.port),
            other => panic!("{other}"),
        };
        assert_eq!(port("http://127.0.0.1"), ("127.0.0.1".into(), 80));
        assert_eq!(port("https://[::1]"), ("[::1]".into(), 443));
        assert_eq!(port("https://[::1]:8443"), ("[::1]".into(), 8443));
    }

    #[test]
    fn nonsense_is_refused_with_examples() {
        for text in [
            "somewhere",
            "ws://x",
            "http://",
            "http://a b:1",
            "http://a:b",
            "http://a/b",
            "pusher://127.0.0.1",
            "pusher://k@127.0.0.1?app=1",
            "pusher://k:s3cret@127.0.0.1",
            "socketio://a?on=\"",
        ] {
            let error = Destination::parse(text).unwrap_err().to_string();
            assert!(error.contains("http://127.0.0.1:8080"), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
