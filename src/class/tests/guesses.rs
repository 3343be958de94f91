//! Guesses, of each kind.

use super::*;

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
