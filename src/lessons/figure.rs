//! What is counted in a class, as lessons write it: conditions of `wait`, and figures. Sentences with figures
//! in them are [`super::sentence`]s.
//!
//! ```text
//! expression = comparison *( "and" comparison )
//! comparison = value [ ( ">=" / "<=" / ">" / "<" / "==" ) value ]
//! value      = number / name / "ratio(" value "," value ")" / "difference(" value "," value ")"
//!              / "percent(" value ")"
//! name       = LANE "." COUNTER [ ".per_phone" / ".per_s" ] / LANE "." DELAY / OF_A_CLASS
//!            / "group" 1–8 "." ( "delay_ms.mean" / "delay_ms.median" / "phones" )
//! ```
//!
//! Groups are those of the lesson's `set`, the first one `group1`. Their delays are made of each phone's own
//! mean, in ms, of what came while the run measured; `phones` are those that reported one. Where the phones'
//! clocks may be off by more than a seventh of it, there is no such delay.
//!
//! as in `short-poll.requests.per_phone >= 50 and publications >= 3`. A name that this lab does not have is
//! a fault when it is read, so what is kept can be evaluated. Everything counts from the end of the warm-up.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::fault::nearest;
use crate::catalogue;

/// Characters of one expression.
pub const LENGTH_MAX: usize = 240;
/// `ratio(…)` and `percent(…)` within each other.
pub const DEPTH_MAX: usize = 4;
/// Names and numbers in one expression.
pub const VALUES_MAX: usize = 24;

/// Counters of a lane, as `/api/stats` has them: whole numbers, or bytes.
pub const COUNTERS: [&str; 22] = [
    "requests",
    "empty_answers",
    "delivered",
    "received",
    "connections_opened",
    "connections_open",
    "drops",
    "writes",
    "wire_bytes",
    "segments",
    "bytes",
    "up.http_headers",
    "up.framing",
    "up.envelope",
    "up.payload",
    "up.total",
    "down.http_headers",
    "down.framing",
    "down.envelope",
    "down.payload",
    "down.total",
    "phones",
];
/// Shares of 1 that are made from counters.
pub const SHARES: [&str; 1] = ["empty_ratio"];
/// Delays of a lane in ms.
pub const STAGES: [&str; 3] = ["written", "received", "painted"];
/// Words for points of a distribution that may stand after a delay's name.
pub const QUANTILES: [&str; 5] = ["mean", "p50", "p90", "p99", "max"];
/// Without a lane: publications of the class's channel, phones that are open, answers to the last question
/// that was asked, and the seconds that were counted.
pub const OF_A_CLASS: [&str; 4] = ["publications", "phones", "answered", "seconds"];
/// Divided by the phones on the lane, or by the seconds.
const PER: [&str; 2] = ["per_phone", "per_s"];
/// Of a group of phones.
pub const OF_A_GROUP: [&str; 3] = ["delay_ms.mean", "delay_ms.median", "phones"];
/// Groups that have figures.
const GROUPS_MAX: u32 = 8;
const FUNCTIONS: [&str; 3] = ["ratio", "difference", "percent"];

/// What can be evaluated once something was counted.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Expression {
    text: String,
    pub(super) node: Node,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Number(f64),
    Name(String),
    Ratio(Box<Node>, Box<Node>),
    Difference(Box<Node>, Box<Node>),
    Percent(Box<Node>),
    Compared(Box<Node>, Compare, Box<Node>),
    All(Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    AtLeast,
    AtMost,
    Above,
    Below,
    Equal,
}

impl TryFrom<String> for Expression {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl Expression {
    /// # Errors
    ///
    /// What is wrong with it, and what to do.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > LENGTH_MAX {
            return Err(format!(
                "an expression has {LENGTH_MAX} characters at most; leave a part out"
            ));
        }
        let mut reading = Reading {
            words: words(text)?,
            at: 0,
            values: 0,
        };
        let node = reading.expression()?;
        match reading.next() {
            None => Ok(Self {
                text: text.to_owned(),
                node,
            }),
            Some(word) => Err(format!(
                "\"{}\" is not expected after the expression; join conditions with and",
                word.as_str()
            )),
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A condition is true or false and no figure.
    pub fn is_condition(&self) -> bool {
        matches!(self.node, Node::Compared(..) | Node::All(_))
    }

    /// What has to be counted for it, without `.per_phone` and the like: `short-poll.requests` and
    /// `short-poll.phones` for `short-poll.requests.per_phone`.
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.node.names(&mut names);
        names
    }

