//! What is done: `set`, `run`, `wait` and `code`.

use super::is_text;
use crate::{
    catalogue, experiments,
    lane::conditions::{self, BadConditions, Conditions},
    lessons::{
        address,
        bounds::{
            CLIENTS_MAX, GROUPS_MAX, LIVE_S, POLL_INTERVAL_MS, SHARE, TEXT_MAX, WAIT_S,
            WARM_UP_MAX_S, said,
        },
        code,
        fault::nearest,
        figure::rows,
        markup,
        step::{Code, Kind, Run, Set, Step, Wait},
    },
};

pub(super) fn of_set(set: &Set, seed: u64, fault: &mut impl FnMut(String)) {
    if let Some(page) = &set.page
        && let Err(why) = address::check(page)
    {
        fault(why);
    }
    if set.phones.len() > GROUPS_MAX {
        fault(format!("phones has {GROUPS_MAX} groups at most; join some"));
    }
    for group in &set.phones {
        if let Err(why) = lane(&group.lane) {
            fault(why);
            continue;
        }
        if !SHARE.contains(&group.share) {
            fault(format!("share is {}; write {}", group.share, said(&SHARE)));
        }
        if let Some(interval_ms) = group.poll_interval_ms {
            if group.lane != "short-poll" {
                let what = format!(
                    "poll_interval_ms is of short-poll, and {} does not poll by a timer; take it out",
                    group.lane
                );
                fault(what);
            } else if !POLL_INTERVAL_MS.contains(&interval_ms) {
                fault(format!(
                    "poll_interval_ms is {interval_ms}; choose {}",
                    said(&POLL_INTERVAL_MS)
                ));
            }
        }
        let has_bare = catalogue::VARIANTS.iter().any(|variant| {
            variant.lane.id.0 == group.lane && variant.form == catalogue::Form::Bare
        });
        if group.bare && !has_bare {
            let with: Vec<&str> = catalogue::VARIANTS
                .iter()
                .filter(|variant| variant.form == catalogue::Form::Bare)
                .map(|variant| variant.lane.id.0)
                .collect();
            fault(format!(
                "{} has no bare form; it is one of {}",
                group.lane,
                with.join(", ")
            ));
        }
    }
    if let Some(source) = &set.source
        && let Err(why) = source.settings(seed).check()
    {
        fault(format!("source: {why}"));
    }
    for (name, text) in &set.conditions {
        if let Err(why) = lane(name) {
            fault(format!("conditions: {why}"));
        }
        if let Err(why) = text.parse::<Conditions>() {
            fault(bad_conditions(name, &why));
        }
    }
}

fn bad_conditions(lane: &str, why: &BadConditions) -> String {
    let BadConditions::Unknown { name, .. } = why else {
        return format!("conditions of {lane}: {why}");
    };
    let kinds = conditions::ALL.iter().map(|kind| kind.name);
    let known = kinds.chain(conditions::presets::ALL.iter().map(|preset| preset.name));
    let near = nearest(name, known);
    format!("condition \"{name}\" of {lane} is unknown; {near}")
}

/// A lane, and not a row of the compare page.
pub(super) fn lane(name: &str) -> Result<(), String> {
    let lanes = || catalogue::LANES.iter().map(|lane| lane.id.0);
    match lanes().any(|known| known == name) {
        true => Ok(()),
        false => Err(format!(
            "there is no lane \"{name}\"; {}",
            nearest(name, lanes())
        )),
    }
}

pub(super) fn of_run(run: &Run, steps: &[Step], fault: &mut impl FnMut(String)) {
    match (&run.page, &run.experiment) {
        (Some(page), None) => {
            if let Err(why) = address::check(page) {
                fault(why);
            }
        }
        (None, Some(id)) => {
            if let Err(why) = address::experiment(id) {
                fault(why);
            } else if experiments::find(id).is_err() {
                fault(format!(
                    "{id} runs in a page of its own; write page = \"/experiments/{id}\""
                ));
            }
            if run.seen.is_some() {
                fault(
                    "seen is for a page; an experiment's result is read back, take it out"
                        .to_owned(),
                );
            }
        }
        (None, None) if run.live.is_some() => {
            let is_for_one = |step: &Step| matches!(&step.kind, Kind::Run(run) if run.is_for_one());
            if !steps.iter().any(is_for_one) {
                let what =
                    "who is alone has nothing to run; name a page or an experiment beside live";
                fault(what.to_owned());
            }
        }
        _ => fault("name either page or experiment, as in experiment = \"E5\"; or live".to_owned()),
    }
    if run.full && run.experiment.is_none() {
        fault("full is for an experiment; take it out".to_owned());
    }
    if let Some(live) = &run.live {
        if !LIVE_S.contains(&live.seconds) || live.warm_up > WARM_UP_MAX_S {
            fault(format!(
                "live has seconds from {} and warm_up up to {WARM_UP_MAX_S}; shorten it",
                said(&LIVE_S)
            ));
        }
    } else if !run.clients.is_empty() {
        fault("clients are beside a live run; add live, or take them out".to_owned());
    }
    for (name, count) in &run.clients {
        if !rows().any(|row| row == name) {
            let near = nearest(name, rows());
            fault(format!("clients: there is no lane \"{name}\"; {near}"));
        }
        if !(1..=CLIENTS_MAX).contains(count) {
            fault(format!(
                "clients: {name} is {count}; write 1 to {CLIENTS_MAX}"
            ));
        }
    }
    if run
        .seen
        .as_ref()
        .is_some_and(|seen| !is_text(seen, TEXT_MAX))
    {
        fault(format!(
            "seen has 1 to {TEXT_MAX} characters; write what to read off the page"
        ));
    }
    of_links("alone", &run.alone, fault);
}

pub(super) fn of_links(key: &str, markdown: &str, fault: &mut impl FnMut(String)) {
    for link in markup::links(markdown)
        .iter()
        .filter(|link| link.starts_with('/'))
    {
        if let Err(why) = address::check(link) {
            fault(format!("a link in {key} leads nowhere, for {why}"));
        }
    }
}

pub(super) fn of_wait(wait: &Wait, fault: &mut impl FnMut(String)) {
    if !wait.until.is_condition() {
        fault(format!(
            "until: \"{}\" is a figure; compare it, as in {} >= 1",
            wait.until.as_str(),
            wait.until.as_str()
        ));
    }
    if !WAIT_S.contains(&wait.at_most_s) {
        fault(format!(
            "at_most_s is {}; choose {}",
            wait.at_most_s,
            said(&WAIT_S)
        ));
    }
}

pub(super) fn of_code(step: &Code, fault: &mut impl FnMut(String)) {
    let files = || code::FILES.iter().map(|(path, _)| *path);
    let Some((_, text)) = code::FILES.iter().find(|(path, _)| *path == step.file) else {
        let near = nearest(&step.file, files());
        let what = format!("\"{}\" is no file that can be shown; {near}", step.file);
        return fault(what);
    };
    if step.from.trim().is_empty() || !text.lines().any(|line| line.contains(&step.from)) {
        fault(format!(
            "no line of {} has \"{}\"; copy a part of the first line that is to be shown",
            step.file, step.from
        ));
    }
    if !(1..=code::LINES_MAX).contains(&step.lines) {
        fault(format!(
            "lines is {}; choose 1 to {}",
            step.lines,
            code::LINES_MAX
        ));
    }
}
