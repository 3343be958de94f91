//! What a comparison is about, for people: whose figure, and the figure's name in words. A
//! comparison's own name is for files and terminals: `sse-no-resume delivery_ratio`.

use crate::{
    experiments::DoneStep,
    run::{figures, report::LaneReport},
};

/// Shorter than what the catalogue of figures says of each, and without "of these".
const NAMES: [(&str, &str); 38] = [
    ("mean_us", "time to arrive, on average"),
    ("p50_us", "time to arrive, half of them within"),
    ("p90_us", "time to arrive, 90 % of them within"),
    ("p95_us", "time to arrive, 95 % of them within"),
    ("p99_us", "time to arrive, 99 % of them within"),
    ("max_us", "time to arrive, the longest"),
    ("jitter_us", "difference between one delay and the next"),
    ("age_us", "age of what is shown, on average"),
    (
        "peak_age_us",
        "age of what is shown, just before something newer",
    ),
    ("delivery_ratio", "delivered"),
    ("slow_delivery_ratio", "delivered to those that read slowly"),
    ("duplicates", "delivered twice"),
    ("order_violations", "delivered out of order"),
    ("echo_ratio", "came back to who sent it"),
    ("drops", "given up by the server"),
    ("bytes_per_publication", "bytes for each publication"),
    ("header_bytes", "HTTP headers for each publication"),
    ("framing_bytes", "framing for each publication"),
    ("envelope_bytes", "envelope for each publication"),
    ("payload_bytes", "the publication's own data"),
    ("message_bytes", "one message, without HTTP headers"),
    (
        "unexplained_bytes",
        "bytes that the arithmetic does not account for",
    ),
    (
        "writes_per_publication",
        "writes to sockets for each delivery",
    ),
    ("requests_per_publication", "requests for each publication"),
    ("requests_per_s", "requests a second, of all clients"),
    ("bytes_per_s", "bytes a second, for each client"),
    ("needless_ratio", "answers that brought nothing new"),
    ("empty_ratio", "empty answers"),
    ("bytes_per_request", "bytes for each request"),
    ("header_bytes_per_request", "HTTP headers for each request"),
    ("up_bytes_per_publication", "bytes up for each message sent"),
    ("up_header_bytes", "HTTP headers up for each message sent"),
    ("up_framing_bytes", "framing up for each message sent"),
    ("failures", "connections that failed or were refused"),
    ("tries", "tries to connect after the outage"),
    ("tries_peak", "most tries within 100 ms"),
    ("returned_ratio", "clients that came back"),
    ("back_95_us", "until 95 % of the clients were back"),
];

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
    let short = NAMES.iter().find(|(name, _)| *name == kind.name);
    let words = short.map_or(kind.meaning, |(_, words)| words);
    (words.to_owned(), Some(kind.name))
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

    #[test]
    fn every_name_stands_for_a_figure() {
        for (name, _) in NAMES {
            assert!(figures::find(name).is_some(), "{name}");
        }
    }
}
