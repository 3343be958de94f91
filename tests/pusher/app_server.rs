//! The demo application's own server, and who gets to see its secret (reference, 12.2 and 13).

use std::net::SocketAddr;

use crate::support::{
    TEST_TOKEN,
    pusher::{KEY, SECRET, TestServer, app, inner, spawn, spawn_with},
};
use pushlab::config::apps::AppSettings;
use reqwest::{Method, Response};
use serde_json::{Value, json};

async fn ask(server: &TestServer, lane: &str, path: &str, form: &str) -> (u16, Value) {
    let answer = reqwest::Client::new()
        .post(format!("http://{}{path}", server.address(lane)))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn what_it_grants_opens_private_and_presence_channels() {
    let server = spawn();
    let mut client = server.connect().await;
    for (lane, path) in [
        ("main", "/pusher/auth"),
        ("channels", "/pusher/auth"),
        ("channels", "/broadcasting/auth"),
    ] {
        let channel = format!("private-{lane}{}", path.len());
        let form = format!("socket_id={}&channel_name={channel}", client.socket_id);
        let (status, granted) = ask(&server, lane, path, &form).await;
        assert_eq!((status, granted.as_object().unwrap().len()), (200, 1));
        let data = json!({"channel": channel, "auth": granted["auth"]});
        client
            .send(json!({"event":"pusher:subscribe","data":data}))
            .await;
        client
            .expect("pusher_internal:subscription_succeeded")
            .await;
    }
    let form = format!(
        "socket_id={}&channel_name=presence-r&client=c7&name=Ann+%C3%89",
        client.socket_id
    );
    let (_, granted) = ask(&server, "main", "/broadcasting/auth", &form).await;
    let data = json!({
        "channel": "presence-r",
        "auth": granted["auth"],
        "channel_data": granted["channel_data"],
    });
    client
        .send(json!({"event":"pusher:subscribe","data":data}))
        .await;
    let frame = client
        .expect("pusher_internal:subscription_succeeded")
        .await;
    assert_eq!(
        inner(&frame)["presence"]["hash"],
        json!({"c7": {"name": "Ann É"}})
    );
}

#[tokio::test]
async fn what_it_grants_signs_a_user_in() {
    let server = spawn();
    for path in ["/pusher/user-auth", "/broadcasting/user-auth"] {
        let mut client = server.connect().await;
        let form = format!("socket_id={}&client=u1&name=Bo", client.socket_id);
        let (status, granted) = ask(&server, "channels", path, &form).await;
        assert_eq!(status, 200, "{granted}");
        client
            .send(json!({"event":"pusher:signin","data":granted}))
            .await;
        let frame = client.expect("pusher:signin_success").await;
        let user: Value =
            serde_json::from_str(frame["data"]["user_data"].as_str().unwrap()).unwrap();
        assert_eq!(user, json!({"id":"u1","user_info":{"name":"Bo"}}));
    }
}

#[tokio::test]
async fn somebody_without_a_name_gets_an_id_of_their_own() {
    let server = spawn();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let form = "socket_id=1.1&channel_name=presence-r";
        let (_, granted) = ask(&server, "main", "/pusher/auth", form).await;
        let data: Value = serde_json::from_str(granted["channel_data"].as_str().unwrap()).unwrap();
        ids.push(data["user_id"].as_str().unwrap().to_owned());
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn encrypted_channels_come_with_their_key() {
    let master = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned();
    let server = spawn_with(
        vec![app(|app| {
            app.encryption_master_key = Some(master.try_into().unwrap());
        })],
        |_| (),
    );
    let form = "socket_id=1.1&channel_name=private-encrypted-vector";
    let (_, granted) = ask(&server, "main", "/pusher/auth", form).await;
    let secret = "qAbETZDhslWNyCDGL0lyOW9btwmhroeKrIfDguqwwAs=";
    assert_eq!(granted["shared_secret"], secret);
}

#[tokio::test]
async fn refusals_are_403_and_say_why() {
    let server = spawn();
    for (path, form) in [
        ("/pusher/auth", ""),
        ("/pusher/auth", "socket_id=1.1"),
        ("/pusher/auth", "socket_id=x&channel_name=private-a"),
        ("/pusher/auth", "socket_id=1.1%3Ax&channel_name=private-a"),
        ("/pusher/auth", "socket_id=1.1&channel_name=news"),
        ("/pusher/auth", "socket_id=1.1&channel_name=privatenews"),
        ("/pusher/auth", "socket_id=1.1&channel_name=private-a%20b"),
        (
            "/pusher/auth",
            "socket_id=1.1&channel_name=%23server-to-user-7",
        ),
        (
            "/pusher/auth",
            "socket_id=1.1&channel_name=presence-a&client=a/b",
        ),
        (
            "/pusher/auth",
            "socket_id=1.1&socket_id=1.2&channel_name=private-a",
        ),
        ("/pusher/auth", &"x".repeat(20_000)),
        ("/pusher/user-auth", "client=c"),
        ("/pusher/user-auth", "socket_id=1.1&client=a%2Fb"),
    ] {
        let (status, body) = ask(&server, "main", path, form).await;
        assert_eq!(status, 403, "{path} {form}: {body}");
        assert!(body["error"].as_str().unwrap().len() > 5, "{body}");
    }
}

#[tokio::test]
async fn script_tags_get_a_call_of_the_function_they_name() {
    let server = spawn();
    let get = async |query: &str| {
        let url = format!("http://{}/pusher/auth?{query}", server.address("channels"));
        reqwest::get(url).await.unwrap()
    };
    let answer =
        get("callback=Pusher.auth_callbacks%5B'1'%5D&socket_id=1.1&channel_name=private-a").await;
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/javascript")
    );
    let text = answer.text().await.unwrap();
    let call = text
        .strip_prefix("/**/Pusher.auth_callbacks['1'](")
        .and_then(|rest| rest.strip_suffix(");"))
        .unwrap_or_else(|| panic!("{text}"));
    let granted: Value = serde_json::from_str(call).unwrap();
    assert!(granted["auth"].as_str().unwrap().starts_with(KEY));
    for bad in ["", "callback=alert(1)%3Bx&"] {
        let query = format!("{bad}socket_id=1.1&channel_name=private-a");
        assert_eq!(get(&query).await.status(), 403, "{bad}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_with_their_frameworks_headers() {
    let server = spawn();
    let url = format!("http://{}/broadcasting/auth", server.address("channels"));
    let answer = reqwest::Client::new()
        .request(Method::OPTIONS, url)
        .header("origin", "http://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-csrf-token")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);
    let allowed = answer.headers()["access-control-allow-headers"].to_str();
    assert!(allowed.unwrap().contains("x-csrf-token"));
}

async fn get(server: &TestServer, path: &str, headers: &[(&'static str, &str)]) -> Response {
    let url = format!("http://{}{path}", server.address("main"));
    let request = reqwest::Client::new().get(url);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    request.send().await.unwrap()
}

#[tokio::test]
async fn everybody_learns_the_demos_key_and_only_the_presenter_its_secret() {
    let server = spawn();
    let own = format!("http://{}", server.address("main"));
    let lab = get(&server, "/api/lab", &[]).await.text().await.unwrap();
    let lab_json: Value = serde_json::from_str(&lab).unwrap();
    assert_eq!(lab_json["demo_app"], json!({"id": "1", "key": KEY}));
    let page = get(&server, "/chat", &[]).await.text().await.unwrap();
    assert!(page.contains(KEY));
    assert!(!page.contains(SECRET) && !lab.contains(SECRET));

    let path = "/api/apps/demo/secret";
    let bearer = ("authorization", &*format!("Bearer {TEST_TOKEN}"));
    for good in [
        &[bearer] as &[_],
        &[
            bearer,
            ("sec-fetch-site", "same-origin"),
            ("origin", own.as_str()),
        ],
        // Where it comes from is no matter.
        &[bearer, ("x-forwarded-for", "10.0.0.9")],
    ] {
        let answer = get(&server, path, good).await;
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let revealed: Value = answer.json().await.unwrap();
        assert_eq!(revealed["secret"], SECRET);
    }
    for (bad, code) in [
        (
            vec![bearer, ("origin", "http://evil.example")],
            "foreign_page",
        ),
        (vec![bearer, ("origin", "null")], "foreign_page"),
        (
            vec![bearer, ("sec-fetch-site", "cross-site")],
            "foreign_page",
        ),
        (
            vec![bearer, ("sec-fetch-site", "same-site")],
            "foreign_page",
        ),
        (vec![], "presenter_only"),
        (vec![("host", "localhost")], "presenter_only"),
        (
            vec![("authorization", "Bearer another-token")],
            "presenter_only",
        ),
    ] {
        let answer = get(&server, path, &bad).await;
        assert_eq!(answer.status(), 403, "{bad:?}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(code) && !text.contains(SECRET), "{text}");
    }
}

/// Another of this machine's addresses, or a neighbour: nothing tells the two apart, and neither has
/// the token.
#[tokio::test]
async fn the_secret_is_not_for_who_comes_by_another_interface() {
    let server = spawn_with(vec![app(|_| ())], |config| {
        config.host = "0.0.0.0".to_owned()
    });
    let Some(outside) = address_of_this_machine() else {
        eprintln!("skipped: this machine has no address but the loopback's");
        return;
    };
    let port = server
        .address("main")
        .rsplit_once(':')
        .unwrap()
        .1
        .to_owned();
    let answer = reqwest::Client::new()
        .get(format!("http://{outside}:{port}/api/apps/demo/secret"))
        .header("host", "localhost")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
}

/// The address that packets to elsewhere would have; nothing is sent.
fn address_of_this_machine() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect(SocketAddr::from(([192, 0, 2, 1], 9))).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[tokio::test]
async fn a_disabled_demo_grants_nothing() {
    let off = |app: &mut AppSettings| app.enabled = false;
    let server = spawn_with(vec![app(off)], |_| ());
    let form = "socket_id=1.1&channel_name=private-a";
    assert_eq!(ask(&server, "main", "/pusher/auth", form).await.0, 403);
}
