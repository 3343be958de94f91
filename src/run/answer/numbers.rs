//! Numbers as people say them, never more precise than they are.

/// `two` to `twelve`, then digits.
pub fn count(number: usize) -> String {
    const WORDS: [&str; 12] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    match number.checked_sub(1).and_then(|at| WORDS.get(at)) {
        Some(word) => (*word).to_owned(),
        None => grouped(number as f64),
    }
}

/// A whole number in words up to twelve, others in digits with at most one decimal.
pub fn quantity(number: f64) -> String {
    let rounded = (number * 10.0).round() / 10.0;
    match rounded.fract() == 0.0 && (1.0..=12.0).contains(&rounded) {
        true => count(rounded as usize),
        false => grouped(rounded),
    }
}

/// The decade of rounding that fits an error: half a step is at most the error.
fn step(off: f64) -> f64 {
    10f64.powf((2.0 * off).log10().floor())
}

/// Rounded so that it is not more precise than `off`.
pub fn within(value: f64, off: f64) -> f64 {
    match off > 0.0 {
        true => (value / step(off)).round() * step(off),
        false => value,
    }
}

/// With `digits` significant digits and no zeros behind the point.
pub fn decimal(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let step = 10f64.powi(value.abs().log10().floor() as i32 + 1 - digits);
    grouped((value / step).round() * step)
}

/// With commas between thousands and at most two decimals.
pub fn grouped(value: f64) -> String {
    let text = format!("{:.2}", value.abs());
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A time in µs as `243 ms`, `6.8 ms`, `2.5 s`: not more precise than `off`, of three digits at most.
pub fn span_us(us: f64, off: f64) -> String {
    let rounded = within(us, off.max(us * 5e-4).max(50.0));
    match rounded >= 999_500.0 {
        true => format!("{} s", grouped((rounded / 1e4).round() / 1e2)),
        false => format!("{} ms", grouped((rounded / 1e2).round() / 10.0)),
    }
}

/// A bound of a time in µs, never less than it is: `2.5 ms`, `26 ms`, `1.24 s`.
pub fn at_most_us(us: f64) -> String {
    let step = match us {
        us if us >= 1e6 => 1e4,
        us if us >= 1e4 => 1e3,
        _ => 100.0,
    };
    span_us((us / step - 1e-9).ceil().max(1.0) * step, 0.0)
}

/// An error of this share of a time and more makes it a range.
const RANGE_SHARE: f64 = 0.2;

/// Where a time in µs lies whose error is large beside it: from (`None` for nothing) and to, the latter
/// with the unit, as `49` and `79 ms`; rounded outwards, so that the truth stays inside. `None` where
/// the error is small and the time is a number.
pub fn range_us(value: f64, low: f64, high: f64) -> Option<(Option<String>, String)> {
    if (high - value).max(value - low) <= RANGE_SHARE * value {
        return None;
    }
    let step = 10f64.powf(((high - low) / 10.0).log10().floor()).max(100.0);
    let from = (low / step + 1e-9).floor() * step;
    let to = (high / step - 1e-9).ceil() * step;
    let (unit, name, decimals) = match to >= 999_500.0 {
        true => (1e6, "s", 1e2),
        false => (1e3, "ms", 1e1),
    };
    let number = |us: f64| grouped((us / unit * decimals).round() / decimals);
    let from = Some(number(from)).filter(|from| from != "0");
    Some((from, format!("{} {name}", number(to))))
}

/// A setting in ms: `500 ms`, `2.5 s`, `1 s`.
pub fn span_ms(ms: f64) -> String {
    match ms >= 1_000.0 {
        true => format!("{} s", grouped(ms / 1e3)),
        false => format!("{} ms", grouped(ms)),
    }
}

/// `96 %`; not rounded up to all, nor down to nothing.
pub fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent >= 100.0 => "100 %".to_owned(),
        _ if !(1.0..99.0).contains(&percent) => {
            let tenths = (percent * 10.0).floor() / 10.0;
            match tenths > 0.0 || percent <= 0.0 {
                true => format!("{} %", grouped(tenths)),
                false => "less than 0.1 %".to_owned(),
            }
        }
        _ => format!("{:.0} %", percent.min(99.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!(count(4), "four");
        assert_eq!(count(5_000), "5,000");
        assert_eq!(quantity(2.5), "2.5");
        assert_eq!(quantity(12.0), "twelve");
        assert_eq!(quantity(0.0), "0");
        assert_eq!(decimal(45.2, 2), "45");
        assert_eq!(decimal(451.0, 2), "450");
        assert_eq!(decimal(3.24, 2), "3.2");
        assert_eq!(decimal(f64::NAN, 2), "0");
        assert_eq!(grouped(1_234_567.5), "1,234,567.5");
        assert_eq!(span_ms(500.0), "500 ms");
        assert_eq!(span_ms(2_500.0), "2.5 s");
    }

    #[test]
    fn nothing_is_more_precise_than_its_error() {
        assert_eq!(span_us(243_200.0, 2_000.0), "243 ms");
        assert_eq!(span_us(243_200.0, 9_000.0), "240 ms");
        assert_eq!(span_us(6_812.0, 100.0), "6.8 ms");
        assert_eq!(span_us(2_514_000.0, 20_000.0), "2.51 s");
        assert_eq!(span_us(2_514_000.0, 200_000.0), "2.5 s");
        assert_eq!(at_most_us(2_401.0), "2.5 ms");
        assert_eq!(at_most_us(3_000.0), "3 ms");
        assert_eq!(at_most_us(25_100.0), "26 ms");
        assert_eq!(at_most_us(1_231_000.0), "1.24 s");
        assert_eq!(at_most_us(0.0), "0.1 ms");
    }

    #[test]
    fn a_time_with_a_large_error_is_a_range_that_holds_it() {
        let range = |value, low, high| {
            range_us(value, low, high).map(|(from, to)| (from.unwrap_or_default(), to))
        };
        let said = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
        assert_eq!(range(78_600.0, 49_100.0, 78_600.0), said("49", "79 ms"));
        assert_eq!(range(4_600.0, 3_600.0, 5_600.0), said("3.6", "5.6 ms"));
        assert_eq!(range(250_000.0, 96_000.0, 391_000.0), said("90", "400 ms"));
        assert_eq!(
            range(900_000.0, 600_000.0, 1_210_000.0),
            said("0.6", "1.21 s")
        );
        assert_eq!(range(500.0, 0.0, 1_500.0), said("", "1.5 ms"));
        assert_eq!(range(250_000.0, 248_000.0, 252_000.0), None);
    }

    #[test]
    fn shares_are_neither_rounded_to_all_nor_to_nothing() {
        assert_eq!(share(0.9599), "96 %");
        assert_eq!(share(0.9999), "99.9 %");
        assert_eq!(share(0.9871), "99 %");
        assert_eq!(share(1.0), "100 %");
        assert_eq!(share(0.0), "0 %");
        assert_eq!(share(0.0001), "less than 0.1 %");
    }
}
