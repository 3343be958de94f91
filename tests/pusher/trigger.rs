//! `pushlab trigger` against a lab: what it prints and how it exits.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use crate::support::{
    TEST_TOKEN,
    pusher::{KEY, SECRET, TestServer, app, spawn, spawn_with},
};
use pushlab::config::apps::AppSettings;

/// Runs it with these arguments, nothing of ours in its environment, and this input.
fn run(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pushlab"));
    for name in ["ID", "KEY", "SECRET"] {
        command.env_remove(format!("PUSHLAB_APP_{name}"));
    }
    let mut child = command
        .arg("trigger")
        .args(arguments)
        .env("PUSHLAB_PRESENTER_TOKEN", TEST_TOKEN)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn url(server: &TestServer) -> String {
    format!("http://{}", server.address("main"))
}

#[tokio::test]
async fn it_publishes_to_the_demo_application_of_a_lab_on_this_machine() {
    let server = spawn();
    let mut client = server.connect().await;
    client.subscribe("private-a").await;
    let url = url(&server);
    let done = run(&["private-a", "e", r#"{"x":1}"#, "--url", &url], &[], "");
    assert_eq!(text(&done.stdout), "{}\n", "{}", text(&done.stderr));
    assert_eq!(done.status.code(), Some(0));
    assert_eq!(client.expect("e").await["data"], r#"{"x":1}"#);
    let arguments = [
        "private-a",
        "e",
        "-",
        "--url",
        &url,
        "--info",
        "subscription_count",
    ];
    let done = run(&arguments, &[], "from standard input");
    assert_eq!(
        text(&done.stdout),
        "{\"channels\":{\"private-a\":{\"subscription_count\":1}}}\n"
    );
    assert_eq!(client.expect("e").await["data"], "from standard input");
    let excluding = [
        "private-a",
        "e",
        "2",
        "--url",
        &url,
        "--socket-id",
        &client.socket_id,
    ];
    assert_eq!(run(&excluding, &[], "").status.code(), Some(0));
    client.expect_silence().await;
}

#[tokio::test]
async fn credentials_come_from_flags_or_the_environment() {
    let other = AppSettings::new("2", "key-2", "secret-2");
    let server = spawn_with(vec![app(|_| ()), other], |_| ());
    let mut client = server.connect_to("key-2", "secret-2").await;
    client.subscribe("news").await;
    let url = url(&server);
    let base = ["news", "e", "1", "--url", &url];
    let flags = ["--app", "2", "--key", "key-2", "--secret", "secret-2"];
    assert_eq!(
        run(&[&base[..], &flags].concat(), &[], "").status.code(),
        Some(0)
    );
    client.expect("e").await;
    let environment = [
        ("PUSHLAB_APP_ID", "2"),
        ("PUSHLAB_APP_KEY", "key-2"),
        ("PUSHLAB_APP_SECRET", "secret-2"),
    ];
    assert_eq!(run(&base, &environment, "").status.code(), Some(0));
    client.expect("e").await;
}

#[tokio::test]
async fn what_goes_wrong_is_said_with_the_way_out() {
    let server = spawn();
    let url = url(&server);
    let with = |secret: &'static str| ["--app", "1", "--key", KEY, "--secret", secret];
    for (arguments, code, says) in [
        (
            [&["news", "e", "1", "--url", &url][..], &with("wrong")].concat(),
            1,
            "401",
        ),
        (
            [&["a b", "e", "1", "--url", &url][..], &with(SECRET)].concat(),
            1,
            "400",
        ),
        (
            vec!["news", "e", "1", "--url", "http://127.0.0.1:1"],
            69,
            "is the lab running",
        ),
        (
            vec!["news", "e", "1", "--url", "nonsense"],
            2,
            "http://127.0.0.1:8080",
        ),
        (vec!["news", "e", "1", "--key", "k"], 2, "--secret"),
        (vec!["news", "e"], 2, "<DATA>"),
    ] {
        let done = run(&arguments, &[], "");
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
        assert!(!said.contains(SECRET) && done.stdout.is_empty());
    }
}
