//! The one picture of an experiment: theory, measurement and, put in by the page, the visitor's
//! guess, on one axis. A row for each figure that answers the question, its name beside it or on a
//! phone above it; positions are shares of the row's width, so that it fits any screen and its
//! letters stay as large as the page's.

use askama::Template;

use super::{
    is_withheld,
    subjects::{Subject, subject},
};
use crate::{
    experiments::{
        Bound, CarriedOut, Comparison, DoneStep, find,
        guess::GuessKind,
        names::{named, row_of},
        words,
    },
    run::{
        answer::{decimal, grouped},
        figures::{self, Unit},
        report::{LaneReport, rendered::rendered, shown, svg::scale::Scale},
    },
};

/// More rows than this are no answer any more; the others are under "All figures".
const ROWS_MAX: usize = 8;
/// Numbers further apart than this need an axis by powers of ten.
const SPREAD: f64 = 40.0;
/// What a logarithmic axis leaves out on its left: below it a delay is as good as none.
const DECADES_MAX: i32 = 4;

#[derive(Template)]
#[template(path = "report/picture.html")]
struct Picture<'a> {
    axis: &'a str,
    unit: &'static str,
    /// What the axis reaches from and to, and how it counts; for the page, which puts in the guess.
    from: f64,
    to: f64,
    is_logarithmic: bool,
    ticks: Vec<Tick>,
    groups: Vec<Group<'a>>,
    left_out: usize,
    is_any_withheld: bool,
    /// What of the marks is to be explained because it is there.
    has_band: bool,
    bounds: Vec<BoundMark>,
    /// What a bar says.
    bars: Option<&'static str>,
}

struct Tick {
    at: Percent,
    text: String,
}

struct Group<'a> {
    /// Of a step, where there are several.
    label: &'a str,
    rows: Vec<Row>,
}

struct Row {
    /// Whose colour it has.
    lane: Option<String>,
    label: String,
    band_x: Percent,
    band_width: Percent,
    theory: Percent,
    bound: BoundMark,
    theory_says: String,
    measured: Option<Percent>,
    /// Between which values its truth lies, where that is all that is known.
    between: Option<(Percent, Percent)>,
    says: String,
    /// What the visitor guesses is this.
    is_guessed: bool,
}

/// How theory is drawn: as a point, or as an end that points to where a measurement is to lie.
#[derive(Debug, Clone, Copy, PartialEq)]
struct BoundMark(Bound);

impl BoundMark {
    fn path(self) -> &'static str {
        match self.0 {
            Bound::Near => "M0-10l10 10-10 10-10-10z",
            Bound::AtMost => "M0-10v20M0 0h-12M-7-5l-5 5 5 5",
            Bound::AtLeast => "M0-10v20M0 0h12M7-5l5 5-5 5",
        }
    }

    fn says(self) -> &'static str {
        match self.0 {
            Bound::Near => "theory",
            Bound::AtMost => "theory: at most",
            Bound::AtLeast => "theory: at least",
        }
    }
}

/// A share of the axis, written with two decimals.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Percent(f64);

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2}%", self.0)
    }
}

/// A comparison that is drawn, of which step.
struct Drawn<'a> {
    step: Option<&'a DoneStep>,
    step_label: &'a str,
    comparison: Comparison,
    is_guessed: bool,
}

/// HTML; empty where there is nothing to draw.
pub fn picture(done: &CarriedOut) -> String {
    let done = &*done.gated();
    let subject = subject(&done.id);
    let mut drawn = match subject {
        Some(subject) => of_subject(done, subject),
        None => Vec::new(),
    };
    if drawn.is_empty() {
        drawn = of_first_unit(done);
    }
    let Some(unit) = drawn.first().map(|one| one.comparison.unit) else {
        return String::new();
    };
    drawn.retain(|one| one.comparison.unit == unit);
    mark_guessed(done, unit, &mut drawn);
    let all = drawn.len();
    keep_what_fits(&mut drawn);
    let left_out = all - drawn.len();
    let axis = Axis::around(unit, &drawn);
    rendered(&Picture {
        axis: subject.map_or("", |subject| subject.axis),
        unit: name_of(unit),
        from: axis.scale.from(),
        to: axis.scale.to(),
        is_logarithmic: axis.is_logarithmic,
        ticks: axis.ticks(),
        has_band: drawn.iter().any(|one| one.comparison.tolerance > 0.0),
        bounds: bounds(&drawn),
        bars: bars(&drawn),
        is_any_withheld: drawn.iter().any(|one| is_withheld(&one.comparison)),
        groups: groups(&drawn, &axis),
        left_out,
    })
}

