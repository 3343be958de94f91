//! What changed from one run to another, in one sentence: which settings differ, and which lane's
//! figure moved the most.

use super::{
    BYTES, DELIVERED, HALF, LaneFigures, Load, MEAN, NOTABLE_RATIO, loss::arrived, numbers,
    numbers::share, pair::NO_DIFFERENCE, reading::Known, spoken,
};

/// Settings that are named; of more, how many.
const SETTINGS_MAX: usize = 3;

/// The setting that names a file of messages; "–" for none.
const PAYLOAD: &str = "payload";

/// A run and what it is called.
pub struct Side<'a> {
    /// What it is called in the sentence.
    pub name: &'a str,
    /// What was published, and to how many.
    pub load: &'a Load,
    /// Its lanes.
    pub lanes: &'a [LaneFigures],
}

/// A lane's figure in both.
struct Change<'a> {
    lane: &'a LaneFigures,
    figure: &'static str,
    from: Known,
    to: Known,
}

/// `settings`: a name, and both values.
pub fn sentence(a: &Side<'_>, b: &Side<'_>, settings: &[(String, String, String)]) -> String {
    let opening = format!(
        "From {} to {}, {}",
        a.name,
        b.name,
        differing(a.load, b.load, settings)
    );
    let shared: Vec<(&LaneFigures, &LaneFigures)> = a
        .lanes
        .iter()
        .filter_map(|lane| Some((lane, b.lanes.iter().find(|other| other.lane == lane.lane)?)))
        .collect();
    if shared.is_empty() {
        return format!("{opening}, nothing can be compared: they have no lane in common.");
    }
    let of = |figure| changes(&shared, figure);
    let delays: Vec<Change<'_>> = of(HALF).into_iter().chain(of(MEAN)).collect();
    let (losses, bytes) = (of(DELIVERED), of(BYTES));
    let lost = most(&losses, |change| change.apart());
    let moved = most(&bytes, Change::factor).filter(|change| change.factor() >= NOTABLE_RATIO);
    let late = most(&delays, |change| change.apart());
    match lost.or(moved).or(late) {
        Some(change) => format!("{opening}, {}.", change.words(b.load, &delays)),
        None if delays.is_empty() && bytes.is_empty() && losses.is_empty() => {
            format!("{opening}, nothing can be told: no figure of a lane stands in both.")
        }
        None => format!("{opening}, nothing changed that can be told apart from its error."),
    }
}

/// `with rate 20 instead of 4`.
fn differing(a: &Load, b: &Load, settings: &[(String, String, String)]) -> String {
    let has_payload = settings.iter().any(|(name, ..)| name == PAYLOAD);
    // Somebody's own messages are of no size that was set.
    let settings: Vec<_> = settings
        .iter()
        .filter(|(name, ..)| !(has_payload && name == "size"))
        .collect();
    let named: Vec<String> = settings
        .iter()
        .take(SETTINGS_MAX)
        .map(|(name, of_a, of_b)| match name.as_str() {
            PAYLOAD => format!("{} instead of {}", data(b, of_b), data(a, of_a)),
            "host" => "on another machine or system".to_owned(),
            "version" => format!("pushlab {of_b} instead of {of_a}"),
            _ => format!("{} {of_b} instead of {of_a}", name.replace('_', " ")),
        })
        .collect();
    let more = match settings.len().saturating_sub(SETTINGS_MAX) {
        0 => String::new(),
        1 => " and one more setting".to_owned(),
        many => format!(" and {} more settings", numbers::count(many)),
    };
    match named.is_empty() {
        true => "with the same settings".to_owned(),
        false => format!("with {}{more}", named.join(", ")),
    }
}

/// What was sent: of a size, or out of a file.
fn data(load: &Load, file: &str) -> String {
    match (file, load.size_bytes) {
        ("–", Some(bytes)) => format!("data of {} bytes", numbers::grouped(bytes)),
        ("–", None) => "data of the usual size".to_owned(),
        (file, _) => format!("the messages of {file}"),
    }
}

/// Of every lane whose figure is known in both.
fn changes<'a>(
    shared: &[(&'a LaneFigures, &'a LaneFigures)],
    figure: &'static str,
) -> Vec<Change<'a>> {
    let of = |(a, b): &(&'a LaneFigures, &'a LaneFigures)| {
        Some(Change {
            lane: b,
            figure,
            from: a.known(figure)?,
            to: b.known(figure)?,
        })
    };
    shared.iter().filter_map(of).collect()
}

/// The largest that its errors do not explain.
fn most<'a, 'b>(
    all: &'b [Change<'a>],
    size: impl Fn(&Change<'a>) -> f64,
) -> Option<&'b Change<'a>> {
    let told = all.iter().filter(|change| change.apart() > 0.0);
    told.max_by(|a, b| size(a).total_cmp(&size(b)))
}

