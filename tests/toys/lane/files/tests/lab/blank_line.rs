//! The toy lane, by raw bytes.

use pushlab::catalogue::BLANK_LINE;
use serde_json::json;

use crate::support::{spawn_lab, test_config};

#[test]
fn each_publication_has_an_empty_line_after_it() {
    let lab = spawn_lab(test_config());
    let mut http = lab.http(BLANK_LINE.id.0);
    http.send_request("GET", "/blank-line/news", &[], b"")
        .unwrap();
    assert_eq!(http.read_head().unwrap().status, 200);
    let mut chunk = || {
        let chunk = http.read_chunk().unwrap().expect("the stream goes on");
        String::from_utf8(chunk.bytes).unwrap()
    };
    assert!(chunk().starts_with("{\"subscribed\":"));
    lab.publish("news", "tick", json!({ "n": 1 }));
    let publication = chunk();
    assert!(publication.ends_with("{\"n\":1}}\n\n"), "{publication:?}");
    let read: serde_json::Value = serde_json::from_str(publication.trim_end()).unwrap();
    assert_eq!(read["offset"], 1);
}
