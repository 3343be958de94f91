//! The answer in one sentence made from the figures: what a page, a terminal and a report open with.
//!
//! ```text
//!  load, lanes' figures ──► which figure decides ──► the two lanes it sets apart ──► one sentence
//! ```
//!
//! "At one event in five seconds, short polling every 500 ms used 45 times the bytes of a WebSocket,
//! and was 243 ms later." It always names the load and the setting that decide, since without them
//! it is the kind of slogan that the lab is there to test. It is never more precise than its error,
//! says a bound as a bound, and says that something cannot be told, and why, where the gate withholds
//! the figure. Pure: no clock, no file, no network.
//!
//! Reading order: `reading` (a figure and how far it may be off), `numbers`, `for_each` and `spoken` (words),
//! `pair` (two lanes side by side), [`changes`] (two runs), and here what decides.

pub mod changes;
mod for_each;
mod loss;
mod numbers;
mod pair;
mod reading;
mod spoken;

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

pub use self::{
    for_each::for_each,
    numbers::{decimal, grouped, share, span_ms},
    reading::{Known, Reading},
    spoken::rate,
};
use crate::catalogue::{Form, variant};

use self::pair::{Pair, bytes_clause, delay_clause};

const BYTES: &str = "bytes_per_publication";
const HALF: &str = "p50_us";
const MEAN: &str = "mean_us";
const REQUESTS: &str = "requests_per_publication";
const EMPTY: &str = "empty_ratio";
const DELIVERED: &str = "delivery_ratio";

/// The lane that a sentence sets against a WebSocket, where both are there.
const SHORT_POLLS: &str = "short-poll";
/// A ratio of bytes from which it is what decides, whatever else differs.
const DECISIVE_RATIO: f64 = 2.0;
/// A ratio of bytes that is worth a sentence where no delay is.
const NOTABLE_RATIO: f64 = 1.1;
/// A margin that people notice, µs: from about here on two things no longer seem to happen at once.
const NOTABLE_MARGIN_US: f64 = 20_000.0;

/// Under what the figures were measured, as far as it decides.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Load {
    /// Events a second.
    pub rate_per_s: f64,
    /// Of an event's data; not said where it is the lab's usual 60.
    #[serde(default)]
    pub size_bytes: Option<f64>,
    /// Who gets each event on each lane; not said where it is one.
    #[serde(default)]
    pub clients: Option<u64>,
    /// How often short polls ask.
    #[serde(default)]
    pub poll_interval_ms: Option<f64>,
    /// How long the server holds a long poll.
    #[serde(default)]
    pub hold_ms: Option<f64>,
    /// Network conditions in effect, in their own words; empty for none.
    #[serde(default)]
    pub conditions: String,
    /// What else was unusual, each as in "with a round trip of 200 ms".
    #[serde(skip)]
    pub circumstances: Vec<String>,
    /// Short polls ask for the latest state, not for all that is new.
    #[serde(skip)]
    pub of_latest: bool,
}

/// A lane, or a row of a run, with its figures by their name in [`super::figures::CATALOGUE`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LaneFigures {
    /// Of the catalogue, or a row's.
    pub lane: String,
    /// What people call it, where the catalogue does not know it.
    #[serde(default)]
    pub label: String,
    /// By their names in the catalogue of figures.
    pub figures: BTreeMap<String, Reading>,
}

/// The sentence, what it is about, and the lanes by that.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// One sentence, with its figures as far as they can be stood behind.
    pub sentence: String,
    /// The figure that decides; `None` where nothing was measured or nothing can be told.
    pub about: Option<&'static str>,
    /// Every lane once, the worst first; who has no such figure comes last.
    pub order: Vec<String>,
}

impl LaneFigures {
    /// The data alone, by [`Form::Bare`].
    fn is_bare(&self) -> bool {
        variant(&self.lane).is_some_and(|row| row.form == Form::Bare)
    }

    fn reading(&self, name: &str) -> Option<&Reading> {
        self.figures.get(name)
    }

    fn known(&self, name: &str) -> Option<Known> {
        self.reading(name)?.known(name)
    }

