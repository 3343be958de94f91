//! Lanes that speak TLS: every transport once, the bytes both plain and encrypted, and what is no
//! TLS at all.
//!
//! The clients are those of the other tests. They speak to a [`Relay`] that puts TLS around what
//! they say and counts what it puts on the wire, so the lane's figures can be held to it.

use std::{
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    thread,
    time::{Duration, Instant},
};

use pushlab::{
    config::{Config, Span, apps::AppSettings},
    lane::LaneId,
};
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsConnector;

use crate::support::{
    self, PATIENCE, TestLab,
    certificate::{Certificate, builder},
    connection::Connection,
    eventually,
    http::Http,
    spawn_lab,
    sse::EventStream,
    test_config,
    websocket::WebSocket,
};

const KEY: &str = "tls-key";

fn lab(files: &Certificate, change: impl FnOnce(&mut Config)) -> TestLab {
    let app = AppSettings {
        plain_channels: true,
        tls_only: true,
        ..AppSettings::new("1", KEY, "secret")
    };
    let mut config = Config {
        tls_cert: files.cert(),
        tls_key: files.key(),
        apps: vec![app],
        ..test_config()
    };
    change(&mut config);
    spawn_lab(config)
}

/// Encrypted bytes that passed.
#[derive(Default)]
struct Passed {
    up: AtomicU64,
    down: AtomicU64,
}

struct Counted(TcpStream, Arc<Passed>);

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.0).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        self.1.down.fetch_add(read as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.0).poll_write(context, bytes))?;
        self.1.up.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Takes plain connections and passes them on over TLS. Ends with the test's process.
struct Relay {
    address: SocketAddr,
    passed: Arc<Passed>,
}

impl Relay {
    fn to(lane: SocketAddr, files: &Certificate) -> Self {
        let connector = TlsConnector::from(Arc::new(files.client(&["http/1.1"])));
        let passed = Arc::<Passed>::default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let counted = passed.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((mut plain, _)) = listener.accept().await {
                    let (connector, counted) = (connector.clone(), counted.clone());
                    tokio::spawn(async move {
                        let io = Counted(TcpStream::connect(lane).await?, counted);
                        let name = ServerName::try_from("localhost").unwrap();
                        let mut secured = connector.connect(name, io).await?;
                        copy_bidirectional(&mut plain, &mut secured).await
                    });
                }
            });
        });
        Self { address, passed }
    }

    fn passed(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.passed.up), read(&self.passed.down))
    }
}

fn publish(lab: &TestLab, files: &Certificate, channel: &str, data: Value) {
    let main = Relay::to(lab.address("main"), files);
    support::publish(&mut Http::connect(main.address), channel, "tick", data);
}

// Every transport

#[test]
fn every_transport_works() {
    let files = Certificate::new();
    let lab = lab(&files, |_| ());
    let at = |lane: &str| Relay::to(lab.address(lane), &files).address;
    let mut stream = EventStream::open(at("sse"), "news");
    stream.expect("subscribed");
    let mut socket = WebSocket::open(at("websocket"), "news");
    socket.expect_subscribed();
    let mut held = Http::connect(at("long-poll"));
    held.send_request("GET", "/long-poll/news", &[], b"")
        .unwrap();
    eventually(PATIENCE, "all three listen", || {
        lab.subscribers("news") == 3
    });
    publish(&lab, &files, "news", json!({"n": 1}));
    assert_eq!(stream.expect("message")["data"]["n"], 1);
    assert_eq!(socket.expect_json()["data"]["n"], 1);
    let polled = held.read_answer().unwrap().json();
    assert_eq!(polled["publications"][0]["data"]["n"], 1);
    let polled = Http::connect(at("short-poll"))
        .get("/short-poll/news?history=1")
        .json();
    assert_eq!(polled["publications"][0]["data"]["n"], 1);
    socket.publish("tick", &json!({"n": 2}), "id").unwrap();
    assert_eq!(stream.expect("message")["data"]["n"], 2);
}

