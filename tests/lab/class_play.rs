//! A class without people: native clients in the place of phones, live steps, and what the class sets in
//! the lab.

use std::{
    net::SocketAddr,
    process::Command,
    time::{Duration, Instant},
};

use pushlab::{
    config::Config,
    stand_in::{Guesses, StandIns},
};
use serde_json::{Value, json};

use crate::support::{TEST_TOKEN, TestLab, folder::Folder, http::Http, spawn_lab, test_config};

/// For whatever has to come about: the machine that runs the tests may be slow.
const WITHIN: Duration = Duration::from_secs(40);

/// A lesson with one live run on two lanes, as short as may be.
pub(crate) const QUICK: &str = r#"+++
id = "quick-live"
title = "Who hears what"
group = "cost"
order = 40
minutes = 5
claims = ["A1"]
steps = ["set", "guess", "run", "wait", "reveal", "ask"]
needs = { lanes = ["websocket", "short-poll"], phones = 1, stand_ins = 28 }
+++
Half of the phones ask, half are told.

```set
phones = [{ lane = "short-poll", poll_interval_ms = 400 }, { lane = "websocket" }]
source = { rate_per_s = 4, size_bytes = 60 }
conditions = { sse = "latency down=10ms up=10ms" }
```

Guess.

```guess
as = "number"
question = "Something happens once. How often does a phone with a socket hear of it?"
min = 0
max = 4
about = "ratio(websocket.delivered.per_phone, publications)"
```

Look.

```run
live = { seconds = 3, warm_up = 1 }
clients = { sse = 1 }
page = "/compare"
seen = "How many?"
```

It takes a moment.

```wait
until = "publications >= 8 and short-poll.requests.per_phone >= 4"
at_most_s = 30
otherwise = "again"
```

Each of them hears all.

```reveal
sentence = "{publications} publications, {websocket.delivered} and {short-poll.delivered} deliveries, {sse.delivered} beside, to {websocket.phones} and {short-poll.phones} phones of {phones}."
predicted = "Each hears of all."
expected = 1
```

Once more.

```ask
question = "Ten phones, one publication. How many deliveries?"
options = ["1", "10", "100"]
right = 2
because = ["Each has its own.", "One each.", "That is ten publications."]
```
"#;

/// A lab with the quick lesson, its data in a folder of its own.
pub(crate) fn lab_in(folder: &Folder, port: u16) -> TestLab {
    folder.write("quick-live.md", QUICK);
    spawn_lab(Config {
        port,
        data_dir: folder.path().join("data"),
        lessons: folder.path().to_path_buf(),
        ..test_config()
    })
}

/// Who leads, by the API.
pub(crate) struct Lead(SocketAddr);

impl Lead {
    pub(crate) fn of(lab: &TestLab) -> Self {
        Self(lab.address("main"))
    }

