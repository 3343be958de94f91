//! Under which names a lab answers and whose pages are let in, on every transport and protocol.

use crate::support::{
    TestLab,
    connection::Connection,
    folder::Folder,
    http::{Answer, Http},
    spawn_lab, test_config,
};
use pushlab::config::{Config, apps::AppSettings, webhooks::WebhookSettings};

const EVIL: &str = "http://evil.example";
const BEARER: &str = "Bearer test-presenter-token-0123456789";
const LOCAL: &str = "http://localhost:3000";

/// A lab with an application of `[[apps]]` beside the demo, and one that names its origins.
fn lab() -> TestLab {
    lab_with(|_| ())
}

fn lab_with(change: impl FnOnce(&mut Config)) -> TestLab {
    let mut listed = AppSettings::new("72", "listed-key", "s");
    listed.origins = "https://shop.example".parse().unwrap();
    let mut config = Config {
        apps: vec![AppSettings::new("71", "open-key", "s"), listed],
        echo: true,
        ..test_config()
    };
    change(&mut config);
    spawn_lab(config)
}

/// One request on a connection of its own: status line, headers, and a body as far as it came.
fn ask(lab: &TestLab, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = format!("{method} {target} HTTP/1.1\r\n");
    if headers.iter().all(|(name, _)| *name != "host") {
        request.push_str("host: 127.0.0.1:8080\r\n");
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    let mut http = Http::over(Connection::connect(lab.address("main")));
    http.connection.send(request.as_bytes()).unwrap();
    http.read_head().unwrap()
}

fn upgrade(lab: &TestLab, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    all.extend_from_slice(headers);
    let mut request = format!("GET {target} HTTP/1.1\r\n");
    if headers.iter().all(|(name, _)| *name != "host") {
        request.push_str("host: 127.0.0.1:8080\r\n");
    }
    for (name, value) in all {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut http = Http::over(Connection::connect(lab.address("main")));
    http.connection
        .send(format!("{request}\r\n").as_bytes())
        .unwrap();
    http.read_head().unwrap()
}

/// An upgrade of Channels for a foreign page ends with a code that pusher-js does not come back
/// after, and with the reason. Nothing else is said before.
fn channels_refuses(lab: &TestLab, target: &str, origin: &str) {
    let request = format!(
        "GET {target} HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nconnection: Upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\norigin: {origin}\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut http = Http::over(Connection::connect(lab.address("main")));
    http.connection.send(request.as_bytes()).unwrap();
    assert_eq!(http.read_head().unwrap().status, 101, "{origin} {target}");
    // FIN, text, and a length of one byte or of two.
    let mut frame = || {
        let head = http.connection.take(2).unwrap();
        let length = match head[1] {
            126 => {
                let length = http.connection.take(2).unwrap();
                usize::from(u16::from_be_bytes([length[0], length[1]]))
            }
            length => usize::from(length),
        };
        (head[0], http.connection.take(length).unwrap())
    };
    let (opcode, error) = frame();
    let error: serde_json::Value = serde_json::from_slice(&error).unwrap();
    assert_eq!((opcode, &error["event"]), (0x81, &"pusher:error".into()));
    assert!(error["data"].to_string().contains("--origins"), "{error}");
    let (opcode, closing) = frame();
    assert_eq!(opcode, 0x88);
    assert_eq!(u16::from_be_bytes([closing[0], closing[1]]), 4009);
    assert!(String::from_utf8_lossy(&closing[2..]).contains("--origins"));
}

/// Every way to read, publish, leave or report by HTTP: method, target, body, the status of who is
/// let in. `KEY` stands for the demo application's.
const REQUESTS: &[(&str, &str, &str, u16)] = &[
    ("GET", "/short-poll/o", "", 200),
    ("GET", "/long-poll/o?hold_ms=0", "", 200),
    ("GET", "/sse/o", "", 200),
    ("GET", "/fetch-stream/o", "", 200),
    ("POST", "/fetch-stream/o", "{}", 200),
    ("GET", "/api/channels/o/history", "", 200),
    ("GET", "/api/channels/o/presence", "", 200),
    (
        "POST",
        "/api/channels/o/publications",
        r#"{"event":"e","data":1}"#,
        200,
    ),
    ("POST", "/api/channels/o/presence/leave?client=c", "", 204),
    (
        "POST",
        "/pusher/auth",
        "socket_id=1.1&channel_name=private-a",
        200,
    ),
    ("POST", "/pusher/app/KEY/1/abcdefgh/xhr_streaming", "", 200),
    ("GET", "/socket.io/?EIO=4&transport=polling", "", 200),
];

/// Of Channels, whose refusal is a close code: [`channels_refuses`].
const CHANNELS: &str = "/app/KEY?protocol=7";

const UPGRADES: &[&str] = &[
    "/ws/o",
    CHANNELS,
    "/socket.io/?EIO=4&transport=websocket",
    "/echo",
];

fn with_key(lab: &TestLab, target: &str) -> String {
    let (_, key, _) = lab.apps().demo().unwrap();
    target.replace("KEY", key)
}

#[test]
fn a_rebound_name_is_answered_421_everywhere_but_at_healthz() {
    let lab = lab();
    let rebound = [("host", "evil.example:8080")];
    for (method, target, body, _) in REQUESTS {
        let answer = ask(&lab, method, &with_key(&lab, target), &rebound, body);
        assert_eq!(answer.status, 421, "{target}");
    }
    for target in UPGRADES {
        assert_eq!(
            upgrade(&lab, &with_key(&lab, target), &rebound).status,
            421,
            "{target}"
        );
    }
    for target in [
        "/",
        "/chat",
        "/api/lab",
        "/metrics",
        "/static/lab.css",
        "/apps/71/channels",
        "/none",
    ] {
        assert_eq!(
            ask(&lab, "GET", target, &rebound, "").status,
            421,
            "{target}"
        );
    }
    assert_eq!(ask(&lab, "GET", "/healthz", &rebound, "").status, 200);
    let mut http = lab.http("sse");
    let text = "GET /sse/o HTTP/1.1\r\nhost: evil.example\r\n\r\n";
    http.connection.send(text.as_bytes()).unwrap();
    let refused = http.read_answer().unwrap();
    assert_eq!(
        (refused.status, refused.error_code()),
        (421, "foreign_host".to_owned())
    );
    assert!(refused.text().contains("--hosts"), "{}", refused.text());
    let text = "GET / HTTP/1.1\r\nhost: <evil>\r\naccept: text/html,*/*\r\n\r\n";
    let mut http = lab.http("main");
    http.connection.send(text.as_bytes()).unwrap();
    let page = http.read_answer().unwrap();
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.text().contains("--hosts") && !page.text().contains("<evil>"));
}

#[test]
fn own_names_listed_names_and_no_name_are_served() {
    let lab = lab_with(|config| config.hosts = "lab.example,*.class.example".parse().unwrap());
    for host in [
        "localhost:1",
        "10.9.8.7",
        "[::1]:8080",
        "lab.example",
        "a.class.example:443",
    ] {
        assert_eq!(
            ask(&lab, "GET", "/short-poll/o", &[("host", host)], "").status,
            200,
            "{host}"
        );
    }
    let mut http = lab.http("main");
    http.connection
        .send(b"GET /short-poll/o HTTP/1.0\r\n\r\n")
        .unwrap();
    assert_eq!(http.read_head().unwrap().status, 200);
    let open = lab_with(|config| config.hosts = "*".parse().unwrap());
    assert_eq!(
        ask(&open, "GET", "/api/lab", &[("host", "any.example")], "").status,
        200
    );
}

#[test]
fn foreign_pages_can_neither_read_nor_write_nor_open_anything() {
    let lab = lab();
    for origin in [
        EVIL,
        "null",
        "http://localhost.evil.example",
        "http://127.0.0.1@evil.example",
    ] {
        for content_type in [
            "text/plain",
            "application/json",
            "application/x-www-form-urlencoded",
        ] {
            let said = [("origin", origin), ("content-type", content_type)];
            for (method, target, body, _) in REQUESTS {
                let answer = ask(&lab, method, &with_key(&lab, target), &said, body);
                assert_eq!(answer.status, 403, "{origin} {target}");
                assert_eq!(
                    answer.header("access-control-allow-origin"),
                    None,
                    "{target}"
                );
            }
            for target in [
                "/api/reports",
                "/api/runs",
                "/pusher/webhooks/71",
                "/api/apps/demo/trigger",
            ] {
                assert_eq!(
                    ask(&lab, "POST", target, &said, "{}").status,
                    403,
                    "{target}"
                );
            }
        }
        for target in UPGRADES.iter().filter(|target| **target != CHANNELS) {
            let refused = upgrade(&lab, &with_key(&lab, target), &[("origin", origin)]);
            assert_eq!(refused.status, 403, "{origin} {target}");
        }
        channels_refuses(&lab, &with_key(&lab, CHANNELS), origin);
    }
    // What has no Origin: a picture or a script of a foreign page.
    let script = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "no-cors"),
    ];
    for target in [
        "/short-poll/o?client=c",
        "/pusher/auth?callback=f&socket_id=1.1&channel_name=private-a",
    ] {
        assert_eq!(
            ask(&lab, "GET", target, &script, "").status,
            403,
            "{target}"
        );
    }
    let link = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
    ];
    assert_eq!(
        ask(&lab, "GET", "/chat", &link, "").status,
        200,
        "a link may be followed"
    );
    assert_eq!(lab.present("o"), Vec::<String>::new());
    let refused = lab
        .http("main")
        .request("GET", "/short-poll/o", &[("origin", EVIL)], b"");
    assert_eq!(refused.error_code(), "foreign_page");
    assert!(refused.text().contains("--origins"), "{}", refused.text());
}

