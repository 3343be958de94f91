//! Content codings of answers, byte by byte: who gets which, that each event is with its reader when it is
//! sent, and what is counted of it.

use base64::{Engine, prelude::BASE64_STANDARD};
use pushlab::{
    catalogue::{CHANNELS_STREAMING, FETCH_STREAM, LONG_POLL, SHORT_POLL, SOCKETIO_POLLING, SSE},
    codec::compressed::{Coding, Decompressor, Dictionary, read_whole},
    config::{Config, compress::Compress},
};
use serde_json::json;

use crate::support::{
    PATIENCE, TestLab, eventually,
    http::{Answer, Http},
    spawn_lab, test_config,
};

const MAX_BYTES: usize = 1 << 20;
/// Enough to be worth it.
const LONG: &str =
    "has anybody seen where the room plan hangs, the one of last week with the new rooms on it?";

fn lab(compress: Compress) -> TestLab {
    spawn_lab(Config {
        compress,
        ..test_config()
    })
}

fn takes(coding: &str) -> [(&'static str, String); 1] {
    [("accept-encoding", coding.to_owned())]
}

fn get(http: &mut Http, target: &str, accept_encoding: &str) -> Answer {
    request(http, "GET", target, accept_encoding)
}

fn request(http: &mut Http, method: &str, target: &str, accept_encoding: &str) -> Answer {
    let headers = takes(accept_encoding);
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    http.request(method, target, &headers, b"")
}

/// A stream, and what its chunks say.
struct Coded {
    http: Http,
    head: Answer,
    decoder: Decompressor,
    text: Vec<u8>,
    wire_bytes: u64,
}

impl Coded {
    fn open(lab: &TestLab, lane: &str, method: &str, target: &str, coding: Coding) -> Self {
        let mut http = lab.http(lane);
        let headers = takes(coding.name());
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        http.send_request(method, target, &headers, b"").unwrap();
        let head = http.read_head().unwrap();
        assert_eq!(head.status, 200, "{target}");
        assert_eq!(head.header("content-encoding"), Some(coding.name()));
        assert!(vary(&head).contains(&"Accept-Encoding"));
        assert_eq!(head.header("cache-control"), Some("no-store, no-transform"));
        Self {
            http,
            head,
            decoder: Decompressor::new(coding, MAX_BYTES),
            text: Vec::new(),
            wire_bytes: 0,
        }
    }

    /// Reads chunks until `text` has come; false if the answer ends before.
    fn until(&mut self, text: &str) -> bool {
        loop {
            if memchr::memmem::find(&self.text, text.as_bytes()).is_some() {
                return true;
            }
            let Some(chunk) = self.http.read_chunk().unwrap() else {
                return false;
            };
            self.wire_bytes += chunk.wire_bytes;
            self.decoder.feed(&chunk.bytes, &mut self.text).unwrap();
        }
    }
}

/// In the order of the lines; of lanes with a dictionary that is among them.
fn vary(answer: &Answer) -> Vec<&str> {
    let lines = answer.headers.iter().filter(|(name, _)| name == "vary");
    let mut all: Vec<_> = lines.flat_map(|(_, value)| value.split(", ")).collect();
    all.sort_by_key(|name| *name != "Origin");
    all.retain(|name| *name != "Available-Dictionary");
    all
}

#[test]
fn a_poll_is_answered_in_the_coding_that_its_client_names() {
    let lab = lab(Compress::On);
    for n in 0..5 {
        lab.publish("news", "tick", json!({ "n": n, "text": LONG }));
    }
    for (lane, target) in [
        (SHORT_POLL.id.0, "/short-poll/news?history=5"),
        (LONG_POLL.id.0, "/long-poll/news?history=5"),
    ] {
        let mut http = lab.http(lane);
        let plain = http.get(target);
        assert_eq!(plain.header("content-encoding"), None);
        assert_eq!(vary(&plain), ["Origin", "Accept-Encoding"]);
        assert_eq!(plain.json()["publications"].as_array().unwrap().len(), 5);
        let etag = plain.header("etag").unwrap().to_owned();
        assert!(etag.starts_with('"'));
        for coding in Coding::ALL {
            let coded = get(&mut http, target, coding.name());
            assert_eq!(coded.header("content-encoding"), Some(coding.name()));
            assert_eq!(vary(&coded), ["Origin", "Accept-Encoding"]);
            assert_eq!(coded.header("cache-control"), Some("no-store"));
            assert_eq!(coded.header("etag"), Some(&*format!("W/{etag}")));
            assert!(coded.body.len() * 2 < plain.body.len(), "{coding:?}");
            assert_eq!(
                read_whole(coding, &coded.body, MAX_BYTES).unwrap(),
                plain.body
            );
            let head = request(&mut http, "HEAD", target, coding.name());
            for name in ["content-encoding", "content-length", "etag"] {
                assert_eq!(head.header(name), coded.header(name), "{name}");
            }
            assert_eq!(http.get(target).body, plain.body, "the connection goes on");
        }
        for accepted in ["identity", "deflate", "*", "gzip;q=0", ""] {
            let answer = get(&mut http, target, accepted);
            assert_eq!(answer.header("content-encoding"), None, "{accepted:?}");
            assert_eq!(answer.body, plain.body);
        }
    }
    let mut http = lab.http(SHORT_POLL.id.0);
    let etag = get(&mut http, "/short-poll/news?history=5", "gzip");
    let etag = etag.header("etag").unwrap();
    let headers = [("accept-encoding", "gzip"), ("if-none-match", etag)];
    let unchanged = http.request("GET", "/short-poll/news?history=5", &headers, b"");
    assert_eq!(unchanged.status, 304);
    assert_eq!(vary(&unchanged), ["Origin", "Accept-Encoding"]);
    assert_eq!(unchanged.header("content-encoding"), None);
}

#[test]
fn what_is_small_what_is_an_error_and_what_nobody_set_is_left_as_it_is() {
    let on = lab(Compress::On);
    let mut http = on.http(SHORT_POLL.id.0);
    let empty = get(&mut http, "/short-poll/news", "gzip, br, zstd");
    assert_eq!(empty.header("content-encoding"), None);
    assert_eq!(
        vary(&empty),
        ["Origin", "Accept-Encoding"],
        "it might have been more"
    );
    assert!(empty.header("etag").unwrap().starts_with('"'));
    assert_eq!(empty.json()["publications"], json!([]));
    let error = get(
        &mut http,
        &format!("/short-poll/news?offset={}", "x".repeat(300)),
        "gzip",
    );
    assert_eq!(
        (error.status, error.header("content-encoding")),
        (400, None)
    );
    assert_eq!(error.error_code(), "bad_position");

    let off = lab(Compress::Off);
    for n in 0..5 {
        off.publish("news", "tick", json!({ "n": n, "text": LONG }));
    }
    let mut http = off.http(SHORT_POLL.id.0);
    let plain = get(&mut http, "/short-poll/news?history=5", "gzip, br, zstd");
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(
        vary(&plain),
        ["Origin"],
        "nothing of it depends on what the client takes"
    );
    assert!(!plain.body.is_empty());
    // One connection may ask otherwise than the lab is set, either way.
    let asked = get(&mut http, "/short-poll/news?history=5&compress=on", "gzip");
    assert_eq!(asked.header("content-encoding"), Some("gzip"));
    let mut http = on.http(SSE.id.0);
    let headers = [("accept-encoding", "gzip")];
    http.send_request("GET", "/sse/news?compress=off", &headers, b"")
        .unwrap();
    let head = http.read_head().unwrap();
    assert_eq!(head.header("content-encoding"), None);
    assert_eq!(vary(&head), ["Origin"]);
}

#[test]
fn each_event_of_a_stream_is_with_its_reader_before_the_next_one_is_published() {
    let lab = lab(Compress::On);
    for coding in Coding::ALL {
        for (lane, path) in [(SSE.id.0, "/sse/"), (FETCH_STREAM.id.0, "/fetch-stream/")] {
            let channel = format!("each-{lane}-{}", coding.name());
            let mut stream = Coded::open(&lab, lane, "GET", &format!("{path}{channel}"), coding);
            assert!(stream.until("offset"), "it says where it begins");
            for n in 0..10 {
                // The next one is published when this one has come: none can push another out.
                lab.publish(
                    &channel,
                    "tick",
                    json!({ "text": LONG, "number": format!("<{n}>") }),
                );
                assert!(stream.until(&format!("<{n}>")), "{lane} {coding:?}");
            }
            let head = request(
                &mut lab.http(lane),
                "HEAD",
                &format!("{path}{channel}"),
                coding.name(),
            );
            assert_eq!(head.header("content-encoding"), Some(coding.name()));
            assert_eq!(
                head.header("content-type"),
                stream.head.header("content-type")
            );
        }
    }
}

#[test]
fn a_stream_that_the_lab_ends_ends_its_coding_as_well() {
    for coding in Coding::ALL {
        let mut lab = lab(Compress::Context);
        let mut stream = Coded::open(&lab, SSE.id.0, "GET", "/sse/news", coding);
        assert!(stream.until("subscribed"));
        lab.begin_stop();
        assert!(stream.until("event: closing"), "{coding:?}");
        assert!(!stream.until("nothing that comes"), "the answer ends");
        assert!(stream.decoder.is_over(), "{coding:?}");
    }
}

#[test]
fn what_fetches_for_channels_and_socketio_is_coded_too() {
    use crate::support::pusher::{KEY, app};
    let lab = spawn_lab(Config {
        compress: Compress::On,
        apps: vec![app(|_| ())],
        ..test_config()
    });
    let target = format!("/pusher/app/{KEY}/001/abcdefgh/xhr_streaming?protocol=7");
    let mut stream = Coded::open(&lab, CHANNELS_STREAMING.id.0, "POST", &target, Coding::Gzip);
    assert!(stream.until("connection_established"));

    let mut http = lab.http(SOCKETIO_POLLING.id.0);
    let path = "/socket.io/?EIO=4&transport=polling";
    let opened = get(&mut http, path, "gzip");
    assert_eq!(
        opened.header("content-encoding"),
        None,
        "an opening is small"
    );
    let sid: serde_json::Value = serde_json::from_slice(&opened.body[1..]).unwrap();
    let path = format!("{path}&sid={}", sid["sid"].as_str().unwrap());
    for packet in ["40/lab,", "42/lab,0[\"subscribe\",{\"channel\":\"news\"}]"] {
        assert_eq!(http.post(&path, packet.as_bytes()).status, 200);
    }
    for n in 0..5 {
        lab.publish("news", "tick", json!({ "n": n, "text": LONG }));
    }
    let mut text = String::new();
    let mut coded = 0;
    while !text.contains("\"n\":4") {
        let answer = get(&mut http, &path, "br");
        let body = match answer.header("content-encoding") {
            None => answer.body,
            Some("br") => {
                coded += 1;
                read_whole(Coding::Brotli, &answer.body, MAX_BYTES).unwrap()
            }
            other => panic!("{other:?}"),
        };
        text.push_str(str::from_utf8(&body).unwrap());
    }
    assert!(coded > 0, "what carries publications was worth it");
}

#[test]
fn every_byte_of_a_coded_stream_is_counted_as_it_was_sent() {
    let lab = lab(Compress::On);
    let target = "/sse/counted?demo=compare";
    let mut stream = Coded::open(&lab, SSE.id.0, "GET", target, Coding::Gzip);
    assert!(stream.until("subscribed"));
    for n in 0..20 {
        lab.publish("counted", "tick", json!({ "n": n, "text": LONG }));
        assert!(stream.until(&format!("\"n\":{n},")));
    }
    let series = |lab: &TestLab| {
        let stats = lab.stats("counted");
        let all = stats["series"].as_array().unwrap();
        let own = all.iter().find(|series| series["lane"] == SSE.id.0);
        own.cloned().unwrap_or_default()
    };
    eventually(PATIENCE, "all is counted", || {
        series(&lab)["publications_delivered_total"] == 20
    });
    let sent = stream.head.head_bytes + stream.wire_bytes;
    let all = lab.lab().meters.series();
    let own = all
        .iter()
        .find(|series| &*series.labels.channel == "counted" && series.labels.lane == SSE.id);
    let totals = own.unwrap().totals;
    let layers = totals.layers_down();
    assert_eq!(totals.bytes_down, sent);
    assert_eq!(layers.total(), stream.wire_bytes, "the rest is the head");
    // What it would have been: each event of the text in a chunk of its own, and what the data are.
    let data = (0..20).map(|n| json!({ "n": n, "text": LONG }).to_string().len() as u64);
    assert_eq!(layers.payload, data.sum::<u64>());
    assert!(layers.before_compression() >= stream.text.len() as u64);
    assert!(layers.saved > layers.total(), "{layers:?}");
    let stats = series(&lab);
    assert_eq!(stats["down"]["total"], sent);
    assert_eq!(stats["down"]["http_headers"], stream.head.head_bytes);
}

#[test]
fn who_has_the_dictionary_is_sent_what_it_does_not_say() {
    let lab = lab(Compress::On);
    for n in 0..3 {
        lab.publish("news", "tick", json!({ "n": n }));
    }
    for (lane, target) in [
        (SHORT_POLL.id.0, "/short-poll/news?history=2"),
        (LONG_POLL.id.0, "/long-poll/news?history=2"),
    ] {
        let mut http = lab.http(lane);
        let fetched = http.get(&format!("/dictionaries/{lane}"));
        assert_eq!(fetched.status, 200);
        let pattern = format!("match=\"/{lane}/*\"");
        assert_eq!(fetched.header("use-as-dictionary"), Some(&*pattern));
        assert_eq!(
            fetched.header("cache-control"),
            Some("public, max-age=3600")
        );
        let dictionary = Dictionary::new(fetched.body);
        let hash = BASE64_STANDARD.encode(&dictionary.head()[8..]);
        let ask = |http: &mut Http, accepted: &str, hash: &str| {
            let available = format!(":{hash}:");
            let headers = [
                ("accept-encoding", accepted),
                ("available-dictionary", &*available),
            ];
            http.request("GET", target, &headers, b"")
        };
        let plain = http.get(target);
        let coded = ask(&mut http, "gzip, br, zstd, dcb, dcz", &hash);
        assert_eq!(coded.header("content-encoding"), Some("dcz"));
        assert!(coded.header("vary").is_some() && coded.body.len() < plain.body.len());
        let mut read = Vec::new();
        let mut decoder = Decompressor::with_dictionary(&dictionary, MAX_BYTES);
        decoder.feed(&coded.body, &mut read).unwrap();
        assert!(decoder.is_over());
        assert_eq!(read, plain.body);
        let other = BASE64_STANDARD.encode([7; 32]);
        for (accepted, hash, coding) in [
            ("gzip, dcz", &other, Some("gzip")),
            ("gzip, dcz;q=0", &hash, Some("gzip")),
            ("gzip", &hash, Some("gzip")),
            ("dcz;q=0.5, gzip", &hash, Some("gzip")),
            ("dcz", &hash, Some("dcz")),
            ("dcb", &hash, None),
        ] {
            let answer = ask(&mut http, accepted, hash);
            assert_eq!(answer.header("content-encoding"), coding, "{accepted}");
        }
    }
    let off = spawn_lab(test_config());
    let mut http = off.http(SSE.id.0);
    assert_eq!(http.get("/dictionaries/sse").status, 404);
    assert_eq!(http.get("/dictionaries/sse?compress=on").status, 200);
    assert_eq!(http.get("/dictionaries/websocket?compress=on").status, 404);
}

#[test]
fn where_all_compressors_are_in_use_a_stream_leaves_as_it_is() {
    let lab = spawn_lab(Config {
        compress_contexts: 1,
        ..test_config()
    });
    let first = Coded::open(&lab, "sse", "GET", "/sse/news?compress=on", Coding::Gzip);
    let head = |lab: &TestLab| {
        let mut http = lab.http("sse");
        http.send_request(
            "GET",
            "/sse/news?compress=on",
            &[("accept-encoding", "gzip")],
            b"",
        )
        .unwrap();
        http.read_head().unwrap()
    };
    assert_eq!(head(&lab).header("content-encoding"), None);
    drop(first);
    eventually(PATIENCE, "the compressor is given back", || {
        head(&lab).header("content-encoding") == Some("gzip")
    });
}
