//! What is secret or changes the lab for others, asked with and without the presenter's token; and
//! where its cookie goes.

use crate::support::{self, TEST_TOKEN, http::Answer, plain_lanes, spawn_lab, test_config};
use pushlab::config::Config;

const SOURCE: &str = r#"{"kind":"compare","rate_per_s":1,"size_bytes":60}"#;

/// Every privileged call, with a body that is understood far enough to be refused for another
/// reason, or does no harm, once it is allowed.
const PRIVILEGED: &[(&str, &str, &str)] = &[
    ("GET", "/api/apps/demo/secret", ""),
    ("GET", "/api/apps/demo/channels", ""),
    ("GET", "/api/apps/demo/webhooks", ""),
    ("PUT", "/api/apps/demo/webhooks", r#"{"url":null}"#),
    (
        "POST",
        "/api/apps/demo/trigger",
        r#"{"name":"e","channel":"a","data":"1"}"#,
    ),
    (
        "PUT",
        "/api/conditions/sse",
        r#"{"conditions":"latency down=1ms"}"#,
    ),
    ("DELETE", "/api/conditions/all", ""),
    ("PUT", "/api/sources/presence-chat-lobby", SOURCE),
    ("DELETE", "/api/sources/cache-dashboard-market", ""),
    ("DELETE", "/api/history/presence-chat-lobby", ""),
    ("POST", "/api/runs", "[]"),
    ("POST", "/api/runs/files", "{}"),
    ("DELETE", "/api/runs/job", ""),
    ("PUT", "/api/runs/saved/none", "{}"),
    ("DELETE", "/api/runs/saved/none", ""),
    ("POST", "/api/experiments/E99", "{}"),
];

fn ask(lab: &support::TestLab, call: (&str, &str, &str), headers: &[(&str, &str)]) -> Answer {
    let (method, path, body) = call;
    // The support client would add the token where nobody says who asks.
    let mut all = vec![];
    if !headers.iter().any(|(name, _)| *name == "authorization") {
        all.push(("authorization", "none"));
    }
    all.extend_from_slice(headers);
    lab.http("main")
        .request(method, path, &all, body.as_bytes())
}

/// `name=value` of the cookie that opening the address sets.
fn cookie(lab: &support::TestLab) -> String {
    let path = lab.lab().presenter.unlock_path().unwrap();
    let answer = lab.http("main").get(&path);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    let set = answer.header("set-cookie").unwrap();
    for part in ["; Path=/presenter", "; HttpOnly", "; SameSite=Strict"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(
        !set.contains(TEST_TOKEN) && !set.contains("Secure"),
        "{set}"
    );
    set.split(';').next().unwrap().to_owned()
}

#[test]
fn each_privileged_call_asks_for_the_token_and_no_other_origins_page_has_it() {
    let lab = spawn_lab(test_config());
    let other = spawn_lab(Config {
        presenter_token: "token-of-another-lab-9876543210".parse().unwrap(),
        ..test_config()
    });
    let (mine, theirs) = (cookie(&lab), cookie(&other));
    let bearer = format!("Bearer {TEST_TOKEN}");
    let own = format!("http://{}", lab.address("main"));
    let neighbour = format!("http://{}", lab.address("sse"));
    let host = lab.address("main").to_string();
    assert_ne!(
        mine.split_once('=').unwrap().0,
        theirs.split_once('=').unwrap().0
    );
    for call in PRIVILEGED {
        let beneath = format!("/presenter{}", call.1);
        let below = (call.0, beneath.as_str(), call.2);
        for (call, headers) in [
            (*call, vec![]),
            (
                *call,
                vec![("authorization", "Bearer wrong-token-0123456789")],
            ),
            (
                *call,
                vec![("authorization", "Bearer token-of-another-lab-9876543210")],
            ),
            (below, vec![("cookie", theirs.as_str())]),
        ] {
            let refused = ask(&lab, call, &headers);
            assert_eq!(refused.status, 403, "{call:?} {headers:?}");
            assert_eq!(refused.error_code(), "presenter_only", "{call:?}");
            assert!(refused.text().contains("printed in its terminal"));
        }
        for proof in [
            ("cookie", mine.as_str()),
            ("authorization", bearer.as_str()),
        ] {
            for foreign in [
                ("origin", "http://evil.example"),
                ("origin", neighbour.as_str()),
                ("sec-fetch-site", "same-site"),
            ] {
                let refused = ask(&lab, below, &[proof, foreign]);
                assert_eq!(
                    refused.error_code(),
                    "foreign_page",
                    "{below:?} {foreign:?}"
                );
            }
        }
        let bearer = ("authorization", bearer.as_str());
        assert_ne!(ask(&lab, *call, &[bearer]).status, 403, "{call:?}");
    }
    // The lab's own page, with its cookie: by the name that the browser used.
    for call in PRIVILEGED {
        let below = format!("/presenter{}", call.1);
        let mut http = lab.http("main");
        let request = format!(
            "{} {below} HTTP/1.1\r\nhost: {host}\r\norigin: {own}\r\ncookie: {mine}\r\n\
             content-length: {}\r\n\r\n{}",
            call.0,
            call.2.len(),
            call.2
        );
        http.connection.send(request.as_bytes()).unwrap();
        assert_ne!(http.read_answer().unwrap().status, 403, "{call:?}");
    }
}

#[test]
fn a_visitor_has_sources_of_their_own_and_the_market_where_none_runs() {
    let lab = spawn_lab(test_config());
    let put = |channel: &str, key: &str| {
        let path = format!("/api/sources/{channel}");
        ask(&lab, ("PUT", &path, SOURCE), &[("x-source-key", key)])
    };
    let started = put("compare-abc", "");
    assert_eq!(started.status, 200);
    let key = started.json()["key"].as_str().unwrap().to_owned();
    let market = put("cache-dashboard-market", "");
    assert_eq!(market.status, 200);
    assert!(market.json().get("key").is_none(), "others watch it");
    assert_eq!(
        put("cache-dashboard-market", "").status,
        403,
        "others watch it now"
    );
    // The name is known to everybody, the key to whoever started it.
    let listed = ask(&lab, ("GET", "/api/sources", ""), &[]).text();
    assert!(listed.contains("compare-abc") && !listed.contains(&key));
    let stop = |channel: &str, key: &str| {
        let path = format!("/api/sources/{channel}");
        ask(&lab, ("DELETE", &path, ""), &[("x-source-key", key)])
    };
    for wrong in ["", "0", &key[1..], &key.to_uppercase().replace('A', "B")] {
        for refused in [stop("compare-abc", wrong), put("compare-abc", wrong)] {
            assert_eq!(refused.status, 403, "{wrong}");
            assert!(refused.text().contains("X-Source-Key"));
        }
    }
    assert_eq!(
        put("compare-abc", &key).json()["key"],
        key.as_str(),
        "it stays theirs when it changes"
    );
    assert_eq!(stop("compare-abc", &key).status, 204);
    // The presenter's are nobody else's, and the presenter may stop any.
    let http = |method: &str, path: &str, body: &str| {
        lab.http("main")
            .request(method, path, &[], body.as_bytes())
            .status
    };
    assert_eq!(http("PUT", "/api/sources/compare-led", SOURCE), 200);
    assert_eq!(stop("compare-led", &key).status, 403);
    assert_eq!(http("DELETE", "/api/sources/compare-led", ""), 204);
    assert_eq!(put("compare-abc", "").status, 200);
    assert_eq!(http("DELETE", "/api/sources/compare-abc", ""), 204);
}

#[test]
fn visitors_share_the_sources_by_address_and_half_of_them_stay_the_presenters() {
    let lab = spawn_lab(Config {
        trusted_proxies: "127.0.0.0/8".parse().unwrap(),
        ..test_config()
    });
    let put = |channel: &str, address: &str, source: &str| {
        let path = format!("/api/sources/{channel}");
        ask(
            &lab,
            ("PUT", &path, source),
            &[("x-forwarded-for", address)],
        )
    };
    let much = r#"{"kind":"compare","rate_per_s":200,"size_bytes":1001}"#;
    let refused = put("e22-much", "192.0.2.1", much);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("choose a lower rate_per_s"));
    let text = "x".repeat(1_000);
    let much =
        format!(r#"{{"kind":"compare","rate_per_s":200,"size_bytes":60,"payloads":["{text}"]}}"#);
    let refused = put("e22-much", "192.0.2.1", &much);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("shorter payloads"));
    for n in 0..4 {
        let status = put(&format!("e22-{n}"), "192.0.2.1", SOURCE).status;
        assert_eq!(status, 200, "{n}");
    }
    let refused = put("e22-4", "192.0.2.1", SOURCE);
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (429, "too_many_from_address")
    );
    let taken = (4..40)
        .take_while(|n| put(&format!("e22-{n}"), &format!("192.0.2.{n}"), SOURCE).status == 200)
        .count();
    assert_eq!(taken, 12);
}