#[test]
fn channels_works_and_an_application_that_wants_tls_is_content() {
    let files = Certificate::new();
    let lab = lab(&files, |_| ());
    let at = |lane: &str| Relay::to(lab.address(lane), &files).address;
    let path = format!("/app/{KEY}?protocol=7");
    let mut socket = WebSocket::open_path(Connection::connect(at("channels")), &path).unwrap();
    assert_eq!(
        socket.expect_json()["event"],
        "pusher:connection_established"
    );
    let target = format!("/pusher/app/{KEY}/1/a/xhr?protocol=7");
    let answer = Http::connect(at("channels-polling")).request("POST", &target, &[], b"");
    assert!(answer.text().starts_with("o\n"), "{}", answer.text());
    assert!(!answer.text().contains("\nc["), "{}", answer.text());
    let target = format!("/pusher/app/{KEY}/1/b/xhr_streaming?protocol=7");
    let mut http = Http::connect(at("channels-streaming"));
    http.send_request("POST", &target, &[], b"").unwrap();
    assert_eq!(http.read_head().unwrap().status, 200);
    assert_eq!(http.read_chunk().unwrap().unwrap().bytes, b"o\n");
    let established = http.read_chunk().unwrap().unwrap().bytes;
    assert!(
        established.starts_with(b"a["),
        "{}",
        established.escape_ascii()
    );
}

#[test]
fn socket_io_works() {
    let files = Certificate::new();
    let lab = lab(&files, |_| ());
    let at = |lane: &str| Relay::to(lab.address(lane), &files).address;
    let polled = Http::connect(at("socketio-polling")).get("/socket.io/?EIO=4&transport=polling");
    assert!(polled.text().starts_with("0{\"sid\":"), "{}", polled.text());
    let path = "/socket.io/?EIO=4&transport=websocket";
    let connection = Connection::connect(at("socketio-websocket"));
    let mut socket = WebSocket::open_path(connection, path).unwrap();
    let open = socket.next().unwrap().unwrap().payload;
    assert!(open.starts_with(b"0{\"sid\":"), "{}", open.escape_ascii());
}

#[test]
fn much_arrives_whole_whoever_reads_late() {
    const EVENTS: u64 = 40;
    let files = Certificate::new();
    let lab = lab(&files, |config| config.subscriber_queue_max_bytes = 8 << 20);
    let mut socket = WebSocket::open(Relay::to(lab.address("websocket"), &files).address, "news");
    let mut stream = EventStream::open(Relay::to(lab.address("sse"), &files).address, "news");
    socket.expect_subscribed();
    stream.expect("subscribed");
    let main = Relay::to(lab.address("main"), &files);
    let mut http = Http::connect(main.address);
    for n in 0..EVENTS {
        let data = json!({"n": n, "pad": "x".repeat(60_000)});
        support::publish(&mut http, "news", "tick", data);
    }
    for n in 0..EVENTS {
        assert_eq!(socket.expect_json()["data"]["n"], n);
        assert_eq!(stream.expect("message")["data"]["n"], n);
    }
}

#[test]
fn departures_are_noticed_as_without() {
    let files = Certificate::new();
    let lab = lab(&files, |_| ());
    let socket = WebSocket::open(
        Relay::to(lab.address("websocket"), &files).address,
        "news?client=ann",
    );
    let stream = EventStream::open(
        Relay::to(lab.address("sse"), &files).address,
        "news?client=bob",
    );
    eventually(PATIENCE, "both are there", || {
        lab.present("news") == ["ann", "bob"]
    });
    drop(stream);
    eventually(PATIENCE, "the stream has gone", || {
        lab.present("news") == ["ann"]
    });
    socket.connection.reset();
    eventually(PATIENCE, "the socket has gone", || {
        lab.present("news").is_empty()
    });
}

#[test]
fn addresses_and_pages_say_so() {
    let files = Certificate::new();
    let lab = lab(&files, |_| ());
    assert!(
        lab.lanes()
            .iter()
            .all(|lane| lane.url.starts_with("https://127.0.0.1:"))
    );
    let main = Relay::to(lab.address("main"), &files);
    let mut http = Http::connect(main.address);
    for lane in http.get("/api/lab").json()["lanes"].as_array().unwrap() {
        assert!(
            lane["url"].as_str().unwrap().starts_with("https://"),
            "{lane}"
        );
    }
    let page = http.get("/");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("https://lab:* wss://lab:*"), "{policy}");
    assert!(
        page.text().contains("https://lab:"),
        "the lanes in the page's data"
    );
}

// Bytes

