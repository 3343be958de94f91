//! Values of conditions as text: durations, rates, sizes, counts, shares and choices, each with its
//! range and its unit.

use std::{fmt, time::Duration};

/// The values that a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    /// A duration, in ms.
    Span {
        /// The shortest, ms.
        least_ms: u64,
        /// The longest, ms.
        most_ms: u64,
    },
    /// Bits per second.
    Rate {
        /// The slowest, bit/s.
        least: u64,
        /// The fastest, bit/s.
        most: u64,
    },
    /// Bytes.
    Bytes {
        /// The fewest.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A whole number.
    Count {
        /// The fewest.
        least: u64,
        /// The most.
        most: u64,
    },
    /// 0 to 1.
    Share,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// One value, inside its range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A duration.
    Span(Duration),
    /// Bits per second.
    Rate(u64),
    /// A number of bytes.
    Bytes(u64),
    /// A whole number.
    Count(u64),
    /// 0 to 1.
    Share(f64),
    /// One of the words of its range.
    Choice(&'static str),
}

/// Units, largest first, in multiples of the smallest: a value is printed in the first one that
/// divides it.
const RATES: &[(&str, u64)] = &[
    ("gbit", 1_000_000_000),
    ("mbit", 1_000_000),
    ("kbit", 1_000),
    ("bit", 1),
];
const SIZES: &[(&str, u64)] = &[("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
const SPANS: &[(&str, u64)] = &[
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

impl Range {
    /// Reads a value; the error says what is expected.
    pub fn read(self, text: &str) -> Result<Value, String> {
        let value = match self {
            Self::Span { .. } => counted(text, SPANS).map(|us| Value::Span(micros(us))),
            Self::Rate { .. } => counted(text.trim_end_matches("/s"), RATES).map(Value::Rate),
            Self::Bytes { .. } => counted(text, SIZES).map(Value::Bytes),
            Self::Count { .. } => text.parse().ok().map(Value::Count),
            Self::Share => text.parse().ok().map(Value::Share),
            Self::Choice(all) => all
                .iter()
                .find(|one| one.eq_ignore_ascii_case(text))
                .map(|one| Value::Choice(one)),
        };
        value
            .filter(|value| self.holds(*value))
            .ok_or_else(|| self.to_string())
    }

    /// Whether the value is of this range's kind and inside.
    fn holds(self, value: Value) -> bool {
        match (self, value) {
            (Self::Span { least_ms, most_ms }, Value::Span(span)) => {
                span >= Duration::from_millis(least_ms) && span <= Duration::from_millis(most_ms)
            }
            (Self::Rate { least, most }, Value::Rate(value))
            | (Self::Bytes { least, most }, Value::Bytes(value))
            | (Self::Count { least, most }, Value::Count(value)) => (least..=most).contains(&value),
            (Self::Share, Value::Share(value)) => (0.0..=1.0).contains(&value),
            (Self::Choice(_), Value::Choice(_)) => true,
            _ => false,
        }
    }

    /// The unit, for people.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Span { .. } => "duration",
            Self::Rate { .. } => "bits per second",
            Self::Bytes { .. } => "bytes",
            Self::Count { .. } => "count",
            Self::Share => "share",
            Self::Choice(_) => "choice",
        }
    }

    /// The words of a choice; empty for other ranges.
    pub fn choices(self) -> &'static [&'static str] {
        match self {
            Self::Choice(all) => all,
            _ => &[],
        }
    }

    /// The ends of the range as text; empty for a choice.
    pub fn ends(self) -> Option<(Value, Value)> {
        let span = |ms| Value::Span(Duration::from_millis(ms));
        match self {
            Self::Span { least_ms, most_ms } => Some((span(least_ms), span(most_ms))),
            Self::Rate { least, most } => Some((Value::Rate(least), Value::Rate(most))),
            Self::Bytes { least, most } => Some((Value::Bytes(least), Value::Bytes(most))),
            Self::Count { least, most } => Some((Value::Count(least), Value::Count(most))),
            Self::Share => Some((Value::Share(0.0), Value::Share(1.0))),
            Self::Choice(_) => None,
        }
    }
}

fn micros(us: u64) -> Duration {
    Duration::from_micros(us)
}

/// `1.5s` → 1,500,000; a bare 0 needs no unit.
fn counted(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    let each = match units
        .iter()
        .find(|known| known.0.eq_ignore_ascii_case(unit))
    {
        Some((_, each)) => *each,
        None if unit.is_empty() && number == 0.0 => 1,
        None => return None,
    };
    let all = (number * each as f64).round();
    (all.is_finite() && all <= 1e15).then_some(all as u64)
}

/// In the largest unit that leaves no rest: 65,536 is printed as 64KiB, and 65,537 as 65537B.
fn in_units(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let fitting = units
        .iter()
        .find(|(_, each)| value >= *each && value.is_multiple_of(*each))
        .or(units.last());
    match fitting {
        // 0s rather than 0us.
        _ if value == 0 && units[0].0 == "h" => f.write_str("0s"),
        Some((unit, each)) => write!(f, "{}{unit}", value / each),
        None => Ok(()),
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Span(span) => in_units(f, span.as_micros() as u64, SPANS),
            Self::Rate(bits) => in_units(f, *bits, RATES),
            Self::Bytes(bytes) => in_units(f, *bytes, SIZES),
            Self::Count(count) => count.fmt(f),
            Self::Share(share) => share.fmt(f),
            Self::Choice(choice) => f.write_str(choice),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.ends()) {
            (Self::Choice(all), _) => write!(f, "choose {}", all.join(" or ")),
            (Self::Span { .. }, Some((least, most))) => {
                write!(f, "choose {least} to {most}, written like 50ms or 2s")
            }
            (Self::Rate { .. }, Some((least, most))) => {
                write!(f, "choose {least} to {most}, written like 512kbit or 2mbit")
            }
            (Self::Bytes { .. }, Some((least, most))) => {
                write!(f, "choose {least} to {most}, written like 512B or 16KiB")
            }
            (_, Some((least, most))) => write!(f, "choose {least} to {most}"),
            (_, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Range = Range::Span {
        least_ms: 0,
        most_ms: 60_000,
    };
    const RATE: Range = Range::Rate {
        least: 1_000,
        most: 10_000_000_000,
    };

    #[test]
    fn values_are_read_and_printed_in_their_units() {
        for (range, text, printed) in [
            (SPAN, "50ms", "50ms"),
            (SPAN, "1.5s", "1500ms"),
            (SPAN, "0", "0s"),
            (SPAN, "1m", "1m"),
            (SPAN, "250us", "250us"),
            (RATE, "2mbit", "2mbit"),
            (RATE, "2Mbit/s", "2mbit"),
            (RATE, "1.5mbit", "1500kbit"),
            (
                Range::Bytes {
                    least: 1,
                    most: 1 << 20,
                },
                "4KiB",
                "4KiB",
            ),
            (Range::Choice(&["fin", "rst"]), "RST", "rst"),
            (Range::Share, "0.25", "0.25"),
        ] {
            let value = range.read(text).unwrap();
            assert_eq!(value.to_string(), printed);
            assert_eq!(range.read(printed), Ok(value), "{printed}");
        }
    }

    #[test]
    fn what_is_outside_its_range_or_has_no_unit_is_refused_with_the_range() {
        for text in ["61s", "50", "-1ms", "", "ms", "1e3ms", "fast", "nan", "1 s"] {
            let error = SPAN.read(text).unwrap_err();
            assert!(error.contains("0s to 1m"), "{text}: {error}");
        }
        assert!(RATE.read("10bit").unwrap_err().contains("1kbit to 10gbit"));
        assert!(RATE.read("2MB").is_err());
        assert!(Range::Share.read("1.5").is_err() && Range::Share.read("NaN").is_err());
        let choice = Range::Choice(&["fin", "rst"]).read("cut").unwrap_err();
        assert_eq!(choice, "choose fin or rst");
    }
}