#[test]
fn pages_on_another_local_port_can_use_every_lane() {
    let lab = lab();
    for origin in [
        LOCAL,
        "http://127.0.0.1:5173",
        "https://app.localhost",
        "http://[::1]:3000",
    ] {
        for (method, target, body, status) in REQUESTS {
            let answer = ask(
                &lab,
                method,
                &with_key(&lab, target),
                &[("origin", origin)],
                body,
            );
            assert_eq!(answer.status, *status, "{origin} {target}");
            let echoed = answer.header("access-control-allow-origin");
            assert_eq!(echoed, Some(origin), "{target}");
            assert_eq!(answer.header("vary"), Some("Origin"), "{target}");
        }
        for target in UPGRADES {
            let opened = upgrade(&lab, &with_key(&lab, target), &[("origin", origin)]);
            assert_eq!(opened.status, 101, "{origin} {target}");
        }
    }
    // What changes the lab is for the lab's own pages, port included.
    assert_eq!(
        ask(&lab, "POST", "/api/reports", &[("origin", LOCAL)], "{}").status,
        403
    );
}

#[test]
fn programs_say_no_origin_and_are_let_in() {
    let lab = lab();
    for (method, target, body, status) in REQUESTS {
        let answer = ask(&lab, method, &with_key(&lab, target), &[], body);
        assert_eq!(answer.status, *status, "{target}");
        assert_eq!(answer.header("vary"), Some("Origin"), "{target}");
    }
    for target in UPGRADES {
        assert_eq!(
            upgrade(&lab, &with_key(&lab, target), &[]).status,
            101,
            "{target}"
        );
    }
}

