//! What the two sides agree on, by `Sec-WebSocket-Extensions` (RFC 7692 §5, §7.1).
//!
//! ```text
//! offer    permessage-deflate; server_max_window_bits=9, permessage-deflate; client_max_window_bits
//!          the first that can be accepted is                                        ▲ else this one
//! answer   permessage-deflate; server_no_context_takeover; server_max_window_bits=9
//! ```
//!
//! Declining is no error: the answer then has no such header, and nothing is compressed. A client fails
//! the connection if the answer has anything that does not fit its offer, so an answer says as little
//! as it can; `client_max_window_bits` is never in it, since an inflater for the largest window takes
//! them all.

use std::borrow::Cow;

use super::{BITS_MAX, BITS_MIN};

/// The extension's name.
const NAME: &str = "permessage-deflate";
/// What Chromium offers, and the lab's own clients.
pub const OFFER: &str = "permessage-deflate; client_max_window_bits";

/// What counts on one connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Each message of the server's begins with an empty window.
    pub server_no_context_takeover: bool,
    /// Each message of the client's does.
    pub client_no_context_takeover: bool,
    /// The server's window is at most 2 to the power of this; `None`: of 15, unsaid.
    pub server_max_window_bits: Option<u8>,
    /// The client's.
    pub client_max_window_bits: Option<u8>,
}

impl Agreement {
    /// The server's window, as a power of two.
    pub fn server_bits(&self) -> u8 {
        self.server_max_window_bits.unwrap_or(BITS_MAX)
    }

    /// The client's window, as a power of two.
    pub fn client_bits(&self) -> u8 {
        self.client_max_window_bits.unwrap_or(BITS_MAX)
    }

    /// The header's value.
    pub fn answer(&self) -> String {
        let mut answer = NAME.to_owned();
        if self.server_no_context_takeover {
            answer.push_str("; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            answer.push_str("; client_no_context_takeover");
        }
        if let Some(bits) = self.server_max_window_bits {
            answer.push_str(&format!("; server_max_window_bits={bits}"));
        }
        answer
    }
}

/// Accepts the first offer that can be; `None`: there is none. `offers`: the values of the headers,
/// joined with commas. `keeps_context`: whether this server's messages are to refer to earlier ones,
/// and a client's may; both only where the client offers no less.
pub fn accept(offers: &str, keeps_context: bool) -> Option<Agreement> {
    let extensions = Extensions(offers).map_while(Result::ok);
    let ours = extensions.filter(|extension| extension.name.eq_ignore_ascii_case(NAME));
    ours.filter_map(|offer| offer.parameters(Side::Client))
        // zlib has no window of 8 bits, and 9 would break the promise.
        .find(|offer| {
            offer
                .server_max_window_bits
                .is_none_or(|bits| bits >= BITS_MIN)
        })
        .map(|offer| Agreement {
            server_no_context_takeover: offer.server_no_context_takeover || !keeps_context,
            client_no_context_takeover: offer.client_no_context_takeover || !keeps_context,
            client_max_window_bits: None,
            ..offer
        })
}

/// Reads a server's answer to [`OFFER`]; `None`: it does not fit, and the connection is to fail.
pub fn accepted(answer: &str) -> Option<Agreement> {
    let mut extensions = Extensions(answer);
    let only = extensions.next()?.ok()?;
    let is_alone = extensions.next().is_none();
    let is_ours = only.name.eq_ignore_ascii_case(NAME);
    (is_alone && is_ours).then(|| only.parameters(Side::Server))?
}

/// Whose words they are: an offer may name `client_max_window_bits` without a number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// One extension of a list.
struct Extension<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, Option<Cow<'a, str>>)>,
}

impl Extension<'_> {
    /// What it says; `None` where a parameter is unknown, there twice, or not as it should be.
    fn parameters(&self, side: Side) -> Option<Agreement> {
        let mut said = Agreement::default();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in &self.parameters {
            if seen.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                return None;
            }
            // Four names are known: an offer that has another ends here.
            seen.push(name);
            match (&*name.to_ascii_lowercase(), value) {
                ("server_no_context_takeover", None) => said.server_no_context_takeover = true,
                ("client_no_context_takeover", None) => said.client_no_context_takeover = true,
                ("server_max_window_bits", Some(value)) => {
                    said.server_max_window_bits = Some(bits(value)?);
                }
                ("client_max_window_bits", None) if side == Side::Client => {}
                ("client_max_window_bits", Some(value)) => {
                    said.client_max_window_bits = Some(bits(value)?);
                }
                _ => return None,
            }
        }
        Some(said)
    }
}

/// 8 to 15, without a sign or a leading zero.
fn bits(value: &str) -> Option<u8> {
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit()) && !value.starts_with('0');
    let bits = value.parse().ok().filter(|_| is_plain)?;
    (8..=BITS_MAX).contains(&bits).then_some(bits)
}

/// The extensions of a list, one after the other; what follows an error is not read.
struct Extensions<'a>(&'a str);

impl<'a> Iterator for Extensions<'a> {
    type Item = Result<Extension<'a>, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        // Empty elements of a list are allowed (RFC 9110 §5.6.1.2).
        self.0 = self.0.trim_start_matches([' ', '\t', ',']);
        if self.0.is_empty() {
            return None;
        }
        let extension = self.extension();
        if extension.is_none() {
            self.0 = "";
        }
        Some(extension.ok_or(()))
    }
}

impl<'a> Extensions<'a> {
    fn extension(&mut self) -> Option<Extension<'a>> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.skip(';') {
            let name = self.token()?;
            let value = match self.skip('=') {
                true => Some(self.value()?),
                false => None,
            };
            parameters.push((name, value));
        }
        let has_ended = self.0.is_empty() || self.0.starts_with(',');
        has_ended.then_some(Extension { name, parameters })
    }

    /// Whether this character comes next, spaces aside.
    fn skip(&mut self, wanted: char) -> bool {
        self.0 = self.0.trim_start_matches([' ', '\t']);
        match self.0.strip_prefix(wanted) {
            Some(rest) => {
                self.0 = rest.trim_start_matches([' ', '\t']);
                true
            }
            None => false,
        }
    }

    /// RFC 9110 §5.6.2.
    fn token(&mut self) -> Option<&'a str> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = self.0.find(|c| !is_part(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest.trim_start_matches([' ', '\t']);
        (!token.is_empty()).then_some(token)
    }

    /// A token, or a quoted string that is one once it is unquoted (RFC 6455 §9.1).
    fn value(&mut self) -> Option<Cow<'a, str>> {
        let Some(mut rest) = self.0.strip_prefix('"') else {
            return self.token().map(Cow::Borrowed);
        };
        let mut value = String::new();
        loop {
            let mut characters = rest.chars();
            match characters.next()? {
                '"' => break,
                '\\' => value.push(characters.next()?),
                other => value.push(other),
            }
            rest = characters.as_str();
        }
        self.0 = rest[1..].trim_start_matches([' ', '\t']);
        let mut inside = Extensions(&value);
        let is_token = inside.token().is_some() && inside.0.is_empty() && !value.ends_with(' ');
        is_token.then(|| Cow::Owned(value.clone()))
    }
}
