//! What the SDKs of other languages write, byte for byte as far as it matters: the order of their
//! queries, their encodings, the case of their header names, what they leave out. One row for each
//! way, with where it was read; libraries that write HTTP below an SDK are named beside it.
//!
//! In rows `\n` stands for CR LF, `ADDR` for the lane's address, `SID` for a session's id, `KEY`
//! for the application's key, `NOW`, `MD5` and `SIG` for what signing fills in. Not here: the SDKs
//! that run as they are (`tests/clients`), and what they do with the answers.

use std::net::SocketAddr;

use crate::support::{
    TestLab,
    connection::Connection,
    http::{Answer, Http},
    spawn_lab, test_config,
    websocket::{self, TEXT},
};
use md5::{Digest as _, Md5};
use pushlab::{
    clock,
    config::{
        Config,
        apps::{AppSettings, Secret},
    },
    protocol::pusher::auth,
};
use serde_json::{Value, json};

const KEY: &str = "wire-key";
const SECRET: &str = "wire-secret";

fn lab() -> TestLab {
    let mut app = AppSettings::new("3", KEY, SECRET);
    // What the API may be asked for.
    app.subscription_count = true;
    spawn_lab(Config {
        echo: true,
        apps: vec![app],
        ..test_config()
    })
}

/// Sends these bytes on a connection of their own and reads the answer.
fn ask(address: SocketAddr, head: &str, body: &[u8]) -> Answer {
    let mut http = Http::over(Connection::connect(address));
    let head = head
        .replace('\n', "\r\n")
        .replace("ADDR", &address.to_string());
    let request = [head.as_bytes(), b"\r\n\r\n", body].concat();
    http.connection.send(&request).expect("it is sent");
    let answered = http.read_answer();
    let mut answer = answered.unwrap_or_else(|error| panic!("{error}: {head}"));
    if answer.status == 100 {
        answer = http.read_answer().expect("an answer follows");
    }
    answer
}

/// A client of Engine.IO by polling.
struct Poller {
    sdk: &'static str,
    /// With the session; without `&sid=SID` it is the handshake's.
    target: &'static str,
    get: &'static str,
    post: &'static str,
}

const POLLERS: [Poller; 8] = [
    Poller {
        // A Java HashMap's order: t, EIO, transport, sid. OkHttp adds the last three of `get`.
        sdk: "socket.io-client-java (engine.io-client-java PollingXHR.java, Polling.java, ParseQS.java)",
        target: "/socket.io/?t=P1Wd.0&EIO=4&transport=polling&sid=SID",
        get: "Accept: */*\nHost: ADDR\nConnection: Keep-Alive\nAccept-Encoding: gzip\nUser-Agent: okhttp/3.12.12",
        post: "Accept: */*\nContent-Type: text/plain;charset=UTF-8\nContent-Length: SIZE\nHost: ADDR\n\
               Connection: Keep-Alive\nAccept-Encoding: gzip\nUser-Agent: okhttp/3.12.12",
    },
    Poller {
        // Asks for base64; its own parameters come between; EIO where no parameter has these letters.
        sdk: "socket.io-client-swift (SocketEngine.swift createURLs, SocketEnginePollable.swift, SocketEngineSpec.swift)",
        target: "/socket.io/?transport=polling&b64=1&token=a%20b&EIO=4&sid=SID",
        get: "Host: ADDR\nAccept: */*\nUser-Agent: Demo/1 CFNetwork/1494.0.7 Darwin/23.4.0\n\
              Accept-Language: de-DE,de;q=0.9\nAccept-Encoding: gzip, deflate\nConnection: keep-alive",
        post: "Host: ADDR\nContent-Type: text/plain; charset=UTF-8\nContent-Length: SIZE\nAccept: */*\n\
               User-Agent: Demo/1 CFNetwork/1494.0.7 Darwin/23.4.0\nConnection: keep-alive",
    },
    Poller {
        // The time is a float; POSTs have none.
        sdk: "python-socketio (python-engineio base_client.py _get_engineio_url, client.py _write_loop)",
        target: "/socket.io/?transport=polling&EIO=4&sid=SID&t=1718000000.5",
        get: "Host: ADDR\nUser-Agent: python-requests/2.32.3\nAccept-Encoding: gzip, deflate\nAccept: */*\n\
              Connection: keep-alive",
        post: "Host: ADDR\nUser-Agent: python-requests/2.32.3\nAccept-Encoding: gzip, deflate\nAccept: */*\n\
               Connection: keep-alive\nContent-Type: text/plain\nContent-Length: SIZE",
    },
    Poller {
        // Names the address that it asks as its origin; a connection for each request, if told so.
        sdk: "elephant.io (PHP; Polling.php getDefaultHeaders and request, Version1X.php)",
        target: "/socket.io/?EIO=4&transport=polling&t=OxYz1&sid=SID",
        get: "Host: ADDR\nAccept: */*\nOrigin: http://ADDR\nReferer: http://ADDR\nUser-Agent: Elephant.io/*\n\
              Connection: close",
        post: "Host: ADDR\nContent-Type: text/plain; charset=UTF-8\nContent-Length: SIZE\nAccept: */*\n\
               Origin: http://ADDR\nReferer: http://ADDR\nUser-Agent: Elephant.io/*\nConnection: close",
    },
    Poller {
        sdk: "socket.io-client-csharp (SessionBase.cs, HttpAdapter.cs, HttpEngineIO4Adapter.cs)",
        target: "/socket.io/?EIO=4&transport=polling&sid=SID&t=1718000000123",
        get: "Host: ADDR",
        post: "Host: ADDR\nContent-Type: text/plain; charset=utf-8\nContent-Length: SIZE",
    },
    Poller {
        // No content type at all; names in lower case, as reqwest writes them.
        sdk: "rust_socketio (engineio transports/polling.rs, transport.rs)",
        target: "/socket.io/?EIO=4&transport=polling&sid=SID&t=3735928559",
        get: "accept: */*\nhost: ADDR",
        post: "accept: */*\nhost: ADDR\ncontent-length: SIZE",
    },
    Poller {
        // In a browser, so its own page's headers; times in base 36.
        sdk: "socket_io_client for Dart (polling_transport.dart, engine/socket.dart)",
        target: "/socket.io/?EIO=4&transport=polling&t=lxk2f1a3&sid=SID",
        get: "Host: ADDR\nConnection: keep-alive\nAccept: */*\nOrigin: http://localhost:5555\n\
              Sec-Fetch-Site: same-site\nSec-Fetch-Mode: cors\nReferer: http://localhost:5555/",
        post: "Host: ADDR\nConnection: keep-alive\nContent-Length: SIZE\n\
               Content-type: text/plain;charset=UTF-8\nAccept: */*\nOrigin: http://localhost:5555",
    },
    Poller {
        // Without the slash, over HTTP/1.0's successor as proxies write it: names in capitals.
        sdk: "a client with addTrailingSlash: false behind a proxy that rewrites names (Socket.IO documentation, option addTrailingSlash)",
        target: "/socket.io?EIO=4&transport=polling&t=1&sid=SID",
        get: "HOST: ADDR\nACCEPT: */*\nX-FORWARDED-FOR: 10.0.0.1",
        post: "HOST: ADDR\nCONTENT-TYPE: TEXT/PLAIN;CHARSET=UTF-8\nCONTENT-LENGTH: SIZE",
    },
];

