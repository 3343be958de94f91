//! The class as a whole: an hour by hand, and any sequence of calls.

use std::sync::Arc;

use proptest::prelude::*;
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

/// The class shows what came out, with what a run gave, and the record of it.
fn recorded(guess: &str, outcome: Option<Outcome>, predicted_only: bool) -> LessonRecord {
    let (mut class, _) = with_phones(1);
    class.give_lesson(Some(lesson(guess)), 0).unwrap();
    class.go(To::Step(4), 0).unwrap();
    if let Some(outcome) = outcome {
        class.begin_run(class.run_here().unwrap(), 0).unwrap();
        class.end_run(outcome, 0);
    }
    class.reveal(None, predicted_only).unwrap();
    class.record().lessons.remove(0)
}

#[test]
fn the_record_has_the_sentence_and_what_theory_says() {
    let curve = "as = \"curve\"\nquestion = \"q\"\nx = [1, 2, 3]\nmin = 0\nmax = 100";
    let choice = "as = \"choice\"\nquestion = \"q\"\noptions = [\"a\", \"b\", \"c\"]";
    let points = Outcome {
        measured_points: vec![1.0, 2.0, 3.0],
        theory_points: vec![1.5, 2.5, 3.5],
        ..Outcome::default()
    };
    let figures = Outcome {
        sentence: "Half of it came.".into(),
        figures: [("of".to_owned(), 0.5)].into(),
        ..Outcome::default()
    };
    let of_curve = recorded(curve, Some(points), false).outcome.unwrap();
    assert_eq!(of_curve.sentence, "It was so.");
    assert_eq!(of_curve.theory_points, [1.5, 2.5, 3.5]);
    let of_choice = recorded(choice, Some(figures.clone()), false)
        .outcome
        .unwrap();
    assert_eq!(of_choice.sentence, "Half of it came.");
    // Only the prediction is shown: with a run whose sentence is not shown, and without one.
    let shown = recorded(choice, Some(figures), true);
    assert!(shown.predicted_only);
    assert_eq!(shown.outcome.unwrap().sentence, "It was so.");
    let predicted = recorded(NUMBER, None, true);
    assert_eq!(predicted.outcome.unwrap().sentence, "It was so.");
    assert_eq!(predicted.theory, Some(250.0));
    // What nobody was told is not in it.
    let (mut class, _) = with_phones(1);
    class.give_lesson(Some(lesson(NUMBER)), 0).unwrap();
    class.go(To::Step(4), 0).unwrap();
    class.begin_run(class.run_here().unwrap(), 0).unwrap();
    class.end_run(Outcome::failed("no"), 0);
    let outcome = class.record().lessons.remove(0).outcome.unwrap();
    assert_eq!((outcome.sentence.as_str(), outcome.measured), ("", None));
}

#[test]
fn again_forgets_this_steps_run_alone() {
    let mut of_two = (*lesson(NUMBER)).clone();
    let run = |id: &str| Kind::Run(toml(&format!("experiment = \"{id}\"")));
    of_two.steps.insert(4, step("counted", run("E5")));
    let (mut class, _) = with_phones(1);
    class.give_lesson(Some(Arc::new(of_two)), 0).unwrap();
    let ran = |class: &mut Class, at: usize, outcome: Outcome| {
        class.go(To::Step(at), 0).unwrap();
        class.begin_run(class.run_here().unwrap(), 0).unwrap();
        class.end_run(outcome, 0);
    };
    let counted = Outcome {
        figures: [("publications".to_owned(), 6.0)].into(),
        measured: Some(90.0),
        ..Outcome::default()
    };
    let with = |measured: f64| Outcome {
        measured: Some(measured),
        ..Outcome::default()
    };
    ran(&mut class, 4, counted);
    ran(&mut class, 5, with(17.0));
    let outcome = |class: &Class| class.record().lessons.remove(0).outcome.unwrap();
    assert_eq!(outcome(&class).measured, Some(17.0));
    class.go(To::Again, 0).unwrap();
    let left = outcome(&class);
    assert_eq!((left.measured, left.figures.len()), (Some(90.0), 1));
    ran(&mut class, 5, with(18.0));
    class.go(To::Step(4), 0).unwrap();
    class.go(To::Again, 0).unwrap();
    let left = outcome(&class);
    assert_eq!((left.measured, left.figures.len()), (Some(18.0), 0));
}

