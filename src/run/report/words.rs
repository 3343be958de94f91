//! Figures as people read them: rounded, with what the instruments may have made of them, or as a
//! bound.

use crate::run::{
    answer::grouped,
    figures::{Figure, Unit},
    predicted::Predicted,
};

/// What stands in for a figure that is not one.
pub const INVALID: &str = "invalid";

/// A number as people read it.
pub fn shown(unit: Unit, value: f64) -> String {
    if value < 0.0 {
        return format!("−{}", shown(unit, -value));
    }
    match unit {
        Unit::Microseconds => {
            let (size, places, name) = scale(value);
            format!("{:.places$} {name}", value / size)
        }
        // Not rounded up to what it is not.
        Unit::Share if value < 1.0 => format!("{:.1} %", (value * 1_000.0).floor() / 10.0),
        Unit::Share => format!("{:.0} %", value * 100.0),
        Unit::Bytes => format!("{value:.0} B"),
        Unit::Count if value >= 1_000.0 => grouped(value.round()),
        Unit::Count if value.fract() == 0.0 => format!("{value:.0}"),
        Unit::Count => format!("{value:.2}"),
    }
}

/// The unit in which so many µs are shown, as µs, its decimals and its name.
fn scale(us: f64) -> (f64, usize, &'static str) {
    match us {
        us if us >= 9_999_500.0 => (1e6, 1, "s"),
        us if us >= 99_950.0 => (1e3, 0, "ms"),
        us if us >= 9_995.0 => (1e3, 1, "ms"),
        _ => (1e3, 2, "ms"),
    }
}

/// A number and what it may be off, to the same decimals, the error rounded up: `2500 ms ± 2`.
pub fn shown_with_error(unit: Unit, value: f64, error: f64) -> String {
    let (size, places) = match unit {
        Unit::Microseconds => {
            let (size, places, _) = scale(value);
            (size, places)
        }
        Unit::Share => (0.01, 1),
        Unit::Bytes => (1.0, 0),
        Unit::Count => (1.0, 2),
    };
    let steps = 10f64.powi(places as i32);
    let error = (error / size * steps - 1e-9).ceil() / steps;
    format!("{} ± {error:.places$}", shown(unit, value))
}

/// A bound, rounded up to one digit, since it is none of its own that says more: `below 3 ms`.
pub fn shown_bound(unit: Unit, bound: f64) -> String {
    let (size, name) = match unit {
        Unit::Microseconds if bound >= 1e6 => (1e6, " s"),
        Unit::Microseconds => (1e3, " ms"),
        Unit::Share => (0.01, " %"),
        Unit::Bytes => (1.0, " B"),
        Unit::Count => (1.0, ""),
    };
    let value = bound / size;
    if value <= 0.0 {
        return format!("below 0{name}");
    }
    let digit = 10f64.powf(value.log10().floor());
    let value = (value / digit - 1e-9).ceil() * digit;
    // Nine and a bit may have become ten.
    let power = (value.log10() + 1e-9).floor() as i32;
    let places = (-power).max(0) as usize;
    format!("below {value:.places$}{name}")
}

/// A measured figure as people read it; never a plain number where it cannot be stood behind.
pub fn shown_figure(unit: Unit, figure: Option<&Figure>) -> String {
    match figure {
        None => "–".to_owned(),
        Some(Figure::Valid {
            value,
            error: Some(error),
            ..
        }) => shown_with_error(unit, *value, *error),
        Some(Figure::Valid { value, .. }) => shown(unit, *value),
        Some(Figure::Below { below, .. }) => shown_bound(unit, *below),
        Some(Figure::Invalid { .. }) => INVALID.to_owned(),
    }
}

/// A prediction as people read it: a value with what it may be off, or a bound: `≥ 0.05 ms`.
pub fn shown_predicted(unit: Unit, predicted: Predicted) -> String {
    match predicted.off() {
        Some(off) => shown_with_error(unit, predicted.number(), off),
        None => format!("{}{}", predicted.sign(), shown(unit, predicted.number())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_is_a_value_with_what_it_may_be_off_or_a_bound() {
        let shown = |predicted| shown_predicted(Unit::Microseconds, predicted);
        let value = Predicted::Value {
            value: 254_321.0,
            off: 57_735.0,
            added: 300.0,
        };
        assert_eq!(shown(value), "254 ms ± 58");
        assert_eq!(shown(Predicted::AtLeast { at_least: 50.0 }), "≥ 0.05 ms");
        assert_eq!(shown(Predicted::AtMost { at_most: 5e5 }), "≤ 500 ms");
        let bytes = Predicted::exactly(220.0);
        assert_eq!(shown_predicted(Unit::Bytes, bytes), "220 B");
    }

    #[test]
    fn numbers_are_rounded_for_people_and_not_upwards_to_all() {
        assert_eq!(shown(Unit::Microseconds, 421.0), "0.42 ms");
        assert_eq!(shown(Unit::Microseconds, 250_312.0), "250 ms");
        assert_eq!(shown(Unit::Microseconds, 12_345_678.0), "12.3 s");
        assert_eq!(shown(Unit::Share, 0.99999), "99.9 %");
        assert_eq!(shown(Unit::Share, 1.0), "100 %");
        assert_eq!(shown(Unit::Count, 0.5), "0.50");
        assert_eq!(shown(Unit::Count, 52_834.14), "52,834");
        assert_eq!(shown(Unit::Microseconds, -4_100.0), "−4.10 ms");
    }

    #[test]
    fn an_error_has_the_decimals_of_its_number_and_is_rounded_up() {
        let text = |value, error| shown_with_error(Unit::Microseconds, value, error);
        assert_eq!(text(2_500_000.0, 1_800.0), "2500 ms ± 2");
        assert_eq!(text(421.0, 150.0), "0.42 ms ± 0.15");
        assert_eq!(text(12_500.0, 1_810.0), "12.5 ms ± 1.9");
        assert_eq!(text(12_345_678.0, 2_000.0), "12.3 s ± 0.1");
    }

    #[test]
    fn a_bound_has_one_digit_and_is_never_less_than_it_is() {
        let text = |us| shown_bound(Unit::Microseconds, us);
        assert_eq!(text(2_400.0), "below 3 ms");
        assert_eq!(text(3_000.0), "below 3 ms");
        assert_eq!(text(701.0), "below 0.8 ms");
        assert_eq!(text(96.0), "below 0.1 ms");
        assert_eq!(text(9_600.0), "below 10 ms");
        assert_eq!(text(1_234_000.0), "below 2 s");
        assert_eq!(text(0.0), "below 0 ms");
    }

    #[test]
    fn what_is_no_number_is_shown_as_none() {
        let figure = |figure| shown_figure(Unit::Microseconds, Some(&figure));
        let below = Figure::Below {
            below: 2_501.0,
            error: Some(1_800.0),
        };
        assert_eq!(figure(below), "below 3 ms");
        assert_eq!(figure(Figure::invalid("few")), INVALID);
        assert_eq!(shown_figure(Unit::Count, None), "–");
    }
}