impl Poller {
    fn get(&self, lab: &TestLab, lane: &str, sid: Option<&str>) -> String {
        let line = format!("GET {} HTTP/1.1", self.target(sid));
        let answer = ask(lab.address(lane), &format!("{line}\n{}", self.get), b"");
        assert_eq!(answer.status, 200, "{}: {}", self.sdk, answer.text());
        answer.text()
    }

    fn post(&self, lab: &TestLab, lane: &str, sid: &str, body: &str) {
        let head = format!("POST {} HTTP/1.1\n{}", self.target(Some(sid)), self.post);
        let head = head.replace("SIZE", &body.len().to_string());
        let answer = ask(lab.address(lane), &head, body.as_bytes());
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, "ok"),
            "{}",
            self.sdk
        );
    }

    fn target(&self, sid: Option<&str>) -> String {
        match sid {
            Some(sid) => self.target.replace("SID", sid),
            None => self.target.replace("&sid=SID", ""),
        }
    }

    /// Polls until an answer has this.
    fn hear(&self, lab: &TestLab, lane: &str, sid: &str, wanted: &str) -> String {
        for _ in 0..10 {
            let heard = self.get(lab, lane, Some(sid));
            if heard.contains(wanted) {
                return heard;
            }
        }
        panic!("{}: {wanted} did not come", self.sdk);
    }
}

#[test]
fn engine_io_by_polling_as_each_sdk_writes_it() {
    let lab = lab();
    for lane in ["main", "socketio-polling"] {
        for poller in &POLLERS {
            let open = poller.get(&lab, lane, None);
            let open: Value = serde_json::from_str(open.strip_prefix('0').expect("it opens"))
                .unwrap_or_else(|error| panic!("{}: {error}", poller.sdk));
            let sid = open["sid"].as_str().expect("a session has an id");
            // Swift's way: the namespace is always named, and its comma always there.
            poller.post(&lab, lane, sid, "40/echo,");
            poller.hear(&lab, lane, sid, "40/echo,{\"sid\":");
            poller.post(&lab, lane, sid, "42/echo,7[\"echo\",\"é\\u00e9😀\",10.0]");
            let heard = poller.hear(&lab, lane, sid, "43/echo,7[");
            assert!(heard.contains("é\\u00e9😀"), "{}: {heard}", poller.sdk);
            // Several packets in one body, an attachment as base64.
            let body = "451-/echo,[\"echo\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQIDBA==\u{1e}42/echo,8[\"echo\"]";
            poller.post(&lab, lane, sid, body);
            let heard = poller.hear(&lab, lane, sid, "43/echo,8[]");
            assert!(
                heard.contains("\u{1e}bAQIDBA==\u{1e}"),
                "{}: {heard}",
                poller.sdk
            );
            poller.post(&lab, lane, sid, "41/echo,\u{1e}1");
        }
    }
}

/// The default namespace, named or not, with and without what authenticates; and its end.
#[test]
fn the_default_namespace_as_each_sdk_names_it() {
    let lab = lab();
    let poller = &POLLERS[0];
    for connect in ["40", "40/,", "40{}", "40/,{}", "40/,{\"token\":\"x\"}"] {
        let open = poller.get(&lab, "main", None);
        let open: Value = serde_json::from_str(&open[1..]).expect("it opens");
        let sid = open["sid"].as_str().expect("a session has an id");
        poller.post(&lab, "main", sid, connect);
        poller.hear(&lab, "main", sid, "40{\"sid\":");
        poller.post(&lab, "main", sid, "41/,");
    }
}

/// A client that opens a WebSocket: whole heads, `PATH` for path and query.
struct Opener {
    sdk: &'static str,
    head: &'static str,
}

