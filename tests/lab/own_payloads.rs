//! A source of a page that publishes somebody's own messages.

use serde_json::{Value, json};

use crate::support::{spawn_lab, test_config};

#[test]
fn a_sources_own_messages_come_in_turn_and_only_their_number_is_told() {
    let lab = spawn_lab(test_config());
    let put = |settings: &Value| {
        let body = settings.to_string();
        let mut http = lab.http("main");
        http.request("PUT", "/api/sources/compare-own", &[], body.as_bytes())
    };
    let mut settings = json!({
        "kind": "compare",
        "rate_per_s": 50,
        "size_bytes": 60,
        "payloads": [{"secret": "plan"}, "second"],
    });
    let started = put(&settings);
    assert_eq!(started.status, 200, "{}", started.text());
    assert_eq!(started.json()["payloads_count"], 2);
    let listed = lab.http("main").get("/api/sources").text();
    assert!(listed.contains("payloads_count") && !listed.contains("secret"));

    let mut poller = lab.http("long-poll");
    let mut path = "/long-poll/compare-own?hold_ms=20000&history=10".to_owned();
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let polled = poller.get(&path).json();
        for publication in polled["publications"].as_array().unwrap() {
            let n = publication["data"]["n"].as_u64().unwrap();
            let expected = match n % 2 {
                1 => json!({"n": n, "secret": "plan"}),
                _ => json!({"n": n, "data": "second"}),
            };
            assert_eq!(publication["data"], expected);
            seen.push(n);
        }
        let position = (polled["epoch"].as_str().unwrap(), &polled["offset"]);
        path = format!(
            "/long-poll/compare-own?hold_ms=20000&epoch={}&offset={}",
            position.0, position.1
        );
    }
    assert!(seen.is_sorted());

    settings["payloads"] = json!([1, "x".repeat(40_000)]);
    let refused = put(&settings);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("message 2 has 40002 bytes"));
}
