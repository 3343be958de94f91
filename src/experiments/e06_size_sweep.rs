//! E6, size sweep: what does a message's size change, down and up?

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, beside, ms, value,
};
use crate::run::{
    answer::{grouped, share},
    figures::Unit,
    plan::{Plan, PublishBy},
    report::{LaneReport, Report},
    upstream_bytes::size_for_message,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E6",
    title: "Size sweep",
    question: "How much of what is sent is overhead, at every size and in both directions?",
    claim: "Słodziak and Nowak: SSE is like WebSocket up to 7.5 kB; A2 \"instantly\"; B4 text and \
        binary",
    expectation: "a frame's header is 2 bytes up to a message of 125, 4 up to 65535 and 10 beyond; \
        4 more on the way up, for the mask. The overhead goes towards nothing as sizes grow, on \
        every way but one: upstream an event stream has to POST, headers and all. Binary is not run \
        here, since this lab's data is JSON: a WebSocket would carry it as it is, an event stream in \
        Base64, 4 bytes for 3.",
    claims: &["A2", "B4"],
    group: Group::Cost,
    guess: Guess::number(
        "Of the bytes of a message with 20 bytes of data on a WebSocket, this many are not data:",
        "%",
        0.01,
        found,
    ),
    meaning: "Size decides before the transport does: what is wrapped around a message of some \
        kilobytes is nothing. Small messages are where an envelope, a POST's headers or \
        Base64 are most of the bill.",
    answer,
    steps,
    compare,
    across: None,
};

/// Messages at the edges where a frame's header grows (RFC 6455 §5.2).
const EDGES: [usize; 4] = [125, 126, 65_535, 65_536];

fn steps(full: bool) -> Vec<Step> {
    // The edges of a frame's header are in both forms.
    let (down, up): (&[usize], &[usize]) = match full {
        false => (&[20, 262_144], &[]),
        true => (
            &[
                20, 60, 125, 126, 1_000, 4_000, 7_500, 16_000, 64_000, 65_536, 131_072, 262_144,
            ],
            &[60, 7_500, 262_144],
        ),
    };
    let named = |size: &usize| (format!("{size} bytes"), *size);
    let down = down.iter().map(named);
    let down = down
        .chain(edges("channels", false))
        .map(|(what, size)| Step {
            label: format!("{what} down"),
            plan: plan(full, "sse,websocket,channels", size),
        });
    let up = up
        .iter()
        .map(named)
        .chain(edges("websocket", true))
        .map(|(what, size)| Step {
            label: format!("{what} up, by the clients"),
            plan: Plan {
                publish_by: PublishBy::Clients,
                ..plan(full, "sse,websocket", size)
            },
        });
    down.chain(up).collect()
}

/// Sizes of data that make messages of the edges' sizes.
fn edges(lane: &'static str, is_up: bool) -> impl Iterator<Item = (String, usize)> {
    EDGES.into_iter().filter_map(move |message| {
        let size = size_for_message(lane, is_up, message)?;
        Some((format!("a message of {message} bytes on {lane}"), size))
    })
}

fn plan(full: bool, lanes: &str, size: usize) -> Plan {
    Plan {
        lanes: lanes.to_owned(),
        clients: if full { 10 } else { 2 },
        rate: if full { 4.0 } else { 8.0 },
        size,
        warm_up: ms(if full { 1_000 } else { 100 }),
        duration: ms(if full { 20_000 } else { 800 }),
        repeat: if full { 3 } else { 1 },
        ..Plan::default()
    }
}

fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let of = |lane: &LaneReport| match step.plan.publish_by {
        PublishBy::Run => down(step, lane),
        PublishBy::Clients => up(lane),
    };
    report.lanes.iter().flat_map(of).collect()
}

/// To the byte; positions in an event stream's `id` grow by a digit on the way.
fn down(step: &Step, lane: &LaneReport) -> Vec<Comparison> {
    let size = step.plan.size as f64;
    let tolerance = if lane.lane == "sse" { 0.5 } else { 0.0 };
    let overhead = |message: f64| 1.0 - size / message;
    let share = lane.predicted.get("message_bytes").map(|message| {
        Comparison::near(
            format!("{} overhead", lane.row),
            Unit::Share,
            overhead(message.form()),
            value(lane, "message_bytes").map(overhead),
            // As `message_bytes` itself.
            0.002,
        )
        .standing_alone()
    });
    [
        beside(lane, "framing_bytes", Unit::Bytes, tolerance),
        beside(lane, "payload_bytes", Unit::Bytes, 0.0),
        share,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn up(lane: &LaneReport) -> Vec<Comparison> {
    [
        "up_framing_bytes",
        "up_header_bytes",
        "up_bytes_per_publication",
    ]
    .into_iter()
    .filter_map(|name| beside(lane, name, Unit::Bytes, 0.0))
    .collect()
}

/// The smallest and the largest message on a WebSocket, and a POST's headers.
fn answer(done: &CarriedOut) -> Option<String> {
    let sizes = || done.steps.iter().filter(|step| is_down(step));
    let by_size = |step: &&DoneStep| step.report.plan.size;
    let (small, large) = (sizes().min_by_key(by_size)?, sizes().max_by_key(by_size)?);
    let overhead = |step| Found::compared_in(Some(step), "websocket overhead").measured;
    let up = done.steps.iter().find(|step| !is_down(step));
    let headers = up.and_then(|step| step.figure("sse", "up_header_bytes"));
    let headers = headers.map_or_else(String::new, |bytes| {
        format!(
            "; on the way up, a POST beside an event stream took {bytes:.0} bytes of headers each"
        )
    });
    Some(format!(
        "Of a message with {} bytes of data on a WebSocket {} was not data, and of one with {} bytes \
         {}{headers}",
        small.report.plan.size,
        share(overhead(small)?),
        grouped(large.report.plan.size as f64),
        share(overhead(large)?),
    ))
}

fn is_down(step: &DoneStep) -> bool {
    step.report.plan.publish_by == PublishBy::Run
}

fn found(done: &CarriedOut) -> Found {
    let small = done.step(|plan| plan.size == 20 && plan.publish_by == PublishBy::Run);
    Found::compared_in(small, "websocket overhead")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn every_edge_of_a_frame_is_met_in_both_directions() {
        for full in [false, true] {
            let labels: Vec<_> = steps(full).into_iter().map(|step| step.label).collect();
            for message in EDGES {
                let met = labels
                    .iter()
                    .filter(|label| label.contains(&format!("message of {message} ")));
                assert_eq!(met.count(), 2, "{message}: {labels:?}");
            }
        }
    }

    #[test]
    fn a_frame_of_a_byte_more_is_otherwise() {
        let mut report = sample::report();
        let step = &steps(false)[0];
        let lane = &mut report.lanes[1];
        lane.predicted.insert("framing_bytes".into(), 4.0.into());
        let compared = |report: &Report| compare(step, report, false)[0].agrees();
        let framing = |value| sample::valid(value);
        lane.measured.insert("framing_bytes".into(), framing(4.0));
        assert_eq!(compared(&report), Some(true));
        let lane = &mut report.lanes[1];
        lane.measured.insert("framing_bytes".into(), framing(5.0));
        assert_eq!(compared(&report), Some(false));
    }
}
