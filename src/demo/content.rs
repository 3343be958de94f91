//! What sources publish: payloads of an exact size, and a seeded market.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// Smallest payload that can be asked for; a count of ten digits fits in it.
pub const SIZE_MIN_BYTES: usize = 20;
/// Largest payload that can be asked for.
pub const SIZE_MAX_BYTES: usize = 32_768;

/// `{"n":17,"pad":"xxx"}`, exactly `size_bytes` long; where that is too short for the field,
/// blanks do.
pub fn sized(n: u64, size_bytes: usize) -> Box<RawValue> {
    padded(n, "", size_bytes)
}

/// As [`sized`]; the padding begins with the instant at which it is meant to be published, µs since
/// the Unix epoch, where there is room for its digits: `{"n":17,"pad":"1763800000000000xxx"}`.
///
/// So every row of a comparison knows when an event was meant, those too whose protocol does not say,
/// and all pay the same for it: not a byte, and no quote, more than without.
pub fn sized_with_instant(n: u64, intended_us: u64, size_bytes: usize) -> Box<RawValue> {
    padded(n, &intended_us.to_string(), size_bytes)
}

fn padded(n: u64, begins: &str, size_bytes: usize) -> Box<RawValue> {
    let count = format!("{{\"n\":{n}");
    let with_field = count.len() + ",\"pad\":\"\"}".len();
    let text = match size_bytes.checked_sub(with_field) {
        Some(pad) => {
            let begins = if begins.len() <= pad { begins } else { "" };
            let rest = "x".repeat(pad - begins.len());
            format!("{count},\"pad\":\"{begins}{rest}\"}}")
        }
        None => format!("{count:<width$}}}", width = size_bytes.saturating_sub(1)),
    };
    RawValue::from_string(text).expect("an object of a number and a string is JSON")
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Quote {
    symbol: &'static str,
    price: f64,
    /// Since the start, in percent.
    change: f64,
}

/// Prices that walk at random, fixed by the seed.
pub struct Market {
    random: StdRng,
    n: u64,
    prices: Vec<(&'static str, f64, f64)>,
}

impl Market {
    /// A market whose prices are the same for the same seed.
    pub fn new(seed: u64) -> Self {
        const LISTED: [(&str, f64); 8] = [
            ("ACTX", 101.0),
            ("TOKI", 54.2),
            ("SERD", 230.5),
            ("ASKA", 17.8),
            ("FERR", 88.0),
            ("CRAB", 42.4),
            ("WIRE", 311.1),
            ("POLL", 9.9),
        ];
        Self {
            random: StdRng::seed_from_u64(seed),
            n: 0,
            prices: LISTED
                .iter()
                .map(|(symbol, price)| (*symbol, *price, *price))
                .collect(),
        }
    }

    /// One step: every price moves by up to half a percent.
    pub fn step(&mut self) {
        self.n += 1;
        for (_, price, _) in &mut self.prices {
            let by: f64 = self.random.random_range(-0.005..0.005);
            *price = (*price * (1.0 + by)).max(0.01);
        }
    }

    /// The whole market now, `{"n","quotes":[…],"pad"}`, at least `size_bytes` long.
    pub fn snapshot(&self, size_bytes: usize) -> Box<RawValue> {
        #[derive(Serialize)]
        struct Snapshot<'a> {
            n: u64,
            quotes: &'a [Quote],
            pad: &'a str,
        }
        let quotes: Vec<_> = self
            .prices
            .iter()
            .map(|(symbol, price, first)| Quote {
                symbol,
                price: (price * 100.0).round() / 100.0,
                change: ((price / first - 1.0) * 1e4).round() / 100.0,
            })
            .collect();
        let encode = |pad: &str| {
            let quotes = quotes.as_slice();
            to_raw_value(&Snapshot {
                n: self.n,
                quotes,
                pad,
            })
            .expect("finite numbers are JSON")
        };
        let bare = encode("");
        match size_bytes.saturating_sub(bare.get().len()) {
            0 => bare,
            missing => encode(&"x".repeat(missing)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sized_payloads_are_exact() {
        for n in [1, 99, 12_345_678] {
            for size in [20, 21, 25, 60, 125, 4_096] {
                let data = sized(n, size);
                assert_eq!(data.get().len(), size, "{data}");
                let value: serde_json::Value = serde_json::from_str(data.get()).unwrap();
                assert_eq!(value["n"], n);
            }
        }
    }

    #[test]
    fn an_instant_takes_no_room() {
        let at = 1_763_800_000_000_000;
        for size in [20, 31, 32, 60, 4_096] {
            let data = sized_with_instant(7, at, size);
            assert_eq!(data.get().len(), size);
            assert_eq!(data.get().contains(&at.to_string()), size >= 32, "{data}");
            let quotes = |text: &str| text.matches('"').count();
            assert_eq!(quotes(data.get()), quotes(sized(7, size).get()));
        }
    }

    #[test]
    fn the_market_is_fixed_by_its_seed() {
        let day = |seed| {
            let mut market = Market::new(seed);
            (0..100).for_each(|_| market.step());
            market.snapshot(0).get().to_owned()
        };
        assert_eq!(day(1), day(1));
        assert_ne!(day(1), day(2));
    }

    #[test]
    fn a_snapshot_has_at_least_the_asked_size() {
        let market = Market::new(1);
        assert_eq!(market.snapshot(2_000).get().len(), 2_000);
        let value: serde_json::Value = serde_json::from_str(market.snapshot(20).get()).unwrap();
        assert_eq!(value["quotes"].as_array().unwrap().len(), 8);
    }
}