    /// With what was counted; 1 for true and 0 for false. `lookup` knows the names of [`Self::names`], and
    /// may know longer ones. `None`: something was not counted, or is divided by 0.
    pub fn evaluate(&self, lookup: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
        self.node.evaluate(lookup).filter(|value| value.is_finite())
    }

    /// Whether the condition holds; what was not counted does not.
    pub fn holds(&self, lookup: &dyn Fn(&str) -> Option<f64>) -> bool {
        self.evaluate(lookup).is_some_and(|value| value != 0.0)
    }
}

impl Node {
    fn names(&self, names: &mut BTreeSet<String>) {
        match self {
            Self::Number(_) => {}
            Self::Name(name) => leaves(name, names),
            Self::Percent(one) => one.names(names),
            Self::Ratio(one, other)
            | Self::Difference(one, other)
            | Self::Compared(one, _, other) => {
                one.names(names);
                other.names(names);
            }
            Self::All(all) => all.iter().for_each(|node| node.names(names)),
        }
    }

    pub(super) fn evaluate(&self, lookup: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Name(name) => counted(name, lookup),
            Self::Percent(one) => Some(one.evaluate(lookup)? * 100.0),
            Self::Ratio(one, other) => divided(one.evaluate(lookup), other.evaluate(lookup)),
            Self::Difference(one, other) => Some(one.evaluate(lookup)? - other.evaluate(lookup)?),
            Self::Compared(one, compare, other) => {
                let (one, other) = (one.evaluate(lookup)?, other.evaluate(lookup)?);
                let holds = match compare {
                    Compare::AtLeast => one >= other,
                    Compare::AtMost => one <= other,
                    Compare::Above => one > other,
                    Compare::Below => one < other,
                    Compare::Equal => (one - other).abs() < 1e-9,
                };
                Some(f64::from(holds))
            }
            Self::All(all) => {
                for node in all {
                    if node.evaluate(lookup)? == 0.0 {
                        return Some(0.0);
                    }
                }
                Some(1.0)
            }
        }
    }
}

fn divided(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    let (one, other) = (one?, other?);
    (other != 0.0).then(|| one / other)
}

/// A name's value: as it is, or made from what it is made of.
fn counted(name: &str, lookup: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
    if let Some(value) = lookup(name) {
        return Some(value);
    }
    let (rest, last) = name.rsplit_once('.')?;
    let lane = name.split('.').next().unwrap_or_default();
    match last {
        "per_phone" => {
            let phones = lookup(&format!("{lane}.phones")).or_else(|| lookup("phones"));
            divided(counted(rest, lookup), phones)
        }
        "per_s" => divided(counted(rest, lookup), lookup("seconds")),
        "empty_ratio" => divided(
            lookup(&format!("{rest}.empty_answers")),
            lookup(&format!("{rest}.requests")),
        ),
        "bytes" => {
            let of = |way: &str| lookup(&format!("{rest}.{way}.total"));
            Some(of("up")? + of("down")?)
        }
        _ => None,
    }
}

fn leaves(name: &str, names: &mut BTreeSet<String>) {
    let lane = name.split('.').next().unwrap_or_default();
    let made_of: Vec<String> = match name.rsplit_once('.') {
        Some((rest, "per_phone")) => vec![rest.to_owned(), format!("{lane}.phones")],
        Some((rest, "per_s")) => vec![rest.to_owned(), "seconds".to_owned()],
        Some((rest, "empty_ratio")) => {
            vec![format!("{rest}.empty_answers"), format!("{rest}.requests")]
        }
        Some((rest, "bytes")) => vec![format!("{rest}.up.total"), format!("{rest}.down.total")],
        _ => Vec::new(),
    };
    if made_of.is_empty() {
        names.insert(name.to_owned());
    }
    made_of.iter().for_each(|name| leaves(name, names));
}

/// Every lane and every row of a comparison.
pub fn rows() -> impl Iterator<Item = &'static str> {
    let lanes = catalogue::LANES.iter().map(|lane| lane.id.0);
    lanes.chain(catalogue::VARIANTS.iter().map(|variant| variant.id))
}

