//! `--fail-on "websocket.p99 > 20ms"`: what a run must not show.

use std::str::FromStr;

use super::{
    figures::{Figure, FigureKind, Unit, find},
    report::{LaneReport, Report, shown_figure},
    uncertainty::truth,
};

/// One condition under which a run has failed.
#[derive(Debug, Clone)]
pub struct Threshold {
    text: String,
    /// A row's name, or `all`.
    row: String,
    kind: &'static FigureKind,
    comparison: Comparison,
    limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Over,
    Under,
    AtLeast,
    AtMost,
    Not,
}

/// In this order, since one begins like another.
const COMPARISONS: [(&str, Comparison); 5] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("!=", Comparison::Not),
    (">", Comparison::Over),
    ("<", Comparison::Under),
];

/// What a threshold says of a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It does not hold: nothing to complain of.
    Passed,
    /// The rows and figures that failed it.
    Failed(String),
    /// It asks for a figure that cannot be stood behind, or is not there.
    Unknown(String),
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (sign, comparison) = COMPARISONS.iter().find(|(sign, _)| text.contains(sign))?;
            let (subject, limit) = text.split_once(sign)?;
            let (row, figure) = subject.trim().rsplit_once('.')?;
            let kind = find(figure).or_else(|| find(&format!("{figure}_us")))?;
            Some(Self {
                text: text.to_owned(),
                row: row.to_owned(),
                kind,
                comparison: *comparison,
                limit: limit_in(kind.unit, limit.trim())?,
            })
        };
        parse().ok_or_else(|| {
            format!(
                "{text:?} is not understood; write it like \"websocket.p99 > 20ms\", \
                 \"all.delivery_ratio < 100%\" or \"sse.bytes_per_publication > 400\""
            )
        })
    }
}

