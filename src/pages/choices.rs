//! The lanes as a person chooses among them: by protocol, each group in the order of the ports.

use crate::lab_api::{LaneView, VariantView};

/// Lanes that speak one protocol, or rows of them.
pub struct Group {
    pub name: &'static str,
    pub choices: Vec<Choice>,
}

/// One lane, or one of its variants, in its group. Its whole name is `before` and `short`; a page may hide what the group's
/// name says already from the eye, never from a screen reader.
pub struct Choice {
    pub lane: &'static str,
    pub before: &'static str,
    pub short: &'static str,
}

/// Protocol label, the group's name, and how the names of its lanes begin.
const GROUPS: &[(&str, &str, &str)] = &[
    ("plain", "Plain", ""),
    ("pusher", "Pusher Channels", "Channels over "),
    ("socketio", "Socket.IO", "Socket.IO, "),
];

/// All lanes but the main one, which serves everything and so is no choice.
pub fn groups(lanes: &[LaneView]) -> Vec<Group> {
    let of = |protocol: &str, before: &'static str| {
        lanes
            .iter()
            .filter(|lane| lane.protocol == Some(protocol))
            .map(|lane| choice(lane.lane, lane.label, before))
            .collect::<Vec<_>>()
    };
    GROUPS
        .iter()
        .map(|&(protocol, name, before)| Group {
            name,
            choices: of(protocol, before),
        })
        .filter(|group| !group.choices.is_empty())
        .collect()
}

/// Each group followed by the variants of its lanes.
pub fn with_variants(
    mut groups: Vec<Group>,
    lanes: &[LaneView],
    variants: &[VariantView],
) -> Vec<Group> {
    for &(protocol, name, before) in GROUPS {
        let is_of = |variant: &&VariantView| {
            let mut lanes = lanes.iter();
            lanes.any(|lane| lane.lane == variant.lane && lane.protocol == Some(protocol))
        };
        let more = variants.iter().filter(is_of);
        let more = more.map(|variant| choice(variant.row, variant.label, before));
        if let Some(group) = groups.iter_mut().find(|group| group.name == name) {
            group.choices.extend(more);
        }
    }
    groups
}

fn choice(lane: &'static str, label: &'static str, before: &'static str) -> Choice {
    match label.strip_prefix(before) {
        Some(short) => Choice {
            lane,
            before,
            short,
        },
        None => Choice {
            lane,
            before: "",
            short: label,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_but_main_is_in_one_group_under_its_whole_name() {
        let view = |lane, protocol: Option<&'static str>, label| LaneView {
            lane,
            transport: protocol.map(|_| "t"),
            protocol,
            label,
            url: String::new(),
            port: 1,
            facts: None,
        };
        let lanes = [
            view("main", None, "Main"),
            view("sse", Some("plain"), "Server-sent events"),
            view("c", Some("pusher"), "Channels over WebSocket"),
            view("d", Some("pusher"), "Something else"),
        ];
        let found: Vec<_> = groups(&lanes)
            .iter()
            .flat_map(|group| {
                let whole = |c: &Choice| format!("{}: {}|{}", group.name, c.before, c.short);
                group.choices.iter().map(whole).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(
            found,
            [
                "Plain: |Server-sent events",
                "Pusher Channels: Channels over |WebSocket",
                "Pusher Channels: |Something else",
            ]
        );
    }
}
