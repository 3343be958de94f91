//! The class as a whole: an hour by hand; what is kept, and what is refused.

mod any_calls;
mod guesses;
mod records;
mod reports;

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    guess::{Asked, Guess, Scale},
    histogram::Histogram,
    participant::{GONE_AFTER_US, Report},
    state::{GridState, Hint, RunKind, RunState},
    *,
};
use crate::lessons::{
    Lesson,
    own::LESSONS,
    step::{self, Ask, GuessKind, Kind, Reveal, Run, Say, Set, Step},
};

const SECOND: u64 = 1_000_000;

fn toml<T: serde::de::DeserializeOwned>(text: &str) -> T {
    ::toml::from_str(text).unwrap()
}

fn step(html: &str, kind: Kind) -> Step {
    Step {
        line: 1,
        html: format!("<p>{html}</p>"),
        kind,
    }
}

fn guess_of(text: &str) -> step::Guess {
    toml(text)
}

const NUMBER: &str =
    "as = \"number\"\nquestion = \"How many?\"\nmin = 0\nmax = 1000\nunit = \"ms\"";

/// A note, a word, a guess, two groups of phones, a run that is read off a page, what came out, a last
/// question.
fn lesson(guess: &str) -> Arc<Lesson> {
    let mut lesson = LESSONS[1].clone();
    let set: Set = toml(
        "phones = [{ share = 2, lane = \"short-poll\", poll_interval_ms = 500 }, { lane = \"sse\" }]",
    );
    let run: Run = toml("page = \"/compare\"\nseen = \"How many?\"");
    let reveal: Reveal = toml(
        "sentence = \"It was so.\"\nexpected = 250.0\nright = [2]\nchange = \"Change *one* thing.\"",
    );
    let ask: Ask = toml(
        "question = \"And now?\"\noptions = [\"ja\", \"nein\", \"nie\"]\nright = 2\nbecause = [\"BECAUSE-1\", \"BECAUSE-2\", \"BECAUSE-3\"]",
    );
    lesson.steps = vec![
        step(
            "NOTE",
            Kind::Say(Say {
                to: step::To::Presenter,
            }),
        ),
        step("hello", Kind::Say(Say::default())),
        step("guess", Kind::Guess(guess_of(guess))),
        step("set", Kind::Set(set)),
        step("run", Kind::Run(run)),
        step("ANSWER", Kind::Reveal(reveal)),
        step("ask", Kind::Ask(ask)),
    ];
    Arc::new(lesson)
}

fn class() -> Class {
    Class::new("8f3a09c1".into(), "K4T7".into(), 0)
}

fn with_phones(count: u8) -> (Class, Vec<ParticipantId>) {
    let mut class = class();
    let ids = (0..count).map(|n| class.join([n; 32], u64::from(n) * 77, 0).unwrap().id);
    let ids = ids.collect();
    (class, ids)
}

fn seen_by(class: &Class, whom: Whom) -> Value {
    serde_json::to_value(class.state(whom, SECOND)).unwrap()
}

