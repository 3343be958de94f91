//! Files that are wrong in one way each, and what is said of them; and the lab's own lessons.

use std::collections::BTreeSet;

use super::{
    FILE_MAX_BYTES, Lesson, code, markup,
    own::{FILES, LESSONS},
    shelf::Shelf,
    step::Kind,
};
use crate::{demo::schedule::Schedule, experiments::claims::Article};

/// A lesson that is right; tests make it wrong.
const GOOD: &str = r#"+++
id = "a-lesson"
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
question = "How many bytes?"
min = 1
max = 1000
unit = "bytes"
scale = "log"
```

```run
experiment = "E1"
```

That is why.

```reveal
sentence = "It is many."
expected = 537
figure = "guess"
```

```ask
question = "And now?"
options = ["one", "two", "three"]
right = 2
because = ["No.", "Yes.", "No."]
```
"#;

/// One that a class does together, in every step that there is.
const OF_A_CLASS: &str = r#"+++
id = "a-lesson"
title = "A lesson"
group = "cost"
order = 40
minutes = 6
claims = ["B7"]
needs = { lanes = ["short-poll", "websocket"], phones = 1, stand_ins = 28 }
pages = ["/compare"]
steps = ["say", "guess", "set", "run", "wait", "reveal", "code", "ask"]
seed = 9
clock = { run = 33 }
+++
Something happens.

```say
```

```guess
id = "empty"
as = "number"
question = "Of 100 answers, how many are empty?"
min = 0
max = 100
about = "short-poll.empty_ratio"
```

```set
page = "/compare"
phones = [{ share = 1, lane = "short-poll", poll_interval_ms = 500 }]
source = { rate_per_s = 0.2, size_bytes = 60, schedule = "poisson" }
conditions = { short-poll = "train tunnel" }
```

```run
live = { seconds = 30, warm_up = 3 }
clients = { websocket = 1 }
page = "/compare"
alone = "Open [it](/compare)."
```

```wait
until = "short-poll.requests.per_phone >= 50 and publications >= 3"
at_most_s = 45
otherwise = "again"
```

That is why.

```reveal
sentence = "Of 100 questions {percent(short-poll.empty_ratio)} were for nothing."
predicted = "Most questions were for nothing."
guess = "empty"
figures = ["short-poll.requests.per_phone"]
theory = "short_poll"
expected = 90.5
per_unit = 0.01
```

Here it is.

```code
file = "static/js/transports/short-poll.js"
from = "async function ask()"
lines = 3
```

```ask
question = "And now?"
options = ["one", "two", "three"]
right = 2
because = ["No.", "Yes.", "No."]
```
"#;

fn parse(text: &str) -> Result<Lesson, Vec<String>> {
    let parsed = Lesson::parse("40-a-lesson.md", text);
    parsed.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// The faults of the good lesson with one thing changed.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    parse(&GOOD.replacen(from, to, 1)).expect_err(to)
}

/// The same of the lesson for a class.
fn in_class(from: &str, to: &str) -> Vec<String> {
    assert!(OF_A_CLASS.contains(from), "{from}");
    parse(&OF_A_CLASS.replacen(from, to, 1)).expect_err(to)
}

fn says(faults: &[String], place: &str, what: &str) {
    let is_it = |fault: &String| fault.starts_with(place) && fault.contains(what);
    assert!(faults.iter().any(is_it), "{place} {what}: {faults:#?}");
}

#[test]
fn a_lesson_is_read_with_its_steps_and_their_text() {
    let lesson = parse(GOOD).unwrap();
    let kinds: Vec<_> = lesson.steps.iter().map(|step| step.kind.name()).collect();
    assert_eq!(kinds, ["say", "guess", "run", "reveal", "ask"]);
    assert_eq!(lesson.steps[0].html, "<p>Something happens.</p>\n");
    assert_eq!(lesson.steps[3].html, "<p>That is why.</p>\n");
    assert_eq!(lesson.steps[1].line, 15);
    assert!(lesson.advice.is_empty(), "{:?}", lesson.advice);
    let windows = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
    assert_eq!(parse(&windows).unwrap().steps, lesson.steps);
}

#[test]
fn a_lesson_for_a_class_is_read_with_what_it_sets_runs_and_waits_for() {
    let lesson = parse(OF_A_CLASS).unwrap();
    assert_eq!(lesson.advice, []);
    assert_eq!(lesson.front.needs.stand_ins, 28);
    assert_eq!(lesson.front.needs.nodes, 1);
    let Kind::Set(set) = &lesson.steps[2].kind else {
        panic!("{:?}", lesson.steps[2]);
    };
    assert_eq!(set.phones[0].poll_interval_ms, Some(500));
    assert!(set.phones[0].recovery && !set.phones[0].bare);
    let source = set.source.as_ref().unwrap();
    assert_eq!(source.settings(lesson.front.seed).seed, 9);
    let run = lesson.runs().next().unwrap();
    assert_eq!(run.live.as_ref().unwrap().seconds, 30);
    let Kind::Wait(wait) = &lesson.steps[4].kind else {
        panic!("{:?}", lesson.steps[4]);
    };
    assert_eq!(wait.until.names().len(), 3);
    let reveal = lesson.reveal().unwrap();
    let counted = |name: &str| match name {
        "short-poll.empty_answers" => Some(9.0),
        "short-poll.requests" => Some(10.0),
        _ => None,
    };
    assert_eq!(
        reveal.said(&counted).unwrap(),
        "Of 100 questions 90 were for nothing."
    );
    assert_eq!(reveal.said(&|_| None), None);
    assert_eq!(reveal.predicted(), "Most questions were for nothing.");
    let theory = lesson.expected_by_theory().unwrap();
    assert!((theory[0] - 90.48).abs() < 0.01, "{theory:?}");
    assert_eq!(lesson.steps[6].html, "<p>Here it is.</p>\n");
    let Kind::Code(shown) = &lesson.steps[6].kind else {
        panic!("{:?}", lesson.steps[6]);
    };
    let lines = code::excerpt(shown).unwrap().lines;
    assert_eq!(lines.len(), 3);
    assert!(lines[0].1.contains("async function ask()"), "{lines:?}");
    let html = markup::code_to_html("static/js/a.js", &[(7, "a < b && <script>")]);
    assert!(
        html.contains("a &lt; b &amp;&amp; &lt;script&gt;"),
        "{html}"
    );
    assert!(html.contains("href=\"/static/js/a.js\"") && html.contains("lines 7 to 7"));
}

#[test]
fn what_a_class_needs_is_held_against_what_this_lab_has() {
    says(
        &in_class("\"short-poll\", \"websocket\"]", "\"short-pol\"]"),
        "8:1",
        "nearest: \"short-poll\"",
    );
    says(
        &in_class("phones = 1,", "phones = 101,"),
        "8:1",
        "write fewer",
    );
    says(
        &in_class("stand_ins = 28", "stand_ins = 28, nodes = 3"),
        "8:1",
        "write 1 or 2",
    );
    says(
        &in_class("stand_ins = 28", "standins = 28"),
        "8:",
        "nearest: \"stand_ins\"",
    );
    says(
        &in_class("pages = [\"/compare\"]", "pages = [\"/comapre\"]"),
        "9:1",
        "nearest: \"/compare\"",
    );
    says(
        &in_class("clock = { run = 33 }", ""),
        "1:1",
        "live runs take 33 s",
    );
    says(
        &in_class("as = \"number\"", "as = \"number\"\nseconds = 2"),
        "19:1",
        "5 to 300",
    );
    says(
        &in_class("as = \"number\"", "as = \"number\"\nseconds = 300"),
        "12:1",
        "shorten a part",
    );
}

#[test]
fn faults_of_what_a_class_is_set_to_have_their_line_and_a_remedy() {
    let set = |from: &str, to: &str| in_class(from, to);
    says(
        &set("page = \"/compare\"\nphones", "page = \"/comapre\"\nphones"),
        "28:1",
        "nearest: \"/compare\"",
    );
    says(
        &set("lane = \"short-poll\"", "lane = \"short-pol\""),
        "28:1",
        "nearest: \"short-poll\"",
    );
    says(
        &set("lane = \"short-poll\"", "lane = \"sse\""),
        "28:1",
        "sse does not poll by a timer",
    );
    says(
        &set("poll_interval_ms = 500", "poll_interval_ms = 1"),
        "28:1",
        "choose 50 to 60000",
    );
    says(
        &set("poll_interval_ms = 500", "bare = true"),
        "28:1",
        "short-poll has no bare form; it is one of websocket, sse",
    );
    says(&set("share = 1", "share = 0"), "28:1", "write 1 to 100");
    says(
        &set("rate_per_s = 0.2", "rate_per_s = 500"),
        "28:1",
        "choose 0.1 to 200",
    );
    says(
        &set("size_bytes = 60", "size_bytes = 1"),
        "28:1",
        "size_bytes is 1",
    );
    says(
        &set("\"poisson\"", "\"poison\""),
        "31:",
        "nearest: \"poisson\"",
    );
    says(
        &set("train tunnel", "tunel away=2s every=9s"),
        "28:1",
        "condition \"tunel\" of short-poll is unknown; nearest: \"tunnel\"",
    );
    says(
        &set("train tunnel", "tunnel away=2s"),
        "28:1",
        "conditions of short-poll: tunnel needs every",
    );
    says(
        &set("{ short-poll = \"train", "{ shortpoll = \"train"),
        "28:1",
        "conditions: there is no lane",
    );
}

#[test]
fn faults_of_live_runs_and_of_what_is_waited_for_have_their_line_and_a_remedy() {
    says(
        &in_class(
            "page = \"/compare\"\nalone = \"Open [it](/compare).\"\n",
            "",
        ),
        "35:1",
        "who is alone has nothing to run",
    );
    says(
        &in_class("seconds = 30, warm", "seconds = 61, warm"),
        "35:1",
        "seconds from 1 to 60",
    );
    says(
        &in_class("clients = { websocket = 1 }", "clients = { websockt = 1 }"),
        "35:1",
        "nearest: \"websocket\"",
    );
    says(
        &in_class("clients = { websocket = 1 }", "clients = { websocket = 0 }"),
        "35:1",
        "write 1 to 100",
    );
    says(
        &in_class("live = { seconds = 30, warm_up = 3 }\n", ""),
        "35:1",
        "add live, or take them out",
    );
    says(
        &in_class("live = { seconds = 30, warm_up = 3 }\n", ""),
        "41:1",
        "waits for what a live run counts",
    );
    says(
        &in_class("live = { seconds = 30, warm_up = 3 }\n", ""),
        "49:1",
        "no step has one",
    );
    says(
        &in_class(
            "page = \"/compare\"\nalone",
            "full = true\npage = \"/compare\"\nalone",
        ),
        "35:1",
        "full is for an experiment",
    );
    says(
        &in_class("[it](/compare)", "[it](/nowhere)"),
        "35:1",
        "a link in alone leads nowhere",
    );
    let phones = "phones = [{ share = 1, lane = \"short-poll\", poll_interval_ms = 500 }]\n";
    let none = OF_A_CLASS
        .replacen(phones, "", 1)
        .replacen("clients = { websocket = 1 }\n", "", 1);
    says(&parse(&none).unwrap_err(), "34:1", "nobody listens");
    says(
        &in_class(
            "short-poll.requests.per_phone >= 50",
            "short-poll.empties >= 50",
        ),
        "43:9",
        "\"short-poll.empties\" is no counter; nearest: \"short-poll.empty_answers\"",
    );
    says(
        &in_class(
            "short-poll.requests.per_phone >= 50 and publications >= 3",
            "publications",
        ),
        "42:1",
        "compare it, as in publications >= 1",
    );
    says(
        &in_class("at_most_s = 45", "at_most_s = 0"),
        "42:1",
        "choose 1 to 120",
    );
    says(
        &in_class("otherwise = \"again\"", "otherwise = \"agian\""),
        "45:",
        "nearest: \"again\"",
    );
}

#[test]
fn faults_of_what_is_shown_in_the_end_have_their_line_and_a_remedy() {
    says(
        &in_class(
            "{percent(short-poll.empty_ratio)}",
            "{percent(short-poll.empty_rato)}",
        ),
        "50:1",
        "sentence: \"short-poll.empty_rato\" is no counter",
    );
    says(&in_class("{percent", "percent"), "50:1", "take it out");
    says(
        &in_class("predicted = \"Most questions were for nothing.\"\n", ""),
        "50:1",
        "add predicted",
    );
    says(
        &in_class("Most questions", "{publications} questions"),
        "50:1",
        "take the braces out",
    );
    says(
        &in_class("guess = \"empty\"", "guess = \"other\""),
        "50:1",
        "make them the same",
    );
    says(
        &in_class(
            "[\"short-poll.requests.per_phone\"]",
            "[\"publications >= 3\"]",
        ),
        "50:1",
        "take the comparison out",
    );
    says(
        &in_class("[\"short-poll.requests.per_phone\"]", "[\"nothing\"]"),
        "54:",
        "\"nothing\" is no figure",
    );
    says(
        &in_class("theory = \"short_poll\"", "theory = \"shortpoll\""),
        "50:1",
        "nearest: \"short_poll\"",
    );
    says(
        &in_class("theory = \"short_poll\"", "theory = \"long_poll_gap\""),
        "50:1",
        "needs what goes into it",
    );
    says(
        &in_class("expected = 90.5", "expected = 80"),
        "50:1",
        "short_poll says 90.484, and expected 80",
    );
    says(
        &in_class("transports/short-poll.js", "transports/short-pol.js"),
        "62:1",
        "nearest: \"static/js/transports/short-poll.js\"",
    );
    says(
        &in_class("from = \"async", "from = \"asink"),
        "62:1",
        "copy a part of the first line",
    );
    says(
        &in_class("lines = 3", "lines = 26"),
        "62:1",
        "choose 1 to 25",
    );
    says(
        &in_class(
            "about = \"short-poll.empty_ratio\"",
            "about = [\"phones\", \"seconds\"]",
        ),
        "19:1",
        "about names 2 figures",
    );
    says(
        &in_class(
            "about = \"short-poll.empty_ratio\"",
            "about = \"short-poll.empty_rato\"",
        ),
        "25:",
        "is no counter",
    );
}

#[test]
fn a_curve_and_an_order_are_guesses_and_what_is_right_has_their_form() {
    let number = &GOOD[GOOD.find("as = \"number\"").unwrap()..GOOD.find("```\n\n```run").unwrap()];
    let curve = "as = \"curve\"\nquestion = \"Draw it.\"\nx = [25, 100, 250]\nx_unit = \"ms\"\nmin = 0\nmax = 500\nunit = \"ms\"\n";
    let order =
        "as = \"order\"\nquestion = \"Which is first?\"\nitems = [\"one\", \"two\", \"three\"]\n";
    let drawn = GOOD
        .replacen(number, curve, 1)
        .replacen(
            "expected = 537",
            "theory = \"short_poll_delay\"\nper_unit = 1000\nexpected = [12.5, 50, 125]",
            1,
        )
        .replacen("figure = \"guess\"\n", "", 1);
    let lesson = parse(&drawn).unwrap();
    let asked = serde_json::to_value(lesson.guess().unwrap().asked()).unwrap();
    assert_eq!(
        asked,
        serde_json::json!({"as": "curve", "question": "Draw it.", "x": [25.0, 100.0, 250.0], "x_unit": "ms",
            "min": 0.0, "max": 500.0, "unit": "ms"})
    );
    let with = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        parse(&text.replacen(from, to, 1)).expect_err(to)
    };
    says(
        &with(&drawn, "[25, 100, 250]", "[25, 100]"),
        "15:1",
        "3 to 5 numbers in x",
    );
    says(
        &with(&drawn, "[25, 100, 250]", "[25, 250, 100]"),
        "15:1",
        "each larger",
    );
    says(
        &with(&drawn, "[12.5, 50, 125]", "[12.5, 50]"),
        "31:1",
        "with 3 numbers",
    );
    says(
        &with(&drawn, "[12.5, 50, 125]", "[12.5, 50, 250]"),
        "31:1",
        "short_poll_delay says 125",
    );
    says(
        &with(&drawn, "x_unit = \"ms\"", "x_unit = \"km\""),
        "31:1",
        "x in ms or s",
    );
    says(
        &with(
            &drawn,
            "unit = \"ms\"\n```",
            "unit = \"ms\"\noptions = [\"a\"]\n```",
        ),
        "15:1",
        "options: this guess has no such thing",
    );
    let ordered = GOOD.replacen(number, order, 1).replacen(
        "expected = 537\nfigure = \"guess\"",
        "right = [2, 1, 3]",
        1,
    );
    let lesson = parse(&ordered).unwrap();
    let asked = serde_json::to_value(lesson.guess().unwrap().asked()).unwrap();
    assert_eq!(asked["items"][1], "two");
    says(
        &with(&ordered, "[2, 1, 3]", "[2, 1]"),
        "27:1",
        "each item once, from 1 to 3",
    );
    says(
        &with(&ordered, "[2, 1, 3]", "[2, 2, 3]"),
        "27:1",
        "each item once",
    );
    says(
        &with(
            &ordered,
            "\"one\", \"two\", \"three\"]\n```",
            "\"one\", \"two\"]\n```",
        ),
        "15:1",
        "3 to 6 items",
    );
    says(
        &with(
            &ordered,
            "right = [2, 1, 3]",
            "right = [2, 1, 3]\nexpected = 3",
        ),
        "27:1",
        "for a number or a curve",
    );
}

