//! The head of a request or an answer as text (RFC 9112 §2.1).

use super::{hidden_in, replaced};
use crate::capture::Unit;

/// See the module. What is hidden is shown as its size.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Method, target and version; or version, status and reason.
    pub line: [String; 3],
    /// Names as they were written.
    pub headers: Vec<(String, String)>,
}

impl Head {
    pub fn of(unit: &Unit) -> Self {
        let bytes = replaced(&unit.bytes, &hidden_in(unit, 0, unit.bytes.len()));
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.lines();
        let mut words = lines.next().unwrap_or_default().splitn(2, ' ');
        let first = words.next().unwrap_or_default();
        let rest = words.next().unwrap_or_default();
        // A target may have spaces where something is hidden in it, and a reason may have them anyway.
        let divided = match first.starts_with("HTTP/") {
            true => rest.split_once(' '),
            false => rest.rsplit_once(' '),
        };
        let (second, third) = divided.unwrap_or((rest, ""));
        let line = [first, second, third].map(str::to_owned);
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        Self { line, headers }
    }
}

/// The value of the first header of this name.
pub fn value<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let found = headers
        .iter()
        .find(|header| header.0.eq_ignore_ascii_case(name));
    found.map(|header| header.1.as_str())
}

/// The status in the head of an answer.
pub fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let word = line.split(|byte| *byte == b' ').nth(1)?;
    std::str::from_utf8(word).ok()?.parse().ok()
}