    /// Why a figure is withheld.
    fn withheld(&self, name: &str) -> Option<&str> {
        self.reading(name)?.why_not()
    }

    /// Which delay there is to speak of: the median, or the mean where too few came for a median.
    fn delay(&self) -> &'static str {
        match self.known(HALF) {
            None if self.known(MEAN).is_some() => MEAN,
            _ => HALF,
        }
    }
}

/// The sentence on all lanes of one measurement.
pub fn answer(load: &Load, lanes: &[LaneFigures]) -> Answer {
    let (clause, about) = match loss::clause(load, lanes) {
        Some(lost) => (lost, Some(DELIVERED)),
        None => decide(load, &asked_about(lanes)),
    };
    Answer {
        sentence: format!("{}, {clause}.", spoken::load(load)),
        about,
        order: order(lanes, about),
    }
}

/// Short polls and a WebSocket where both are there, since these two are what people ask about; else all.
fn asked_about(lanes: &[LaneFigures]) -> Cow<'_, [LaneFigures]> {
    let find = |name| lanes.iter().find(|lane| lane.lane == name);
    let have = |a: &LaneFigures, b: &LaneFigures| {
        let mut all = [BYTES, HALF, MEAN, REQUESTS].into_iter();
        all.any(|name| a.known(name).is_some() && b.known(name).is_some())
    };
    match (find(SHORT_POLLS), find(pair::USUAL_REFERENCE)) {
        (Some(polls), Some(socket)) if have(polls, socket) => {
            Cow::Owned(vec![polls.clone(), socket.clone()])
        }
        _ => Cow::Borrowed(lanes),
    }
}

/// What the sentence says after the load, and which figure it is about.
fn decide(load: &Load, lanes: &[LaneFigures]) -> (String, Option<&'static str>) {
    if let [lane] = lanes {
        return one(load, lane);
    }
    let delay = common_delay(lanes);
    let by_bytes = Pair::of(lanes, BYTES);
    let by_delay = Pair::of(lanes, delay);
    let ratio = by_bytes.as_ref().map_or(1.0, Pair::least_ratio);
    let margin_us = by_delay.as_ref().map_or(0.0, Pair::least_margin);
    let bytes = |pair: &Pair<'_>| (about_bytes(load, lanes, pair, delay), Some(BYTES));
    let late = |pair: &Pair<'_>| (about_delay(load, lanes, pair, delay), Some(delay));
    let asked = match by_bytes {
        None => about_requests(load, lanes),
        Some(_) => None,
    };
    match (&by_bytes, &by_delay) {
        (Some(pair), _) if ratio >= DECISIVE_RATIO => bytes(pair),
        (_, Some(pair)) if margin_us >= NOTABLE_MARGIN_US => late(pair),
        (Some(pair), _) if ratio >= NOTABLE_RATIO => bytes(pair),
        _ => match (asked, &by_delay) {
            (Some(asked), _) => (asked, Some(REQUESTS)),
            (None, Some(pair)) if margin_us > 0.0 => late(pair),
            (None, None) if by_bytes.is_none() => untold(load, lanes),
            _ => {
                let about = by_delay.as_ref().map_or(BYTES, |_| delay);
                (alike(load, lanes, delay), Some(about))
            }
        },
    }
}

/// The median where every lane has one that can be told, else what most can be compared by.
fn common_delay(lanes: &[LaneFigures]) -> &'static str {
    let count = |name| {
        lanes
            .iter()
            .filter(|lane| lane.known(name).is_some())
            .count()
    };
    if count(MEAN) > count(HALF) {
        MEAN
    } else {
        HALF
    }
}

fn about_bytes(load: &Load, lanes: &[LaneFigures], pair: &Pair<'_>, delay: &'static str) -> String {
    let (subject, reference) = pair.names(load);
    let used = bytes_clause(pair, &reference);
    let late = delay_clause(&Pair {
        figure: delay,
        ..*pair
    });
    format!("{subject} used {used}{late}{}", left_out(load, lanes, pair))
}

