//! Phones that lie. What they say of themselves moves no figure of the class further than one phone's share.

use std::{io::Write, net::TcpStream};

use serde_json::{Value, json};

use crate::{
    class_play::{Lead, QUICK, count, counted, lab_in, on_lane, run_is_over},
    support::{TestLab, folder::Folder, http::Http},
};

/// Stand-ins that tell the truth; half of them are on short polling, half on WebSocket.
const HONEST: usize = 6;

/// A class in the quick lesson with another sentence at its reveal, and a run of it that measures.
fn measuring(folder: &Folder, sentence: &str, join: impl FnOnce(&TestLab, &Value)) -> TestLab {
    let (from, to) = (
        QUICK.find("sentence = ").unwrap(),
        QUICK.find("predicted = "),
    );
    let sentence = format!("sentence = \"{sentence}\"\n");
    let told = format!("{}{sentence}{}", &QUICK[..from], &QUICK[to.unwrap()..]);
    folder.write(
        "told-live.md",
        told.replace("\"quick-live\"", "\"told-live\""),
    );
    let lab = lab_in(folder, 0);
    let mut lead = Lead::of(&lab);
    let begun = lead.post("/api/class", json!({}));
    lead.post("/api/class/stand-ins", json!({ "count": HONEST }));
    join(&lab, &begun["code"]);
    lead.post("/api/class/lesson", json!({ "lesson": "told-live" }));
    lead.until("all honest ones on their lanes", |state| {
        count(state, on_lane) == HONEST
    });
    lead.post("/api/class/go", json!({ "to": 2 }));
    lead.post("/api/class/run", json!({}));
    lead.until("measuring", |state| {
        state["lesson"]["run"]["state"] == "measuring"
    });
    lab
}

/// What the lesson's sentence says when the run is over.
fn revealed(lead: &mut Lead) -> String {
    lead.until("measured", run_is_over);
    lead.post("/api/class/go", json!({ "to": 4 }));
    let state = lead.post("/api/class/reveal", json!({}));
    let said = state["lesson"]["reveal"]["sentence"].as_str();
    said.unwrap().to_owned()
}

/// A phone that is in by the code; its lane is its group's, and nothing that it says is so.
struct Liar {
    http: Http,
    cookie: String,
    /// Its stream of states, which nobody reads: as long as it is there the phone is open.
    _stream: TcpStream,
}

