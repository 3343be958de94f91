//! What a comparison is about, for people: whose figure, and the figure's name in words. A
//! comparison's own name is for files and terminals: `sse-no-resume delivery_ratio`.

use super::DoneStep;
use crate::run::{figures, report::LaneReport};

/// A comparison's name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The lane, where it is about one: its name for addresses, and its label.
    pub lane: Option<(String, String)>,
    pub figure: String,
    /// The figure's own term, where the words stand for one.
    pub term: Option<&'static str>,
}

/// `step` is the one that was compared, for the labels of its rows.
pub fn named(what: &str, step: Option<&DoneStep>) -> Named {
    let lanes = step.map_or(&[][..], |step| &step.report.lanes);
    let row = row_of(what, lanes);
    let rest = row.map_or(what, |row| what[row.row.len()..].trim_start());
    let (figure, term) = in_words(rest);
    Named {
        lane: row.map(|row| (row.lane.clone(), row.label.clone())),
        figure,
        term,
    }
}

/// The row that a name begins with.
pub fn row_of<'a>(what: &str, lanes: &'a [LaneReport]) -> Option<&'a LaneReport> {
    let begins = |lane: &&LaneReport| {
        let rest = what.strip_prefix(lane.row.as_str());
        rest.is_some_and(|rest| rest.starts_with(' '))
    };
    lanes.iter().find(begins)
}

/// A figure in words; what is none of the catalogue is in words already.
fn in_words(figure: &str) -> (String, Option<&'static str>) {
    let Some(kind) = figures::find(figure) else {
        return (figure.to_owned(), None);
    };
    (kind.label().to_owned(), Some(kind.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::sample::carried_out;

    #[test]
    fn a_name_is_taken_apart_into_a_lane_and_words() {
        let done = carried_out(Vec::new());
        let step = done.steps.first();
        let short_poll = named("short-poll p50_us", step);
        assert_eq!(short_poll.lane.unwrap().0, "short-poll");
        assert_eq!(short_poll.figure, "time to arrive, half of them within");
        assert_eq!(short_poll.term, Some("p50_us"));
        let other = named("polls over sockets", step);
        assert_eq!(
            (other.lane, other.figure.as_str()),
            (None, "polls over sockets")
        );
    }
}