fn about_delay(load: &Load, lanes: &[LaneFigures], pair: &Pair<'_>, delay: &'static str) -> String {
    let (subject, reference) = pair.names(load);
    let later = pair.later();
    let average = on_average(delay);
    let bytes = Pair {
        figure: BYTES,
        ..*pair
    };
    let used = pair::and_bytes(&bytes);
    let left = left_out(load, lanes, pair);
    format!("{subject} was {later} later{average} than {reference}{used}{left}")
}

fn on_average(delay: &str) -> &'static str {
    if delay == MEAN { " on average" } else { "" }
}

/// Where bytes are not known: who asks, how often, and how often in vain.
fn about_requests(load: &Load, lanes: &[LaneFigures]) -> Option<String> {
    let pair = Pair::of(lanes, REQUESTS)?;
    let (asked, other) = (
        pair.subject.known(REQUESTS)?,
        pair.reference.known(REQUESTS)?,
    );
    if asked.value < DECISIVE_RATIO * other.value.max(0.5) {
        return None;
    }
    let (subject, reference) = pair.names(load);
    let empty = match pair.subject.known(EMPTY) {
        Some(empty) if empty.value > 0.0 => format!(", {} of them in vain", share(empty.value)),
        _ => String::new(),
    };
    let of_other = match other.value {
        none if none < 0.05 => format!("{reference} not at all"),
        some if some < 0.975 => format!("{reference} {}", for_each(some, "time", "event")),
        some => format!("{reference} {} times", decimal(some, 2)),
    };
    let asked = decimal(asked.value, 2);
    Some(format!(
        "{subject} asked {asked} times for each event{empty}, and {of_other}"
    ))
}

/// One lane has nothing to be compared with: what it took.
fn one(load: &Load, lane: &LaneFigures) -> (String, Option<&'static str>) {
    let name = spoken::subject(load, lane);
    let delay = lane.delay();
    let mut costs = Vec::new();
    if let Some(bytes) = lane.known(BYTES) {
        costs.push(format!("for {} bytes each", bytes.rounded()));
    }
    if let Some(requests) = lane.known(REQUESTS).filter(|asked| asked.value >= 0.05) {
        let empty = lane.known(EMPTY).filter(|empty| empty.value > 0.0);
        let empty = empty.map_or_else(String::new, |e| {
            format!(", {} of them in vain", share(e.value))
        });
        let asked = match requests.value {
            few if few < 0.975 => for_each(few, "request", "event"),
            some => {
                let times = decimal(some, 2);
                let requests = if times == "1" { "request" } else { "requests" };
                format!("{times} {requests} for each")
            }
        };
        costs.push(format!("with {asked}{empty}"));
    }
    let costs = costs.join(", ");
    let with_costs = |text: String| match costs.is_empty() {
        true => text,
        false => format!("{text}, {costs}"),
    };
    match (lane.known(delay), lane.withheld(HALF)) {
        (Some(late), _) => {
            let text = match delay {
                MEAN => format!(
                    "{name} brought each event {} late on average",
                    late.spoken_us()
                ),
                _ => format!("{name} brought half of the events {}", late.within_us()),
            };
            (with_costs(text), Some(delay))
        }
        (None, Some(why)) => {
            let why = because(why);
            match costs.is_empty() {
                true => (
                    format!("how late {name} was cannot be told here, {why}"),
                    None,
                ),
                false => (
                    format!(
                        "{name} brought the events {costs}; how late it was cannot be told here, {why}"
                    ),
                    Some(BYTES),
                ),
            }
        }
        (None, None) if costs.is_empty() => (format!("nothing was measured of {name}"), None),
        (None, None) => (format!("{name} brought the events {costs}"), Some(BYTES)),
    }
}