#[test]
fn plain_bytes_are_counted_by_layer_and_encrypted_ones_beside_them() {
    let files = Certificate::new();
    let lab = lab(&files, |_| ());
    for lane in ["websocket", "sse", "short-poll"] {
        let relay = Relay::to(lab.address(lane), &files);
        let channel = format!("bytes-{lane}");
        let data = json!({"text": "é"});
        let (up, down) = match lane {
            "websocket" => {
                let mut socket = WebSocket::open(relay.address, &channel);
                socket.expect_subscribed();
                publish(&lab, &files, &channel, data.clone());
                socket.expect_json();
                socket.send_close(1000).unwrap();
                while socket.next().unwrap().is_some() {}
                let connection = &socket.connection;
                (connection.sent_bytes(), connection.received_bytes())
            }
            "sse" => {
                let mut stream = EventStream::open(relay.address, &channel);
                stream.expect("subscribed");
                publish(&lab, &files, &channel, data.clone());
                stream.expect("message");
                let connection = &stream.http.connection;
                (connection.sent_bytes(), connection.received_bytes())
            }
            _ => {
                publish(&lab, &files, &channel, data.clone());
                let mut http = Http::connect(relay.address);
                http.get(&format!("/short-poll/{channel}?history=1"));
                (
                    http.connection.sent_bytes(),
                    http.connection.received_bytes(),
                )
            }
        };
        let mut series = Value::Null;
        eventually(PATIENCE, "the connection is over and counted", || {
            if lab.connections_open(lane_named(lane)) > 0 {
                return false;
            }
            let main = Relay::to(lab.address("main"), &files);
            let stats = support::stats(&mut Http::connect(main.address), &channel);
            let all = stats["series"].as_array().unwrap();
            let of_lane = all.iter().find(|series| series["transport"] == lane);
            series = of_lane.cloned().unwrap_or_default();
            (&series["up"]["tls"], &series["down"]["tls"])
                == (&json!(relay.passed().0), &json!(relay.passed().1))
        });
        assert_eq!(series["up"]["total"], up, "{lane}");
        assert_eq!(series["down"]["total"], down, "{lane}");
        assert_eq!(series["down"]["payload"], data.to_string().len(), "{lane}");
        let figure = |way: &str, layer: &str| series[way][layer].as_u64().unwrap();
        for way in ["up", "down"] {
            let layers = ["http_headers", "framing", "envelope", "payload"];
            let sum: u64 = layers.iter().map(|layer| figure(way, layer)).sum();
            assert_eq!(sum, figure(way, "total"), "{lane} {way}");
            // A handshake and a record at the least.
            assert!(figure(way, "tls") > figure(way, "total") + 100, "{series}");
            let wire = series["tcp"][format!("wire_bytes_{way}")].as_u64().unwrap();
            assert!(wire > figure(way, "tls"), "{series}");
        }
    }
    let main = Relay::to(lab.address("main"), &files);
    let metrics = Http::connect(main.address).get("/metrics").text();
    assert!(
        metrics.contains("pushlab_tls_bytes_sent_total{"),
        "{metrics}"
    );
    assert!(metrics.contains("pushlab_tls_bytes_received_total{"));
}

fn lane_named(name: &str) -> &'static str {
    let all = pushlab::catalogue::LANES.iter();
    all.map(|lane| lane.id.0)
        .find(|lane| *lane == name)
        .unwrap_or(LaneId::MAIN.0)
}

// What is no TLS

#[test]
fn plain_http_is_told_what_to_do() {
    let files = Certificate::new();
    let lab = lab(&files, |_| ());
    let mut http = Http::connect(lab.address("main"));
    let answer = http.get("/");
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("https://"), "{}", answer.text());
    http.connection.read_to_fin().unwrap();
    publish(&lab, &files, "news", json!(1));
}

#[test]
fn what_is_no_request_is_told_what_to_do_encrypted_too() {
    let files = Certificate::new();
    let lab = lab(&files, |_| ());
    let large = format!("GET / HTTP/1.1\r\nhost: lab\r\nx: {}", "y".repeat(300_000));
    for (bytes, status, code) in [
        ("nonsense\r\n\r\n", 400, "bad_head"),
        (&*large, 431, "head_too_large"),
    ] {
        let mut http = Http::connect(Relay::to(lab.address("sse"), &files).address);
        // The server may be done with it before it has all.
        let _ = http.connection.send(bytes.as_bytes());
        let answer = http.read_answer().expect("an answer comes");
        assert_eq!((answer.status, &*answer.error_code()), (status, code));
    }
}

