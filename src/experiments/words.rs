//! A verdict in words, with the numbers that decided it.

use super::{Bound, CarriedOut, Comparison, DoneStep, Tally, Verdict};
use crate::run::report::{
    INVALID, Report, shown,
    words::{shown_bound, shown_with_error},
};

/// The verdict in a few words, the same on every page, in every export and on a terminal.
pub fn verdict(done: &CarriedOut) -> &'static str {
    let tally = done.tally();
    match tally.verdict() {
        Verdict::AsPredicted => "As predicted",
        Verdict::Otherwise => "Not as predicted",
        Verdict::NotValid if tally.is_partial || tally.counted() == 0 => "Nothing can be said",
        Verdict::NotValid => "Not enough valid figures to say",
    }
}

/// What is said of one that was stopped, whatever else is said of it.
pub const STOPPED: &str = "it was stopped before its end";

/// Off by a smaller share of its tolerance, a figure is just as predicted.
const AS_PREDICTED: f64 = 0.01;

/// Why, in a sentence or two.
pub fn reasons(done: &CarriedOut) -> String {
    let all: Vec<(&str, &Comparison)> = done
        .groups()
        .into_iter()
        .flat_map(|(label, group)| group.iter().map(move |c| (label, c)))
        .collect();
    let furthest = |agrees: bool| {
        // What is as predicted is not the furthest from it, nor is what reads the same.
        let is_apart = |c: &Comparison| strain(c) >= AS_PREDICTED && measured(c) != predicted(c);
        let those = all
            .iter()
            .filter(|(_, c)| c.agrees() == Some(agrees) && (!agrees || is_apart(c)));
        those
            .max_by(|a, b| strain(a.1).total_cmp(&strain(b.1)))
            .map(|(label, comparison)| described(label, comparison))
    };
    let tally = done.tally();
    let mut text = match tally.verdict() {
        Verdict::AsPredicted => {
            let furthest = furthest(true).map_or_else(String::new, |text| {
                format!(" The furthest from its prediction: {text}.")
            });
            format!(
                "All {} figures are within their tolerance.{furthest}",
                tally.all()
            )
        }
        Verdict::Otherwise => format!(
            "{} of {} figures are outside their tolerance, {} within. The furthest off: {}.",
            tally.differing,
            tally.all(),
            tally.agreeing,
            furthest(false).unwrap_or_default()
        ),
        Verdict::NotValid => return undecided(done, tally),
    };
    let is_busy = |step: &DoneStep| !step.report.generator.remarks.is_empty();
    if tally.verdict() == Verdict::Otherwise && done.steps.iter().any(is_busy) {
        text.push_str(" The machine was busy meanwhile: see the notes of the steps.");
    }
    if done.steps.iter().any(|step| step.fault().is_some()) {
        text.push_str(" The generator was not fit; these are figures that this does not change.");
    }
    text
}

/// Each figure that decides nothing by its own error or for want of one, and why.
pub fn withheld(done: &CarriedOut) -> Vec<String> {
    let faults: Vec<&String> = done.steps.iter().filter_map(DoneStep::fault).collect();
    let why = |label: &str, comparison: &Comparison| {
        let why = comparison.undecided().filter(|why| !faults.contains(why))?;
        Some(format!("{} ({label}): {why}", comparison.what))
    };
    done.groups()
        .into_iter()
        .flat_map(|(label, group)| group.iter().filter_map(move |c| why(label, c)))
        .collect()
}

/// What is withheld, why, and what the valid figures say so far.
fn undecided(done: &CarriedOut, tally: Tally) -> String {
    let mut reasons = Vec::new();
    if tally.is_partial {
        reasons.push(STOPPED.to_owned());
    }
    if tally.withheld > 0 {
        reasons.push(format!(
            "{} of {} figures that decide cannot be stood behind",
            tally.withheld,
            tally.all()
        ));
    }
    let mut faults = done.steps.iter().filter_map(DoneStep::fault);
    let first = || withheld(done).into_iter().next();
    reasons.extend(faults.next().cloned().or_else(first));
    if reasons.is_empty() {
        reasons.push("nothing was compared".to_owned());
    }
    let so_far = match tally.counted() {
        0 => String::new(),
        _ => format!(
            " As predicted: {} of {} figures; {} otherwise, {} withheld.",
            tally.agreeing,
            tally.all(),
            tally.differing,
            tally.withheld
        ),
    };
    format!("Because {}.{so_far}", reasons.join("; "))
}

/// Why figures that decide are withheld; `None` where none is, and nothing was stopped.
pub fn why_withheld(done: &CarriedOut) -> Option<String> {
    let tally = done.tally();
    let mut objections = done
        .steps
        .iter()
        .flat_map(|step| &step.report.generator.objections);
    let groups = done.groups();
    let withheld = groups
        .iter()
        .flat_map(|(_, group)| group.iter())
        .filter(|one| one.agrees().is_none());
    let of_lanes = done.steps.iter().flat_map(|step| &step.report.lanes);
    match (tally.is_partial, tally.withheld) {
        (true, _) => Some(STOPPED.to_owned()),
        (false, 0) => None,
        (false, _) => objections
            .next()
            .or_else(|| withheld.filter_map(|one| one.why.as_ref()).next())
            .or_else(|| of_lanes.flat_map(|lane| &lane.invalid).next())
            .cloned()
            .or_else(|| Some("their errors are too large for what they decide".to_owned())),
    }
}

