//! Requests to a class, of a stand-in or of who leads it: JSON, on one connection that is kept alive
//! and made anew where it has gone, with the cookie that joining gave, or the presenter's token.

use std::{cell::Cell, rc::Rc, time::Duration};

use serde_json::Value;
use tokio::time::timeout;

use crate::client::{
    Ended, Tally, Target,
    connection::Connection,
    http::{self, Head},
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
pub struct Asking {
    target: Target,
    cookie: Option<String>,
    /// The presenter's.
    token: Option<String>,
    kept: Option<Connection>,
}

/// What was answered.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body; null where it is no JSON.
    pub body: Value,
}

impl Answer {
    /// Whether the status is a success.
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What a refusal says, for people.
    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    /// Of a refusal.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

impl Asking {
    /// A client of the lab's API, without a cookie.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            cookie: None,
            token: None,
            kept: None,
        }
    }

    /// Who leads.
    pub fn of_presenter(target: Target, token: String) -> Self {
        Self {
            token: Some(token),
            ..Self::new(target)
        }
    }

    /// Whether the lab gave it one.
    pub fn has_cookie(&self) -> bool {
        self.cookie.is_some()
    }

    /// The page is closed or loaded anew: its connections are gone, its cookie stays.
    pub fn hang_up(&mut self) {
        self.kept = None;
    }

    /// Posts, and keeps the cookie that the answer sets.
    ///
    /// # Errors
    ///
    /// There was no answer. A refusal is one.
    pub async fn post(&mut self, path: &str, body: &Value) -> Result<Answer, Ended> {
        self.send("POST", path, body).await
    }

    /// DELETE; any status is an answer.
    pub async fn delete(&mut self, path: &str) -> Result<Answer, Ended> {
        self.send("DELETE", path, &Value::Null).await
    }

    async fn send(&mut self, method: &str, path: &str, body: &Value) -> Result<Answer, Ended> {
        let headers = format!("Content-Type: application/json\r\n{}", self.who());
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let request = http::request(method, &self.target, path, &headers, body.as_bytes());
        self.ask(&request).await
    }

    /// GET; any status is an answer.
    pub async fn get(&mut self, path: &str) -> Result<Answer, Ended> {
        let request = http::request("GET", &self.target, path, &self.who(), b"");
        self.ask(&request).await
    }

    async fn ask(&mut self, request: &[u8]) -> Result<Answer, Ended> {
        let was_kept = self.kept.is_some();
        let answered = match self.exchange(request).await {
            // The server may have closed a connection that had been idle; nothing was asked then.
            Err(_) if was_kept => self.exchange(request).await?,
            answered => answered?,
        };
        let (head, body) = answered;
        if let Some(cookie) = &head.cookie {
            self.cookie = Some(cookie.clone());
        }
        Ok(Answer {
            status: head.status,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<(Head, Vec<u8>), Ended> {
        let exchange = async {
            let mut io = match self.kept.take() {
                Some(kept) => kept,
                None => connect(&self.target).await?,
            };
            io.send(request).await?;
            let head = http::read_head(&mut io).await?;
            let body = http::read_body(&mut io, &head).await?;
            Ok((io, head, body))
        };
        let answered: Result<_, Ended> = match timeout(PATIENCE, exchange).await {
            Ok(answered) => answered,
            Err(_) => Err(Ended::Closed("no answer in time".into())),
        };
        let (io, head, body) = answered?;
        if !head.will_close {
            self.kept = Some(io);
        }
        Ok((head, body))
    }

    /// Opens an event stream, on a connection of its own.
    pub async fn stream(&self, path: &str) -> Result<Connection, Ended> {
        let opening = async {
            let mut io = connect(&self.target).await?;
            let cookie = self.who();
            let headers = format!("Accept: text/event-stream\r\n{cookie}");
            http::get(&mut io, &self.target, path, &headers).await?;
            http::expect_stream(&mut io, path).await?;
            Ok(io)
        };
        match timeout(PATIENCE, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(Ended::Closed("no answer in time".into())),
        }
    }

    /// The header that says who asks.
    fn who(&self) -> String {
        match (&self.cookie, &self.token) {
            (Some(cookie), _) => format!("Cookie: {cookie}\r\n"),
            (None, Some(token)) => format!("Authorization: Bearer {token}\r\n"),
            (None, None) => String::new(),
        }
    }
}

async fn connect(target: &Target) -> Result<Connection, Ended> {
    let (tally, cut) = (Rc::<Tally>::default(), Rc::<Cell<bool>>::default());
    Ok(Connection::open(target, tally, cut).await?)
}
