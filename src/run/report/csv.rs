//! The result for spreadsheets (RFC 4180): one line per row and figure, measured and predicted.

use std::fmt::Write;

use super::Report;
use crate::run::figures::{CATALOGUE, Figure};

/// With a heading; lines end in CRLF (§2).
pub fn render(report: &Report) -> String {
    let mut out =
        "row,lane,transport,protocol,figure,measured,low,high,invalid,predicted,error,below,\
         predicted_is,predicted_off\r\n"
            .to_owned();
    for lane in &report.lanes {
        for kind in CATALOGUE {
            let (measured, predicted) = (lane.figure(kind.name), lane.predicted.get(kind.name));
            if measured.is_none() && predicted.is_none() {
                continue;
            }
            let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
            let interval = measured.and_then(Figure::interval);
            let invalid = match measured {
                Some(Figure::Invalid { invalid }) => quoted(invalid),
                _ => String::new(),
            };
            let _ = write!(
                out,
                "{},{},{},{},{},{},{},{},{invalid},{},{},{},{},{}\r\n",
                quoted(&lane.row),
                quoted(&lane.lane),
                quoted(&lane.transport),
                quoted(&lane.protocol),
                kind.name,
                number(measured.and_then(Figure::value)),
                number(interval.map(|(low, _)| low)),
                number(interval.map(|(_, high)| high)),
                number(predicted.map(|predicted| predicted.number())),
                number(measured.and_then(Figure::error)),
                number(measured.and_then(Figure::bound)),
                predicted.map_or("", |predicted| predicted.kind()),
                number(predicted.and_then(|predicted| predicted.off())),
            );
        }
    }
    out
}

/// Quoted where it has to be (§2.5 to §2.7). A text that a spreadsheet would take for a formula gets an
/// apostrophe before it: a file may be anybody's, and no name of ours begins like that.
pub fn quoted(text: &str) -> String {
    let mark = match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => "'",
        false => "",
    };
    let text = format!("{mark}{text}");
    match text.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn every_line_has_every_field() {
        let text = render(&sample::report());
        let lines: Vec<_> = text.split_terminator("\r\n").collect();
        assert!(lines.len() > 15);
        for line in &lines {
            assert_eq!(line.matches(',').count(), 13, "{line}");
        }
        assert!(
            text.contains("websocket,websocket,websocket,plain,p50_us,400,,,,392,,,value,20\r\n")
        );
        assert!(text.contains(",p99_us,,,,40 samples are too few; this percentile needs 1000,"));
    }

    #[test]
    fn commas_and_quotes_are_quoted() {
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("=1+1"), "'=1+1");
        assert_eq!(quoted("@a,b"), "\"'@a,b\"");
    }
}
