//! The addresses that a lesson may open, held against what this lab has: a page, and of the compare
//! page its settings.

use super::fault::nearest;
use crate::{catalogue, experiments};

/// Pages that measure or show.
pub const PAGES: [&str; 10] = [
    "/compare",
    "/recovery",
    "/conditions",
    "/dashboard",
    "/chat",
    "/console",
    "/examples",
    "/experiments",
    "/claims",
    "/runs",
];

/// What the compare page reads of its address (`static/js/compare/address.js`), without what a
/// lesson has no business with: the guess, and starting by itself.
const OF_COMPARE: [&str; 12] = [
    "rate_per_s",
    "size_bytes",
    "poll_interval_ms",
    "hold_ms",
    "schedule",
    "seed",
    "warmup_s",
    "lanes",
    "example",
    "payloads",
    "view",
    "projector",
];

/// `Err` says what is wrong and what to do.
pub fn check(address: &str) -> Result<(), String> {
    let address = address.split('#').next().unwrap_or_default();
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    if let Some(id) = path.strip_prefix("/experiments/") {
        return experiment(id);
    }
    if !PAGES.contains(&path) {
        return Err(format!(
            "there is no page \"{path}\" to open; {}",
            nearest(path, PAGES)
        ));
    }
    if path != "/compare" {
        return Ok(());
    }
    let given = query.split('&').filter(|part| !part.is_empty());
    for (name, value) in given.map(|part| part.split_once('=').unwrap_or((part, ""))) {
        if !OF_COMPARE.contains(&name) {
            let near = nearest(name, OF_COMPARE);
            return Err(format!(
                "the compare page has no setting \"{name}\"; {near}"
            ));
        }
        if name == "lanes" {
            value.split(',').try_for_each(lane)?;
        }
    }
    Ok(())
}

/// Of the catalogue, or of the visitor's own browser.
pub fn experiment(id: &str) -> Result<(), String> {
    if experiments::find(id).is_ok() || experiments::in_browser::find(id).is_some() {
        return Ok(());
    }
    let known = experiments::ALL.iter().map(|known| known.id);
    let own = experiments::in_browser::ALL.iter().map(|known| known.id);
    let all: Vec<&str> = known.chain(own).collect();
    Err(format!(
        "there is no experiment \"{id}\"; {}",
        nearest(id, all)
    ))
}

fn lane(name: &str) -> Result<(), String> {
    let lanes = catalogue::LANES.iter().map(|lane| lane.id.0);
    let rows: Vec<&str> = lanes
        .chain(catalogue::VARIANTS.iter().map(|variant| variant.id))
        .collect();
    if rows.contains(&name) {
        return Ok(());
    }
    Err(format!(
        "there is no lane \"{name}\"; {}",
        nearest(name, rows)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_lab_has_can_be_opened_and_what_it_has_not_is_named() {
        for good in [
            "/compare?lanes=short-poll,websocket&rate_per_s=0.2",
            "/recovery",
            "/experiments/e21",
            "/claims#B7",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let why = |address| check(address).unwrap_err();
        assert!(why("/comapre").contains("nearest: \"/compare\""));
        assert!(why("https://a.example/compare").contains("no page"));
        assert!(why("/compare?lanes=websockt").contains("nearest: \"websocket\""));
        assert!(why("/compare?rate=1").contains("no setting \"rate\""));
        assert!(why("/compare?run=1").contains("no setting \"run\""));
        assert!(why("/experiments/E99").contains("no experiment"));
    }
}