/// The ways in which theory is drawn, each once.
fn bounds(drawn: &[Drawn<'_>]) -> Vec<BoundMark> {
    let all = [Bound::Near, Bound::AtMost, Bound::AtLeast].into_iter();
    all.filter(|bound| drawn.iter().any(|one| one.comparison.bound == *bound))
        .map(BoundMark)
        .collect()
}

/// What a bar beside a measurement says, where there is one. Lateness only adds.
fn bars(drawn: &[Drawn<'_>]) -> Option<&'static str> {
    let with_bar = || {
        let all = drawn.iter().map(|one| &one.comparison);
        all.filter(|one| one.between.is_some_and(|(low, high)| high > low))
    };
    with_bar().next()?;
    let only_adds = |one: &Comparison| {
        let most = one.between.map(|(_, high)| high);
        matches!((one.measured, most), (Some(value), Some(high)) if high <= value)
    };
    Some(match with_bar().all(only_adds) {
        true => "may be less, not more: lateness only adds",
        false => "its truth is in it",
    })
}

/// A number that may as well be nothing has a bar and no point: its error is not smaller than it.
fn has_point(comparison: &Comparison) -> bool {
    let error = comparison.error().unwrap_or(0.0);
    comparison
        .measured
        .is_some_and(|value| error == 0.0 || error < value.abs())
}

/// The comparisons that the experiment is about.
fn of_subject<'a>(done: &'a CarriedOut, subject: &Subject) -> Vec<Drawn<'a>> {
    if let [figure] = subject.figures
        && figures::find(figure).is_some()
    {
        return of_rows(done, figure, subject);
    }
    let skipped = subject
        .steps
        .map_or(0, |last| done.steps.len().saturating_sub(last));
    let steps = done.steps.iter().skip(skipped);
    let each = steps.map(|step| (Some(step), step.label.as_str(), step.comparisons.as_slice()));
    let all = std::iter::once((None, "", done.together.as_slice()));
    let mut drawn = Vec::new();
    for (step, step_label, group) in each.chain(all) {
        let lanes = step.map_or(&[][..], |step| &step.report.lanes);
        let is_drawn = |comparison: &&Comparison| {
            let is_named = |figure: &&str| comparison.what.contains(*figure);
            let row = row_of(&comparison.what, lanes);
            let is_shown = |row: &LaneReport| subject.rows.contains(&row.row.as_str());
            subject.figures.iter().any(is_named)
                && (subject.rows.is_empty() || row.is_some_and(is_shown))
        };
        let mut of_step: Vec<Drawn<'_>> = group
            .iter()
            .filter(is_drawn)
            .map(|comparison| Drawn {
                step,
                step_label,
                comparison: comparison.clone(),
                is_guessed: false,
            })
            .collect();
        of_step.sort_by_key(|one| place(one, lanes, subject));
        drawn.extend(of_step);
    }
    drawn
}

/// Where a row stands among those of the question.
fn place(one: &Drawn<'_>, lanes: &[LaneReport], subject: &Subject) -> Option<usize> {
    let row = row_of(&one.comparison.what, lanes)?;
    subject.rows.iter().position(|name| *name == row.row)
}

/// A figure of every row of the last step beside what is predicted of it.
fn of_rows<'a>(done: &'a CarriedOut, figure: &str, subject: &Subject) -> Vec<Drawn<'a>> {
    let Some(step) = done.steps.last() else {
        return Vec::new();
    };
    let unit = figures::find(figure).map_or(Unit::Count, |kind| kind.unit);
    let of_lane = |lane: &LaneReport| {
        let predicted = lane.predicted.get(figure)?.form();
        let measured = lane.figure(figure).and_then(figures::Figure::value);
        let what = format!("{} {figure}", lane.row);
        Some(Drawn {
            step: Some(step),
            step_label: &step.label,
            comparison: Comparison::near(what, unit, predicted, measured, 0.0),
            is_guessed: false,
        })
    };
    let lanes = &step.report.lanes;
    let is_shown =
        |lane: &&LaneReport| subject.rows.is_empty() || subject.rows.contains(&lane.row.as_str());
    let shown = lanes.iter().filter(is_shown);
    let mut drawn: Vec<Drawn<'_>> = shown.filter_map(of_lane).collect();
    drawn.sort_by_key(|one| place(one, lanes, subject));
    drawn
}

