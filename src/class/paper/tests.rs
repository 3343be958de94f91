//! Classes with everything that can be in one, and what is hostile in it.

use std::collections::BTreeMap;

use super::*;
use crate::class::{
    Outcome,
    guess::Scale,
    histogram::Bin,
    record::{AskRecord, LessonRecord, ParticipantRecord, PlanRecord, PlanRowRecord, StepTime},
    state::GroupView,
};

const HOSTILE: &str = "</style><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u{202e}x";

fn participant(name: &str, is_native: bool) -> ParticipantRecord {
    ParticipantRecord {
        name: name.to_owned(),
        first_seen_us: 0,
        last_seen_us: 1,
        is_native,
    }
}

fn bins(counts: [usize; 3]) -> Vec<Bin> {
    let each = counts.iter().enumerate();
    each.map(|(at, count)| Bin {
        from: at as f64 * 10.0,
        to: at as f64 * 10.0 + 10.0,
        count: *count,
    })
    .collect()
}

fn numbers(counts: [usize; 3]) -> Histogram {
    Histogram::Number {
        bins: bins(counts),
        unknown: 1,
        median: Some(20.0),
        count: counts.iter().sum::<usize>() + 1,
    }
}

/// With every text the same.
fn lesson(text: &str, guess: Asked, guesses: Histogram) -> LessonRecord {
    LessonRecord {
        id: text.to_owned(),
        title: text.to_owned(),
        claims: vec!["A1".to_owned(), text.to_owned()],
        began_us: 1_764_465_300_000_000,
        guess: Some(guess),
        guesses: Some(guesses),
        first_guesses: None,
        outcome: Some(Outcome {
            sentence: text.to_owned(),
            measured: Some(18.25),
            figures: BTreeMap::from([(text.to_owned(), 4.0)]),
            failed: Some(text.to_owned()),
            ..Outcome::default()
        }),
        predicted_only: false,
        theory: Some(20.0),
        right: vec![1],
        parameters: text.to_owned(),
        seed: Some(9),
        ask: Some(AskRecord {
            question: text.to_owned(),
            options: vec![text.to_owned(), "two".to_owned()],
            right: 2,
            answers: vec![3, 20],
        }),
        groups: vec![GroupView {
            group: 0,
            lane: "short-poll".to_owned(),
            share: 1.0,
            poll_interval_ms: Some(500),
            bare: false,
            recovery: true,
            channel: "class".to_owned(),
        }],
        run_ids: Vec::new(),
        steps: vec![
            StepTime {
                kind: text.to_owned(),
                planned_s: 100,
                used_s: 95,
            },
            StepTime {
                kind: "wait".to_owned(),
                planned_s: 0,
                used_s: 0,
            },
        ],
    }
}

fn number_asked(text: &str) -> Asked {
    Asked::Number {
        question: text.to_owned(),
        min: 0.0,
        max: 30.0,
        unit: text.to_owned(),
        scale: Scale::Linear,
    }
}

/// All four kinds of guesses.
fn record(text: &str) -> Record {
    let two_rounds = LessonRecord {
        first_guesses: Some(numbers([5, 0, 1])),
        ..lesson(text, number_asked(text), numbers([1, 4, 1]))
    };
    let choice = Asked::Choice {
        question: text.to_owned(),
        options: vec![text.to_owned(), "two".to_owned()],
        many: false,
    };
    let curve = Asked::Curve {
        question: text.to_owned(),
        x: vec![1.0, 2.0, 3.0],
        x_unit: text.to_owned(),
        min: 0.0,
        max: 10.0,
        unit: text.to_owned(),
    };
    let drawn = Histogram::Curve {
        low: vec![1.0, 2.0, 3.0],
        middle: vec![2.0, 3.0, 4.0],
        high: vec![4.0, 5.0, 6.0],
        unknown: 0,
        count: 4,
    };
    let mut of_curve = lesson(text, curve, drawn);
    if let Some(outcome) = &mut of_curve.outcome {
        outcome.measured_points = vec![1.0, 5.0, 9.0];
        outcome.theory_points = vec![1.0, 5.0, 8.0];
    }
    let order = Asked::Order {
        question: text.to_owned(),
        items: vec![text.to_owned(), "b".to_owned()],
    };
    let placed = Histogram::Order {
        places: vec![vec![3, 1], vec![1, 3]],
        unknown: 0,
        count: 4,
    };
    let chosen = Histogram::Choice {
        options: vec![3, 20],
        unknown: 2,
        count: 25,
    };
    Record {
        class: text.to_owned(),
        name: text.to_owned(),
        began_us: 1_764_465_120_000_000,
        ended_us: Some(1_764_467_820_000_000),
        participants: vec![
            participant(text, false),
            participant("Quiet Otter", false),
            participant("Stand-in 1", true),
        ],
        lessons: vec![
            two_rounds,
            lesson(text, choice, chosen),
            of_curve,
            LessonRecord {
                right: vec![2, 1],
                ..lesson(text, order, placed)
            },
        ],
        plan: Some(PlanRecord {
            title: text.to_owned(),
            minutes: 45,
            began_us: 1_764_465_120_000_000,
            rows: vec![
                PlanRowRecord {
                    from: 0,
                    to: 4,
                    lesson: None,
                    note: text.to_owned(),
                    used_s: 250,
                },
                PlanRowRecord {
                    from: 4,
                    to: 9,
                    lesson: Some(text.to_owned()),
                    note: String::new(),
                    used_s: 0,
                },
            ],
        }),
    }
}

