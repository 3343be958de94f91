//! Figures and conditions in words, with their units: `group1.delay_ms.median` is "delay of the phones of group 1,
//! the middle of them" in ms. For paper and for screens; what is counted is [`super::figure`]'s.

use super::figure::{Compare, Expression, Node, shown};
use crate::catalogue::{self, VARIANTS};

/// What a figure is, how much, and in what.
#[derive(Debug, Clone, PartialEq)]
pub struct InWords {
    /// What it is, in one line.
    pub what: String,
    /// How much.
    pub value: f64,
    /// Empty for a count.
    pub unit: &'static str,
}

/// One of the conditions that are joined by `and`, with how far it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What it is, in one line.
    pub what: String,
    /// Empty for a count.
    pub unit: &'static str,
    /// `None`: nothing was counted yet.
    pub have: Option<f64>,
    /// `at least` and the like.
    pub how: &'static str,
    /// How much it must be.
    pub want: f64,
    /// Whether it is.
    pub holds: bool,
    /// Of a counter for each phone: lane and counter.
    pub each_phone: Option<(String, String)>,
}

/// Of one count beside another. What is less than once is shown as a share: nobody sees 0.44 times.
const TIMES: &str = "times";

/// How a group of phones is called; from 1.
pub type GroupName<'a> = &'a dyn Fn(usize) -> String;

impl Expression {
    /// `value` is what it was evaluated to.
    pub fn in_words(&self, value: f64, group: GroupName<'_>) -> InWords {
        let (node, value) = match &self.node {
            // Written so for another unit: the figure itself is what is understood.
            Node::Ratio(one, other) => match **other {
                Node::Number(scale) if scale != 0.0 => (&**one, value * scale),
                _ => (&self.node, value),
            },
            node => (node, value),
        };
        let (what, unit) = told(node, group);
        let is_share = matches!(node, Node::Name(name) if name.ends_with("empty_ratio"));
        let (value, unit) = match is_share || unit == TIMES && value.abs() < 1.0 {
            true => (value * 100.0, "%"),
            false => (value, unit),
        };
        InWords { what, value, unit }
    }

    /// Each of its conditions; none of what is no condition.
    pub fn progress(&self, lookup: &dyn Fn(&str) -> Option<f64>) -> Vec<Progress> {
        let one = |node: &Node| match node {
            Node::Compared(left, compare, right) => {
                let want = right.evaluate(lookup)?;
                let (what, unit) = told(left, &|number| format!("group {number}"));
                let (scale, unit) = match unit == TIMES && want <= 1.0 {
                    true => (100.0, "%"),
                    false => (1.0, unit),
                };
                let each_phone = match &**left {
                    Node::Name(name) => of_each_phone(name),
                    _ => None,
                };
                Some(Progress {
                    what,
                    unit,
                    have: left.evaluate(lookup).map(|have| have * scale),
                    how: how(*compare),
                    want: want * scale,
                    holds: node.evaluate(lookup) == Some(1.0),
                    each_phone,
                })
            }
            _ => None,
        };
        match &self.node {
            Node::All(all) => all.iter().filter_map(one).collect(),
            node => one(node).into_iter().collect(),
        }
    }
}

impl Progress {
    /// "questions on Short polling for each phone: 23 of 40"; of a share, which is not "80 of 95 %",
    /// "…: 80 % so far, and at least 95 % is needed".
    pub fn as_text(&self) -> String {
        let with_unit = |value: f64| format!("{} {}", shown(value), self.unit).trim().to_owned();
        let want = with_unit(self.want);
        let what = &self.what;
        match (self.have, self.how) {
            (_, "at least") if self.unit != "%" => {
                let have = self.have.map_or_else(|| "none yet".to_owned(), shown);
                format!("{what}: {have} of {want}")
            }
            (Some(have), _) if self.holds => {
                format!("{what}: {}, as it has to be", with_unit(have))
            }
            (Some(have), how) => {
                let have = with_unit(have);
                format!("{what}: {have} so far, and {how} {want} is needed")
            }
            (None, how) => format!("{what}: none yet, and {how} {want} is needed"),
        }
    }
}

/// A unit, in each second.
fn per_second(unit: &str) -> &'static str {
    match unit {
        "bytes" => "bytes a second",
        "ms" => "ms a second",
        _ => "a second",
    }
}

fn how(compare: Compare) -> &'static str {
    match compare {
        Compare::AtLeast => "at least",
        Compare::AtMost => "at most",
        Compare::Above => "more than",
        Compare::Below => "less than",
        Compare::Equal => "exactly",
    }
}

/// Lane and counter of `short-poll.requests.per_phone`.
fn of_each_phone(name: &str) -> Option<(String, String)> {
    let (lane, counter) = name.strip_suffix(".per_phone")?.split_once('.')?;
    Some((lane.to_owned(), counter.to_owned()))
}