#[test]
fn bytes_that_are_no_handshake_end_their_connection_and_no_other() {
    let files = Certificate::new();
    let lab = lab(&files, |_| ());
    let mut stream = EventStream::open(Relay::to(lab.address("sse"), &files).address, "news");
    stream.expect("subscribed");
    for garbage in [
        &b"\x16\x03\x01\x00\x05hello"[..],
        b"\x16\xff\xff\xff\xff\xff\xff\xff\xff",
        &[0x16; 5_000],
        b"\x00\x01\x02\x03",
        b"\xff\xff",
    ] {
        let mut connection = Connection::connect(lab.address("sse"));
        connection.send(garbage).unwrap();
        // A FIN or an RST, after an alert or not.
        let _ = connection.read_to_fin();
    }
    eventually(PATIENCE, "they are gone", || {
        lab.connections_open("sse") == 1
    });
    publish(&lab, &files, "news", json!(1));
    assert_eq!(stream.expect("message")["data"], 1);
}

#[test]
fn a_handshake_that_does_not_come_is_not_waited_for() {
    let files = Certificate::new();
    let lab = lab(&files, |config| {
        config.request_timeout = Span(Duration::from_secs(1))
    });
    let mut silent = Connection::connect(lab.address("main"));
    let mut begun = Connection::connect(lab.address("main"));
    begun.send(b"\x16\x03\x01\x02\x00\x01").unwrap();
    let began = Instant::now();
    silent.read_to_fin().unwrap();
    begun.read_to_fin().unwrap();
    assert!(began.elapsed() < PATIENCE);
    eventually(PATIENCE, "they are gone", || {
        lab.connections_open("main") == 0
    });
}

#[test]
fn http_2_is_not_spoken() {
    let files = Certificate::new();
    let lab = lab(&files, |_| ());
    let lane = lab.address("main");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let connect = |alpn: &[&str]| {
            let connector = TlsConnector::from(Arc::new(files.client(alpn)));
            async move {
                let io = TcpStream::connect(lane).await.unwrap();
                let name = ServerName::try_from("127.0.0.1").unwrap();
                connector.connect(name, io).await
            }
        };
        let both = connect(&["h2", "http/1.1"]).await.unwrap();
        assert_eq!(both.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert!(connect(&["h2"]).await.is_err());
    });
}

// Certificates

fn program(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pushlab"));
    program
        .args(["serve", "--port", "0", "--json", "--log", "warn"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    program
}

#[test]
fn files_that_will_not_do_are_settings_not_understood() {
    let (one, other) = (Certificate::new(), Certificate::new());
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    let (cert, key) = (text(one.cert()), text(one.key()));
    let foreign = text(other.key());
    for (arguments, what) in [
        (vec!["--tls-cert", &cert], "go together"),
        (vec!["--tls-key", &key], "go together"),
        (
            vec!["--tls-cert", &cert, "--tls-key", &key, "--tls-self-signed"],
            "go together",
        ),
        (
            vec!["--tls-cert", "/nowhere.pem", "--tls-key", &key],
            "/nowhere.pem",
        ),
        (
            vec!["--tls-cert", &key, "--tls-key", &key],
            "no certificate",
        ),
        (vec!["--tls-cert", &cert, "--tls-key", &cert], "key"),
        (
            vec!["--tls-cert", &cert, "--tls-key", &foreign],
            "do not go together",
        ),
    ] {
        let ended = program(&arguments).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(what), "{arguments:?}: {said}");
    }
}

/// Takes any certificate and keeps it.
#[derive(Debug, Default)]
struct AnyCertificate(Mutex<Vec<u8>>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.0.lock().unwrap() = certificate.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider: CryptoProvider = ring::default_provider();
        provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[test]
fn a_certificate_made_at_start_is_the_one_whose_fingerprint_is_printed() {
    use sha2::{Digest, Sha256};
    let mut child = program(&["--tls-self-signed"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let printed: Value = serde_json::from_str(&line).unwrap();
    let url = printed["listening"][0]["url"].as_str().unwrap();
    let address: SocketAddr = url.strip_prefix("https://").unwrap().parse().unwrap();
    let seen = Arc::<AnyCertificate>::default();
    let config = builder()
        .dangerous()
        .with_custom_certificate_verifier(seen.clone())
        .with_no_client_auth();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let io = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, io)
            .await
            .unwrap();
    });
    let digest = Sha256::digest(&*seen.0.lock().unwrap());
    let digest: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(printed["tls_fingerprint"], digest.join(":"));
    child.kill().unwrap();
    child.wait().unwrap();
}
