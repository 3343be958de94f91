//! Class mode from outside: who may do what, what each sees, and that a class goes on after a stop.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use pushlab::{codec::sse::Decoder, config::Config};
use serde_json::{Value, json};

use crate::support::{
    PATIENCE, TEST_TOKEN, TestLab, eventually,
    folder::Folder,
    http::{Answer, Http},
    spawn_lab, test_config,
};

/// A teacher's own, so that these tests hold whatever the lab's lessons become.
const LESSON: &str = r#"+++
id = "of-the-tests"
title = "A lesson"
group = "cost"
order = 40
minutes = 5
claims = ["B7"]
steps = ["say", "guess", "run", "reveal", "ask"]
+++
Something happens.

```say
```

```guess
as = "number"
question = "Of 100 answers, how many bring nothing?"
min = 0
max = 100
unit = "of 100"
```

```run
page = "/compare?lanes=short-poll"
seen = "How many were empty?"
```

That is why.

```reveal
sentence = "It is many."
expected = 90.5
change = "One thing."
```

```ask
question = "And now?"
options = ["one", "two", "three"]
right = 2
because = ["No.", "Yes.", "No."]
```
"#;

fn config(folder: &Folder) -> Config {
    let lessons = folder.file("lessons");
    fs::create_dir_all(&lessons).unwrap();
    fs::write(lessons.join("40-of-the-tests.md"), LESSON).unwrap();
    Config {
        data_dir: folder.path().into(),
        lessons,
        ..test_config()
    }
}

/// As the presenter.
fn lead(lab: &TestLab, method: &str, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {TEST_TOKEN}");
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    lab.http("main").request(
        method,
        &format!("/api/class{path}"),
        &[("authorization", &bearer)],
        body.as_bytes(),
    )
}

fn led(lab: &TestLab, path: &str, body: Value) -> Value {
    let answer = lead(lab, "POST", path, &body);
    assert!(answer.status < 300, "{path}: {}", answer.text());
    answer.json()
}

/// Begins a class; its code.
fn begin(lab: &TestLab) -> String {
    let answer = lead(lab, "POST", "", &Value::Null);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["code"].as_str().unwrap().to_owned()
}

struct Phone {
    http: Http,
    cookie: String,
    id: String,
    name: String,
}

impl Phone {
    fn join(lab: &TestLab, code: &str) -> Self {
        let mut http = lab.http("main");
        let body = json!({ "code": code }).to_string();
        let answer = http.post("/api/class/join", body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        let set = answer.header("set-cookie").unwrap();
        for part in [
            "; Path=/api/class;",
            "; HttpOnly",
            "; SameSite=Strict",
            "; Max-Age=43200",
        ] {
            assert!(set.contains(part), "{set}");
        }
        let cookie = set.split(';').next().unwrap().to_owned();
        let joined = answer.json();
        let text = |key: &str| joined[key].as_str().unwrap().to_owned();
        Self {
            http,
            cookie,
            id: text("id"),
            name: text("name"),
        }
    }

    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let path = format!("/api/class{path}");
        self.http
            .request(method, &path, &[("cookie", &self.cookie)], body.as_bytes())
    }

    fn post(&mut self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, &body)
    }

    fn state(&mut self) -> Value {
        self.ask("GET", "", &Value::Null).json()
    }

    fn guess(&mut self, number: f64) -> u16 {
        self.post("/guess", json!({"step": 1, "guess": {"number": number}}))
            .status
    }
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (status, code),
        "{}",
        answer.text()
    );
    let hint = answer.json()["error"]["hint"].as_str().unwrap().len();
    assert!(hint > 10);
}

/// An event stream of the class.
struct Events {
    http: Http,
    decoder: Decoder,
    come: Vec<(String, Value)>,
}

impl Events {
    fn open(lab: &TestLab, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut http = lab.http("main");
        http.send_request("GET", path, headers, b"").unwrap();
        let head = http.read_head().unwrap();
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        Self {
            http,
            decoder: Decoder::default(),
            come: Vec::new(),
        }
    }