#[test]
fn listed_origins_are_let_in_and_any_where_the_setting_says_so() {
    let lab = lab_with(|config| {
        config.origins = "https://a.example,null".parse().unwrap();
        config.socketio_origins = "https://s.example".parse().unwrap();
    });
    for origin in ["https://a.example", "null"] {
        for target in UPGRADES {
            let opened = upgrade(&lab, &with_key(&lab, target), &[("origin", origin)]);
            assert_eq!(opened.status, 101, "{origin} {target}");
        }
    }
    let of_socketio = [("origin", "https://s.example")];
    assert_eq!(upgrade(&lab, UPGRADES[2], &of_socketio).status, 101);
    assert_eq!(upgrade(&lab, UPGRADES[0], &of_socketio).status, 403);
    let any = lab_with(|config| config.origins = "*".parse().unwrap());
    let answer = ask(&any, "GET", "/short-poll/o", &[("origin", EVIL)], "");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[test]
fn applications_of_the_settings_are_open_unless_they_say_otherwise() {
    let lab = lab();
    let evil = [("origin", EVIL)];
    assert_eq!(upgrade(&lab, "/app/open-key?protocol=7", &evil).status, 101);
    let stream = "/pusher/app/open-key/1/abcdefgh/xhr_streaming";
    let answer = ask(&lab, "POST", stream, &evil, "");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    channels_refuses(&lab, "/app/listed-key?protocol=7", EVIL);
    for origin in ["https://shop.example", LOCAL] {
        let opened = upgrade(&lab, "/app/listed-key?protocol=7", &[("origin", origin)]);
        assert_eq!(opened.status, 101, "{origin}");
    }
}

#[test]
fn lanes_on_one_port_are_where_the_visitor_came_in() {
    let lab = lab_with(|config| {
        config.single_port = true;
        config.hosts = "lab.example.org".parse().unwrap();
        config.trusted_proxies = "127.0.0.0/8".parse().unwrap();
    });
    let urls = |headers: &[(&str, &str)]| {
        let mut http = Http::over(Connection::connect(lab.address("main")));
        let headers = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = format!(
            "GET /api/lab HTTP/1.1\r\n{}\r\n",
            headers.collect::<String>()
        );
        http.connection.send(head.as_bytes()).unwrap();
        let answer = http.read_answer().unwrap().json();
        let lanes = answer["lanes"].as_array().unwrap().clone();
        let mut urls: Vec<_> = lanes
            .iter()
            .map(|lane| lane["url"].as_str().unwrap().to_owned())
            .collect();
        urls.dedup();
        urls
    };
    let by_name = ("host", "lab.example.org");
    assert_eq!(urls(&[by_name]), ["http://lab.example.org"]);
    let by_tls = ("x-forwarded-proto", "https");
    assert_eq!(urls(&[by_name, by_tls]), ["https://lab.example.org"]);
    let page = ask(&lab, "GET", "/chat", &[by_name, by_tls], "");
    let policy = page.header("content-security-policy").unwrap().to_owned();
    assert!(policy.contains("wss://lab.example.org"), "{policy}");
    assert_eq!(
        urls(&[("host", "127.0.0.1:9000")]),
        ["http://127.0.0.1:9000"]
    );
}

#[test]
fn preflights_grant_the_headers_that_are_asked_for() {
    let lab = lab();
    let asked = "baggage,sentry-trace,traceparent,x-own";
    let said = |origin| {
        [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", asked),
        ]
    };
    for (_, target, _, _) in REQUESTS {
        let granted = ask(&lab, "OPTIONS", &with_key(&lab, target), &said(LOCAL), "");
        assert_eq!(granted.status, 204, "{target}");
        assert_eq!(
            granted.header("access-control-allow-headers"),
            Some(asked),
            "{target}"
        );
        assert_eq!(
            granted.header("access-control-allow-origin"),
            Some(LOCAL),
            "{target}"
        );
        let refused = ask(&lab, "OPTIONS", &with_key(&lab, target), &said(EVIL), "");
        assert_eq!(refused.status, 403, "{target}");
        assert_eq!(
            refused.header("access-control-allow-headers"),
            None,
            "{target}"
        );
    }
    let of_app = "/pusher/app/open-key/1/abcdefgh/xhr_send";
    assert_eq!(ask(&lab, "OPTIONS", of_app, &said(EVIL), "").status, 204);
    let mut as_a_proxy = said(LOCAL);
    as_a_proxy[2].1 = "x-own,X-Forwarded-For,forwarded,x-real-ip";
    let granted = ask(&lab, "OPTIONS", of_app, &as_a_proxy, "");
    assert_eq!(
        granted.header("access-control-allow-headers"),
        Some("x-own")
    );
    assert_eq!(
        ask(&lab, "OPTIONS", "/api/sources/o", &said(LOCAL), "").status,
        405
    );
}

#[test]
fn the_demo_applications_keys_last_over_a_restart() {
    let data = Folder::new("keys");
    let keys = || {
        let lab = lab_with(|config| config.data_dir = data.path().to_owned());
        let (id, key, secret) = lab.apps().demo().unwrap();
        let found = (id.to_owned(), key.to_owned(), secret.reveal().to_owned());
        let target = format!("/app/{key}?protocol=7");
        assert_eq!(upgrade(&lab, &target, &[]).status, 101);
        lab.stop();
        found
    };
    assert_eq!(keys(), keys());
}

#[test]
fn nothing_of_other_applications_or_folders_is_told_to_visitors() {
    let lab = lab_with(|config| {
        let mut app = AppSettings::new("81", "other-key", "s");
        let address = "http://user:hush@127.0.0.1:9/hook?token=hush";
        app.webhooks = vec![WebhookSettings::new(address)];
        config.apps.push(app);
    });
    let mut http = lab.http("main");
    for target in [
        "/api/lab",
        "/",
        "/chat",
        "/runs",
        "/api/stats",
        "/metrics",
        "/api/webhooks",
    ] {
        let text = http.get(target).text();
        for own in [
            "other-key",
            "open-key",
            "hush",
            "127.0.0.1:9/",
            env!("CARGO_TARGET_TMPDIR"),
        ] {
            assert!(!text.contains(own), "{own} in {target}: {text}");
        }
    }
}

/// A key is looked up decoded by handlers; the check of origins once looked it up as it was written.
#[test]
fn a_path_written_otherwise_passes_no_other_check() {
    let lab = lab();
    let (_, key, _) = lab.apps().demo().unwrap();
    let escaped = |text: &str| -> String { text.bytes().map(|b| format!("%{b:02X}")).collect() };
    let evil = [("origin", EVIL)];
    for key in [
        escaped(key),
        format!("{}{}", escaped(&key[..1]), &key[1..]),
        format!("{}{}", &key[..5], escaped(&key[5..])),
    ] {
        for way in ["xhr_streaming", "xhr", "xhr_send"] {
            let target = format!("/pusher/app/{key}/1/abcdefgh/{way}");
            let answer = ask(&lab, "POST", &target, &evil, "");
            assert_eq!(answer.status, 403, "{target}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    for (method, target) in [
        ("POST", "/%61pi/channels/o/publications"),
        ("POST", "/api/ch%61nnels/o/presence/leave?client=c"),
        ("GET", "/s%73e/o"),
        ("GET", "/short%2Dpoll/o"),
        ("POST", "/p%75sher/auth"),
        ("GET", "/%73ocket.io/?EIO=4&transport=polling"),
        ("POST", "/presenter/%61pi/reports"),
    ] {
        let answer = ask(&lab, method, target, &evil, "{}");
        assert_eq!(answer.status, 403, "{target}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let rebound = [("host", "evil.example")];
    for target in ["/%61pi/lab", "/health%7A/", "//healthz"] {
        assert_eq!(
            ask(&lab, "GET", target, &rebound, "").status,
            421,
            "{target}"
        );
    }
}

#[test]
fn forwarding_headers_reach_a_page_only_from_trusted_proxies() {
    let said = [
        ("x-forwarded-host", "lab.example"),
        ("forwarded", "host=lab.example"),
    ];
    let policy = |lab: &TestLab| {
        let page = ask(lab, "GET", "/chat", &said, "");
        page.header("content-security-policy").unwrap().to_owned()
    };
    let named = |trusted: &'static str| {
        lab_with(|config| {
            config.hosts = "lab.example,lab".parse().unwrap();
            config.trusted_proxies = trusted.parse().unwrap();
        })
    };
    let lab = named("");
    assert!(!policy(&lab).contains("lab.example"), "{}", policy(&lab));
    assert!(!http_get(&lab, &said).contains("//lab.example"));
    let trusting = named("127.0.0.1");
    assert!(policy(&trusting).contains("http://lab.example:*"));
    assert!(http_get(&trusting, &said).contains("//lab.example"));
    // A rebound name reaches proxies, too: it must be the lab's like any other.
    let rebound = [("x-forwarded-host", "evil.example")];
    for target in ["/chat", "/api/lab", "/short-poll/o", "/apps/71/channels"] {
        let refused = ask(&trusting, "GET", target, &rebound, "");
        assert_eq!(refused.status, 421, "{target}");
    }
    for target in UPGRADES {
        let refused = upgrade(&trusting, &with_key(&trusting, target), &rebound);
        assert_eq!(refused.status, 421, "{target}");
    }
    // What a visitor wrote before the proxy added its own.
    let listed = [("x-forwarded-host", "evil.example, lab.example")];
    assert_eq!(ask(&trusting, "GET", "/chat", &listed, "").status, 200);
}

/// nginx' default for `Host` behind `proxy_pass http://127.0.0.1:8080` is that address.
#[test]
fn pages_behind_a_proxy_that_changes_host_are_own_where_a_setting_says_so() {
    const PAGE: &str = "https://lab.example";
    let ask_as = |lab: &TestLab, said: &[(&str, &str)]| {
        let mut all = vec![("authorization", BEARER), ("origin", PAGE)];
        all.extend_from_slice(said);
        let mut request =
            "DELETE /presenter/api/conditions/all HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n".to_owned();
        for (name, value) in all {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut http = Http::over(Connection::connect(lab.address("main")));
        http.connection
            .send(format!("{request}content-length: 0\r\n\r\n").as_bytes())
            .unwrap();
        http.read_answer().unwrap()
    };
    let browser = ("sec-fetch-site", "same-origin");
    let forwarded = ("x-forwarded-host", "lab.example");
    let told = |lab: &TestLab, said: &[(&str, &str)]| {
        let refused = ask_as(lab, said);
        assert_eq!(refused.status, 403, "{said:?}");
        refused.text()
    };

    let plain = lab();
    let why = told(&plain, &[browser]);
    assert!(why.contains("--hosts"), "{why}");
    told(&plain, &[forwarded]);

    let named = lab_with(|config| config.hosts = "lab.example,lab".parse().unwrap());
    assert_eq!(
        ask_as(&named, &[browser]).status,
        200,
        "the browser says so"
    );
    let why = told(&named, &[forwarded]);
    assert!(why.contains("other sites"), "nobody trusted: {why}");
    let neighbour = [("sec-fetch-site", "same-site")];
    told(&named, &neighbour);

    let trusting = lab_with(|config| {
        config.hosts = "lab.example,lab".parse().unwrap();
        config.trusted_proxies = "127.0.0.1".parse().unwrap();
    });
    assert_eq!(ask_as(&trusting, &[forwarded]).status, 200);
    assert_eq!(ask_as(&trusting, &[forwarded, browser]).status, 200);
    told(&trusting, &[("x-forwarded-host", "lab.example:8443")]);
    told(&trusting, &[forwarded, ("x-forwarded-port", "8443")]);
    assert_eq!(
        ask_as(&trusting, &[forwarded, ("x-forwarded-port", "443")]).status,
        200
    );
    // The lanes, too: the page's name is the lab's own.
    let through = [("origin", PAGE), forwarded];
    for target in UPGRADES {
        let opened = upgrade(&trusting, &with_key(&trusting, target), &through);
        assert_eq!(opened.status, 101, "{target}");
    }
}

fn http_get(lab: &TestLab, said: &[(&str, &str)]) -> String {
    lab.http("main")
        .request("GET", "/api/lab", said, b"")
        .text()
}
