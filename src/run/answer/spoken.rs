//! Load, settings and lanes in words.

use super::{EMPTY, LaneFigures, Load, numbers};
use crate::{
    catalogue::{Fetching, lane},
    run::lanes::Compressed,
};

/// Data of this size is the lab's usual, and not said.
const USUAL_BYTES: f64 = 60.0;
/// Longest text of somebody else's in a sentence, in characters.
const TEXT_MAX: usize = 160;

/// `At four events a second to 25 clients, under train tunnel`.
pub fn load(load: &Load) -> String {
    let size = match load.size_bytes {
        Some(bytes) if bytes != USUAL_BYTES && bytes > 0.0 => format!(" of {}", size(bytes)),
        _ => String::new(),
    };
    let clients = match load.clients {
        Some(clients) if clients > 1 => {
            format!(" to {} clients", numbers::grouped(clients as f64))
        }
        _ => String::new(),
    };
    let mut text = format!("At {}{clients}", rate_of(load.rate_per_s, &size));
    for circumstance in &load.circumstances {
        text.push_str(", ");
        text.push_str(circumstance);
    }
    if !load.conditions.trim().is_empty() {
        text.push_str(", under ");
        text.push_str(&clipped(&load.conditions));
    }
    text
}

/// `one event in five seconds`, `four events a second`.
pub fn rate(per_s: f64) -> String {
    rate_of(per_s, "")
}

fn rate_of(per_s: f64, size: &str) -> String {
    if per_s <= 0.0 || !per_s.is_finite() {
        return format!("no event{size}");
    }
    if (per_s - 1.0).abs() < 0.005 {
        return format!("one event{size} a second");
    }
    if per_s > 1.0 {
        return format!("{} events{size} a second", numbers::quantity(per_s));
    }
    let seconds = 1.0 / per_s;
    let minutes = seconds / 60.0;
    match minutes {
        _ if (minutes - 1.0).abs() < 0.005 => format!("one event{size} a minute"),
        _ if minutes > 1.95 => format!("one event{size} in {} minutes", numbers::quantity(minutes)),
        _ => format!("one event{size} in {} seconds", numbers::quantity(seconds)),
    }
}

/// `566 bytes`, `256 KiB`.
fn size(bytes: f64) -> String {
    match bytes >= 4_096.0 && bytes % 1_024.0 == 0.0 {
        true => format!("{} KiB", numbers::grouped(bytes / 1_024.0)),
        false => format!("{} bytes", numbers::grouped(bytes)),
    }
}

/// A lane with the setting that decides about it.
pub fn subject(load: &Load, of: &LaneFigures) -> String {
    let name = name(of);
    let known = lane(id(&of.lane).0);
    let setting = match known.map(|lane| lane.fetching) {
        Some(Fetching::ShortPolls) => load.poll_interval_ms.map(|ms| {
            let what = if load.of_latest {
                " for the latest state"
            } else {
                ""
            };
            format!(" every {}{what}", numbers::span_ms(ms))
        }),
        Some(Fetching::HeldPolls) if of.known(EMPTY).is_some_and(|empty| empty.value > 0.01) => {
            load.hold_ms
                .map(|ms| format!(" held for {}", numbers::span_ms(ms)))
        }
        _ => None,
    };
    name + &setting.unwrap_or_default()
}

/// A lane alone.
pub fn name(of: &LaneFigures) -> String {
    let (id, suffix) = id(&of.lane);
    match lane(id) {
        Some(lane) => format!("{}{suffix}", lane.spoken),
        None if of.label.trim().is_empty() => clipped(&of.lane),
        None => clipped(&of.label),
    }
}

/// A row's lane, and in words what else it is.
fn id(row: &str) -> (&str, String) {
    let (row, compressed) = Compressed::divided(row);
    let how = match compressed {
        None => String::new(),
        Some(Compressed::Coded(coding)) => format!(" by {}", coding.name()),
        Some(Compressed::Deflated) => " with each message deflated".to_owned(),
        Some(Compressed::DeflatedInContext) => " deflated in context".to_owned(),
    };
    if lane(row).is_some() {
        return (row, how);
    }
    match (row.strip_suffix("-no-resume"), row.strip_suffix("-resume")) {
        (Some(lane), _) => (lane, format!("{how} without resume")),
        (None, Some(lane)) => (lane, format!("{how} with the lab's resume")),
        (None, None) => (row, how),
    }
}

/// All of them: by name where they are few.
pub fn each(load: &Load, lanes: &[LaneFigures]) -> String {
    let names: Vec<String> = lanes.iter().map(|lane| subject(load, lane)).collect();
    match names.as_slice() {
        [] => "the lanes".to_owned(),
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        many => format!("the {} lanes", numbers::count(many.len())),
    }
}

/// Text that came from outside, on one line and not long.
fn clipped(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let clean: String = clean.collect();
    let clean = clean.trim();
    match clean.chars().count() > TEXT_MAX {
        true => clean.chars().take(TEXT_MAX).chain(['…']).collect(),
        false => clean.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_said_as_people_say_them() {
        for (per_s, said) in [
            (0.2, "one event in five seconds"),
            (0.4, "one event in 2.5 seconds"),
            (1.0, "one event a second"),
            (4.0, "four events a second"),
            (2.3, "2.3 events a second"),
            (2_000.0, "2,000 events a second"),
            (1.0 / 60.0, "one event a minute"),
            (1.0 / 43.0, "one event in 43 seconds"),
            (1.0 / 600.0, "one event in ten minutes"),
            (0.0, "no event"),
            (f64::NAN, "no event"),
        ] {
            assert_eq!(rate(per_s), said);
        }
    }

    #[test]
    fn a_row_is_said_with_all_that_its_name_says() {
        let said = |lane: &str| {
            name(&LaneFigures {
                lane: lane.to_owned(),
                label: String::new(),
                figures: Default::default(),
            })
        };
        for (lane, words) in [
            ("websocket", "a WebSocket"),
            ("websocket-no-resume", "a WebSocket without resume"),
            ("sse-gzip", "an event stream by gzip"),
            (
                "websocket-deflate",
                "a WebSocket with each message deflated",
            ),
            (
                "websocket-no-resume-deflate-context",
                "a WebSocket deflated in context without resume",
            ),
            ("somebody-elses", "somebody-elses"),
        ] {
            assert_eq!(said(lane), words);
        }
    }

    #[test]
    fn a_load_names_what_is_unusual_and_no_more() {
        let mut all = Load {
            rate_per_s: 4.0,
            size_bytes: Some(60.0),
            clients: Some(1),
            ..Load::default()
        };
        assert_eq!(load(&all), "At four events a second");
        all.size_bytes = Some(262_144.0);
        all.clients = Some(5_000);
        all.conditions = "train\ntunnel".to_owned();
        all.circumstances = vec!["with a round trip of 200 ms".to_owned()];
        assert_eq!(
            load(&all),
            "At four events of 256 KiB a second to 5,000 clients, with a round trip of 200 ms, \
             under train tunnel"
        );
        all.conditions = "x".repeat(1_000);
        assert!(load(&all).chars().count() < 300);
    }
}
