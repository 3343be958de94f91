//! What a run's report opens with: its figures in one sentence, see [`crate::run::answer`].

use super::{Report, shown_figure};
use crate::run::{
    answer::{LaneFigures, Load, Reading, answer, changes, decimal, grouped, span_ms},
    figures::{Figure, find},
    plan::{Plan, PollFor, ReadyPlan},
};

/// The sentence; made from the figures as they stand, whatever a file says of itself.
pub fn sentence(report: &Report) -> String {
    answer(&load(&report.plan), &lanes(report)).sentence
}

/// What a run is called: the ready plan that it was of, or its lanes and load.
pub fn called(report: &Report) -> String {
    let plan = &report.plan;
    let mut name = match ReadyPlan::of(plan) {
        Some((ready, asked)) if asked == plan.clients => ready.name.to_owned(),
        Some((ready, _)) => format!("{} with {} clients", ready.name, plan.clients),
        None => {
            let lanes = match report.lanes.as_slice() {
                [lane] => lane.label.chars().take(60).collect(),
                lanes => format!("{} lanes", lanes.len()),
            };
            let size = grouped(plan.size as f64);
            format!("{lanes}, {}/s, {size} B", decimal(plan.rate, 3))
        }
    };
    if plan.seed != 1 {
        name.push_str(&format!(", seed {}", plan.seed));
    }
    name
}

/// Of a ready plan: its question, and what it asks for beside what the sentence says.
pub struct Asked {
    /// In a sentence.
    pub question: String,
    /// A sentence for each figure.
    pub reads: Vec<String>,
}

/// What a ready plan asks, with the number of clients where it was another; `None` for other runs.
pub fn asked(report: &Report) -> Option<Asked> {
    let (ready, clients) = ReadyPlan::of(&report.plan)?;
    let reads = ready.reads.iter();
    let here = match report.plan.clients {
        same if same == clients => String::new(),
        other => format!(" Here with {} clients.", grouped(other as f64)),
    };
    Some(Asked {
        question: format!("{}{here}", ready.question()),
        reads: reads
            .filter_map(|(name, times)| read(report, name, *times))
            .collect(),
    })
}

/// "Age of what is shown, on average: WebSocket 503 ms ± 1, Short polling 2.98 s ± 0.01."
fn read(report: &Report, name: &str, times: f64) -> Option<String> {
    let kind = find(name)?;
    let each = report.lanes.iter().map(|lane| {
        let figure = lane.figure(name);
        let said = match figure.and_then(Figure::value) {
            Some(value) if times != 1.0 => decimal(value * times, 2),
            _ => shown_figure(kind.unit, figure),
        };
        format!("{} {said}", lane.label)
    });
    let each = each.collect::<Vec<_>>().join(", ");
    let label = kind.label();
    let (first, rest) = label.split_at_checked(1)?;
    let by = match times {
        1.0 => String::new(),
        many => format!(", times {many} since the plan is scaled"),
    };
    Some(format!("{}{rest}{by}: {each}.", first.to_uppercase()))
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

/// The rows of a report, as sentences are made of them.
pub fn lanes(report: &Report) -> Vec<LaneFigures> {
    let figures = |lane: &super::LaneReport| {
        let all = lane.measured.iter();
        all.map(|(name, figure)| (name.clone(), Reading::of(name, figure)))
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
    fn a_run_of_a_ready_plan_has_its_name_its_question_and_what_is_asked_for() {
        let mut report = sample::report();
        assert_eq!(called(&report), "2 lanes, 4/s, 60 B");
        assert!(asked(&report).is_none());
        let ready = ReadyPlan::find("dashboard").unwrap();
        report.plan = Plan::of(ready.settings().unwrap()).unwrap();
        assert_eq!(called(&report), "dashboard");
        let said = asked(&report).unwrap();
        assert!(said.question.ends_with("how old is what they see?"));
        assert_eq!(said.reads.len(), 2, "{:?}", said.reads);
        assert!(said.reads[0].starts_with("Age of what is shown, on average: "));
        assert!(said.reads[1].contains(", times 5 since the plan is scaled: "));
        report.plan.clients = 50;
        report.plan.seed = 2;
        assert_eq!(called(&report), "dashboard with 50 clients, seed 2");
        let said = asked(&report).unwrap();
        assert!(said.question.ends_with("they see? Here with 50 clients."));
    }

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