    /// The next event; `None` at a proper end.
    fn next(&mut self) -> Option<(String, Value)> {
        while self.come.is_empty() {
            let chunk = self.http.read_chunk().expect("it is not cut")?;
            let events = self.decoder.feed(&chunk.bytes).into_iter();
            self.come
                .extend(events.map(|one| (one.event, serde_json::from_str(&one.data).unwrap())));
        }
        Some(self.come.remove(0))
    }

    /// The first state that the condition holds for.
    fn state(&mut self, holds: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let (event, data) = self.next().expect("the stream goes on");
            if event == "state" && holds(&data) {
                return data;
            }
            assert!(Instant::now() < until, "no such state came");
        }
    }
}

#[test]
fn a_phone_joins_by_the_code_and_comes_back_by_its_cookie() {
    let folder = Folder::new("class-join");
    let lab = spawn_lab(config(&folder));
    let none = lab.http("main").get("/api/class");
    refused(&none, 404, "no_class");
    let join = |code: &str| {
        let body = json!({ "code": code }).to_string();
        lab.http("main").post("/api/class/join", body.as_bytes())
    };
    refused(&join("AAAA"), 404, "no_class");
    // A page that is open already waits without asking, and hears that one begins by the end of its stream.
    let mut early = Events::open(&lab, "/api/class/events", &[]);
    assert_eq!(early.next(), Some(("end".to_owned(), json!({}))));
    let code = begin(&lab);
    while let Some((event, data)) = early.next() {
        assert_eq!((event.as_str(), data), ("tick", json!({"revision": 0})));
    }
    refused(&lead(&lab, "POST", "", &Value::Null), 409, "class_is_on");
    let wrong = if code == "AAAA" { "BBBB" } else { "AAAA" };
    for wrong in [wrong, "", "AAAAA", "💥"] {
        refused(&join(wrong), 403, "wrong_class_code");
    }
    let mut ada = Phone::join(&lab, &code.to_lowercase());
    let mut bo = Phone::join(&lab, &code);
    assert_ne!((&ada.id, &ada.name), (&bo.id, &bo.name));
    // Reloaded: no code is needed, and it is the same phone.
    let again = ada.post("/join", json!({ "code": "" }));
    assert_eq!((again.status, again.header("set-cookie")), (200, None));
    assert_eq!(again.json(), json!({"id": ada.id, "name": ada.name}));
    let state = ada.state();
    assert_eq!(state["me"]["id"], ada.id.as_str());
    assert_eq!((&state["joined"], state.get("grid")), (&json!(2), None));
    assert!(!state.to_string().contains(&bo.name), "nothing of others");
    let wall = lab.http("main").get("/api/class").json();
    assert!(wall.get("me").is_none() && wall.get("lead").is_none());
    assert_eq!(wall["grid"].as_array().unwrap().len(), 2);
    let named = ada.post("/name", json!({"name": " Ada  L "}));
    assert_eq!(named.json(), json!({"name": "Ada L"}));
    refused(
        &bo.post("/name", json!({"name": "ada l"})),
        422,
        "name_refused",
    );
    refused(
        &bo.post("/name", json!({"name": "<b>"})),
        422,
        "name_refused",
    );
    // A cookie of another class is none, in this lab and in another.
    assert_eq!(lead(&lab, "DELETE", "?save=true", &Value::Null).status, 200);
    begin(&lab);
    refused(
        &ada.post("/name", json!({"name": "Ada"})),
        403,
        "not_in_class",
    );
    // Refused before its body was read: that connection is closed.
    ada.http = lab.http("main");
    assert!(ada.state().get("me").is_none());
    let id = wall["class"].as_str().unwrap();
    let saved = fs::read_to_string(folder.file(&format!("class/{id}.json"))).unwrap();
    assert!(saved.contains("Ada L") && !saved.contains(ada.cookie.split_once('=').unwrap().1));
}

