//! From rounds to figures: the median ratio of a scenario with its least and greatest, held against
//! the aim; and how flat the cost is over the number of subscribers.

use serde_json::{Value, json};

use crate::Bench;
use crate::delivery::Shape;
use crate::report::{self, Spread, Table, f2, thousands};

/// The costs of one round in CPU µs per delivery.
pub struct Costs {
    pub base_us: f64,
    pub measured_us: f64,
    pub runs: usize,
    /// How many of the runs have a cost that should not be believed.
    pub doubted: usize,
}

impl Costs {
    fn ratio(&self) -> f64 {
        self.measured_us / self.base_us
    }
}

/// One line per scenario: what its rounds came to.
pub fn sum_up(shapes: &[Shape], costs: &[Vec<Costs>], bench: &mut Bench) {
    let table = sums_table();
    bench.say(&format!("\n{}", table.head()));
    for (shape, costs) in shapes.iter().zip(costs) {
        let sum = Sum::of(costs);
        bench.say(&table.row(&sum.cells(shape)));
        bench.report.summaries.push(sum.to_json(shape));
    }
}

/// How far the cost at 100 and at 10,000 subscribers is from that at 1,000: as measured, and over
/// the bare loop, which pays for cold caches as well.
pub fn sum_up_flatness(costs: &[Costs], bench: &mut Bench) {
    let [few, middle, many] = costs else { return };
    let percent = |of: f64, over: f64| (of / over - 1.0) * 100.0;
    let raw = [few, many].map(|costs| percent(costs.measured_us, middle.measured_us));
    let over_bare = [few, many].map(|costs| percent(costs.ratio(), middle.ratio()));
    bench.say(&format!(
        "cost against that at 1,000 subscribers: {:+.0} % at 100, {:+.0} % at 10,000 \
         (later aim: ±15 %); over the bare loop {:+.0} % and {:+.0} %",
        raw[0], raw[1], over_bare[0], over_bare[1]
    ));
    bench.report.summaries.push(json!({
        "scenario": "flatness", "cost_percent_at_100_and_10000": raw,
        "ratio_percent_at_100_and_10000": over_bare,
    }));
}

/// The rounds of one scenario, put together.
struct Sum {
    base_us: Spread,
    measured_us: Spread,
    ratio: Spread,
    runs: usize,
    doubted: usize,
}

impl Sum {
    fn of(costs: &[Costs]) -> Self {
        let spread = |of: fn(&Costs) -> f64| report::spread(costs.iter().map(of).collect());
        Sum {
            base_us: spread(|costs| costs.base_us),
            measured_us: spread(|costs| costs.measured_us),
            ratio: spread(Costs::ratio),
            runs: costs.iter().map(|costs| costs.runs).sum(),
            doubted: costs.iter().map(|costs| costs.doubted).sum(),
        }
    }

    fn cells(&self, shape: &Shape) -> Vec<String> {
        let aim = shape.aims.map_or(String::new(), |(now, later)| {
            format!("≤ {now:.2} {}, later ≤ {later:.2}", self.judgement(now))
        });
        vec![
            shape.name.to_owned(),
            thousands(shape.subscribers as f64),
            thousands(shape.rate_per_s as f64),
            self.runs.to_string(),
            self.doubted.to_string(),
            shape.measured.label().to_owned(),
            shape.base.label().to_owned(),
            f2(self.base_us.median),
            f2(self.measured_us.median),
            f2(self.ratio.median),
            format!("{} – {}", f2(self.ratio.least), f2(self.ratio.most)),
            aim,
        ]
    }

    fn judgement(&self, aim: f64) -> &'static str {
        if self.doubted * 2 > self.runs {
            "not judged: most runs are doubted"
        } else {
            report::verdict(self.ratio.median <= aim)
        }
    }

    fn to_json(&self, shape: &Shape) -> Value {
        json!({
            "scenario": shape.name, "subscribers": shape.subscribers,
            "measured": shape.measured.label(), "base": shape.base.label(),
            "rate_per_s": shape.rate_per_s, "runs": self.runs, "runs_doubted": self.doubted,
            "base_us": self.base_us.to_json(), "measured_us": self.measured_us.to_json(),
            "ratio": self.ratio.to_json(), "aim_ratio": shape.aims.map(|(now, _)| now),
            "later_aim_ratio": shape.aims.map(|(_, later)| later),
        })
    }
}

fn sums_table() -> Table {
    Table::new(&[
        ("scenario", -8),
        ("subscribers", 11),
        ("rate/s", 6),
        ("runs", 5),
        ("doubted", 7),
        ("measured", -15),
        ("base", -5),
        ("base µs", 8),
        ("measured µs", 11),
        ("ratio", 6),
        ("least – most", -13),
        ("aim", -1),
    ])
}
