//! Any sequence of calls.

use proptest::prelude::*;

use super::*;

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