/// Of an experiment that is not in this catalogue: what it compared first.
fn of_first_unit(done: &CarriedOut) -> Vec<Drawn<'_>> {
    let steps = done.steps.iter();
    let all = steps.flat_map(|step| {
        step.comparisons.iter().map(move |comparison| Drawn {
            step: Some(step),
            step_label: &step.label,
            comparison: comparison.clone(),
            is_guessed: false,
        })
    });
    all.collect()
}

/// Tells which row the guess is about: the one with the very figures that the experiment found for
/// it. Where none is, it is a row of its own, before the others.
fn mark_guessed<'a>(done: &'a CarriedOut, unit: Unit, drawn: &mut Vec<Drawn<'a>>) {
    let Ok(experiment) = find(&done.id) else {
        return;
    };
    let GuessKind::Number { scale, .. } = experiment.guess.kind else {
        return;
    };
    let found = experiment.guess.found(done);
    let figure = |value: Option<f64>| value.map(|value| value * scale);
    let (theory, measured) = (figure(found.theory), figure(found.measured));
    let is_near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs());
    let is_it = |one: &Drawn<'_>| {
        // Two rows may have the same figures.
        let is_other = |what: &String| *what != one.comparison.what;
        if one.step.is_some() && found.what.as_ref().is_some_and(is_other) {
            return false;
        }
        let same = match (one.comparison.measured, measured) {
            (Some(a), Some(b)) => is_near(a, b),
            // What is withheld beside the figure's prediction is withheld of a guess, too.
            (a, _) => a.is_none(),
        };
        same && theory.is_some_and(|theory| is_near(one.comparison.predicted, theory))
    };
    if let Some(one) = drawn.iter_mut().find(|one| is_it(one)) {
        one.is_guessed = true;
    } else if let Some(predicted) = theory.or(measured) {
        let what = experiment.guess.ask.trim_end_matches(':');
        drawn.insert(
            0,
            Drawn {
                step: None,
                step_label: "",
                comparison: Comparison::near(what, unit, predicted, measured, 0.0),
                is_guessed: true,
            },
        );
    }
}

/// Of too many rows those of the step that the guess is about, or the first ones.
fn keep_what_fits(drawn: &mut Vec<Drawn<'_>>) {
    if drawn.len() <= ROWS_MAX {
        return;
    }
    let guessed = drawn.iter().find(|one| one.is_guessed);
    if let Some(label) = guessed.and_then(|one| Some(one.step?.label.as_str())) {
        drawn.retain(|one| one.step_label == label);
    }
    // What is asked about is never left out.
    if let Some(index) = drawn.iter().position(|one| one.is_guessed)
        && index >= ROWS_MAX
    {
        drawn[..=index].rotate_right(1);
    }
    drawn.truncate(ROWS_MAX);
}

struct Axis {
    unit: Unit,
    scale: Scale,
    is_logarithmic: bool,
}

impl Axis {
    fn around(unit: Unit, drawn: &[Drawn<'_>]) -> Self {
        let values = || {
            drawn.iter().flat_map(|one| {
                let Comparison {
                    predicted,
                    measured,
                    ..
                } = one.comparison;
                std::iter::once(predicted).chain(measured)
            })
        };
        let positive = || values().filter(|value| *value > 0.0);
        let least = positive().fold(f64::INFINITY, f64::min);
        let most = positive().fold(0.0, f64::max);
        let has_nothing = drawn.iter().any(|one| one.comparison.predicted == 0.0);
        let may_be_nothing = drawn
            .iter()
            .any(|one| one.comparison.between.is_some_and(|(low, _)| low < 0.0));
        let is_logarithmic =
            unit != Unit::Share && !has_nothing && !may_be_nothing && most > least * SPREAD;
        let scale = match is_logarithmic {
            true => {
                let floor = most / 10f64.powi(DECADES_MAX);
                Scale::of(true, positive().map(|value| value.max(floor)))
            }
            false if unit == Unit::Share => Scale::of(false, [0.0, 1.0].into_iter()),
            false => Scale::of(false, values().map(|value| value.max(0.0) * 1.05)),
        };
        Self {
            unit,
            scale,
            is_logarithmic,
        }
    }

    /// What lies beyond an end stands at it.
    fn at(&self, value: f64) -> Percent {
        let share = match self.scale.can_show(value) {
            true => self.scale.share(value),
            false => 0.0,
        };
        Percent(share.clamp(0.0, 1.0) * 100.0)
    }

    fn ticks(&self) -> Vec<Tick> {
        let ticks = self.scale.ticks().into_iter();
        ticks
            .map(|value| Tick {
                at: self.at(value),
                text: tick(self.unit, value),
            })
            .collect()
    }
}

fn groups<'a>(drawn: &[Drawn<'a>], axis: &Axis) -> Vec<Group<'a>> {
    let first = drawn.first().map_or("", |one| one.step_label);
    let is_one_step = drawn.iter().all(|one| one.step_label == first);
    // Where every step has one row, the step is what tells them apart.
    let is_one_each = !is_one_step
        && drawn
            .windows(2)
            .all(|pair| pair[0].step_label != pair[1].step_label);
    let figure = |one: &Drawn<'_>| named(&one.comparison.what, one.step).figure;
    let mut of_lanes = drawn.iter().filter(|one| one.step.is_some()).map(figure);
    let first = of_lanes.next();
    let told_by = match (
        is_one_each,
        of_lanes.all(|other| Some(&other) == first.as_ref()),
    ) {
        (true, _) => ToldBy::Step,
        (false, true) => ToldBy::Lane,
        (false, false) => ToldBy::LaneAndFigure,
    };
    let mut groups: Vec<Group<'a>> = Vec::new();
    for one in drawn {
        let row = row(one, axis, told_by);
        let label = if is_one_each { "" } else { one.step_label };
        match groups.last_mut() {
            Some(group) if group.label == label => group.rows.push(row),
            _ => groups.push(Group {
                label,
                rows: vec![row],
            }),
        }
    }
    groups
}