/// Whether this lab counts something under the name.
fn known(name: &str) -> Result<(), String> {
    if OF_A_CLASS.contains(&name) {
        return Ok(());
    }
    let Some((lane, rest)) = name.split_once('.') else {
        let all = OF_A_CLASS.iter().chain(&FUNCTIONS).copied();
        return Err(format!(
            "\"{name}\" is no figure; a lane's is written LANE.COUNTER, and without a lane {}",
            nearest(name, all)
        ));
    };
    if let Some(number) = lane.strip_prefix("group") {
        let is_number = number
            .parse()
            .is_ok_and(|number: u32| (1..=GROUPS_MAX).contains(&number));
        return match (is_number, OF_A_GROUP.contains(&rest)) {
            (true, true) => Ok(()),
            (false, _) => Err(format!(
                "\"{lane}\" is no group; they are group1 to group{GROUPS_MAX}, as set lists them"
            )),
            (true, false) => Err(format!(
                "\"{name}\" is no figure of a group; {}",
                nearest(rest, OF_A_GROUP)
            )),
        };
    }
    if !rows().any(|row| row == lane) {
        return Err(format!("\"{lane}\" is no lane; {}", nearest(lane, rows())));
    }
    let (base, per) = match rest.rsplit_once('.') {
        Some((base, per)) if PER.contains(&per) => (base, Some(per)),
        _ => (rest, None),
    };
    if COUNTERS.contains(&base) && (base != "phones" || per.is_none()) {
        return Ok(());
    }
    let is_delay = base
        .split_once('.')
        .is_some_and(|(stage, quantile)| STAGES.contains(&stage) && QUANTILES.contains(&quantile));
    if per.is_none() && (is_delay || SHARES.contains(&base)) {
        return Ok(());
    }
    if let Some(per) = per
        && (is_delay || SHARES.contains(&base) || base == "phones")
    {
        return Err(format!(
            "\"{name}\" has no sense {per}; write \"{lane}.{base}\""
        ));
    }
    let delays = STAGES.iter().flat_map(|stage| {
        let of = move |quantile| format!("{stage}.{quantile}");
        QUANTILES.iter().map(of)
    });
    let counters = COUNTERS
        .iter()
        .chain(&SHARES)
        .map(|name| (*name).to_owned());
    let all: Vec<String> = counters.chain(delays).collect();
    // Who writes `empties` means what begins like it, though other words have fewer letters to change.
    let begins_alike = |name: &&String| base.get(..4).is_some_and(|begin| name.starts_with(begin));
    let near = match all.iter().find(begins_alike) {
        Some(name) => format!("nearest: \"{lane}.{name}\""),
        None => nearest(base, all.iter().map(String::as_str)),
    };
    Err(format!("\"{name}\" is no counter; {near}"))
}

#[derive(Debug, Clone, PartialEq)]
enum Word {
    Number(f64, String),
    Name(String),
    Sign(&'static str),
}

impl Word {
    fn as_str(&self) -> &str {
        match self {
            Self::Number(_, text) | Self::Name(text) => text,
            Self::Sign(sign) => sign,
        }
    }
}

const SIGNS: [&str; 8] = [">=", "<=", "==", ">", "<", "(", ")", ","];

fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(*sign)) {
            words.push(Word::Sign(sign));
            rest = rest[sign.len()..].trim_start();
            continue;
        }
        let is_of_a_word = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let end = rest
            .find(|letter| !is_of_a_word(letter))
            .unwrap_or(rest.len());
        if end == 0 {
            return Err(format!(
                "\"{first}\" is no part of an expression; there are names, numbers, ratio(a, b), \
                 difference(a, b), percent(a), >=, <=, >, <, == and and"
            ));
        }
        let (word, after) = rest.split_at(end);
        rest = after.trim_start();
        if first.is_ascii_digit() {
            let number: f64 = word
                .parse()
                .map_err(|_| format!("\"{word}\" is no number; write 50 or 0.5"))?;
            words.push(Word::Number(number, word.to_owned()));
        } else {
            words.push(Word::Name(word.to_owned()));
        }
    }
    Ok(words)
}

struct Reading {
    words: Vec<Word>,
    at: usize,
    values: usize,
}

impl Reading {
    fn next(&mut self) -> Option<Word> {
        let word = self.words.get(self.at).cloned();
        self.at += usize::from(word.is_some());
        word
    }