const OPENERS: [Opener; 12] = [
    Opener {
        sdk: "OkHttp, below socket.io-client-java (RealWebSocket, BridgeInterceptor)",
        head: "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Key: WSKEY\n\
               Sec-WebSocket-Version: 13\nSec-WebSocket-Extensions: permessage-deflate\nHost: ADDR\n\
               Accept-Encoding: gzip\nUser-Agent: okhttp/4.12.0",
    },
    Opener {
        sdk: "Java-WebSocket, below pusher-websocket-java (WebSocketClientWrapper.java)",
        head: "Connection: Upgrade\nHost: ADDR\nSec-WebSocket-Key: WSKEY\nSec-WebSocket-Version: 13\n\
               Upgrade: websocket",
    },
    Opener {
        // The origin is the address that it opens, its scheme with it.
        sdk: "Starscream, below socket.io-client-swift (HTTPHandler.swift createUpgrade)",
        head: "Host: ADDR\nOrigin: ws://ADDR\nUpgrade: websocket\nConnection: Upgrade\n\
               Sec-WebSocket-Version: 13\nSec-WebSocket-Key: WSKEY\n\
               Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits; server_max_window_bits=15",
    },
    Opener {
        sdk: "NWProtocolWebSocket, below pusher-websocket-swift (NWWebSocket)",
        head: "Host: ADDR\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Key: WSKEY\n\
               Sec-WebSocket-Version: 13\nSec-WebSocket-Protocol: ",
    },
    Opener {
        sdk: "dart:io, below socket_io_client (default_ws_connector_io.dart), protocols an empty list",
        head: "user-agent: Dart/3.5 (dart:io)\nconnection: Upgrade\ncache-control: no-cache\n\
               accept-encoding: gzip\ncontent-length: 0\nsec-websocket-version: 13\nhost: ADDR\n\
               sec-websocket-protocol:\nsec-websocket-extensions: permessage-deflate; client_max_window_bits\n\
               sec-websocket-key: WSKEY\nupgrade: websocket",
    },
    Opener {
        sdk: "websocket-client, below python-socketio and pysher (_handshake.py _get_handshake_headers)",
        head: "Upgrade: websocket\nConnection: Upgrade\nHost: ADDR\nOrigin: http://ADDR\n\
               Sec-WebSocket-Key: WSKEY\nSec-WebSocket-Version: 13",
    },
    Opener {
        sdk: "gorilla/websocket, below Go clients of both (client.go DialContext)",
        head: "Host: ADDR\nUser-Agent: Go-http-client/1.1\nConnection: Upgrade\nSec-WebSocket-Key: WSKEY\n\
               Sec-WebSocket-Version: 13\nUpgrade: websocket",
    },
    Opener {
        sdk: ".NET Framework's ClientWebSocket, below socket.io-client-csharp",
        head: "Connection: Upgrade,Keep-Alive\nUpgrade: websocket\nSec-WebSocket-Key: WSKEY\n\
               Sec-WebSocket-Version: 13\nHost: ADDR",
    },
    Opener {
        sdk: "elephant.io (PHP; Polling.php getUpgradeHeaders)",
        head: "Host: ADDR\nAccept: */*\nOrigin: http://ADDR\nReferer: http://ADDR\nUser-Agent: Elephant.io/*\n\
               Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Key: WSKEY\nSec-WebSocket-Version: 13",
    },
    Opener {
        sdk: "websocket-ruby, below pusher-websocket-ruby (handshake/handler/client04.rb)",
        head: "Upgrade: websocket\nConnection: Upgrade\nHost: ADDR\nSec-WebSocket-Version: 13\n\
               Sec-WebSocket-Key: WSKEY",
    },
    Opener {
        sdk: "WebSocket++, below socket.io-client-cpp",
        head: "Connection: Upgrade\nHost: ADDR\nSec-WebSocket-Key: WSKEY\nSec-WebSocket-Version: 13\n\
               Upgrade: websocket\nUser-Agent: WebSocket++/0.8.2",
    },
    Opener {
        // Words in capitals, a list in `Connection`, offers with parameters that nobody knows.
        sdk: "Firefox' list and old drafts' capitals (RFC 6455 §4.2.1: compared without case)",
        head: "Host: ADDR\nConnection: keep-alive, Upgrade\nUpgrade: WebSocket\nSec-WebSocket-Version: 13\n\
               Sec-WebSocket-Key: WSKEY\nSec-WebSocket-Protocol: \n\
               Sec-WebSocket-Extensions: permessage-deflate; odd=\"1, 2\"; client_max_window_bits=99, x-webkit-deflate-frame, ,",
    },
];