/// Nothing sets them apart.
fn alike(load: &Load, lanes: &[LaneFigures], delay: &'static str) -> String {
    // A bare row is no lane to choose, and far apart from all others.
    let whole: Vec<LaneFigures> = lanes
        .iter()
        .filter(|lane| !lane.is_bare())
        .cloned()
        .collect();
    let lanes = if whole.len() < 2 { lanes } else { &whole };
    let mut parts = Vec::new();
    let spread = pair::spread(lanes, delay);
    if let Some(spread) = spread.filter(|spread| *spread <= NOTABLE_MARGIN_US) {
        parts.push(pair::rounded_up(spread));
    }
    if let Some(apart) = pair::share_apart(lanes, BYTES) {
        let percent = (apart * 100.0).max(1.0).ceil();
        parts.push(format!("{percent:.0} % of the bytes"));
    }
    let which = spoken::each(load, lanes);
    let all = if lanes.len() == 2 { "both" } else { "all" };
    let mut found = Vec::new();
    if !parts.is_empty() {
        found.push(format!("{all} within {}", parts.join(" and ")));
    }
    if spread.is_some_and(|spread| spread > NOTABLE_MARGIN_US) {
        found.push(pair::NO_DIFFERENCE.to_owned());
    }
    let text = format!("nothing told {which} apart: {}", found.join(", and "));
    match withheld_of(lanes, delay) {
        Some((_, why)) => format!(
            "{text}; how late they were cannot be told here, {}",
            because(why)
        ),
        None => text,
    }
}

/// The gate withholds everything, or there is nothing.
fn untold(load: &Load, lanes: &[LaneFigures]) -> (String, Option<&'static str>) {
    let which = spoken::each(load, lanes);
    let why = [HALF, MEAN, BYTES]
        .into_iter()
        .find_map(|name| lanes.iter().find_map(|lane| lane.withheld(name)));
    match why {
        Some(why) => (
            format!(
                "what sets {which} apart cannot be told here, {}",
                because(why)
            ),
            None,
        ),
        None if lanes.is_empty() => ("nothing was measured".to_owned(), None),
        None => (
            format!("nothing was measured that sets {which} apart"),
            None,
        ),
    }
}

/// Lanes that the sentence could have been about but for the gate.
fn left_out(load: &Load, lanes: &[LaneFigures], pair: &Pair<'_>) -> String {
    let others = lanes
        .iter()
        .filter(|lane| ![&pair.subject.lane, &pair.reference.lane].contains(&&lane.lane))
        .filter_map(|lane| Some((lane, lane.withheld(pair.figure)?)))
        .collect::<Vec<_>>();
    let Some((first, why)) = others.first() else {
        return String::new();
    };
    let of = match others.len() {
        1 => spoken::subject(load, first),
        many => format!("{} others", numbers::count(many)),
    };
    format!("; of {of} it cannot be told here, {}", because(why))
}

fn withheld_of<'a>(lanes: &'a [LaneFigures], name: &str) -> Option<(&'a LaneFigures, &'a str)> {
    lanes
        .iter()
        .find_map(|lane| Some((lane, lane.withheld(name)?)))
}

/// A reason as the end of a sentence.
pub fn because(why: &str) -> String {
    const LONGEST: usize = 160;
    let why = why.trim().trim_end_matches('.');
    // What to do about it is told where there is room.
    let short = match why.split_once(": ") {
        Some((first, _)) if why.chars().count() > LONGEST => first,
        _ => why,
    };
    let text: String = short
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect();
    format!("because {text}")
}

/// Every lane once, by what the sentence is about: the most first, of deliveries the least.
fn order(lanes: &[LaneFigures], about: Option<&str>) -> Vec<String> {
    let mut order: Vec<(&LaneFigures, Option<f64>)> = lanes
        .iter()
        .map(|lane| {
            (
                lane,
                about
                    .and_then(|name| lane.known(name))
                    .map(|known| known.value),
            )
        })
        .collect();
    let worst_is_least = about == Some(DELIVERED);
    order.sort_by(|(_, a), (_, b)| match (a, b) {
        (Some(a), Some(b)) if worst_is_least => a.total_cmp(b),
        (Some(a), Some(b)) => b.total_cmp(a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    order
        .into_iter()
        .map(|(lane, _)| lane.lane.clone())
        .collect()
}

#[cfg(test)]
mod tests;