    fn is_next(&mut self, sign: &str) -> bool {
        let is_it = self
            .words
            .get(self.at)
            .is_some_and(|word| word.as_str() == sign);
        self.at += usize::from(is_it);
        is_it
    }

    fn expects(&mut self, sign: &str) -> Result<(), String> {
        match self.is_next(sign) {
            true => Ok(()),
            false => {
                let there = self.words.get(self.at).map_or("its end", Word::as_str);
                Err(format!("\"{sign}\" is expected before {there}; add it"))
            }
        }
    }

    fn expression(&mut self) -> Result<Node, String> {
        let first = self.comparison()?;
        let mut all = vec![first];
        while self.is_next("and") {
            all.push(self.comparison()?);
        }
        if all.len() == 1 {
            return Ok(all.remove(0));
        }
        match all.iter().all(|node| matches!(node, Node::Compared(..))) {
            true => Ok(Node::All(all)),
            false => Err(
                "and joins conditions; write one like publications >= 3 on both sides".to_owned(),
            ),
        }
    }

    fn comparison(&mut self) -> Result<Node, String> {
        let one = self.value(0)?;
        for (sign, compare) in [
            (">=", Compare::AtLeast),
            ("<=", Compare::AtMost),
            ("==", Compare::Equal),
            (">", Compare::Above),
            ("<", Compare::Below),
        ] {
            if self.is_next(sign) {
                return Ok(Node::Compared(
                    Box::new(one),
                    compare,
                    Box::new(self.value(0)?),
                ));
            }
        }
        Ok(one)
    }

    fn value(&mut self, depth: usize) -> Result<Node, String> {
        self.values += 1;
        if depth > DEPTH_MAX || self.values > VALUES_MAX {
            return Err(format!(
                "it has more than {VALUES_MAX} values, or more than {DEPTH_MAX} within each other; \
                 write it shorter"
            ));
        }
        match self.next() {
            Some(Word::Number(number, _)) => Ok(Node::Number(number)),
            Some(Word::Name(name)) if self.is_next("(") => self.function(&name, depth),
            Some(Word::Name(name)) => known(&name).map(|()| Node::Name(name)),
            Some(Word::Sign(sign)) => Err(format!(
                "a name or a number is expected before \"{sign}\"; add it"
            )),
            None => Err("a name or a number is missing at the end; add it".to_owned()),
        }
    }

    fn function(&mut self, name: &str, depth: usize) -> Result<Node, String> {
        let node = match name {
            "ratio" | "difference" => {
                let one = Box::new(self.value(depth + 1)?);
                self.expects(",")?;
                let other = Box::new(self.value(depth + 1)?);
                match name {
                    "ratio" => Node::Ratio(one, other),
                    _ => Node::Difference(one, other),
                }
            }
            "percent" => Node::Percent(Box::new(self.value(depth + 1)?)),
            _ => {
                let near = nearest(name, FUNCTIONS);
                return Err(format!("\"{name}\" is no function; {near}"));
            }
        };
        self.expects(")")?;
        Ok(node)
    }
}

/// Behind the point of a small number; what is smaller is 0.
const DIGITS_MAX: i32 = 6;