/// What tells rows apart, which is what they are called by.
#[derive(Clone, Copy, PartialEq)]
enum ToldBy {
    Step,
    Lane,
    LaneAndFigure,
}

fn row(one: &Drawn<'_>, axis: &Axis, told_by: ToldBy) -> Row {
    let comparison = &one.comparison;
    let name = named(&comparison.what, one.step);
    let lanes = one.step.map_or(&[][..], |step| &step.report.lanes);
    let row = row_of(&comparison.what, lanes);
    let variant = row.and_then(|row| row.row.strip_prefix(row.lane.as_str()));
    let variant = variant
        .unwrap_or_default()
        .trim_start_matches('-')
        .replace('-', " ");
    // Of older results, where a label was the lane's alone.
    let is_told = |label: &String| lanes.iter().filter(|lane| lane.label == *label).count() < 2;
    let who = name
        .lane
        .as_ref()
        .map(|(_, label)| match variant.is_empty() || is_told(label) {
            true => label.clone(),
            false => format!("{label}, {variant}"),
        });
    let label = match (who, told_by) {
        (_, ToldBy::Step) if one.step.is_some() => one.step_label.to_owned(),
        (Some(who), ToldBy::LaneAndFigure) => format!("{who}: {}", name.figure),
        (Some(who), _) => who,
        (None, _) => name.figure,
    };
    // Where it agrees: around a value, or all that a bound leaves.
    let from = match comparison.bound {
        Bound::AtMost => Percent(0.0),
        _ => axis.at(comparison.predicted - comparison.tolerance),
    };
    let to = match comparison.bound {
        Bound::AtLeast => Percent(100.0),
        _ => axis.at(comparison.predicted + comparison.tolerance),
    };
    Row {
        lane: name
            .lane
            .map(|(lane, _)| lane)
            .filter(|_| told_by != ToldBy::Step),
        label,
        band_x: from,
        band_width: Percent((to.0 - from.0).max(0.4)),
        theory: axis.at(comparison.predicted),
        bound: BoundMark(comparison.bound),
        theory_says: match comparison.bound {
            Bound::Near => shown(comparison.unit, comparison.predicted),
            Bound::AtLeast => format!("at least {}", shown(comparison.unit, comparison.predicted)),
            Bound::AtMost => format!("at most {}", shown(comparison.unit, comparison.predicted)),
        },
        measured: comparison
            .measured
            .filter(|_| has_point(comparison))
            .map(|value| axis.at(value)),
        between: comparison.between.map(|(low, high)| {
            let (from, to) = (axis.at(low), axis.at(high));
            (from, Percent(to.0 - from.0))
        }),
        says: match is_withheld(comparison) {
            false => rounded(comparison),
            true => "withheld".to_owned(),
        },
        is_guessed: one.is_guessed,
    }
}

/// What was measured, with the digits that can be seen in a picture.
fn rounded(comparison: &Comparison) -> String {
    match (comparison.unit, comparison.measured, comparison.between) {
        (Unit::Count, Some(value), None) if value >= 1e4 => decimal(value, 2),
        (Unit::Count, Some(value), None) if value >= 1e3 => decimal(value, 3),
        _ => words::measured(comparison),
    }
}

