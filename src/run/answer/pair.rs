//! Two lanes side by side: how many times, how much later.

use super::{
    LaneFigures, Load, NOTABLE_MARGIN_US, because, numbers,
    numbers::{decimal, span_us},
    on_average,
    reading::Known,
    spoken,
};

/// What people compare with where it is about as good as the best: its figure is at most this share
/// more, or within the errors.
pub const USUAL_REFERENCE: &str = "websocket";
const ABOUT_AS_GOOD: f64 = 0.10;
/// Where the errors of two delays overlap by much.
pub const NO_DIFFERENCE: &str = "no difference in delay can be shown";
/// Below this a ratio is none.
const SAME_RATIO: f64 = 1.02;

/// The lane with the most of a figure, and one with the least.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    pub figure: &'static str,
    pub subject: &'a LaneFigures,
    pub reference: &'a LaneFigures,
}

impl<'a> Pair<'a> {
    /// `None` where fewer than two lanes have it.
    pub fn of(lanes: &'a [LaneFigures], figure: &'static str) -> Option<Self> {
        let known = || {
            lanes
                .iter()
                .filter_map(|lane| Some((lane, lane.known(figure)?)))
        };
        let (subject, _) = known().reduce(|a, b| if b.1.value > a.1.value { b } else { a })?;
        // A bare row is what a transport costs at least, and nothing that anybody could use: it is
        // compared with only where there is no other.
        let is_only_floor = known().all(|(lane, _)| lane.lane == subject.lane || lane.is_bare());
        let others = || {
            known()
                .filter(|(lane, _)| lane.lane != subject.lane && (is_only_floor || !lane.is_bare()))
        };
        let (best, least) = others().reduce(|a, b| if b.1.value < a.1.value { b } else { a })?;
        let usual = others().find(|(lane, _)| lane.lane == USUAL_REFERENCE);
        let is_good =
            |of: &Known| of.value <= least.value * (1.0 + ABOUT_AS_GOOD) || of.low <= least.high;
        let reference = match usual {
            Some((lane, of)) if is_good(&of) => lane,
            _ => best,
        };
        Some(Self {
            figure,
            subject,
            reference,
        })
    }

    /// Both in words, with the settings that decide.
    pub fn names(&self, load: &Load) -> (String, String) {
        let (subject, reference) = (
            spoken::subject(load, self.subject),
            spoken::subject(load, self.reference),
        );
        (subject, reference)
    }

    fn both(&self) -> Option<(Known, Known)> {
        Some((
            self.subject.known(self.figure)?,
            self.reference.known(self.figure)?,
        ))
    }

    /// Of the best guesses.
    pub fn ratio(&self) -> f64 {
        self.both()
            .map_or(1.0, |(a, b)| a.value / b.value.max(f64::MIN_POSITIVE))
    }

    /// At least so many times, whatever the errors.
    pub fn least_ratio(&self) -> f64 {
        self.both()
            .map_or(1.0, |(a, b)| a.low / b.high.max(f64::MIN_POSITIVE))
    }

    /// At least so much more, whatever the errors; not below zero.
    pub fn least_margin(&self) -> f64 {
        self.both().map_or(0.0, |(a, b)| (a.low - b.high).max(0.0))
    }

    /// `243 ms`, `at least 247 ms`, `between 200 and 280 ms`.
    pub fn later(&self) -> String {
        let Some((a, b)) = self.both() else {
            return String::new();
        };
        match b.is_bound || a.is_bound {
            true => at_least(self.least_margin()),
            false => {
                let margin = Known {
                    value: a.value - b.value,
                    low: self.least_margin(),
                    high: a.high - b.low,
                    error: 0.0,
                    is_bound: false,
                };
                margin.spoken_us()
            }
        }
    }
}

/// A bound from below is rounded down.
fn at_least(us: f64) -> String {
    let ms = us / 1e3;
    let floored = if ms >= 10.0 {
        ms.floor()
    } else {
        (ms * 10.0).floor() / 10.0
    };
    format!("at least {}", span_us(floored * 1e3, 0.0))
}

