//! Rows of a comparison that use a lane otherwise than real applications do: beside the lane as it
//! is, never instead of it.
//!
//! *Bare* is the floor of a transport: a publication's data and nothing around it but what the
//! transport itself must add. *With positions* is Pusher Channels by this lab's extension, which
//! gives that protocol the positions that it lacks.
//!
//! A variant has its lane's port, colour and conditions, and a dash and a name of its own.

use super::{
    BrowserClient, CHANNELS, CHANNELS_POLLING, CHANNELS_STREAMING, LabPart, Lane, SSE, WEBSOCKET,
    module,
};

/// How publications are written on a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Form {
    /// As the lane's protocol has it.
    #[default]
    AsItIs,
    /// Their data alone.
    Bare,
    /// With their positions, by this lab's extension.
    WithPositions,
}

impl Form {
    /// Label of metrics; nothing where the protocol is as it is.
    pub const fn label(self) -> &'static str {
        match self {
            Self::AsItIs => "",
            Self::Bare => "bare",
            Self::WithPositions => "positions",
        }
    }
}

/// A lane in another form.
#[derive(Debug, PartialEq, Eq)]
pub struct Variant {
    /// Name of its row in plans, tables, thresholds and addresses.
    pub id: &'static str,
    /// The lane that it is a form of.
    pub lane: &'static Lane,
    /// Which form.
    pub form: Form,
    /// Its name in a sentence or a heading.
    pub label: &'static str,
    /// Its name where there is little room.
    pub short: &'static str,
    /// One sentence on what it is for.
    pub note: &'static str,
    /// What this lab adds around the data in this form.
    pub lab_part: LabPart,
    /// Lengths in px, drawn and left out in turn.
    pub dash: &'static [u8],
    /// In the form [`Self::form`].
    pub browser_client: &'static BrowserClient,
}

const BARE: LabPart = LabPart::Nothing(
    "Nothing of the lab's is around the data; what is measured by is in the data itself, as on every lane.",
);
const EXTENSION: LabPart = LabPart::Extension(
    "The lab's extension puts position and instants around the data, in a string in a string: more bytes than the other lanes' instants, and no application of Channels pays them.",
);

/// WebSocket, the data alone in each frame.
pub static WEBSOCKET_BARE: Variant = Variant {
    id: "websocket-bare",
    lane: &WEBSOCKET,
    form: Form::Bare,
    label: "WebSocket, bare",
    short: "WebSocket bare",
    note: "The data alone in each frame: what the transport itself costs, and no way to go on after a break.",
    lab_part: BARE,
    dash: &[1, 3],
    browser_client: &module("websocket-bare.js"),
};

/// Server-sent events, the data alone in each event.
pub static SSE_BARE: Variant = Variant {
    id: "sse-bare",
    lane: &SSE,
    form: Form::Bare,
    label: "Server-sent events, bare",
    short: "SSE bare",
    note: "The data alone in each event, without an id: what the transport itself costs, and no way to go on after a break.",
    lab_part: BARE,
    dash: &[4, 2, 1, 2],
    browser_client: &module("sse-bare.js"),
};

/// Channels over WebSocket with the lab's positions.
pub static CHANNELS_RESUME: Variant = Variant {
    id: "channels-resume",
    lane: &CHANNELS,
    form: Form::WithPositions,
    label: "Channels over WebSocket, with the lab's positions",
    short: "Channels ws + positions",
    note: "The same frames with a position in each, so that a client goes on where it was: this lab's extension, which Pusher does not have.",
    lab_part: EXTENSION,
    dash: &[14, 3, 3, 3],
    browser_client: &CHANNELS.browser_client,
};

/// Channels over `xhr_streaming` with the lab's positions.
pub static CHANNELS_STREAMING_RESUME: Variant = Variant {
    id: "channels-streaming-resume",
    lane: &CHANNELS_STREAMING,
    form: Form::WithPositions,
    label: "Channels over xhr_streaming, with the lab's positions",
    short: "Channels streaming + positions",
    note: "xhr_streaming with a position in each frame, by this lab's extension.",
    lab_part: EXTENSION,
    dash: &[12, 2, 2, 2, 2, 2, 2, 2],
    browser_client: &CHANNELS_STREAMING.browser_client,
};

/// Channels over `xhr_polling` with the lab's positions.
pub static CHANNELS_POLLING_RESUME: Variant = Variant {
    id: "channels-polling-resume",
    lane: &CHANNELS_POLLING,
    form: Form::WithPositions,
    label: "Channels over xhr_polling, with the lab's positions",
    short: "Channels polling + positions",
    note: "xhr_polling with a position in each frame, by this lab's extension.",
    lab_part: EXTENSION,
    dash: &[7, 2, 2, 2, 7, 2],
    browser_client: &CHANNELS_POLLING.browser_client,
};

/// Every variant, in the order in which they are shown, after the lanes.
pub static VARIANTS: &[&Variant] = &[
    &WEBSOCKET_BARE,
    &SSE_BARE,
    &CHANNELS_RESUME,
    &CHANNELS_STREAMING_RESUME,
    &CHANNELS_POLLING_RESUME,
];

/// The variant of this name.
pub fn variant(id: &str) -> Option<&'static Variant> {
    VARIANTS.iter().copied().find(|variant| variant.id == id)
}

/// How a row of a report is drawn: its name in the style sheet, and its dash pattern. A row that is
/// called otherwise than a lane or variant (`sse-no-resume`) is drawn as its `lane`; `None`: that is
/// no lane of this lab.
pub fn stroke_of(row: &str, lane: &str) -> Option<(&'static str, &'static [u8])> {
    let of_variant = |id| variant(id).map(|variant| (variant.id, variant.dash));
    let of_lane = |id| super::lane(id).map(|lane| (lane.id.0, lane.look.dash));
    of_variant(row)
        .or_else(|| of_lane(row))
        .or_else(|| of_lane(lane))
}

/// This lane in this form; `None` for the lane as it is, and for forms that it does not have.
pub fn variant_of(lane: &Lane, form: Form) -> Option<&'static Variant> {
    let mut all = VARIANTS.iter().copied();
    all.find(|variant| variant.lane.id == lane.id && variant.form == form)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::catalogue::{LANES, Resuming};

    #[test]
    fn no_row_shares_a_name_or_a_dash_with_another() {
        let lanes = LANES
            .iter()
            .map(|lane| (lane.id.0, lane.label, lane.short, lane.look.dash));
        let variants = VARIANTS
            .iter()
            .map(|of| (of.id, of.label, of.short, of.dash));
        let all: Vec<_> = lanes.chain(variants).collect();
        let differ = |count: usize| assert_eq!(count, all.len());
        differ(all.iter().map(|row| row.0).collect::<HashSet<_>>().len());
        differ(all.iter().map(|row| row.1).collect::<HashSet<_>>().len());
        differ(all.iter().map(|row| row.2).collect::<HashSet<_>>().len());
        differ(all.iter().map(|row| row.3).collect::<HashSet<_>>().len());
        assert!(VARIANTS.iter().all(|of| of.dash.len() % 2 == 0));
    }

    #[test]
    fn every_lane_that_resumes_by_the_extension_has_a_row_with_it() {
        for lane in LANES {
            let has_row = variant_of(lane, Form::WithPositions).is_some();
            assert_eq!(
                has_row,
                lane.resuming == Resuming::ByExtension,
                "{}",
                lane.id
            );
            assert_eq!(variant_of(lane, Form::AsItIs), None);
        }
    }
}
