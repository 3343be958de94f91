//! A raw HTTP/1.1 client on one kept-alive connection.
//!
//! Requests are written as they are given; answers are read by `Content-Length`, by chunks
//! (RFC 9112 §7.1), or up to the FIN. Not here: redirects, pipelining, anything clever.

use std::{io, net::SocketAddr};

use serde_json::Value;

use super::connection::Connection;

/// What may need the presenter's token.
const OWN_API: [&str; 6] = [
    "/api/apps",
    "/api/conditions",
    "/api/experiments",
    "/api/history/",
    "/api/runs",
    "/api/sources",
];

/// See the module.
pub struct Http {
    pub connection: Connection,
}

/// An answer, and how many bytes it was.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Bytes of the status line and the headers, with the empty line.
    pub head_bytes: u64,
    /// Bytes of the body on the wire, chunk sizes and line ends with it.
    pub body_wire_bytes: u64,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// `error.code` of a refusal.
    pub fn error_code(&self) -> String {
        let code = &self.json()["error"]["code"];
        code.as_str().unwrap_or_default().to_owned()
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding") == Some("chunked")
    }
}

impl Http {
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(Connection::connect(address))
    }

    pub fn over(connection: Connection) -> Self {
        Self { connection }
    }

    pub fn get(&mut self, target: &str) -> Answer {
        self.request("GET", target, &[], b"")
    }

    /// As browsers do it: `text/plain`, which needs no preflight.
    pub fn post(&mut self, target: &str, body: &[u8]) -> Answer {
        self.request("POST", target, &[("content-type", "text/plain")], body)
    }

    /// One request and its answer. A `Content-Length` is added where there is a body.
    pub fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.try_request(method, target, headers, body)
            .unwrap_or_else(|error| panic!("{method} {target}: {error}"))
    }

    /// As [`Self::request`], where the connection may be cut.
    pub fn try_request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        self.send_request(method, target, headers, body)?;
        let mut answer = self.read_head()?;
        if method != "HEAD" {
            self.read_body(&mut answer)?;
        }
        Ok(answer)
    }

    /// Sends a request and does not wait.
    pub fn send_request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<()> {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nhost: lab\r\n").into_bytes();
        // The lab's own API is asked as its presenter, unless a test says who asks.
        let says_who = headers.iter().any(|(name, _)| *name == "authorization");
        if OWN_API.iter().any(|api| target.starts_with(api)) && !says_who {
            let bearer = format!("authorization: Bearer {}\r\n", super::TEST_TOKEN);
            bytes.extend_from_slice(bearer.as_bytes());
        }
        for (name, value) in headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if !body.is_empty() || method == "POST" || method == "PUT" {
            bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        self.connection.send(&bytes)
    }

    /// Reads the answer to what was sent.
    pub fn read_answer(&mut self) -> io::Result<Answer> {
        let mut answer = self.read_head()?;
        self.read_body(&mut answer)?;
        Ok(answer)
    }

    /// Reads up to the end of the headers: for answers whose body never ends.
    pub fn read_head(&mut self) -> io::Result<Answer> {
        let head = self.connection.take_until(b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(&head);
        let mut lines = text.trim_end().split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("no status in {text:?}"));
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Answer {
            status,
            headers,
            body: Vec::new(),
            head_bytes: head.len() as u64,
            body_wire_bytes: 0,
        })
    }

    fn read_body(&mut self, answer: &mut Answer) -> io::Result<()> {
        if matches!(answer.status, 100..=199 | 204 | 304) {
            return Ok(());
        }
        if answer.is_chunked() {
            while let Some(chunk) = self.read_chunk()? {
                answer.body_wire_bytes += chunk.wire_bytes;
                answer.body.extend_from_slice(&chunk.bytes);
            }
            answer.body_wire_bytes += 5;
            return Ok(());
        }
        answer.body = match answer.header("content-length") {
            Some(length) => {
                let length = length.parse().expect("a length is a number");
                self.connection.take(length)?
            }
            None => {
                while self.connection.fill()? > 0 {}
                let rest = self.connection.waiting().len();
                self.connection.consume(rest)
            }
        };
        answer.body_wire_bytes = answer.body.len() as u64;
        Ok(())
    }

    /// The next chunk of a chunked body; `None` after the last.
    pub fn read_chunk(&mut self) -> io::Result<Option<Chunk>> {
        let size = self.connection.take_until(b"\r\n")?;
        let digits = String::from_utf8_lossy(&size[..size.len() - 2]).into_owned();
        let length = usize::from_str_radix(&digits, 16)
            .unwrap_or_else(|_| panic!("{digits:?} is no chunk size"));
        let mut bytes = self.connection.take(length + 2)?;
        assert_eq!(bytes.split_off(length), b"\r\n", "a chunk ends with a line");
        Ok((length > 0).then(|| Chunk {
            wire_bytes: (size.len() + length + 2) as u64,
            bytes,
        }))
    }
}

/// One chunk of a chunked body.
pub struct Chunk {
    pub bytes: Vec<u8>,
    /// With its size and its line ends.
    pub wire_bytes: u64,
}