/// `45 times the bytes of a WebSocket`, `30 % more bytes than a WebSocket`.
pub fn bytes_clause(pair: &Pair<'_>, reference: &str) -> String {
    let Some((a, b)) = pair.both() else {
        return String::new();
    };
    let bound = if a.is_bound || b.is_bound {
        "at least "
    } else {
        ""
    };
    let ratio = if bound.is_empty() {
        pair.ratio()
    } else {
        pair.least_ratio()
    };
    match times(ratio, &a, &b) {
        Some(times) => format!("{bound}{times} the bytes of {reference}"),
        None => format!(
            "{bound}{:.0} % more bytes than {reference}",
            percent(ratio - 1.0)
        ),
    }
}

/// `45 times`, `twice`; `None` where it is less than that.
fn times(ratio: f64, a: &Known, b: &Known) -> Option<String> {
    if ratio < 1.95 {
        return None;
    }
    let off = ratio * (a.off() / a.value + b.off() / b.value);
    let rounded = decimal(numbers::within(ratio, off), 2);
    Some(match rounded.as_str() {
        "2" => "twice".to_owned(),
        _ => format!("{rounded} times"),
    })
}

fn percent(share: f64) -> f64 {
    (share * 100.0).round().max(1.0)
}

/// What a lane that is later used, after a comma.
pub fn and_bytes(pair: &Pair<'_>) -> String {
    let Some((a, b)) = pair.both() else {
        return match pair
            .subject
            .withheld(pair.figure)
            .or(pair.reference.withheld(pair.figure))
        {
            Some(why) => format!(
                "; what it used in bytes cannot be told here, {}",
                because(why)
            ),
            None => String::new(),
        };
    };
    let ratio = a.value / b.value.max(f64::MIN_POSITIVE);
    if a.is_bound || b.is_bound {
        return String::new();
    }
    match (times(ratio, &a, &b), ratio) {
        (Some(times), _) => format!(", and used {times} the bytes"),
        (None, more) if more >= SAME_RATIO => {
            format!(", and used {:.0} % more bytes", percent(more - 1.0))
        }
        (None, less) if less <= 1.0 / SAME_RATIO => {
            format!(", and used {:.0} % fewer bytes", percent(1.0 - less))
        }
        _ => ", for as many bytes".to_owned(),
    }
}

/// How much later or earlier, after a comma; nothing where it was not measured.
pub fn delay_clause(pair: &Pair<'_>) -> String {
    let withheld = pair
        .subject
        .withheld(pair.figure)
        .or(pair.reference.withheld(pair.figure));
    let Some((a, b)) = pair.both() else {
        return match withheld {
            Some(why) => format!(
                "; how much later it was cannot be told here, {}",
                because(why)
            ),
            None => String::new(),
        };
    };
    let average = on_average(pair.figure);
    let swapped = Pair {
        subject: pair.reference,
        reference: pair.subject,
        ..*pair
    };
    if pair.least_margin() > 0.0 {
        format!(", and was {} later{average}", pair.later())
    } else if swapped.least_margin() > 0.0 {
        format!(", and was {} earlier{average}", swapped.later())
    } else {
        let apart = f64::max(a.high - b.low, b.high - a.low);
        match apart <= NOTABLE_MARGIN_US {
            true => format!(", and was as quick to within {}", rounded_up(apart)),
            false => format!(", and {NO_DIFFERENCE}"),
        }
    }
}

/// How far apart the delays of all lanes are at most, µs.
pub fn spread(lanes: &[LaneFigures], figure: &str) -> Option<f64> {
    let known: Vec<Known> = lanes.iter().filter_map(|lane| lane.known(figure)).collect();
    if known.len() < 2 {
        return None;
    }
    let most = known.iter().map(|one| one.high).fold(0.0, f64::max);
    let least = known
        .iter()
        .map(|one| one.low)
        .fold(f64::INFINITY, f64::min);
    Some(most - least)
}

/// How much more the lane with the most has than the one with the least, as a share of that.
pub fn share_apart(lanes: &[LaneFigures], figure: &str) -> Option<f64> {
    let known: Vec<f64> = lanes
        .iter()
        .filter_map(|lane| Some(lane.known(figure)?.value))
        .collect();
    if known.len() < 2 {
        return None;
    }
    let most = known.iter().copied().fold(0.0, f64::max);
    let least = known.iter().copied().fold(f64::INFINITY, f64::min);
    Some(most / least.max(f64::MIN_POSITIVE) - 1.0)
}

/// To whole milliseconds: what things are within is not to be less than it is.
pub fn rounded_up(us: f64) -> String {
    span_us((us / 1e3).ceil().max(1.0) * 1e3, 0.0)
}