#[test]
fn where_the_prediction_alone_was_shown_nothing_is_called_measured() {
    let mut all = record("Round trips");
    for lesson in &mut all.lessons {
        lesson.predicted_only = true;
    }
    let page = to_html(&all);
    assert!(!page.contains("<dt>measured</dt>") && !page.contains("<dt>Round trips</dt>"));
    assert!(page.contains("<dt>predicted</dt><dd>1, 5, 8 Round trips</dd>"));
    assert!(to_html(&record("Round trips")).contains("<dt>Round trips</dt>"));
}

#[test]
fn everything_that_the_class_did_is_on_the_paper() {
    let page = to_html(&record("Round trips"));
    for said in [
        "2025-11-30, 01:12 to 01:57 UTC · 2 phones and 1 stand-in",
        "7 guesses, 1 of them &#34;I do not know&#34;; half of the numbers are at most 20 Round trips; guessed again after talking.",
        "25 guesses, 2 of them",
        "<dt>measured</dt><dd>18.2 Round trips</dd>",
        "<dt>predicted</dt><dd>1, 5, 8 Round trips</dd>",
        "Without WebSockets you poll",
        "<dt>seed</dt><dd>9</dd>",
        "Short polling, asking every 500 ms",
        "23 answers",
        "<tr><td>1</td><td>Round trips</td><td>1:40</td><td>1:35</td></tr>",
        "<tr><td>0–4</td><td>Round trips</td><td>4:00</td><td>4:10</td></tr>",
        "As it came out: b, Round trips.",
        ", class Round trips, live, class of 2 phones and 1 stand-in, lesson Round trips, seed 9, 2025-11-30",
        "<polygon class=\"before\"",
        "class=\"predicted\"",
        "✓ right",
    ] {
        assert!(page.contains(said), "{said}\n{page}");
    }
    // The second round is the one that counts, the first is beside it.
    assert_eq!(
        page.matches("<rect class=\"before\"").count(),
        2,
        "of [5, 0, 1]"
    );
    assert!(!page.contains("Quiet Otter"), "names are left out");
    assert!(with_names(&record("x")).contains("<li>Quiet Otter</li>"));
}

#[test]
fn a_hostile_class_is_text_only_and_asks_nobody_for_anything() {
    for page in [to_html(&record(HOSTILE)), with_names(&record(HOSTILE))] {
        assert_eq!(page.matches("</style>").count(), 1, "{page}");
        for bad in ["<script", "<img", "onerror=alert(2)>", "\u{202e}"] {
            assert!(!page.contains(bad), "{bad}");
        }
        assert!(page.contains("&#60;script&#62;"));
        // What loads, links or runs: there is none of it, in markup or style.
        for bad in [
            "<link rel=\"stylesheet",
            "<a ",
            "url(",
            "@import",
            "http:",
            "https:",
            "<iframe",
            "<form",
        ] {
            assert!(!page.contains(bad), "{bad}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}

#[test]
fn what_is_missing_or_makes_no_sense_is_left_out() {
    let empty = Record {
        class: "8f3a09c1".to_owned(),
        name: String::new(),
        began_us: u64::MAX,
        ended_us: None,
        participants: Vec::new(),
        lessons: Vec::new(),
        plan: None,
    };
    let page = to_html(&empty);
    assert!(
        page.contains("<h1>A class</h1>")
            && page.contains("No lesson was given.")
            && page.contains("0 phones")
    );

    // A histogram of another kind than its question, and numbers that are none: a file may say anything.
    let mut odd = lesson(
        "odd",
        number_asked("ms"),
        Histogram::Choice {
            options: vec![usize::MAX],
            unknown: 0,
            count: 1,
        },
    );
    odd.right = vec![0, usize::MAX];
    let outcome = odd.outcome.get_or_insert_default();
    outcome.measured = Some(f64::NAN);
    odd.first_guesses = Some(numbers([1, 1, 1]));
    let page = to_html(&Record {
        lessons: vec![odd],
        ..empty
    });
    assert!(
        page.contains("not measured") && !page.contains("NaN"),
        "{page}"
    );
    assert_eq!(number(0.000_012_3), "0.000012");
    assert_eq!(
        (number(1234.5), number(0.5), number(-2.0)),
        ("1,234".to_owned(), "0.5".to_owned(), "-2".to_owned())
    );
}