impl Change<'_> {
    /// At least so far apart, whatever the errors. Shares are counted, and have only those of
    /// cuts; where both are said alike nothing changed.
    fn apart(&self) -> f64 {
        match self.figure {
            DELIVERED => {
                let (from, to) = (arrived(&self.from), arrived(&self.to));
                match share(from) == share(to) {
                    true => 0.0,
                    false => ((to - from).abs() - self.from.error - self.to.error).max(0.0),
                }
            }
            _ => (self.to.low - self.from.high)
                .max(self.from.low - self.to.high)
                .max(0.0),
        }
    }

    /// Of the larger to the smaller.
    fn factor(&self) -> f64 {
        let (a, b) = (self.from.value, self.to.value);
        a.max(b) / a.min(b).max(f64::MIN_POSITIVE)
    }

    fn words(&self, load: &Load, delays: &[Change<'_>]) -> String {
        let name = spoken::subject(load, self.lane);
        match self.figure {
            DELIVERED => format!(
                "{name} delivered {} of the events instead of {}",
                share(arrived(&self.to)),
                share(arrived(&self.from))
            ),
            BYTES => {
                let late = delays
                    .iter()
                    .find(|delay| delay.lane.lane == self.lane.lane);
                let late = late.map_or_else(String::new, |delay| match delay.apart() > 0.0 {
                    true => format!(", and {}", delay.late()),
                    false => format!(", and {NO_DIFFERENCE}"),
                });
                format!(
                    "{name} used {} bytes for each event instead of {}{late}",
                    self.to.rounded(),
                    self.from.rounded()
                )
            }
            _ => format!("{name} {}", self.late()),
        }
    }

    fn late(&self) -> String {
        match self.figure {
            MEAN => format!(
                "was {} late on average instead of {}",
                self.to.spoken_us(),
                self.from.spoken_us()
            ),
            _ => format!(
                "brought half of the events {} instead of {}",
                self.to.within_us(),
                self.from.spoken_us()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::answer::tests::lane;

    fn load() -> Load {
        Load {
            rate_per_s: 4.0,
            poll_interval_ms: Some(500.0),
            ..Load::default()
        }
    }

    fn said(a: &[LaneFigures], b: &[LaneFigures], settings: &[(&str, &str, &str)]) -> String {
        let load = load();
        let side = |name, lanes| Side {
            name,
            load: &load,
            lanes,
        };
        let own =
            |(name, a, b): &(&str, &str, &str)| (name.to_string(), a.to_string(), b.to_string());
        let settings: Vec<_> = settings.iter().map(own).collect();
        sentence(&side("A", a), &side("B", b), &settings)
    }

    #[test]
    fn what_changed_the_most_is_told_with_the_setting() {
        let of = |bytes: f64, us: f64| vec![lane("short-poll", &[(BYTES, bytes), (HALF, us)])];
        assert_eq!(
            said(
                &of(1_042.0, 251_000.0),
                &of(5_204.0, 251_500.0),
                &[("rate", "4", "0.2")]
            ),
            "From A to B, with rate 0.2 instead of 4, short polling every 500 ms used 5,200 bytes \
             for each event instead of 1,040, and no difference in delay can be shown."
        );
        assert_eq!(
            said(&of(1_042.0, 251_000.0), &of(1_042.0, 501_000.0), &[]),
            "From A to B, with the same settings, short polling every 500 ms brought half of the \
             events within 501 ms instead of 251 ms."
        );
        assert_eq!(
            said(&of(1_042.0, 251_000.0), &of(1_043.0, 251_100.0), &[]),
            "From A to B, with the same settings, nothing changed that can be told apart from its \
             error."
        );
    }

    #[test]
    fn own_messages_are_told_from_data_of_a_size() {
        let of = |bytes: f64| vec![lane("sse", &[(BYTES, bytes)])];
        let load = Load {
            size_bytes: Some(400.0),
            ..load()
        };
        let (before, after) = (of(566.0), of(500.0));
        let side = |name, lanes| Side {
            name,
            load: &load,
            lanes,
        };
        let own = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(
            sentence(
                &side("A", &before),
                &side("B", &after),
                &[own("size", "60", "400"), own("payload", "pay.jsonl", "–")]
            ),
            "From A to B, with data of 400 bytes instead of the messages of pay.jsonl, an event \
             stream used 500 bytes for each event instead of 566."
        );
    }

    #[test]
    fn a_loss_comes_first_and_no_common_lane_is_said() {
        let of = |delivered: f64, bytes: f64| {
            vec![lane("channels", &[(DELIVERED, delivered), (BYTES, bytes)])]
        };
        assert_eq!(
            said(
                &of(1.0, 100.0),
                &of(0.87, 900.0),
                &[("conditions", "none", "train tunnel")]
            ),
            "From A to B, with conditions train tunnel instead of none, Channels over a WebSocket \
             delivered 87 % of the events instead of 100 %."
        );
        assert_eq!(
            said(&of(1.0, 1.0), &[lane("sse", &[])], &[]),
            "From A to B, with the same settings, nothing can be compared: they have no lane in \
             common."
        );
        let of_delivered = |value, error| {
            let reading = super::super::Reading::Is {
                value,
                low: None,
                high: None,
                error: Some(error),
            };
            let mut lane = lane("channels", &[]);
            lane.figures.insert(DELIVERED.to_owned(), reading);
            vec![lane]
        };
        for (a, b) in [(0.9601, 0.9599), (0.95, 0.96), (0.9999, 1.0)] {
            let said = said(&of_delivered(a, 0.01), &of_delivered(b, 0.01), &[]);
            assert!(said.contains("nothing changed"), "{said}");
        }
        let many = [
            ("a", "1", "2"),
            ("b", "1", "2"),
            ("c", "1", "2"),
            ("d", "1", "2"),
        ];
        let said = said(&of(1.0, 1.0), &of(1.0, 1.0), &many);
        assert!(
            said.contains("c 2 instead of 1 and one more setting, nothing changed"),
            "{said}"
        );
    }
}
