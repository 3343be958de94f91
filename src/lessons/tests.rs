//! Files that are wrong in one way each, and what is said of them; and the lab's own lessons.

use std::collections::BTreeSet;

use super::{
    FILE_MAX_BYTES, Lesson,
    own::{FILES, LESSONS},
    shelf::Shelf,
    step::Kind,
};
use crate::experiments::claims::Article;

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

fn parse(text: &str) -> Result<Lesson, Vec<String>> {
    let parsed = Lesson::parse("40-a-lesson.md", text);
    parsed.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// The faults of the good lesson with one thing changed.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    parse(&GOOD.replacen(from, to, 1)).expect_err(to)
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
        "\"id\" is missing; add a line id = …",
    );
    let huge = format!("{GOOD}{}", "x".repeat(FILE_MAX_BYTES));
    says(&parse(&huge).unwrap_err(), "1:1", "make two of it");
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
        "12:1",
        "a class does together",
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
        &changed("as = \"number\"", "as = \"curve\""),
        "16:6",
        "one of number, choice",
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
fn all_sixteen_lessons_can_be_given_and_are_short() {
    for (name, text) in FILES {
        match Lesson::parse(name, text) {
            Ok(lesson) => assert_eq!(lesson.advice, [], "{name}"),
            Err(faults) => panic!("{name}: {faults:#?}"),
        }
    }
    let orders: Vec<u16> = LESSONS.iter().map(|lesson| lesson.front.order).collect();
    assert_eq!(orders, (1..=16).collect::<Vec<_>>());
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
    // The claims of which the design of the lessons says that a part cannot be tested.
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
    assert_eq!(shelf.all().count(), 17);
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