fn told(node: &Node, group: GroupName<'_>) -> (String, &'static str) {
    match node {
        Node::Number(number) => (shown(*number), ""),
        Node::Name(name) => of_name(name, group),
        Node::Ratio(one, other) => {
            if let (Node::Name(of), Node::Name(all)) = (&**one, &**other)
                && all == "publications"
                && let Some(lane) = of.strip_suffix(".delivered.per_phone")
            {
                let lane = label(lane);
                return (
                    format!("messages received by the phones on {lane}, of all"),
                    TIMES,
                );
            }
            let is_rate = matches!(&**other, Node::Name(name) if name == "seconds");
            let ((one, of), (other, to)) = (told(one, group), told(other, group));
            match (of, to) {
                (of, _) if is_rate => (format!("{one}, in each second"), per_second(of)),
                (of, to) if of == to => (format!("{one}, compared with {other}"), TIMES),
                (of, "") => (format!("{one}, divided by {other}"), of),
                _ => (format!("{one}, divided by {other}"), ""),
            }
        }
        Node::Difference(one, other) => {
            let ((one, unit), (other, _)) = (told(one, group), told(other, group));
            (format!("{one}, less {other}"), unit)
        }
        Node::Percent(one) => match &**one {
            Node::Name(name) if name.ends_with("empty_ratio") => (of_name(name, group).0, "%"),
            one => (told(one, group).0, "%"),
        },
        Node::Compared(..) | Node::All(_) => ("what is waited for".to_owned(), ""),
    }
}

fn of_name(name: &str, group: GroupName<'_>) -> (String, &'static str) {
    match name {
        "publications" => return ("messages published".to_owned(), ""),
        "phones" => return ("phones".to_owned(), ""),
        "answered" => return ("phones that answered".to_owned(), ""),
        "seconds" => return ("time that was counted".to_owned(), "s"),
        _ => {}
    }
    let Some((of, rest)) = name.split_once('.') else {
        return (name.to_owned(), "");
    };
    if let Some(number) = of.strip_prefix("group").and_then(|it| it.parse().ok()) {
        let group = group(number);
        return match rest {
            "delay_ms.mean" => (format!("delay of the phones of {group}, on average"), "ms"),
            "delay_ms.median" => (
                format!("delay of the phones of {group}, the middle of them"),
                "ms",
            ),
            _ => (format!("phones of {group} that measured a delay"), ""),
        };
    }
    let lane = label(of);
    let (base, per) = match rest.rsplit_once('.') {
        Some((base, "per_phone")) => (base, " for each phone"),
        Some((base, "per_s")) => (base, " in each second"),
        _ => (rest, ""),
    };
    if let Some((stage, quantile)) = base.split_once('.')
        && let Some(until) = until(stage)
    {
        let which = match quantile {
            "mean" => "on average",
            "p50" => "half of them within",
            "p90" => "90 of 100 within",
            "p99" => "99 of 100 within",
            _ => "the longest",
        };
        return (format!("delay on {lane} until {until}, {which}"), "ms");
    }
    let (what, unit) = counter(base);
    (format!("{what} on {lane}{per}"), unit)
}

fn until(stage: &str) -> Option<&'static str> {
    Some(match stage {
        "written" => "it is sent",
        "received" => "it arrives",
        "painted" => "it is on the screen",
        _ => return None,
    })
}

fn counter(name: &str) -> (&'static str, &'static str) {
    match name {
        "requests" => ("questions", ""),
        "empty_answers" => ("answers with nothing new", ""),
        "empty_ratio" => ("share of answers with nothing new", ""),
        "delivered" => ("messages received", ""),
        "received" => ("messages sent by clients", ""),
        "connections_opened" => ("connections made", ""),
        "connections_open" => ("connections open at the end", ""),
        "drops" => ("messages given up", ""),
        "writes" => ("writes", ""),
        "segments" => ("TCP segments", ""),
        "phones" => ("phones", ""),
        "wire_bytes" => ("bytes with TCP/IP headers", "bytes"),
        "bytes" => ("bytes sent and received", "bytes"),
        "up.total" => ("bytes sent by clients", "bytes"),
        "up.http_headers" => ("bytes of HTTP headers sent by clients", "bytes"),
        "up.framing" => ("bytes of framing sent by clients", "bytes"),
        "up.envelope" => ("bytes of the envelope sent by clients", "bytes"),
        "up.payload" => ("bytes of payload sent by clients", "bytes"),
        "down.total" => ("bytes sent to clients", "bytes"),
        "down.http_headers" => ("bytes of HTTP headers sent to clients", "bytes"),
        "down.framing" => ("bytes of framing sent to clients", "bytes"),
        "down.envelope" => ("bytes of the envelope sent to clients", "bytes"),
        "down.payload" => ("bytes of payload sent to clients", "bytes"),
        _ => ("counted", ""),
    }
}