/// As it stands in a sentence: three digits that count, and a comma between thousands. `1,680`, `54.3`, `0.905`.
pub fn shown(value: f64) -> String {
    let size = value.abs();
    if size >= 99.95 {
        let whole = format!("{:.0}", size);
        let mut text = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        return if value < 0.0 {
            format!("-{text}")
        } else {
            text
        };
    }
    let digits = match size {
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        0.0 => 0,
        size => (2 - size.log10().floor() as i32).clamp(3, DIGITS_MAX) as usize,
    };
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(name: &str) -> Option<f64> {
        Some(match name {
            "short-poll.requests" => 1_680.0,
            "short-poll.empty_answers" => 1_512.0,
            "short-poll.phones" => 28.0,
            "short-poll.up.total" => 1_000.0,
            "short-poll.down.total" => 3_000.0,
            "websocket.up.total" => 0.0,
            "websocket.down.total" => 100.0,
            "websocket.requests" => 0.0,
            "publications" => 6.0,
            "seconds" => 30.0,
            _ => return None,
        })
    }

    fn value(text: &str) -> Option<f64> {
        Expression::parse(text).unwrap().evaluate(&counts)
    }

    #[test]
    fn names_numbers_ratios_and_conditions_are_evaluated() {
        assert_eq!(value("short-poll.requests.per_phone"), Some(60.0));
        assert_eq!(value("short-poll.empty_answers.per_phone"), Some(54.0));
        assert_eq!(value("short-poll.requests.per_s"), Some(56.0));
        assert_eq!(value("percent(short-poll.empty_ratio)"), Some(90.0));
        assert_eq!(
            value("ratio(short-poll.bytes, websocket.bytes)"),
            Some(40.0)
        );
        let both = "short-poll.requests.per_phone >= 50 and publications >= 3";
        assert_eq!(value(both), Some(1.0));
        assert_eq!(value("publications > 6 and publications >= 3"), Some(0.0));
        assert_eq!(value("publications == 6"), Some(1.0));
        assert_eq!(value("difference(seconds, publications)"), Some(24.0));
    }

    #[test]
    fn what_was_not_counted_or_is_divided_by_nothing_is_no_figure() {
        assert_eq!(value("sse.requests"), None);
        assert_eq!(value("websocket.empty_ratio"), None);
        assert_eq!(value("ratio(publications, 0)"), None);
        let waits = Expression::parse("sse.requests >= 1").unwrap();
        assert!(!waits.holds(&counts));
        // Where no lane has phones of its own, those of the class count.
        let phones = |name: &str| (name == "phones" || name == "sse.requests").then_some(2.0);
        let each = Expression::parse("sse.requests.per_phone").unwrap();
        assert_eq!(each.evaluate(&phones), Some(1.0));
    }

    #[test]
    fn what_has_to_be_counted_is_named() {
        let names = |text| {
            let names = Expression::parse(text).unwrap().names();
            names.into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            names("short-poll.bytes.per_phone >= 50"),
            "short-poll.down.total short-poll.phones short-poll.up.total"
        );
        assert_eq!(
            names("ratio(sse.empty_ratio, publications)"),
            "publications sse.empty_answers sse.requests"
        );
    }

    #[test]
    fn a_wrong_expression_says_what_is_wrong_and_what_to_do() {
        let why = |text: &str| Expression::parse(text).unwrap_err();
        assert_eq!(
            why("short-poll.empties >= 3"),
            "\"short-poll.empties\" is no counter; nearest: \"short-poll.empty_answers\""
        );
        assert!(why("sse.recieved.p50").contains("nearest: \"received.p50\""));
        assert!(why("short-pol.requests").contains("nearest: \"short-poll\""));
        assert!(why("publication >= 3").contains("nearest: \"publications\""));
        assert!(why("sse.empty_ratio.per_s").contains("write \"sse.empty_ratio\""));
        assert!(Expression::parse("group1.delay_ms.median").is_ok());
        assert!(why("group0.phones").contains("they are group1 to group8"));
        assert!(why("group2.delay_ms.p50").contains("nearest: \"delay_ms.m"));
        assert!(why("rato(1, 2)").contains("nearest: \"ratio\""));
        assert!(why("ratio(1 2)").contains("\",\" is expected before 2"));
        assert!(why("ratio(1, 2").contains("\")\" is expected before its end"));
        assert!(why("").contains("missing at the end"));
        assert!(why("publications >=").contains("missing at the end"));
        assert!(why(">= 3").contains("before \">=\""));
        assert!(why("publications 3").contains("join conditions with and"));
        assert!(why("publications and phones").contains("and joins conditions"));
        assert!(why("publications * 2").contains("\"*\" is no part"));
        assert!(why("1.2.3 > 0").contains("no number"));
        assert!(why(&"percent(".repeat(9)).contains("write it shorter"));
        assert!(why(&"1 and ".repeat(99)).contains("characters at most"));
        assert!(why("é").contains("no part"));
    }

    #[test]
    fn figures_are_shown_with_three_digits() {
        for (value, text) in [
            (1_680.0, "1,680"),
            (54.32, "54.3"),
            (0.9048, "0.905"),
            (32.0, "32"),
            (4.8213, "4.82"),
            (0.0, "0"),
            (1_234_567.8, "1,234,568"),
            (-5.0, "-5"),
            (100.0, "100"),
            (99.97, "100"),
        ] {
            assert_eq!(shown(value), text);
        }
    }
}