    pub(crate) fn call(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let bearer = format!("Bearer {TEST_TOKEN}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        // On a connection of its own: who answers without reading a body closes the one it came on.
        let answer = Http::connect(self.0).request(method, path, &headers, body.as_bytes());
        (answer.status, answer.json())
    }

    pub(crate) fn post(&mut self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call("POST", path, &body);
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    pub(crate) fn get(&mut self, path: &str) -> Value {
        let (status, answer) = self.call("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub(crate) fn state(&mut self) -> Value {
        self.get("/api/class/lead")
    }

    /// The state as soon as it is so.
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + WITHIN;
        loop {
            let state = self.state();
            if is_so(&state) {
                return state;
            }
            assert!(Instant::now() < deadline, "not {what}: {state:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Conditions in effect, as lanes.
    fn conditions(&mut self) -> Vec<String> {
        let there = self.get("/api/conditions");
        let lanes = there["lanes"].as_array().unwrap().iter();
        lanes
            .filter(|lane| !lane["conditions"].is_null())
            .map(|lane| format!("{}: {}", lane["lane"], lane["conditions"]["text"]))
            .collect()
    }
}

fn key(lab: &TestLab) -> &str {
    lab.lab().stand_ins_key.text()
}

pub(crate) fn count(state: &Value, is_one: impl Fn(&Value) -> bool) -> usize {
    let grid = state["grid"].as_array().expect("the presenter has a grid");
    grid.iter().filter(|one| is_one(one)).count()
}

fn open(one: &Value) -> bool {
    one["state"] == "open" && one["here_by"] == "native"
}

pub(crate) fn on_lane(one: &Value) -> bool {
    open(one) && one["line"] == "open"
}

pub(crate) fn run_is_over(state: &Value) -> bool {
    let run = &state["lesson"]["run"]["state"];
    run == "over" || run == "failed"
}

/// The numbers in the lesson's sentence.
pub(crate) fn counted(sentence: &str) -> Vec<f64> {
    sentence
        .replace(',', "")
        .split_whitespace()
        .filter_map(|word| word.trim_end_matches('.').parse().ok())
        .collect()
}

#[test]
fn a_hundred_native_clients_are_one_class() {
    let folder = Folder::new("class-of-100");
    let lab = lab_in(&folder, 0);
    let mut lead = Lead::of(&lab);
    let begun = lead.post("/api/class", json!({}));
    let code = begun["code"].as_str().unwrap();
    let url = format!("http://{}", lab.address("main"));
    let phones = StandIns::start_with(&url, code, key(&lab), 100, 7, Guesses::Drawn).unwrap();
    let state = lead.until("100 open", |state| count(state, open) == 100);
    assert_eq!(
        (&state["here"], &state["joined"]),
        (&json!(100), &json!(100))
    );
    assert_eq!(phones.ids().len(), 100);

    lead.post("/api/class/lesson", json!({ "lesson": "quick-live" }));
    let state = lead.until("all on their lanes", |state| count(state, on_lane) == 100);
    for lane in ["short-poll", "websocket"] {
        assert_eq!(count(&state, |one| one["lane"] == lane), 50, "{lane}");
    }
    lead.post("/api/class/go", json!({ "to": 1 }));
    lead.until("100 guesses", |state| state["lesson"]["answered"] == 100);

    lead.post("/api/class/go", json!({ "to": 2 }));
    lead.post("/api/class/run", json!({}));
    let state = lead.until("measured", run_is_over);
    assert_eq!(state["lesson"]["run"]["why"], Value::Null);
    lead.post("/api/class/go", json!({ "to": 3 }));
    lead.until("seen", |state| state["lesson"]["wait"]["seen"] == true);
    lead.post("/api/class/go", json!({ "to": 4 }));
    let state = lead.post("/api/class/reveal", json!({}));
    let reveal = &state["lesson"]["reveal"];
    let sentence = reveal["sentence"].as_str().unwrap();
    let [published, told, asked, beside, on_sockets, on_polls, all] = counted(sentence)[..] else {
        panic!("{sentence}");
    };
    assert_eq!((on_sockets, on_polls, all), (50.0, 50.0, 100.0));
    assert!(published >= 8.0, "it was waited for: {sentence}");
    // How many there are depends on how long it was waited; each phone hears of each once. What was on
    // its way at one edge of the measuring is the other's, and a poll may bring it late.
    for (name, deliveries) in [
        ("told", told / 50.0),
        ("asked", asked / 50.0),
        ("beside", beside),
    ] {
        let ratio = deliveries / published;
        assert!((ratio - 1.0).abs() <= 0.2, "{name} {ratio}: {sentence}");
    }
    let measured = reveal["measured"].as_f64().unwrap();
    assert!(
        (measured - told / 50.0 / published).abs() < 0.01,
        "{reveal}"
    );
    // Nobody guessed these.
    assert_eq!(reveal["guesses"]["count"], 0, "{reveal}");

    // All load their page again: the same phones are back.
    lead.post("/api/class/reload", json!({}));
    lead.until("all are back", |state| count(state, on_lane) == 100);
    let state = lead.state();
    assert_eq!(state["joined"], 100);

    let (status, _) = lead.call("DELETE", "/api/class?save=false", &Value::Null);
    assert_eq!(status, 200);
    assert!(lead.conditions().is_empty());
    phones.stop();
}

#[test]
fn a_server_that_is_stopped_and_started_again_goes_on_with_its_class() {
    let folder = Folder::new("class-restarted");
    folder.write(
        "quick-live.md",
        QUICK.replace("conditions =", "# conditions ="),
    );
    let config = |port| Config {
        port,
        single_port: true,
        data_dir: folder.path().join("data"),
        lessons: folder.path().to_path_buf(),
        ..test_config()
    };
    let lab = spawn_lab(config(0));
    let address = lab.address("main");
    let mut lead = Lead::of(&lab);
    let begun = lead.post("/api/class", json!({}));
    let code = begun["code"].as_str().unwrap().to_owned();
    let url = format!("http://{address}");
    let phones = StandIns::start(&url, &code, key(&lab), 8, 3).unwrap();
    lead.until("8 open", |state| count(state, open) == 8);
    lead.post("/api/class/lesson", json!({ "lesson": "quick-live" }));
    lead.post("/api/class/go", json!({ "to": 1 }));
    lead.until("8 guesses", |state| state["lesson"]["answered"] == 8);
    let names = |state: &Value| {
        let grid = state["grid"].as_array().unwrap().clone();
        let names = grid
            .iter()
            .map(|one| (one["id"].clone(), one["name"].clone()));
        names.collect::<Vec<_>>()
    };
    let before = lead.state();
    drop(lab);

    let lab = spawn_lab(config(address.port()));
    let mut lead = Lead::of(&lab);
    let state = lead.until("all back on their lanes", |state| {
        count(state, on_lane) == 8
    });
    assert_eq!(state["code"], code);
    assert_eq!(state["class"], before["class"]);
    assert_eq!(names(&state), names(&before), "nobody is a stranger");
    assert_eq!(state["lesson"]["step"], 1);
    assert_eq!(state["lesson"]["answered"], 8);
    lead.post("/api/class/go", json!({ "to": 2 }));
    lead.post("/api/class/run", json!({}));
    let state = lead.until("measured", run_is_over);
    assert_eq!(state["lesson"]["run"]["state"], "over", "{state:#}");
    phones.stop();
}

#[test]
fn what_a_lesson_sets_is_undone_and_what_was_there_is_there_again() {
    let folder = Folder::new("class-undone");
    let lab = lab_in(&folder, 0);
    let mut lead = Lead::of(&lab);
    let before = json!({ "conditions": "latency down=1ms up=1ms" });
    lead.call("PUT", "/api/conditions/sse", &before);
    let was = lead.conditions();
    assert_eq!(was.len(), 1);
    lead.post("/api/class", json!({}));
    lead.post("/api/class/lesson", json!({ "lesson": "quick-live" }));
    let set = lead.conditions();
    assert!(set.len() == 1 && set[0].contains("10ms"), "{set:?}");

    // Without a phone nothing is measured; the class says what to do.
    lead.post("/api/class/go", json!({ "to": 2 }));
    let (status, refused) = lead.call("POST", "/api/class/run", &json!({}));
    assert_eq!(status, 409, "{refused}");
    assert_eq!(refused["error"]["code"], "too_few_phones");
    let said = refused["error"]["message"].as_str().unwrap();
    assert!(said.contains("0 are here"), "{said}");

    // Sent by the presenter, and sent home.
    lead.post("/api/class/stand-ins", json!({ "count": 4 }));
    let state = lead.until("4 open", |state| count(state, on_lane) == 4);
    let one = state["grid"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/class/participants/{one}");
    assert!(lead.call("DELETE", &path, &Value::Null).0 < 300);
    lead.post("/api/class/run", json!({}));
    lead.until("publishing", |state| {
        state["lesson"]["run"]["state"] == "measuring"
    });
    let sources = lead.get("/api/sources");
    assert_eq!(sources["sources"][0]["channel"], "class", "{sources}");
    lead.post("/api/class/run/stop", json!({}));
    let state = lead.until("stopped", run_is_over);
    let why = state["lesson"]["run"]["why"].as_str().unwrap_or_default();
    assert!(why.contains("stopped before enough was seen"), "{why}");
    // Reports went by meanwhile.
    assert_eq!(state["joined"], 3, "who was sent away stays away");
    lead.post("/api/class/stand-ins", json!({ "count": 0 }));
    let state = lead.until("nobody", |state| state["joined"] == 0);
    assert_eq!(state["grid"], json!([]));

    lead.post("/api/class/lesson", json!({ "lesson": null }));
    assert_eq!(lead.conditions(), was);
    assert_eq!(lead.get("/api/sources")["sources"], json!([]));
}

#[test]
fn a_run_that_is_told_to_end_is_over_before_anything_else_begins() {
    let folder = Folder::new("class-over");
    let lab = lab_in(&folder, 0);
    let mut lead = Lead::of(&lab);
    let own = json!({ "kind": "compare", "rate_per_s": 2, "size_bytes": 77 });
    let (status, put) = lead.call("PUT", "/api/sources/class", &own);
    assert!((200..300).contains(&status), "{put}");
    let size = |lead: &mut Lead| lead.get("/api/sources")["sources"][0]["size_bytes"].clone();
    let before = size(&mut lead);
    lead.post("/api/class", json!({}));
    lead.post("/api/class/stand-ins", json!({ "count": 3 }));
    lead.until("3 open", |state| count(state, open) == 3);
    lead.post("/api/class/lesson", json!({ "lesson": "quick-live" }));
    let measure = |lead: &mut Lead| {
        lead.post("/api/class/go", json!({ "to": 2 }));
        lead.post("/api/class/run", json!({}));
        lead.until("measuring", |state| {
            state["lesson"]["run"]["state"] == "measuring"
        });
        assert_ne!(size(lead), before);
    };
    measure(&mut lead);
    lead.post("/api/class/reset", json!({}));
    // At once, and after the next one again.
    assert_eq!(size(&mut lead), before);
    measure(&mut lead);
    let (status, ended) = lead.call("DELETE", "/api/class?save=true", &Value::Null);
    assert_eq!(status, 200, "{ended}");
    assert_eq!(size(&mut lead), before);
    let id = ended["saved"].as_str().unwrap();
    let saved = std::fs::read(folder.path().join(format!("data/class/{id}.json"))).unwrap();
    let saved: Value = serde_json::from_slice(&saved).unwrap();
    assert!(saved["lessons"][0]["outcome"].is_object(), "{saved:#}");
}

#[test]
fn a_lesson_is_played_to_its_end_by_the_program_itself() {
    let folder = Folder::new("lesson-played");
    let file = folder.write("quick-live.md", QUICK);
    let played = Command::new(env!("CARGO_BIN_EXE_pushlab"))
        .env_remove("PUSHLAB_LESSONS")
        .args(["lesson", "play", &file, "--phones", "6", "--fast"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&played.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&played.stderr).into_owned();
    assert_eq!(played.status.code(), Some(0), "{said}{wrong}");
    let sentence = said.split('"').find(|part| part.contains("publications, "));
    let numbers = counted(sentence.unwrap_or_else(|| panic!("{said}")));
    let ratio = numbers[1] / 3.0 / numbers[0];
    assert!(
        (ratio - 1.0).abs() <= 0.2,
        "three phones with sockets: {said}"
    );
    for line in ["no source and no condition is left", "all is well"] {
        assert!(said.contains(line), "{said}");
    }
    let unknown = Command::new(env!("CARGO_BIN_EXE_pushlab"))
        .args(["lesson", "play", "no-such-lesson"])
        .output()
        .unwrap();
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn with_one_port_a_lesson_that_needs_conditions_runs_on_native_clients_and_says_so() {
    let folder = Folder::new("class-one-port");
    folder.write("quick-live.md", QUICK);
    let lab = spawn_lab(Config {
        single_port: true,
        data_dir: folder.path().join("data"),
        lessons: folder.path().to_path_buf(),
        ..test_config()
    });
    let mut lead = Lead::of(&lab);
    let code = lead.post("/api/class", json!({}))["code"].clone();
    let state = lead.state();
    let lessons = state["lead"]["lessons"].as_array().unwrap();
    let grey = |one: &&Value| !one["why_not"].is_null();
    let greyed: Vec<_> = lessons.iter().filter(grey).collect();
    assert!(lessons.len() > 16 && greyed.is_empty(), "{greyed:?}");

    // A phone, which only asks for the state.
    let joined = lab.http("main").post(
        "/api/class/join",
        json!({ "code": code }).to_string().as_bytes(),
    );
    let cookie = joined.header("set-cookie").unwrap().to_owned();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let as_phone = |lab: &TestLab| {
        let headers = [("cookie", cookie.as_str())];
        let mut http = lab.http("main");
        http.request("GET", "/api/class", &headers, b"").json()
    };
    let id = as_phone(&lab)["me"]["id"].clone();

    lead.post("/api/class/lesson", json!({ "lesson": "quick-live" }));
    let state = lead.until("28 natives on their lanes", |state| {
        count(state, on_lane) == 28
    });
    for lane in ["short-poll", "websocket"] {
        assert_eq!(count(&state, |one| one["lane"] == lane), 14, "{lane}");
    }
    // The phone is in no group, and would be on a network without conditions in none.
    assert_eq!(as_phone(&lab)["me"]["group"], Value::Null);
    // No page shows conditions on lanes that it cannot reach.
    assert!(lead.conditions().is_empty());
    lead.post("/api/class/go", json!({ "to": 2 }));
    let waiting = lead.state()["lesson"]["run"]["what"].clone();
    lead.post("/api/class/run", json!({}));
    let state = lead.until("measured", run_is_over);
    let run = &state["lesson"]["run"];
    assert_eq!((&run["state"], &run["why"]), (&json!("over"), &Value::Null));
    let says = "with 28 native clients inside this laptop; your phone watches, for with one port there are \
        no conditions on phones";
    let told = as_phone(&lab)["lesson"]["run"]["what"].clone();
    for what in [&waiting, &run["what"], &told] {
        assert!(what.as_str().unwrap().contains(says), "{what}");
    }
    lead.post("/api/class/go", json!({ "to": 4 }));
    let state = lead.post("/api/class/reveal", json!({}));
    let sentence = state["lesson"]["reveal"]["sentence"].as_str().unwrap();
    let [.., beside, on_sockets, on_polls, all] = counted(sentence)[..] else {
        panic!("{sentence}");
    };
    assert_eq!(
        (on_sockets, on_polls, all),
        (14.0, 14.0, 28.0),
        "{sentence}"
    );
    assert!(
        beside > 0.0,
        "clients beside them are on the loopback, too: {sentence}"
    );

    // They go with the lesson; the phone stays, and is in the groups of one that needs no conditions.
    lead.post(
        "/api/class/lesson",
        json!({ "lesson": "half-the-interval" }),
    );
    let state = lead.until("only the phone", |state| state["joined"] == 1);
    assert_eq!(state["grid"][0]["id"], id);
    let set = state["lesson"]["kinds"].as_array().unwrap();
    let set = set.iter().position(|kind| kind == "set").unwrap();
    lead.post("/api/class/go", json!({ "to": set }));
    assert_eq!(as_phone(&lab)["me"]["group"], 0);
}

/// What is set on a lane of the loopback is met there: by native clients alone.
#[test]
fn with_one_port_native_clients_meet_the_conditions() {
    let folder = Folder::new("class-one-port-met");
    let far = QUICK
        .replace("sse = \"latency down=10ms up=10ms\"", "websocket = \"latency down=150ms up=150ms\"")
        .replace(
            "sentence = \"{publications} publications",
            "sentence = \"{websocket.received.p50} ms {short-poll.received.p50} ms, {publications} publications",
        );
    folder.write("quick-live.md", far);
    let lab = spawn_lab(Config {
        single_port: true,
        data_dir: folder.path().join("data"),
        lessons: folder.path().to_path_buf(),
        ..test_config()
    });
    let mut lead = Lead::of(&lab);
    lead.post("/api/class", json!({}));
    lead.post("/api/class/stand-ins", json!({ "count": 4 }));
    lead.until("4 open", |state| count(state, open) == 4);
    lead.post("/api/class/lesson", json!({ "lesson": "quick-live" }));
    lead.until("4 on their lanes", |state| count(state, on_lane) == 4);
    lead.post("/api/class/go", json!({ "to": 2 }));
    lead.post("/api/class/run", json!({}));
    let state = lead.until("measured", run_is_over);
    assert_eq!(state["lesson"]["run"]["why"], Value::Null);
    lead.post("/api/class/go", json!({ "to": 4 }));
    let state = lead.post("/api/class/reveal", json!({}));
    let sentence = state["lesson"]["reveal"]["sentence"].as_str().unwrap();
    let numbers = counted(sentence);
    assert!(numbers[0] >= 150.0, "down it takes 150 ms: {sentence}");
    // Those that the presenter sent stay when the lesson goes.
    lead.post("/api/class/lesson", json!({ "lesson": null }));
    assert_eq!(count(&lead.state(), open), 4);
}