/// Of a lane, or of one of its forms.
pub fn label(row: &str) -> String {
    let variant = VARIANTS.iter().find(|variant| variant.id == row);
    match (catalogue::lane(row), variant) {
        (Some(lane), _) => lane.label.to_owned(),
        (None, Some(variant)) => variant.label.to_owned(),
        (None, None) => row.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::{figure, own::LESSONS, step::Kind};

    fn words(text: &str, value: f64) -> InWords {
        let group = |number| format!("group {number} (Short polling every 250 ms)");
        Expression::parse(text).unwrap().in_words(value, &group)
    }

    #[test]
    fn figures_have_words_and_units() {
        for (text, value, what, shown, unit) in [
            (
                "group1.delay_ms.median",
                127.0,
                "delay of the phones of group 1 (Short polling every 250 ms), the middle of them",
                127.0,
                "ms",
            ),
            (
                "ratio(group1.delay_ms.median, 0.001)",
                127_000.0,
                "delay of the phones of group 1 (Short polling every 250 ms), the middle of them",
                127.0,
                "ms",
            ),
            ("publications", 8.0, "messages published", 8.0, ""),
            (
                "short-poll.requests.per_phone",
                60.0,
                "questions on Short polling for each phone",
                60.0,
                "",
            ),
            (
                "ratio(long-poll.requests.per_phone, publications)",
                0.438,
                "questions on Long polling for each phone, compared with messages published",
                43.8,
                "%",
            ),
            (
                "ratio(short-poll.requests, websocket.requests)",
                4.0,
                "questions on Short polling, compared with questions on WebSocket",
                4.0,
                "times",
            ),
            (
                "ratio(websocket.bytes.per_phone, seconds)",
                68_580.0,
                "bytes sent and received on WebSocket for each phone, in each second",
                68_580.0,
                "bytes a second",
            ),
            (
                "ratio(websocket.delivered.per_phone, seconds)",
                97.0,
                "messages received on WebSocket for each phone, in each second",
                97.0,
                "a second",
            ),
            (
                "short-poll.empty_ratio",
                0.908,
                "share of answers with nothing new on Short polling",
                90.8,
                "%",
            ),
            (
                "percent(short-poll.empty_ratio)",
                90.0,
                "share of answers with nothing new on Short polling",
                90.0,
                "%",
            ),
            (
                "difference(long-poll.received.mean, websocket.received.mean)",
                81.0,
                "delay on Long polling until it arrives, on average, less delay on WebSocket until it arrives, on average",
                81.0,
                "ms",
            ),
        ] {
            let told = words(text, value);
            assert_eq!((told.what.as_str(), told.unit), (what, unit), "{text}");
            assert!((told.value - shown).abs() < 1e-9, "{text}: {told:?}");
        }
    }

    #[test]
    fn no_figure_of_the_lab_s_lessons_is_shown_by_its_internal_name() {
        for lesson in LESSONS.iter() {
            let figures = lesson.reveal().into_iter().flat_map(|it| &it.figures);
            let about = lesson.guess().into_iter().flat_map(|it| &it.about);
            for each in figures.chain(about) {
                let told = each.in_words(1.0, &|number| format!("group {number}"));
                let names = each.names();
                let is_internal = |name: &String| name.contains('.') && told.what.contains(name);
                assert!(!names.iter().any(is_internal), "{}", told.what);
            }
        }
        let counters = figure::COUNTERS.iter().chain(&figure::SHARES);
        for name in counters {
            assert_ne!(counter(name).0, "counted", "{name}");
        }
    }

    #[test]
    fn a_condition_says_how_far_it_is() {
        let until = "short-poll.requests.per_phone >= 40 and publications >= 3";
        let until = Expression::parse(until).unwrap();
        let lookup = |name: &str| match name {
            "short-poll.requests" => Some(690.0),
            "short-poll.phones" => Some(30.0),
            "publications" => Some(3.0),
            _ => None,
        };
        let [asked, published] = &until.progress(&lookup)[..] else {
            panic!("two conditions");
        };
        assert_eq!(
            asked.as_text(),
            "questions on Short polling for each phone: 23 of 40"
        );
        assert_eq!((asked.holds, published.holds), (false, true));
        let each = ("short-poll".to_owned(), "requests".to_owned());
        assert_eq!(asked.each_phone, Some(each));
        let nothing = until.progress(&|_| None);
        assert!(nothing[0].as_text().ends_with(": none yet of 40"));
        let share =
            Expression::parse("ratio(sse.delivered.per_phone, publications) >= 0.95").unwrap();
        let text = |delivered: Option<f64>| {
            let lookup = |name: &str| match name {
                "sse.delivered" => delivered,
                "sse.phones" => Some(2.0),
                "publications" => Some(30.0),
                _ => None,
            };
            share.progress(&lookup)[0].as_text()
        };
        let what = "messages received by the phones on Server-sent events, of all";
        for (delivered, said) in [
            (None, "none yet, and at least 95 % is needed"),
            (Some(48.0), "80 % so far, and at least 95 % is needed"),
            (Some(60.0), "100 %, as it has to be"),
        ] {
            assert_eq!(text(delivered), format!("{what}: {said}"));
        }
        for lesson in LESSONS.iter() {
            for step in &lesson.steps {
                if let Kind::Wait(wait) = &step.kind {
                    assert!(!wait.until.progress(&|_| None).is_empty());
                }
            }
        }
    }
}
