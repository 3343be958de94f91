//! What a run's report opens with: its figures in one sentence, see [`crate::run::answer`].

use super::Report;
use crate::run::{
    answer::{LaneFigures, Load, answer, changes, span_ms},
    plan::{Plan, PollFor},
};

/// The sentence; made from the figures as they stand, whatever a file says of itself.
pub fn sentence(report: &Report) -> String {
    answer(&load(&report.plan), &lanes(report)).sentence
}

/// What changed from one run to the other; `settings` are those that differ.
pub fn change(
    (name, a): (&str, &Report),
    (other, b): (&str, &Report),
    settings: &[(String, String, String)],
) -> String {
    let (of_a, of_b) = (lanes(a), lanes(b));
    let (load_a, load_b) = (load(&a.plan), load(&b.plan));
    let side = |name, load, lanes| changes::Side { name, load, lanes };
    changes::sentence(
        &side(name, &load_a, &of_a),
        &side(other, &load_b, &of_b),
        settings,
    )
}

/// What of a plan decides.
pub fn load(plan: &Plan) -> Load {
    Load {
        rate_per_s: plan.rate,
        size_bytes: Some(plan.size as f64),
        clients: Some(plan.clients as u64),
        poll_interval_ms: Some(plan.poll_interval.0.as_secs_f64() * 1e3),
        hold_ms: Some(plan.hold.0.as_secs_f64() * 1e3),
        conditions: plan.conditions.clone(),
        circumstances: circumstances(plan),
        of_latest: plan.poll_for != PollFor::News,
    }
}

pub fn lanes(report: &Report) -> Vec<LaneFigures> {
    let figures = |lane: &super::LaneReport| {
        let all = lane.measured.iter();
        all.map(|(name, figure)| (name.clone(), figure.into()))
            .collect()
    };
    let lanes = report.lanes.iter();
    lanes
        .map(|lane| LaneFigures {
            lane: lane.row.clone(),
            label: lane.label.clone(),
            figures: figures(lane),
        })
        .collect()
}

fn circumstances(plan: &Plan) -> Vec<String> {
    let ms = |span: crate::config::Span| span_ms(span.0.as_secs_f64() * 1e3);
    let mut all = Vec::new();
    if !plan.round_trip.0.is_zero() {
        all.push(format!("with a round trip of {}", ms(plan.round_trip)));
    }
    if !plan.conflate.0.is_zero() {
        all.push(format!("of each {} only the newest", ms(plan.conflate)));
    }
    if !plan.tunnel_every.0.is_zero() {
        let (away, every) = (ms(plan.tunnel_away), ms(plan.tunnel_every));
        all.push(format!("everybody away for {away} in every {every}"));
    }
    if !plan.outage_at.0.is_zero() {
        all.push(format!("everybody cut once for {}", ms(plan.outage_for)));
    }
    if plan.nodes > 1 {
        all.push(format!("on {} nodes without a backplane", plan.nodes));
    }
    if plan.slow_readers > 0 {
        all.push(format!("{} of them slow readers", plan.slow_readers));
    }
    if !plan.server.is_empty() {
        all.push(format!("server with {}", plan.server));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn a_report_opens_with_load_setting_and_what_decides() {
        let mut report = sample::report();
        assert_eq!(
            sentence(&report),
            "At four events a second to 25 clients, short polling every 500 ms was 250 ms later than \
             a WebSocket, for as many bytes."
        );
        report.plan.round_trip = "200ms".parse().unwrap();
        report.plan.conditions = "sse: train tunnel".to_owned();
        let said = sentence(&report);
        let opening = "At four events a second to 25 clients, with a round trip of 200 ms, under sse: \
                       train tunnel, ";
        assert!(said.starts_with(opening), "{said}");
    }
}
