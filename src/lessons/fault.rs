//! What is wrong with a lesson: where, what, and the way out.

use std::fmt;

/// Told as `LINE:COLUMN  what; what to do`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// From 1, in the file.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// With what to do about it.
    pub text: String,
}

impl Fault {
    /// A fault in this line, from 1. `text`: what is wrong and what would be right.
    pub fn new(line: usize, text: impl Into<String>) -> Self {
        Self {
            line,
            column: 1,
            text: text.into(),
        }
    }

    /// In this column, from 1, counted in characters.
    pub fn at(mut self, column: usize) -> Self {
        self.column = column;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}  {}", self.line, self.column, self.text)
    }
}

/// Of these words the one that is meant, for a fault's end: `; nearest: "x"`, or all of them where none
/// is near.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let by_distance = known.iter().map(|word| (distance(written, word), *word));
    match by_distance.min() {
        Some((near, word)) if near * 2 <= word.len().max(2) => format!("nearest: \"{word}\""),
        _ => format!("it is one of {}", known.join(", ")),
    }
}

/// Letters to change, add or take away. Words longer than 40 letters are not looked at to their end.
pub fn distance(one: &str, other: &str) -> usize {
    let cut = |text: &str| text.to_lowercase().chars().take(40).collect::<Vec<_>>();
    let (one, other) = (cut(one), cut(other));
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, letter) in one.iter().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, with) in other.iter().enumerate() {
            let changed = before + usize::from(letter != with);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_named_and_all_where_none_is_near() {
        assert_eq!(nearest("gues", ["guess", "run"]), "nearest: \"guess\"");
        assert_eq!(nearest("e55", ["E5", "E12"]), "nearest: \"E5\"");
        assert_eq!(
            nearest("photograph", ["guess", "run"]),
            "it is one of guess, run"
        );
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("", "abc"), 3);
    }
}