#[test]
fn an_hour_from_joining_to_the_record() {
    let (mut class, ids) = with_phones(3);
    class.give_lesson(Some(lesson(NUMBER)), 0).unwrap();
    let state = class.state(Whom::Presenter, 0);
    let shown = state.lesson.unwrap();
    assert_eq!(
        (shown.step, shown.kind.as_str(), shown.steps),
        (1, "say", 7)
    );
    let lead = state.lead.unwrap();
    assert_eq!(
        (lead.notes_html.as_str(), lead.next.as_deref()),
        ("<p>NOTE</p>", Some("guess"))
    );
    assert!(
        class.guess(ids[0], 1, Guess::Number(1.0)).is_err(),
        "not yet asked"
    );

    class.go(To::Next, 0).unwrap();
    for (id, number) in ids.iter().zip([10.0, 260.0, 900.0]) {
        class.guess(*id, 2, Guess::Number(number)).unwrap();
    }
    class.guess(ids[0], 2, Guess::Unknown(true)).unwrap();
    assert!(class.guess(ids[0], 2, Guess::Number(1001.0)).is_err());
    let lead = class.state(Whom::Presenter, 0).lead.unwrap();
    assert_eq!(lead.right_share, Some(1.0 / 3.0));
    assert_eq!(lead.hint, Some(Hint::Explain));
    let wall = class.state(Whom::Wall, 0);
    assert_eq!(wall.lesson.as_ref().unwrap().answered, 3);
    assert!(wall.lead.is_none() && wall.lesson.unwrap().reveal.is_none());

    class.second_guess().unwrap();
    assert!(class.second_guess().is_err());
    class.guess(ids[0], 2, Guess::Number(250.0)).unwrap();
    class.lock().unwrap();
    let refused = class.guess(ids[1], 2, Guess::Number(250.0));
    assert!(matches!(refused, Err(ClassError::StepIsOver(_))));
    let me = class.state(Whom::Phone(ids[0]), 0).me.unwrap();
    assert_eq!(me.first_guess, Some(Guess::Unknown(true)));
    assert_eq!(me.guess, Some(Guess::Number(250.0)));

    class.go(To::Next, 0).unwrap();
    let groups = class.participants().iter().map(|one| one.group);
    assert_eq!(groups.collect::<Vec<_>>(), [Some(0), Some(0), Some(1)]);
    class.go(To::Next, 0).unwrap();
    assert_eq!(
        class.groups().len(),
        2,
        "they hold until the lesson is left"
    );
    assert_eq!(class.reveal(None, false), Err(ClassError::NothingMeasured));
    let run = class.run_here().unwrap();
    assert_eq!((run.kind, run.state), (RunKind::Page, RunState::Waiting));
    class.begin_run(run, 0).unwrap();
    assert_eq!(class.go(To::Next, 0), Err(ClassError::RunGoesOn));
    assert!(class.end_run(Outcome::default(), 0));
    class.go(To::Next, 0).unwrap();
    let hidden = class.state(Whom::Wall, 0).lesson.unwrap();
    assert_eq!((hidden.kind.as_str(), hidden.html.as_str()), ("reveal", ""));
    assert_eq!(
        class.reveal(None, false),
        Err(ClassError::NothingMeasured),
        "a page is read off"
    );
    for mistyped in [f64::NAN, f64::INFINITY, 1e308, -1.0] {
        let refused = class.reveal(Some(mistyped), false);
        assert!(matches!(refused, Err(ClassError::BadSeen(_))), "{mistyped}");
    }
    class.reveal(Some(248.5), false).unwrap();
    let shown = class.state(Whom::Wall, 0).lesson.unwrap();
    let reveal = shown.reveal.clone().unwrap();
    assert_eq!((reveal.measured, reveal.theory), (Some(248.5), Some(250.0)));
    assert_eq!(reveal.first_guesses.unwrap().count(), 3);
    assert_eq!(reveal.guesses.unwrap().count(), 3, "two kept theirs");
    assert!(shown.html.contains("ANSWER") && reveal.change_html.contains("<em>one</em>"));

    class.go(To::Next, 0).unwrap();
    class.answer(ids[1], 6, 2).unwrap();
    assert!(class.answer(ids[1], 6, 0).is_err() && class.answer(ids[1], 6, 4).is_err());
    assert!(!seen_by(&class, Whom::Wall).to_string().contains("BECAUSE"));
    class.show_answers().unwrap();
    let asked = class.state(Whom::Wall, 0).lesson.unwrap();
    let ask = asked.ask.clone().unwrap();
    assert_eq!((ask.right, ask.answers), (Some(2), Some(vec![0, 1, 0])));
    assert!(class.answer(ids[2], 6, 1).is_err());
    assert!(
        class.go(To::Next, 0).is_err(),
        "there is no step behind the last"
    );

    class.give_lesson(None, 0).unwrap();
    let record = class.record();
    let lesson = &record.lessons[0];
    assert_eq!(lesson.outcome.as_ref().unwrap().measured, Some(248.5));
    assert_eq!(lesson.ask.as_ref().unwrap().answers, [0, 1, 0]);
    assert_eq!((lesson.groups.len(), record.participants.len()), (2, 3));
    assert!(class.groups().is_empty(), "phones follow nothing any more");
    let text = serde_json::to_string(&record).unwrap();
    assert!(!text.contains("token"));
    assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
}