/// For the page, which knows what a guess is counted in.
fn name_of(unit: Unit) -> &'static str {
    match unit {
        Unit::Microseconds => "us",
        Unit::Share => "share",
        Unit::Bytes => "bytes",
        Unit::Count => "count",
    }
}

/// A number at an axis: round, so without the digits that are none.
fn tick(unit: Unit, value: f64) -> String {
    let short = |value: f64| format!("{}", (value * 1e3).round() / 1e3);
    match unit {
        Unit::Microseconds if value >= 1e6 => format!("{} s", short(value / 1e6)),
        Unit::Microseconds if value == 0.0 => "0".to_owned(),
        Unit::Microseconds => format!("{} ms", short(value / 1e3)),
        Unit::Share => format!("{} %", short(value * 100.0)),
        Unit::Bytes => format!("{} B", short(value)),
        Unit::Count => grouped(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::sample::{carried, carried_out, comparison, put_as_predicted};

    #[test]
    fn theory_and_measurement_stand_on_one_axis_and_a_withheld_figure_has_no_mark() {
        let done = carried_out(vec![
            comparison("short-poll <i>", 2.0, Some(4.0), 0.5, Unit::Count),
            comparison("b", 2.0, None, 0.5, Unit::Count),
            comparison("c", 2.0, Some(1.0), 0.5, Unit::Share),
        ]);
        let text = picture(&done);
        // One of each stands in the key.
        let marks = |class: &str| text.matches(&format!("class=\"{class}\"")).count() - 1;
        assert_eq!((marks("picture-theory"), marks("picture-measured")), (2, 1));
        assert!(text.contains("withheld") && text.contains("data-unit=\"count\""));
        assert!(!text.contains("<i>") && !text.contains("NaN") && !text.contains("style="));
    }

    #[test]
    fn an_axis_counts_by_powers_of_ten_where_numbers_are_far_apart() {
        let far = carried_out(vec![
            comparison("a", 100.0, Some(100.0), 0.0, Unit::Microseconds),
            comparison("b", 1_000_000.0, Some(2_000_000.0), 0.0, Unit::Microseconds),
        ]);
        assert!(picture(&far).contains("data-logarithmic"));
        let near = carried_out(vec![
            comparison("a", 0.0, Some(0.0), 0.0, Unit::Microseconds),
            comparison("b", 10.0, Some(10.0), 0.0, Unit::Microseconds),
        ]);
        assert!(!picture(&near).contains("data-logarithmic"));
    }

    #[test]
    fn a_bound_is_drawn_as_one_and_what_may_be_nothing_has_no_point() {
        let deliveries = comparison("a", 50_000.0, Some(52_834.14), 10_000.0, Unit::Count);
        let text = picture(&carried_out(vec![deliveries.at_most()]));
        assert!(text.contains("53,000<") && text.contains("theory at most 50,000"));
        assert!(text.contains("theory: at most") && !text.contains("M0-10l10 10"));
        let mut apart = comparison("b", 30.0, Some(-1_000.0), 5_000.0, Unit::Microseconds);
        apart.between = Some((-4_100.0, 2_040.0));
        let far = comparison("c", 90_000.0, Some(57_000.0), 5_000.0, Unit::Microseconds);
        let text = picture(&carried_out(vec![apart, far]));
        // One in the key and one of the other row.
        assert_eq!(text.matches("class=\"picture-measured\"").count(), 2);
        assert!(text.contains("−4.10 ms to 2.04 ms") && !text.contains("data-logarithmic"));
        assert!(text.contains("its truth is in it"));
    }

    #[test]
    fn of_two_rows_with_the_same_figures_the_one_that_is_asked_about_is_marked() {
        let done = carried(find("E7").unwrap(), |_, report| {
            let rows: Vec<(String, bool)> = report
                .lanes
                .iter()
                .map(|lane| (lane.row.clone(), lane.resume))
                .collect();
            for (row, resumes) in rows {
                let ratio = if resumes { 1.0 } else { 0.866 };
                put_as_predicted(report, &row, "delivery_ratio", ratio);
            }
        });
        let text = picture(&done);
        let guessed = text.split("<li").find(|row| row.contains("data-guessed"));
        assert!(
            guessed.is_some_and(|row| row.contains(">websocket-no-resume<")),
            "{text}"
        );
        assert_eq!(text.matches("<li ").count(), ROWS_MAX);
    }

    #[test]
    fn nothing_that_was_compared_has_no_picture() {
        assert_eq!(picture(&carried_out(Vec::new())), "");
    }
}
