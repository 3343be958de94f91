//! A verdict in words, with the numbers that decided it.

use super::{Bound, CarriedOut, Comparison, Verdict};
use crate::run::report::shown;

/// The verdict in a few words.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::AsPredicted => "As predicted",
        Verdict::Otherwise => "Not as predicted",
        Verdict::NotValid => "Nothing can be said",
    }
}

/// Why, in a sentence or two.
pub fn because(done: &CarriedOut) -> String {
    let all: Vec<(&str, &Comparison)> = done
        .groups()
        .into_iter()
        .flat_map(|(label, group)| group.iter().map(move |c| (label, c)))
        .collect();
    let agreeing = all.iter().filter(|(_, c)| c.agrees() == Some(true)).count();
    let off: Vec<_> = all
        .iter()
        .filter(|(_, c)| c.agrees() == Some(false))
        .collect();
    let missing = all.iter().filter(|(_, c)| c.measured.is_none()).count();
    match done.verdict {
        Verdict::AsPredicted => {
            let furthest = all
                .iter()
                .max_by(|a, b| strain(a.1).total_cmp(&strain(b.1)))
                .map(|(label, comparison)| told(label, comparison));
            let furthest = furthest.map_or_else(String::new, |text| {
                format!(" The furthest from its prediction: {text}.")
            });
            format!(
                "All {} figures are within their tolerance.{furthest}",
                all.len()
            )
        }
        Verdict::Otherwise => {
            let worst = off
                .iter()
                .max_by(|a, b| strain(a.1).total_cmp(&strain(b.1)))
                .map(|(label, comparison)| told(label, comparison))
                .unwrap_or_default();
            format!(
                "{} of {} figures are outside their tolerance, {agreeing} within. The furthest \
                 off: {worst}.",
                off.len(),
                all.len(),
            )
        }
        Verdict::NotValid => {
            let mut reasons = Vec::new();
            if done.partial || done.steps.iter().any(|step| step.report.partial) {
                reasons.push("it was stopped before its end".to_owned());
            }
            if missing > 0 {
                reasons.push(format!(
                    "{missing} of {} figures that decide cannot be stood behind",
                    all.len()
                ));
            }
            let objection = done
                .steps
                .iter()
                .find_map(|step| step.report.generator.objections.first());
            reasons.extend(objection.cloned());
            if reasons.is_empty() {
                reasons.push("nothing was compared".to_owned());
            }
            let so_far = match agreeing + off.len() {
                0 => String::new(),
                counted => {
                    format!(" Of {counted} figures that were compared {agreeing} are as predicted.")
                }
            };
            format!("Because {}.{so_far}", reasons.join("; "))
        }
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

fn told(label: &str, comparison: &Comparison) -> String {
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
    let text = |value| shown(comparison.unit, value);
    comparison
        .measured
        .map_or_else(|| "invalid".to_owned(), text)
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
        let said = because(&carried_out(vec![good.clone()]));
        assert!(
            said.starts_with("All 1 figures") && said.contains("2.10"),
            "{said}"
        );
        let said = because(&carried_out(vec![good.clone(), bad]));
        assert!(said.starts_with("1 of 2 figures are outside"), "{said}");
        assert!(
            said.contains("b (a step) was 3, predicted 2 ± 0.30"),
            "{said}"
        );
        let said = because(&carried_out(vec![good, none]));
        assert!(said.contains("1 of 2 figures that decide cannot"), "{said}");
        let said = because(&carried_out(Vec::new()));
        assert!(said.contains("nothing was compared"), "{said}");
    }
}