fn limit_in(unit: Unit, text: &str) -> Option<f64> {
    let number = match (unit, text.strip_suffix('%')) {
        (Unit::Share, Some(percent)) => percent.trim().parse::<f64>().ok()? / 100.0,
        (Unit::Microseconds, _) => humantime::parse_duration(text).ok()?.as_secs_f64() * 1e6,
        (_, None) => text.trim_end_matches('B').trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// What an error is made of, in brackets.
fn made_of(lane: &LaneReport, name: &str) -> String {
    let parts = lane.errors.get(name);
    parts.map_or_else(String::new, |parts| format!(" ({parts})"))
}

impl Threshold {
    /// Whether the condition holds for this report, as far as the figure's error lets it be known.
    pub fn judge(&self, report: &Report) -> Verdict {
        let rows = report
            .lanes
            .iter()
            .filter(|lane| self.row == "all" || lane.row == self.row);
        let (mut looked, mut failed, mut unknown) = (0, Vec::new(), Vec::new());
        for lane in rows {
            match lane.figure(self.kind.name) {
                Some(Figure::Invalid { invalid }) => {
                    unknown.push(format!("{}: {}: {invalid}", self.text, lane.row));
                }
                Some(figure) => {
                    looked += 1;
                    let said = shown_figure(self.kind.unit, Some(figure));
                    let said = format!("{}: {} {said}", self.text, lane.row);
                    match truth(self.kind.name, figure).and_then(|truth| self.is_met(truth)) {
                        Some(true) => failed.push(said),
                        Some(false) => {}
                        None => unknown.push(format!(
                            "{said}: its error reaches from one side of the limit to the other{}",
                            made_of(lane, self.kind.name)
                        )),
                    }
                }
                // Not every lane has every figure.
                None => {}
            }
        }
        let name = self.kind.name;
        match (failed.is_empty(), unknown.is_empty(), looked) {
            (false, ..) => Verdict::Failed(failed.join("; ")),
            (true, false, _) => Verdict::Unknown(unknown.join("; ")),
            (true, true, 0) => {
                Verdict::Unknown(format!("{}: no such row has {name} in this run", self.text))
            }
            (true, true, _) => Verdict::Passed,
        }
    }

    /// The row it asks for, unless any will do.
    pub fn row(&self) -> Option<&str> {
        (self.row != "all").then_some(self.row.as_str())
    }

    /// Whether the condition holds wherever between two values the truth lies; `None` where that
    /// depends on it.
    fn is_met(&self, (low, high): (f64, f64)) -> Option<bool> {
        if self.comparison == Comparison::Not && low < high {
            let is_within = low <= self.limit && self.limit <= high;
            return (!is_within).then_some(true);
        }
        // The others hold from some value on, or up to one.
        let at_low = self.is_met_by(low);
        (at_low == self.is_met_by(high)).then_some(at_low)
    }

    fn is_met_by(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Over => value > self.limit,
            Comparison::Under => value < self.limit,
            Comparison::AtLeast => value >= self.limit,
            Comparison::AtMost => value <= self.limit,
            Comparison::Not => value != self.limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    fn judge(text: &str) -> Verdict {
        text.parse::<Threshold>().unwrap().judge(&sample::report())
    }

    #[test]
    fn thresholds_are_in_the_units_people_write() {
        assert_eq!(judge("websocket.p50 > 20ms"), Verdict::Passed);
        assert!(
            matches!(judge("short-poll.p50_us > 20ms"), Verdict::Failed(why) if why.contains("250 ms"))
        );
        assert_eq!(judge("all.delivery_ratio < 100%"), Verdict::Passed);
        assert!(matches!(
            judge("all.bytes_per_publication >= 500 B"),
            Verdict::Failed(_)
        ));
    }

    #[test]
    fn what_is_invalid_or_unknown_is_no_pass() {
        assert!(
            matches!(judge("websocket.p99 > 20ms"), Verdict::Unknown(why) if why.contains("40 samples"))
        );
        assert!(matches!(judge("sse.p50 > 20ms"), Verdict::Unknown(_)));
        assert!(matches!(judge("websocket.age > 1s"), Verdict::Unknown(_)));
        assert!(
            matches!(judge("all.age > 1s"), Verdict::Unknown(_)),
            "where no lane has the figure nothing was looked at"
        );
    }

    #[test]
    fn one_row_that_fails_weighs_more_than_another_that_is_invalid() {
        let mut report = sample::report();
        let invalid = Figure::Invalid {
            invalid: "late".into(),
        };
        report.lanes[0].measured.insert("p50_us".into(), invalid);
        let threshold: Threshold = "all.p50 > 1us".parse().unwrap();
        assert!(
            matches!(threshold.judge(&report), Verdict::Failed(why) if why.contains("websocket"))
        );
        let threshold: Threshold = "all.p50 > 1s".parse().unwrap();
        assert!(matches!(threshold.judge(&report), Verdict::Unknown(_)));
    }

    #[test]
    fn a_limit_within_the_error_is_not_judged_and_lateness_only_adds() {
        let judge = |text: &str, figure: Figure| {
            let mut report = sample::report();
            report.lanes[1].measured.insert("p50_us".into(), figure);
            text.parse::<Threshold>().unwrap().judge(&report)
        };
        let late = |value| Figure::Valid {
            value,
            low: None,
            high: None,
            error: Some(1_800.0),
        };
        let over = "websocket.p50 > 20ms";
        assert_eq!(
            judge(over, late(19_900.0)),
            Verdict::Passed,
            "it is less, if anything"
        );
        assert!(
            matches!(judge(over, late(20_100.0)), Verdict::Unknown(why) if why.contains("20.1 ms ± 1.8"))
        );
        assert!(matches!(judge(over, late(21_900.0)), Verdict::Failed(_)));
        let under = "websocket.p50 < 20ms";
        assert!(matches!(judge(under, late(19_900.0)), Verdict::Failed(_)));
        assert!(matches!(judge(under, late(20_100.0)), Verdict::Unknown(_)));
        assert_eq!(judge(under, late(21_900.0)), Verdict::Passed);
        let below = || Figure::Below {
            below: 2_500.0,
            error: Some(1_800.0),
        };
        assert_eq!(judge(over, below()), Verdict::Passed, "at most 20 ms");
        assert!(matches!(
            judge("websocket.p50 > 1ms", below()),
            Verdict::Unknown(_)
        ));
        assert!(
            matches!(judge(under, below()), Verdict::Failed(_)),
            "it is below 20 ms"
        );
        assert!(matches!(
            judge("websocket.p50 < 1ms", below()),
            Verdict::Unknown(_)
        ));
        assert!(matches!(
            judge("websocket.p50 != 20ms", below()),
            Verdict::Failed(_)
        ));
        assert!(matches!(
            judge("websocket.p50 != 1ms", below()),
            Verdict::Unknown(_)
        ));
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for text in [
            "",
            "p99 > 20ms",
            "websocket.p99",
            "websocket.p98 > 1ms",
            "a.p50 > soon",
        ] {
            let error = text.parse::<Threshold>().unwrap_err();
            assert!(error.contains("websocket.p99 > 20ms"), "{error}");
        }
    }
}
