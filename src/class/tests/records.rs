//! What is written down of a lesson.

use super::*;

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