#[test]
fn pages_learn_whether_they_are_unlocked_and_no_lane_is_below_the_cookies_path() {
    let lab = spawn_lab(test_config());
    let mine = cookie(&lab);
    let status = |headers: &[(&str, &str)]| {
        let answer = ask(&lab, ("GET", "/presenter/status", ""), headers);
        answer.json()["unlocked"].as_bool().unwrap()
    };
    assert!(status(&[("cookie", &mine)]) && !status(&[]));
    assert_eq!(
        ask(&lab, ("GET", "/presenter/unlock/wrong", ""), &[]).error_code(),
        "presenter_only"
    );
    for transport in pushlab::catalogue::LANES {
        assert!(
            !transport.path.starts_with("/presenter"),
            "{}",
            transport.path
        );
    }
    for lane in plain_lanes() {
        assert_eq!(
            lab.http(lane).get("/presenter/status").status,
            404,
            "{lane}"
        );
    }
}

#[test]
fn without_a_token_every_visitor_may() {
    let lab = spawn_lab(Config {
        no_token: true,
        ..test_config()
    });
    assert!(lab.lab().presenter.is_waived());
    for call in PRIVILEGED {
        assert_ne!(ask(&lab, *call, &[]).status, 403, "{call:?}");
        let foreign = ask(&lab, *call, &[("origin", "http://evil.example")]);
        assert_eq!(foreign.error_code(), "foreign_page", "{call:?}");
    }
}

#[test]
fn a_truncated_address_says_what_is_missing() {
    let lab = spawn_lab(test_config());
    for path in ["/presenter", "/presenter/unlock", "/presenter/foo"] {
        let answer = lab.http("main").get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text().contains("/presenter/unlock/TOKEN"), "{path}");
    }
}
