//! Sentences with figures in them, which the class that is told them has counted.
//!
//! ```text
//! sentence = *( text / "{" figure "}" )
//! figure   = expression [ "," one "for each" other ]
//! ```
//!
//! `Of {short-poll.requests.per_phone} questions …`: the number. Where it says how often something came for
//! each of something else it may be below one, and "0.438 times for each event" is nothing that one sees: with
//! the two named, as in `{ratio(long-poll.requests, publications), question for each event}`, it is in words
//! (`crate::run::answer::for_each`).

use super::figure::{Expression, shown};
use crate::run::answer::for_each;

/// Of each of the two that are set beside each other, in characters.
const NOUN_MAX: usize = 30;
const FOR_EACH: &str = " for each ";

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    /// Text, then a figure, then text …
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Figure(Expression),
    Often {
        figure: Expression,
        one: String,
        each: String,
    },
}

impl Sentence {
    /// # Errors
    ///
    /// A brace too many, or what is wrong with a figure.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            if rest[at..].starts_with('}') {
                return Err("a } has no { before it; take it out".to_owned());
            }
            parts.push(Part::Text(rest[..at].to_owned()));
            let Some((figure, after)) = rest[at + 1..].split_once('}') else {
                return Err("a { has no } after it; add it".to_owned());
            };
            parts.push(figure_of(figure)?);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self { parts })
    }

    /// The figures that it has, in order.
    pub fn figures(&self) -> impl Iterator<Item = &Expression> {
        self.parts.iter().filter_map(|part| match part {
            Part::Figure(figure) | Part::Often { figure, .. } => Some(figure),
            Part::Text(_) => None,
        })
    }

    /// With what was counted; `None` where a figure of it was not.
    pub fn said(&self, lookup: &dyn Fn(&str) -> Option<f64>) -> Option<String> {
        let mut said = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => said.push_str(text),
                Part::Figure(figure) => said.push_str(&shown(figure.evaluate(lookup)?)),
                Part::Often { figure, one, each } => {
                    said.push_str(&for_each(figure.evaluate(lookup)?, one, each));
                }
            }
        }
        Some(said)
    }
}

/// What stands between two braces.
fn figure_of(text: &str) -> Result<Part, String> {
    let Some((before, each)) = text.split_once(FOR_EACH) else {
        return Expression::parse(text).map(Part::Figure);
    };
    let Some((figure, one)) = before.rsplit_once(',') else {
        return Err(format!(
            "\"{text}\" names no two things; write {{FIGURE, question for each event}}"
        ));
    };
    let figure = Expression::parse(figure)?;
    Ok(Part::Often {
        figure,
        one: noun(one)?,
        each: noun(each)?,
    })
}

/// A thing whose plural has an `s`, without its article.
fn noun(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_word = |letter: char| letter.is_alphabetic() || "- ".contains(letter);
    match (1..=NOUN_MAX).contains(&text.chars().count()) && text.chars().all(is_word) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "\"{text}\" is no thing that can be counted; write one word or two, as in {{FIGURE, question \
             for each event}}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(name: &str) -> Option<f64> {
        Some(match name {
            "short-poll.requests" => 1_680.0,
            "short-poll.empty_answers" => 1_512.0,
            "long-poll.requests.per_phone" => 44.0,
            "publications" => 100.0,
            _ => return None,
        })
    }

    #[test]
    fn a_sentence_is_made_from_figures_or_not_at_all() {
        let text =
            "Of {short-poll.requests} questions {percent(short-poll.empty_ratio)} % were empty.";
        let sentence = Sentence::parse(text).unwrap();
        assert_eq!(
            sentence.said(&counts).unwrap(),
            "Of 1,680 questions 90 % were empty."
        );
        assert_eq!(sentence.said(&|_| None), None);
        assert_eq!(sentence.figures().count(), 2);
        assert!(Sentence::parse("a { b").unwrap_err().contains("no }"));
        assert!(Sentence::parse("a } b").unwrap_err().contains("no {"));
        assert!(Sentence::parse("{nothing}").is_err());
    }

    #[test]
    fn how_often_something_came_for_something_else_is_in_words() {
        let often = "{ratio(long-poll.requests.per_phone, publications), question for each event}";
        let sentence = Sentence::parse(&format!("Each phone asked {often}.")).unwrap();
        assert_eq!(
            sentence.said(&counts).unwrap(),
            "Each phone asked 44 questions for every 100 events."
        );
        assert_eq!(sentence.said(&|_| None), None);
        assert_eq!(sentence.figures().count(), 1);
        let why = |text: &str| Sentence::parse(text).unwrap_err();
        assert!(why("{publications for each event}").contains("FIGURE, question for each event"));
        assert!(why("{publications, 2 for each event}").contains("one word or two"));
        assert!(why("{publications, question for each }").contains("one word or two"));
        assert!(why("{publication, question for each event}").contains("nearest"));
        let long = "a".repeat(31);
        assert!(why(&format!("{{publications, {long} for each event}}")).contains("one word"));
    }
}