impl Opener {
    /// Opens it and answers the first message.
    fn open(&self, address: SocketAddr, target: &str) -> (websocket::WebSocket, Value) {
        let head = format!("GET {target} HTTP/1.1\n{}\n\n", self.head)
            .replace('\n', "\r\n")
            .replace("ADDR", &address.to_string())
            .replace("WSKEY", "dGhlIHNhbXBsZSBub25jZQ==");
        let mut http = Http::over(Connection::connect(address));
        http.connection.send(head.as_bytes()).expect("it is sent");
        let answer = http.read_head().expect("an answer comes");
        assert_eq!(answer.status, 101, "{}: {target}: {answer:?}", self.sdk);
        let accept = answer.header("sec-websocket-accept");
        // The example of RFC 6455 §1.3.
        assert_eq!(accept, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{}", self.sdk);
        // Strict clients end what selects something that they did not offer.
        assert_eq!(
            answer.header("sec-websocket-protocol"),
            None,
            "{}",
            self.sdk
        );
        assert_eq!(
            answer.header("sec-websocket-extensions"),
            None,
            "{}",
            self.sdk
        );
        let mut socket = websocket::WebSocket {
            connection: http.connection,
            handshake_bytes: (0, 0),
        };
        let first = next(&mut socket);
        let text = String::from_utf8(first.payload).expect("text is UTF-8");
        let value = match text.strip_prefix('0') {
            Some(open) => serde_json::from_str(open),
            None => serde_json::from_str(&text),
        };
        (socket, value.expect("it begins with JSON"))
    }
}

fn next(socket: &mut websocket::WebSocket) -> websocket::Frame {
    let frame = socket.next_frame().expect("a frame comes in time");
    frame.expect("the connection stays")
}

/// The next event but those that tell how many are subscribed.
fn beside_counts(socket: &mut websocket::WebSocket) -> Value {
    loop {
        let event = next(socket).json();
        if event["event"] != "pusher_internal:subscription_count" {
            return event;
        }
    }
}

fn send(socket: &mut websocket::WebSocket, text: &[u8]) {
    socket.send(TEXT, text).expect("it is sent");
}

/// Paths and queries of the Engine.IO clients, in their orders.
const ENGINE_TARGETS: [&str; 6] = [
    "/socket.io/?t=P1Wd.0&EIO=4&transport=websocket",
    "/socket.io/?transport=websocket&token=a%20b&EIO=4",
    "/socket.io/?transport=websocket&EIO=4&t=1718000000.5",
    "/socket.io/?EIO=4&transport=websocket&t=1718000000&b64=1",
    "/socket.io/?EIO=4&transport=websocket&sid=&t=1",
    "/socket.io?EIO=4&transport=websocket",
];

/// Paths and queries of the Channels clients. Protocols 5 and 6 are what those SDKs send today.
const CHANNELS_TARGETS: [(&str, &str); 7] = [
    (
        "pusher-websocket-java (PusherOptions.java URI_SUFFIX)",
        "/app/KEY?client=java-client&protocol=5&version=2.4.4",
    ),
    (
        "pusher-websocket-swift (URL+Pusher.swift)",
        "/app/KEY?client=pusher-websocket-swift&version=10.1.5&protocol=7",
    ),
    (
        "pusher-websocket-dotnet (Pusher.cs ConstructUrl)",
        "/app/KEY?protocol=5&client=pusher-dotnet-client&version=2.1.0",
    ),
    (
        "pusher-websocket-ruby (socket.rb)",
        "/app/KEY?client=pusher-ruby-client&version=0.6.2&protocol=6",
    ),
    (
        "pysher and other clients in Python",
        "/app/KEY?client=Pysher&version=1.0.8&protocol=6",
    ),
    (
        "pusher-js (documentation of protocol 7)",
        "/app/KEY?protocol=7&client=js&version=8.4.0&flash=false",
    ),
    ("clients that say nothing", "/app/KEY"),
];

#[test]
fn engine_io_by_websocket_as_each_sdk_opens_it() {
    let lab = lab();
    for opener in &OPENERS {
        for target in ENGINE_TARGETS {
            let (mut socket, open) = opener.open(lab.address("socketio-websocket"), target);
            assert!(open["sid"].is_string(), "{}: {open}", opener.sdk);
            for (said, heard) in [
                ("40/echo,", "40/echo,{\"sid\""),
                ("42/echo,1[\"echo\",\"é\"]", "43/echo,1[\"é\"]"),
            ] {
                send(&mut socket, said.as_bytes());
                while !next(&mut socket).payload.starts_with(heard.as_bytes()) {}
            }
        }
    }
}

#[test]
fn channels_by_websocket_as_each_sdk_opens_them() {
    let lab = lab();
    for opener in &OPENERS {
        for (sdk, target) in CHANNELS_TARGETS {
            let target = target.replace("KEY", KEY);
            let (mut socket, hello) = opener.open(lab.address("channels"), &target);
            assert_eq!(hello["event"], "pusher:connection_established", "{sdk}");
            let data: Value = serde_json::from_str(hello["data"].as_str().expect("text"))
                .expect("JSON in a string");
            let id = data["socket_id"].as_str().expect("a socket_id");
            let auth =
                |text: String| format!("{KEY}:{}", Secret::new(SECRET).sign(text.as_bytes()));
            let private = auth(auth::channel_text(id, "private-a", None));
            let member = r#"{"user_id":10,"user_info":{"name":"Ü"}}"#;
            let presence = auth(auth::channel_text(id, "presence-a", Some(member)));
            for (channel, frame) in [
                // A Java HashMap has no order that is ours.
                (
                    "java",
                    json!({"event":"pusher:subscribe","data":{"channel":"java"}}),
                ),
                // Ruby sends what it has not.
                (
                    "ruby",
                    json!({"event":"pusher:subscribe","data":{"channel":"ruby","auth":null,"channel_data":null}}),
                ),
                (
                    "private-a",
                    json!({"data":{"auth":private,"channel":"private-a"},"event":"pusher:subscribe"}),
                ),
                (
                    "presence-a",
                    json!({"event":"pusher:subscribe","data":{"channel_data":member,"auth":presence,"channel":"presence-a"}}),
                ),
            ] {
                send(&mut socket, frame.to_string().as_bytes());
                let answer = beside_counts(&mut socket);
                assert_eq!(
                    (&answer["event"], &answer["channel"]),
                    (
                        &json!("pusher_internal:subscription_succeeded"),
                        &json!(channel)
                    ),
                    "{sdk}: {answer}"
                );
            }
            // Ruby answers a ping with no data.
            for pong in [
                json!({"event":"pusher:pong","data":null}),
                json!({"event":"pusher:ping"}),
            ] {
                send(&mut socket, pong.to_string().as_bytes());
            }
            let answer = beside_counts(&mut socket);
            assert_eq!(answer["event"], "pusher:pong", "{sdk}: {answer}");
        }
    }
}

/// A call of the signed HTTP API.
struct Call {
    sdk: &'static str,
    method: &'static str,
    /// On the wire, the query in the SDK's order and encoding.
    target: &'static str,
    /// The path that it signs, where it is not the one that it sends.
    signed_path: Option<&'static str>,
    /// Parameters that it signs beside the usual ones: decoded.
    also: &'static [(&'static str, &'static str)],
    headers: &'static str,
    body: Option<&'static str>,
    answer: &'static str,
}

const JSON_BODY: &str = r#"{"name":"e","channels":["wire"],"data":"{\"a\":\"\\u00fc\"}"}"#;
const EMPTY_CHANNEL: &str = r#"{"occupied":false}"#;

const CALLS: [Call; 24] = [
    Call {
        // A Java HashMap's order; commas encoded.
        sdk: "pusher-http-java (SignatureUtil.java, Pusher.java doPost); Apache HttpClient",
        method: "POST",
        target: "/apps/3/events?body_md5=MD5&auth_signature=SIG&auth_timestamp=NOW&auth_key=KEY&auth_version=1.0",
        signed_path: None,
        also: &[],
        headers: "Content-Length: SIZE\nContent-Type: application/json\nHost: ADDR\nConnection: Keep-Alive\n\
                  User-Agent: Apache-HttpClient/4.5.13 (Java/17.0.9)\nAccept-Encoding: gzip,deflate",
        body: Some(
            r#"{"channels":["wire"],"name":"e","data":"{\"a\":\"\u003cb\u003e\"}","socket_id":"1.1"}"#,
        ),
        answer: "{}",
    },
    Call {
        sdk: "pusher-http-java get(\"/channels\", {info, filter_by_prefix})",
        method: "GET",
        target: "/apps/3/channels?filter_by_prefix=presence-&auth_signature=SIG&auth_timestamp=NOW&auth_key=KEY&\
                 info=user_count%2Csubscription_count&auth_version=1.0",
        signed_path: None,
        also: &[
            ("filter_by_prefix", "presence-"),
            ("info", "user_count,subscription_count"),
        ],
        headers: "Host: ADDR\nConnection: Keep-Alive\nUser-Agent: Apache-HttpClient/4.5.13 (Java/17.0.9)\n\
                  Accept-Encoding: gzip,deflate",
        body: None,
        answer: r#"{"channels":{}}"#,
    },
    Call {
        // Encodes the path that it sends and signs the one that it was given.
        sdk: "pusher-http-java get(\"/channels/#server-to-user-7\") (URIBuilder.setPath)",
        method: "GET",
        target: "/apps/3/channels/%23server-to-user-7?auth_signature=SIG&auth_timestamp=NOW&auth_key=KEY&auth_version=1.0",
        signed_path: Some("/apps/3/channels/#server-to-user-7"),
        also: &[],
        headers: "Host: ADDR\nConnection: Keep-Alive",
        body: None,
        answer: EMPTY_CHANNEL,
    },
    Call {
        // Async HTTP client.
        sdk: "pusher-http-java PusherAsync, a batch",
        method: "POST",
        target: "/apps/3/batch_events?body_md5=MD5&auth_signature=SIG&auth_timestamp=NOW&auth_key=KEY&auth_version=1.0",
        signed_path: None,
        also: &[],
        headers: "Content-Type: application/json\nhost: ADDR\naccept: */*\nuser-agent: AHC/2.1\ncontent-length: SIZE",
        body: Some(
            r#"{"batch":[{"channel":"wire","name":"e","data":"1"},{"channel":"wire-2","name":"e","data":"{}"}]}"#,
        ),
        answer: "{}",
    },
    Call {
        sdk: "pusher-http-php (Pusher.php sign, post); Guzzle with cURL",
        method: "POST",
        target: "/apps/3/events?auth_key=KEY&auth_timestamp=NOW&auth_version=1.0&body_md5=MD5&auth_signature=SIG",
        signed_path: None,
        also: &[],
        headers: "Host: ADDR\nUser-Agent: GuzzleHttp/7\nContent-Type: application/json\n\
                  X-Pusher-Library: pusher-http-php 7.2.7\nContent-Length: SIZE",
        body: Some(r#"{"name":"e","data":"{\"url\":\"http:\\\/\\\/a\"}","channels":["wire"]}"#),
        answer: "{}",
    },
    Call {
        // cURL asks first where a body is large.
        sdk: "pusher-http-php with cURL's own Expect",
        method: "POST",
        target: "/apps/3/events?auth_key=KEY&auth_timestamp=NOW&auth_version=1.0&body_md5=MD5&auth_signature=SIG",
        signed_path: None,
        also: &[],
        headers: "Host: ADDR\nUser-Agent: GuzzleHttp/6.5.5 curl/7.88.1 PHP/8.2.7\nContent-Type: application/json\n\
                  Content-Length: SIZE\nExpect: 100-continue",
        body: Some(JSON_BODY),
        answer: "{}",
    },
    Call {
        // A GET names the type of the body that it has not; http_build_query encodes the comma.
        sdk: "pusher-http-php getChannels",
        method: "GET",
        target: "/apps/3/channels?auth_key=KEY&auth_timestamp=NOW&auth_version=1.0&filter_by_prefix=presence-&\
                 info=user_count%2Csubscription_count&auth_signature=SIG",
        signed_path: None,
        also: &[
            ("filter_by_prefix", "presence-"),
            ("info", "user_count,subscription_count"),
        ],
        headers: "Host: ADDR\nUser-Agent: GuzzleHttp/7\nContent-Type: application/json\n\
                  X-Pusher-Library: pusher-http-php 7.2.7",
        body: None,
        answer: r#"{"channels":{}}"#,
    },
    Call {
        sdk: "pusher-http-php terminateUserConnections",
        method: "POST",
        target: "/apps/3/users/7/terminate_connections?auth_key=KEY&auth_timestamp=NOW&auth_version=1.0&body_md5=MD5&auth_signature=SIG",
        signed_path: None,
        also: &[],
        headers: "Host: ADDR\nContent-Type: application/json\nContent-Length: SIZE",
        body: Some("{}"),
        answer: "{}",
    },
    Call {
        // url.Values sorted, the signature sorted in among them, nothing encoded.
        sdk: "pusher-http-go (request_url.go createRequestURL); net/http",
        method: "POST",
        target: "/apps/3/events?auth_key=KEY&auth_signature=SIG&auth_timestamp=NOW&auth_version=1.0&body_md5=MD5",
        signed_path: None,
        also: &[],
        headers: "Host: ADDR\nUser-Agent: Go-http-client/1.1\nContent-Length: SIZE\n\
                  Content-Type: application/json\nX-Pusher-Library: pusher-http-go 5.1.1\nAccept-Encoding: gzip",
        body: Some(
            r#"{"channels":["wire"],"data":"\"\u0026\"","info":"subscription_count","name":"e"}"#,
        ),
        answer: r#"{"channels":{"wire":{"subscription_count":0}}}"#,
    },
    Call {
        sdk: "pusher-http-go Channels",
        method: "GET",
        target: "/apps/3/channels?auth_key=KEY&auth_signature=SIG&auth_timestamp=NOW&auth_version=1.0&\
                 filter_by_prefix=presence-a=b@c&info=user_count,subscription_count",
        signed_path: None,
        also: &[
            ("filter_by_prefix", "presence-a=b@c"),
            ("info", "user_count,subscription_count"),
        ],
        headers: "Host: ADDR\nUser-Agent: Go-http-client/1.1\nContent-Type: application/json\n\
                  X-Pusher-Library: pusher-http-go 5.1.1\nAccept-Encoding: gzip",
        body: None,
        answer: r#"{"channels":{}}"#,
    },
    Call {
        sdk: "pusher-http-go TriggerBatch",
        method: "POST",
        target: "/apps/3/batch_events?auth_key=KEY&auth_signature=SIG&auth_timestamp=NOW&auth_version=1.0&body_md5=MD5",
        signed_path: None,
        also: &[],
        headers: "Host: ADDR\nUser-Agent: Go-http-client/1.1\nContent-Length: SIZE\nContent-Type: application/json",
        body: Some(
            r#"{"batch":[{"channel":"wire","name":"e","data":"1","info":"subscription_count"}]}"#,
        ),
        answer: r#"{"batch":[{"subscription_count":0}]}"#,
    },
    Call {
        // httpclient adds a date and encodes in the query what it may.
        sdk: "pusher-http-ruby (request.rb; pusher-signature); httpclient",
        method: "POST",
        target: "/apps/3/events?body_md5=MD5&auth_version=1.0&auth_key=KEY&auth_timestamp=NOW&auth_signature=SIG",
        signed_path: None,
        also: &[],
        headers: "X-Pusher-Library: pusher-http-ruby 2.0.3\nContent-Type: application/json\n\
                  User-Agent: HTTPClient/1.0 (2.8.3, ruby 3.2.2 (2023-03-30))\nAccept: */*\n\
                  Date: Mon, 10 Jun 2024 06:13:20 GMT\nContent-Length: SIZE\nHost: ADDR",
        body: Some(r#"{"name":"e","channels":["wire"],"data":"{\"message\":\"hällo\"}"}"#),
        answer: "{}",
    },
    Call {
        sdk: "pusher-http-ruby channel_info",
        method: "GET",
        target: "/apps/3/channels/presence-a?info=user_count%2Csubscription_count&auth_version=1.0&auth_key=KEY&\
                 auth_timestamp=NOW&auth_signature=SIG",
        signed_path: None,
        also: &[("info", "user_count,subscription_count")],
        headers: "X-Pusher-Library: pusher-http-ruby 2.0.3\nUser-Agent: HTTPClient/1.0 (2.8.3, ruby 3.2.2)\n\
                  Accept: */*\nHost: ADDR",
        body: None,
        answer: r#"{"occupied":false,"subscription_count":0,"user_count":0}"#,
    },
    Call {
        // The signature first, then sorted.
        sdk: "pusher-http-dotnet (AuthenticatedRequestFactory.cs, PusherRestClient.cs)",
        method: "POST",
        target: "/apps/3/events?auth_signature=SIG&auth_key=KEY&auth_timestamp=NOW&auth_version=1.0&body_md5=MD5",
        signed_path: None,
        also: &[],
        headers: "Host: ADDR\nAccept: application/json\nPusher-Library-Name: pusher-http-dotnet\n\
                  Pusher-Library-Version: 5.0.0\nContent-Type: application/json; charset=utf-8\nContent-Length: SIZE",
        body: Some(r#"{"name":"e","data":"{\"a\":1}","channels":["wire"]}"#),
        answer: "{}",
    },
    Call {
        // The old framework's client asks first, and leaves nulls in.
        sdk: "pusher-http-dotnet on .NET Framework (HttpClient's Expect), a serializer that writes nulls",
        method: "POST",
        target: "/apps/3/events?auth_signature=SIG&auth_key=KEY&auth_timestamp=NOW&auth_version=1.0&body_md5=MD5",
        signed_path: None,
        also: &[],
        headers: "Accept: application/json\nContent-Type: application/json; charset=utf-8\nHost: ADDR\n\
                  Content-Length: SIZE\nExpect: 100-continue\nConnection: Keep-Alive",
        body: Some(r#"{"name":"e","data":"{}","channels":["wire"],"socket_id":null,"info":null}"#),
        answer: "{}",
    },
    Call {
        sdk: "pusher-http-dotnet FetchUsersFromPresenceChannel",
        method: "GET",
        target: "/apps/3/channels/presence-a/users?auth_signature=SIG&auth_key=KEY&auth_timestamp=NOW&auth_version=1.0",
        signed_path: None,
        also: &[],
        headers: "Host: ADDR\nAccept: application/json\nPusher-Library-Name: pusher-http-dotnet",
        body: None,
        answer: r#"{"users":[]}"#,
    },
    Call {
        // Sorted, the signature among them; the MD5 of nothing on GET.
        sdk: "pusher-http-python (http.py _generate_auth, make_query_string); requests",
        method: "GET",
        target: "/apps/3/channels?auth_key=KEY&auth_signature=SIG&auth_timestamp=NOW&auth_version=1.0&body_md5=MD5&\
                 filter_by_prefix=presence-&info=user_count,subscription_count",
        signed_path: None,
        also: &[
            ("body_md5", "MD5"),
            ("filter_by_prefix", "presence-"),
            ("info", "user_count,subscription_count"),
        ],
        headers: "Host: ADDR\nUser-Agent: python-requests/2.32.3\nAccept-Encoding: gzip, deflate\nAccept: */*\n\
                  Connection: keep-alive\nX-Pusher-Library: pusher-http-python 3.3.3",
        body: None,
        answer: r#"{"channels":{}}"#,
    },
    Call {
        sdk: "pusher-http-python trigger (json.dumps: spaces, ASCII)",
        method: "POST",
        target: "/apps/3/events?auth_key=KEY&auth_signature=SIG&auth_timestamp=NOW&auth_version=1.0&body_md5=MD5",
        signed_path: None,
        also: &[],
        headers: "Host: ADDR\nUser-Agent: python-requests/2.32.3\nAccept-Encoding: gzip, deflate\nAccept: */*\n\
                  Connection: keep-alive\nX-Pusher-Library: pusher-http-python 3.3.3\nContent-Type: application/json\n\
                  Content-Length: SIZE",
        body: Some(r#"{"name": "e", "channels": ["wire"], "data": "{\"a\": \"\\ud83d\\ude00\"}"}"#),
        answer: "{}",
    },
    Call {
        // No application in the path.
        sdk: "pusher-http-python terminate_user_connections",
        method: "POST",
        target: "/users/7/terminate_connections?auth_key=KEY&auth_signature=SIG&auth_timestamp=NOW&auth_version=1.0&body_md5=MD5",
        signed_path: None,
        also: &[],
        headers: "Host: ADDR\nContent-Type: application/json\nContent-Length: SIZE",
        body: Some("{}"),
        answer: "{}",
    },
    Call {
        // A path's semicolon is encoded on the wire and not in what is signed.
        sdk: "pusher-http-swift (AuthInfo.swift, GetChannelEndpoint.swift); URLComponents",
        method: "GET",
        target: "/apps/3/channels/a%3Bb?auth_key=KEY&auth_timestamp=NOW&auth_version=1.0&info=subscription_count&auth_signature=SIG",
        signed_path: Some("/apps/3/channels/a;b"),
        also: &[("info", "subscription_count")],
        headers: "Host: ADDR\nContent-Type: application/json\nAccept: */*\nX-Pusher-Library: pusher-http-swift 1.0.0\n\
                  User-Agent: Demo/1 CFNetwork/1494.0.7 Darwin/23.4.0\nAccept-Encoding: gzip, deflate\nConnection: keep-alive",
        body: None,
        answer: r#"{"occupied":false,"subscription_count":0}"#,
    },
    Call {
        // Keys sorted, slashes escaped.
        sdk: "pusher-http-swift (TriggerEventEndpoint.swift, Event.swift)",
        method: "POST",
        target: "/apps/3/events?auth_key=KEY&auth_timestamp=NOW&auth_version=1.0&body_md5=MD5&auth_signature=SIG",
        signed_path: None,
        also: &[],
        headers: "Host: ADDR\nContent-Type: application/json\nContent-Length: SIZE\nConnection: keep-alive",
        body: Some(r#"{"channels":["wire"],"data":"{\"a\":\"\/\"}","name":"e"}"#),
        answer: "{}",
    },
    Call {
        sdk: "end-to-end encryption, as all of them send it (Channels documentation, \"End-to-end encryption\")",
        method: "POST",
        target: "/apps/3/events?auth_key=KEY&auth_timestamp=NOW&auth_version=1.0&body_md5=MD5&auth_signature=SIG",
        signed_path: None,
        also: &[],
        headers: "Host: ADDR\nContent-Type: application/json\nContent-Length: SIZE",
        body: Some(
            r#"{"name":"e","channels":["private-encrypted-a"],"data":"{\"nonce\":\"4sVYwy4j\/8dCcjyxtPCWyk19GaaViaW9\",\"ciphertext\":\"\/GMESnFGlbNn01BuBjp31XYa3i9vZsGKR8fgR9EDhXKx3lzGiUD501A=\"}"}"#,
        ),
        answer: "{}",
    },
    Call {
        sdk: "one channel as \"channels\":\"…\", and names of parameters in capitals (clients written by hand)",
        method: "POST",
        target: "/apps/3/events?AUTH_KEY=KEY&auth_timestamp=NOW&auth_version=1.0&BODY_MD5=MD5&auth_signature=SIG",
        signed_path: None,
        also: &[],
        headers: "host: ADDR\ncontent-length: SIZE",
        body: Some(r#"{"name":"e","channels":"wire","data":"1","socket_id":""}"#),
        answer: "{}",
    },
    Call {
        sdk: "HTTP/1.0 without a name (ab, old proxies)",
        method: "GET",
        target: "/apps/3/channels/a%2Cb%40c?auth_key=KEY&auth_timestamp=NOW&auth_version=1.0&auth_signature=SIG",
        signed_path: None,
        also: &[],
        headers: "1.0",
        body: None,
        answer: EMPTY_CHANNEL,
    },
];

fn sorted(answer: &str) -> Value {
    serde_json::from_str(answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[test]
fn the_http_api_as_each_sdk_calls_it() {
    let lab = lab();
    let mut refused = Vec::new();
    for lane in ["main", "channels"] {
        for call in &CALLS {
            let body = call.body.unwrap_or_default();
            let md5 = auth::hex(&Md5::digest(body));
            let now = (clock::time_of_day_us() / 1_000_000).to_string();
            let mut signed = vec![
                ("auth_key", KEY),
                ("auth_timestamp", &now),
                ("auth_version", "1.0"),
            ];
            if call.body.is_some() {
                signed.push(("body_md5", &md5));
            }
            let also = call.also.iter();
            signed.extend(also.map(|(name, value)| match *value {
                "MD5" => (*name, &*md5),
                value => (*name, value),
            }));
            signed.sort_unstable();
            let signed: Vec<_> = signed.iter().map(|(n, v)| format!("{n}={v}")).collect();
            let (path, _) = call.target.split_once('?').expect("it is signed");
            let text = [
                call.method,
                call.signed_path.unwrap_or(path),
                &signed.join("&"),
            ]
            .join("\n");
            let signature = Secret::new(SECRET).sign(text.as_bytes());
            // Values of signing only: names have the same letters.
            let target = call
                .target
                .replace("=KEY", &format!("={KEY}"))
                .replace("=NOW", &format!("={now}"))
                .replace("=MD5", &format!("={md5}"))
                .replace("=SIG", &format!("={signature}"));
            let head = match call.headers {
                "1.0" => format!("{} {target} HTTP/1.0", call.method),
                headers => format!("{} {target} HTTP/1.1\n{headers}", call.method),
            };
            let head = head.replace("SIZE", &body.len().to_string());
            let answer = ask(lab.address(lane), &head, body.as_bytes());
            if answer.status != 200 || sorted(&answer.text()) != sorted(call.answer) {
                refused.push(format!("{}: {} {}", call.sdk, answer.status, answer.text()));
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// Where clients ask who they are: forms, in the encodings of each.
#[test]
fn the_auth_endpoints_as_each_sdk_asks_them() {
    let lab = lab();
    const FORMS: [(&str, &str, &str); 6] = [
        (
            "pusher-websocket-java (BaseHttpAuthClient.java, UrlEncodedConnectionFactory.java); HttpURLConnection",
            "charset: UTF-8\nContent-Type: application/x-www-form-urlencoded\nCache-Control: no-cache\n\
             Pragma: no-cache\nUser-Agent: Java/17.0.9\nHost: ADDR\n\
             Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\nConnection: keep-alive",
            "socket_id=1.1&channel_name=private-a%3Bb",
        ),
        (
            "pusher-websocket-swift (PusherConnection.swift requestForAuthValue); URLSession",
            "Host: ADDR\nContent-Type: application/x-www-form-urlencoded\nAccept: */*\nConnection: keep-alive",
            "socket_id=1.1&channel_name=private-a%3Bb",
        ),
        (
            "pusher-websocket-dotnet (HttpChannelAuthorizer.cs); FormUrlEncodedContent",
            "Host: ADDR\nContent-Type: application/x-www-form-urlencoded",
            "channel_name=private-a%3Bb&socket_id=1.1",
        ),
        (
            "clients that name no type (older pusher-websocket-swift)",
            "Host: ADDR",
            "socket_id=1.1&channel_name=private-a%3Bb",
        ),
        (
            "clients that send JSON (Flutter and React Native code, Laravel Echo with axios)",
            "Host: ADDR\nAccept: application/json, text/plain, */*\nContent-Type: application/json;charset=utf-8",
            r#"{"socket_id":"1.1","channel_name":"private-a;b"}"#,
        ),
        (
            "fetch with FormData",
            "Host: ADDR\nContent-Type: multipart/form-data; boundary=----WebKitFormBoundaryA",
            "------WebKitFormBoundaryA\r\nContent-Disposition: form-data; name=\"socket_id\"\r\n\r\n1.1\r\n\
             ------WebKitFormBoundaryA\r\nContent-Disposition: form-data; name=\"channel_name\"\r\n\r\nprivate-a;b\r\n\
             ------WebKitFormBoundaryA--\r\n",
        ),
    ];
    for (sdk, headers, body) in FORMS {
        let head = format!(
            "POST /pusher/auth HTTP/1.1\n{headers}\nContent-Length: {}",
            body.len()
        );
        let answer = ask(lab.address("main"), &head, body.as_bytes());
        assert_eq!(answer.status, 200, "{sdk}: {}", answer.text());
        let auth = answer.json()["auth"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let demo = lab.apps().demo_app().expect("there is a demo");
        let settings = &demo.settings;
        let text = auth::channel_text("1.1", "private-a;b", None);
        let right = format!("{}:{}", settings.key, settings.secret.sign(text.as_bytes()));
        assert_eq!(auth, right, "{sdk}");
    }
}