impl Liar {
    fn join(lab: &TestLab, code: &Value) -> Self {
        let mut http = lab.http("main");
        let joined = http.post(
            "/api/class/join",
            json!({ "code": code }).to_string().as_bytes(),
        );
        let cookie = joined.header("set-cookie").expect("a cookie of its own");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let address = lab.address("main");
        let mut stream = TcpStream::connect(address).unwrap();
        let asks = format!(
            "GET /api/class/events HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\n\r\n"
        );
        stream.write_all(asks.as_bytes()).unwrap();
        let mut liar = Self {
            http,
            cookie,
            _stream: stream,
        };
        assert_eq!(liar.report(r#"{"visible":true,"state":"open"}"#), 204);
        liar
    }

    fn report(&mut self, body: &str) -> u16 {
        let headers = [("cookie", self.cookie.as_str())];
        let path = "/api/class/report";
        let answer = (self.http).request("POST", path, &headers, body.as_bytes());
        answer.status
    }

    fn state(&mut self) -> Value {
        let headers = [("cookie", self.cookie.as_str())];
        let answer = self.http.request("GET", "/api/class", &headers, b"");
        answer.json()
    }

    /// A report of the run that is shown and of the own group, with one delay for all that came.
    fn claims(&mut self, delay_ms: f64, bound_ms: f64, count: u64) -> u16 {
        let state = self.state();
        let group = state["me"]["group"].as_u64().expect("it is in a group");
        let groups = state["groups"].as_array().unwrap();
        let own = groups.iter().find(|one| one["group"] == group).unwrap();
        let late = json!({ "mean": delay_ms, "p50": delay_ms, "p90": delay_ms, "p99": delay_ms, "max": delay_ms });
        let said = json!({
            "visible": true, "state": "open", "lane": own["lane"], "delay_ms": delay_ms,
            "seen": { "requests": count, "empty": count, "received": count },
            "delays": { "bound_ms": bound_ms, "received": late, "painted": late },
            "set": state["set"], "run": state["lesson"]["run"]["number"],
        });
        self.report(&said.to_string())
    }
}

#[test]
fn a_phone_that_reports_absurd_delays_and_counts_moves_no_figure_of_the_class() {
    let folder = Folder::new("class-lies");
    let sentence = "{websocket.received.p90} ms, {group1.delay_ms.median} ms, \
                    {group2.delay_ms.median} ms, {short-poll.requests.per_phone} questions, \
                    {websocket.delivered} and {publications} messages, {websocket.phones} phones.";
    let mut liars = Vec::new();
    let lab = measuring(&folder, sentence, |lab, code| {
        liars = vec![Liar::join(lab, code), Liar::join(lab, code)];
    });
    let mut lead = Lead::of(&lab);
    let shown = |lead: &mut Lead| {
        let grid = lead.state()["grid"].as_array().unwrap().clone();
        let liars = grid.into_iter().filter(|one| one["here_by"] == "browser");
        liars.map(|one| one["delay_ms"].clone()).collect::<Vec<_>>()
    };
    for liar in &mut liars {
        // Older than the class, before it was sent, and by a clock that may be off by all of it.
        for (delay_ms, bound_ms) in [(1e12, 0.0), (-5.0, 0.0)] {
            assert_eq!(liar.claims(delay_ms, bound_ms, u64::MAX), 204);
        }
    }
    assert_eq!(shown(&mut lead), [Value::Null, Value::Null]);
    for liar in &mut liars {
        assert_eq!(liar.claims(900.0, 1e12, u64::MAX), 204);
        // What is no report is refused, with what was said before as it is.
        for bad in [
            r#"{"visible":true,"delay_ms":1e999}"#,
            r#"{"visible":true,"seen":{"requests":-1}}"#,
            r#"{"visible":true,"seen":{"received":1e30}}"#,
            "[]",
        ] {
            let status = liar.report(bad);
            assert!((400..500).contains(&status), "{bad}: {status}");
        }
    }
    assert_eq!(shown(&mut lead), [json!(900.0), json!(900.0)]);
    // What may be so is taken, as one phone's of four in its group, until the run is over.
    for liar in &mut liars {
        assert_eq!(liar.claims(900.0, 0.0, u64::MAX), 204);
    }
    let said = revealed(&mut lead);
    let [p90, first, second, asked, delivered, published, phones] = counted(&said)[..] else {
        panic!("{said}");
    };
    assert_eq!(phones, (HONEST / 2 + 1) as f64, "{said}");
    // Polls of 400 ms are late by up to that, and on a slow machine a little more.
    for late in [p90, first, second] {
        assert!((0.0..700.0).contains(&late), "{said}");
    }
    // Counted by the lab itself: 3 honest ones on each lane, some of whom hear of each.
    assert!(asked > 0.0 && asked < 200.0, "{said}");
    assert!(delivered <= published * 4.0, "{said}");
}

#[test]
fn a_client_of_a_lane_that_invents_delays_does_not_move_the_class_s_figure() {
    let folder = Folder::new("class-liar");
    let sentence = "Nine of ten came within {websocket.received.p90} ms.";
    let lab = measuring(&folder, sentence, |_, _| ());
    let key = lab.http("websocket").get("/api/reports/key?lane=websocket");
    // Some that may be, and some that are older than the run.
    let mut lies = vec![800_000; 2_000];
    lies.extend([40_000_000; 2_000]);
    let lies = json!({ "channel": "class", "samples": [{
        "lane": "websocket", "stage": "received", "key": key.json()["key"],
        "bound_us": 0, "delays_us": lies,
    }] });
    let mut http = lab.http("main");
    let taken = http.post("/api/reports", lies.to_string().as_bytes());
    assert_eq!(taken.status, 200, "{}", taken.text());
    let said = revealed(&mut Lead::of(&lab));
    let within_ms = *counted(&said).last().unwrap_or(&f64::NAN);
    assert!(within_ms < 500.0, "{said}");
}
