//! Plain tables as runs end, one JSON line when all is done, and the little statistics between them.

use std::fs;

use serde_json::{Value, json};

/// Everything measured, for the JSON line.
#[derive(Default)]
pub struct Report {
    pub runs: Vec<Value>,
    pub summaries: Vec<Value>,
    pub idle: Vec<Value>,
    pub start: Option<Value>,
    /// What must never happen, such as a lost publication. Any makes the bench fail.
    pub failures: Vec<String>,
}

impl Report {
    /// One object: `setting`, then a list per kind of result; what was not asked for is empty.
    pub fn to_json(&self, setting: &Value) -> Value {
        json!({
            "bench": "fanout", "setting": setting, "summaries": self.summaries, "runs": self.runs,
            "idle": self.idle, "start": self.start, "failures": self.failures,
        })
    }
}

/// Facts of the host that move the figures.
pub fn host() -> Value {
    let read = |path: &str| {
        fs::read_to_string(path)
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let cpu_info = read("/proc/cpuinfo");
    let model = cpu_info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    json!({
        "kernel": read("/proc/sys/kernel/osrelease"),
        "cpu": model.map(|(_, name)| name),
        "congestion_control": read("/proc/sys/net/ipv4/tcp_congestion_control"),
        "load_average": read("/proc/loadavg"),
    })
}

/// Columns of fixed width; a negative width aligns to the left.
pub struct Table {
    columns: Vec<(String, usize, bool)>,
}

impl Table {
    pub fn new(columns: &[(&str, i32)]) -> Self {
        let column = |&(name, width): &(&str, i32)| {
            (
                name.to_owned(),
                name.chars().count().max(width.unsigned_abs() as usize),
                width < 0,
            )
        };
        Table {
            columns: columns.iter().map(column).collect(),
        }
    }

    pub fn head(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, ..)| name.clone()).collect();
        self.row(&names)
    }

    pub fn row(&self, cells: &[String]) -> String {
        let cell = |((_, width, is_left), cell): (&(String, usize, bool), &String)| {
            if *is_left {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        };
        let cells: Vec<String> = self.columns.iter().zip(cells).map(cell).collect();
        cells.join("  ").trim_end().to_owned()
    }
}

/// Median with least and greatest; a missing (not a number) value makes all three missing.
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Spread {
    pub fn to_json(&self) -> Value {
        json!({"least": self.least, "median": self.median, "most": self.most})
    }
}

pub fn spread(mut values: Vec<f64>) -> Spread {
    if values.is_empty() || values.iter().any(|value| value.is_nan()) {
        return Spread {
            least: f64::NAN,
            median: f64::NAN,
            most: f64::NAN,
        };
    }
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    };
    Spread {
        least: values[0],
        median,
        most: values[values.len() - 1],
    }
}

/// The number at a JSON pointer such as `/lag_us/p99`; not a number when there is none.
pub fn number_at(value: &Value, pointer: &str) -> f64 {
    value
        .pointer(pointer)
        .and_then(Value::as_f64)
        .unwrap_or(f64::NAN)
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

/// Two digits behind the point; a missing value is a dash.
pub fn f2(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.2}")
    } else {
        "–".to_owned()
    }
}

/// One digit behind the point; a missing value is a dash.
pub fn f1(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.1}")
    } else {
        "–".to_owned()
    }
}

/// Rounded, with commas: 396,500; a missing value is a dash.
pub fn thousands(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
