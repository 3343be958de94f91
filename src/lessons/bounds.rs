//! What a lesson's file may hold: `rules` keeps files to it, and `docs/lesson-files.md` names it.

use std::ops::RangeInclusive;

/// Letters of a title.
pub const TITLE_MAX: usize = 60;
/// Of a sentence that a lesson asks or says in its blocks, in letters.
pub const TEXT_MAX: usize = 400;
/// A lesson's place in the list.
pub const ORDER: RangeInclusive<u16> = 1..=999;
/// Of a lesson.
pub const MINUTES: RangeInclusive<u8> = 3..=10;
/// That a lesson names.
pub const CLAIMS: RangeInclusive<usize> = 1..=12;
/// Sentences about what a lab lacks.
pub const LACKS_MAX: usize = 6;
/// Addresses of one lesson.
pub const PAGES_MAX: usize = 8;
/// Phones that a lesson asks for, and native clients that may take their place or stand beside them.
pub const CLIENTS_MAX: u16 = 100;
/// Labs that run at once.
pub const NODES: RangeInclusive<u8> = 1..=2;
/// Blocks of one lesson.
pub const STEPS_MAX: usize = 24;

/// Of a guess that has a time of its own.
pub const GUESS_S: RangeInclusive<u16> = 5..=300;
/// Of a unit, in letters.
pub const UNIT_MAX: usize = 30;
/// Of an option or an item, in letters.
pub const OPTION_MAX: usize = 120;
/// Of a choice.
pub const OPTIONS: RangeInclusive<usize> = 2..=6;
/// Points of a curve.
pub const POINTS: RangeInclusive<usize> = 3..=5;
/// Of an order.
pub const ITEMS: RangeInclusive<usize> = 3..=6;
/// Of the last question.
pub const ASK_OPTIONS: RangeInclusive<usize> = 3..=4;
/// Of a guess's axis, both ways from 0; the smallest of a log scale is as far from 1.
pub const AXIS_MAX: f64 = 1e12;

/// Groups of phones.
pub const GROUPS_MAX: usize = 12;
/// Of a group.
pub const SHARE: RangeInclusive<u16> = 1..=100;
/// Between two polls of a group, ms.
pub const POLL_INTERVAL_MS: RangeInclusive<u64> = 50..=60_000;
/// That a live run counts.
pub const LIVE_S: RangeInclusive<u16> = 1..=60;
/// Before it counts.
pub const WARM_UP_MAX_S: u16 = 10;
/// That something is waited for.
pub const WAIT_S: RangeInclusive<u16> = 1..=120;
/// Of one reveal.
pub const FIGURES_MAX: usize = 6;

/// Words on screens: more is read by nobody in five minutes.
pub const WORDS_MAX: usize = 350;
/// Words of a sentence that is easily read.
pub const SENTENCE_MAX: usize = 24;

/// As people write it: "3 to 10".
pub fn said<T: std::fmt::Display>(range: &RangeInclusive<T>) -> String {
    format!("{} to {}", range.start(), range.end())
}