#[test]
fn a_class_goes_on_from_its_file_with_names_guesses_step_and_groups() {
    let (mut class, ids) = with_phones(4);
    let given = lesson(NUMBER);
    class.give_lesson(Some(given.clone()), 0).unwrap();
    class.rename(ids[0], "Ada").unwrap();
    class.go(To::Next, 0).unwrap();
    class.guess(ids[0], 2, Guess::Number(12.5)).unwrap();
    class.go(To::Step(4), 0).unwrap();
    class.begin_run(class.run_here().unwrap(), 0).unwrap();
    let groups: Vec<_> = class.participants().iter().map(|one| one.group).collect();
    let text = serde_json::to_string(&class).unwrap();
    assert!(!text.contains("\"html\""), "the lesson is not in it");

    let mut again: Class = serde_json::from_str(&text).unwrap();
    assert!(again.is_sound());
    again.go_on(
        |id| (id == given.front.id).then(|| given.clone()),
        9 * SECOND,
    );
    assert_eq!(again.of_token(&[0; 32]), Some(ids[0]));
    let me = again.state(Whom::Phone(ids[0]), 9 * SECOND).me.unwrap();
    assert_eq!(
        (me.name.as_str(), me.guess),
        ("Ada", Some(Guess::Number(12.5)))
    );
    assert_eq!(again.step(), Some(4));
    let run = again.run().unwrap();
    assert_eq!(run.state, RunState::Failed);
    assert!(run.why.as_ref().unwrap().contains("stopped"));
    assert!(again.revision() > class.revision());
    let kept: Vec<_> = again.participants().iter().map(|one| one.group).collect();
    assert_eq!(kept, groups, "phones keep their lanes");
    // Who was there may come back; who had been gone, and a stand-in of the program that stopped, is gone.
    let mut left: serde_json::Value = serde_json::from_str(&text).unwrap();
    left["participants"][1]["last_seen_us"] = (60 * SECOND).into();
    left["participants"][3]["last_seen_us"] = (60 * SECOND).into();
    left["participants"][3]["is_native"] = true.into();
    let mut left: Class = serde_json::from_value(left).unwrap();
    left.go_on(|_| None, 70 * SECOND);
    let states = left.participants().iter().map(|one| one.state(70 * SECOND));
    assert_eq!(
        states.collect::<Vec<_>>(),
        [
            GridState::Gone,
            GridState::Open,
            GridState::Gone,
            GridState::Gone
        ]
    );
    // Its file is another one now, or asks something that was not guessed, or is gone.
    let before = &class.record().lessons[0];
    let mut asks_less = (*given).clone();
    asks_less.steps[2] = step(
        "guess",
        Kind::Guess(guess_of(&NUMBER.replace("1000", "10"))),
    );
    for now in [Some(LESSONS[2].clone()), Some(asks_less), None] {
        let mut other: Class = serde_json::from_str(&text).unwrap();
        other.go_on(|_| now.map(Arc::new), 0);
        assert!(other.lesson().is_none());
        let [kept] = &other.record().lessons[..] else {
            panic!("the lesson that was put away, alone");
        };
        assert_eq!(kept.guess.as_ref().unwrap().question(), "How many?");
        assert_eq!(kept.guesses.as_ref().unwrap().count(), 1);
        assert_eq!((&kept.guesses, &kept.ask), (&before.guesses, &before.ask));
        assert_eq!(kept.ask.as_ref().unwrap().question, "And now?");
        assert_eq!((kept.theory, &kept.right[..]), (Some(250.0), &[2][..]));
        assert_eq!(
            (&kept.parameters, kept.seed),
            (&before.parameters, before.seed)
        );
        assert_eq!(kept.groups.len(), 2);
        let outcome = kept.outcome.as_ref().unwrap();
        assert!(outcome.failed.as_ref().unwrap().contains("stopped"));
    }
}

#[test]
fn a_run_says_what_it_asks_and_a_step_who_does_it() {
    let asked = of_lesson::run_view(&toml("experiment = \"E24\"")).what;
    assert!(asked.ends_with('?') && !asked.contains("E24"), "{asked}");
    let (mut class, _) = with_phones(1);
    class.give_lesson(Some(lesson(NUMBER)), 0).unwrap();
    let steps = &class.lesson().unwrap().steps;
    let set = (steps.iter())
        .position(|step| step.kind.name() == "set")
        .unwrap();
    class.go(To::Step(set), 0).unwrap();
    let html = |class: &Class| class.state(Whom::Wall, 0).lesson.unwrap().html.clone();
    assert_eq!(html(&class), "<p>set</p>");
    class.put_on_natives();
    let said = html(&class);
    assert!(
        said.contains("0 native clients inside this laptop") && said.ends_with("<p>set</p>"),
        "{said}"
    );
}