/// What leads a class, with bodies that are understood.
const LEADING: &[(&str, &str, &str)] = &[
    ("POST", "", "{}"),
    ("GET", "/lead", ""),
    ("POST", "/lesson", r#"{"lesson":"tunnel"}"#),
    ("POST", "/plan", r#"{"plan":"45"}"#),
    ("POST", "/plan/go", r#"{"row":1}"#),
    ("POST", "/go", r#"{"to":"next"}"#),
    ("POST", "/lock", ""),
    ("POST", "/second-guess", ""),
    ("POST", "/run", ""),
    ("POST", "/run/stop", ""),
    ("POST", "/reveal", r#"{"predicted_only":true}"#),
    ("POST", "/answers", ""),
    ("POST", "/tools", r#"{"dark":true}"#),
    ("POST", "/reload", ""),
    ("POST", "/reset", ""),
    ("POST", "/participants/p1/name", ""),
    ("DELETE", "/participants/p1", ""),
    ("POST", "/stand-ins", r#"{"count":1}"#),
    ("DELETE", "?save=false", ""),
];

/// What a phone says.
const OF_PHONES: &[(&str, &str)] = &[
    ("/name", r#"{"name":"Ada"}"#),
    ("/guess", r#"{"step":1,"guess":{"number":50}}"#),
    ("/answer", r#"{"step":4,"choice":1}"#),
    ("/report", r#"{"visible":true,"state":"open"}"#),
];

#[test]
fn nobody_but_the_presenter_leads_and_nobody_but_a_phone_speaks_for_it() {
    let folder = Folder::new("class-rights");
    let lab = spawn_lab(config(&folder));
    let code = begin(&lab);
    led(&lab, "/lesson", json!({"lesson": "of-the-tests"}));
    let phone = Phone::join(&lab, &code);
    let before = lead(&lab, "GET", "/lead", &Value::Null).json();
    let ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        lab.http("main")
            .request(method, path, headers, body.as_bytes())
    };
    let bearer = format!("Bearer {TEST_TOKEN}");
    let neighbour = format!("http://{}", lab.address("sse"));
    for (method, path, body) in LEADING {
        for (below, headers) in [
            ("/api/class", vec![]),
            ("/api/class", vec![("cookie", phone.cookie.as_str())]),
            (
                "/api/class",
                vec![("authorization", "Bearer not-the-token-0123456789")],
            ),
            ("/presenter/api/class", vec![]),
            (
                "/presenter/api/class",
                vec![("cookie", phone.cookie.as_str())],
            ),
        ] {
            let answer = ask(method, &format!("{below}{path}"), &headers, body);
            refused(&answer, 403, "presenter_only");
        }
        for foreign in ["http://evil.example", neighbour.as_str(), "null"] {
            let headers = [("authorization", bearer.as_str()), ("origin", foreign)];
            let answer = ask(method, &format!("/api/class{path}"), &headers, body);
            refused(&answer, 403, "foreign_page");
        }
    }
    let of_nobody = format!("{}0", &phone.cookie[..phone.cookie.len() - 1]);
    let of_nobody = match of_nobody == phone.cookie {
        true => format!("{}1", &phone.cookie[..phone.cookie.len() - 1]),
        false => of_nobody,
    };
    let of_another = phone
        .cookie
        .replacen("pushlab-class-", "pushlab-class-0", 1);
    for (path, body) in OF_PHONES {
        let path = format!("/api/class{path}");
        for headers in [
            vec![],
            vec![("cookie", of_nobody.as_str())],
            vec![("cookie", of_another.as_str())],
            vec![("authorization", bearer.as_str())],
        ] {
            let answer = ask("POST", &path, &headers, body);
            refused(&answer, 403, "not_in_class");
            assert!(answer.text().contains("/join"));
        }
        for foreign in ["http://evil.example", neighbour.as_str(), "null"] {
            let headers = [("cookie", phone.cookie.as_str()), ("origin", foreign)];
            refused(&ask("POST", &path, &headers, body), 403, "foreign_page");
        }
        refused(
            &ask(
                "POST",
                &path,
                &[("cookie", &phone.cookie)],
                &"x".repeat(5_000),
            ),
            413,
            "body_too_large",
        );
        refused(
            &ask("POST", &path, &[("cookie", &phone.cookie)], "[["),
            400,
            "bad_json",
        );
        assert_eq!(ask("GET", &path, &[], "").status, 405);
    }
    let after = lead(&lab, "GET", "/lead", &Value::Null).json();
    assert_eq!(before["revision"], after["revision"], "nothing has changed");
    let stream = ask(
        "GET",
        "/presenter/api/class/events",
        &[("cookie", &phone.cookie)],
        "",
    );
    refused(&stream, 403, "presenter_only");
}

#[test]
fn a_lesson_from_its_first_step_to_its_last_as_each_sees_it() {
    let folder = Folder::new("class-lesson");
    let lab = spawn_lab(config(&folder));
    let code = begin(&lab);
    let mut phone = Phone::join(&lab, &code);
    let mut wall = Events::open(&lab, "/api/class/events", &[]);
    let mut own = Events::open(&lab, "/api/class/events", &[("cookie", &phone.cookie)]);
    let bearer = format!("Bearer {TEST_TOKEN}");
    let mut presenter = Events::open(
        &lab,
        "/presenter/api/class/events",
        &[("authorization", &bearer)],
    );
    assert!(wall.state(|_| true).get("lead").is_none());
    assert_eq!(own.state(|_| true)["me"]["name"], phone.name.as_str());
    let lessons = &presenter.state(|_| true)["lead"]["lessons"];
    assert!(lessons.as_array().unwrap().len() >= 16);

    refused(
        &lead(&lab, "POST", "/go", &json!({"to": "next"})),
        409,
        "no_lesson",
    );
    refused(
        &lead(&lab, "POST", "/lesson", &json!({"lesson": "no-such"})),
        404,
        "unknown_lesson",
    );
    let unlike = lead(&lab, "POST", "/go", &json!({"to": "up"}));
    refused(&unlike, 400, "bad_json");
    led(&lab, "/lesson", json!({"lesson": "of-the-tests"}));
    refused(
        &phone.post("/guess", json!({"step": 0, "guess": {"number": 5}})),
        409,
        "step_is_over",
    );
    led(&lab, "/go", json!({"to": "next"}));
    let asked = own.state(|state| state["lesson"]["kind"] == "guess");
    assert_eq!(asked["lesson"]["guess"]["as"], "number");
    let step = asked["lesson"]["step"].as_u64().unwrap();
    let guess = |number: f64| json!({"step": step, "guess": {"number": number}});
    refused(&phone.post("/guess", guess(1e9)), 422, "bad_guess");
    led(&lab, "/tools", json!({"frozen": true}));
    refused(&phone.post("/guess", guess(90.0)), 409, "class_frozen");
    let awake = json!({"visible": true, "state": "open"});
    assert_eq!(phone.post("/report", awake).status, 204);
    led(&lab, "/tools", json!({"frozen": false}));
    assert_eq!(phone.post("/guess", guess(90.0)).status, 204);
    let told = wall.state(|state| state["lesson"]["answered"] == 1);
    assert!(told["lesson"]["reveal"].is_null() && !told.to_string().contains("90.0"));
    let told = presenter.state(|state| state["lesson"]["answered"] == 1);
    assert_eq!(
        (&told["lead"]["hint"], &told["lead"]["right_share"]),
        (&json!("go on"), &json!(1.0))
    );
    led(&lab, "/second-guess", Value::Null);
    assert_eq!(phone.state()["me"]["first_guess"], json!({"number": 90.0}));
    assert_eq!(phone.post("/guess", guess(50.0)).status, 204);
    led(&lab, "/lock", Value::Null);
    refused(&phone.post("/guess", guess(51.0)), 409, "step_is_over");

    refused(
        &lead(&lab, "POST", "/reveal", &json!({})),
        409,
        "nothing_measured",
    );
    refused(
        &lead(&lab, "POST", "/run", &Value::Null),
        409,
        "not_at_this_step",
    );
    let after = led(&lab, "/reveal", json!({"predicted_only": true}));
    assert_eq!(after["lesson"]["kind"], "reveal");
    let shown = own.state(|state| !state["lesson"]["reveal"].is_null());
    let reveal = &shown["lesson"]["reveal"];
    assert_eq!(
        (&reveal["predicted_only"], &reveal["measured"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(reveal["guesses"]["count"], 1);
    assert_eq!(
        reveal["first_guesses"]["bins"].as_array().unwrap().len(),
        10
    );
    for mistyped in ["1e308", "-3", "1e9"] {
        let body = serde_json::from_str(&format!("{{\"seen\":{mistyped}}}")).unwrap();
        refused(&lead(&lab, "POST", "/reveal", &body), 422, "bad_seen");
    }
    let after = led(&lab, "/reveal", json!({"seen": 91.5}));
    assert_eq!(after["lesson"]["reveal"]["measured"], 91.5);
    led(&lab, "/go", json!({"to": "next"}));
    let asked = own.state(|state| state["lesson"]["kind"] == "ask");
    assert!(asked["lesson"]["ask"]["because"].is_null());
    let step = &asked["lesson"]["step"];
    assert_eq!(
        phone
            .post("/answer", json!({"step": step, "choice": 2}))
            .status,
        204
    );
    let after = led(&lab, "/answers", Value::Null);
    assert_eq!(after["lesson"]["ask"]["answers"][1], 1);
    led(&lab, "/tools", json!({"muted": true, "timer_s": 60}));
    refused(
        &phone.post("/name", json!({"name": "Ada"})),
        409,
        "class_muted",
    );
    refused(
        &lead(
            &lab,
            "POST",
            "/tools",
            &json!({"page": "https://a.example/"}),
        ),
        400,
        "bad_range",
    );
    refused(
        &lead(&lab, "DELETE", "/participants/p99", &Value::Null),
        404,
        "unknown_participant",
    );
    refused(
        &lead(&lab, "DELETE", "/participants/x", &Value::Null),
        404,
        "unknown_participant",
    );

    // A phone that sleeps is seen by the wall; the class's end by all.
    let asleep = json!({"visible": false, "state": "open", "lane": "sse", "delay_ms": 4.2});
    assert_eq!(phone.post("/report", asleep).status, 204);
    let grid = wall.state(|state| state["grid"][0]["state"] == "asleep");
    assert_eq!(
        (&grid["grid"][0]["lane"], &grid["grid"][0]["delay_ms"]),
        (&json!("sse"), &json!(4.2))
    );
    assert_eq!(
        lead(&lab, "DELETE", "?save=false", &Value::Null).json(),
        json!({"saved": null})
    );
    for stream in [&mut wall, &mut own, &mut presenter] {
        while stream.next().is_some_and(|(event, _)| event != "end") {}
        assert!(stream.next().is_none());
    }
    assert!(!folder.file("class/current.json").exists());
}

#[test]
fn an_experiment_that_cannot_be_carried_out_fails_its_run_and_the_class_goes_on() {
    let folder = Folder::new("class-experiment");
    let lab = spawn_lab(config(&folder));
    begin(&lab);
    led(&lab, "/lesson", json!({"lesson": "two-servers"}));
    let state = lead(&lab, "GET", "/lead", &Value::Null).json();
    let kinds = state["lesson"]["kinds"].as_array().unwrap();
    let at = kinds.iter().position(|kind| kind == "run").unwrap();
    led(&lab, "/go", json!({"to": at}));
    // The program that tests is no pushlab: as a child it fails at once.
    let started = lead(&lab, "POST", "/run", &Value::Null);
    if started.status == 200 {
        eventually(PATIENCE, "the run fails", || {
            let state = lead(&lab, "GET", "/lead", &Value::Null).json();
            state["lesson"]["run"]["state"] == "failed" && state["lesson"]["run"]["why"].is_string()
        });
        led(&lab, "/go", json!({"to": "again"}));
        let state = lead(&lab, "GET", "/lead", &Value::Null).json();
        assert_eq!(state["lesson"]["run"]["state"], "waiting");
    }
    led(&lab, "/reveal", json!({"predicted_only": true}));
}

#[test]
fn a_class_goes_on_after_the_server_was_stopped_in_the_middle() {
    let folder = Folder::new("class-restart");
    let mut lab = spawn_lab(config(&folder));
    let code = begin(&lab);
    led(&lab, "/lesson", json!({"lesson": "of-the-tests"}));
    led(&lab, "/go", json!({"to": "next"}));
    let mut ada = Phone::join(&lab, &code);
    let mut bo = Phone::join(&lab, &code);
    ada.post("/name", json!({"name": "Ada"}));
    assert_eq!((ada.guess(88.0), bo.guess(12.0)), (204, 204));
    let mut stream = Events::open(&lab, "/api/class/events", &[("cookie", &ada.cookie)]);
    stream.state(|_| true);
    let before = ada.state();
    let began = Instant::now();
    lab.begin_stop();
    // Its stream ends properly, and does not hold up the stop.
    while stream.next().is_some() {}
    lab.stop();
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    let file = folder.file("class/current.json");
    assert!(file.exists());

    let lab = spawn_lab(config(&folder));
    ada.http = lab.http("main");
    bo.http = lab.http("main");
    let after = ada.state();
    for same in ["class", "code", "joined", "me", "groups"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(after["me"]["guess"], json!({"number": 88.0}));
    for same in ["id", "step", "kind", "answered", "html", "guess", "locked"] {
        assert_eq!(before["lesson"][same], after["lesson"][same], "{same}");
    }
    assert!(after["revision"].as_u64() > before["revision"].as_u64());
    assert_eq!(bo.guess(13.0), 204, "and it goes on");
    Phone::join(&lab, &code);
    eventually(PATIENCE, "it is kept", || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        text.contains("{\"number\":13.0}")
    });
    drop(lab);
    // What is broken is set aside.
    fs::write(&file, "{\"id\":").unwrap();
    let lab = spawn_lab(config(&folder));
    refused(&lab.http("main").get("/api/class"), 404, "no_class");
    assert!(folder.file("class/broken.json").exists());
    begin(&lab);
}

#[test]
fn forty_phones_behind_one_address_are_no_attack() {
    let folder = Folder::new("class-forty");
    let lab = spawn_lab(config(&folder));
    let code = begin(&lab);
    led(&lab, "/lesson", json!({"lesson": "of-the-tests"}));
    led(&lab, "/go", json!({"to": "next"}));
    thread::scope(|scope| {
        for n in 0..40 {
            let (lab, code) = (&lab, &code);
            scope.spawn(move || {
                // Each mistypes once.
                let wrong = lab.http("main").post("/api/class/join", b"{\"code\":\"\"}");
                refused(&wrong, 403, "wrong_class_code");
                let mut phone = Phone::join(lab, code);
                let mut stream =
                    Events::open(lab, "/api/class/events", &[("cookie", &phone.cookie)]);
                stream.state(|_| true);
                for at in 0..20 {
                    assert_eq!(phone.guess(f64::from(n)), 204, "{n} {at}");
                }
                let report = json!({"visible": true, "state": "open", "delay_ms": n});
                assert_eq!(phone.post("/report", report).status, 204);
                stream.state(|state| state["lesson"]["answered"] == 40);
            });
        }
    });
    let wall = lab.http("main").get("/api/class").json();
    assert_eq!(
        (&wall["joined"], &wall["lesson"]["answered"]),
        (&json!(40), &json!(40))
    );
    // One phone that asks without end is stopped, and nobody else.
    let mut phone = Phone::join(&lab, &code);
    let mut other = Phone::join(&lab, &code);
    let too_fast = (0..200).find_map(|_| {
        let answer = phone.post("/guess", json!({"step": 1, "guess": {"number": 1}}));
        (answer.status != 204).then_some(answer)
    });
    refused(&too_fast.unwrap(), 429, "too_fast");
    assert_eq!(other.guess(1.0), 204);
    // And who guesses codes.
    let wrong = (0..100).find_map(|_| {
        let answer = lab
            .http("main")
            .post("/api/class/join", b"{\"code\":\"no\"}");
        (answer.status != 403).then_some(answer)
    });
    let wrong = wrong.unwrap();
    refused(&wrong, 429, "too_many_wrong_codes");
    assert!(wrong.header("retry-after").is_some());
    // Who is in stays in.
    assert_eq!(other.post("/join", json!({})).status, 200);
}

#[test]
fn a_phone_has_four_streams_at_most_and_the_newest_stay() {
    let folder = Folder::new("class-streams");
    let lab = spawn_lab(config(&folder));
    let code = begin(&lab);
    let phone = Phone::join(&lab, &code);
    let mut streams: Vec<Events> = (0..5)
        .map(|_| Events::open(&lab, "/api/class/events", &[("cookie", &phone.cookie)]))
        .collect();
    for stream in &mut streams {
        stream.state(|_| true);
    }
    while streams[0].next().is_some() {}
    led(&lab, "/reload", Value::Null);
    for stream in &mut streams[1..] {
        stream.state(|state| state["reload"] == 1);
    }
    drop(streams);
    eventually(PATIENCE, "the streams have ended", || {
        let open = lab.lab().meters.lane(pushlab::lane::LaneId::MAIN);
        open.connections_open <= 2
    });
}

#[test]
fn what_the_phones_count_is_published_by_the_lesson_alone() {
    let folder = Folder::new("class-channel");
    let lab = spawn_lab(config(&folder));
    let publish = |lane: &str| {
        let body = br#"{"event":"tick","data":1}"#;
        let mut http = lab.http(lane);
        http.post("/api/channels/class/publications", body)
    };
    assert_eq!(publish("main").status, 200);
    begin(&lab);
    for lane in ["main", "websocket", "sse"] {
        let refused = publish(lane);
        assert_eq!(refused.status, 403, "{}", refused.text());
        assert_eq!(refused.error_code(), "channel_of_the_class");
    }
    assert_eq!(
        lead(&lab, "DELETE", "?save=false", &Value::Null).status,
        200
    );
    assert_eq!(publish("main").status, 200);
}

#[test]
fn only_a_stand_in_of_the_lab_s_own_is_native() {
    let folder = Folder::new("class-native");
    let lab = spawn_lab(config(&folder));
    let code = begin(&lab);
    let mut phone = Phone::join(&lab, &code);
    let report = json!({ "visible": true, "state": "open", "is_native": true });
    assert_eq!(phone.post("/report", report).status, 204);
    let join = |key: &str| {
        let body = json!({ "code": code, "stand_in": key }).to_string();
        let joined = lab.http("main").post("/api/class/join", body.as_bytes());
        assert_eq!(joined.status, 200, "{}", joined.text());
    };
    join(TEST_TOKEN);
    join("");
    join(lab.lab().stand_ins_key.text());
    let grid = lab.http("main").get("/api/class").json()["grid"].clone();
    let here_by: Vec<_> = (grid.as_array().unwrap().iter())
        .map(|one| one["here_by"].as_str().unwrap())
        .collect();
    assert_eq!(here_by, ["browser", "browser", "browser", "native"]);
}

#[test]
fn a_class_that_cannot_be_kept_says_so_to_the_presenter() {
    let folder = Folder::new("class-not-kept");
    let lab = spawn_lab(config(&folder));
    // Whatever the rights, a folder is not replaced by a file.
    let current = folder.file("class/current.json");
    fs::create_dir_all(current.join("in the way")).unwrap();
    begin(&lab);
    let bearer = format!("Bearer {TEST_TOKEN}");
    let own = [("authorization", bearer.as_str())];
    let mut presenter = Events::open(&lab, "/api/class/events", &own);
    let state = presenter.state(|state| !state["lead"]["not_kept"].is_null());
    assert!(state["lead"]["not_kept"].is_string(), "{state:#}");
    // Tried again with the next change.
    fs::remove_dir_all(&current).unwrap();
    led(&lab, "/reload", Value::Null);
    presenter.state(|state| state["lead"]["not_kept"].is_null());
    drop(presenter);
    eventually(PATIENCE, "it is kept", || current.is_file());
}
