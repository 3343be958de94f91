//! Losses come before everything: what did not come was neither quick nor cheap.

use super::{DELIVERED, LaneFigures, Load, numbers, numbers::share, reading::Known, spoken};

/// More than this must be missing to be called lost: below it, somebody left a moment early.
const LOST_MIN: f64 = 5e-4;

/// `None` where nobody lost anything.
pub fn clause(load: &Load, lanes: &[LaneFigures]) -> Option<String> {
    let mut known: Vec<(&LaneFigures, f64)> = lanes
        .iter()
        .filter_map(|lane| {
            let delivered = lane.known(DELIVERED)?;
            Some((lane, arrived(&delivered)))
        })
        .collect();
    known.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let (worst, least) = *known.first()?;
    let (best, most) = *known.last()?;
    if least >= 1.0 {
        return None;
    }
    let subject = spoken::subject(load, worst);
    if share(least) == share(most) {
        let who = match known.len() {
            1 => subject,
            2 => "both lanes".to_owned(),
            many => format!("all {} lanes", numbers::count(many)),
        };
        return Some(format!("{who} delivered {} of the events", amount(least)));
    }
    let losers = known
        .iter()
        .filter(|(_, delivered)| *delivered < 1.0)
        .count();
    let others = match losers {
        1 => String::new(),
        many => format!(
            "; {} of {} lanes lost some",
            numbers::count(many),
            numbers::count(known.len())
        ),
    };
    let best_amount = match most >= 1.0 {
        true => "all of them".to_owned(),
        false => share(most),
    };
    Some(format!(
        "{subject} delivered {} of the events, {} {best_amount}{others}",
        amount(least),
        spoken::subject(load, reference(&known, best, most))
    ))
}

/// What was delivered; all of it where that is so by what its instruments may be off. That
/// repetitions differ takes nothing from what was lost in one of them.
pub fn arrived(delivered: &Known) -> f64 {
    match delivered.value + delivered.error > 1.0 - LOST_MIN {
        true => 1.0,
        false => delivered.value,
    }
}

fn amount(delivered: f64) -> String {
    match delivered <= 0.0 {
        true => "none".to_owned(),
        false => share(delivered),
    }
}

/// The best, and of equals the one that people compare with.
fn reference<'a>(
    known: &[(&'a LaneFigures, f64)],
    best: &'a LaneFigures,
    most: f64,
) -> &'a LaneFigures {
    let usual = known
        .iter()
        .find(|(lane, of)| lane.lane == "websocket" && *of >= most);
    usual.map_or(best, |(lane, _)| *lane)
}
