//! A server with Pusher applications, a client that reads every frame, and signed requests.
//!
//! Every wait has a deadline.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use pushlab::{
    clock,
    config::{
        Config,
        apps::{AppSettings, Secret},
    },
    lab::Lab,
    lane::LaneId,
    protocol::pusher::app::Apps,
    protocol::pusher::auth,
};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use super::PATIENCE;
use super::{TestLab, spawn_lab, test_config};

pub const KEY: &str = "test-key";
pub const SECRET: &str = "test-secret";

/// Application 1 with the plain channels and everything on, changed as a test wants it.
pub fn app(change: impl FnOnce(&mut AppSettings)) -> AppSettings {
    let mut app = AppSettings::new("1", KEY, SECRET);
    app.plain_channels = true;
    app.client_events = true;
    change(&mut app);
    app
}

/// A running server. Dropping it stops it.
pub struct TestServer {
    pub lab: Arc<Lab>,
    pub apps: Arc<Apps>,
    running: TestLab,
}

pub fn spawn() -> TestServer {
    spawn_with(vec![app(|_| ())], |_| ())
}

pub fn spawn_with(apps: Vec<AppSettings>, change: impl FnOnce(&mut Config)) -> TestServer {
    let mut config = Config {
        apps,
        ..test_config()
    };
    change(&mut config);
    let running = spawn_lab(config);
    TestServer {
        lab: running.lab().clone(),
        apps: running.apps().clone(),
        running,
    }
}

impl TestServer {
    pub fn address(&self, lane: &str) -> String {
        self.running.address(lane).to_string()
    }

    /// A connection before its first frame; `target` is path and query.
    pub async fn open(&self, target: &str) -> Client {
        let url = format!("ws://{}{target}", self.address("channels"));
        let (socket, _) = connect_async(url).await.expect("every handshake succeeds");
        Client {
            socket,
            socket_id: String::new(),
            secret: Secret::new(SECRET),
            key: KEY.to_owned(),
        }
    }

    /// An established connection to the first application.
    pub async fn connect(&self) -> Client {
        self.connect_to(KEY, SECRET).await
    }

    pub async fn connect_to(&self, key: &str, secret: &str) -> Client {
        let mut client = self
            .open(&format!(
                "/app/{key}?protocol=7&client=js&version=8.6.0&flash=false"
            ))
            .await;
        (client.key, client.secret) = (key.to_owned(), Secret::new(secret));
        let frame = client.expect("pusher:connection_established").await;
        let data = inner(&frame);
        assert!(data["activity_timeout"].as_u64().unwrap() > 0);
        client.socket_id = data["socket_id"].as_str().unwrap().to_owned();
        client
    }

    /// As [`Self::connect`], with a small receive buffer, so that the server feels soon that nobody
    /// reads.
    pub async fn connect_narrow(&self) -> Client {
        let narrow = tokio::net::TcpSocket::new_v4().unwrap();
        narrow.set_recv_buffer_size(8 << 10).unwrap();
        let address = self.address("channels");
        let stream = narrow.connect(address.parse().unwrap()).await.unwrap();
        let url = format!("ws://{address}/app/{KEY}?protocol=7");
        let stream = MaybeTlsStream::Plain(stream);
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        let mut client = Client {
            socket,
            socket_id: String::new(),
            secret: Secret::new(SECRET),
            key: KEY.to_owned(),
        };
        let frame = client.expect("pusher:connection_established").await;
        client.socket_id = inner(&frame)["socket_id"].as_str().unwrap().to_owned();
        client
    }

    /// A signed request to the first application: status and answer.
    pub async fn api(&self, method: &str, path: &str, query: &str, body: &str) -> (u16, Value) {
        let request = Request::new(method, path, query, body);
        self.send(&request).await
    }

    pub async fn send(&self, request: &Request) -> (u16, Value) {
        let url = format!(
            "http://{}{}?{}",
            self.address("channels"),
            request.path,
            request.signed()
        );
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).unwrap();
        let answer = reqwest::Client::new()
            .request(method, url)
            .body(request.body.clone())
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (
            status,
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}")),
        )
    }

    /// Publishes to one channel; the answer must be `{}`.
    pub async fn trigger(&self, channel: &str, event: &str, data: &str) {
        let body = json!({"name": event, "channels": [channel], "data": data}).to_string();
        let answer = self.api("POST", "/apps/1/events", "", &body).await;
        assert_eq!(answer, (200, json!({})));
    }

    /// Publishes over the plain HTTP API.
    pub async fn publish_plain(&self, channel: &str, body: Value) -> u16 {
        let url = format!(
            "http://{}/api/channels/{channel}/publications",
            self.address("main")
        );
        let answer = reqwest::Client::new()
            .post(url)
            .body(body.to_string())
            .send()
            .await;
        answer.unwrap().status().as_u16()
    }

    /// Waits until the server knows of so many connections to this lane and no more.
    pub async fn until_connections(&self, open: u64) {
        let lane = LaneId("channels");
        until("so many connections", || {
            self.lab.meters.lane(lane).connections_open == open
        })
        .await;
    }

    pub fn begin_stop(&mut self) {
        self.running.begin_stop();
    }
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let done = timeout(PATIENCE, waiting).await;
    done.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"));
}

/// A request to the HTTP API that can be changed before it is signed or after.
#[derive(Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// What comes beside the `auth_` parameters.
    pub query: String,
    pub body: String,
    pub key: String,
    pub secret: String,
    pub timestamp: u64,
    /// `None`: of the body, if there is one.
    pub body_md5: Option<String>,
}