/// How far off on the wrong side, in tolerances.
fn strain(comparison: &Comparison) -> f64 {
    let measured = comparison.measured.unwrap_or(comparison.predicted);
    let above = measured - comparison.predicted;
    let off = match comparison.bound {
        Bound::Near => above.abs(),
        Bound::AtLeast => (-above).max(0.0),
        Bound::AtMost => above.max(0.0),
    };
    off / comparison.tolerance.max(1e-12)
}

fn described(label: &str, comparison: &Comparison) -> String {
    format!(
        "{} ({label}) was {}, predicted {} {}",
        comparison.what,
        measured(comparison),
        predicted(comparison),
        tolerance(comparison)
    )
}

/// What was measured, for people.
pub fn measured(comparison: &Comparison) -> String {
    let unit = comparison.unit;
    match (comparison.measured, comparison.between) {
        (Some(value), None) => shown(unit, value),
        (Some(value), Some((low, high))) => match comparison.error().unwrap_or(0.0) {
            error if error < value.abs() => shown_with_error(unit, value, error),
            // Of a difference, which may be nothing or less.
            _ => format!("{} to {}", shown(unit, low), shown(unit, high)),
        },
        // Of a delay; a difference may be less than nothing.
        (None, Some((0.0, high))) => shown_bound(unit, high),
        (None, Some((low, high))) => format!("{} to {}", shown(unit, low), shown(unit, high)),
        (None, None) => INVALID.to_owned(),
    }
}

/// What is to be known of a step beside its figures: its faults, that it was done again, and who
/// else was busy.
pub fn notes(step: &DoneStep) -> Vec<String> {
    let generator = &step.report.generator;
    let remarks = generator
        .remarks
        .iter()
        .map(|remark| format!("note: {remark}"));
    let faults = generator.objections.iter().cloned();
    faults
        .chain(done_again(&step.report))
        .chain(remarks)
        .collect()
}

/// That a run was done again because its generator was late, where it was.
fn done_again(report: &Report) -> Option<String> {
    let times = report.generator.redone;
    (times > 0).then(|| {
        format!(
            "done again because the generator was late: {times} {}; the better one counts",
            if times == 1 { "pass" } else { "passes" }
        )
    })
}

/// What is predicted, for people.
pub fn predicted(comparison: &Comparison) -> String {
    let bound = match comparison.bound {
        Bound::Near => "",
        Bound::AtLeast => "≥ ",
        Bound::AtMost => "≤ ",
    };
    format!("{bound}{}", shown(comparison.unit, comparison.predicted))
}

/// How far off a figure may be, for people; past a bound, on its wrong side.
pub fn tolerance(comparison: &Comparison) -> String {
    let side = match comparison.bound {
        Bound::Near => '±',
        Bound::AtLeast => '−',
        Bound::AtMost => '+',
    };
    format!("{side} {}", shown(comparison.unit, comparison.tolerance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiments::sample::{carried_out, comparison},
        run::figures::Unit,
    };

    #[test]
    fn the_numbers_that_decided_are_in_the_sentence() {
        let good = comparison("a", 2.0, Some(2.1), 0.3, Unit::Count);
        let bad = comparison("b", 2.0, Some(3.0), 0.3, Unit::Count);
        let none = comparison("c", 2.0, None, 0.3, Unit::Count);
        let said = reasons(&carried_out(vec![good.clone()]));
        assert!(
            said.starts_with("All 1 figures") && said.contains("2.10"),
            "{said}"
        );
        let exact = comparison("d", 0.0, Some(0.0), 0.25, Unit::Count);
        let nearly = comparison("e", 0.0, Some(1e-9), 0.25, Unit::Count);
        assert_eq!(
            reasons(&carried_out(vec![good.clone(), exact.clone()])),
            said.replace("All 1", "All 2"),
            "what is as predicted is never the furthest"
        );
        assert_eq!(
            reasons(&carried_out(vec![exact, nearly])),
            "All 2 figures are within their tolerance."
        );
        let said = reasons(&carried_out(vec![good.clone(), bad]));
        assert!(said.starts_with("1 of 2 figures are outside"), "{said}");
        assert!(
            said.contains("b (a step) was 3, predicted 2 ± 0.30"),
            "{said}"
        );
        let done = carried_out(vec![good, none]);
        let said = reasons(&done);
        assert!(said.contains("1 of 2 figures that decide cannot"), "{said}");
        assert!(
            said.ends_with("As predicted: 1 of 2 figures; 0 otherwise, 1 withheld."),
            "{said}"
        );
        assert_eq!(verdict(&done), "Not enough valid figures to say");
        assert_eq!(verdict(&carried_out(Vec::new())), "Nothing can be said");
        let said = reasons(&carried_out(Vec::new()));
        assert!(said.contains("nothing was compared"), "{said}");
    }
}