#[test]
fn a_frozen_class_takes_reports_alone() {
    let (mut class, ids) = with_phones(1);
    class.give_lesson(Some(lesson(NUMBER)), 0).unwrap();
    class.go(To::Next, 0).unwrap();
    let freeze = |frozen: bool| Tools {
        frozen: Some(frozen),
        ..Tools::default()
    };
    class.tools(freeze(true), 0).unwrap();
    let number = Guess::Number(1.0);
    assert_eq!(
        class.guess(ids[0], 2, number.clone()),
        Err(ClassError::Frozen)
    );
    assert_eq!(class.rename(ids[0], "Ada"), Err(ClassError::Frozen));
    assert_eq!(class.answer(ids[0], 6, 1), Err(ClassError::Frozen));
    class.report(ids[0], Report::default(), 0).unwrap();
    class.tools(freeze(false), 0).unwrap();
    class.guess(ids[0], 2, number).unwrap();
}

#[test]
fn a_lesson_records_its_groups_though_the_one_before_had_the_same() {
    let (mut class, _) = with_phones(2);
    for _ in 0..2 {
        class.give_lesson(Some(lesson(NUMBER)), 0).unwrap();
        class.go(To::Step(4), 0).unwrap();
    }
    // From one that shows its groups at once to another: nothing is shared out anew.
    let mut at_once = (*lesson(NUMBER)).clone();
    at_once.steps.drain(..3);
    for _ in 0..2 {
        class
            .give_lesson(Some(Arc::new(at_once.clone())), 0)
            .unwrap();
    }
    let groups = class
        .record()
        .lessons
        .into_iter()
        .map(|one| one.groups.len());
    assert_eq!(groups.collect::<Vec<_>>(), [2, 2, 2, 2]);
}