impl Request {
    pub fn new(method: &str, path: &str, query: &str, body: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            body: body.to_owned(),
            key: KEY.to_owned(),
            secret: SECRET.to_owned(),
            timestamp: clock::time_of_day_us() / 1_000_000,
            body_md5: None,
        }
    }

    fn signed(&self) -> String {
        use md5::{Digest, Md5};
        let mut pairs = vec![
            format!("auth_key={}", self.key),
            format!("auth_timestamp={}", self.timestamp),
            "auth_version=1.0".to_owned(),
        ];
        match &self.body_md5 {
            Some(given) => pairs.push(format!("body_md5={given}")),
            None if self.body.is_empty() => {}
            None => pairs.push(format!("body_md5={}", auth::hex(&Md5::digest(&self.body)))),
        }
        pairs.extend(
            self.query
                .split('&')
                .filter(|p| !p.is_empty())
                .map(str::to_owned),
        );
        pairs.sort();
        let query = pairs.join("&");
        let text = format!("{}\n{}\n{query}", self.method, self.path);
        let signature = Secret::new(&self.secret).sign(text.as_bytes());
        format!("{query}&auth_signature={signature}")
    }
}

/// `data` of a frame whose form is a string of JSON.
pub fn inner(frame: &Value) -> Value {
    let text = frame["data"]
        .as_str()
        .unwrap_or_else(|| panic!("not a string: {frame}"));
    serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {text}"))
}

pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub socket_id: String,
    pub key: String,
    pub secret: Secret,
}

impl Client {
    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// The next frame, or the close code.
    pub async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let message = timeout(PATIENCE, self.socket.next())
                .await
                .expect("something comes");
            match message {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).expect("frames are JSON");
                    assert!(frame["event"].is_string(), "throws in clients: {frame}");
                    return Ok(frame);
                }
                Some(Ok(Message::Close(Some(close)))) => return Err(close.code.into()),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub async fn expect(&mut self, event: &str) -> Value {
        let frame = self
            .next()
            .await
            .unwrap_or_else(|code| panic!("closed with {code}"));
        assert_eq!(frame["event"], event, "{frame}");
        frame
    }

    /// The close code, frames before it skipped.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    /// The answer to a ping is what comes next: what was sent before it has taken effect.
    pub async fn expect_pong(&mut self) {
        self.send(json!({"event":"pusher:ping","data":{}})).await;
        self.expect("pusher:pong").await;
    }

    /// Nothing has come, and nothing is on its way: a frame that was given to this connection's
    /// thread is written before that thread has answered two pings, one after the other.
    pub async fn expect_silence(&mut self) {
        self.expect_pong().await;
        self.expect_pong().await;
    }

    pub fn auth(&self, channel: &str, channel_data: Option<&str>) -> String {
        let text = auth::channel_text(&self.socket_id, channel, channel_data);
        format!("{}:{}", self.key, self.secret.sign(text.as_bytes()))
    }

    /// Asks, signed where needed.
    pub async fn ask(&mut self, channel: &str, channel_data: Option<&str>) {
        let mut data = json!({"channel": channel, "auth": self.auth(channel, channel_data)});
        if let Some(channel_data) = channel_data {
            data["channel_data"] = channel_data.into();
        }
        self.send(json!({"event":"pusher:subscribe","data":data}))
            .await;
    }

    /// Subscribes and waits for success.
    pub async fn subscribe(&mut self, channel: &str) -> Value {
        self.ask(channel, None).await;
        let frame = self.expect("pusher_internal:subscription_succeeded").await;
        assert_eq!(frame["channel"], channel);
        inner(&frame)
    }

    /// Joins a presence channel and answers its members.
    pub async fn join(&mut self, channel: &str, channel_data: &str) -> Value {
        self.ask(channel, Some(channel_data)).await;
        let frame = self.expect("pusher_internal:subscription_succeeded").await;
        let presence = inner(&frame)["presence"].take();
        let ids = presence["ids"].as_array().unwrap();
        assert_eq!(presence["count"], ids.len());
        assert_eq!(presence["hash"].as_object().unwrap().len(), ids.len());
        presence
    }

    pub async fn unsubscribe(&mut self, channel: &str) {
        self.send(json!({"event":"pusher:unsubscribe","data":{"channel":channel}}))
            .await;
    }

    /// The channel's own error and the connection's.
    pub async fn expect_refused(&mut self, channel: &str, status: u16) {
        let frame = self.expect("pusher:subscription_error").await;
        assert_eq!(
            (&frame["channel"], &frame["data"]["status"]),
            (&json!(channel), &json!(status)),
            "{frame}"
        );
        assert!(frame["data"]["type"].is_string() && frame["data"]["error"].is_string());
        let error = self.expect("pusher:error").await;
        assert_eq!(error["data"]["code"], Value::Null);
    }

    pub async fn ask_sign_in(&mut self, user_data: &str) {
        let text = auth::user_text(&self.socket_id, user_data);
        let signed = format!("{}:{}", self.key, self.secret.sign(text.as_bytes()));
        self.send(json!({"event":"pusher:signin","data":{"auth":signed,"user_data":user_data}}))
            .await;
    }

    pub async fn sign_in(&mut self, user_data: &str) {
        self.ask_sign_in(user_data).await;
        let frame = self.expect("pusher:signin_success").await;
        assert_eq!(frame["data"]["user_data"], user_data);
    }
}
