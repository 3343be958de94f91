//! What stand-ins answer when the class is asked. A made-up guess is nobody's prediction, so they say
//! "I do not know" unless somebody wants to see a picture filled; the class marks and leaves out both.

use rand::{RngExt, rngs::StdRng};
use serde_json::{Value, json};

use super::view::{Ask, Question};

/// How native clients guess in the phones' place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Guesses {
    /// They know nothing.
    #[default]
    Unknown,
    /// Evenly over what may be answered, by the seed.
    Drawn,
}

impl Guesses {
    /// A guess, as it is sent.
    pub fn guess(self, question: &Question, random: &mut StdRng) -> Value {
        match self {
            Self::Unknown => unknown(),
            Self::Drawn => drawn(question, random).unwrap_or_else(unknown),
        }
    }

    /// An answer to the question at the end, from 1. It has no "I do not know": who knows nothing
    /// does not answer.
    pub fn answer(self, ask: &Ask, random: &mut StdRng) -> Option<usize> {
        match self {
            Self::Unknown => None,
            Self::Drawn if ask.options.is_empty() => None,
            Self::Drawn => Some(random.random_range(1..=ask.options.len())),
        }
    }
}

fn unknown() -> Value {
    json!({ "unknown": true })
}

fn drawn(question: &Question, random: &mut StdRng) -> Option<Value> {
    let range = || {
        let (min, max) = (question.min?, question.max?);
        (min.is_finite() && max.is_finite() && min < max).then_some((min, max))
    };
    match question.kind.as_str() {
        "number" => {
            let (min, max) = range()?;
            Some(json!({ "number": number(min, max, &question.scale, random) }))
        }
        "curve" => {
            let (min, max) = range()?;
            let curve: Vec<_> = (question.x.iter())
                .map(|_| number(min, max, "", random))
                .collect();
            Some(json!({ "curve": curve }))
        }
        "choice" => {
            let options = question.options.len();
            (options > 0).then(|| json!({ "choices": [random.random_range(1..=options)] }))
        }
        "order" => {
            let mut order: Vec<usize> = (1..=question.items.len()).collect();
            for last in (1..order.len()).rev() {
                order.swap(last, random.random_range(0..=last));
            }
            (!order.is_empty()).then(|| json!({ "order": order }))
        }
        _ => None,
    }
}

fn number(min: f64, max: f64, scale: &str, random: &mut StdRng) -> f64 {
    let share: f64 = random.random_range(0.0..1.0);
    match scale == "log" && min > 0.0 {
        true => (min.ln() + share * (max.ln() - min.ln()))
            .exp()
            .clamp(min, max),
        false => min + share * (max - min),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn question(text: &str) -> Question {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn nobody_knows_anything_unless_told_to_draw() {
        let mut random = StdRng::seed_from_u64(1);
        let number = question(r#"{"as":"number","min":1,"max":1000,"scale":"log"}"#);
        assert_eq!(
            Guesses::Unknown.guess(&number, &mut random),
            json!({"unknown": true})
        );
        let ask = serde_json::from_str(r#"{"options":["a","b","c"]}"#).unwrap();
        assert_eq!(Guesses::Unknown.answer(&ask, &mut random), None);
        let answer = Guesses::Drawn.answer(&ask, &mut random).unwrap();
        assert!((1..=3).contains(&answer));
        let mut small = 0;
        for _ in 0..300 {
            let drawn = Guesses::Drawn.guess(&number, &mut random);
            let drawn = drawn["number"].as_f64().unwrap();
            assert!((1.0..=1000.0).contains(&drawn));
            small += usize::from(drawn < 31.6);
        }
        assert!((110..190).contains(&small), "{small}: half of a log scale");
    }

    #[test]
    fn what_is_drawn_fits_the_question() {
        let mut random = StdRng::seed_from_u64(2);
        let mut draw = |text| Guesses::Drawn.guess(&question(text), &mut random);
        let choice = draw(r#"{"as":"choice","options":["a","b"]}"#);
        assert!((1..=2).contains(&choice["choices"][0].as_u64().unwrap()));
        let curve = draw(r#"{"as":"curve","x":[1,2,3],"min":0,"max":4}"#);
        assert_eq!(curve["curve"].as_array().unwrap().len(), 3);
        let order = draw(r#"{"as":"order","items":["a","b","c"]}"#);
        let mut places: Vec<_> = (order["order"].as_array().unwrap().iter())
            .map(|place| place.as_u64().unwrap())
            .collect();
        places.sort_unstable();
        assert_eq!(places, [1, 2, 3]);
        // What cannot be drawn from is not known.
        for odd in [
            r#"{"as":"number","min":4,"max":4}"#,
            r#"{"as":"number"}"#,
            r#"{"as":"choice"}"#,
            r#"{"as":"riddle"}"#,
        ] {
            assert_eq!(draw(odd), json!({"unknown": true}), "{odd}");
        }
    }
}