#[test]
fn each_kind_of_guess_is_checked_counted_and_judged() {
    let asked = |text: &str| guess_of(text).asked();
    let curve = asked("as = \"curve\"\nquestion = \"q\"\nx = [1, 2, 3]\nmin = 0\nmax = 10");
    let order = asked("as = \"order\"\nquestion = \"q\"\nitems = [\"a\", \"b\", \"c\"]");
    let choice = asked("as = \"choice\"\nquestion = \"q\"\noptions = [\"a\", \"b\", \"c\"]");
    let many =
        asked("as = \"choice\"\nquestion = \"q\"\nmany = true\noptions = [\"a\", \"b\", \"c\"]");
    let number = asked(NUMBER);
    let log = asked("as = \"number\"\nquestion = \"q\"\nmin = 1\nmax = 1000\nscale = \"log\"");
    for (asked, good) in [
        (&number, Guess::Number(1000.0)),
        (&choice, Guess::Choices(vec![3])),
        (&many, Guess::Choices(vec![3, 1])),
        (&curve, Guess::Curve(vec![0.0, 5.0, 10.0])),
        (&order, Guess::Order(vec![3, 1, 2])),
        (&order, Guess::Unknown(true)),
    ] {
        assert_eq!(asked.check(&good), Ok(()), "{good:?}");
    }
    for (asked, bad) in [
        (&number, Guess::Number(f64::NAN)),
        (&number, Guess::Number(-0.1)),
        (&number, Guess::Choices(vec![1])),
        (&number, Guess::Unknown(false)),
        (&choice, Guess::Choices(vec![])),
        (&choice, Guess::Choices(vec![1, 2])),
        (&choice, Guess::Choices(vec![0])),
        (&many, Guess::Choices(vec![4])),
        (&many, Guess::Choices(vec![1, 1])),
        (&curve, Guess::Curve(vec![1.0, 2.0])),
        (&curve, Guess::Curve(vec![1.0, 2.0, f64::INFINITY])),
        (&order, Guess::Order(vec![1, 2])),
        (&order, Guess::Order(vec![1, 2, 2])),
        (&order, Guess::Order(vec![1, 2, usize::MAX])),
    ] {
        assert!(asked.check(&bad).is_err(), "{bad:?}");
    }
    let of = |asked: &Asked, guesses: &[Guess]| {
        serde_json::to_value(Histogram::of(asked, guesses)).unwrap()
    };
    let numbers = [0.0, 99.0, 100.0, 1000.0].map(Guess::Number);
    let counted = of(&number, &[&numbers[..], &[Guess::Unknown(true)]].concat());
    let bins = counted["bins"].as_array().unwrap();
    let counts: Vec<_> = bins
        .iter()
        .map(|bin| bin["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(counted["median"], 99.5);
    assert_eq!(
        (&counted["unknown"], &counted["count"]),
        (&json!(1), &json!(5))
    );
    let counted = of(&log, &[1.0, 1.9, 2.0, 999.0].map(Guess::Number));
    let counts: Vec<_> = counted["bins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bin| bin["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(
        of(
            &many,
            &[Guess::Choices(vec![1, 3]), Guess::Choices(vec![3])]
        ),
        json!({"options": [1, 0, 2], "unknown": 0, "count": 2})
    );
    let curves = [1.0, 2.0, 3.0, 4.0].map(|y| Guess::Curve(vec![y; 3]));
    let counted = of(&curve, &curves);
    assert_eq!(counted["low"], json!([1.0, 1.0, 1.0]));
    assert_eq!(counted["middle"], json!([2.0, 2.0, 2.0]));
    assert_eq!(counted["high"], json!([3.0, 3.0, 3.0]));
    assert_eq!(
        of(&order, &[Guess::Order(vec![2, 1, 3])]),
        json!({"places": [[0, 1, 0], [1, 0, 0], [0, 0, 1]], "unknown": 0, "count": 1})
    );
    for asked in [&number, &curve, &choice, &order] {
        let nobody = Histogram::of(asked, []);
        assert_eq!(nobody.count(), 0);
        let text = serde_json::to_string(&nobody).unwrap();
        assert_eq!(
            serde_json::from_str::<Histogram>(&text).unwrap(),
            nobody,
            "{text}"
        );
    }
    let right =
        |asked: &Asked, guess: Guess, right: &[usize]| asked.is_right(&guess, Some(250.0), right);
    assert_eq!(right(&number, Guess::Number(340.0), &[]), Some(true));
    assert_eq!(right(&number, Guess::Number(351.0), &[]), Some(false));
    assert_eq!(right(&log, Guess::Number(170.0), &[]), Some(true));
    assert_eq!(right(&log, Guess::Number(160.0), &[]), Some(false));
    assert_eq!(number.is_right(&Guess::Number(1.0), None, &[]), None);
    assert_eq!(
        right(&many, Guess::Choices(vec![3, 1]), &[1, 3]),
        Some(true)
    );
    assert_eq!(right(&choice, Guess::Unknown(true), &[1]), Some(false));
    assert_eq!(
        right(&order, Guess::Order(vec![2, 1, 3]), &[2, 1, 3]),
        Some(true)
    );
    assert_eq!(right(&curve, Guess::Curve(vec![1.0; 3]), &[]), None);
    assert!(matches!(
        log,
        Asked::Number {
            scale: Scale::Log,
            ..
        }
    ));
    assert_eq!(guess_of(NUMBER).kind, GuessKind::Number);
}

#[test]
fn a_phone_is_open_asleep_and_gone() {
    let (mut class, ids) = with_phones(1);
    let state = |class: &Class, at| class.participant(ids[0]).unwrap().state(at);
    assert_eq!(state(&class, 0), GridState::Open);
    assert_eq!(
        state(&class, GONE_AFTER_US),
        GridState::Gone,
        "it never listened"
    );
    class.stream_opened(ids[0], 0).unwrap();
    assert_eq!(state(&class, 100 * SECOND), GridState::Open);
    let before = class.revision();
    class.report(ids[0], Report::default(), SECOND).unwrap();
    assert_eq!(state(&class, SECOND), GridState::Asleep);
    assert_eq!(
        class.revision(),
        before,
        "others' pages need not hear of it"
    );
    class.stream_closed(ids[0], 20 * SECOND);
    assert_eq!(state(&class, 29 * SECOND), GridState::Asleep);
    assert_eq!(state(&class, 30 * SECOND), GridState::Gone);
    class.stream_opened(ids[0], 31 * SECOND).unwrap();
    assert_eq!(state(&class, 31 * SECOND), GridState::Open);
    let odd = Report {
        visible: true,
        lane: Some("x".repeat(1_000)),
        delay_ms: Some(f64::NAN),
        ..Report::default()
    };
    class.report(ids[0], odd, 0).unwrap();
    let entry = &class.state(Whom::Wall, 0).grid.unwrap()[0];
    assert_eq!((&entry.lane, entry.delay_ms), (&None, None));
    // Of a class that is ten seconds old.
    for (delay_ms, shown) in [(-1.0, None), (12_600.0, Some(12_600.0)), (12_601.0, None)] {
        let report = Report {
            visible: true,
            delay_ms: Some(delay_ms),
            ..Report::default()
        };
        class.report(ids[0], report, 10 * SECOND).unwrap();
        let entry = &class.state(Whom::Wall, 0).grid.unwrap()[0];
        assert_eq!(entry.delay_ms, shown, "{delay_ms}");
    }
}

#[test]
fn what_was_measured_in_an_earlier_run_or_setting_is_not_shown_for_this_one() {
    let (mut class, ids) = with_phones(2);
    class.stream_opened(ids[0], 0).unwrap();
    class.give_lesson(Some(lesson(NUMBER)), 0).unwrap();
    let at = |class: &Class, kind: &str| {
        let lesson = class.lesson().unwrap();
        (lesson.steps.iter())
            .position(|step| step.kind.name() == kind)
            .unwrap()
    };
    class.go(To::Step(at(&class, "set")), 0).unwrap();
    let set = class.state(Whom::Wall, 0).set;
    let say = |class: &mut Class, set: u64, run: Option<u64>| {
        let late = participant::Late {
            mean: 40.0,
            max: 50.0,
            ..participant::Late::default()
        };
        let report = Report {
            visible: true,
            state: participant::LineState::Open,
            lane: Some("short-poll".to_owned()),
            delay_ms: Some(40.0),
            seen: Some(participant::Seen {
                received: 7,
                ..participant::Seen::default()
            }),
            delays: Some(participant::Delays {
                received: Some(late),
                ..participant::Delays::default()
            }),
            set,
            run,
            can: None,
        };
        class.report(ids[0], report, 10 * SECOND).unwrap();
    };
    let shown = |class: &Class| {
        let entry = class.state(Whom::Wall, 0).grid.unwrap().remove(0);
        let has_lane = entry.lane.is_some();
        (
            has_lane,
            entry.delay_ms,
            entry.seen.map(|seen| seen.received),
        )
    };
    say(&mut class, set, None);
    assert_eq!(shown(&class), (true, Some(40.0), Some(7)));
    say(&mut class, set - 1, None);
    assert_eq!(shown(&class), (false, None, None), "of the setting before");

    class.go(To::Step(at(&class, "run")), 0).unwrap();
    say(&mut class, set, None);
    let view = class.run_here().unwrap();
    let first = class.begin_run(view, SECOND).unwrap().number;
    assert_eq!(shown(&class), (true, None, None), "it begins with nothing");
    say(&mut class, set, None);
    assert_eq!(shown(&class), (true, None, None), "of the time before");
    say(&mut class, set, Some(first));
    assert_eq!(shown(&class), (true, Some(40.0), Some(7)));
    assert_eq!(class.delays(first, 10 * SECOND).len(), 1);
    class.end_run(Outcome::default(), 11 * SECOND);
    assert_eq!(shown(&class), (true, Some(40.0), Some(7)), "it stays");

    class.go(To::Again, 12 * SECOND).unwrap();
    assert_eq!(shown(&class), (true, None, None), "another run is to come");
    let view = class.run_here().unwrap();
    let second = class.begin_run(view, 12 * SECOND).unwrap().number;
    say(&mut class, set, Some(first));
    assert_eq!(shown(&class), (true, None, None), "of the first run");
    assert!(class.delays(second, 10 * SECOND).is_empty());
    class.end_run(Outcome::default(), 13 * SECOND);

    // The same lesson again: the same groups are set up anew.
    let again = class.lesson().cloned();
    class.give_lesson(again, 14 * SECOND).unwrap();
    class.go(To::Step(at(&class, "set")), 14 * SECOND).unwrap();
    assert!(class.state(Whom::Wall, 0).set > set);
}

#[test]
fn a_phone_s_delays_are_no_longer_than_its_run_is_old() {
    let (mut class, ids) = with_phones(1);
    class.stream_opened(ids[0], 0).unwrap();
    class.give_lesson(Some(lesson(NUMBER)), 0).unwrap();
    let steps = &class.lesson().unwrap().steps;
    let run = steps
        .iter()
        .position(|step| step.kind.name() == "run")
        .unwrap();
    class.go(To::Step(run), 0).unwrap();
    let view = class.run_here().unwrap();
    let number = class.begin_run(view, 100 * SECOND).unwrap().number;
    let set = class.state(Whom::Wall, 0).set;
    for (max, bound_ms, is_taken) in [
        (12_600.0, 0.0, true),
        (12_601.0, 0.0, false),
        (f64::NAN, 0.0, false),
        (-1.0, 0.0, false),
        (5.0, 2_600.0, true),
        (5.0, 2_601.0, false),
        (5.0, f64::NAN, false),
    ] {
        let late = participant::Late {
            max,
            ..participant::Late::default()
        };
        let report = Report {
            visible: true,
            delays: Some(participant::Delays {
                bound_ms,
                received: Some(late),
                painted: None,
            }),
            set,
            run: Some(number),
            ..Report::default()
        };
        class.report(ids[0], report, 110 * SECOND).unwrap();
        let taken = class.delays(number, 110 * SECOND);
        assert_eq!(!taken.is_empty(), is_taken, "{max} {bound_ms}");
    }
}

#[test]
fn what_phones_received_stands_beside_what_was_published_and_stays_when_the_run_is_over() {
    let (mut class, ids) = with_phones(3);
    class.give_lesson(Some(lesson(NUMBER)), 0).unwrap();
    let steps = &class.lesson().unwrap().steps;
    let run = (steps.iter())
        .position(|step| step.kind.name() == "run")
        .unwrap();
    class.go(To::Step(run), 0).unwrap();
    for id in &ids {
        class.stream_opened(*id, 0).unwrap();
    }
    let set = class.state(Whom::Wall, 0).set;
    assert_eq!(
        class.arrivals(0),
        (0, 3),
        "nobody has said that it is connected"
    );
    let view = class.run_here().unwrap();
    let number = class.begin_run(view, 0).unwrap().number;
    // Two on short polls, one on an event stream.
    for (id, (lane, received)) in
        ids.iter()
            .zip([("short-poll", 40), ("short-poll", 3), ("sse", 48)])
    {
        let seen = participant::Seen {
            received,
            ..participant::Seen::default()
        };
        let report = Report {
            visible: true,
            state: participant::LineState::Open,
            lane: Some(lane.to_owned()),
            seen: Some(seen),
            set,
            run: Some(number),
            ..Report::default()
        };
        class.report(*id, report, SECOND).unwrap();
    }
    assert_eq!(class.arrivals(SECOND), (3, 3));
    let have = |lane, counter, least| class.have_counted((lane, counter), least, number, SECOND);
    assert_eq!(have("short-poll", "delivered", 40.0), Some((1, 2)));
    assert_eq!(have("sse", "delivered", 48.0), Some((1, 1)));
    assert_eq!(have("websocket", "delivered", 1.0), Some((0, 0)));
    assert_eq!(have("sse", "bytes", 1.0), None, "no phone counts bytes");

    class.note_published(number, 48);
    let wall = class.state(Whom::Wall, SECOND);
    assert_eq!(wall.published, Some(48));
    let received = wall
        .grid
        .unwrap()
        .into_iter()
        .map(|one| one.seen.unwrap().received);
    assert_eq!(received.collect::<Vec<_>>(), [40, 3, 48]);
    assert_eq!(class.state(Whom::Phone(ids[0]), SECOND).published, None);
    class.end_run(Outcome::default(), 2 * SECOND);
    let own = class.state(Whom::Phone(ids[0]), 2 * SECOND);
    assert_eq!(
        own.lesson.unwrap().run.as_ref().unwrap().published,
        Some(48)
    );
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

/// One call, by whoever.
#[derive(Debug, Clone)]
enum Call {
    Join,
    Guess(usize, usize, u8),
    Answer(usize, usize, usize),
    Rename(usize, String),
    Report(usize, bool),
    Stream(usize, bool),
    Remove(usize),
    Give(u8),
    Go(u8),
    Lock,
    Second,
    Begin,
    End(bool),
    Reveal(Option<f64>, bool),
    Answers,
    Reset,
    Mute(bool),
    Restart,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let phone = 0..6_usize;
    let step = 0..8_usize;
    let call = prop_oneof![
        2 => Just(Call::Join),
        6 => (phone.clone(), step.clone(), 0..6_u8).prop_map(|(a, b, c)| Call::Guess(a, b, c)),
        4 => (phone.clone(), step, 0..5_usize).prop_map(|(a, b, c)| Call::Answer(a, b, c)),
        1 => (phone.clone(), ".{0,26}").prop_map(|(a, b)| Call::Rename(a, b)),
        1 => (phone.clone(), any::<bool>()).prop_map(|(a, b)| Call::Report(a, b)),
        1 => (phone.clone(), any::<bool>()).prop_map(|(a, b)| Call::Stream(a, b)),
        1 => phone.prop_map(Call::Remove),
        2 => (0..5_u8).prop_map(Call::Give),
        8 => (0..12_u8).prop_map(Call::Go),
        1 => Just(Call::Lock),
        2 => Just(Call::Second),
        2 => Just(Call::Begin),
        2 => any::<bool>().prop_map(Call::End),
        2 => (proptest::option::of(any::<f64>()), any::<bool>()).prop_map(|(a, b)| Call::Reveal(a, b)),
        1 => Just(Call::Answers),
        1 => Just(Call::Reset),
        1 => any::<bool>().prop_map(Call::Mute),
        1 => Just(Call::Restart),
    ];
    proptest::collection::vec(call, 0..60)
}

/// A guess that no other phone makes: its number is found in any text that tells it.
fn own_guess(phone: usize, kind: u8) -> Guess {
    match kind {
        0 => Guess::Choices(vec![phone % 3 + 1]),
        1 => Guess::Curve(vec![7.770_01 + phone as f64; 3]),
        2 => Guess::Order(vec![2, 1, 3]),
        3 => Guess::Unknown(true),
        _ => Guess::Number(7.770_01 + phone as f64),
    }
}

fn lessons() -> [Arc<Lesson>; 4] {
    [
        lesson(NUMBER),
        lesson("as = \"choice\"\nquestion = \"q\"\noptions = [\"a\", \"b\", \"c\"]"),
        lesson("as = \"curve\"\nquestion = \"q\"\nx = [1, 2, 3]\nmin = 0\nmax = 100"),
        lesson("as = \"order\"\nquestion = \"q\"\nitems = [\"a\", \"b\", \"c\"]"),
    ]
}

fn carry_out(class: &mut Class, call: Call, lessons: &[Arc<Lesson>]) {
    let id = |phone: usize| ParticipantId(phone as u32 + 1);
    // What is refused is refused: only panics and what is seen afterwards count here.
    let _: Result<(), ClassError> = match call {
        Call::Join => {
            let next = class.participants().len() as u8;
            class.join([next; 32], u64::from(next) * 31, 0).map(|_| ())
        }
        Call::Guess(phone, step, kind) => class.guess(id(phone), step, own_guess(phone, kind)),
        Call::Answer(phone, step, choice) => class.answer(id(phone), step, choice),
        Call::Rename(phone, name) => class.rename(id(phone), &name).map(|_| ()),
        Call::Report(phone, visible) => class.report(
            id(phone),
            Report {
                visible,
                ..Report::default()
            },
            0,
        ),
        Call::Stream(phone, true) => class.stream_opened(id(phone), 0).map(|_| ()),
        Call::Stream(phone, false) => {
            class.stream_closed(id(phone), 0);
            Ok(())
        }
        Call::Remove(phone) => class.remove(id(phone)),
        Call::Give(which) => class.give_lesson(lessons.get(usize::from(which)).cloned(), 0),
        Call::Go(to) => class.go(
            match to {
                0..=4 => To::Next,
                5 => To::Back,
                6 => To::Again,
                step => To::Step(usize::from(step) - 7 + 2),
            },
            0,
        ),
        Call::Lock => class.lock(),
        Call::Second => class.second_guess(),
        Call::Begin => match class.run_here() {
            Some(run) => class.begin_run(run, 0).map(|_| ()),
            None => Ok(()),
        },
        Call::End(has_failed) => {
            class.end_run(
                match has_failed {
                    true => Outcome::failed("no"),
                    false => Outcome::default(),
                },
                0,
            );
            Ok(())
        }
        Call::Reveal(seen, predicted_only) => class.reveal(seen, predicted_only),
        Call::Answers => class.show_answers(),
        Call::Reset => class.reset(),
        Call::Mute(muted) => class.tools(
            Tools {
                muted: Some(muted),
                ..Tools::default()
            },
            0,
        ),
        Call::Restart => {
            let given = class.lesson().cloned();
            let text = serde_json::to_string(class).unwrap();
            *class = serde_json::from_str(&text).unwrap();
            class.go_on(|_| given, 0);
            Ok(())
        }
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_sequence_of_calls_panics_or_tells_one_phone_of_another(calls in calls()) {
        let lessons = lessons();
        let mut class = class();
        let mut revision = 0;
        for call in calls {
            carry_out(&mut class, call, &lessons);
            prop_assert!(class.revision() >= revision);
            revision = class.revision();
            prop_assert!(class.is_sound());
            let texts: Vec<(Option<ParticipantId>, String)> = class
                .participants()
                .iter()
                .map(|one| Some(one.id))
                .chain([None])
                .map(|whom| {
                    let whom_for = whom.map_or(Whom::Wall, Whom::Phone);
                    (whom, seen_by(&class, whom_for).to_string())
                })
                .collect();
            let lesson = class.state(Whom::Wall, 0).lesson;
            let is_revealed = lesson.as_ref().is_some_and(|lesson| lesson.reveal.is_some());
            let ask = lesson.as_ref().and_then(|lesson| lesson.ask.as_ref());
            let is_told = ask.is_some_and(|ask| ask.answers.is_some());
            // What is shared is of this very revision, and its JSON is the view's.
            let made = class.given.as_ref().and_then(|given| given.view(class.natives()));
            prop_assert_eq!(lesson.as_deref(), made.as_ref());
            let texts_of_both = (serde_json::to_string(&lesson), serde_json::to_string(&made));
            prop_assert_eq!(texts_of_both.0.unwrap(), texts_of_both.1.unwrap());
            for (whom, text) in &texts {
                prop_assert!(!text.contains("NOTE"), "{}", text);
                prop_assert!(!text.contains("hash") && !text.contains("\"lead\""));
                prop_assert!(is_told || !text.contains("BECAUSE"));
                prop_assert!(is_revealed || !text.contains("ANSWER"));
                prop_assert_eq!(text.contains("\"guesses\""), is_revealed);
                prop_assert_eq!(text.contains("\"grid\""), whom.is_none());
                for other in class.participants().iter().filter(|other| Some(other.id) != *whom) {
                    let number = 7.770_01 + f64::from(other.id.0 - 1);
                    let of_other = serde_json::to_string(&number).unwrap();
                    prop_assert!(is_revealed || !text.contains(&of_other), "{}", text);
                    let name = serde_json::to_string(&other.name).unwrap();
                    prop_assert!(whom.is_none() || !text.contains(&name), "{}", text);
                }
            }
        }
    }
}