#[test]
fn in_the_labs_lessons_something_happens_while_it_is_counted() {
    for lesson in LESSONS.iter() {
        let mut source = None;
        for step in &lesson.steps {
            match &step.kind {
                Kind::Set(set) => source = set.source.clone().or(source),
                Kind::Run(run) => {
                    let (Some(live), Some(source)) = (&run.live, &source) else {
                        continue;
                    };
                    let settings = source.settings(lesson.front.seed);
                    let seconds = u64::from(live.seconds);
                    let all = Schedule::new(settings.schedule, settings.rate_per_s, settings.seed);
                    let count = all.take_while(|at| *at < seconds * 1_000_000).count();
                    let id = &lesson.front.id;
                    assert!(
                        count >= 4,
                        "{id}: {count} events in {seconds} s; choose another seed"
                    );
                }
                _ => {}
            }
        }
    }
}

#[test]
fn lessons_that_pay_by_it_run_with_the_phones_and_all_of_them_without() {
    let live = |lesson: &Lesson| lesson.runs().any(|run| run.live.is_some());
    let orders: Vec<u16> = LESSONS
        .iter()
        .filter(|lesson| live(lesson))
        .map(|lesson| lesson.front.order)
        .collect();
    for order in [1, 2, 3, 4, 7, 9, 10, 16] {
        assert!(orders.contains(&order), "{order}");
    }
    for lesson in LESSONS.iter() {
        let id = &lesson.front.id;
        assert!(lesson.runs().any(super::step::Run::is_for_one), "{id}");
        // A lane that a class is put on is one that it needs.
        for step in &lesson.steps {
            if let Kind::Set(set) = &step.kind {
                for group in &set.phones {
                    assert!(
                        lesson.front.needs.lanes.contains(&group.lane),
                        "{id}: {}",
                        group.lane
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_no_lesson_at_all_is_told_in_its_first_line() {
    for text in ["", "# A lesson\n", "+++", " +++\n+++\n"] {
        says(
            &parse(text).unwrap_err(),
            "1:1",
            "put +++ into the first line",
        );
    }
    let open = GOOD.replacen("\n+++\n", "\n", 1);
    says(&parse(&open).unwrap_err(), "1:1", "does not end");
    says(
        &parse("+++\n+++\n").unwrap_err(),
        "2:1",
        "lines are missing; add id = …, title = …, group = …, order = …, minutes = …, claims = …, steps = …",
    );
    let huge = format!("{GOOD}{}", "x".repeat(FILE_MAX_BYTES));
    says(&parse(&huge).unwrap_err(), "1:1", "make two of it");
}

#[test]
fn what_a_terminal_obeys_and_what_hangs_a_page_is_refused() {
    says(
        &changed("title = \"A lesson\"", "title = \"A \\u001b]0;x\\u0007\""),
        "2:1",
        "\\u{1b} is not shown",
    );
    says(
        &changed("question = \"And now?\"", "question = \"And \\u202enow?\""),
        "37:1",
        "take it out",
    );
    says(&changed("Something", "Some\u{9b}thing"), "10:5", "\\u{9b}");
    says(
        &changed("Something", "Some\u{2066}thing"),
        "10:5",
        "\\u{2066}",
    );
    says(&changed("Something", "Some&#27;thing"), "12:1", "\\u{1b}");
    let deep = format!("{} Something", ">".repeat(60_000));
    says(
        &changed("Something", &deep),
        "10:1",
        "in each other more than 16 times",
    );
    let few = format!("{} Something", ">".repeat(10));
    assert!(parse(&GOOD.replacen("Something", &few, 1)).is_ok());
}

#[test]
fn faults_of_the_front_matter_have_their_line_and_a_remedy() {
    says(
        &changed("minutes = 5", "minuets = 5"),
        "6:1",
        "nearest: \"minutes\"",
    );
    says(
        &changed("group = \"cost\"", "group = \"costs\""),
        "4:9",
        "nearest: \"cost\"",
    );
    says(
        &changed("minutes = 5", "minutes = \"5\""),
        "6:11",
        "invalid type",
    );
    says(
        &changed("minutes = 5", "minutes = 2"),
        "6:1",
        "choose 3 to 10",
    );
    says(
        &changed("minutes = 5", "minutes = 4"),
        "1:1",
        "shorten a part",
    );
    says(
        &changed("order = 40", "order = 0"),
        "5:1",
        "choose 1 to 999",
    );
    says(
        &changed("\"a-lesson\"", "\"A lesson\""),
        "2:1",
        "small letters",
    );
    says(
        &changed("\"a-lesson\"", "\"other\""),
        "2:1",
        "call the file other.md",
    );
    says(&changed("[\"B7\"]", "[\"B77\"]"), "7:1", "see /claims");
    says(&changed("[\"B7\"]", "[]"), "7:1", "name 1 to 12 claims");
    says(
        &changed("\"A lesson\"", &format!("\"{}\"", "x".repeat(61))),
        "3:1",
        "write 1 to 60",
    );
    let not_here = "\"ask\"]\nnot_here = { A1 = \"why\" }\nlanguage = \"eng lish\"";
    let faults = changed("\"ask\"]", not_here);
    says(&faults, "9:1", "claims does not name");
    says(&faults, "10:1", "en or pt-BR");
}

#[test]
fn a_forgotten_step_one_too_many_and_one_out_of_order_are_told() {
    let (without, _) = GOOD.split_once("```ask").unwrap();
    let faults = parse(without).unwrap_err();
    says(
        &faults,
        "8:1",
        "names 5 steps, the text has 4: \"ask\" is missing at the end",
    );
    says(&faults, "30:1", "a lesson ends with a question");
    says(
        &changed("\"reveal\", \"ask\"]", "\"reveal\"]"),
        "8:1",
        "add \"ask\" to steps",
    );
    says(
        &changed("\"guess\", \"run\"", "\"run\", \"guess\""),
        "8:1",
        "(line 15); make them the same",
    );
    let guess = &GOOD[GOOD.find("```guess").unwrap()..GOOD.find("```run").unwrap()];
    let run = "```run\nexperiment = \"E1\"\n```\n\n";
    let early = GOOD
        .replacen(run, "", 1)
        .replacen(guess, &format!("{run}{guess}"), 1);
    says(
        &parse(&early).unwrap_err(),
        "19:1",
        "nobody looks before guessing",
    );
    says(
        &changed("```run", &format!("{guess}```run")),
        "24:1",
        "one guess; take this one out",
    );
    says(&changed("```say", "```sayy"), "12:1", "nearest: \"say\"");
    says(
        &changed("```say", "```wait"),
        "13:1",
        "\"until\" is missing",
    );
    let after = format!("{GOOD}\nMore to say.\n");
    says(&parse(&after).unwrap_err(), "43:1", "shown nowhere");
}

#[test]
fn faults_of_steps_have_their_line_and_a_remedy() {
    says(
        &changed("max = 1000", "mx = 1000"),
        "19:1",
        "nearest: \"max\"",
    );
    says(
        &changed("as = \"number\"", "as = \"sketch\""),
        "16:6",
        "one of number, choice, curve, order",
    );
    says(&changed("min = 1\n", "min = 0\n"), "15:1", "above 0");
    says(
        &changed("min = 1\n", "min = 9999\n"),
        "15:1",
        "the smaller first",
    );
    says(
        &changed("as = \"number\"", "as = \"choice\""),
        "15:1",
        "2 to 6 options",
    );
    says(
        &changed("\"E1\"", "\"E99\""),
        "24:1",
        "no experiment \"E99\"",
    );
    says(
        &changed("\"E1\"", "\"E21\""),
        "24:1",
        "page = \"/experiments/E21\"",
    );
    says(
        &changed("experiment = \"E1\"", ""),
        "24:1",
        "either page or experiment",
    );
    let to_page = |page: &str| changed("experiment = \"E1\"", &format!("page = \"{page}\""));
    says(&to_page("/comapre"), "24:1", "nearest: \"/compare\"");
    says(
        &to_page("/compare?lanes=sse,ssee"),
        "24:1",
        "nearest: \"sse\"",
    );
    says(&to_page("https://a.example/"), "24:1", "no page");
    says(&to_page("/compare"), "30:1", "no step runs one");
    says(&changed("expected = 537\n", ""), "30:1", "add expected");
    says(
        &changed("expected = 537", "expected = nan"),
        "30:1",
        "add expected",
    );
    says(
        &changed("figure = \"guess\"", "figure = \"guess\"\nstep = 9"),
        "30:1",
        "has steps 1 to 3",
    );
    says(
        &changed("figure = \"guess\"", "per_unit = 0"),
        "30:1",
        "above 0",
    );
    says(&changed("right = 2", "right = 4"), "36:1", "1 to 3");
    says(
        &changed("\"two\", \"three\"", "\"two\""),
        "36:1",
        "give 3 or 4",
    );
    says(&changed("\"two\"", "\"one\""), "36:1", "there twice");
    says(
        &changed("\"Yes.\", ", ""),
        "36:1",
        "2 reasons for 3 options",
    );
    says(
        &changed("That is why.", "See [it](/nowhere)."),
        "30:1",
        "leads nowhere",
    );
    says(&changed("right = 2", "right = two"), "39:", "ask: ");
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_lines() {
    let text = GOOD
        .replace("order = 40", "order = 0")
        .replace("\"E1\"", "\"E99\"")
        .replace("right = 2", "right = 9");
    let faults = parse(&text).unwrap_err();
    let lines: Vec<_> = faults
        .iter()
        .map(|fault| fault.split(':').next().unwrap())
        .collect();
    assert_eq!(lines, ["5", "24", "36"], "{faults:#?}");
}

#[test]
fn code_in_the_text_is_shown_and_html_is_escaped() {
    let text = GOOD.replace(
        "Something happens.",
        "Run this:\n\n```sh\npushlab lesson list\n```\n\n<script>x</script>",
    );
    let lesson = parse(&text).unwrap();
    assert!(
        lesson.steps[0]
            .html
            .contains("<code class=\"language-sh\">pushlab")
    );
    assert!(!lesson.steps[0].html.contains("<script"));
}

#[test]
fn whatever_a_file_holds_it_is_refused_and_nothing_breaks() {
    for cut in 0..GOOD.len() {
        let _ = Lesson::parse("a.md", &GOOD[..cut]);
    }
    for text in [
        "+++\n\n+++\n```",
        "+++\n+++\n```say\n",
        "+++\né\n+++\n```guess\né = \n```",
        "+++\n+++\n````\n```say",
    ] {
        assert!(Lesson::parse("a.md", text).is_err());
    }
    let many = format!("{GOOD}{}", "```say\n```\n".repeat(400));
    says(&parse(&many).unwrap_err(), "", "24 steps at most");
}

#[test]
fn every_lesson_of_the_lab_can_be_given_and_is_short() {
    for (name, text) in FILES {
        match Lesson::parse(name, text) {
            Ok(lesson) => assert_eq!(lesson.advice, [], "{name}"),
            Err(faults) => panic!("{name}: {faults:#?}"),
        }
    }
    let orders: Vec<u16> = LESSONS.iter().map(|lesson| lesson.front.order).collect();
    assert!(
        orders.into_iter().eq(1..=FILES.len() as u16),
        "numbered from 1"
    );
}

/// What was published and what was received is of the same time: while phones catch up nothing is published.
#[test]
fn a_lesson_that_counts_what_is_lost_waits_without_its_source() {
    let mut count = 0;
    for lesson in LESSONS.iter() {
        let about = lesson.guess().into_iter().flat_map(|guess| &guess.about);
        let figures = lesson
            .reveal()
            .into_iter()
            .flat_map(|reveal| &reveal.figures);
        let mut all = about.chain(figures);
        if !all.any(|each| each.as_str().contains("difference(publications")) {
            continue;
        }
        for step in &lesson.steps {
            if let Kind::Wait(wait) = &step.kind {
                assert!(wait.source_ends, "{}", lesson.front.id);
                count += 1;
            }
        }
    }
    assert!(count > 0, "no lesson counts what is lost");
}

#[test]
fn together_they_cover_all_forty_claims_and_say_what_cannot_be_tested_here() {
    let covered: BTreeSet<&str> = LESSONS
        .iter()
        .flat_map(|lesson| lesson.front.claims.iter().map(String::as_str))
        .collect();
    let claims: BTreeSet<&str> = Article::ALL
        .into_iter()
        .flat_map(Article::claims)
        .map(|claim| claim.id)
        .collect();
    assert_eq!(covered, claims);
    assert_eq!(covered.len(), 40);
    // The claims of which a part cannot be tested (docs/claims.md), as the lessons say.
    let partly = [
        "A10", "A12", "A5", "A6", "A7", "B15", "B22", "B24", "B25", "B26", "B27", "B28", "B4", "B5",
    ];
    let told: BTreeSet<&str> = LESSONS
        .iter()
        .flat_map(|lesson| lesson.front.not_here.keys().map(String::as_str))
        .collect();
    assert_eq!(told, partly.into_iter().collect());
}

#[test]
fn a_teachers_lesson_stands_beside_the_labs_or_in_the_place_of_one() {
    let mine = GOOD.replace("a-lesson", "empty-answers");
    let shelf = Shelf::with([
        ("a-lesson.md", GOOD),
        ("bad.md", "nothing"),
        ("empty-answers.md", mine.as_str()),
        ("9-a-lesson.md", GOOD),
    ]);
    // One of these has a name of its own, and one the name of a lesson of the lab's.
    assert_eq!(shelf.all().count(), LESSONS.len() + 1);
    assert!(shelf.find("a-lesson").unwrap().is_teachers);
    let replaced = shelf.find("empty-answers").unwrap();
    assert_eq!(
        (replaced.is_teachers, replaced.lesson.front.title.as_str()),
        (true, "A lesson")
    );
    let broken: Vec<_> = shelf.broken.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(broken, ["bad.md", "9-a-lesson.md"]);
    assert!(
        shelf
            .unknown("empty-answer")
            .contains("nearest: \"empty-answers\"")
    );
    assert!(matches!(
        shelf.find("tunnel").unwrap().lesson.steps[0].kind,
        Kind::Say(_)
    ));
}
