//! The lanes' looks as a style sheet: `/static/css/lanes.css`, and part of every exported report.
//!
//! For each lane and variant `--lane-NAME` (its colour), `--dash-NAME` (its line sample as a background) and a rule
//! by which `data-lane="NAME"` on any element sets `--lane` and `--lane-dash` for what is inside.

use std::{fmt::Write, sync::LazyLock};

use super::{LANES, Lane, Look, VARIANTS, Variant};

/// The sheet of all lanes.
pub fn sheet() -> &'static str {
    static SHEET: LazyLock<String> = LazyLock::new(|| written(LANES, VARIANTS));
    SHEET.as_str()
}

fn written(lanes: &[&Lane], variants: &[&Variant]) -> String {
    let mut meanings = String::new();
    let mut rules = String::new();
    let lanes = lanes
        .iter()
        .map(|lane| (lane.id.0, &lane.look, lane.look.dash));
    // The colour of its lane, with a dash of its own.
    let variants = variants.iter().map(|of| (of.id, &of.lane.look, of.dash));
    for (
        id,
        Look {
            on_light, on_dark, ..
        },
        dash,
    ) in lanes.chain(variants)
    {
        let _ = writeln!(
            meanings,
            "  --lane-{id}: light-dark({on_light}, {on_dark});"
        );
        let _ = writeln!(meanings, "  --dash-{id}: {};", line_sample(dash));
        let _ = writeln!(
            rules,
            "[data-lane=\"{id}\"] {{ --lane: var(--lane-{id}); --lane-dash: var(--dash-{id}); }}"
        );
    }
    format!(
        ":root {{\n  --dash-solid: {SOLID};\n{meanings}}}\n\
         [data-lane] {{ --lane: var(--lane-main); --lane-dash: var(--dash-solid); }}\n{rules}"
    )
}

const SOLID: &str = "linear-gradient(currentColor, currentColor)";

/// A dash pattern as a background that repeats.
fn line_sample(dash: &[u8]) -> String {
    if dash.is_empty() {
        return SOLID.to_owned();
    }
    let mut at = 0;
    let stops: Vec<String> = dash
        .iter()
        .zip(["currentColor", "transparent"].into_iter().cycle())
        .map(|(length, colour)| {
            let from = at;
            at += u32::from(*length);
            format!("{colour} {from}px {at}px")
        })
        .collect();
    format!("repeating-linear-gradient(90deg, {})", stops.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{SSE, SSE_BARE, WEBSOCKET};

    #[test]
    fn a_lane_is_its_colour_and_its_line_sample() {
        let sheet = written(&[&SSE, &WEBSOCKET], &[&SSE_BARE]);
        for part in [
            "--lane-sse: light-dark(#00785b, #35d0a5);",
            "--dash-sse: repeating-linear-gradient(90deg, currentColor 0px 9px, transparent 9px 12px, \
             currentColor 12px 14px, transparent 14px 17px);",
            "--lane-sse-bare: light-dark(#00785b, #35d0a5);",
            "--dash-websocket: linear-gradient(currentColor, currentColor);",
            "--lane-sse-bare: light-dark(#00785b, #35d0a5);",
            "[data-lane=\"sse-bare\"]",
            "[data-lane=\"sse\"] { --lane: var(--lane-sse); --lane-dash: var(--dash-sse); }",
        ] {
            assert!(sheet.contains(part), "{part} in\n{sheet}");
        }
    }
}
