//! How often something came for each of something else, in words. "0.44 times for each event" is nothing
//! that one can see; "44 questions for every 100 events" is, and so is "one for every two".

use super::numbers::{count, decimal, grouped};

/// What is as near as this to a whole number is that number: "about one for every two".
const NEAR: f64 = 0.05;
/// And beside this nobody needs to be told "about".
const EXACT: f64 = 0.005;
/// Shares from here on are said of so many.
const OF: f64 = 100.0;
/// The largest "for every" whose nearest whole number may be too far off.
const FEW: f64 = 10.0;

/// `2.3 questions for each event`, `one question for each event`, `about one question for every two events`,
/// `44 questions for every 100 events`, `no question`. What things are called has a plural with an `s`. What is
/// below nothing, as a difference of two counts may be, is nothing.
pub fn for_each(often: f64, one: &str, each: &str) -> String {
    let is_near = |value: f64, whole: f64| (value / whole - 1.0).abs() <= NEAR;
    if !often.is_finite() || often <= 0.0 {
        return format!("no {one}");
    }
    if is_near(often, 1.0) {
        return format!("{}one {one} for each {each}", about(often, 1.0));
    }
    if often > 1.0 {
        return format!("{} {one}s for each {each}", decimal(often, 3));
    }
    let every = often.recip();
    let whole = every.round();
    // As a share of many, where no small number is near: one of two and a half.
    if every < FEW && !is_near(every, whole) {
        let share = (often * OF).round();
        return format!("{} {one}s for every {} {each}s", grouped(share), OF);
    }
    let about = about(every, whole);
    format!(
        "{about}one {one} for every {} {each}s",
        count(whole as usize)
    )
}

fn about(value: f64, said: f64) -> &'static str {
    match (value / said - 1.0).abs() <= EXACT {
        true => "",
        false => "about ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_less_often_than_once_is_said_of_more_than_one() {
        for (often, said) in [
            (0.0, "no question"),
            (-0.3, "no question"),
            (f64::NAN, "no question"),
            (12.34, "12.3 questions for each event"),
            (1_680.4, "1,680 questions for each event"),
            (2.0, "2 questions for each event"),
            (1.06, "1.06 questions for each event"),
            (1.04, "about one question for each event"),
            (1.0, "one question for each event"),
            (0.96, "about one question for each event"),
            (0.9, "90 questions for every 100 events"),
            (0.52, "about one question for every two events"),
            (0.5, "one question for every two events"),
            (0.438, "44 questions for every 100 events"),
            (0.25, "one question for every four events"),
            (1.0 / 28.0, "one question for every 28 events"),
            (0.000_01, "one question for every 100,000 events"),
        ] {
            assert_eq!(for_each(often, "question", "event"), said, "{often}");
        }
    }
}