#[test]
fn no_two_phones_have_names_that_look_the_same() {
    let (mut class, ids) = with_phones(3);
    assert_eq!(class.rename(ids[0], "Ａda  Lovelace"), Ok("Ada Lovelace"));
    for same in [
        "ada lovelace",
        "Ada-Lovelace",
        "AdaLovelace",
        "Ada L0velace",
    ] {
        let refused = class.rename(ids[1], same);
        assert!(
            matches!(refused, Err(ClassError::NameRefused(why)) if why.contains("add a letter")),
            "{same}: {refused:?}"
        );
    }
    assert_eq!(class.rename(ids[1], "Ada Lovelace B"), Ok("Ada Lovelace B"));
    // One's own in other letters, and one's that is gone.
    assert_eq!(class.rename(ids[0], "ADA Lovelace"), Ok("ADA Lovelace"));
    class.remove(ids[0]).unwrap();
    assert_eq!(class.rename(ids[1], "Ada Lovelace"), Ok("Ada Lovelace"));
    // A name from the list goes round one that looks like it.
    let own = class.participant(ids[2]).unwrap().name.clone();
    for at_random in 0..50 {
        class.new_name(ids[1], at_random).unwrap();
        let name = &class.participant(ids[1]).unwrap().name;
        assert_ne!(filter::likeness(name), filter::likeness(&own));
    }
}

#[test]
fn tools_are_all_set_or_none() {
    let (mut class, ids) = with_phones(2);
    let tools = |text: &str| serde_json::from_str::<Tools>(text).unwrap();
    class
        .tools(
            tools(r#"{"muted":true,"timer_s":60,"page":"/chat?room=class","show":"p1"}"#),
            SECOND,
        )
        .unwrap();
    let state = class.state(Whom::Phone(ids[0]), SECOND);
    assert!(state.muted && state.me.unwrap().is_shown);
    assert_eq!(state.timer.unwrap().ends_us, 61 * SECOND);
    assert_eq!(
        (state.page.as_deref(), state.page_number),
        (Some("/chat?room=class"), 1)
    );
    assert_eq!(class.rename(ids[0], "Ada"), Err(ClassError::Muted));
    for bad in [
        r#"{"muted":false,"timer_s":3601}"#,
        r#"{"muted":false,"page":"https://a.example/"}"#,
        r#"{"muted":false,"page":"//a.example/"}"#,
        r#"{"muted":false,"page":"/\\a.example/"}"#,
        r#"{"muted":false,"page":"/presenter/unlock/x"}"#,
        r#"{"muted":false,"show":"p9"}"#,
    ] {
        assert!(class.tools(tools(bad), 0).is_err(), "{bad}");
        assert!(class.state(Whom::Wall, 0).muted, "{bad}");
    }
    class
        .tools(
            tools(r#"{"muted":false,"timer_s":0,"page":null,"show":null}"#),
            0,
        )
        .unwrap();
    let state = class.state(Whom::Wall, 0);
    assert_eq!(
        (state.timer, state.page, state.page_number, state.show),
        (None, None, 1, None)
    );
    assert_eq!(class.rename(ids[0], "Ada").unwrap(), "Ada");
    assert!(class.rename(ids[1], "ada").is_err(), "it is taken");
    class.new_name(ids[0], 5).unwrap();
    assert_ne!(class.participant(ids[0]).unwrap().name, "Ada");
    class.remove(ids[0]).unwrap();
    assert_eq!(class.of_token(&[0; 32]), None);
}

#[test]
fn a_class_has_an_end() {
    let mut class = class();
    for n in 0..PARTICIPANTS_MAX {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&n.to_le_bytes());
        class.join(hash, 7, 0).unwrap();
    }
    assert_eq!(
        class.join([255; 32], 7, 0).unwrap_err(),
        ClassError::Full(PARTICIPANTS_MAX)
    );
    let names: std::collections::BTreeSet<_> =
        class.participants().iter().map(|one| &one.name).collect();
    assert_eq!(names.len(), PARTICIPANTS_MAX);
    // Who has never listened gives way after a minute, and nobody else.
    let first = class.participants()[0].id;
    class.stream_opened(first, 0).unwrap();
    class.stream_closed(first, 0);
    let second = class.participants()[1].id;
    class
        .report(second, Report::default(), 50 * SECOND)
        .unwrap();
    assert!(class.join([255; 32], 7, 59 * SECOND).is_err());
    for n in 2..PARTICIPANTS_MAX {
        class.join([n as u8; 32], 7, 61 * SECOND).unwrap();
        assert_eq!(class.participants().len(), PARTICIPANTS_MAX);
    }
    assert!(class.join([255; 32], 7, 61 * SECOND).is_err());
    assert!(class.participant(first).is_some() && class.participant(second).is_some());
    assert!(class.is_code(" k4t7 ") && !class.is_code("K4T") && !class.is_code(""));
}
